// SPDX-License-Identifier: Apache-2.0
// Encoders: a picture becomes the ws of a generator in one pass.  pSp (Richardson et al. 2021), e4e (Tov et
// al. 2021), ReStyle (Alaluf et al. 2021) on IR-SE-50 and ResNet-34, and encoders into W.  Types have the
// names of their programs; they differ in where styles are read and how they are put together:
//
//     pyramid      0 to 2 of the last map, 3 to 6 of one twice as large, others of one four times as large
//     last         all of the last map
//     progressive  style 0 is all of w, the others are what their layers differ by from it
//
// Pictures are [n, h, w, c] from -1 to 1; ReStyle's have the picture's channels, then those of the
// reconstruction.
#include <stdio.h>

#include "models/backbone.h"
#include "models/rows.h"
#include "models/trunk.h"
#include "nn/functions.h"

enum {
    STYLES_MOST = 64,
    WIDTH_MOST = 1 << 14,
    SIDE_LEAST = 32,
    SIDE_MOST = 4096,
    MIDDLE = 3,
    FINE = 7,
    POOLED = 7
};

static const float SLOPE = 0.01f; // of the styles' convolutions

typedef enum reading { PYRAMID, LAST, SINGLE, JOINT } reading; // JOINT: one matrix for all styles

static const struct {
    const char *name;
    reading reading;
    bool progressive, resnet;
} TYPES[] = {
    { "GradualStyleEncoder", PYRAMID, false, false },
    { "Encoder4Editing", PYRAMID, true, false },
    { "BackboneEncoder", LAST, false, false },
    { "ProgressiveBackboneEncoder", LAST, true, false },
    { "ResNetBackboneEncoder", LAST, false, true },
    { "ResNetProgressiveBackboneEncoder", LAST, true, true },
    { "ResNetGradualStyleEncoder", PYRAMID, false, true },
    { "BackboneEncoderUsingLastLayerIntoW", SINGLE, false, false },
    { "BackboneEncoderUsingLastLayerIntoWPlus", JOINT, false, false },
};
enum { TYPE_COUNT = sizeof TYPES / sizeof *TYPES };

typedef struct config {
    atl_trunk trunk;
    int type, num_ws, w_dim, height, width, channels;
    int style_width; // channels of the styles' convolutions: w_dim, but of small ones
    int average; // rows of latent_avg: 0, 1 or num_ws
    bool from_average;
} config;

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    const char *names[TYPE_COUNT + 1] = { NULL };
    int from_average = 0;
    *c = (config){ .average = 0 };
    for (int i = 0; i < TYPE_COUNT; i++)
        names[i] = TYPES[i].name;
    ATL_TRY(atl_config_choice(ctx, json, "encoder_type", names, &c->type));
    ATL_TRY(atl_config_trunk(ctx, json, &c->trunk));
    ATL_TRY(atl_config_int(ctx, json, "num_ws", 1, STYLES_MOST, &c->num_ws));
    ATL_TRY(atl_config_int(ctx, json, "w_dim", 1, WIDTH_MOST, &c->w_dim));
    c->style_width = c->w_dim;
    if (json_object_get(json, "style_width"))
        ATL_TRY(atl_config_int(ctx, json, "style_width", 1, WIDTH_MOST, &c->style_width));
    ATL_TRY(atl_config_int(ctx, json, "height", SIDE_LEAST, SIDE_MOST, &c->height));
    ATL_TRY(atl_config_int(ctx, json, "width", SIDE_LEAST, SIDE_MOST, &c->width));
    ATL_TRY(atl_config_int(ctx, json, "input_nc", 1, 256, &c->channels));
    ATL_TRY(atl_config_int(ctx, json, "average", 0, STYLES_MOST, &c->average));
    ATL_TRY(atl_config_int(ctx, json, "start_from_latent_avg", 0, 1, &from_average));
    c->from_average = from_average != 0;
    if (c->average > 1 && c->average != c->num_ws)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says %d averages for %d styles", c->average,
                        c->num_ws);
    return TYPES[c->type].resnet == (c->trunk.kind == ATL_TRUNK_RESNET)
               ? ATL_OK
               : atl_fail(ctx, ATL_BAD_FILE, "the network's config has a trunk that no %s has",
                          TYPES[c->type].name);
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .w_dim = c->w_dim,
                           .num_ws = c->num_ws,
                           .channels = c->channels,
                           .height = c->height,
                           .width = c->width };
    return ATL_OK;
}

// ---- styles

// Convolutions that halve the map until one pixel is left, and a matrix: [n, h, w, c] -> [n, w_dim]
static atl_node *style_of(atl_net *net, const config *c, int at, atl_node *x) {
    const atl_norm_conv half = { c->style_width, 3, 2, 1 };
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "styles.%d", at);
    for (int k = 0; x->op != ATL_OP_POISON && (k == 0 || x->shape.d[1] > 1 || x->shape.d[2] > 1); k += 2) {
        char name[24];
        snprintf(name, sizeof name, "convs.%d", k);
        x = atl_lrelu(g, atl_bias_conv(net, name, x, half), SLOPE);
    }
    if (x->op != ATL_OP_POISON) {
        const atl_linear_options o = { .lr_multiplier = 1.0f };
        x = atl_linear(net, "linear", atl_reshape(g, x, ATL_SHAPE(x->shape.d[0], c->style_width)), c->w_dim,
                       &o);
    }
    atl_scope_pop(g, scope);
    return x;
}

// One pixel of `name` (1x1 convolution of y) plus the map stretched to y's size.
static atl_node *stretched_plus(atl_net *net, const char *name, atl_node *map, atl_node *y) {
    const atl_resize_options o = { .filter = ATL_BILINEAR, .placing = ATL_CORNERS };
    if (map->op == ATL_OP_POISON || y->op == ATL_OP_POISON)
        return map;
    atl_node *lateral = atl_bias_conv(net, name, y, (atl_norm_conv){ map->shape.d[3], 1, 1, 0 });
    lateral = atl_name_result(net, name, lateral);
    return atl_add(net->g, atl_resize(net->g, map, y->shape.d[1], y->shape.d[2], &o), lateral);
}

// Each style [n, w_dim] on its own.
static void read_styles(atl_net *net, const config *c, atl_node *x, atl_node **styles) {
    atl_trunk_maps m = atl_trunk_run(net, &c->trunk, x);
    atl_node *middle = m.c3, *fine = m.c3;
    if (TYPES[c->type].reading ==
        PYRAMID) { // files have both, whether or not there are styles that read them
        middle = stretched_plus(net, "latlayer1", m.c3, m.c2);
        fine = stretched_plus(net, "latlayer2", middle, m.c1);
    }
    for (int i = 0; i < c->num_ws; i++)
        styles[i] = style_of(net, c, i, i < MIDDLE ? m.c3 : i < FINE ? middle : fine);
}

// "deltas" [num_ws]: how much of what each style differs by from the first is added; the first is not read.
static void compose(atl_net *net, const config *c, atl_call *call, atl_node **styles) {
    atl_graph *g = net->g;
    float ones[STYLES_MOST];
    for (int i = 0; i < c->num_ws; i++)
        ones[i] = 1.0f;
    atl_node *share = atl_call_setting(net, call, "deltas", ATL_SHAPE(c->num_ws), ones);
    for (int i = 1; i < c->num_ws && styles[i]->op != ATL_OP_POISON; i++) {
        atl_node *s = atl_reshape(g, atl_slice_axis(g, share, 0, i, 1), ATL_SHAPE(1, 1));
        styles[i] = atl_add(g, styles[0], atl_mul(g, styles[i], atl_expand(g, s, styles[i]->shape)));
    }
}

// [n, w_dim] k times -> [n, k, w_dim]
static atl_node *joined(atl_graph *g, const config *c, atl_node **styles) {
    for (int i = 0; i < c->num_ws; i++) {
        if (styles[i]->op == ATL_OP_POISON)
            return styles[i];
        styles[i] = atl_reshape(g, styles[i], ATL_SHAPE(styles[i]->shape.d[0], 1, c->w_dim));
    }
    return atl_concat(g, styles, c->num_ws, 1);
}

// The mean of the last map through one matrix, for all styles.
static atl_node *single(atl_net *net, const config *c, atl_node *x) {
    const atl_linear_options o = { .lr_multiplier = 1.0f };
    x = atl_trunk_run(net, &c->trunk, x).c3;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0];
    x = atl_reshape(net->g, atl_mean(net->g, x, 1u << 1 | 1u << 2), ATL_SHAPE(n, x->shape.d[3]));
    x = atl_linear(net, "linear", x, c->w_dim, &o);
    if (x->op == ATL_OP_POISON)
        return x;
    return atl_expand(net->g, atl_reshape(net->g, x, ATL_SHAPE(n, 1, c->w_dim)),
                      ATL_SHAPE(n, c->num_ws, c->w_dim));
}

// The last map, reduced to 7x7, through two matrices.
static atl_node *joint(atl_net *net, const config *c, atl_node *x) {
    const atl_linear_options o = { .lr_multiplier = 1.0f };
    atl_graph *g = net->g;
    x = atl_trunk_run(net, &c->trunk, x).c3;
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_adaptive_average_pool(g, atl_trunk_norm(net, "output_layer_2.0", x, true), POOLED, POOLED);
    x = atl_permute(g, x, (const int[]){ 0, 3, 1, 2 }); // rows of the matrix are c, h, w
    int64_t n = x->shape.d[0];
    x = atl_reshape(g, x, ATL_SHAPE(n, (int64_t)c->trunk.channels[3] * POOLED * POOLED));
    x = atl_plain_linear(net, "output_layer_2.3", x, c->w_dim);
    x = atl_linear(net, "linear", x, (int64_t)c->w_dim * c->num_ws, &o);
    return x->op == ATL_OP_POISON ? x : atl_reshape(g, x, ATL_SHAPE(n, c->num_ws, c->w_dim));
}

// ---- the function

static atl_node *plus_average(atl_net *net, const config *c, atl_node *codes) {
    atl_shape shape = c->average > 1 ? ATL_SHAPE(c->average, c->w_dim) : ATL_SHAPE(c->w_dim);
    atl_node *average = atl_net_buffer(net, "latent_avg", shape, ATL_INIT_ZERO, 0.0f);
    if (!c->from_average || codes->op == ATL_OP_POISON)
        return codes;
    average = atl_reshape(net->g, average, ATL_SHAPE(1, c->average, c->w_dim));
    return atl_add(net->g, codes, atl_expand(net->g, average, codes->shape));
}

// "img" [h, w, channels], the setting "deltas" [num_ws] of progressive types -> "codes" [n, num_ws, w_dim],
// as the layers give them, and "ws", which is where they are added to the average
static void encode(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *styles[STYLES_MOST], *codes;
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(c->height, c->width, c->channels));
    reading r = TYPES[c->type].reading;
    if (r == SINGLE || r == JOINT) {
        codes = r == SINGLE ? single(net, c, x) : joint(net, c, x);
    } else {
        read_styles(net, c, x, styles);
        if (TYPES[c->type].progressive)
            compose(net, c, call, styles);
        codes = joined(net->g, c, styles);
    }
    atl_call_out(net, call, "codes", codes);
    if (c->average || !c->from_average)
        atl_call_out(net, call, "ws", c->average ? plus_average(net, c, codes) : codes);
}

const atl_model_row atl_style_encoder = {
    .kind = "style_encoder",
    .family = "encoder",
    .role = "encoder",
    .config_bytes = sizeof(config),
    .parse = parse,
    .dims = dims,
    .functions = { { "encode", encode, false } },
};
