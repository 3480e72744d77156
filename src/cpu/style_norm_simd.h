// SPDX-License-Identifier: Apache-2.0
// The first pass of a StyleGAN layer's ending for one instruction set: sums stay in registers while a vector
// of channels runs down the pixels of a part.
#include "cpu/style_norm.h"
#include "cpu/vec.h"

static inline VF part_of(const float *p, size_t n) {
    return n == VL ? vf_load(p) : vf_load_n(p, n);
}

static inline void store_part(float *p, VF v, size_t n) {
    if (n == VL)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

// Channels [j, j + n) of all pixels.
static inline void column(float *a, const float *x, size_t pixels, size_t c, const atl_cpu_style_norm *s,
                          const float *shift, float *sums, size_t j, size_t n) {
    VF bias = part_of(s->bias + j, n), weight = s->noise ? part_of(s->weight + j, n) : vf_zero();
    VF from = part_of(shift + j, n), slope = vf_set(s->slope), sum = vf_zero(), squares = vf_zero();
    for (size_t p = 0; p < pixels; p++) {
        VF v = vf_add(part_of(x + p * c + j, n), bias);
        if (s->noise)
            v = vf_fma(vf_set(s->noise[p]), weight, v);
        v = vf_lrelu(v, slope);
        store_part(a + p * c + j, v, n);
        VF d = vf_sub(v, from);
        sum = vf_add(sum, d);
        squares = vf_fma(d, d, squares);
    }
    store_part(sums + j, vf_add(part_of(sums + j, n), sum), n);
    store_part(sums + c + j, vf_add(part_of(sums + c + j, n), squares), n);
}

static void sums_of(float *a, const float *x, size_t pixels, size_t c, const atl_cpu_style_norm *s,
                    const float *shift, float *sums) {
    size_t j = 0;
    for (; j + VL <= c; j += VL)
        column(a, x, pixels, c, s, shift, sums, j, VL);
    if (j < c)
        column(a, x, pixels, c, s, shift, sums, j, c - j);
}

void ATL_VEC(atl_cpu_style_init)(atl_cpu_style_kernels *k) {
    k->sums = sums_of;
}
