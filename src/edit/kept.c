// SPDX-License-Identifier: Apache-2.0
// Tensors "value.NAME", "m.NAME", "v.NAME" of every parameter, and "steps", "step", "numbers".
#include "edit/kept.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *print_text(atl_json *b, uint64_t print) {
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, print);
    return atl_json_string(b, text);
}

json_t *atl_kept_identity(atl_json *b, const atl_params *network, const char *name, uint64_t begun_with) {
    json_t *top = atl_json_object(b);
    atl_json_set(b, top, "network", print_text(b, atl_params_fingerprint(network)));
    atl_json_set(b, top, name, print_text(b, begun_with));
    return top;
}

typedef struct listing {
    atl_arena arena;
    atl_array *list;
    size_t size;
    uint64_t *steps; // [parts]
    int64_t step;
    bool lost; // memory was missing
} listing;

static void put(listing *l, const char *format, const char *name, atl_dtype dtype, int rank,
                const int64_t *dims, const void *data) {
    atl_array *a = &l->list[l->size++];
    *a = (atl_array){ .dtype = dtype, .rank = rank, .data = data };
    memcpy(a->dims, dims, sizeof *dims * (size_t)rank);
    a->name = atl_arena_printf(&l->arena, format, name);
    l->lost = l->lost || !a->name;
}

// What there is to write, or to read into: the same both times.
static atl_status list_all(atl_ctx *ctx, const atl_kept *k, listing *l) {
    size_t parts = k->adam->n_parts;
    *l = (listing){ .step = k->step };
    atl_arena_init(&l->arena, ctx, 0);
    l->list = atl_arena_alloc(&l->arena, 3 * parts + 3, sizeof *l->list);
    l->steps = atl_arena_alloc(&l->arena, parts + 1, sizeof *l->steps);
    if (!l->list || !l->steps)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < parts; i++) {
        const atl_param *p = &k->params->list[i];
        l->steps[i] = k->adam->parts[i].steps;
        put(l, "value.%s", p->name, ATL_F32, p->rank, p->dims, atl_param_data(k->params, p));
        put(l, "m.%s", p->name, ATL_F32, p->rank, p->dims, k->adam->m + p->offset);
        put(l, "v.%s", p->name, ATL_F32, p->rank, p->dims, k->adam->v + p->offset);
    }
    put(l, "%s", "steps", ATL_U64, 1, &(int64_t){ (int64_t)parts }, l->steps);
    put(l, "%s", "step", ATL_I64, 1, &(int64_t){ 1 }, &l->step);
    put(l, "%s", "numbers", ATL_F64, 1, &(int64_t){ (int64_t)k->n_numbers }, k->numbers);
    return l->lost ? ATL_NO_MEMORY : ATL_OK;
}

static atl_status check_finite(atl_ctx *ctx, const atl_array *a) {
    const float *x = a->data;
    for (int64_t i = 0, n = a->dtype == ATL_F32 ? atl_array_count(a) : 0; i < n; i++)
        if (!isfinite(x[i]))
            return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s has a number that is not finite: nothing is saved",
                            a->name);
    return ATL_OK;
}

atl_status atl_kept_write(atl_ctx *ctx, const char *path, const atl_kept *k) {
    listing l;
    char *text = NULL;
    atl_json b = { .ctx = ctx };
    atl_status status = list_all(ctx, k, &l);
    for (size_t i = 0; status == ATL_OK && i < l.size; i++)
        status = check_finite(ctx, &l.list[i]);
    if (status == ATL_OK)
        status = atl_json_text(&b, json_incref(k->identity), JSON_COMPACT | JSON_REAL_PRECISION(17),
                               "the search", &text);
    if (status == ATL_OK)
        status = atl_safetensors_write(ctx, path, l.list, l.size, &(atl_pair){ k->key, text }, 1);
    atl_free(ctx, text);
    atl_arena_clear(&l.arena);
    return status;
}

// ---- reading

static atl_status check_identity(atl_ctx *ctx, const char *path, const atl_arrays *set, const atl_kept *k) {
    const char *text = atl_arrays_metadata(set, k->key), *key;
    json_t *there = text ? json_loads(text, 0, NULL) : NULL, *value;
    atl_status status = ATL_OK;
    if (!there)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: this is no search that was kept", path);
    // clang-format off
    json_object_foreach(k->identity, key, value) {
        if (status == ATL_OK && !json_equal(value, json_object_get(there, key)))
            status = atl_fail(ctx, ATL_BAD_ARGUMENT,
                              "%s: was kept by a search whose %s differs from what is asked for now", path, key);
    }
    // clang-format on
    json_decref(there);
    return status;
}

static atl_status check_array(atl_ctx *ctx, const char *path, const atl_array *from, const atl_array *to) {
    if (!from || from->dtype != to->dtype || from->rank != to->rank ||
        memcmp(from->dims, to->dims, (size_t)to->rank * sizeof *to->dims) != 0)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: %s is missing or has another shape", path, to->name);
    float few[256];
    for (int64_t i = 0, n = atl_array_count(from); to->dtype == ATL_F32 && i < n; i += 256) {
        int64_t count = n - i < 256 ? n - i : 256;
        atl_array_read_f32(from, i, count, few);
        for (int64_t j = 0; j < count; j++)
            if (!isfinite(few[j]))
                return atl_fail(ctx, ATL_BAD_FILE, "%s: %s has a number that is not finite", path, to->name);
    }
    return ATL_OK;
}

static atl_status check_step(atl_ctx *ctx, const char *path, const atl_arrays *set, const atl_kept *k) {
    int64_t step;
    memcpy(&step, atl_arrays_find(set, "step")->data, sizeof step); // its shape was checked
    if (step < 0 || step > k->steps)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: %lld of %d steps are not possible", path, (long long)step,
                        k->steps);
    return ATL_OK;
}

static void take(const atl_arrays *set, const listing *l, atl_kept *k) {
    for (size_t i = 0; i < l->size; i++) {
        const atl_array *to = &l->list[i];
        memcpy((void *)to->data, atl_arrays_find(set, to->name)->data,
               (size_t)atl_array_count(to) * atl_dtype_size(to->dtype));
    }
    for (size_t i = 0; i < k->adam->n_parts; i++)
        k->adam->parts[i].steps = l->steps[i];
    k->step = (int)l->step;
}

atl_status atl_kept_read(atl_ctx *ctx, const char *path, atl_kept *k) {
    atl_arrays *set;
    listing l;
    ATL_TRY(atl_arrays_open(ctx, path, &set));
    atl_status status = list_all(ctx, k, &l);
    if (status == ATL_OK)
        status = check_identity(ctx, path, set, k);
    for (size_t i = 0; status == ATL_OK && i < l.size; i++)
        status = check_array(ctx, path, atl_arrays_find(set, l.list[i].name), &l.list[i]);
    if (status == ATL_OK)
        status = check_step(ctx, path, set, k);
    if (status == ATL_OK)
        take(set, &l, k);
    atl_arena_clear(&l.arena);
    atl_arrays_close(&set);
    return status;
}
