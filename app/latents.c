// SPDX-License-Identifier: Apache-2.0
// Latents and labels from seeds, options and files; the shapes decide what a tensor means.
#include "latents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atelier/rng.h>
#include "memory.h"

void app_latents_from_seeds(const atl_model_info *info, const uint32_t *seeds, size_t count,
                            app_latents *latents) {
    *latents = (app_latents){ APP_Z, count, (size_t)info->z_dim, seeds, NULL, NULL };
}

static const atl_array *choose(const atl_arrays *set, const char *source, app_error *e) {
    static const char *const usual[] = { "z", "w", "ws", "c", "label", "labels", "latents" };
    if (atl_arrays_size(set) == 1)
        return atl_arrays_get(set, 0);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const atl_array *array = atl_arrays_find(set, usual[i]);
        if (array)
            return array;
    }
    app_fail(e, "%s: holds %zu tensors; name one, as in %s:NAME", source, atl_arrays_size(set), source);
    return NULL;
}

// A file may have colons in its name: only what is no file is split at the last one.
static app_status open_tensor(atl_ctx *ctx, const char *source, atl_arrays **set, const atl_array **array,
                              app_error *e) {
    const char *colon = access(source, F_OK) == 0 ? NULL : strrchr(source, ':');
    size_t length = colon ? (size_t)(colon - source) : strlen(source);
    char *path = malloc(length + 1);
    if (!path)
        return app_fail(e, "out of memory");
    memcpy(path, source, length);
    path[length] = '\0';
    app_status status = APP_OK;
    if (atl_arrays_open(ctx, path, set) != ATL_OK) {
        status = app_fail_ctx(e, ctx);
    } else if (!colon) {
        *array = choose(*set, source, e);
        status = *array ? APP_OK : APP_FAILED;
    } else {
        *array = atl_arrays_find(*set, colon + 1);
        if (!*array)
            status = app_fail(e, "%s: has no tensor called \"%s\"", path, colon + 1);
    }
    free(path);
    return status;
}

static void shape_text(const atl_array *a, char *text, size_t room) {
    size_t used = (size_t)snprintf(text, room, "[");
    for (int i = 0; i < a->rank && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%lld", i ? ", " : "", (long long)a->dims[i]);
    if (used < room)
        snprintf(text + used, room - used, "]");
}

static app_status understand(const atl_model_info *info, const char *source, int projected, app_latents *l,
                             app_error *e) {
    const atl_array *a = l->array;
    int64_t last = a->rank ? a->dims[a->rank - 1] : 0, w = info->w_dim, layers = info->num_ws;
    l->count = a->rank == 1 ? 1 : a->rank ? (size_t)a->dims[0] : 0;
    int wants_w = projected || !strcmp(a->name, "w");
    if (a->rank == 3 && last == w && a->dims[1] == layers)
        l->space = APP_WS;
    else if (a->rank == 3 && last == w && a->dims[1] == 1)
        l->space = APP_W;
    else if ((a->rank == 1 || a->rank == 2) && last == w && (wants_w || w != info->z_dim))
        l->space = APP_W;
    else if ((a->rank == 1 || a->rank == 2) && last == info->z_dim && !projected)
        l->space = APP_Z;
    else
        l->count = 0;
    if (l->count) {
        l->width =
            l->space == APP_Z ? (size_t)info->z_dim : (size_t)w * (l->space == APP_WS ? (size_t)layers : 1);
        return APP_OK;
    }
    char shape[200];
    shape_text(a, shape, sizeof shape);
    return app_fail(e, "%s: latents of shape %s; this network takes z [N, %d], w [N, %d] or ws [N, %d, %d]",
                    source, shape, info->z_dim, info->w_dim, info->num_ws, info->w_dim);
}

app_status app_latents_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int projected,
                            app_latents *latents, app_error *e) {
    *latents = (app_latents){ 0 };
    app_status status = open_tensor(ctx, source, &latents->set, &latents->array, e);
    if (status == APP_OK)
        status = understand(info, source, projected, latents, e);
    if (status != APP_OK)
        app_latents_close(latents);
    return status;
}

void app_latents_close(app_latents *latents) {
    atl_arrays_close(&latents->set);
    *latents = (app_latents){ 0 };
}

void app_latents_row(const app_latents *l, size_t row, float *out) {
    if (l->seeds)
        atl_seed_to_z(l->seeds[row], l->width, out);
    else
        atl_array_read_f32(l->array, (int64_t)(row * l->width), (int64_t)l->width, out);
}

static app_status check_labels(const atl_model_info *info, const char *source, size_t count,
                               const app_labels *l, app_error *e) {
    const atl_array *a = l->array;
    int numbers = a->rank == 1, vectors = a->rank == 2 && a->dims[1] == info->c_dim;
    size_t rows = a->rank ? (size_t)a->dims[0] : 0;
    if ((numbers || vectors) && (rows == count || rows == 1))
        return APP_OK;
    char shape[200];
    shape_text(a, shape, sizeof shape);
    return app_fail(e,
                    "%s: labels of shape %s; expected [%zu, %d], or [%zu] class numbers, or one row for all",
                    source, shape, count, info->c_dim, count);
}

app_status app_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                           size_t count, app_labels *labels, app_error *e) {
    *labels = (app_labels){ .width = (size_t)info->c_dim, .class_index = class_index };
    if (info->c_dim == 0 || !source)
        return APP_OK;
    labels->class_index = -1;
    app_status status = open_tensor(ctx, source, &labels->set, &labels->array, e);
    if (status == APP_OK)
        status = check_labels(info, source, count, labels, e);
    if (status != APP_OK)
        app_labels_close(labels);
    return status;
}

void app_labels_close(app_labels *labels) {
    atl_arrays_close(&labels->set);
    *labels = (app_labels){ 0 };
}

int app_class_of_seed(uint32_t seed, size_t classes) {
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, seed);
    return (int)atl_numpy_rng_below(&rng, (uint32_t)classes);
}

app_status app_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows,
                              int *count, app_error *e) {
    enum { MOST = 1 << 20 };
    atl_arrays *set = NULL;
    const atl_array *a = NULL;
    char shape[200];
    app_status status = open_tensor(ctx, source, &set, &a, e);
    if (status == APP_OK &&
        (a->rank != 2 || a->dims[0] < 1 || a->dims[0] > MOST || a->dims[1] != info->w_dim)) {
        shape_text(a, shape, sizeof shape);
        status = app_fail(e, "%s: centroids of shape %s; expected [N, %d]", source, shape, info->w_dim);
    }
    if (status == APP_OK) {
        *count = (int)a->dims[0];
        *rows = app_array((size_t)a->dims[0], (size_t)a->dims[1], 1, sizeof(float), e);
        status = *rows ? APP_OK : APP_FAILED;
    }
    if (status == APP_OK)
        atl_array_read_f32(a, 0, a->dims[0] * a->dims[1], *rows);
    atl_arrays_close(&set);
    return status;
}

app_status app_labels_row(const app_labels *l, size_t row, float *out, app_error *e) {
    double class_index = l->seeds ? app_class_of_seed(l->seeds[row], l->width) : l->class_index;
    if (l->array) {
        int64_t at = l->array->dims[0] == 1 ? 0 : (int64_t)row;
        if (l->array->rank == 2) {
            atl_array_read_f32(l->array, at * (int64_t)l->width, (int64_t)l->width, out);
            return APP_OK;
        }
        float number;
        atl_array_read_f32(l->array, at, 1, &number);
        class_index = (double)number;
    }
    if (!(class_index >= 0 && class_index < (double)l->width) || class_index != (double)(size_t)class_index)
        return app_fail(e, "label %g of image %zu: expected a class number from 0 to %zu", class_index, row,
                        l->width - 1);
    memset(out, 0, l->width * sizeof *out);
    out[(size_t)class_index] = 1.0f;
    return APP_OK;
}
