// SPDX-License-Identifier: Apache-2.0
// Training of encoders: gradients of each recipe against differences of its loss, a resumed run that is the
// same run, batch norms, pools of latents, schedules, and what is refused.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "io/json.h"
#include "params.h"
#include "place.h"
#include "graph/resident.h"
#include "train/encoding.h"
#include "train/similar.h"

enum { RESOLUTION = 32, BATCH = 4 };

typedef struct scene {
    place *p;
    char generator[96], encoder[96], lpips[96], identity[96], similarity[96], moco[96];
} scene;

static void write_network(place *p, const char *path, const char *key, const atl_network *n) {
    atl_ckpt_out out = { key, n->row->kind, n->json, &n->params, NULL };
    assert_int_equal(atl_ckpt_write(p->ctx, path, &out, 1, NULL, NULL, ATL_F32), ATL_OK);
}

// Activations without sharp corners where a network has a say in it: slopes of PReLUs near 1, ReLUs that
// biases keep above zero.  Differences over a step then measure slopes.
static void straighten(atl_network *n) {
    for (size_t i = 0; i < n->params.size; i++) {
        const atl_param *p = &n->params.list[i];
        size_t length = strlen(p->name);
        int squeeze = strstr(p->name, "features.") && strstr(p->name, ".bias");
        int prelu = strstr(p->name, "res_layer.2.weight") || strstr(p->name, "input_layer.2.weight") ||
                    (length >= 11 && !strcmp(p->name + length - 11, "relu.weight"));
        for (size_t k = 0; prelu && k < p->count; k++)
            atl_param_data(&n->params, p)[k] = 0.9f;
        int resnet = !strcmp(n->row->family, "resnet") && strstr(p->name, ".bias");
        for (size_t k = 0; squeeze && k < p->count; k++)
            atl_param_data(&n->params, p)[k] = 3.0f;
        for (size_t k = 0; resnet && k < p->count; k++)
            atl_param_data(&n->params, p)[k] = 1.0f;
    }
}

static void make_network(place *p, const char *path, const char *key, const char *kind, const char *config) {
    atl_network n;
    json_t *json = json_loads(config, 0, NULL);
    assert_non_null(json);
    if (atl_network_make(p->ctx, atl_model_row_find(kind), key, json, 5, &n) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    for (size_t i = 0; i < n.params.size; i++) { // an average that is none of zeros
        const atl_param *q = &n.params.list[i];
        for (size_t k = 0; strstr(q->name, "w_avg") && k < q->count; k++)
            atl_param_data(&n.params, q)[k] = 0.1f * sinf((float)k);
    }
    straighten(&n);
    write_network(p, path, key, &n);
    atl_network_clear(&n);
}

static int setup_scene(void **state) {
    static scene s;
    assert_int_equal(setup(state), 0);
    s.p = *state;
    snprintf(s.generator, sizeof s.generator, "%s/g.safetensors", s.p->folder);
    snprintf(s.encoder, sizeof s.encoder, "%s/w.safetensors", s.p->folder);
    snprintf(s.lpips, sizeof s.lpips, "%s/lpips.safetensors", s.p->folder);
    snprintf(s.identity, sizeof s.identity, "%s/identity.safetensors", s.p->folder);
    snprintf(s.similarity, sizeof s.similarity, "%s/squeeze.safetensors", s.p->folder);
    make_network(
        s.p, s.generator, "G_ema", "stylegan2_generator",
        "{\"z_dim\": 16, \"c_dim\": 0, \"w_dim\": 16, \"num_ws\": 8, \"img_resolution\": 32, "
        "\"img_channels\": 3, \"architecture\": \"skip\", \"channel_base\": 128, \"channel_max\": 8, "
        "\"conv_clamp\": null, \"use_noise\": true, \"mapping\": {\"num_layers\": 2}}");
    make_network(
        s.p, s.encoder, "encoder", "style_encoder",
        "{\"encoder_type\": \"BackboneEncoderUsingLastLayerIntoW\", \"trunk\": \"ir_se\", "
        "\"units\": [1, 1, 1, 1], \"channels\": [16, 16, 16, 16], \"num_ws\": 8, \"w_dim\": 16, "
        "\"height\": 32, \"width\": 32, \"input_nc\": 3, \"average\": 1, \"start_from_latent_avg\": 1}");
    make_network(s.p, s.lpips, "lpips", "lpips", "{\"net\": \"squeeze\", \"height\": 32, \"width\": 32}");
    make_network(s.p, s.similarity, "squeezenet", "squeezenet", "{\"height\": 32, \"width\": 32}");
    snprintf(s.moco, sizeof s.moco, "%s/moco.safetensors", s.p->folder);
    make_network(s.p, s.moco, "resnet", "resnet",
                 "{\"height\": 56, \"width\": 56, \"units\": [1, 1, 1, 1], \"channels\": 8, \"classes\": 0, "
                 "\"block\": \"bottleneck\", \"stem\": \"imagenet\"}");
    make_network(
        s.p, s.identity, "identity", "face_embedding",
        "{\"trunk\": \"ir_se\", \"units\": [1, 1, 1, 1], \"channels\": [16, 16, 16, 16], \"width\": 8, "
        "\"affine\": 1}");
    *state = &s;
    return 0;
}

static int teardown_scene(void **state) {
    *state = ((scene *)*state)->p;
    return teardown(state);
}

static atl_train_options small(const scene *s, const char *cfg) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = cfg;
    o.network = s->generator;
    o.batch = BATCH;
    o.kimg = 1;
    o.glr = 1e-3;
    o.trunk = "1,1,1,1:16,16,16,16";
    o.style_width = 8;
    o.seed = 7;
    o.pool = 6;
    if (!strcmp(cfg, "e4e") || !strcmp(cfg, "restyle-e4e"))
        o.progress = "2:1";
    if (!strcmp(cfg, "hyperstyle"))
        o.w_encoder = s->encoder;
    if (strstr(cfg, "style"))
        o.steps = 2;
    return o;
}

static const char *const CFGS[] = { "psp", "e4e", "restyle-psp", "restyle-e4e", "hyperstyle" };
enum { COUNT = sizeof CFGS / sizeof *CFGS };

// ---- a run

// Past pools that are full, layers that begin, R1.
static void a_resumed_run_is_the_same_run(void **state) {
    scene *s = *state;
    for (int i = 0; i < COUNT; i++) {
        enum { BEFORE = 3, AFTER = 3 };
        atl_train_options o = small(s, CFGS[i]);
        o.batch_gpu = i % 2 ? 2 : 4;
        o.ema_kimg = i == 1 ? 0.01 : 0.0;
        atl_trainer *t = open_trainer(s->p, &o);
        steps(s->p, t, BEFORE + AFTER);
        save(s->p, t, s->p->a);
        atl_trainer_close(&t, 0);

        t = open_trainer(s->p, &o);
        steps(s->p, t, BEFORE);
        save(s->p, t, s->p->b);
        atl_trainer_close(&t, 0);
        t = open_trainer(s->p, &o);
        assert_int_equal(atl_trainer_measure(t, 1), ATL_OK); // leaves no trace
        if (atl_trainer_restore(t, s->p->b) != ATL_OK)
            fail_msg("%s: %s", CFGS[i], atl_message(s->p->ctx));
        steps(s->p, t, AFTER);
        save(s->p, t, s->p->b);
        atl_trainer_close(&t, 0);
        assert_same_bytes(s->p->a, s->p->b);
    }
}

static double loss_of(const atl_trainer *t, const char *name) {
    int i = atl_trainer_find_stat(t, name);
    assert_true(i >= 0 && t->stats[i].count > 0);
    return t->stats[i].sum / t->stats[i].count;
}

// The loss falls, and what is seen is what the file makes again.
static void pictures_are_learned(void **state) {
    scene *s = *state;
    for (int i = 0; i < COUNT; i++) {
        atl_train_options o = small(s, CFGS[i]);
        o.losses = "l2:1";
        o.progress = "none";
        o.optimizer = "adam";
        atl_trainer *t = open_trainer(s->p, &o);
        steps(s->p, t, 2);
        double before = loss_of(t, "Loss/l2");
        steps(s->p, t, 24);
        atl_trainer_clear_stats(t);
        steps(s->p, t, 4);
        double after = loss_of(t, "Loss/l2");
        if (!(after < 0.9 * before))
            fail_msg("%s: the loss went from %g to %g", CFGS[i], before, after);
        atl_trainer_close(&t, 0);
    }
}

// ---- gradients

typedef struct slope {
    scene *s;
    atl_trainer *t;
    atl_phase *phase;
    float *sum;
} slope;

// The loss of the last of `turns` runs, and its gradient into d->sum.
static double run(slope *d, int turns) {
    float loss = 0.0f;
    size_t total = d->phase->trained->params.total;
    memset(d->sum, 0, total * sizeof *d->sum);
    atl_plan_attach(d->phase->plan, d->t->block);
    for (int turn = 0; turn < turns; turn++) {
        const atl_draw_run r = { .trainer = d->t,
                                 .phase = d->phase->number,
                                 .seed = 3,
                                 .iteration = 9,
                                 .step = 1,
                                 .n = d->phase->n,
                                 .turn = turn,
                                 .team = d->t->team };
        atl_draw_inputs(&r, d->phase, d->phase->plan, d->t->scratch);
        if (atl_phase_run(d->phase, turn + 1 == turns ? 1.0f : 0.0f, d->sum) != ATL_OK)
            fail_msg("%s", atl_message(d->s->p->ctx));
        for (int i = 0; i < d->phase->n_hands && turn + 1 < turns; i++) {
            assert_true(atl_plan_read(d->phase->plan, d->phase->hands[i].node, d->t->scratch));
            d->phase->hands[i].read(&r, d->t->scratch, d->phase->hands[i].state);
        }
    }
    assert_true(atl_plan_read(d->phase->plan, d->phase->loss, &loss));
    return (double)loss;
}

// What differences measure over a step along the gradient of length h times it.
static double measured(slope *d, const float *w, const float *g, double h) {
    atl_params *params = &d->phase->trained->params;
    double ends[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < params->total; i++)
            params->data[i] = w[i] + (side ? 1.0f : -1.0f) * (float)h * g[i];
        atl_trainer_changed(d->t);
        ends[side] = run(d, 1);
    }
    memcpy(params->data, w, params->total * sizeof *w);
    atl_trainer_changed(d->t);
    return (ends[1] - ends[0]) / (2.0 * h);
}

// Of some steps the one that agrees most counts: long ones meet corners of activations, short ones rounding.
// A term that a gradient lacks is missing at all of them.
static void check_slope(slope *d, const char *what) {
    static const double PARTS[] = { 0.004, 0.002, 0.001, 0.0005, 0.00025 };
    size_t total = d->phase->trained->params.total;
    double square = 0.0, value = run(d, 1), best = INFINITY;
    float *g = malloc(total * sizeof *g), *w = malloc(total * sizeof *w);
    assert_true(g && w);
    memcpy(g, d->sum, total * sizeof *g);
    memcpy(w, d->phase->trained->params.data, total * sizeof *w);
    for (size_t i = 0; i < total; i++)
        square += (double)g[i] * (double)g[i];
    assert_true(square > 0.0);
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS && !(best < 1e-3); i++)
        best = fmin(best, fabs(measured(d, w, g, PARTS[i] * fmax(fabs(value), 0.1) / square) / square - 1.0));
    if (!(best < 1e-3))
        fail_msg("%s, %s: the gradient is off by a part of %g", what, d->phase->row->name, best);
    free(g);
    free(w);
}

static void gradients_are_those_of_the_losses(void **state) {
    scene *s = *state;
    for (int i = 0; i < COUNT; i++) {
        atl_train_options o = small(s, CFGS[i]);
        o.lpips = s->lpips;
        o.identity = s->identity;
        o.similarity = s->similarity;
        o.losses = strcmp(CFGS[i], "hyperstyle") != 0
                       ? "l2:1,lpips:0.8,id:0.5,sim:0.5,w:0.1,w-norm:0.05,delta:0.1,adv:0.3,l2-crop:0.3"
                       : "l2:1,lpips:0.8,id:0.5,sim:0.5";
        slope d = { .s = s, .t = open_trainer(s->p, &o) };
        assert_int_equal(atl_trainer_memory(d.t), ATL_OK);
        atl_encoding *e = atl_encoding_of(d.t);
        for (size_t k = 0; k < e->pool * 16;
             k++) { // latents of zeros would stand in the corners of activations
            e->reals[k] = sinf((float)k);
            e->fakes[k] = cosf((float)k);
        }
        straighten(&d.t->g);
        atl_trainer_changed(d.t);
        for (int k = 0; k < d.t->n_phases; k++) {
            d.phase = &d.t->phases[k];
            d.sum = d.t->gradient;
            check_slope(&d, CFGS[i]);
        }
        atl_trainer_close(&d.t, 0);
    }
}

// Pictures of 32 pixels become 56 by their nearest ones: no step of it that the gradient could miss.
static void gradients_go_through_moco(void **state) {
    scene *s = *state;
    atl_train_options o = small(s, "psp");
    o.similarity = s->moco;
    o.losses = "sim:1";
    slope d = { .s = s, .t = open_trainer(s->p, &o) };
    assert_int_equal(atl_trainer_memory(d.t), ATL_OK);
    straighten(&d.t->g);
    atl_trainer_changed(d.t);
    d.phase = &d.t->phases[0];
    d.sum = d.t->gradient;
    check_slope(&d, "moco");
    atl_trainer_close(&d.t, 0);
}

enum { SMALL = 32, LARGE = 56 };

static void build_similar(atl_graph *g, atl_call *call, void *user) {
    const atl_network *moco = user;
    atl_net net = atl_network_in(g, moco, NULL);
    atl_node *small = atl_call_in(&net, call, "small", ATL_SHAPE(SMALL, SMALL, 3)),
             *large = atl_call_in(&net, call, "large", ATL_SHAPE(LARGE, LARGE, 3));
    atl_call_out(&net, call, "similar", atl_similar_features(&net, moco, small));
    atl_call_out(&net, call, "pool", ATL_APPLY(&net, moco, "features", "pool", { "img", large }));
}

// The published loss: pixel i of the network's size is pixel floor(i small / large), and nothing else is done to it.
static void moco_sees_the_nearest_pixels(void **state) {
    enum { WIDTH = 8 * 8 * 4 };
    scene *s = *state;
    atl_backend *backend;
    atl_network moco;
    atl_program *p;
    static float small[3][SMALL][SMALL], large[3][LARGE][LARGE], similar[WIDTH], pool[WIDTH];
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < LARGE; y++)
            for (int x = 0; x < LARGE; x++) {
                int at = y * SMALL / LARGE, ax = x * SMALL / LARGE;
                large[c][y][x] = small[c][at][ax] = sinf((float)(c + 3 * ax + 7 * at));
            }
    assert_int_equal(atl_network_open(s->p->ctx, s->moco, NULL, &moco), ATL_OK);
    assert_int_equal(atl_backend_open(s->p->ctx, &(atl_backend_options){ .threads = 1 }, &backend), ATL_OK);
    const atl_program_key key = { .function = "similar", .n = 1 };
    if (atl_program_make(backend, &key, build_similar, &moco, &(atl_plan_options){ .detached = false }, &p) != ATL_OK)
        fail_msg("%s", atl_message(s->p->ctx));
    assert_int_equal(atl_program_write(p, "small", 1, &small[0][0][0]), ATL_OK);
    assert_int_equal(atl_program_write(p, "large", 1, &large[0][0][0]), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "similar", 1, similar), ATL_OK);
    assert_int_equal(atl_program_read(p, "pool", 1, pool), ATL_OK);
    double square = 0.0;
    for (int i = 0; i < WIDTH; i++)
        square += (double)pool[i] * (double)pool[i];
    assert_true(square > 0.0);
    for (int i = 0; i < WIDTH; i++) // rounding of a division
        assert_true(fabs((double)pool[i] / sqrt(square) - (double)similar[i]) < 1e-6);
    atl_program_free(&p);
    atl_backend_close(&backend);
    atl_network_clear(&moco);
}

// ---- batch norms

// After the first step a running mean is a tenth of the batch's, and a variance nine tenths of one and a
// tenth of it.
static void running_means_follow_the_batch(void **state) {
    scene *s = *state;
    atl_train_options o = small(s, "psp");
    slope d = { .s = s, .t = open_trainer(s->p, &o) };
    assert_int_equal(atl_trainer_memory(d.t), ATL_OK);
    const atl_encoding *e = atl_encoding_of(d.t);
    d.phase = &d.t->phases[d.t->n_phases - 1];
    d.sum = d.t->gradient;
    assert_true(e->n_tracks == 2 * (1 + 3 * 4) || e->n_tracks > 8);
    atl_plan_attach(d.phase->plan, d.t->block);
    const atl_draw_run r = { .trainer = d.t,
                             .phase = d.phase->number,
                             .seed = o.seed,
                             .iteration = 0,
                             .step = 1,
                             .n = d.phase->n,
                             .team = d.t->team };
    atl_draw_inputs(&r, d.phase, d.phase->plan, d.t->scratch);
    assert_int_equal(atl_phase_run(d.phase, 1.0f, d.sum), ATL_OK);
    float *sums = calloc(atl_phase_sum_size(d.phase), sizeof *sums);
    assert_non_null(sums);
    assert_true(atl_plan_read(d.phase->plan, d.phase->sum, sums));
    assert_true(sums[atl_phase_sum_size(d.phase) - 1] == (float)BATCH);
    steps(s->p, d.t, 1);
    atl_trainer_fetch(d.t);
    const float *at = sums;
    for (int k = 0; k < e->n_tracks; k++) {
        const atl_param *p = &d.t->g.params.list[e->tracks[k]];
        assert_true(p->buffer && strstr(p->name, k % 2 ? "running_var" : "running_mean"));
        for (size_t c = 0; c < p->count; c++, at++) {
            double mean = (double)*at / BATCH, want = 0.1 * mean + (k % 2 ? 0.9 : 0.0);
            assert_true(fabs((double)atl_param_data(&d.t->g.params, p)[c] - want) <
                        1e-5 * fmax(1.0, fabs(want)));
        }
    }
    free(sums);
    atl_trainer_close(&d.t, 0);
}

// ---- pools and schedules

static void pools_fill_up_and_then_change(void **state) {
    scene *s = *state;
    atl_train_options o = small(s, "e4e");
    o.pool = 10; // of 4 pictures a step: full within the third
    atl_trainer *t = open_trainer(s->p, &o);
    const atl_encoding *e = atl_encoding_of(t);
    for (int step = 1; step <= 3; step++) {
        steps(s->p, t, 1);
        for (int i = 0; i < 10; i++) {
            double size = 0.0;
            for (int k = 0; k < 16; k++)
                size += fabs((double)e->reals[i * 16 + k]) + fabs((double)e->fakes[i * 16 + k]);
            assert_int_equal(size > 0.0, i < step * BATCH);
        }
    }
    float before[10 * 16];
    memcpy(before, e->reals, sizeof before);
    steps(s->p, t, 3);
    int changed = 0, kept = 0;
    for (int i = 0; i < 10; i++) {
        int same = !memcmp(before + i * 16, e->reals + i * 16, 16 * sizeof *before);
        kept += same;
        changed += !same;
    }
    assert_true(changed > 0 && kept > 0); // about half of 12 in places of 10
    atl_trainer_close(&t, 0);
}

static void layers_begin_one_after_the_other(void **state) {
    scene *s = *state;
    atl_train_options o = small(s, "e4e"); // 2 steps with one w, then a layer a step
    o.losses = "l2:1";
    atl_trainer *t = open_trainer(s->p, &o);
    const atl_encoding *e = atl_encoding_of(t);
    assert_int_equal(atl_encoding_stage(e, 1), 0);
    assert_int_equal(atl_encoding_stage(e, 2), 1);
    assert_int_equal(atl_encoding_stage(e, 100), 8);
    for (int step = 0; step < 5; step++) {
        steps(s->p, t, 1);
        atl_trainer_fetch(t);
        for (int layer = 1; layer < 8; layer++) {
            char name[48];
            double size = 0.0;
            snprintf(name, sizeof name, "styles.%d.linear.weight", layer);
            const atl_param *p = atl_params_find(&t->g.params, name);
            for (size_t i = 0; i < p->count; i++)
                size += fabs((double)atl_param_data(&t->g.params, p)[i]);
            assert_int_equal(size > 0.0, layer <= step - 1); // those whose turn has come
        }
    }
    atl_trainer_close(&t, 0);
}

// ---- what is refused

static void what_does_not_fit_is_refused(void **state) {
    scene *s = *state;
    place *p = s->p;
    atl_train_options good = small(s, "e4e"), o = good;
#define REFUSED(change, part) (o = good, change, assert_refused(p, &o, part))
    REFUSED(o.network = NULL, "none is named");
    REFUSED(o.network = s->lpips, "encoders are trained for generators");
    REFUSED(o.network = p->set, p->set);
    REFUSED(o.data = p->set, "its pictures have 16 pixels");
    REFUSED(o.resolution = 64, "its pictures have 64 pixels");
    REFUSED(o.losses = "l2", "expected names and weights");
    REFUSED(o.losses = "l2:1,", "expected names and weights");
    REFUSED(o.losses = "l2:-1", "expected names and weights");
    REFUSED(o.losses = "l2:nan", "expected names and weights");
    REFUSED(o.losses = "colour:1", "expected names and weights");
    REFUSED(o.losses = "", "expected names and weights");
    REFUSED(o.losses = "l2:0", "all weights are 0");
    REFUSED(o.losses = "lpips:1", "and lpips names none");
    REFUSED(o.losses = "id:1", "and identity names none");
    REFUSED(o.losses = "sim:1", "and similarity names none");
    REFUSED((o.lpips = s->lpips, o.losses = "lpips-crop:1"), "at least 64 pixels");
    REFUSED(o.lpips = s->generator, "where lpips is needed");
    REFUSED(o.trunk = "1,1,1:16,16,16,16", "expected four numbers");
    REFUSED(o.trunk = "1,1,1,1:8,16,16,16", "expected four numbers");
    REFUSED(o.trunk = "1,1,1,1:16,16,16,16x", "expected four numbers");
    REFUSED(o.progress = "10", "expected numbers of steps");
    REFUSED(o.progress = "10:0", "expected numbers of steps");
    REFUSED(o.steps = 2, "don't see their result");
    REFUSED(o.w_encoder = s->encoder, "for hyperstyle alone");
    REFUSED(o.cond = 1, "without labels");
    good = small(s, "psp");
    REFUSED(o.progress = "10:1", "from the start");
    good = small(s, "hyperstyle");
    REFUSED(o.w_encoder = NULL, "w-encoder names its file");
    REFUSED(o.losses = "adv:1", "no ws to be judged");
#undef REFUSED
}

static void what_is_missing_is_said(void **state) {
    scene *s = *state;
    atl_train_options o = small(s, "psp");
    atl_trainer *t = open_trainer(s->p, &o);
    assert_string_equal(atl_trainer_get_options(t)->losses, "l2:1");
    assert_non_null(strstr(atl_trainer_lacks(t, 0), "without lpips"));
    assert_non_null(strstr(atl_trainer_lacks(t, 1), "without identity"));
    assert_null(atl_trainer_lacks(t, 2));
    atl_trainer_close(&t, 0);
    o.lpips = s->lpips;
    o.similarity = s->similarity;
    t = open_trainer(s->p, &o);
    assert_string_equal(atl_trainer_get_options(t)->losses, "l2:1,lpips:0.8,sim:0.5");
    assert_null(atl_trainer_lacks(t, 0));
    atl_trainer_close(&t, 0);
}

typedef struct taken {
    int used, shape, missing, extra;
} taken;

static void count_taken(void *user, atl_transfer what, const char *net, const char *tensor) {
    taken *n = user;
    (void)net;
    n->used += what == ATL_TRANSFER_USED;
    n->missing += what == ATL_TRANSFER_MISSING;
    n->extra += what == ATL_TRANSFER_EXTRA;
    if (what == ATL_TRANSFER_SHAPE && ++n->shape)
        assert_string_equal(tensor, "input_layer.0.weight");
}

// Encoders begin as the published ones did, with the trunk of what tells faces apart; the first convolution of one that
// sees its result has another shape.
static void the_trunk_of_an_identity_network_is_taken_over(void **state) {
    scene *s = *state;
    atl_network identity;
    assert_int_equal(atl_network_open(s->p->ctx, s->identity, NULL, &identity), ATL_OK);
    for (int i = 0; i < 2; i++) {
        atl_train_options o = small(s, i ? "restyle-psp" : "psp");
        atl_trainer *t = open_trainer(s->p, &o);
        taken n = { 0 };
        assert_int_equal(atl_trainer_transfer(t, s->identity, count_taken, &n), ATL_OK);
        int trunk = 0, head = 0;
        for (size_t k = 0; k < identity.params.size; k++) {
            const atl_param *p = &identity.params.list[k], *q = atl_params_find(&t->g.params, p->name);
            trunk += q != NULL;
            head += q == NULL;
            if (q && q->count == p->count)
                assert_memory_equal(atl_param_data(&identity.params, p), atl_param_data(&t->g.params, q),
                                    p->count * sizeof(float));
        }
        assert_int_equal(n.shape, 2 * i); // of the network and of its average
        assert_int_equal(n.used, 2 * (trunk - i));
        assert_int_equal(n.extra, 2 * head);
        assert_true(trunk > 30 && head > 3 && n.missing > 0);
        steps(s->p, t, 1);
        atl_trainer_close(&t, 0);
    }
    atl_network_clear(&identity);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_losses),
        cmocka_unit_test(gradients_go_through_moco),
        cmocka_unit_test(moco_sees_the_nearest_pixels),
        cmocka_unit_test(a_resumed_run_is_the_same_run),
        cmocka_unit_test(pictures_are_learned),
        cmocka_unit_test(running_means_follow_the_batch),
        cmocka_unit_test(pools_fill_up_and_then_change),
        cmocka_unit_test(layers_begin_one_after_the_other),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(the_trunk_of_an_identity_network_is_taken_over),
    };
    return cmocka_run_group_tests(tests, setup_scene, teardown_scene);
}
