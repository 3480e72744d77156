// SPDX-License-Identifier: Apache-2.0
// Recorded numbers of the official networks against ours.
#ifndef ATL_TESTS_GOLDEN_H
#define ATL_TESTS_GOLDEN_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/model.h>
#include "../tolerance.h"

// A file of tests/data.
static inline const char *golden_path(char path[1024], const char *folder, const char *name, const char *suffix) {
    const char *data = getenv("ATL_TEST_DATA");
    snprintf(path, 1024, "%s/%s/%s%s", data ? data : "tests/data", folder, name, suffix);
    return path;
}

// A file of recorded tensors, which knows which of them were asked for.
typedef struct golden {
    const char *name;
    atl_arrays *set;
    bool *used;
} golden;

static inline golden *golden_open(atl_ctx *ctx, const char *folder, const char *name, const char *suffix) {
    char path[1024];
    golden *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->name = name;
    if (atl_arrays_open(ctx, golden_path(path, folder, name, suffix), &g->set) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    g->used = calloc(atl_arrays_size(g->set) + 1, sizeof *g->used);
    assert_non_null(g->used);
    return g;
}

static inline bool golden_has(const golden *g, const char *name) {
    return atl_arrays_find(g->set, name) != NULL;
}

// The tensor itself; NULL when the file has none of that name.
static inline const atl_array *golden_find(golden *g, const char *name) {
    for (size_t i = 0; i < atl_arrays_size(g->set); i++)
        if (!strcmp(atl_arrays_get(g->set, i)->name, name)) {
            g->used[i] = true;
            return atl_arrays_get(g->set, i);
        }
    return NULL;
}

// The same as floats, freed by the caller; the test fails when it is not there: ask golden_has() first where
// a network has reason to lack it.
static inline float *golden_read(golden *g, const char *name, size_t *count) {
    const atl_array *a = golden_find(g, name);
    if (!a)
        fail_msg("%s: %s is not recorded", g->name, name);
    *count = (size_t)atl_array_count(a);
    float *v = malloc((*count + 1) * sizeof *v);
    assert_non_null(v);
    atl_array_read_f32(a, 0, (int64_t)*count, v);
    return v;
}

// Closes the file, and fails when a tensor of it was neither given to a network nor compared with what one
// put out. elsewhere: beginnings of names that another test compares, NULL at its end.
static inline void golden_close(golden **set, const char *const *elsewhere) {
    golden *g = *set;
    int unused = 0;
    for (size_t i = 0; i < atl_arrays_size(g->set); i++) {
        const char *name = atl_arrays_get(g->set, i)->name;
        bool skip = g->used[i] || atl_array_count(atl_arrays_get(g->set, i)) == 0;
        for (int k = 0; elsewhere && elsewhere[k]; k++)
            skip = skip || !strncmp(name, elsewhere[k], strlen(elsewhere[k]));
        if (!skip)
            fprintf(stderr, "%s: the recorded %s was not compared with anything\n", g->name, name);
        unused += !skip;
    }
    assert_int_equal(unused, 0);
    atl_arrays_close(&g->set);
    free(g->used);
    free(g);
    *set = NULL;
}

// What is recorded of a large layer: mean, deviation, and up to `most` of its numbers at even distances. Says
// how many numbers that makes of probe [2 + most].
static inline size_t golden_probe(const float *v, size_t count, size_t most, float *probe) {
    double sum = 0, squares = 0;
    size_t step = count / most ? count / most : 1, n = 2;
    for (size_t i = 0; i < count; i++)
        sum += (double)v[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)v[i] - mean) * ((double)v[i] - mean);
    probe[0] = (float)mean;
    probe[1] = (float)sqrt(squares / (double)count);
    for (size_t i = 0; i < count && n < 2 + most; i += step)
        probe[n++] = v[i];
    return n;
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
