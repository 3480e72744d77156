// SPDX-License-Identifier: Apache-2.0
// Shapes out of a file's configs and parameters; see like.h.
#include "train/like.h"

#include <stdio.h>
#include <string.h>

#include "ckpt/ckpt.h"
#include "models/biggan.h"

enum { RESOLUTION_MOST = 4096 };

static void read_text(const json_t *config, const char *key, char text[16]) {
    const char *value = json_string_value(json_object_get(config, key));
    if (value && strlen(value) < 16)
        memcpy(text, value, strlen(value) + 1);
}

static int read_int(const json_t *config, const char *key, int most) {
    json_int_t x = json_integer_value(json_object_get(config, key));
    return x > 0 && x <= most ? (int)x : 0;
}

// The widths follow the rule min(base / resolution, max): the largest is max, and the highest resolution
// whose width is smaller tells base.
static void read_widths(const atl_params *params, atl_train_like *like) {
    char name[64];
    for (int r = 4; r <= RESOLUTION_MOST; r *= 2) {
        snprintf(name, sizeof name, "synthesis.b%d.conv1.weight", r);
        const atl_param *p = atl_params_find(params, name);
        int width = p && p->rank == 4 && p->dims[0] > 0 && p->dims[0] <= 1 << 14 ? (int)p->dims[0] : 0;
        if (!width)
            continue;
        if (width > like->channel_max)
            like->channel_max = width;
        if (width < like->channel_max || !like->channel_base || width * r > like->channel_base)
            like->channel_base = width * r;
    }
}

static void read_latents(const json_t *config, atl_train_like *like) {
    like->z_dim = read_int(config, "z_dim", 1 << 14);
    like->w_dim = read_int(config, "w_dim", 1 << 14);
    like->map_depth = read_int(json_object_get(config, "mapping"), "num_layers", 64);
}

// Of StyleGAN3 the widest layer has max, and the last before the one to RGB, whose cutoff is half the
// resolution, base / resolution; configuration R has twice as much of both.
static void read_stylegan3(const json_t *config, atl_train_like *like) {
    const json_t *layers = json_object_get(json_object_get(config, "synthesis"), "layers"), *l;
    size_t i;
    int last = 0, factor = 1, resolution = read_int(config, "img_resolution", RESOLUTION_MOST);
    read_latents(config, like);
    json_array_foreach(layers, i, l) {
        int width = read_int(l, "out_channels", 1 << 14);
        factor = json_is_true(json_object_get(l, "down_radial")) ? 2 : factor;
        if (json_is_true(json_object_get(l, "is_torgb")) || !width)
            continue;
        last = width;
        like->channel_max = width > like->channel_max ? width : like->channel_max;
    }
    like->channel_max = (like->channel_max + factor - 1) / factor;
    like->channel_base = (last + factor - 1) / factor * resolution;
}

// Networks that grow have the same rule, and names.
static atl_status read_stylegan(atl_ctx *ctx, atl_ckpt *ckpt, size_t index, atl_train_like *like) {
    atl_params params;
    read_latents(atl_ckpt_get(ckpt, index)->config, like);
    read_text(atl_ckpt_get(ckpt, index)->config, "architecture", like->g_architecture);
    atl_params_init(&params, ctx);
    atl_status status = atl_ckpt_load(ckpt, index, &params);
    if (status == ATL_OK)
        read_widths(&params, like);
    atl_params_clear(&params);
    return status;
}

static void read_critic(const json_t *config, atl_train_like *like) {
    read_text(config, "architecture", like->d_architecture);
    like->d_labels = read_int(config, "label_size", 1 << 20)                     ? "acgan"
                     : json_is_true(json_object_get(config, "select_label")) ? "scores"
                                                                              : "";
}

static void read_vqgan(const json_t *config, atl_train_like *like) {
    like->channel_base = read_int(config, "ch", 1 << 14);
    like->channel_max = read_int(config, "n_embed", 1 << 14);
}

static void read_vqvae(const json_t *config, atl_train_like *like) {
    like->channel_base = read_int(config, "channel", 1 << 14);
    like->channel_max = read_int(config, "n_embed", 1 << 14);
}

static void read_patches(const json_t *config, atl_train_like *like) {
    const json_t *encoder = json_object_get(config, "encoder");
    like->channel_base = read_int(encoder, "dim", 1 << 14);
    like->channel_max = read_int(config, "n_embed", 1 << 14);
    like->layers = read_int(encoder, "depth", 1024);
    like->heads = read_int(config, "encoder_heads", 1024);
    like->patch = read_int(config, "patch", 256);
    like->quantizers = read_int(config, "num_quantizers", 64);
}

static void read_transformer(const json_t *config, atl_train_like *like) {
    bool taming = json_object_get(config, "n_embd") != NULL,
         several = json_object_get(config, "depth_num_tokens");
    if (json_object_get(config, "first_kernel")) { // a PixelCNN
        like->channel_base = read_int(config, "dim", 1 << 14);
        like->layers = read_int(config, "n_layers", 1024);
        return;
    }
    like->channel_base = read_int(config, taming ? "n_embd" : "embed_dim", 1 << 14);
    like->layers = read_int(config, taming ? "n_layer" : several ? "spatial_n_layers" : "n_layers", 1024);
    like->heads = read_int(config, taming ? "n_head" : several ? "spatial_n_heads" : "n_heads", 1024);
    like->ordered = json_object_get(config, "order") != NULL;
}

static bool is_transformer(const char *kind) {
    return !strcmp(kind, "codes_gpt") || !strcmp(kind, "vit_gpt") || !strcmp(kind, "rq_transformer") ||
           !strcmp(kind, "pixelcnn");
}

static bool is_vqvae(const char *kind) {
    return !strcmp(kind, "vqvae") || !strcmp(kind, "vqvae2");
}

static bool is_stylegan(const char *kind) {
    return !strcmp(kind, "stylegan2_generator") || !strcmp(kind, "stylegan1_generator") ||
           !strcmp(kind, "progan_generator");
}

atl_status atl_train_like_read(atl_ctx *ctx, const char *path, atl_train_like *like) {
    atl_ckpt *ckpt;
    atl_status status = ATL_OK;
    *like = (atl_train_like){ .d_labels = "" };
    ATL_TRY(atl_ckpt_open(ctx, path, &ckpt));
    for (size_t i = 0; i < atl_ckpt_size(ckpt) && status == ATL_OK; i++) {
        const atl_ckpt_net *net = atl_ckpt_get(ckpt, i);
        if (!net->kind || net->why)
            continue;
        if (is_stylegan(net->kind) && !like->z_dim)
            status = read_stylegan(ctx, ckpt, i, like);
        else if (!strcmp(net->kind, "stylegan3_generator") && !like->z_dim)
            read_stylegan3(net->config, like);
        else if (!strcmp(net->kind, "biggan_generator") && !like->channel_base)
            like->channel_base = atl_biggan_width(net->config);
        else if (is_transformer(net->kind) && !like->layers)
            read_transformer(net->config, like);
        else if (!strcmp(net->kind, "vqgan") && !like->channel_base && !like->layers)
            read_vqgan(net->config, like);
        else if (is_vqvae(net->kind) && !like->channel_base && !like->layers)
            read_vqvae(net->config, like);
        else if (!strcmp(net->kind, "vit_vqgan") && !like->channel_base && !like->layers)
            read_patches(net->config, like);
        else if (!strcmp(net->kind, "stylegan2_discriminator") && !*like->d_architecture)
            read_critic(net->config, like);
    }
    atl_ckpt_close(&ckpt);
    return status;
}

void atl_train_like_generator(const atl_train_like *like, atl_json *b, json_t *json) {
    if (like->z_dim)
        atl_json_set(b, json, "z_dim", json_integer(like->z_dim));
    if (like->w_dim)
        atl_json_set(b, json, "w_dim", json_integer(like->w_dim));
    json_t *synthesis = json_object_get(json, "synthesis");
    if (like->w_dim && json_object_get(synthesis, "w_dim"))
        atl_json_set(b, synthesis, "w_dim", json_integer(like->w_dim));
    if (*like->g_architecture)
        atl_json_set(b, json, "architecture", atl_json_string(b, like->g_architecture));
}

void atl_train_like_discriminator(const atl_train_like *like, atl_json *b, json_t *json) {
    if (*like->d_architecture)
        atl_json_set(b, json, "architecture", atl_json_string(b, like->d_architecture));
}
