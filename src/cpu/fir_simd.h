// SPDX-License-Identifier: Apache-2.0
// The two inner loops of the FIR filter, over lanes that are channels (pixels) or any floats (combine).
#include "cpu/fir.h"
#include "cpu/vec.h"

static inline VF start(const float *y, int add) {
    return add ? vf_load(y) : vf_zero();
}

static void combine(float *y, const float *const *rows, const float *t, int taps, size_t length, int add) {
    size_t j = 0;
    for (; j + 4 * VL <= length; j += 4 * VL) {
        VF s0 = start(y + j, add), s1 = start(y + j + VL, add);
        VF s2 = start(y + j + 2 * VL, add), s3 = start(y + j + 3 * VL, add);
        for (int i = 0; i < taps; i++) {
            const float *x = rows[i] + j;
            VF w = vf_set(t[i]);
            s0 = vf_fma(w, vf_load(x), s0);
            s1 = vf_fma(w, vf_load(x + VL), s1);
            s2 = vf_fma(w, vf_load(x + 2 * VL), s2);
            s3 = vf_fma(w, vf_load(x + 3 * VL), s3);
        }
        vf_store(y + j, s0);
        vf_store(y + j + VL, s1);
        vf_store(y + j + 2 * VL, s2);
        vf_store(y + j + 3 * VL, s3);
    }
    for (; j < length; j += VL) {
        size_t n = length - j < VL ? length - j : VL;
        VF s = add ? vf_load_n(y + j, n) : vf_zero();
        for (int i = 0; i < taps; i++)
            s = vf_fma(vf_set(t[i]), vf_load_n(rows[i] + j, n), s);
        vf_store_n(y + j, s, n);
    }
}

// One pixel, channels in blocks of two vectors.
static inline void pixel(float *y, const float *x, size_t tap_step, const float *t, int taps, size_t c,
                         int add) {
    size_t j = 0;
    for (; j + 2 * VL <= c; j += 2 * VL) {
        VF s0 = start(y + j, add), s1 = start(y + j + VL, add);
        const float *from = x + j;
        for (int i = 0; i < taps; i++, from += tap_step) {
            VF w = vf_set(t[i]);
            s0 = vf_fma(w, vf_load(from), s0);
            s1 = vf_fma(w, vf_load(from + VL), s1);
        }
        vf_store(y + j, s0);
        vf_store(y + j + VL, s1);
    }
    for (; j < c; j += VL) {
        size_t n = c - j < VL ? c - j : VL;
        VF s = add ? vf_load_n(y + j, n) : vf_zero();
        for (int i = 0; i < taps; i++)
            s = vf_fma(vf_set(t[i]), vf_load_n(x + j + (size_t)i * tap_step, n), s);
        vf_store_n(y + j, s, n);
    }
}

// Up to four channels (images): quarter vectors without a loop over channels.
static inline void few(float *y, size_t y_step, const float *x, size_t x_step, size_t tap_step,
                       const float *t, int taps, size_t count, size_t c, int add) {
    for (size_t p = 0; p < count; p++, y += y_step, x += x_step) {
        VQ s = add ? vq_load_n(y, c) : vq_set(0.0f);
        for (int i = 0; i < taps; i++)
            s = vq_fma(vq_set(t[i]), vq_load_n(x + (size_t)i * tap_step, c), s);
        vq_store_n(y, s, c);
    }
}

static void pixels(float *y, size_t y_step, const float *x, size_t x_step, size_t tap_step, const float *t,
                   int taps, size_t count, size_t c, int add) {
    if (c == 3 && tap_step == 3 && taps == 2 && !add) { // upsampled images; constants let the compiler unroll
        few(y, y_step, x, x_step, 3, t, 2, count, 3, 0);
        return;
    }
    if (c == 3 && tap_step == 3 && taps == 4 && !add) {
        few(y, y_step, x, x_step, 3, t, 4, count, 3, 0);
        return;
    }
    if (c <= 4) {
        few(y, y_step, x, x_step, tap_step, t, taps, count, c, add);
        return;
    }
    for (size_t p = 0; p < count; p++)
        pixel(y + p * y_step, x + p * x_step, tap_step, t, taps, c, add);
}

void ATL_VEC(atl_cpu_fir_init)(atl_cpu_fir_kernels *k) {
    *k = (atl_cpu_fir_kernels){ combine, pixels };
}
