// SPDX-License-Identifier: Apache-2.0
// What conditional networks are told beside the latent: one row of numbers per image, mostly a class.
#ifndef APP_LABELS_H
#define APP_LABELS_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>
#include "error.h"
#include "seeds.h"

typedef struct app_labels {
    size_t width;             // c_dim; 0: the network is not conditional
    int class_index;          // for every image; negative: none
    const app_seeds *classes; // borrowed; not NULL: a class number for each image
    const uint32_t *seeds;    // borrowed; not NULL: each image's class is random, by its seed
    atl_arrays *set;
    const atl_array *array; // borrowed from `set`: [rows, c_dim], or [rows] class numbers, ones aside
    int vectors;            // it is the former
    const char *mixture;    // borrowed; not NULL: of classes, for every image (classes.h)
    size_t rows;            // of array or classes; one is for all images.  0: neither
    size_t first;           // the row of the first image
    int only;               // every image has row `first`
} app_labels;

// Labels of "FILE", "FILE:TENSOR" or a mixture of classes for `count` images: a row for each, or one for all.
// count 0: the caller looks at labels->rows.  source NULL: class_index for all.
app_status app_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                           size_t count, app_labels *labels, app_error *e);
void app_labels_close(app_labels *labels);

// The class that a seed stands for: RandomState(seed).randint(classes), as StyleGAN-XL's script draws it.
int app_class_of_seed(uint32_t seed, size_t classes);

// The class number of an image, or -1 when its label is a vector or there is none.
double app_labels_class(const app_labels *labels, size_t row);

// APP_FAILED when the image has no valid class number.
app_status app_labels_row(const app_labels *labels, size_t row, float *out, app_error *e);

#endif
