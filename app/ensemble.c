// SPDX-License-Identifier: Apache-2.0
// Ensembles: opening, and the look at each picture; see ensemble.h.
#include "ensemble_parts.h"

#include <stdlib.h>
#include <string.h>
#include <atelier/align.h>
#include <atelier/project.h>
#include "files.h"
#include "memory.h"
#include "progress.h"

enum { VIEWS_MOST = 1024, CROPS_MOST = 256, BATCH_MOST = 256, COMPONENTS = 20 };
static const double SAVE_SECONDS = 60.0; // between two times that work is kept

int app_ensemble_told(const app_ensemble *a, const char *what, size_t done, size_t total) {
    return a->o.progress && a->o.progress(a->o.user, what, done, total);
}

// ---- opening

static app_status check(const app_ensemble_options *o, app_error *e) {
    if (o->views < 1 || o->views > VIEWS_MOST)
        return app_fail(e, "--views %d: 1 to %d are possible", o->views, VIEWS_MOST);
    if (o->crops < 1 || o->crops > CROPS_MOST || o->image_crops < 1 || o->image_crops > CROPS_MOST)
        return app_fail(e, "--crops, --image-crops: 1 to %d are possible", CROPS_MOST);
    if (o->batch < 1 || o->batch > BATCH_MOST)
        return app_fail(e, "--batch %d: 1 to %d are possible", o->batch, BATCH_MOST);
    if (o->weight > 1)
        return app_fail(e, "--weight %g: 0 (the picture alone) to 1 (the views alone) is possible",
                        o->weight);
    if (!(o->validation > 0 && o->validation <= 1))
        return app_fail(e, "--validation %g: a part of the pictures is expected, above 0 and up to 1",
                        o->validation);
    return APP_OK;
}

static app_status open_classifier(app_ensemble *a, app_error *e) {
    atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    m.ignore_unused = a->o.ignore_unused;
    atl_classifier_options c = a->o.classify;
    c.channels = a->made->channels;
    c.height = a->made->height;
    c.width = a->made->width;
    if (atl_model_open(a->ctx, a->o.classifier, &m, &a->network) != ATL_OK)
        return app_fail_ctx(e, a->ctx);
    if (atl_classifier_open(a->network, &c, &a->classifier) != ATL_OK)
        return app_fail(e, "%s: %s", a->o.classifier, atl_message(a->ctx));
    a->info = atl_classifier_get_info(a->classifier);
    a->classes = (size_t)a->info->classes;
    int margin = a->info->resize > a->info->crop || a->made->width != a->made->height;
    if ((a->o.crops > 1 || a->o.image_crops > 1) && !margin)
        return app_fail(
            e,
            "--crops, --image-crops: %s sees all of a picture, and there is one crop of it: --size %d makes "
            "room",
            a->o.classifier, a->info->crop * 8 / 7);
    return APP_OK;
}

static app_status open_buffers(app_ensemble *a, app_error *e) {
    const atl_model_info *g = a->made;
    size_t n = a->photos.count, views = (size_t)a->o.views, batch = (size_t)a->o.batch;
    a->row_ws = (size_t)g->num_ws * (size_t)g->w_dim;
    a->row_img = (size_t)g->channels * (size_t)g->height * (size_t)g->width;
    a->ws = app_array(n, a->row_ws, 1, sizeof(float), e);
    a->original = a->ws ? app_array(n, a->classes, 1, sizeof(float), e) : NULL;
    a->remade = a->original ? app_array(n, a->classes, 1, sizeof(float), e) : NULL;
    a->labels = a->remade ? app_array(n, 1, 1, sizeof *a->labels, e) : NULL;
    a->validates = a->labels ? app_array(n, 1, 1, 1, e) : NULL;
    a->picture = a->validates ? app_array(a->row_img, 1, 1, sizeof(float), e) : NULL;
    a->img = a->picture ? app_array(batch, a->row_img, 1, sizeof(float), e) : NULL;
    a->views = a->img ? app_array(views, a->row_ws, 1, sizeof(float), e) : NULL;
    a->probabilities = a->views ? app_array(batch, a->classes, 1, sizeof(float), e) : NULL;
    a->deep = a->probabilities ? app_array(n, a->classes, 1, sizeof(float), e) : NULL;
    a->mixed = a->deep ? app_array(n, a->classes, 1, sizeof(float), e) : NULL;
    for (size_t i = 0; a->mixed && i < a->row_count; i++)
        if (!(a->rows[i].views = app_array(n, views, a->classes, sizeof(float), e)))
            return APP_FAILED;
    return a->mixed ? APP_OK : APP_FAILED;
}

// A conditional generator mixes the styles of the class that was seen.
static app_status check_class(const app_ensemble *a, app_error *e) {
    int mixes = 0;
    for (size_t i = 0; i < a->row_count; i++)
        mixes |= a->rows[i].kind == ATL_VIEW_STYLEMIX;
    if (mixes && a->made->c_dim && (size_t)a->made->c_dim != a->classes)
        return app_fail(e,
                        "--perturb stylemix: the generator is of %d classes and the classifier of %zu, so "
                        "that its answer "
                        "says no class to mix styles of",
                        a->made->c_dim, a->classes);
    return APP_OK;
}

app_status app_ensemble_open(app_ensemble *a, atl_ctx *ctx, const app_ensemble_options *o, app_error *e) {
    *a = (app_ensemble){ .ctx = ctx, .o = *o };
    app_status status = check(o, e);
    if (status == APP_OK)
        status = app_ensemble_open_generator(a, e);
    if (status != APP_OK)
        return status;
    a->made = atl_model_get_info(a->generator);
    status = open_classifier(a, e);
    if (status == APP_OK)
        status = app_ensemble_list_rows(a, e);
    if (status == APP_OK)
        status = check_class(a, e);
    if (status == APP_OK)
        status = app_photos_open(&a->photos, o->inputs, o->count, e);
    if (status == APP_OK)
        status = open_buffers(a, e);
    if (status == APP_OK)
        status = app_ensemble_read_labels(a, e);
    if (status == APP_OK)
        status = app_folder_make(o->outdir, e);
    if (status == APP_OK)
        status = app_ensemble_find_components(a, e);
    return status == APP_OK ? app_ensemble_find_codes(a, e) : status;
}

void app_ensemble_close(app_ensemble *a) {
    for (size_t i = 0; i < a->row_count; i++)
        free(a->rows[i].views);
    atl_classifier_close(&a->classifier);
    atl_model_close(&a->network);
    atl_directions_close(&a->components);
    atl_model_close(&a->generator);
    app_photos_close(&a->photos);
    free(a->ws);
    free(a->original);
    free(a->remade);
    free(a->labels);
    free(a->validates);
    free(a->picture);
    free(a->img);
    free(a->views);
    free(a->probabilities);
    free(a->deep);
    free(a->mixed);
    *a = (app_ensemble){ 0 };
}

// ---- a picture

// What random crops of a picture are drawn by: every one of every view another.
static uint32_t crop_seed(const app_ensemble *a, size_t view, size_t crop) {
    uint32_t s = a->o.seed + (uint32_t)a->done;
    s = (s ^ (uint32_t)view) * UINT32_C(2654435761); // Knuth's multiplier
    return (s ^ (uint32_t)crop) * UINT32_C(2654435761);
}

// n pictures, of which each is the mean over its crops -> out [n, classes].  first: the number of their first
// view.
static app_status classify(app_ensemble *a, size_t n, const float *img, size_t first, int crops, float *out,
                           app_error *e) {
    uint32_t seeds[BATCH_MOST];
    size_t count = n * a->classes;
    if (crops == 1)
        return atl_classifier_run(a->classifier, (int)n, img, NULL, out) == ATL_OK ? APP_OK
                                                                                   : app_fail_ctx(e, a->ctx);
    memset(out, 0, count * sizeof *out);
    for (int c = 0; c < crops; c++) {
        for (size_t i = 0; i < n; i++)
            seeds[i] = crop_seed(a, first + i, (size_t)c);
        if (atl_classifier_run(a->classifier, (int)n, img, seeds, a->probabilities) != ATL_OK)
            return app_fail_ctx(e, a->ctx);
        for (size_t k = 0; k < count; k++)
            out[k] += a->probabilities[k] / (float)crops;
    }
    return APP_OK;
}

// n codes -> out [n, classes].
static app_status see(app_ensemble *a, size_t n, const float *ws, size_t first, float *out, app_error *e) {
    for (size_t i = 0; i < n; i += (size_t)a->o.batch) {
        size_t part = n - i < (size_t)a->o.batch ? n - i : (size_t)a->o.batch;
        if (atl_model_synthesize(a->generator, (int)part, ws + i * a->row_ws, NULL, a->img) != ATL_OK)
            return app_fail_ctx(e, a->ctx);
        if (classify(a, part, a->img, first + i, a->o.crops, out + i * a->classes, e) != APP_OK)
            return APP_FAILED;
    }
    return APP_OK;
}

static app_status see_photo(app_ensemble *a, app_error *e) {
    atl_image picture = { 0 };
    const char *path = a->photos.list[a->done].path;
    app_status status = APP_OK;
    if (atl_align_photo(a->ctx, path, &picture) != ATL_OK ||
        atl_project_target(a->generator, &picture, a->picture, NULL) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    atl_image_clear(a->ctx, &picture);
    return status == APP_OK
               ? classify(a, 1, a->picture, 0, a->o.image_crops, a->original + a->done * a->classes, e)
               : status;
}

// The label of the class that was seen, by malloc; NULL: there is none, or memory is missing (then it is
// told).
static float *label_seen(const app_ensemble *a, app_error *e) {
    const float *p = a->original + a->done * a->classes;
    float *c = app_array(a->classes, 1, 1, sizeof *c, e);
    size_t best = 0;
    for (size_t k = 1; k < a->classes; k++)
        best = p[k] > p[best] ? k : best;
    if (c)
        c[best] = 1.0f;
    return c;
}

static app_status see_views(app_ensemble *a, size_t index, const float *c, app_error *e) {
    const app_ensemble_row *row = &a->rows[index];
    size_t views = (size_t)a->o.views;
    atl_view_options v = ATL_VIEW_OPTIONS_INIT;
    v.kind = row->kind;
    v.layers = row->layers;
    v.strength = row->strength;
    v.components = a->components;
    if (a->components && atl_directions_size(a->components) < COMPONENTS)
        v.component_count = (int)atl_directions_size(a->components);
    v.seed = a->o.seed + (uint32_t)a->done;
    v.c = c;
    if (atl_views_make(a->generator, &v, a->ws + a->done * a->row_ws, a->o.views, a->views) != ATL_OK)
        return app_fail_ctx(e, a->ctx);
    return see(a, views, a->views, 2 + index * views, row->views + a->done * views * a->classes,
               e); // 0 and 1: no views
}

static app_status look(app_ensemble *a, app_error *e) {
    app_status status = see_photo(a, e);
    float *c = NULL;
    if (status == APP_OK)
        status = see(a, 1, a->ws + a->done * a->row_ws, 1, a->remade + a->done * a->classes, e);
    if (status == APP_OK && a->made->c_dim)
        status = (c = label_seen(a, e)) ? APP_OK : APP_FAILED;
    for (size_t i = 0; status == APP_OK && i < a->row_count; i++)
        status = see_views(a, i, c, e);
    free(c);
    a->done += status == APP_OK;
    return status;
}

// ---- all

static app_status stop(app_ensemble *a, app_error *e) {
    if (app_ensemble_keep(a, e) != APP_OK)
        return APP_FAILED;
    return app_stop(e, "stopped after %zu of %zu pictures; the same command with --resume goes on", a->done,
                    a->photos.count);
}

app_status app_ensemble_run(app_ensemble *a, app_error *e) {
    app_status status = a->o.resume ? app_ensemble_restore(a, e) : APP_OK;
    a->saved = app_seconds();
    while (status == APP_OK && a->done < a->photos.count) {
        status = look(a, e);
        int last = a->done == a->photos.count;
        if (status == APP_OK && app_ensemble_told(a, "pictures", a->done, a->photos.count) && !last)
            return stop(a, e);
        if (status == APP_OK && !last && app_seconds() - a->saved > SAVE_SECONDS) {
            status = app_ensemble_keep(a, e);
            a->saved = app_seconds();
        }
    }
    return status == APP_OK ? app_ensemble_write(a, e) : status;
}
