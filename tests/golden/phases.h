// SPDX-License-Identifier: Apache-2.0
// Phases of training as the trainer builds and runs them, with recorded inputs in place of the drawn ones.
#ifndef ATL_TESTS_GOLDEN_PHASES_H
#define ATL_TESTS_GOLDEN_PHASES_H

#include "golden.h"

#include "base/names.h"
#include "graph/measure.h"
#include "graph/resident.h"
#include "run/backend.h"
#include "train/draw.h"
#include "train/recipe.h"

enum { BATCH = 4 };

typedef struct scene {
    const atl_recipe *recipe;
    atl_ctx *ctx;
    atl_backend *backend;
    golden *truth;
    atl_network g, d;
    float lod;
} scene;

// FOLDER/NAME.pkl, and what was recorded of it.
static inline void open_scene(scene *s, const atl_recipe *recipe, const char *folder, const char *name) {
    char path[1024];
    *s = (scene){ .recipe = recipe };
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    golden_path(path, folder, name, ".pkl");
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = "G";
    assert_int_equal(atl_network_open(s->ctx, path, &o, &s->g), ATL_OK);
    o.net = "D";
    assert_int_equal(atl_network_open(s->ctx, path, &o, &s->d), ATL_OK);
    s->truth = golden_open(s->ctx, folder, name, ".grads.safetensors");
}

static inline void close_scene(scene *s, const char *const *elsewhere) {
    golden_close(&s->truth, elsewhere);
    atl_network_clear(&s->g);
    atl_network_clear(&s->d);
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
}

// ---- inputs

// To the input of that name, if the phase has it.
static inline void write_recorded(scene *s, const atl_phase *p, const char *name, const char *tensor) {
    const atl_draw *draw = atl_draw_find(p, name);
    size_t count = 0;
    if (!draw)
        return;
    float *v = golden_read(s->truth, tensor, &count), *turned = malloc(count * sizeof *turned);
    const atl_shape *shape = &draw->input->shape;
    assert_non_null(turned);
    assert_int_equal(count, atl_shape_count(shape));
    int64_t n = shape->d[0], c = shape->rank == 4 ? shape->d[3] : 1, pixels = (int64_t)count / n / c;
    for (int64_t i = 0; i < n; i++) // n, c, h, w -> n, h, w, c
        for (int64_t q = 0; q < pixels; q++)
            for (int64_t k = 0; k < c; k++)
                turned[(i * pixels + q) * c + k] = v[(i * c + k) * pixels + q];
    atl_plan_write(p->plan, draw->input, turned);
    free(turned);
    free(v);
}

// Each layer's stored map for every sample, as far as layers take part: ports come in the order of layers, as
// the maps do in the file.  Returns how many there are.
static inline int write_noise(scene *s, const atl_phase *p) {
    int at = 0;
    char name[32];
    for (size_t i = 0; i < s->g.params.size; i++) {
        const atl_param *q = &s->g.params.list[i];
        snprintf(name, sizeof name, "noise.%d", at);
        const atl_draw *draw = atl_draw_find(p, name);
        if (!draw || !atl_ends_in(q->name, ".noise_const"))
            continue;
        float *all = malloc((size_t)p->n * q->count * sizeof *all);
        assert_non_null(all);
        for (int k = 0; k < p->n; k++)
            memcpy(all + (size_t)k * q->count, atl_param_data(&s->g.params, q), q->count * sizeof *all);
        assert_int_equal(atl_shape_count(&draw->input->shape), (size_t)p->n * q->count);
        atl_plan_write(p->plan, draw->input, all);
        free(all);
        at++;
    }
    snprintf(name, sizeof name, "noise.%d", at);
    assert_null(atl_draw_find(p, name)); // all have numbers
    return at;
}

// ---- a phase

static inline int row_of(const atl_recipe *recipe, const char *phase) {
    int row = 0;
    while (row < recipe->n_phases && strcmp(recipe->phases[row].name, phase) != 0)
        row++;
    assert_true(row < recipe->n_phases);
    return row;
}

// Its plan with a block of memory, which the caller releases.
static inline void *make_phase(scene *s, const char *phase, const atl_train_options *o, atl_phase *p) {
    const atl_phase_setup setup = {
        .networks = { &s->g, &s->d }, .options = o, .lod = s->lod, .whole = true
    };
    if (atl_phase_make(s->ctx, s->backend, s->recipe, row_of(s->recipe, phase), BATCH, &setup, p) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    void *block = s->backend->alloc(s->backend, atl_plan_bytes(p->plan));
    assert_non_null(block);
    atl_plan_attach(p->plan, block);
    return block;
}

// Runs it: its loss is the recorded one.  Gradients of all that it trains, freed by the caller.
static inline float *run_phase(scene *s, atl_phase *p, const char *prefix, float *loss) {
    size_t total = p->trained->params.total, count;
    float *sum = calloc(total, sizeof *sum);
    char tensor[64];
    assert_non_null(sum);
    assert_int_equal(atl_resident_take(s->backend, sum, total, 0, NULL), ATL_OK);
    assert_int_equal(atl_phase_run(p, 1.0f, sum), ATL_OK);
    atl_resident_fetch(s->backend, sum, total);
    atl_resident_drop(s->backend, sum);
    assert_true(atl_plan_read(p->plan, p->loss, loss));
    snprintf(tensor, sizeof tensor, "%s.loss", prefix);
    float *truth = golden_read(s->truth, tensor, &count);
    golden_check(p->row->name, tensor, loss, truth, 1, F32_LOSS);
    free(truth);
    return sum;
}

// How far a gradient is from the recorded one, at most F32_GRADIENT.
static inline double check_gradient(const char *tensor, const float *ours, const float *truth, size_t count) {
    double e = golden_error(ours, truth, count);
    if (!(e <= F32_GRADIENT))
        fail_msg("%s is %.3g away from the recorded numbers", tensor, e);
    return e;
}

#endif
