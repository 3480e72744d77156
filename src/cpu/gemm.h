// SPDX-License-Identifier: Apache-2.0
// Matrix products, made once and run often.
//
//     C[m, n] = op(A)[m, k] op(B)[k, n]        for each of `batch` products
//
// Row-major and dense.  Large products are oneDNN's; a constant B with few rows in A (mapping and
// style layers at small batches) is packed once and goes through our own kernels at memory speed.
// Every run uses the team given when it was made.
#ifndef ATL_CPU_GEMM_H
#define ATL_CPU_GEMM_H

#include <stddef.h>
#include <stdint.h>
#include "base/ctx.h"
#include "base/team.h"

typedef struct atl_cpu_kernels atl_cpu_kernels; // cpu/kernels.h

typedef struct atl_cpu_gemm atl_cpu_gemm;

typedef struct atl_cpu_gemm_shape {
    int64_t batch, m, n, k;               // all at least 1
    int trans_a;                          // A is stored [k, m]
    int trans_b;                          // B is stored [n, k], as linear layers keep their weights
    int64_t stride_a, stride_b, stride_c; // floats from one batch to the next; 0 in a or b: shared
} atl_cpu_gemm_shape;

// b_const: B when it never changes: packed now, not needed afterwards.  NULL: B is given to each run.
// On failure *gemm is NULL and the context has the sentence.
atl_status atl_cpu_gemm_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_gemm_shape *shape, const float *b_const, atl_cpu_gemm **gemm);
void atl_cpu_gemm_free(atl_cpu_gemm **gemm); // NULL and pointers to NULL are fine

// Bytes that a run needs beside its operands, aligned to 64.
size_t atl_cpu_gemm_workspace(const atl_cpu_gemm *gemm);

// b is ignored when it is constant.  One run at a time per object.
atl_status atl_cpu_gemm_run(const atl_cpu_gemm *gemm, const float *a, const float *b, float *c,
                            void *workspace);

#endif
