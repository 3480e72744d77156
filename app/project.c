// SPDX-License-Identifier: Apache-2.0
// Opening a projection, and its batches one after the other.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "memory.h"
#include "progress.h"
#include "project_parts.h"

enum { FRAMES_MOST = 250 };              // of a video: ten seconds
static const double SAVE_SECONDS = 60.0; // between two states that are kept

// ---- opening

// "best-of N" with any one character between the words.
static app_status parse_init(app_project *p, app_error *e) {
    int used = 0;
    if (!p->o.init || strncmp(p->o.init, "best-of", 7) != 0)
        return APP_OK;
    if (sscanf(p->o.init + 7, "%*1[ :=-]%7d%n", &p->best_of, &used) != 1 || p->o.init[7 + used] ||
        p->best_of < 1 || p->best_of > p->o.search.samples)
        return app_fail(e, "--init %s: expected 'best-of N' with N from 1 to %d", p->o.init,
                        p->o.search.samples);
    return APP_OK;
}

static app_status check_classes(const app_project *p, app_error *e) {
    const app_seeds *k = p->o.classes;
    size_t count = k ? k->count : 0;
    if (!p->info->c_dim && count)
        app_warn(e, "--class is ignored: the network is not conditional");
    if (!p->info->c_dim)
        return APP_OK;
    if (!count)
        return app_fail(e, "the network is conditional: choose a class with --class K, 0 to %d",
                        p->info->c_dim - 1);
    if (count != 1 && count != p->count)
        return app_fail(e, "--class %s: %zu classes; give one, or one for each of the %zu targets", k->text,
                        count, p->count);
    for (size_t i = 0; i < count; i++)
        if (k->items[i] >= (uint32_t)p->info->c_dim)
            return app_fail(e, "--class %u: the network has classes 0 to %d", k->items[i],
                            p->info->c_dim - 1);
    return APP_OK;
}

static app_status open_search(app_project *p, app_error *e) {
    atl_project_options *o = &p->o.search;
    o->loss = app_features_open(p->ctx, p->o.loss, p->o.detectors, &p->features, e);
    if (!o->loss)
        return APP_FAILED;
    o->features = p->features;
    o->batch = (int)p->batch;
    return atl_projector_open(p->model, o, &p->search) == ATL_OK ? APP_OK : app_fail_ctx(e, p->ctx);
}

static app_status open_buffers(app_project *p, app_error *e) {
    const atl_model_info *i = p->info;
    int steps = p->o.search.steps;
    p->every = (steps + FRAMES_MOST - 1) / FRAMES_MOST;
    p->frames = p->o.video ? steps / p->every : 0;
    p->row_ws = (size_t)i->num_ws * (size_t)i->w_dim;
    p->row_img = (size_t)i->channels * (size_t)i->height * (size_t)i->width;
    p->pictures = app_array(p->batch, p->row_img, 1, sizeof(float), e);
    p->img = p->pictures ? app_array(p->batch, p->row_img, 1, sizeof(float), e) : NULL;
    p->ws = p->img ? app_array(p->batch, p->row_ws, 1, sizeof(float), e) : NULL;
    p->mask = p->ws ? app_array((size_t)i->height, (size_t)i->width, 1, sizeof(float), e) : NULL;
    p->c = p->mask ? app_array(p->batch, (size_t)i->c_dim + 1, 1, sizeof(float), e) : NULL;
    int s = !strcmp(p->o.search.space, "s");
    if (p->c && s && app_styles_list(p->model, p->batch, &p->styles, e) != APP_OK)
        return APP_FAILED;
    p->row_path = s ? p->styles.width : p->row_ws;
    p->path = p->c ? app_array(p->batch, (size_t)p->frames + 1, p->row_path, sizeof(float), e) : NULL;
    return p->path ? APP_OK : APP_FAILED;
}

app_status app_project_open(app_project *p, atl_ctx *ctx, atl_model *model, const app_project_options *o,
                            app_error *e) {
    *p = (app_project){ .ctx = ctx, .model = model, .info = atl_model_get_info(model), .o = *o };
    app_status status = app_project_list(p, e);
    if (status != APP_OK)
        return status;
    size_t batch = o->search.batch < 1 ? 1 : (size_t)o->search.batch;
    p->batch = batch < p->count ? batch : p->count;
    p->batches = (p->count + p->batch - 1) / p->batch;
    status = parse_init(p, e);
    if (status == APP_OK)
        status = check_classes(p, e);
    if (status == APP_OK)
        status = app_folder_make(o->folder, e);
    if (status == APP_OK)
        status = open_search(p, e);
    return status == APP_OK ? open_buffers(p, e) : status;
}

void app_project_close(app_project *p) {
    atl_projector_close(&p->search);
    atl_model_close(&p->features);
    app_styles_close(&p->styles);
    for (size_t i = 0; i < p->count; i++) {
        free(p->targets[i].path);
        free(p->targets[i].folder);
    }
    free(p->targets);
    free(p->pictures);
    free(p->img);
    free(p->ws);
    free(p->mask);
    free(p->c);
    free(p->path);
    *p = (app_project){ 0 };
}

// ---- running

static app_status begin(app_project *p, app_error *e) {
    atl_project_start start = ATL_PROJECT_START_INIT;
    int restored = 0;
    app_status status = app_project_load(p, e);
    if (status == APP_OK)
        status = app_project_start_ws(p, &start.ws, e);
    if (status != APP_OK)
        return status;
    start.count = (int)p->now;
    start.targets = p->pictures;
    start.mask = p->o.mask ? p->mask : NULL;
    start.c = p->info->c_dim ? p->c : NULL;
    start.best_of = p->best_of;
    if (atl_projector_begin(p->search, &start) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    if (p->o.resume)
        status = app_project_restore(p, &restored, e);
    p->step = atl_projector_get_state(p->search)->step;
    p->saved = app_seconds();
    return status == APP_OK ? app_project_log_open(p, p->step, e) : status;
}

// Where the search is, for a frame of the video.
static app_status remember(app_project *p, app_error *e) {
    if (!p->frames || p->step % p->every || p->step / p->every > p->frames)
        return APP_OK;
    size_t frame = (size_t)(p->step / p->every - 1), row = p->row_path;
    const float *from = p->styles.count ? p->styles.moves : p->ws;
    if ((p->styles.count ? atl_projector_read_latent(p->search, p->styles.moves)
                         : atl_projector_read(p->search, p->ws)) != ATL_OK)
        return app_fail_ctx(e, p->ctx);
    for (size_t i = 0; i < p->now; i++)
        memcpy(p->path + (i * (size_t)p->frames + frame) * row, from + i * row, row * sizeof *p->path);
    return APP_OK;
}

static app_status stop(app_project *p, app_error *e) {
    app_error_clear(e);
    if (app_project_save(p, e) != APP_OK || app_project_write_ws(p, e) != APP_OK)
        return APP_FAILED;
    return app_stop(e, "stopped after %d of %d steps%s; the same command with --resume goes on", p->step,
                    p->o.search.steps, p->batches > 1 ? " of one batch" : "");
}

static app_status step(app_project *p, app_error *e) {
    const atl_project_state *s = atl_projector_get_state(p->search);
    if (atl_projector_step(p->search) != ATL_OK) {
        app_fail_ctx(e, p->ctx);
        app_project_write_ws(p, NULL); // what was found before
        return APP_FAILED;
    }
    p->step = s->step;
    p->distance = 0.0;
    for (size_t i = 0; i < p->now; i++)
        p->distance += s->distance[i] / (double)p->now;
    app_status status = app_project_log(p, e);
    if (status == APP_OK)
        status = remember(p, e);
    if (status == APP_OK && p->step < s->steps && app_seconds() - p->saved > SAVE_SECONDS) {
        status = app_project_save(p, e);
        p->saved = app_seconds();
    }
    return status;
}

static app_status run_batch(app_project *p, app_project_use *use, void *user, app_error *e) {
    app_status status = begin(p, e);
    while (status == APP_OK && p->step < p->o.search.steps) {
        status = step(p, e);
        if (status == APP_OK)
            status = use(user, p, e);
        if (status == APP_STOPPED && p->step < p->o.search.steps)
            return stop(p, e);
    }
    app_status asked = status;
    if (status == APP_OK || status == APP_STOPPED)
        status = app_project_finish(p, e);
    if (status == APP_OK)
        app_project_forget(p);
    return status == APP_OK ? asked : status;
}

app_status app_project_run(app_project *p, app_project_use *use, void *user, app_error *e) {
    app_status status = APP_OK;
    for (size_t b = 0; status == APP_OK && b < p->batches; b++) {
        p->first = b * p->batch;
        p->now = p->count - p->first < p->batch ? p->count - p->first : p->batch;
        p->step = 0;
        if (!(p->o.resume && app_project_is_done(p)))
            status = run_batch(p, use, user, e);
    }
    if (status == APP_STOPPED)
        app_stop(e, "stopped after %zu of %zu targets", p->first + p->now, p->count);
    return status;
}
