// SPDX-License-Identifier: Apache-2.0
// A step of BigGAN as the trainer's phases make it, against a recorded one: pictures and scores in training,
// losses, gradients of both networks, and what batch norms and spectral norms keep of it.
//
// G's step was recorded first; D then saw the same pictures with the weights as they were, so G's buffers are
// put back between the two.
#include "golden.h"
#include "state.h"

#include <unistd.h>

#include <atelier/network.h>
#include <atelier/rng.h>

#include "api/model_api.h"
#include "base/philox.h"
#include "graph/resident.h"
#include "run/backend.h"
#include "train/draw.h"
#include "train/recipe.h"

enum { BATCH = 4, CLASSES = 10, PROBE = 256 };

static const double BOUND = 2e-5;

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    golden *truth;
    atl_network g, d, copy;
} scene;

// Its weights on the device, as a trainer keeps them.
static void hold(scene *s, const atl_network *n) {
    const atl_params *p = &n->params;
    assert_int_equal(atl_resident_take(s->backend, p->data, p->total, p->version, NULL), ATL_OK);
}

static void begin(scene *s) {
    static const state_options plain = { 0 };
    char names[1024], path[64];
    snprintf(path, sizeof path, "biggan-train-%ld.safetensors",
             (long)getpid()); // another backend's test may run
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    state_dict *d = state_read(golden_path(names, "gans", "cifar32", ".names.txt"), &plain);
    state_write(s->ctx, d, path);
    state_free(d);
    s->truth = golden_open(s->ctx, "gans", "cifar32", ".train.safetensors");
    o.net = "G";
    assert_int_equal(atl_network_open(s->ctx, path, &o, &s->g), ATL_OK);
    o.net = "D";
    assert_int_equal(atl_network_open(s->ctx, path, &o, &s->d), ATL_OK);
    remove(path);
    hold(s, &s->g);
    hold(s, &s->d);
}

static void finish(scene *s, const char *const *elsewhere) {
    golden_close(&s->truth, elsewhere);
    atl_resident_drop(s->backend, s->g.params.data);
    atl_resident_drop(s->backend, s->d.params.data);
    atl_network_clear(&s->g);
    atl_network_clear(&s->d);
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
}

// ---- comparing

static void check(scene *s, const char *name, const float *ours, size_t count) {
    size_t n;
    float *truth = golden_read(s->truth, name, &n);
    assert_int_equal(n, count);
    golden_check("cifar32", name, ours, truth, n, BOUND);
    free(truth);
}

// All numbers of a tensor, or where it is large mean, deviation and some of them.
static void check_tensor(scene *s, const char *name, const float *x, size_t count) {
    float probe[PROBE + 2];
    double mean = 0, square = 0;
    if ((size_t)atl_array_count(golden_find(s->truth, name)) == count) {
        check(s, name, x, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        mean += (double)x[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        square += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)count;
    probe[0] = (float)mean;
    probe[1] = (float)sqrt(square);
    for (size_t i = 0; i < PROBE; i++)
        probe[i + 2] = x[i * (count / PROBE)];
    check(s, name, probe, PROBE + 2);
}

// Every recorded tensor PREFIX + name of a parameter.
static int check_params(scene *s, const char *prefix, const atl_params *params, const float *span) {
    int checked = 0;
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        char name[200];
        snprintf(name, sizeof name, "%s%s", prefix, p->name);
        if (!golden_has(s->truth, name))
            continue;
        check_tensor(s, name, span + p->offset, p->count);
        checked++;
    }
    return checked;
}

// ---- what is given: pictures n, c, h, w -> n, h, w, c; classes -> labels

static float *turned(const float *x, size_t n, size_t channels, size_t pixels, bool back) {
    float *y = malloc(n * channels * pixels * sizeof *y);
    assert_non_null(y);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++) {
                size_t planar = (i * channels + c) * pixels + p, mixed = (i * pixels + p) * channels + c;
                y[back ? planar : mixed] = x[back ? mixed : planar];
            }
    return y;
}

static void write_picture(scene *s, atl_plan *plan, const atl_node *input, const char *name) {
    size_t count;
    float *v = golden_read(s->truth, name, &count);
    assert_int_equal(count, atl_shape_count(&input->shape));
    float *x = turned(v, BATCH, 3, count / BATCH / 3, false);
    atl_plan_write(plan, input, x);
    free(x);
    free(v);
}

static void write_z(scene *s, atl_plan *plan, const atl_node *input) {
    size_t count;
    float *z = golden_read(s->truth, "z", &count);
    assert_int_equal(count, atl_shape_count(&input->shape));
    atl_plan_write(plan, input, z);
    free(z);
}

static void write_labels(scene *s, atl_plan *plan, const atl_node *input) {
    size_t count;
    float *y = golden_read(s->truth, "y", &count), labels[BATCH * CLASSES] = { 0 };
    assert_int_equal(count, BATCH);
    for (size_t i = 0; i < BATCH; i++)
        labels[i * CLASSES + (size_t)y[i]] = 1.0f;
    atl_plan_write(plan, input, labels);
    free(y);
}

// ---- the networks in training, outside of phases

static atl_net trained(atl_graph *g, const atl_network *network, const char *as) {
    atl_net net = atl_network_in(g, network, as);
    net.varies = net.trains = true;
    return net;
}

static void read_node(const atl_plan *plan, const atl_node *x, float *to) {
    assert_true(atl_plan_read(plan, x, to));
}

// The estimates of norms that G divided by.
static void check_sigmas(scene *s, const atl_net *net, const atl_plan *plan, atl_node *const *sigma) {
    for (size_t i = 0; i < net->params->size; i++) {
        char name[200];
        float value;
        const char *own = net->params->list[i].name;
        int length = (int)strlen(own) - 2;
        if (!sigma[i])
            continue;
        snprintf(name, sizeof name, "%.*ssv0", length, own);
        read_node(plan, sigma[i], &value);
        if (golden_has(s->truth, name))
            check(s, name, &value, 1);
    }
}

// Of the inputs z and c, which are made.
static atl_node *pictures(scene *s, atl_graph *g, atl_net *net, atl_node *in[2]) {
    int64_t slots = s->g.dims.num_ws, w_dim = s->g.dims.w_dim;
    in[0] = atl_input(g, "z", ATL_SHAPE(BATCH, s->g.dims.z_dim));
    in[1] = atl_input(g, "c", ATL_SHAPE(BATCH, CLASSES));
    atl_node *w = ATL_APPLY(net, &s->g, "map", "w", { "z", in[0] }, { "c", in[1] });
    w = atl_expand(g, atl_reshape(g, w, ATL_SHAPE(BATCH, 1, w_dim)), ATL_SHAPE(BATCH, slots, w_dim));
    return ATL_APPLY(net, &s->g, "synthesize", "img", { "ws", w });
}

static void forward(scene *s) {
    atl_graph g;
    atl_graph_init(&g, s->ctx);
    atl_net net = trained(&g, &s->g, "G"), critic = trained(&g, &s->d, "D");
    atl_node *in[2], *img = pictures(s, &g, &net, in), *z = in[0], *c = in[1];
    atl_node *outputs[100], *sigma[100] = { NULL };
    atl_node *logits = ATL_APPLY(&critic, &s->d, "discriminate", "logits", { "img", img }, { "c", c });
    int n = 0;
    outputs[n++] = img;
    outputs[n++] = logits;
    assert_true(net.updates && net.params->size < 96);
    for (size_t i = 0; i < net.params->size; i++)
        if (net.updates[i].made) { // weight / sigma repeated
            const atl_node *made = net.updates[i].made;
            assert_true(made->op == ATL_OP_BINARY && made->src[1]->op == ATL_OP_EXPAND);
            outputs[n++] = sigma[i] = made->src[1]->src[0];
        }
    atl_plan *plan;
    if (atl_plan_make(&g, s->backend, outputs, n, NULL, &plan) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    write_z(s, plan, z);
    write_labels(s, plan, c);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    size_t count = (size_t)atl_shape_count(&img->shape);
    float *x = malloc(count * sizeof *x), scores[BATCH];
    assert_non_null(x);
    read_node(plan, img, x);
    float *planar = turned(x, BATCH, 3, count / BATCH / 3, true);
    check(s, "image", planar, count);
    read_node(plan, logits, scores);
    check(s, "logits", scores, BATCH);
    check_sigmas(s, &net, plan, sigma);
    free(planar);
    free(x);
    atl_plan_close(&plan);
    atl_graph_clear(&g);
}

static void scores(scene *s, const char *picture, const char *recorded) {
    atl_graph g;
    atl_graph_init(&g, s->ctx);
    atl_net critic = trained(&g, &s->d, "D");
    atl_node *c = atl_input(&g, "c", ATL_SHAPE(BATCH, CLASSES));
    atl_node *img = atl_input(&g, "img", ATL_SHAPE(BATCH, 32, 32, 3));
    atl_node *logits = ATL_APPLY(&critic, &s->d, "discriminate", "logits", { "img", img }, { "c", c });
    atl_plan *plan;
    float values[BATCH];
    if (atl_plan_make(&g, s->backend, &logits, 1, NULL, &plan) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    write_picture(s, plan, img, picture);
    write_labels(s, plan, c);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    read_node(plan, logits, values);
    check(s, recorded, values, BATCH);
    atl_plan_close(&plan);
    atl_graph_clear(&g);
}

// ---- phases

// Runs a phase with the recorded inputs and compares its loss and gradients; its buffers move.
static void check_phase(scene *s, const char *name, const char *loss, const char *gradients, int how_many) {
    const atl_recipe *biggan = &atl_recipe_biggan;
    atl_train_options o;
    atl_phase p;
    int row = 0;
    atl_train_options_init(&o, sizeof o);
    o.style_mixing_prob = o.blur_init_sigma = 0.0;
    o.loss = "hinge";
    while (strcmp(biggan->phases[row].name, name) != 0)
        assert_true(++row < biggan->n_phases);
    const atl_phase_setup setup = { .networks = { &s->g, &s->d }, .options = &o, .whole = true };
    if (atl_phase_make(s->ctx, s->backend, biggan, row, BATCH, &setup, &p) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    void *block = s->backend->alloc(s->backend, atl_phase_bytes(&p));
    float *sum = calloc(p.trained->params.total, sizeof *sum), value;
    assert_true(block && sum);
    assert_int_equal(atl_resident_take(s->backend, sum, p.trained->params.total, 0, NULL), ATL_OK);
    atl_plan_attach(p.plan, block);
    write_z(s, p.plan, atl_draw_find(&p, "z")->input);
    write_labels(s, p.plan, atl_draw_find(&p, "c")->input);
    if (atl_draw_find(&p, "real")) {
        write_picture(s, p.plan, atl_draw_find(&p, "real")->input, "real");
        write_labels(s, p.plan, atl_draw_find(&p, "real_c")->input);
    }
    assert_int_equal(atl_phase_run(&p, 1.0f, sum), ATL_OK);
    assert_int_equal(atl_phase_move_buffers(&p), ATL_OK);
    atl_resident_fetch(s->backend, sum, p.trained->params.total);
    atl_resident_drop(s->backend, sum);
    read_node(p.plan, p.loss, &value);
    check(s, loss, &value, 1);
    assert_int_equal(check_params(s, gradients, &p.trained->params, sum), how_many);
    s->backend->release(s->backend, block);
    free(sum);
    atl_phase_clear(&p);
}

static void step(void **state) {
    (void)state;
    scene s;
    begin(&s);
    atl_network before;
    assert_int_equal(atl_network_copy(&s.g, &before), ATL_OK);
    forward(&s);
    check_phase(&s, "Gmain", "g_loss", "ggrad.", 6);
    atl_resident_fetch(s.backend, s.g.params.data, s.g.params.total);
    assert_int_equal(check_params(&s, "", &s.g.params, s.g.params.data), 5);
    atl_network_copy_values(&before, &s.g);
    atl_resident_renew(s.backend, s.g.params.data, ++s.g.params.version);
    scores(&s, "image", "d_fake");
    scores(&s, "real", "d_real");
    check_phase(&s, "Dmain", "d_loss", "dgrad.", 4);
    atl_network_clear(&before);
    finish(&s, NULL);
}

// ---- standing statistics

// The picture [4, 3, 32, 32] of four seeds in training, each of its own class.
static float *trained_picture(scene *s) {
    atl_graph g;
    atl_plan *plan;
    float z[BATCH * 128], labels[BATCH * CLASSES] = { 0 };
    assert_int_equal(s->g.dims.z_dim, 128);
    for (uint32_t i = 0; i < BATCH; i++) {
        float u;
        atl_seed_to_z(i, 128, z + i * 128);
        atl_philox_uniform(i, 1, 0, 1, &u);
        labels[i * CLASSES + (size_t)(u * CLASSES)] = 1.0f;
    }
    atl_graph_init(&g, s->ctx);
    atl_net net = trained(&g, &s->g, NULL);
    atl_node *in[2], *img = pictures(s, &g, &net, in);
    if (atl_plan_make(&g, s->backend, &img, 1, NULL, &plan) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    atl_plan_write(plan, in[0], z);
    atl_plan_write(plan, in[1], labels);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    size_t count = (size_t)atl_shape_count(&img->shape);
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    read_node(plan, img, x);
    float *planar = turned(x, BATCH, 3, count / BATCH / 3, true);
    free(x);
    atl_plan_close(&plan);
    atl_graph_clear(&g);
    return planar;
}

static const float *stored_mean(atl_model *m) {
    for (size_t i = 0; atl_model_tensor_get(m, i); i++)
        if (!strcmp(atl_model_tensor_get(m, i)->name, "blocks.1.0.bn2.stored_mean"))
            return atl_model_tensor_get(m, i)->data;
    fail_msg("there is no stored mean");
    return NULL;
}

// With the statistics of one batch, evaluation makes of it what training does.  Two passes have the mean of
// both.
static void standing_statistics(void **state) {
    (void)state;
    static float ws[BATCH * 4 * 256], labels[BATCH * CLASSES], z[BATCH * 128], img[BATCH * 3 * 32 * 32];
    scene s;
    atl_model *m;
    begin(&s);
    float *truth = trained_picture(&s), first[32], second[32];
    assert_int_equal(atl_network_copy(&s.g, &s.copy), ATL_OK);
    assert_int_equal(atl_model_new(s.ctx, &s.copy, ATL_OK, &m), ATL_OK);
    for (uint32_t i = 0; i < BATCH; i++) {
        float u;
        atl_seed_to_z(i, 128, z + i * 128);
        atl_philox_uniform(i, 1, 0, 1, &u);
        labels[i * CLASSES + (size_t)(u * CLASSES)] = 1.0f;
    }
    uint64_t fingerprint = atl_model_get_info(m)->fingerprint;
    assert_int_equal(atl_model_map(m, BATCH, z, labels, NULL, ws), ATL_OK);
    assert_int_equal(atl_model_synthesize(m, BATCH, ws, NULL, img), ATL_OK);
    assert_true(golden_error(img, truth, BATCH * 3 * 32 * 32) > 0.01);
    assert_int_equal(atl_model_standing_stats(m, 1, BATCH, 0, 0.0f), ATL_OK);
    assert_int_equal(atl_model_synthesize(m, BATCH, ws, NULL, img), ATL_OK);
    golden_check("cifar32", "standing", img, truth, BATCH * 3 * 32 * 32, BOUND);
    memcpy(first, stored_mean(m), sizeof first);
    assert_int_equal(atl_model_standing_stats(m, 1, BATCH, BATCH, 0.0f), ATL_OK);
    memcpy(second, stored_mean(m), sizeof second);
    for (int i = 0; i < 32; i++)
        second[i] = (first[i] + second[i]) / 2.0f;
    assert_int_equal(atl_model_standing_stats(m, 2, BATCH, 0, 0.0f), ATL_OK);
    golden_check("cifar32", "two passes", stored_mean(m), second, 32, 1e-6);
    assert_true(atl_model_get_info(m)->fingerprint == fingerprint);
    assert_int_equal(atl_model_standing_stats(m, 0, BATCH, 0, 0.0f), ATL_BAD_ARGUMENT);
    assert_int_equal(atl_model_standing_stats(m, 1, 1, 0, 0.0f), ATL_BAD_ARGUMENT);
    free(truth);
    atl_model_close(&m);
    static const char *const of_the_step[] = { "", NULL };
    finish(&s, of_the_step);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(step), cmocka_unit_test(standing_statistics) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
