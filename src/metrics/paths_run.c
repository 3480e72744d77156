// SPDX-License-Identifier: Apache-2.0
// Perceptual path length of a network: how much pictures change, as LPIPS sees it, along a small step between
// two latents (Karras et al. 2019, section 4.1).
#include <stdio.h>
#include <string.h>

#include "metrics/measure.h"
#include "metrics/path_length.h"

typedef struct work {
    bool in_z, whole_path; // where to interpolate; t from 0 to 1 or t = 0
    atl_ppl_view view;
    atl_detector *detector;
    size_t seen, width; // numbers of a picture for the detector, and of what it says
    float *distances;   // [total], in the first process
    // A pair for each sample of a run: the two ends of the step lie behind each other.
    atl_generator_room room;
    float *ends, *view_of, *rows;
    float *some; // distances of a run
} work;

// ---- a run: inner / 2 samples, or one in two runs where the network makes one picture at a time

static int samples_of(const atl_metrics *m) {
    return m->generator.inner > 1 ? m->generator.inner / 2 : 1;
}

static atl_status make_room(atl_metrics *m, work *k) {
    const atl_generator *g = &m->generator;
    size_t n = 2 * (size_t)samples_of(m);
    ATL_TRY(atl_generator_room_open(g, (int)n, &k->room));
    k->ends = atl_alloc(m->ctx, n, (g->z > g->w ? g->z : g->w) * sizeof *k->ends);
    k->view_of = atl_alloc(m->ctx, n, k->seen * sizeof *k->view_of);
    k->rows = atl_alloc(m->ctx, n, k->width * sizeof *k->rows);
    k->some = atl_alloc(m->ctx, n, sizeof *k->some);
    ATL_TRY(atl_metrics_reserve(m, n * sizeof *k->some));
    return k->ends && k->view_of && k->rows && k->some ? ATL_OK : ATL_NO_MEMORY;
}

static void close_work(atl_metrics *m, atl_task *t) {
    work *k = t->state;
    float **const rooms[] = { &k->ends, &k->rows, &k->view_of, &k->some };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        atl_free(m->ctx, *rooms[i]);
        *rooms[i] = NULL;
    }
    atl_generator_room_close(&m->generator, &k->room);
}

// Maps 2 s latents, in runs of `inner`.
static atl_status map(atl_generator *g, int count, const float *z, const float *c, float *w) {
    for (int at = 0; at < count; at += g->inner) {
        int n = count - at < g->inner ? count - at : g->inner;
        ATL_TRY(atl_generator_w(g, n, z + (size_t)at * g->z, c + (size_t)at * g->c, w + (size_t)at * g->w));
    }
    return ATL_OK;
}

// The two ends of each sample's step, as w: rows 2 i and 2 i + 1 of the room's w.
static atl_status make_ends(atl_metrics *m, work *k, int64_t first, int s) {
    atl_generator *g = &m->generator;
    atl_generator_room *r = &k->room;
    float t[64];
    atl_generator_z(g, ATL_PURPOSE_PATHS, 2 * first, 2 * s, r->z);
    atl_generator_uniform(g, ATL_PURPOSE_PATHS, first, s, 1, t);
    for (int i = 0; i < s; i++) { // both ends have one label
        atl_generator_labels(g, ATL_PURPOSE_PATHS, first + i, 1, r->c + 2 * (size_t)i * g->c);
        memcpy(r->c + (2 * (size_t)i + 1) * g->c, r->c + 2 * (size_t)i * g->c, g->c * sizeof *r->c);
    }
    size_t size = k->in_z ? g->z : g->w;
    float *from = k->in_z ? r->z : r->w;
    if (!k->in_z)
        ATL_TRY(map(g, 2 * s, r->z, r->c, r->w));
    for (int i = 0; i < 2 * s; i++) {
        double at = (k->whole_path ? (double)t[i / 2] : 0) + (i % 2 ? ATL_PPL_EPSILON : 0);
        const float *a = from + (size_t)(i / 2 * 2) * size;
        (k->in_z ? atl_ppl_slerp : atl_ppl_lerp)(a, a + size, size, at, k->ends + (size_t)i * size);
    }
    if (k->in_z)
        return map(g, 2 * s, k->ends, r->c, r->w);
    memcpy(r->w, k->ends, 2 * (size_t)s * size * sizeof *r->w);
    return ATL_OK;
}

// Pictures of 2 s rows of w with fixed noise, another for each sample and the same for both of its ends.
static atl_status paint(atl_metrics *m, work *k, int64_t first, int s) {
    atl_generator *g = &m->generator;
    atl_generator_room *r = &k->room;
    uint32_t seeds[64];
    for (int i = 0; i < 2 * s; i++)
        seeds[i] = atl_generator_noise_seed(g, ATL_PURPOSE_PATHS, first + i / 2);
    for (int at = 0; at < 2 * s; at += g->inner) {
        int n = 2 * s - at < g->inner ? 2 * s - at : g->inner;
        size_t from = (size_t)at;
        const atl_generator_scene scene = { .noise = ATL_NOISE_RANDOM, .noise_seeds = seeds + at };
        ATL_TRY(atl_generator_styles(g, n, r->w + from * g->w, r->c + from * g->c, r->ws + from * g->ws));
        ATL_TRY(atl_generator_paint(g, n, r->ws + from * g->ws, &scene, r->img + from * g->img));
    }
    return ATL_OK;
}

static atl_status make(atl_metrics *m, atl_task *t, int64_t first, int s) {
    work *k = t->state;
    if (!k->room.z)
        ATL_TRY(make_room(m, k));
    ATL_TRY(make_ends(m, k, first, s));
    ATL_TRY(paint(m, k, first, s));
    for (int i = 0; i < 2 * s; i++)
        atl_ppl_see_colours(&k->view, k->room.img + (size_t)i * m->generator.img, m->net.dims.channels,
                            m->height, m->width, k->view_of + (size_t)i * k->seen);
    ATL_TRY(atl_detector_run_float(k->detector, k->view_of, 2 * s, k->rows));
    for (int i = 0; i < s; i++) {
        const float *a = k->rows + 2 * (size_t)i * k->width;
        k->some[i] = (float)atl_ppl_distance(a, a + k->width, (int64_t)k->width);
    }
    return ATL_OK;
}

static atl_status join(atl_metrics *m, atl_task *t, int from, int64_t first, int n) {
    work *k = t->state;
    size_t bytes = (size_t)n * sizeof *k->some;
    const void *got;
    ATL_TRY(atl_metrics_bring(m, from, k->some, bytes, &got));
    if (got)
        memcpy(k->distances + first, got, bytes);
    return ATL_OK;
}

static int arrays(atl_task *t, atl_array *list) {
    list[0] = (atl_array){ "distances", ATL_F32, 1, { t->total }, ((work *)t->state)->distances };
    return 1;
}

// ---- planning and finishing

atl_status atl_paths_plan(atl_metrics *m, atl_metric_job *job) {
    const char *variant = job->metric.row->variant;
    work *k = atl_arena_alloc(&m->arena, 1, sizeof *k);
    if (!k)
        return ATL_NO_MEMORY;
    k->in_z = variant[0] == 'z';
    k->whole_path = strstr(variant, "full") != NULL;
    if (k->in_z && !m->generator.z)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s: %s has no latent z", job->metric.name, m->net.name);
    k->view = atl_ppl_view_of(m->height, m->width, variant[0] != '2');
    k->seen = 3 * (size_t)k->view.height * (size_t)k->view.width;
    k->distances = atl_arena_alloc(&m->arena, (size_t)job->metric.count, sizeof *k->distances);
    if (!k->distances)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_metrics_detector(m, job->metric.row->detector, job->metric.row->use, (int)k->view.height,
                                 (int)k->view.width, &k->detector));
    k->width = (size_t)atl_detector_width(k->detector);
    job->own.make = make;
    job->own.join = join;
    job->own.run = samples_of(m);
    job->own.close = close_work;
    job->own.arrays = arrays;
    job->own.state = k;
    job->own.total = job->metric.count;
    return ATL_OK;
}

atl_status atl_paths_finish(atl_metrics *m, atl_metric_job *job) {
    const work *k = job->own.state;
    atl_estimate e;
    ATL_TRY(atl_ppl_mean(m->ctx, k->distances, job->metric.count, m->o.seed, &e));
    snprintf(job->how, sizeof job->how, "%s", job->metric.row->detector);
    job->result.method = e.method;
    atl_metric_put(job, "", e.value, e.error);
    return ATL_OK;
}
