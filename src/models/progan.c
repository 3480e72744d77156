// SPDX-License-Identifier: Apache-2.0
// ProGAN (Karras, Aila, Laine and Lehtinen 2018): generator and discriminator.
//
// This generator has no mapping network.  So that everything that works on w works here too, "w" is z with
// the label appended, normalised: what enters the first layer, one vector per image, without an average (so
// without truncation).  The discriminator gives a score and, for labelled data, one logit per class behind
// it.
#include <math.h>

#include "models/growing.h"
#include "models/rows.h"

typedef struct config {
    atl_growing_config grow;
    int z_dim;
    int labels; // of the discriminator, which is not given any
    bool fused; // means of 2x2 come before the activation, else after it
    int mbstd_group, mbstd_channels;
} config;

// ---- generator

static atl_status parse_generator(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ 0 };
    ATL_TRY(atl_growing_parse(ctx, j, &c->grow));
    return atl_config_int(ctx, j, "z_dim", 1, 1 << 16, &c->z_dim);
}

static atl_status generator_dims(atl_ctx *ctx, const void *config_, const atl_params *params,
                                 atl_model_dims *d) {
    (void)ctx;
    (void)params;
    const config *c = config_;
    *d = (atl_model_dims){ .z_dim = c->z_dim,
                           .c_dim = c->grow.c_dim,
                           .w_dim = c->z_dim + c->grow.c_dim,
                           .num_ws = 1,
                           .channels = c->grow.channels,
                           .height = c->grow.resolution,
                           .width = c->grow.resolution };
    return ATL_OK;
}

static void map(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *z = atl_call_latent(net, call, c->z_dim), *label = atl_call_label(net, call, c->grow.c_dim);
    if (label)
        z = atl_concat(net->g, (atl_node *[]){ z, label }, 2, 1);
    atl_call_out(net, call, "w", atl_normalize_2nd_moment(net->g, z, 1e-8f));
}

// Bias, leaky ReLU, and every pixel's vector at length sqrt(c).
static atl_node *finish(atl_net *net, const char *name, atl_node *x) {
    x = atl_lrelu(net->g, atl_plain_bias(net, name, x), 0.2f);
    size_t scope = atl_scope_push(net->g, "%s", name);
    x = atl_named(net->g, atl_normalize_2nd_moment(net->g, x, 1e-8f));
    atl_scope_pop(net->g, scope);
    return x;
}

// w [n, in] -> [n, 4, 4, c]: a dense layer whose outputs are an image in the order c, h, w.
static atl_node *first(atl_net *net, atl_node *w, int64_t out) {
    atl_graph *g = net->g;
    int64_t n = w->shape.d[0], in = w->shape.d[1];
    size_t scope = atl_scope_push(g, "dense");
    atl_node *weight = atl_net_param(net, "weight", ATL_SHAPE(out * 16, in), ATL_INIT_NORMAL, 1.0f);
    weight = atl_scale(g, weight, (float)(sqrt(2.0) / 4.0 / sqrt((double)in)));
    atl_scope_pop(g, scope);
    atl_node *x = atl_reshape(g, atl_matmul(g, w, weight, false, true), ATL_SHAPE(n, out, 4, 4));
    return finish(net, "dense", atl_permute(g, x, (int[]){ 0, 2, 3, 1 }));
}

static atl_node *block(atl_net *net, int r, atl_node *x, void *config_) {
    const config *c = config_;
    size_t scope = atl_scope_push(net->g, "b%d", r);
    int64_t out = atl_growing_channels(net->params, &c->grow, r, "synthesis.b%d.conv1.bias");
    if (r == 4)
        x = first(net, x, atl_growing_channels(net->params, &c->grow, r, "synthesis.b%d.dense.bias"));
    else
        x = finish(net, "conv0", atl_plain_conv(net, "conv0", x, out, ATL_UP));
    x = finish(net, "conv1", atl_plain_conv(net, "conv1", x, out, ATL_SAME_SIZE));
    atl_scope_pop(net->g, scope);
    return x;
}

static void synthesize(atl_net *net, const void *config_, atl_call *call) {
    config c = *(const config *)config_;
    int64_t w_dim = c.z_dim + c.grow.c_dim;
    atl_node *ws = atl_call_in(net, call, "ws", ATL_SHAPE(1, w_dim));
    atl_node *w = atl_reshape(net->g, ws, ATL_SHAPE(call->n, w_dim));
    atl_call_out(net, call, "img", atl_growing_synthesize(net, call, &c.grow, w, block, &c));
}

// ---- discriminator

static atl_status parse_discriminator(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ 0 };
    ATL_TRY(atl_growing_parse(ctx, j, &c->grow));
    ATL_TRY(atl_config_int(ctx, j, "label_size", 0, 1 << 20, &c->labels));
    c->fused = !json_is_false(json_object_get(j, "fused_scale"));
    ATL_TRY(atl_config_int(ctx, j, "mbstd_group_size", 0, 1 << 16, &c->mbstd_group));
    return atl_config_int(ctx, j, "mbstd_num_channels", 0, 64, &c->mbstd_channels);
}

static atl_status discriminator_dims(atl_ctx *ctx, const void *config_, const atl_params *params,
                                     atl_model_dims *d) {
    (void)ctx;
    (void)params;
    const config *c = config_;
    *d = (atl_model_dims){ .channels = c->grow.channels,
                           .height = c->grow.resolution,
                           .width = c->grow.resolution,
                           .num_logits = 1 + c->labels };
    return ATL_OK;
}

static void discriminate(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_growing_critic critic = {
        &c->grow, c->mbstd_group, c->mbstd_channels, false, !c->fused, 1 + c->labels
    };
    atl_call_out(net, call, "logits", atl_named(net->g, atl_growing_discriminate(net, call, &critic)));
}

// ---- new networks

static atl_status init_generator(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    return atl_growing_init(ctx, o, json_pack("{s:i}", "z_dim", o->channel_max ? o->channel_max : 512), json);
}

static atl_status init_discriminator(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    return atl_growing_init(ctx, o,
                            json_pack("{s:i s:b s:i s:i}", "label_size", o->c_dim, "fused_scale", 1,
                                      "mbstd_group_size", 4, "mbstd_num_channels", 1),
                            json);
}

const atl_model_row atl_progan_generator = {
    .kind = "progan_generator",
    .family = "progan",
    .role = "generator",
    .config_bytes = sizeof(config),
    .parse = parse_generator,
    .init = init_generator,
    .dims = generator_dims,
    .functions = { { "map", map, false }, { "synthesize", synthesize, false } },
    .resolution_of = atl_block_resolution,
};
const atl_model_row atl_progan_discriminator = {
    .kind = "progan_discriminator",
    .family = "progan",
    .role = "discriminator",
    .config_bytes = sizeof(config),
    .parse = parse_discriminator,
    .init = init_discriminator,
    .dims = discriminator_dims,
    .functions = { { "discriminate", discriminate, true } },
    .depth_of = atl_growing_depth,
};
