// SPDX-License-Identifier: Apache-2.0
// Generated images to files; see results.h.
#include "results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "memory.h"

static int is_picture(const app_results *r) {
    return r->o.format <= APP_WEBP;
}

static app_status open_sheet(app_results *r, app_error *e) {
    size_t columns = r->o.columns, lines = r->o.lines;
    if (r->g->count > columns * lines)
        return app_fail(e, "--grid %zux%zu has room for %zu images, but %zu are asked for", columns, lines,
                        columns * lines, r->g->count);
    if (!app_sheet_fits(r->g->render.info, columns, lines, 32768))
        return app_fail(e, "--grid %zux%zu: the picture would be over 32768 pixels wide or high", columns,
                        lines);
    return APP_OK;
}

app_status app_results_open(app_results *r, const app_generate *g, const app_results_options *o,
                            app_error *e) {
    *r = (app_results){ .o = *o, .g = g };
    if (app_folder_make(o->folder, e) != APP_OK || (o->columns && open_sheet(r, e) != APP_OK))
        return APP_FAILED;
    if (is_picture(r) && app_sheet_open(&r->sheet, &g->render, o->columns, o->lines, e) != APP_OK)
        return APP_FAILED;
    if (!is_picture(r) && !(r->img = app_array(g->count, g->render.row_img, 1, sizeof(float), e)))
        return APP_FAILED;
    if (o->save_ws && !(r->ws = app_array(g->count, g->render.row_ws, 1, sizeof(float), e)))
        return APP_FAILED;
    return APP_OK;
}

void app_results_close(app_results *r) {
    app_sheet_close(&r->sheet);
    free(r->img);
    free(r->ws);
    *r = (app_results){ 0 };
}

static app_status write_picture(app_results *r, const char *stem, const atl_image *image,
                                const app_recipe *recipe, app_error *e) {
    static const char *const names[] = { "png", "jpg", "webp" }; // by app_format
    char name[64];
    snprintf(name, sizeof name, "%s.%s", stem, names[r->o.format]);
    char *path = app_join(r->o.folder, name, e);
    app_status status = APP_FAILED;
    if (path)
        status = app_picture_write(r->g->render.ctx, path, names[r->o.format], image, r->o.quality,
                                   r->o.no_record ? NULL : recipe, e);
    free(path);
    return status;
}

app_status app_results_put(app_results *r, const app_generated *image, app_error *e) {
    const app_render *render = &r->g->render;
    if (r->ws)
        memcpy(r->ws + image->row * render->row_ws, image->ws, render->row_ws * sizeof *r->ws);
    if (r->img) {
        memcpy(r->img + image->row * render->row_img, image->img, render->row_img * sizeof *r->img);
        return APP_OK;
    }
    app_sheet_put(&r->sheet, image->row, image->img);
    if (r->o.columns)
        return APP_OK;
    const app_recipe recipe = app_generate_recipe(r->g, image->row);
    return write_picture(r, image->name, &r->sheet.tile, &recipe, e);
}

// ---- All in one file

// Of several images, which can't be replayed.  `grid` outlives it.
static app_recipe recipe_of_all(const app_results *r, const char *grid) {
    app_recipe recipe = r->g->render.recipe;
    recipe.grid = grid;
    recipe.seeds = r->o.seeds_text;
    recipe.classes = r->o.class_text;
    return recipe;
}

static app_status write_sheet(app_results *r, app_error *e) {
    char grid[48];
    snprintf(grid, sizeof grid, "%zux%zu", r->o.columns, r->o.lines);
    const app_recipe recipe = recipe_of_all(r, grid);
    return write_picture(r, "grid", &r->sheet.whole, &recipe, e);
}

static app_status write_npy(app_results *r, const char *name, const atl_array *array, app_error *e) {
    char *path = app_join(r->o.folder, name, e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_npy_write(r->g->render.ctx, path, array) != ATL_OK)
        status = app_fail_ctx(e, r->g->render.ctx);
    free(path);
    return status;
}

static app_status write_safetensors(app_results *r, const atl_array *arrays, size_t count, app_error *e) {
    const app_recipe recipe = recipe_of_all(r, "raw");
    char *path = app_join(r->o.folder, "images.safetensors", e), *json = app_recipe_write(&recipe);
    atl_pair metadata = { APP_RECIPE_KEY, json };
    app_status status = path && json ? APP_OK : app_fail(e, "out of memory");
    if (status == APP_OK &&
        atl_safetensors_write(r->g->render.ctx, path, arrays, count, &metadata, !r->o.no_record) != ATL_OK)
        status = app_fail_ctx(e, r->g->render.ctx);
    free(path);
    free(json);
    return status;
}

app_status app_results_finish(app_results *r, app_error *e) {
    const atl_model_info *info = r->g->render.info;
    int64_t n = (int64_t)r->g->count;
    atl_array arrays[2] = {
        { "img", ATL_F32, 4, { n, info->channels, info->height, info->width }, r->img },
        { "ws", ATL_F32, 3, { n, info->num_ws, info->w_dim }, r->ws },
    };
    app_status status = APP_OK;
    if (r->o.format == APP_SAFETENSORS)
        return write_safetensors(r, arrays, r->ws ? 2 : 1, e);
    if (r->o.format == APP_NPY)
        status = write_npy(r, "images.npy", &arrays[0], e);
    else if (r->o.columns)
        status = write_sheet(r, e);
    return status == APP_OK && r->ws ? write_npy(r, "ws.npy", &arrays[1], e) : status;
}
