// SPDX-License-Identifier: Apache-2.0
// Weighted sums of rows for one instruction set: four vectors of channels stay in registers while the taps of
// a result go by.
#include "cpu/gather.h"
#include "cpu/vec.h"

enum { WIDE = 4 * VL };

static inline VF part_of(const float *p, size_t n) {
    return n == VL ? vf_load(p) : vf_load_n(p, n);
}

static inline void store_part(float *p, VF v, size_t n) {
    if (n == VL)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

// Floats to the row of tap k, or -1.
static inline ptrdiff_t row_of(const atl_cpu_gather_rows *r, int64_t k) {
    float at = r->index[k];
    return at >= 0.0f && at < (float)r->p ? (ptrdiff_t)at * (ptrdiff_t)r->c : -1;
}

static inline void sum_wide(float *y, const float *x, const atl_cpu_gather_rows *r, int64_t q) {
    VF a = vf_zero(), b = a, c = a, d = a;
    for (int64_t k = q * r->k; k < (q + 1) * r->k; k++) {
        ptrdiff_t at = row_of(r, k);
        if (at < 0)
            continue;
        const float *row = x + at;
        VF w = vf_set(r->weight[k]);
        a = vf_fma(w, vf_load(row), a);
        b = vf_fma(w, vf_load(row + VL), b);
        c = vf_fma(w, vf_load(row + 2 * VL), c);
        d = vf_fma(w, vf_load(row + 3 * VL), d);
    }
    vf_store(y, a);
    vf_store(y + VL, b);
    vf_store(y + 2 * VL, c);
    vf_store(y + 3 * VL, d);
}

static inline void sum_part(float *y, const float *x, const atl_cpu_gather_rows *r, int64_t q, size_t n) {
    VF sum = vf_zero();
    for (int64_t k = q * r->k; k < (q + 1) * r->k; k++) {
        ptrdiff_t at = row_of(r, k);
        if (at >= 0)
            sum = vf_fma(vf_set(r->weight[k]), part_of(x + at, n), sum);
    }
    store_part(y, sum, n);
}

static void sum(float *y, const float *x, const atl_cpu_gather_rows *r, size_t n) {
    for (int64_t q = 0; q < r->q; q++, y += r->c) {
        size_t j = 0;
        for (; j + WIDE <= n; j += WIDE)
            sum_wide(y + j, x + j, r, q);
        for (; j + VL <= n; j += VL)
            sum_part(y + j, x + j, r, q, VL);
        if (j < n)
            sum_part(y + j, x + j, r, q, n - j);
    }
}

static void spread(float *x, const float *y, const atl_cpu_gather_rows *r, size_t n) {
    for (int64_t q = 0; q < r->q; q++, y += r->c)
        for (int64_t k = q * r->k; k < (q + 1) * r->k; k++) {
            ptrdiff_t at = row_of(r, k);
            VF w = vf_set(r->weight[k]);
            for (size_t j = 0; at >= 0 && j < n; j += VL) {
                size_t m = n - j < VL ? n - j : VL;
                float *to = x + at + j;
                store_part(to, vf_fma(w, part_of(y + j, m), part_of(to, m)), m);
            }
        }
}

void ATL_VEC(atl_cpu_gather_init)(atl_cpu_gather_kernels *k) {
    *k = (atl_cpu_gather_kernels){ sum, spread };
}
