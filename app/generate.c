// SPDX-License-Identifier: Apache-2.0
// The loop over batches; see generate.h.
#include "generate.h"

#include <stdio.h>
#include <stdlib.h>
#include "files.h"

app_status app_generate_open(app_generate *g, atl_ctx *ctx, atl_model *model, const app_generate_options *o,
                             app_error *e) {
    const app_render_source source = { .seeds = o->seeds,
                                       .count = o->count,
                                       .classes = o->classes,
                                       .batch = o->batch,
                                       .draw_classes = 1,
                                       .maps = 1,
                                       .styles = 1 };
    *g = (app_generate){ .o = *o };
    app_status status = app_render_open(&g->render, ctx, model, &o->recipe, &source, e);
    g->count = g->render.latents.count;
    g->render.dump = o->dump;
    return status == APP_OK ? app_render_truncation(&g->render, e) : status;
}

void app_generate_close(app_generate *g) {
    app_render_close(&g->render);
    *g = (app_generate){ 0 };
}

static void item_name(const app_generate *g, size_t row, char name[32]) {
    const uint32_t *seeds = g->render.latents.seeds;
    const app_recipe *p = &g->render.recipe;
    if (p->has_at)
        snprintf(name, 32, "at%.6g,%.6g", p->at[0], p->at[1]);
    else if (seeds)
        snprintf(name, 32, "seed%04lu", (unsigned long)seeds[row]);
    else
        snprintf(name, 32, "proj%02zu", row);
}

// Step mode writes one file per node: a folder for each batch, when there are several.
static app_status set_dump_folder(app_generate *g, size_t first, char **folder, app_error *e) {
    char name[64], stem[32];
    item_name(g, first, stem);
    snprintf(name, sizeof name, g->count > g->render.batch ? "dump/%s" : "dump", stem);
    free(*folder);
    *folder = app_join(g->o.folder, name, e);
    g->render.dump_folder = *folder;
    return *folder ? app_folder_make(*folder, e) : APP_FAILED;
}

static app_status make_batch(app_generate *g, size_t first, size_t n, app_generate_use *use, void *user,
                             app_error *e) {
    app_render *r = &g->render;
    int stop = 0;
    if (app_render_ws(r, first, n, e) != APP_OK || app_render_img(r, n, r->ws, e) != APP_OK)
        return APP_FAILED;
    for (size_t i = 0; i < n; i++) {
        char name[32];
        item_name(g, first + i, name);
        const app_generated image = { first + i, name, r->img + i * r->row_img, r->ws + i * r->row_ws };
        app_status status = use(user, &image, e);
        if (status == APP_FAILED)
            return status;
        stop |= status == APP_STOPPED;
        g->done++;
    }
    return stop && g->done < g->count ? APP_STOPPED : APP_OK;
}

app_status app_generate_run(app_generate *g, app_generate_use *use, void *user, app_error *e) {
    app_status status = APP_OK;
    char *folder = NULL;
    g->done = 0;
    for (size_t first = 0; first < g->count && status == APP_OK; first += g->render.batch) {
        size_t left = g->count - first;
        if (g->o.dump)
            status = set_dump_folder(g, first, &folder, e);
        if (status == APP_OK)
            status = make_batch(g, first, left < g->render.batch ? left : g->render.batch, use, user, e);
    }
    g->render.dump_folder = NULL;
    free(folder);
    return status == APP_STOPPED ? app_stop(e, "interrupted after %zu of %zu images", g->done, g->count)
                                 : status;
}

app_recipe app_generate_recipe(const app_generate *g, size_t row) {
    return app_render_record(&g->render, row);
}
