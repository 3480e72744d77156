// SPDX-License-Identifier: Apache-2.0
// Pictures that remember how they were made, sheets of them, and the difference between two.
#ifndef APP_PICTURE_H
#define APP_PICTURE_H

#include "recipe.h"
#include "render.h"

// Writes a picture with its record inside; `recipe` NULL: without one.
app_status app_picture_write(atl_ctx *ctx, const char *path, const char *format, const atl_image *image,
                             int quality, const app_recipe *recipe, app_error *e);

// ---- Sheets: columns x lines images of a network in one picture

typedef struct app_sheet {
    atl_ctx *ctx;
    size_t columns, lines;
    atl_image tile; // the image that was put last, as a picture
    atl_image whole;
} app_sheet;

// Without columns there is only the tile.  A zeroed struct and one after a failure may be closed.
app_status app_sheet_open(app_sheet *sheet, const app_render *render, size_t columns, size_t lines,
                          app_error *e);
void app_sheet_close(app_sheet *sheet);

// img [channels, height, width] to the tile, and to the place that `index` has, counted along lines.
void app_sheet_put(app_sheet *sheet, size_t index, const float *img);

// Whether a sheet stays within `most` pixels in width and height.
int app_sheet_fits(const atl_model_info *info, size_t columns, size_t lines, size_t most);

// ---- Comparing

typedef struct app_difference {
    int same_shape;
    size_t count, different; // values, and how many of them differ
    int worst;               // by how much, at the most
} app_difference;

app_difference app_picture_compare(const atl_image *a, const atl_image *b);

#endif
