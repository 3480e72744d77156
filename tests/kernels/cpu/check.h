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
#include "cpu/kernels.h"

enum { GUARD = 64 }; // floats on each side of an output

static inline float *some_floats(size_t n, uint32_t seed) {
    float *p = malloc((n + !n) * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(int32_t)(seed >> 8) * 0x1p-23f - 1.0f;
    }
    return p;
}

// n floats that a kernel must fill, all NaN, with a pattern on both sides.
static inline float *guarded(size_t n) {
    float *p = malloc((n + 2 * GUARD) * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        p[i] = i < GUARD || i >= GUARD + n ? 12345.0f + (float)(i % 7) : NAN;
    return p + GUARD;
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

// The kernels of the context's set; valid until the next call.
static inline const atl_cpu_kernels *table_of(const atl_ctx *ctx) {
    static atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, ctx->cpu);
    return &k;
}

static inline atl_ctx *open_ctx(int threads, const char *cpu) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = threads;
    o.cpu = cpu;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

#endif
