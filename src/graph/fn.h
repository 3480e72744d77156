// SPDX-License-Identifier: Apache-2.0
// The vocabulary that nodes and kernels share: functions of one and of two numbers, and the slots of a
// multilinear form.  Knows no nodes, so that kernels may include it.
#ifndef ATL_GRAPH_FN_H
#define ATL_GRAPH_FN_H

typedef enum atl_fn1 {
    ATL_FN_AFFINE,   // a x + b
    ATL_FN_LRELU,    // x < 0 ? a x : x
    ATL_FN_STEP,     // x < 0 ? a : 1
    ATL_FN_CLAMP,    // into [a, b]
    ATL_FN_INSIDE,   // a <= x <= b ? 1 : 0
    ATL_FN_SQUARE, ATL_FN_SQRT, ATL_FN_RSQRT, ATL_FN_RECIPROCAL, ATL_FN_EXP, ATL_FN_LOG,
    ATL_FN_SIN, ATL_FN_COS, ATL_FN_SIGMOID, ATL_FN_SOFTPLUS, ATL_FN_TANH, ATL_FN_ABS, ATL_FN_SIGN,
    ATL_FN_ERF, ATL_FN_FLOOR,
    ATL_UNARY_FNS
} atl_fn1;

typedef enum atl_fn2 {
    ATL_FN_ADD, ATL_FN_SUB, ATL_FN_MUL, ATL_FN_DIV, ATL_FN_MAX, ATL_FN_MIN,
    ATL_FN_LESS,     // x < y ? 1 : 0
    ATL_BINARY_FNS
} atl_fn2;

// The form  F(x, w, y) = <y, conv(x, w)>:  slot says which derivative of F a node is.
typedef enum atl_slot { ATL_SLOT_Y, ATL_SLOT_X, ATL_SLOT_W } atl_slot;

#endif
