// SPDX-License-Identifier: Apache-2.0
// Training of transformers over codes, small: gradients against central differences, with dropout and with
// codes replaced; what is held out; what a step is given; which weights decay.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "train/coded.h"
#include "train/trainer.h"

enum { SIDE = 16, CODES = 16, LENGTH = 64, BATCH = 4, STEPS = 4 };
static const double PARTS[STEPS] = { 1e-4, 2e-4, 3e-4, 5e-4 }, BOUND = 1e-3; // of the loss, see test_biggan.c
static const char FIRST[] = "transformer-first.safetensors";

static void ok(const atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    return ctx;
}

// The first stage: an autoencoder as a run of its training would begin.
static int write_first(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.cfg = "vqgan";
    o.resolution = SIDE;
    o.channel_base = 32;
    o.channel_max = CODES;
    o.batch = BATCH;
    ok(ctx, atl_trainer_open(ctx, &o, &t));
    ok(ctx, atl_trainer_save(t, FIRST));
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
    return 0;
}

static int remove_first(void **state) {
    (void)state;
    return remove(FIRST);
}

static atl_train_options small(const char *cfg) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = cfg;
    o.resolution = SIDE;
    o.first_stage = FIRST;
    o.channel_base = 32;
    o.layers = 2;
    o.heads = 4;
    o.batch = BATCH;
    o.glr = 1e-3;
    return o;
}

static atl_trainer *open_trainer(atl_ctx *ctx, const atl_train_options *o) {
    atl_trainer *t;
    ok(ctx, atl_trainer_open(ctx, o, &t));
    ok(ctx, atl_trainer_step(t)); // then there are codes, and no weight is what it was made as
    return t;
}

// ---- gradients

static double loss_of(atl_trainer *t, atl_phase *p, float *gradient) {
    atl_draw_run run = { .trainer = t, .phase = p->number, .seed = 3, .step = 1, .n = p->n, .team = t->team };
    float loss;
    atl_draw_inputs(&run, p, p->plan, t->scratch);
    ok(t->ctx, atl_phase_run(p, 1.0f, gradient));
    assert_true(atl_plan_read(p->plan, p->loss, &loss));
    return (double)loss;
}

static void check_gradient(const char *cfg, double dropout) {
    atl_ctx *ctx = open_ctx();
    atl_train_options o = small(cfg);
    o.dropout = dropout;
    o.pkeep = 0.8;
    atl_trainer *t = open_trainer(ctx, &o);
    atl_phase *p = &t->phases[0];
    atl_params *params = &t->g.params;
    size_t total = params->total;
    float *sum = calloc(total, sizeof *sum), *unused = calloc(total, sizeof *unused),
          *before = malloc(total * sizeof *before);
    assert_true(sum && unused && before);
    memcpy(before, params->data, total * sizeof *before);
    atl_plan_attach(p->plan, t->block);
    double loss = loss_of(t, p, sum), squares = 0, mean = 0;
    for (size_t i = 0; i < total; i++)
        squares += (double)sum[i] * (double)sum[i];
    assert_true(loss > 1.0 && loss < 5.0 && squares > 0);
    for (int k = 0; k < STEPS; k++) {
        double h = PARTS[k] * loss / squares, sides[2];
        for (int side = 0; side < 2; side++) {
            for (size_t i = 0; i < total; i++)
                params->data[i] = (float)((double)before[i] + (side ? -h : h) * (double)sum[i]);
            params->version++;
            sides[side] = loss_of(t, p, unused);
        }
        mean += ((sides[0] - sides[1]) / (2.0 * h) / squares - 1.0) / STEPS;
    }
    printf("    %-16s dropout %g: loss %.3f, gradient %.3g, off by %.1e (at most %.0e)\n", cfg, dropout, loss,
           sqrt(squares), fabs(mean), BOUND);
    assert_true(fabs(mean) <= BOUND);
    free(before);
    free(unused);
    free(sum);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

static void gradients_are_differences(void **state) {
    (void)state;
    check_gradient("transformer", 0.0);
    check_gradient("transformer", 0.2);
    check_gradient("vit-transformer", 0.2);
}

// ---- what it is given

static float *input(atl_trainer *t, const atl_phase *p, const char *name, uint64_t iteration) {
    atl_draw_run run = { .trainer = t, .phase = p->number, .seed = 3, .step = 1, .n = p->n, .team = t->team };
    atl_draw *d = atl_draw_find(p, name);
    run.iteration = iteration;
    assert_non_null(d);
    float *room = calloc((size_t)atl_shape_count(&d->input->shape), sizeof *room);
    assert_non_null(room);
    atl_plan_attach(p->plan, t->block);
    d->write(&run, d, p->plan, room);
    return room;
}

// Behind the condition stand the codes, one place later than they are asked for; some are others.
static void codes_stand_behind_their_condition(void **state) {
    (void)state;
    static const double keeps[] = { 1.0, 0.75, 0.0 };
    for (int k = 0; k < 3; k++) {
        atl_ctx *ctx = open_ctx();
        atl_train_options o = small("transformer");
        o.pkeep = keeps[k];
        atl_trainer *t = open_trainer(ctx, &o);
        float *given = input(t, &t->phases[0], "codes", 7), *target = input(t, &t->phases[0], "target", 7);
        int same = 0, all = BATCH * (LENGTH - 1);
        for (int i = 0; i < BATCH; i++) {
            assert_true(given[i * LENGTH] == 0.0f);
            for (int j = 1; j < LENGTH; j++) {
                float code = given[i * LENGTH + j];
                assert_true(code >= 0 && code < CODES && code == floorf(code));
                same += code == target[i * LENGTH + j - 1];
            }
        }
        double share = keeps[k] + (1.0 - keeps[k]) / CODES; // of which four deviations are 0.12 at most
        assert_true(fabs((double)same / all - share) <= (keeps[k] < 1.0 ? 0.12 : 0.0));
        free(given);
        free(target);
        atl_trainer_close(&t, 0);
        atl_ctx_close(&ctx);
    }
}

// What is measured on never comes in a step; measuring moves nothing.
static void held_out_pictures_stay_out(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_train_options o = small("transformer");
    o.held_out = 0;
    atl_trainer *t = open_trainer(ctx, &o);
    atl_coded c = { .count = 10, .looks = 2, .length = 1, .vocabulary = 1 << 20 };
    int32_t codes[20], classes[10] = { 0 }, step[BATCH], step_classes[BATCH];
    for (int i = 0; i < 20; i++)
        codes[i] = i;
    c.codes = codes;
    c.classes = classes;
    c.step = step;
    c.step_classes = step_classes;
    uint32_t held[] = { 2, 5, 7 };
    c.held = held;
    atl_loader_options l = { .seed = t->options.seed, .subset = 7, .mirror = true };
    atl_sampler *s;
    ok(ctx, atl_sampler_open(ctx, 10, &l, &s));
    for (uint32_t i = 0, k = 0; i < 10; i++) // the ones that the order lacks
        if (c.n_held < 3 && (k >= 7 || atl_sampler_picture(s, k) != i))
            held[c.n_held++] = i;
        else
            k++;
    atl_sampler_close(&s);
    t->options.mirror = 1;
    for (int n = 0; n < 30; n++) {
        t->state.images = (uint64_t)n * BATCH;
        ok(ctx, atl_coded_fetch(t, &c));
        for (int i = 0; i < BATCH; i++)
            for (int k = 0; k < 3; k++)
                assert_true((uint32_t)step[i] / 2 != held[k]);
    }
    atl_draw_run run = { .trainer = t, .step = 1, .n = BATCH, .iteration = 16 };
    for (int i = 0; i < BATCH; i++)
        assert_int_equal(*atl_coded_sample(&c, &run, i, true, NULL), (int)held[(16 * BATCH + i) % 3] * 2);
    atl_sampler_close(&c.order);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

// ---- the optimiser

static void linear_weights_decay_alone(void **state) {
    (void)state;
    static const char *const cfgs[] = { "transformer", "vit-transformer" };
    for (int k = 0; k < 2; k++) {
        atl_ctx *ctx = open_ctx();
        atl_train_options o = small(cfgs[k]);
        atl_trainer *t = open_trainer(ctx, &o);
        int decaying = 0;
        for (size_t i = 0; i < t->g.params.size; i++) {
            const atl_param *p = &t->g.params.list[i];
            bool linear = p->rank == 2 && strncmp(p->name, "tok_emb", 7) != 0;
            assert_int_equal(t->adam_g.parts[i].decays, linear);
            decaying += linear;
        }
        assert_int_equal(decaying, 2 * 6 + 1); // of each layer four and two, and the head
        assert_true(t->adam_g.options.decay == 0.01f);
        atl_trainer_close(&t, 0);
        atl_ctx_close(&ctx);
    }
}

// The rate of a step before which so many pictures were shown.
static double rate_at(atl_trainer *t, double kimg) {
    return t->recipe->schedule(t, (uint64_t)(kimg * 1000.0)).rate;
}

static void the_rate_grows_and_falls(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_train_options o = small("transformer");
    o.warmup = 1.0;
    o.kimg = 3.0;
    o.rates = "cosine";
    atl_trainer *t = open_trainer(ctx, &o);
    assert_true(fabs(rate_at(t, 0.0) - BATCH / 1000.0) < 1e-9);
    assert_true(fabs(rate_at(t, 0.5 - BATCH / 1000.0) - 0.5) < 1e-9);
    assert_true(fabs(rate_at(t, 1.0) - 1.0) < 1e-9);
    assert_true(fabs(rate_at(t, 2.0) - 0.5) < 1e-9);
    assert_true(fabs(rate_at(t, 3.0)) < 1e-9);
    t->options.rates = "constant";
    assert_true(rate_at(t, 2.9) == 1.0);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(gradients_are_differences),
                                        cmocka_unit_test(codes_stand_behind_their_condition),
                                        cmocka_unit_test(held_out_pictures_stay_out),
                                        cmocka_unit_test(linear_weights_decay_alone),
                                        cmocka_unit_test(the_rate_grows_and_falls) };
    return cmocka_run_group_tests(tests, write_first, remove_first);
}
