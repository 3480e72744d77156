// SPDX-License-Identifier: Apache-2.0
// Contractions: matrix product and convolution, each one multilinear form read through a slot.
#include "graph/build.h"

static atl_node *misfit(atl_graph *g, const char *op, const char *a, const char *b) {
    return atl_graph_fail(g, ATL_BAD_ARGUMENT, "%s: tensors of shapes %s and %s do not fit together", op, a,
                          b);
}

static atl_node *matmul_misfit(atl_graph *g, const atl_node *a, const atl_node *b) {
    char sa[ATL_SHAPE_TEXT], sb[ATL_SHAPE_TEXT];
    return misfit(g, "matrix product", atl_node_shape_text(a, sa), atl_node_shape_text(b, sb));
}

// ---- matrix product

atl_node *atl_matmul(atl_graph *g, atl_node *a, atl_node *b, bool trans_a, bool trans_b) {
    if (a->op == ATL_OP_POISON || b->op == ATL_OP_POISON)
        return &g->poison;
    int r = a->shape.rank;
    if (r != b->shape.rank || r < 2 || r > 3)
        return matmul_misfit(g, a, b);
    const int64_t *da = a->shape.d + r - 2, *db = b->shape.d + r - 2;
    int64_t m = da[trans_a], ka = da[!trans_a], kb = db[trans_b], n = db[!trans_b];
    int64_t batch_a = r == 3 ? a->shape.d[0] : 1, batch_b = r == 3 ? b->shape.d[0] : 1;
    if (ka != kb || (batch_a != batch_b && batch_a != 1 && batch_b != 1))
        return matmul_misfit(g, a, b);
    int64_t batch = batch_a > batch_b ? batch_a : batch_b;
    atl_shape s = r == 3 ? ATL_SHAPE(batch, m, n) : ATL_SHAPE(m, n);
    atl_node *c = atl_new_node(g, ATL_OP_MATMUL, s, 2, (atl_node *[]){ a, b });
    if (c != &g->poison) {
        c->at.matmul.trans_a = trans_a;
        c->at.matmul.trans_b = trans_b;
    }
    return c;
}

void atl_vjp_matmul(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    atl_node *a = n->src[0], *b = n->src[1];
    bool ta = n->at.matmul.trans_a, tb = n->at.matmul.trans_b;
    if (wanted[0])
        dx[0] = ta ? atl_matmul(g, b, dy, tb, true) : atl_matmul(g, dy, b, false, !tb);
    if (wanted[1])
        dx[1] = tb ? atl_matmul(g, dy, a, true, ta) : atl_matmul(g, a, dy, !ta, false);
    for (int i = 0; i < 2; i++) // a shared factor collects over the batch
        if (wanted[i] && n->shape.rank == 3 && n->src[i]->shape.d[0] == 1)
            dx[i] = atl_sum(g, dx[i], 1);
}

double atl_flops_matmul(const atl_node *n) {
    const atl_shape *a = &n->src[0]->shape;
    return 2.0 * (double)atl_shape_count(&n->shape) * (double)a->d[a->rank - (n->at.matmul.trans_a ? 2 : 1)];
}

// ---- convolution

// The slots of the two sources, by the slot of the result: always in the order x, w, y.
static const atl_slot SOURCES[3][2] = {
    [ATL_SLOT_Y] = { ATL_SLOT_X, ATL_SLOT_W },
    [ATL_SLOT_X] = { ATL_SLOT_W, ATL_SLOT_Y },
    [ATL_SLOT_W] = { ATL_SLOT_X, ATL_SLOT_Y },
};

// Whatever made them, one of the two tensors is read as weights.
static atl_node *conv_misfit(atl_graph *g, atl_slot slot, const atl_node *a, const atl_node *b) {
    char sa[ATL_SHAPE_TEXT], sb[ATL_SHAPE_TEXT];
    return misfit(g, "convolution", atl_shape_text(&a->shape, SOURCES[slot][0] != ATL_SLOT_W, sa),
                  atl_shape_text(&b->shape, SOURCES[slot][1] != ATL_SLOT_W, sb));
}

static bool is_sound(const atl_conv_attr *a) {
    return a->sy > 0 && a->sx > 0 && a->py0 >= 0 && a->py1 >= 0 && a->px0 >= 0 && a->px1 >= 0 &&
           a->groups > 0;
}

// Rows (axis 0) or columns (1) of y; the last stride - 1 of x may be out of reach, as in a transposed
// convolution of larger output.  0: x is smaller than the kernel.
static int64_t reach(const atl_conv_attr *a, const atl_shape *x, const atl_shape *w, int axis) {
    int64_t pads = axis ? (int64_t)a->px0 + a->px1 : (int64_t)a->py0 + a->py1;
    int64_t room = x->d[1 + axis] + pads - w->d[2 + axis];
    return room < 0 ? 0 : room / (axis ? a->sx : a->sy) + 1;
}

static bool form_fits(const atl_conv_attr *a, const atl_shape *x, const atl_shape *w, const atl_shape *y) {
    if (x->rank != 4 || w->rank != 4 || y->rank != 4 || !is_sound(a))
        return false;
    for (int i = 0; i < 2; i++)
        if (reach(a, x, w, i) != y->d[1 + i] || y->d[1 + i] == 0)
            return false;
    return x->d[0] == y->d[0] && x->d[3] == w->d[1] * a->groups && y->d[3] == w->d[0] &&
           w->d[0] % a->groups == 0;
}

atl_node *atl_conv_form(atl_graph *g, atl_conv_attr attr, atl_shape shape, atl_node *a, atl_node *b) {
    if (a->op == ATL_OP_POISON || b->op == ATL_OP_POISON)
        return &g->poison;
    const atl_shape *t[3];
    t[attr.slot] = &shape;
    t[SOURCES[attr.slot][0]] = &a->shape;
    t[SOURCES[attr.slot][1]] = &b->shape;
    if (!form_fits(&attr, t[ATL_SLOT_X], t[ATL_SLOT_W], t[ATL_SLOT_Y]))
        return conv_misfit(g, attr.slot, a, b);
    atl_node *n = atl_new_node(g, ATL_OP_CONV, shape, 2, (atl_node *[]){ a, b });
    if (n != &g->poison)
        n->at.conv = attr;
    return n;
}

atl_node *atl_conv(atl_graph *g, atl_node *x, atl_node *w, const atl_conv_attr *attr) {
    if (x->op == ATL_OP_POISON || w->op == ATL_OP_POISON)
        return &g->poison;
    if (x->shape.rank != 4 || w->shape.rank != 4 || !is_sound(attr))
        return conv_misfit(g, ATL_SLOT_Y, x, w);
    atl_conv_attr a = *attr;
    a.slot = ATL_SLOT_Y;
    int64_t h = reach(&a, &x->shape, &w->shape, 0), v = reach(&a, &x->shape, &w->shape, 1);
    return atl_conv_form(g, a, ATL_SHAPE(x->shape.d[0], h, v, w->shape.d[0]), x, w);
}

atl_conv_attr atl_conv_even(atl_slot slot, int stride, int pad) {
    return (atl_conv_attr){ slot, stride, stride, pad, pad, pad, pad, 1 };
}

atl_node *atl_conv2d(atl_graph *g, atl_node *x, atl_node *w, int stride, int pad) {
    atl_conv_attr attr = atl_conv_even(ATL_SLOT_Y, stride, pad);
    return atl_conv(g, x, w, &attr);
}

atl_node *atl_conv2d_transposed(atl_graph *g, atl_node *y, atl_node *w, int stride, int pad, int64_t h, int64_t w_) {
    return atl_conv_form(g, atl_conv_even(ATL_SLOT_X, stride, pad),
                         ATL_SHAPE(y->shape.d[0], h, w_, w->shape.d[1]), w, y);
}

// The gradient with respect to a source is the same form with the result and that source exchanged.
void atl_vjp_conv(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    for (int i = 0; i < 2; i++) {
        if (!wanted[i])
            continue;
        atl_conv_attr attr = n->at.conv;
        atl_slot mine = SOURCES[attr.slot][i];
        atl_node *by_slot[3] = { NULL, NULL, NULL };
        by_slot[attr.slot] = dy;
        by_slot[SOURCES[attr.slot][!i]] = n->src[!i];
        attr.slot = mine;
        dx[i] = atl_conv_form(g, attr, n->src[i]->shape, by_slot[SOURCES[mine][0]], by_slot[SOURCES[mine][1]]);
    }
}

double atl_flops_conv(const atl_node *n) {
    const atl_shape *t[3];
    t[n->at.conv.slot] = &n->shape;
    t[SOURCES[n->at.conv.slot][0]] = &n->src[0]->shape;
    t[SOURCES[n->at.conv.slot][1]] = &n->src[1]->shape;
    const atl_shape *w = t[ATL_SLOT_W];
    if (n->fusion && n->fusion->up_fir) // the result is the filtered one: count at the low resolution
        return 2.0 * (double)atl_shape_count(&n->src[1]->shape) / (double)n->src[1]->shape.d[3] *
                   (double)atl_shape_count(w) +
               2.0 * (double)atl_shape_count(&n->shape) * n->fusion->fir.fw * n->fusion->fir.fh;
    int64_t inputs = w->d[n->fusion && n->fusion->turned ? 0 : 1];
    return 2.0 * (double)atl_shape_count(t[ATL_SLOT_Y]) * (double)(inputs * w->d[2] * w->d[3]);
}
