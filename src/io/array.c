// SPDX-License-Identifier: Apache-2.0
// Element types and their conversion to float, and sets of arrays: recognised by content, looked up by
// name through a sorted index.
#include "io/arrays.h"

#include <stdlib.h>
#include <string.h>
#include "base/half.h"

static const struct {
    const char *name;
    size_t size;
} types[ATL_DTYPES] = {
    [ATL_F32] = { "F32", 4 },   [ATL_F16] = { "F16", 2 }, [ATL_BF16] = { "BF16", 2 },
    [ATL_F64] = { "F64", 8 },   [ATL_I8] = { "I8", 1 },   [ATL_U8] = { "U8", 1 },
    [ATL_I16] = { "I16", 2 },   [ATL_U16] = { "U16", 2 }, [ATL_I32] = { "I32", 4 },
    [ATL_U32] = { "U32", 4 },   [ATL_I64] = { "I64", 8 }, [ATL_U64] = { "U64", 8 },
    [ATL_BOOL] = { "BOOL", 1 },
};

size_t atl_dtype_size(atl_dtype dtype) {
    return types[dtype].size;
}

const char *atl_dtype_name(atl_dtype dtype) {
    return types[dtype].name;
}

int atl_dtype_by_name(const char *name) {
    for (int i = 0; i < ATL_DTYPES; i++)
        if (strcmp(name, types[i].name) == 0)
            return i;
    return -1;
}

bool atl_dims_count(int rank, const int64_t *dims, int64_t *count) {
    int64_t n = 1;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return false;
        empty |= dims[i] == 0;
    }
    for (int i = 0; !empty && i < rank; i++) {
        if (dims[i] > INT64_MAX / n)
            return false;
        n *= dims[i];
    }
    *count = empty ? 0 : n;
    return true;
}

bool atl_dims_bytes(int rank, const int64_t *dims, atl_dtype dtype, size_t *bytes) {
    int64_t count;
    if (!atl_dims_count(rank, dims, &count) || (uint64_t)count > SIZE_MAX / 2 / types[dtype].size)
        return false;
    *bytes = (size_t)count * types[dtype].size;
    return true;
}

int64_t atl_array_count(const atl_array *array) {
    int64_t count = 0;
    return atl_dims_count(array->rank, array->dims, &count) ? count : 0;
}

// Elements may lie at any address: each is copied out before it is converted.
#define CONVERT(type, expression)                                                                            \
    for (size_t i = 0; i < count; i++) {                                                                     \
        type v;                                                                                              \
        memcpy(&v, (const char *)data + i * sizeof v, sizeof v);                                             \
        out[i] = (float)(expression);                                                                        \
    }                                                                                                        \
    break

void atl_convert_f32(atl_dtype dtype, const void *data, size_t count, float *out) {
    switch (dtype) {
    case ATL_F32:
        if (count)
            memcpy(out, data, count * sizeof *out);
        break;
    case ATL_F16: CONVERT(uint16_t, atl_f16_to_f32(v));
    case ATL_BF16: CONVERT(uint16_t, atl_bf16_to_f32(v));
    case ATL_F64: CONVERT(double, v);
    case ATL_I8: CONVERT(int8_t, v);
    case ATL_U8: CONVERT(uint8_t, v);
    case ATL_I16: CONVERT(int16_t, v);
    case ATL_U16: CONVERT(uint16_t, v);
    case ATL_I32: CONVERT(int32_t, v);
    case ATL_U32: CONVERT(uint32_t, v);
    case ATL_I64: CONVERT(int64_t, v);
    case ATL_U64: CONVERT(uint64_t, v);
    case ATL_BOOL: CONVERT(uint8_t, v != 0);
    default: break;
    }
}

void atl_array_read_f32(const atl_array *array, int64_t first, int64_t count, float *out) {
    const char *data = (const char *)array->data + (size_t)first * types[array->dtype].size;
    atl_convert_f32(array->dtype, data, (size_t)count, out);
}

// ---- sets

// Sorting is a heap sort on names: no allocation, and no bad case for hostile files.
static void sift(const atl_arrays *set, size_t root, size_t size) {
    uint32_t *order = set->order;
    for (size_t child; (child = 2 * root + 1) < size; root = child) {
        if (child + 1 < size && strcmp(set->list[order[child]].name, set->list[order[child + 1]].name) < 0)
            child++;
        if (strcmp(set->list[order[root]].name, set->list[order[child]].name) >= 0)
            return;
        uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
    }
}

static atl_status make_index(atl_arrays *set) {
    size_t n = set->size;
    set->order = atl_arena_alloc(&set->arena, n ? n : 1, sizeof *set->order);
    if (!set->order)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        set->order[i] = (uint32_t)i;
    for (size_t i = n / 2; i-- > 0;)
        sift(set, i, n);
    for (size_t end = n; end-- > 1;) {
        uint32_t largest = set->order[0];
        set->order[0] = set->order[end];
        set->order[end] = largest;
        sift(set, 0, end);
    }
    for (size_t i = 1; i < n; i++) {
        const char *name = set->list[set->order[i]].name;
        if (strcmp(name, set->list[set->order[i - 1]].name) == 0)
            return atl_fail(set->ctx, ATL_BAD_FILE, "%s: holds two arrays named '%s'; the file is damaged",
                            set->path, name);
    }
    return ATL_OK;
}

atl_status atl_arrays_add(atl_arrays *set, atl_array **array) {
    if (set->size == set->room) {
        size_t room = set->room ? set->room * 2 : 4;
        atl_array *list = atl_arena_alloc(&set->arena, room, sizeof *list);
        if (!list)
            return ATL_NO_MEMORY;
        if (set->size)
            memcpy(list, set->list, set->size * sizeof *list);
        set->list = list;
        set->room = room;
    }
    *array = &set->list[set->size++];
    return ATL_OK;
}

// A pickle begins with PROTO, or in the oldest protocol with an opcode that opens a container or imports, and
// ends in STOP.
static bool is_pickle(const uint8_t *d, size_t n) {
    return n > 1 && (d[0] == 0x80 || (memchr("(]}c", d[0], 4) != NULL && d[n - 1] == '.'));
}

static atl_status parse(atl_arrays *set) {
    const uint8_t *d = set->file.data;
    size_t n = set->file.bytes;
    if (n >= 6 && memcmp(d, "\x93NUMPY", 6) == 0)
        return atl_npy_parse(set);
    if (n >= 4 && (memcmp(d, "PK\3\4", 4) == 0 || memcmp(d, "PK\5\6", 4) == 0))
        return atl_npz_parse(set);
    if (atl_safetensors_is(d, n))
        return atl_safetensors_parse(set);
    if (is_pickle(d, n))
        return atl_pickled_parse(set, "", d, n);
    if (atl_text_array_is(d, n))
        return atl_text_array_parse(set);
    return atl_fail(set->ctx, ATL_BAD_FILE,
                    "%s: is no .safetensors, .npy, .npz or torch file, and no list of numbers", set->path);
}

static atl_status open_set(atl_ctx *ctx, const char *path, atl_file file, atl_arrays **out) {
    atl_file owned = file;
    atl_status status = ATL_NO_MEMORY;
    atl_arrays *set = atl_calloc(ctx, 1, sizeof *set);
    if (!set) {
        if (owned.handle >= 0)
            atl_file_unmap(&owned);
        return ATL_NO_MEMORY;
    }
    set->ctx = ctx;
    set->file = file;
    atl_arena_init(&set->arena, ctx, 0);
    set->path = atl_arena_string(&set->arena, path, strlen(path));
    if (set->path)
        status = parse(set);
    if (status == ATL_OK)
        status = make_index(set);
    if (status != ATL_OK)
        atl_arrays_close(&set);
    *out = set;
    return atl_name_file(ctx, status, path);
}

atl_status atl_arrays_open(atl_ctx *ctx, const char *path, atl_arrays **set) {
    atl_file file;
    *set = NULL;
    ATL_TRY(atl_file_map(ctx, path, &file));
    return open_set(ctx, path, file, set);
}

atl_status atl_arrays_open_file(atl_ctx *ctx, const char *path, atl_file *file, atl_arrays **set) {
    atl_file taken = *file;
    *file = (atl_file){ 0 };
    *set = NULL;
    return open_set(ctx, path, taken, set);
}

atl_status atl_arrays_open_memory(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                                  atl_arrays **set) {
    *set = NULL;
    return open_set(ctx, path, (atl_file){ data, bytes, -1 }, set);
}

static atl_status fill_list(atl_arrays *set, const atl_array *list, size_t count) {
    set->path = "a set in memory";
    set->list = atl_arena_alloc(&set->arena, count ? count : 1, sizeof *set->list);
    if (!set->list)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        atl_array *a = &set->list[set->size++];
        *a = list[i];
        a->dtype = ATL_F32;
        a->name = atl_arena_string(&set->arena, list[i].name, strlen(list[i].name));
        a->data = atl_arena_alloc(&set->arena, (size_t)atl_array_count(a), sizeof(float));
        if (!a->name || !a->data)
            return ATL_NO_MEMORY;
    }
    return make_index(set);
}

atl_status atl_arrays_make(atl_ctx *ctx, const atl_array *list, size_t count, atl_arrays **set) {
    *set = atl_calloc(ctx, 1, sizeof **set);
    if (!*set)
        return ATL_NO_MEMORY;
    (*set)->ctx = ctx;
    (*set)->file.handle = -1;
    atl_arena_init(&(*set)->arena, ctx, 0);
    atl_status status = fill_list(*set, list, count);
    if (status != ATL_OK)
        atl_arrays_close(set);
    return status;
}

void atl_arrays_close(atl_arrays **set) {
    if (!set || !*set)
        return;
    atl_arrays *s = *set;
    atl_ctx *ctx = s->ctx;
    if (s->file.handle >= 0) // else the bytes are the caller's
        atl_file_unmap(&s->file);
    atl_arena_clear(&s->arena);
    atl_free(ctx, s);
    *set = NULL;
}

size_t atl_arrays_size(const atl_arrays *set) {
    return set->size;
}

const atl_array *atl_arrays_get(const atl_arrays *set, size_t index) {
    return index < set->size ? &set->list[index] : NULL;
}

const atl_array *atl_arrays_find(const atl_arrays *set, const char *name) {
    size_t low = 0, high = set->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const atl_array *a = &set->list[set->order[middle]];
        int order = strcmp(name, a->name);
        if (order == 0)
            return a;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const char *atl_arrays_metadata(const atl_arrays *set, const char *key) {
    for (size_t i = 0; i < set->pairs; i++)
        if (strcmp(set->metadata[i].key, key) == 0)
            return set->metadata[i].value;
    return NULL;
}

const atl_file *atl_arrays_file(const atl_arrays *set) {
    return &set->file;
}
