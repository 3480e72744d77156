// SPDX-License-Identifier: Apache-2.0
// Dragging a picture, and the files about it; see drag.h.
#include "drag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atelier/array.h>
#include "json.h"
#include "mask.h"
#include "memory.h"

enum { VIDEO_SIDE = 256 }; // small pictures are shown at least so large

// ---- Points

static int separates(char c) {
    return c == ' ' || c == ';' || c == '\t' || c == '\n';
}

app_status app_drag_points(app_drag_options *o, const char *text, app_error *e) {
    for (const char *at = text;;) {
        atl_drag_point p;
        char middle;
        int end = 0;
        while (separates(*at))
            at++;
        if (!*at)
            return APP_OK;
        if (sscanf(at, "%lf,%lf %c%lf,%lf%n", &p.x, &p.y, &middle, &p.to_x, &p.to_y, &end) != 5 ||
            (middle != '>' && middle != ':') || (at[end] && !separates(at[end])))
            return app_fail(
                e, "--points %s: expected handles and targets such as \"30,34>38,34 10,20>10,26\"", text);
        if (o->count == APP_DRAG_POINTS)
            return app_fail(e, "--points: %d handles at most", APP_DRAG_POINTS);
        o->points[o->count++] = p;
        at += end;
    }
}

// ---- Opening

static app_status open_mask(app_drag *d, app_error *e) {
    const atl_model_info *info = d->render.info;
    atl_image mask;
    if (!d->o.mask)
        return APP_OK;
    if (app_mask_read(d->ctx, d->o.mask, &mask, e) != APP_OK)
        return APP_FAILED;
    app_status status = APP_OK;
    size_t area = (size_t)mask.width * (size_t)mask.height;
    if (mask.width != info->width || mask.height != info->height)
        status = app_fail(e, "%s: a mask of %dx%d pixels; the pictures of the network have %dx%d", d->o.mask,
                          mask.width, mask.height, info->width, info->height);
    else if (!(d->mask = app_array(area, 1, 1, 1, e)))
        status = APP_FAILED;
    for (size_t i = 0; status == APP_OK && i < area; i++)
        d->mask[i] = mask.pixels[i] > 127;
    d->o.drag.mask = d->mask;
    atl_image_clear(d->ctx, &mask);
    return status;
}

static app_status open_render(app_drag *d, atl_model *model, app_error *e) {
    const app_render_source source = {
        .seeds = d->o.seed, .count = d->o.seed ? 1 : 0, .classes = d->o.classes, .batch = 1, .maps = 1
    };
    app_status status = app_render_open(&d->render, d->ctx, model, &d->o.recipe, &source, e);
    if (status == APP_OK)
        status = app_render_truncation(&d->render, e);
    if (status == APP_OK && d->o.recipe.row >= d->render.latents.count)
        status = app_fail(e, "--row %zu: the latents have rows 0 to %zu", d->o.recipe.row,
                          d->render.latents.count - 1);
    return status == APP_OK ? app_render_ws(&d->render, d->o.seed ? 0 : d->o.recipe.row, 1, e) : status;
}

static app_status open_pictures(app_drag *d, app_error *e) {
    const atl_model_info *i = d->render.info;
    int side = i->width > i->height ? i->width : i->height;
    d->scale = side < VIDEO_SIDE ? (VIDEO_SIDE + side - 1) / side : 1;
    if (atl_image_init(d->ctx, i->width, i->height, i->channels, &d->picture) != ATL_OK ||
        atl_image_init(d->ctx, i->width * d->scale, i->height * d->scale, 3, &d->frame) != ATL_OK)
        return app_fail_ctx(e, d->ctx);
    return APP_OK;
}

static app_status open_files(app_drag *d, app_error *e) {
    atl_video_options v = d->o.video;
    app_status status = app_folder_make(d->o.folder, e);
    char *log = status == APP_OK ? app_join(d->o.folder, "drag.jsonl", e) : NULL;
    char *film = log && d->o.fps ? app_join(d->o.folder, "drag.mp4", e) : NULL;
    v.width = d->frame.width, v.height = d->frame.height, v.fps = d->o.fps;
    status = log && (film || !d->o.fps) ? app_file_open(&d->log, log, e) : APP_FAILED;
    if (status == APP_OK && film && atl_video_open(d->ctx, film, &v, &d->video) != ATL_OK) {
        app_fail_ctx(e, d->ctx);
        atl_message_clear(d->ctx);
        app_excuse(e); // a video is only for looking
    }
    free(log);
    free(film);
    return status;
}

app_status app_drag_open(app_drag *d, atl_ctx *ctx, atl_model *model, const app_drag_options *o,
                         app_error *e) {
    *d = (app_drag){ .ctx = ctx, .o = *o };
    app_status status =
        o->count ? open_render(d, model, e) : app_fail(e, "no handles to drag; give --points");
    if (status == APP_OK)
        status = open_mask(d, e);
    if (status == APP_OK && !(d->ws = app_array(d->render.row_ws, 1, 1, sizeof(float), e)))
        status = APP_FAILED;
    if (d->render.maps.count)
        d->o.drag.noise_maps = (const float *const *)d->render.maps.room;
    if (status == APP_OK &&
        atl_drag_open(model, d->render.ws, d->o.points, d->o.count, &d->o.drag, &d->drag) != ATL_OK)
        status = app_fail_ctx(e, ctx);
    if (status == APP_OK)
        status = open_pictures(d, e);
    return status == APP_OK ? open_files(d, e) : status;
}

void app_drag_close(app_drag *d) {
    atl_drag_close(&d->drag);
    atl_video_abort(&d->video);
    app_file_discard(&d->log);
    if (d->ctx) {
        atl_image_clear(d->ctx, &d->picture);
        atl_image_clear(d->ctx, &d->frame);
    }
    free(d->mask);
    free(d->ws);
    app_render_close(&d->render);
    *d = (app_drag){ 0 };
}

// ---- Pictures

// The picture of now to d->picture.
static app_status paint(app_drag *d, app_error *e) {
    if (atl_drag_read(d->drag, d->ws) != ATL_OK)
        return app_fail_ctx(e, d->ctx);
    app_render_noise(&d->render, 0, d->o.seed ? *d->o.seed : (uint32_t)d->o.recipe.row);
    app_status status = app_render_img(&d->render, 1, d->ws, e);
    if (status == APP_OK)
        atl_image_from_float(d->render.img, &d->picture);
    return status;
}

static void enlarge(app_drag *d) {
    size_t c = (size_t)d->picture.channels, width = (size_t)d->frame.width;
    for (int y = 0; y < d->frame.height; y++)
        for (int x = 0; x < d->frame.width; x++) {
            const uint8_t *p =
                d->picture.pixels +
                ((size_t)(y / d->scale) * (size_t)d->picture.width + (size_t)(x / d->scale)) * c;
            for (size_t k = 0; k < 3; k++)
                d->frame.pixels[((size_t)y * width + (size_t)x) * 3 + k] = p[c > 2 ? k : 0];
        }
}

// A dot around the middle of a pixel.
static void dot(app_drag *d, double px, double py, const uint8_t colour[3]) {
    int radius = d->frame.width / 80 + 1;
    int cx = (int)((px + 0.5) * d->scale), cy = (int)((py + 0.5) * d->scale);
    for (int y = cy - radius; y <= cy + radius; y++)
        for (int x = cx - radius; x <= cx + radius; x++)
            if ((x - cx) * (x - cx) + (y - cy) * (y - cy) <= radius * radius && x >= 0 && y >= 0 &&
                x < d->frame.width && y < d->frame.height)
                memcpy(d->frame.pixels + ((size_t)y * (size_t)d->frame.width + (size_t)x) * 3, colour, 3);
}

static app_status show(app_drag *d, const atl_drag_state *s, app_error *e) {
    static const uint8_t red[] = { 230, 40, 40 }, blue[] = { 40, 90, 230 };
    if (!d->video)
        return APP_OK;
    app_status status = paint(d, e);
    if (status != APP_OK)
        return status;
    enlarge(d);
    for (size_t i = 0; i < s->count; i++) {
        dot(d, s->points[i].to_x, s->points[i].to_y, blue);
        dot(d, s->points[i].x, s->points[i].y, red);
    }
    return atl_video_write(d->video, &d->frame) == ATL_OK ? APP_OK : app_fail_ctx(e, d->ctx);
}

static app_status write_picture(app_drag *d, const char *name, app_error *e) {
    char *path = app_join(d->o.folder, name, e);
    app_status status = path ? paint(d, e) : APP_FAILED;
    app_recipe recipe = app_render_record(&d->render, 0);
    recipe.grid = "drag";
    recipe.command = d->o.command;
    if (status == APP_OK)
        status = app_picture_write(d->ctx, path, "png", &d->picture, 0, d->o.command ? &recipe : NULL, e);
    free(path);
    return status;
}

static app_status write_latents(app_drag *d, app_error *e) {
    const atl_model_info *i = d->render.info;
    const app_maps *maps = &d->render.maps;
    char *path = app_join(d->o.folder, "dragged_w.npz", e);
    atl_array list[1 + APP_MAPS] = {
        { .name = "w", .dtype = ATL_F32, .rank = 3, .data = d->ws, .dims = { 1, i->num_ws, i->w_dim } }
    };
    for (size_t k = 0; k < maps->count; k++) {
        list[1 + k] = *maps->from[k];
        list[1 + k].dtype = ATL_F32;
        list[1 + k].dims[0] = 1;
        list[1 + k].data = maps->room[k];
    }
    if (!path || atl_drag_read(d->drag, d->ws) != ATL_OK) {
        free(path);
        return app_fail_ctx(e, d->ctx);
    }
    app_status status =
        atl_npz_write(d->ctx, path, list, 1 + maps->count) == ATL_OK ? APP_OK : app_fail_ctx(e, d->ctx);
    free(path);
    return status;
}

// ---- The loop

static void log_step(app_drag *d, const atl_drag_state *s) {
    char loss[APP_JSON_NUMBER], distance[APP_JSON_NUMBER];
    app_json_number(s->loss, loss);
    app_json_number(s->distance, distance);
    fprintf(d->log.out, "{\"step\": %d, \"loss\": %s, \"distance\": %s, \"handles\": [", s->step, loss,
            distance);
    for (size_t i = 0; i < s->count; i++)
        fprintf(d->log.out, "%s[%g, %g]", i ? ", " : "", s->points[i].x, s->points[i].y);
    fprintf(d->log.out, "]}\n");
}

static app_status steps(app_drag *d, app_drag_use *use, void *user, app_error *e) {
    const atl_drag_state *s = atl_drag_get_state(d->drag);
    app_status status = show(d, s, e);
    while (status == APP_OK && !s->arrived && s->step < d->o.steps) {
        if (atl_drag_step(d->drag) != ATL_OK)
            return app_fail_ctx(e, d->ctx);
        log_step(d, s);
        status = show(d, s, e);
        if (status == APP_OK)
            status = use(user, s, e);
    }
    return status;
}

// What was reached is kept, whatever ended the steps.
static app_status keep(app_drag *d, app_error *e) {
    app_status status = write_latents(d, e);
    if (status == APP_OK)
        status = write_picture(d, "drag.png", e);
    if (status == APP_OK && d->video && atl_video_finish(&d->video) != ATL_OK)
        status = app_fail_ctx(e, d->ctx);
    return status == APP_OK ? app_file_commit(&d->log, e) : status;
}

app_status app_drag_run(app_drag *d, app_drag_use *use, void *user, app_error *e) {
    app_status status = write_picture(d, "start.png", e);
    if (status != APP_OK)
        return status;
    status = steps(d, use, user, e);
    app_status kept = keep(d, e);
    if (kept != APP_OK)
        return kept;
    return status == APP_STOPPED ? app_stop(e, "interrupted; what was reached is in %s", d->o.folder)
                                 : status;
}
