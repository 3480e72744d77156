// SPDX-License-Identifier: Apache-2.0
// Dense arithmetic beside networks: products in double, one sweep of a tridiagonalisation, distances of rows.
#ifndef ATL_CPU_DENSE_H
#define ATL_CPU_DENSE_H

#include <stddef.h>
#include <stdint.h>

enum { ATL_DENSE_SWEEP = 4, ATL_DENSE_COLUMNS = 24 }; // rows of a sweep; the most columns of a tile

typedef struct atl_cpu_dense_kernels {
    size_t rows, columns; // of a tile; both divide ATL_DENSE_COLUMNS

    // c[i c_step + j] += sum over l < k of a[l rows + i] b[l columns + j], i < rows, j < columns; l in order
    void (*tile)(double *c, size_t c_step, const double *a, const double *b, size_t k);

    // For i < ATL_DENSE_SWEEP and j < n: subtracts u[i] qs[j] + q[i] us[j] from a[i step + j]; of the result
    // adds xi[i] a to y[j], and puts the sum of a xs[j] into sums[i].
    void (*sweep)(double *a, size_t step, size_t n, const double *u, const double *q, const double *us,
                  const double *qs, const double *xi, const double *xs, double *y, double *sums);

    // d[i d_step + j] += sum over l < k of (a[i step + l] - b[j step + l])^2, i < m, j < n
    void (*distances)(float *d, size_t d_step, const float *a, const float *b, size_t step, size_t m,
                      size_t n, size_t k);

    void (*from_half)(float *y, const uint16_t *x, size_t n); // IEEE binary16
} atl_cpu_dense_kernels;

void atl_cpu_dense_init(atl_cpu_dense_kernels *k); // the reference
void atl_cpu_dense_init_avx2(atl_cpu_dense_kernels *k);
void atl_cpu_dense_init_avx512(atl_cpu_dense_kernels *k);
void atl_cpu_dense_init_neon(atl_cpu_dense_kernels *k);

#endif
