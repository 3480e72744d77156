// SPDX-License-Identifier: Apache-2.0
// An overlay on its way to the aligned place, and from there to pictures; see propagate.h.
#include "propagate.h"

#include <stdlib.h>
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

// The grid of a picture.
static app_status warp(app_propagate *p, const char *path, atl_image *picture, app_error *e) {
    app_aligner *a = &p->aligner;
    app_status status = app_aligner_read(a, path, picture, p->input, e);
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
    if (status == APP_OK)
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
    free(p->input);
    free(p->grid);
    *p = (app_propagate){ 0 };
}

app_status app_propagate_run(app_propagate *p, app_propagate_use *use, void *user, app_error *e) {
    atl_ctx *ctx = p->aligner.ctx;
    app_status status = APP_OK;
    for (size_t i = 0; status == APP_OK && i < p->photos.count; i++) {
        const app_photo *photo = &p->photos.list[i];
        atl_image picture = { 0 };
        status = warp(p, photo->path, &picture, e);
        if (status == APP_OK && atl_overlay_lay(ctx, &p->overlay, p->grid, p->aligner.info->side, p->o.opacity,
                                                &picture) != ATL_OK)
            status = app_fail_ctx(e, ctx);
        if (status == APP_OK)
            status = use(user, photo, &picture, e);
        atl_image_clear(ctx, &picture);
    }
    return status;
}
