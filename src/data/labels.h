// SPDX-License-Identifier: Apache-2.0
// Labels of the pictures of a source: out of dataset.json, out of the names of folders, or those that the
// format brings; and dataset.json written as Python's json.dump() writes it.
#ifndef ATL_DATA_LABELS_H
#define ATL_DATA_LABELS_H

#include <atelier/dataset.h>
#include "data/data.h"
#include "io/image_format.h"

// Classes or vectors, or neither.  Owned; atl_label_set_clear().
typedef struct atl_label_set {
    size_t size;      // numbers in a label: highest class + 1, or the length of the vectors
    int32_t *classes; // [count]
    float *vectors;   // [count, size]
    uint8_t *given;   // [count] whether the picture has a label; NULL when there are no labels
    size_t missing;   // pictures without
} atl_label_set;

// Reads them as `mode` says, without judging the missing ones.
atl_status atl_label_set_read(atl_ctx *ctx, const atl_source *source, atl_labels mode, atl_label_set *set);
void atl_label_set_clear(atl_ctx *ctx, atl_label_set *set);

// The same; pictures without a label are an error, or with ATL_LABELS_AUTO a warning, and no labels.
atl_status atl_label_set_require(atl_ctx *ctx, const atl_source *source, atl_labels mode, atl_label_set *set);

void atl_label_set_get(const atl_label_set *set, size_t index, float *label); // [size]

// dataset.json for `count` pictures; picture i was number kept[i] of the set.
atl_status atl_label_set_write(atl_ctx *ctx, const atl_label_set *set, const uint32_t *kept, size_t count,
                               atl_image_bytes *out);

// The name of picture `number` in a set that we write: "00000/img00000042.png".
enum { ATL_MADE_NAME = 32 };
void atl_made_name(size_t number, char name[ATL_MADE_NAME]);

#endif
