// SPDX-License-Identifier: Apache-2.0
// Noise maps beside latents in a file, as 'atelier project' writes them: "noise.0" [rows, h, w], ...
#ifndef APP_MAPS_H
#define APP_MAPS_H

#include <stddef.h>
#include <atelier/model.h>
#include "error.h"

enum { APP_MAPS = 64 };

typedef struct app_maps {
    size_t count;                    // 0: the file has none
    const atl_array *from[APP_MAPS]; // borrowed from its set
    size_t size[APP_MAPS];           // numbers of one map
    float *room[APP_MAPS];           // [batch, h, w] each, by malloc
} app_maps;

// Those of `rows` latents, where the file has all that the network takes.  Others are warned of and not used.
app_status app_maps_open(const atl_model *model, const atl_arrays *set, const char *source, size_t rows,
                         size_t batch, app_maps *maps, app_error *e);
void app_maps_close(app_maps *maps); // a zeroed struct is fine

void app_maps_row(app_maps *maps, size_t row, size_t image); // to place `image` of the batch

#endif
