// SPDX-License-Identifier: Apache-2.0
// Where the target begins: the mean of w, or with several clusters pictures that are far from each other.
#include "edit/learn.h"

#include <math.h>
#include <string.h>
#include <atelier/directions.h>

#include "base/philox.h"
#include "nn/mipmap.h"

enum { CANDIDATES = 256, BLOCK = 256 };

// Streams of random numbers that no step has.
static const uint64_t OF_DIRECTIONS = UINT64_C(1) << 62, OF_CANDIDATES = (UINT64_C(1) << 62) + 1,
                      OF_CHOICES = (UINT64_C(1) << 62) + 2;

static atl_status map_rows(atl_congeal_trainer *t, uint64_t stream, uint64_t first, int n, float *z,
                           float *w) {
    const atl_model_dims *d = &t->generator->network->dims;
    atl_program *p;
    atl_philox_normal(t->o.seed, stream, first * (uint64_t)d->z_dim, (size_t)n * (size_t)d->z_dim, z);
    ATL_TRY(atl_programs_get(t->generator, &(atl_program_key){ .function = "map", .n = n }, &p));
    ATL_TRY(atl_program_write(p, "z", n, z));
    ATL_TRY(atl_program_run(p));
    return atl_program_read(p, "w", n, w);
}

atl_status atl_learn_draw(atl_congeal_trainer *t, uint64_t stream, int n, float *w) {
    return map_rows(t, stream, 0, n, t->room, w);
}

// ---- principal directions

static void take_directions(atl_congeal_trainer *t, const atl_directions *set) {
    atl_params *p = &t->target.network.params;
    float *directions = atl_param_data(p, atl_params_find(p, "directions")),
          *mean = atl_param_data(p, atl_params_find(p, "lat_mean"));
    size_t width = (size_t)t->generator->network->dims.w_dim;
    memcpy(mean, atl_directions_get(set, 0)->mean, width * sizeof *mean);
    for (size_t i = 0; i < (size_t)t->o.directions && i < atl_directions_size(set); i++)
        memcpy(directions + i * width, atl_directions_get(set, i)->values, width * sizeof *directions);
}

static atl_status find_directions(atl_congeal_trainer *t, float *z, float *w) {
    atl_fit_options o = ATL_FIT_OPTIONS_INIT;
    atl_fit *fit = NULL;
    atl_directions *set = NULL;
    o.width = t->generator->network->dims.w_dim;
    o.count = t->o.directions;
    atl_status status = atl_fit_open(t->ctx, &o, &fit);
    for (int i = 0; status == ATL_OK && i < t->o.samples; i += BLOCK) {
        status = map_rows(t, OF_DIRECTIONS, (uint64_t)i, BLOCK, z, w);
        if (status == ATL_OK)
            status = atl_fit_add(fit, BLOCK, w, NULL);
    }
    if (status == ATL_OK)
        status = atl_fit_read(fit, &set);
    if (status == ATL_OK)
        take_directions(t, set);
    atl_directions_close(&set);
    atl_fit_close(&fit);
    return status;
}

// ---- clusters: k-means++ (Arthur and Vassilvitskii 2007) over the generator's pictures

static atl_status make_pictures(atl_congeal_trainer *t, const float *w, float *img) {
    const atl_model_dims *d = &t->generator->network->dims;
    size_t picture = (size_t)d->channels * (size_t)d->height * (size_t)d->width, width = (size_t)d->w_dim;
    float *ws = atl_alloc(t->ctx, (size_t)d->num_ws, width * sizeof *ws);
    atl_status status = ws ? ATL_OK : ATL_NO_MEMORY;
    for (size_t i = 0; status == ATL_OK && i < CANDIDATES; i++) {
        atl_program *p;
        for (size_t k = 0; k < (size_t)d->num_ws; k++)
            memcpy(ws + k * width, w + i * width, width * sizeof *ws);
        status = atl_programs_get(t->generator, &(atl_program_key){ .function = "synthesize", .n = 1 }, &p);
        if (status == ATL_OK)
            status = atl_program_write(p, "ws", 1, ws);
        if (status == ATL_OK)
            status = atl_program_run(p);
        if (status == ATL_OK)
            status = atl_program_read(p, "img", 1, img + i * picture);
    }
    atl_free(t->ctx, ws);
    return status;
}

static double by_pixels(const float *a, const float *b, size_t count) {
    double sum = 0.0;
    for (size_t k = 0; k < count; k++)
        sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
    return sum;
}

// What LPIPS sees of a picture and another, as large as the transformer takes them.
static void build_lpips(atl_graph *g, atl_call *call, void *user) {
    const atl_congeal_trainer *t = user;
    const int64_t side = t->generator->network->dims.width;
    atl_net net = atl_network_in(g, t->lpips, NULL);
    static const char *const NAMES[2] = { "img", "other" };
    atl_terms terms[2];
    atl_node *others[ATL_TERMS];
    for (int i = 0; i < 2; i++) {
        atl_node *x = atl_call_in(&net, call, NAMES[i], ATL_SHAPE(side, side, 3));
        x = x->op == ATL_OP_POISON ? x : atl_tent_downsample(g, x, (int)side / t->side);
        atl_likeness_terms(g, &t->likeness, &net, x, &terms[i]);
    }
    for (int i = 0; i < terms[1].count; i++)
        others[i] = terms[1].list[i].node;
    atl_node *distance = atl_terms_distance(g, &terms[0], others);
    if (distance->op != ATL_OP_POISON)
        atl_call_out(&net, call, "distance", atl_reshape(g, distance, ATL_SHAPE(call->n, 1)));
}

// Makes each candidate's distance that to the nearest centre, of which `centre` is new.  lpips NULL: by pixels.
static atl_status approach(atl_program *lpips, const float *img, size_t picture, size_t centre, double *distance) {
    for (size_t i = 0; i < CANDIDATES; i++) {
        float seen;
        if (lpips) {
            ATL_TRY(atl_program_write(lpips, "img", 1, img + i * picture));
            ATL_TRY(atl_program_write(lpips, "other", 1, img + centre * picture));
            ATL_TRY(atl_program_run(lpips));
            ATL_TRY(atl_program_read(lpips, "distance", 1, &seen));
        }
        double away = lpips ? fmax((double)seen, 0.0) : by_pixels(img + i * picture, img + centre * picture, picture);
        distance[i] = fmin(distance[i], away);
    }
    return ATL_OK;
}

// By chance, in proportion to the distances.
static size_t far_one(const double *distance, double chance) {
    double sum = 0.0;
    for (size_t i = 0; i < CANDIDATES; i++)
        sum += distance[i];
    size_t at = 0;
    for (double left = chance * sum; at + 1 < CANDIDATES && left >= distance[at]; at++)
        left -= distance[at];
    return at;
}

// w of a centre in the numbers of the directions.
static void take_centre(atl_congeal_trainer *t, int head, const float *w) {
    const atl_params *p = &t->target.network.params;
    const float *directions = atl_param_data(p, atl_params_find(p, "directions")),
                *mean = atl_param_data(p, atl_params_find(p, "lat_mean"));
    float *to =
        atl_param_data(p, atl_params_find(p, "coefficients")) + (size_t)head * (size_t)t->o.directions;
    size_t width = (size_t)t->generator->network->dims.w_dim;
    for (size_t i = 0; i < (size_t)t->o.directions; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < width; k++)
            sum += (double)directions[i * width + k] * ((double)w[k] - (double)mean[k]);
        to[i] = (float)sum;
    }
}

static atl_status choose_centres(atl_congeal_trainer *t, float *z, float *w) {
    const atl_model_dims *d = &t->generator->network->dims;
    size_t picture = (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    float *img = atl_alloc(t->ctx, CANDIDATES, picture * sizeof *img), chance[ATL_LEARN_HEADS];
    double distance[CANDIDATES];
    atl_program *lpips = NULL;
    atl_status status = img ? map_rows(t, OF_CANDIDATES, 0, CANDIDATES, z, w) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = make_pictures(t, w, img);
    if (status == ATL_OK && t->lpips) {
        const atl_program_key key = { .function = "apart", .n = 1 };
        const atl_plan_options options = { 0 };
        status = atl_program_make(t->backend, &key, build_lpips, t, &options, &lpips);
    }
    for (size_t i = 0; i < CANDIDATES; i++)
        distance[i] = INFINITY;
    atl_philox_uniform(t->o.seed, OF_CHOICES, 0, ATL_LEARN_HEADS, chance);
    for (int head = 0; status == ATL_OK && head < t->o.heads; head++) {
        size_t at = head ? far_one(distance, (double)chance[head]) : (size_t)(chance[0] * CANDIDATES);
        take_centre(t, head, w + at * (size_t)d->w_dim);
        if (head + 1 < t->o.heads)
            status = approach(lpips, img, picture, at, distance);
    }
    atl_program_free(&lpips);
    atl_free(t->ctx, img);
    return status;
}

atl_status atl_learn_begin_target(atl_congeal_trainer *t) {
    const atl_model_dims *d = &t->generator->network->dims;
    float *z = atl_alloc(t->ctx, BLOCK, (size_t)d->z_dim * sizeof *z),
          *w = atl_alloc(t->ctx, BLOCK, (size_t)d->w_dim * sizeof *w);
    atl_status status = z && w ? find_directions(t, z, w) : ATL_NO_MEMORY;
    if (status == ATL_OK && t->o.heads > 1)
        status = choose_centres(t, z, w);
    atl_free(t->ctx, z);
    atl_free(t->ctx, w);
    return status;
}
