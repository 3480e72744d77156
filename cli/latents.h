// SPDX-License-Identifier: Apache-2.0
// Where the numbers behind images come from: seeds, or rows of a tensor in a file; and class labels.
#ifndef CLI_LATENTS_H
#define CLI_LATENTS_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>

typedef enum cli_space { CLI_Z, CLI_W, CLI_WS } cli_space;

typedef struct cli_latents {
    cli_space space;         // rows are [z_dim], [w_dim] or [num_ws, w_dim]
    size_t count;            // rows
    size_t width;            // numbers in a row
    const uint32_t *seeds;   // borrowed; NULL: rows of `array`
    atl_arrays *set;
    const atl_array *array;  // borrowed from `set`
} cli_latents;

void cli_latents_from_seeds(const atl_model_info *info, const uint32_t *seeds, size_t count,
                            cli_latents *latents);

// Opens "FILE" or "FILE:TENSOR".  Two dimensions mean z, unless only w_dim fits, the tensor is called
// "w", or `projected` is set.  0, or an exit status after printing why not.
int cli_latents_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int projected,
                     cli_latents *latents);
void cli_latents_close(cli_latents *latents); // a zeroed struct is fine
void cli_latents_row(const cli_latents *latents, size_t row, float *out);

typedef struct cli_labels {
    size_t width;            // c_dim; 0: the network is not conditional
    int class_index;         // for every image; negative: rows of `array`
    const uint32_t *seeds;   // not NULL: each image's class is random, by its seed; borrowed
    atl_arrays *set;
    const atl_array *array;  // [N, c_dim], or [N] class numbers
} cli_labels;

// `count` images need labels.  source NULL: class_index for all.
int cli_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                    size_t count, cli_labels *labels);
void cli_labels_close(cli_labels *labels);
// The class that a seed stands for: RandomState(seed).randint(classes), as StyleGAN-XL's script draws it.
int cli_class_of_seed(uint32_t seed, size_t classes);

// Rows [count, w_dim] to truncate toward, out of "FILE" or "FILE:TENSOR", by malloc.  0, or an exit status
// after printing why not.
int cli_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows, int *count);

// 0, or CLI_FAILURE when the row has no valid class number (printed).
int cli_labels_row(const cli_labels *labels, size_t row, float *out);

#endif
