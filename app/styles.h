// SPDX-License-Identifier: Apache-2.0
// Moves of styles beside latents in a file, as 'atelier project --space s' and 'atelier edit' write them:
// "style.K" [rows, channels] is what the style of layer K gains over that which w makes of it.
#ifndef APP_STYLES_H
#define APP_STYLES_H

#include <stddef.h>
#include <atelier/directions.h>
#include "error.h"

enum { APP_STYLES = 128 }; // layers with styles, toRGB among them; the largest networks have some thirty

typedef struct app_styles {
    size_t count; // layers; 0: there are none
    char name[APP_STYLES][16];
    int64_t channels[APP_STYLES];
    const atl_array *from[APP_STYLES]; // borrowed from their set
    size_t width;                      // channels of all layers
    int32_t *pairs;                    // [width, 2], layer and channel, by malloc
    float *moves;                      // [batch, width], by malloc
} app_styles;

// Whether a file has such moves.
int app_styles_are_in(const atl_arrays *set);

// The layers of a network, with room for `batch` rows of zeros.  A network without styles has none.
app_status app_styles_list(atl_model *model, size_t batch, app_styles *styles, app_error *e);
// Those that `rows` latents of a file have; another network's are refused.
app_status app_styles_open(atl_model *model, const atl_arrays *set, const char *source, size_t rows,
                           size_t batch, app_styles *styles, app_error *e);
void app_styles_close(app_styles *styles); // a zeroed struct is fine

// A row of the file, to place `image` of the batch.
void app_styles_row(app_styles *styles, size_t row, size_t image);
// Adds a direction of styles to place `image`; channels that the network lacks are left out.
void app_styles_add(app_styles *styles, size_t image, const atl_direction *direction, double strength);
// Place `image` as a direction of strength 1, borrowed.
atl_direction app_styles_direction(const app_styles *styles, size_t image);

// Arrays for a file, of `rows` rows that follow each other in `moves` [rows, width]: splits them by layer
// into room [rows * width] and fills list [styles->count].
void app_styles_split(const app_styles *styles, size_t rows, const float *moves, float *room,
                      atl_array *list);

#endif
