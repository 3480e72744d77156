// SPDX-License-Identifier: Apache-2.0
// Steps of a projector, and what is read of it.
#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "edit/project.h"
#include "edit/target.h"
#include "graph/resident.h"

atl_status atl_projector_run(atl_projector *p, atl_projector_plan plan) {
    return atl_plan_run(p->plans[plan]);
}

atl_status atl_projector_get(const atl_projector *p, atl_projector_plan plan, const atl_node *node,
                             float *values) {
    if (!atl_plan_read(p->plans[plan], node, values))
        return atl_fail(p->ctx, ATL_INTERNAL, "a result of the projection can't be read");
    return ATL_OK;
}

// ---- a step

// Karras et al. 2020, appendix D: the rate rises along a line and falls along a cosine.
static double rate_at(const atl_project_options *o, double t) {
    const double PI = 3.14159265358979323846;
    double ramp = fmin(1.0, (1.0 - t) / o->rampdown);
    ramp = 0.5 - 0.5 * cos(ramp * PI);
    return o->lr * ramp * fmin(1.0, t / o->rampup);
}

// The same numbers for every sample of a batch, so that a picture's search is the same wherever it stands.
static void write_jitter(atl_projector *p) {
    const atl_project_options *o = &p->o;
    const uint64_t STREAM = UINT64_C(1) << 32; // the maps have the ones below
    double t = (double)p->state.step / (double)o->steps, fade = fmax(0.0, 1.0 - t / o->noise_ramp);
    size_t row = (size_t)(p->jitter_rows * p->jitter_width);
    float *to = atl_store_at(&p->fixed, p->at.jitter);
    if (p->draw)
        p->draw(p->draw_user, p->state.step, row, to);
    else
        atl_philox_normal(o->seed, STREAM + (uint64_t)p->state.step, 0, row, to);
    for (int i = o->batch - 1; i >= 0; i--) {
        float scale = (float)(p->numbers[3 * o->batch + i] * o->initial_noise * fade * fade);
        for (size_t k = 0; k < row; k++)
            to[(size_t)i * row + k] = to[k] * scale;
    }
    p->fixed.version++;
}

static atl_status read_numbers(atl_projector *p, atl_projector_plan plan, const atl_node *node, double *to) {
    float few[256]; // the largest batch
    ATL_TRY(atl_projector_get(p, plan, node, few));
    for (int i = 0; i < p->o.batch; i++)
        to[i] = (double)few[i];
    return ATL_OK;
}

static atl_status read_losses(atl_projector *p) {
    int n = p->o.batch;
    ATL_TRY(read_numbers(p, ATL_PROJECT_STEP, p->loss, p->numbers));
    ATL_TRY(read_numbers(p, ATL_PROJECT_STEP, p->distance, p->numbers + n));
    if (p->penalty)
        ATL_TRY(read_numbers(p, ATL_PROJECT_STEP, p->penalty, p->numbers + 2 * n));
    for (int i = 0; i < n; i++)
        if (!isfinite(p->numbers[i]))
            return atl_fail(p->ctx, ATL_BAD_ARGUMENT,
                            "step %d: the loss of picture %d is not a number; what was found before is kept: "
                            "a smaller rate may help",
                            p->state.step, i);
    return ATL_OK;
}

static atl_status take_gradients(atl_projector *p) {
    atl_backend *b = p->backend;
    b->clear(b, atl_resident_at(b, p->gradient), p->moved.total);
    for (size_t i = 0; i < p->moved.size; i++) {
        const atl_param *q = &p->moved.list[i];
        const float *at = atl_plan_at(p->plans[ATL_PROJECT_STEP], p->grads[i]);
        if (!at)
            return atl_fail(p->ctx, ATL_INTERNAL, "the gradient of %s can't be read", q->name);
        b->accumulate(b, atl_resident_at(b, p->gradient + q->offset), at, q->count, 1.0f);
    }
    return ATL_OK;
}

static void normalize_maps(atl_projector *p) {
    for (size_t i = ATL_FIRST_MAP; i < p->moved.size; i++)
        atl_map_normalize(atl_store_at(&p->moved, i), p->o.batch,
                          p->moved.list[i].count / (size_t)p->o.batch);
}

atl_status atl_projector_step(atl_projector *p) {
    if (!p->begun)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "a projection steps after atl_projector_begin()");
    if (p->state.step >= p->o.steps)
        return ATL_OK;
    write_jitter(p);
    ATL_TRY(atl_projector_run(p, ATL_PROJECT_STEP));
    ATL_TRY(read_losses(p));
    ATL_TRY(take_gradients(p));
    p->state.lr = rate_at(&p->o, (double)p->state.step / (double)p->o.steps);
    p->adam.options.lr = (float)p->state.lr;
    for (size_t i = 0; i < p->moved.size; i++)
        atl_adam_step(&p->adam, i, p->moved.data, p->gradient);
    atl_resident_fetch(p->backend, p->moved.data, p->moved.total);
    normalize_maps(p);
    p->moved.version++;
    p->state.step++;
    return ATL_OK;
}

// ---- reading

static void calm(atl_projector *p) {
    const atl_param *q = &p->fixed.list[p->at.jitter];
    memset(atl_param_data(&p->fixed, q), 0, q->count * sizeof(float));
    p->fixed.version++;
}

atl_status atl_projector_measure(atl_projector *p, double *distance) {
    calm(p);
    ATL_TRY(atl_plan_run_to(p->plans[ATL_PROJECT_STEP], (atl_node *[]){ p->img, p->distance }, 2));
    return read_numbers(p, ATL_PROJECT_STEP, p->distance, distance);
}

static atl_status check_begun(const atl_projector *p) {
    return p->begun ? ATL_OK
                    : atl_fail(p->ctx, ATL_BAD_ARGUMENT, "nothing was found: the projection has not begun");
}

// The first `count` samples of what a plan says.
static atl_status read_some(atl_projector *p, atl_projector_plan plan, const atl_node *node, float *to) {
    size_t all = (size_t)atl_shape_count(&node->shape),
           some = all / (size_t)p->o.batch * (size_t)p->state.count;
    if (some == all)
        return atl_projector_get(p, plan, node, to);
    float *room = atl_alloc(p->ctx, all, sizeof *room);
    if (!room)
        return ATL_NO_MEMORY;
    atl_status status = atl_projector_get(p, plan, node, room);
    memcpy(to, room, some * sizeof *to);
    atl_free(p->ctx, room);
    return status;
}

static atl_status read_pictures(atl_projector *p, float *img) {
    const atl_model_dims *d = &p->generator->dims;
    size_t one = (size_t)atl_shape_count(&p->img->shape) / (size_t)p->o.batch, n = (size_t)p->state.count;
    float *room = atl_alloc(p->ctx, n, one * sizeof *room);
    if (!room)
        return ATL_NO_MEMORY;
    atl_status status = read_some(p, ATL_PROJECT_STEP, p->img, room);
    for (size_t i = 0; status == ATL_OK && i < n; i++)
        atl_target_separate(d, room + i * one, img + i * one);
    atl_free(p->ctx, room);
    return status;
}

atl_status atl_projector_look(atl_projector *p, float *img, double *distance) {
    ATL_TRY(check_begun(p));
    double *all = atl_alloc(p->ctx, (size_t)p->o.batch, sizeof *all);
    if (!all)
        return ATL_NO_MEMORY;
    atl_status status = atl_projector_measure(p, all);
    if (status == ATL_OK && distance)
        memcpy(distance, all, (size_t)p->state.count * sizeof *distance);
    if (status == ATL_OK && img)
        status = read_pictures(p, img);
    atl_free(p->ctx, all);
    return status;
}

atl_status atl_projector_read(atl_projector *p, float *ws) {
    ATL_TRY(check_begun(p));
    calm(p);
    ATL_TRY(atl_projector_run(p, ATL_PROJECT_WS));
    return read_some(p, ATL_PROJECT_WS, p->ws, ws);
}

atl_status atl_projector_read_latent(atl_projector *p, float *latent) {
    ATL_TRY(check_begun(p));
    size_t count = (size_t)p->state.count * (size_t)(p->rows * p->width);
    memcpy(latent, atl_store_at(&p->moved, ATL_LATENT), count * sizeof *latent);
    return ATL_OK;
}

atl_status atl_projector_read_map(atl_projector *p, int k, float *map) {
    ATL_TRY(check_begun(p));
    if (k < 0 || k >= p->maps.count || !p->o.noise_maps)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "there is no noise map %d that was found; there are %d", k,
                        p->o.noise_maps ? p->maps.count : 0);
    size_t row = (size_t)(p->maps.list[k].height * p->maps.list[k].width);
    memcpy(map, atl_store_at(&p->moved, ATL_FIRST_MAP + (size_t)k),
           row * (size_t)p->state.count * sizeof *map);
    return ATL_OK;
}
