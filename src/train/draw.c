// SPDX-License-Identifier: Apache-2.0
// Drawing by Philox: the key is the seed, the stream says iteration, phase and purpose, the sample's number
// says where in the stream its numbers begin.
#include "train/draw.h"

#include <math.h>
#include <string.h>

#include "base/philox.h"

// What numbers are for.  Noise maps of layers come last.
enum purpose {
    Z,
    Z_MIX,
    LABEL,
    CUTOFF,
    PL_NOISE,
    BETWEEN,
    AUGMENT_FAKE,
    AUGMENT_REAL,
    AUGMENT_MIX,
    NOISE = 16,
    PURPOSES = 64
};

static uint64_t stream_of(const atl_draw *d, const atl_phase *p, int purpose) {
    return (d->iteration * ATL_PHASES + (uint64_t)p->kind) * PURPOSES + (uint64_t)purpose;
}

static void write_normal(const atl_draw *d, atl_phase *p, int purpose, const atl_node *input,
                         float *scratch) {
    if (!input)
        return;
    size_t row = (size_t)atl_shape_count(&input->shape) / (size_t)p->n;
    uint64_t stream = stream_of(d, p, purpose);
#pragma omp parallel for num_threads(d->threads) schedule(static)
    for (int i = 0; i < p->n; i++)
        atl_philox_normal(d->seed, stream, (d->first + (uint64_t)i * d->step) * row, row,
                          scratch + (size_t)i * row);
    atl_plan_write(p->plan, input, scratch);
}

static void write_uniform(const atl_draw *d, atl_phase *p, int purpose, const atl_node *input,
                          float *scratch) {
    for (int i = 0; input && i < p->n; i++)
        atl_philox_uniform(d->seed, stream_of(d, p, purpose), d->first + (uint64_t)i * d->step, 1,
                           scratch + i);
    if (input)
        atl_plan_write(p->plan, input, scratch);
}

static void write_labels(const atl_draw *d, atl_phase *p, float *scratch) {
    size_t row = p->c ? (size_t)p->c->shape.d[1] : 0;
    for (int i = 0; p->c && i < p->n; i++) {
        float u;
        atl_philox_uniform(d->seed, stream_of(d, p, LABEL), d->first + (uint64_t)i * d->step, 1, &u);
        size_t index = (size_t)((double)u * (double)d->count);
        d->label(d->user, index < d->count ? index : d->count - 1, scratch + (size_t)i * row);
    }
    if (p->c)
        atl_plan_write(p->plan, p->c, scratch);
}

// One cutoff for the whole batch, from 1 to num_ws - 1 with equal probability; else none is mixed.
static void write_mix(const atl_draw *d, atl_phase *p, float *scratch) {
    if (!p->mix)
        return;
    int64_t layers = p->mix->shape.d[1], cutoff = layers;
    float u[2];
    atl_philox_uniform(d->seed, stream_of(d, p, CUTOFF), 0, 2, u);
    if (u[0] < d->style_mixing_prob)
        cutoff = 1 + (int64_t)(u[1] * (float)(layers - 1));
    for (int64_t k = 0; k < layers; k++)
        scratch[k] = k >= cutoff ? 1.0f : 0.0f;
    atl_plan_write(p->plan, p->mix, scratch);
}

static void write_augment(const atl_draw *d, atl_phase *p, int purpose, atl_phase_augment *a) {
    uint64_t stream = stream_of(d, p, purpose);
    if (a->ada_params) {
        atl_augment_draw(a->ada_params, d->augment_p, d->seed, stream, d->first, d->step);
        atl_augment_write(a->ada_params, &a->ada, p->plan);
    }
    if (a->diff_params) {
        atl_diffaug_draw(a->diff_params, d->seed, stream, d->first, d->step);
        atl_diffaug_write(a->diff_params, &a->diff, p->plan);
    }
}

// Noise maps are drawn, settings are what the networks say.
static void write_asked(const atl_draw *d, atl_phase *p, float *scratch) {
    for (int i = 0, k = 0; i < p->n_asked; i++)
        if (p->asked[i].kind == ATL_PORT_NOISE)
            write_normal(d, p, NOISE + k++, p->asked[i].node, scratch);
        else
            atl_plan_write(p->plan, p->asked[i].node, p->asked[i].initial);
}

void atl_draw_inputs(const atl_draw *d, atl_phase *p, float *scratch) {
    write_normal(d, p, Z, p->z, scratch);
    write_normal(d, p, Z_MIX, p->z_mix, scratch);
    write_labels(d, p, scratch);
    write_mix(d, p, scratch);
    write_normal(d, p, PL_NOISE, p->pl_noise, scratch);
    write_uniform(d, p, BETWEEN, p->between, scratch);
    write_asked(d, p, scratch);
    if (p->pl_mean)
        atl_plan_write(p->plan, p->pl_mean, &d->pl_mean);
    write_augment(d, p, AUGMENT_FAKE, &p->fake_augment);
    write_augment(d, p, AUGMENT_REAL, &p->real_augment);
    write_augment(d, p, AUGMENT_MIX, &p->mix_augment);
}

size_t atl_draw_room(const atl_phase *p) {
    size_t most = 1;
    const atl_node *inputs[] = { p->z, p->z_mix, p->c, p->mix, p->pl_noise, p->between };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (inputs[i] && (size_t)atl_shape_count(&inputs[i]->shape) > most)
            most = (size_t)atl_shape_count(&inputs[i]->shape);
    for (int i = 0; i < p->n_asked; i++)
        if ((size_t)atl_shape_count(&p->asked[i].node->shape) > most)
            most = (size_t)atl_shape_count(&p->asked[i].node->shape);
    return most;
}
