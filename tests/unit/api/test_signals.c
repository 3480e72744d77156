// SPDX-License-Identifier: Apache-2.0
// A handler without a stack of its own, called every millisecond while networks are run and trained: the
// heap must come out whole.  malloc's own checks abort the program where it does not.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <cmocka.h>

#include <atelier/model.h>
#include <atelier/rng.h>
#include <atelier/train.h>

enum { IMAGES = 64, STEPS = 17 }; // 17: each phase of training has had its turn

static volatile sig_atomic_t calls;

static void count_call(int number) {
    (void)number;
    calls++;
}

static void start_timer(void) {
    struct sigaction action = { .sa_handler = count_call, .sa_flags = SA_RESTART };
    struct itimerval every = { { 0, 1000 }, { 0, 1000 } };
    calls = 0;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
}

static void stop_timer(void) {
    struct itimerval never = { { 0, 0 }, { 0, 0 } };
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_true(calls > 0);
}

static atl_ctx *open_ctx(int threads) {
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    atl_ctx *ctx;
    o.threads = threads;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

static void generate(int threads) {
    const char *data = getenv("ATL_TEST_DATA");
    char path[1024];
    snprintf(path, sizeof path, "%s/trained/portraits-64.safetensors", data ? data : "tests/data");
    atl_ctx *ctx = open_ctx(threads);
    atl_model *m;
    assert_int_equal(atl_model_open(ctx, path, NULL, &m), ATL_OK);
    const atl_model_info *info = atl_model_get_info(m);
    size_t z_dim = (size_t)info->z_dim, row = (size_t)info->num_ws * (size_t)info->w_dim;
    size_t image = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
    float *z = calloc(IMAGES * z_dim, sizeof *z), *ws = calloc(IMAGES * row, sizeof *ws);
    float *img = calloc(IMAGES * image, sizeof *img);
    assert_true(z && ws && img);
    for (uint32_t i = 0; i < IMAGES; i++)
        atl_seed_to_z(i, z_dim, z + i * z_dim);
    start_timer();
    assert_int_equal(atl_model_map(m, IMAGES, z, NULL, NULL, ws), ATL_OK);
    assert_int_equal(atl_model_synthesize(m, IMAGES, ws, NULL, img), ATL_OK);
    stop_timer();
    free(z);
    free(ws);
    free(img);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void a_batch_survives_a_timer(void **state) {
    (void)state;
    generate(1);
    generate(2);
}

static void train(int threads) {
    atl_ctx *ctx = open_ctx(threads);
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.resolution = 32;
    o.channel_base = 1024;
    o.channel_max = 32;
    o.map_depth = 2;
    o.batch = 8;
    assert_int_equal(atl_trainer_open(ctx, &o, &t), ATL_OK);
    start_timer();
    for (int i = 0; i < STEPS; i++)
        assert_int_equal(atl_trainer_step(t), ATL_OK);
    stop_timer();
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

static void training_survives_a_timer(void **state) {
    (void)state;
    train(1);
    train(2);
}

// The caller's mask is what it was, and a signal that came meanwhile is not lost.
static void the_mask_is_given_back(void **state) {
    (void)state;
    sigset_t before, after;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    generate(2);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    assert_int_equal(sigismember(&after, SIGUSR1), 1);
    assert_int_equal(sigismember(&after, SIGALRM), 0);
    assert_int_equal(sigismember(&after, SIGINT), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_survives_a_timer),
        cmocka_unit_test(training_survives_a_timer),
        cmocka_unit_test(the_mask_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
