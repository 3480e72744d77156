// SPDX-License-Identifier: Apache-2.0
// What conditional networks are told beside the latent: one row of numbers per image, mostly a class.
#ifndef APP_LABELS_H
#define APP_LABELS_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>
#include "error.h"

typedef struct app_labels {
    size_t width;          // c_dim; 0: the network is not conditional
    int class_index;       // for every image; negative: rows of `array`
    const uint32_t *seeds; // not NULL: each image's class is random, by its seed; borrowed
    atl_arrays *set;
    const atl_array *array; // [N, c_dim], or [N] class numbers
    size_t first;           // its row for the first image
} app_labels;

// `count` images need labels: a file has one for each, or one for all.  count 0: one image, whose label is
// row `first` of as many as there are.  source NULL: class_index for all.
app_status app_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                           size_t first, size_t count, app_labels *labels, app_error *e);
void app_labels_close(app_labels *labels);
// The class that a seed stands for: RandomState(seed).randint(classes), as StyleGAN-XL's script draws it.
int app_class_of_seed(uint32_t seed, size_t classes);

// APP_FAILED when the row has no valid class number.
app_status app_labels_row(const app_labels *labels, size_t row, float *out, app_error *e);

#endif
