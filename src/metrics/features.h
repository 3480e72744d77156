// SPDX-License-Identifier: Apache-2.0
// Features of pictures, or their mean and covariance, in a file: Atelier's own (an .npz with the arrays
// features, mu, sigma and about, which is JSON as bytes), the official trainers' gan-metrics pickles, and the
// .npz of other programs that compute FID (mu, sigma).  Nothing of a pickle is executed.
#ifndef ATL_METRICS_FEATURES_H
#define ATL_METRICS_FEATURES_H

#include <stdint.h>
#include "base/ctx.h"

// What numbers are comparable: those of one detector, used and resized in one way.
typedef struct atl_features_of {
    char detector[32], use[32], resize[32]; // "inception", "features", "tf"; "": the file doesn't say
    uint64_t fingerprint;                   // atl_detector_fingerprint(); 0: the file doesn't say
} atl_features_of;

typedef struct atl_features {
    atl_features_of of;
    int64_t width, count;     // numbers per picture; pictures, 0: the file doesn't say
    const float *rows;        // [count, width]; NULL: the file has statistics alone
    const double *mean, *cov; // [width], [width, width], the biased covariance; NULL: it has rows alone
    const char *key;          // of a cache: what it is of; NULL: it is none
    const char *path;         // for messages
} atl_features;

// Every number is finite, and sigma is square and symmetric, or it is no success.  Close what was opened.
atl_status atl_features_open(atl_ctx *ctx, const char *path, atl_features **features);
atl_status atl_features_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                    atl_features **features); // `path` is for messages
void atl_features_close(atl_features **features);             // accepts a pointer to NULL

// Fails, with the names of both, when the file says that it is of something else, or has another width.  What
// it does not say can't be checked; a line of the log says so.
atl_status atl_features_check(atl_ctx *ctx, const atl_features *f, const atl_features_of *asked,
                              int64_t width);

// The statistics of the file, or those of its rows: mean [width], cov [width, width].
atl_status atl_features_statistics(atl_ctx *ctx, const atl_features *f, double *mean, double *cov);

// Writes `f` as Atelier's own; rows or statistics may be NULL, not both, and path is not looked at.
atl_status atl_features_write(atl_ctx *ctx, const char *path, const atl_features *f);

#endif
