// SPDX-License-Identifier: Apache-2.0
// The transformer that predicts codes of pictures one after another (Esser et al. 2021; its form is Radford
// et al. 2019's): what comes before position i says how probable each code at i + 1 is.
//
// "predict" is the whole sequence at once.  "step" is one position that is given what the layers kept of
// those before it, their keys and values, so that a picture costs as much as one run of the whole and not one
// for each code.  "begin" is the condition, whose positions may see each other.
#include <string.h>

#include "models/codes.h"
#include "models/rows.h"
#include "models/transformer.h"
#include "nn/functions.h"

typedef struct config {
    int codes;  // of the vocabulary
    int length; // positions
    int width, heads, layers;
    int unmasked; // the first positions see each other, as a condition does
    int given;    // vectors that stand before the codes; 0: none
    int ordered;  // places of "order"; 0: there is none
} config;

void atl_codes_gpt_order(const json_t *json, int *order) {
    const json_t *list = json_object_get(json, "order");
    for (size_t i = 0; i < json_array_size(list); i++)
        order[i] = (int)json_integer_value(json_array_get(list, i));
}

// Whether "order" names each of its places once.
static atl_status parse_order(atl_ctx *ctx, const json_t *j, config *c) {
    const json_t *list = json_object_get(j, "order");
    size_t count = json_array_size(list);
    if (!list || json_is_null(list))
        return ATL_OK;
    if (!count || count > (size_t)c->length)
        return atl_fail(ctx, ATL_BAD_FILE, "\"order\" of the transformer's config: expected 1 to %d places",
                        c->length);
    bool *seen = atl_calloc(ctx, count, sizeof *seen);
    if (!seen)
        return ATL_NO_MEMORY;
    atl_status status = ATL_OK;
    for (size_t i = 0; status == ATL_OK && i < count; i++) {
        const json_t *item = json_array_get(list, i);
        json_int_t place = json_is_integer(item) ? json_integer_value(item) : -1;
        if (place < 0 || place >= (json_int_t)count || seen[place])
            status = atl_fail(ctx, ATL_BAD_FILE,
                              "\"order\" of the transformer's config: number %zu is not one of %zu places that "
                              "each come once",
                              i, count);
        else
            seen[place] = true;
    }
    atl_free(ctx, seen);
    c->ordered = (int)count;
    return status;
}

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ 0 };
    ATL_TRY(atl_config_int(ctx, j, "vocab_size", 1, 1 << 22, &c->codes));
    ATL_TRY(atl_config_int(ctx, j, "block_size", 1, 1 << 15, &c->length));
    ATL_TRY(atl_config_int(ctx, j, "n_embd", 1, 1 << 14, &c->width));
    ATL_TRY(atl_config_int(ctx, j, "n_head", 1, 1 << 10, &c->heads));
    ATL_TRY(atl_config_int(ctx, j, "n_layer", 1, 1 << 10, &c->layers));
    if (json_object_get(j, "n_unmasked"))
        ATL_TRY(atl_config_int(ctx, j, "n_unmasked", 0, c->length, &c->unmasked));
    if (json_object_get(j, "given"))
        ATL_TRY(atl_config_int(ctx, j, "given", 0, c->length - 1, &c->given));
    if (c->width % c->heads)
        return atl_fail(ctx, ATL_BAD_FILE, "%d heads do not divide the %d channels of the transformer",
                        c->heads, c->width);
    return parse_order(ctx, j, c);
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)config_;
    (void)params;
    *d = (atl_model_dims){ 0 };
    return ATL_OK;
}

// ---- layers

static atl_cache *cache_of(atl_graph *g, const config *c) {
    atl_cache *cache = atl_arena_alloc(&g->arena, 1, sizeof *cache);
    if (!cache) {
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory");
        return NULL;
    }
    *cache = (atl_cache){ .layers = c->layers, .heads = c->heads, .width = c->width, .length = c->length };
    return cache;
}

static atl_node *spared(atl_net *net, const atl_cache *cache, atl_node *x) {
    return cache->call ? atl_call_spared(net, cache->call, x) : x;
}

static atl_node *block(atl_net *net, const config *c, atl_cache *cache, int layer, atl_node *x) {
    atl_graph *g = net->g;
    int64_t width = c->width;
    size_t scope = atl_scope_push(g, "blocks.%d", layer);
    atl_node *h = atl_code_norm(net, "ln1", x);
    atl_node *q = atl_code_dense(net, "attn.query", h, width, true),
             *k = atl_code_dense(net, "attn.key", h, width, true),
             *v = atl_code_dense(net, "attn.value", h, width, true);
    h = atl_code_dense(net, "attn.proj", atl_cache_attend(net, cache, layer, q, k, v), width, true);
    x = atl_add(g, x, spared(net, cache, h));
    h = atl_code_dense(net, "mlp.0", atl_code_norm(net, "ln2", x), 4 * width, true);
    h = atl_code_dense(net, "mlp.2", atl_gelu(g, h), width, true);
    x = atl_named(g, atl_add(g, x, spared(net, cache, h)));
    atl_scope_pop(g, scope);
    return x;
}

// x [n, t, width] -> [n, t, codes]
static atl_node *run(atl_net *net, const config *c, atl_cache *cache, atl_node *x) {
    for (int i = 0; i < c->layers && x->op != ATL_OP_POISON; i++)
        x = block(net, c, cache, i, x);
    x = atl_code_norm(net, "ln_f", x);
    atl_node *head = atl_net_param(net, "head.weight", ATL_SHAPE(c->codes, c->width), ATL_INIT_NORMAL, 0.02f);
    return atl_dense(net->g, x, head, NULL);
}

static atl_node *embed(atl_net *net, const config *c, atl_node *codes) {
    atl_node *table =
        atl_net_param(net, "tok_emb.weight", ATL_SHAPE(c->codes, c->width), ATL_INIT_NORMAL, 0.02f);
    return atl_embedding(net->g, table, codes); // [n, t, width]
}

static atl_node *positions(atl_net *net, const config *c) {
    return atl_net_param(net, "pos_emb", ATL_SHAPE(1, c->length, c->width), ATL_INIT_ZERO, 0.0f);
}

// ---- functions

// codes [block_size - given] and, where the config has some, embeddings [given, width] before them -> logits
// [block_size, vocab_size].  Positions behind the last code that is known may hold any: nobody before sees
// them.
static void predict(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_cache *cache = cache_of(g, c);
    if (!cache)
        return;
    cache->t = c->length;
    cache->mask = atl_transformer_mask(g, c->length, c->unmasked);
    atl_node *x = embed(net, c, atl_call_in(net, call, "codes", ATL_SHAPE(c->length - c->given)));
    if (c->given) {
        atl_node *both[2] = { atl_call_in(net, call, "embeddings", ATL_SHAPE(c->given, c->width)), x };
        x = atl_concat(g, both, 2, 1);
    }
    if (x->op == ATL_OP_POISON)
        return;
    cache->call = call;
    x = atl_add(g, x, atl_expand(g, positions(net, c), x->shape));
    x = run(net, c, cache, spared(net, cache, x));
    atl_call_out(net, call, "logits", x);
}

// The positions that see each other, at once: codes [n_unmasked], of which the setting "mask" [1, 1,
// n_unmasked] hides by -infinity what is not there -> logits [n_unmasked, vocab_size], and keys and values
// [layers heads n_unmasked, width / heads].
static void begin(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    int t = c->unmasked ? c->unmasked : 1;
    atl_cache *cache = cache_of(g, c);
    float *none = atl_arena_alloc(&g->arena, (size_t)t, sizeof *none);
    if (!cache || !none) {
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory");
        return;
    }
    memset(none, 0, (size_t)t * sizeof *none);
    atl_node *mask = atl_call_setting(net, call, "mask", ATL_SHAPE(1, 1, t), none);
    cache->t = t;
    cache->keeps = true;
    cache->mask = atl_expand(g, mask, ATL_SHAPE(1, t, t));
    atl_node *x = embed(net, c, atl_call_in(net, call, "codes", ATL_SHAPE(t)));
    if (x->op == ATL_OP_POISON)
        return;
    atl_node *p = atl_slice_axis(g, positions(net, c), 1, 0, t);
    x = run(net, c, cache, atl_add(g, x, atl_expand(g, p, x->shape)));
    atl_call_out(net, call, "logits", x);
    atl_cache_tell(net, call, cache);
}

// code [1] at the setting "position" [1, 1], behind those that are kept (atl_cache_ask()) -> logits
// [vocab_size], and the position's own keys and values [layers heads, width / heads].
static void step(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_cache *cache = cache_of(g, c);
    if (!cache)
        return;
    cache->t = 1;
    cache->keeps = true;
    atl_cache_ask(net, call, cache);
    atl_node *code = atl_call_in(net, call, "code", ATL_SHAPE(1));
    atl_node *at = atl_call_setting(net, call, "position", ATL_SHAPE(1, 1), (const float[]){ 0.0f });
    atl_node *table = atl_reshape(g, positions(net, c), ATL_SHAPE(c->length, c->width));
    atl_node *x = embed(net, c, code), *p = atl_embedding(g, table, at);
    if (x->op == ATL_OP_POISON || p->op == ATL_OP_POISON)
        return;
    x = run(net, c, cache, atl_add(g, x, atl_expand(g, p, x->shape)));
    if (x->op == ATL_OP_POISON)
        return;
    atl_call_out(net, call, "logits", atl_reshape(g, x, ATL_SHAPE(call->n, c->codes)));
    atl_cache_tell(net, call, cache);
}

// ---- drawing

atl_status atl_codes_gpt_sizes(atl_ctx *ctx, const json_t *json, atl_codes_sizes *s) {
    config c;
    ATL_TRY(parse(ctx, json, &c));
    *s = (atl_codes_sizes){ .codes = c.codes, .length = c.length, .layers = c.layers, .heads = c.heads };
    s->begin = c.unmasked > 1 ? c.unmasked : 0;
    s->head = c.width / c.heads;
    s->depth = 1;
    s->ordered = c.ordered;
    return ATL_OK;
}

// ---- new networks

// For the maps of a new VQ-GAN of the same resolution and codebook.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    int width = o->channel_base ? o->channel_base : 1024, heads = width / 64,
        side = o->resolution < 128 ? 8 : 16;
    if (width > 1 << 14 || (heads && width % heads))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a transformer of %d channels can't be made: multiples of 64 can", width);
    *json = json_pack("{s:i s:i s:i s:i s:i s:i s:i}", "vocab_size", o->channel_max ? o->channel_max : 1024,
                      "block_size", side * side, "n_embd", width, "n_head", heads ? heads : 1, "n_layer",
                      o->map_depth ? o->map_depth : 24, "n_unmasked", 0, "given", 0);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_codes_gpt = {
    .kind = "codes_gpt",
    .family = "transformer",
    .role = "transformer",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "predict", predict, false }, { "begin", begin, false }, { "step", step, false } },
};
