// SPDX-License-Identifier: Apache-2.0
// Principal directions of random latents, and of what a layer makes of them: those are followed back to w.
//
// A layer's directions are of its activations, where nothing can be moved.  So a second run of samples says
// which w go with which coordinates along them: M that makes |A M - w| least, A [n, count] the coordinates in
// standard deviations, has a direction of w in each row (Harkonen et al. 2020, section 2.3).
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/network.h>
#include <atelier/rng.h>
#include "fit_parts.h"
#include "memory.h"

enum { ROOM = 1 << 25 };                // numbers of a block
enum { REGRESSED = 10000, LOOKS = 8 }; // samples that are followed back; that a layer is looked at for at once

typedef struct looking {
    atl_ctx *ctx;
    atl_model *model;
    const atl_model_info *info;
    app_fit_options o;           // with a block that fits
    float *z, *c, *ws, *latents; // [block, .]; latents: z or w
    // of a layer
    size_t width;        // its numbers
    float *x;            // [block, width]
    atl_directions *set; // of activations
    float *w, *mean;     // [regressed, w_dim]; [w_dim]
    double *coordinates; // [block, count]
} looking;

static void close_looking(looking *l) {
    free(l->z);
    free(l->c);
    free(l->ws);
    free(l->latents);
    free(l->x);
    free(l->w);
    free(l->mean);
    free(l->coordinates);
    atl_directions_close(&l->set);
}

static app_status open_drawing(looking *l, app_error *e) {
    const atl_model_info *info = l->info;
    size_t ws = (size_t)info->num_ws * (size_t)info->w_dim, block = l->o.block;
    l->z = app_array(block, (size_t)info->z_dim, 1, sizeof(float), e);
    l->c = l->z ? app_array(block, (size_t)info->c_dim + 1, 1, sizeof(float), e) : NULL;
    l->ws = l->c ? app_array(block, ws, 1, sizeof(float), e) : NULL;
    l->latents =
        l->ws ? app_array(block, (size_t)info->w_dim + (size_t)info->z_dim, 1, sizeof(float), e) : NULL;
    if (!l->latents)
        return APP_FAILED;
    int index = l->o.recipe.class_index;
    if (info->c_dim && index < 0)
        return app_fail(e, "%s is conditional: choose a class with --class K, 0 to %d", l->o.recipe.network,
                        info->c_dim - 1);
    if (info->c_dim && index >= info->c_dim)
        return app_fail(e, "--class %d: the network has classes 0 to %d", index, info->c_dim - 1);
    for (size_t i = 0; info->c_dim && index >= 0 && i < block; i++)
        l->c[i * (size_t)info->c_dim + (size_t)index] = 1;
    return APP_OK;
}

// One block: its seed out of the generator of seeds, then normal numbers by that.
static app_status draw(looking *l, atl_numpy_rng *seeds, app_error *e) {
    const atl_model_info *info = l->info;
    enum { AT_ONCE = 250 };
    size_t ws = (size_t)info->num_ws * (size_t)info->w_dim, w = (size_t)info->w_dim, z = (size_t)info->z_dim;
    size_t block = l->o.block;
    atl_seed_to_z(atl_numpy_rng_below(seeds, 2147483647), block * z, l->z);
    if (l->o.fit.space == ATL_DIRECTION_Z) {
        memcpy(l->latents, l->z, block * z * sizeof *l->latents);
        return APP_OK;
    }
    for (size_t first = 0; first < block; first += AT_ONCE) {
        size_t n = block - first < AT_ONCE ? block - first : AT_ONCE;
        const float *c = info->c_dim ? l->c + first * (size_t)info->c_dim : NULL;
        if (atl_model_map(l->model, (int)n, l->z + first * z, c, NULL, l->ws + first * ws) != ATL_OK)
            return app_fail_ctx(e, l->ctx);
    }
    for (size_t i = 0; i < block; i++)
        memcpy(l->latents + i * w, l->ws + i * ws, w * sizeof *l->latents);
    return APP_OK;
}

static app_status unknown_layer(const looking *l, app_error *e) {
    return app_fail(e, "--layer %s: the synthesis has no layer of that name; 'atelier inspect' lists them",
                    l->o.layer);
}

// What the layer makes of n ws -> x [n, width]; x NULL: only its width.
static app_status look(looking *l, size_t n, const float *ws, float *x, app_error *e) {
    const atl_array in = { "ws", ATL_F32, 3, { (int64_t)n, l->info->num_ws, l->info->w_dim }, ws };
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    atl_arrays *out;
    o.features = l->o.layer;
    atl_status ran = atl_model_run(l->model, "synthesize", &in, 1, &o, &out);
    if (ran == ATL_BAD_ARGUMENT && !x) { // the name's: ws and their shape are right
        atl_message_clear(l->ctx);
        return unknown_layer(l, e);
    }
    if (ran != ATL_OK)
        return app_fail_ctx(e, l->ctx);
    const atl_array *a = atl_arrays_find(out, l->o.layer);
    app_status status = APP_OK;
    if (!a || a->rank < 2)
        status = unknown_layer(l, e);
    else if (x)
        atl_array_read_f32(a, 0, atl_array_count(a), x);
    else
        l->width = (size_t)atl_array_count(a) / n;
    atl_arrays_close(&out);
    return status;
}

// A block of latents in l->latents, and what the layer makes of them in l->x.
static app_status draw_and_look(looking *l, atl_numpy_rng *seeds, app_error *e) {
    size_t ws = (size_t)l->info->num_ws * (size_t)l->info->w_dim;
    app_status status = draw(l, seeds, e);
    for (size_t i = 0; l->x && status == APP_OK && i < l->o.block; i += LOOKS)
        status =
            look(l, l->o.block - i < LOOKS ? l->o.block - i : LOOKS, l->ws + i * ws, l->x + i * l->width, e);
    return status;
}

// All samples: activations of the layer, or latents where there is none.
static app_status add_all(looking *l, atl_fit *fit, app_error *e) {
    size_t blocks = l->o.samples / l->o.block;
    atl_numpy_rng seeds;
    app_status status = APP_OK;
    atl_numpy_rng_init(&seeds, l->o.seed);
    for (size_t i = 0; i < blocks && status == APP_OK; i++) {
        status = draw_and_look(l, &seeds, e);
        if (status == APP_OK &&
            atl_fit_add(fit, (int64_t)l->o.block, l->x ? l->x : l->latents, NULL) != ATL_OK)
            status = app_fail_ctx(e, l->ctx);
        if (status == APP_OK && app_fit_told(&l->o, "samples", (i + 1) * l->o.block, blocks * l->o.block))
            status = app_fit_stopped(e);
    }
    return status;
}

// ---- a layer

static app_status open_looking(looking *l, app_error *e) {
    size_t w = (size_t)l->info->w_dim, count = (size_t)l->o.fit.count;
    app_status status = open_drawing(l, e); // whose ws are zeros now
    if (status == APP_OK)
        status = look(l, 1, l->ws, NULL, e);
    if (status != APP_OK)
        return status;
    while (l->o.block > 2 * count && l->o.block * l->width > ROOM)
        l->o.block /= 2;
    if (l->o.block < count + 1 || l->o.samples < l->o.block)
        return app_fail(e, "--num %zu: %d directions of a layer need at least %zu samples", l->o.samples,
                        l->o.fit.count, count + 1);
    l->x = app_array(l->o.block, l->width, 1, sizeof *l->x, e);
    l->w = l->x ? app_array(REGRESSED + l->o.block, w, 1, sizeof *l->w, e) : NULL;
    l->mean = l->w ? app_array(w, 1, 1, sizeof *l->mean, e) : NULL;
    l->coordinates = l->mean ? app_array(l->o.block, count, 1, sizeof *l->coordinates, e) : NULL;
    return l->coordinates ? APP_OK : APP_FAILED;
}

// Principal directions of the activations.
static app_status fit_activations(looking *l, app_error *e) {
    atl_fit_options f = l->o.fit;
    atl_fit *fit;
    f.method = ATL_FIT_IPCA;
    f.width = (int64_t)l->width;
    if (f.count > f.width)
        f.count = (int)f.width;
    if (atl_fit_open(l->ctx, &f, &fit) != ATL_OK)
        return app_fail_ctx(e, l->ctx);
    app_status status = add_all(l, fit, e);
    if (status == APP_OK && atl_fit_read(fit, &l->set) != ATL_OK)
        status = app_fail_ctx(e, l->ctx);
    atl_fit_close(&fit);
    return status;
}

// Of the block in x, in standard deviations.
static void find_coordinates(looking *l) {
    size_t count = atl_directions_size(l->set);
    for (size_t i = 0; i < l->o.block; i++)
        for (size_t k = 0; k < count; k++) {
            const atl_direction *d = atl_directions_get(l->set, k);
            const float *x = l->x + i * l->width;
            double sum = 0;
            for (size_t j = 0; j < l->width; j++)
                sum += ((double)x[j] - (double)d->mean[j]) * (double)d->values[j];
            l->coordinates[i * count + k] = sum / (double)d->scale;
        }
}

// Samples with their coordinates to the fit; w of them to l->w.
static app_status add_samples(looking *l, atl_fit *fit, size_t *n, app_error *e) {
    size_t w = (size_t)l->info->w_dim, wanted = l->o.samples < REGRESSED ? l->o.samples : REGRESSED;
    atl_numpy_rng seeds;
    app_status status = APP_OK;
    atl_numpy_rng_init(&seeds, l->o.seed + 2); // GANSpace's are 1 and 3
    for (*n = 0; *n < wanted && status == APP_OK; *n += l->o.block) {
        status = draw_and_look(l, &seeds, e);
        if (status != APP_OK)
            break;
        find_coordinates(l);
        memcpy(l->w + *n * w, l->latents, l->o.block * w * sizeof *l->w);
        if (atl_fit_add(fit, (int64_t)l->o.block, l->latents, l->coordinates) != ATL_OK)
            status = app_fail_ctx(e, l->ctx);
        if (status == APP_OK && app_fit_told(&l->o, "followed back", *n + l->o.block, wanted + l->o.block))
            status = app_fit_stopped(e);
    }
    return status;
}

// How far w spread along a direction of length 1: its strength 1.
static float spread_along(const looking *l, size_t n, const float *direction) {
    size_t w = (size_t)l->info->w_dim;
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        double along = 0;
        for (size_t k = 0; k < w; k++)
            along += ((double)l->w[i * w + k] - (double)l->mean[k]) * (double)direction[k];
        squares += along * along;
    }
    return (float)sqrt(squares / (double)n);
}

static void find_mean(looking *l, size_t n) {
    size_t w = (size_t)l->info->w_dim;
    for (size_t k = 0; k < w; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)l->w[i * w + k];
        l->mean[k] = (float)(sum / (double)n);
    }
}

static app_status describe(looking *l, atl_fit *fit, size_t n, atl_directions **set, app_error *e) {
    size_t count = atl_directions_size(l->set);
    app_fit_found about = { .info = l->info, .samples = n, .layer = l->o.layer, .mean = l->mean };
    atl_directions *found = NULL;
    float *scales = app_array(count, 1, 1, sizeof *scales, e);
    double *values = scales ? app_array(count, 1, 1, sizeof *values, e) : NULL;
    app_status status = values ? APP_OK : APP_FAILED;
    if (values && atl_fit_read(fit, &found) != ATL_OK)
        status = app_fail_ctx(e, l->ctx);
    find_mean(l, n);
    for (size_t i = 0; found && i < count; i++) {
        scales[i] = spread_along(l, n, atl_directions_get(found, i)->values);
        values[i] = atl_directions_get(l->set, i)->value;
    }
    about.scales = scales;
    about.values = values;
    if (status == APP_OK)
        status = app_fit_describe(l->ctx, found, &about, set, e);
    atl_directions_close(&found);
    free(scales);
    free(values);
    return status;
}

// From coordinates back to w.
static app_status follow_back(looking *l, atl_directions **set, app_error *e) {
    atl_fit_options f = ATL_FIT_OPTIONS_INIT;
    atl_fit *fit;
    size_t n;
    f.method = ATL_FIT_LSTSQ;
    f.width = l->info->w_dim;
    f.count = (int)atl_directions_size(l->set);
    f.centred = 1;
    f.layers = l->o.fit.layers;
    if (atl_fit_open(l->ctx, &f, &fit) != ATL_OK)
        return app_fail_ctx(e, l->ctx);
    app_status status = add_samples(l, fit, &n, e);
    if (status == APP_OK)
        status = describe(l, fit, n, set, e);
    atl_fit_close(&fit);
    return status;
}

static app_status fit_layer(looking *l, atl_directions **set, app_error *e) {
    app_status status = open_looking(l, e);
    if (status == APP_OK)
        status = fit_activations(l, e);
    return status == APP_OK ? follow_back(l, set, e) : status;
}

// ---- all

static app_status fit_latents(looking *l, atl_directions **set, app_error *e) {
    const app_fit_found about = { .info = l->info, .samples = l->o.samples / l->o.block * l->o.block };
    atl_fit_options f = l->o.fit;
    atl_fit *fit;
    f.width = f.space == ATL_DIRECTION_Z ? l->info->z_dim : l->info->w_dim;
    if (atl_fit_open(l->ctx, &f, &fit) != ATL_OK)
        return app_fail_ctx(e, l->ctx);
    app_status status = open_drawing(l, e);
    if (status == APP_OK)
        status = add_all(l, fit, e);
    if (status == APP_OK)
        status = app_fit_read(l->ctx, fit, &about, set, e);
    atl_fit_close(&fit);
    return status;
}

app_status app_fit_samples(atl_ctx *ctx, atl_model *model, const app_fit_options *o, atl_directions **set,
                           app_error *e) {
    looking l = { .ctx = ctx, .model = model, .info = atl_model_get_info(model), .o = *o };
    *set = NULL;
    app_status status = o->layer ? fit_layer(&l, set, e) : fit_latents(&l, set, e);
    close_looking(&l);
    return status;
}
