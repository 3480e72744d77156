// SPDX-License-Identifier: Apache-2.0
// What kernel tests share: reproducible numbers, outputs between guard bands, comparison with a bound.
#ifndef ATL_TESTS_KERNELS_CHECK_H
#define ATL_TESTS_KERNELS_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/ctx.h"
#include "base/team.h"
#include "cpu/kernels.h"
#include "../tolerance.h"

enum { GUARD = 64 }; // floats on each side of an output

// Repeatable numbers in [-1, 1): a linear congruence that goes on from *seed.
static inline float next_float(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(int32_t)(*seed >> 8) * 0x1p-23f - 1.0f;
}

static inline float *next_floats(size_t n, uint32_t *seed) {
    float *p = malloc((n + !n) * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = next_float(seed);
    return p;
}

static inline float *some_floats(size_t n, uint32_t seed) {
    return next_floats(n, &seed);
}

// n floats with a pattern on both sides: copies of `start`, or NaN, which a kernel must neither leave nor
// read.
static inline float *guarded_copy(size_t n, const float *start) {
    float *p = malloc((n + 2 * GUARD) * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        p[i] = i < GUARD || i >= GUARD + n ? 12345.0f + (float)(i % 7) : start ? start[i - GUARD] : NAN;
    return p + GUARD;
}

static inline float *guarded(size_t n) {
    return guarded_copy(n, NULL);
}

static inline void release_guarded(float *p, size_t n) {
    float *all = p - GUARD;
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        if ((i < GUARD || i >= GUARD + n) && all[i] != 12345.0f + (float)(i % 7))
            fail_msg("wrote outside the output, at %ld of %zu", (long)i - GUARD, n);
    free(all);
}

// |got - want| <= bound, where bound is in units of the result's natural size.
static inline void same(const float *got, const float *want, size_t n, double bound, const char *what) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= bound))
            fail_msg("%s: number %zu of %zu is %.9g, not %.9g", what, i, n, (double)got[i], (double)want[i]);
}

// The same of two kernels, which must also leave the same numbers alone: what both did not touch is NaN in
// both.
static inline void same_touched(const float *got, const float *want, size_t n, double bound,
                                const char *what) {
    for (size_t i = 0; i < n; i++)
        if (isnan(got[i]) != isnan(want[i]) || fabs((double)got[i] - (double)want[i]) > bound)
            fail_msg("%s: number %zu of %zu is %.9g, not %.9g", what, i, n, (double)got[i], (double)want[i]);
}

// The kernels of a set, and of the context's; valid until the next call.
static inline const atl_cpu_kernels *kernels_of(atl_cpu_set set) {
    static atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, set);
    return &k;
}

static inline const atl_cpu_kernels *table_of(const atl_ctx *ctx) {
    return kernels_of(ctx->cpu);
}

static inline atl_ctx *open_ctx(int threads, const char *cpu) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = threads;
    o.cpu = cpu;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

// Counts how often `call` fails as the context's first allocation does, then the second ..., until it needs
// no more; what it should have made stays NULL each time.
#define COUNT_FAILED(count, ctx, made, call)                                                                 \
    do {                                                                                                     \
        (count) = 0;                                                                                         \
        for ((ctx)->fail_after = 0; (call); (ctx)->fail_after = ++(count)) {                                 \
            assert_null(made);                                                                               \
            assert_true((count) < 100);                                                                      \
        }                                                                                                    \
        (ctx)->fail_after = -1;                                                                              \
    } while (0)

// The team of a context, and one of so many threads, kept until the program ends.
static inline atl_team *team_of(atl_ctx *ctx) {
    atl_team *team;
    assert_int_equal(atl_team_open(ctx, ctx->threads, &team), ATL_OK);
    return team;
}

static inline atl_team *team_with(int threads) {
    enum { MOST = 8 };
    static atl_ctx *kept[MOST + 1];
    assert_in_range(threads, 1, MOST);
    if (!kept[threads])
        kept[threads] = open_ctx(threads, NULL);
    return team_of(kept[threads]);
}

#endif
