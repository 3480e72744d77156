// SPDX-License-Identifier: Apache-2.0
// Styles: the coarse layers of one seed, the fine layers of another, as a row of three pictures: both, and
// their mixture (Karras et al. 2019, section 3.1).
//
//     ./mix ffhq.pkl 85 1 4 out.png        coarse layers 0 to 3 of seed 85, the others of seed 1
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atelier/atelier.h>

enum { COUNT = 3 };

// ws [3, num_ws, w_dim]: of two seeds, and the mixture of them.
static atl_status make_styles(atl_model *model, const uint32_t *seeds, int layers, float *ws) {
    const atl_model_info *info = atl_model_get_info(model);
    size_t z_dim = (size_t)info->z_dim, w_dim = (size_t)info->w_dim, row = (size_t)info->num_ws * w_dim;
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    o.truncation_psi = info->default_psi;
    float *z = malloc(2 * z_dim * sizeof *z);
    if (!z)
        return ATL_NO_MEMORY;
    atl_seed_to_z(seeds[0], z_dim, z);
    atl_seed_to_z(seeds[1], z_dim, z + z_dim);
    atl_status status = atl_model_map(model, 2, z, NULL, &o, ws);
    size_t coarse = (size_t)layers * w_dim;
    memcpy(ws + 2 * row, ws, coarse * sizeof *ws);
    memcpy(ws + 2 * row + coarse, ws + row + coarse, (row - coarse) * sizeof *ws);
    free(z);
    return status;
}

static atl_status write_row(atl_ctx *ctx, const atl_model_info *info, const float *images, const char *path) {
    atl_image all, one;
    size_t size = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
    atl_status status = atl_image_init(ctx, COUNT * info->width, info->height, info->channels, &all);
    if (status)
        return status;
    status = atl_image_init(ctx, info->width, info->height, info->channels, &one);
    for (int i = 0; i < COUNT && !status; i++) {
        atl_image_from_float(images + (size_t)i * size, &one);
        atl_image_paste(&all, &one, i * info->width, 0);
    }
    if (!status) {
        status = atl_image_write(ctx, path, "png", &all, 0, NULL, 0);
        atl_image_clear(ctx, &one);
    }
    atl_image_clear(ctx, &all);
    return status;
}

static atl_status mix(atl_ctx *ctx, atl_model *model, const uint32_t *seeds, int layers, const char *path) {
    const atl_model_info *info = atl_model_get_info(model);
    size_t styles = (size_t)info->num_ws * (size_t)info->w_dim;
    size_t pixels = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
    float *ws = malloc(COUNT * styles * sizeof *ws), *images = malloc(COUNT * pixels * sizeof *images);
    atl_status status = ws && images && layers >= 0 && layers <= info->num_ws ? ATL_OK : ATL_BAD_ARGUMENT;
    if (!status)
        status = make_styles(model, seeds, layers, ws);
    if (!status)
        status = atl_model_synthesize(model, COUNT, ws, NULL, images);
    if (!status)
        status = write_row(ctx, info, images, path);
    free(ws);
    free(images);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: %s NETWORK COARSE_SEED FINE_SEED LAYERS PICTURE.png\n", argv[0]);
        return 2;
    }
    uint32_t seeds[2] = { (uint32_t)strtoul(argv[2], NULL, 10), (uint32_t)strtoul(argv[3], NULL, 10) };
    atl_ctx *ctx;
    atl_model *model;
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_status status = atl_model_open(ctx, argv[1], NULL, &model);
    if (!status)
        status = mix(ctx, model, seeds, atoi(argv[4]), argv[5]);
    if (status)
        fprintf(stderr, "%s: %s\n", atl_status_name(status), atl_message(ctx));
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
