// SPDX-License-Identifier: Apache-2.0
// One picture of a source made as a new set wants it: colours, crop, size.
#ifndef ATL_DATA_PREPARE_H
#define ATL_DATA_PREPARE_H

#include <stdbool.h>
#include "data/dataset.h"

// What became of it: left out by ATL_CROP_CENTER_WIDE, and the image is empty; or not turned though it asks
// for it.
typedef struct atl_prepared {
    bool small, lying;
} atl_prepared;

// Reads picture `index` and prepares it.
atl_status atl_prepare(const atl_source *source, const atl_dataset_make_options *options, atl_ctx *ctx,
                       size_t index, atl_image *image, atl_prepared *prepared);

// Turns and flips as `orientation` of EXIF (1 to 8) asks.  On failure the image is as it was.
atl_status atl_image_turn(atl_ctx *ctx, int orientation, atl_image *image);

// [h, w, 2 or 4] over a uniform ground, rounded to nearest, becomes [h, w, 1 or 3].
void atl_image_flatten(atl_image *image, unsigned ground);

// Gray [h, w, 1] to colour [h, w, 3], or back.  On failure the image is as it was.
atl_status atl_image_color(atl_ctx *ctx, atl_color color, atl_image *image);

#endif
