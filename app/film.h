// SPDX-License-Identifier: Apache-2.0
// The frames of a video: closed walks through keyframes, side by side, as pictures that are handed out one
// after the other.  Opening checks everything and computes nothing, so that a file can be opened in between.
#ifndef APP_FILM_H
#define APP_FILM_H

#include "picture.h"
#include "render.h"
#include "walk.h"

typedef struct app_film_options {
    app_recipe recipe;        // all that determines the images, but for seeds and classes
    const app_seeds *seeds;   // NULL: the rows of recipe.latents
    const app_seeds *classes; // of a conditional network: one, or one for each keyframe; may be empty
    const app_seeds *fixed;   // layers that keep the styles of fixed_seed; may be empty
    uint32_t fixed_seed;
    size_t columns, lines; // walks side by side
    size_t keyframes;      // of each walk; 0: as many as the walks can share
    size_t between;        // frames from each keyframe to the next
    int shuffle;           // the keyframes, by shuffle_seed
    uint32_t shuffle_seed;
    atl_path_ease ease;
    int in_z;     // walk through latents, not styles
    size_t batch; // images at once
} app_film_options;

typedef struct app_film {
    app_film_options o;
    app_render render;
    app_walk walk;
    app_sheet sheet;
    uint32_t *rows;       // [cells, keyframes] of the latents
    float *ws, *fixed_ws; // [batch, num_ws, w_dim], [num_ws, w_dim]
    size_t frames, done;  // in all, and handed out
} app_film;

// APP_STOPPED: end after the batch at work.  `frame` counts from 0.
typedef app_status app_film_use(void *user, size_t frame, const atl_image *picture, app_error *e);

// The lists are borrowed.  A zeroed struct and one after a failure may be closed.
app_status app_film_open(app_film *f, atl_ctx *ctx, atl_model *model, const app_film_options *o,
                         app_error *e);
app_status app_film_run(app_film *f, app_film_use *use, void *user, app_error *e);
void app_film_close(app_film *f);

#endif
