// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of Winograd convolution: numbers, guard bands, comparison, contexts.
#ifndef ATL_TEST_WINOGRAD_H
#define ATL_TEST_WINOGRAD_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/ctx.h"
#include "cpu/kernels.h"
#include "cpu/winograd_inside.h"

enum { GUARD = 32 }; // floats around every array that a kernel writes
static const float GUARD_VALUE = -7.25e20f;

// Repeatable numbers in [-1, 1): a linear congruence, seeded per test.
static float number(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 8388608.0f - 1.0f;
}

static float *numbers(size_t n, uint32_t *seed) {
    float *a = malloc((n ? n : 1) * sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < n; i++)
        a[i] = number(seed);
    return a;
}

// The kernels of the context's set; valid until the next call.
static inline const atl_cpu_kernels *table_of(const atl_ctx *ctx) {
    static atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, ctx->cpu);
    return &k;
}

static inline void tuned_kernels(atl_cpu_wino_kernels *k, atl_cpu_set set) {
    atl_cpu_kernels all;
    atl_cpu_kernels_init(&all, set);
    *k = all.wino;
}

// n floats between guards; start: their value.
static float *guarded(size_t n, const float *start) {
    float *a = malloc((n + 2 * GUARD) * sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        a[i] = GUARD_VALUE;
    if (start)
        memcpy(a + GUARD, start, n * sizeof *a);
    return a + GUARD;
}

static void release_guarded(float *a, size_t n) {
    for (size_t i = 0; i < GUARD; i++) {
        assert_true(a[-1 - (ptrdiff_t)i] == GUARD_VALUE);
        assert_true(a[n + i] == GUARD_VALUE);
    }
    free(a - GUARD);
}

// Guards and untouched elements must be equal, others up to rounding: a transform is a sum of at most 81
// terms with coefficients up to 30, computed in another order or with fused multiplication.
static void assert_close(const float *a, const float *b, size_t n, double scale) {
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(fabs((double)a[i] - b[i]) <= 2e-6 * scale))
            fail_msg("element %zu of %zu: %.9g, reference %.9g", i, n, (double)a[i], (double)b[i]);
}

static atl_cpu_set highest(void) {
    return atl_cpu_detect();
}

static atl_ctx *open_ctx(const char *cpu, int threads) {
    atl_ctx *ctx;
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.cpu = cpu;
    options.threads = threads;
    assert_int_equal(atl_ctx_open(&ctx, &options), ATL_OK);
    return ctx;
}

#endif
