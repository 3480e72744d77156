// SPDX-License-Identifier: Apache-2.0
// Shared by the tests of augmentation: a context, a graph, images in both orders, runs, and comparison.
#ifndef ATL_TESTS_AUGMENT_H
#define ATL_TESTS_AUGMENT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "graph/plan.h"
#include "run/backend.h"

typedef struct fixture {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_graph g;
} fixture;

static inline int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    assert_int_equal(atl_ctx_open(&f.ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(f.ctx, NULL, &f.backend), ATL_OK);
    atl_graph_init(&f.g, f.ctx);
    *state = &f;
    return 0;
}

static inline int teardown(void **state) {
    fixture *f = *state;
    atl_graph_clear(&f->g);
    atl_backend_close(&f->backend);
    atl_ctx_close(&f->ctx);
    return 0;
}

static inline atl_plan *plan_of(fixture *f, atl_node *const *outputs, int count) {
    atl_plan *p;
    if (atl_plan_make(&f->g, f->backend, outputs, count, NULL, &p) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    return p;
}

// The values of an output after a run; the caller frees them.
static inline float *values_of(const atl_plan *p, const atl_node *x) {
    float *v = malloc((size_t)atl_shape_count(&x->shape) * sizeof *v);
    assert_non_null(v);
    assert_true(atl_plan_read(p, x, v));
    return v;
}

static inline float *some_numbers(size_t n, uint32_t seed) {
    float *v = malloc(n * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)(int32_t)(seed >> 8) * 0x1p-23f - 1.0f;
    }
    return v;
}

static inline double dot(const float *a, const float *b, size_t n) {
    double s = 0.0;
    for (size_t i = 0; i < n; i++)
        s += (double)a[i] * (double)b[i];
    return s;
}

// Length of the difference over length of the truth.
static inline double relative(const float *ours, const float *truth, size_t n) {
    double e = 0.0;
    for (size_t i = 0; i < n; i++)
        e += pow((double)ours[i] - (double)truth[i], 2.0);
    return sqrt(e / fmax(dot(truth, truth, n), 1e-30));
}

static inline atl_node *to_pixels(atl_graph *g, atl_node *x) { // [n, c, h, w] -> [n, h, w, c]
    return atl_permute(g, x, (int[]){ 0, 2, 3, 1 });
}

static inline atl_node *to_planes(atl_graph *g, atl_node *x) { // [n, h, w, c] -> [n, c, h, w]
    return atl_permute(g, x, (int[]){ 0, 3, 1, 2 });
}

static inline atl_node *dot_node(atl_graph *g, atl_node *x, atl_node *y) { // [1]
    return atl_reshape(g, atl_sum(g, atl_mul(g, x, y), (1u << x->shape.rank) - 1u), ATL_SHAPE(1));
}

#endif
