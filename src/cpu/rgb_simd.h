// SPDX-License-Identifier: Apache-2.0
// 1x1 convolutions with few channels on one side.
//
// To few: a pixel's channels are lanes, so each output is a sum over lanes; those of a pixel are folded
// together.  From few: the output channels are lanes and the weights of a block of them stay in registers.
#include "cpu/rgb.h"
#include "cpu/vec.h"

// Floats between what is read and what is asked for: a page, where the own prefetch of processors stops.
enum { AHEAD = 1024 };

// Four pixels to `co` channels; a constant co lets the compiler keep all sums in registers.
static inline __attribute__((always_inline)) void to_four(float *y, const float *x, const float *w, size_t ci,
                                                          size_t co) {
    VF sum[4][ATL_RGB_MAX];
    for (size_t p = 0; p < 4; p++)
        for (size_t o = 0; o < co; o++)
            sum[p][o] = vf_zero();
    for (size_t i = 0; i < ci; i += VL) {
        size_t n = ci - i < VL ? ci - i : VL;
        VF weight[ATL_RGB_MAX];
        for (size_t o = 0; o < co; o++)
            weight[o] = n == VL ? vf_load(w + o * ci + i) : vf_load_n(w + o * ci + i, n);
        for (size_t p = 0; p < 4; p++) {
            __builtin_prefetch((const void *)((uintptr_t)(x + p * ci + i) + AHEAD * sizeof *x));
            VF v = n == VL ? vf_load(x + p * ci + i) : vf_load_n(x + p * ci + i, n);
            for (size_t o = 0; o < co; o++)
                sum[p][o] = vf_fma(v, weight[o], sum[p][o]);
        }
    }
    for (size_t p = 0; p < 4; p++) { // whole vectors: the next pixel overwrites what is too much
        VF none = vf_zero();
        VQ out = vq_sums(sum[p][0], co > 1 ? sum[p][1] : none, co > 2 ? sum[p][2] : none, co > 3 ? sum[p][3] : none);
        if (p * co + 4 <= 4 * co)
            vq_store(y + p * co, out);
        else
            vq_store_n(y + p * co, out, co);
    }
}

static inline void to_const(float *y, const float *x, const float *w, size_t pixels, size_t ci, size_t co) {
    size_t p = 0;
    for (; p + 4 <= pixels; p += 4)
        to_four(y + p * co, x + p * ci, w, ci, co);
    for (; p < pixels; p++)
        for (size_t o = 0; o < co; o++) {
            VF sum = vf_zero();
            for (size_t i = 0; i < ci; i += VL) {
                size_t n = ci - i < VL ? ci - i : VL;
                sum = vf_fma(vf_load_n(x + p * ci + i, n), vf_load_n(w + o * ci + i, n), sum);
            }
            y[p * co + o] = vf_sum(sum);
        }
}

static void to(float *y, const float *x, const float *w, size_t pixels, size_t ci, size_t co) {
    switch (co) {
    case 1: to_const(y, x, w, pixels, ci, 1); break;
    case 2: to_const(y, x, w, pixels, ci, 2); break;
    case 3: to_const(y, x, w, pixels, ci, 3); break;
    default: to_const(y, x, w, pixels, ci, 4); break;
    }
}

// Output channels [o, o + n) of all pixels, n <= VL.
static void from_block(float *y, const float *x, const float *w, size_t pixels, size_t ci, size_t co,
                       size_t n) {
    VF weight[ATL_RGB_MAX];
    for (size_t i = 0; i < ci; i++) {
        float column[VL] = { 0 };
        for (size_t o = 0; o < n; o++)
            column[o] = w[o * ci + i];
        weight[i] = vf_load(column);
    }
    for (size_t p = 0; p < pixels; p++) {
        VF sum = vf_mul(vf_set(x[p * ci]), weight[0]);
        for (size_t i = 1; i < ci; i++)
            sum = vf_fma(vf_set(x[p * ci + i]), weight[i], sum);
        if (n == VL)
            vf_store(y + p * co, sum);
        else
            vf_store_n(y + p * co, sum, n);
    }
}

static void from(float *y, const float *x, const float *w, size_t pixels, size_t ci, size_t co) {
    for (size_t o = 0; o < co; o += VL)
        from_block(y + o, x, w + o * ci, pixels, ci, co, co - o < VL ? co - o : VL);
}

void ATL_VEC(atl_cpu_rgb_init)(atl_cpu_rgb_kernels *k) {
    *k = (atl_cpu_rgb_kernels){ to, from };
}
