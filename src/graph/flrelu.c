// SPDX-License-Identifier: Apache-2.0
// Filtered leaky ReLU as one op, so that its oversampled intermediate need not exist in memory.  Its
// derivative is built from plain filters and a mask, which makes every order possible.
#include "graph/build.h"

#include <string.h>

static const float *copy_filter(atl_graph *g, const float *f, size_t taps) {
    float *copy = atl_arena_alloc(&g->arena, taps ? taps : 1, sizeof *copy);
    if (copy && taps)
        memcpy(copy, f, taps * sizeof *copy);
    return copy;
}

// One axis of the result: pad, filter, filter, keep every down-th.
static int64_t size_of(int64_t in, const atl_flrelu_attr *a, int p0, int p1) {
    int64_t wide = in * a->up + p0 + p1 - (a->up_taps ? a->up_taps - 1 : 0);
    return (wide - (a->down_taps ? a->down_taps : 1)) / a->down + 1;
}

atl_node *atl_flrelu(atl_graph *g, atl_node *x, atl_node *bias, const atl_flrelu_attr *attr) {
    atl_flrelu_attr a = *attr;
    if (x->op == ATL_OP_POISON || bias->op == ATL_OP_POISON)
        return &g->poison;
    atl_shape s = x->shape;
    if (s.rank != 4 || bias->shape.rank != 1 || bias->shape.d[0] != s.d[3] || a.up < 1 || a.down < 1)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "filtered leaky ReLU: needs an image, its bias, positive factors");
    s.d[1] = size_of(s.d[1], &a, a.py0, a.py1);
    s.d[2] = size_of(s.d[2], &a, a.px0, a.px1);
    if (s.d[1] < 1 || s.d[2] < 1)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "filtered leaky ReLU: nothing is left of a %lldx%lld image",
                              (long long)x->shape.d[2], (long long)x->shape.d[1]);
    a.fu = copy_filter(g, a.fu, (size_t)a.up_taps);
    a.fd = copy_filter(g, a.fd, (size_t)a.down_taps * (a.radial ? (size_t)a.down_taps : 1));
    if (!a.fu || !a.fd)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a filter");
    atl_node *n = atl_new_node(g, ATL_OP_FLRELU, s, 2, (atl_node *[]){ x, bias });
    if (n != &g->poison)
        n->at.flrelu = a;
    return n;
}

// ---- the same with plain ops, for the derivative

static const float ONE[1] = { 1.0f };

// Upsampling in x, then in y; without a filter a single tap.
static void up_attrs(const atl_flrelu_attr *a, atl_fir_attr *x, atl_fir_attr *y) {
    int taps = a->up_taps ? a->up_taps : 1;
    const float *f = a->up_taps ? a->fu : ONE;
    *x = (atl_fir_attr){ a->up, 1, 1, 1, a->px0, a->px1, 0, 0, taps, 1, false, (float)a->up, f };
    *y = (atl_fir_attr){ 1, a->up, 1, 1, 0, 0, a->py0, a->py1, 1, taps, false, (float)a->up, f };
}

// Downsampling: one 2-D filter, or x then y.  Returns how many.
static int down_attrs(const atl_flrelu_attr *a, atl_fir_attr out[2]) {
    int taps = a->down_taps ? a->down_taps : 1;
    const float *f = a->down_taps ? a->fd : ONE;
    if (a->radial) {
        out[0] = (atl_fir_attr){ 1, 1, a->down, a->down, 0, 0, 0, 0, taps, taps, false, 1.0f, f };
        return 1;
    }
    out[0] = (atl_fir_attr){ 1, 1, a->down, 1, 0, 0, 0, 0, taps, 1, false, 1.0f, f };
    out[1] = (atl_fir_attr){ 1, 1, 1, a->down, 0, 0, 0, 0, 1, taps, false, 1.0f, f };
    return 2;
}

static atl_node *biased(atl_graph *g, atl_node *x, atl_node *bias) {
    atl_node *wide = atl_reshape(g, bias, ATL_SHAPE(1, 1, 1, bias->shape.d[0]));
    return atl_add(g, x, atl_expand(g, wide, x->shape));
}

static atl_node *transposed(atl_graph *g, atl_node *dy, const atl_fir_attr *a, const atl_shape *in) {
    atl_fir_attr t = atl_fir_transposed(a, in, &dy->shape);
    return atl_upfirdn(g, dy, &t);
}

// dy goes back through the downsampling, is masked by the slopes at the (recomputed) intermediate, and goes back
// through the upsampling.
void atl_vjp_flrelu(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    const atl_flrelu_attr *a = &n->at.flrelu;
    atl_node *x = n->src[0], *bias = n->src[1];
    atl_fir_attr ux, uy, d[2];
    up_attrs(a, &ux, &uy);
    int downs = down_attrs(a, d);
    atl_node *half = atl_upfirdn(g, biased(g, x, bias), &ux), *u = atl_upfirdn(g, half, &uy);
    atl_shape between = u->shape;
    if (downs == 2)
        between.d[2] = n->shape.d[2];
    atl_node *back = dy;
    if (downs == 2)
        back = transposed(g, back, &d[1], &between);
    back = transposed(g, back, &d[0], &u->shape);
    atl_node *slope = atl_scale(g, atl_unary(g, ATL_FN_STEP, u, a->slope, 0.0f), a->gain);
    atl_node *value = atl_scale(g, atl_lrelu(g, u, a->slope), a->gain);
    slope = atl_mul(g, slope, atl_unary(g, ATL_FN_INSIDE, value, -a->clamp, a->clamp));
    back = transposed(g, transposed(g, atl_mul(g, back, slope), &uy, &half->shape), &ux, &x->shape);
    dx[0] = back;
    if (wanted[1])
        dx[1] = atl_reshape(g, atl_sum(g, back, 7u), bias->shape);
}

// Multiply-adds with samples (not with inserted zeros), of the results that are kept.
double atl_flops_flrelu(const atl_node *n) {
    const atl_flrelu_attr *a = &n->at.flrelu;
    const atl_shape *x = &n->src[0]->shape, *y = &n->shape;
    double c = (double)(y->d[0] * y->d[3]), up = (double)a->up_taps / a->up, down = a->down_taps;
    double wide_h = (double)(x->d[1] * a->up + a->py0 + a->py1 - (a->up_taps ? a->up_taps - 1 : 0));
    double wide_w = (double)(x->d[2] * a->up + a->px0 + a->px1 - (a->up_taps ? a->up_taps - 1 : 0));
    double work = wide_w * (double)x->d[1] * up + wide_w * wide_h * up;
    if (a->radial)
        work += (double)(y->d[1] * y->d[2]) * down * down;
    else
        work += (double)y->d[2] * wide_h * down + (double)(y->d[1] * y->d[2]) * down;
    return 2.0 * c * work;
}
