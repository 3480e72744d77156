// SPDX-License-Identifier: Apache-2.0
// The reference of the packed product.
#include "cpu/gemv.h"

enum { PANEL = 16 };

static void run_ref(float *c, size_t c_step, const float *a, size_t a_step, const float *b, size_t m,
                    size_t n, size_t k) {
    for (size_t i = 0; i < m; i++) {
        float sum[PANEL] = { 0 };
        for (size_t l = 0; l < k; l++)
            for (size_t j = 0; j < PANEL; j++)
                sum[j] += a[i * a_step + l] * b[l * PANEL + j];
        for (size_t j = 0; j < n; j++)
            c[i * c_step + j] = sum[j];
    }
}

void atl_cpu_gemv_init(atl_cpu_gemv_kernels *k) {
    *k = (atl_cpu_gemv_kernels){ PANEL, run_ref };
}
