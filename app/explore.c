// SPDX-License-Identifier: Apache-2.0
// A page to look at directions: for each a strip of pictures, strengths from left to right, a line for each
// seed. The page is plain HTML beside its pictures, so that it can be sent or served as it is.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "edit.h"
#include "files.h"
#include "fit.h"
#include "memory.h"
#include "picture.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Directions</title>\n<style>\n"
    "body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; }\n"
    "figure { margin: 0 0 2em; }\nimg { max-width: 100%; image-rendering: auto; display: block; }\n"
    "figcaption { display: flex; justify-content: space-between; }\n"
    "small { color: #666; }\n"
    "@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } small { color: #999; } "
    "}\n"
    "</style>\n";

// Names come from files: nothing of them is markup.
static void put_text(FILE *out, const char *text) {
    for (; *text; text++)
        if (strchr("<>&\"", *text))
            fprintf(out, "&#%d;", *text);
        else
            fputc((unsigned char)*text < 32 ? ' ' : *text, out);
}

static void put_figure(FILE *out, const app_direction *d, const char *file, const app_explore_options *o) {
    char name[64];
    fputs("<figure><figcaption><b>", out);
    put_text(out, app_direction_name(d, name));
    fputs("</b><small>", out);
    if (!isnan(d->at->value))
        fprintf(out, "value %.4g, ", d->at->value);
    if (d->at->scale != 1)
        fprintf(out, "scale %.4g, ", (double)d->at->scale);
    fprintf(out,
            "strength %g to %g</small></figcaption><img src=\"%s\" alt=\"\" loading=\"lazy\"></figure>\n",
            o->from, o->to, file);
}

// One strip as FOLDER/NNN.png.
static app_status write_strip(atl_ctx *ctx, app_edit *d, const app_explore_options *o, const char *file,
                              app_error *e) {
    app_sheet sheet = { 0 };
    app_status status = app_sheet_open(&sheet, &d->render, o->steps, o->count, e);
    for (size_t row = 0; row < o->count && status == APP_OK; row++)
        for (size_t k = 0; k < o->steps && status == APP_OK; k++) {
            double at = o->steps > 1 ? (double)k / (double)(o->steps - 1) : 0;
            status = app_edit_make(d, row, 1, &at, e);
            if (status == APP_OK)
                app_sheet_put(&sheet, row * o->steps + k, d->img);
        }
    char *path = status == APP_OK ? app_join(o->folder, file, e) : NULL;
    if (status == APP_OK)
        status = path ? app_picture_write(ctx, path, "png", &sheet.whole, 0, NULL, e) : APP_FAILED;
    free(path);
    app_sheet_close(&sheet);
    return status;
}

static app_status write_direction(atl_ctx *ctx, atl_model *model, const app_direction *d,
                                  const app_explore_options *o, FILE *page, app_error *e) {
    const app_edit_part part = { d->at, o->from, o->to, 0 };
    const app_edit_options options = { .recipe = o->recipe,
                                       .seeds = o->seeds,
                                       .count = o->count,
                                       .parts = &part,
                                       .n_parts = 1,
                                       .batch = 1 };
    app_edit edit;
    char file[32];
    snprintf(file, sizeof file, "%03zu.png", d->index);
    app_status status = app_edit_open(&edit, ctx, model, &options, e);
    if (status == APP_OK)
        status = write_strip(ctx, &edit, o, file, e);
    if (status == APP_OK)
        put_figure(page, d, file, o);
    app_edit_close(&edit);
    return status;
}

app_status app_explore(atl_ctx *ctx, atl_model *model, const atl_directions *set,
                       const app_explore_options *o, app_error *e) {
    size_t count = atl_directions_size(set) < o->directions ? atl_directions_size(set) : o->directions;
    app_file file = { 0 };
    if (!app_sheet_fits(atl_model_get_info(model), o->steps, o->count, 32768))
        return app_fail(e, "strips would be over 32768 pixels wide or high; choose fewer steps or seeds");
    app_status status = app_folder_make(o->folder, e);
    char *path = status == APP_OK ? app_join(o->folder, "index.html", e) : NULL;
    if (status == APP_OK)
        status = path ? app_file_open(&file, path, e) : APP_FAILED;
    if (status == APP_OK) {
        fputs(head, file.out);
        fprintf(file.out, "<h1>%zu directions</h1>\n<p>", count);
        put_text(file.out, *atl_directions_method(set) ? atl_directions_method(set) : "directions of a file");
        fprintf(file.out, ", of %s</p>\n", atl_model_get_info(model)->net);
    }
    for (size_t i = 0; i < count && status == APP_OK; i++) {
        const app_direction d = { .at = atl_directions_get(set, i), .index = i };
        status = write_direction(ctx, model, &d, o, file.out, e);
        if (status == APP_OK && o->progress && o->progress(o->user, "strips", i + 1, count))
            status = app_stop(e, "interrupted after %zu of %zu strips", i + 1, count);
    }
    if (status == APP_FAILED)
        app_file_discard(&file);
    else if (app_file_commit(&file, e) != APP_OK) // what was made is looked at, also when it was stopped
        status = APP_FAILED;
    free(path);
    return status;
}
