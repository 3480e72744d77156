// SPDX-License-Identifier: Apache-2.0
// Linear ops, in transposed pairs: sum and expand, slice and pad, concat and slices, permute, reshape and
// upfirdn with themselves.  The derivative of each is its partner.
#include "graph/build.h"

#include <string.h>

static atl_node *shape_error(atl_graph *g, const char *op, const atl_node *have, const atl_shape *want) {
    char a[ATL_SHAPE_TEXT], b[ATL_SHAPE_TEXT];
    return atl_graph_fail(g, ATL_BAD_ARGUMENT, "%s: a tensor of shape %s does not fit %s", op,
                          atl_node_shape_text(have, a),
                          atl_shape_text(want, have->shape.rank != 4 || atl_node_is_image(have), b));
}

// ---- sum, expand

atl_node *atl_sum(atl_graph *g, atl_node *x, unsigned axes) {
    atl_shape s = x->shape;
    bool any = false;
    for (int i = 0; i < s.rank; i++)
        if (axes >> i & 1) {
            any = any || s.d[i] != 1;
            s.d[i] = 1;
        }
    if (!any)
        return x;
    atl_node *n = atl_new_node(g, ATL_OP_SUM, s, 1, &x);
    if (n != &g->poison)
        for (int i = 0; i < s.rank; i++)
            n->at.sum.axis[i] = axes >> i & 1;
    return n;
}

atl_node *atl_mean(atl_graph *g, atl_node *x, unsigned axes) {
    int64_t count = 1;
    for (int i = 0; i < x->shape.rank; i++)
        if (axes >> i & 1)
            count *= x->shape.d[i];
    return atl_scale(g, atl_sum(g, x, axes), (float)(1.0 / (double)count));
}

atl_node *atl_expand(atl_graph *g, atl_node *x, atl_shape shape) {
    if (x->op == ATL_OP_POISON || atl_shape_same(&x->shape, &shape))
        return x;
    bool fits = x->shape.rank == shape.rank;
    for (int i = 0; fits && i < shape.rank; i++)
        fits = x->shape.d[i] == 1 || x->shape.d[i] == shape.d[i];
    if (!fits)
        return shape_error(g, "expand", x, &shape);
    return atl_new_node(g, ATL_OP_EXPAND, shape, 1, &x);
}

void atl_vjp_sum(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted;
    dx[0] = atl_expand(g, dy, n->src[0]->shape);
}

void atl_vjp_expand(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted;
    unsigned axes = 0;
    for (int i = 0; i < n->shape.rank; i++)
        if (n->src[0]->shape.d[i] != n->shape.d[i])
            axes |= 1u << i;
    dx[0] = atl_sum(g, dy, axes);
}

// ---- reshape, permute

atl_node *atl_reshape(atl_graph *g, atl_node *x, atl_shape shape) {
    if (x->op == ATL_OP_POISON || atl_shape_same(&x->shape, &shape))
        return x;
    if (atl_shape_count(&x->shape) != atl_shape_count(&shape))
        return shape_error(g, "reshape", x, &shape);
    return atl_new_node(g, ATL_OP_RESHAPE, shape, 1, &x);
}

atl_node *atl_held(atl_graph *g, atl_node *x) {
    atl_node *y = atl_new_node(g, ATL_OP_RESHAPE, x->shape, 1, &x);
    y->held = y->op != ATL_OP_POISON;
    return y;
}

atl_node *atl_permute(atl_graph *g, atl_node *x, const int *axis) {
    atl_shape s = x->shape;
    unsigned seen = 0;
    for (int i = 0; i < s.rank; i++) {
        if (axis[i] < 0 || axis[i] >= s.rank || seen >> axis[i] & 1)
            return atl_graph_fail(g, ATL_BAD_ARGUMENT, "permute: axes are not a permutation of %d", s.rank);
        seen |= 1u << axis[i];
        s.d[i] = x->shape.d[axis[i]];
    }
    atl_node *n = atl_new_node(g, ATL_OP_PERMUTE, s, 1, &x);
    if (n != &g->poison)
        memcpy(n->at.permute.axis, axis, sizeof *axis * (size_t)s.rank);
    return n;
}

void atl_vjp_reshape(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted;
    dx[0] = atl_reshape(g, dy, n->src[0]->shape);
}

void atl_vjp_permute(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted;
    int back[ATL_RANK_MAX];
    for (int i = 0; i < n->shape.rank; i++)
        back[n->at.permute.axis[i]] = i;
    dx[0] = atl_permute(g, dy, back);
}

// ---- slice, pad, concat

static bool inside(const atl_shape *part, const int64_t *begin, const atl_shape *whole) {
    if (part->rank != whole->rank)
        return false;
    for (int i = 0; i < part->rank; i++)
        if (begin[i] < 0 || part->d[i] < 1 || begin[i] > whole->d[i] - part->d[i])
            return false;
    return true;
}

static atl_node *windowed(atl_graph *g, atl_op op, atl_node *x, const int64_t *begin, const atl_shape *shape) {
    atl_node *n = atl_new_node(g, op, *shape, 1, &x);
    if (n != &g->poison)
        memcpy(n->at.slice.begin, begin, sizeof *begin * (size_t)shape->rank);
    return n;
}

atl_node *atl_slice(atl_graph *g, atl_node *x, const int64_t *begin, atl_shape shape) {
    if (x->op == ATL_OP_POISON || atl_shape_same(&x->shape, &shape))
        return x;
    if (!inside(&shape, begin, &x->shape))
        return shape_error(g, "slice", x, &shape);
    return windowed(g, ATL_OP_SLICE, x, begin, &shape);
}

atl_node *atl_slice_axis(atl_graph *g, atl_node *x, int axis, int64_t begin, int64_t count) {
    int64_t first[ATL_RANK_MAX] = { 0 };
    atl_shape s = x->shape;
    first[axis] = begin;
    s.d[axis] = count;
    return atl_slice(g, x, first, s);
}

atl_node *atl_pad(atl_graph *g, atl_node *x, const int64_t *begin, atl_shape shape) {
    if (x->op == ATL_OP_POISON || atl_shape_same(&x->shape, &shape))
        return x;
    if (!inside(&x->shape, begin, &shape))
        return shape_error(g, "pad", x, &shape);
    return windowed(g, ATL_OP_PAD, x, begin, &shape);
}

// A node has ATL_SRC_MAX sources: more tensors become that many, each the concatenation of a run of
// neighbours.
static atl_node *concat_many(atl_graph *g, atl_node *const *x, int count, int axis) {
    atl_node *part[ATL_SRC_MAX];
    int first = 0;
    for (int i = 0; i < ATL_SRC_MAX; i++) {
        int end = (int)((int64_t)count * (i + 1) / ATL_SRC_MAX);
        part[i] = atl_concat(g, x + first, end - first, axis);
        first = end;
    }
    return atl_concat(g, part, ATL_SRC_MAX, axis);
}

atl_node *atl_concat(atl_graph *g, atl_node *const *x, int count, int axis) {
    if (count < 1 || axis < 0 || (x[0]->op != ATL_OP_POISON && axis >= x[0]->shape.rank))
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "concat: %d tensors along axis %d", count, axis);
    if (count == 1)
        return x[0];
    if (count > ATL_SRC_MAX)
        return concat_many(g, x, count, axis);
    atl_shape s = x[0]->shape;
    for (int i = 1; i < count; i++) {
        atl_shape t = x[i]->shape;
        if (x[0]->op == ATL_OP_POISON || x[i]->op == ATL_OP_POISON)
            return &g->poison;
        int64_t d = t.rank == s.rank ? t.d[axis] : -1;
        t.d[axis] = s.d[axis];
        if (!atl_shape_same(&s, &t))
            return shape_error(g, "concat", x[i], &x[0]->shape);
        s.d[axis] += d;
    }
    atl_node *n = atl_new_node(g, ATL_OP_CONCAT, s, count, x);
    if (n != &g->poison)
        n->at.concat.axis = axis;
    return n;
}

void atl_vjp_slice(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted;
    dx[0] = atl_pad(g, dy, n->at.slice.begin, n->src[0]->shape);
}

void atl_vjp_pad(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted;
    dx[0] = atl_slice(g, dy, n->at.slice.begin, n->src[0]->shape);
}

void atl_vjp_concat(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    int axis = n->at.concat.axis;
    int64_t at = 0;
    for (int i = 0; i < n->n_src; i++) {
        int64_t d = n->src[i]->shape.d[axis];
        if (wanted[i])
            dx[i] = atl_slice_axis(g, dy, axis, at, d);
        at += d;
    }
}

// ---- upfirdn

atl_node *atl_upfirdn(atl_graph *g, atl_node *x, const atl_fir_attr *attr) {
    atl_fir_attr a = *attr;
    if (x->op == ATL_OP_POISON)
        return x;
    if (x->shape.rank != 4 || a.upx < 1 || a.upy < 1 || a.downx < 1 || a.downy < 1 || a.fw < 1 || a.fh < 1)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "upfirdn: needs an image and positive factors and filter size");
    atl_shape s = x->shape; // [n, h, w, c]
    int64_t h = s.d[1] * a.upy + a.py0 + a.py1, w = s.d[2] * a.upx + a.px0 + a.px1;
    if (h < a.fh || w < a.fw) {
        char t[ATL_SHAPE_TEXT];
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "upfirdn: an image of shape %s is smaller than its %dx%d filter",
                              atl_shape_text(&s, true, t), a.fh, a.fw);
    }
    s.d[1] = (h - a.fh) / a.downy + 1;
    s.d[2] = (w - a.fw) / a.downx + 1;
    size_t taps = (size_t)a.fh * (size_t)a.fw;
    float *f = atl_arena_alloc(&g->arena, taps, sizeof *f);
    if (!f)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a filter");
    memcpy(f, a.f, taps * sizeof *f);
    a.f = f;
    atl_node *n = atl_new_node(g, ATL_OP_UPFIRDN, s, 1, &x);
    if (n != &g->poison)
        n->at.fir = a;
    return n;
}

// The transpose exchanges up with down, mirrors the filter and pads so that the input's size comes back.
atl_fir_attr atl_fir_transposed(const atl_fir_attr *a, const atl_shape *in, const atl_shape *out) {
    atl_fir_attr t = *a;
    t.upx = a->downx, t.downx = a->upx, t.upy = a->downy, t.downy = a->upy;
    t.flip = !a->flip;
    t.px0 = a->fw - a->px0 - 1;
    t.py0 = a->fh - a->py0 - 1;
    t.px1 = (int)(in->d[2] * a->upx - out->d[2] * a->downx) + a->px0 - a->upx + 1;
    t.py1 = (int)(in->d[1] * a->upy - out->d[1] * a->downy) + a->py0 - a->upy + 1;
    return t;
}

void atl_vjp_upfirdn(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted;
    atl_fir_attr t = atl_fir_transposed(&n->at.fir, &n->src[0]->shape, &n->shape);
    dx[0] = atl_upfirdn(g, dy, &t);
}

// Multiply-adds that meet a sample (not an inserted zero): taps / (upx upy) per output.
double atl_flops_upfirdn(const atl_node *n) {
    const atl_fir_attr *a = &n->at.fir;
    return 2.0 * (double)atl_shape_count(&n->shape) * a->fw * a->fh / ((double)a->upx * a->upy);
}
