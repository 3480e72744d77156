// SPDX-License-Identifier: Apache-2.0
// Named arrays in files: .npy, .npz, .safetensors, torch files and pickles, and numbers as text.  Files are
// mapped, not copied where that can be; every offset, count and shape is checked against the file before it
// is used.
#ifndef ATELIER_ARRAY_H
#define ATELIER_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum atl_dtype {
    ATL_F32, ATL_F16, ATL_BF16, ATL_F64,
    ATL_I8, ATL_U8, ATL_I16, ATL_U16, ATL_I32, ATL_U32, ATL_I64, ATL_U64, ATL_BOOL,
    ATL_DTYPES
} atl_dtype;

ATL_API size_t atl_dtype_size(atl_dtype dtype);       // bytes of one element
ATL_API const char *atl_dtype_name(atl_dtype dtype);  // as safetensors writes it: "F32", "BF16", "BOOL"

enum { ATL_ARRAY_RANK_MAX = 8 };

// One array, contiguous, C order, little endian, at any alignment.  rank 0 is a scalar (one element).
typedef struct atl_array {
    const char *name;      // as stored in the file; "" for a lone .npy.  Never NULL.
    atl_dtype dtype;
    int rank;
    int64_t dims[ATL_ARRAY_RANK_MAX];
    const void *data;      // borrowed from the set that it came from, or from the caller
} atl_array;

ATL_API int64_t atl_array_count(const atl_array *array); // number of elements

// Copies elements [first, first + count) to `out`, converted to float.
ATL_API void atl_array_read_f32(const atl_array *array, int64_t first, int64_t count, float *out);

// A set of arrays read from one file.
typedef struct atl_arrays atl_arrays;

// Opens a file of any of the formats (recognised by content, not by name).  The arrays that dicts and lists
// of a pickle hold are named by the way to them, "a.png.latent"; text is one array without a name.  On
// failure *set is NULL and the context has the sentence.  Close the set when its arrays are no longer in use.
ATL_API atl_status atl_arrays_open(atl_ctx *ctx, const char *path, atl_arrays **set);
ATL_API void atl_arrays_close(atl_arrays **set);

ATL_API size_t atl_arrays_size(const atl_arrays *set);
ATL_API const atl_array *atl_arrays_get(const atl_arrays *set, size_t index);         // borrowed
ATL_API const atl_array *atl_arrays_find(const atl_arrays *set, const char *name);    // NULL: no such name
// Text beside the arrays, NULL: no such key.  Safetensors files have their own; "container" is "text" of
// numbers as text and "numpy objects" of a .npy with pickled objects.
ATL_API const char *atl_arrays_metadata(const atl_arrays *set, const char *key);

typedef struct atl_pair { const char *key, *value; } atl_pair;

// Write a file beside `path` and rename it when it is complete.  Metadata may be NULL when pairs is 0.
ATL_API atl_status atl_npy_write(atl_ctx *ctx, const char *path, const atl_array *array);
// An .npz as numpy.savez makes it, each array under its name; less than 4 GiB each.
ATL_API atl_status atl_npz_write(atl_ctx *ctx, const char *path, const atl_array *arrays, size_t count);
ATL_API atl_status atl_safetensors_write(atl_ctx *ctx, const char *path, const atl_array *arrays, size_t count,
                                 const atl_pair *metadata, size_t pairs);

#ifdef __cplusplus
}
#endif
#endif
