// SPDX-License-Identifier: Apache-2.0
// A picture found again in a network: the steps of the official projector, the picture of what was found, and
// the latents with their noise maps in a file that every command of atelier reads.
//
//     07_project NETWORK PICTURE STEPS RESULT.png RESULT.npz [LPIPS.safetensors]
//
// Without LPIPS pictures are compared by pixels and slopes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atelier/atelier.h>

enum { MAPS = 64 };

// w, and the noise maps beside it.
static atl_status keep(atl_ctx *ctx, atl_model *model, atl_projector *projector, const char *path) {
    const atl_model_info *info = atl_model_get_info(model);
    atl_array list[1 + MAPS] = { { "w", ATL_F32, 3, { 1, info->num_ws, info->w_dim }, NULL } };
    char names[MAPS][16];
    float *numbers[1 + MAPS] = { malloc((size_t)info->num_ws * (size_t)info->w_dim * sizeof(float)) };
    int count = 1, h, w;
    atl_status status = numbers[0] ? atl_projector_read(projector, numbers[0]) : ATL_NO_MEMORY;
    for (; !status && count <= MAPS && atl_model_noise_size(model, count - 1, &h, &w); count++) {
        snprintf(names[count - 1], sizeof names[0], "noise.%d", count - 1);
        list[count] = (atl_array){ names[count - 1], ATL_F32, 3, { 1, h, w }, NULL };
        numbers[count] = malloc((size_t)h * (size_t)w * sizeof(float));
        status =
            numbers[count] ? atl_projector_read_map(projector, count - 1, numbers[count]) : ATL_NO_MEMORY;
    }
    for (int k = 0; k < count; k++)
        list[k].data = numbers[k];
    if (!status)
        status = atl_npz_write(ctx, path, list, (size_t)count);
    for (int k = 0; k < count; k++)
        free(numbers[k]);
    return status;
}

static atl_status search(atl_projector *projector, const float *target, float *img, atl_image *shown) {
    const atl_project_state *state = atl_projector_get_state(projector);
    atl_project_start start = ATL_PROJECT_START_INIT;
    start.targets = target;
    atl_status status = atl_projector_begin(projector, &start);
    while (!status && state->step < state->steps) {
        status = atl_projector_step(projector);
        if (!status && (state->step % 10 == 1 || state->step == state->steps))
            printf("step %4d  distance %.5f\n", state->step - 1, state->distance[0]);
    }
    if (!status)
        status = atl_projector_look(projector, img, NULL);
    if (!status)
        atl_image_from_float(img, shown);
    return status;
}

static atl_status project(atl_ctx *ctx, atl_model *model, atl_model *lpips, char **argv) {
    const atl_model_info *info = atl_model_get_info(model);
    size_t count = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
    float *target = malloc(count * sizeof *target), *img = malloc(count * sizeof *img);
    atl_image picture = { 0 }, shown = { 0 };
    atl_projector *projector = NULL;
    atl_project_options o = ATL_PROJECT_OPTIONS_INIT;
    o.steps = atoi(argv[3]);
    o.loss = lpips ? "lpips" : "mse";
    o.features = lpips;
    atl_status status = target && img ? atl_image_read(ctx, argv[2], &picture) : ATL_NO_MEMORY;
    if (!status)
        status = atl_project_target(model, &picture, target, &shown);
    if (!status)
        status = atl_projector_open(model, &o, &projector);
    if (!status)
        status = search(projector, target, img, &shown);
    if (!status)
        status = atl_image_write(ctx, argv[4], "png", &shown, 0, NULL, 0);
    if (!status)
        status = keep(ctx, model, projector, argv[5]);
    atl_projector_close(&projector);
    atl_image_clear(ctx, &picture);
    atl_image_clear(ctx, &shown);
    free(target);
    free(img);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: %s NETWORK PICTURE STEPS RESULT.png RESULT.npz [LPIPS.safetensors]\n",
                argv[0]);
        return 2;
    }
    atl_ctx *ctx;
    atl_model *model = NULL, *lpips = NULL;
    if (atl_ctx_open(&ctx, NULL))
        return 1;
    atl_status status = atl_model_open(ctx, argv[1], NULL, &model);
    if (!status && argc == 7)
        status = atl_lpips_open(ctx, argv[6], NULL, &lpips);
    if (!status)
        status = project(ctx, model, lpips, argv);
    if (status)
        fprintf(stderr, "%s: %s\n", atl_status_name(status), atl_message(ctx));
    atl_model_close(&lpips);
    atl_model_close(&model);
    atl_ctx_close(&ctx);
    return status != ATL_OK;
}
