// SPDX-License-Identifier: Apache-2.0
// Products of a few rows with a packed constant matrix: each weight is read once from memory.
//
// Packing: columns in panels of `panel`, each panel [k, panel], the last one filled up with zeros.
#ifndef ATL_CPU_GEMV_H
#define ATL_CPU_GEMV_H

#include <stddef.h>

typedef struct atl_cpu_gemv_kernels {
    size_t panel; // columns per panel
    // c[i c_step + j] = sum over l < k of a[i a_step + l] b[l panel + j]  for i < m, j < n, n <= panel
    void (*run)(float *c, size_t c_step, const float *a, size_t a_step, const float *b, size_t m, size_t n,
                size_t k);
} atl_cpu_gemv_kernels;

void atl_cpu_gemv_init(atl_cpu_gemv_kernels *k); // the reference
void atl_cpu_gemv_init_avx2(atl_cpu_gemv_kernels *k);
void atl_cpu_gemv_init_avx512(atl_cpu_gemv_kernels *k);
void atl_cpu_gemv_init_neon(atl_cpu_gemv_kernels *k);

#endif
