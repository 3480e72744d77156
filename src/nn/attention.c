// SPDX-License-Identifier: Apache-2.0
// Attention (Vaswani et al. 2017, section 3.2), and the dense layer that stands around it.
#include <math.h>

#include "base/mem.h"
#include "nn/functions.h"
#include "nn/net.h"

atl_node *atl_dense(atl_graph *g, atl_node *x, atl_node *weight, atl_node *bias) {
    if (x->op == ATL_OP_POISON || weight->op == ATL_OP_POISON)
        return &g->poison;
    atl_shape s = x->shape;
    int64_t in = s.d[s.rank - 1], out = weight->shape.d[0];
    atl_node *y = atl_reshape(g, x, ATL_SHAPE(atl_shape_count(&s) / in, in));
    y = atl_matmul(g, y, weight, false, true);
    if (bias)
        y = atl_add_bias(g, y, bias);
    s.d[s.rank - 1] = out;
    return atl_reshape(g, y, s);
}

atl_node *atl_pixel_rows(atl_graph *g, atl_node *x) {
    const int64_t *d = x->shape.d;
    return x->op == ATL_OP_POISON ? x : atl_reshape(g, x, ATL_SHAPE(d[0], d[1] * d[2], d[3]));
}

// [n, t, c] -> [n heads, t, c / heads]
static atl_node *split(atl_graph *g, atl_node *x, int64_t heads) {
    int64_t n = x->shape.d[0], t = x->shape.d[1], c = x->shape.d[2] / heads;
    atl_node *y = atl_reshape(g, x, ATL_SHAPE(n, t, heads, c));
    return atl_reshape(g, atl_permute(g, y, (int[]){ 0, 2, 1, 3 }), ATL_SHAPE(n * heads, t, c));
}

static atl_node *join(atl_graph *g, atl_node *x, int64_t heads) {
    int64_t n = x->shape.d[0] / heads, t = x->shape.d[1], c = x->shape.d[2];
    atl_node *y = atl_permute(g, atl_reshape(g, x, ATL_SHAPE(n, heads, t, c)), (int[]){ 0, 2, 1, 3 });
    return atl_reshape(g, y, ATL_SHAPE(n, t, heads * c));
}

// scores [n heads, t, s] + mask [1 or n, t, s]
static atl_node *masked(atl_graph *g, atl_node *scores, atl_node *mask, int64_t n) {
    int64_t heads = scores->shape.d[0] / n, t = scores->shape.d[1], s = scores->shape.d[2];
    atl_node *m = atl_reshape(g, mask, ATL_SHAPE(mask->shape.d[0], 1, t, s));
    atl_node *wide = atl_reshape(g, scores, ATL_SHAPE(n, heads, t, s));
    return atl_reshape(g, atl_add(g, wide, atl_expand(g, m, wide->shape)), scores->shape);
}

static bool fit(const atl_shape *q, const atl_shape *k, int heads) {
    return q->rank == 3 && k->rank == 3 && heads > 0 && q->d[0] == k->d[0] && q->d[2] == k->d[2] &&
           q->d[2] % heads == 0;
}

atl_node *atl_attention_shares(atl_graph *g, atl_node *q, atl_node *k, int heads, float scale,
                               atl_node *mask) {
    if (q->op == ATL_OP_POISON || k->op == ATL_OP_POISON)
        return &g->poison;
    if (!fit(&q->shape, &k->shape, heads)) {
        char a[ATL_SHAPE_TEXT], b[ATL_SHAPE_TEXT];
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "attention: tensors of shapes %s and %s do not fit %d heads",
                              atl_node_shape_text(q, a), atl_node_shape_text(k, b), heads);
    }
    int64_t n = q->shape.d[0];
    if (scale == 0.0f)
        scale = (float)(1.0 / sqrt((double)q->shape.d[2] / heads));
    atl_node *scores =
        atl_matmul(g, atl_scale(g, split(g, q, heads), scale), split(g, k, heads), false, true);
    if (mask)
        scores = masked(g, scores, mask, n);
    return atl_softmax(g, scores);
}

atl_node *atl_attention_sum(atl_graph *g, atl_node *shares, atl_node *v, int heads) {
    if (shares->op == ATL_OP_POISON || v->op == ATL_OP_POISON)
        return &g->poison;
    const int64_t *s = shares->shape.d, *d = v->shape.d;
    if (shares->shape.rank != 3 || v->shape.rank != 3 || heads < 1 || s[0] != d[0] * heads || s[2] != d[1] ||
        d[2] % heads) {
        char a[ATL_SHAPE_TEXT], b[ATL_SHAPE_TEXT];
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "attention: shares of shape %s and values of %s do not fit %d heads",
                              atl_node_shape_text(shares, a), atl_node_shape_text(v, b), heads);
    }
    return join(g, atl_matmul(g, shares, split(g, v, heads), false, false), heads);
}

atl_node *atl_attention(atl_graph *g, atl_node *q, atl_node *k, atl_node *v, int heads, float scale,
                        atl_node *mask) {
    return atl_attention_sum(g, atl_attention_shares(g, q, k, heads, scale, mask), v, heads);
}

enum { MASK_MAX = 1 << 20 }; // so that the product of two fits

atl_node *atl_causal_mask(atl_graph *g, int64_t t, int64_t s) {
    if (t < 1 || s < 1 || t > MASK_MAX || s > MASK_MAX)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "a mask of %lld x %lld is out of range", (long long)t,
                              (long long)s);
    float *m = atl_alloc(g->ctx, (size_t)(t * s), sizeof *m);
    if (!m)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a mask of %lld x %lld", (long long)t,
                              (long long)s);
    for (int64_t i = 0; i < t * s; i++)
        m[i] = i % s > s - t + i / s ? -INFINITY : 0.0f;
    atl_node *mask = atl_const(g, ATL_SHAPE(1, t, s), m);
    atl_free(g->ctx, m);
    return mask;
}
