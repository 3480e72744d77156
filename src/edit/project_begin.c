// SPDX-License-Identifier: Apache-2.0
// Beginning a search: the mean and the spread of w, where each picture's latents and noise start, the terms
// of the targets.
#include <math.h>
#include <string.h>
#include <atelier/rng.h>

#include "base/hash64.h"
#include "base/options.h"
#include "base/philox.h"
#include "edit/project.h"
#include "edit/target.h"
#include "run/program.h"

enum { MAP_BATCH = 250, MAP_SEED = 123 }; // RandomState(123), as in the official projector

// z of a run of samples, and what the mapping makes of them for one label.
typedef struct samples {
    int count, z_dim, w_dim;
    float *z, *w; // [count, z_dim], [count, w_dim]
    float *mean;  // [w_dim]
    double spread;
    int nearest; // to the mean
} samples;

static void samples_clear(atl_ctx *ctx, samples *s) {
    atl_free(ctx, s->z);
    atl_free(ctx, s->w);
    atl_free(ctx, s->mean);
}

static atl_status samples_make(atl_projector *p, samples *s) {
    const atl_model_dims *d = &p->generator->dims;
    atl_numpy_rng rng;
    *s = (samples){ .count = p->o.samples, .z_dim = d->z_dim, .w_dim = d->w_dim };
    s->z = atl_alloc(p->ctx, (size_t)s->count, (size_t)(s->z_dim ? s->z_dim : 1) * sizeof *s->z);
    s->w = atl_alloc(p->ctx, (size_t)s->count, (size_t)s->w_dim * sizeof *s->w);
    s->mean = atl_alloc(p->ctx, (size_t)s->w_dim, sizeof *s->mean);
    if (!s->z || !s->w || !s->mean)
        return ATL_NO_MEMORY;
    atl_numpy_rng_init(&rng, MAP_SEED);
    for (size_t i = 0; i < (size_t)s->count * (size_t)s->z_dim; i++)
        s->z[i] = (float)atl_numpy_rng_normal(&rng);
    return ATL_OK;
}

// ---- w of the samples

static void build_map(atl_graph *g, atl_call *call, void *user) {
    const atl_projector *p = user;
    atl_net net = atl_network_in(g, p->generator, NULL);
    atl_network_call(p->generator, "map", &net, call);
}

static atl_status write_label(atl_program *program, const float *c, int c_dim) {
    float *room;
    if (!atl_program_in(program, "c"))
        return ATL_OK;
    ATL_TRY(atl_program_room(program, (size_t)MAP_BATCH * (size_t)c_dim, &room));
    for (int i = 0; i < MAP_BATCH; i++)
        memcpy(room + (size_t)i * (size_t)c_dim, c, (size_t)c_dim * sizeof *room);
    return atl_program_write(program, "c", MAP_BATCH, room);
}

static atl_status map_samples(atl_projector *p, samples *s, const float *c) {
    atl_program_key key = { .function = "map", .n = MAP_BATCH };
    atl_program *program;
    ATL_TRY(atl_program_make(p->backend, &key, build_map, p, &(atl_plan_options){ 0 }, &program));
    atl_status status = write_label(program, c, p->generator->dims.c_dim);
    for (int i = 0; status == ATL_OK && i < s->count; i += MAP_BATCH) {
        int rows = s->count - i < MAP_BATCH ? s->count - i : MAP_BATCH;
        if (s->z_dim)
            status = atl_program_write(program, "z", rows, s->z + (size_t)i * (size_t)s->z_dim);
        if (status == ATL_OK)
            status = atl_program_run(program);
        if (status == ATL_OK)
            status = atl_program_read(program, "w", rows, s->w + (size_t)i * (size_t)s->w_dim);
    }
    atl_program_free(&program);
    return status;
}

// The mean, the root of the mean squared distance to it over all dims, and the sample that is nearest to it.
static void describe(samples *s) {
    size_t count = (size_t)s->count, dim = (size_t)s->w_dim;
    double total = 0.0, least = INFINITY;
    for (size_t k = 0; k < dim; k++) {
        double sum = 0.0;
        for (size_t i = 0; i < count; i++)
            sum += (double)s->w[i * dim + k];
        s->mean[k] = (float)(sum / (double)count);
    }
    for (size_t i = 0; i < count; i++) {
        double squares = 0.0;
        for (size_t k = 0; k < dim; k++) {
            double d = (double)s->w[i * dim + k] - (double)s->mean[k];
            squares += d * d;
        }
        total += squares;
        if (squares < least) {
            least = squares;
            s->nearest = (int)i;
        }
    }
    s->spread = sqrt(total / (double)count);
}

// ---- where latents start

// Where a start is put, and its shape: the latent, or the w below styles.
typedef struct place {
    float *at;
    size_t rows, width;
} place;

static place place_of(atl_projector *p, int sample) {
    const atl_model_dims *d = &p->generator->dims;
    place to = { NULL, (size_t)p->rows, (size_t)p->width };
    if (p->at.has_base)
        to = (place){ NULL, (size_t)d->num_ws, (size_t)d->w_dim };
    float *first = p->at.has_base ? atl_store_at(&p->fixed, p->at.base) : atl_store_at(&p->moved, ATL_LATENT);
    to.at = first + (size_t)sample * to.rows * to.width;
    return to;
}

// A single vector for all rows.
static void put_latent(atl_projector *p, int sample, const float *vector) {
    place to = place_of(p, sample);
    for (size_t i = 0; i < to.rows; i++)
        memcpy(to.at + i * to.width, vector, to.width * sizeof *to.at);
}

static void start_latent(atl_projector *p, int sample, const samples *s, const float *ws) {
    size_t dim = (size_t)s->w_dim, num_ws = (size_t)p->generator->dims.num_ws, z_dim = (size_t)s->z_dim;
    if (p->space == ATL_SPACE_Z) {
        put_latent(p, sample, s->z + (size_t)s->nearest * z_dim);
        p->numbers[3 * p->o.batch + sample] = sqrt((double)z_dim); // the spread of normal numbers
        return;
    }
    p->numbers[3 * p->o.batch + sample] = s->spread;
    if (ws && p->space != ATL_SPACE_W)
        memcpy(place_of(p, sample).at, ws, num_ws * dim * sizeof *ws);
    else
        put_latent(p, sample, ws ? ws : s->mean);
}

// Candidate i of each sample, [best_of, width].
static void keep_candidates(const atl_projector *p, const samples *s, int best_of, float *to) {
    const float *from = p->space == ATL_SPACE_Z ? s->z : s->w;
    memcpy(to, from, (size_t)best_of * (size_t)p->jitter_width * sizeof *to);
}

static atl_status start_latents(atl_projector *p, const atl_project_start *start, float *candidates) {
    const atl_model_dims *d = &p->generator->dims;
    size_t c_dim = (size_t)d->c_dim, row = (size_t)d->num_ws * (size_t)d->w_dim;
    const float *labels = p->at.has_label ? atl_store_at(&p->fixed, p->at.label) : NULL, *before = NULL;
    samples s;
    atl_status status = samples_make(p, &s);
    for (int i = 0; status == ATL_OK && i < p->o.batch; i++) {
        const float *c = labels ? labels + (size_t)i * c_dim : NULL;
        if (i == 0 || (c && memcmp(c, before, c_dim * sizeof *c) != 0)) {
            status = map_samples(p, &s, c);
            describe(&s);
        }
        before = c;
        int from = i < start->count ? i : 0;
        start_latent(p, i, &s, start->ws ? start->ws + (size_t)from * row : NULL);
        if (candidates)
            keep_candidates(p, &s, start->best_of,
                            candidates + (size_t)i * (size_t)start->best_of * (size_t)p->jitter_width);
    }
    samples_clear(p->ctx, &s);
    return status;
}

static void put_candidates(atl_projector *p, const float *candidates, int best_of, const int *which) {
    for (int i = 0; i < p->o.batch; i++)
        put_latent(p, i,
                   candidates + ((size_t)i * (size_t)best_of + (size_t)which[i]) * (size_t)p->jitter_width);
    p->moved.version++;
    p->fixed.version++;
}

// Each picture starts from the candidate that is nearest to it.
static atl_status choose(atl_projector *p, const float *candidates, int best_of) {
    size_t n = (size_t)p->o.batch;
    double *distance = atl_alloc(p->ctx, n, 2 * sizeof *distance), *least = distance + n;
    int *which = atl_calloc(p->ctx, n, 2 * sizeof *which), *best = which + n;
    atl_status status = distance && which ? ATL_OK : ATL_NO_MEMORY;
    for (int k = 0; status == ATL_OK && k < best_of; k++) {
        for (size_t i = 0; i < n; i++)
            which[i] = k;
        put_candidates(p, candidates, best_of, which);
        status = atl_projector_measure(p, distance);
        for (size_t i = 0; status == ATL_OK && i < n; i++)
            if (k == 0 || distance[i] < least[i]) {
                least[i] = distance[i];
                best[i] = k;
            }
    }
    if (status == ATL_OK)
        put_candidates(p, candidates, best_of, best);
    atl_free(p->ctx, distance);
    atl_free(p->ctx, which);
    return status;
}

// ---- noise, targets

static void start_maps(atl_projector *p, const atl_project_start *start) {
    for (int k = 0; p->o.noise_maps && k < p->maps.count; k++) {
        size_t row = (size_t)(p->maps.list[k].height * p->maps.list[k].width);
        float *to = atl_store_at(&p->moved, ATL_FIRST_MAP + (size_t)k);
        for (int i = 0; i < p->o.batch; i++, to += row)
            if (start->noise_maps)
                memcpy(to, start->noise_maps[k] + (size_t)(i < start->count ? i : 0) * row, row * sizeof *to);
            else
                atl_philox_normal(p->o.seed, (uint64_t)k, 0, row, to);
    }
}

// NULL: all of the picture counts.
static void put_mask(atl_projector *p, const float *values) {
    const atl_param *q = &p->fixed.list[p->at.mask];
    float *mask = atl_param_data(&p->fixed, q);
    for (size_t i = 0; i < q->count; i++)
        mask[i] = values ? values[i] : 1.0f;
    p->fixed.version++;
}

static void put_fixed(atl_projector *p, const atl_project_start *start) {
    const atl_model_dims *d = &p->generator->dims;
    size_t pixels = (size_t)d->height * (size_t)d->width, picture = pixels * (size_t)d->channels;
    float *target = atl_store_at(&p->fixed, p->at.target);
    memset(p->fixed.data, 0, p->fixed.total * sizeof *p->fixed.data);
    put_mask(p, start->mask);
    for (int i = 0; i < p->o.batch; i++)
        atl_target_interleave(d, start->targets + (size_t)(i < start->count ? i : 0) * picture,
                              target + (size_t)i * picture);
    for (int i = 0; p->at.has_label && start->c && i < p->o.batch; i++)
        memcpy(atl_store_at(&p->fixed, p->at.label) + (size_t)i * (size_t)d->c_dim,
               start->c + (size_t)(i < start->count ? i : 0) * (size_t)d->c_dim,
               (size_t)d->c_dim * sizeof(float));
    p->fixed.version++;
}

// Behind a mask of zeros the picture is the target.
static atl_status find_terms(atl_projector *p, const atl_project_start *start) {
    atl_node *nodes[ATL_TERMS];
    for (int i = 0; i < p->terms.count; i++)
        nodes[i] = p->terms.list[i].node;
    memset(atl_store_at(&p->fixed, p->at.mask), 0, p->fixed.list[p->at.mask].count * sizeof(float));
    p->fixed.version++;
    atl_status status = atl_plan_run_to(p->plans[ATL_PROJECT_STEP], nodes, p->terms.count);
    put_mask(p, start->mask);
    for (int i = 0; status == ATL_OK && i < p->terms.count; i++)
        status = atl_projector_get(p, ATL_PROJECT_STEP, nodes[i], atl_store_at(&p->wanted, (size_t)i));
    p->wanted.version++;
    return status;
}

// ---- all together

static atl_status check_start(const atl_projector *p, const atl_project_start *start) {
    if (!start->targets)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "a projection needs targets");
    if (start->count < 1 || start->count > p->o.batch)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "%d pictures of a batch of %d are not possible",
                        start->count, p->o.batch);
    if (start->ws && p->space == ATL_SPACE_Z)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT,
                        "a search in z can't start from w: choose the space w or w+");
    if (start->best_of < 0 || start->best_of > p->o.samples)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "the best of %d is not possible: of 1 to %d samples",
                        start->best_of, p->o.samples);
    if (start->best_of && start->ws)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT,
                        "a search starts from given w or from the best of random ones, "
                        "not from both");
    if (start->best_of && !p->generator->dims.z_dim)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "the network has no z to choose from");
    return ATL_OK;
}

static void reset(atl_projector *p, int count) {
    atl_adam_restart(&p->adam);
    memset(atl_store_at(&p->moved, ATL_LATENT), 0, p->moved.list[ATL_LATENT].count * sizeof(float));
    memset(p->numbers, 0, 4 * (size_t)p->o.batch * sizeof *p->numbers);
    p->state.count = count;
    p->state.step = 0;
    p->state.lr = 0.0;
}

// What a saved state belongs to.
static uint64_t print_of(const atl_projector *p) {
    uint64_t h = atl_hash64(p->fixed.data, p->fixed.total * sizeof *p->fixed.data, p->o.seed);
    h = atl_hash64(p->moved.data, p->moved.total * sizeof *p->moved.data, h);
    return atl_hash64(p->o.loss, strlen(p->o.loss), h);
}

atl_status atl_projector_begin(atl_projector *p, const atl_project_start *options) {
    atl_project_start start = ATL_PROJECT_START_INIT;
    float *candidates = NULL;
    ATL_TRY(atl_options_read(p->ctx, "atl_project_start", &start, sizeof start, options));
    ATL_TRY(check_start(p, &start));
    p->begun = false;
    reset(p, start.count);
    put_fixed(p, &start);
    start_maps(p, &start);
    if (start.best_of && !(candidates = atl_alloc(p->ctx, (size_t)p->o.batch * (size_t)start.best_of,
                                                  (size_t)p->jitter_width * sizeof *candidates)))
        return ATL_NO_MEMORY;
    atl_status status = start_latents(p, &start, candidates);
    p->moved.version++;
    p->fixed.version++;
    if (status == ATL_OK)
        status = find_terms(p, &start);
    if (status == ATL_OK && candidates)
        status = choose(p, candidates, start.best_of);
    atl_free(p->ctx, candidates);
    p->print = print_of(p);
    p->begun = status == ATL_OK;
    return status;
}
