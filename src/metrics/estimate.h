// SPDX-License-Identifier: Apache-2.0
// A measured number with its standard error, and the ways to one that several metrics share.  Whatever is
// random here is Philox at (seed, stream, index), so that a number depends on its samples and the seed alone.
#ifndef ATL_METRICS_ESTIMATE_H
#define ATL_METRICS_ESTIMATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/ctx.h"

typedef struct atl_estimate {
    double value, error; // error: one standard error of value; NaN when the samples are too few to tell
    const char *method;  // how the error was found, in a few words; static storage
} atl_estimate;

// Long computations ask now and then whether to go on; false ends them with ATL_CANCELLED.  NULL: nobody
// asks.
typedef struct atl_watch {
    bool (*go_on)(void *user, int64_t done, int64_t all);
    void *user;
} atl_watch;

atl_status atl_watch_ask(atl_ctx *ctx, const atl_watch *watch, int64_t done, int64_t all);

// The mean of independent values, which is added up in their order; error: deviation / sqrt(n).
atl_estimate atl_estimate_mean(const double *values, int64_t n);

// The error of a value from what it becomes when each of `groups` equal parts of the samples is left out
// (jackknife: Efron and Tibshirani 1993, section 11.5, with groups in the place of samples).
double atl_estimate_jackknife(const double *without, int groups);

// The group of a sample: samples that follow each other are in different groups, so that an order in the data
// (classes in folders) does not make the groups differ.
static inline int atl_estimate_group(int64_t sample, int groups) {
    return (int)(sample % groups);
}

// `count` different numbers below n, each set equally likely; order: shuffled.  A function of (seed, stream).
// Needs count <= n < 2^31.
atl_status atl_estimate_choose(atl_ctx *ctx, uint64_t seed, uint64_t stream, int64_t n, int64_t count,
                               int32_t *chosen);

#endif
