// SPDX-License-Identifier: Apache-2.0
// The phases of BigGAN on small networks: their gradients against central differences of their losses, where
// spectral norm is differentiated through its vectors, too (otherwise a difference sees what the gradient
// leaves out; that form is compared with recorded gradients).  And what a step does with buffers.
#include "differences.h"

#include "base/philox.h"

static atl_trainer *open_trainer(atl_ctx *ctx, const char *cfg, int cond) {
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.cfg = cfg;
    o.cond = cond;
    o.resolution = 32;
    o.channel_base = 8;
    o.batch = 4;
    o.gamma = 20.0;
    o.ortho = 0.01;
    o.d_steps = 2;
    ok(ctx, atl_trainer_open(ctx, &o, &t));
    ok(ctx, atl_trainer_memory(t));
    size_t count = (size_t)t->local * 3 * 32 * 32;
    atl_philox_normal(7, 1, 0, count, t->reals);
    for (int i = 0; cond && i < t->local; i++)
        t->real_labels[i * 10 + i] = 1.0f;
    return t;
}

// Spectral norm whose gradient goes through its vectors.
static void go_through(atl_ctx *ctx, atl_network *n) {
    assert_int_equal(json_object_set_new(n->json, "sn_through", json_true()), 0);
    ok(ctx, n->row->parse(ctx, n->json, n->config));
}

static void gradients_are_differences(void **state) {
    (void)state;
    static const struct {
        const char *cfg;
        int cond;
    } cases[] = { { "sagan", 0 }, { "sagan", 1 }, { "biggan", 1 }, { "biggan", 0 }, { "biggan-deep", 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_ctx *ctx;
        atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
        o.direct = 1; // more exact
        assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
        atl_trainer *t = open_trainer(ctx, cases[i].cfg, cases[i].cond);
        go_through(ctx, &t->g);
        go_through(ctx, &t->d);
        for (int row = 0; row < t->recipe->n_phases; row++)
            if (strcmp(t->recipe->phases[row].name, "Dreg") != 0) // jumps where a ReLU turns
                check_gradient(t, row);
        atl_trainer_close(&t, 0);
        atl_ctx_close(&ctx);
    }
}

// ---- steps

static const float *buffer(const atl_network *n, const char *name) {
    const atl_param *p = atl_params_find(&n->params, name);
    assert_non_null(p);
    return atl_param_data(&n->params, p);
}

// G waits for the second step of D; its buffers move with every run of it, and so do those of D.
static void buffers_move_with_every_run(void **state) {
    (void)state;
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    atl_trainer *t = open_trainer(ctx, "biggan", 1);
    atl_network g, d;
    assert_int_equal(atl_network_copy(&t->g, &g), ATL_OK);
    assert_int_equal(atl_network_copy(&t->d, &d), ATL_OK);
    ok(ctx, atl_trainer_step(t));
    assert_memory_equal(buffer(&t->g, "linear.weight"), buffer(&g, "linear.weight"), 64);
    assert_memory_not_equal(buffer(&t->g, "linear.u0"), buffer(&g, "linear.u0"), 64);
    assert_memory_not_equal(buffer(&t->g, "output_layer.0.stored_mean"),
                            buffer(&g, "output_layer.0.stored_mean"), 16);
    assert_memory_not_equal(buffer(&t->d, "blocks.0.0.conv1.weight"), buffer(&d, "blocks.0.0.conv1.weight"),
                            64);
    assert_memory_not_equal(buffer(&t->d, "blocks.0.0.conv1.u0"), buffer(&d, "blocks.0.0.conv1.u0"), 64);
    assert_memory_equal(buffer(&t->g_ema, "linear.u0"), buffer(&g, "linear.u0"), 64); // follows steps of G
    ok(ctx, atl_trainer_step(t));
    assert_memory_not_equal(buffer(&t->g, "linear.weight"), buffer(&g, "linear.weight"), 64);
    assert_memory_equal(buffer(&t->g_ema, "linear.u0"), buffer(&t->g, "linear.u0"), 64); // before ema-start
    atl_network_clear(&g);
    atl_network_clear(&d);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// u comes nearer to the largest singular vector with every run, so that a weight over its sigma has a norm
// of 1.
static void power_steps_find_the_norm(void **state) {
    (void)state;
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    atl_trainer *t = open_trainer(ctx, "sagan", 0);
    enum { OUT = 32, IN = 3 };
    atl_phase *p = &t->phases[0];
    atl_plan_attach(p->plan, t->block);
    for (int i = 0; i < 100; i++) {
        write_inputs(t, p);
        ok(ctx, atl_phase_run(p, 0.0f, t->gradient));
        ok(ctx, atl_phase_move_buffers(p));
    }
    const float *w = buffer(&t->d, "blocks.0.0.conv_sc.weight"), *u = buffer(&t->d, "blocks.0.0.conv_sc.u0");
    double v[IN] = { 0 }, back[OUT] = { 0 }, length = 0, dot = 0; // W W^T u = sigma^2 u
    for (int o = 0; o < OUT; o++)
        for (int i = 0; i < IN; i++)
            v[i] += (double)u[o] * (double)w[o * IN + i];
    for (int o = 0; o < OUT; o++)
        for (int i = 0; i < IN; i++)
            back[o] += v[i] * (double)w[o * IN + i];
    for (int o = 0; o < OUT; o++) {
        length += back[o] * back[o];
        dot += back[o] * (double)u[o];
    }
    assert_true(fabs(dot / sqrt(length) - 1.0) < 1e-5);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// What norms see at once is as published, of all processes together or of each.
static void parts_are_the_published_ones(void **state) {
    (void)state;
    static const struct {
        const char *cfg, *cross_replica;
        int batch, processes, part; // batch 0: as published
    } cases[] = { { "sagan", "auto", 0, 1, 128 }, { "sagan", "auto", 0, 2, 64 },   { "sagan", "on", 0, 8, 16 },
                  { "sagan", "off", 0, 2, 128 },  { "sagan", "auto", 12, 1, 12 },  { "sagan", "auto", 12, 3, 4 },
                  { "biggan", "auto", 0, 1, 256 }, { "biggan", "auto", 0, 8, 32 }, { "biggan", "off", 0, 8, 256 } };
    const atl_train_set set = { 100, 32, 32, 3, 0, "set" };
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_train_options o;
        atl_train_options_init(&o, sizeof o);
        o.cfg = cases[i].cfg;
        o.cross_replica = cases[i].cross_replica;
        o.batch = cases[i].batch;
        ok(ctx, atl_train_resolve(ctx, &set, cases[i].processes, &o));
        if (o.batch_gpu != cases[i].part)
            fail_msg("%s, %s, %d processes: parts of %d", o.cfg, o.cross_replica, cases[i].processes, o.batch_gpu);
    }
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(gradients_are_differences),
                                        cmocka_unit_test(buffers_move_with_every_run),
                                        cmocka_unit_test(power_steps_find_the_norm),
                                        cmocka_unit_test(parts_are_the_published_ones) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
