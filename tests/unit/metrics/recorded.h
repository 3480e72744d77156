// SPDX-License-Identifier: Apache-2.0
// What tests of metrics share: recorded matrices and numbers of tests/data/metrics, and contexts.
#ifndef ATL_TESTS_METRICS_RECORDED_H
#define ATL_TESTS_METRICS_RECORDED_H

#include "../../golden/golden.h"

static inline atl_ctx *ctx_with(int threads) {
    atl_ctx *ctx = NULL;
    assert_int_equal(
        atl_ctx_open(&ctx, &(atl_ctx_options){ .size = sizeof(atl_ctx_options), .threads = threads }),
        ATL_OK);
    return ctx;
}

static inline void ok(atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

// "key=number" of a case's metadata
static inline double recorded_number(const golden *g, const char *name, const char *key) {
    const char *text = atl_arrays_metadata(g->set, name);
    size_t length = strlen(key);
    for (const char *at = text; at && *at; at++)
        if ((at == text || at[-1] == ' ') && !strncmp(at, key, length) && at[length] == '=')
            return strtod(at + length + 1, NULL);
    fail_msg("%s: no %s of %s", g->name, key, name);
    return NAN;
}

static inline const atl_array *recorded(golden *g, const char *format, int i) {
    char name[64];
    snprintf(name, sizeof name, format, i);
    const atl_array *a = golden_find(g, name);
    if (!a)
        fail_msg("%s: %s is not recorded", g->name, name);
    return a;
}

// The numbers of a file lie at any alignment.
static inline float *recorded_floats(const atl_array *a) {
    float *x = malloc((size_t)atl_array_count(a) * sizeof *x);
    assert_non_null(x);
    atl_array_read_f32(a, 0, atl_array_count(a), x);
    return x;
}

static inline double recorded_double(const atl_array *a, int64_t i) {
    double x;
    assert_int_equal(a->dtype, ATL_F64);
    memcpy(&x, (const char *)a->data + (size_t)i * sizeof x, sizeof x);
    return x;
}

static inline int32_t recorded_int(const atl_array *a, int64_t i) {
    int32_t x;
    assert_int_equal(a->dtype, ATL_I32);
    memcpy(&x, (const char *)a->data + (size_t)i * sizeof x, sizeof x);
    return x;
}

static inline void near_to(const char *what, double ours, double truth, double relative) {
    double e = fabs(ours - truth) / fmax(fabs(truth), 1e-300);
    printf("    %-24s %.17g (%.1e of at most %.0e)\n", what, ours, e, relative);
    if (!(e <= relative))
        fail_msg("%s is %.17g, not %.17g", what, ours, truth);
}

#endif
