// SPDX-License-Identifier: Apache-2.0
// The transformer that predicts codes of pictures one after another (Esser et al. 2021; its form is Radford
// et al. 2019's): what comes before position i says how probable each code at i + 1 is.
//
// "predict" is the whole sequence at once.  "step" is one position that is given what the layers kept of
// those before it, their keys and values, so that a picture costs as much as one run of the whole and not one
// for each code.
#include <math.h>

#include "models/codes.h"
#include "models/rows.h"
#include "nn/functions.h"

typedef struct config {
    int codes;  // of the vocabulary
    int length; // positions
    int width, heads, layers;
    int unmasked; // the first positions see each other, as a condition does
    int given;    // vectors that stand before the codes; 0: none
} config;

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
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)config_;
    (void)params;
    *d = (atl_model_dims){ 0 };
    return ATL_OK;
}

// ---- layers

// Who may see whom: [1, t, t] of 0 and -INFINITY
static atl_node *mask_of(atl_net *net, const config *c) {
    size_t t = (size_t)c->length;
    float *m = atl_alloc(net->g->ctx, t * t, sizeof *m);
    if (!m)
        return atl_graph_fail(net->g, ATL_NO_MEMORY, "out of memory for a mask of %d x %d", c->length,
                              c->length);
    for (size_t i = 0; i < t * t; i++) {
        size_t row = i / t, column = i % t;
        bool open = column <= row || (row < (size_t)c->unmasked && column < (size_t)c->unmasked);
        m[i] = open ? 0.0f : -INFINITY;
    }
    atl_node *mask = atl_const(net->g, ATL_SHAPE(1, c->length, c->length), m);
    atl_free(net->g->ctx, m);
    return mask;
}

typedef struct state {
    const config *c;
    atl_node *mask;          // of the whole sequence, [1, t, t]; of a step, [1, 1, t] for what is kept
    atl_node *keys, *values; // kept by a step, [n, layers heads t, width / heads]; NULL: the whole sequence
    atl_node *new_keys[1 << 10]; // of each layer, [n, heads, width / heads]
    atl_node *new_values[1 << 10];
} state;

// x [n, 1, width] -> [n heads, 1, width / heads]: no number moves
static atl_node *by_head(atl_graph *g, const config *c, atl_node *x) {
    return x->op == ATL_OP_POISON
               ? x
               : atl_reshape(g, x, ATL_SHAPE(x->shape.d[0] * c->heads, 1, c->width / c->heads));
}

// What a layer kept, [n heads, t, width / heads].
static atl_node *kept(atl_graph *g, const state *s, atl_node *all, int layer) {
    int64_t rows = (int64_t)s->c->heads * s->c->length, n = all->shape.d[0];
    return atl_reshape(g, atl_slice_axis(g, all, 1, layer * rows, rows),
                       ATL_SHAPE(n * s->c->heads, s->c->length, s->c->width / s->c->heads));
}

// One position that looks at those that are kept, and at itself.
static atl_node *attend_step(atl_net *net, state *s, int layer, atl_node *q, atl_node *k, atl_node *v) {
    const config *c = s->c;
    atl_graph *g = net->g;
    if (q->op == ATL_OP_POISON || k->op == ATL_OP_POISON || v->op == ATL_OP_POISON)
        return &g->poison;
    int64_t n = q->shape.d[0], t = c->length, size = c->width / c->heads;
    s->new_keys[layer] = atl_reshape(g, k, ATL_SHAPE(n, c->heads, size));
    s->new_values[layer] = atl_reshape(g, v, ATL_SHAPE(n, c->heads, size));
    q = atl_scale(g, by_head(g, c, q), (float)(1.0 / sqrt((double)size)));
    k = by_head(g, c, k);
    v = by_head(g, c, v);
    atl_node *old = atl_matmul(g, q, kept(g, s, s->keys, layer), false, true); // [n heads, 1, t]
    old = atl_add(g, old, atl_expand(g, s->mask, old->shape));
    atl_node *both[2] = { old, atl_matmul(g, q, k, false, true) };
    atl_node *p = atl_softmax(g, atl_concat(g, both, 2, 2));
    atl_node *y = atl_matmul(g, atl_slice_axis(g, p, 2, 0, t), kept(g, s, s->values, layer), false, false);
    atl_node *own = atl_mul(g, v, atl_expand(g, atl_slice_axis(g, p, 2, t, 1), v->shape));
    return atl_reshape(g, atl_add(g, y, own), ATL_SHAPE(n, 1, c->width));
}

static atl_node *block(atl_net *net, state *s, int layer, atl_node *x) {
    const config *c = s->c;
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "blocks.%d", layer);
    atl_node *h = atl_code_norm(net, "ln1", x);
    atl_node *q = atl_code_dense(net, "attn.query", h, c->width, true),
             *k = atl_code_dense(net, "attn.key", h, c->width, true),
             *v = atl_code_dense(net, "attn.value", h, c->width, true);
    h = s->keys ? attend_step(net, s, layer, q, k, v) : atl_attention(g, q, k, v, c->heads, 0.0f, s->mask);
    x = atl_add(g, x, atl_code_dense(net, "attn.proj", h, c->width, true));
    h = atl_code_dense(net, "mlp.0", atl_code_norm(net, "ln2", x), 4 * (int64_t)c->width, true);
    h = atl_code_dense(net, "mlp.2", atl_gelu(g, h), c->width, true);
    x = atl_named(g, atl_add(g, x, h));
    atl_scope_pop(g, scope);
    return x;
}

// x [n, t, width] -> [n, t, codes]
static atl_node *run(atl_net *net, state *s, atl_node *x) {
    for (int i = 0; i < s->c->layers && x->op != ATL_OP_POISON; i++)
        x = block(net, s, i, x);
    x = atl_code_norm(net, "ln_f", x);
    atl_node *head =
        atl_net_param(net, "head.weight", ATL_SHAPE(s->c->codes, s->c->width), ATL_INIT_NORMAL, 0.02f);
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
    state *s = atl_arena_alloc(&g->arena, 1, sizeof *s);
    if (!s) {
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory");
        return;
    }
    *s = (state){ .c = c, .mask = mask_of(net, c) };
    atl_node *x = embed(net, c, atl_call_in(net, call, "codes", ATL_SHAPE(c->length - c->given)));
    if (c->given) {
        atl_node *both[2] = { atl_call_in(net, call, "embeddings", ATL_SHAPE(c->given, c->width)), x };
        x = atl_concat(g, both, 2, 1);
    }
    if (x->op == ATL_OP_POISON)
        return;
    x = run(net, s, atl_add(g, x, atl_expand(g, positions(net, c), x->shape)));
    atl_call_out(net, call, "logits", x);
}

// code [1] at the setting "position" [1, 1]; keys and values [layers heads block_size, width / heads] of the
// positions before, and "mask" [1, 1, block_size], which is 0 for those and -infinity for what is empty ->
// logits [vocab_size], and the position's own keys and values [layers heads, width / heads].
static void step(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    state *s = atl_arena_alloc(&g->arena, 1, sizeof *s);
    float *none = atl_arena_alloc(&g->arena, (size_t)c->length + 1, sizeof *none);
    if (!s || !none) {
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory");
        return;
    }
    for (int i = 0; i < c->length; i++)
        none[i] = -INFINITY;
    atl_shape rows = ATL_SHAPE((int64_t)c->layers * c->heads * c->length, c->width / c->heads);
    *s = (state){ .c = c };
    s->keys = atl_call_in(net, call, "keys", rows);
    s->values = atl_call_in(net, call, "values", rows);
    s->mask = atl_call_setting(net, call, "mask", ATL_SHAPE(1, 1, c->length), none);
    atl_node *code = atl_call_in(net, call, "code", ATL_SHAPE(1));
    atl_node *at = atl_call_setting(net, call, "position", ATL_SHAPE(1, 1), (const float[]){ 0.0f });
    atl_node *table = atl_reshape(g, positions(net, c), ATL_SHAPE(c->length, c->width));
    atl_node *x = embed(net, c, code), *p = atl_embedding(g, table, at);
    if (x->op == ATL_OP_POISON || p->op == ATL_OP_POISON)
        return;
    x = run(net, s, atl_add(g, x, atl_expand(g, p, x->shape)));
    if (x->op == ATL_OP_POISON)
        return;
    atl_call_out(net, call, "logits", atl_reshape(g, x, ATL_SHAPE(call->n, c->codes)));
    atl_call_out(net, call, "keys", atl_concat(g, s->new_keys, c->layers, 1));
    atl_call_out(net, call, "values", atl_concat(g, s->new_values, c->layers, 1));
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
    .functions = { { "predict", predict, false }, { "step", step, false } },
};
