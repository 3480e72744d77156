// SPDX-License-Identifier: Apache-2.0
// Ops that read some pixels and not others.  Pick takes what a selector finds largest in each window: given
// the selector it is linear, and the maximum is pick(x, x).  Gather sums rows that indices name.  Both have
// their transpose as partner, so every order of derivative is one of the two; where a selector or an index
// jumps, they have none.
#include "graph/build.h"

static atl_node *misfit(atl_graph *g, const char *op, const atl_node *have, const atl_node *other) {
    char a[ATL_SHAPE_TEXT], b[ATL_SHAPE_TEXT];
    return atl_graph_fail(g, ATL_BAD_ARGUMENT, "%s: tensors of shapes %s and %s do not fit together", op,
                          atl_node_shape_text(have, a), atl_node_shape_text(other, b));
}

// ---- pick

// Windows along one axis, or 0 when one of them would lie outside of the image.
static int64_t windows(int64_t size, int taps, int step, int before, int after) {
    if (taps < 1 || step < 1 || before < 0 || after < 0 || before >= taps || size + before + after < taps)
        return 0;
    int64_t count = (size + before + after - taps) / step + 1;
    return (count - 1) * step - before < size ? count : 0;
}

// The shape of the results of pick on `selector`; rank 0: the windows don't fit it.
static atl_shape picked(const atl_shape *selector, const atl_pick_attr *a) {
    atl_shape s = *selector;
    s.d[1] = windows(selector->d[1], a->kh, a->sy, a->py0, a->py1);
    s.d[2] = windows(selector->d[2], a->kw, a->sx, a->px0, a->px1);
    s.rank = s.d[1] && s.d[2] ? 4 : 0;
    return s;
}

static atl_node *pick_form(atl_graph *g, atl_op op, atl_node *selector, atl_node *x, const atl_pick_attr *a) {
    if (selector->op == ATL_OP_POISON || x->op == ATL_OP_POISON)
        return &g->poison;
    if (selector->shape.rank != 4)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "pick: needs an image, not a tensor of rank %d",
                              selector->shape.rank);
    const atl_shape full = selector->shape, part = picked(&full, a);
    if (!part.rank)
        return atl_graph_fail(
            g, ATL_BAD_ARGUMENT,
            "pick: windows of %dx%d with strides %d, %d and padding %d, %d, %d, %d are partly outside "
            "of an image of %lldx%lld",
            a->kh, a->kw, a->sy, a->sx, a->py0, a->py1, a->px0, a->px1, (long long)full.d[1],
            (long long)full.d[2]);
    const atl_shape *want = op == ATL_OP_PICK ? &full : &part;
    if (!atl_shape_same(&x->shape, want))
        return misfit(g, "pick", x, selector);
    atl_node *n = atl_new_node(g, op, op == ATL_OP_PICK ? part : full, 2, (atl_node *[]){ selector, x });
    if (n != &g->poison)
        n->at.pick = *a;
    return n;
}

atl_node *atl_pick(atl_graph *g, atl_node *selector, atl_node *x, const atl_pick_attr *attr) {
    return pick_form(g, ATL_OP_PICK, selector, x, attr);
}

atl_node *atl_pick_transposed(atl_graph *g, atl_node *selector, atl_node *y, const atl_pick_attr *attr) {
    return pick_form(g, ATL_OP_PICK_T, selector, y, attr);
}

atl_node *atl_pick_axis(atl_graph *g, atl_node *selector, atl_node *x, int axis) {
    atl_shape s = x->shape;
    if (selector->op == ATL_OP_POISON || x->op == ATL_OP_POISON)
        return &g->poison;
    if (axis < 0 || axis >= s.rank || !atl_shape_same(&selector->shape, &s))
        return misfit(g, "pick", x, selector);
    int64_t outer = 1, inner = 1, size = s.d[axis];
    for (int i = 0; i < s.rank; i++)
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : s.d[i];
    atl_shape image = ATL_SHAPE(outer, 1, size, inner);
    atl_pick_attr a = { 1, (int)size, 1, 1, 0, 0, 0, 0 };
    atl_node *y = atl_pick(g, atl_reshape(g, selector, image), atl_reshape(g, x, image), &a);
    s.d[axis] = 1;
    return atl_reshape(g, y, s);
}

void atl_vjp_pick(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    if (wanted[1])
        dx[1] = pick_form(g, n->op == ATL_OP_PICK ? ATL_OP_PICK_T : ATL_OP_PICK, n->src[0], dy, &n->at.pick);
}

// ---- gather

enum { ROWS_MAX = 1 << 24 }; // beyond it a float no longer holds every index

static atl_node *gather_form(atl_graph *g, atl_op op, atl_node *x, atl_node *index, atl_node *weight,
                             int64_t rows) {
    if (x->op == ATL_OP_POISON || index->op == ATL_OP_POISON || weight->op == ATL_OP_POISON)
        return &g->poison;
    const atl_shape *i = &index->shape, *w = &weight->shape;
    if (x->shape.rank != 3 || i->rank != 3 || w->rank != 3 || i->d[1] != w->d[1] || i->d[2] != w->d[2])
        return misfit(g, "gather", index, weight);
    int64_t n = x->shape.d[0], q = i->d[1];
    if ((i->d[0] != n && i->d[0] != 1) || (w->d[0] != n && w->d[0] != 1) ||
        (op == ATL_OP_GATHER_T && x->shape.d[1] != q))
        return misfit(g, "gather", x, index);
    if (rows < 1 || rows > ROWS_MAX)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "gather: %lld rows, 1 to %d are possible", (long long)rows,
                              ROWS_MAX);
    atl_shape s = ATL_SHAPE(n, op == ATL_OP_GATHER ? q : rows, x->shape.d[2]);
    return atl_new_node(g, op, s, 3, (atl_node *[]){ x, index, weight });
}

atl_node *atl_gather(atl_graph *g, atl_node *x, atl_node *index, atl_node *weight) {
    return gather_form(g, ATL_OP_GATHER, x, index, weight, x->shape.d[1]);
}

atl_node *atl_gather_transposed(atl_graph *g, atl_node *y, atl_node *index, atl_node *weight, int64_t rows) {
    return gather_form(g, ATL_OP_GATHER_T, y, index, weight, rows);
}

// Of <y, gather(x, index, weight)>: [n, q, k] = sum over c of y[n, q, c] x[n, index[n, q, k], c].
static atl_node *weight_gradient(atl_graph *g, atl_node *x, atl_node *y, atl_node *index,
                                 const atl_shape *weight) {
    int64_t n = x->shape.d[0], q = weight->d[1], k = weight->d[2], c = x->shape.d[2];
    atl_node *each = atl_reshape(g, index, ATL_SHAPE(index->shape.d[0], q * k, 1));
    atl_node *rows = atl_gather(g, x, each, atl_fill(g, ATL_SHAPE(1, q * k, 1), 1.0f)); // [n, q k, c]
    atl_node *wide = atl_expand(g, atl_reshape(g, y, ATL_SHAPE(n, q, 1, c)), ATL_SHAPE(n, q, k, c));
    atl_node *products = atl_mul(g, atl_reshape(g, rows, wide->shape), wide);
    atl_node *d = atl_reshape(g, atl_sum(g, products, 1u << 3), ATL_SHAPE(n, q, k));
    return weight->d[0] == n ? d : atl_sum(g, d, 1u);
}

void atl_vjp_gather(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    bool back = n->op == ATL_OP_GATHER_T;
    atl_node *x = n->src[0], *index = n->src[1], *weight = n->src[2];
    if (wanted[0])
        dx[0] = back ? atl_gather(g, dy, index, weight)
                     : atl_gather_transposed(g, dy, index, weight, x->shape.d[1]);
    if (wanted[2])
        dx[2] = weight_gradient(g, back ? dy : x, back ? x : dy, index, &weight->shape);
}

// Of the taps that there are; those without a row cost nothing, but only the run knows them.
double atl_flops_gather(const atl_node *n) {
    const atl_shape *x = &n->src[0]->shape, *w = &n->src[2]->shape;
    return 2.0 * (double)(x->d[0] * w->d[1] * w->d[2]) * (double)x->d[2];
}
