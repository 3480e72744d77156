// SPDX-License-Identifier: Apache-2.0
// Training, for test_alloc.c: its in(), out() and write_picture() stand before this.
#ifndef ATL_TESTS_ALLOC_TRAINING_H
#define ATL_TESTS_ALLOC_TRAINING_H

#include <sys/stat.h>

// A training step on noise, from a snapshot to a snapshot.
static atl_train_options tiny_run(void) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.resolution = 8;
    o.channel_base = 16;
    o.channel_max = 2;
    o.map_depth = 1;
    o.batch = 2;
    o.augpipe = "bgcfnc";
    return o;
}

static atl_status train_once(atl_ctx *ctx, const char *from, const char *to) {
    atl_train_options o = tiny_run();
    atl_trainer *t;
    atl_status status = atl_trainer_open(ctx, &o, &t);
    float z[512] = { 0 }, image[3 * 8 * 8];
    char *text = NULL;
    if (status == ATL_OK && from)
        status = atl_trainer_restore(t, from);
    if (status == ATL_OK)
        status = atl_trainer_step(t);
    if (status == ATL_OK)
        status = atl_trainer_generate(t, 1, z, NULL, image);
    if (status == ATL_OK)
        status = atl_trainer_describe(t, &text);
    if (status == ATL_OK)
        status = atl_trainer_save(t, to);
    atl_text_free(ctx, text);
    atl_trainer_close(&t, status != ATL_OK);
    return status;
}

static atl_status call_train(atl_ctx *ctx) {
    return train_once(ctx, in("run.safetensors"), out("run.safetensors"));
}

static atl_status call_transfer(atl_ctx *ctx) {
    atl_train_options o = tiny_run();
    atl_trainer *t;
    char *text = NULL;
    atl_status status = atl_train_snapshot_record(ctx, in("run.safetensors"), &text);
    atl_text_free(ctx, text);
    if (status == ATL_OK)
        status = atl_trainer_open(ctx, &o, &t);
    if (status != ATL_OK)
        return status;
    status = atl_trainer_transfer(t, in("run.safetensors"), NULL, NULL);
    atl_trainer_close(&t, status != ATL_OK);
    return status;
}

// ---- neighbours

// A new run, or one that goes on: a step, a picture and a snapshot.
static atl_status train_as(atl_ctx *ctx, const atl_train_options *o, bool goes_on) {
    static float z[1 << 16], image[3 * 32 * 32];
    const char *to = out("neighbour.safetensors");
    atl_trainer *t;
    atl_status status = atl_trainer_open(ctx, o, &t);
    if (status == ATL_OK && goes_on)
        status = atl_trainer_restore(t, to);
    if (status == ATL_OK)
        status = atl_trainer_prepare(t, NULL, NULL);
    if (status == ATL_OK)
        status = atl_trainer_step(t);
    if (status == ATL_OK)
        status = atl_trainer_generate(t, 1, z, NULL, image);
    if (status == ATL_OK)
        status = atl_trainer_save(t, to);
    atl_trainer_close(&t, status != ATL_OK);
    return status;
}

static atl_status train_twice(atl_ctx *ctx, const atl_train_options *o) {
    atl_status status = train_as(ctx, o, false);
    if (status == ATL_OK)
        status = train_as(ctx, o, true);
    if (status != ATL_OK) // the second failed, which the first's snapshot outlives
        remove(out("neighbour.safetensors"));
    return status;
}

static atl_train_options neighbour(const char *cfg, int resolution, int width, int most) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = cfg;
    o.resolution = resolution;
    o.channel_base = width;
    o.channel_max = most;
    o.batch = 2;
    o.kimg = 1;
    return o;
}

static atl_status call_vqvae(atl_ctx *ctx) {
    atl_train_options o = neighbour("vqvae", 16, 8, 8);
    o.codebook = "ema";
    o.restart = 0.1;
    return train_twice(ctx, &o);
}

static atl_status call_vqvae2(atl_ctx *ctx) {
    const atl_train_options o = neighbour("vqvae2", 16, 8, 8);
    return train_twice(ctx, &o);
}

static atl_status call_vit_vqgan(atl_ctx *ctx) {
    atl_train_options o = neighbour("vit-vqgan", 16, 16, 8);
    o.layers = 1;
    o.heads = 2;
    o.quantizers = 2;
    o.warmup = 0.1;
    return train_twice(ctx, &o);
}

static atl_status call_biggan(atl_ctx *ctx) {
    atl_train_options o = neighbour("biggan", 32, 4, 0);
    o.g_init = o.d_init = "ortho";
    o.ortho = 1e-4;
    return train_twice(ctx, &o);
}

// Over codes of two pictures, of which one is held out.
static atl_status train_on_codes(atl_ctx *ctx, const char *cfg, int layers) {
    char first[512], set[512];
    atl_train_options o = neighbour(cfg, 0, 8, 0);
    snprintf(first, sizeof first, "%s", in("first.safetensors"));
    snprintf(set, sizeof set, "%s", in("set"));
    o.first_stage = first;
    o.data = set;
    o.mirror = 1;
    o.layers = layers;
    o.held_out = 1;
    o.dropout = 0.1;
    return train_twice(ctx, &o);
}

static atl_status call_pixelcnn(atl_ctx *ctx) {
    return train_on_codes(ctx, "pixelcnn", 3);
}

static atl_status call_transformer(atl_ctx *ctx) {
    return train_on_codes(ctx, "transformer", 1);
}

// What they learn from: a first stage and a folder of pictures.
static atl_status make_first_stage(atl_ctx *ctx) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    atl_model *model;
    o.cfg = "vqvae";
    o.resolution = 16;
    o.channel_base = o.channel_max = 8;
    atl_status status = atl_model_init(ctx, &o, &model);
    if (status == ATL_OK)
        status = atl_model_save(model, in("first.safetensors"), ATL_F32);
    atl_model_close(&model);
    return status;
}

static atl_status make_set(atl_ctx *ctx) {
    static uint8_t pixels[16 * 16 * 3];
    const atl_image image = { 16, 16, 3, pixels };
    atl_status status = mkdir(in("set"), 0777) ? ATL_IO : ATL_OK;
    for (int i = 0; i < 2 && status == ATL_OK; i++) {
        memset(pixels, 100 * i, sizeof pixels / 2);
        status = atl_image_write(ctx, in(i ? "set/b.png" : "set/a.png"), "png", &image, 0, NULL, 0);
    }
    return status;
}

static int remove_set(void) {
    char set[512];
    snprintf(set, sizeof set, "%s", in("set"));
    empty(set);
    return rmdir(set);
}

#endif
