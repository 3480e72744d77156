// SPDX-License-Identifier: Apache-2.0
// Mean and covariance of a stream of features: sums in double of x and of x xT.
//
// Rows may come in portions of any size: sums are made in blocks of a fixed number of rows, counted from the
// first, so that the result is the same to the bit for every portioning and any number of threads.
#ifndef ATL_METRICS_MOMENTS_H
#define ATL_METRICS_MOMENTS_H

#include <stdint.h>
#include "base/ctx.h"

typedef struct atl_moments atl_moments;

// width: numbers in a row, at most 16384.
atl_status atl_moments_open(atl_ctx *ctx, int64_t width, atl_moments **moments);
void atl_moments_close(atl_moments **moments);

// rows [n, width]; ATL_BAD_ARGUMENT when one of them is not finite.
atl_status atl_moments_add(atl_moments *moments, const float *rows, int64_t n);
int64_t atl_moments_count(const atl_moments *moments);
int64_t atl_moments_width(const atl_moments *moments);

// Adds the sums of another stream, whose rows come after ours.  The result depends on where the streams were
// cut, by rounding: to be independent of that, give all rows to one.
atl_status atl_moments_merge(atl_moments *moments, const atl_moments *other);

// Of the rows so far, which may go on coming.  The covariance is the biased one, divided by the number of
// rows.  mean [width], cov [width, width]
atl_status atl_moments_finish(const atl_moments *moments, double *mean, double *cov);

// Everything that a stream is, as numbers, always as many, to go on later with the same result:
// atl_moments_state_count() of them.
int64_t atl_moments_state_count(const atl_moments *moments);
void atl_moments_save(const atl_moments *moments, double *state);
atl_status atl_moments_load(atl_moments *moments, const double *state, int64_t count); // state is checked

#endif
