// SPDX-License-Identifier: Apache-2.0
// A graph with leaves of normal numbers, and what is asked of ops on it: dot products with their transpose,
// central differences of their first and second derivatives.
#ifndef ATL_TESTS_CLOSED_H
#define ATL_TESTS_CLOSED_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/philox.h"
#include "graph/plan.h"
#include "run/backend.h"

enum { ALL_AXES = 31 };

typedef struct fixture {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_graph g;
    uint64_t stream;
} fixture;

static inline int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(atl_ctx_open(&f->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(f->ctx, NULL, &f->backend), ATL_OK);
    atl_graph_init(&f->g, f->ctx);
    *state = f;
    return 0;
}

static inline int teardown(void **state) {
    fixture *f = *state;
    atl_graph_clear(&f->g);
    atl_backend_close(&f->backend);
    atl_ctx_close(&f->ctx);
    free(f);
    return 0;
}

// An input whose numbers are the test's: in the graph's arena, written before each run.
static inline atl_node *leaf_of(fixture *f, atl_shape s, float **values) {
    *values = atl_arena_alloc(&f->g.arena, (size_t)atl_shape_count(&s), sizeof **values);
    assert_non_null(*values);
    atl_node *x = atl_input(&f->g, "leaf", s);
    assert_int_equal(x->op, ATL_OP_INPUT);
    x->at.leaf.data = *values;
    return x;
}

static inline atl_node *leaf(fixture *f, atl_shape s) { // of normal numbers
    float *v;
    atl_node *x = leaf_of(f, s, &v);
    atl_philox_normal(1, f->stream++, 0, (size_t)atl_shape_count(&s), v);
    return x;
}

static inline float *numbers(const atl_node *leaf) {
    return (float *)(uintptr_t)leaf->at.leaf.data;
}

// The results of some nodes, one after the other; to be freed.
static inline float *values_by(fixture *f, atl_node *const *x, int count, bool step_mode) {
    atl_plan_options o = { .step_mode = step_mode };
    atl_plan *p;
    size_t total = 0;
    if (atl_plan_make(&f->g, f->backend, x, count, &o, &p) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    for (int i = 0; i < f->g.size; i++)
        if (f->g.nodes[i]->op == ATL_OP_INPUT)
            atl_plan_write(p, f->g.nodes[i], numbers(f->g.nodes[i]));
    assert_int_equal(atl_plan_run(p), ATL_OK);
    for (int i = 0; i < count; i++)
        total += (size_t)atl_shape_count(&x[i]->shape);
    float *v = malloc(sizeof *v * total), *to = v;
    assert_non_null(v);
    for (int i = 0; i < count; to += atl_shape_count(&x[i++]->shape))
        assert_true(atl_plan_read(p, x[i], to));
    atl_plan_close(&p);
    return v;
}

static inline float *values_of_all(fixture *f, atl_node *const *x, int count) {
    return values_by(f, x, count, false);
}

static inline float *values_of(fixture *f, atl_node *x) {
    return values_of_all(f, &x, 1);
}

static inline double dot(fixture *f, atl_node *a, atl_node *b) {
    float *x = values_of(f, a), *y = values_of(f, b);
    double s = 0;
    for (int64_t i = 0; i < atl_shape_count(&a->shape); i++)
        s += (double)x[i] * (double)y[i];
    free(x);
    free(y);
    return s;
}

static inline atl_node *inner(fixture *f, atl_node *x, atl_node *y) {
    return atl_sum(&f->g, atl_mul(&f->g, x, y), ALL_AXES);
}

// <A x, y> = <x, A' y> for the linear op that made `out` from `x`, with A' built by grad of the left side.
static inline void check_adjoint(fixture *f, atl_node *x, atl_node *out) {
    atl_node *y = leaf(f, out->shape), *dx;
    atl_grad(&f->g, inner(f, out, y), &x, 1, &dx);
    if (f->g.status != ATL_OK)
        fail_msg("%s", f->g.error);
    assert_true(atl_shape_same(&dx->shape, &x->shape));
    double a = dot(f, out, y), b = dot(f, x, dx);
    // sums of up to a few thousand products of unit numbers in float: 1e-4 is some 30 roundings of the
    // largest
    if (!(fabs(a - b) <= 1e-4 * (fabs(a) + 10.0)))
        fail_msg("%s: <A x, y> = %.9g, <x, A' y> = %.9g", atl_node_op_name(out), a, b);
}

// The slope dx of a loss along a direction of x against differences of the loss; h fits functions with
// curvature 1.
static inline void check_slope(fixture *f, atl_node *loss, atl_node *x, atl_node *dx, double bound,
                               const char *what) {
    const int64_t n = atl_shape_count(&x->shape);
    const double h = 4e-3;
    float *v = numbers(x), *keep = malloc(sizeof *keep * (size_t)n), *way = malloc(sizeof *way * (size_t)n);
    float *slopes = values_of(f, dx);
    assert_true(keep && way);
    memcpy(keep, v, sizeof *keep * (size_t)n);
    for (int turn = 0; turn < 3; turn++) {
        double e[2], want = 0, size = 1e-3;
        atl_philox_normal(7, f->stream++, 0, (size_t)n, way);
        for (int64_t i = 0; i < n; i++) {
            want += (double)slopes[i] * (double)way[i] / sqrt((double)n);
            size += fabs((double)slopes[i] * (double)way[i]) / (double)n;
        }
        for (int side = 0; side < 2; side++) {
            for (int64_t i = 0; i < n; i++)
                v[i] = keep[i] + (float)((side ? -h : h) * (double)way[i] / sqrt((double)n));
            float *l = values_of(f, loss);
            e[side] = (double)l[0];
            free(l);
        }
        memcpy(v, keep, sizeof *keep * (size_t)n);
        double got = (e[0] - e[1]) / (2.0 * h);
        if (!(fabs(got - want) <= bound * (fabs(want) + size * sqrt((double)n))))
            fail_msg("%s: the loss changes by %.6g, the gradient says %.6g", what, got, want);
    }
    free(slopes);
    free(keep);
    free(way);
}

// First and second derivatives of y, a function of the leaves x.
static inline void check_orders(fixture *f, atl_node *y, atl_node *const *x, int count, double bound,
                                const char *what) {
    atl_node *d[8], *dd[8], *loss = inner(f, y, leaf(f, y->shape)), *second = NULL;
    assert_in_range(count, 1, 8);
    atl_grad(&f->g, loss, x, count, d);
    if (f->g.status != ATL_OK)
        fail_msg("%s: %s", what, f->g.error);
    for (int i = 0; i < count; i++) {
        check_slope(f, loss, x[i], d[i], bound, what);
        atl_node *part = atl_reshape(&f->g, inner(f, d[i], leaf(f, d[i]->shape)), ATL_SHAPE(1));
        second = second ? atl_add(&f->g, second, part) : part;
    }
    atl_grad(&f->g, second, x, count, dd);
    for (int i = 0; i < count; i++)
        check_slope(f, second, x[i], dd[i], bound, what);
}

#endif
