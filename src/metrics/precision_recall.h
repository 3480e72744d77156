// SPDX-License-Identifier: Apache-2.0
// Improved precision and recall (Kynkaanniemi et al. 2019): which part of the generated features lies within
// the neighbourhoods of real ones, and the other way round.  Features are half floats, as in the official
// code; distances are made in single precision and never all in memory.
#ifndef ATL_METRICS_PRECISION_RECALL_H
#define ATL_METRICS_PRECISION_RECALL_H

#include <stdint.h>
#include "metrics/estimate.h"

// error: binomial, of the samples that are asked, the neighbourhoods being given.
typedef struct atl_pr_result {
    atl_estimate precision, recall;
} atl_pr_result;

// real [m, width], generated [n, width], IEEE binary16.  neighbours: 3 in the official code; more samples
// than that.
atl_status atl_precision_recall(atl_ctx *ctx, const uint16_t *real, int64_t m, const uint16_t *generated,
                                int64_t n, int64_t width, int neighbours, const atl_watch *watch,
                                atl_pr_result *result);

// The radius of each sample's neighbourhood, [n], before it is rounded to half precision: the distance to its
// neighbour number `neighbours`, itself being number 0.
atl_status atl_pr_radii(atl_ctx *ctx, const uint16_t *features, int64_t n, int64_t width, int neighbours,
                        const atl_watch *watch, float *radii);

void atl_pr_round(const float *features, int64_t count, uint16_t *half); // to nearest even

#endif
