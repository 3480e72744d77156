// SPDX-License-Identifier: Apache-2.0
// Residual classifiers (He et al. 2016) as torchvision has them: ResNet-18 and -34 of basic units, -50 and
// deeper of bottlenecks, which make their steps in the convolution of 3x3.  The form for pictures of 32x32
// begins with a convolution of 3x3 and has no pooling.  Names of parameters are torchvision's: conv1, bn1,
// layer1.0.conv1, ..., fc.
//
// Pictures are [n, h, w, 3] in the range that the classifier was trained with.  Batch norms stand in
// evaluation.
#include "models/backbone.h"
#include "models/rows.h"
#include "models/trunk.h"
#include "nn/functions.h"

enum { STAGES = 4, UNITS_MOST = 64, CHANNELS_MOST = 1024, CLASSES_MOST = 1 << 16, EXPANSION = 4 };

typedef struct config {
    atl_picture_size size; // of pictures, where the caller binds none
    int units[STAGES];
    int channels; // of the first stage; each stage doubles them
    int classes;  // 0: features alone
    int block;    // of BLOCKS
    int stem;     // of STEMS
} config;

static const char *const BLOCKS[] = { "basic", "bottleneck", NULL };
static const char *const STEMS[] = { "imagenet", "cifar", NULL };
enum { BOTTLENECK = 1, CIFAR = 1 };

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    const json_t *units = json_object_get(json, "units");
    *c = (config){ .channels = 0 };
    ATL_TRY(atl_config_picture(ctx, json, &c->size));
    ATL_TRY(atl_config_int(ctx, json, "channels", 1, CHANNELS_MOST, &c->channels));
    ATL_TRY(atl_config_int(ctx, json, "classes", 0, CLASSES_MOST, &c->classes));
    ATL_TRY(atl_config_choice(ctx, json, "block", BLOCKS, &c->block));
    ATL_TRY(atl_config_choice(ctx, json, "stem", STEMS, &c->stem));
    for (size_t s = 0; s < STAGES; s++) {
        json_int_t n = json_integer_value(json_array_get(units, s));
        if (json_array_size(units) != STAGES || n < 1 || n > UNITS_MOST)
            return atl_fail(ctx, ATL_BAD_FILE,
                            "the network's config has no \"units\": four numbers from 1 to %d", UNITS_MOST);
        c->units[s] = (int)n;
    }
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){
        .channels = 3, .height = c->size.height, .width = c->size.width, .num_logits = c->classes
    };
    return ATL_OK;
}

// ---- units

// The shortcut of a unit whose result has another shape.
static atl_node *downsample(atl_net *net, atl_node *x, int64_t out, int stride) {
    size_t scope = atl_scope_push(net->g, "downsample");
    x = atl_conv_norm(net, "0", "1", x, (atl_norm_conv){ out, 1, stride, 0 });
    atl_scope_pop(net->g, scope);
    return x;
}

// x [n, h, w, c] -> [n, h / stride, w / stride, out], odd sizes rounded up
static atl_node *unit(atl_net *net, const config *c, atl_node *x, int64_t channels, int stride) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t out = c->block == BOTTLENECK ? channels * EXPANSION : channels;
    atl_node *shortcut = x;
    if (stride > 1 || x->shape.d[3] != out)
        shortcut = downsample(net, x, out, stride);
    if (c->block == BOTTLENECK) {
        x = atl_relu(g, atl_conv_norm(net, "conv1", "bn1", x, (atl_norm_conv){ channels, 1, 1, 0 }));
        x = atl_relu(g, atl_conv_norm(net, "conv2", "bn2", x, (atl_norm_conv){ channels, 3, stride, 1 }));
        x = atl_conv_norm(net, "conv3", "bn3", x, (atl_norm_conv){ out, 1, 1, 0 });
    } else {
        x = atl_relu(g, atl_conv_norm(net, "conv1", "bn1", x, (atl_norm_conv){ channels, 3, stride, 1 }));
        x = atl_conv_norm(net, "conv2", "bn2", x, (atl_norm_conv){ out, 3, 1, 1 });
    }
    return atl_relu(g, atl_add(g, x, shortcut));
}

static atl_node *stage(atl_net *net, const config *c, atl_node *x, int index) {
    char name[16] = "layer0";
    name[5] = (char)('1' + index);
    size_t scope = atl_scope_push(net->g, "%s", name);
    for (int i = 0; i < c->units[index]; i++) {
        size_t inner = atl_scope_push(net->g, "%d", i);
        x = unit(net, c, x, (int64_t)c->channels << index, i == 0 && index > 0 ? 2 : 1);
        atl_scope_pop(net->g, inner);
    }
    atl_scope_pop(net->g, scope);
    return atl_name_result(net, name, x);
}

// "img" -> [n, numbers of the last stage], means over the picture
static atl_node *trunk(atl_net *net, const config *c, atl_call *call) {
    atl_graph *g = net->g;
    bool small = c->stem == CIFAR;
    const atl_norm_conv first = { c->channels, small ? 3 : 7, small ? 1 : 2, small ? 1 : 3 };
    atl_node *x = atl_call_picture(net, call, "img", &c->size);
    x = atl_relu(g, atl_conv_norm(net, "conv1", "bn1", x, first));
    if (!small)
        x = atl_max_pool(g, x, &(atl_pool_options){ .kernel = 3, .stride = 2, .pad = 1 });
    for (int s = 0; s < STAGES; s++)
        x = stage(net, c, x, s);
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_reshape(g, atl_mean(g, x, 1u << 1 | 1u << 2), ATL_SHAPE(x->shape.d[0], x->shape.d[3]));
    return atl_name_result(net, "pool", x);
}

// ---- functions

static void features(atl_net *net, const void *config_, atl_call *call) {
    atl_call_out(net, call, "pool", trunk(net, config_, call));
}

// Weights begin small, so that a new network is sure of nothing (Goyal et al. 2017, section 5.1).
static atl_node *last_layer(atl_net *net, atl_node *x, int64_t classes) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t scope = atl_scope_push(net->g, "fc");
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(classes, x->shape.d[1]), ATL_INIT_NORMAL, 0.01f);
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(classes), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(net->g, scope);
    return atl_name_result(net, "logits", atl_dense(net->g, x, w, bias));
}

// "img" -> "logits" [n, classes]; nothing without a classifier
static void classify(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    if (!c->classes)
        return;
    atl_call_out(net, call, "logits", last_layer(net, trunk(net, c, call), c->classes));
}

// A ResNet-18; c_dim: classes, 0 for features alone; channel_base: channels of the first stage.  Small
// pictures are looked at in the form for them.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    enum { LEAST = 32, MOST = 1 << 14, SMALL = 64 };
    int channels = o->channel_base ? o->channel_base : 64;
    if (o->resolution < LEAST || o->resolution > MOST || o->c_dim < 0 || o->c_dim > CLASSES_MOST ||
        channels < 1 || channels > CHANNELS_MOST)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "a ResNet takes pictures from %d to %d, up to %d classes and %d channels, not %d, %d and %d",
            LEAST, MOST, CLASSES_MOST, CHANNELS_MOST, o->resolution, o->c_dim, channels);
    *json = json_pack("{s:i s:i s:[i,i,i,i] s:i s:i s:s s:s}", "height", o->resolution, "width",
                      o->resolution, "units", 2, 2, 2, 2, "channels", channels, "classes", o->c_dim, "block",
                      BLOCKS[0], "stem", STEMS[o->resolution <= SMALL]);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_resnet = {
    .kind = "resnet",
    .family = "resnet",
    .role = "features",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "features", features, false }, { "classify", classify, false } },
};
