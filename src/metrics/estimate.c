// SPDX-License-Identifier: Apache-2.0
// Means, jackknives and choices: see estimate.h.
#include "metrics/estimate.h"

#include <math.h>

#include "base/mem.h"
#include "base/philox.h"

atl_status atl_watch_ask(atl_ctx *ctx, const atl_watch *watch, int64_t done, int64_t all) {
    if (!watch || !watch->go_on || watch->go_on(watch->user, done, all))
        return ATL_OK;
    return atl_fail(ctx, ATL_CANCELLED, "stopped after %lld of %lld parts", (long long)done, (long long)all);
}

atl_estimate atl_estimate_mean(const double *values, int64_t n) {
    atl_estimate e = { NAN, NAN, "deviation / sqrt(n)" };
    if (n < 1)
        return e;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += values[i];
    e.value = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (values[i] - e.value) * (values[i] - e.value);
    if (n > 1)
        e.error = sqrt(squares / (double)(n - 1) / (double)n);
    return e;
}

double atl_estimate_jackknife(const double *without, int groups) {
    if (groups < 2)
        return NAN;
    double mean = 0, squares = 0;
    for (int g = 0; g < groups; g++)
        mean += without[g] / groups;
    for (int g = 0; g < groups; g++)
        squares += (without[g] - mean) * (without[g] - mean);
    return sqrt(squares * (groups - 1) / groups);
}

// Fisher and Yates from the front, as far as needed.  A draw is the high word of a product with 32 random
// bits: its bias, n / 2^32, is far below what a metric can show.
atl_status atl_estimate_choose(atl_ctx *ctx, uint64_t seed, uint64_t stream, int64_t n, int64_t count,
                               int32_t *chosen) {
    if (count < 0 || count > n || n > INT32_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "cannot choose %lld of %lld samples", (long long)count,
                        (long long)n);
    int32_t *all = atl_alloc(ctx, (size_t)n, sizeof *all);
    if (!all && n)
        return ATL_NO_MEMORY;
    for (int64_t i = 0; i < n; i++)
        all[i] = (int32_t)i;
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    uint32_t words[4] = { 0 };
    for (int64_t i = 0; i < count; i++) {
        if (i % 4 == 0) {
            const uint32_t counter[4] = { (uint32_t)(i / 4), 0, (uint32_t)stream, (uint32_t)(stream >> 32) };
            atl_philox_block(counter, key, words);
        }
        int64_t j = i + (int64_t)(((uint64_t)words[i % 4] * (uint64_t)(n - i)) >> 32);
        chosen[i] = all[j];
        all[j] = all[i];
    }
    atl_free(ctx, all);
    return ATL_OK;
}
