// SPDX-License-Identifier: Apache-2.0
// Kernel Inception distance (Binkowski et al. 2018): the squared maximum mean discrepancy with the kernel
// (x.y / d + 1)^3, unbiased, averaged over subsets.
#ifndef ATL_METRICS_KID_H
#define ATL_METRICS_KID_H

#include <stdint.h>
#include "metrics/estimate.h"

typedef struct atl_kid_options {
    int subsets;         // 100 in the official code
    int64_t subset_size; // 1000; fewer where fewer samples are there
    uint64_t seed;
} atl_kid_options;

// generated [n, width] against real [m, width]; error: first-order variance of the two samples (Hoeffding
// 1948), and what subsets scatter by.
atl_status atl_kid(atl_ctx *ctx, const float *generated, int64_t n, const float *real, int64_t m,
                   int64_t width, const atl_kid_options *options, const atl_watch *watch, atl_estimate *kid);

// The distance of one pair of subsets, given by their rows.
atl_status atl_kid_of(atl_ctx *ctx, const float *generated, const int32_t *generated_rows, const float *real,
                      const int32_t *real_rows, int64_t size, int64_t width, double *kid);

#endif
