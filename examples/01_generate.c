// SPDX-License-Identifier: Apache-2.0
// A seed becomes a picture: open a network, one call, write a PNG.
//
//     cc 01_generate.c $(pkg-config --cflags --libs atelier) -o generate && ./generate ffhq.pkl 85 out.png
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <atelier/atelier.h>

static atl_status make_picture(atl_ctx *ctx, const char *network, uint32_t seed, const char *path) {
    atl_model *model = NULL;
    atl_image picture;
    atl_generate_options o = ATL_GENERATE_OPTIONS_INIT;
    atl_status status = atl_model_open(ctx, network, NULL, &model);
    if (status)
        return status;
    const atl_model_info *info = atl_model_get_info(model);
    o.seed = seed;
    o.truncation_psi = info->default_psi; // as its makers show it
    o.class_index = info->c_dim ? 0 : -1; // a conditional network wants a class
    status = atl_generate(model, &o, &picture);
    if (!status)
        status = atl_image_write(ctx, path, "png", &picture, 0, NULL, 0);
    atl_image_clear(ctx, &picture);
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
