// SPDX-License-Identifier: Apache-2.0
// Atelier's own checkpoint: a safetensors file with tensors "KEY.NAME" and one metadata entry "atelier":
//
//     { "version": 1, "networks": { KEY: { "kind": ..., "config": {...}, "buffers": [NAME, ...] } },
//       "record": {...} }
//
// The writer puts the tensors of one network next to each other, first those whose size is a multiple of 64
// bytes, and starts each network at a multiple of 64 (with a filler tensor in front where needed: the format
// allows no holes).  A file of f32 is then used in place, as one span.
#include "ckpt/layout.h"

#include <stdlib.h>
#include <string.h>
#include "base/half.h"
#include "io/json.h"

enum { LINE = 64 }; // bytes of a cache line

static const char format_key[] = "atelier";

static bool probe(const atl_ckpt *ckpt) {
    return ckpt->arrays && atl_arrays_metadata(ckpt->arrays, format_key) != NULL;
}

static atl_status bad(const atl_ckpt *ckpt, const char *why) {
    return atl_fail(ckpt->ctx, ATL_BAD_FILE, "%s: its description of the networks %s; the file is damaged",
                    ckpt->path, why);
}

static atl_status describe(atl_ckpt *ckpt, json_t *root) {
    json_t *networks = json_object_get(root, "networks"), *net;
    const char *key;
    if (json_integer_value(json_object_get(root, "version")) != 1)
        return atl_fail(ckpt->ctx, ATL_UNSUPPORTED,
                        "%s: was written by a newer Atelier; version 1 of the format is read", ckpt->path);
    if (!json_is_object(networks))
        return bad(ckpt, "lists none");
    json_object_foreach(networks, key, net) {
        json_t *kind = json_object_get(net, "kind"), *config = json_object_get(net, "config");
        if (!json_is_string(kind) || !json_is_object(config) || strchr(key, '.'))
            return bad(ckpt, "lacks a kind or a config");
        const char *name = atl_arena_string(&ckpt->arena, key, strlen(key));
        const char *text = atl_arena_string(&ckpt->arena, json_string_value(kind), json_string_length(kind));
        if (!name || !text)
            return ATL_NO_MEMORY;
        ATL_TRY(atl_ckpt_add(ckpt, name, text, json_incref(config), NULL, json_object_get(net, "buffers")));
    }
    if (json_is_object(json_object_get(root, "record")))
        ckpt->record = json_incref(json_object_get(root, "record"));
    return ATL_OK;
}

static atl_status open_native(atl_ckpt *ckpt) {
    json_error_t error;
    json_t *root = json_loads(atl_arrays_metadata(ckpt->arrays, format_key), JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(root)) {
        json_decref(root);
        return bad(ckpt, "can't be read");
    }
    ckpt->description = root;
    return describe(ckpt, root);
}

// ---- reading

typedef struct member {
    const atl_array *array;
    const char *name;
    bool buffer;
} member;

// The names of an array of texts as keys, for look-ups.
static json_t *set_of(atl_ctx *ctx, const json_t *names) {
    atl_json b = { .ctx = ctx };
    json_t *set = atl_json_object(&b), *value;
    size_t i;
    json_array_foreach((json_t *)names, i, value) if (json_is_string(value))
        atl_json_set(&b, set, json_string_value(value), json_true());
    atl_json_end(&b, set, "names of buffers", &set);
    return set;
}

// The first place in the order of names whose name is not before `text`.
static size_t lower_bound(const atl_arrays *set, const char *text) {
    size_t low = 0, high = set->size;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(set->list[set->order[middle]].name, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int compare_members(const void *a, const void *b) {
    const atl_array *x = ((const member *)a)->array, *y = ((const member *)b)->array;
    return x < y ? -1 : x > y;
}

// The arrays of a network, in the order of the file: those named "KEY." lie side by side in the order of
// names.  The caller frees the list.
static atl_status collect(atl_ckpt *ckpt, size_t index, member **list, size_t *count) {
    const char *key = ckpt->nets[index].key;
    size_t length = strlen(key);
    const atl_arrays *set = ckpt->arrays;
    char *start = atl_arena_printf(&ckpt->arena, "%s.", key),
         *end = atl_arena_printf(&ckpt->arena, "%s/", key);
    *list = NULL;
    if (!start || !end)
        return ATL_NO_MEMORY;
    size_t first = lower_bound(set, start), last = lower_bound(set, end); // '/' comes after '.'
    *count = last - first;
    if (*count == 0)
        return atl_fail(ckpt->ctx, ATL_BAD_FILE, "%s: holds no tensors of %s; the file is damaged",
                        ckpt->path, key);
    *list = atl_alloc(ckpt->ctx, *count, sizeof **list);
    json_t *buffers = set_of(ckpt->ctx, ckpt->sources[index]);
    if (!*list || !buffers) {
        json_decref(buffers);
        return ATL_NO_MEMORY;
    }
    for (size_t i = 0; i < *count; i++) {
        const atl_array *a = &set->list[set->order[first + i]];
        const char *name = a->name + length + 1;
        (*list)[i] = (member){ a, name, json_object_get(buffers, name) != NULL };
    }
    json_decref(buffers);
    qsort(*list, *count, sizeof **list, compare_members);
    return ATL_OK;
}

// Whether the arrays are floats side by side, from a multiple of 64 bytes on.
static bool is_span(const atl_ckpt *ckpt, const member *list, size_t count, const char **start,
                    size_t *bytes) {
    const char *base = (const char *)atl_arrays_file(ckpt->arrays)->data, *low = NULL, *high = NULL;
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        const char *data = list[i].array->data,
                   *end = data + (size_t)atl_array_count(list[i].array) * sizeof(float);
        if (list[i].array->dtype != ATL_F32)
            return false;
        low = !low || data < low ? data : low;
        high = !high || end > high ? end : high;
        sum += (size_t)(end - data);
    }
    *start = low;
    *bytes = sum;
    return sum && (size_t)(high - low) == sum && (size_t)(low - base) % LINE == 0;
}

static atl_status load_mapped(atl_ckpt *ckpt, const member *list, size_t count, const char *start,
                              size_t bytes, atl_params *params) {
    const atl_file *file = atl_arrays_file(ckpt->arrays);
    void *copy;
    ATL_TRY(atl_file_map_copy(ckpt->ctx, ckpt->path, file, &copy));
    params->mapping = copy;
    params->mapping_bytes = file->bytes;
    for (size_t i = 0; i < count; i++) {
        atl_param *p;
        ATL_TRY(atl_params_add(params, list[i].name, list[i].array->rank, list[i].array->dims, list[i].buffer,
                               &p));
        p->offset = (size_t)((const char *)list[i].array->data - start) / sizeof(float);
    }
    params->total = bytes / sizeof(float);
    params->data = (float *)((char *)copy + (start - (const char *)file->data));
    return ATL_OK;
}

static atl_status load_copied(const member *list, size_t count, atl_params *params) {
    for (size_t i = 0; i < count; i++)
        ATL_TRY(atl_params_add(params, list[i].name, list[i].array->rank, list[i].array->dims, list[i].buffer,
                               NULL));
    ATL_TRY(atl_params_allocate(params));
    for (size_t i = 0; i < count; i++)
        atl_array_read_f32(list[i].array, 0, atl_array_count(list[i].array),
                           atl_param_data(params, &params->list[i]));
    return ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    member *list;
    size_t count, bytes;
    const char *start;
    atl_status status = collect(ckpt, index, &list, &count);
    if (status == ATL_OK)
        status = is_span(ckpt, list, count, &start, &bytes)
                     ? load_mapped(ckpt, list, count, start, bytes, params)
                     : load_copied(list, count, params);
    atl_free(ckpt->ctx, list);
    return status;
}

const atl_ckpt_layout atl_ckpt_native = {
    "Atelier safetensors", probe, open_native, load,
    { ".safetensors", "Atelier (convert, init, training)", "everything; used in place, not copied" },
};

// ---- writing

typedef struct output {
    atl_ctx *ctx;
    const char *path;
    atl_arena arena; // names and converted values
    atl_array *list;
    size_t size, bytes; // tensors, and the bytes that they take
    atl_dtype dtype;
} output;

// Weights to half precision.  Buffers stay as they are: some hold frequencies and averages that must be
// exact.
static atl_status put_tensor(output *out, const char *key, const atl_params *params, const atl_param *p) {
    const float *x = atl_param_data(params, p);
    atl_array *a = &out->list[out->size];
    *a = (atl_array){ .dtype = p->buffer ? ATL_F32 : out->dtype, .rank = p->rank, .data = x };
    memcpy(a->dims, p->dims, sizeof a->dims);
    a->name = atl_arena_printf(&out->arena, "%s.%s", key, p->name);
    if (!a->name)
        return ATL_NO_MEMORY;
    out->bytes += p->count * atl_dtype_size(a->dtype);
    out->size++;
    if (a->dtype == ATL_F32)
        return ATL_OK;
    uint16_t *half = atl_arena_alloc(&out->arena, p->count ? p->count : 1, sizeof *half);
    if (!half)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < p->count; i++) {
        half[i] = atl_f32_to_f16(x[i]);
        if ((half[i] & 0x7c00u) == 0x7c00u)
            return atl_fail(out->ctx, ATL_BAD_ARGUMENT,
                            "%s: %s holds %g, which half precision can't; write F32 instead", out->path,
                            a->name, (double)x[i]);
    }
    a->data = half;
    return ATL_OK;
}

// The next network starts at a multiple of 64 bytes.
static atl_status put_filler(output *out) {
    static const char zeros[LINE];
    size_t missing = (LINE - out->bytes % LINE) % LINE;
    if (!missing)
        return ATL_OK;
    atl_array *a = &out->list[out->size];
    *a = (atl_array){ .dtype = ATL_U8, .rank = 1, .dims = { (int64_t)missing }, .data = zeros };
    a->name = atl_arena_printf(&out->arena, "filler.%zu", out->size);
    out->bytes += missing;
    out->size++;
    return a->name ? ATL_OK : ATL_NO_MEMORY;
}

static bool is_without(const atl_ckpt_out *net, const char *name) {
    for (size_t i = 0; i < json_array_size(net->without); i++)
        if (!strcmp(json_string_value(json_array_get(net->without, i)), name))
            return true;
    return false;
}

static atl_status put_network(output *out, const atl_ckpt_out *net) {
    const atl_params *params = net->params;
    ATL_TRY(put_filler(out));
    for (int tail = 0; tail < 2; tail++)
        for (size_t i = 0; i < params->size; i++) {
            const atl_param *p = &params->list[i];
            size_t bytes = p->count * atl_dtype_size(p->buffer ? ATL_F32 : out->dtype);
            if ((bytes % LINE != 0) == tail && !is_without(net, p->name))
                ATL_TRY(put_tensor(out, net->key, params, p));
        }
    return ATL_OK;
}

static atl_status description(atl_ctx *ctx, const atl_ckpt_out *nets, size_t count, const json_t *record,
                              char **text) {
    atl_json b = { .ctx = ctx };
    json_t *root = atl_json_object(&b), *networks = atl_json_object(&b);
    atl_json_set(&b, root, "version", json_integer(1));
    for (size_t n = 0; n < count; n++) {
        json_t *net = atl_json_object(&b), *buffers = atl_json_list(&b);
        for (size_t i = 0; i < nets[n].params->size; i++)
            if (nets[n].params->list[i].buffer && !is_without(&nets[n], nets[n].params->list[i].name))
                atl_json_add(&b, buffers, atl_json_string(&b, nets[n].params->list[i].name));
        atl_json_set(&b, net, "kind", atl_json_string(&b, nets[n].kind));
        atl_json_set_known(&b, net, "config", nets[n].config);
        atl_json_set(&b, net, "buffers", buffers);
        atl_json_set(&b, networks, nets[n].key, net);
    }
    atl_json_set(&b, root, "networks", networks);
    if (record)
        atl_json_set_known(&b, root, "record", record);
    return atl_json_text(&b, root, JSON_COMPACT, "the networks' configs", text);
}

static atl_status write_file(output *out, const char *text, const atl_ckpt_extra *extra) {
    size_t pairs = extra->pairs + 1;
    atl_pair *metadata = atl_arena_alloc(&out->arena, pairs, sizeof *metadata);
    if (!metadata)
        return ATL_NO_MEMORY;
    metadata[0] = (atl_pair){ format_key, text };
    for (size_t i = 0; i < extra->pairs; i++)
        metadata[i + 1] = extra->metadata[i];
    for (size_t i = 0; i < extra->count; i++)
        out->list[out->size++] = extra->arrays[i];
    return atl_safetensors_write(out->ctx, out->path, out->list, out->size, metadata, pairs);
}

static atl_status write_networks(output *out, const atl_ckpt_out *nets, size_t count, const json_t *record,
                                 const atl_ckpt_extra *extra) {
    size_t tensors = extra->count;
    for (size_t n = 0; n < count; n++)
        tensors += nets[n].params->size + 1;
    out->list = atl_arena_alloc(&out->arena, tensors + 1, sizeof *out->list);
    if (!out->list)
        return ATL_NO_MEMORY;
    for (size_t n = 0; n < count; n++)
        ATL_TRY(put_network(out, &nets[n]));
    char *text;
    ATL_TRY(description(out->ctx, nets, count, record, &text));
    atl_status status = write_file(out, text, extra);
    atl_free(out->ctx, text);
    return status;
}

atl_status atl_ckpt_write(atl_ctx *ctx, const char *path, const atl_ckpt_out *nets, size_t count,
                          const json_t *record, const atl_ckpt_extra *extra, atl_dtype dtype) {
    static const atl_ckpt_extra none = { NULL, 0, NULL, 0 };
    if (dtype != ATL_F32 && dtype != ATL_F16)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: networks are written as F32 or F16, not as %s", path,
                        atl_dtype_name(dtype));
    output out = { .ctx = ctx, .path = path, .dtype = dtype };
    atl_arena_init(&out.arena, ctx, 0);
    atl_status status = write_networks(&out, nets, count, record, extra ? extra : &none);
    atl_arena_clear(&out.arena);
    return status;
}
