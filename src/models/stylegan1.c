// SPDX-License-Identifier: Apache-2.0
// StyleGAN (Karras, Laine and Aila 2019): generator and discriminator.  Every layer of the generator ends in
// noise with a weight per channel, bias, leaky ReLU, instance normalisation, and the style's scale and
// offset. Sizes of layers come from the parameters.
#include <stdio.h>

#include "models/growing.h"
#include "models/rows.h"

typedef struct config {
    atl_growing_config grow;
    int z_dim, w_dim, num_ws;
    bool use_noise;
    float default_psi;
    int default_cutoff;
    int mbstd_group, mbstd_channels;
    atl_mapping_config mapping;
} config;

static const float SQRT2 = 1.41421356f;

// ---- generator

static atl_status parse_generator(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .use_noise = true, .default_psi = 1.0f };
    ATL_TRY(atl_growing_parse(ctx, j, &c->grow));
    ATL_TRY(atl_config_int(ctx, j, "z_dim", 1, 1 << 16, &c->z_dim));
    ATL_TRY(atl_config_int(ctx, j, "w_dim", 1, 1 << 16, &c->w_dim));
    if (json_is_boolean(json_object_get(j, "use_noise")))
        c->use_noise = json_is_true(json_object_get(j, "use_noise"));
    for (int r = 4; r <= c->grow.resolution; r *= 2)
        c->num_ws += 2;
    ATL_TRY(atl_config_truncation(ctx, j, &c->default_psi, &c->default_cutoff));
    ATL_TRY(atl_config_mapping(ctx, j, &c->mapping));
    c->mapping.z_dim = c->z_dim;
    c->mapping.c_dim = c->grow.c_dim;
    c->mapping.w_dim = c->w_dim;
    return ATL_OK;
}

static atl_status generator_dims(atl_ctx *ctx, const void *config_, const atl_params *params,
                                 atl_model_dims *d) {
    (void)ctx;
    (void)params;
    const config *c = config_;
    *d = (atl_model_dims){ .z_dim = c->z_dim,
                           .c_dim = c->grow.c_dim,
                           .w_dim = c->w_dim,
                           .num_ws = c->num_ws,
                           .channels = c->grow.channels,
                           .height = c->grow.resolution,
                           .width = c->grow.resolution,
                           .default_psi = c->default_psi,
                           .default_cutoff = c->default_cutoff };
    return ATL_OK;
}

// z and the label's vector, normalised together, then dense layers with leaky ReLU.
static void map(atl_net *net, const void *config_, atl_call *call) {
    const atl_mapping_config *m = &((const config *)config_)->mapping;
    atl_graph *g = net->g;
    atl_node *z = atl_call_latent(net, call, m->z_dim), *label = atl_call_label(net, call, m->c_dim);
    size_t scope = atl_scope_push(g, "mapping");
    atl_node *x = atl_joint_latent(net, m->z_dim, z, label);
    for (int i = 0; i < m->num_layers; i++) {
        char name[16];
        snprintf(name, sizeof name, "fc%d", i);
        bool last = i == m->num_layers - 1;
        atl_plain_layer l = { name, last || !m->layer_features ? m->w_dim : m->layer_features, SQRT2,
                              m->lr_multiplier };
        x = atl_lrelu(g, atl_plain_dense(net, &l, x), 0.2f);
    }
    x = atl_named(g, x);
    atl_scope_pop(g, scope);
    atl_call_out(net, call, "w", x);
}

// What a run hands from layer to layer.
typedef struct styles {
    const config *c;
    atl_node *ws;
    int index; // of the next layer
    atl_call *call;
} styles;

// The noise of a layer [n or 1, h, w, 1] times its weights [c]; NULL: none.
static atl_node *noise_of(atl_net *net, const atl_node *x, atl_call *call) {
    atl_graph *g = net->g;
    int64_t h = x->shape.d[1], w = x->shape.d[2], ch = x->shape.d[3];
    atl_node *weight = atl_net_param(net, "noise_weight", ATL_SHAPE(ch), ATL_INIT_ZERO, 0.0f);
    atl_node *map = atl_call_noise(net, call, h, w);
    if (!map)
        return NULL;
    return atl_mul(g, atl_expand(g, map, x->shape),
                   atl_expand(g, atl_reshape(g, weight, ATL_SHAPE(1, 1, 1, ch)), x->shape));
}

// What follows every convolution, and the constant.
static atl_node *finish(atl_net *net, styles *s, const char *name, atl_node *x) {
    atl_graph *g = net->g;
    int64_t n = x->shape.d[0], ch = x->shape.d[3];
    size_t scope = atl_scope_push(g, "%s", name);
    atl_node *e = s->c->use_noise ? noise_of(net, x, s->call) : NULL;
    if (e)
        x = atl_add(g, x, e);
    int layer = s->index++;
    atl_node *w = atl_reshape(g, atl_slice_axis(g, s->ws, 1, layer, 1), ATL_SHAPE(n, s->c->w_dim));
    atl_plain_layer affine = { "affine", 2 * ch, 1.0f, 1.0f };
    atl_node *style = atl_call_style(net, s->call, layer, atl_plain_dense(net, &affine, w));
    atl_scope_pop(g, scope);
    x = atl_lrelu(g, atl_plain_bias(net, name, x), 0.2f);
    scope = atl_scope_push(g, "%s", name);
    // instance normalisation
    x = atl_sub(g, x, atl_expand(g, atl_mean(g, x, 2u | 4u), x->shape));
    atl_node *scale =
        atl_rsqrt(g, atl_affine(g, atl_mean(g, atl_square(g, x), 2u | 4u), 1.0f, 1e-8f)); // [n, 1, 1, c]
    atl_node *factor = atl_affine(g, atl_slice_axis(g, style, 1, 0, ch), 1.0f, 1.0f);
    scale = atl_mul(g, scale, atl_reshape(g, factor, scale->shape));
    atl_node *offset = atl_reshape(g, atl_slice_axis(g, style, 1, ch, ch), scale->shape);
    x = atl_mul(g, x, atl_expand(g, scale, x->shape));
    x = atl_named(g, atl_add(g, x, atl_expand(g, offset, x->shape)));
    x = atl_call_features(net, s->call, x);
    atl_scope_pop(g, scope);
    return x;
}

static atl_node *block(atl_net *net, int r, atl_node *x, void *styles_) {
    styles *s = styles_;
    const atl_growing_config *c = &s->c->grow;
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "b%d", r);
    int64_t out = atl_growing_channels(net->params, c, r, "synthesis.b%d.conv1.bias");
    if (r == 4) {
        int64_t first = atl_growing_channels(net->params, c, r, "synthesis.b%d.const");
        x = atl_net_param(net, "const", ATL_SHAPE(first, 4, 4), ATL_INIT_FILL, 1.0f);
        x = atl_reshape(g, atl_permute(g, x, (int[]){ 1, 2, 0 }), ATL_SHAPE(1, 4, 4, first));
        x = atl_expand(g, x, ATL_SHAPE(s->ws->shape.d[0], 4, 4, first));
    } else {
        x = atl_plain_conv(net, "conv0", x, out, ATL_UP_BLURRED);
    }
    x = finish(net, s, "conv0", x);
    x = atl_plain_conv(net, "conv1", x, out, ATL_SAME_SIZE);
    x = finish(net, s, "conv1", x);
    atl_scope_pop(g, scope);
    return x;
}

static void synthesize(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    styles s = { c, atl_call_in(net, call, "ws", ATL_SHAPE(c->num_ws, c->w_dim)), 0, call };
    atl_call_out(net, call, "img", atl_growing_synthesize(net, call, &c->grow, NULL, block, &s));
}

// ---- discriminator

static atl_status parse_discriminator(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .mbstd_group = 4, .mbstd_channels = 1 };
    ATL_TRY(atl_growing_parse(ctx, j, &c->grow));
    ATL_TRY(atl_config_int(ctx, j, "mbstd_group_size", 0, 1 << 16, &c->mbstd_group));
    return atl_config_int(ctx, j, "mbstd_num_channels", 0, 64, &c->mbstd_channels);
}

static atl_status discriminator_dims(atl_ctx *ctx, const void *config_, const atl_params *params,
                                     atl_model_dims *d) {
    (void)ctx;
    (void)params;
    const config *c = config_;
    *d = (atl_model_dims){ .c_dim = c->grow.c_dim,
                           .channels = c->grow.channels,
                           .height = c->grow.resolution,
                           .width = c->grow.resolution };
    return ATL_OK;
}

static void discriminate(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_growing_critic critic = { &c->grow, c->mbstd_group, c->mbstd_channels,
                                  true,     false,          c->grow.c_dim ? c->grow.c_dim : 1 };
    atl_node *x = atl_growing_discriminate(net, call, &critic);
    if (c->grow.c_dim) // the score of the sample's own class
        x = atl_sum(net->g, atl_mul(net->g, x, atl_call_label(net, call, c->grow.c_dim)), 2u);
    atl_call_out(net, call, "logits", atl_named(net->g, x));
}

// ---- new networks

static atl_status init_generator(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    json_t *more = json_pack("{s:i s:i s:b s:f s:i s:{s:i s:f s:f s:b}}", "z_dim", 512, "w_dim", 512,
                             "use_noise", 1, "truncation_psi", 0.7, "truncation_cutoff", 8, "mapping",
                             "num_layers", o->map_depth ? o->map_depth : 8, "lr_multiplier", 0.01,
                             "w_avg_beta", 0.995, "label_concat", o->c_dim > 0);
    return atl_growing_init(ctx, o, more, json);
}

static atl_status init_discriminator(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    return atl_growing_init(ctx, o, json_pack("{s:i s:i}", "mbstd_group_size", 4, "mbstd_num_channels", 1),
                            json);
}

const atl_model_row atl_stylegan1_generator = {
    .kind = "stylegan1_generator",
    .family = "stylegan1",
    .role = "generator",
    .config_bytes = sizeof(config),
    .parse = parse_generator,
    .init = init_generator,
    .dims = generator_dims,
    .functions = { { "map", map, false }, { "synthesize", synthesize, false } },
    .average = "mapping.w_avg",
    .resolution_of = atl_block_resolution,
};
const atl_model_row atl_stylegan1_discriminator = {
    .kind = "stylegan1_discriminator",
    .family = "stylegan1",
    .role = "discriminator",
    .config_bytes = sizeof(config),
    .parse = parse_discriminator,
    .init = init_discriminator,
    .dims = discriminator_dims,
    .functions = { { "discriminate", discriminate, true } },
    .depth_of = atl_growing_depth,
};
