// SPDX-License-Identifier: Apache-2.0
// A picture along a direction: the first that SeFa finds in the network's weights, or one of a file, as a
// strip from one side to the other.
//
//     ./edit ffhq.pkl 85 3.0 strip.png
//     ./edit ffhq.pkl 85 3.0 strip.png stylegan_ffhq_age_w_boundary.npy
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atelier/atelier.h>

enum { STEPS = 5 };

static atl_status find(atl_ctx *ctx, atl_model *model, const char *file, atl_directions **set) {
    atl_sefa_options o = ATL_SEFA_OPTIONS_INIT;
    o.count = 1;
    return file ? atl_directions_open(ctx, file, NULL, NULL, set) : atl_directions_sefa(model, &o, set);
}

// ws of the seed [num_ws, w_dim] in `room`, each picture of the strip a step further.
static atl_status draw(atl_ctx *ctx, atl_model *model, const atl_direction *d, unsigned seed, double strength,
                       float *room, float *img, atl_image *strip) {
    const atl_model_info *info = atl_model_get_info(model);
    size_t ws_count = (size_t)info->num_ws * (size_t)info->w_dim;
    float *z = room, *ws = z + info->z_dim, *moved = ws + ws_count;
    atl_image tile;
    atl_seed_to_z(seed, (size_t)info->z_dim, z);
    atl_status status = atl_image_init(ctx, info->width, info->height, info->channels, &tile);
    if (!status)
        status = atl_model_map(model, 1, z, NULL, NULL, ws);
    for (int i = 0; i < STEPS && !status; i++) {
        double by = strength * (2.0 * i / (STEPS - 1) - 1);
        memcpy(moved, ws, ws_count * sizeof *ws);
        status = atl_direction_move(ctx, d, NULL, by, info->num_ws, info->w_dim, moved);
        if (!status)
            status = atl_model_synthesize(model, 1, moved, NULL, img);
        if (status)
            break;
        atl_image_from_float(img, &tile);
        atl_image_paste(strip, &tile, i * info->width, 0);
    }
    atl_image_clear(ctx, &tile);
    return status;
}

static atl_status run(atl_ctx *ctx, atl_model *model, char **argv, const char *file) {
    const atl_model_info *info = atl_model_get_info(model);
    size_t ws_count = (size_t)info->num_ws * (size_t)info->w_dim;
    atl_directions *set = NULL;
    atl_image strip;
    float *room = calloc((size_t)info->z_dim + 2 * ws_count, sizeof *room);
    float *img = calloc((size_t)info->channels * (size_t)info->height * (size_t)info->width, sizeof *img);
    atl_status status = atl_image_init(ctx, STEPS * info->width, info->height, info->channels, &strip);
    if (!room || !img)
        status = ATL_NO_MEMORY;
    if (!status)
        status = find(ctx, model, file, &set);
    if (!status)
        status = draw(ctx, model, atl_directions_get(set, 0), (unsigned)strtoul(argv[2], NULL, 10),
                      atof(argv[3]), room, img, &strip);
    if (!status)
        status = atl_image_write(ctx, argv[4], "png", &strip, 0, NULL, 0);
    if (!status)
        printf("%s: %d pictures along direction 0 of %s\n", argv[4], STEPS, file ? file : "the weights");
    atl_directions_close(&set);
    atl_image_clear(ctx, &strip);
    free(room);
    free(img);
    return status;
}

int main(int argc, char **argv) {
    atl_ctx *ctx;
    atl_model *model;
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: %s NETWORK SEED STRENGTH OUT.png [DIRECTIONS]\n", argv[0]);
        return 2;
    }
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_status status = atl_model_open(ctx, argv[1], NULL, &model);
    if (!status)
        status = run(ctx, model, argv, argc == 6 ? argv[5] : NULL);
    if (status)
        fprintf(stderr, "%s\n", atl_message(ctx));
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
