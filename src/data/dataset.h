// SPDX-License-Identifier: Apache-2.0
// The inside of an open set.  Public face: <atelier/dataset.h>.
#ifndef ATL_DATA_DATASET_H
#define ATL_DATA_DATASET_H

#include <atelier/dataset.h>
#include "data/data.h"
#include "data/labels.h"

struct atl_dataset {
    atl_ctx *ctx;
    atl_source *source;
    atl_label_set labels;
    atl_dataset_info info; // width 0 until the first picture is read
};

// atl_dataset_read() for other threads: `ctx` is the caller's own.
atl_status atl_dataset_read_with(const atl_dataset *set, atl_ctx *ctx, size_t index, atl_image *image);

// Drops an alpha channel that is opaque throughout; one that is not is an error.
atl_status atl_picture_drop_alpha(const atl_source *source, atl_ctx *ctx, size_t index, atl_image *image);

#endif
