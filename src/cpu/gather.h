// SPDX-License-Identifier: Apache-2.0
// Rows of results as weighted sums of rows that are given by number, and the transpose.
//
//     y[n, q, j] = sum over k of weight[n, q, k] x[n, index[n, q, k], j]
//
// An index below zero, beyond the last row, or not a number adds nothing.  Indices are floats that hold
// integers, which they do exactly up to 2^24.
#ifndef ATL_CPU_GATHER_H
#define ATL_CPU_GATHER_H

#include <stddef.h>
#include <stdint.h>
#include "base/team.h"

typedef struct atl_cpu_gather_dims {
    int64_t n, p, q, k, c;               // x [n, p, c], y [n, q, c], index and weight [n, q, k]
    int64_t index_stride, weight_stride; // from sample to sample: q k, or 0 when all samples share one
} atl_cpu_gather_dims;

// q rows of one sample: channels j < n of rows that are c floats apart.  sum overwrites y, spread adds to x.
typedef struct atl_cpu_gather_rows {
    const float *index, *weight;
    int64_t p, q, k;
    size_t c;
} atl_cpu_gather_rows;

typedef struct atl_cpu_gather_kernels {
    void (*sum)(float *y, const float *x, const atl_cpu_gather_rows *r, size_t n);
    void (*spread)(float *x, const float *y, const atl_cpu_gather_rows *r, size_t n);
} atl_cpu_gather_kernels;

void atl_cpu_gather_init(atl_cpu_gather_kernels *k); // the reference
void atl_cpu_gather_init_avx2(atl_cpu_gather_kernels *k);
void atl_cpu_gather_init_avx512(atl_cpu_gather_kernels *k);
void atl_cpu_gather_init_neon(atl_cpu_gather_kernels *k);

void atl_cpu_gather(const atl_cpu_gather_kernels *k, const atl_cpu_gather_dims *d, const float *x,
                    const float *index, const float *weight, float *y, atl_team *team);
// Adds up in one order, whatever the number of threads.
void atl_cpu_gather_t(const atl_cpu_gather_kernels *k, const atl_cpu_gather_dims *d, const float *y,
                      const float *index, const float *weight, float *x, atl_team *team);

#endif
