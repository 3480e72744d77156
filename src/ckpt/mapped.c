// SPDX-License-Identifier: Apache-2.0
// Reading tensors of other layouts: checking what a variable is, and turning it into the official order.
#include "ckpt/mapped.h"

#include <string.h>

#include "base/dims.h"

enum { SOURCES_MOST = 100000 };

atl_status atl_ckpt_sources_add(atl_ckpt *ckpt, atl_ckpt_sources *s, const atl_ckpt_source *source) {
    if (s->size == SOURCES_MOST)
        return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                        "%s: a network has more than %d variables; the file is damaged", ckpt->path,
                        SOURCES_MOST);
    if (s->size == s->room) {
        size_t room = s->room ? 2 * s->room : 128;
        atl_ckpt_source *list = atl_grow(ckpt->ctx, s->list, s->size, room, sizeof *list);
        if (!list)
            return ATL_NO_MEMORY;
        s->list = list;
        s->room = room;
    }
    const char *name = atl_arena_string(&ckpt->arena, source->name, strlen(source->name));
    if (!name)
        return ATL_NO_MEMORY;
    s->list[s->size] = *source;
    s->list[s->size++].name = name;
    return ATL_OK;
}

static void clear(atl_ckpt *ckpt, atl_ckpt_sources *s) {
    atl_free(ckpt->ctx, s->list);
    *s = (atl_ckpt_sources){ NULL, 0, 0 };
}

// The shape of a source without the dims that go; an error when it can't be.
static atl_status shape_of(atl_ckpt *ckpt, const atl_ckpt_source *s, int64_t dims[ATL_ARRAY_RANK_MAX]) {
    double number;
    if (s->rank == 0 && atl_object_number(s->value, &number))
        return ATL_OK;
    if (!s->value || s->value->type != ATL_OBJECT_TENSOR || atl_tensor_dtype(s->value->u.tensor) < 0)
        return atl_fail(ckpt->ctx, ATL_BAD_FILE, "%s: the variable %s holds no numbers; the file is damaged",
                        ckpt->path, s->from);
    const atl_tensor *t = s->value->u.tensor;
    bool good = t->rank >= s->drop + s->rank;
    for (int i = 0; good && i < t->rank; i++) {
        bool stays = i >= s->drop && i < s->drop + s->rank;
        good = stays ? t->dims[i] > 0 : t->dims[i] == 1;
        if (stays)
            dims[i - s->drop] = t->dims[i];
    }
    if (good)
        return ATL_OK;
    char have[ATL_DIMS_TEXT];
    return atl_fail(
        ckpt->ctx, ATL_BAD_FILE,
        "%s: the variable %s has the shape %s, which is none that it can have: %d dimensions are needed",
        ckpt->path, s->from, atl_dims_text(t->rank, t->dims, have), s->drop + s->rank);
}

static void changed_dims(atl_change change, const int64_t *d, int64_t out[4]) {
    if (change == ATL_CHANGE_TRANSPOSE)
        out[0] = d[1], out[1] = d[0];
    else if (change == ATL_CHANGE_HWOI)
        out[0] = d[2], out[1] = d[3], out[2] = d[0], out[3] = d[1];
    else
        out[0] = d[3], out[1] = d[2], out[2] = d[0], out[3] = d[1];
}

// x in the order of the file -> y [o, i, taps] (a transpose has one tap)
static void reorder(const atl_ckpt_source *s, const int64_t *d, const float *x, float *y) {
    bool dense = s->change == ATL_CHANGE_TRANSPOSE, swapped = s->change == ATL_CHANGE_HWOI;
    size_t taps = dense ? 1 : (size_t)(d[0] * d[1]);
    size_t rows = (size_t)d[dense ? 0 : 2], columns = (size_t)d[dense ? 1 : 3];
    for (size_t t = 0; t < taps; t++) {
        size_t to = s->change == ATL_CHANGE_HWIO_TURN ? taps - 1 - t : t;
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++)
                y[(swapped ? r * columns + c : c * rows + r) * taps + to] = x[(t * rows + r) * columns + c];
    }
}

// Each kernel of x [o, i, h, w] back to front.
static void turn(const int64_t *d, float *x) {
    size_t taps = (size_t)(d[2] * d[3]), kernels = (size_t)(d[0] * d[1]);
    for (size_t k = 0; k < kernels; k++, x += taps)
        for (size_t a = 0, b = taps - 1; taps && a < b; a++, b--) {
            float swap = x[a];
            x[a] = x[b];
            x[b] = swap;
        }
}

static atl_status read_one(atl_ckpt *ckpt, const atl_ckpt_source *s, float *out) {
    double number;
    if (atl_object_number(s->value, &number)) {
        *out = (float)number + s->add;
        return ATL_OK;
    }
    const atl_tensor *t = s->value->u.tensor;
    size_t count = (size_t)atl_tensor_count(t);
    if (s->change == ATL_CHANGE_NONE || s->change == ATL_CHANGE_TURN) {
        ATL_TRY(atl_tensor_read_f32(ckpt->objects, t, out));
        if (s->change == ATL_CHANGE_TURN)
            turn(t->dims + s->drop, out);
    } else {
        float *x = atl_alloc(ckpt->ctx, count, sizeof *x);
        if (!x)
            return ATL_NO_MEMORY;
        atl_status status = atl_tensor_read_f32(ckpt->objects, t, x);
        if (status == ATL_OK)
            reorder(s, t->dims + s->drop, x, out);
        atl_free(ckpt->ctx, x);
        ATL_TRY(status);
    }
    for (size_t i = 0; s->add != 0.0f && i < count; i++)
        out[i] += s->add;
    return ATL_OK;
}

static atl_status load_all(atl_ckpt *ckpt, const atl_ckpt_sources *s, atl_params *params) {
    for (size_t i = 0; i < s->size; i++) {
        const atl_ckpt_source *one = &s->list[i];
        int64_t dims[ATL_ARRAY_RANK_MAX] = { 0 }, changed[ATL_ARRAY_RANK_MAX];
        ATL_TRY(shape_of(ckpt, one, dims));
        memcpy(changed, dims, sizeof changed);
        if (one->change != ATL_CHANGE_NONE && one->change != ATL_CHANGE_TURN)
            changed_dims(one->change, dims, changed);
        ATL_TRY(atl_params_add(params, one->name, one->rank, changed, one->buffer, NULL));
    }
    ATL_TRY(atl_params_allocate(params));
    atl_ckpt_place *places = atl_alloc(ckpt->ctx, s->size + 1, sizeof *places);
    atl_status status = places ? ATL_OK : ATL_NO_MEMORY;
    for (size_t i = 0; places && i < s->size; i++) {
        const atl_object *o = s->list[i].value;
        places[i] = (atl_ckpt_place){ o->type == ATL_OBJECT_TENSOR ? o->u.tensor->storage : NULL, i };
    }
    if (places)
        atl_ckpt_sort_places(places, s->size);
    for (size_t k = 0; status == ATL_OK && k < s->size; k++) {
        size_t i = places[k].index;
        status = read_one(ckpt, &s->list[i], atl_param_data(params, &params->list[i]));
    }
    atl_free(ckpt->ctx, places);
    return status;
}

atl_status atl_ckpt_load_mapped(atl_ckpt *ckpt, size_t index, atl_ckpt_collector *collect,
                                atl_params *params) {
    atl_ckpt_sources sources = { NULL, 0, 0 };
    atl_status status = collect(ckpt, ckpt->sources[index], &sources);
    if (status == ATL_OK)
        status = load_all(ckpt, &sources, params);
    clear(ckpt, &sources);
    return status;
}
