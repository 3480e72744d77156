// SPDX-License-Identifier: Apache-2.0
// Sums over processes within a graph.  Processes are threads here, each with a context, a graph and a part of
// the samples: a batch norm, its gradient and the gradient of a function of that are those of one graph with
// all samples.
#include "closed.h"

#include <pthread.h>

#include "nn/functions.h"

enum { PROCESSES = 2, N = 6, PART = N / PROCESSES, H = 2, W = 3, C = 5, PIXELS = H * W * C };

// Where processes meet: each shows its numbers, and all add them in one order.
typedef struct hall {
    pthread_barrier_t shown, added;
    const float *rows[PROCESSES];
} hall;

typedef struct process {
    hall *hall;
    atl_processes processes;
    int rank, calls;
    const float *x, *weight, *way; // of all samples
    float *got; // y, dx and ddx of its samples, then mean and variance
} process;

static atl_status sum_all(void *user, float *x, size_t count) {
    process *p = user;
    float sums[64];
    p->calls++;
    p->hall->rows[p->rank] = x;
    pthread_barrier_wait(&p->hall->shown);
    for (size_t i = 0; i < count && i < 64; i++) {
        sums[i] = 0.0f;
        for (int r = 0; r < PROCESSES; r++)
            sums[i] += p->hall->rows[r][i];
    }
    pthread_barrier_wait(&p->hall->added);
    memcpy(x, sums, count * sizeof *x);
    return count <= 64 ? ATL_OK : ATL_INTERNAL;
}

static atl_node *part_of(fixture *f, const float *all, int first, int n) {
    float *v;
    atl_node *x = leaf_of(f, ATL_SHAPE(n, H, W, C), &v);
    memcpy(v, all + first * PIXELS, sizeof *v * (size_t)n * PIXELS);
    return x;
}

// Samples [first, first + n): the norm, the gradient of <y, weight>, and that of <this gradient, way>.
static float *norm_of(fixture *f, const process *p, const atl_processes *processes, int first, int n) {
    atl_graph *g = &f->g;
    atl_node *x = part_of(f, p->x, first, n), *mean, *variance, *dx, *ddx;
    atl_batch_statistics(g, x, processes, &mean, &variance);
    atl_node *y = atl_batch_norm(g, x, mean, variance, NULL, NULL, 1e-3f);
    atl_grad(g, inner(f, y, part_of(f, p->weight, first, n)), &x, 1, &dx);
    atl_grad(g, inner(f, dx, part_of(f, p->way, first, n)), &x, 1, &ddx);
    return values_of_all(f, (atl_node *[]){ y, dx, ddx, mean, variance }, 5);
}

static void *run_process(void *user) {
    process *p = user;
    void *state;
    setup(&state);
    p->got = norm_of(state, p, &p->processes, p->rank * PART, PART);
    teardown(&state);
    return NULL;
}

static void compare(const float *got, const float *want, int count, const char *what, int rank) {
    for (int i = 0; i < count; i++) // sums of 36 numbers of size 1 in another order, and differences of such sums
        if (!(fabs((double)got[i] - (double)want[i]) <= 2e-5 * (1.0 + fabs((double)want[i]))))
            fail_msg("%s of process %d: %.9g, of one process %.9g", what, rank, (double)got[i], (double)want[i]);
}

static void two_processes_norm_as_one(void **state) {
    fixture *f = *state;
    static float x[N * PIXELS], weight[N * PIXELS], way[N * PIXELS];
    static const char *const WHAT[] = { "the norm", "its gradient", "the gradient of that" };
    hall h;
    process p[PROCESSES];
    pthread_t threads[PROCESSES];
    atl_philox_normal(1, 1, 0, N * PIXELS, x);
    atl_philox_normal(1, 2, 0, N * PIXELS, weight);
    atl_philox_normal(1, 3, 0, N * PIXELS, way);
    for (int i = 0; i < PART * PIXELS; i++) // parts of unlike means
        x[i] += 2.0f;
    assert_int_equal(pthread_barrier_init(&h.shown, NULL, PROCESSES), 0);
    assert_int_equal(pthread_barrier_init(&h.added, NULL, PROCESSES), 0);
    for (int r = 0; r < PROCESSES; r++) {
        p[r] = (process){ .hall = &h, .rank = r, .x = x, .weight = weight, .way = way };
        p[r].processes = (atl_processes){ PROCESSES, sum_all, &p[r] };
        assert_int_equal(pthread_create(&threads[r], NULL, run_process, &p[r]), 0);
    }
    for (int r = 0; r < PROCESSES; r++)
        assert_int_equal(pthread_join(threads[r], NULL), 0);
    float *one = norm_of(f, &p[0], NULL, 0, N), *own = norm_of(f, &p[0], NULL, 0, PART);
    const int all = N * PIXELS, part = PART * PIXELS;
    for (int r = 0; r < PROCESSES; r++) {
        for (int k = 0; k < 3; k++)
            compare(p[r].got + k * part, one + k * all + r * part, part, WHAT[k], r);
        compare(p[r].got + 3 * part, one + 3 * all, 2 * C, "statistics", r);
    }
    assert_true(p[0].calls >= 4 && p[0].calls == p[1].calls);
    assert_memory_equal(p[0].got + 3 * part, p[1].got + 3 * part, 2 * C * sizeof(float));
    assert_true(fabsf(own[0] - one[0]) > 0.1f); // or parts alone would do, too
    for (int r = 0; r < PROCESSES; r++)
        free(p[r].got);
    free(one);
    free(own);
    pthread_barrier_destroy(&h.shown);
    pthread_barrier_destroy(&h.added);
}

// ---- alone

typedef struct echo {
    int calls;
    atl_status status;
} echo;

static atl_status sum_echo(void *user, float *x, size_t count) { // another one with the same numbers
    echo *e = user;
    e->calls++;
    for (size_t i = 0; i < count; i++)
        x[i] *= 2.0f;
    return e->status;
}

static void it_is_its_own_transpose(void **state) {
    fixture *f = *state;
    echo e = { 0 };
    const atl_processes two = { 2, sum_echo, &e }, one = { 1, sum_echo, &e };
    atl_node *x = leaf(f, ATL_SHAPE(3, 4));
    check_adjoint(f, x, atl_across(&f->g, x, &two));
    check_orders(f, atl_square(&f->g, atl_across(&f->g, x, &two)), &x, 1, 2e-3, "across");
    assert_ptr_equal(atl_across(&f->g, x, &one), x);
    assert_ptr_equal(atl_across(&f->g, x, NULL), x);
}

// While a plan is made nobody else listens; and what fails in a sum ends the run.
static void nothing_is_asked_of_others_before_a_run(void **state) {
    fixture *f = *state;
    echo e = { 0 };
    const atl_processes two = { 2, sum_echo, &e };
    atl_node *y = atl_across(&f->g, atl_fill(&f->g, ATL_SHAPE(3), 1.5f), &two);
    y = atl_affine(&f->g, y, 2.0f, 1.0f);
    atl_plan *plan;
    float got[3];
    assert_int_equal(atl_plan_make(&f->g, f->backend, &y, 1, NULL, &plan), ATL_OK);
    assert_int_equal(e.calls, 0);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    assert_int_equal(e.calls, 1);
    assert_true(atl_plan_read(plan, y, got) && got[0] == 7.0f && got[2] == 7.0f);
    e.status = ATL_IO;
    assert_int_equal(atl_plan_run(plan), ATL_IO);
    atl_plan_close(&plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_processes_norm_as_one, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_its_own_transpose, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_asked_of_others_before_a_run, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
