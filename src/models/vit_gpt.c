// SPDX-License-Identifier: Apache-2.0
// The transformers that draw the codes of ViT-VQGAN (Yu et al. 2022), as enhancing-transformers has them: a
// condition of some codes of a vocabulary of their own, whose positions see each other, stands before the
// picture's.  Before attention each position is mixed with the one in front of it (the token shift of Peng et
// al. 2023); layers in between are squared ReLUs.
//
// With several codes at a position (Lee et al. 2022) one transformer goes over positions, and a second one
// over the codes of each.  What its makers add up is the embedding's channels, not its codes; the weights
// were trained with that, so it is done here.
#include "base/names.h"
#include "models/codes.h"
#include "models/rows.h"
#include "models/transformer.h"
#include "nn/functions.h"

typedef struct tower {
    const char *scope;
    int heads, layers;
} tower;

typedef struct config {
    int classes, condition; // vocabulary and codes of a condition
    int codes, length;      // vocabulary and positions of a picture
    int width, depth;       // depth: codes of a position
    tower spatial, inner;   // the second is of the codes of a position
    bool attention_bias, mlp_bias;
    // A step knows what the position before it was mixed with.  Their makers' own drawing forgets it.
    bool cached_shift;
} config;

static int condition_and(const config *c) {
    return c->condition + c->length;
}

// ---- config

static atl_status parse_tower(atl_ctx *ctx, const json_t *j, const char *heads, const char *layers, int width,
                              tower *t) {
    ATL_TRY(atl_config_int(ctx, j, heads, 1, 1 << 10, &t->heads));
    ATL_TRY(atl_config_int(ctx, j, layers, 1, ATL_LAYERS_MOST, &t->layers));
    if (width % t->heads)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: %d do not divide the %d channels of the transformer", heads,
                        t->heads, width);
    return ATL_OK;
}

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .depth = 1, .spatial.scope = "blocks" };
    c->attention_bias = json_is_true(json_object_get(j, "attn_bias"));
    c->mlp_bias = json_is_true(json_object_get(j, "mlp_bias"));
    c->cached_shift = !json_is_false(json_object_get(j, "cached_shift"));
    ATL_TRY(atl_config_int(ctx, j, "vocab_cond_size", 1, 1 << 22, &c->classes));
    ATL_TRY(atl_config_int(ctx, j, "vocab_img_size", 1, 1 << 22, &c->codes));
    ATL_TRY(atl_config_int(ctx, j, "embed_dim", 1, 1 << 14, &c->width));
    ATL_TRY(atl_config_int(ctx, j, "cond_num_tokens", 1, 1 << 12, &c->condition));
    ATL_TRY(atl_config_int(ctx, j, "img_num_tokens", 1, 1 << 14, &c->length));
    if (!json_object_get(j, "depth_num_tokens"))
        return parse_tower(ctx, j, "n_heads", "n_layers", c->width, &c->spatial);
    ATL_TRY(atl_config_int(ctx, j, "depth_num_tokens", 2, 64, &c->depth));
    c->spatial.scope = "spatial_transformer";
    c->inner.scope = "depth_transformer";
    ATL_TRY(parse_tower(ctx, j, "spatial_n_heads", "spatial_n_layers", c->width, &c->spatial));
    return parse_tower(ctx, j, "depth_n_heads", "depth_n_layers", c->width, &c->inner);
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)config_;
    (void)params;
    *d = (atl_model_dims){ 0 };
    return ATL_OK;
}

// ---- layers

typedef struct state {
    const config *c;
    const tower *tower;
    atl_cache cache;
    atl_node *before;                 // of the position before a step, [n, layers, width]; NULL: zeros
    atl_node *mixed[ATL_LAYERS_MOST]; // what this position leaves behind, [n, 1, width]
} state;

static state *state_of(atl_graph *g, const config *c, const tower *t, int positions) {
    state *s = atl_arena_alloc(&g->arena, 1, sizeof *s);
    if (!s) {
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory");
        return NULL;
    }
    *s = (state){ .c = c, .tower = t };
    s->cache = (atl_cache){ .layers = t->layers, .heads = t->heads, .width = c->width, .t = positions };
    s->cache.length = condition_and(c);
    return s;
}

// What stands in front of each position: x [n, t, width], zeros before the first, or what a step was given.
static atl_node *in_front(atl_graph *g, const state *s, int layer, atl_node *x) {
    int64_t t = x->shape.d[1];
    if (s->before)
        return atl_slice_axis(g, s->before, 1, layer, 1);
    if (t == 1)
        return atl_scale(g, x, 0.0f);
    return atl_pad(g, atl_slice_axis(g, x, 1, 0, t - 1), (int64_t[]){ 0, 1, 0 }, x->shape);
}

static atl_node *mixed(atl_net *net, state *s, int layer, atl_node *x) {
    atl_graph *g = net->g;
    atl_node *mix = atl_net_param(net, "time_mix", ATL_SHAPE(1, 1, s->c->width), ATL_INIT_FILL, 0.5f);
    if (x->op == ATL_OP_POISON || mix->op == ATL_OP_POISON)
        return &g->poison;
    s->mixed[layer] = atl_slice_axis(g, x, 1, x->shape.d[1] - 1, 1);
    atl_node *front = in_front(g, s, layer, x);
    mix = atl_expand(g, mix, x->shape);
    return atl_add(g, front, atl_mul(g, mix, atl_sub(g, x, front)));
}

static atl_node *spared(atl_net *net, const state *s, atl_node *x) {
    return s->cache.call ? atl_call_spared(net, s->cache.call, x) : x;
}

static atl_node *attend(atl_net *net, state *s, int layer, atl_node *x) {
    size_t scope = atl_scope_push(net->g, "attn");
    bool bias = s->c->attention_bias;
    int64_t width = s->c->width;
    x = mixed(net, s, layer, x);
    atl_node *k = atl_code_dense(net, "key", x, width, bias),
             *q = atl_code_dense(net, "query", x, width, bias),
             *v = atl_code_dense(net, "value", x, width, bias);
    x = atl_code_dense(net, "proj", atl_cache_attend(net, &s->cache, layer, q, k, v), width, bias);
    atl_scope_pop(net->g, scope);
    return x;
}

static atl_node *run(atl_net *net, state *s, const char *last, atl_node *x) {
    atl_graph *g = net->g;
    const config *c = s->c;
    for (int i = 0; i < s->tower->layers && x->op != ATL_OP_POISON; i++) {
        size_t scope = atl_scope_push(g, "%s.%d", s->tower->scope, i);
        x = atl_add(g, x, spared(net, s, attend(net, s, i, atl_code_norm(net, "ln1", x))));
        atl_node *h = atl_code_norm(net, "ln2", x);
        h = atl_square(g, atl_relu(g, atl_code_dense(net, "mlp.p0", h, 4 * c->width, c->mlp_bias)));
        h = spared(net, s, atl_code_dense(net, "mlp.p1", h, c->width, c->mlp_bias));
        x = atl_named(g, atl_add(g, x, h));
        atl_scope_pop(g, scope);
    }
    return atl_code_norm(net, last, x);
}

// ---- what goes in, and what comes out

static atl_node *table(atl_net *net, const char *name, int64_t rows, int width) {
    return atl_net_param(net, name, ATL_SHAPE(rows, width), ATL_INIT_NORMAL, 0.02f);
}

static atl_node *places(atl_net *net, const char *name, int64_t rows, int width) {
    return atl_net_param(net, name, ATL_SHAPE(1, rows, width), ATL_INIT_ZERO, 0.0f);
}

// x + a table of places [1, t, width], over whatever stands before
static atl_node *placed(atl_graph *g, atl_node *x, atl_node *p) {
    return x->op == ATL_OP_POISON ? x : atl_add(g, x, atl_expand(g, p, x->shape));
}

static atl_node *condition_of(atl_net *net, const config *c, atl_call *call) {
    atl_node *given = atl_call_in(net, call, "conds", ATL_SHAPE(c->condition));
    atl_node *x = atl_embedding(net->g, table(net, "tok_emb_cond.weight", c->classes, c->width), given);
    return placed(net->g, x, places(net, "pos_emb_cond", c->condition, c->width));
}

// Each channel plus all before it.
static atl_node *running_sum(atl_graph *g, atl_node *x) {
    int last = x->shape.rank - 1;
    int64_t width = last < 0 ? 0 : x->shape.d[last], begin[ATL_RANK_MAX] = { 0 };
    for (int64_t by = 1; by < width && x->op != ATL_OP_POISON; by *= 2) {
        begin[last] = by;
        x = atl_add(g, x, atl_pad(g, atl_slice_axis(g, x, last, 0, width - by), begin, x->shape));
    }
    return x;
}

// codes [n, t depth] -> [n, t, depth, width]
static atl_node *embed(atl_net *net, const config *c, atl_node *codes) {
    atl_node *x = atl_embedding(net->g, table(net, "tok_emb_code.weight", c->codes, c->width), codes);
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0], t = x->shape.d[1] / c->depth;
    x = atl_reshape(net->g, x, ATL_SHAPE(n, t, c->depth, c->width));
    return c->depth > 1 ? running_sum(net->g, x) : x;
}

// What the transformer over positions sees: the last code of each.  [n, t, depth, width] -> [n, t, width]
static atl_node *seen(atl_graph *g, const config *c, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    atl_node *last = atl_slice_axis(g, x, 2, c->depth - 1, 1);
    return atl_reshape(g, last, ATL_SHAPE(x->shape.d[0], x->shape.d[1], c->width));
}

static const char *last_norm(const config *c) {
    return c->depth > 1 ? "ln_spatial" : "layer_norm";
}

// [..., width] -> [..., vocab_img_size]
static atl_node *head(atl_net *net, const config *c, atl_node *x) {
    return atl_dense(net->g, x, table(net, "head.weight", c->codes, c->width), NULL);
}

// The codes of positions: h [rows, width] and the codes' embeddings [rows, depth, width] -> logits [rows,
// depth, vocab_img_size]
static atl_node *within(atl_net *net, const config *c, atl_node *h, atl_node *embedded) {
    atl_graph *g = net->g;
    state *s = state_of(g, c, &c->inner, c->depth);
    if (!s || h->op == ATL_OP_POISON || embedded->op == ATL_OP_POISON)
        return &g->poison;
    s->cache.mask = atl_transformer_mask(g, c->depth, 0);
    atl_node *rest = atl_slice_axis(g, embedded, 1, 0, c->depth - 1);
    rest = placed(g, rest, places(net, "pos_emb_depth", c->depth - 1, c->width));
    atl_node *both[2] = { atl_reshape(g, h, ATL_SHAPE(h->shape.d[0], 1, c->width)), rest };
    return head(net, c, run(net, s, "ln_depth", atl_concat(g, both, 2, 1)));
}

// ---- functions

// conds [cond_num_tokens], codes [img_num_tokens depth], all of a position behind each other -> logits of
// each, [img_num_tokens depth, vocab_img_size], by what stands before it
static void predict(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    state *s = state_of(g, c, &c->spatial, condition_and(c));
    if (!s)
        return;
    s->cache.mask = atl_transformer_mask(g, condition_and(c), c->condition);
    s->cache.call = call;
    atl_node *given = condition_of(net, c, call);
    atl_node *x = embed(net, c, atl_call_in(net, call, "codes", ATL_SHAPE((int64_t)c->length * c->depth)));
    atl_node *both[2] = { given, placed(g, seen(g, c, x), places(net, "pos_emb_code", c->length, c->width)) };
    atl_node *h = run(net, s, last_norm(c), spared(net, s, atl_concat(g, both, 2, 1)));
    h = atl_slice_axis(g, h, 1, c->condition - 1, c->length);
    if (h->op == ATL_OP_POISON || x->op == ATL_OP_POISON)
        return;
    int64_t n = h->shape.d[0], rows = n * c->length;
    if (c->depth > 1)
        h = within(net, c, atl_reshape(g, h, ATL_SHAPE(rows, c->width)),
                   atl_reshape(g, x, ATL_SHAPE(rows, c->depth, c->width)));
    else
        h = head(net, c, h);
    atl_call_out(net, call, "logits",
                 atl_reshape(g, h, ATL_SHAPE(n, (int64_t)c->length * c->depth, c->codes)));
}

// What "begin" and "step" give: logits [t, vocab_img_size], or hidden [t, width]; keys and values
// [layers heads t, width / heads]; before [layers, width], of the last position.
static void tell(atl_net *net, const config *c, atl_call *call, state *s, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return;
    atl_call_out(net, call, c->depth > 1 ? "hidden" : "logits", c->depth > 1 ? x : head(net, c, x));
    atl_cache_tell(net, call, &s->cache);
    if (c->cached_shift)
        atl_call_out(net, call, "before", atl_concat(net->g, s->mixed, c->spatial.layers, 1));
}

// conds [cond_num_tokens] -> see tell(); its last row is of the picture's first position
static void begin(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    state *s = state_of(net->g, c, &c->spatial, c->condition);
    if (!s)
        return;
    s->cache.keeps = true;
    tell(net, c, call, s, run(net, s, last_norm(c), condition_of(net, c, call)));
}

// code [depth] at the setting "position" [1, 1], which counts the condition's, behind those that are kept
// (atl_cache_ask()), and "before" [layers, width] of the one in front -> see tell()
static void step(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    state *s = state_of(g, c, &c->spatial, 1);
    if (!s)
        return;
    s->cache.keeps = true;
    atl_cache_ask(net, call, &s->cache);
    if (c->cached_shift)
        s->before = atl_call_in(net, call, "before", ATL_SHAPE(c->spatial.layers, c->width));
    atl_node *code = atl_call_in(net, call, "code", ATL_SHAPE(c->depth));
    atl_node *at = atl_call_setting(net, call, "position", ATL_SHAPE(1, 1), (const float[]){ 0.0f });
    atl_node *rows = places(net, "pos_emb_code", c->length, c->width);
    rows = atl_reshape(g, rows, ATL_SHAPE(c->length, c->width));
    atl_node *p = atl_embedding(g, rows, atl_affine(g, at, 1.0f, (float)-c->condition));
    tell(net, c, call, s, run(net, s, last_norm(c), placed(g, seen(g, c, embed(net, c, code)), p)));
}

// hidden [width] of a position, and its codes [depth], of which those that are not known yet may be any ->
// logits [depth, vocab_img_size]
static void depth(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *h = atl_call_in(net, call, "hidden", ATL_SHAPE(c->width));
    atl_node *x = embed(net, c, atl_call_in(net, call, "codes", ATL_SHAPE(c->depth)));
    if (c->depth < 2) {
        atl_graph_fail(net->g, ATL_BAD_ARGUMENT, "depth: a position of this transformer has one code");
        return;
    }
    if (x->op == ATL_OP_POISON)
        return;
    x = atl_reshape(net->g, x, ATL_SHAPE(x->shape.d[0], c->depth, c->width));
    atl_call_out(net, call, "logits", within(net, c, h, x));
}

// The first channels take from the position in front, the last from the position itself, as its makers begin.
static atl_status finish(atl_ctx *ctx, const void *config_, atl_params *params, uint64_t seed) {
    const config *c = config_;
    (void)ctx;
    (void)seed;
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        for (size_t k = 0; atl_ends_in(p->name, "time_mix") && k < p->count; k++)
            atl_param_data(params, p)[k] = c->width > 1 ? (float)k / (float)(c->width - 1) : 0.5f;
    }
    return ATL_OK;
}

json_t *atl_vit_gpt_json(int classes, int codes, int width, int tokens, int depth, int heads, int layers) {
    json_t *json = json_pack("{s:i s:i s:i s:i s:i s:b s:b}", "vocab_cond_size", classes, "vocab_img_size", codes,
                             "embed_dim", width, "cond_num_tokens", 1, "img_num_tokens", tokens, "attn_bias", 1,
                             "mlp_bias", 1);
    json_t *more = depth == 1 ? json_pack("{s:i s:i}", "n_heads", heads, "n_layers", layers)
                              : json_pack("{s:i s:i s:i s:i s:i}", "depth_num_tokens", depth, "spatial_n_heads",
                                          heads, "depth_n_heads", heads, "spatial_n_layers", layers,
                                          "depth_n_layers", layers < 6 ? 1 : layers / 6);
    bool lost = !json || !more || json_object_update(json, more);
    json_decref(more);
    if (!lost)
        return json;
    json_decref(json);
    return NULL;
}

// For the codes of patches of a picture, `depth` of each; as many channels and layers as its makers have.
static atl_status init_of_depth(atl_ctx *ctx, const atl_init_options *o, int depth, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    int width = o->channel_base ? o->channel_base : 1024, layers = o->map_depth ? o->map_depth : 24;
    int heads = o->heads ? o->heads : width < 64 ? 1 : width / 64, side = o->resolution / (o->patch ? o->patch : 8);
    if (width > 1 << 14 || width % heads || side < 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a transformer of %d channels with %d heads over %d x %d codes can't be made", width, heads,
                        side, side);
    *json = atl_vit_gpt_json(o->c_dim ? o->c_dim : 1, o->channel_max ? o->channel_max : 8192, width, side * side,
                             depth, heads, layers);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    if (o->quantizers > 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "quantizers %d: of several codes at a position is cfg rq-transformer", o->quantizers);
    return init_of_depth(ctx, o, 1, json);
}

static atl_status init_residual(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    if (o->quantizers == 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "quantizers 1: of one code at a position is cfg vit-transformer");
    return init_of_depth(ctx, o, o->quantizers ? o->quantizers : 4, json);
}

atl_status atl_vit_gpt_sizes(atl_ctx *ctx, const json_t *json, atl_codes_sizes *s) {
    config c;
    ATL_TRY(parse(ctx, json, &c));
    *s = (atl_codes_sizes){ .codes = c.codes, .classes = c.classes, .condition = c.condition };
    s->begin = c.condition;
    s->length = condition_and(&c);
    s->layers = c.spatial.layers;
    s->heads = c.spatial.heads;
    s->head = c.width / c.spatial.heads;
    s->depth = c.depth;
    s->kept = c.cached_shift ? c.spatial.layers * c.width : 0;
    return ATL_OK;
}

const atl_model_row atl_vit_gpt = {
    .kind = "vit_gpt",
    .family = "vit-transformer",
    .role = "transformer",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .finish = finish,
    .functions = { { "predict", predict, false }, { "begin", begin, false }, { "step", step, false } },
};

const atl_model_row atl_rq_transformer = {
    .kind = "rq_transformer",
    .family = "rq-transformer",
    .role = "transformer",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init_residual,
    .dims = dims,
    .finish = finish,
    .functions = { { "predict", predict, false },
                   { "begin", begin, false },
                   { "step", step, false },
                   { "depth", depth, false } },
};
