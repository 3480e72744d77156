// SPDX-License-Identifier: Apache-2.0
// One picture of a source made as a new set wants it: colours, crop, size.
#ifndef ATL_DATA_PREPARE_H
#define ATL_DATA_PREPARE_H

#include <stdbool.h>
#include "data/dataset.h"

// Reads picture `index` and prepares it.  *small: ATL_CROP_CENTER_WIDE leaves it out, and *image is empty.
atl_status atl_prepare(const atl_source *source, const atl_dataset_make_options *options, atl_ctx *ctx,
                       size_t index, atl_image *image, bool *small);

#endif
