// SPDX-License-Identifier: Apache-2.0
// An overlay on its way to the aligned place, and from there to pictures; see propagate.h.
#include "propagate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "memory.h"

// Gray becomes colour; without transparent parts an overlay would hide all.
static app_status read_overlay(app_propagate *p, app_error *e) {
    atl_ctx *ctx = p->aligner.ctx;
    atl_image raw = { 0 };
    app_status status = APP_OK;
    if (atl_image_read(ctx, p->o.overlay, &raw) != ATL_OK)
        return app_fail_ctx(e, ctx);
    if (raw.channels % 2)
        status = app_fail(e,
                          "%s: the overlay has no transparent parts: draw it on a transparent layer and keep "
                          "it as PNG or WebP with alpha",
                          p->o.overlay);
    else if (atl_image_init(ctx, raw.width, raw.height, 4, &p->overlay) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    for (size_t i = 0; status == APP_OK && i < (size_t)raw.width * (size_t)raw.height; i++)
        for (size_t k = 0; k < 4; k++) {
            size_t from = raw.channels == 4 ? k : k == 3;
            p->overlay.pixels[4 * i + k] = raw.pixels[i * (size_t)raw.channels + from];
        }
    atl_image_clear(ctx, &raw);
    return status;
}

// Animated ones are read as pictures are: their first frame alone.
static int is_video(const char *path) {
    static const char *const ends[] = { ".mp4", ".m4v",  ".mov", ".mkv", ".webm",
                                        ".avi", ".mpg", ".mpeg", ".ts", ".y4m" };
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (length > strlen(ends[i]) && !strcasecmp(path + length - strlen(ends[i]), ends[i]))
            return 1;
    return 0;
}

// The grid of a picture, of a file where `path` says one.
static app_status warp(app_propagate *p, const char *path, atl_image *picture, app_error *e) {
    app_aligner *a = &p->aligner;
    app_status status = path ? app_aligner_read(a, path, picture, p->input, e)
                             : app_aligner_take(a, picture, p->input, e);
    if (status == APP_OK && atl_congealer_run(a->congealer, 1, p->input, &p->o.cluster,
                                              &(atl_congealed){ .grid = p->grid }) != ATL_OK)
        status = app_fail_ctx(e, a->ctx);
    return status;
}

// What was drawn over a picture to the aligned place.
static app_status lift(app_propagate *p, app_error *e) {
    atl_ctx *ctx = p->aligner.ctx;
    atl_image picture = { 0 }, lifted = { 0 };
    app_status status = warp(p, p->o.on, &picture, e);
    if (status == APP_OK && (picture.width != p->overlay.width || picture.height != p->overlay.height))
        status = app_fail(e, "%s: has %dx%d pixels, and %s, over which it was drawn, %dx%d: both must be as large",
                          p->o.overlay, p->overlay.width, p->overlay.height, p->o.on, picture.width,
                          picture.height);
    if (status == APP_OK && atl_overlay_lift(ctx, &p->overlay, p->grid, p->aligner.info->side,
                                             p->o.resolution, &lifted) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    atl_image_clear(ctx, &picture);
    if (status != APP_OK)
        return status;
    atl_image_clear(ctx, &p->overlay);
    p->overlay = lifted;
    return APP_OK;
}

static app_status prepare(app_propagate *p, app_error *e) {
    const atl_congeal_info *info = p->aligner.info;
    app_status status = app_aligner_check_cluster(&p->aligner, p->o.cluster, e);
    for (size_t i = 0; status == APP_OK && p->o.count > 1 && i < p->o.count; i++)
        if (is_video(p->o.inputs[i]))
            status = app_fail(e, "%s: a video is taken alone; %zu inputs are given", p->o.inputs[i], p->o.count);
    if (status == APP_OK && is_video(p->o.inputs[0]))
        status = atl_video_reader_open(p->aligner.ctx, p->o.inputs[0], &p->video) == ATL_OK
                     ? APP_OK
                     : app_fail_ctx(e, p->aligner.ctx);
    else if (status == APP_OK)
        status = app_photos_open(&p->photos, p->o.inputs, p->o.count, e);
    if (status == APP_OK)
        status = read_overlay(p, e);
    if (status != APP_OK)
        return status;
    p->input = app_array(app_aligner_input(&p->aligner), 1, 1, sizeof *p->input, e);
    p->grid = p->input ? app_array(2, (size_t)info->side, (size_t)info->side, sizeof *p->grid, e) : NULL;
    if (!p->grid)
        return APP_FAILED;
    if (p->o.on)
        return lift(p, e);
    if (p->overlay.width != p->overlay.height)
        return app_fail(e,
                        "%s: has %dx%d pixels, and one over the average must be a square: --on PICTURE is for "
                        "what was drawn over a picture",
                        p->o.overlay, p->overlay.width, p->overlay.height);
    return APP_OK;
}

app_status app_propagate_open(app_propagate *p, atl_ctx *ctx, const app_propagate_options *o, app_error *e) {
    *p = (app_propagate){ .o = *o };
    app_status status = app_aligner_open(&p->aligner, ctx, &o->aligner, e);
    return status == APP_OK ? prepare(p, e) : status;
}

void app_propagate_close(app_propagate *p) {
    if (p->overlay.pixels)
        atl_image_clear(p->aligner.ctx, &p->overlay);
    app_aligner_close(&p->aligner);
    app_photos_close(&p->photos);
    atl_video_reader_close(&p->video);
    free(p->input);
    free(p->grid);
    *p = (app_propagate){ 0 };
}

size_t app_propagate_count(const app_propagate *p) {
    return p->video ? (size_t)atl_video_reader_get_info(p->video)->frames : p->photos.count;
}

// The next picture and its grid: *name is NULL behind the last one.
static app_status next(app_propagate *p, size_t i, atl_image *picture, const char **name, char frame[24],
                       app_error *e) {
    *name = NULL;
    if (!p->video) {
        if (i == p->photos.count)
            return APP_OK;
        *name = p->photos.list[i].stem;
        return warp(p, p->photos.list[i].path, picture, e);
    }
    if (atl_video_reader_next(p->video, picture) != ATL_OK)
        return app_fail_ctx(e, p->aligner.ctx);
    if (!picture->pixels)
        return APP_OK;
    snprintf(frame, 24, "frame%06zu", i);
    *name = frame;
    return warp(p, NULL, picture, e);
}

app_status app_propagate_run(app_propagate *p, app_propagate_use *use, void *user, app_error *e) {
    atl_ctx *ctx = p->aligner.ctx;
    app_status status = APP_OK;
    const char *name = "";
    for (size_t i = 0; status == APP_OK && name; i++) {
        char frame[24];
        atl_image picture = { 0 };
        status = next(p, i, &picture, &name, frame, e);
        if (status == APP_OK && name &&
            atl_overlay_lay(ctx, &p->overlay, p->grid, p->aligner.info->side, p->o.opacity, &picture) != ATL_OK)
            status = app_fail_ctx(e, ctx);
        if (status == APP_OK && name)
            status = use(user, name, &picture, e);
        atl_image_clear(ctx, &picture);
    }
    return status;
}
