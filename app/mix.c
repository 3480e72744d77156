// SPDX-License-Identifier: Apache-2.0
// Sources first, then all pairs; see mix.h.
#include "mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memory.h"

static app_status join_seeds(app_mix *m, app_error *e) {
    const app_seeds *rows = m->o.rows, *cols = m->o.cols;
    m->all.count = rows->count + cols->count;
    m->all.items = app_array(m->all.count, 1, 1, sizeof *m->all.items, e);
    if (!m->all.items)
        return APP_FAILED;
    memcpy(m->all.items, rows->items, rows->count * sizeof *rows->items);
    memcpy(m->all.items + rows->count, cols->items, cols->count * sizeof *cols->items);
    return APP_OK;
}

app_status app_mix_open(app_mix *m, atl_ctx *ctx, atl_model *model, const app_mix_options *o, app_error *e) {
    *m = (app_mix){ .o = *o, .count = o->rows->count + o->cols->count + o->rows->count * o->cols->count };
    app_status status = join_seeds(m, e);
    const app_render_source source = { .seeds = m->all.items, .count = m->all.count, .batch = 1 };
    if (status == APP_OK)
        status = app_render_open(&m->render, ctx, model, &o->recipe, &source, e);
    if (status == APP_OK && !app_layers_fit(o->styles, m->render.info))
        status = app_fail(e, "--styles %s: the network has layers 0 to %d", o->styles->text,
                          m->render.info->num_ws - 1);
    if (status == APP_OK)
        status = app_render_truncation(&m->render, e);
    if (status != APP_OK)
        return status;
    m->sources = app_array(m->all.count, m->render.row_ws, 1, sizeof(float), e);
    m->mixed = m->sources ? app_array(1, m->render.row_ws, 1, sizeof(float), e) : NULL;
    return m->mixed ? APP_OK : APP_FAILED;
}

void app_mix_close(app_mix *m) {
    app_render_close(&m->render);
    app_seeds_clear(&m->all);
    free(m->sources);
    free(m->mixed);
    *m = (app_mix){ 0 };
}

// Synthesizes `ws` and hands it out; `from` is the seed of the row, `styles` that of the column.
static app_status make(app_mix *m, const float *ws, uint32_t from, uint32_t styles, size_t row, size_t column,
                       app_mix_use *use, void *user, app_error *e) {
    app_mixed image = { .row = row, .column = column, .img = m->render.img, .recipe = m->render.recipe };
    image.recipe.has_seed = 1;
    image.recipe.seed = from;
    if (row && column) {
        image.recipe.has_col = 1;
        image.recipe.col = styles;
        image.recipe.styles = m->o.styles->text;
    }
    snprintf(image.name, sizeof image.name, "%lu-%lu", (unsigned long)from, (unsigned long)styles);
    m->render.noise_seeds[0] = from;
    app_status status = app_render_img(&m->render, 1, ws, e);
    return status == APP_OK ? use(user, &image, e) : status;
}

static app_status make_sources(app_mix *m, app_mix_use *use, void *user, app_error *e) {
    size_t size = m->render.row_ws, rows = m->o.rows->count;
    for (size_t i = 0; i < m->all.count; i++) {
        if (app_render_ws(&m->render, i, 1, e) != APP_OK)
            return APP_FAILED;
        memcpy(m->sources + i * size, m->render.ws, size * sizeof(float));
    }
    app_status status = APP_OK;
    for (size_t i = 0; i < m->all.count && status == APP_OK; i++)
        status = make(m, m->sources + i * size, m->all.items[i], m->all.items[i], i < rows ? i + 1 : 0,
                      i < rows ? 0 : i - rows + 1, use, user, e);
    return status;
}

app_status app_mix_run(app_mix *m, app_mix_use *use, void *user, app_error *e) {
    const app_seeds *rows = m->o.rows, *cols = m->o.cols;
    size_t size = m->render.row_ws;
    app_status status = make_sources(m, use, user, e);
    for (size_t i = 0; i < rows->count * cols->count && status == APP_OK; i++) {
        size_t r = i / cols->count, c = i % cols->count;
        memcpy(m->mixed, m->sources + r * size, size * sizeof(float));
        app_layers_copy(m->o.styles, m->render.info, m->sources + (rows->count + c) * size, m->mixed);
        status = make(m, m->mixed, rows->items[r], cols->items[c], r + 1, c + 1, use, user, e);
    }
    return status == APP_STOPPED ? app_stop(e, "interrupted") : status;
}
