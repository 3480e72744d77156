// SPDX-License-Identifier: Apache-2.0
// Training of transformers and PixelCNNs over codes, small: gradients against central differences, with
// dropout and with codes replaced; what is held out; what a step is given; which weights decay.
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
static const char FIRST[] = "transformer-first.safetensors", TWO[] = "transformer-two-maps.safetensors";

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
    atl_init_options two = ATL_INIT_OPTIONS_INIT; // one with two maps of codes
    atl_model *m;
    two.cfg = "vqvae2";
    two.resolution = SIDE;
    two.channel_base = 16;
    two.channel_max = CODES;
    ok(ctx, atl_model_init(ctx, &two, &m));
    ok(ctx, atl_model_save(m, TWO, ATL_F32));
    atl_model_close(&m);
    atl_ctx_close(&ctx);
    return 0;
}

static int remove_first(void **state) {
    (void)state;
    return remove(FIRST) | remove(TWO);
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

static atl_train_options pixels(const char *first, const char *level) {
    atl_train_options o = small("pixelcnn");
    o.first_stage = first;
    o.level = level;
    o.seed = 3; // of few units one may stand at its kink, where no difference is the gradient
    o.channel_base = 32;
    o.glr = 3e-2; // after a step at which gradients are no longer tiny
    o.layers = 3;
    o.heads = 0;
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

static void check_gradient(const atl_train_options *given, double dropout) {
    atl_ctx *ctx = open_ctx();
    atl_train_options o = *given;
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
    printf("    %-16s dropout %g: loss %.3f, gradient %.3g, off by %.1e (at most %.0e)\n", o.cfg, dropout, loss,
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
    const atl_train_options all[] = { small("transformer"), small("transformer"), small("vit-transformer"),
                                      pixels(FIRST, "auto"), pixels(TWO, "top"), pixels(TWO, "bottom") };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_gradient(&all[i], i ? 0.2 : 0.0);
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

// A PixelCNN is given what is asked for, and hides it itself; of a bottom map the top one, too.
static void pixels_are_given_their_own_map(void **state) {
    (void)state;
    enum { TOP = SIDE * SIDE / 64, BOTTOM = SIDE * SIDE / 16 };
    const atl_train_options all[] = { pixels(TWO, "top"), pixels(TWO, "bottom") };
    for (int k = 0; k < 2; k++) {
        atl_ctx *ctx = open_ctx();
        atl_trainer *t = open_trainer(ctx, &all[k]);
        const atl_phase *p = &t->phases[0];
        const atl_coded *c = t->own; // it comes first
        int first = k ? TOP : 0, length = k ? BOTTOM : TOP;
        float *given = input(t, p, "codes", 7), *target = input(t, p, "target", 7);
        float *above = k ? input(t, p, "above", 7) : NULL;
        assert_int_equal(c->top, TOP);
        assert_int_equal(c->length, TOP + BOTTOM);
        assert_int_equal(atl_trainer_z_dim(t), length);
        for (int i = 0; i < BATCH; i++) {
            for (int j = 0; j < length; j++) {
                assert_true(given[i * length + j] == (float)c->step[i * c->length + first + j]);
                assert_true(target[i * length + j] == given[i * length + j]);
            }
            for (int j = 0; above && j < TOP; j++)
                assert_true(above[i * TOP + j] == (float)c->step[i * c->length + j]);
        }
        free(given);
        free(target);
        free(above);
        atl_trainer_close(&t, 0);
        atl_ctx_close(&ctx);
    }
}

static void refused(const atl_train_options *o, const char *why) {
    atl_ctx *ctx = open_ctx();
    atl_trainer *t = NULL;
    assert_int_not_equal(atl_trainer_open(ctx, o, &t), ATL_OK);
    if (!strstr(atl_message(ctx), why))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(ctx), why);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

static void what_pixels_have_not_is_refused(void **state) {
    (void)state;
    atl_train_options o = pixels(TWO, "auto");
    refused(&o, "say which one");
    o = pixels(FIRST, "top");
    refused(&o, "has one map of codes");
    o = pixels(FIRST, "auto");
    o.heads = 2;
    refused(&o, "heads");
    o = small("transformer");
    o.level = "top";
    refused(&o, "level");
    o = small("transformer");
    o.first_stage = TWO;
    refused(&o, "which cfg pixelcnn is for");
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
                                        cmocka_unit_test(pixels_are_given_their_own_map),
                                        cmocka_unit_test(what_pixels_have_not_is_refused),
                                        cmocka_unit_test(held_out_pictures_stay_out),
                                        cmocka_unit_test(linear_weights_decay_alone),
                                        cmocka_unit_test(the_rate_grows_and_falls) };
    return cmocka_run_group_tests(tests, write_first, remove_first);
}
