// SPDX-License-Identifier: Apache-2.0
// The Frechet distance of two normal distributions (Dowson and Landau 1982), which is FID when they are those
// of Inception features (Heusel et al. 2017), and sFID and rFID with other features.
#ifndef ATL_METRICS_FID_H
#define ATL_METRICS_FID_H

#include <stdint.h>
#include "metrics/estimate.h"

// What is known of a set of pictures: mean and biased covariance of its features.
typedef struct atl_gaussian {
    int64_t width;
    const double *mean; // [width]
    const double *cov;  // [width, width]
} atl_gaussian;

// |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)).  At width 2048 some seconds.
atl_status atl_fid(atl_ctx *ctx, const atl_gaussian *a, const atl_gaussian *b, double *fid);

typedef struct atl_fid_result {
    atl_estimate fid;
    atl_estimate infinite; // of infinitely many samples (Chong and Forsyth 2020); NaN of fewer than 20
} atl_fid_result;

enum { ATL_FID_GROUPS = 10 };

// FID of generated features [n, width] against real ones that are taken as known exactly, with its error, and
// what it tends to: a line through FIDs of subsets over 1 / size.  Some forty times the work of atl_fid().
// Errors: jackknife over ATL_FID_GROUPS groups of samples. The order of the samples and the seed decide the
// subsets.
atl_status atl_fid_estimate(atl_ctx *ctx, const atl_gaussian *real, const float *features, int64_t n,
                            uint64_t seed, const atl_watch *watch, atl_fid_result *result);

#endif
