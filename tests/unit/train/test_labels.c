// SPDX-License-Identifier: Apache-2.0
// The ways in which StyleGAN2's discriminator is told classes: what its last layer says, gradients of both
// networks against central differences of their losses, and a file whose way a transfer keeps.
#include "differences.h"

#include <unistd.h>

#include "base/philox.h"

enum { CLASSES = 10, SIDE = 16 };

static atl_train_options small(const char *cfg, const char *d_labels) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = cfg;
    o.cond = 1;
    o.resolution = SIDE;
    o.channel_base = 128;
    o.channel_max = 8;
    o.map_depth = 2;
    o.batch = 4;
    o.gamma = 0.1;
    o.aug = ATL_AUG_NONE;
    o.d_labels = d_labels;
    return o;
}

// On noise, with a label for each picture.
static atl_trainer *open_trainer(atl_ctx *ctx, const atl_train_options *o) {
    atl_trainer *t;
    ok(ctx, atl_trainer_open(ctx, o, &t));
    ok(ctx, atl_trainer_memory(t));
    atl_philox_normal(7, 1, 0, (size_t)t->local * 3 * SIDE * SIDE, t->reals);
    for (int i = 0; i < t->local; i++)
        t->real_labels[i * CLASSES + i] = 1.0f;
    return t;
}

static int scores_of(const atl_trainer *t) {
    const atl_param *p = atl_params_find(&t->d.params, "b4.out.weight");
    assert_non_null(p);
    return (int)p->dims[0];
}

static int is_reported(const atl_trainer *t, const char *name) {
    for (int i = 0; i < t->n_stats; i++)
        if (!strcmp(t->stats[i].name, name))
            return 1;
    return 0;
}

// StyleGAN3 has the same D; its own gradients are compared with recorded ones.
static const struct {
    const char *cfg, *d_labels;
    int scores, says; // of the last layer, the 8 features of projection among them; whether it says classes
} ways[] = { { "stylegan2", "auto", 8, 0 },   { "stylegan2", "projection", 8, 0 },
             { "stylegan2", "scores", 10, 0 }, { "stylegan2", "acgan", 11, 1 },
             { "stylegan3-t", "acgan", 11, 1 } };
enum { WAYS = sizeof ways / sizeof *ways };

static void gradients_are_differences(void **state) {
    (void)state;
    for (int i = 0; i < WAYS; i++) {
        atl_ctx *ctx;
        atl_ctx_options co = ATL_CTX_OPTIONS_INIT;
        co.direct = 1; // more exact
        assert_int_equal(atl_ctx_open(&ctx, &co), ATL_OK);
        atl_train_options o = small(ways[i].cfg, ways[i].d_labels);
        atl_trainer *t = open_trainer(ctx, &o);
        assert_int_equal(scores_of(t), ways[i].scores);
        for (int row = 0; row < t->recipe->n_phases && !strcmp(ways[i].cfg, "stylegan2"); row++)
            if (!strcmp(t->recipe->phases[row].name, "Gmain") || !strcmp(t->recipe->phases[row].name, "Dmain"))
                check_gradient(t, row);
        assert_int_equal(is_reported(t, "Loss/labels/real"), ways[i].says);
        assert_int_equal(is_reported(t, "Loss/labels/fake"), ways[i].says);
        assert_int_equal(is_reported(t, "Loss/labels/G"), ways[i].says);
        atl_trainer_close(&t, 0);
        atl_ctx_close(&ctx);
    }
}

// What is not said is as in the file; a run that goes on is the one that never stopped.
static void a_file_keeps_its_way(void **state) {
    (void)state;
    char path[] = "/tmp/atl-labels-XXXXXX";
    int made = mkstemp(path);
    assert_true(made >= 0);
    close(made);
    for (int i = 2; i < 4; i++) {
        atl_ctx *ctx;
        assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
        atl_train_options o = small("stylegan2", ways[i].d_labels);
        atl_trainer *t = open_trainer(ctx, &o), *again;
        ok(ctx, atl_trainer_step(t));
        ok(ctx, atl_trainer_save(t, path));
        o.like = path;
        o.d_labels = "auto";
        ok(ctx, atl_trainer_open(ctx, &o, &again));
        assert_int_equal(scores_of(again), ways[i].scores);
        atl_trainer_close(&again, 0);
        o.d_labels = "projection";
        ok(ctx, atl_trainer_open(ctx, &o, &again));
        assert_int_equal(scores_of(again), ways[0].scores);
        atl_trainer_close(&again, 0);
        atl_trainer_close(&t, 0);
        atl_ctx_close(&ctx);
    }
    remove(path);
}

static void what_has_no_labels_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *cfg, *says;
        int cond;
    } cases[] = { { "stylegan2", "d-labels acgan: D is told no classes without cond", 0 },
                  { "stylegan1", "is for StyleGAN2's discriminator", 1 },
                  { "biggan", "is for StyleGAN2's discriminator", 1 } };
    for (size_t i = 0; i < 3; i++) {
        atl_ctx *ctx;
        atl_trainer *t;
        assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
        atl_train_options o;
        atl_train_options_init(&o, sizeof o);
        o.cfg = cases[i].cfg;
        o.cond = cases[i].cond;
        o.resolution = 32;
        o.batch = 4;
        o.d_labels = "acgan";
        assert_int_equal(atl_trainer_open(ctx, &o, &t), ATL_BAD_ARGUMENT);
        if (!strstr(atl_message(ctx), cases[i].says))
            fail_msg("%s", atl_message(ctx));
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(gradients_are_differences),
                                        cmocka_unit_test(a_file_keeps_its_way),
                                        cmocka_unit_test(what_has_no_labels_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
