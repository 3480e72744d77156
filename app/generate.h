// SPDX-License-Identifier: Apache-2.0
// Images from seeds, or from rows of latents in a file: opened, checked, and handed out one by one.
#ifndef APP_GENERATE_H
#define APP_GENERATE_H

#include "render.h"

typedef struct app_generate_options {
    app_recipe recipe;     // all that determines the images, but for seed and row
    const uint32_t *seeds; // NULL: the rows of recipe.latents
    size_t count, batch;   // of seeds; images at once
    const app_seeds *classes; // one, or one for each image; NULL or empty: none is chosen here
    const char *dump;      // pattern of step mode; NULL: none
    const char *folder;    // where step mode makes its folder `dump`
} app_generate_options;

typedef struct app_generate {
    app_generate_options o;
    app_render render;
    size_t count, done; // images in all, and handed out
} app_generate;

typedef struct app_generated {
    size_t row;
    const char *name;      // "seed0085", or "proj07" of a file
    const float *img, *ws; // [channels, height, width], [num_ws, w_dim]
} app_generated;

// APP_STOPPED: end after the batch at work.
typedef app_status app_generate_use(void *user, const app_generated *image, app_error *e);

// The options' texts and seeds are borrowed.  A zeroed struct and one after a failure may be closed.
app_status app_generate_open(app_generate *g, atl_ctx *ctx, atl_model *model, const app_generate_options *o,
                             app_error *e);
app_status app_generate_run(app_generate *g, app_generate_use *use, void *user, app_error *e);
void app_generate_close(app_generate *g);

// The record of one image.
app_recipe app_generate_recipe(const app_generate *g, size_t row);

#endif
