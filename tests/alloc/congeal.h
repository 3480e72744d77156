// SPDX-License-Identifier: Apache-2.0
// Alignment by a spatial transformer, for test_alloc.c: open_net() of encoders.h stands before this.
#ifndef ATL_TESTS_ALLOC_CONGEAL_H
#define ATL_TESTS_ALLOC_CONGEAL_H

// A picture and its mirror image, with all that is told of a warp, and a point there and back.
static atl_status call_congeal(atl_ctx *ctx) {
    static float input[3 * 32 * 32], img[3 * 16 * 16], grid[2 * 16 * 16], flow[2 * 16 * 16];
    uint8_t grey[3] = { 128, 128, 128 };
    float matrix[6], point[2] = { 3.0f, 4.0f }, to[2];
    double tv, outside;
    int flipped;
    atl_congeal_options o = ATL_CONGEAL_OPTIONS_INIT;
    atl_model *model = NULL;
    atl_congealer *c = NULL;
    o.flip = 1;
    atl_status status = open_net(ctx, "gangealing/stn.pt", "T_ema", &model);
    if (status == ATL_OK)
        status = atl_congealer_open(model, &o, &c);
    if (status == ATL_OK)
        status = atl_congealer_input(c, &(atl_image){ 1, 1, 3, grey }, input);
    if (status == ATL_OK)
        status = atl_congealer_run(c, 1, input, NULL,
                                   &(atl_congealed){ img, grid, matrix, flow, &tv, &outside, &flipped });
    const atl_warp warp = { 16, matrix, flow };
    if (status == ATL_OK)
        status = atl_points_congeal(ctx, &warp, 32, 32, point, 1, to);
    if (status == ATL_OK)
        status = atl_points_uncongeal(ctx, &warp, 32, 32, to, 1, point);
    atl_congealer_close(&c);
    atl_model_close(&model);
    return status;
}

// Two steps of learning, kept and gone on with.
static atl_status call_learn(atl_ctx *ctx) {
    const atl_init_options tiny = { sizeof tiny, "stylegan2", 16, 64, 8, 0, 0, 1, 7, 0, 0, 0 };
    atl_congeal_train_options o = ATL_CONGEAL_TRAIN_OPTIONS_INIT;
    atl_model *g = NULL;
    atl_congeal_trainer *t = NULL;
    o.steps = 2;
    o.batch = 1;
    o.samples = 256;
    o.channels = 4;
    o.heads = 2;
    o.jitter = 0.1;
    atl_status status = atl_model_init(ctx, &tiny, &g);
    if (status == ATL_OK)
        status = atl_congeal_trainer_open(g, &o, &t);
    if (status == ATL_OK)
        status = atl_congeal_trainer_step(t);
    if (status == ATL_OK)
        status = atl_congeal_trainer_save(t, out("learnt.safetensors"));
    if (status == ATL_OK)
        status = atl_congeal_trainer_restore(t, out("learnt.safetensors"));
    if (status == ATL_OK)
        status = atl_congeal_trainer_step(t);
    atl_congeal_trainer_close(&t);
    atl_model_close(&g);
    return status;
}

#endif
