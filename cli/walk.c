// SPDX-License-Identifier: Apache-2.0
// Keyframes to paths.  In w, the styles of the keyframes are interpolated, truncation included; in z, the
// latents and the labels are, and each frame is mapped.
#include "walk.h"

#include <stdlib.h>
#include <string.h>
#include <atelier/rng.h>
#include "common.h"

// The class of keyframe `key` of a cell, to the labels.
static void set_class(const cli_walk *w, size_t cell, size_t key) {
    size_t at = w->class_count == 1 ? 0 : w->class_count == w->keys ? key : cell * w->keys + key;
    if (w->class_count)
        w->labels->class_index = (int)w->classes[at];
}

static int labelled(const cli_walk *w) {
    return w->class_count > 0 && w->render->info->c_dim > 0;
}

// The keyframes of a cell: z or ws to `points`, labels to `labels` (or NULL).
static int gather(const cli_walk *w, size_t cell, size_t width, float *points, float *labels) {
    size_t c = (size_t)w->render->info->c_dim;
    for (size_t k = 0; k < w->keys; k++) {
        size_t row = w->rows[cell * w->keys + k];
        set_class(w, cell, k);
        if (labels && cli_labels_row(w->labels, row, labels + k * c) != CLI_SUCCESS)
            return CLI_FAILURE;
        if (w->in_z)
            cli_latents_row(w->render->latents, row, points + k * width);
        else if (cli_render_ws(w->render, row, 1) != CLI_SUCCESS)
            return CLI_FAILURE;
        else
            memcpy(points + k * width, w->render->ws, width * sizeof *points);
    }
    return CLI_SUCCESS;
}

static int open_cell(cli_walk *w, size_t cell, size_t width, float *points, float *labels) {
    atl_path_options o = ATL_PATH_OPTIONS_INIT;
    o.ease = w->ease;
    o.sphere = w->in_z;
    if (gather(w, cell, width, points, labels) != CLI_SUCCESS)
        return CLI_FAILURE;
    if (atl_path_open(w->render->ctx, w->keys, width, points, &o, &w->paths[cell]) != ATL_OK)
        return cli_fail(w->render->ctx);
    if (!labels)
        return CLI_SUCCESS;
    // a spline would leave the range 0 to 1
    o.sphere = 0;
    o.ease = w->ease == ATL_PATH_CUBIC ? ATL_PATH_LINEAR : w->ease;
    if (atl_path_open(w->render->ctx, w->keys, (size_t)w->render->info->c_dim, labels, &o,
                      &w->label_paths[cell]) != ATL_OK)
        return cli_fail(w->render->ctx);
    return CLI_SUCCESS;
}

int cli_walk_open(cli_walk *w) {
    const atl_model_info *info = w->render->info;
    size_t width = w->in_z ? (size_t)info->z_dim : w->render->row_ws;
    int with_labels = w->in_z && labelled(w);
    float *points = cli_array(w->keys, width, 1, sizeof(float)), *labels = NULL;
    w->z = points ? cli_array(1, (size_t)info->z_dim, 1, sizeof(float)) : NULL;
    w->c = w->z ? cli_array(1, (size_t)info->c_dim, 1, sizeof(float)) : NULL;
    w->paths = w->c ? cli_array(w->cells, 1, 1, sizeof *w->paths) : NULL;
    int status = w->paths ? CLI_SUCCESS : CLI_FAILURE;
    if (status == CLI_SUCCESS && with_labels) {
        labels = cli_array(w->keys, (size_t)info->c_dim, 1, sizeof(float));
        w->label_paths = labels ? cli_array(w->cells, 1, 1, sizeof *w->label_paths) : NULL;
        status = w->label_paths ? CLI_SUCCESS : CLI_FAILURE;
    }
    for (size_t cell = 0; cell < w->cells && status == CLI_SUCCESS; cell++)
        status = open_cell(w, cell, width, points, labels);
    free(points);
    free(labels);
    return status;
}

void cli_walk_close(cli_walk *w) {
    for (size_t i = 0; w->paths && i < w->cells; i++)
        atl_path_close(&w->paths[i]);
    for (size_t i = 0; w->label_paths && i < w->cells; i++)
        atl_path_close(&w->label_paths[i]);
    free(w->paths);
    free(w->label_paths);
    free(w->z);
    free(w->c);
    *w = (cli_walk){ 0 };
}

static int map(const cli_walk *w, const float *z, const float *c, float *ws) {
    atl_map_options options = ATL_MAP_OPTIONS_INIT;
    options.truncation_psi = w->render->psi;
    options.truncation_cutoff = w->render->cutoff;
    if (atl_model_map(w->render->model, 1, z, c, &options, ws) != ATL_OK)
        return cli_fail(w->render->ctx);
    return CLI_SUCCESS;
}

int cli_walk_at(const cli_walk *w, size_t cell, double position, float *ws) {
    if (!w->in_z) {
        atl_path_at(w->paths[cell], position, ws);
        return CLI_SUCCESS;
    }
    atl_path_at(w->paths[cell], position, w->z);
    if (w->label_paths)
        atl_path_at(w->label_paths[cell], position, w->c);
    return map(w, w->z, w->label_paths ? w->c : NULL, ws);
}

int cli_walk_seed(const cli_walk *w, uint32_t seed, float *ws) {
    atl_seed_to_z(seed, (size_t)w->render->info->z_dim, w->z);
    set_class(w, 0, 0);
    if (labelled(w) && cli_labels_row(w->labels, 0, w->c) != CLI_SUCCESS)
        return CLI_FAILURE;
    return map(w, w->z, labelled(w) ? w->c : NULL, ws);
}
