// SPDX-License-Identifier: Apache-2.0
// VGG16 (Simonyan and Zisserman 2015, configuration D): the classifier whose features perceptual losses
// compare.  Names of parameters are those of the usual PyTorch port, where layers are counted with their
// activations and poolings: features.0, features.2, ... features.28, classifier.0, 3 and 6.
//
// Pictures are [n, h, w, 3] with the colours as the training set had them: (x - mean) / deviation for x from
// 0 to 1, mean (0.485, 0.456, 0.406), deviation (0.229, 0.224, 0.225).
#include <stdio.h>

#include "models/backbone.h"
#include "models/rows.h"
#include "models/trunk.h"
#include "nn/functions.h"

enum { POOLED = 7, HIDDEN = 4096, STAGES = 5, CONVOLUTIONS = 3 };

typedef struct config {
    atl_picture_size size;
    int classes; // 0: without its classifier, as losses use it
} config;

// Each stage: convolutions of 3x3, then the maximum over 2x2.
static const struct {
    int convolutions, channels;
    const char *out[CONVOLUTIONS], *pooled;
} STAGE[STAGES] = {
    { 2, 64, { "conv1_1", "conv1_2" }, "pool1" },
    { 2, 128, { "conv2_1", "conv2_2" }, "pool2" },
    { 3, 256, { "conv3_1", "conv3_2", "conv3_3" }, "pool3" },
    { 3, 512, { "conv4_1", "conv4_2", "conv4_3" }, "pool4" },
    { 3, 512, { "conv5_1", "conv5_2", "conv5_3" }, "pool5" },
};

// The results of a stage: of its convolutions, and after its pooling.
typedef struct stage {
    atl_node *out[CONVOLUTIONS], *pooled;
} stage;

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    *c = (config){ .classes = 0 };
    if (json_object_get(json, "classes"))
        ATL_TRY(atl_config_int(ctx, json, "classes", 0, 1 << 16, &c->classes));
    return atl_config_picture(ctx, json, &c->size);
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .channels = 3, .height = c->size.height, .width = c->size.width };
    return ATL_OK;
}

// Without `pool` the last pooling is left out.
static void trunk(atl_net *net, atl_node *x, stage *stages, bool pool) {
    const atl_pool_options half = { .kernel = 2, .stride = 2 };
    const atl_relu_conv three = { 3, 1, 1 };
    for (int s = 0, at = 0; s < STAGES; s++, at++) {
        stage *to = &stages[s];
        for (int k = 0; k < STAGE[s].convolutions; k++, at += 2) {
            char name[32];
            snprintf(name, sizeof name, "features.%d", at);
            x = atl_conv_relu(net, name, x, STAGE[s].channels, three);
            x = to->out[k] = atl_name_result(net, STAGE[s].out[k], x);
        }
        if (!pool && s == STAGES - 1)
            break;
        x = to->pooled = atl_name_result(net, STAGE[s].pooled, atl_max_pool(net->g, x, &half));
    }
}

static void run(atl_net *net, atl_node *x, atl_node **taps) {
    stage stages[STAGES];
    trunk(net, x, stages, false);
    for (int s = 0; s < STAGES; s++)
        taps[s] = stages[s].out[STAGE[s].convolutions - 1];
}

const atl_backbone atl_backbone_vgg = { "vgg", STAGES, { 64, 128, 256, 512, 512 }, run };

// "img" -> "conv1_1" [n, h, w, 64], "conv1_2", "pool1" [n, h / 2, w / 2, 64] ... "pool5" [n, h / 32, w / 32, 512]
static void features(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    stage stages[STAGES];
    trunk(net, atl_call_picture(net, call, "img", &c->size), stages, true);
    for (int s = 0; s < STAGES; s++) {
        for (int k = 0; k < STAGE[s].convolutions; k++)
            atl_call_out(net, call, STAGE[s].out[k], stages[s].out[k]);
        atl_call_out(net, call, STAGE[s].pooled, stages[s].pooled);
    }
}

// "img" -> "fc1" [n, 4096] after its activation, "fc2" [n, 4096] before, "logits" [n, classes]; nothing
// without a classifier
static void classify(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    if (!c->classes)
        return;
    stage stages[STAGES];
    trunk(net, atl_call_picture(net, call, "img", &c->size), stages, true);
    atl_node *x = stages[STAGES - 1].pooled;
    x = atl_adaptive_average_pool(g, x, POOLED, POOLED);
    x = atl_permute(g, x, (const int[]){ 0, 3, 1, 2 }); // rows of the first matrix are c, h, w
    x = atl_reshape(g, x, ATL_SHAPE(x->shape.d[0], (int64_t)512 * POOLED * POOLED));
    x = atl_name_result(net, "fc1", atl_relu(g, atl_plain_linear(net, "classifier.0", x, HIDDEN)));
    atl_call_out(net, call, "fc1", x);
    x = atl_name_result(net, "fc2", atl_plain_linear(net, "classifier.3", x, HIDDEN));
    atl_call_out(net, call, "fc2", x);
    x = atl_plain_linear(net, "classifier.6", atl_relu(g, x), c->classes);
    atl_call_out(net, call, "logits", atl_name_result(net, "logits", x));
}

// c_dim: classes, 0 for features alone.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    if (o->resolution < 32 || o->resolution > 1 << 14 || o->c_dim < 0 || o->c_dim > 1 << 16)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "VGG16 takes pictures from 32 to 16384 and up to 65536 classes, not %d and %d",
                        o->resolution, o->c_dim);
    *json = json_pack("{s:i s:i s:i}", "height", o->resolution, "width", o->resolution, "classes", o->c_dim);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_vgg16 = {
    .kind = "vgg16",
    .family = "vgg16",
    .role = "features",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "features", features, false }, { "classify", classify, false } },
};
