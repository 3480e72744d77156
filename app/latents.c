// SPDX-License-Identifier: Apache-2.0
// Latents from seeds and files; the shapes decide what a tensor means.
#include "latents.h"

#include <string.h>
#include <atelier/rng.h>
#include "memory.h"
#include "tensor.h"

void app_latents_from_seeds(const atl_model_info *info, const uint32_t *seeds, size_t count,
                            app_latents *latents) {
    *latents = (app_latents){ APP_Z, count, (size_t)info->z_dim, seeds, NULL, NULL };
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
    char shape[APP_SHAPE];
    return app_fail(e, "%s: latents of shape %s; this network takes z [N, %d], w [N, %d] or ws [N, %d, %d]",
                    source, app_tensor_shape(a, shape), info->z_dim, info->w_dim, info->num_ws, info->w_dim);
}

app_status app_latents_open(atl_ctx *ctx, const atl_model_info *info, const char *source, int projected,
                            app_latents *latents, app_error *e) {
    *latents = (app_latents){ 0 };
    app_status status = app_tensor_open(ctx, source, &latents->set, &latents->array, e);
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

app_status app_centroids_read(atl_ctx *ctx, const atl_model_info *info, const char *source, float **rows,
                              int *count, app_error *e) {
    enum { MOST = 1 << 20 };
    atl_arrays *set = NULL;
    const atl_array *a = NULL;
    char shape[APP_SHAPE];
    app_status status = app_tensor_open(ctx, source, &set, &a, e);
    if (status == APP_OK &&
        (a->rank != 2 || a->dims[0] < 1 || a->dims[0] > MOST || a->dims[1] != info->w_dim)) {
        status = app_fail(e, "%s: centroids of shape %s; expected [N, %d]", source,
                          app_tensor_shape(a, shape), info->w_dim);
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
