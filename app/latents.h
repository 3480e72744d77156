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

// Rows [count, w_dim] to truncate toward, out of "FILE" or "FILE:TENSOR", by malloc.
app_status app_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows,
                              int *count, app_error *e);

#endif
