// SPDX-License-Identifier: Apache-2.0
// The discriminator of VQ-GAN: it says of each patch of a picture whether it is real (Isola et al. 2017, with
// the layers of pix2pix: convolutions of 4x4, batch norm, leaky ReLU).
#include "models/rows.h"
#include "nn/functions.h"

enum { LAYERS_MOST = 8, WIDEST = 8 }; // most layers that halve; most channels, in units of the first layer's

static const float MOMENTUM = 0.1f, EPS = 1e-5f, SLOPE = 0.2f;

typedef struct config {
    int height, width, channels; // of pictures
    int first, layers; // channels of the first layer; layers with a norm, all but the last of which halve
} config;

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ 0 };
    ATL_TRY(atl_config_int(ctx, j, "height", 1, 1 << 13, &c->height));
    ATL_TRY(atl_config_int(ctx, j, "width", 1, 1 << 13, &c->width));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 64, &c->channels));
    ATL_TRY(atl_config_int(ctx, j, "ndf", 1, 1 << 12, &c->first));
    ATL_TRY(atl_config_int(ctx, j, "n_layers", 1, LAYERS_MOST, &c->layers));
    int least = (1 << c->layers) * 3;
    if (c->height < least || c->width < least)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "pictures of %dx%d leave nothing to %d layers of this discriminator: it needs %d "
                        "pixels on each side",
                        c->width, c->height, c->layers, least);
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = c->channels, .height = c->height, .width = c->width };
    return ATL_OK;
}

// ---- layers

// Layer number `at` of the makers' list.  Those that a norm follows have no bias.
static atl_node *conv(atl_net *net, int at, atl_node *x, int64_t out, int stride, bool bias) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t mark = atl_scope_push(net->g, "discriminator.main.%d", at);
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, x->shape.d[3], 4, 4), ATL_INIT_NORMAL, 0.02f);
    x = atl_conv2d(net->g, x, w, stride, 1);
    if (bias)
        x = atl_add_bias(net->g, x, atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f));
    x = atl_named(net->g, x);
    atl_scope_pop(net->g, mark);
    return x;
}

// What becomes of the running statistics; a second use in the same graph, on other pictures, follows the
// first.
static void follow(atl_net *net, const char *name, atl_node *stored, atl_node *now) {
    atl_update *u = atl_net_update(net, name);
    if (!u || stored->op == ATL_OP_POISON || now->op == ATL_OP_POISON)
        return;
    atl_graph *g = net->g;
    atl_node *before = u->value ? u->value : stored;
    u->value = atl_add(g, before, atl_scale(g, atl_sub(g, now, before), MOMENTUM));
    u->keep = 0.0f;
    u->unbiased = 1.0f;
}

// By the batch, where it goes over several processes by all of it; the variance is the unbiased one.
static atl_node *normed(atl_net *net, atl_node *x, atl_node *scale, atl_node *bias, atl_node **mean,
                        atl_node **variance) {
    atl_graph *g = net->g;
    if (!net->processes)
        return atl_batch_norm_train(g, x, scale, bias, EPS, mean, variance);
    double count = (double)atl_shape_count(&x->shape) / (double)x->shape.d[3] * net->processes->count;
    atl_batch_statistics(g, x, net->processes, mean, variance);
    x = atl_batch_norm(g, x, *mean, *variance, scale, bias, EPS);
    *variance = atl_scale(g, *variance, count > 1.0 ? (float)(count / (count - 1.0)) : 1.0f);
    return x;
}

static atl_node *norm(atl_net *net, int at, atl_node *x) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    atl_shape c = ATL_SHAPE(x->shape.d[3]);
    size_t mark = atl_scope_push(g, "discriminator.main.%d", at);
    atl_node *scale = atl_net_param(net, "weight", c, ATL_INIT_FILL, 1.0f);
    atl_node *bias = atl_net_param(net, "bias", c, ATL_INIT_ZERO, 0.0f);
    atl_node *mean = atl_net_buffer(net, "running_mean", c, ATL_INIT_ZERO, 0.0f);
    atl_node *variance = atl_net_buffer(net, "running_var", c, ATL_INIT_FILL, 1.0f), *m, *v;
    if (net->trains) {
        x = normed(net, x, scale, bias, &m, &v);
        follow(net, "running_mean", mean, m);
        follow(net, "running_var", variance, v);
    } else {
        x = atl_batch_norm(g, x, mean, variance, scale, bias, EPS);
    }
    atl_scope_pop(g, mark);
    return x;
}

static atl_node *leaky(atl_graph *g, atl_node *x) {
    return atl_unary(g, ATL_FN_LRELU, x, SLOPE, 0.0f);
}

// img [h, w, c] -> logits [h', w', 1], one for each patch
static void discriminate(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, c->channels));
    x = leaky(g, conv(net, 0, x, c->first, 2, true));
    for (int i = 1; i <= c->layers; i++) {
        int times = i < 3 ? 1 << i : WIDEST; // 2, 4, 8, 8, ...
        x = conv(net, 3 * i - 1, x, (int64_t)c->first * times, i < c->layers ? 2 : 1, false);
        x = leaky(g, norm(net, 3 * i, x));
    }
    atl_call_out(net, call, "logits", conv(net, 3 * c->layers + 2, x, 1, 1, true));
}

// ---- new networks

// Half as wide as the autoencoder of the same options; of small pictures with fewer layers.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    ATL_TRY(atl_check_init(ctx, o));
    int width = o->channel_base ? o->channel_base : 128, layers = o->resolution >= 64   ? 3
                                                                  : o->resolution >= 16 ? 2
                                                                                        : 1;
    *json = json_pack("{s:i s:i s:i s:i s:i}", "height", o->resolution, "width", o->resolution,
                      "img_channels", o->img_channels ? o->img_channels : 3, "ndf", width > 1 ? width / 2 : 1,
                      "n_layers", layers);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_patch_discriminator = {
    .kind = "patch_discriminator",
    .family = "vqgan",
    .role = "discriminator",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "discriminate", discriminate, false } },
};
