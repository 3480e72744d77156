// SPDX-License-Identifier: Apache-2.0
// Where the numbers behind images come from: seeds, or rows of a tensor in a file; and class labels.
#ifndef APP_LATENTS_H
#define APP_LATENTS_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>
#include "error.h"

typedef enum app_space { APP_Z, APP_W, APP_WS } app_space;

typedef struct app_latents {
    app_space space;       // rows are [z_dim], [w_dim] or [num_ws, w_dim]
    size_t count;          // rows
    size_t width;          // numbers in a row
    const uint32_t *seeds; // borrowed; NULL: rows of `array`
    atl_arrays *set;
    const atl_array *array; // borrowed from `set`
} app_latents;

void app_latents_from_seeds(const atl_model_info *info, const uint32_t *seeds, size_t count,
                            app_latents *latents);

// Opens "FILE" or "FILE:TENSOR".  Two dimensions mean z, unless only w_dim fits, the tensor is called
// "w", or `projected` is set.
app_status app_latents_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int projected,
                            app_latents *latents, app_error *e);
void app_latents_close(app_latents *latents); // a zeroed struct is fine
void app_latents_row(const app_latents *latents, size_t row, float *out);

typedef struct app_labels {
    size_t width;          // c_dim; 0: the network is not conditional
    int class_index;       // for every image; negative: rows of `array`
    const uint32_t *seeds; // not NULL: each image's class is random, by its seed; borrowed
    atl_arrays *set;
    const atl_array *array; // [N, c_dim], or [N] class numbers
} app_labels;

// `count` images need labels.  source NULL: class_index for all.
app_status app_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                           size_t count, app_labels *labels, app_error *e);
void app_labels_close(app_labels *labels);
// The class that a seed stands for: RandomState(seed).randint(classes), as StyleGAN-XL's script draws it.
int app_class_of_seed(uint32_t seed, size_t classes);

// Rows [count, w_dim] to truncate toward, out of "FILE" or "FILE:TENSOR", by malloc.
app_status app_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows,
                              int *count, app_error *e);

// APP_FAILED when the row has no valid class number.
app_status app_labels_row(const app_labels *labels, size_t row, float *out, app_error *e);

#endif
