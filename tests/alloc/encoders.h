// SPDX-License-Identifier: Apache-2.0
// Encoders and pairs of pictures, for test_alloc.c: its data_of() and out() stand before this.
#ifndef ATL_TESTS_ALLOC_ENCODERS_H
#define ATL_TESTS_ALLOC_ENCODERS_H

static atl_status open_net(atl_ctx *ctx, const char *file, const char *net, atl_model **model) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    return atl_model_open(ctx, data_of(file), &o, model);
}

static atl_status encode(atl_ctx *ctx, const char *file, const char *of, bool tuned) {
    atl_encode_options o = ATL_ENCODE_OPTIONS_INIT;
    atl_model *encoder = NULL, *generator = NULL;
    atl_encoder *e = NULL;
    static float input[3 * 256 * 256], ws[2 * 6 * 8];
    uint8_t grey[3] = { 128, 128, 128 };
    o.steps = tuned ? 1 : 2;
    atl_status status = open_net(ctx, file, "encoder", &encoder);
    if (status == ATL_OK)
        status = open_net(ctx, of, NULL, &generator);
    if (status == ATL_OK && tuned)
        status = open_net(ctx, of, "hypernet", &o.hypernet);
    if (status == ATL_OK)
        status = atl_encoder_open(encoder, generator, &o, &e);
    if (status == ATL_OK)
        status = atl_encoder_input(e, &(atl_image){ 1, 1, 3, grey }, input);
    if (status == ATL_OK)
        status = atl_encoder_run(e, 1, input, ws, NULL);
    if (status == ATL_OK && tuned)
        status = atl_encoder_save_deltas(e, out("deltas.safetensors"), ATL_F32);
    atl_encoder_close(&e);
    atl_model_close(&o.hypernet);
    atl_model_close(&generator);
    atl_model_close(&encoder);
    return status;
}

// An encoder that sees its result; and a generator tuned by a hypernetwork, with what changed as a file.
static atl_status call_encode(atl_ctx *ctx) {
    return encode(ctx, "encoders/restyle.pt", "encoders/restyle.pt", false);
}

static atl_status call_hyper(atl_ctx *ctx) {
    return encode(ctx, "encoders/w.pt", "encoders/hyper.pt", true);
}

// A new classifier, and what it says of a view; both need no file.
static atl_status call_ensemble(atl_ctx *ctx) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    atl_classifier_options c = ATL_CLASSIFIER_OPTIONS_INIT;
    atl_view_options v = ATL_VIEW_OPTIONS_INIT;
    atl_model *generator = NULL, *judge = NULL;
    atl_classifier *classifier = NULL;
    static float ws[512 * 4], view[512 * 4], img[3 * 8 * 8];
    float p[2];
    o.cfg = "resnet";
    o.resolution = 32;
    o.channel_base = 1;
    o.c_dim = 2;
    atl_status status = atl_model_init(ctx, &o, &judge);
    o = (atl_init_options){ sizeof o, "stylegan2", 8, 64, 8, 0, 0, 2, 7, 0, 0, 0 };
    if (status == ATL_OK)
        status = atl_model_init(ctx, &o, &generator);
    c.height = c.width = 8; // resized
    v.layers = 1;
    if (status == ATL_OK)
        status = atl_classifier_open(judge, &c, &classifier);
    if (status == ATL_OK)
        status = atl_views_make(generator, &v, ws, 1, view);
    if (status == ATL_OK)
        status = atl_classifier_run(classifier, 1, img, NULL, p);
    atl_classifier_close(&classifier);
    atl_model_close(&generator);
    atl_model_close(&judge);
    return status;
}

// An encoder of e4e with all that can be around it: what judges latents, pools, steps, a snapshot that is gone on from.
static atl_status train_encoder(atl_ctx *ctx, const char *from, const char *to) {
    atl_train_options o;
    atl_trainer *t;
    static float z[512], image[3 * 32 * 32];
    atl_train_options_init(&o, sizeof o);
    o.cfg = "restyle-e4e";
    o.network = data_of("stylegan/sg2-32.pkl");
    o.batch = 1;
    o.kimg = 1;
    o.steps = 2;
    o.pool = 2;
    o.progress = "0:1";
    o.trunk = "1,1,1,1:16,16,16,16";
    o.style_width = 4;
    atl_status status = atl_trainer_open(ctx, &o, &t);
    if (status == ATL_OK && from)
        status = atl_trainer_restore(t, from);
    if (status == ATL_OK)
        status = atl_trainer_step(t);
    if (status == ATL_OK)
        status = atl_trainer_generate(t, 1, z, NULL, image);
    if (status == ATL_OK)
        status = atl_trainer_reconstruct(t, 1, image, image);
    if (status == ATL_OK)
        status = atl_trainer_save(t, to);
    atl_trainer_close(&t, status != ATL_OK);
    return status;
}

static atl_status call_train_encoder(atl_ctx *ctx) {
    return train_encoder(ctx, in("encoder.safetensors"), out("encoder.safetensors"));
}

static atl_status call_compare(atl_ctx *ctx) {
    uint8_t black[3] = { 0, 0, 0 }, grey[3] = { 128, 128, 128 };
    const atl_image a = { 1, 1, 3, black }, b = { 1, 1, 3, grey };
    atl_pairs_options o = ATL_PAIRS_OPTIONS_INIT;
    atl_pair_likeness likeness;
    o.side = 64;
    return atl_pictures_compare(ctx, &a, &b, &o, &likeness);
}

#include "congeal.h" // which uses what stands above

#endif
