// SPDX-License-Identifier: Apache-2.0
// The inside of a set of directions.  Public face: <atelier/directions.h>.
#ifndef ATL_EDIT_DIRECTIONS_H
#define ATL_EDIT_DIRECTIONS_H

#include <stdbool.h>
#include <atelier/directions.h>
#include "base/mem.h"
#include "io/arrays.h"

enum { ATL_DIRECTIONS_MOST = 1 << 20, ATL_DIRECTION_WIDTH_MOST = 1 << 20 };

struct atl_directions {
    atl_ctx *ctx;
    atl_arena arena; // of everything
    atl_direction *list;
    size_t count;
    const char *method, *source;
};

// `count` directions of one shape, all zeros, of scale 1, with room for their numbers in *values
// [count, rows, width].  On failure *set is NULL.
atl_status atl_directions_new(atl_ctx *ctx, size_t count, atl_direction_space space, int rows, int64_t width,
                              const char *method, atl_directions **set, float **values);

// Copies of text in the set; NULL: memory is missing.
const char *atl_directions_keep(atl_directions *set, const char *text);

// That every number is one, and no direction is zero; `path` (may be NULL) for the sentence.
atl_status atl_directions_check(const atl_directions *set, const char *path);

// "0-2,5" of bits, "" of none, and back; false: it is none, or a layer is above 63.
enum { ATL_LAYERS_TEXT = 256 };
const char *atl_layers_text(uint64_t layers, char text[ATL_LAYERS_TEXT]);
bool atl_layers_parse(const char *text, uint64_t *layers);

// The set in a file of Atelier's own, whose arrays are open.
bool atl_directions_are_own(const atl_arrays *arrays);
atl_status atl_directions_read_own(atl_ctx *ctx, const char *path, const atl_arrays *arrays,
                                   atl_directions **set);

// Lists of channels of styles, as text or JSON.
bool atl_channels_are(const uint8_t *data, size_t bytes);
atl_status atl_channels_read(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                             atl_directions **set);

// A named edit of GANSpace: a pickled dict with "lat_comp" and the layers between "edit_start" and
// "edit_end". *set stays NULL where it is none.
atl_status atl_named_edit_read(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                               atl_directions **set);

// Any file of directions in memory.
atl_status atl_directions_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                      const char *array, int *unsure, atl_directions **set);

#endif
