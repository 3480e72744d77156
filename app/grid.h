// SPDX-License-Identifier: Apache-2.0
// Grids of pictures as the official trainers write them: reals.png, fakes_init.png, fakes000200.png.
//
//     app_grid_size(width, height, &gw, &gh);
//     app_grid_open(&grid, ctx, gw, gh, channels, height, width, &e);
//     app_grid_put(&grid, 0, n, images);                   // a batch at a time
//     app_grid_save(&grid, "run/fakes000200.png", &e);
//     app_grid_clear(&grid);
#ifndef APP_GRID_H
#define APP_GRID_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/dataset.h>
#include "error.h"

typedef struct app_grid {
    atl_ctx *ctx;
    int across, down;            // pictures in a row, rows
    int channels, height, width; // of one picture
    atl_image sheet;
} app_grid;

// Enough pictures to fill 7680 x 4320 pixels, but 7 to 32 in a row and 4 to 32 rows.
void app_grid_size(int width, int height, int *across, int *down);

// Which pictures of a set fill the grid `reals.png`: the first of a shuffle by NumPy's seed 0, or, when there
// are labels, one class in each row, classes in order.  A small set repeats.  indices [across * down].
app_status app_grid_choose(const atl_dataset *set, int across, int down, uint32_t *indices, app_error *e);

app_status app_grid_open(app_grid *grid, atl_ctx *ctx, int across, int down, int channels, int height,
                         int width, app_error *e);
app_status app_grid_save(const app_grid *grid, const char *path, app_error *e); // PNG
void app_grid_clear(app_grid *grid);                                            // a zeroed struct is fine

// Pictures [first, first + n), counted along rows: floats [n, channels, height, width] in about [-1, 1],
// as rint((x + 1) * 127.5) within 0 to 255 (NaN is 0); or one picture of 8 bits with the grid's shape.
// They must lie inside the grid.
void app_grid_put(app_grid *grid, size_t first, size_t n, const float *images);
void app_grid_put_image(app_grid *grid, size_t index, const atl_image *image);

// How different the pictures are: over pixels and channels, the mean of the standard deviation over
// pictures, in units of 1 (black is -1, white is 1).  0 when all are alike.
double app_grid_spread(const app_grid *grid);

#endif
