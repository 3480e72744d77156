// SPDX-License-Identifier: Apache-2.0
// Batches: gather latents and labels, map or broadcast them, synthesize.
#include "render.h"

#include <math.h>
#include <stdlib.h>
#include "common.h"

int cli_render_open(cli_render *r, size_t batch) {
    const atl_model_info *i = r->info;
    r->batch = batch;
    r->row_ws = (size_t)i->num_ws * (size_t)i->w_dim;
    r->row_img = (size_t)i->channels * (size_t)i->height * (size_t)i->width;
    r->latent = cli_array(batch, r->latents->width, 1, sizeof(float));
    r->c = r->latent ? cli_array(batch, (size_t)i->c_dim, 1, sizeof(float)) : NULL;
    r->ws = r->c ? cli_array(batch, r->row_ws, 1, sizeof(float)) : NULL;
    r->img = r->ws ? cli_array(batch, r->row_img, 1, sizeof(float)) : NULL;
    r->noise_seeds = r->img ? cli_array(batch, 1, 1, sizeof(uint32_t)) : NULL;
    return r->noise_seeds ? CLI_SUCCESS : CLI_FAILURE;
}

void cli_render_close(cli_render *r) {
    free(r->latent);
    free(r->c);
    free(r->ws);
    free(r->img);
    free(r->noise_seeds);
    *r = (cli_render){ 0 };
}

void cli_render_truncation(const atl_model_info *info, double *psi, int *cutoff) {
    if (!isnan(*psi))
        return;
    *psi = round((double)info->default_psi * 1e6) / 1e6; // 0.7 as people write it
    if (!*cutoff)
        *cutoff = info->default_cutoff < info->num_ws ? info->default_cutoff : info->num_ws;
}

static atl_status to_ws(cli_render *r, int n) {
    atl_map_options options = ATL_MAP_OPTIONS_INIT;
    options.truncation_psi = r->psi;
    options.truncation_cutoff = r->cutoff;
    options.centroids = r->centroids;
    options.centroid_count = r->centroid_count;
    if (r->latents->space == CLI_Z)
        return atl_model_map(r->model, n, r->latent, r->info->c_dim ? r->c : NULL, &options, r->ws);
    return atl_model_broadcast(r->model, n, r->latent, &options, r->ws);
}

int cli_render_ws(cli_render *r, size_t first, size_t n) {
    const cli_latents *l = r->latents;
    float *rows = l->space == CLI_WS ? r->ws : r->latent;
    for (size_t i = 0; i < n; i++) {
        size_t row = first + i;
        cli_latents_row(l, row, rows + i * l->width);
        r->noise_seeds[i] = l->seeds ? l->seeds[row] : (uint32_t)row;
        if (l->space == CLI_Z && r->info->c_dim &&
            cli_labels_row(r->labels, row, r->c + i * (size_t)r->info->c_dim) != CLI_SUCCESS)
            return CLI_FAILURE;
    }
    if (l->space != CLI_WS && to_ws(r, (int)n) != ATL_OK)
        return cli_fail(r->ctx);
    return CLI_SUCCESS;
}

int cli_render_img(cli_render *r, size_t n, const float *ws) {
    atl_synthesis_options options = ATL_SYNTHESIS_OPTIONS_INIT;
    options.noise_mode = r->noise;
    options.noise_seeds = r->noise_seeds;
    options.transform = r->transform;
    options.dump = r->dump;
    options.dump_dir = r->dump_folder;
    if (atl_model_synthesize(r->model, (int)n, ws, &options, r->img) != ATL_OK)
        return cli_fail(r->ctx);
    return CLI_SUCCESS;
}

int cli_render_picture(const cli_render *r, atl_image *picture) {
    if (r->info->channels < 1 || r->info->channels > 4)
        return cli_error(
            "the network makes images of %d channels, which no picture format holds; use --format npy",
            r->info->channels);
    if (atl_image_init(r->ctx, r->info->width, r->info->height, r->info->channels, picture) != ATL_OK)
        return cli_fail(r->ctx);
    return CLI_SUCCESS;
}
