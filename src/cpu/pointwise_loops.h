// SPDX-License-Identifier: Apache-2.0
// Pointwise loops in plain C, which compilers turn into vectors by themselves.  Included by the reference
// and by each instruction set's file, so one text is compiled once per set; products and sums are never
// contracted, so every set gives the same bits.
//
// "omp simd" states that iterations are independent, which holds too when y is x.
#include <math.h>
#include <string.h>
#include "cpu/pointwise.h"

// ---- exp and what follows from it, of our own: loops of them become vectors, and every machine gives the
// same bits.  Polynomials are least-maximum fits; errors are of the value, rounding included.

static inline float bits_float(int32_t bits) {
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// 2^n as two factors, so that results beyond the range are infinite and small ones lose their digits one by
// one.  1e-7 of the value.
static inline float exp_of(float x) {
    const float round = 12582912.0f; // 1.5 * 2^23: a sum with it has no digits behind the point
    float v = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x; // NaN stays
    float shifted = v * 1.44269504f + round, n = shifted - round;
    float r = (v - n * 0.693145752f) - n * 1.42860677e-6f; // log(2) in two parts, the first of few digits
    float p = (((0.00139504799f * r + 0.00836888887f) * r + 0.041666206f) * r + 0.166665182f) * r + 0.5f;
    int32_t whole;
    memcpy(&whole, &shifted, sizeof whole);
    whole -= 0x4b400000; // the bits of `round`
    int32_t half = whole >> 1;
    return (1.0f + (r + r * r * p)) * bits_float((int32_t)((uint32_t)(half + 127) << 23)) *
           bits_float((int32_t)((uint32_t)(whole - half + 127) << 23)); // of NaN the shift loses digits
}

static inline float sigmoid_of(float x) {
    return 1.0f / (1.0f + exp_of(-x));
}

// An odd polynomial where 1 - 2 / (exp(2 |x|) + 1) would lose digits.
static inline float tanh_of(float x) {
    float t = fabsf(x), s = x * x;
    float p =
        (((-0.00571701163f * s + 0.0206505546f) * s - 0.0537434854f) * s + 0.133314908f) * s - 0.333332837f;
    float small = x + x * s * p, large = 1.0f - 2.0f / (exp_of(2.0f * t) + 1.0f);
    return t < 0.625f ? small : copysignf(large, x);
}

// x times a polynomial of x^2 up to 1; beyond it 1 - exp(-g), g a polynomial for -log(erfc), which is 1 from
// 4 on.
static inline float erf_of(float x) {
    float a = fabsf(x), t = a > 4.0f ? 4.0f : a, s = x * x;
    float p = 7.88910911e-5f;
    p = ((((p * s - 0.000802083814f) * s + 0.00518953521f) * s - 0.0268544443f) * s + 0.112836003f) * s;
    p = (p - 0.37612626f) * s + 0.128379166f;
    float g = -0.000185577475f;
    g = ((((g * t + 0.00293963931f) * t - 0.0218054466f) * t + 0.103037633f) * t + 0.638225377f) * t;
    g = (g + 1.12704027f) * t + 0.000353678013f;
    float small = x + x * p, large = copysignf(1.0f - exp_of(-g), x);
    return a < 1.0f ? small : large;
}

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
UNARY(exp, exp_of(v))
UNARY(sigmoid, sigmoid_of(v))
UNARY(tanh, tanh_of(v))
UNARY(erf, erf_of(v))
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
    k->unary[ATL_FN_EXP] = exp_loop;
    k->unary[ATL_FN_SIGMOID] = sigmoid_loop;
    k->unary[ATL_FN_TANH] = tanh_loop;
    k->unary[ATL_FN_ERF] = erf_loop;
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
