// SPDX-License-Identifier: Apache-2.0
// THE op table: a row is what every pass may ask of an op, its name, its derivative and its cost.  What one
// pass alone knows, which ops are views or which of them fuse, stands in that pass.  Adding an op is a
// constructor (pointwise.c, linear.c, contract.c), a row here, and a row in each backend.
#include "graph/build.h"

const atl_op_row atl_op_table[ATL_OPS] = {
    // clang-format off
    //                    name          kind                   derivative        cost
    [ATL_OP_POISON]     = { "poison",     ATL_KIND_LEAF,        NULL,             NULL },
    [ATL_OP_INPUT]      = { "input",      ATL_KIND_LEAF,        NULL,             NULL },
    [ATL_OP_PARAM]      = { "parameter",  ATL_KIND_LEAF,        NULL,             NULL },
    [ATL_OP_CONST]      = { "constant",   ATL_KIND_LEAF,        NULL,             NULL },
    [ATL_OP_FILL]       = { "fill",       ATL_KIND_LEAF,        NULL,             NULL },
    [ATL_OP_NORMAL]     = { "normal",     ATL_KIND_LEAF,        NULL,             NULL },
    [ATL_OP_UNARY]      = { "unary",      ATL_KIND_POINTWISE,   atl_vjp_unary,    NULL },
    [ATL_OP_BINARY]     = { "binary",     ATL_KIND_POINTWISE,   atl_vjp_binary,   NULL },
    [ATL_OP_SUM]        = { "sum",        ATL_KIND_LINEAR,      atl_vjp_sum,      NULL },
    [ATL_OP_EXPAND]     = { "expand",     ATL_KIND_VIEW,        atl_vjp_expand,   NULL },
    [ATL_OP_RESHAPE]    = { "reshape",    ATL_KIND_VIEW,        atl_vjp_reshape,  NULL },
    [ATL_OP_PERMUTE]    = { "permute",    ATL_KIND_LINEAR,      atl_vjp_permute,  NULL },
    [ATL_OP_SLICE]      = { "slice",      ATL_KIND_LINEAR,      atl_vjp_slice,    NULL },
    [ATL_OP_PAD]        = { "pad",        ATL_KIND_LINEAR,      atl_vjp_pad,      NULL },
    [ATL_OP_CONCAT]     = { "concat",     ATL_KIND_LINEAR,      atl_vjp_concat,   NULL },
    [ATL_OP_UPFIRDN]    = { "upfirdn",    ATL_KIND_LINEAR,      atl_vjp_upfirdn,  atl_flops_upfirdn },
    [ATL_OP_PICK]       = { "pick",       ATL_KIND_LINEAR,      atl_vjp_pick,     NULL },
    [ATL_OP_PICK_T]     = { "pick_t",     ATL_KIND_LINEAR,      atl_vjp_pick,     NULL },
    [ATL_OP_GATHER]     = { "gather",     ATL_KIND_LINEAR,      atl_vjp_gather,   atl_flops_gather },
    [ATL_OP_GATHER_T]   = { "gather_t",   ATL_KIND_LINEAR,      atl_vjp_gather,   atl_flops_gather },
    [ATL_OP_ACROSS]     = { "across",     ATL_KIND_LINEAR,      atl_vjp_across,   NULL },
    [ATL_OP_GEOM]       = { "geom",       ATL_KIND_LINEAR,      atl_vjp_resample, NULL },
    [ATL_OP_GEOM_T]     = { "geom_t",     ATL_KIND_LINEAR,      atl_vjp_resample, NULL },
    [ATL_OP_SEPFIR]     = { "sepfir",     ATL_KIND_LINEAR,      atl_vjp_resample, NULL },
    [ATL_OP_SEPFIR_T]   = { "sepfir_t",   ATL_KIND_LINEAR,      atl_vjp_resample, NULL },
    [ATL_OP_FLRELU]     = { "flrelu",     ATL_KIND_LINEAR,      atl_vjp_flrelu,   atl_flops_flrelu },
    [ATL_OP_FLRELU_T]   = { "flrelu_t",   ATL_KIND_LINEAR,      atl_vjp_flrelu_t, atl_flops_flrelu_t },
    [ATL_OP_MATMUL]     = { "matmul",     ATL_KIND_CONTRACTION, atl_vjp_matmul,   atl_flops_matmul },
    [ATL_OP_CONV]       = { "conv",       ATL_KIND_CONTRACTION, atl_vjp_conv,     atl_flops_conv },
    [ATL_OP_STYLE_NORM] = { "style_norm", ATL_KIND_FUSED,       NULL,             NULL },
    [ATL_OP_EPILOGUE]   = { "epilogue",   ATL_KIND_FUSED,       NULL,             NULL },
    [ATL_OP_SCALE_GRAD] = { "scale_grad", ATL_KIND_FUSED,       NULL,             NULL },
    // clang-format on
};

static const char *const UNARY_NAMES[ATL_UNARY_FNS] = {
    [ATL_FN_AFFINE] = "affine", [ATL_FN_LRELU] = "lrelu", [ATL_FN_STEP] = "step", [ATL_FN_CLAMP] = "clamp",
    [ATL_FN_INSIDE] = "inside", [ATL_FN_SQUARE] = "square", [ATL_FN_SQRT] = "sqrt", [ATL_FN_RSQRT] = "rsqrt",
    [ATL_FN_RECIPROCAL] = "reciprocal", [ATL_FN_EXP] = "exp", [ATL_FN_LOG] = "log", [ATL_FN_SIN] = "sin",
    [ATL_FN_COS] = "cos", [ATL_FN_SIGMOID] = "sigmoid", [ATL_FN_SOFTPLUS] = "softplus", [ATL_FN_TANH] = "tanh",
    [ATL_FN_ABS] = "abs", [ATL_FN_SIGN] = "sign",
    [ATL_FN_ERF] = "erf", [ATL_FN_FLOOR] = "floor",
};
static const char *const BINARY_NAMES[ATL_BINARY_FNS] = {
    [ATL_FN_ADD] = "add", [ATL_FN_SUB] = "sub", [ATL_FN_MUL] = "mul", [ATL_FN_DIV] = "div",
    [ATL_FN_MAX] = "max", [ATL_FN_MIN] = "min", [ATL_FN_LESS] = "less",
};

const char *atl_node_op_name(const atl_node *n) {
    if (n->op == ATL_OP_UNARY)
        return UNARY_NAMES[n->at.unary.fn];
    if (n->op == ATL_OP_BINARY)
        return BINARY_NAMES[n->at.binary.fn];
    return atl_op_table[n->op].name;
}
