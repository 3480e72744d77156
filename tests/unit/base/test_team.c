// SPDX-License-Identifier: Apache-2.0
// Threads that share loops: each number once, in pieces that don't depend on chance, on lanes that don't
// meet; after threads have gone to sleep, in a process that was forked, and closed in the middle of all that.
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/ctx.h"
#include "base/team.h"

enum { LANES_MOST = 8, COUNT_MOST = 3000 };

static atl_ctx *open_ctx(int threads) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = threads;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

typedef struct loop {
    atomic_int times[COUNT_MOST];  // how often each number was done
    atomic_int begins[COUNT_MOST]; // 1: a piece begins here
    atomic_int busy[LANES_MOST];
    atomic_int wrong;
    int lanes;
} loop;

static void count(void *job, int lane, int64_t first, int64_t end) {
    loop *l = job;
    if (lane < 0 || lane >= l->lanes || atomic_fetch_add(&l->busy[lane], 1))
        atomic_fetch_add(&l->wrong, 1);
    atomic_fetch_add(&l->begins[first], 1);
    for (int64_t i = first; i < end; i++)
        atomic_fetch_add(&l->times[i], 1);
    atomic_fetch_sub(&l->busy[lane], 1);
}

static void check(atl_team *team, loop *l, int n, int grain) {
    memset(l, 0, sizeof *l);
    l->lanes = atl_team_lanes(team);
    atl_team_run(team, n, grain, count, l);
    assert_int_equal(l->wrong, 0);
    for (int i = 0; i < n; i++) {
        assert_int_equal(l->times[i], 1);
        assert_true(!l->begins[i] || i % grain == 0);
    }
    assert_int_equal(n < COUNT_MOST ? l->times[n] : 0, 0);
}

static void each_number_is_done_once(void **state) {
    (void)state;
    static const int counts[] = { 0, 1, 2, 3, 7, 39, 64, 1000, COUNT_MOST }, grains[] = { 1, 2, 5, 64, 5000 };
    loop *l = malloc(sizeof *l);
    assert_non_null(l);
    for (int lanes = 1; lanes <= 5; lanes++) {
        atl_ctx *ctx = open_ctx(lanes);
        atl_team *team;
        assert_int_equal(atl_team_open(ctx, lanes, &team), ATL_OK);
        assert_int_equal(atl_team_lanes(team), lanes);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            for (size_t j = 0; j < sizeof grains / sizeof *grains; j++)
                check(team, l, counts[i], grains[j]);
        atl_team_close(&team);
        assert_null(team);
        atl_ctx_close(&ctx);
    }
    free(l);
}

static void parts_do_not_hang_on_threads(void **state) {
    (void)state;
    loop *l = malloc(sizeof *l);
    assert_non_null(l);
    for (int lanes = 1; lanes <= 3; lanes++) {
        atl_ctx *ctx = open_ctx(2);
        atl_team *team;
        assert_int_equal(atl_team_open(ctx, lanes, &team), ATL_OK);
        assert_int_equal(atl_team_parts(team), lanes);
        atl_team_close(&team);
        assert_int_equal(atl_team_open_cut(ctx, lanes, 16, &team), ATL_OK);
        assert_int_equal(atl_team_lanes(team), lanes);
        assert_int_equal(atl_team_parts(team), 16);
        check(team, l, 1000, 3);
        atl_team_close(&team);
        assert_null(team);
        atl_ctx_close(&ctx);
    }
    free(l);
}

static void pieces_are_the_same_each_time(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(3);
    atl_team *team;
    loop *a = malloc(sizeof *a), *b = malloc(sizeof *b);
    assert_true(a && b);
    assert_int_equal(atl_team_open(ctx, 3, &team), ATL_OK);
    check(team, a, 1000, 3);
    int pieces = 0;
    for (int i = 0; i < 1000; i++)
        pieces += a->begins[i];
    assert_in_range(pieces, 6, 333);
    for (int round = 0; round < 200; round++) {
        check(team, b, 1000, 3);
        assert_memory_equal(a->begins, b->begins, sizeof a->begins);
    }
    free(a);
    free(b);
    atl_ctx_close(&ctx); // the team is the context's
}

static void nap(long nanoseconds) {
    nanosleep(&(struct timespec){ 0, nanoseconds }, NULL);
}

// Rounds close to each other and with pauses in which the threads fall asleep, in the middle of which they
// are called, or have just been.
static void sleepers_wake(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(2);
    atl_team *team;
    loop *l = malloc(sizeof *l);
    assert_non_null(l);
    assert_int_equal(atl_team_open(ctx, 4, &team), ATL_OK);
    for (int round = 0; round < 3000; round++) {
        check(team, l, 40, 1);
        if (round % 4 == 0)
            nap(round % 7 * 15000);
    }
    atl_team_close(&team);
    free(l);
    atl_ctx_close(&ctx);
}

static void add_up(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    _Atomic int64_t *sum = job;
    for (int64_t i = first; i < end; i++)
        atomic_fetch_add(sum, i);
}

// A child has the caller's thread alone, and does all the work.
static void a_forked_process_works_on(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(3);
    atl_team *team;
    _Atomic int64_t sum = 0;
    assert_int_equal(atl_team_open(ctx, 3, &team), ATL_OK);
    atl_team_run(team, 1000, 1, add_up, &sum);
    assert_int_equal(sum, 499500);
    nap(20000000); // so that the threads sleep
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        alarm(20); // whoever waits for a thread that is not there ends so
        sum = 0;
        for (int i = 0; i < 10; i++)
            atl_team_run(team, 1000, 1, add_up, &sum);
        atl_ctx_close(&ctx);
        _exit(sum == 4995000 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    atl_team_run(team, 1000, 1, add_up, &sum);
    assert_int_equal(sum, 999000);
    atl_ctx_close(&ctx);
}

static void teams_end_as_they_are(void **state) {
    (void)state;
    for (int round = 0; round < 200; round++) {
        atl_ctx *ctx = open_ctx(3);
        atl_team *own, *shared, *again;
        _Atomic int64_t sum = 0;
        assert_int_equal(atl_team_open(ctx, 2, &own), ATL_OK);
        assert_int_equal(atl_team_open(ctx, 3, &shared), ATL_OK);
        assert_int_equal(atl_team_open(ctx, 3, &again), ATL_OK);
        assert_ptr_equal(shared, again);
        assert_ptr_not_equal(shared, own);
        for (int i = 0; i < round % 3; i++)
            atl_team_run(i ? own : shared, 50, 1, add_up, &sum);
        assert_int_equal(sum, round % 3 * 1225);
        atl_team_close(&again);
        atl_team_run(shared, 50, 1, add_up, &sum); // closing it once does not end it for the others
        atl_team_close(&own);
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_number_is_done_once),      cmocka_unit_test(parts_do_not_hang_on_threads),
        cmocka_unit_test(pieces_are_the_same_each_time), cmocka_unit_test(sleepers_wake),
        cmocka_unit_test(a_forked_process_works_on),     cmocka_unit_test(teams_end_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
