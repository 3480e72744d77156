// SPDX-License-Identifier: Apache-2.0
// Recorded numbers of the official networks against ours.
#ifndef ATL_TESTS_GOLDEN_H
#define ATL_TESTS_GOLDEN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/model.h>

// A file of tests/data.
static inline const char *golden_path(char path[1024], const char *folder, const char *name, const char *suffix) {
    const char *data = getenv("ATL_TEST_DATA");
    snprintf(path, 1024, "%s/%s/%s%s", data ? data : "tests/data", folder, name, suffix);
    return path;
}

// The recorded tensor as floats, or NULL when the case has none of that name.  Freed by the caller.
static inline float *golden_read(const atl_arrays *set, const char *name, size_t *count) {
    const atl_array *a = atl_arrays_find(set, name);
    if (!a)
        return NULL;
    *count = (size_t)atl_array_count(a);
    float *v = malloc(*count * sizeof *v);
    assert_non_null(v);
    atl_array_read_f32(a, 0, (int64_t)*count, v);
    return v;
}

// |ours - truth| / |truth|
static inline double golden_error(const float *ours, const float *truth, size_t count) {
    double e = 0, s = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)ours[i] - (double)truth[i];
        e += d * d;
        s += (double)truth[i] * (double)truth[i];
    }
    return sqrt(e / (s > 0 ? s : 1));
}

// Fails with the case's and the tensor's name when the error is above the bound (or not a number).
static inline void golden_check(const char *test, const char *tensor, const float *ours, const float *truth,
                                size_t count, double bound) {
    double e = golden_error(ours, truth, count);
    printf("    %-20s %-20s %.2e (at most %.0e)\n", test, tensor, e, bound);
    if (!(e <= bound))
        fail_msg("%s: %s is %.3g away from the recorded numbers", test, tensor, e);
}

#endif
