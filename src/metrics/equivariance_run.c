// SPDX-License-Identifier: Apache-2.0
// Equivariance of a network: pictures at rest beside pictures of a moved input (Karras et al. 2021, appendix
// E).
#include "metrics/equivariance.h"
#include "metrics/measure.h"

#include <string.h>

// Samples that a run of the network holds, and what they add up to.
typedef struct work {
    atl_equi_kind kind;
    atl_equi_sum sum;   // in the first process
    atl_equi_sum *each; // of the samples of a run
    atl_generator_room still;
    float *moved; // one picture
} work;

static void close_work(atl_metrics *m, atl_task *t) {
    work *k = t->state;
    atl_free(m->ctx, k->each);
    k->each = NULL;
    atl_free(m->ctx, k->moved);
    k->moved = NULL;
    atl_generator_room_close(&m->generator, &k->still);
}

static atl_status make_room(atl_metrics *m, work *k) {
    const atl_generator *g = &m->generator;
    size_t n = (size_t)g->inner;
    ATL_TRY(atl_generator_room_open(g, g->inner, &k->still));
    k->moved = atl_alloc(m->ctx, 1, g->img * sizeof *k->moved);
    k->each = atl_calloc(m->ctx, n, sizeof *k->each);
    ATL_TRY(atl_metrics_reserve(m, n * sizeof *k->each));
    return k->each && k->moved ? ATL_OK : ATL_NO_MEMORY;
}

static atl_purpose purpose_of(const work *k) {
    return k->kind == ATL_EQR ? ATL_PURPOSE_ROTATIONS : ATL_PURPOSE_TRANSLATIONS;
}

// Rows of `inner` latents to styles, and to the pictures at rest.
static atl_status make_still(atl_metrics *m, work *k, int64_t first) {
    atl_generator *g = &m->generator;
    const atl_generator_scene scene = { .noise = ATL_NOISE_CONST };
    ATL_TRY(atl_generator_sample(g, purpose_of(k), first, g->inner, &k->still));
    return atl_generator_paint(g, g->inner, k->still.ws, &scene, k->still.img);
}

// The transform is one for all samples of a run, so each moved picture is a run of its own.
static atl_status add_one(atl_metrics *m, work *k, int64_t index, int i) {
    atl_generator *g = &m->generator;
    int h = m->height, w = m->width, c = m->net.dims.channels;
    atl_equi_move move = atl_equi_draw(k->kind, m->o.seed, (uint64_t)index, h, w);
    float transform[9];
    for (int e = 0; e < 9; e++)
        transform[e] = (float)move.input[e];
    const atl_generator_scene scene = { .noise = ATL_NOISE_CONST, .transform = transform };
    ATL_TRY(atl_generator_paint_one(g, k->still.ws + (size_t)i * g->ws, &scene, k->moved));
    return atl_equi_add(m->ctx, &move, k->still.img + (size_t)i * g->img, k->moved, c, h, w, &k->each[i]);
}

static atl_status make(atl_metrics *m, atl_task *t, int64_t first, int n) {
    work *k = t->state;
    if (!k->each)
        ATL_TRY(make_room(m, k));
    ATL_TRY(make_still(m, k, first));
    memset(k->each, 0, (size_t)n * sizeof *k->each);
    for (int i = 0; i < n; i++)
        ATL_TRY(add_one(m, k, first + i, i));
    return ATL_OK;
}

static atl_status join(atl_metrics *m, atl_task *t, int from, int64_t first, int n) {
    work *k = t->state;
    const void *got;
    (void)first;
    ATL_TRY(atl_metrics_bring(m, from, k->each, (size_t)n * sizeof *k->each, &got));
    const atl_equi_sum *each = got;
    for (int i = 0; each && i < n; i++)
        atl_equi_merge(&k->sum, &each[i]);
    return ATL_OK;
}

static int arrays(atl_task *t, atl_array *list) {
    work *k = t->state;
    list[0] = (atl_array){ "samples", ATL_I64, 1, { 1 }, &k->sum.samples };
    list[1] = (atl_array){ "sums", ATL_F64, 1, { 5 }, &k->sum.squares };
    return 2;
}

atl_status atl_equivariance_plan(atl_metrics *m, atl_metric_job *job) {
    const atl_metric_row *row = job->metric.row;
    work *k = atl_arena_alloc(&m->arena, 1, sizeof *k);
    if (!k)
        return ATL_NO_MEMORY;
    bool moves;
    ATL_TRY(atl_generator_moves(&m->generator, &moves));
    if (!moves)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "%s: only StyleGAN3 networks can be moved and turned; %s is %s", job->metric.name,
                        m->net.name, m->net.row->family);
    k->kind = row->kind == ATL_METRIC_EQR    ? ATL_EQR
              : !strcmp(row->variant, "int") ? ATL_EQT_INT
                                             : ATL_EQT_FRAC;
    job->own.make = make;
    job->own.join = join;
    job->own.run = m->generator.inner;
    job->own.close = close_work;
    job->own.arrays = arrays;
    job->own.state = k;
    job->own.total = job->metric.count;
    return ATL_OK;
}

atl_status atl_equivariance_finish(atl_metrics *m, atl_metric_job *job) {
    const work *k = job->own.state;
    atl_estimate e = atl_equi_psnr(&k->sum);
    (void)m;
    job->result.method = e.method;
    atl_metric_put(job, "", e.value, e.error);
    return ATL_OK;
}
