// SPDX-License-Identifier: Apache-2.0
// Style mixing (Karras et al. 2019, section 3.1).  The image in row r and column c has the styles of seed r,
// except the chosen layers, which come from seed c.  Also handed out: the sources, in row or column 0.
#ifndef APP_MIX_H
#define APP_MIX_H

#include "render.h"

typedef struct app_mix_options {
    app_recipe recipe;            // all that determines the images, but for the seeds
    const app_seeds *rows, *cols; // seeds
    const app_seeds *styles;      // layers that come from the column
} app_mix_options;

typedef struct app_mix {
    app_mix_options o;
    app_render render;
    app_seeds all;  // rows, then columns
    float *sources; // their ws [all.count, num_ws, w_dim]
    float *mixed;   // [num_ws, w_dim]
    size_t count;   // images in all
} app_mix;

typedef struct app_mixed {
    size_t row, column; // place in a sheet with the sources in its first row and column
    char name[32];      // "85-100": the seeds
    const float *img;   // [channels, height, width]
    app_recipe recipe;  // its record
} app_mixed;

// APP_STOPPED: end here.
typedef app_status app_mix_use(void *user, const app_mixed *image, app_error *e);

// The lists are borrowed.  A zeroed struct and one after a failure may be closed.
app_status app_mix_open(app_mix *m, atl_ctx *ctx, atl_model *model, const app_mix_options *o, app_error *e);
app_status app_mix_run(app_mix *m, app_mix_use *use, void *user, app_error *e);
void app_mix_close(app_mix *m);

#endif
