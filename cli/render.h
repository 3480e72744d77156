// SPDX-License-Identifier: Apache-2.0
// From rows of latents to float images, a batch at a time.
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include <stddef.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include "latents.h"

typedef struct cli_render {
    atl_ctx *ctx;
    atl_model *model;
    const atl_model_info *info;
    const cli_latents *latents;
    const cli_labels *labels;
    float psi;
    int cutoff;
    atl_noise_mode noise;
    const float *centroids;         // [centroid_count, w_dim] to truncate toward; NULL: the average
    int centroid_count;
    const float *transform;         // [9]; NULL: none
    const char *dump, *dump_folder; // NULL: no step mode
    size_t batch, row_ws, row_img;  // images at once; numbers of an image in `ws` and `img`
    float *latent, *c, *ws, *img;   // [batch, ...]
    uint32_t *noise_seeds;          // [batch]
} cli_render;

// What --trunc and --trunc-cutoff mean when --trunc was not given (NAN): what the network's makers use.
void cli_render_truncation(const atl_model_info *info, double *psi, int *cutoff);

// All fields before `batch` are set by the caller.  0, or an exit status after printing why not.
int cli_render_open(cli_render *render, size_t batch);
void cli_render_close(cli_render *render); // a zeroed struct is fine

// Rows [first, first + n) to render->ws, n <= batch.
int cli_render_ws(cli_render *render, size_t first, size_t n);

// ws [n, num_ws, w_dim] to render->img [n, channels, height, width].
int cli_render_img(cli_render *render, size_t n, const float *ws);

// A picture with the network's shape; fails when it has no picture's number of channels.
int cli_render_picture(const cli_render *render, atl_image *picture);

#endif
