// SPDX-License-Identifier: Apache-2.0
// The library inside another program: open a network, turn a seed into a picture, write a PNG.
//
//     cc embed.c $(pkg-config --cflags --libs atelier) -o embed && ./embed ffhq.pkl 85 out.png
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <atelier/ctx.h>
#include <atelier/image.h>
#include <atelier/model.h>
#include <atelier/rng.h>

static atl_status make_picture(atl_ctx *ctx, const char *network, uint32_t seed, const char *path) {
    atl_model *model = NULL;
    atl_status status = atl_model_open(ctx, network, NULL, &model);
    if (status)
        return status;
    const atl_model_info *info = atl_model_get_info(model);
    size_t ws_count = (size_t)info->num_ws * (size_t)info->w_dim;
    size_t img_count = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
    float *z = malloc((size_t)info->z_dim * sizeof *z), *ws = malloc(ws_count * sizeof *ws);
    float *img = malloc(img_count * sizeof *img); // [channels, height, width]
    atl_image picture = { 0 };
    status = z && ws && img ? ATL_OK : ATL_NO_MEMORY;
    if (!status) {
        atl_seed_to_z(seed, (size_t)info->z_dim, z);
        status = atl_model_map(model, 1, z, NULL, NULL, ws);
    }
    if (!status)
        status = atl_model_synthesize(model, 1, ws, NULL, img);
    if (!status)
        status = atl_image_init(ctx, info->width, info->height, info->channels, &picture);
    if (!status) {
        atl_image_from_float(img, &picture);
        status = atl_image_write(ctx, path, "png", &picture, 0, NULL, 0);
    }
    atl_image_clear(ctx, &picture);
    free(img);
    free(ws);
    free(z);
    atl_model_close(&model);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s NETWORK SEED PICTURE.png\n", argv[0]);
        return 2;
    }
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_status status = make_picture(ctx, argv[1], (uint32_t)strtoul(argv[2], NULL, 10), argv[3]);
    if (status)
        fprintf(stderr, "%s: %s\n", atl_status_name(status), atl_message(ctx));
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
