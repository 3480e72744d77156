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
    size_t names;     // pictures that dataset.json names
    size_t strangers; // of these, such as are not in the source
    char stranger[160]; // the first of them, perhaps cut
} atl_label_set;

enum { ATL_LABEL_MOST = 1 << 16 }; // classes, or numbers in a label

// Reads them as `mode` says, without judging the missing ones.
atl_status atl_label_set_read(atl_ctx *ctx, const atl_source *source, atl_labels mode, atl_label_set *set);
void atl_label_set_clear(atl_ctx *ctx, atl_label_set *set);

// The same; pictures without a label are an error, or with ATL_LABELS_AUTO a warning, and no labels.
atl_status atl_label_set_require(atl_ctx *ctx, const atl_source *source, atl_labels mode, atl_label_set *set);

// Reads source->json into a set whose `given` is there.
atl_status atl_label_set_parse(atl_ctx *ctx, const atl_source *source, atl_label_set *set);

// Each folder is a class, in the order of their names.
atl_status atl_label_set_from_folders(atl_ctx *ctx, const atl_source *source, atl_label_set *set);

// A sentence about what is wrong with all labels of the set together, or false.  None are there although
// dataset.json has names, or although `mode` wants some:
bool atl_label_set_is_lost(const atl_label_set *set, const atl_source *source, atl_labels mode, char *text,
                           size_t room);
// A class below the highest has no picture among the `count` of numbers kept[i] (NULL: the first `count`), as
// trainers refuse; classes that begin at 1 are the usual reason.  ATL_NO_MEMORY when there is none for
// looking.
atl_status atl_label_set_find_gap(atl_ctx *ctx, const atl_label_set *set, const uint32_t *kept, size_t count,
                                  char *text, size_t room, bool *found);

void atl_label_set_get(const atl_label_set *set, size_t index, float *label); // [size]

// dataset.json for `count` pictures; picture i was number kept[i] of the set.
atl_status atl_label_set_write(atl_ctx *ctx, const atl_label_set *set, const uint32_t *kept, size_t count,
                               atl_image_bytes *out);

// The name of picture `number` in a set that we write: "00000/img00000042.png".
enum { ATL_MADE_NAME = 32 };
void atl_made_name(size_t number, char name[ATL_MADE_NAME]);

#endif
