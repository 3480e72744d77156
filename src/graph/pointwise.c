// SPDX-License-Identifier: Apache-2.0
// Pointwise ops.  Each derivative is an expression of the same set, so every order exists; steps and
// comparisons are flat almost everywhere and have none.
#include "graph/build.h"

atl_node *atl_unary(atl_graph *g, atl_fn1 fn, atl_node *x, float a, float b) {
    atl_node *n = atl_new_node(g, ATL_OP_UNARY, x->shape, 1, &x);
    if (n != &g->poison) {
        n->at.unary.fn = fn;
        n->at.unary.a = a;
        n->at.unary.b = b;
    }
    return n;
}

atl_node *atl_binary(atl_graph *g, atl_fn2 fn, atl_node *x, atl_node *y) {
    if (x->op != ATL_OP_POISON && y->op != ATL_OP_POISON && !atl_shape_same(&x->shape, &y->shape)) {
        char sx[ATL_SHAPE_TEXT], sy[ATL_SHAPE_TEXT];
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "two tensors of shapes %s and %s meet in one pointwise operation",
                              atl_node_shape_text(x, sx), atl_node_shape_text(y, sy));
    }
    atl_node *n = atl_new_node(g, ATL_OP_BINARY, x->shape, 2, (atl_node *[]){ x, y });
    if (n != &g->poison)
        n->at.binary.fn = fn;
    return n;
}

atl_node *atl_fn_of(atl_graph *g, atl_fn1 fn, atl_node *x) {
    return atl_unary(g, fn, x, 0.0f, 0.0f);
}

atl_node *atl_add(atl_graph *g, atl_node *x, atl_node *y) {
    return atl_binary(g, ATL_FN_ADD, x, y);
}

atl_node *atl_sub(atl_graph *g, atl_node *x, atl_node *y) {
    return atl_binary(g, ATL_FN_SUB, x, y);
}

atl_node *atl_mul(atl_graph *g, atl_node *x, atl_node *y) {
    return atl_binary(g, ATL_FN_MUL, x, y);
}

atl_node *atl_div(atl_graph *g, atl_node *x, atl_node *y) {
    return atl_binary(g, ATL_FN_DIV, x, y);
}

atl_node *atl_affine(atl_graph *g, atl_node *x, float a, float b) {
    return atl_unary(g, ATL_FN_AFFINE, x, a, b);
}

atl_node *atl_scale(atl_graph *g, atl_node *x, float a) {
    return atl_affine(g, x, a, 0.0f);
}

atl_node *atl_neg(atl_graph *g, atl_node *x) {
    return atl_scale(g, x, -1.0f);
}

atl_node *atl_lrelu(atl_graph *g, atl_node *x, float slope) {
    return atl_unary(g, ATL_FN_LRELU, x, slope, 0.0f);
}

atl_node *atl_clamp(atl_graph *g, atl_node *x, float lo, float hi) {
    return atl_unary(g, ATL_FN_CLAMP, x, lo, hi);
}

atl_node *atl_square(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_SQUARE, x);
}

atl_node *atl_sqrt(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_SQRT, x);
}

atl_node *atl_rsqrt(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_RSQRT, x);
}

atl_node *atl_exp(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_EXP, x);
}

atl_node *atl_ln(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_LOG, x);
}

atl_node *atl_abs(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_ABS, x);
}

// d fn(x) / dx as an expression in x and y = fn(x); NULL where it is zero.
static atl_node *slope_of(atl_graph *g, atl_node *y) {
    atl_node *x = y->src[0];
    float a = y->at.unary.a, b = y->at.unary.b;
    switch (y->at.unary.fn) {
    case ATL_FN_AFFINE: return atl_fill(g, y->shape, a);
    case ATL_FN_LRELU: return atl_unary(g, ATL_FN_STEP, x, a, 0.0f);
    case ATL_FN_CLAMP: return atl_unary(g, ATL_FN_INSIDE, x, a, b);
    case ATL_FN_SQUARE: return atl_scale(g, x, 2.0f);
    case ATL_FN_SQRT: return atl_scale(g, atl_fn_of(g, ATL_FN_RECIPROCAL, y), 0.5f);
    case ATL_FN_RSQRT: return atl_scale(g, atl_mul(g, y, atl_square(g, y)), -0.5f);
    case ATL_FN_RECIPROCAL: return atl_neg(g, atl_square(g, y));
    case ATL_FN_EXP: return y;
    case ATL_FN_LOG: return atl_fn_of(g, ATL_FN_RECIPROCAL, x);
    case ATL_FN_SIN: return atl_fn_of(g, ATL_FN_COS, x);
    case ATL_FN_COS: return atl_neg(g, atl_fn_of(g, ATL_FN_SIN, x));
    case ATL_FN_SIGMOID: return atl_mul(g, y, atl_affine(g, y, -1.0f, 1.0f));
    case ATL_FN_SOFTPLUS: return atl_fn_of(g, ATL_FN_SIGMOID, x);
    case ATL_FN_TANH: return atl_affine(g, atl_square(g, y), -1.0f, 1.0f);
    case ATL_FN_ABS: return atl_fn_of(g, ATL_FN_SIGN, x);
    case ATL_FN_ERF: // 2 / sqrt(pi) e^(-x^2)
        return atl_scale(g, atl_fn_of(g, ATL_FN_EXP, atl_neg(g, atl_square(g, x))), 1.12837917f);
    case ATL_FN_FLOOR:
    case ATL_FN_STEP:
    case ATL_FN_INSIDE:
    case ATL_FN_SIGN:
    case ATL_UNARY_FNS: break;
    }
    return NULL;
}

void atl_vjp_unary(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    (void)wanted; // the walk only comes here for the one source
    if (n->at.unary.fn == ATL_FN_AFFINE) { // no need to fill a tensor with one number
        dx[0] = atl_scale(g, dy, n->at.unary.a);
        return;
    }
    atl_node *slope = slope_of(g, n);
    dx[0] = slope ? atl_mul(g, dy, slope) : NULL;
}

// The larger (or smaller) one counts; where they are equal, the first.  less: 1 where the second one counts.
static void choose(atl_graph *g, atl_node *less, atl_node *dy, const bool *wanted, atl_node **dx) {
    if (wanted[0])
        dx[0] = atl_mul(g, dy, atl_affine(g, less, -1.0f, 1.0f));
    if (wanted[1])
        dx[1] = atl_mul(g, dy, less);
}

void atl_vjp_binary(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    atl_node *x = n->src[0], *y = n->src[1];
    switch (n->at.binary.fn) {
    case ATL_FN_ADD: dx[0] = dx[1] = dy; break;
    case ATL_FN_SUB:
        dx[0] = dy;
        dx[1] = wanted[1] ? atl_neg(g, dy) : NULL;
        break;
    case ATL_FN_MUL:
        dx[0] = wanted[0] ? atl_mul(g, dy, y) : NULL;
        dx[1] = wanted[1] ? atl_mul(g, dy, x) : NULL;
        break;
    case ATL_FN_DIV:
        dx[0] = wanted[0] ? atl_div(g, dy, y) : NULL;
        dx[1] = wanted[1] ? atl_neg(g, atl_div(g, atl_mul(g, dy, n), y)) : NULL;
        break;
    case ATL_FN_MAX: choose(g, atl_binary(g, ATL_FN_LESS, x, y), dy, wanted, dx); break;
    case ATL_FN_MIN: choose(g, atl_binary(g, ATL_FN_LESS, y, x), dy, wanted, dx); break;
    case ATL_FN_LESS:
    case ATL_BINARY_FNS: break;
    }
}
