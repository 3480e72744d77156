// SPDX-License-Identifier: Apache-2.0
// Pointwise loops in plain C, which compilers turn into vectors by themselves.  Included by the reference
// and by each instruction set's file, so one text is compiled once per set; products and sums are never
// contracted, so every set gives the same bits.
//
// "omp simd" states that iterations are independent, which holds too when y is x.
#include <math.h>
#include <string.h>
#include "cpu/pointwise.h"

#define UNARY(name, expression)                                                       \
    static void name##_loop(float *y, const float *x, size_t n, float a, float b) {   \
        (void)a;                                                                      \
        (void)b;                                                                      \
        _Pragma("omp simd")                                                           \
        for (size_t i = 0; i < n; i++) {                                              \
            float v = x[i];                                                           \
            y[i] = (expression);                                                      \
        }                                                                             \
    }

// Selections choose between finished numbers: a branch around arithmetic would keep the loop scalar.
UNARY(affine, a * v + b)
UNARY(lrelu, (v < 0.0f ? 0.0f : v) + a * (v < 0.0f ? v : 0.0f)) // NaN stays NaN
UNARY(step, v < 0.0f ? a : 1.0f)
UNARY(sign, (v > 0.0f ? 1.0f : 0.0f) - (v < 0.0f ? 1.0f : 0.0f))
UNARY(abs, fabsf(v))
UNARY(square, v * v)
UNARY(sqrt, sqrtf(v))
UNARY(rsqrt, 1.0f / sqrtf(v))
UNARY(reciprocal, 1.0f / v)
UNARY(clamp, v < a ? a : v > b ? b : v)
UNARY(inside, (a <= v ? 1.0f : 0.0f) * (v <= b ? 1.0f : 0.0f))
UNARY(floor, floorf(v))
#undef UNARY

#define BINARY(name, expression)                                                                   \
    static void name##_loop(float *y, const float *x, size_t x_step, const float *z, size_t z_step, \
                            size_t n) {                                                             \
        if (x_step && z_step) {                                                                     \
            _Pragma("omp simd")                                                                     \
            for (size_t i = 0; i < n; i++) {                                                        \
                float u = x[i], v = z[i];                                                           \
                y[i] = (expression);                                                                \
            }                                                                                       \
        } else if (x_step) {                                                                        \
            float v = *z;                                                                           \
            _Pragma("omp simd")                                                                     \
            for (size_t i = 0; i < n; i++) {                                                        \
                float u = x[i];                                                                     \
                y[i] = (expression);                                                                \
            }                                                                                       \
        } else {                                                                                    \
            float u = *x;                                                                           \
            size_t s = z_step;                                                                      \
            _Pragma("omp simd")                                                                     \
            for (size_t i = 0; i < n; i++) {                                                        \
                float v = z[i * s];                                                                 \
                y[i] = (expression);                                                                \
            }                                                                                       \
        }                                                                                           \
    }

BINARY(add, u + v)
BINARY(sub, u - v)
BINARY(mul, u * v)
BINARY(div, u / v)
BINARY(max, u > v ? u : v)
BINARY(min, u < v ? u : v)
BINARY(less, u < v ? 1.0f : 0.0f)
#undef BINARY

enum { LANES = 16, SUM_BLOCK = 1024, NARROW = 16 };

// 16 interleaved sums over a block, folded in halves.
static float sum_block(const float *x, size_t n) {
    float lane[LANES] = { 0 };
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += x[i + j];
    for (size_t j = 0; i + j < n; j++)
        lane[j] += x[i + j];
    for (size_t half = LANES / 2; half; half /= 2)
        for (size_t j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

// Blocks are added pairwise: the error grows with the logarithm of n.
static float sum_loop(const float *x, size_t n) {
    if (n <= SUM_BLOCK)
        return sum_block(x, n);
    size_t half = (n / 2 + SUM_BLOCK - 1) / SUM_BLOCK * SUM_BLOCK;
    return sum_loop(x, half) + sum_loop(x + half, n - half);
}

// Taps of a 3x3 filter, in the order in which sum_block folds nine numbers: what it adds beyond them are
// zeros, of which one at the end does what all did.
static void sum_nine(float *y, const float *x, const float *z, size_t rows) {
    for (size_t i = 0; i < rows; i++, x += 9, z = z ? z + 9 : NULL) {
        float v[9];
        for (size_t j = 0; j < 9; j++)
            v[j] = z ? x[j] * z[j] : x[j];
        y[i] = (((v[0] + v[8]) + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])) + 0.0f;
    }
}

static void undo_rows_loop(float *y, const float *dy, const float *z, const float *noise, const float *offset,
                           float inverse, float gain, size_t rows, size_t c) {
    for (size_t i = 0; i < rows; i++, dy += c, z += c) {
        float less = noise ? noise[i] * gain : 0.0f;
        for (size_t j = 0; j < c; j++)
            y[j] += dy[j] * ((z[j] < 0.0f ? z[j] * inverse : z[j]) - less - offset[j]);
    }
}

static void sum_short_loop(float *y, const float *x, const float *z, size_t rows, size_t n) {
    float product[ATL_SHORT_ROW];
    if (n == 9) {
        sum_nine(y, x, z, rows);
        return;
    }
    for (size_t i = 0; i < rows; i++, x += n) {
        for (size_t j = 0; z && j < n; j++)
            product[j] = x[j] * z[i * n + j];
        y[i] = sum_block(z ? product : x, n);
    }
}

// Few columns: 16 rows are treated as one long row, folded at the end.
static void add_narrow(float *y, const float *x, size_t rows, size_t c) {
    float sum[LANES * NARROW] = { 0 };
    size_t length = LANES * c, row = 0;
    for (; row + LANES <= rows; row += LANES, x += length) {
        _Pragma("omp simd")
        for (size_t j = 0; j < length; j++)
            sum[j] += x[j];
    }
    for (size_t j = 0; j < (rows - row) * c; j++)
        sum[j] += x[j];
    for (size_t j = 0; j < length; j++)
        y[j % c] += sum[j];
}

static void add_rows_loop(float *y, const float *x, size_t rows, size_t c) {
    if (c < NARROW) {
        add_narrow(y, x, rows, c);
        return;
    }
    for (size_t row = 0; row < rows; row++, x += c) {
        _Pragma("omp simd")
        for (size_t j = 0; j < c; j++)
            y[j] += x[j];
    }
}

static void fill_loops(atl_cpu_pointwise_kernels *k) {
    k->unary[ATL_FN_AFFINE] = affine_loop;
    k->unary[ATL_FN_LRELU] = lrelu_loop;
    k->unary[ATL_FN_STEP] = step_loop;
    k->unary[ATL_FN_SIGN] = sign_loop;
    k->unary[ATL_FN_ABS] = abs_loop;
    k->unary[ATL_FN_SQUARE] = square_loop;
    k->unary[ATL_FN_SQRT] = sqrt_loop;
    k->unary[ATL_FN_RSQRT] = rsqrt_loop;
    k->unary[ATL_FN_RECIPROCAL] = reciprocal_loop;
    k->unary[ATL_FN_CLAMP] = clamp_loop;
    k->unary[ATL_FN_INSIDE] = inside_loop;
    k->unary[ATL_FN_FLOOR] = floor_loop;
    k->binary[ATL_FN_ADD] = add_loop;
    k->binary[ATL_FN_SUB] = sub_loop;
    k->binary[ATL_FN_MUL] = mul_loop;
    k->binary[ATL_FN_DIV] = div_loop;
    k->binary[ATL_FN_MAX] = max_loop;
    k->binary[ATL_FN_MIN] = min_loop;
    k->binary[ATL_FN_LESS] = less_loop;
    k->add_rows = add_rows_loop;
    k->sum = sum_loop;
    k->sum_short = sum_short_loop;
    k->undo_rows = undo_rows_loop;
}
