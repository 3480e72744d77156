// SPDX-License-Identifier: Apache-2.0
// Sources first, then all pairs; see mix.h.
#include "mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"

// ---- Opening

static size_t seeds_of(const app_mix_side *side) {
    return side->file ? 0 : side->seeds.count;
}

// Classes belong to seeds: styles of a file have their class in them.
static app_status share_classes(app_mix *m, app_error *e) {
    const app_seeds none = { 0 }, *all = m->o.classes ? m->o.classes : &none;
    size_t rows = seeds_of(m->o.rows), cols = seeds_of(m->o.cols);
    m->row_classes = m->col_classes = *all;
    if (all->count > 1 && all->count != rows + cols)
        return app_fail(e, "--class %s: %zu classes; give one, or one for each of the %zu seeds, rows first",
                        all->text, all->count, rows + cols);
    if (all->count && !rows && !cols)
        app_warn(e, "--class is ignored: styles from a file have their class in them");
    if (all->count > 1) {
        m->row_classes.count = rows;
        m->col_classes.count = cols;
        m->col_classes.items += rows;
    }
    return APP_OK;
}

static app_status open_side(app_mix *m, app_render *r, const app_mix_side *side, const app_seeds *classes,
                            atl_ctx *ctx, atl_model *model, app_error *e) {
    const app_render_source source = { .seeds = side->file ? NULL : side->seeds.items,
                                       .count = side->seeds.count,
                                       .classes = side->file ? NULL : classes,
                                       .batch = 1 };
    app_recipe recipe = m->o.recipe;
    recipe.latents = side->file;
    recipe.projected = side->file != NULL;
    app_status status = app_render_open(r, ctx, model, &recipe, &source, e);
    return status == APP_OK ? app_render_truncation(r, e) : status;
}

app_status app_mix_open(app_mix *m, atl_ctx *ctx, atl_model *model, const app_mix_options *o, app_error *e) {
    *m = (app_mix){ .o = *o };
    app_status status = share_classes(m, e);
    if (status == APP_OK)
        status = open_side(m, &m->render, o->rows, &m->row_classes, ctx, model, e);
    if (status == APP_OK)
        status = open_side(m, &m->cols, o->cols, &m->col_classes, ctx, model, e);
    if (status == APP_OK && !app_layers_fit(o->styles, m->render.info))
        status = app_fail(e, "--styles %s: the network has layers 0 to %d", o->styles->text,
                          m->render.info->num_ws - 1);
    if (status != APP_OK)
        return status;
    size_t rows = m->render.latents.count, cols = m->cols.latents.count;
    m->count = rows + cols + rows * cols;
    m->sources = app_array(rows + cols, m->render.row_ws, 1, sizeof(float), e);
    m->mixed = m->sources ? app_array(1, m->render.row_ws, 1, sizeof(float), e) : NULL;
    return m->mixed ? APP_OK : APP_FAILED;
}

void app_mix_close(app_mix *m) {
    app_render_close(&m->render);
    app_render_close(&m->cols);
    free(m->sources);
    free(m->mixed);
    *m = (app_mix){ 0 };
}

// ---- Images

// A source as a part of a name: "85", or "r00" of a file.
static void name_source(const app_render *side, char kind, size_t index, char name[24]) {
    if (side->latents.seeds)
        snprintf(name, 24, "%lu", (unsigned long)side->latents.seeds[index]);
    else
        snprintf(name, 24, "%c%02zu", kind, index);
}

static app_status make(app_mix *m, const float *ws, app_mixed *image, app_mix_use *use, void *user,
                       app_error *e) {
    const app_recipe *r = &image->recipe;
    image->img = m->render.img;
    app_render_noise(&m->render, 0, r->has_seed ? r->seed : (uint32_t)r->row);
    app_status status = app_render_img(&m->render, 1, ws, e);
    return status == APP_OK ? use(user, image, e) : status;
}

// `first`: where the side's ws go among the sources.
static app_status make_side(app_mix *m, app_render *side, char kind, size_t first, app_mix_use *use,
                            void *user, app_error *e) {
    size_t size = side->row_ws;
    app_status status = APP_OK;
    for (size_t i = 0; i < side->latents.count && status == APP_OK; i++) {
        char name[24];
        app_mixed image = { .row = kind == 'r' ? i + 1 : 0, .column = kind == 'r' ? 0 : i + 1 };
        float *ws = m->sources + (first + i) * size;
        if (app_render_ws(side, i, 1, e) != APP_OK)
            return APP_FAILED;
        memcpy(ws, side->ws, size * sizeof *ws);
        image.recipe = app_render_record(side, i);
        name_source(side, kind, i, name);
        snprintf(image.name, sizeof image.name, "%s-%s", name, name);
        status = make(m, ws, &image, use, user, e);
    }
    return status;
}

static app_status make_pair(app_mix *m, size_t row, size_t col, app_mix_use *use, void *user, app_error *e) {
    size_t size = m->render.row_ws, rows = m->render.latents.count;
    char row_name[24], col_name[24];
    const app_recipe from = app_render_record(&m->cols, col);
    app_mixed image = { .row = row + 1, .column = col + 1, .recipe = app_render_record(&m->render, row) };
    image.recipe.styles = m->o.styles->text;
    image.recipe.col_latents = from.latents;
    image.recipe.col = from.has_seed ? from.seed : (uint32_t)col;
    image.recipe.col_class = from.class_index;
    memcpy(m->mixed, m->sources + row * size, size * sizeof *m->mixed);
    app_layers_copy(m->o.styles, m->render.info, m->sources + (rows + col) * size, m->mixed);
    name_source(&m->render, 'r', row, row_name);
    name_source(&m->cols, 'c', col, col_name);
    snprintf(image.name, sizeof image.name, "%s-%s", row_name, col_name);
    return make(m, m->mixed, &image, use, user, e);
}

app_status app_mix_run(app_mix *m, app_mix_use *use, void *user, app_error *e) {
    size_t rows = m->render.latents.count, cols = m->cols.latents.count;
    app_status status = make_side(m, &m->render, 'r', 0, use, user, e);
    if (status == APP_OK)
        status = make_side(m, &m->cols, 'c', rows, use, user, e);
    for (size_t i = 0; i < rows * cols && status == APP_OK; i++)
        status = make_pair(m, i / cols, i % cols, use, user, e);
    return status == APP_STOPPED ? app_stop(e, "interrupted") : status;
}
