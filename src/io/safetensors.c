// SPDX-License-Identifier: Apache-2.0
// The .safetensors format: 8 bytes length, a JSON header of that length, then the data.
//
//     { "__metadata__": { "key": "text" },
//       "name": { "dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24] }, ... }
//
// Ranges count from the end of the header.  They must match shape and type, must not overlap, and must
// cover the data without holes: two readers can't disagree about what such a file says.
#include "io/arrays.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "io/json.h"

// The format allows headers of 100 MB; what they become in memory is twenty times as large, and large models
// of language have a hundredth of that.
enum { HEADER_MOST = 16 << 20, ARRAYS_MOST = 1 << 20 };

bool atl_safetensors_is(const uint8_t *data, size_t bytes) {
    return bytes > 8 && data[6] == 0 && data[7] == 0 && data[8] == '{';
}

typedef struct range {
    uint64_t start, end;
} range;

static atl_status bad(const atl_arrays *set, const char *name, const char *why) {
    return atl_fail(set->ctx, ATL_BAD_FILE, "%s: tensor '%s' %s; the file is damaged", set->path, name, why);
}

static atl_status read_entry(atl_arrays *set, const char *name, json_t *entry, atl_array *array, range *r) {
    json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape"),
           *offsets = json_object_get(entry, "data_offsets");
    if (!json_is_string(dtype) || !json_is_array(shape) || json_array_size(offsets) != 2)
        return bad(set, name, "lacks dtype, shape or data_offsets");
    int type = atl_dtype_by_name(json_string_value(dtype));
    if (type < 0)
        return atl_fail(set->ctx, ATL_UNSUPPORTED, "%s: tensor '%s' has the unknown type %s", set->path, name,
                        json_string_value(dtype));
    if (json_array_size(shape) > ATL_ARRAY_RANK_MAX)
        return atl_fail(set->ctx, ATL_UNSUPPORTED, "%s: tensor '%s' has more than %d dimensions", set->path,
                        name, ATL_ARRAY_RANK_MAX);
    array->dtype = (atl_dtype)type;
    array->rank = (int)json_array_size(shape);
    for (int i = 0; i < array->rank; i++) {
        json_t *d = json_array_get(shape, (size_t)i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return bad(set, name, "has a size that is no number");
        array->dims[i] = json_integer_value(d);
    }
    json_t *start = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (!json_is_integer(start) || !json_is_integer(end) || json_integer_value(start) < 0 ||
        json_integer_value(end) < json_integer_value(start))
        return bad(set, name, "has bad offsets");
    *r = (range){ (uint64_t)json_integer_value(start), (uint64_t)json_integer_value(end) };
    size_t bytes;
    if (!atl_dims_bytes(array->rank, array->dims, array->dtype, &bytes) || bytes != r->end - r->start)
        return bad(set, name, "has offsets that don't match its shape");
    return ATL_OK;
}

static atl_status read_metadata(atl_arrays *set, json_t *metadata) {
    if (!json_is_object(metadata))
        return atl_fail(set->ctx, ATL_BAD_FILE, "%s: __metadata__ is no object; the file is damaged",
                        set->path);
    atl_pair *list = atl_arena_alloc(&set->arena, json_object_size(metadata) + 1, sizeof *list);
    set->metadata = list;
    if (!list)
        return ATL_NO_MEMORY;
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return atl_fail(set->ctx, ATL_BAD_FILE, "%s: metadata '%s' is no text; the file is damaged",
                            set->path, key);
        atl_pair *p = &list[set->pairs];
        p->key = atl_arena_string(&set->arena, key, strlen(key));
        p->value = atl_arena_string(&set->arena, json_string_value(value), json_string_length(value));
        if (!p->key || !p->value)
            return ATL_NO_MEMORY;
        set->pairs++;
    }
    return ATL_OK;
}

static void sift(range *r, size_t root, size_t size) {
    for (size_t child; (child = 2 * root + 1) < size; root = child) {
        if (child + 1 < size && r[child].end < r[child + 1].end)
            child++;
        if (r[root].end >= r[child].end)
            return;
        range swap = r[root];
        r[root] = r[child];
        r[child] = swap;
    }
}

// Sorts the ranges that hold something and checks that they follow each other from 0 to `bytes`.
static atl_status check_cover(atl_arrays *set, range *r, size_t count, uint64_t bytes) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (r[i].end > r[i].start)
            r[n++] = r[i];
    for (size_t i = n / 2; i-- > 0;)
        sift(r, i, n);
    for (size_t end = n; end-- > 1;) {
        range largest = r[0];
        r[0] = r[end];
        r[end] = largest;
        sift(r, 0, end);
    }
    uint64_t at = 0;
    for (size_t i = 0; i < n; at = r[i++].end)
        if (r[i].start != at)
            return atl_fail(set->ctx, ATL_BAD_FILE,
                            "%s: two tensors overlap or leave a hole at byte %llu of the data; "
                            "the file is damaged",
                            set->path, (unsigned long long)at);
    if (at != bytes)
        return atl_fail(set->ctx, ATL_BAD_FILE,
                        "%s: its tensors take %llu bytes, but %llu follow the header; the file "
                        "is cut or damaged",
                        set->path, (unsigned long long)at, (unsigned long long)bytes);
    return ATL_OK;
}

static atl_status read_header(atl_arrays *set, json_t *header, const uint8_t *data, size_t bytes) {
    size_t count = json_object_size(header);
    if (!json_is_object(header) || count > ARRAYS_MOST)
        return atl_fail(set->ctx, ATL_BAD_FILE, "%s: has a header that lists no tensors; the file is damaged",
                        set->path);
    set->list = atl_arena_alloc(&set->arena, count + 1, sizeof *set->list);
    range *ranges = atl_arena_alloc(&set->arena, count + 1, sizeof *ranges);
    if (!set->list || !ranges)
        return ATL_NO_MEMORY;
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry) {
        if (strcmp(name, "__metadata__") == 0) {
            ATL_TRY(read_metadata(set, entry));
            continue;
        }
        atl_array *a = &set->list[set->size];
        range *r = &ranges[set->size];
        ATL_TRY(read_entry(set, name, entry, a, r));
        if (r->end > bytes)
            return bad(set, name, "lies outside the file");
        a->name = atl_arena_string(&set->arena, name, strlen(name));
        if (!a->name)
            return ATL_NO_MEMORY;
        a->data = data + r->start;
        set->size++;
    }
    return check_cover(set, ranges, set->size, bytes);
}

atl_status atl_safetensors_parse(atl_arrays *set) {
    const uint8_t *d = set->file.data;
    uint64_t size = atl_little(d, 8);
    if (size > set->file.bytes - 8)
        return atl_fail(set->ctx, ATL_BAD_FILE,
                        "%s: announces a header of %llu bytes and has %zu; the file is cut or "
                        "damaged",
                        set->path, (unsigned long long)size, set->file.bytes - 8);
    if (size > HEADER_MOST)
        return atl_fail(set->ctx, ATL_UNSUPPORTED, "%s: has a header of %llu bytes; at most %d are read", set->path,
                        (unsigned long long)size, HEADER_MOST);
    json_error_t error;
    json_t *header = json_loadb((const char *)d + 8, (size_t)size, JSON_REJECT_DUPLICATES, &error);
    if (!header)
        return atl_fail(set->ctx, ATL_BAD_FILE, "%s: its header can't be read: %s", set->path, error.text);
    atl_status status = read_header(set, header, d + 8 + size, set->file.bytes - 8 - (size_t)size);
    json_decref(header);
    return status;
}

// ---- writing

static json_t *entry_of(atl_json *b, const atl_array *a, size_t start, size_t bytes) {
    json_t *entry = atl_json_object(b), *shape = atl_json_list(b), *offsets = atl_json_list(b);
    for (int i = 0; i < a->rank; i++)
        atl_json_add(b, shape, json_integer(a->dims[i]));
    atl_json_add(b, offsets, json_integer((json_int_t)start));
    atl_json_add(b, offsets, json_integer((json_int_t)(start + bytes)));
    atl_json_set(b, entry, "dtype", atl_json_string(b, atl_dtype_name(a->dtype)));
    atl_json_set(b, entry, "shape", shape);
    atl_json_set(b, entry, "data_offsets", offsets);
    return entry;
}

static atl_status put_metadata(atl_json *b, const char *path, const atl_pair *metadata, size_t pairs,
                               json_t *header) {
    json_t *text = atl_json_object(b);
    atl_json_set(b, header, "__metadata__", text);
    for (size_t i = 0; i < pairs; i++) {
        const char *key = metadata[i].key, *value = metadata[i].value;
        if (!atl_json_utf8(key, strlen(key)) || !atl_json_utf8(value, strlen(value)))
            return atl_fail(b->ctx, ATL_BAD_ARGUMENT, "%s: metadata '%s' is no UTF-8 text", path, key);
        atl_json_set(b, text, key, atl_json_string(b, value));
    }
    return ATL_OK;
}

static atl_status put_entries(atl_json *b, const char *path, const atl_array *arrays, size_t count,
                              json_t *header) {
    size_t at = 0, bytes;
    for (size_t i = 0; i < count; i++) {
        const atl_array *a = &arrays[i];
        if (!atl_dims_bytes(a->rank, a->dims, a->dtype, &bytes) || bytes > SIZE_MAX / 2 - at)
            return atl_fail(b->ctx, ATL_BAD_ARGUMENT, "%s: tensor '%s' is too large", path, a->name);
        if (json_object_get(header, a->name))
            return atl_fail(b->ctx, ATL_BAD_ARGUMENT, "%s: two tensors are named '%s'", path, a->name);
        if (!atl_json_utf8(a->name, strlen(a->name)))
            return atl_fail(b->ctx, ATL_BAD_ARGUMENT, "%s: the name '%s' is no UTF-8 text", path, a->name);
        atl_json_set(b, header, a->name, entry_of(b, a, at, bytes));
        at += bytes;
    }
    return ATL_OK;
}

static atl_status make_header(atl_ctx *ctx, const char *path, const atl_array *arrays, size_t count,
                              const atl_pair *metadata, size_t pairs, char **text) {
    atl_json b = { .ctx = ctx };
    json_t *header = atl_json_object(&b);
    atl_status status = pairs ? put_metadata(&b, path, metadata, pairs, header) : ATL_OK;
    if (status == ATL_OK)
        status = put_entries(&b, path, arrays, count, header);
    if (status == ATL_OK)
        return atl_json_text(&b, header, JSON_COMPACT, "the header of a safetensors file", text);
    json_decref(header);
    return status;
}

// The header is padded with blanks so that the data start at a multiple of 64 bytes.
static atl_status write_header(const char *text, atl_writer *w) {
    size_t length = strlen(text), padded = (length + 8 + 63) / 64 * 64 - 8;
    uint8_t size[8];
    for (int i = 0; i < 8; i++)
        size[i] = (uint8_t)((uint64_t)padded >> (8 * i));
    atl_status status = atl_writer_write(w, size, sizeof size);
    if (status == ATL_OK)
        status = atl_writer_write(w, text, length);
    for (size_t i = length; status == ATL_OK && i < padded; i++)
        status = atl_writer_write(w, " ", 1);
    return status;
}

atl_status atl_safetensors_write(atl_ctx *ctx, const char *path, const atl_array *arrays, size_t count,
                                 const atl_pair *metadata, size_t pairs) {
    atl_writer *w = NULL;
    char *header = NULL;
    atl_status status = make_header(ctx, path, arrays, count, metadata, pairs, &header);
    if (status == ATL_OK)
        status = atl_writer_open(ctx, path, &w);
    if (status == ATL_OK)
        status = write_header(header, w);
    for (size_t i = 0; status == ATL_OK && i < count; i++)
        status = atl_writer_write(w, arrays[i].data,
                                  (size_t)atl_array_count(&arrays[i]) * atl_dtype_size(arrays[i].dtype));
    atl_free(ctx, header);
    if (status == ATL_OK)
        return atl_writer_commit(&w);
    atl_writer_abort(&w);
    return status;
}
