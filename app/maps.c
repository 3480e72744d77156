// SPDX-License-Identifier: Apache-2.0
// Noise maps of files; see maps.h.
#include "maps.h"

#include <stdio.h>
#include <stdlib.h>
#include "memory.h"

static int fits(const atl_array *a, size_t rows, size_t size) {
    return a && a->rank >= 1 && a->dims[0] == (int64_t)rows && (size_t)atl_array_count(a) == rows * size;
}

app_status app_maps_open(const atl_model *model, const atl_arrays *set, const char *source, size_t rows,
                         size_t batch, app_maps *m, app_error *e) {
    int h, w;
    *m = (app_maps){ 0 };
    if (!atl_arrays_find(set, "noise.0"))
        return APP_OK;
    for (int k = 0; k < APP_MAPS && atl_model_noise_size(model, k, &h, &w); k++) {
        char name[16];
        snprintf(name, sizeof name, "noise.%d", k);
        const atl_array *a = atl_arrays_find(set, name);
        m->size[k] = (size_t)h * (size_t)w;
        if (!fits(a, rows, m->size[k])) {
            app_warn(e, "%s: its noise maps are not this network's and are not used", source);
            app_maps_close(m);
            return APP_OK;
        }
        m->from[k] = a;
        m->room[k] = app_array(batch, m->size[k], 1, sizeof(float), e);
        if (!m->room[k])
            return APP_FAILED;
        m->count++;
    }
    return APP_OK;
}

void app_maps_close(app_maps *m) {
    for (int k = 0; k < APP_MAPS; k++)
        free(m->room[k]);
    *m = (app_maps){ 0 };
}

void app_maps_row(app_maps *m, size_t row, size_t image) {
    for (size_t k = 0; k < m->count; k++)
        atl_array_read_f32(m->from[k], (int64_t)(row * m->size[k]), (int64_t)m->size[k],
                           m->room[k] + image * m->size[k]);
}
