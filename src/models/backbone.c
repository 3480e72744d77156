// SPDX-License-Identifier: Apache-2.0
// AlexNet (Krizhevsky 2014) and SqueezeNet 1.1 (Iandola et al. 2016) without their classifiers, and what they
// share with VGG16.  Names of parameters are those of the usual PyTorch port, where layers are counted with
// their activations and poolings.
#include "models/backbone.h"

#include <stdio.h>
#include <string.h>

#include "models/rows.h"
#include "models/trunk.h"
#include "nn/functions.h"

enum { SIZE = 224, SIDE_LEAST = 32, SIDE_MOST = 1 << 14 };

// ---- pieces

atl_status atl_config_picture(atl_ctx *ctx, const json_t *json, atl_picture_size *size) {
    *size = (atl_picture_size){ SIZE, SIZE };
    if (json_object_get(json, "height"))
        ATL_TRY(atl_config_int(ctx, json, "height", SIDE_LEAST, SIDE_MOST, &size->height));
    if (json_object_get(json, "width"))
        ATL_TRY(atl_config_int(ctx, json, "width", SIDE_LEAST, SIDE_MOST, &size->width));
    return ATL_OK;
}

atl_node *atl_call_picture(atl_net *net, atl_call *call, const char *name, const atl_picture_size *size) {
    const atl_port *bound = atl_call_find_in(call, name);
    int64_t h = size->height, w = size->width;
    if (bound && bound->node->shape.rank == 4) {
        h = bound->node->shape.d[1];
        w = bound->node->shape.d[2];
    }
    return atl_call_in(net, call, name, ATL_SHAPE(h, w, 3));
}

atl_node *atl_conv_relu(atl_net *net, const char *scope, atl_node *x, int64_t out, atl_relu_conv o) {
    const atl_norm_conv conv = { out, o.kernel, o.stride, o.pad };
    return atl_relu(net->g, atl_bias_conv(net, scope, x, conv));
}

atl_node *atl_name_result(atl_net *net, const char *name, atl_node *x) {
    size_t mark = atl_scope_push(net->g, "%s", name);
    x = atl_named(net->g, x);
    atl_scope_pop(net->g, mark);
    return x;
}

const atl_backbone *atl_backbone_find(const char *name) {
    static const atl_backbone *const all[] = { &atl_backbone_vgg, &atl_backbone_alex, &atl_backbone_squeeze };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i]->name, name))
            return all[i];
    return NULL;
}

// ---- AlexNet

static void alex(atl_net *net, atl_node *x, atl_node **taps) {
    const atl_pool_options pool = { .kernel = 3, .stride = 2 };
    const atl_relu_conv first = { 11, 4, 2 }, second = { 5, 1, 2 }, other = { 3, 1, 1 };
    atl_graph *g = net->g;
    taps[0] = atl_name_result(net, "relu1", atl_conv_relu(net, "features.0", x, 64, first));
    x = atl_max_pool(g, taps[0], &pool);
    taps[1] = atl_name_result(net, "relu2", atl_conv_relu(net, "features.3", x, 192, second));
    x = atl_max_pool(g, taps[1], &pool);
    taps[2] = atl_name_result(net, "relu3", atl_conv_relu(net, "features.6", x, 384, other));
    taps[3] = atl_name_result(net, "relu4", atl_conv_relu(net, "features.8", taps[2], 256, other));
    taps[4] = atl_name_result(net, "relu5", atl_conv_relu(net, "features.10", taps[3], 256, other));
}

const atl_backbone atl_backbone_alex = { "alex", 5, { 64, 192, 384, 256, 256 }, alex };

// ---- SqueezeNet

// Narrow to `squeeze` channels, then 1x1 and 3x3 side by side: `expand` channels each.
static atl_node *fire(atl_net *net, int at, atl_node *x, int64_t squeeze, int64_t expand) {
    const atl_relu_conv one = { 1, 1, 0 }, three = { 3, 1, 1 };
    char name[32];
    snprintf(name, sizeof name, "features.%d", at);
    size_t mark = atl_scope_push(net->g, "%s", name);
    x = atl_conv_relu(net, "squeeze", x, squeeze, one);
    atl_node *parts[] = { atl_conv_relu(net, "expand1x1", x, expand, one),
                          atl_conv_relu(net, "expand3x3", x, expand, three) };
    x = atl_concat(net->g, parts, 2, 3);
    atl_scope_pop(net->g, mark);
    return x;
}

static void squeeze(atl_net *net, atl_node *x, atl_node **taps) {
    const atl_pool_options pool = { .kernel = 3, .stride = 2, .ceil_mode = true };
    const atl_relu_conv first = { 3, 2, 0 };
    atl_graph *g = net->g;
    taps[0] = atl_name_result(net, "relu1", atl_conv_relu(net, "features.0", x, 64, first));
    x = fire(net, 3, atl_max_pool(g, taps[0], &pool), 16, 64);
    taps[1] = atl_name_result(net, "relu2", fire(net, 4, x, 16, 64));
    x = fire(net, 6, atl_max_pool(g, taps[1], &pool), 32, 128);
    taps[2] = atl_name_result(net, "relu3", fire(net, 7, x, 32, 128));
    taps[3] = atl_name_result(net, "relu4", fire(net, 9, atl_max_pool(g, taps[2], &pool), 48, 192));
    taps[4] = atl_name_result(net, "relu5", fire(net, 10, taps[3], 48, 192));
    taps[5] = atl_name_result(net, "relu6", fire(net, 11, taps[4], 64, 256));
    taps[6] = atl_name_result(net, "relu7", fire(net, 12, taps[5], 64, 256));
}

const atl_backbone atl_backbone_squeeze = { "squeeze", 7, { 64, 128, 256, 384, 384, 512, 512 }, squeeze };

// ---- the two as networks

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config) {
    return atl_config_picture(ctx, json, config);
}

static atl_status dims(atl_ctx *ctx, const void *config, const atl_params *params, atl_model_dims *d) {
    const atl_picture_size *size = config;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = 3, .height = size->height, .width = size->width };
    return ATL_OK;
}

// "img" -> "relu1" [n, h, w, channels], ... of all taps
static void put_taps(atl_net *net, const atl_backbone *b, const void *config, atl_call *call) {
    atl_node *taps[ATL_TAPS];
    b->run(net, atl_call_picture(net, call, "img", config), taps);
    for (int i = 0; i < b->taps; i++) {
        char name[16];
        snprintf(name, sizeof name, "relu%d", i + 1);
        atl_call_out(net, call, name, taps[i]);
    }
}

static void alex_features(atl_net *net, const void *config, atl_call *call) {
    put_taps(net, &atl_backbone_alex, config, call);
}

static void squeeze_features(atl_net *net, const void *config, atl_call *call) {
    put_taps(net, &atl_backbone_squeeze, config, call);
}

static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    if (o->resolution < SIDE_LEAST || o->resolution > SIDE_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "this network takes pictures from %d to %d, not %d",
                        SIDE_LEAST, SIDE_MOST, o->resolution);
    *json = json_pack("{s:i s:i}", "height", o->resolution, "width", o->resolution);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_alexnet = {
    .kind = "alexnet",
    .family = "alexnet",
    .role = "features",
    .config_bytes = sizeof(atl_picture_size),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "features", alex_features, false } },
};

const atl_model_row atl_squeezenet = {
    .kind = "squeezenet",
    .family = "squeezenet",
    .role = "features",
    .config_bytes = sizeof(atl_picture_size),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "features", squeeze_features, false } },
};
