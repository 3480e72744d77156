// SPDX-License-Identifier: Apache-2.0
// Spatial transformers of GAN-supervised alignment (Peebles et al. 2022): a picture becomes the map, and the
// flow on top of it, that take it to where all others of its class lie.  Names of parameters are those of the
// published files: stns.0 is the first transform, stns.1 the one behind it.
//
//     similarity   a rotation, a scale and a shift: "matrix" [2, 3], from the aligned place to the picture's
//     flow         vectors on top of the identity, read at an eighth of the size and stretched by convex
//                  combinations of their neighbours (Teed and Deng 2020, section 3.3): "flow" [side, side, 2]
//
// With several heads a picture has one transform per cluster; "head" [heads] says which counts, a one among
// zeros. The classifier of clusters stands on the same trunk.  Pictures are [n, side, side, 3] from -1 to 1.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/rows.h"
#include "nn/functions.h"

enum {
    TRANSFORMS = 2,
    LAYERS_MOST = 16,
    WIDTH_MOST = 1 << 14,
    HEADS_MOST = 64,
    SIDE_MOST = 4096,
    LAST_SIDE = 4,
    NEIGHBOURS = 9
};

static const float PI = 3.14159265f, LRELU_GAIN = ATL_SQRT2;

typedef enum transform { SIMILARITY, FLOW } transform;
static const char *const KINDS[] = { "similarity", "flow", NULL };
static const char *const PADDINGS[] = { "border", "reflection", "zeros", NULL };

typedef struct trunk {
    int kind, layers;
    int channels[LAYERS_MOST]; // of the first convolution, then of each block
} trunk;

typedef struct config {
    trunk trunks[TRANSFORMS]; // of a classifier the first
    int count, side, supersize, heads;
    int factor; // of the flow's stretching
    int classes;
} config;

// ---- configs

static int halvings_of(int side, int least) {
    int count = 0;
    for (; side > least; side /= 2)
        count++;
    return count;
}

static atl_status parse_channels(atl_ctx *ctx, const json_t *list, int layers, trunk *t) {
    if (layers > LAYERS_MOST || json_array_size(list) != (size_t)layers)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has %zu numbers of channels for %d layers",
                        json_array_size(list), layers);
    t->layers = layers;
    for (int i = 0; i < layers; i++) {
        const json_t *v = json_array_get(list, (size_t)i);
        if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > WIDTH_MOST)
            return atl_fail(ctx, ATL_BAD_FILE, "the network's config has a layer of no 1 to %d channels",
                            WIDTH_MOST);
        t->channels[i] = (int)json_integer_value(v);
    }
    return ATL_OK;
}

static bool is_power_of_2(int n) {
    return n > 0 && !(n & (n - 1));
}

static atl_status parse_sizes(atl_ctx *ctx, const json_t *json, config *c) {
    int padding;
    ATL_TRY(atl_config_int(ctx, json, "flow_size", LAST_SIDE, SIDE_MOST, &c->side));
    ATL_TRY(atl_config_int(ctx, json, "supersize", LAST_SIDE, SIDE_MOST, &c->supersize));
    if (json_object_get(json, "padding_mode"))
        ATL_TRY(atl_config_choice(ctx, json, "padding_mode", PADDINGS, &padding));
    if (is_power_of_2(c->side) && is_power_of_2(c->supersize) && c->supersize >= c->side)
        return ATL_OK;
    return atl_fail(
        ctx, ATL_BAD_FILE,
        "the network's config says flow_size = %d and supersize = %d: powers of 2, the second not the "
        "smaller, are possible",
        c->side, c->supersize);
}

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    const json_t *list = json_object_get(json, "transforms"), *entry;
    size_t i;
    *c = (config){ .factor = 8 };
    ATL_TRY(parse_sizes(ctx, json, c));
    ATL_TRY(atl_config_int(ctx, json, "num_heads", 1, HEADS_MOST, &c->heads));
    ATL_TRY(atl_config_int(ctx, json, "flow_downsample", 1, 64, &c->factor));
    if (json_array_size(list) < 1 || json_array_size(list) > TRANSFORMS || !is_power_of_2(c->factor) ||
        c->factor > c->side)
        return atl_fail(ctx, ATL_BAD_FILE,
                        "the network's config lists no 1 or 2 transforms, or a wrong flow_downsample");
    json_array_foreach(list, i, entry) {
        trunk *t = &c->trunks[i];
        ATL_TRY(atl_config_choice(ctx, entry, "kind", KINDS, &t->kind));
        if (i && (c->trunks[0].kind != SIMILARITY || t->kind != FLOW))
            return atl_fail(
                ctx, ATL_UNSUPPORTED,
                "the network's transforms are not a similarity, a flow, or one followed by the other");
        int layers =
            t->kind == SIMILARITY ? halvings_of(c->side, LAST_SIDE) + 1 : halvings_of(c->factor, 1) + 2;
        ATL_TRY(parse_channels(ctx, json_object_get(entry, "channels"), layers, t));
    }
    c->count = (int)json_array_size(list);
    return ATL_OK;
}

static atl_status parse_classifier(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    *c = (config){ .count = 1 };
    ATL_TRY(parse_sizes(ctx, json, c));
    ATL_TRY(atl_config_int(ctx, json, "classes", 1, 2 * HEADS_MOST, &c->classes));
    c->trunks[0].kind = SIMILARITY;
    return parse_channels(ctx, json_object_get(json, "channels"), halvings_of(c->side, LAST_SIDE) + 1,
                          &c->trunks[0]);
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = 3, .height = c->side, .width = c->side, .num_logits = c->classes };
    return ATL_OK;
}

// ---- layers

typedef struct conv {
    int at; // number of the weight's name; that of the bias is one more
    int kernel, down;
    bool active; // with bias and activation
} conv;

// Equalised: the stored weight has unit variance.
static atl_node *weight_of(atl_net *net, const char *name, atl_node *x, int64_t out, int kernel,
                           atl_init_kind init) {
    int64_t in = x->shape.d[x->shape.rank - 1];
    atl_shape shape = kernel ? ATL_SHAPE(out, in, kernel, kernel) : ATL_SHAPE(out, in);
    atl_node *w = atl_net_param(net, name, shape, init, init == ATL_INIT_NORMAL ? 1.0f : 0.0f);
    return atl_scale(net->g, w, (float)(1.0 / sqrt((double)(kernel ? in * kernel * kernel : in))));
}

static atl_node *biased(atl_net *net, const char *name, atl_node *y) {
    if (y->op == ATL_OP_POISON)
        return y;
    int64_t out = y->shape.d[y->shape.rank - 1];
    return atl_add_bias(net->g, y, atl_net_param(net, name, ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f));
}

static atl_node *conv_of(atl_net *net, const char *scope_name, atl_node *x, int64_t out, conv o) {
    atl_graph *g = net->g;
    char name[24];
    if (x->op == ATL_OP_POISON)
        return x;
    size_t scope = atl_scope_push(g, "%s", scope_name);
    snprintf(name, sizeof name, "%d.weight", o.at);
    atl_node *w = weight_of(net, name, x, out, o.kernel, ATL_INIT_NORMAL), *y;
    if (o.down && o.kernel == 1)
        y = atl_conv2d(g, atl_downsample2d(g, x, NULL), w, 1, 0);
    else if (o.down)
        y = atl_conv2d(g, atl_filter2d(g, x, NULL, 2, 2, 1.0f), w, 2, 0);
    else
        y = atl_conv2d(g, x, w, 1, o.kernel / 2);
    if (o.active) {
        snprintf(name, sizeof name, "%d.bias", o.at + 1);
        y = atl_activate(g, biased(net, name, y), ATL_LRELU, LRELU_GAIN, INFINITY);
    }
    y = atl_named(g, y);
    atl_scope_pop(g, scope);
    return y;
}

// Residual block of StyleGAN2's discriminator; the last of a flow keeps the size, and its names have no
// filter.
static atl_node *block_of(atl_net *net, int at, atl_node *x, int64_t out, bool down) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    size_t scope = atl_scope_push(g, "convs.%d", at);
    atl_node *y = conv_of(net, "conv1", x, x->shape.d[3], (conv){ 0, 3, 0, true });
    y = conv_of(net, "conv2", y, out, (conv){ down, 3, down, true });
    atl_node *skip = conv_of(net, "skip", x, out, (conv){ down, 1, down, false });
    y = atl_named(g, atl_scale(g, atl_add(g, y, skip), ATL_SQRT1_2));
    atl_scope_pop(g, scope);
    return y;
}

// Blocks and the convolution behind them: [n, side, side, 3] -> [n, 4, 4, c], of a flow [n, side / factor,
// ..., c]
static atl_node *trunk_of(atl_net *net, const trunk *t, atl_node *x) {
    x = conv_of(net, "convs.0", x, t->channels[0], (conv){ 0, 1, 0, true });
    for (int i = 1; i < t->layers; i++)
        x = block_of(net, i, x, t->channels[i], t->kind == SIMILARITY || i + 1 < t->layers);
    return conv_of(net, "final_conv", x, t->channels[t->layers - 1], (conv){ 0, 3, 0, true });
}

// x [n, h, w, c] as rows, their numbers in the order c, h, w: [n, c h w]
static atl_node *flat(atl_graph *g, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    const int64_t *d = x->shape.d;
    atl_shape shape = ATL_SHAPE(d[0], d[1] * d[2] * d[3]);
    return atl_reshape(g, atl_permute(g, x, (const int[]){ 0, 3, 1, 2 }), shape);
}

// Equalised, with an activation; or plain, and zero at first.
static atl_node *linear_of(atl_net *net, const char *name, atl_node *x, int64_t out, bool active) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t scope = atl_scope_push(net->g, "%s", name);
    atl_node *w = active ? weight_of(net, "weight", x, out, 0, ATL_INIT_NORMAL)
                         : atl_net_param(net, "weight", ATL_SHAPE(out, x->shape.d[1]), ATL_INIT_ZERO, 0.0f);
    atl_node *y = biased(net, "bias", atl_matmul(net->g, x, w, false, true));
    if (active)
        y = atl_activate(net->g, y, ATL_LRELU, LRELU_GAIN, INFINITY);
    y = atl_named(net->g, y);
    atl_scope_pop(net->g, scope);
    return y;
}

// ---- heads

// The numbers of the head that counts: x [n, groups, heads, rest] -> [n, groups, 1, rest]
static atl_node *chosen(atl_graph *g, atl_node *x, atl_node *head) {
    if (!head || x->op == ATL_OP_POISON || head->op == ATL_OP_POISON)
        return x;
    atl_node *share = atl_reshape(g, head, ATL_SHAPE(x->shape.d[0], 1, x->shape.d[2], 1));
    return atl_sum(g, atl_mul(g, x, atl_expand(g, share, x->shape)), 1u << 2);
}

static atl_node *head_of(atl_net *net, const config *c, atl_call *call) {
    return c->heads > 1 ? atl_call_in(net, call, "head", ATL_SHAPE(c->heads)) : NULL;
}

// r, sigma, tx, ty [n, 4] -> [[s cos, -s sin, tx], [s sin, s cos, ty]], angle pi tanh r, s = e^sigma
static atl_node *matrix_of(atl_graph *g, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    atl_node *raw[4];
    for (int i = 0; i < 4; i++)
        raw[i] = atl_slice_axis(g, x, 1, i, 1);
    atl_node *angle = atl_scale(g, atl_tanh(g, raw[0]), PI), *s = atl_exp(g, raw[1]);
    atl_node *c = atl_mul(g, s, atl_fn_of(g, ATL_FN_COS, angle)),
             *d = atl_mul(g, s, atl_fn_of(g, ATL_FN_SIN, angle));
    atl_node *all[] = { c, atl_neg(g, d), raw[2], d, c, raw[3] };
    return atl_reshape(g, atl_concat(g, all, 6, 1), ATL_SHAPE(x->shape.d[0], 2, 3));
}

static void similarity(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    if (c->trunks[0].kind != SIMILARITY)
        return;
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(c->side, c->side, 3)),
             *head = head_of(net, c, call);
    int64_t width = c->trunks[0].channels[c->trunks[0].layers - 1];
    size_t scope = atl_scope_push(g, "stns.0");
    x = linear_of(net, "final_linear", flat(g, trunk_of(net, &c->trunks[0], x)), width, true);
    x = linear_of(net, "warp_head.linear", x, 4 * (int64_t)c->heads, false);
    if (x->op != ATL_OP_POISON) {
        int64_t n = x->shape.d[0];
        x = chosen(g, atl_reshape(g, x, ATL_SHAPE(n, 4, c->heads, 1)), head);
        x = atl_reshape(g, x, ATL_SHAPE(n, 4));
    }
    x = matrix_of(g, x);
    atl_scope_pop(g, scope);
    atl_call_out(net, call, "matrix", x);
}

// Two convolutions with a ReLU between: name.0 and name.2
static atl_node *two_convs(atl_net *net, const char *name, atl_node *x, int64_t out, atl_init_kind init) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    size_t scope = atl_scope_push(g, "warp_head.%s", name);
    atl_node *w = weight_of(net, "0.weight", x, x->shape.d[3], 3, ATL_INIT_NORMAL);
    x = atl_relu(g, biased(net, "0.bias", atl_conv2d(g, x, w, 1, 1)));
    if (x->op != ATL_OP_POISON)
        x = biased(net, "2.bias", atl_conv2d(g, x, weight_of(net, "2.weight", x, out, 3, init), 1, 1));
    x = atl_named(g, x);
    atl_scope_pop(g, scope);
    return x;
}

// The 3x3 neighbours of each vector, row by row, zeros outside: [n, h, w, 2] -> [n h w, 1, 9, 2]
static atl_node *neighbours_of(atl_graph *g, atl_node *flow) {
    const int64_t n = flow->shape.d[0], h = flow->shape.d[1], w = flow->shape.d[2];
    const int64_t at[ATL_RANK_MAX] = { 0, 1, 1, 0 };
    atl_node *wide = atl_pad(g, flow, at, ATL_SHAPE(n, h + 2, w + 2, 2)), *list[NEIGHBOURS];
    for (int i = 0; i < NEIGHBOURS; i++) {
        const int64_t begin[ATL_RANK_MAX] = { 0, i / 3, i % 3, 0 };
        list[i] = atl_slice(g, wide, begin, ATL_SHAPE(n, h, w, 2));
        list[i] = atl_reshape(g, list[i], ATL_SHAPE(n * h * w, 1, 1, 2));
    }
    return atl_concat(g, list, NEIGHBOURS, 2);
}

// Each vector becomes factor x factor of them, convex combinations of its neighbours:
// flow [n, h, w, 2], mask [n, h, w, 9 factor^2] -> [n, factor h, factor w, 2]
static atl_node *stretched(atl_graph *g, atl_node *flow, atl_node *mask, int64_t factor) {
    if (flow->op == ATL_OP_POISON || mask->op == ATL_OP_POISON)
        return &g->poison;
    const int64_t n = flow->shape.d[0], h = flow->shape.d[1], w = flow->shape.d[2], parts = factor * factor;
    const atl_shape all = ATL_SHAPE(n * h * w, parts, NEIGHBOURS, 2);
    mask = atl_reshape(g, mask, ATL_SHAPE(n * h * w, NEIGHBOURS, parts));
    mask = atl_softmax(g, atl_permute(g, mask, (const int[]){ 0, 2, 1 }));
    mask = atl_expand(g, atl_reshape(g, mask, ATL_SHAPE(n * h * w, parts, NEIGHBOURS, 1)), all);
    atl_node *near = atl_expand(g, neighbours_of(g, atl_scale(g, flow, (float)factor)), all);
    atl_node *y = atl_sum(g, atl_mul(g, mask, near), 1u << 2);
    y = atl_reshape(g, y, ATL_SHAPE(n * h, w, factor, factor, 2));
    y = atl_permute(g, y, (const int[]){ 0, 2, 1, 3, 4 });
    return atl_reshape(g, y, ATL_SHAPE(n, h * factor, w * factor, 2));
}

// Channels of x [n, h, w, heads k] -> those of the head that counts [n, h, w, k]
static atl_node *channels_of_head(atl_graph *g, const config *c, atl_node *x, atl_node *head) {
    if (!head || x->op == ATL_OP_POISON)
        return x;
    const int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2], k = x->shape.d[3] / c->heads;
    x = chosen(g, atl_reshape(g, x, ATL_SHAPE(n, h * w, c->heads, k)), head);
    return atl_reshape(g, x, ATL_SHAPE(n, h, w, k));
}

static void flow(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    int at = c->count - 1;
    if (c->trunks[at].kind != FLOW)
        return;
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(c->side, c->side, 3)),
             *head = head_of(net, c, call);
    size_t scope = atl_scope_push(g, "stns.%d", at);
    x = trunk_of(net, &c->trunks[at], x);
    atl_node *small = two_convs(net, "flow_out", x, 2 * (int64_t)c->heads, ATL_INIT_ZERO);
    int64_t parts = (int64_t)NEIGHBOURS * c->factor * c->factor;
    atl_node *mask = two_convs(net, "mask_out", x, parts * c->heads, ATL_INIT_NORMAL);
    x = stretched(g, channels_of_head(g, c, small, head), channels_of_head(g, c, mask, head), c->factor);
    atl_scope_pop(g, scope);
    atl_call_out(net, call, "flow", x);
}

static void classify(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(c->side, c->side, 3));
    x = flat(net->g, trunk_of(net, &c->trunks[0], x));
    atl_call_out(net, call, "logits", linear_of(net, "to_logits", x, c->classes, true));
}

const atl_model_row atl_spatial_transformer = {
    .kind = "spatial_transformer",
    .family = "gangealing",
    .role = "aligner",
    .config_bytes = sizeof(config),
    .parse = parse,
    .dims = dims,
    .functions = { { "similarity", similarity, false }, { "flow", flow, false } },
};

const atl_model_row atl_cluster_classifier = {
    .kind = "cluster_classifier",
    .family = "gangealing",
    .role = "classifier",
    .config_bytes = sizeof(config),
    .parse = parse_classifier,
    .dims = dims,
    .functions = { { "classify", classify, false } },
};
