// SPDX-License-Identifier: Apache-2.0
// What the measurements of kernels share: the table, clocks, memory, the best of several runs.
#ifndef ATL_BENCH_H
#define ATL_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <atelier/model.h>

#include "base/ctx.h"
#include "cpu/kernels.h"

// The kernels of the context's set; valid until the next call.
static inline const atl_cpu_kernels *table_of(const atl_ctx *ctx) {
    static atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, ctx->cpu);
    return &k;
}

static inline double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Zeros, aligned to a cache line.
static inline void *memory(size_t bytes) {
    void *p;
    if (posix_memalign(&p, 64, bytes + 64))
        exit(1);
    memset(p, 0, bytes + 64);
    return p;
}

// Numbers between -0.5 and 0.5.
static inline float *floats(size_t n) {
    float *p = memory(n * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(i * 2654435761u % 1000u) * 1e-3f - 0.5f;
    return p;
}

// The best of several runs of `statement` by a clock, in seconds.
#define BEST_OF(runs, clock, statement, seconds)                                                             \
    do {                                                                                                     \
        seconds = 1e9;                                                                                       \
        for (int run_ = 0; run_ < (runs); run_++) {                                                          \
            double start_ = seconds_of(clock);                                                               \
            statement;                                                                                       \
            double took_ = seconds_of(clock) - start_;                                                       \
            seconds = took_ < seconds ? took_ : seconds;                                                     \
        }                                                                                                    \
    } while (0)

// The context's team; ends the program where it can't be had.
static inline atl_team *team_of(atl_ctx *ctx) {
    atl_team *team;
    if (atl_team_open(ctx, ctx->threads, &team) != ATL_OK)
        exit(1);
    return team;
}

#endif
