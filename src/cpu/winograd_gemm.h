// SPDX-License-Identifier: Apache-2.0
// The products of Winograd convolution: a batch of C = A B by oneDNN, that several
// threads run at once on different data, each in a lane of its own.  gemm.h is the opposite: one product
// at a time by all threads.
#ifndef ATL_CPU_WINOGRAD_GEMM_H
#define ATL_CPU_WINOGRAD_GEMM_H

#include <stddef.h>
#include "base/ctx.h"

typedef struct atl_cpu_wino_gemm atl_cpu_wino_gemm;

// a [m, batch, k], b [batch, k, n], c [m, batch, n]: rows that belong together stay together.  lanes:
// threads that may run it at once.
atl_status atl_cpu_wino_gemm_make(atl_ctx *ctx, int lanes, int batch, size_t m, size_t n, size_t k,
                                  atl_cpu_wino_gemm **gemm);
void atl_cpu_wino_gemm_free(atl_cpu_wino_gemm **gemm);

size_t atl_cpu_wino_gemm_scratch(const atl_cpu_wino_gemm *gemm); // bytes per lane, aligned to 64
void atl_cpu_wino_gemm_run(const atl_cpu_wino_gemm *gemm, int lane, const float *a, const float *b, float *c,
                           void *scratch);

#endif
