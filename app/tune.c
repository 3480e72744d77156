// SPDX-License-Identifier: Apache-2.0
// Pivots from files, the steps, the network that comes of it; see tune.h.
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tune.h"
#include "files.h"
#include "latents.h"
#include "maps.h"
#include "memory.h"
#include "progress.h"

enum { PIVOTS_MOST = 4096 };
static const double SAVE_SECONDS = 60.0; // between two states that are kept

// ---- which pivots

static int is_projection(const char *folder) {
    char path[APP_DETECTOR_PATH];
    int size = snprintf(path, sizeof path, "%s/projected_w.npz", folder);
    return size < (int)sizeof path && access(path, F_OK) == 0;
}

static app_status add(app_tune *t, char *picture, char *latents, app_error *e) {
    if (picture && latents && t->count < PIVOTS_MOST) {
        t->pivots[t->count++] = (app_pivot){ picture, latents };
        return APP_OK;
    }
    free(picture);
    free(latents);
    return app_fail(e, "more than %d pivots are not possible", PIVOTS_MOST);
}

static app_status add_projection(app_tune *t, const char *folder, app_error *e) {
    return add(t, app_join(folder, "target.png", e), app_join(folder, "projected_w.npz", e), e);
}

static int by_picture(const void *a, const void *b) {
    return strcmp(((const app_pivot *)a)->picture, ((const app_pivot *)b)->picture);
}

// A folder of projections, of several targets.
static app_status add_projections(app_tune *t, const char *folder, app_error *e) {
    DIR *dir = opendir(folder);
    size_t before = t->count;
    app_status status = APP_OK;
    if (!dir)
        return app_fail(e, "%s: the folder can't be read", folder);
    for (struct dirent *entry; status == APP_OK && (entry = readdir(dir)) != NULL;) {
        char *path = *entry->d_name == '.' ? NULL : app_join(folder, entry->d_name, e);
        if (path && is_projection(path))
            status = add_projection(t, path, e);
        free(path);
    }
    closedir(dir);
    if (status == APP_OK && t->count == before)
        return app_fail(
            e,
            "%s: no projection is in this folder (a projected_w.npz and a target.png, as 'atelier "
            "project' writes them)",
            folder);
    qsort(t->pivots + before, t->count - before, sizeof *t->pivots, by_picture);
    return status;
}

static app_status list_pivots(app_tune *t, app_error *e) {
    app_status status = APP_OK;
    t->pivots = app_array(PIVOTS_MOST, 1, 1, sizeof *t->pivots, e);
    if (!t->pivots)
        return APP_FAILED;
    for (size_t i = 0; status == APP_OK && i < t->o.count; i++)
        status = is_projection(t->o.folders[i]) ? add_projection(t, t->o.folders[i], e)
                                                : add_projections(t, t->o.folders[i], e);
    if (status == APP_OK && t->o.target)
        status = add(t, app_copy(t->o.target, e), app_copy(t->o.latents, e), e);
    return status;
}

// ---- what they are

static app_status read_picture(app_tune *t, size_t at, app_error *e) {
    atl_image picture = { 0 };
    app_status status = APP_OK;
    if (atl_image_read(t->ctx, t->pivots[at].picture, &picture) != ATL_OK ||
        atl_project_target(t->model, &picture, t->targets + at * t->row_img, NULL) != ATL_OK)
        status = app_fail_ctx(e, t->ctx);
    atl_image_clear(t->ctx, &picture);
    return status;
}

// ws of a pivot, and its maps where it is the only one; *maps is closed by the caller.
static app_status read_latents(app_tune *t, size_t at, app_maps *maps, app_error *e) {
    const app_pivot *p = &t->pivots[at];
    app_latents l;
    if (app_latents_open(t->ctx, t->info, p->latents, 1, &l, e) != APP_OK)
        return APP_FAILED;
    app_status status = app_latents_need_plain(&l, p->latents, e);
    if (status == APP_OK && (l.space == APP_Z || l.count != 1))
        status = app_fail(e, "%s: %zu rows of %s; a pivot is one w, or one for each layer", p->latents,
                          l.count, l.space == APP_Z ? "z" : "w");
    if (status == APP_OK)
        app_latents_ws(&l, 0, t->row_ws, t->ws + at * t->row_ws);
    if (status == APP_OK && t->count == 1 && t->o.noise_maps && l.tensors.set)
        status = app_maps_open(t->model, l.tensors.set, p->latents, 1, 1, maps, e);
    if (status == APP_OK)
        app_maps_row(maps, 0, 0);
    app_latents_close(&l);
    return status;
}

// --resume: a state goes on; a network without one was finished.
static app_status restore(app_tune *t, app_error *e) {
    if (!t->o.resume)
        return APP_OK;
    if (access(t->state, F_OK) != 0) {
        t->done = access(t->o.output, F_OK) == 0;
        return APP_OK;
    }
    return atl_tuner_restore(t->search, t->state) == ATL_OK ? APP_OK : app_fail_ctx(e, t->ctx);
}

static app_status begin(app_tune *t, app_error *e) {
    atl_tune_start start = ATL_TUNE_START_INIT;
    app_maps maps = { 0 };
    app_status status = APP_OK;
    for (size_t i = 0; status == APP_OK && i < t->count; i++) {
        status = read_picture(t, i, e);
        if (status == APP_OK)
            status = read_latents(t, i, &maps, e);
    }
    start.count = (int)t->count;
    start.targets = t->targets;
    start.ws = t->ws;
    if (maps.count)
        start.noise_maps = (const float *const *)maps.room;
    if (status == APP_OK && atl_tuner_begin(t->search, &start) != ATL_OK)
        status = app_fail_ctx(e, t->ctx);
    app_maps_close(&maps);
    t->saved = app_seconds();
    return status == APP_OK ? restore(t, e) : status;
}

// ---- opening

static app_status open_search(app_tune *t, app_error *e) {
    atl_tune_options *o = &t->o.search;
    o->loss = app_features_open(t->ctx, t->o.loss, t->o.detectors, &t->features, e);
    if (!o->loss)
        return APP_FAILED;
    if (!t->o.loss && !strcmp(o->loss, "lpips"))
        o->loss = "lpips+mse";
    o->features = t->features;
    if (o->batch > (int)t->count)
        o->batch = (int)t->count;
    return atl_tuner_open(t->model, o, &t->search) == ATL_OK ? APP_OK : app_fail_ctx(e, t->ctx);
}

app_status app_tune_open(app_tune *t, atl_ctx *ctx, atl_model *model, const app_tune_options *o,
                         app_error *e) {
    *t = (app_tune){ .ctx = ctx, .model = model, .info = atl_model_get_info(model), .o = *o };
    app_status status = list_pivots(t, e);
    if (status == APP_OK && t->count == 0)
        status =
            app_fail(e, "there is no pivot: give folders of 'atelier project', or --target and --latents");
    if (status != APP_OK)
        return status;
    t->row_ws = (size_t)t->info->num_ws * (size_t)t->info->w_dim;
    t->row_img = (size_t)t->info->channels * (size_t)t->info->height * (size_t)t->info->width;
    t->targets = app_array(t->count, t->row_img, 1, sizeof(float), e);
    t->ws = t->targets ? app_array(t->count, t->row_ws, 1, sizeof(float), e) : NULL;
    t->state = t->ws ? app_array(strlen(o->output) + sizeof ".state", 1, 1, 1, e) : NULL;
    if (!t->state)
        return APP_FAILED;
    sprintf(t->state, "%s.state", o->output);
    status = open_search(t, e);
    return status == APP_OK ? begin(t, e) : status;
}

void app_tune_close(app_tune *t) {
    atl_tuner_close(&t->search);
    atl_model_close(&t->features);
    for (size_t i = 0; i < t->count; i++) {
        free(t->pivots[i].picture);
        free(t->pivots[i].latents);
    }
    free(t->pivots);
    free(t->targets);
    free(t->ws);
    free(t->state);
    *t = (app_tune){ 0 };
}

// ---- running

// DIR/pivotN-WHEN.png of each pivot.
static app_status show(app_tune *t, const char *when, app_error *e) {
    const atl_model_info *i = t->info;
    atl_image image = { 0 };
    float *img = t->o.outdir ? app_array(t->row_img, 1, 1, sizeof *img, e) : NULL;
    app_status status = t->o.outdir ? (img ? app_folder_make(t->o.outdir, e) : APP_FAILED) : APP_OK;
    if (img && status == APP_OK && atl_image_init(t->ctx, i->width, i->height, i->channels, &image) != ATL_OK)
        status = app_fail_ctx(e, t->ctx);
    for (size_t k = 0; img && status == APP_OK && k < t->count; k++) {
        char name[64], *path;
        snprintf(name, sizeof name, "pivot%zu-%s.png", k, when);
        path = app_join(t->o.outdir, name, e);
        if (!path || atl_tuner_look(t->search, (int)k, img, NULL) != ATL_OK)
            status = path ? app_fail_ctx(e, t->ctx) : APP_FAILED;
        if (status == APP_OK)
            atl_image_from_float(img, &image);
        if (status == APP_OK && atl_image_write(t->ctx, path, "png", &image, 0, NULL, 0) != ATL_OK)
            status = app_fail_ctx(e, t->ctx);
        free(path);
    }
    atl_image_clear(t->ctx, &image);
    free(img);
    return status;
}

static app_status keep(app_tune *t, app_error *e) {
    t->saved = app_seconds();
    return atl_tuner_keep(t->search, t->state) == ATL_OK ? APP_OK : app_fail_ctx(e, t->ctx);
}

static app_status step(app_tune *t, app_tune_use *use, void *user, app_error *e) {
    const atl_tune_state *s = atl_tuner_get_state(t->search);
    if (atl_tuner_step(t->search) != ATL_OK)
        return app_fail_ctx(e, t->ctx);
    app_status status = use(user, s, e);
    return status == APP_OK && !s->finished && app_seconds() - t->saved > SAVE_SECONDS ? keep(t, e) : status;
}

static app_status write_network(app_tune *t, app_error *e) {
    atl_dtype dtype = t->o.half ? ATL_F16 : ATL_F32;
    atl_status status = t->o.only_changed ? atl_tuner_save_deltas(t->search, t->o.output, dtype)
                                          : atl_tuner_save(t->search, t->o.output, dtype);
    return status == ATL_OK ? APP_OK : app_fail_ctx(e, t->ctx);
}

app_status app_tune_run(app_tune *t, app_tune_use *use, void *user, app_error *e) {
    const atl_tune_state *s = atl_tuner_get_state(t->search);
    if (t->done)
        return APP_OK;
    app_status status = s->step ? APP_OK : show(t, "before", e);
    while (status == APP_OK && !s->finished)
        status = step(t, use, user, e);
    app_status asked = status;
    if (asked == APP_FAILED)
        return status;
    app_error_clear(e);
    int stopped = asked == APP_STOPPED && !s->finished;
    status = stopped ? keep(t, e) : APP_OK;
    if (status == APP_OK)
        status = show(t, "after", e);
    if (status == APP_OK)
        status = write_network(t, e);
    if (status == APP_OK && stopped)
        return app_stop(e,
                        "stopped after %d of %d steps; %s has what was reached, and the same command with "
                        "--resume goes on",
                        s->step, s->steps, t->o.output);
    if (status == APP_OK)
        unlink(t->state);
    return status;
}
