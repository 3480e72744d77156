// SPDX-License-Identifier: Apache-2.0
// What a trainer shows: its options, state and costs, and images of the average of G.
#include <string.h>

#include "train/trainer.h"

const atl_train_options *atl_trainer_get_options(const atl_trainer *t) {
    return &t->options;
}
const atl_train_cost *atl_trainer_get_cost(const atl_trainer *t) {
    return &t->cost;
}
const atl_train_state *atl_trainer_get_state(const atl_trainer *t) {
    return &t->state;
}
const atl_train_set *atl_trainer_get_set(const atl_trainer *t) {
    return &t->set;
}
atl_dataset *atl_trainer_get_data(atl_trainer *t) {
    return t->data;
}

static const atl_model_dims *generator(const atl_trainer *t) {
    return t->recipe->generator ? &t->recipe->generator(t)->dims : &t->g.dims;
}

int atl_trainer_z_dim(const atl_trainer *t) {
    if (t->recipe->z_dim)
        return t->recipe->z_dim(t);
    if (t->recipe->reconstructs)
        return t->set.channels * t->set.width * t->set.height;
    return generator(t)->z_dim;
}

int atl_trainer_draws_codes(const atl_trainer *t) {
    return t->recipe->generate != NULL;
}

int atl_trainer_input_channels(const atl_trainer *t) {
    return t->recipe->channels ? t->recipe->channels(t) : t->set.channels;
}

atl_status atl_trainer_input(atl_trainer *t, size_t picture, float *input) {
    size_t count = t->data ? atl_dataset_info_get(t->data)->count : 0;
    if (!t->recipe->input)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "a run of cfg %s trains no encoder", t->options.cfg);
    if (picture >= count)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "picture %zu: the set has %zu", picture, count);
    return t->recipe->input(t, picture, input);
}

int atl_trainer_is_encoder(const atl_trainer *t) {
    return t->recipe->view != NULL;
}

const char *atl_trainer_lacks(const atl_trainer *t, int index) {
    return t->recipe->lacks ? t->recipe->lacks(t, index) : NULL;
}

int atl_trainer_reconstructs(const atl_trainer *t) {
    return t->recipe->reconstructs;
}

static atl_status show_part(atl_program *p, int n, const float *fade, const float *z, const float *c,
                            float *images) {
    ATL_TRY(atl_program_write(p, atl_program_in(p, "z") ? "z" : "img", n, z));
    if (atl_program_in(p, "fade"))
        ATL_TRY(atl_program_write(p, "fade", 1, fade));
    if (atl_program_in(p, "c"))
        ATL_TRY(atl_program_write(p, "c", n, c));
    ATL_TRY(atl_program_run(p));
    return atl_program_read(p, "img", n, images);
}

atl_status atl_trainer_generate(atl_trainer *t, int n, const float *z, const float *c, float *images) {
    size_t z_dim = (size_t)atl_trainer_z_dim(t), c_dim = (size_t)generator(t)->c_dim;
    size_t image = (size_t)t->set.channels * (size_t)t->set.width * (size_t)t->set.height;
    int batch = t->stage.batch_gpu;
    ATL_TRY(atl_trainer_enter(t, t->staged)); // a step may have failed to make its plans
    ATL_TRY(atl_trainer_memory(t));
    if (t->recipe->generate)
        return t->recipe->generate(t, n, z, c, images);
    atl_program *p = t->sample ? t->sample : t->view;
    atl_program_attach(p, t->block);
    for (int first = 0; first < n; first += batch) {
        size_t at = (size_t)first;
        int count = n - first < batch ? n - first : batch;
        ATL_TRY(show_part(p, count, &t->stage.fade, z + at * z_dim, c ? c + at * c_dim : NULL,
                          images + at * image));
    }
    return ATL_OK;
}

atl_status atl_trainer_reconstruct(atl_trainer *t, int n, const float *inputs, float *images) {
    size_t pixels = (size_t)t->set.width * (size_t)t->set.height, image = (size_t)t->set.channels * pixels;
    size_t input = (size_t)atl_trainer_input_channels(t) * pixels;
    int batch = t->stage.batch_gpu;
    if (!t->recipe->view)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "a run of cfg %s trains no encoder", t->options.cfg);
    ATL_TRY(atl_trainer_enter(t, t->staged)); // a step may have failed to make its plans
    ATL_TRY(atl_trainer_memory(t));
    atl_program_attach(t->view, t->block);
    for (int first = 0; first < n; first += batch) {
        int count = n - first < batch ? n - first : batch;
        ATL_TRY(atl_program_write(t->view, "picture", count, inputs + (size_t)first * input));
        ATL_TRY(atl_program_run(t->view));
        ATL_TRY(atl_program_read(t->view, "img", count, images + (size_t)first * image));
    }
    return ATL_OK;
}
