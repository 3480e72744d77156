// SPDX-License-Identifier: Apache-2.0
// Records into pictures, images onto sheets; see picture.h.
#include "picture.h"

#include <stdlib.h>

app_status app_picture_write(atl_ctx *ctx, const char *path, const char *format, const atl_image *image,
                             int quality, const app_recipe *recipe, app_error *e) {
    char *json = recipe ? app_recipe_write(recipe) : NULL;
    atl_pair text = { APP_RECIPE_KEY, json };
    if (recipe && !json)
        return app_fail(e, "%s: out of memory for its record", path);
    atl_status status = atl_image_write(ctx, path, format, image, quality, &text, json ? 1 : 0);
    free(json);
    return status == ATL_OK ? APP_OK : app_fail_ctx(e, ctx);
}

// ---- Sheets

app_status app_sheet_open(app_sheet *s, const app_render *r, size_t columns, size_t lines, app_error *e) {
    const atl_model_info *i = r->info;
    *s = (app_sheet){ .ctx = r->ctx, .columns = columns, .lines = lines };
    if (app_render_picture(r, &s->tile, e) != APP_OK)
        return APP_FAILED;
    if (columns && atl_image_init(r->ctx, (int)columns * i->width, (int)lines * i->height, i->channels,
                                  &s->whole) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    return APP_OK;
}

void app_sheet_close(app_sheet *s) {
    if (s->ctx) {
        atl_image_clear(s->ctx, &s->tile);
        atl_image_clear(s->ctx, &s->whole);
    }
    *s = (app_sheet){ 0 };
}

void app_sheet_put(app_sheet *s, size_t index, const float *img) {
    atl_image_from_float(img, &s->tile);
    if (s->columns)
        atl_image_paste(&s->whole, &s->tile, (int)(index % s->columns) * s->tile.width,
                        (int)(index / s->columns) * s->tile.height);
}

int app_sheet_fits(const atl_model_info *info, size_t columns, size_t lines, size_t most) {
    return columns <= most / (size_t)info->width && lines <= most / (size_t)info->height;
}

// ---- Comparing

app_difference app_picture_compare(const atl_image *a, const atl_image *b) {
    app_difference d = { .same_shape =
                             a->width == b->width && a->height == b->height && a->channels == b->channels };
    if (!d.same_shape)
        return d;
    d.count = (size_t)a->width * (size_t)a->height * (size_t)a->channels;
    for (size_t i = 0; i < d.count; i++) {
        int by = abs(a->pixels[i] - b->pixels[i]);
        d.different += by > 0;
        d.worst = by > d.worst ? by : d.worst;
    }
    return d;
}
