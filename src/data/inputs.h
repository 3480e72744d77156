// SPDX-License-Identifier: Apache-2.0
// Pictures as encoders take them: resized, and as colours, gray, or a channel for each class of a map of labels.
#ifndef ATL_DATA_INPUTS_H
#define ATL_DATA_INPUTS_H

#include <stdbool.h>
#include <atelier/image.h>
#include "base/ctx.h"

enum { ATL_INPUT_COLOURS = 3, ATL_INPUT_FACTOR_MOST = 256 };

typedef struct atl_input_form {
    int channels; // 3: colours from -1 to 1; 1: gray from 0 to 1; others: labels 0 to channels - 1
    int height, width;
    int factor; // of colours and grays: made smaller by it first, as for super-resolution; 1: not
} atl_input_form;

bool atl_input_is_labels(const atl_input_form *form);
size_t atl_input_size(const atl_input_form *form); // numbers

// The picture as numbers [channels, height, width].  Fails where a map has a label that the form lacks.
atl_status atl_input_fill(atl_ctx *ctx, const atl_input_form *form, const atl_image *picture, float *input);

#endif
