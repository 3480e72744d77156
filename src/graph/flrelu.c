// SPDX-License-Identifier: Apache-2.0
// Filtered leaky ReLU and its gradient as one op each, so that their oversampled intermediates need not exist
// in memory.  The derivative of the gradient, and the gradient of a radial filter, are built from plain
// filters and a mask, which makes every order possible.
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

// What the activation multiplies by, on the oversampled x + bias; *u_shape and *half_shape: of the
// oversampled picture, and of that which is oversampled along x alone.
static atl_node *slopes(atl_graph *g, const atl_flrelu_attr *a, atl_node *x, atl_node *bias,
                        atl_shape *u_shape, atl_shape *half_shape) {
    atl_fir_attr ux, uy;
    up_attrs(a, &ux, &uy);
    atl_node *half = atl_upfirdn(g, biased(g, x, bias), &ux), *u = atl_upfirdn(g, half, &uy);
    *u_shape = u->shape;
    *half_shape = half->shape;
    atl_node *slope = atl_scale(g, atl_unary(g, ATL_FN_STEP, u, a->slope, 0.0f), a->gain);
    atl_node *value = atl_scale(g, atl_lrelu(g, u, a->slope), a->gain);
    return atl_mul(g, slope, atl_unary(g, ATL_FN_INSIDE, value, -a->clamp, a->clamp));
}

// dy goes back through the downsampling, is multiplied by the slopes, and goes back through the upsampling.
static atl_node *back_by_parts(atl_graph *g, const atl_flrelu_attr *a, atl_node *x, atl_node *bias,
                               atl_node *dy) {
    atl_shape u, half, between;
    atl_node *slope = slopes(g, a, x, bias, &u, &half), *back = dy;
    atl_fir_attr ux, uy, d[2];
    up_attrs(a, &ux, &uy);
    between = u;
    if (down_attrs(a, d) == 2) {
        between.d[2] = dy->shape.d[2];
        back = transposed(g, back, &d[1], &between);
    }
    back = transposed(g, back, &d[0], &u);
    return transposed(g, transposed(g, atl_mul(g, back, slope), &uy, &half), &ux, &x->shape);
}

// One op where backends have a kernel for it: its oversampled intermediates are never in memory.
static atl_node *back(atl_graph *g, const atl_flrelu_attr *a, atl_node *x, atl_node *bias, atl_node *dy) {
    if (a->radial)
        return back_by_parts(g, a, x, bias, dy);
    atl_node *n = atl_new_node(g, ATL_OP_FLRELU_T, x->shape, 3, (atl_node *[]){ x, bias, dy });
    if (n != &g->poison)
        n->at.flrelu = *a;
    return n;
}

void atl_vjp_flrelu(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    dx[0] = back(g, &n->at.flrelu, n->src[0], n->src[1], dy);
    if (wanted[1])
        dx[1] = atl_reshape(g, atl_sum(g, dx[0], 7u), n->src[1]->shape);
}

// Linear in dy, so its derivative is the way there without the bias, with the same slopes; these are constant
// almost everywhere.
void atl_vjp_flrelu_t(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    const atl_flrelu_attr *a = &n->at.flrelu;
    if (!wanted[2])
        return;
    atl_shape u, half;
    atl_fir_attr ux, uy, d[2];
    up_attrs(a, &ux, &uy);
    atl_node *slope = slopes(g, a, n->src[0], n->src[1], &u, &half);
    atl_node *y = atl_mul(g, atl_upfirdn(g, atl_upfirdn(g, dy, &ux), &uy), slope);
    for (int i = 0, downs = down_attrs(a, d); i < downs; i++)
        y = atl_upfirdn(g, y, &d[i]);
    dx[2] = y;
}

// Multiply-adds with samples (not with inserted zeros), of the results that are kept: of the up filter from x
// to y, and of the down filter.
static double up_work(const atl_flrelu_attr *a, const atl_shape *x, double wide_h, double wide_w) {
    double taps = (double)a->up_taps / a->up;
    return wide_w * (double)x->d[1] * taps + wide_w * wide_h * taps;
}

static double down_work(const atl_flrelu_attr *a, const atl_shape *y, double wide_h) {
    double taps = a->down_taps, pixels = (double)(y->d[1] * y->d[2]);
    return a->radial ? pixels * taps * taps : (double)y->d[2] * wide_h * taps + pixels * taps;
}

static double flops(const atl_flrelu_attr *a, const atl_shape *x, const atl_shape *y, int ups) {
    int lost = a->up_taps ? a->up_taps - 1 : 0;
    double wide_h = (double)(x->d[1] * a->up + a->py0 + a->py1 - lost);
    double wide_w = (double)(x->d[2] * a->up + a->px0 + a->px1 - lost);
    return 2.0 * (double)(y->d[0] * y->d[3]) *
           (ups * up_work(a, x, wide_h, wide_w) + down_work(a, y, wide_h));
}

double atl_flops_flrelu(const atl_node *n) {
    return flops(&n->at.flrelu, &n->src[0]->shape, &n->shape, 1);
}

// The slopes need x oversampled once more.
double atl_flops_flrelu_t(const atl_node *n) {
    return flops(&n->at.flrelu, &n->src[0]->shape, &n->src[2]->shape, 2);
}
