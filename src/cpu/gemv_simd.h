// SPDX-License-Identifier: Apache-2.0
// The packed product: a panel is four vectors wide; up to two rows share one pass over it, so that its
// sums stay in registers with 16 as well as with 32 of them.
#include "cpu/gemv.h"
#include "cpu/vec.h"

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

static void two_rows(float *c, size_t c_step, const float *a, size_t a_step, const float *b, size_t n, size_t k) {
    VF s[8];
    for (size_t v = 0; v < 8; v++)
        s[v] = vf_zero();
    for (size_t l = 0; l < k; l++, b += 4 * VL) {
        VF a0 = vf_set(a[l]), a1 = vf_set(a[a_step + l]);
        for (size_t v = 0; v < 4; v++) {
            VF w = vf_load(b + v * VL);
            s[v] = vf_fma(a0, w, s[v]);
            s[4 + v] = vf_fma(a1, w, s[4 + v]);
        }
    }
    store_row(c, s, n);
    store_row(c + c_step, s + 4, n);
}

static void run(float *c, size_t c_step, const float *a, size_t a_step, const float *b, size_t m, size_t n, size_t k) {
    size_t i = 0;
    for (; i + 2 <= m; i += 2)
        two_rows(c + i * c_step, c_step, a + i * a_step, a_step, b, n, k);
    if (i < m)
        one_row(c + i * c_step, a + i * a_step, b, n, k);
}

void ATL_VEC(atl_gemv_init)(atl_gemv_kernels *k) {
    *k = (atl_gemv_kernels){ 4 * VL, run };
}
