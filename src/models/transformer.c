// SPDX-License-Identifier: Apache-2.0
// Kept attention of transformers over codes; see transformer.h.
#include "models/transformer.h"

#include <math.h>

#include "base/mem.h"
#include "nn/functions.h"

atl_node *atl_transformer_mask(atl_graph *g, int length, int unmasked) {
    size_t t = (size_t)length, u = (size_t)unmasked;
    float *m = atl_alloc(g->ctx, t * t, sizeof *m);
    if (!m)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a mask of %d x %d", length, length);
    for (size_t i = 0; i < t * t; i++) {
        size_t row = i / t, column = i % t;
        m[i] = column <= row || (row < u && column < u) ? 0.0f : -INFINITY;
    }
    atl_node *mask = atl_const(g, ATL_SHAPE(1, length, length), m);
    atl_free(g->ctx, m);
    return mask;
}

// ---- what is kept

void atl_cache_ask(atl_net *net, atl_call *call, atl_cache *c) {
    atl_shape rows = ATL_SHAPE((int64_t)c->layers * c->heads * c->length, c->width / c->heads);
    float *none = atl_arena_alloc(&net->g->arena, (size_t)c->length, sizeof *none);
    if (!none) {
        atl_graph_fail(net->g, ATL_NO_MEMORY, "out of memory");
        return;
    }
    for (int i = 0; i < c->length; i++)
        none[i] = -INFINITY;
    c->keys = atl_call_in(net, call, "keys", rows);
    c->values = atl_call_in(net, call, "values", rows);
    c->mask = atl_call_setting(net, call, "mask", ATL_SHAPE(1, 1, c->length), none);
}

// What a layer kept, [n heads, length, width / heads].
static atl_node *kept(atl_graph *g, const atl_cache *c, atl_node *all, int layer) {
    int64_t rows = (int64_t)c->heads * c->length, n = all->shape.d[0];
    return atl_reshape(g, atl_slice_axis(g, all, 1, layer * rows, rows),
                       ATL_SHAPE(n * c->heads, c->length, c->width / c->heads));
}

// [n, 1, width] -> [n heads, 1, width / heads]: no number moves
static atl_node *by_head(atl_graph *g, const atl_cache *c, atl_node *x) {
    return atl_reshape(g, x, ATL_SHAPE(x->shape.d[0] * c->heads, 1, c->width / c->heads));
}

// [n, t, width] -> [n, heads t, width / heads], as it is kept
static atl_node *to_keep(atl_graph *g, const atl_cache *c, atl_node *x) {
    int64_t n = x->shape.d[0], size = c->width / c->heads;
    x = atl_permute(g, atl_reshape(g, x, ATL_SHAPE(n, c->t, c->heads, size)), (int[]){ 0, 2, 1, 3 });
    return x->op == ATL_OP_POISON ? x : atl_reshape(g, x, ATL_SHAPE(n, (int64_t)c->heads * c->t, size));
}

// One position that looks at those that are kept, and at itself.
static atl_node *attend_step(atl_graph *g, atl_cache *c, int layer, atl_node *q, atl_node *k, atl_node *v) {
    int64_t n = q->shape.d[0], t = c->length, size = c->width / c->heads;
    if (c->keys->op == ATL_OP_POISON || c->values->op == ATL_OP_POISON)
        return &g->poison;
    q = atl_scale(g, by_head(g, c, q), (float)(1.0 / sqrt((double)size)));
    k = by_head(g, c, k);
    v = by_head(g, c, v);
    atl_node *old = atl_matmul(g, q, kept(g, c, c->keys, layer), false, true); // [n heads, 1, t]
    if (old->op == ATL_OP_POISON)
        return old;
    old = atl_add(g, old, atl_expand(g, c->mask, old->shape));
    atl_node *both[2] = { old, atl_matmul(g, q, k, false, true) };
    atl_node *p = atl_softmax(g, atl_concat(g, both, 2, 2));
    atl_node *y = atl_matmul(g, atl_slice_axis(g, p, 2, 0, t), kept(g, c, c->values, layer), false, false);
    atl_node *own = atl_mul(g, v, atl_expand(g, atl_slice_axis(g, p, 2, t, 1), v->shape));
    return atl_reshape(g, atl_add(g, y, own), ATL_SHAPE(n, 1, c->width));
}

atl_node *atl_cache_attend(atl_net *net, atl_cache *c, int layer, atl_node *q, atl_node *k, atl_node *v) {
    atl_graph *g = net->g;
    if (q->op == ATL_OP_POISON || k->op == ATL_OP_POISON || v->op == ATL_OP_POISON)
        return &g->poison;
    if (c->keeps) {
        c->new_keys[layer] = to_keep(g, c, k);
        c->new_values[layer] = to_keep(g, c, v);
    }
    if (c->keys)
        return attend_step(g, c, layer, q, k, v);
    atl_node *shares = atl_attention_shares(g, q, k, c->heads, 0.0f, c->mask);
    return atl_attention_sum(g, c->call ? atl_call_spared(net, c->call, shares) : shares, v, c->heads);
}

void atl_cache_tell(atl_net *net, atl_call *call, atl_cache *c) {
    atl_graph *g = net->g;
    for (int i = 0; i < c->layers; i++)
        if (!c->new_keys[i] || !c->new_values[i])
            return; // a layer failed, and the graph says why
    atl_call_out(net, call, "keys", atl_concat(g, c->new_keys, c->layers, 1));
    atl_call_out(net, call, "values", atl_concat(g, c->new_values, c->layers, 1));
}
