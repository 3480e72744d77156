// SPDX-License-Identifier: Apache-2.0
// Tensors of other layouts: where a value stands in the file, and what has to change on its way into the
// parameter store.  Values are read one at a time, so a file is never held twice.
#ifndef ATL_CKPT_MAPPED_H
#define ATL_CKPT_MAPPED_H

#include "ckpt/layout.h"

typedef enum atl_change {
    ATL_CHANGE_NONE,
    ATL_CHANGE_TRANSPOSE, // [in, out] -> [out, in]
    ATL_CHANGE_HWIO,      // [h, w, in, out] -> [out, in, h, w]
    ATL_CHANGE_HWIO_TURN, // the same, rotated by 180 degrees
    ATL_CHANGE_HWOI,      // [h, w, out, in] -> [out, in, h, w]
    ATL_CHANGE_TURN       // [out, in, h, w], rotated by 180 degrees
} atl_change;

typedef struct atl_ckpt_source {
    const char *name;        // ours: "synthesis.b8.conv1.weight"
    const char *from;        // in the file: "synthesis/8x8/Conv1/weight"
    const atl_object *value; // a tensor, or a number for rank 0
    atl_change change;
    int drop;  // leading dims, each 1, that go
    int rank;  // of the result before `change`; further dims, each 1, go too
    float add; // added to every element
    bool buffer;
} atl_ckpt_source;

// A list of sources that grows.
typedef struct atl_ckpt_sources {
    atl_ckpt_source *list;
    size_t size, room;
} atl_ckpt_sources;

atl_status atl_ckpt_sources_add(atl_ckpt *ckpt, atl_ckpt_sources *s,
                                const atl_ckpt_source *source); // its name is copied

// Lists what a network of the layout is made of; `network` is what the layout gave to atl_ckpt_add().
typedef atl_status atl_ckpt_collector(atl_ckpt *ckpt, const void *network, atl_ckpt_sources *s);

// Adds every source of network `index` to the store and reads it.  A wrong type or rank is an error that names
// the variable.
atl_status atl_ckpt_load_mapped(atl_ckpt *ckpt, size_t index, atl_ckpt_collector *collect,
                                atl_params *params);

#endif
