// SPDX-License-Identifier: Apache-2.0
// Layers and levels of detail of the networks that grow.
#include "models/growing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/rows.h"

// ---- resampling

static atl_node *fir(atl_graph *g, atl_node *x, const float *taps, int size, int up, int down, int p0, int p1,
                     float gain) {
    float f[16];
    for (int i = 0; i < size * size; i++)
        f[i] = taps[i / size] * taps[i % size];
    atl_fir_attr a = { up, up, down, down, p0, p1, p0, p1, size, size, false, gain, f };
    return atl_upfirdn(g, x, &a);
}

atl_node *atl_nearest_up(atl_graph *g, atl_node *x) {
    static const float ones[] = { 1.0f, 1.0f };
    return fir(g, x, ones, 2, 2, 1, 1, 0, 1.0f);
}

atl_node *atl_box_down(atl_graph *g, atl_node *x) {
    static const float halves[] = { 0.5f, 0.5f };
    return fir(g, x, halves, 2, 1, 2, 0, 0, 1.0f);
}

atl_node *atl_blur3(atl_graph *g, atl_node *x) {
    static const float taps[] = { 0.25f, 0.5f, 0.25f };
    return fir(g, x, taps, 3, 1, 1, 1, 1, 1.0f);
}

atl_node *atl_nearest_up_times(atl_graph *g, atl_node *x, int times) {
    for (int i = 0; i < times; i++)
        x = atl_nearest_up(g, x);
    return x;
}

atl_node *atl_box_down_times(atl_graph *g, atl_node *x, int times) {
    for (int i = 0; i < times; i++)
        x = atl_box_down(g, x);
    return x;
}

// ---- layers

atl_node *atl_plain_dense(atl_net *net, const atl_plain_layer *l, atl_node *x) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "%s", l->name);
    int64_t in = x->shape.d[1];
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(l->out, in), ATL_INIT_NORMAL, 1.0f / l->lr);
    atl_node *y = atl_matmul(
        g, x, atl_scale(g, w, (float)((double)l->gain * (double)l->lr / sqrt((double)in))), false, true);
    atl_node *b = atl_net_param(net, "bias", ATL_SHAPE(l->out), ATL_INIT_ZERO, 0.0f);
    y = atl_add_bias(g, y, l->lr == 1.0f ? b : atl_scale(g, b, l->lr));
    atl_scope_pop(g, scope);
    return y;
}

// A transposed convolution with stride 2 and a box of 2x2 behind it: the sum of four shifted kernels.
static atl_node *conv_up(atl_graph *g, atl_node *x, atl_node *w) {
    static const float box[] = { 1.0f, 1.0f };
    int64_t h = 2 * x->shape.d[1] + 1, v = 2 * x->shape.d[2] + 1;
    atl_node *turned = atl_permute(g, w, (int[]){ 1, 0, 2, 3 });
    return fir(g, atl_conv2d_transposed(g, x, turned, 2, 0, h, v), box, 2, 1, 1, 0, 0, 1.0f);
}

// Means of 2x2 after a convolution are a convolution with stride 2 after means of 2x2.
static atl_node *conv_down(atl_graph *g, atl_node *x, atl_node *w) {
    static const float box[] = { 0.5f, 0.5f };
    return atl_conv2d(g, fir(g, x, box, 2, 1, 1, 1, 1, 1.0f), w, 2, 0);
}

atl_node *atl_plain_conv(atl_net *net, const char *name, atl_node *x, int64_t out,
                         enum atl_sampling sampling) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "%s", name);
    int64_t in = x->shape.d[3];
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in, 3, 3), ATL_INIT_NORMAL, 1.0f), *y;
    w = atl_scale(g, w, (float)(sqrt(2.0) / sqrt((double)(in * 9))));
    if (sampling == ATL_SAME_SIZE)
        y = atl_conv2d(g, x, w, 1, 1);
    else if (sampling == ATL_DOWN)
        y = conv_down(g, x, w);
    else
        y = conv_up(g, x, w);
    if (sampling == ATL_UP_BLURRED)
        y = atl_blur3(g, y);
    atl_scope_pop(g, scope);
    return y;
}

atl_node *atl_plain_bias(atl_net *net, const char *layer, atl_node *x) {
    size_t scope = atl_scope_push(net->g, "%s", layer);
    atl_node *b = atl_net_param(net, "bias", ATL_SHAPE(x->shape.d[x->shape.rank - 1]), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(net->g, scope);
    return atl_add_bias(net->g, x, b);
}

atl_node *atl_plain_rgb(atl_net *net, const char *name, atl_node *x, int64_t out, float gain) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "%s", name);
    int64_t in = x->shape.d[3];
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in, 1, 1), ATL_INIT_NORMAL, 1.0f);
    atl_node *y = atl_conv2d(g, x, atl_scale(g, w, (float)((double)gain / sqrt((double)in))), 1, 0);
    y = atl_add_bias(g, y, atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f));
    atl_scope_pop(g, scope);
    return y;
}

// ---- the level of detail

atl_level atl_level_of(float lod, int resolution) {
    atl_level l = { resolution, 0.0f, 0 };
    for (; l.top > 4 && lod >= 1.0f; lod -= 1.0f) {
        l.top /= 2;
        l.halvings++;
    }
    if (l.top > 4 && lod > 0.0f)
        l.fade = lod;
    return l;
}

atl_node *atl_fade(atl_net *net, atl_call *call, atl_node *a, atl_node *b, const atl_level *level) {
    atl_graph *g = net->g;
    if (level->fade == 0.0f || !b)
        return a;
    atl_shape one = { .rank = a->shape.rank, .d = { 1, 1, 1, 1, 1 } };
    atl_node *t = atl_reshape(g, atl_call_setting(net, call, "fade", ATL_SHAPE(1), &level->fade), one);
    atl_node *rest = atl_affine(g, t, -1.0f, 1.0f);
    return atl_add(g, atl_mul(g, a, atl_expand(g, rest, a->shape)),
                   atl_mul(g, b, atl_expand(g, t, b->shape)));
}

// ---- configs

atl_status atl_growing_parse(atl_ctx *ctx, const json_t *j, atl_growing_config *c) {
    ATL_TRY(atl_config_int(ctx, j, "img_resolution", 4, 1 << 14, &c->resolution));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 1 << 10, &c->channels));
    if (c->resolution & (c->resolution - 1))
        return atl_fail(ctx, ATL_BAD_FILE,
                        "the network's config says img_resolution = %d, which is no power of two",
                        c->resolution);
    c->channel_base = 8192;
    c->channel_max = 512;
    if (json_object_get(j, "channel_base"))
        ATL_TRY(atl_config_int(ctx, j, "channel_base", 1, 1 << 24, &c->channel_base));
    if (json_object_get(j, "channel_max"))
        ATL_TRY(atl_config_int(ctx, j, "channel_max", 1, 1 << 16, &c->channel_max));
    if (json_object_get(j, "c_dim"))
        ATL_TRY(atl_config_int(ctx, j, "c_dim", 0, 1 << 20, &c->c_dim));
    ATL_TRY(atl_config_float(ctx, j, "lod", &c->lod));
    if (!(c->lod >= 0.0f && c->lod < 100.0f))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says lod = %g, where 0 and more is possible",
                        (double)c->lod);
    return ATL_OK;
}

int64_t atl_growing_channels(const atl_params *params, const atl_growing_config *c, int r,
                             const char *format) {
    char name[64];
    snprintf(name, sizeof name, format, r);
    const atl_param *p = atl_params_find(params, name);
    if (p && p->rank)
        return p->dims[0];
    int64_t n = c->channel_base / (r / 2);
    return n < 1 ? 1 : n < c->channel_max ? n : c->channel_max;
}

atl_status atl_growing_init(atl_ctx *ctx, const atl_init_options *o, json_t *more, json_t **json) {
    atl_status status = atl_check_init(ctx, o);
    json_t *all = status ? NULL
                         : json_pack("{s:i s:i s:i s:i s:i s:f}", "c_dim", o->c_dim, "img_resolution", o->resolution,
                                     "img_channels", o->img_channels ? o->img_channels : 3, "channel_base",
                                     o->channel_base ? o->channel_base : 8192, "channel_max",
                                     o->channel_max ? o->channel_max : 512, "lod", 0.0);
    if (!status && (!all || !more || json_object_update(all, more)))
        status = atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
    json_decref(more);
    if (status)
        json_decref(all);
    else
        *json = all;
    return status;
}

// ---- generator

int atl_block_resolution(const char *param) {
    int r;
    if (strncmp(param, "synthesis.", 10) != 0)
        return -1;
    return sscanf(param + 10, "b%d.", &r) == 1 ? r : 0;
}

static atl_node *to_rgb(atl_net *net, const atl_growing_config *c, int r, atl_node *x) {
    size_t scope = atl_scope_push(net->g, "b%d", r);
    atl_node *y = atl_named(net->g, atl_plain_rgb(net, "torgb", x, c->channels, 1.0f));
    atl_scope_pop(net->g, scope);
    return y;
}

atl_node *atl_growing_synthesize(atl_net *net, atl_call *call, const atl_growing_config *c, atl_node *x,
                                 atl_growing_block *block, void *user) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "synthesis");
    atl_level level = atl_level_of(c->lod, c->resolution);
    atl_node *coarse = NULL;
    for (int r = 4; r <= level.top; r *= 2) {
        if (net->declare && r > 4)
            to_rgb(net, c, r / 2, x); // a new network has them all
        if (r == level.top && level.fade > 0.0f)
            coarse = atl_nearest_up(g, to_rgb(net, c, r / 2, x));
        x = block(net, r, x, user);
    }
    atl_node *img = atl_fade(net, call, to_rgb(net, c, level.top, x), coarse, &level);
    img = atl_named(g, atl_nearest_up_times(g, img, level.halvings));
    atl_scope_pop(g, scope);
    return img;
}

// ---- discriminator

static atl_node *from_rgb(atl_net *net, const atl_growing_critic *c, int r, atl_node *img) {
    size_t scope = atl_scope_push(net->g, "b%d", r);
    int64_t out = atl_growing_channels(net->params, c->grow, r, "b%d.fromrgb.bias");
    atl_node *x = atl_lrelu(net->g, atl_plain_rgb(net, "fromrgb", img, out, ATL_SQRT2), 0.2f);
    atl_scope_pop(net->g, scope);
    return x;
}

static atl_node *down_block(atl_net *net, const atl_growing_critic *c, int r, atl_node *x) {
    atl_graph *g = net->g;
    int64_t mid = atl_growing_channels(net->params, c->grow, r, "b%d.conv0.bias");
    int64_t out = atl_growing_channels(net->params, c->grow, r, "b%d.conv1.bias");
    if (net->declare)
        out = atl_growing_channels(net->params, c->grow, r / 2, "b%d.");
    size_t scope = atl_scope_push(g, "b%d", r);
    x = atl_named(
        g, atl_lrelu(g, atl_plain_bias(net, "conv0", atl_plain_conv(net, "conv0", x, mid, ATL_SAME_SIZE)),
                     0.2f));
    if (c->blur)
        x = atl_blur3(g, x);
    x = atl_plain_conv(net, "conv1", x, out, c->late_means ? ATL_SAME_SIZE : ATL_DOWN);
    x = atl_lrelu(g, atl_plain_bias(net, "conv1", x), 0.2f);
    x = atl_named(g, c->late_means ? atl_box_down(g, x) : x);
    atl_scope_pop(g, scope);
    return x;
}

static atl_node *last_block(atl_net *net, const atl_growing_critic *c, atl_node *x) {
    atl_graph *g = net->g;
    int64_t n = x->shape.d[0], ch = atl_growing_channels(net->params, c->grow, 4, "b%d.conv.bias"),
            features = atl_growing_channels(net->params, c->grow, 2, "b%d."); // of a new network
    size_t scope = atl_scope_push(g, "b4");
    if (c->mbstd_group > 1 && c->mbstd_channels)
        x = atl_minibatch_std(g, x, c->mbstd_group, c->mbstd_channels);
    x = atl_lrelu(g, atl_plain_bias(net, "conv", atl_plain_conv(net, "conv", x, ch, ATL_SAME_SIZE)), 0.2f);
    x = atl_reshape(g, atl_permute(g, x, (int[]){ 0, 3, 1, 2 }), ATL_SHAPE(n, ch * 16));
    const atl_param *p = atl_params_find(net->params, "b4.fc.bias");
    atl_plain_layer fc = { "fc", p && p->rank ? p->dims[0] : features, ATL_SQRT2, 1.0f },
                    out = { "out", c->outputs, 1.0f, 1.0f };
    x = atl_plain_dense(net, &out, atl_lrelu(g, atl_plain_dense(net, &fc, x), 0.2f));
    atl_scope_pop(g, scope);
    return x;
}

atl_node *atl_growing_discriminate(atl_net *net, atl_call *call, const atl_growing_critic *c) {
    atl_graph *g = net->g;
    int size = c->grow->resolution;
    atl_level level = atl_level_of(c->grow->lod, size);
    atl_node *img = atl_call_in(net, call, "img", ATL_SHAPE(size, size, c->grow->channels));
    img = atl_box_down_times(g, img, level.halvings);
    atl_node *x = from_rgb(net, c, level.top, img);
    for (int r = level.top; r > 4; r /= 2) {
        x = down_block(net, c, r, x);
        if (net->declare)
            from_rgb(net, c, r / 2, img); // a new network has them all
        if (r == level.top && level.fade > 0.0f)
            x = atl_fade(net, call, x, from_rgb(net, c, r / 2, atl_box_down(g, img)), &level);
    }
    return last_block(net, c, x);
}

int atl_growing_depth(const atl_params *params, const char *param) {
    static const char *const order[] = { "fromrgb", "conv0", "conv1" };
    char layer[64];
    int at = 0;
    for (int r = 1 << 14; r > 4; r /= 2)
        for (int k = 0; k < 3; k++) {
            int length = snprintf(layer, sizeof layer, "b%d.%s.", r, order[k]);
            if (!strncmp(param, layer, (size_t)length))
                return at;
            snprintf(layer, sizeof layer, "b%d.%s.weight", r, order[k]);
            at += atl_params_find(params, layer) != NULL;
        }
    return -1;
}
