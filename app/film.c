// SPDX-License-Identifier: Apache-2.0
// Frames of walks; see film.h.
#include "film.h"

#include <limits.h>
#include <stdlib.h>
#include <atelier/rng.h>
#include "memory.h"

// ---- Keyframes

// As the official script: rows cycled to fill all walks, one walk after the other, then shuffled.
static app_status choose_rows(app_film *f, app_error *e) {
    const app_film_options *o = &f->o;
    size_t cells = o->columns * o->lines, count = f->render.latents.count, keys = o->keyframes;
    if (!keys && (count % cells || count > 1000000 * cells))
        return app_fail(
            e,
            "%zu keyframes can't be shared by the %zu walks of --grid %zux%zu: give a multiple of "
            "that, or --num-keyframes N",
            count, cells, o->columns, o->lines);
    keys = keys ? keys : count / cells;
    size_t total = keys * cells;
    if (total > 10000000 || keys * o->between > (size_t)INT_MAX)
        return app_fail(e, "%zu keyframes of %zu frames are too many for one video", total, o->between);
    f->rows = app_array(total, 1, 1, sizeof *f->rows, e);
    if (!f->rows)
        return APP_FAILED;
    for (size_t i = 0; i < total; i++)
        f->rows[i] = (uint32_t)(i % count);
    if (o->shuffle) {
        atl_numpy_rng rng;
        atl_numpy_rng_init(&rng, o->shuffle_seed);
        atl_numpy_rng_shuffle(&rng, f->rows, (uint32_t)total);
    }
    f->frames = keys * o->between;
    f->walk = (app_walk){
        .render = &f->render, .cells = cells, .keys = keys, .rows = f->rows, .ease = o->ease, .in_z = o->in_z
    };
    return APP_OK;
}

static app_status check(app_film *f, app_error *e) {
    const app_film_options *o = &f->o;
    const atl_model_info *info = f->render.info;
    if (o->in_z && f->render.latents.space != APP_Z)
        return app_fail(e, "--space z: %s holds styles, not latents", o->recipe.latents);
    if (!app_layers_fit(o->fixed, info))
        return app_fail(e, "--fixed-styles %lu:%s: the network has layers 0 to %d",
                        (unsigned long)o->fixed_seed, o->fixed->text, info->num_ws - 1);
    if (!app_sheet_fits(info, o->columns, o->lines, 16384))
        return app_fail(e, "--grid %zux%zu: a frame would be over 16384 pixels wide or high", o->columns,
                        o->lines);
    if (choose_rows(f, e) != APP_OK)
        return APP_FAILED;
    size_t n = f->render.labels.rows; // of a list or file
    if (!app_render_is_labelled(&f->render) || n == 0 || n == 1 || n == f->walk.keys ||
        n == f->walk.keys * f->walk.cells)
        return APP_OK;
    int listed = f->render.labels.classes != NULL;
    return app_fail(e, "--%s %s: %zu %s; give one, or one for each of the %zu keyframes",
                    listed ? "class" : "labels", listed ? o->classes->text : o->recipe.labels, n,
                    listed ? "classes" : "labels", f->walk.keys);
}

// ---- Opening

app_status app_film_open(app_film *f, atl_ctx *ctx, atl_model *model, const app_film_options *o,
                         app_error *e) {
    *f = (app_film){ .o = *o };
    const app_render_source source = { .seeds = o->seeds ? o->seeds->items : NULL,
                                       .count = o->seeds ? o->seeds->count : 0,
                                       .classes = o->classes,
                                       .walk = 1,
                                       .batch = o->batch };
    app_status status = app_render_open(&f->render, ctx, model, &o->recipe, &source, e);
    if (status == APP_OK)
        status = app_render_truncation(&f->render, e);
    if (status == APP_OK)
        status = check(f, e);
    if (status == APP_OK)
        status = app_sheet_open(&f->sheet, &f->render, o->columns, o->lines, e);
    if (status != APP_OK)
        return status;
    f->ws = app_array(f->render.batch, f->render.row_ws, 1, sizeof(float), e);
    f->fixed_ws = f->ws ? app_array(1, f->render.row_ws, 1, sizeof(float), e) : NULL;
    return f->fixed_ws ? APP_OK : APP_FAILED;
}

void app_film_close(app_film *f) {
    app_walk_close(&f->walk);
    app_sheet_close(&f->sheet);
    app_render_close(&f->render);
    free(f->rows);
    free(f->ws);
    free(f->fixed_ws);
    *f = (app_film){ 0 };
}

// ---- Frames

// Image `i` of the video: cell i % cells of frame i / cells.
static app_status styles_of(app_film *f, size_t i, float *ws, app_error *e) {
    size_t cell = i % f->walk.cells, frame = i / f->walk.cells;
    if (app_walk_at(&f->walk, cell, (double)frame / (double)f->o.between, ws, e) != APP_OK)
        return APP_FAILED;
    app_layers_copy(f->o.fixed, f->render.info, f->fixed_ws, ws);
    return APP_OK;
}

static app_status make_batch(app_film *f, size_t first, size_t n, app_film_use *use, void *user,
                             app_error *e) {
    app_render *r = &f->render;
    int stop = 0;
    for (size_t i = 0; i < n; i++) {
        app_render_noise(r, i, (uint32_t)(first + i));
        if (styles_of(f, first + i, f->ws + i * r->row_ws, e) != APP_OK)
            return APP_FAILED;
    }
    if (app_render_img(r, n, f->ws, e) != APP_OK)
        return APP_FAILED;
    for (size_t i = first; i < first + n; i++) {
        app_sheet_put(&f->sheet, i % f->walk.cells, r->img + (i - first) * r->row_img);
        if ((i + 1) % f->walk.cells)
            continue;
        app_status status = use(user, f->done, &f->sheet.whole, e);
        if (status == APP_FAILED)
            return status;
        stop |= status == APP_STOPPED;
        f->done++;
    }
    return stop ? APP_STOPPED : APP_OK;
}

app_status app_film_run(app_film *f, app_film_use *use, void *user, app_error *e) {
    size_t count = f->frames * f->walk.cells;
    app_status status = app_walk_open(&f->walk, e);
    f->done = 0;
    if (status == APP_OK && f->o.fixed->count)
        status = app_walk_seed(&f->walk, f->o.fixed_seed, f->fixed_ws, e);
    for (size_t first = 0; first < count && status == APP_OK; first += f->render.batch) {
        size_t left = count - first;
        status = make_batch(f, first, left < f->render.batch ? left : f->render.batch, use, user, e);
    }
    if (status != APP_STOPPED || f->done == f->frames)
        return status == APP_STOPPED ? APP_OK : status;
    return app_stop(e, "interrupted after %zu of %zu frames", f->done, f->frames);
}
