// SPDX-License-Identifier: Apache-2.0
// Keyframes to paths.  In w, the styles of the keyframes are interpolated, truncation included; in z, the
// latents and the labels are, and each frame is mapped.
#include "walk.h"

#include <stdlib.h>
#include <string.h>
#include "memory.h"

// From now on labels are that of keyframe `key` of a cell.
static void set_label(const app_walk *w, size_t cell, size_t key) {
    app_labels *l = &w->render->labels;
    l->only = 1;
    l->first = l->rows == w->keys ? key : cell * w->keys + key;
}

// The keyframes of a cell: z or ws to `points`, labels to `labels` (or NULL).
static app_status gather(const app_walk *w, size_t cell, size_t width, float *points, float *labels,
                         app_error *e) {
    size_t c = (size_t)w->render->info->c_dim;
    for (size_t k = 0; k < w->keys; k++) {
        size_t row = w->rows[cell * w->keys + k];
        set_label(w, cell, k);
        if (labels && app_labels_row(&w->render->labels, row, labels + k * c, e) != APP_OK)
            return APP_FAILED;
        if (w->in_z)
            app_render_latent(w->render, row, points + k * width);
        else if (app_render_ws(w->render, row, 1, e) != APP_OK)
            return APP_FAILED;
        else
            memcpy(points + k * width, w->render->ws, width * sizeof *points);
    }
    return APP_OK;
}

static app_status open_cell(app_walk *w, size_t cell, size_t width, float *points, float *labels,
                            app_error *e) {
    atl_path_options o = ATL_PATH_OPTIONS_INIT;
    o.ease = w->ease;
    o.sphere = w->in_z;
    if (gather(w, cell, width, points, labels, e) != APP_OK)
        return APP_FAILED;
    if (atl_path_open(w->render->ctx, w->keys, width, points, &o, &w->paths[cell]) != ATL_OK)
        return app_fail_ctx(e, w->render->ctx);
    if (!labels)
        return APP_OK;
    // a spline would leave the range 0 to 1
    o.sphere = 0;
    o.ease = w->ease == ATL_PATH_CUBIC ? ATL_PATH_LINEAR : w->ease;
    if (atl_path_open(w->render->ctx, w->keys, (size_t)w->render->info->c_dim, labels, &o,
                      &w->label_paths[cell]) != ATL_OK)
        return app_fail_ctx(e, w->render->ctx);
    return APP_OK;
}

app_status app_walk_open(app_walk *w, app_error *e) {
    const atl_model_info *info = w->render->info;
    size_t width = w->in_z ? (size_t)info->z_dim : w->render->row_ws;
    int with_labels = w->in_z && app_render_is_labelled(w->render);
    float *points = app_array(w->keys, width, 1, sizeof(float), e), *labels = NULL;
    w->z = points ? app_array(1, (size_t)info->z_dim, 1, sizeof(float), e) : NULL;
    w->c = w->z ? app_array(1, (size_t)info->c_dim, 1, sizeof(float), e) : NULL;
    w->paths = w->c ? app_array(w->cells, 1, 1, sizeof *w->paths, e) : NULL;
    app_status status = w->paths ? APP_OK : APP_FAILED;
    if (status == APP_OK && with_labels) {
        labels = app_array(w->keys, (size_t)info->c_dim, 1, sizeof(float), e);
        w->label_paths = labels ? app_array(w->cells, 1, 1, sizeof *w->label_paths, e) : NULL;
        status = w->label_paths ? APP_OK : APP_FAILED;
    }
    for (size_t cell = 0; cell < w->cells && status == APP_OK; cell++)
        status = open_cell(w, cell, width, points, labels, e);
    free(points);
    free(labels);
    return status;
}

void app_walk_close(app_walk *w) {
    for (size_t i = 0; w->paths && i < w->cells; i++)
        atl_path_close(&w->paths[i]);
    for (size_t i = 0; w->label_paths && i < w->cells; i++)
        atl_path_close(&w->label_paths[i]);
    free(w->paths);
    free(w->label_paths);
    free(w->z);
    free(w->c);
    *w = (app_walk){ 0 };
}

app_status app_walk_at(const app_walk *w, size_t cell, double position, float *ws, app_error *e) {
    if (!w->in_z) {
        atl_path_at(w->paths[cell], position, ws);
        return APP_OK;
    }
    atl_path_at(w->paths[cell], position, w->z);
    if (w->label_paths)
        atl_path_at(w->label_paths[cell], position, w->c);
    return app_render_map(w->render, 1, w->z, w->label_paths ? w->c : NULL, ws, e);
}

app_status app_walk_seed(const app_walk *w, uint32_t seed, float *ws, app_error *e) {
    app_render_seed(w->render, seed, w->z);
    set_label(w, 0, 0);
    int labelled = w->render->info->c_dim > 0;
    if (labelled && !app_render_is_labelled(w->render))
        return app_fail(e, "a seed of this network needs a class, and keyframes of styles have none");
    if (labelled && app_labels_row(&w->render->labels, 0, w->c, e) != APP_OK)
        return APP_FAILED;
    return app_render_map(w->render, 1, w->z, labelled ? w->c : NULL, ws, e);
}
