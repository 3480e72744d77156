// SPDX-License-Identifier: Apache-2.0
// StyleGAN2 (Karras et al. 2020): generator and discriminator as in StyleGAN2-ADA and the StyleGAN3
// repository.  Architectures skip, resnet and orig; conditional; any number of channels; rectangles when
// the constant says so.  Sizes of layers come from the parameters, not from the config.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/growing.h"
#include "models/rows.h"

enum architecture { ORIG, SKIP, RESNET };
static const char *const ARCHITECTURES[] = { "orig", "skip", "resnet", NULL };

typedef struct config {
    int z_dim, c_dim, w_dim, num_ws;
    int resolution, channels;
    int architecture;
    int channel_base, channel_max; // of a new network
    bool use_noise;
    float conv_clamp;              // INFINITY: none
    atl_activation activation;
    atl_taps taps; // of every resampling filter
    int cmap_dim, mbstd_group, mbstd_channels;
    bool select_label;             // one score per class, of which the label takes one
    int labels;                    // that D classifies, behind its score (Odena et al. 2017); 0: none
    float lod;                     // of orig networks that grew
    float default_psi;
    int default_cutoff;
    atl_mapping_config mapping;
} config;

static bool is_power_of_two(int r) {
    return r > 0 && (r & (r - 1)) == 0;
}

static atl_status parse_common(atl_ctx *ctx, const json_t *j, config *c) {
    ATL_TRY(atl_config_int(ctx, j, "c_dim", 0, 1 << 20, &c->c_dim));
    ATL_TRY(atl_config_int(ctx, j, "img_resolution", 4, 1 << 14, &c->resolution));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 1 << 10, &c->channels));
    ATL_TRY(atl_config_choice(ctx, j, "architecture", ARCHITECTURES, &c->architecture));
    if (!is_power_of_two(c->resolution))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says img_resolution = %d, which is no power of two",
                        c->resolution);
    c->conv_clamp = INFINITY;
    ATL_TRY(atl_config_float(ctx, j, "conv_clamp", &c->conv_clamp));
    if (!(c->conv_clamp > 0.0f))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says conv_clamp = %g", (double)c->conv_clamp);
    c->channel_base = 32768;
    c->channel_max = 512;
    c->activation = ATL_LRELU;
    ATL_TRY(atl_config_activation(ctx, j, "activation", &c->activation));
    ATL_TRY(atl_config_taps(ctx, j, "resample_filter", &c->taps));
    ATL_TRY(atl_config_float(ctx, j, "lod", &c->lod));
    if (!(c->lod >= 0.0f && c->lod < 100.0f) || (c->lod > 0.0f && c->architecture != ORIG))
        return atl_fail(ctx, ATL_BAD_FILE,
                        "the network's config says lod = %g, which its architecture can't have",
                        (double)c->lod);
    if (json_object_get(j, "channel_base"))
        ATL_TRY(atl_config_int(ctx, j, "channel_base", 1, 1 << 24, &c->channel_base));
    if (json_object_get(j, "channel_max"))
        ATL_TRY(atl_config_int(ctx, j, "channel_max", 1, 1 << 16, &c->channel_max));
    return ATL_OK;
}

// Channels of the block at resolution r: what the named parameter says, else the rule for new networks.
static int64_t channels_of(const atl_params *params, const config *c, int r, const char *format) {
    char name[64];
    snprintf(name, sizeof name, format, r);
    const atl_param *p = atl_params_find(params, name);
    if (p && p->rank)
        return p->dims[0];
    int64_t n = c->channel_base / r;
    return n < 1 ? 1 : n < c->channel_max ? n : c->channel_max;
}

// ---- generator

static atl_status parse_generator(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .use_noise = true, .default_psi = 1.0f };
    ATL_TRY(parse_common(ctx, j, c));
    ATL_TRY(atl_config_truncation(ctx, j, &c->default_psi, &c->default_cutoff));
    ATL_TRY(atl_config_int(ctx, j, "z_dim", 0, 1 << 16, &c->z_dim));
    ATL_TRY(atl_config_int(ctx, j, "w_dim", 1, 1 << 16, &c->w_dim));
    if (json_is_boolean(json_object_get(j, "use_noise")))
        c->use_noise = json_is_true(json_object_get(j, "use_noise"));
    int log2 = 0;
    for (int r = c->resolution; r > 1; r >>= 1)
        log2++;
    c->num_ws = 2 * log2 - 2;
    ATL_TRY(atl_config_mapping(ctx, j, &c->mapping));
    c->mapping.z_dim = c->z_dim;
    c->mapping.c_dim = c->c_dim;
    c->mapping.w_dim = c->w_dim;
    if (c->z_dim == 0 && c->c_dim == 0)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has neither z_dim nor c_dim");
    return ATL_OK;
}

static atl_status generator_dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    *d = (atl_model_dims){ .z_dim = c->z_dim, .c_dim = c->c_dim, .w_dim = c->w_dim, .num_ws = c->num_ws,
                           .channels = c->channels, .height = c->resolution, .width = c->resolution,
                           .default_psi = c->default_psi, .default_cutoff = c->default_cutoff };
    const atl_param *first = atl_params_find(params, "synthesis.b4.const");
    if (!first || first->rank != 3)
        return ATL_OK; // a new network is square; in a file, building will say what is missing
    if (first->dims[1] < 1 || first->dims[2] < 1 || first->dims[1] > 64 || first->dims[2] > 64)
        return atl_fail(ctx, ATL_BAD_FILE, "synthesis.b4.const has an image of %lldx%lld, 64x64 is the limit",
                        (long long)first->dims[2], (long long)first->dims[1]);
    d->height = (int)first->dims[1] * (c->resolution / 4);
    d->width = (int)first->dims[2] * (c->resolution / 4);
    return ATL_OK;
}

static void map(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *z = atl_call_latent(net, call, c->z_dim), *label = atl_call_label(net, call, c->c_dim);
    atl_call_out(net, call, "w", atl_mapping(net, &c->mapping, z, label));
}

static atl_node *style_of(atl_net *net, const config *c, atl_node *ws, int index, int64_t channels,
                          atl_call *call) {
    int64_t n = ws->shape.d[0];
    atl_node *w = atl_reshape(net->g, atl_slice_axis(net->g, ws, 1, index, 1), ATL_SHAPE(n, c->w_dim));
    atl_linear_options o = { ATL_LINEAR, 1.0f, 1.0f, false };
    return atl_call_style(net, call, index, atl_linear(net, "affine", w, channels, &o));
}

// noise of a layer, [n or 1, h, w, 1], times its strength; NULL: none.
static atl_node *noise_of(atl_net *net, int64_t h, int64_t w, atl_call *call) {
    atl_graph *g = net->g;
    int64_t one[1] = { 1 };
    atl_node *strength = atl_net_param(net, "noise_strength", atl_shape_make(0, one), ATL_INIT_ZERO, 0.0f);
    atl_node *x = atl_call_noise(net, call, h, w);
    if (!x)
        return NULL;
    return atl_mul(g, x, atl_expand(g, atl_reshape(g, strength, ATL_SHAPE(1, 1, 1, 1)), x->shape));
}

// One synthesis layer: modulated 3x3 convolution, noise, bias, activation.
static atl_node *synthesis_layer(atl_net *net, const config *c, const char *name, atl_node *x, atl_node *ws,
                                 int w_index, int64_t out, int up, float gain, atl_call *call) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "%s", name);
    int64_t in = x->shape.d[3];
    atl_node *styles = style_of(net, c, ws, w_index, in, call);
    atl_node *weight = atl_net_param(net, "weight", ATL_SHAPE(out, in, 3, 3), ATL_INIT_NORMAL, 1.0f);
    atl_node *y = atl_modulated_conv(g, x, styles, weight, up, true, &c->taps);
    atl_node *e = c->use_noise ? noise_of(net, y->shape.d[1], y->shape.d[2], call) : NULL;
    if (e)
        y = atl_add(g, y, atl_expand(g, e, y->shape));
    y = atl_add_bias(g, y, atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f));
    y = atl_named(g, atl_activate(g, y, c->activation, atl_activation_gain(c->activation) * gain,
                                  c->conv_clamp * gain));
    y = atl_call_features(net, call, y);
    atl_scope_pop(g, scope);
    return y;
}

static atl_node *to_rgb(atl_net *net, const config *c, atl_node *x, atl_node *ws, int w_index,
                        atl_call *call) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "torgb");
    int64_t in = x->shape.d[3];
    atl_node *styles = atl_scale(g, style_of(net, c, ws, w_index, in, call), (float)(1.0 / sqrt((double)in)));
    atl_node *weight = atl_net_param(net, "weight", ATL_SHAPE(c->channels, in, 1, 1), ATL_INIT_NORMAL, 1.0f);
    atl_node *y = atl_modulated_conv(g, x, styles, weight, 1, false, NULL);
    y = atl_add_bias(g, y, atl_net_param(net, "bias", ATL_SHAPE(c->channels), ATL_INIT_ZERO, 0.0f));
    y = atl_named(g, atl_activate(g, y, ATL_LINEAR, 1.0f, c->conv_clamp));
    y = atl_call_features(net, call, y);
    atl_scope_pop(g, scope);
    return y;
}

// The constant [c, h, w] -> [n, h, w, c].
static atl_node *constant(atl_net *net, int64_t n, int64_t channels) {
    atl_graph *g = net->g;
    const atl_param *p = atl_params_find(net->params, "synthesis.b4.const");
    int64_t h = p && p->rank == 3 ? p->dims[1] : 4, w = p && p->rank == 3 ? p->dims[2] : 4;
    atl_node *x = atl_net_param(net, "const", ATL_SHAPE(channels, h, w), ATL_INIT_NORMAL, 1.0f);
    x = atl_reshape(g, atl_permute(g, x, (int[]){ 1, 2, 0 }), ATL_SHAPE(1, h, w, channels));
    return atl_expand(g, x, ATL_SHAPE(n, h, w, channels));
}

static atl_node *block(atl_net *net, const config *c, int r, atl_node *x, atl_node **img, atl_node *ws,
                       int *w_index, atl_call *call) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "b%d", r);
    int64_t out = channels_of(net->params, c, r, "synthesis.b%d.conv1.weight");
    if (r == 4) {
        x = constant(net, ws->shape.d[0], channels_of(net->params, c, r, "synthesis.b%d.const"));
        x = synthesis_layer(net, c, "conv1", x, ws, (*w_index)++, out, 1, 1.0f, call);
    } else if (c->architecture == RESNET) {
        atl_conv_options skip = { 1, 2, 1, true, ATL_LINEAR, ATL_SQRT1_2, INFINITY, &c->taps };
        atl_node *y = atl_conv_layer(net, "skip", x, out, &skip);
        x = synthesis_layer(net, c, "conv0", x, ws, (*w_index)++, out, 2, 1.0f, call);
        x = synthesis_layer(net, c, "conv1", x, ws, (*w_index)++, out, 1, ATL_SQRT1_2, call);
        x = atl_named(g, atl_add(g, y, x));
    } else {
        x = synthesis_layer(net, c, "conv0", x, ws, (*w_index)++, out, 2, 1.0f, call);
        x = synthesis_layer(net, c, "conv1", x, ws, (*w_index)++, out, 1, 1.0f, call);
    }
    if (*img)
        *img = atl_upsample2d(g, *img, &c->taps);
    if ((r == c->resolution && c->lod == 0.0f) || c->architecture == SKIP) {
        atl_node *y = to_rgb(net, c, x, ws, *w_index, call); // shares its style with the next block's conv0
        *img = *img ? atl_add(g, *img, y) : y;
    }
    atl_scope_pop(g, scope);
    return x;
}

static atl_node *rgb_at(atl_net *net, const config *c, int r, atl_node *x, atl_node *ws, int w_index,
                        atl_call *call) {
    size_t scope = atl_scope_push(net->g, "b%d", r);
    atl_node *y = to_rgb(net, c, x, ws, w_index, call);
    atl_scope_pop(net->g, scope);
    return y;
}

// A network that stands between two resolutions (configs B to D of the paper while they grow).
static atl_node *synthesize_growing(atl_net *net, const config *c, atl_node *ws, atl_call *call) {
    atl_graph *g = net->g;
    atl_level level = atl_level_of(c->lod, c->resolution);
    atl_node *x = NULL, *coarse = NULL, *none = NULL;
    int w_index = 0;
    for (int r = 4; r <= level.top; r *= 2) {
        if (r == level.top && level.fade > 0.0f)
            coarse = atl_nearest_up(g, rgb_at(net, c, r / 2, x, ws, w_index, call));
        x = block(net, c, r, x, &none, ws, &w_index, call);
    }
    atl_node *img = atl_fade(net, call, rgb_at(net, c, level.top, x, ws, w_index, call), coarse, &level);
    return atl_nearest_up_times(g, img, level.halvings);
}

static void synthesize(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *ws = atl_call_in(net, call, "ws", ATL_SHAPE(c->num_ws, c->w_dim));
    size_t scope = atl_scope_push(net->g, "synthesis");
    atl_node *x = NULL, *img = NULL;
    int w_index = 0;
    if (c->lod > 0.0f)
        img = synthesize_growing(net, c, ws, call);
    else
        for (int r = 4; r <= c->resolution; r *= 2)
            x = block(net, c, r, x, &img, ws, &w_index, call);
    img = atl_named(net->g, img);
    atl_scope_pop(net->g, scope);
    atl_call_out(net, call, "img", img);
}

// ---- discriminator

static atl_status parse_discriminator(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .mbstd_group = 4, .mbstd_channels = 1 };
    ATL_TRY(parse_common(ctx, j, c));
    ATL_TRY(atl_config_int(ctx, j, "cmap_dim", 0, 1 << 16, &c->cmap_dim));
    if (json_is_number(json_object_get(j, "mbstd_group_size")))
        ATL_TRY(atl_config_int(ctx, j, "mbstd_group_size", 1, 1 << 16, &c->mbstd_group));
    else
        c->mbstd_group = 0; // the whole batch
    ATL_TRY(atl_config_int(ctx, j, "mbstd_num_channels", 0, 64, &c->mbstd_channels));
    c->select_label = c->c_dim > 0 && json_is_true(json_object_get(j, "select_label"));
    if (json_object_get(j, "label_size"))
        ATL_TRY(atl_config_int(ctx, j, "label_size", 0, 1 << 20, &c->labels));
    if (c->labels && (c->c_dim || c->cmap_dim))
        return atl_fail(ctx, ATL_BAD_FILE, "a discriminator that classifies (label_size) is given no label: c_dim and "
                                           "cmap_dim must be 0");
    if (c->c_dim > 0 && !c->select_label) {
        if (c->cmap_dim < 1)
            return atl_fail(ctx, ATL_BAD_FILE, "a conditional discriminator needs cmap_dim");
        ATL_TRY(atl_config_mapping(ctx, j, &c->mapping));
        c->mapping.c_dim = c->c_dim;
        c->mapping.w_dim = c->cmap_dim;
    }
    return ATL_OK;
}

static atl_status discriminator_dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)params;
    const config *c = config_;
    *d = (atl_model_dims){ .c_dim = c->c_dim, .channels = c->channels, .height = c->resolution,
                           .width = c->resolution, .num_logits = 1 + c->labels };
    return ATL_OK;
}

static atl_node *d_block(atl_net *net, const config *c, int r, atl_node *x, atl_node **img) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "b%d", r);
    int64_t tmp = channels_of(net->params, c, r, "b%d.conv0.weight");
    int64_t out = channels_of(net->params, c, r, "b%d.conv1.weight");
    if (net->declare)
        out = channels_of(net->params, c, r / 2, "b%d.");
    if (!x || c->architecture == SKIP) {
        atl_conv_options from = { 1, 1, 1, false, c->activation, 1.0f, c->conv_clamp, NULL };
        atl_node *y = atl_conv_layer(net, "fromrgb", *img, tmp, &from);
        x = x ? atl_add(g, x, y) : y;
        if (c->architecture == SKIP)
            *img = atl_downsample2d(g, *img, &c->taps);
    }
    float gain = c->architecture == RESNET ? ATL_SQRT1_2 : 1.0f;
    atl_conv_options conv0 = { 3, 1, 1, false, c->activation, 1.0f, c->conv_clamp, NULL };
    atl_conv_options conv1 = { 3, 1, 2, false, c->activation, gain, c->conv_clamp, &c->taps };
    atl_node *y = NULL;
    if (c->architecture == RESNET) {
        atl_conv_options skip = { 1, 1, 2, true, ATL_LINEAR, gain, INFINITY, &c->taps };
        y = atl_conv_layer(net, "skip", x, out, &skip);
    }
    x = atl_conv_layer(net, "conv0", x, tmp, &conv0);
    x = atl_conv_layer(net, "conv1", x, out, &conv1);
    x = y ? atl_named(g, atl_add(g, y, x)) : x;
    atl_scope_pop(g, scope);
    return x;
}

// 4x4: statistics of the batch, convolution, two dense layers, projection on the label.
static atl_node *d_epilogue(atl_net *net, const config *c, atl_node *x, atl_node *img, atl_node *cmap,
                            atl_node *label) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "b4");
    int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2], ch = x->shape.d[3];
    if (c->architecture == SKIP) {
        atl_conv_options from = { 1, 1, 1, false, c->activation, 1.0f, INFINITY, NULL };
        x = atl_add(g, x, atl_conv_layer(net, "fromrgb", img, ch, &from));
    }
    if (c->mbstd_channels)
        x = atl_minibatch_std(g, x, c->mbstd_group, c->mbstd_channels);
    atl_conv_options conv = { 3, 1, 1, false, c->activation, 1.0f, c->conv_clamp, NULL };
    x = atl_conv_layer(net, "conv", x, ch, &conv);
    x = atl_reshape(g, atl_permute(g, x, (int[]){ 0, 3, 1, 2 }), ATL_SHAPE(n, ch * h * w));
    atl_linear_options fc = { c->activation, 1.0f, 0.0f, false }, out = { ATL_LINEAR, 1.0f, 0.0f, false };
    x = atl_linear(net, "fc", x, ch, &fc);
    x = atl_linear(net, "out", x, c->select_label ? c->c_dim : c->cmap_dim ? c->cmap_dim : 1 + c->labels, &out);
    if (c->select_label)
        x = atl_sum(g, atl_mul(g, x, label), 2u);
    if (cmap) // projection (Miyato and Koyama 2018)
        x = atl_scale(g, atl_sum(g, atl_mul(g, x, cmap), 2u), (float)(1.0 / sqrt((double)c->cmap_dim)));
    atl_scope_pop(g, scope);
    return x;
}

static atl_node *from_rgb(atl_net *net, const config *c, int r, atl_node *img) {
    size_t scope = atl_scope_push(net->g, "b%d", r);
    atl_conv_options from = { 1, 1, 1, false, c->activation, 1.0f, c->conv_clamp, NULL };
    int64_t out = channels_of(net->params, c, r, "b%d.fromrgb.bias");
    atl_node *x = atl_conv_layer(net, "fromrgb", img, out, &from);
    atl_scope_pop(net->g, scope);
    return x;
}

static void discriminate(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *img = atl_call_in(net, call, "img", ATL_SHAPE(c->resolution, c->resolution, c->channels));
    atl_node *label = atl_call_label(net, call, c->c_dim), *x = NULL;
    atl_level level = atl_level_of(c->lod, c->resolution);
    img = atl_box_down_times(net->g, img, level.halvings);
    if (level.top == 4)
        x = from_rgb(net, c, 4, img);
    for (int r = level.top; r > 4; r /= 2) {
        x = d_block(net, c, r, x, &img);
        if (r == level.top && level.fade > 0.0f)
            x = atl_fade(net, call, x, from_rgb(net, c, r / 2, atl_box_down(net->g, img)), &level);
    }
    atl_node *cmap = c->cmap_dim ? atl_mapping(net, &c->mapping, NULL, label) : NULL;
    atl_call_out(net, call, "logits", atl_named(net->g, d_epilogue(net, c, x, img, cmap, label)));
}

// ---- layers

// Layers are counted fromrgb, conv0, conv1, skip in each block from the highest resolution on.
static int depth_of(const atl_params *params, const char *param) {
    static const char *const order[] = { "fromrgb", "conv0", "conv1", "skip" };
    char layer[128];
    int at = 0;
    for (int r = 1 << 14; r > 4; r /= 2)
        for (int k = 0; k < 4; k++) {
            snprintf(layer, sizeof layer, "b%d.%s.weight", r, order[k]);
            if (!atl_params_find(params, layer))
                continue;
            if (!strncmp(param, layer, strlen(layer) - strlen("weight")))
                return at;
            at++;
        }
    return -1;
}

// ---- new networks

static atl_status packed(atl_ctx *ctx, json_t *json, json_t **out) {
    *out = json;
    return json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

static atl_status init_generator(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    int log2 = 0;
    for (int r = o->resolution; r > 1; r >>= 1)
        log2++;
    return packed(ctx, json_pack("{s:i s:i s:i s:i s:i s:i s:s s:n s:b s:i s:i s:{s:i s:f s:f}}", "z_dim", 512, "c_dim",
                                 o->c_dim, "w_dim", 512, "num_ws", 2 * log2 - 2, "img_resolution", o->resolution,
                                 "img_channels", o->img_channels ? o->img_channels : 3, "architecture", "skip",
                                 "conv_clamp", "use_noise", 1, "channel_base",
                                 o->channel_base ? o->channel_base : 32768,
                                 "channel_max", o->channel_max ? o->channel_max : 512, "mapping", "num_layers",
                                 o->map_depth ? o->map_depth : 8, "lr_multiplier", 0.01, "w_avg_beta", 0.998), json);
}

static atl_status init_discriminator(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    int base = o->channel_base ? o->channel_base : 32768, max = o->channel_max ? o->channel_max : 512;
    int top = base / 4 < max ? base / 4 : max;
    return packed(ctx, json_pack("{s:i s:i s:i s:s s:n s:i s:i s:i s:i s:i s:{s:i s:f}}", "c_dim", o->c_dim,
                                 "img_resolution", o->resolution, "img_channels", o->img_channels ? o->img_channels : 3,
                                 "architecture", "resnet", "conv_clamp", "cmap_dim", o->c_dim ? top : 0,
                                 "mbstd_group_size", 4, "mbstd_num_channels", 1, "channel_base", base, "channel_max",
                                 max, "mapping", "num_layers", 8, "lr_multiplier", 0.01), json);
}

const atl_model_row atl_stylegan2_generator = {
    .kind = "stylegan2_generator",
    .family = "stylegan2",
    .role = "generator",
    .config_bytes = sizeof(config),
    .parse = parse_generator,
    .init = init_generator,
    .dims = generator_dims,
    .functions = { { "map", map, false }, { "synthesize", synthesize, false } },
    .average = "mapping.w_avg",
    .resolution_of = atl_block_resolution,
};
const atl_model_row atl_stylegan2_discriminator = {
    .kind = "stylegan2_discriminator",
    .family = "stylegan2",
    .role = "discriminator",
    .config_bytes = sizeof(config),
    .parse = parse_discriminator,
    .init = init_discriminator,
    .dims = discriminator_dims,
    .functions = { { "discriminate", discriminate, true } },
    .depth_of = depth_of,
};
