// SPDX-License-Identifier: Apache-2.0
// From rows of latents to float images, a batch at a time.
#ifndef APP_RENDER_H
#define APP_RENDER_H

#include <stddef.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include "latents.h"

typedef struct app_render {
    atl_ctx *ctx;
    atl_model *model;
    const atl_model_info *info;
    const app_latents *latents;
    const app_labels *labels;
    float psi;
    int cutoff;
    atl_noise_mode noise;
    const float *centroids; // [centroid_count, w_dim] to truncate toward; NULL: the average
    int centroid_count;
    const float *transform;         // [9]; NULL: none
    const char *dump, *dump_folder; // NULL: no step mode
    size_t batch, row_ws, row_img;  // images at once; numbers of an image in `ws` and `img`
    float *latent, *c, *ws, *img;   // [batch, ...]
    uint32_t *noise_seeds;          // [batch]
} app_render;

// What --trunc and --trunc-cutoff mean when --trunc was not given (NAN): what the network's makers use.
void app_render_truncation(const atl_model_info *info, double *psi, int *cutoff);

// All fields before `batch` are set by the caller.
app_status app_render_open(app_render *render, size_t batch, app_error *e);
void app_render_close(app_render *render); // a zeroed struct is fine

// Rows [first, first + n) to render->ws, n <= batch.
app_status app_render_ws(app_render *render, size_t first, size_t n, app_error *e);

// ws [n, num_ws, w_dim] to render->img [n, channels, height, width].
app_status app_render_img(app_render *render, size_t n, const float *ws, app_error *e);

// A picture with the network's shape; fails when it has no picture's number of channels.
app_status app_render_picture(const app_render *render, atl_image *picture, app_error *e);

#endif
