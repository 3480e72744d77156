// SPDX-License-Identifier: Apache-2.0
// LPIPS (Zhang et al. 2018): the perceptual distance of two pictures.  At each tap of a backbone, every
// pixel's channels are brought to unit length, squared differences are weighted by the head of the tap and
// averaged over the pixels; the taps are added up.
//
// Pictures are [n, h, w, 3] from -1 to 1.  Names of parameters: those of the backbone, and
// lin0.model.1.weight ... of the heads, as they were published.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/backbone.h"
#include "models/rows.h"
#include "nn/functions.h"

static const float EPS = 1e-10f; // added to the length

// A pixel whose channels are all zero has the gradient zero, not 0 / 0: this is added to the squared length,
// of which it is less than the last bit wherever EPS is not all that counts.
static const float LEAST_SQUARE = 1e-30f;

typedef struct config {
    atl_picture_size size;
    const atl_backbone *net;
} config;

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    const char *name = json_string_value(json_object_get(json, "net"));
    c->net = name ? atl_backbone_find(name) : NULL;
    if (!c->net)
        return atl_fail(ctx, ATL_BAD_FILE,
                        "the network's config says net = \"%s\", where vgg, alex and squeeze are possible",
                        name ? name : "(nothing)");
    return atl_config_picture(ctx, json, &c->size);
}

static void head_name(int tap, char name[32]) {
    snprintf(name, 32, "lin%d.model.1.weight", tap);
}

// Heads are not negative, by how they were trained; the vectors need their roots.
static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    for (int t = 0; params->data && t < c->net->taps; t++) {
        char name[32];
        head_name(t, name);
        const atl_param *p = atl_params_find(params, name);
        for (size_t i = 0; p && i < p->count; i++)
            if (atl_param_data(params, p)[i] < 0.0f)
                return atl_fail(ctx, ATL_BAD_FILE, "%s has a negative number, which no head of LPIPS has",
                                name);
    }
    *d = (atl_model_dims){ .channels = 3, .height = c->size.height, .width = c->size.width };
    return ATL_OK;
}

// ---- pieces

// x from -1 to 1 as the backbone takes it.
static atl_node *prepared(atl_net *net, atl_node *x) {
    static const float SHIFT[3] = { -0.030f, -0.088f, -0.188f }, SCALE[3] = { 0.458f, 0.448f, 0.450f };
    atl_node *shift = atl_per_channel(net->g, atl_const(net->g, ATL_SHAPE(3), SHIFT), &x->shape);
    atl_node *scale = atl_per_channel(net->g, atl_const(net->g, ATL_SHAPE(3), SCALE), &x->shape);
    return atl_div(net->g, atl_sub(net->g, x, shift), scale);
}

static atl_node *unit_length(atl_graph *g, atl_node *x) { // over the channels
    atl_node *square = atl_affine(g, atl_sum(g, atl_square(g, x), 1u << 3), 1.0f, LEAST_SQUARE);
    return atl_div(g, x, atl_expand(g, atl_affine(g, atl_sqrt(g, square), 1.0f, EPS), x->shape));
}

static void taps_of(atl_net *net, const config *c, atl_call *call, const char *port, atl_node **taps) {
    c->net->run(net, prepared(net, atl_call_picture(net, call, port, &c->size)), taps);
    for (int t = 0; t < c->net->taps; t++)
        taps[t] = unit_length(net->g, taps[t]);
}

static atl_node *head(atl_net *net, const config *c, int tap) { // [channels]
    char name[32];
    int64_t channels = c->net->channels[tap];
    head_name(tap, name);
    return atl_net_param(net, name, ATL_SHAPE(channels), ATL_INIT_FILL, 1.0f);
}

// ---- functions

// "x", "y" -> "layers" [n, taps], "distance" [n, 1]
static void distance(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *x[ATL_TAPS], *y[ATL_TAPS], *layers[ATL_TAPS];
    taps_of(net, c, call, "x", x);
    taps_of(net, c, call, "y", y);
    for (int t = 0; t < c->net->taps; t++) {
        atl_node *d = atl_square(g, atl_sub(g, x[t], y[t]));
        d = atl_mul(g, d, atl_per_channel(g, head(net, c, t), &d->shape));
        d = atl_sum(g, atl_mean(g, d, 1u << 1 | 1u << 2), 1u << 3);
        layers[t] = atl_reshape(g, d, ATL_SHAPE(d->shape.d[0], 1));
    }
    atl_node *all = atl_concat(g, layers, c->net->taps, 1);
    atl_call_out(net, call, "layers", all);
    atl_call_out(net, call, "distance", atl_sum(g, all, 1u << 1));
}

// "img" -> "vector" [n, numbers]: the squared distance of two of them is LPIPS
static void vector(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *x[ATL_TAPS];
    taps_of(net, c, call, "img", x);
    for (int t = 0; t < c->net->taps; t++) {
        const int64_t *d = x[t]->shape.d;
        int64_t n = d[0], h = d[1], w = d[2], channels = d[3];
        float share = (float)(1.0 / sqrt((double)(h * w))); // the mean over the pixels
        atl_node *factor = atl_scale(g, atl_sqrt(g, head(net, c, t)), share);
        x[t] = atl_mul(g, x[t], atl_per_channel(g, factor, &x[t]->shape));
        x[t] = atl_reshape(g, x[t], ATL_SHAPE(n, h * w * channels));
    }
    atl_call_out(net, call, "vector", atl_concat(g, x, c->net->taps, 1));
}

// ---- heads alone, as they are published: to be joined with a backbone

// "differences" [n, channels of all taps]: the means of squared differences -> "distance" [n, 1]
static void weigh(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *heads[ATL_TAPS];
    int64_t channels = 0;
    for (int t = 0; t < c->net->taps; t++, channels += c->net->channels[t - 1])
        heads[t] = head(net, c, t);
    atl_node *d = atl_call_in(net, call, "differences", ATL_SHAPE(channels));
    atl_node *all = atl_reshape(g, atl_concat(g, heads, c->net->taps, 0), ATL_SHAPE(channels, 1));
    atl_call_out(net, call, "distance", atl_matmul(g, d, all, false, false));
}

const atl_model_row atl_lpips_heads = {
    .kind = "lpips_heads",
    .family = "lpips-heads",
    .role = "heads",
    .config_bytes = sizeof(config),
    .parse = parse,
    .dims = dims,
    .functions = { { "weigh", weigh, false } },
};

// The cfg is "lpips-" and the backbone's name.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    const char *net = strchr(o->cfg ? o->cfg : "", '-'); // lpips-vgg
    *json = json_pack("{s:s}", "net", net ? net + 1 : "vgg");
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_lpips = {
    .kind = "lpips",
    .family = "lpips",
    .role = "features",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "distance", distance, false }, { "vector", vector, false } },
};
