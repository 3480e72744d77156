// SPDX-License-Identifier: Apache-2.0
// Networks that grow: the schedule, its tables, what is refused, and that a run which is stopped anywhere, in
// a fade or between two, is the same run.
#include <math.h>

#include "place.h"
#include "train/grow.h"

// 16x16 from 4x4: 32 pictures at a resolution, 32 in which the next one fades in.
static atl_train_options growing(const place *p, const char *cfg) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.data = p->set;
    o.cfg = cfg;
    o.channel_base = 128;
    o.channel_max = 8;
    o.map_depth = strcmp(cfg, "progan") ? 2 : 0;
    o.lod_initial = 4;
    o.lod_training_kimg = o.lod_transition_kimg = 0.032;
    o.lod_batch = "4:16,16:4";
    o.lod_rate = "8:2,16:1.5";
    o.batch = 8;
    o.kimg = 1.0;
    o.seed = 3;
    return o;
}

// ---- the schedule

static void check_stage(const atl_train_options *o, uint64_t images, double lod, int batch, double rate) {
    atl_stage s = atl_grow_stage_of(o, 16, 1, images);
    if (fabs((double)s.lod - lod) > 1e-6 || s.batch != batch || s.rate != rate)
        fail_msg("after %d pictures: lod %g, batch %d, rate %g", (int)images, (double)s.lod, s.batch, s.rate);
    assert_true(s.fade == s.lod - floorf(s.lod));
}

static void the_schedule_is_the_published_one(void **state) {
    atl_train_options o = growing(*state, "progan");
    o.batch_gpu = 6;
    check_stage(&o, 0, 2.0, 16, 1.0);
    check_stage(&o, 32, 2.0, 16, 1.0);
    check_stage(&o, 40, 1.75, 8, 2.0); // a fade belongs to the resolution that comes
    check_stage(&o, 48, 1.5, 8, 2.0);
    check_stage(&o, 64, 1.0, 8, 2.0);
    check_stage(&o, 96, 1.0, 8, 2.0);
    check_stage(&o, 112, 0.5, 4, 1.5);
    check_stage(&o, 128, 0.0, 4, 1.5);
    check_stage(&o, 1000000, 0.0, 4, 1.5);
    assert_int_equal(atl_grow_stage_of(&o, 16, 1, 0).batch_gpu, 4);  // of 16, at most 6
    assert_int_equal(atl_grow_stage_of(&o, 16, 2, 64).batch_gpu, 4); // of 4
    assert_int_equal(atl_grow_largest(&o, 16), 16);
    uint64_t at = 0, ends[] = { 33, 64, 97, 128, 0 };
    for (int i = 0; i < 5; i++) {
        at = atl_grow_stage_of(&o, 16, 1, at).until;
        assert_true(at == ends[i]);
    }
    o.lod_initial = 16;
    check_stage(&o, 0, 0.0, 4, 1.5);
    o.lod_initial = 8;
    o.lod_transition_kimg = 0.0; // at once
    check_stage(&o, 31, 1.0, 8, 2.0);
    check_stage(&o, 32, 0.0, 4, 1.5);
}

static void published_settings(void **state) {
    place *p = *state;
    const atl_train_set set = { 100, 1024, 1024, 3, 0, "set" };
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = "progan";
    assert_int_equal(atl_train_resolve(p->ctx, &set, 8, &o), ATL_OK);
    assert_true(o.lod_initial == 4 && o.kimg == 12000 && o.glr == 0.001 && o.gamma == 0 &&
                o.aug == ATL_AUG_NONE);
    assert_true(!strcmp(o.loss, "wgan-gp") && o.mbstd_group == 4 && o.channel_base == 16384 &&
                o.ema_kimg == 0);
    assert_true(atl_grow_table(o.lod_batch, 4, o.batch) == 512 &&
                atl_grow_table(o.lod_batch, 128, o.batch) == 32);
    assert_true(atl_grow_table(o.lod_rate, 1024, 1) == 3 && atl_grow_table(o.lod_rate, 64, 1) == 1);
    assert_int_equal(o.batch_gpu, 64);
    atl_train_options_init(&o, sizeof o);
    o.cfg = "stylegan1";
    assert_int_equal(atl_train_resolve(p->ctx, &set, 1, &o), ATL_OK);
    assert_true(o.lod_initial == 8 && o.kimg == 25000 && o.gamma == 10 && o.ema_kimg == 10 &&
                o.map_depth == 8);
    assert_true(!strcmp(o.loss, "logistic") && o.style_mixing_prob == 0.9 && o.lod_training_kimg == 600);
    assert_true(atl_grow_table(o.lod_batch, 512, o.batch) == 4 && o.batch == 4 && o.batch_gpu == 128);
    assert_true(atl_grow_table(o.lod_rate, 256, 1) == 2);
    atl_train_options_init(&o, sizeof o);
    o.cfg = "stylegan1";
    o.batch = 16; // of all resolutions
    assert_int_equal(atl_train_resolve(p->ctx, &set, 1, &o), ATL_OK);
    assert_true(!strcmp(o.lod_batch, "none") && o.batch_gpu == 16);
}

static void what_can_not_grow_is_refused(void **state) {
    place *p = *state;
    atl_train_options o = growing(p, "progan");
    o.lod_initial = 32;
    assert_refused(p, &o, "lod-initial 32 can't grow to 16x16");
    o.lod_initial = 12;
    assert_refused(p, &o, "lod-initial 12 can't grow to 16x16");
    o = growing(p, "progan");
    o.kimg = 0.128;
    assert_refused(p, &o,
                   "come to full size after 0.128 kimg (2 times 0.064), and the run ends at 0.128 kimg");
    o.lod_training_kimg = o.lod_transition_kimg = 0.0;
    assert_refused(p, &o, "would never grow");
    static const char *const tables[] = { "4", "4:", "4:8,", "5:8", "4:8;8:4", "", "2:4", "4:x" };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        o = growing(p, "progan");
        o.lod_batch = tables[i];
        assert_refused(p, &o, "expected resolutions and values, such as 4:128,8:64, or none");
    }
    o = growing(p, "progan");
    o.lod_batch = "4:1.5";
    assert_refused(p, &o, "lod-batch 4:1.5: 1.5 for resolution 4, where 1 to 65536 is possible");
    o = growing(p, "progan");
    o.lod_rate = "8:-1";
    assert_refused(p, &o, "lod-rate 8:-1: -1 for resolution 8");
    o = growing(p, "progan");
    o.mbstd_group = 4;
    o.lod_batch = "8:6";
    assert_refused(p, &o, "mbstd-group 4 does not divide the 6 pictures that D sees at once at 8x8");
    o = growing(p, "progan");
    o.map_depth = 2;
    assert_refused(p, &o, "map-depth: ProGAN has no mapping network");
    o = growing(p, "stylegan1");
    o.pl_weight = 2.0;
    assert_refused(p, &o, "pl-weight 2: StyleGAN is trained without");
    o = growing(p, "stylegan1");
    o.d_arch = "skip";
    assert_refused(p, &o, "d-arch skip: of StyleGAN there is one architecture");
    o = growing(p, "stylegan2");
    assert_refused(p, &o, "lod-initial: networks of cfg stylegan2 don't grow");
}

// ---- runs

enum { STEPS = 24, MORE = 3 }; // 3 of 16 pictures, then of 8 until 104, then of 4: growth at steps 4, 6, 9 and 13

static const char *snapshot(const place *p, int step, char path[96]) {
    snprintf(path, 96, "%s/step%02d.safetensors", p->folder, step);
    return path;
}

// Stopped after any `stride` steps, the next ones are those of the run that went on: weights, moments, counts, averages
// and the record, to the byte of the files.
static void resume_is_exact(place *p, const atl_train_options *o, int stride) {
    char path[96];
    atl_trainer *t = open_trainer(p, o);
    int grown = 0;
    for (int done = 1; done <= STEPS; done++) {
        float lod = t->stage.lod;
        steps(p, t, 1);
        grown += ceilf(lod) != ceilf(t->stage.lod) || floorf(lod) != floorf(t->stage.lod);
        if (done % stride == 0)
            save(p, t, snapshot(p, done, path));
    }
    assert_true(grown == 4 && t->stage.lod == 0.0f && t->stage.batch == 4);
    atl_trainer_close(&t, 0);
    for (int done = stride; done + MORE <= STEPS; done += stride) {
        t = open_trainer(p, o);
        if (atl_trainer_restore(t, snapshot(p, done, path)) != ATL_OK)
            fail_msg("%s", atl_message(p->ctx));
        steps(p, t, MORE);
        save(p, t, p->b);
        assert_same_bytes(snapshot(p, done + MORE, path), p->b);
        atl_trainer_close(&t, 0);
    }
}

static void a_stopped_progan_is_the_same_run(void **state) {
    atl_train_options o = growing(*state, "progan");
    o.cond = 1; // an auxiliary classifier
    resume_is_exact(*state, &o, 1);
}

static void a_stopped_stylegan_is_the_same_run(void **state) {
    atl_train_options o = growing(*state, "stylegan1");
    o.batch_gpu = 4;
    o.aug = ATL_AUG_ADA;
    o.ada_kimg = 0.1;
    resume_is_exact(*state, &o, MORE);
}

// Whatever is missing as the networks grow: nothing has changed, and a second try makes the same step.
static void growth_may_be_tried_again(void **state) {
    place *p = *state;
    atl_train_options o = growing(p, "progan");
    char c[80];
    snprintf(c, sizeof c, "%s/c.safetensors", p->folder);
    atl_trainer *t = open_trainer(p, &o);
    steps(p, t, 3);
    save(p, t, p->a);
    steps(p, t, 1);
    assert_true(t->stage.lod == 1.5f);
    save(p, t, p->b);
    atl_trainer_close(&t, 0);
    int failures = 0;
    for (int after = 0;; after += 1 + after / 8, failures++) {
        t = open_trainer(p, &o);
        assert_int_equal(atl_trainer_restore(t, p->a), ATL_OK);
        p->ctx->fail_after = after;
        atl_status status = atl_trainer_step(t);
        p->ctx->fail_after = -1;
        if (status == ATL_OK)
            break;
        assert_int_equal(status, ATL_NO_MEMORY);
        atl_message_clear(p->ctx);
        save(p, t, c);
        assert_same_bytes(p->a, c);
        steps(p, t, 1);
        save(p, t, c);
        assert_same_bytes(p->b, c);
        atl_trainer_close(&t, 0);
    }
    atl_trainer_close(&t, 0);
    assert_true(failures > 10);
}

static uint64_t moved(const atl_params *before, const atl_params *now, const char *name) {
    const atl_param *p = atl_params_find(now, name);
    assert_non_null(p);
    return memcmp(atl_param_data(before, p), atl_param_data(now, p), p->count * sizeof(float)) != 0;
}

static uint64_t most_steps(const atl_adam *a) {
    uint64_t most = 0;
    for (size_t i = 0; i < a->n_parts; i++)
        most = a->parts[i].steps > most ? a->parts[i].steps : most;
    return most;
}

// Layers take part from their fade on; Adam begins anew there and where the fade ends.
static void layers_and_moments_come_and_go(void **state) {
    place *p = *state;
    atl_train_options o = growing(p, "stylegan1");
    atl_trainer *t = open_trainer(p, &o);
    atl_network g, d;
    assert_int_equal(atl_network_copy(&t->g, &g), ATL_OK);
    assert_int_equal(atl_network_copy(&t->d, &d), ATL_OK);
    steps(p, t, 3); // 48 pictures, the first 32 of them and the step after at 4x4
    assert_true(t->state.images == 48 && t->stage.lod == 2.0f);
    assert_int_equal(most_steps(&t->adam_d), 3);
    assert_true(moved(&g.params, &t->g.params, "synthesis.b4.torgb.weight"));
    assert_false(moved(&g.params, &t->g.params, "synthesis.b8.conv0.weight"));
    assert_false(moved(&d.params, &t->d.params, "b8.fromrgb.weight"));
    steps(p, t, 1); // halfway
    assert_true(t->stage.lod == 1.5f && t->stage.batch == 8);
    assert_int_equal(most_steps(&t->adam_d), 1);
    assert_int_equal(most_steps(&t->adam_g), 1);
    assert_true(moved(&g.params, &t->g.params, "synthesis.b8.conv0.weight"));
    assert_true(moved(&d.params, &t->d.params, "b8.fromrgb.weight"));
    assert_false(moved(&d.params, &t->d.params, "b16.fromrgb.weight"));
    steps(p, t, 1);
    assert_int_equal(most_steps(&t->adam_d), 2);
    steps(p, t, 1);
    assert_true(t->stage.lod == 1.0f && t->state.images == 72);
    assert_int_equal(most_steps(&t->adam_d), 1);
    atl_network_clear(&g);
    atl_network_clear(&d);
    atl_trainer_close(&t, 0);
}

// A picture is of full size from the beginning: here each colour of 4x4 sixteen times.  A snapshot knows its
// level: opened, it makes the trainer's pictures, fade and all.
static void pictures_and_snapshots_know_the_level(void **state) {
    place *p = *state;
    atl_train_options o = growing(p, "progan");
    atl_trainer *t = open_trainer(p, &o);
    float z[8], img[3 * 16 * 16], again[3 * 16 * 16];
    for (int i = 0; i < 8; i++)
        z[i] = (float)sin(i);
    assert_int_equal(t->g.dims.z_dim, 8);
    assert_int_equal(atl_trainer_generate(t, 1, z, NULL, img), ATL_OK);
    for (int i = 0; i < 3 * 256; i++)
        assert_true(img[i] == img[i / 256 * 256 + i / 64 % 4 * 64 + i / 4 % 4 * 4]);
    steps(p, t, 5);
    assert_true(t->stage.fade == 0.25f);
    assert_int_equal(atl_trainer_generate(t, 1, z, NULL, img), ATL_OK);
    save(p, t, p->a);
    atl_trainer_close(&t, 0);
    atl_model *m;
    float w[8];
    assert_int_equal(atl_model_open(p->ctx, p->a, NULL, &m), ATL_OK);
    assert_int_equal(atl_model_map(m, 1, z, NULL, NULL, w), ATL_OK);
    assert_int_equal(atl_model_synthesize(m, 1, w, NULL, again), ATL_OK);
    for (int i = 0; i < 3 * 256; i++)
        assert_true(fabsf(img[i] - again[i]) <= 1e-5f * (1.0f + fabsf(img[i])));
    atl_model_close(&m);
}

static void the_plan_has_all_stages(void **state) {
    place *p = *state;
    atl_train_options o = growing(p, "stylegan1");
    atl_trainer *t = open_trainer(p, &o);
    const atl_train_cost *c = atl_trainer_get_cost(t);
    static const int resolutions[] = { 4, 8, 8, 16, 16 };
    assert_int_equal(c->n_stages, 5);
    assert_int_equal(atl_trainer_measure(t, 1), ATL_OK);
    for (int i = 0; i < 5; i++) {
        const atl_train_stage *s = &c->stages[i];
        assert_int_equal(s->resolution, resolutions[i]);
        assert_int_equal(s->fades, i % 2);
        assert_true(s->gflop > 0.0 && s->bytes > 0 && s->bytes <= c->bytes && s->sec_per_kimg > 0.0);
    }
    assert_true(c->sec_per_kimg > 0.0 && t->stage.lod == 2.0f && t->state.images == 0);
    atl_trainer_close(&t, 0);
}

// StyleGAN's snapshot is not ProGAN's.
static void another_recipe_is_named(void **state) {
    place *p = *state;
    atl_train_options o = growing(p, "stylegan1");
    atl_trainer *t = open_trainer(p, &o);
    steps(p, t, 1);
    save(p, t, p->a);
    atl_trainer_close(&t, 0);
    o = growing(p, "progan");
    t = open_trainer(p, &o);
    assert_int_equal(atl_trainer_restore(t, p->a), ATL_BAD_ARGUMENT);
    assert_non_null(
        strstr(atl_message(p->ctx), "was trained with cfg stylegan1, and this run has cfg progan"));
    atl_message_clear(p->ctx);
    atl_trainer_close(&t, 0);
}

// One channel, labels as the classes of D's scores, freeze-D, DiffAugment, R2 and the Wasserstein loss.
static void options_meet(void **state) {
    place *p = *state;
    atl_train_options o = growing(p, "stylegan1");
    o.cond = 1;
    o.aug = ATL_AUG_DIFF;
    o.freezed = 2; // of 16x16: fromrgb and conv0
    o.loss = "wgan-gp";
    o.gamma = 0.0;
    o.r2_gamma = 1.0;
    o.lod_initial = 16;
    atl_trainer *t = open_trainer(p, &o);
    atl_network d;
    assert_int_equal(atl_network_copy(&t->d, &d), ATL_OK);
    steps(p, t, 2);
    assert_false(moved(&d.params, &t->d.params, "b16.fromrgb.weight"));
    assert_false(moved(&d.params, &t->d.params, "b16.conv0.bias"));
    assert_true(moved(&d.params, &t->d.params, "b16.conv1.weight"));
    int i = atl_trainer_find_stat(t, "Loss/gradient_length");
    assert_true(i >= 0 && t->stats[i].count == 8 && isfinite(t->stats[i].sum));
    atl_network_clear(&d);
    atl_trainer_close(&t, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schedule_is_the_published_one),
        cmocka_unit_test(published_settings),
        cmocka_unit_test(what_can_not_grow_is_refused),
        cmocka_unit_test(a_stopped_progan_is_the_same_run),
        cmocka_unit_test(a_stopped_stylegan_is_the_same_run),
        cmocka_unit_test(growth_may_be_tried_again),
        cmocka_unit_test(layers_and_moments_come_and_go),
        cmocka_unit_test(pictures_and_snapshots_know_the_level),
        cmocka_unit_test(the_plan_has_all_stages),
        cmocka_unit_test(another_recipe_is_named),
        cmocka_unit_test(options_meet),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
