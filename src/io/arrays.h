// SPDX-License-Identifier: Apache-2.0
// The inside of a set of arrays, shared by its formats.  Public face: <atelier/array.h>.
#ifndef ATL_IO_ARRAYS_H
#define ATL_IO_ARRAYS_H

#include <stdbool.h>
#include <atelier/array.h>
#include "base/mem.h"
#include "io/file.h"

struct atl_arrays {
    atl_ctx *ctx;
    const char *path;
    atl_file file;
    atl_arena arena;           // names, metadata and whatever could not be used in place
    atl_array *list;
    size_t size, room;
    uint32_t *order;           // positions in list, sorted by name
    const atl_pair *metadata;
    size_t pairs;
};

// Whether bytes can be a safetensors file: a header of less than 2^48 bytes, whose length comes first, in
// braces.
bool atl_safetensors_is(const uint8_t *data, size_t bytes);

// Whether bytes can be a list of numbers as text.
bool atl_text_array_is(const uint8_t *data, size_t bytes);

// Each fills list, size and metadata from the mapped bytes.
atl_status atl_safetensors_parse(atl_arrays *set);
atl_status atl_npy_parse(atl_arrays *set);
atl_status atl_npz_parse(atl_arrays *set);
atl_status atl_text_array_parse(atl_arrays *set);

// Adds the arrays of a torch file or pickle in memory, which may be a part of the mapped bytes.  Their names
// begin with `name`.
atl_status atl_pickled_parse(atl_arrays *set, const char *name, const uint8_t *data, size_t bytes);

// One more entry of the list, to be filled; valid until the next one is added.
atl_status atl_arrays_add(atl_arrays *set, atl_array **array);

// A set in a mapped file, which is taken over, also on failure: *file is empty afterwards.
atl_status atl_arrays_open_file(atl_ctx *ctx, const char *path, atl_file *file, atl_arrays **set);

// The same over bytes in memory (for tests): `data` must outlive the set, `path` is for messages.
atl_status atl_arrays_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                  atl_arrays **set);

// A set in memory: float arrays with the names and shapes of `list`, filled by the caller in place; where a
// list entry has data they are not looked at.
atl_status atl_arrays_make(atl_ctx *ctx, const atl_array *list, size_t count, atl_arrays **set);
static inline float *atl_arrays_room(const atl_arrays *set, size_t index) {
    return (float *)set->list[index].data;
}

// The file that a set is mapped from.
const atl_file *atl_arrays_file(const atl_arrays *set);

// Number of elements of a shape, and of bytes; false when one does not fit.
bool atl_dims_count(int rank, const int64_t *dims, int64_t *count);
bool atl_dims_bytes(int rank, const int64_t *dims, atl_dtype dtype, size_t *bytes);

// The dtype that safetensors calls `name`, or -1.
int atl_dtype_by_name(const char *name);

// Converts `count` elements at any alignment.
void atl_convert_f32(atl_dtype dtype, const void *data, size_t count, float *out);

#endif
