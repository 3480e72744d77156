// SPDX-License-Identifier: Apache-2.0
// Latents and labels from seeds, options and files; the shapes decide what a tensor means.
#include "latents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <atelier/rng.h>
#include "common.h"

void cli_latents_from_seeds(const atl_model_info *info, const uint32_t *seeds, size_t count,
                            cli_latents *latents) {
    *latents = (cli_latents){ CLI_Z, count, (size_t)info->z_dim, seeds, NULL, NULL };
}

static const atl_array *choose(const atl_arrays *set, const char *source) {
    static const char *const usual[] = { "z", "w", "ws", "c", "label", "labels", "latents" };
    if (atl_arrays_size(set) == 1)
        return atl_arrays_get(set, 0);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        const atl_array *array = atl_arrays_find(set, usual[i]);
        if (array)
            return array;
    }
    cli_error("%s: holds %zu tensors; name one, as in %s:NAME", source, atl_arrays_size(set), source);
    return NULL;
}

// A file may have colons in its name: only what is no file is split at the last one.
static int open_tensor(atl_ctx *ctx, const char *source, atl_arrays **set, const atl_array **array) {
    const char *colon = access(source, F_OK) == 0 ? NULL : strrchr(source, ':');
    size_t length = colon ? (size_t)(colon - source) : strlen(source);
    char *path = malloc(length + 1);
    if (!path)
        return cli_error("out of memory");
    memcpy(path, source, length);
    path[length] = '\0';
    int status = CLI_SUCCESS;
    if (atl_arrays_open(ctx, path, set) != ATL_OK) {
        status = cli_fail(ctx);
    } else if (!colon) {
        *array = choose(*set, source);
        status = *array ? CLI_SUCCESS : CLI_FAILURE;
    } else {
        *array = atl_arrays_find(*set, colon + 1);
        if (!*array)
            status = cli_error("%s: has no tensor called \"%s\"", path, colon + 1);
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

static int understand(const atl_model_info *info, const char *source, int projected, cli_latents *l) {
    const atl_array *a = l->array;
    int64_t last = a->rank ? a->dims[a->rank - 1] : 0, w = info->w_dim, layers = info->num_ws;
    l->count = a->rank == 1 ? 1 : a->rank ? (size_t)a->dims[0] : 0;
    int wants_w = projected || !strcmp(a->name, "w");
    if (a->rank == 3 && last == w && a->dims[1] == layers)
        l->space = CLI_WS;
    else if (a->rank == 3 && last == w && a->dims[1] == 1)
        l->space = CLI_W;
    else if ((a->rank == 1 || a->rank == 2) && last == w && (wants_w || w != info->z_dim))
        l->space = CLI_W;
    else if ((a->rank == 1 || a->rank == 2) && last == info->z_dim && !projected)
        l->space = CLI_Z;
    else
        l->count = 0;
    if (l->count) {
        l->width =
            l->space == CLI_Z ? (size_t)info->z_dim : (size_t)w * (l->space == CLI_WS ? (size_t)layers : 1);
        return CLI_SUCCESS;
    }
    char shape[200];
    shape_text(a, shape, sizeof shape);
    return cli_error("%s: latents of shape %s; this network takes z [N, %d], w [N, %d] or ws [N, %d, %d]",
                     source, shape, info->z_dim, info->w_dim, info->num_ws, info->w_dim);
}

int cli_latents_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int projected,
                     cli_latents *latents) {
    *latents = (cli_latents){ 0 };
    int status = open_tensor(ctx, source, &latents->set, &latents->array);
    if (status == CLI_SUCCESS)
        status = understand(info, source, projected, latents);
    if (status != CLI_SUCCESS)
        cli_latents_close(latents);
    return status;
}

void cli_latents_close(cli_latents *latents) {
    atl_arrays_close(&latents->set);
    *latents = (cli_latents){ 0 };
}

void cli_latents_row(const cli_latents *l, size_t row, float *out) {
    if (l->seeds)
        atl_seed_to_z(l->seeds[row], l->width, out);
    else
        atl_array_read_f32(l->array, (int64_t)(row * l->width), (int64_t)l->width, out);
}

static int check_labels(const atl_model_info *info, const char *source, size_t count, const cli_labels *l) {
    const atl_array *a = l->array;
    int numbers = a->rank == 1, vectors = a->rank == 2 && a->dims[1] == info->c_dim;
    size_t rows = a->rank ? (size_t)a->dims[0] : 0;
    if ((numbers || vectors) && (rows == count || rows == 1))
        return CLI_SUCCESS;
    char shape[200];
    shape_text(a, shape, sizeof shape);
    return cli_error("%s: labels of shape %s; expected [%zu, %d], or [%zu] class numbers, or one row for all",
                     source, shape, count, info->c_dim, count);
}

int cli_labels_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int class_index,
                    size_t count, cli_labels *labels) {
    *labels = (cli_labels){ .width = (size_t)info->c_dim, .class_index = class_index };
    if (info->c_dim == 0 || !source)
        return CLI_SUCCESS;
    labels->class_index = -1;
    int status = open_tensor(ctx, source, &labels->set, &labels->array);
    if (status == CLI_SUCCESS)
        status = check_labels(info, source, count, labels);
    if (status != CLI_SUCCESS)
        cli_labels_close(labels);
    return status;
}

void cli_labels_close(cli_labels *labels) {
    atl_arrays_close(&labels->set);
    *labels = (cli_labels){ 0 };
}

int cli_class_of_seed(uint32_t seed, size_t classes) {
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, seed);
    return (int)atl_numpy_rng_below(&rng, (uint32_t)classes);
}

int cli_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows, int *count) {
    enum { MOST = 1 << 20 };
    atl_arrays *set = NULL;
    const atl_array *a = NULL;
    char shape[200];
    int status = open_tensor(ctx, source, &set, &a);
    if (status == CLI_SUCCESS &&
        (a->rank != 2 || a->dims[0] < 1 || a->dims[0] > MOST || a->dims[1] != info->w_dim)) {
        shape_text(a, shape, sizeof shape);
        status = cli_error("%s: centroids of shape %s; expected [N, %d]", source, shape, info->w_dim);
    }
    if (status == CLI_SUCCESS) {
        *count = (int)a->dims[0];
        *rows = cli_array((size_t)a->dims[0], (size_t)a->dims[1], 1, sizeof(float));
        status = *rows ? CLI_SUCCESS : CLI_FAILURE;
    }
    if (status == CLI_SUCCESS)
        atl_array_read_f32(a, 0, a->dims[0] * a->dims[1], *rows);
    atl_arrays_close(&set);
    return status;
}

int cli_labels_row(const cli_labels *l, size_t row, float *out) {
    double class_index = l->seeds ? cli_class_of_seed(l->seeds[row], l->width) : l->class_index;
    if (l->array) {
        int64_t at = l->array->dims[0] == 1 ? 0 : (int64_t)row;
        if (l->array->rank == 2) {
            atl_array_read_f32(l->array, at * (int64_t)l->width, (int64_t)l->width, out);
            return CLI_SUCCESS;
        }
        float number;
        atl_array_read_f32(l->array, at, 1, &number);
        class_index = (double)number;
    }
    if (!(class_index >= 0 && class_index < (double)l->width) || class_index != (double)(size_t)class_index)
        return cli_error("label %g of image %zu: expected a class number from 0 to %zu", class_index, row,
                         l->width - 1);
    memset(out, 0, l->width * sizeof *out);
    out[(size_t)class_index] = 1.0f;
    return CLI_SUCCESS;
}
