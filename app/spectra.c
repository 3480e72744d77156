// SPDX-License-Identifier: Apache-2.0
// Pictures of a network or a set, one after the other, into statistics or a spectrum; see spectra.h.
#include "spectra.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <atelier/dataset.h>
#include <atelier/rng.h>
#include "generate.h"
#include "memory.h"
#include "network.h"

typedef app_status use_picture(void *user, const atl_image *image, app_error *e);

// What the pictures of both kinds of source go through.
typedef struct stream {
    atl_ctx *ctx;
    const app_spectra_source *source;
    use_picture *use;
    void *user;
    size_t done, total;
    atl_image image; // of a network
    app_generate *images;
} stream;

static app_status hand_out(stream *s, const atl_image *image, app_error *e) {
    if (s->use(s->user, image, e) != APP_OK)
        return APP_FAILED;
    s->done++;
    if (s->source->progress && s->source->progress(s->source->user, s->done, s->total))
        return app_stop(e, "stopped after %zu of %zu pictures", s->done, s->total);
    return APP_OK;
}

// ---- a set

// The first `num` of a shuffle, in the order of the set: those that the official loaders take.
static uint32_t *choose(const app_spectra_source *source, size_t count, size_t num, app_error *e) {
    uint32_t *items = app_array(count, 1, 1, sizeof *items, e), *chosen = items;
    char *taken = items ? app_array(count, 1, 1, 1, e) : NULL;
    if (!taken) {
        free(items);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        items[i] = (uint32_t)i;
    if (num < count) {
        atl_numpy_rng rng;
        atl_numpy_rng_init(&rng, source->seed);
        atl_numpy_rng_shuffle(&rng, items, (uint32_t)count);
        for (size_t i = 0; i < num; i++)
            taken[items[i]] = 1;
        for (size_t i = 0; i < count; i++)
            if (taken[i])
                *chosen++ = (uint32_t)i;
    }
    free(taken);
    return items;
}

static app_status each_of_set(stream *s, app_error *e) {
    atl_dataset *set;
    if (atl_dataset_open(s->ctx, s->source->path, NULL, &set) != ATL_OK)
        return app_fail_ctx(e, s->ctx);
    size_t count = atl_dataset_info_get(set)->count;
    s->total = s->source->num && s->source->num < count ? s->source->num : count;
    uint32_t *which = choose(s->source, count, s->total, e);
    app_status status = which ? APP_OK : APP_FAILED;
    if (status == APP_OK && s->source->num > count)
        status = app_fail(e, "--num %zu: %s has %zu pictures", s->source->num, s->source->path, count);
    for (size_t i = 0; i < s->total && status == APP_OK; i++) {
        atl_image image;
        if (atl_dataset_read(set, which[i], &image) != ATL_OK) {
            status = app_fail_ctx(e, s->ctx);
            break;
        }
        status = hand_out(s, &image, e);
        atl_image_clear(s->ctx, &image);
    }
    free(which);
    atl_dataset_close(&set);
    return status;
}

// ---- a network

static app_status on_generated(void *user, const app_generated *image, app_error *e) {
    stream *s = user;
    if (!s->image.pixels && app_render_picture(&s->images->render, &s->image, e) != APP_OK)
        return APP_FAILED;
    atl_image_from_float(image->img, &s->image);
    return hand_out(s, &s->image, e);
}

static app_status generate_all(stream *s, atl_model *model, const uint32_t *seeds, app_error *e) {
    app_generate images = { 0 };
    app_generate_options o = { .recipe = APP_RECIPE_INIT, .seeds = seeds, .count = s->total, .batch = 1 };
    o.recipe.network = s->source->path;
    o.recipe.psi = s->source->psi;
    o.recipe.class_index = s->source->class_index;
    s->images = &images;
    app_status status = app_generate_open(&images, s->ctx, model, &o, e);
    if (status == APP_OK)
        status = app_generate_run(&images, on_generated, s, e);
    atl_image_clear(s->ctx, &s->image);
    app_generate_close(&images);
    return status;
}

static app_status each_of_network(stream *s, app_error *e) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    atl_model *model;
    o.net = s->source->net;
    o.ignore_unused = s->source->ignore_unused;
    o.assume = s->source->assume;
    o.deltas = s->source->deltas;
    s->total = s->source->num;
    if (!s->total)
        return app_fail(e, "%s: --num says how many pictures a network shall make", s->source->path);
    uint32_t *seeds = app_array(s->total, 1, 1, sizeof *seeds, e);
    app_status status = seeds ? app_network_open(s->ctx, s->source->path, &o, &model, e) : APP_FAILED;
    if (status == APP_OK) {
        for (size_t i = 0; i < s->total; i++)
            seeds[i] = s->source->seed + (uint32_t)i;
        status = generate_all(s, model, seeds, e);
        atl_model_close(&model);
    }
    free(seeds);
    return status;
}

// ---- either

static int is_network(const char *path) {
    static const char *const endings[] = { ".pkl", ".pt", ".pth", ".ckpt", ".safetensors" };
    struct stat info;
    size_t length = strlen(path);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (length > strlen(endings[i]) && !strcasecmp(path + length - strlen(endings[i]), endings[i]))
            return 1;
    return 0;
}

static app_status each(atl_ctx *ctx, const app_spectra_source *source, use_picture *use, void *user,
                       size_t *count, app_error *e) {
    stream s = { .ctx = ctx, .source = source, .use = use, .user = user };
    app_status status = is_network(source->path) ? each_of_network(&s, e) : each_of_set(&s, e);
    *count = s.done;
    return status;
}

// ---- mean and deviation: sums of whole numbers, exact

typedef struct sums {
    uint64_t n, x, xx;
} sums;

static app_status add_up(void *user, const atl_image *image, app_error *e) {
    sums *s = user;
    size_t count = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    (void)e;
    for (size_t i = 0; i < count; i++) {
        s->x += image->pixels[i];
        s->xx += (uint64_t)image->pixels[i] * image->pixels[i];
    }
    s->n += count;
    return APP_OK;
}

app_status app_spectra_measure(atl_ctx *ctx, const app_spectra_source *source, app_spectra_stats *stats,
                               app_error *e) {
    sums s = { 0 };
    app_status status = each(ctx, source, add_up, &s, &stats->count, e);
    if (status != APP_OK)
        return status;
    stats->mean = (double)s.x / (double)s.n;
    stats->deviation = sqrt(fmax(0, (double)s.xx / (double)s.n - stats->mean * stats->mean));
    return APP_OK;
}

// ---- the spectrum

typedef struct average {
    atl_ctx *ctx;
    atl_spectrum_options o; // side 0 before the first picture
    atl_spectrum *spectrum;
} average;

static app_status add_picture(void *user, const atl_image *image, app_error *e) {
    average *a = user;
    if (!a->spectrum) {
        a->o.side = image->width;
        if (image->width != image->height)
            return app_fail(e, "pictures of %dx%d: spectra are of squares", image->width, image->height);
        if (atl_spectrum_open(a->ctx, &a->o, &a->spectrum) != ATL_OK)
            return app_fail_ctx(e, a->ctx);
    }
    return atl_spectrum_add(a->spectrum, image) == ATL_OK ? APP_OK : app_fail_ctx(e, a->ctx);
}

static app_status write_npz(average *a, const char *dest, app_error *e) {
    int64_t n = (int64_t)a->o.side * a->o.interp, side = a->o.side;
    double *power = app_array((size_t)n, (size_t)n, 1, sizeof *power, e);
    float *single = (float *)power; // in the same memory, from front to back
    if (!power)
        return APP_FAILED;
    atl_status status = atl_spectrum_read(a->spectrum, power);
    for (int64_t i = 0; i < n * n && status == ATL_OK; i++) {
        float x = (float)power[i];
        memcpy(single + i, &x, sizeof x);
    }
    const atl_array list[] = { { "spectrum", ATL_F32, 2, { n, n }, power },
                               { "image_size", ATL_I64, 0, { 0 }, &side } };
    if (status == ATL_OK)
        status = atl_npz_write(a->ctx, dest, list, 2);
    free(power);
    return status == ATL_OK ? APP_OK : app_fail_ctx(e, a->ctx);
}

app_status app_spectra_compute(atl_ctx *ctx, const app_spectra_source *source, const app_spectra_options *o,
                               app_error *e) {
    average a = { .ctx = ctx, .o = ATL_SPECTRUM_OPTIONS_INIT };
    size_t count;
    a.o.interp = o->interp;
    a.o.beta = o->beta;
    a.o.mean = o->mean;
    a.o.deviation = o->deviation;
    app_status status = each(ctx, source, add_picture, &a, &count, e);
    if (status == APP_OK)
        status = write_npz(&a, o->dest, e);
    atl_spectrum_close(&a.spectrum);
    return status;
}
