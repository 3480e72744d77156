// SPDX-License-Identifier: Apache-2.0
// Batches: gather latents and labels, map or broadcast them, synthesize.
#include "render.h"

#include <math.h>
#include <stdlib.h>
#include "memory.h"

app_status app_render_open(app_render *r, size_t batch, app_error *e) {
    const atl_model_info *i = r->info;
    r->batch = batch;
    r->row_ws = (size_t)i->num_ws * (size_t)i->w_dim;
    r->row_img = (size_t)i->channels * (size_t)i->height * (size_t)i->width;
    r->latent = app_array(batch, r->latents->width, 1, sizeof(float), e);
    r->c = r->latent ? app_array(batch, (size_t)i->c_dim, 1, sizeof(float), e) : NULL;
    r->ws = r->c ? app_array(batch, r->row_ws, 1, sizeof(float), e) : NULL;
    r->img = r->ws ? app_array(batch, r->row_img, 1, sizeof(float), e) : NULL;
    r->noise_seeds = r->img ? app_array(batch, 1, 1, sizeof(uint32_t), e) : NULL;
    return r->noise_seeds ? APP_OK : APP_FAILED;
}

void app_render_close(app_render *r) {
    free(r->latent);
    free(r->c);
    free(r->ws);
    free(r->img);
    free(r->noise_seeds);
    *r = (app_render){ 0 };
}

void app_render_truncation(const atl_model_info *info, double *psi, int *cutoff) {
    if (!isnan(*psi))
        return;
    *psi = round((double)info->default_psi * 1e6) / 1e6; // 0.7 as people write it
    if (!*cutoff)
        *cutoff = info->default_cutoff < info->num_ws ? info->default_cutoff : info->num_ws;
}

static atl_status to_ws(app_render *r, int n) {
    atl_map_options options = ATL_MAP_OPTIONS_INIT;
    options.truncation_psi = r->psi;
    options.truncation_cutoff = r->cutoff;
    options.centroids = r->centroids;
    options.centroid_count = r->centroid_count;
    if (r->latents->space == APP_Z)
        return atl_model_map(r->model, n, r->latent, r->info->c_dim ? r->c : NULL, &options, r->ws);
    return atl_model_broadcast(r->model, n, r->latent, &options, r->ws);
}

app_status app_render_ws(app_render *r, size_t first, size_t n, app_error *e) {
    const app_latents *l = r->latents;
    float *rows = l->space == APP_WS ? r->ws : r->latent;
    for (size_t i = 0; i < n; i++) {
        size_t row = first + i;
        app_latents_row(l, row, rows + i * l->width);
        r->noise_seeds[i] = l->seeds ? l->seeds[row] : (uint32_t)row;
        if (l->space == APP_Z && r->info->c_dim &&
            app_labels_row(r->labels, row, r->c + i * (size_t)r->info->c_dim, e) != APP_OK)
            return APP_FAILED;
    }
    if (l->space != APP_WS && to_ws(r, (int)n) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    return APP_OK;
}

app_status app_render_img(app_render *r, size_t n, const float *ws, app_error *e) {
    atl_synthesis_options options = ATL_SYNTHESIS_OPTIONS_INIT;
    options.noise_mode = r->noise;
    options.noise_seeds = r->noise_seeds;
    options.transform = r->transform;
    options.dump = r->dump;
    options.dump_dir = r->dump_folder;
    if (atl_model_synthesize(r->model, (int)n, ws, &options, r->img) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    return APP_OK;
}

app_status app_render_picture(const app_render *r, atl_image *picture, app_error *e) {
    if (r->info->channels < 1 || r->info->channels > 4)
        return app_fail(
            e, "the network makes images of %d channels, which no picture format holds; use --format npy",
            r->info->channels);
    if (atl_image_init(r->ctx, r->info->width, r->info->height, r->info->channels, picture) != ATL_OK)
        return app_fail_ctx(e, r->ctx);
    return APP_OK;
}
