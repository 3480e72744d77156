// SPDX-License-Identifier: Apache-2.0
// HyperStyle's hypernetwork (Alaluf et al. 2022): a picture and what a generator makes of its w become
// factors for the generator's kernels, W (1 + delta), each of which tunes it to that picture.  A ResNet-34
// trunk and a block of convolutions for each tuned layer, of four kinds:
//
//     shared     a vector of each layer, which one hypernetwork for all of them turns into its kernel
//     own        one number for each pair of channels, the same for all taps
//     separable  of each tap the product of a vector of inputs and one of outputs, mixed along both
//     rgb        one number for each input and colour
//
// Layers are counted conv1, to_rgb1, then conv, conv, to_rgb of each resolution.
#include <stdio.h>

#include "models/rows.h"
#include "models/trunk.h"
#include "nn/functions.h"

enum { LAYERS_MOST = 32, CHANNELS_MOST = 1 << 12, SIDE_LEAST = 32, SIDE_MOST = 4096, TAPS = 9 };

static const float SLOPE = 0.01f;

typedef enum kind { SHARED, OWN, SEPARABLE, RGB } kind;
static const char *const KINDS[] = { "shared", "own", "separable", "rgb", NULL };

typedef struct layer {
    int index, kind, in, out, narrow; // narrow: channels of its convolutions but the last
} layer;

typedef struct config {
    atl_trunk trunk;
    int height, width, channels;
    int vector, hidden; // of the shared hypernetwork; 0: there is none
    layer layers[LAYERS_MOST];
    int count;
} config;

static atl_status parse_layer(atl_ctx *ctx, const json_t *json, layer *l) {
    ATL_TRY(atl_config_int(ctx, json, "index", 0, LAYERS_MOST - 1, &l->index));
    ATL_TRY(atl_config_choice(ctx, json, "kind", KINDS, &l->kind));
    ATL_TRY(atl_config_int(ctx, json, "in", 1, CHANNELS_MOST, &l->in));
    ATL_TRY(atl_config_int(ctx, json, "out", 1, CHANNELS_MOST, &l->out));
    ATL_TRY(atl_config_int(ctx, json, "narrow", 1, CHANNELS_MOST, &l->narrow));
    return l->kind != SHARED || l->in == l->out
               ? ATL_OK
               : atl_fail(ctx, ATL_BAD_FILE,
                          "the network's config shares a layer of %d to %d channels: they must be equal",
                          l->in, l->out);
}

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    *c = (config){ .count = 0 };
    ATL_TRY(atl_config_trunk(ctx, json, &c->trunk));
    ATL_TRY(atl_config_int(ctx, json, "height", SIDE_LEAST, SIDE_MOST, &c->height));
    ATL_TRY(atl_config_int(ctx, json, "width", SIDE_LEAST, SIDE_MOST, &c->width));
    ATL_TRY(atl_config_int(ctx, json, "input_nc", 1, 256, &c->channels));
    ATL_TRY(atl_config_int(ctx, json, "vector", 0, CHANNELS_MOST, &c->vector));
    ATL_TRY(atl_config_int(ctx, json, "hidden", 0, CHANNELS_MOST, &c->hidden));
    const json_t *list = json_object_get(json, "layers"), *entry;
    size_t i;
    int shared = 0; // channels of the layers that share
    if (json_array_size(list) < 1 || json_array_size(list) > LAYERS_MOST || c->trunk.kind != ATL_TRUNK_RESNET)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has no ResNet trunk, or not 1 to %d layers",
                        LAYERS_MOST);
    json_array_foreach(list, i, entry) {
        ATL_TRY(parse_layer(ctx, entry, &c->layers[i]));
        if (i && c->layers[i].index <= c->layers[i - 1].index)
            return atl_fail(ctx, ATL_BAD_FILE, "the network's config has its layers out of order");
        if (c->layers[i].kind == SHARED && (!c->vector || !c->hidden || (shared && shared != c->layers[i].in)))
            return atl_fail(ctx, ATL_BAD_FILE,
                            "the network's config shares layers, and has nothing that fits them all");
        shared = c->layers[i].kind == SHARED ? c->layers[i].in : shared;
    }
    c->count = (int)json_array_size(list);
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = c->channels, .height = c->height, .width = c->width };
    return ATL_OK;
}

// ---- what the blocks share

// Convolutions with a leaky ReLU behind each: the first of stride `first`, the others of 2, until `least` pixels are
// left on a side; the last has `out` channels.
static atl_node *descend(atl_net *net, atl_node *x, const layer *l, int first, int least, int64_t out) {
    for (int k = 0, stride = first; x->op != ATL_OP_POISON; k += 2, stride = 2) {
        int64_t side = x->shape.d[1] > x->shape.d[2] ? x->shape.d[1] : x->shape.d[2];
        bool last = (side + stride - 1) / stride <= least;
        char name[24];
        snprintf(name, sizeof name, "convs.%d", k);
        const atl_norm_conv o = { last ? out : l->narrow, 3, stride, 1 };
        x = atl_lrelu(net->g, atl_bias_conv(net, name, x, o), SLOPE);
        if (last)
            break;
    }
    return x;
}

static atl_node *flat(atl_graph *g, atl_node *x) { // [n, 1, 1, c] -> [n, c]
    return x->op == ATL_OP_POISON ? x : atl_reshape(g, x, ATL_SHAPE(x->shape.d[0], x->shape.d[3]));
}

// One number for each pair [n, out, in], for all taps.
static atl_node *for_all_taps(atl_graph *g, atl_node *x, const layer *l, int side) {
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0];
    x = atl_reshape(g, x, ATL_SHAPE(n, l->out, l->in, 1, 1));
    return side == 1 ? x : atl_expand(g, x, ATL_SHAPE(n, l->out, l->in, side, side));
}

// ---- kinds

// Vectors of all shared layers, one after the other, [k n, vector] -> [k n, width, width, 3, 3].  The matrix that comes
// out, [in, 9 out] as it is made, is read row by row as [out, in, 3, 3].
static atl_node *through_shared(atl_net *net, const config *c, int64_t width, atl_node *z) {
    atl_graph *g = net->g;
    if (z->op == ATL_OP_POISON)
        return z;
    int64_t n = z->shape.d[0], in = width, hidden = c->hidden, out = TAPS * width;
    const float small = 0.01f;
    size_t scope = atl_scope_push(g, "shared_weight_hypernet");
    atl_node *w1 = atl_net_param(net, "w1", ATL_SHAPE(hidden, out), ATL_INIT_NORMAL, small);
    atl_node *b1 = atl_net_param(net, "b1", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f);
    atl_node *w2 = atl_net_param(net, "w2", ATL_SHAPE(c->vector, in * hidden), ATL_INIT_NORMAL, small);
    atl_node *b2 = atl_net_param(net, "b2", ATL_SHAPE(in * hidden), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(g, scope);
    atl_node *h = atl_add_bias(g, atl_matmul(g, z, w2, false, false), b2);
    h = atl_reshape(g, h, ATL_SHAPE(n * in, hidden));
    h = atl_add_bias(g, atl_matmul(g, h, w1, false, false), b1);
    return h->op == ATL_OP_POISON ? h : atl_reshape(g, h, ATL_SHAPE(n, width, width, 3, 3));
}

static atl_node *vector_of(atl_net *net, const config *c, const layer *l, atl_node *x) {
    const atl_linear_options o = { .lr_multiplier = 1.0f };
    x = flat(net->g, descend(net, x, l, 1, 1, c->vector));
    return x->op == ATL_OP_POISON ? x : atl_linear(net, "linear", x, c->vector, &o);
}

static atl_node *own(atl_net *net, const config *c, const layer *l, atl_node *x) {
    x = descend(net, x, l, 2, 2, c->trunk.channels[3]);
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_mean(net->g, x, 1u << 1 | 1u << 2);
    x = atl_bias_conv(net, "output.1", x, (atl_norm_conv){ (int64_t)l->in * l->out, 1, 1, 0 });
    return for_all_taps(net->g, x, l, 3);
}

static atl_node *rgb(atl_net *net, const config *c, const layer *l, atl_node *x) {
    x = descend(net, x, l, 2, 1, c->trunk.channels[3]);
    x = atl_bias_conv(net, "output.0", x, (atl_norm_conv){ (int64_t)l->in * l->out, 1, 1, 0 });
    return for_all_taps(net->g, x, l, 1);
}

// Of each tap an outer product [out, in], then a matrix along in and one along out.
static atl_node *separable(atl_net *net, const config *c, const layer *l, atl_node *x) {
    atl_graph *g = net->g;
    int64_t in = l->in, out = l->out;
    x = flat(g, descend(net, x, l, 2, 1, c->trunk.channels[3]));
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0];
    size_t scope = atl_scope_push(g, "output.0");
    atl_node *row = atl_reshape(g, atl_plain_linear(net, "make_kernel_in", x, TAPS * in), ATL_SHAPE(n * TAPS, 1, in));
    atl_node *column =
        atl_reshape(g, atl_plain_linear(net, "make_kernel_out", x, TAPS * out), ATL_SHAPE(n * TAPS, out, 1));
    atl_node *k = atl_reshape(g, atl_matmul(g, column, row, false, false), ATL_SHAPE(n * TAPS * out, in));
    k = atl_reshape(g, atl_plain_linear(net, "kernel_linear_in", k, in), ATL_SHAPE(n * TAPS, out, in));
    k = atl_reshape(g, atl_permute(g, k, (const int[]){ 0, 2, 1 }), ATL_SHAPE(n * TAPS * in, out));
    k = atl_reshape(g, atl_plain_linear(net, "kernel_linear_out", k, out), ATL_SHAPE(n, TAPS, in, out));
    atl_scope_pop(g, scope);
    k = atl_permute(g, k, (const int[]){ 0, 3, 2, 1 });
    return atl_reshape(g, k, ATL_SHAPE(n, out, in, 3, 3));
}

// ---- the function

// The delta of a layer; of one that is shared the vector that it is made of.
static atl_node *block_of(atl_net *net, const config *c, const layer *l, atl_node *x) {
    atl_node *made = NULL;
    size_t scope = atl_scope_push(net->g, "refinement_blocks.%d", l->index);
    switch ((kind)l->kind) {
    case SHARED: made = vector_of(net, c, l, x); break;
    case OWN: made = own(net, c, l, x); break;
    case SEPARABLE: made = separable(net, c, l, x); break;
    case RGB: made = rgb(net, c, l, x); break;
    }
    atl_scope_pop(net->g, scope);
    return made;
}

// The large matrices of the shared hypernetwork are read once for all layers.
static void share(atl_net *net, const config *c, atl_node **made) {
    atl_node *vectors[LAYERS_MOST];
    int count = 0, width = 0;
    for (int i = 0; i < c->count; i++)
        if (c->layers[i].kind == SHARED) {
            width = c->layers[i].in;
            vectors[count++] = made[i];
        }
    if (!count)
        return;
    atl_node *all = through_shared(net, c, width, atl_concat(net->g, vectors, count, 0));
    int64_t n = all->shape.d[0] / count;
    for (int i = 0, k = 0; i < c->count && all->op != ATL_OP_POISON; i++)
        if (c->layers[i].kind == SHARED)
            made[i] = atl_slice_axis(net->g, all, 0, k++ * n, n);
}

// "img" [h, w, channels]: the picture and what was made of it -> "delta.0" [n, out, in, 3, 3], ... of each tuned layer
static void tune(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *made[LAYERS_MOST];
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, c->channels));
    x = atl_trunk_run(net, &c->trunk, x).c3;
    for (int i = 0; i < c->count; i++)
        made[i] = block_of(net, c, &c->layers[i], x);
    share(net, c, made);
    for (int i = 0; i < c->count; i++) {
        char name[24];
        snprintf(name, sizeof name, "delta.%d", c->layers[i].index);
        atl_call_out(net, call, name, made[i]);
    }
}

const atl_model_row atl_hypernet = {
    .kind = "hypernet",
    .family = "hyperstyle",
    .role = "hypernetwork",
    .config_bytes = sizeof(config),
    .parse = parse,
    .dims = dims,
    .functions = { { "tune", tune, false } },
};
