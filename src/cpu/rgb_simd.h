// SPDX-License-Identifier: Apache-2.0
// 1x1 convolutions with few channels on one side.
//
// To few: a pixel's channels are lanes, so each output is a sum over lanes; those of a pixel are folded
// together.  From few: the output channels are lanes and the weights of a block of them stay in registers.
#include "cpu/rgb.h"
#include "cpu/vec.h"

// Floats between what is read and what is asked for: a page, where the own prefetch of processors stops.
enum { AHEAD = 1024 };

static inline VF load_part(const float *p, size_t n) {
    return n == VL ? vf_load(p) : vf_load_n(p, n);
}

// Four pixels from x on to `co` channels; a constant co lets the compiler keep all sums in registers.  `alone`: of one
// row, so that the next pixels are not in a cache yet.
static inline __attribute__((always_inline)) void to_four(float *y, const float *x, const atl_cpu_rgb_sums *s,
                                                          size_t co, int alone) {
    const size_t step = s->x_step, w_step = s->w_step;
    VF sum[4][ATL_RGB_MAX];
    for (size_t p = 0; p < 4; p++)
        for (size_t o = 0; o < co; o++)
            sum[p][o] = vf_zero();
    for (size_t r = 0; r < s->rows; r++) {
        const float *from = x + r * s->x_row, *w = s->w + r * s->w_row;
        for (size_t i = 0; i < s->count; i += VL) {
            size_t n = s->count - i < VL ? s->count - i : VL;
            VF weight[ATL_RGB_MAX];
            for (size_t o = 0; o < co; o++)
                weight[o] = load_part(w + o * w_step + i, n);
            for (size_t p = 0; p < 4; p++) {
                if (alone)
                    __builtin_prefetch((const void *)((uintptr_t)(from + p * step + i) + AHEAD * sizeof *x));
                VF v = load_part(from + p * step + i, n);
                for (size_t o = 0; o < co; o++)
                    sum[p][o] = vf_fma(v, weight[o], sum[p][o]);
            }
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

static float to_one(const float *x, const float *w, const atl_cpu_rgb_sums *s) {
    VF sum = vf_zero();
    for (size_t r = 0; r < s->rows; r++, x += s->x_row, w += s->w_row)
        for (size_t i = 0; i < s->count; i += VL) {
            size_t n = s->count - i < VL ? s->count - i : VL;
            sum = vf_fma(load_part(x + i, n), load_part(w + i, n), sum);
        }
    return vf_sum(sum);
}

static inline __attribute__((always_inline)) void to_const(float *y, const atl_cpu_rgb_sums *s, size_t pixels,
                                                           size_t co) {
    size_t p = 0;
    if (s->rows == 1)
        for (; p + 4 <= pixels; p += 4)
            to_four(y + p * co, s->x + p * s->x_step, s, co, 1);
    for (; p + 4 <= pixels; p += 4)
        to_four(y + p * co, s->x + p * s->x_step, s, co, 0);
    for (; p < pixels; p++)
        for (size_t o = 0; o < co; o++)
            y[p * co + o] = to_one(s->x + p * s->x_step, s->w + o * s->w_step, s);
}

static void sums(float *y, const atl_cpu_rgb_sums *s, size_t pixels, size_t co) {
    switch (co) {
    case 1: to_const(y, s, pixels, 1); break;
    case 2: to_const(y, s, pixels, 2); break;
    case 3: to_const(y, s, pixels, 3); break;
    default: to_const(y, s, pixels, 4); break;
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
    *k = (atl_cpu_rgb_kernels){ sums, from };
}
