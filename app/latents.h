// SPDX-License-Identifier: Apache-2.0
// Where the numbers behind images come from: seeds, or codes in the tensors of a file.
#ifndef APP_LATENTS_H
#define APP_LATENTS_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>
#include "error.h"
#include "tensor.h"

typedef enum app_space { APP_Z, APP_W, APP_WS } app_space;

typedef struct app_latents {
    app_space space;       // rows are [z_dim], [w_dim] or [num_ws, w_dim]
    size_t count;          // rows
    size_t width;          // numbers in a row
    const uint32_t *seeds; // borrowed; NULL: rows of the tensors
    app_tensors tensors;
    size_t *ends; // [tensors.count] rows up to and with each tensor, by malloc
    int styled;   // the file has moves of styles beside them, and nobody named a tensor of it
} app_latents;

void app_latents_from_seeds(const atl_model_info *info, const uint32_t *seeds, size_t count,
                            app_latents *latents);

// Opens "FILE" or "FILE:TENSOR".  The shape says what a tensor is, ones in it aside:
//
//     [N, num_ws, w_dim]  N codes with a w for each layer
//     [num_ws, w_dim]     one of them; it is told, since it could be num_ws w
//     [N, w_dim], [w_dim] w: when `projected`, when the tensor is called w, latent, ..., and when z is of
//     another
//                         size
//     [N, z_dim], [z_dim] z otherwise
//
// Several tensors of a file (its pictures' codes) follow each other.  Anything else is refused, [1, N, w_dim]
// with another N included: that is a code for a network of another size.
app_status app_latents_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int projected,
                            app_latents *latents, app_error *e);
void app_latents_close(app_latents *latents); // a zeroed struct is fine
// Fails for latents with moves of styles: what uses w alone would not make their picture.
app_status app_latents_need_plain(const app_latents *latents, const char *source, app_error *e);
void app_latents_row(const app_latents *latents, size_t row, float *out);

// A row of w as so many numbers of ws: one w is for all layers.
void app_latents_ws(const app_latents *latents, size_t row, size_t count, float *ws);

// Rows [count, w_dim] to truncate toward, out of "FILE" or "FILE:TENSOR", by malloc.
app_status app_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows,
                              int *count, app_error *e);

#endif
