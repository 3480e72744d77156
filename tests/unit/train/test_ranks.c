// SPDX-License-Identifier: Apache-2.0
// A group of one: what every program sees that no launcher started.  Several processes: ranks_worker.c.
#define _DEFAULT_SOURCE // setenv
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "run/ranks.h"

static const atl_ranks_options OPTIONS = ATL_RANKS_OPTIONS_INIT;

static int setup(void **state) {
    static const char *const LAUNCHERS[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "PMIX_RANK",
                                             "SLURM_STEP_NUM_TASKS" };
    for (size_t i = 0; i < sizeof LAUNCHERS / sizeof *LAUNCHERS; i++)
        unsetenv(LAUNCHERS[i]);
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    *state = ctx;
    return 0;
}

static int teardown(void **state) {
    atl_ctx *ctx = *state;
    atl_ctx_close(&ctx);
    return 0;
}

static atl_ranks *open_alone(atl_ctx *ctx) {
    atl_ranks *r = NULL;
    assert_int_equal(atl_ranks_open(ctx, &OPTIONS, &r), ATL_OK);
    assert_int_equal(atl_ranks_rank(r), 0);
    assert_int_equal(atl_ranks_size(r), 1);
    return r;
}

static void without_a_launcher_one_rank_has_the_host(void **state) {
    atl_ranks *r = open_alone(*state);
    assert_int_equal(atl_ranks_local_size(r), 1);
    assert_int_equal(atl_ranks_threads(r), atl_cpu_count());
    atl_ranks_close(&r, false);
    assert_null(r);
    atl_ranks_close(&r, true);
}

static void alone_everything_stays_as_it_is(void **state) {
    atl_ranks *r = open_alone(*state);
    float x[3] = { 1.5f, -0.0f, INFINITY };
    const float same[3] = { 1.5f, -0.0f, INFINITY };
    double y[2] = { 0.1, NAN };
    char text[4] = "abc";
    atl_ranks_step(r, 7);
    assert_int_equal(atl_ranks_sum(r, x, 3), ATL_OK);
    assert_int_equal(atl_ranks_sum_begin(r, x, 3), ATL_OK);
    assert_int_equal(atl_ranks_sum_wait(r), ATL_OK);
    assert_memory_equal(x, same, sizeof x);
    assert_int_equal(atl_ranks_sum_double(r, y, 2), ATL_OK);
    assert_true(y[0] == 0.1 && isnan(y[1]));
    assert_int_equal(atl_ranks_broadcast(r, text, sizeof text), ATL_OK);
    assert_string_equal(text, "abc");
    assert_int_equal(atl_ranks_same(r, 42, "the data set"), ATL_OK);
    int flag = false;
    assert_int_equal(atl_ranks_any(r, &flag), ATL_OK);
    assert_false(flag);
    flag = true;
    assert_int_equal(atl_ranks_any(r, &flag), ATL_OK);
    assert_true(flag);
    atl_ranks_close(&r, false);
}

static void one_process_of_a_launcher_is_alone_too(void **state) {
    static const char *const SIZES[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE" };
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        setenv(SIZES[i], "1", 1);
        atl_ranks *r = open_alone(*state);
        atl_ranks_close(&r, false);
        unsetenv(SIZES[i]);
    }
    setenv("PMIX_RANK", "0", 1);
    setenv("SLURM_STEP_NUM_TASKS", "1", 1);
    atl_ranks *r = open_alone(*state);
    atl_ranks_close(&r, false);
    unsetenv("PMIX_RANK");
    setenv("SLURM_STEP_NUM_TASKS", "2", 1); // a job of Slurm, but not started for MPI
    r = open_alone(*state);
    atl_ranks_close(&r, false);
    unsetenv("SLURM_STEP_NUM_TASKS");
}

#ifndef ATL_HAVE_MPI
static void several_processes_need_mpi_in_the_build(void **state) {
    atl_ctx *ctx = *state;
    static const char *const SIGNS[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "PMIX_RANK" };
    for (size_t i = 0; i < sizeof SIGNS / sizeof *SIGNS; i++) {
        setenv(SIGNS[i], "2", 1);
        atl_ranks *r;
        assert_int_equal(atl_ranks_open(ctx, &OPTIONS, &r), ATL_UNSUPPORTED);
        assert_null(r);
        assert_non_null(strstr(atl_message(ctx), "libopenmpi-dev"));
        atl_message_clear(ctx);
        unsetenv(SIGNS[i]);
    }
}
#endif

static void a_limit_that_is_no_time_is_refused(void **state) {
    const double bad[] = { -1.0, NAN, INFINITY };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        atl_ranks *r;
        atl_ranks_options o = ATL_RANKS_OPTIONS_INIT;
        o.stall_seconds = bad[i];
        assert_int_equal(atl_ranks_open(*state, &o, &r), ATL_BAD_ARGUMENT);
        assert_null(r);
    }
}

static void missing_memory_is_an_error(void **state) {
    atl_ctx *ctx = *state;
    atl_ranks *r = NULL;
    int failures = 0;
    for (;; failures++) {
        ctx->fail_after = failures;
        atl_status status = atl_ranks_open(ctx, &OPTIONS, &r);
        ctx->fail_after = -1;
        if (status == ATL_OK)
            break;
        assert_int_equal(status, ATL_NO_MEMORY);
        assert_null(r);
    }
    assert_true(failures > 0);
    atl_ranks_close(&r, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_a_launcher_one_rank_has_the_host),
        TEST(alone_everything_stays_as_it_is),
        TEST(one_process_of_a_launcher_is_alone_too),
#ifndef ATL_HAVE_MPI
        TEST(several_processes_need_mpi_in_the_build),
#endif
        TEST(a_limit_that_is_no_time_is_refused),
        TEST(missing_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
