// SPDX-License-Identifier: Apache-2.0
// Distances of many to one: what fid.c and fid_estimate.c share.
#ifndef ATL_METRICS_FID_INSIDE_H
#define ATL_METRICS_FID_INSIDE_H

#include "metrics/fid.h"

typedef struct atl_fid_real {
    atl_ctx *ctx;
    atl_gaussian real; // borrowed
    double trace;      // of its covariance
    int64_t rank;
    double *factor;  // [width, width], the first `rank` of each row count
    double *scratch; // [width, width]
    double *small;   // [width, width + 1]
    const atl_watch *watch; // is asked within a distance, too; NULL: nobody is
    int64_t done, all;      // of the parts that it is told of
} atl_fid_real;

atl_status atl_fid_open(atl_ctx *ctx, const atl_gaussian *g, atl_fid_real *real); // leaves zeros on failure
void atl_fid_close(atl_fid_real *real);
atl_status atl_fid_to(atl_fid_real *real, const double *mean, const double *cov, double *fid);

#endif
