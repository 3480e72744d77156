// SPDX-License-Identifier: Apache-2.0
// The packed product: a panel is four vectors wide, and as many rows share one pass over it as have their
// sums in registers: four of the 32 registers of AVX-512, two of the 16 of AVX2.
#include "cpu/gemv.h"
#include "cpu/vec.h"

enum { ROWS = VL == 16 ? 4 : 2 };

static inline void store_row(float *c, const VF *sum, size_t n) {
    for (size_t v = 0; v < 4; v++) {
        size_t left = n > v * VL ? n - v * VL : 0;
        if (left >= VL)
            vf_store(c + v * VL, sum[v]);
        else if (left)
            vf_store_n(c + v * VL, sum[v], left);
    }
}

// One row alternates between two sets of sums: eight independent chains hide the latency of the FMA.
static void one_row(float *c, const float *a, const float *b, size_t n, size_t k) {
    VF s[8];
    for (size_t v = 0; v < 8; v++)
        s[v] = vf_zero();
    size_t l = 0;
    for (; l + 2 <= k; l += 2, b += 8 * VL) {
        VF a0 = vf_set(a[l]), a1 = vf_set(a[l + 1]);
        for (size_t v = 0; v < 4; v++) {
            s[v] = vf_fma(a0, vf_load(b + v * VL), s[v]);
            s[4 + v] = vf_fma(a1, vf_load(b + (4 + v) * VL), s[4 + v]);
        }
    }
    if (l < k)
        for (size_t v = 0; v < 4; v++)
            s[v] = vf_fma(vf_set(a[l]), vf_load(b + v * VL), s[v]);
    for (size_t v = 0; v < 4; v++)
        s[v] = vf_add(s[v], s[4 + v]);
    store_row(c, s, n);
}

// A constant number of rows: its sums become registers.
static inline void rows(float *c, size_t c_step, const float *a, size_t a_step, const float *b, size_t m,
                        size_t n, size_t k) {
    VF s[ROWS][4];
    for (size_t i = 0; i < m; i++)
        for (size_t v = 0; v < 4; v++)
            s[i][v] = vf_zero();
    for (size_t l = 0; l < k; l++, b += 4 * VL) {
        VF w[4];
        for (size_t v = 0; v < 4; v++)
            w[v] = vf_load(b + v * VL);
        for (size_t i = 0; i < m; i++) {
            VF factor = vf_set(a[i * a_step + l]);
            for (size_t v = 0; v < 4; v++)
                s[i][v] = vf_fma(factor, w[v], s[i][v]);
        }
    }
    for (size_t i = 0; i < m; i++)
        store_row(c + i * c_step, s[i], n);
}

static void run(float *c, size_t c_step, const float *a, size_t a_step, const float *b, size_t m, size_t n,
                size_t k) {
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS)
        rows(c + i * c_step, c_step, a + i * a_step, a_step, b, ROWS, n, k);
    if (i + 2 <= m && ROWS > 2) {
        rows(c + i * c_step, c_step, a + i * a_step, a_step, b, 2, n, k);
        i += 2;
    }
    if (i < m)
        one_row(c + i * c_step, a + i * a_step, b, n, k);
}

void ATL_VEC(atl_cpu_gemv_init)(atl_cpu_gemv_kernels *k) {
    *k = (atl_cpu_gemv_kernels){ 4 * VL, run };
}
