// SPDX-License-Identifier: Apache-2.0
// Inception score (Salimans et al. 2016): exp of the mean divergence of a picture's class probabilities from
// those of all, in parts of the samples.
#ifndef ATL_METRICS_INCEPTION_SCORE_H
#define ATL_METRICS_INCEPTION_SCORE_H

#include <stdint.h>
#include "metrics/estimate.h"

// probabilities [n, classes]; parts i n / splits to (i + 1) n / splits.  score: mean over the parts, error:
// sample deviation / sqrt(splits); deviation: the parts' with the divisor splits, which is50k_std is.
atl_status atl_inception_score(atl_ctx *ctx, const float *probabilities, int64_t n, int64_t classes,
                               int splits, atl_estimate *score, double *deviation);

#endif
