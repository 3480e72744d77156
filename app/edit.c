// SPDX-License-Identifier: Apache-2.0
// Moving latents before they are mapped, ws after it, and styles while a picture is made; see edit.h.
#include "edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"

// ---- opening

static app_status check_parts(app_edit *d, app_error *e) {
    for (size_t i = 0; i < d->o.n_parts; i++) {
        const app_edit_part *p = &d->o.parts[i];
        if (p->layers && p->direction->space != ATL_DIRECTION_W && p->direction->space != ATL_DIRECTION_WS)
            return app_fail(e, "--layers: a direction of %s has no layers to choose from",
                            p->direction->space == ATL_DIRECTION_Z ? "z" : "styles");
        d->in_z |= p->direction->space == ATL_DIRECTION_Z;
        d->in_s |= p->direction->space == ATL_DIRECTION_S;
    }
    if (d->in_z && d->render.latents.space != APP_Z)
        return app_fail(
            e, "a direction of z moves seeds and z of a file, not w: choose --seeds, or a direction of w");
    if ((d->in_s || d->o.mask) && d->o.recipe.noise != ATL_NOISE_CONST && d->o.recipe.noise != ATL_NOISE_NONE)
        return app_fail(e, "--noise-mode: styles and masks have const noise or none");
    if ((d->in_s || d->o.mask) && d->render.transform)
        return app_fail(e, "--translate and --rotate don't go with styles and masks");
    return APP_OK;
}

// The mask [height, width] from a picture of any size and colours: means of what each pixel covers.
static void shrink(const atl_image *image, int height, int width, float *mask) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int top = (int)((int64_t)y * image->height / height),
                left = (int)((int64_t)x * image->width / width);
            int bottom = (int)(((int64_t)(y + 1) * image->height + height - 1) / height);
            int right = (int)(((int64_t)(x + 1) * image->width + width - 1) / width);
            int colours = image->channels < 3 ? 1 : 3; // without transparency
            double sum = 0;
            for (int i = top; i < bottom; i++)
                for (int j = left; j < right; j++)
                    for (int c = 0; c < colours; c++)
                        sum += image->pixels[((size_t)i * (size_t)image->width + (size_t)j) *
                                                 (size_t)image->channels +
                                             (size_t)c];
            mask[y * width + x] = (float)(sum / (255.0 * colours * (bottom - top) * (right - left)));
        }
}

static app_status open_mask(app_edit *d, app_error *e) {
    const atl_model_info *info = d->render.info;
    atl_image image;
    if (!d->o.mask)
        return APP_OK;
    d->mask = app_array((size_t)info->height, (size_t)info->width, 1, sizeof *d->mask, e);
    if (!d->mask)
        return APP_FAILED;
    if (atl_image_read(d->render.ctx, d->o.mask, &image) != ATL_OK)
        return app_fail_ctx(e, d->render.ctx);
    app_status status = APP_OK;
    if ((int64_t)image.width * info->height != (int64_t)image.height * info->width)
        status = app_fail(
            e, "%s: a mask of %dx%d pixels has other proportions than the network's pictures of %dx%d",
            d->o.mask, image.width, image.height, info->width, info->height);
    else
        shrink(&image, info->height, info->width, d->mask);
    atl_image_clear(d->render.ctx, &image);
    return status;
}

static app_status open_editor(app_edit *d, app_error *e) {
    atl_editor_options o = ATL_EDITOR_OPTIONS_INIT;
    if (!d->in_s && !d->o.mask)
        return APP_OK;
    o.n = (int)d->o.batch;
    o.styles = d->in_s || d->render.styles.count;
    o.mask = d->mask;
    o.in_features = d->o.in_features && d->mask;
    o.noise_mode = d->render.maps.count ? ATL_NOISE_MAPS : d->o.recipe.noise;
    return atl_editor_open(d->render.model, &o, &d->editor) == ATL_OK ? APP_OK
                                                                      : app_fail_ctx(e, d->render.ctx);
}

static app_status open_rooms(app_edit *d, app_error *e) {
    const app_render *r = &d->render;
    d->z = app_array(d->o.batch, (size_t)r->info->z_dim + 1, 1, sizeof(float), e);
    d->c = d->z ? app_array(d->o.batch, (size_t)r->info->c_dim + 1, 1, sizeof(float), e) : NULL;
    d->original = d->c ? app_array(d->o.batch, r->row_ws, 1, sizeof(float), e) : NULL;
    d->ws = d->original ? app_array(d->o.batch, r->row_ws, 1, sizeof(float), e) : NULL;
    d->img = d->ws ? app_array(d->o.batch, r->row_img, 1, sizeof(float), e) : NULL;
    if (d->img && (d->in_s || r->styles.count))
        return app_styles_list(r->model, d->o.batch, &d->moves, e);
    return d->img ? APP_OK : APP_FAILED;
}

app_status app_edit_open(app_edit *d, atl_ctx *ctx, atl_model *model, const app_edit_options *o,
                         app_error *e) {
    const app_render_source source = { .seeds = o->seeds,
                                       .count = o->count,
                                       .classes = o->classes,
                                       .walk = 1, // as many pictures as are asked for, whatever the rows
                                       .maps = 1,
                                       .styles = 1,
                                       .batch = o->batch };
    *d = (app_edit){ .o = *o };
    app_status status = app_render_open(&d->render, ctx, model, &o->recipe, &source, e);
    if (status == APP_OK)
        status = app_render_truncation(&d->render, e);
    if (status == APP_OK)
        status = check_parts(d, e);
    if (status == APP_OK)
        status = open_mask(d, e);
    if (status == APP_OK)
        status = open_editor(d, e);
    if (status == APP_OK)
        status = open_rooms(d, e);
    d->count = d->render.latents.count;
    return status;
}

void app_edit_close(app_edit *d) {
    atl_editor_close(&d->editor);
    app_styles_close(&d->moves);
    app_render_close(&d->render);
    free(d->mask);
    free(d->z);
    free(d->c);
    free(d->original);
    free(d->ws);
    free(d->img);
    *d = (app_edit){ 0 };
}

// ---- moving

static double strength_at(const app_edit_part *p, double position) {
    return p->from + position * (p->to - p->from);
}

// Moves one latent (z: one row; else ws) along the directions that are of z, or along those of w.
static app_status move(const app_edit *d, int z, double position, int rows, int64_t width, float *x,
                       app_error *e) {
    for (size_t i = 0; i < d->o.n_parts; i++) {
        const app_edit_part *p = &d->o.parts[i];
        atl_move_options o = ATL_MOVE_OPTIONS_INIT;
        if (p->direction->space == ATL_DIRECTION_S || (p->direction->space == ATL_DIRECTION_Z) != z)
            continue;
        o.how = d->o.distance ? ATL_MOVE_TO : ATL_MOVE_BY;
        o.layers = p->layers;
        if (atl_direction_move(d->render.ctx, p->direction, &o, strength_at(p, position), rows, width, x) !=
            ATL_OK)
            return app_fail_ctx(e, d->render.ctx);
    }
    return APP_OK;
}

// The ws of the row at each position, before directions of w.
static app_status map_moved(app_edit *d, size_t row, size_t n, const double *positions, app_error *e) {
    const app_render *r = &d->render;
    size_t z = (size_t)r->info->z_dim, c = (size_t)r->info->c_dim;
    for (size_t i = 0; i < n; i++) {
        app_render_latent(r, row, d->z + i * z);
        memcpy(d->c + i * c, r->c, c * sizeof *d->c); // as app_render_ws() has found it
        if (move(d, 1, positions[i], 1, r->info->z_dim, d->z + i * z, e) != APP_OK)
            return APP_FAILED;
    }
    return app_render_map(r, n, d->z, c ? d->c : NULL, d->ws, e);
}

static app_status move_styles(app_edit *d, size_t n, const double *positions, app_error *e) {
    atl_editor_reset(d->editor);
    for (size_t i = 0; i < n; i++) {
        const atl_direction base = app_styles_direction(&d->render.styles, i);
        if (base.width && atl_editor_base_style(d->editor, (int)i, &base, 1.0) != ATL_OK)
            return app_fail_ctx(e, d->render.ctx);
        for (size_t k = 0; k < d->o.n_parts; k++) {
            const app_edit_part *p = &d->o.parts[k];
            if (p->direction->space == ATL_DIRECTION_S &&
                atl_editor_style(d->editor, (int)i, p->direction, strength_at(p, positions[i])) != ATL_OK)
                return app_fail_ctx(e, d->render.ctx);
        }
    }
    return APP_OK;
}

// What all styles gain in each picture, for whoever writes it.
static void sum_moves(app_edit *d, size_t n, const double *positions) {
    size_t width = d->moves.width;
    for (size_t i = 0; d->moves.count && i < n; i++) {
        float *to = d->moves.moves + i * width;
        memset(to, 0, width * sizeof *to);
        if (d->render.styles.count)
            memcpy(to, d->render.styles.moves + i * width, width * sizeof *to);
        for (size_t k = 0; k < d->o.n_parts; k++)
            app_styles_add(&d->moves, i, d->o.parts[k].direction, strength_at(&d->o.parts[k], positions[i]));
    }
}

static app_status synthesize(app_edit *d, size_t n, const double *positions, app_error *e) {
    app_render *r = &d->render;
    if (!d->editor) {
        if (app_render_img(r, n, d->ws, e) != APP_OK)
            return APP_FAILED;
        memcpy(d->img, r->img, n * r->row_img * sizeof *d->img);
        return APP_OK;
    }
    if (r->maps.count && atl_editor_maps(d->editor, (const float *const *)r->maps.room) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    if (move_styles(d, n, positions, e) != APP_OK)
        return APP_FAILED;
    return atl_editor_run(d->editor, (int)n, d->ws, d->mask ? d->original : NULL, d->img) == ATL_OK
               ? APP_OK
               : app_fail_ctx(e, r->ctx);
}

app_status app_edit_make(app_edit *d, size_t row, size_t n, const double *positions, app_error *e) {
    app_render *r = &d->render;
    r->labels.only = 1;
    r->labels.first = r->labels.rows > 1 ? row : 0;
    if (app_render_ws(r, row, 1, e) != APP_OK)
        return APP_FAILED;
    uint32_t noise = r->noise_seeds[0];
    for (size_t i = 0; i < n; i++) {
        memcpy(d->original + i * r->row_ws, r->ws, r->row_ws * sizeof *d->ws);
        memcpy(d->ws + i * r->row_ws, r->ws, r->row_ws * sizeof *d->ws);
        r->noise_seeds[i] = noise;
        app_maps_row(&r->maps, row, i);
        app_styles_row(&r->styles, row, i);
    }
    sum_moves(d, n, positions);
    if (d->in_z && map_moved(d, row, n, positions, e) != APP_OK)
        return APP_FAILED;
    for (size_t i = 0; i < n; i++)
        if (move(d, 0, positions[i], r->info->num_ws, r->info->w_dim, d->ws + i * r->row_ws, e) != APP_OK)
            return APP_FAILED;
    return synthesize(d, n, positions, e);
}

const char *app_edit_name(const app_edit *d, size_t row, char name[32]) {
    if (d->render.latents.seeds)
        snprintf(name, 32, "seed%04lu", (unsigned long)d->render.latents.seeds[row]);
    else
        snprintf(name, 32, "row%02zu", row);
    return name;
}
