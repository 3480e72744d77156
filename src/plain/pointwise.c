// SPDX-License-Identifier: Apache-2.0
// Functions of one and of two numbers.  Sources are read by their strides: 0 repeats.
#include <math.h>

#include "plain/plain.h"

// clang-format off
#define FN1(name, expression) static float name(float x, float a, float b) { (void)a; (void)b; return (expression); }
#define FN2(name, expression) static float name(float x, float y) { return (expression); }
// clang-format on

FN1(affine, a *x + b)
FN1(lrelu, x < 0.0f ? a * x : x)
FN1(step, x < 0.0f ? a : 1.0f)
FN1(clamp, x<a ? a : x> b ? b : x)
FN1(inside, x >= a && x <= b ? 1.0f : 0.0f)
FN1(square, x *x)
FN1(square_root, sqrtf(x))
FN1(inverse_root, 1.0f / sqrtf(x))
FN1(reciprocal, 1.0f / x)
FN1(exponential, expf(x))
FN1(logarithm, logf(x))
FN1(sine, sinf(x))
FN1(cosine, cosf(x))
FN1(sigmoid, 1.0f / (1.0f + expf(-x)))
FN1(softplus, (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x)))) // exact at both ends: no overflow
FN1(tangent, tanhf(x))
FN1(absolute, fabsf(x))
FN1(error_function, erff(x))
FN1(round_down, floorf(x))
FN1(sign, (float)((x > 0.0f) - (x < 0.0f)))

FN2(sum, x + y)
FN2(difference, x - y)
FN2(product, x *y)
FN2(quotient, x / y)
FN2(larger, x > y ? x : y)
FN2(smaller, x < y ? x : y)
FN2(less, x < y ? 1.0f : 0.0f)

static float (*const UNARY[ATL_UNARY_FNS])(float, float, float) = {
    [ATL_FN_AFFINE] = affine,      [ATL_FN_LRELU] = lrelu,        [ATL_FN_STEP] = step,
    [ATL_FN_CLAMP] = clamp,        [ATL_FN_INSIDE] = inside,      [ATL_FN_SQUARE] = square,
    [ATL_FN_SQRT] = square_root,   [ATL_FN_RSQRT] = inverse_root, [ATL_FN_RECIPROCAL] = reciprocal,
    [ATL_FN_EXP] = exponential,    [ATL_FN_LOG] = logarithm,      [ATL_FN_SIN] = sine,
    [ATL_FN_COS] = cosine,         [ATL_FN_SIGMOID] = sigmoid,    [ATL_FN_SOFTPLUS] = softplus,
    [ATL_FN_TANH] = tangent,       [ATL_FN_ABS] = absolute,       [ATL_FN_SIGN] = sign,
    [ATL_FN_ERF] = error_function, [ATL_FN_FLOOR] = round_down,
};

static float (*const BINARY[ATL_BINARY_FNS])(float, float) = {
    [ATL_FN_ADD] = sum,    [ATL_FN_SUB] = difference, [ATL_FN_MUL] = product, [ATL_FN_DIV] = quotient,
    [ATL_FN_MAX] = larger, [ATL_FN_MIN] = smaller,    [ATL_FN_LESS] = less,
};

bool atl_plain_knows_fn(const atl_node *n) {
    return n->op == ATL_OP_UNARY ? UNARY[n->at.unary.fn] != NULL : BINARY[n->at.binary.fn] != NULL;
}

// Element `at` of source k.
static float element(const atl_plain_call *c, int k, const int64_t *at) {
    int64_t offset = 0;
    for (int i = 0; i < c->shape->rank; i++)
        offset += at[i] * c->step->src[k].stride[i];
    return c->src[k][offset];
}

void atl_plain_op_unary(const atl_plain_call *c) {
    int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(c->shape);
    float (*f)(float, float, float) = UNARY[c->node->at.unary.fn];
    for (int64_t i = 0; i < count; i++, atl_plain_next(c->shape, at))
        c->out[i] = f(element(c, 0, at), c->node->at.unary.a, c->node->at.unary.b);
}

void atl_plain_op_binary(const atl_plain_call *c) {
    int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(c->shape);
    float (*f)(float, float) = BINARY[c->node->at.binary.fn];
    for (int64_t i = 0; i < count; i++, atl_plain_next(c->shape, at))
        c->out[i] = f(element(c, 0, at), element(c, 1, at));
}
