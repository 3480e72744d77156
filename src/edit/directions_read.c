// SPDX-License-Identifier: Apache-2.0
// Other people's directions.  Which file it is, what it holds says:
//
//     factor.pt (closed_form_factorization.py)   eigvec [w, w], a direction in each column
//     .npz of GANSpace                           lat_comp [N, 1, w], lat_stdev [N], lat_mean
//     .pkl of GANSpace, a named edit             lat_comp and its layers: named_edit.c
//     .pt of e4e, components                     comp [N, 1, w], mean, std [N]
//     .npy of InterFaceGAN, .pt of e4e           [1, w] or [1, num_ws, w], a boundary
//     lists of channels of styles                channels.c
//     any other                                  [N, w] or [N, num_ws, w], by name
//
// Only our own files say whether they move z or w.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/dims.h"
#include "edit/directions.h"
#include "io/file.h"

typedef struct foreign {
    const char *method;
    const char *values, *scale, *mean; // names of arrays; scale and mean may be NULL
    bool columns;                      // directions are columns
} foreign;

static const foreign known[] = {
    { "sefa", "eigvec", NULL, NULL, true },
    { "ganspace", "lat_comp", "lat_stdev", "lat_mean", false },
    { "ganspace", "comp", "std", "mean", false },
};

// The shape of directions: [w], [N, w], [N, 1, w] or [N, num_ws, w].
static bool shape_of(const atl_array *a, int64_t *n, int64_t *rows, int64_t *width) {
    *width = a->rank ? a->dims[a->rank - 1] : 0;
    *n = a->rank > 1 ? a->dims[0] : 1;
    *rows = a->rank == 3 ? a->dims[1] : 1;
    return a->rank >= 1 && a->rank <= 3 && *n >= 1 && *n <= ATL_DIRECTIONS_MOST && *rows >= 1 &&
           *rows <= 64 && *width >= 2 && *width <= ATL_DIRECTION_WIDTH_MOST;
}

static void transpose(const float *from, int64_t n, float *to) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            to[i * n + k] = from[k * n + i];
}

static atl_status read_columns(atl_ctx *ctx, const char *path, const atl_array *a, float *values) {
    int64_t n = a->dims[0];
    if (a->rank != 2 || a->dims[1] != n)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: its array eigvec is not square; it is damaged", path);
    float *all = atl_alloc(ctx, (size_t)n, (size_t)n * sizeof *all);
    if (!all)
        return ATL_NO_MEMORY;
    atl_array_read_f32(a, 0, n * n, all);
    transpose(all, n, values);
    atl_free(ctx, all);
    return ATL_OK;
}

static atl_status read_extras(const atl_arrays *arrays, const foreign *f, atl_directions *set) {
    const atl_array *scale = f->scale ? atl_arrays_find(arrays, f->scale) : NULL;
    const atl_array *mean = f->mean ? atl_arrays_find(arrays, f->mean) : NULL;
    atl_direction *d = set->list;
    if (scale && atl_array_count(scale) == (int64_t)set->count)
        for (size_t i = 0; i < set->count; i++)
            atl_array_read_f32(scale, (int64_t)i, 1, &d[i].scale);
    if (!mean || atl_array_count(mean) != d->width)
        return ATL_OK;
    float *centre = atl_arena_alloc(&set->arena, (size_t)d->width, sizeof *centre);
    if (!centre)
        return ATL_NO_MEMORY;
    atl_array_read_f32(mean, 0, d->width, centre);
    for (size_t i = 0; i < set->count; i++)
        d[i].mean = centre;
    return ATL_OK;
}

static atl_status take(atl_ctx *ctx, const char *path, const atl_arrays *arrays, const atl_array *a,
                       const foreign *f, atl_directions **set) {
    char text[ATL_DIMS_TEXT];
    int64_t n, rows, width;
    float *values;
    if (!shape_of(a, &n, &rows, &width))
        return atl_fail(ctx, ATL_BAD_FILE,
                        "%s: an array of shape %s is no direction: [N, w] and [N, num_ws, w] are", path,
                        atl_dims_text(a->rank, a->dims, text));
    ATL_TRY(atl_directions_new(ctx, (size_t)n, rows > 1 ? ATL_DIRECTION_WS : ATL_DIRECTION_W, (int)rows,
                               width, f->method, set, &values));
    atl_status status = ATL_OK;
    if (f->columns)
        status = read_columns(ctx, path, a, values);
    else
        atl_array_read_f32(a, 0, n * rows * width, values);
    if (status == ATL_OK)
        status = read_extras(arrays, f, *set);
    if (status == ATL_OK)
        status = atl_directions_check(*set, path);
    if (status != ATL_OK)
        atl_directions_close(set);
    return status;
}

// The array called `name`, whatever stands before it: "edit.lat_comp".
static const atl_array *named(const atl_arrays *arrays, const char *name) {
    const atl_array *exact = atl_arrays_find(arrays, name), *only = NULL;
    size_t length = strlen(name);
    for (size_t i = 0; !exact && i < atl_arrays_size(arrays); i++) {
        const atl_array *a = atl_arrays_get(arrays, i);
        size_t whole = strlen(a->name);
        if (whole > length && a->name[whole - length - 1] == '.' && !strcmp(a->name + whole - length, name))
            only = only ? NULL : a;
    }
    return exact ? exact : only;
}

static atl_status choose(atl_ctx *ctx, const char *path, const atl_arrays *arrays, const char *array,
                         atl_directions **set) {
    const foreign plain = { "", NULL, NULL, NULL, false };
    if (array) {
        const atl_array *a = named(arrays, array);
        return a ? take(ctx, path, arrays, a, &plain, set)
                 : atl_fail(ctx, ATL_BAD_FILE, "%s: has no array called \"%s\"", path, array);
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const atl_array *a = atl_arrays_find(arrays, known[i].values);
        if (a)
            return take(ctx, path, arrays, a, &known[i], set);
    }
    if (atl_arrays_size(arrays) != 1)
        return atl_fail(
            ctx, ATL_BAD_FILE,
            "%s: holds %zu arrays, and none has a name that is known for directions; name one, as in "
            "%s:NAME",
            path, atl_arrays_size(arrays), path);
    return take(ctx, path, arrays, atl_arrays_get(arrays, 0), &plain, set);
}

atl_status atl_directions_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                      const char *array, int *unsure, atl_directions **set) {
    int room;
    atl_arrays *arrays;
    *set = NULL;
    unsure = unsure ? unsure : &room;
    *unsure = 0;
    if (!array && atl_channels_are(data, bytes))
        return atl_channels_read(ctx, path, data, bytes, set);
    if (!array)
        ATL_TRY(atl_named_edit_read(ctx, path, data, bytes, set));
    if (*set)
        return ATL_OK;
    ATL_TRY(atl_arrays_open_memory(ctx, path, data, bytes, &arrays));
    bool own = atl_directions_are_own(arrays);
    atl_status status =
        own ? atl_directions_read_own(ctx, path, arrays, set) : choose(ctx, path, arrays, array, set);
    *unsure = status == ATL_OK && !own && (*set)->list[0].rows == 1 && strcmp((*set)->method, "sefa") != 0;
    atl_arrays_close(&arrays);
    return status;
}

atl_status atl_directions_open(atl_ctx *ctx, const char *path, const char *array, int *unsure,
                               atl_directions **set) {
    atl_file file;
    *set = NULL;
    if (unsure)
        *unsure = 0;
    ATL_TRY(atl_file_map(ctx, path, &file));
    atl_status status = atl_directions_open_memory(ctx, path, file.data, file.bytes, array, unsure, set);
    atl_file_unmap(&file);
    return atl_name_file(ctx, status, path);
}
