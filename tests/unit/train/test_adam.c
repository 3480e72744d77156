// SPDX-License-Identifier: Apache-2.0
// Adam, moving averages and finite gradients against numbers worked out by hand.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "graph/resident.h"
#include "run/backend.h"
#include "run/adam.h"

static int setup(void **state) {
    atl_ctx *ctx;
    atl_backend *b;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(ctx, NULL, &b), ATL_OK);
    *state = b;
    return 0;
}

static int teardown(void **state) {
    atl_backend *b = *state;
    atl_ctx *ctx = b->ctx;
    atl_backend_close(&b);
    atl_ctx_close(&ctx);
    return 0;
}

// Two parameters and a buffer, on the device.
static void make_store(atl_backend *b, atl_params *p) {
    atl_params_init(p, b->ctx);
    assert_int_equal(atl_params_add(p, "weight", 1, (int64_t[]){ 2 }, false, NULL), ATL_OK);
    assert_int_equal(atl_params_add(p, "bias", 1, (int64_t[]){ 1 }, false, NULL), ATL_OK);
    assert_int_equal(atl_params_add(p, "w_avg", 1, (int64_t[]){ 1 }, true, NULL), ATL_OK);
    assert_int_equal(atl_params_allocate(p), ATL_OK);
    memset(p->data, 0, p->total * sizeof *p->data);
    assert_int_equal(atl_resident_take(b, p->data, p->total, 0, NULL), ATL_OK);
}

static void clear_store(atl_backend *b, atl_params *p) {
    atl_resident_drop(b, p->data);
    atl_params_clear(p);
}

// Hands a changed store to the device.
static void put(atl_backend *b, atl_params *p) {
    atl_resident_renew(b, p->data, ++p->version);
}

// One step of a part with the gradient g; the store's values are read back.
static void step(atl_adam *a, size_t index, atl_params *p, const float *g) {
    float gradient[48] = { 0 };
    assert_true(p->total <= 48);
    memcpy(gradient + p->list[index].offset, g, p->list[index].count * sizeof *g);
    assert_int_equal(atl_resident_take(a->backend, gradient, 48, 0, NULL), ATL_OK);
    atl_adam_step(a, index, p->data, gradient);
    atl_resident_drop(a->backend, gradient);
    atl_resident_fetch(a->backend, p->data, p->total);
}

static float *values(atl_params *p, const char *name) {
    return atl_param_data(p, atl_params_find(p, name));
}

// float32 keeps seven digits; the steps below add at most three of them
static void assert_near(float x, double truth) {
    if (!(fabs((double)x - truth) <= 1e-6 * fmax(1e-2, fabs(truth))))
        fail_msg("%.9g where %.9g is right", (double)x, truth);
}

// rate 0.1, betas 0.5 and 0.75, eps 0.01; gradients 2 then -1 for one weight that starts at 1:
//   m = 1,   v = 1:    m^ = 2,      v^ = 4:      w = 1 - 0.1 * 2 / 2.01
//   m = 0,   v = 1:    m^ = 0,      v^ = 16/7:   w stays
// and 3, 1 for another that starts at 0:
//   m = 1.5, v = 9/4:  m^ = 3,      v^ = 9:      w = -0.1 * 3 / 3.01
//   m = 5/4, v = 31/16: m^ = 5/3,   v^ = 31/7:   w -= 0.1 * (5/3) / (sqrt(31/7) + 0.01)
static void steps_follow_the_algorithm(void **state) {
    atl_params p;
    make_store(*state, &p);
    atl_adam a;
    atl_adam_options o = { 0.1f, 0.5f, 0.75f, 0.01f, false, 0.0f };
    assert_int_equal(atl_adam_init(&a, *state, &p, &o), ATL_OK);
    float *w = values(&p, "weight");
    w[0] = 1.0f;
    put(*state, &p);
    step(&a, 0, &p, (float[]){ 2.0f, 3.0f });
    assert_near(w[0], 1.0 - 0.2 / 2.01);
    assert_near(w[1], -0.3 / 3.01);
    step(&a, 0, &p, (float[]){ -1.0f, 1.0f });
    assert_near(w[0], 1.0 - 0.2 / 2.01);
    assert_near(w[1], -0.3 / 3.01 - 0.1 * (5.0 / 3.0) / (sqrt(31.0 / 7.0) + 0.01));
    assert_true(*values(&p, "bias") == 0.0f); // another part is not touched, and counts for itself:
    step(&a, 1, &p, (float[]){ 4.0f });
    assert_near(*values(&p, "bias"), -0.4 / 4.01);
    atl_adam_clear(&a);
    atl_adam_clear(&a);
    clear_store(*state, &p);
}

// StyleGAN's beta1 is 0: the first step has length lr whatever the gradient's size.
static void without_momentum_the_first_step_is_the_rate(void **state) {
    atl_params p;
    make_store(*state, &p);
    atl_adam a;
    atl_adam_options o = ATL_ADAM_OPTIONS_INIT;
    assert_int_equal(atl_adam_init(&a, *state, &p, &o), ATL_OK);
    step(&a, 0, &p, (float[]){ 1e-3f, -1e4f });
    assert_near(values(&p, "weight")[0], -0.0025 * 1e-3 / (1e-3 + 1e-8));
    assert_near(values(&p, "weight")[1], 0.0025);
    step(&a, 0, &p, (float[]){ 0.0f, 0.0f });
    assert_near(values(&p, "weight")[1], 0.0025); // no gradient, no momentum: no step
    atl_adam_clear(&a);
    clear_store(*state, &p);
}

// 20 steps of Ranger on a x^2 / 2 of four numbers, against the papers' formulas in double.
static void ranger_steps_follow_the_algorithms(void **state) {
    enum { COUNT = 4, ROW = 2, STEPS = 20 };
    const double lr = 0.05, b1 = 0.95, b2 = 0.999, eps = 1e-5, most = 2 / (1 - b2) - 1,
                 curve[COUNT] = { 1, 3, 0.5, 2 };
    double x[COUNT] = { 1, -2, 0.5, 3 }, m[COUNT] = { 0 }, v[COUNT] = { 0 }, slow[COUNT];
    atl_params p;
    atl_params_init(&p, ((atl_backend *)*state)->ctx);
    assert_int_equal(atl_params_add(&p, "weight", 2, (int64_t[]){ COUNT / ROW, ROW }, false, NULL), ATL_OK);
    assert_int_equal(atl_params_allocate(&p), ATL_OK);
    memset(p.data, 0, p.total * sizeof *p.data);
    assert_int_equal(atl_resident_take(*state, p.data, p.total, 0, NULL), ATL_OK);
    for (int i = 0; i < COUNT; i++)
        values(&p, "weight")[i] = (float)(slow[i] = x[i]);
    put(*state, &p);
    atl_adam a;
    atl_adam_options o = ATL_RANGER_OPTIONS_INIT;
    o.lr = (float)lr;
    assert_int_equal(atl_adam_init(&a, *state, &p, &o), ATL_OK);
    for (int t = 1; t <= STEPS; t++) {
        float g[COUNT];
        double centred[COUNT], power = pow(b2, t), known = most - 2 * t * power / (1 - power),
                               size = lr / (1 - pow(b1, t));
        for (int i = 0; i < COUNT; i++)
            g[i] = (float)(curve[i] * x[i]);
        for (int i = 0; i < COUNT; i++)
            centred[i] = curve[i] * x[i] - (curve[i / ROW * ROW] * x[i / ROW * ROW] +
                                            curve[i / ROW * ROW + 1] * x[i / ROW * ROW + 1]) /
                                               ROW;
        if (known > 5)
            size *= sqrt((1 - power) * (known - 4) / (most - 4) * (known - 2) / known * most / (most - 2));
        for (int i = 0; i < COUNT; i++) {
            m[i] = b1 * m[i] + (1 - b1) * centred[i];
            v[i] = b2 * v[i] + (1 - b2) * centred[i] * centred[i];
            x[i] -= known > 5 ? size * m[i] / (sqrt(v[i]) + eps) : size * m[i];
            if (t % 6 == 0)
                x[i] = slow[i] += 0.5 * (x[i] - slow[i]);
        }
        step(&a, 0, &p, g);
        for (int i = 0; i < COUNT; i++)
            if (fabs((double)values(&p, "weight")[i] - x[i]) > 2e-5) // float32 moments divided by each other
                fail_msg("step %d, number %d: %g instead of %g", t, i, (double)values(&p, "weight")[i], x[i]);
    }
    atl_adam_clear(&a);
    clear_store(*state, &p);
}

static void options_out_of_range_are_refused(void **state) {
    atl_params p;
    make_store(*state, &p);
    const atl_adam_options bad[] = { { -1.0f, 0, 0.9f, 1e-8f, false, 0 },
                                     { 0.1f, 1.0f, 0.9f, 1e-8f, false, 0 },
                                     { 0.1f, 0, 1.0f, 1e-8f, false, 0 },
                                     { 0.1f, 0, 0.9f, 0.0f, false, 0 },
                                     { NAN, 0, 0.9f, 1e-8f, false, 0 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        atl_adam a;
        assert_int_equal(atl_adam_init(&a, *state, &p, &bad[i]), ATL_BAD_ARGUMENT);
        atl_adam_clear(&a);
    }
    clear_store(*state, &p);
}

static void lazy_regularisation_corrects_rate_and_betas(void **state) {
    (void)state;
    atl_adam_options o = { 0.002f, 0.0f, 0.99f, 1e-8f, false, 0.0f }, lazy = atl_adam_lazy(o, 16);
    assert_near(lazy.lr, 0.002 * 16.0 / 17.0);
    assert_true(lazy.beta1 == 0.0f);
    assert_near(lazy.beta2, 0.99058546); // 0.99 ^ (16 / 17)
    assert_true(lazy.eps == o.eps);
    o.beta1 = 0.5f;
    assert_near(atl_adam_lazy(o, 4).beta1, 0.57434918); // 0.5 ^ 0.8
}

static void only_what_is_not_finite_changes(void **state) {
    atl_backend *b = *state;
    float x[5] = { NAN, INFINITY, -INFINITY, 3e38f, -0.5f }, rest[3][5] = { { 0 } };
    float *spans[4] = { x, rest[0], rest[1], rest[2] }, *at[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(atl_resident_take(b, spans[i], 5, 0, &at[i]), ATL_OK);
    atl_adam_span s = { .x = at[1],
                        .m = at[2],
                        .v = at[3],
                        .gradient = at[0],
                        .count = 5,
                        .root = 1.0f,
                        .eps = 1.0f,
                        .limit = 1e5f };
    b->adam(b, &s);
    atl_resident_fetch(b, x, 5);
    const float truth[5] = { 0.0f, 1e5f, -1e5f, 3e38f, -0.5f };
    assert_memory_equal(x, truth, sizeof x);
    for (int i = 0; i < 4; i++)
        atl_resident_drop(b, spans[i]);
}

static void averages_halve_the_distance_in_a_half_life(void **state) {
    assert_near(atl_ema_beta(10000, 10, 0, 0), 0.5);
    assert_near(atl_ema_beta(5000, 10, 0, 0), 0.70710678);
    assert_near(atl_ema_beta(32, 10, 0.05, 640), 0.5); // 5 % of 640 images are 32
    assert_near(atl_ema_beta(32, 10, 0.05, 1e9), pow(0.5, 0.0032));
    assert_true(atl_ema_beta(32, 10, 0.05, 0) == 0.0f); // nothing shown yet: the average is the network
    atl_params p, q;
    make_store(*state, &p);
    make_store(*state, &q);
    memcpy(values(&p, "weight"), (float[]){ 4.0f, -2.0f }, 2 * sizeof(float));
    *values(&p, "w_avg") = 7.0f;
    put(*state, &p);
    assert_int_equal(atl_ema_update(*state, &q, &p, 0.75f, 0.0f), ATL_OK);
    atl_resident_fetch(*state, q.data, q.total);
    assert_near(values(&q, "weight")[0], 1.0);
    assert_near(values(&q, "weight")[1], -0.5);
    assert_true(*values(&q, "w_avg") == 7.0f); // buffers are copied
    *values(&p, "w_avg") = 3.0f;
    put(*state, &p);
    assert_int_equal(atl_ema_update(*state, &q, &p, 0.75f, 0.25f), ATL_OK);
    atl_resident_fetch(*state, q.data, q.total);
    assert_near(*values(&q, "w_avg"), 4.0); // or have a weight of their own
    atl_params other; // has a bias of another size
    atl_params_init(&other, p.ctx);
    assert_int_equal(atl_params_add(&other, "bias", 1, (int64_t[]){ 4 }, false, NULL), ATL_OK);
    assert_int_equal(atl_params_allocate(&other), ATL_OK);
    assert_int_equal(atl_ema_update(*state, &q, &other, 0.75f, 0.0f), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(p.ctx), "bias"));
    atl_params_clear(&other);
    clear_store(*state, &p);
    clear_store(*state, &q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_follow_the_algorithm, setup, teardown),
        cmocka_unit_test_setup_teardown(without_momentum_the_first_step_is_the_rate, setup, teardown),
        cmocka_unit_test_setup_teardown(ranger_steps_follow_the_algorithms, setup, teardown),
        cmocka_unit_test_setup_teardown(options_out_of_range_are_refused, setup, teardown),
        cmocka_unit_test(lazy_regularisation_corrects_rate_and_betas),
        cmocka_unit_test_setup_teardown(only_what_is_not_finite_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(averages_halve_the_distance_in_a_half_life, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
