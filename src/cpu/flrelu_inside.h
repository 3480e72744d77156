// SPDX-License-Identifier: Apache-2.0
// What filtered leaky ReLU and its gradient share: filters, and how buffers of columns are laid out.
#ifndef ATL_CPU_FLRELU_INSIDE_H
#define ATL_CPU_FLRELU_INSIDE_H

#include "cpu/flrelu.h"
#include "cpu/flrelu_kernels.h"

enum { ATL_FLRELU_COLUMNS = 8 }; // oversampled columns come in multiples of this

atl_status atl_cpu_flrelu_check(atl_ctx *ctx, const atl_cpu_flrelu_args *a, const float *fu, const float *fd);

// *taps holds all filters of *f, and is the caller's.
atl_status atl_cpu_flrelu_prepare(atl_ctx *ctx, const atl_cpu_flrelu_args *a, const float *fu,
                                  const float *fd, atl_cpu_flrelu_filter *f, float **taps);

static inline int atl_flrelu_round(int64_t n, int unit) {
    return (int)((n + unit - 1) / unit * unit);
}

// Columns of a row so that the same column of many rows lies in as many sets of a cache.
static inline size_t atl_flrelu_apart(size_t columns) {
    return (columns + 7) / 8 * 8 + 3;
}

#endif
