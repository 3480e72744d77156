// SPDX-License-Identifier: Apache-2.0
// Pivots, steps and results of a tuner.
#include <math.h>
#include <string.h>

#include "base/hash64.h"
#include "base/names.h"
#include "base/options.h"
#include "base/philox.h"
#include "edit/target.h"
#include "edit/tune.h"
#include "graph/resident.h"

static atl_status get(const atl_tuner *t, atl_tuner_plan plan, const atl_node *node, float *values) {
    if (!atl_plan_read(t->plans[plan], node, values))
        return atl_fail(t->ctx, ATL_INTERNAL, "a result of the tuning can't be read");
    return ATL_OK;
}

// ---- beginning

// The buffers of noise in the order of the maps, which is that of the layers.
static atl_status put_maps(atl_tuner *t, const float *const *maps) {
    atl_params *p = &t->tuned.params;
    int k = 0;
    for (size_t i = 0; i < p->size && k < t->maps.count; i++) {
        const atl_param *q = &p->list[i];
        size_t size = (size_t)(t->maps.list[k].height * t->maps.list[k].width);
        if (!atl_ends_in(q->name, ".noise_const"))
            continue;
        if (q->count != size)
            return atl_fail(t->ctx, ATL_UNSUPPORTED, "%s is no place for the noise map %d", q->name, k);
        memcpy(atl_param_data(p, q), maps[k++], size * sizeof(float));
    }
    if (k < t->maps.count)
        return atl_fail(t->ctx, ATL_UNSUPPORTED, "the network keeps no noise maps: tune it without them");
    return ATL_OK;
}

static atl_status check_start(const atl_tuner *t, const atl_tune_start *s) {
    const atl_model_dims *d = &t->generator->dims;
    if (!s->targets || !s->ws || s->count < 1 || s->count > 1 << 16)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "a tuning needs 1 to 65536 targets and their ws");
    if (s->noise_maps && s->count > 1)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                        "a network has one set of noise maps: those of one pivot alone "
                        "can become its own, not of %d",
                        s->count);
    for (size_t i = 0; i < (size_t)s->count * (size_t)d->num_ws * (size_t)d->w_dim; i++)
        if (!isfinite(s->ws[i]))
            return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "ws of a pivot have a number that is not finite");
    return ATL_OK;
}

static atl_status take_pivots(atl_tuner *t, const atl_tune_start *s) {
    const atl_model_dims *d = &t->generator->dims;
    size_t n = (size_t)s->count, picture = (size_t)d->height * (size_t)d->width * (size_t)d->channels,
           row = (size_t)d->num_ws * (size_t)d->w_dim;
    atl_free(t->ctx, t->targets);
    atl_free(t->ctx, t->ws);
    atl_free(t->ctx, t->perceived);
    t->targets = atl_alloc(t->ctx, n, picture * sizeof *t->targets);
    t->ws = atl_alloc(t->ctx, n, row * sizeof *t->ws);
    t->perceived = atl_alloc(t->ctx, n, sizeof *t->perceived);
    t->count = 0;
    if (!t->targets || !t->ws || !t->perceived)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        atl_target_interleave(d, s->targets + i * picture, t->targets + i * picture);
        t->perceived[i] = -1.0;
    }
    memcpy(t->ws, s->ws, n * row * sizeof *t->ws);
    t->count = s->count;
    return ATL_OK;
}

// What a kept state belongs to.
static uint64_t print_of(const atl_tuner *t) {
    const atl_model_dims *d = &t->generator->dims;
    size_t n = (size_t)t->count, picture = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    uint64_t h = atl_hash64(t->targets, n * picture * sizeof *t->targets, t->o.seed);
    h = atl_hash64(t->ws, n * (size_t)d->num_ws * (size_t)d->w_dim * sizeof *t->ws, h);
    return h ^ atl_params_fingerprint(&t->tuned.params); // with its noise maps
}

atl_status atl_tuner_begin(atl_tuner *t, const atl_tune_start *options) {
    atl_tune_start start = ATL_TUNE_START_INIT;
    ATL_TRY(atl_options_read(t->ctx, "atl_tune_start", &start, sizeof start, options));
    ATL_TRY(check_start(t, &start));
    ATL_TRY(take_pivots(t, &start));
    atl_network_copy_values(t->generator, &t->tuned);
    if (start.noise_maps)
        ATL_TRY(put_maps(t, start.noise_maps));
    t->tuned.params.version++;
    t->print = print_of(t);
    atl_adam_restart(&t->adam);
    t->shown = -1;
    int batches = (t->count + t->o.batch - 1) / t->o.batch;
    t->state = (atl_tune_state){ .count = t->count, .steps = t->o.steps * batches, .distance = t->perceived };
    return ATL_OK;
}

// ---- a step

// The pivots from `first` on, the list being a ring; terms of their targets.
static atl_status show(atl_tuner *t, int first) {
    size_t picture = t->fixed.list[ATL_TUNE_PICTURE].count / (size_t)t->o.batch;
    size_t row = t->fixed.list[ATL_TUNE_WS].count / (size_t)t->o.batch;
    if (t->shown == first)
        return ATL_OK;
    for (int i = 0; i < t->o.batch; i++) {
        size_t from = (size_t)((first + i) % t->count);
        memcpy(atl_store_at(&t->fixed, ATL_TUNE_PICTURE) + (size_t)i * picture, t->targets + from * picture,
               picture * sizeof(float));
        memcpy(atl_store_at(&t->fixed, ATL_TUNE_WS) + (size_t)i * row, t->ws + from * row,
               row * sizeof(float));
    }
    t->fixed.version++;
    ATL_TRY(atl_plan_run(t->plans[ATL_TUNE_TARGET]));
    for (int i = 0; i < t->target_terms.count; i++)
        ATL_TRY(get(t, ATL_TUNE_TARGET, t->target_terms.list[i].node, atl_store_at(&t->wanted, (size_t)i)));
    t->wanted.version++;
    t->shown = first;
    return ATL_OK;
}

// ws of a random z with truncation -> [num_ws, w_dim]
static atl_status random_ws(atl_tuner *t, float *ws) {
    const atl_model_dims *d = &t->generator->dims;
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    atl_program *p;
    float *room;
    o.truncation_psi = (float)t->o.truncation_psi;
    ATL_TRY(atl_programs_get(&t->programs, &(atl_program_key){ .function = "map", .n = 1 }, &p));
    ATL_TRY(atl_program_room(p, (size_t)(d->z_dim > d->w_dim ? d->z_dim : d->w_dim), &room));
    atl_philox_normal(t->o.seed, (uint64_t)t->state.step, 0, (size_t)d->z_dim, room);
    ATL_TRY(atl_program_write(p, "z", 1, room));
    if (atl_program_in(p, "c"))
        ATL_TRY(atl_program_write(p, "c", 1, NULL));
    ATL_TRY(atl_program_run(p));
    ATL_TRY(atl_program_read(p, "w", 1, room));
    float *w = atl_alloc(t->ctx, (size_t)d->w_dim, sizeof *w); // the program's room may move
    if (!w)
        return ATL_NO_MEMORY;
    memcpy(w, room, (size_t)d->w_dim * sizeof *w);
    atl_status status = atl_truncate(&t->programs, &t->mean, 1, w, NULL, &o, ws);
    atl_free(t->ctx, w);
    return status;
}

// A step of length alpha from the first pivot in the graph toward a random one, and what the generator makes
// there.
static atl_status look_near(atl_tuner *t) {
    const float *pivot = atl_store_at(&t->fixed, ATL_TUNE_WS);
    float *near = atl_store_at(&t->fixed, ATL_TUNE_NEAR);
    size_t row = t->fixed.list[ATL_TUNE_NEAR].count;
    double squares = 0.0;
    if (!t->locality)
        return ATL_OK;
    ATL_TRY(random_ws(t, near));
    for (size_t i = 0; i < row; i++)
        squares += ((double)near[i] - (double)pivot[i]) * ((double)near[i] - (double)pivot[i]);
    double scale = squares > 0.0 ? t->o.alpha / sqrt(squares) : 0.0;
    for (size_t i = 0; i < row; i++)
        near[i] = (float)((double)pivot[i] + scale * ((double)near[i] - (double)pivot[i]));
    t->fixed.version++;
    ATL_TRY(atl_plan_run(t->plans[ATL_TUNE_BEFORE]));
    for (int i = 0; i < t->before_terms.count; i++)
        ATL_TRY(get(t, ATL_TUNE_BEFORE, t->before_terms.list[i].node,
                    atl_store_at(&t->wanted, (size_t)(t->target_terms.count + i))));
    t->wanted.version++;
    return ATL_OK;
}

static atl_status read_losses(atl_tuner *t, int first) {
    float few[64], one; // the largest batch
    ATL_TRY(get(t, ATL_TUNE_STEP, t->loss, &one));
    t->state.loss = (double)one;
    if (t->locality) {
        ATL_TRY(get(t, ATL_TUNE_STEP, t->locality, &one));
        t->state.locality = (double)one;
    }
    if (!isfinite(t->state.loss))
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "step %d: the loss is not a number; the network is as it was before this step: a smaller "
            "rate may help",
            t->state.step);
    ATL_TRY(get(t, ATL_TUNE_STEP, t->perceptual, few));
    for (int i = 0; i < t->o.batch; i++)
        t->perceived[(first + i) % t->count] = (double)few[i];
    return ATL_OK;
}

static atl_status move_weights(atl_tuner *t) {
    atl_backend *b = t->backend;
    b->clear(b, atl_resident_at(b, t->gradient), t->tuned.params.total);
    for (int i = 0; i < t->n_grads; i++) {
        const atl_param *q = &t->tuned.params.list[t->which[i]];
        const float *at = atl_plan_at(t->plans[ATL_TUNE_STEP], t->grads[i]);
        if (!at)
            return atl_fail(t->ctx, ATL_INTERNAL, "the gradient of %s can't be read", q->name);
        b->accumulate(b, atl_resident_at(b, t->gradient + q->offset), at, q->count, 1.0f);
    }
    for (int i = 0; i < t->n_grads; i++)
        atl_adam_step(&t->adam, t->which[i], t->tuned.params.data, t->gradient);
    return ATL_OK;
}

static bool is_enough(const atl_tuner *t) {
    for (int i = 0; i < t->count; i++)
        if (!(t->perceived[i] >= 0.0 && t->perceived[i] <= t->o.threshold))
            return false;
    return true;
}

atl_status atl_tuner_step(atl_tuner *t) {
    if (!t->count)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "a tuning steps after atl_tuner_begin()");
    if (t->state.finished)
        return ATL_OK;
    int first = (int)((int64_t)t->state.step * t->o.batch % t->count);
    ATL_TRY(show(t, first));
    ATL_TRY(look_near(t));
    ATL_TRY(atl_plan_run(t->plans[ATL_TUNE_STEP]));
    ATL_TRY(read_losses(t, first));
    if (is_enough(t)) { // before stepping, as in the paper's code
        t->state.finished = t->state.enough = 1;
        return ATL_OK;
    }
    ATL_TRY(move_weights(t));
    t->state.step++;
    t->state.finished = t->state.step >= t->state.steps;
    return ATL_OK;
}

const atl_tune_state *atl_tuner_get_state(const atl_tuner *t) {
    return &t->state;
}

// ---- results

atl_status atl_tuner_look(atl_tuner *t, int pivot, float *img, double *distance) {
    if (pivot < 0 || pivot >= t->count)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "there is no pivot %d; there are %d", pivot, t->count);
    float *room = atl_alloc(t->ctx, (size_t)atl_shape_count(&t->img->shape), sizeof *room), few[64];
    atl_status status = room ? show(t, pivot) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = atl_plan_run_to(t->plans[ATL_TUNE_STEP], (atl_node *[]){ t->img, t->distance }, 2);
    if (status == ATL_OK)
        status = get(t, ATL_TUNE_STEP, t->img, room);
    if (status == ATL_OK && img)
        atl_target_separate(&t->generator->dims, room, img);
    if (status == ATL_OK)
        status = get(t, ATL_TUNE_STEP, t->distance, few);
    if (status == ATL_OK && distance)
        *distance = (double)few[0];
    atl_free(t->ctx, room);
    return status;
}
