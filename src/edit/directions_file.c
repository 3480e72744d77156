// SPDX-License-Identifier: Apache-2.0
// Atelier's own file of directions: safetensors with
//
//     directions  F32 [N, width] of z, w, s; [N, num_ws, width] of ws
//     scale       F32 [N]            value F64 [N] (0 where there is none, see "valued")
//     offset      F64 [N]            mean  F32 [width], where distances are measured from one
//     styles      I32 [width, 2]     of s: layer and channel of each number
//
// and in the metadata "format" "atelier-directions", "version" "1", "space", "method", "source", and as JSON
// lists "names", "layers" ("0-3,7"; "" is all) and "valued" (true, false) with N entries.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "edit/directions.h"
#include "io/json.h"

static const char *const spaces[] = { "z", "w", "ws", "s" };
#define FORMAT "atelier-directions"

// ---- writing

typedef struct columns {
    float *scale;
    double *value, *offset;
} columns;

static atl_status list_texts(const atl_directions *set, char *text[3]) {
    atl_json b = { .ctx = set->ctx };
    json_t *names = atl_json_list(&b), *layers = atl_json_list(&b), *valued = atl_json_list(&b);
    char room[ATL_LAYERS_TEXT];
    for (size_t i = 0; i < set->count; i++) {
        atl_json_add(&b, names, atl_json_string(&b, set->list[i].name));
        atl_json_add(&b, layers, atl_json_string(&b, atl_layers_text(set->list[i].layers, room)));
        atl_json_add(&b, valued, json_boolean(!isnan(set->list[i].value)));
    }
    atl_status status = atl_json_text(&b, names, JSON_COMPACT, "the names of directions", &text[0]);
    atl_status other = atl_json_text(&b, layers, JSON_COMPACT, "the layers of directions", &text[1]);
    atl_status third = atl_json_text(&b, valued, JSON_COMPACT, "the values of directions", &text[2]);
    return status != ATL_OK ? status : other != ATL_OK ? other : third;
}

static atl_array vector(const char *name, atl_dtype dtype, int64_t n, const void *data) {
    return (atl_array){ .name = name, .dtype = dtype, .rank = 1, .dims = { n }, .data = data };
}

static atl_status write_arrays(const atl_directions *set, const char *path, const columns *c,
                               char *const text[3]) {
    const atl_direction *d = &set->list[0];
    int64_t n = (int64_t)set->count;
    atl_array list[6];
    size_t count = 0;
    list[count] = (atl_array){ .name = "directions", .rank = 2, .dims = { n, d->width }, .data = d->values };
    if (d->space == ATL_DIRECTION_WS) {
        list[count].rank = 3;
        list[count].dims[1] = d->rows, list[count].dims[2] = d->width;
    }
    list[++count] = vector("scale", ATL_F32, n, c->scale);
    list[++count] = vector("value", ATL_F64, n, c->value);
    list[++count] = vector("offset", ATL_F64, n, c->offset);
    if (d->mean)
        list[++count] = vector("mean", ATL_F32, d->width, d->mean);
    if (d->styles)
        list[++count] = (atl_array){
            .name = "styles", .dtype = ATL_I32, .rank = 2, .dims = { d->width, 2 }, .data = d->styles
        };
    const atl_pair metadata[] = { { "format", FORMAT },          { "version", "1" },
                                  { "space", spaces[d->space] }, { "method", set->method },
                                  { "source", set->source },     { "names", text[0] },
                                  { "layers", text[1] },         { "valued", text[2] } };
    return atl_safetensors_write(set->ctx, path, list, count + 1, metadata,
                                 sizeof metadata / sizeof *metadata);
}

atl_status atl_directions_write(const atl_directions *set, const char *path) {
    columns c = { .value = atl_alloc(set->ctx, set->count, 3 * sizeof *c.value) };
    char *text[3] = { NULL };
    if (!c.value)
        return ATL_NO_MEMORY;
    c.offset = c.value + set->count;
    c.scale = (float *)(c.offset + set->count);
    for (size_t i = 0; i < set->count; i++) {
        const atl_direction *d = &set->list[i];
        c.scale[i] = d->scale;
        c.value[i] = isnan(d->value) ? 0 : d->value;
        c.offset[i] = d->offset;
    }
    atl_status status = list_texts(set, text);
    if (status == ATL_OK)
        status = write_arrays(set, path, &c, text);
    for (int i = 0; i < 3; i++)
        atl_free(set->ctx, text[i]);
    atl_free(set->ctx, c.value);
    return status;
}

// ---- reading

bool atl_directions_are_own(const atl_arrays *arrays) {
    const char *format = atl_arrays_metadata(arrays, "format");
    return format && !strcmp(format, FORMAT);
}

typedef struct reading {
    atl_ctx *ctx;
    const char *path;
    const atl_arrays *arrays;
    atl_directions *set;
} reading;

static atl_status damaged(const reading *r, const char *what) {
    return atl_fail(r->ctx, ATL_BAD_FILE, "%s: its %s; it is damaged, or was made by a newer Atelier",
                    r->path, what);
}

static int space_of(const reading *r) {
    const char *word = atl_arrays_metadata(r->arrays, "space");
    for (int i = 0; word && i < 4; i++)
        if (!strcmp(word, spaces[i]))
            return i;
    return -1;
}

// An array of n numbers, or NULL.
static const atl_array *column(const reading *r, const char *name, int64_t n) {
    const atl_array *a = atl_arrays_find(r->arrays, name);
    return a && a->rank == 1 && a->dims[0] == n ? a : NULL;
}

static atl_status read_numbers(reading *r, const atl_array *a, float *values) {
    atl_direction *d = r->set->list;
    size_t n = r->set->count;
    atl_array_read_f32(a, 0, atl_array_count(a), values);
    const atl_array *scale = column(r, "scale", (int64_t)n), *value = column(r, "value", (int64_t)n);
    const atl_array *offset = column(r, "offset", (int64_t)n), *mean = column(r, "mean", d->width);
    if (!scale || !value || !offset || value->dtype != ATL_F64 || offset->dtype != ATL_F64)
        return damaged(r, "columns of scales, values and offsets are not there");
    float *centre = mean ? atl_arena_alloc(&r->set->arena, (size_t)d->width, sizeof *centre) : NULL;
    if (mean && !centre)
        return ATL_NO_MEMORY;
    if (mean)
        atl_array_read_f32(mean, 0, d->width, centre);
    for (size_t i = 0; i < n; i++) {
        atl_array_read_f32(scale, (int64_t)i, 1, &d[i].scale);
        memcpy(&d[i].value, (const char *)value->data + i * sizeof(double), sizeof(double));
        memcpy(&d[i].offset, (const char *)offset->data + i * sizeof(double), sizeof(double));
        d[i].mean = centre;
    }
    return ATL_OK;
}

static atl_status read_styles(reading *r) {
    const atl_array *a = atl_arrays_find(r->arrays, "styles");
    int64_t width = r->set->list[0].width;
    if (!a || a->dtype != ATL_I32 || a->rank != 2 || a->dims[0] != width || a->dims[1] != 2)
        return damaged(r, "channels of styles are not there");
    int32_t *styles = atl_arena_alloc(&r->set->arena, (size_t)width, 2 * sizeof *styles);
    if (!styles)
        return ATL_NO_MEMORY;
    memcpy(styles, a->data, (size_t)width * 2 * sizeof *styles);
    for (int64_t i = 0; i < 2 * width; i++)
        if (styles[i] < 0 || styles[i] > 1 << 20)
            return damaged(r, "channels of styles are beyond every network");
    for (size_t i = 0; i < r->set->count; i++)
        r->set->list[i].styles = styles;
    return ATL_OK;
}

// Lists in the metadata: as many entries as there are directions.
static atl_status read_lists(reading *r, const json_t *names, const json_t *layers, const json_t *valued) {
    size_t n = r->set->count;
    if (json_array_size(names) != n || json_array_size(layers) != n || json_array_size(valued) != n)
        return damaged(r, "lists of names, layers and values have another length");
    for (size_t i = 0; i < n; i++) {
        atl_direction *d = &r->set->list[i];
        const char *name = json_string_value(json_array_get(names, i));
        const char *text = json_string_value(json_array_get(layers, i));
        if (!name || !text || !atl_layers_parse(text, &d->layers))
            return damaged(r, "lists of names and layers have something else in them");
        if (!json_is_true(json_array_get(valued, i)))
            d->value = (double)NAN;
        d->name = atl_directions_keep(r->set, name);
        if (!d->name)
            return ATL_NO_MEMORY;
    }
    return ATL_OK;
}

static json_t *list_of(const reading *r, const char *key) {
    const char *text = atl_arrays_metadata(r->arrays, key);
    return text ? json_loads(text, 0, NULL) : NULL;
}

static atl_status read_metadata(reading *r) {
    json_t *names = list_of(r, "names"), *layers = list_of(r, "layers"), *valued = list_of(r, "valued");
    atl_status status = read_lists(r, names, layers, valued);
    json_decref(names);
    json_decref(layers);
    json_decref(valued);
    const char *source = atl_arrays_metadata(r->arrays, "source");
    r->set->source = atl_directions_keep(r->set, source);
    return status == ATL_OK && !r->set->source ? ATL_NO_MEMORY : status;
}

atl_status atl_directions_read_own(atl_ctx *ctx, const char *path, const atl_arrays *arrays,
                                   atl_directions **set) {
    reading r = { .ctx = ctx, .path = path, .arrays = arrays };
    const atl_array *a = atl_arrays_find(arrays, "directions");
    const char *version = atl_arrays_metadata(arrays, "version");
    int space = space_of(&r);
    float *values;
    *set = NULL;
    if (!version || strcmp(version, "1") != 0 || space < 0)
        return damaged(&r, "version or space is not known");
    if (!a || a->rank != (space == ATL_DIRECTION_WS ? 3 : 2) || a->dims[0] < 1)
        return damaged(&r, "directions are not there, or of another shape");
    int64_t rows = space == ATL_DIRECTION_WS ? a->dims[1] : 1;
    if (rows < 1 || rows > 4096)
        return damaged(&r, "directions have too many layers");
    ATL_TRY(atl_directions_new(ctx, (size_t)a->dims[0], (atl_direction_space)space, (int)rows,
                               a->dims[a->rank - 1], atl_arrays_metadata(arrays, "method"), set, &values));
    r.set = *set;
    atl_status status = read_numbers(&r, a, values);
    if (status == ATL_OK && space == ATL_DIRECTION_S)
        status = read_styles(&r);
    if (status == ATL_OK)
        status = read_metadata(&r);
    if (status == ATL_OK)
        status = atl_directions_check(*set, path);
    if (status != ATL_OK)
        atl_directions_close(set);
    return status;
}
