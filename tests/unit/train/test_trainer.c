// SPDX-License-Identifier: Apache-2.0
// The loop as a whole: a resumed run is the same run, a batch may go in parts, options mean what they say.
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
#include "place.h"

static atl_train_options small(const place *p) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.data = p->set;
    o.channel_base = 128;
    o.channel_max = 8;
    o.map_depth = 2;
    o.batch = 8;
    o.mirror = 1;
    o.seed = 3;
    o.ada_kimg = 0.1; // p moves within a few steps
    return o;
}

// All weights, moments, counts, averages and the record: the files are equal to the byte.
static void resume_is_exact(place *p, const atl_train_options *o) {
    enum { BEFORE = 6, AFTER = 11 }; // past a G reg, a D reg and changes of p
    atl_trainer *t = open_trainer(p, o);
    steps(p, t, BEFORE + AFTER);
    assert_int_equal(atl_trainer_get_state(t)->images, (BEFORE + AFTER) * 8);
    save(p, t, p->a);
    atl_trainer_close(&t, 0);

    t = open_trainer(p, o);
    steps(p, t, BEFORE);
    save(p, t, p->b);
    atl_trainer_close(&t, 0);
    t = open_trainer(p, o);
    assert_int_equal(atl_trainer_measure(t, 1), ATL_OK); // leaves no trace
    if (atl_trainer_restore(t, p->b) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    steps(p, t, AFTER);
    save(p, t, p->b);
    atl_trainer_close(&t, 0);
    assert_same_bytes(p->a, p->b);
}

static void a_resumed_run_is_the_same_run(void **state) {
    atl_train_options o = small(*state);
    resume_is_exact(*state, &o);
}

static void a_resumed_conditional_run_too(void **state) {
    atl_train_options o = small(*state);
    o.cond = 1;
    o.batch_gpu = 4;
    o.subset = 9;
    resume_is_exact(*state, &o);
}

// Without statistics over the batch a part sees what the whole does, and sums are added in another order.
// Adam divides a gradient by its size, so where one is almost zero rounding decides where the weight goes:
// what counts is how far the weights are apart compared with how far they went.
static void a_batch_may_go_in_parts(void **state) {
    atl_train_options o = small(*state);
    o.mbstd_group = 1;
    atl_trainer *whole = open_trainer(*state, &o);
    o.batch_gpu = 2;
    atl_trainer *parts = open_trainer(*state, &o);
    atl_network g, d;
    assert_int_equal(atl_network_copy(&whole->g, &g), ATL_OK);
    assert_int_equal(atl_network_copy(&whole->d, &d), ATL_OK);
    steps(*state, whole, 3);
    steps(*state, parts, 3);
    atl_trainer_fetch(whole);
    atl_trainer_fetch(parts);
    double apart_g =
        params_distance(&whole->g.params, &parts->g.params) / params_distance(&whole->g.params, &g.params);
    double apart_d =
        params_distance(&whole->d.params, &parts->d.params) / params_distance(&whole->d.params, &d.params);
    printf("    in parts: G %.2e, D %.2e of the way (at most 1e-3)\n", apart_g, apart_d);
    assert_true(apart_g <= 1e-3 && apart_d <= 1e-3);
    atl_network_clear(&g);
    atl_network_clear(&d);
    atl_trainer_close(&whole, 0);
    atl_trainer_close(&parts, 0);
}

static const atl_train_stat *stat(const atl_trainer *t, const char *name) {
    int i = atl_trainer_find_stat(t, name);
    if (i < 0)
        fail_msg("there is no %s", name);
    return &t->stats[i];
}

static void statistics_come_from_every_phase(void **state) {
    atl_train_options o = small(*state);
    atl_trainer *t = open_trainer(*state, &o);
    assert_int_equal(atl_trainer_step(t), ATL_OK); // the first step has all phases
    int count;
    const atl_train_stat *stats = atl_trainer_get_stats(t, &count);
    assert_true(count > 0);
    for (int i = 0; i < count; i++)
        if (!(stats[i].count > 0 && isfinite(stats[i].sum)))
            fail_msg("%s is missing", stats[i].name);
    assert_true(stat(t, "Loss/scores/real")->count == 8 && stat(t, "Loss/pl_length")->count == 4);
    const atl_train_cost *cost = atl_trainer_get_cost(t);
    assert_int_equal(cost->n_phases, 4);
    for (int k = 0; k < cost->n_phases; k++)
        assert_true(cost->phases[k].seconds > 0);
    atl_trainer_clear_stats(t);
    assert_true(stat(t, "Loss/scores/real")->count == 0 && cost->phases[0].seconds == 0);
    atl_trainer_close(&t, 0);
}

typedef struct counter {
    long live;
} counter;

static void *count_alloc(void *user, size_t bytes) {
    ((counter *)user)->live++;
    return aligned_alloc(64, (bytes + 63) & ~(size_t)63);
}

static void count_release(void *user, void *memory) {
    ((counter *)user)->live -= memory != NULL;
    free(memory);
}

// Whatever is missing at the first try: a second one takes the rest, and nothing is left behind.
static void missing_memory_may_be_tried_again(void **state) {
    (void)state;
    counter c = { 0 };
    atl_ctx *ctx;
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.allocator = (atl_allocator){ count_alloc, count_release, &c };
    assert_int_equal(atl_ctx_open(&ctx, &options), ATL_OK);
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.resolution = 8;
    o.channel_base = 32;
    o.channel_max = 4;
    o.batch = 2;
    o.aug = ATL_AUG_NONE;
    atl_status first = ATL_NO_MEMORY;
    int failures = 0;
    for (; first != ATL_OK; failures++) {
        atl_trainer *t;
        assert_int_equal(atl_trainer_open(ctx, &o, &t), ATL_OK);
        ctx->fail_after = failures;
        first = atl_trainer_memory(t);
        ctx->fail_after = -1;
        assert_true(first == ATL_OK || first == ATL_NO_MEMORY);
        assert_int_equal(atl_trainer_memory(t), ATL_OK);
        atl_trainer_close(&t, 0);
        atl_message_clear(ctx);
    }
    assert_true(failures > 4);
    atl_ctx_close(&ctx);
    assert_int_equal(c.live, 0);
}

static void each_loss_trains(void **state) {
    static const char *const losses[] = { "logistic", "logistic-saturating", "wgan", "wgan-gp", "hinge" };
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        atl_train_options o = small(*state);
        o.loss = losses[i];
        o.r2_gamma = i == 0 ? 1.0 : 0.0;
        atl_trainer *t = open_trainer(*state, &o);
        assert_int_equal(atl_trainer_step(t), ATL_OK);
        assert_true(isfinite(stat(t, "Loss/D/loss")->sum) && stat(t, "Gradient/D")->sum > 0);
        atl_trainer_close(&t, 0);
    }
}

// Each way of joining resolutions, of G and of D; labels meet D by projection.
static void each_architecture_trains(void **state) {
    static const char *const archs[] = { "orig", "skip", "resnet", "auto" };
    static const char *const layers[] = { NULL, "synthesis.b8.torgb.weight", "synthesis.b8.skip.weight",
                                          "synthesis.b8.torgb.weight" };
    for (int i = 0; i < 4; i++) {
        atl_train_options o = small(*state);
        o.g_arch = archs[i];
        o.d_arch = archs[(i + 1) % 4];
        o.cond = i % 2;
        atl_trainer *t = open_trainer(*state, &o);
        steps(*state, t, 1);
        assert_true(isfinite(stat(t, "Loss/D/loss")->sum) && stat(t, "Gradient/D")->sum > 0);
        for (int k = 1; k < 3; k++)
            assert_true((atl_params_find(&t->g.params, layers[k]) != NULL) ==
                        (layers[i] && !strcmp(layers[i], layers[k])));
        bool joins = atl_params_find(&t->d.params, "b8.skip.weight") != NULL,
             reads = atl_params_find(&t->d.params, "b8.fromrgb.weight") != NULL;
        assert_true(joins == (i == 1 || i == 2) && reads == (i == 0));
        atl_trainer_close(&t, 0);
    }
}

static void frozen_layers_stay(void **state) {
    atl_train_options o = small(*state);
    o.freezed = 2; // fromrgb and conv0 of b16
    atl_trainer *t = open_trainer(*state, &o);
    atl_params before;
    atl_network copy;
    assert_int_equal(atl_network_copy(&t->d, &copy), ATL_OK);
    before = copy.params;
    steps(*state, t, 1);
    atl_trainer_fetch(t);
    int stayed = 0, moved = 0;
    for (size_t i = 0; i < before.size; i++) {
        const atl_param *q = &before.list[i];
        bool same =
            !memcmp(atl_param_data(&before, q), atl_param_data(&t->d.params, q), q->count * sizeof(float));
        bool frozen = !strncmp(q->name, "b16.fromrgb.", 12) || !strncmp(q->name, "b16.conv0.", 10);
        assert_int_equal(t->recipe->frozen(&t->options, ATL_TRAIN_D, &copy, q->name), frozen);
        stayed += frozen && same;
        moved += !frozen && !same;
    }
    assert_int_equal(stayed, 4);
    assert_true(moved > 8);
    atl_network_clear(&copy);
    atl_trainer_close(&t, 0);
}

// ---- settings, as published

static void presets_are_the_published_ones(void **state) {
    place *p = *state;
    const atl_train_set set256 = { 100, 256, 256, 3, 0, "set" }, set1024 = { 100, 1024, 1024, 3, 0, "set" };
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    assert_int_equal(atl_train_resolve(p->ctx, &set256, 1, &o), ATL_OK);
    assert_true(o.batch == 16 && o.batch_gpu == 16 && o.mbstd_group == 4 && o.channel_base == 16384);
    assert_true(o.map_depth == 2 && o.glr == 0.0025 && fabs(o.gamma - 0.8192) < 1e-12 && o.ema_kimg == 5.0);
    assert_true(o.ema_rampup == 0.05 && o.pl_weight == 2.0 && o.style_mixing_prob == 0.9);
    atl_train_options_init(&o, sizeof o);
    assert_int_equal(atl_train_resolve(p->ctx, &set1024, 4, &o), ATL_OK);
    assert_true(o.batch == 16 && o.batch_gpu == 4 && o.glr == 0.002 && o.channel_base == 32768);
    atl_train_options_init(&o, sizeof o);
    o.cfg = "paper512";
    assert_int_equal(atl_train_resolve(p->ctx, &set256, 1, &o), ATL_OK);
    assert_true(o.batch == 64 && o.batch_gpu == 8 && o.mbstd_group == 8 && o.gamma == 0.5 &&
                o.ema_kimg == 20);
    assert_true(o.ema_rampup == -1 && o.map_depth == 8 && o.kimg == 25000);
    atl_train_options_init(&o, sizeof o);
    o.cfg = "cifar";
    assert_int_equal(atl_train_resolve(p->ctx, &set256, 1, &o), ATL_OK);
    assert_true(o.batch_gpu == 32 && o.mbstd_group == 32 && o.pl_weight == 0 && o.style_mixing_prob == 0);
    assert_true(o.gamma == 0.01 && o.kimg == 100000 && o.ema_kimg == 500);
}

static void what_does_not_fit_is_named(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    o.batch_gpu = 3;
    assert_refused(p, &o, "batch-gpu 3 does not divide the 8 pictures");
    o = small(p);
    o.batch_gpu = 4;
    o.mbstd_group = 3;
    assert_refused(p, &o, "mbstd-group 3 does not divide the 4 pictures");
    o = small(p);
    o.cfg = "paper";
    assert_refused(p, &o, "cfg paper: expected one of auto|");
    o = small(p);
    o.augpipe = "bgx";
    assert_refused(p, &o, "augpipe bgx");
    o = small(p);
    o.loss = "l2";
    assert_refused(p, &o, "loss l2");
    o = small(p);
    o.data = "/nowhere/at/all";
    assert_refused(p, &o, "/nowhere/at/all");
}

// ---- files

static void another_network_is_refused(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    atl_trainer *t = open_trainer(p, &o);
    save(p, t, p->a);
    atl_trainer_close(&t, 0);
    o.channel_max = 4;
    t = open_trainer(p, &o);
    atl_network before;
    assert_int_equal(atl_network_copy(&t->g, &before), ATL_OK);
    assert_int_equal(atl_trainer_restore(t, p->a), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(p->ctx), "has another shape than in this run"));
    atl_message_clear(p->ctx);
    assert_true(params_distance(&before.params, &t->g.params) == 0.0); // nothing was touched
    atl_network_clear(&before);
    atl_trainer_close(&t, 0);
}

// A restored run has the set's pictures, wherever they lie.
static void other_pictures_are_refused(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    char shell[400], *what;
    atl_trainer *t = open_trainer(p, &o);
    save(p, t, p->a);
    atl_trainer_close(&t, 0);
    snprintf(shell, sizeof shell, "cp -r %s %s-2 && cp %s/01.png %s-2/02.png", p->set, p->set, p->set,
             p->set);
    assert_int_equal(system(shell), 0);
    char other[96];
    snprintf(other, sizeof other, "%s-2", p->set);
    o.data = other;
    t = open_trainer(p, &o);
    assert_int_equal(atl_trainer_restore(t, p->a), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(p->ctx), "has pictures of the same names (12), but with"));
    atl_message_clear(p->ctx);
    assert_int_equal(atl_train_snapshot_compare(p->ctx, p->a, other, &what), ATL_OK);
    assert_non_null(strstr(what, "of the same names"));
    atl_text_free(p->ctx, what);
    assert_int_equal(atl_train_snapshot_compare(p->ctx, p->a, p->set, &what), ATL_OK);
    assert_null(what);
    assert_int_equal(atl_trainer_transfer(t, p->a, NULL, NULL), ATL_OK);
    atl_trainer_close(&t, 0);
    snprintf(shell, sizeof shell, "rm -r %s", other);
    assert_int_equal(system(shell), 0);
}

static double p_after(place *p, atl_train_options o, double initial_p, bool transfer) {
    o.initial_p = initial_p;
    atl_trainer *t = open_trainer(p, &o);
    assert_int_equal(transfer ? atl_trainer_transfer(t, p->a, NULL, NULL) : atl_trainer_restore(t, p->a),
                     ATL_OK);
    double found = atl_trainer_get_state(t)->augment_p;
    atl_trainer_close(&t, 0);
    return found;
}

static void the_strength_of_augmentation_is_taken_over(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    o.initial_p = 0.25;
    atl_trainer *t = open_trainer(p, &o);
    assert_true(atl_trainer_get_state(t)->augment_p == 0.25);
    save(p, t, p->a);
    atl_trainer_close(&t, 0);
    for (int transfer = 0; transfer < 2; transfer++) {
        assert_true(p_after(p, o, -1.0, transfer) == 0.25);
        assert_true(p_after(p, o, 0.5, transfer) == 0.5);
        assert_true(p_after(p, o, 0.0, transfer) == 0.0);
    }
    o.aug = ATL_AUG_FIXED;
    o.p = 0.75;
    assert_true(p_after(p, o, -1.0, false) == 0.75);
}

typedef struct taken {
    int counts[4];
} taken;

static void on_tensor(void *user, atl_transfer what, const char *net, const char *tensor) {
    (void)net;
    (void)tensor;
    ((taken *)user)->counts[what]++;
}

// Widths, depth, latents: what nobody asked for is the file's.
static void shapes_are_those_of_a_file(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    o.channel_base = 64;
    o.channel_max = 16;
    o.map_depth = 3;
    atl_trainer *t = open_trainer(p, &o);
    steps(p, t, 1);
    save(p, t, p->a);
    atl_trainer_close(&t, 0);
    o.channel_base = o.channel_max = o.map_depth = 0;
    o.like = p->a;
    t = open_trainer(p, &o);
    const atl_train_options *now = atl_trainer_get_options(t);
    assert_true(now->channel_base == 64 && now->channel_max == 16 && now->map_depth == 3);
    taken sums = { { 0 } };
    assert_int_equal(atl_trainer_transfer(t, p->a, on_tensor, &sums), ATL_OK);
    assert_int_equal(sums.counts[ATL_TRANSFER_SHAPE] + sums.counts[ATL_TRANSFER_MISSING] +
                         sums.counts[ATL_TRANSFER_EXTRA],
                     0);
    assert_int_equal(atl_trainer_restore(t, p->a), ATL_OK);
    atl_trainer_close(&t, 0);
    o.map_depth = 2;
    t = open_trainer(p, &o);
    assert_true(atl_trainer_get_options(t)->map_depth == 2 && atl_trainer_get_options(t)->channel_max == 16);
    atl_trainer_close(&t, 0);
}

static void networks_of_others_are_taken_over(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    atl_trainer *t = open_trainer(p, &o), *u;
    steps(p, t, 1);
    save(p, t, p->a);
    o.channel_max = 4;
    o.map_depth = 3;
    u = open_trainer(p, &o);
    taken sums = { { 0 } };
    assert_int_equal(atl_trainer_transfer(u, p->a, on_tensor, &sums), ATL_OK);
    assert_true(sums.counts[ATL_TRANSFER_USED] > 10 && sums.counts[ATL_TRANSFER_SHAPE] > 10);
    assert_int_equal(sums.counts[ATL_TRANSFER_MISSING], 4); // fc2 of G and G_ema
    assert_true(atl_trainer_get_state(u)->images == 0);
    atl_trainer_close(&u, 0);
    atl_trainer_close(&t, 0);
}

// Replaces the letter after the first occurrence of `words`.
static void put_in_file(const char *path, const char *words, char letter) {
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    char head[1 << 16];
    size_t n = fread(head, 1, sizeof head - 1, f), length = strlen(words);
    char *at = NULL;
    for (size_t i = 0; i + length < n && !at; i++)
        at = memcmp(head + i, words, length) ? NULL : head + i + length;
    assert_non_null(at);
    *at = letter;
    assert_int_equal(fseek(f, 0, SEEK_SET), 0);
    assert_int_equal(fwrite(head, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void a_damaged_record_is_refused(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    atl_trainer *t = open_trainer(p, &o);
    save(p, t, p->a);
    put_in_file(p->a, "augment_p\\\":", '9'); // 0.0 becomes 9.0
    assert_int_equal(atl_trainer_restore(t, p->a), ATL_BAD_FILE);
    assert_non_null(strstr(atl_message(p->ctx), "augment_p"));
    atl_message_clear(p->ctx);
    atl_trainer_close(&t, 0);
}

static void what_is_not_finite_is_not_saved(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    atl_trainer *t = open_trainer(p, &o);
    save(p, t, p->a);
    float *const spans[] = { t->g_ema.params.data, t->d.params.data, t->adam_g.v, t->adam_d.m };
    const float bad[] = { NAN, INFINITY, -INFINITY, NAN };
    const char *const names[] = { "G_ema.", "D.", "optimizer.G.v.", "optimizer.D.m." };
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        float kept = spans[i][5];
        spans[i][5] = bad[i];
        assert_int_equal(atl_trainer_save(t, p->a), ATL_BAD_ARGUMENT);
        assert_non_null(strstr(atl_message(p->ctx), "not finite"));
        assert_memory_equal(atl_message(p->ctx), names[i], strlen(names[i]));
        atl_message_clear(p->ctx);
        spans[i][5] = kept;
    }
    t->state.pl_mean = NAN;
    assert_int_equal(atl_trainer_save(t, p->a), ATL_BAD_ARGUMENT);
    atl_message_clear(p->ctx);
    t->state.pl_mean = 0.0;
    assert_int_equal(atl_trainer_restore(t, p->a), ATL_OK); // the file of before
    atl_trainer_close(&t, 0);
}

// Writes over `count` bytes before the end, `from_end` bytes away from it.
static void put_bytes(const char *path, long from_end, const void *bytes, size_t count) {
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -from_end, SEEK_END), 0);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

// Anywhere, and by numbers that are as good as others: what comes back is what was written, or nothing.
static void numbers_that_were_not_written_are_refused(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    atl_trainer *t = open_trainer(p, &o);
    const float zero = 0.0f, small_one = 1e-3f, bad = NAN;
    const struct {
        long from_end;
        const float *value;
        const char *says;
    } cases[] = { { 4000, &small_one, "are not those that were written" },
                  { 400000, &zero, "are not those that were written" },
                  { 2000000, &bad, "not finite" } };
    steps(p, t, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = NULL;
        save(p, t, p->a);
        assert_int_equal(atl_train_snapshot_record(p->ctx, p->a, &text), ATL_OK);
        assert_non_null(text);
        atl_text_free(p->ctx, text);
        put_bytes(p->a, cases[i].from_end, cases[i].value, sizeof(float));
        assert_int_equal(atl_train_snapshot_record(p->ctx, p->a, &text), ATL_BAD_FILE);
        assert_null(text);
        assert_non_null(strstr(atl_message(p->ctx), cases[i].says));
        atl_message_clear(p->ctx);
        assert_int_equal(atl_trainer_restore(t, p->a), ATL_BAD_FILE);
        atl_message_clear(p->ctx);
    }
    atl_trainer_close(&t, 0);
}

// A picture that can't be read ends a step before it changed anything: nothing of the run is lost.
static void a_step_without_its_picture_changes_nothing(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    char path[128], kept[160], shell[600];
    atl_trainer *t = open_trainer(p, &o);
    steps(p, t, 1);
    snprintf(path, sizeof path, "%s/07.png", p->set);
    snprintf(kept, sizeof kept, "%s/kept", p->folder);
    snprintf(shell, sizeof shell, "cp %s %s && truncate -s 60 %s", path, kept, path);
    assert_int_equal(system(shell), 0);
    atl_status status = ATL_OK;
    for (int i = 0; i < 64 && status == ATL_OK; i++) // read ahead it was already
        status = atl_trainer_step(t);
    snprintf(shell, sizeof shell, "cp %s %s", kept, path);
    assert_int_equal(system(shell), 0);
    assert_int_equal(status, ATL_BAD_FILE);
    assert_non_null(strstr(atl_message(p->ctx), "07.png"));
    atl_message_clear(p->ctx);
    save(p, t, p->a);
    uint64_t done = atl_trainer_get_state(t)->iteration;
    atl_trainer_close(&t, 0);
    t = open_trainer(p, &o);
    steps(p, t, (int)done);
    save(p, t, p->b);
    atl_trainer_close(&t, 0);
    assert_same_bytes(p->a, p->b);
}

static void a_step_that_failed_half_way_is_not_saved(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    atl_trainer *t = open_trainer(p, &o);
    steps(p, t, 1);
    assert_false(t->halfway);
    t->halfway = true;
    assert_int_equal(atl_trainer_save(t, p->a), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(p->ctx), "half way"));
    atl_message_clear(p->ctx);
    atl_trainer_close(&t, 0);
}

// A record of the first version belongs to other random numbers.
static void a_run_of_an_earlier_version_is_refused(void **state) {
    place *p = *state;
    atl_train_options o = small(p);
    atl_trainer *t = open_trainer(p, &o);
    char *text = NULL;
    save(p, t, p->a);
    put_in_file(p->a, "atelier.training\":\"{\\\"version\\\":", '1');
    assert_int_equal(atl_trainer_restore(t, p->a), ATL_UNSUPPORTED);
    assert_non_null(strstr(atl_message(p->ctx), "can start from its networks"));
    atl_message_clear(p->ctx);
    assert_int_equal(atl_train_snapshot_record(p->ctx, p->a, &text), ATL_UNSUPPORTED);
    assert_null(text);
    atl_message_clear(p->ctx);
    assert_int_equal(atl_trainer_transfer(t, p->a, NULL, NULL), ATL_OK);
    atl_trainer_close(&t, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resumed_run_is_the_same_run),
        cmocka_unit_test(a_resumed_conditional_run_too),
        cmocka_unit_test(a_batch_may_go_in_parts),
        cmocka_unit_test(statistics_come_from_every_phase),
        cmocka_unit_test(missing_memory_may_be_tried_again),
        cmocka_unit_test(each_loss_trains),
        cmocka_unit_test(each_architecture_trains),
        cmocka_unit_test(frozen_layers_stay),
        cmocka_unit_test(presets_are_the_published_ones),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(another_network_is_refused),
        cmocka_unit_test(networks_of_others_are_taken_over),
        cmocka_unit_test(other_pictures_are_refused),
        cmocka_unit_test(the_strength_of_augmentation_is_taken_over),
        cmocka_unit_test(shapes_are_those_of_a_file),
        cmocka_unit_test(a_damaged_record_is_refused),
        cmocka_unit_test(a_run_of_an_earlier_version_is_refused),
        cmocka_unit_test(what_is_not_finite_is_not_saved),
        cmocka_unit_test(numbers_that_were_not_written_are_refused),
        cmocka_unit_test(a_step_without_its_picture_changes_nothing),
        cmocka_unit_test(a_step_that_failed_half_way_is_not_saved),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
