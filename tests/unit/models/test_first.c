// SPDX-License-Identifier: Apache-2.0
// First weights: orthonormal rows or columns, Xavier's bounds, and what stays as it was.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "nn/first.h"

typedef struct store {
    atl_ctx *ctx;
    atl_params params;
} store;

static atl_param *add(store *s, const char *name, int rank, const int64_t *dims, bool buffer, atl_init_kind kind,
                      float value) {
    atl_param *p;
    assert_int_equal(atl_params_add(&s->params, name, rank, dims, buffer, &p), ATL_OK);
    p->init = kind;
    p->init_value = value;
    return p;
}

// Wide, tall, square, narrower than a block, a filter; and what is left alone.
static const struct {
    const char *name;
    int rank;
    int64_t dims[4];
} WEIGHTS[] = { { "wide", 2, { 37, 70 } },
                { "tall", 2, { 90, 33 } },
                { "square", 2, { 64, 64 } },
                { "few", 2, { 5, 40 } },
                { "filter", 4, { 24, 8, 3, 3 } } };
enum { COUNT = sizeof WEIGHTS / sizeof *WEIGHTS };

static void open_store(store *s, atl_first kind) {
    int64_t one[1] = { 50 }, two[2] = { 6, 7 };
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    atl_params_init(&s->params, s->ctx);
    for (int i = 0; i < COUNT; i++)
        add(s, WEIGHTS[i].name, WEIGHTS[i].rank, WEIGHTS[i].dims, false, ATL_INIT_NORMAL, 0.02f);
    add(s, "vector", 1, one, false, ATL_INIT_NORMAL, 0.02f);
    add(s, "u0", 2, two, true, ATL_INIT_NORMAL, 1.0f);
    add(s, "ones", 2, two, false, ATL_INIT_FILL, 1.0f);
    assert_int_equal(atl_params_allocate(&s->params), ATL_OK);
    atl_params_randomise(&s->params, 5);
    assert_int_equal(atl_params_first(&s->params, kind), ATL_OK);
}

static void close_store(store *s) {
    atl_params_clear(&s->params);
    atl_ctx_close(&s->ctx);
}

// Products of rows, or of columns where these are fewer, are 1 with themselves and else 0, to the rounding of
// so many floats.
static void fewer_of_rows_and_columns_are_orthonormal(void **state) {
    (void)state;
    store s;
    open_store(&s, ATL_FIRST_ORTHOGONAL);
    for (int i = 0; i < COUNT; i++) {
        const atl_param *p = atl_params_find(&s.params, WEIGHTS[i].name);
        const float *w = atl_param_data(&s.params, p);
        size_t out = (size_t)p->dims[0], in = p->count / out, m = out < in ? out : in, n = out < in ? in : out;
        for (size_t a = 0; a < m; a++)
            for (size_t b = 0; b <= a; b++) {
                double sum = 0;
                for (size_t k = 0; k < n; k++)
                    sum += (double)(out < in ? w[a * in + k] : w[k * in + a]) *
                           (double)(out < in ? w[b * in + k] : w[k * in + b]);
                assert_true(fabs(sum - (a == b)) < 1e-6);
            }
    }
    close_store(&s);
}

static void xavier_is_uniform_within_its_bound(void **state) {
    (void)state;
    store s;
    open_store(&s, ATL_FIRST_XAVIER);
    for (int i = 0; i < COUNT; i++) {
        const atl_param *p = atl_params_find(&s.params, WEIGHTS[i].name);
        const float *w = atl_param_data(&s.params, p);
        double taps = p->rank == 4 ? 9 : 1, bound = sqrt(6.0 / (taps * (double)(p->dims[0] + p->dims[1])));
        double squares = 0, largest = 0, inside = 0;
        for (size_t k = 0; k < p->count; k++) {
            squares += (double)w[k] * (double)w[k];
            largest = fmax(largest, fabs((double)w[k]));
            inside += fabs((double)w[k]) < bound / 2;
        }
        // of 200 numbers and more; four deviations of what they should be
        double n = (double)p->count;
        assert_true(largest <= bound * (1 + 1e-6) && largest > 0.95 * bound);
        assert_true(fabs(squares / n / (bound * bound / 3) - 1) < 4 * sqrt(0.8 / n));
        assert_true(fabs(inside / n - 0.5) < 4 * sqrt(0.25 / n));
    }
    close_store(&s);
}

static void others_stay_as_they_were(void **state) {
    (void)state;
    store first[3];
    static const char *const NAMES[] = { "vector", "u0", "ones" };
    for (int k = 0; k < 3; k++)
        open_store(&first[k], (atl_first)k);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            const atl_params *a = &first[0].params, *b = &first[k].params;
            const atl_param *p = atl_params_find(a, NAMES[i]);
            assert_memory_equal(atl_param_data(a, p), atl_param_data(b, p), p->count * sizeof(float));
        }
    const atl_params *normal = &first[ATL_FIRST_NORMAL].params;
    const atl_param *p = atl_params_find(normal, "square");
    double squares = 0;
    for (size_t k = 0; k < p->count; k++)
        squares += (double)atl_param_data(normal, p)[k] * (double)atl_param_data(normal, p)[k];
    assert_true(fabs(sqrt(squares / (double)p->count) / 0.02 - 1) < 0.05); // 4096 numbers: four deviations
    for (int k = 0; k < 3; k++)
        close_store(&first[k]);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(fewer_of_rows_and_columns_are_orthonormal),
                                        cmocka_unit_test(xavier_is_uniform_within_its_bound),
                                        cmocka_unit_test(others_stay_as_they_were) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
