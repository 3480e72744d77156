// SPDX-License-Identifier: Apache-2.0
// Recipes: what the loop makes of rows that are not StyleGAN2's own, and the numbers that a run depends on.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "params.h"
#include "train/trainer.h"

// Every place of a stream belongs to one iteration, phase and input, and stays what it is: runs are resumed.
static void streams_are_fixed(void **state) {
    (void)state;
    atl_draw_run run = { .iteration = 3, .phase = 2 };
    atl_draw d = { .purpose = 5 };
    assert_true(atl_draw_stream(&run, &d) == (3 * 16 + 2) * 256 + 5);
    atl_draw last = { .purpose = ATL_DRAWS - 1 }, first = { .purpose = 0 };
    atl_draw_run next = { .iteration = 3, .phase = 3 },
                 end = { .iteration = 3, .phase = ATL_RECIPE_PHASES - 1 },
                 after = { .iteration = 4, .phase = 0 };
    assert_true(atl_draw_stream(&run, &last) + 1 == atl_draw_stream(&next, &first));
    assert_true(atl_draw_stream(&end, &last) + 1 == atl_draw_stream(&after, &first));
}

static atl_trainer *open_trainer(atl_ctx *ctx, const atl_recipe *recipe) {
    atl_train_options o;
    atl_trainer *t;
    atl_train_options_init(&o, sizeof o);
    o.resolution = 8;
    o.channel_base = 32;
    o.channel_max = 4;
    o.map_depth = 1;
    o.batch = 4;
    o.aug = ATL_AUG_NONE;
    if (atl_trainer_open_with(ctx, &o, recipe, &t) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    return t;
}

// How far one step moves G.
static double step_of(atl_ctx *ctx, const atl_recipe *recipe) {
    atl_trainer *t = open_trainer(ctx, recipe);
    atl_network before;
    assert_int_equal(atl_network_copy(&t->g, &before), ATL_OK);
    if (atl_trainer_step(t) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    atl_trainer_fetch(t);
    double d = params_distance(&before.params, &t->g.params);
    atl_network_clear(&before);
    atl_trainer_close(&t, 0);
    return d;
}

static atl_stage half_rate(const atl_trainer *t, uint64_t images) {
    assert_true(t->state.images == 0 && images == 0);
    return (atl_stage){ .rate = 0.5 };
}

// One row of the four.  The first step of Adam moves each weight by the rate, whatever its gradient is.
static void rows_and_stages_are_the_recipes(void **state) {
    (void)state;
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    atl_recipe mine = atl_recipe_stylegan2;
    mine.family = "mine";
    mine.n_phases = 1; // Gmain
    atl_trainer *t = open_trainer(ctx, &mine);
    int count;
    const atl_train_stat *stats = atl_trainer_get_stats(t, &count);
    assert_int_equal(atl_trainer_get_cost(t)->n_phases, 1);
    assert_int_equal(count, 4);
    assert_string_equal(stats[0].name, "Loss/scores/fake");
    assert_string_equal(stats[3].name, "Gradient/G");
    atl_trainer_close(&t, 0);
    double whole = step_of(ctx, &mine);
    mine.schedule = half_rate;
    double half = step_of(ctx, &mine);
    assert_true(whole > 0.0 && fabs(half / whole - 0.5) < 1e-3);
    atl_ctx_close(&ctx);
}

// The taps of the blur when so many pictures were shown: w[k] / w[0] = 2^-(k / sigma)^2 up to 3 sigma, their
// sum 1.
static void check_blur(atl_trainer *t, uint64_t images, double sigma) {
    atl_phase *p = &t->phases[0];
    const atl_draw *d = atl_draw_find(p, "blur");
    assert_non_null(d);
    assert_int_equal(d->input->shape.d[1], 13);
    atl_plan_attach(p->plan, t->block);
    t->state.images = images;
    atl_draw_run run = { .trainer = t, .n = p->n };
    d->write(&run, d, p->plan, t->scratch);
    const float *w = t->scratch + 13 * (p->n - 1) + 6; // of the last sample, from the middle on
    double sum = 0.0;
    for (int k = -6; k <= 6; k++) {
        double ratio = k ? exp2(-pow(k / sigma, 2.0)) : 1.0;
        if (abs(k) > 3.0 * sigma)
            ratio = 0.0;
        assert_true(fabs((double)(w[k] / w[0]) - ratio) < 1e-6);
        sum += (double)w[k];
    }
    assert_true(fabs(sum - 1.0) < 1e-6);
}

static void a_blur_fades_away(void **state) {
    (void)state;
    atl_ctx *ctx;
    atl_train_options o;
    atl_trainer *t;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    atl_train_options_init(&o, sizeof o);
    o.resolution = 8;
    o.channel_base = 32;
    o.channel_max = 4;
    o.map_depth = 1;
    o.batch = 4;
    o.aug = ATL_AUG_NONE;
    o.blur_init_sigma = 2.0;
    o.blur_fade_kimg = 1.0;
    if (atl_trainer_open(ctx, &o, &t) != ATL_OK || atl_trainer_memory(t) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    check_blur(t, 0, 2.0);
    check_blur(t, 500, 1.0);
    check_blur(t, 900, 0.2); // narrower than a pixel
    check_blur(t, 1000, 1e-9);
    check_blur(t, 5000, 1e-9);
    atl_trainer_close(&t, 0);
    atl_ctx_close(&ctx);
}

static void families_are_found(void **state) {
    (void)state;
    assert_ptr_equal(atl_recipe_find("stylegan2"), &atl_recipe_stylegan2);
    assert_ptr_equal(atl_recipe_find("stylegan3"), &atl_recipe_stylegan3);
    assert_string_equal(atl_train_family("stylegan3-r"), "stylegan3");
    assert_null(atl_recipe_find("stylegan9"));
    assert_string_equal(atl_train_family("paper256"), "stylegan2");
    assert_null(atl_train_family("paper"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_fixed),
        cmocka_unit_test(rows_and_stages_are_the_recipes),
        cmocka_unit_test(a_blur_fades_away),
        cmocka_unit_test(families_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
