// SPDX-License-Identifier: Apache-2.0
// Inception-v3 (Szegedy et al. 2016) of December 2015 with 1008 classes: the network whose features FID, KID
// and the Inception score compare.  Names of parameters are those of the usual PyTorch port of it.  It
// differs from the published network in three things: 1008 classes, averages that leave out the padding, and
// a maximum in place of the average in the last block.
//
// Pictures are [n, 299, 299, 3], (x - 128) / 128 for x from 0 to 255.
#include <math.h>
#include <string.h>

#include "models/backbone.h"
#include "models/rows.h"
#include "nn/functions.h"

enum { SIZE = 299, CLASSES = 1008, WIDTH = 2048, SPATIAL = 7 };

static const float EPS = 1e-3f; // of the batch norms

typedef struct config {
    int classes; // 0: features alone
    bool scale; // batch norms have a factor; the original file has none
} config;

typedef struct net {
    atl_net *net;
    atl_graph *g;
    const config *c;
} net;

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    int scale = 1;
    *c = (config){ CLASSES, true };
    if (json_object_get(json, "classes"))
        ATL_TRY(atl_config_int(ctx, json, "classes", 0, 1 << 16, &c->classes));
    if (json_object_get(json, "norm_scale"))
        ATL_TRY(atl_config_int(ctx, json, "norm_scale", 0, 1, &scale));
    c->scale = scale != 0;
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    (void)ctx;
    (void)config_;
    (void)params;
    *d = (atl_model_dims){ .channels = 3, .height = SIZE, .width = SIZE };
    return ATL_OK;
}

// ---- layers

// Size, stride and padding of a convolution.
typedef struct window {
    int kh, kw, stride, ph, pw;
} window;

static const window W1 = { 1, 1, 1, 0, 0 }, W3 = { 3, 3, 1, 1, 1 }, W3_HALF = { 3, 3, 2, 0, 0 },
                    W5 = { 5, 5, 1, 2, 2 }, W3_IN = { 3, 3, 1, 0, 0 }, W1X7 = { 1, 7, 1, 0, 3 },
                    W7X1 = { 7, 1, 1, 3, 0 }, W1X3 = { 1, 3, 1, 0, 1 }, W3X1 = { 3, 1, 1, 1, 0 };

// A convolution without what follows it, and its bias: both with the factor of the batch norm, which goes
// into the weights, so that a plan, of which they are constants, has no more to do.
static atl_node *linear_unit(const net *t, atl_node *x, int64_t out, window w, atl_node **offset) {
    atl_graph *g = t->g;
    int64_t in = x->shape.d[x->shape.rank - 1];
    atl_shape each = ATL_SHAPE(out), kernel = ATL_SHAPE(out, in, w.kh, w.kw);
    atl_node *weight = atl_net_param(t->net, "conv.weight", kernel, ATL_INIT_NORMAL,
                                     (float)sqrt(2.0 / (double)(in * w.kh * w.kw)));
    atl_node *factor = t->c->scale ? atl_net_param(t->net, "bn.weight", each, ATL_INIT_FILL, 1.0f) : NULL;
    atl_node *bias = atl_net_param(t->net, "bn.bias", each, ATL_INIT_ZERO, 0.0f);
    atl_node *mean = atl_net_buffer(t->net, "bn.running_mean", each, ATL_INIT_ZERO, 0.0f);
    atl_node *variance = atl_net_buffer(t->net, "bn.running_var", each, ATL_INIT_FILL, 1.0f);
    atl_node *root = atl_rsqrt(g, atl_affine(g, variance, 1.0f, EPS));
    factor = factor ? atl_mul(g, factor, root) : root;
    *offset = atl_sub(g, bias, atl_mul(g, mean, factor));
    weight = atl_mul(g, weight, atl_expand(g, atl_reshape(g, factor, ATL_SHAPE(out, 1, 1, 1)), kernel));
    atl_conv_attr a = { ATL_SLOT_Y, w.stride, w.stride, w.ph, w.ph, w.pw, w.pw, 1 };
    return atl_conv(g, x, weight, &a);
}

// Convolution, batch norm, ReLU.
static atl_node *unit(const net *t, atl_node *x, const char *name, int64_t out, window w) {
    atl_node *offset;
    size_t scope = atl_scope_push(t->g, "%s", name);
    x = linear_unit(t, x, out, w, &offset);
    x = atl_named(t->g, atl_relu(t->g, atl_add_bias(t->g, x, offset)));
    atl_scope_pop(t->g, scope);
    return x;
}

// Averages of 3x3 and a unit of 1x1.  The unit's linear part comes first, which is the same and leaves fewer
// channels to average.
static atl_node *pooled_unit(const net *t, atl_node *x, int64_t out) {
    const atl_pool_options mean = { .kernel = 3, .stride = 1, .pad = 1 };
    atl_node *offset;
    size_t scope = atl_scope_push(t->g, "branch_pool");
    x = atl_average_pool(t->g, linear_unit(t, x, out, W1, &offset), &mean);
    x = atl_named(t->g, atl_relu(t->g, atl_add_bias(t->g, x, offset)));
    atl_scope_pop(t->g, scope);
    return x;
}

static atl_node *max_pool(const net *t, atl_node *x) {
    return atl_max_pool(t->g, x, &(atl_pool_options){ .kernel = 3, .stride = 2 });
}

static atl_node *joined(const net *t, size_t scope, atl_node *const *parts, int count) {
    atl_node *x = atl_named(t->g, atl_concat(t->g, parts, count, 3));
    atl_scope_pop(t->g, scope);
    return x;
}

// ---- blocks, named as in the port; h = w = 35, 17, 8

static atl_node *block_a(const net *t, atl_node *x, const char *name, int64_t pooled) {
    size_t scope = atl_scope_push(t->g, "%s", name);
    atl_node *a = unit(t, x, "branch1x1", 64, W1);
    atl_node *b = unit(t, unit(t, x, "branch5x5_1", 48, W1), "branch5x5_2", 64, W5);
    atl_node *c = unit(t, unit(t, x, "branch3x3dbl_1", 64, W1), "branch3x3dbl_2", 96, W3);
    c = unit(t, c, "branch3x3dbl_3", 96, W3);
    atl_node *d = pooled_unit(t, x, pooled);
    return joined(t, scope, (atl_node *[]){ a, b, c, d }, 4);
}

static atl_node *block_b(const net *t, atl_node *x, const char *name) {
    size_t scope = atl_scope_push(t->g, "%s", name);
    atl_node *a = unit(t, x, "branch3x3", 384, W3_HALF);
    atl_node *b = unit(t, unit(t, x, "branch3x3dbl_1", 64, W1), "branch3x3dbl_2", 96, W3);
    b = unit(t, b, "branch3x3dbl_3", 96, W3_HALF);
    return joined(t, scope, (atl_node *[]){ a, b, max_pool(t, x) }, 3);
}

static atl_node *block_c(const net *t, atl_node *x, const char *name, int64_t c, atl_node **first) {
    size_t scope = atl_scope_push(t->g, "%s", name);
    atl_node *a = unit(t, x, "branch1x1", 192, W1);
    atl_node *b = unit(t, unit(t, x, "branch7x7_1", c, W1), "branch7x7_2", c, W1X7);
    b = unit(t, b, "branch7x7_3", 192, W7X1);
    atl_node *d = unit(t, unit(t, x, "branch7x7dbl_1", c, W1), "branch7x7dbl_2", c, W7X1);
    d = unit(t, unit(t, d, "branch7x7dbl_3", c, W1X7), "branch7x7dbl_4", c, W7X1);
    d = unit(t, d, "branch7x7dbl_5", 192, W1X7);
    atl_node *e = pooled_unit(t, x, 192);
    if (first)
        *first = a;
    return joined(t, scope, (atl_node *[]){ a, b, d, e }, 4);
}

static atl_node *block_d(const net *t, atl_node *x, const char *name) {
    size_t scope = atl_scope_push(t->g, "%s", name);
    atl_node *a = unit(t, unit(t, x, "branch3x3_1", 192, W1), "branch3x3_2", 320, W3_HALF);
    atl_node *b = unit(t, unit(t, x, "branch7x7x3_1", 192, W1), "branch7x7x3_2", 192, W1X7);
    b = unit(t, unit(t, b, "branch7x7x3_3", 192, W7X1), "branch7x7x3_4", 192, W3_HALF);
    return joined(t, scope, (atl_node *[]){ a, b, max_pool(t, x) }, 3);
}

static atl_node *block_e(const net *t, atl_node *x, const char *name, bool last) {
    size_t scope = atl_scope_push(t->g, "%s", name);
    atl_node *a = unit(t, x, "branch1x1", 320, W1), *b = unit(t, x, "branch3x3_1", 384, W1);
    atl_node *b1 = unit(t, b, "branch3x3_2a", 384, W1X3), *b2 = unit(t, b, "branch3x3_2b", 384, W3X1);
    atl_node *c = unit(t, unit(t, x, "branch3x3dbl_1", 448, W1), "branch3x3dbl_2", 384, W3);
    atl_node *c1 = unit(t, c, "branch3x3dbl_3a", 384, W1X3), *c2 = unit(t, c, "branch3x3dbl_3b", 384, W3X1);
    const atl_pool_options same = { .kernel = 3, .stride = 1, .pad = 1 };
    atl_node *d =
        last ? unit(t, atl_max_pool(t->g, x, &same), "branch_pool", 192, W1) : pooled_unit(t, x, 192);
    return joined(t, scope, (atl_node *[]){ a, b1, b2, c1, c2, d }, 6);
}

// ---- the network

// "img" [n, 299, 299, 3] -> [n, 17, 17, 768], the input of Mixed_6d
static atl_node *trunk(const net *t, atl_call *call) {
    atl_node *x = atl_call_in(t->net, call, "img", ATL_SHAPE(SIZE, SIZE, 3));
    x = unit(t, x, "Conv2d_1a_3x3", 32, W3_HALF);
    x = unit(t, unit(t, x, "Conv2d_2a_3x3", 32, W3_IN), "Conv2d_2b_3x3", 64, W3);
    x = atl_name_result(t->net, "maxpool1", max_pool(t, x));
    x = unit(t, unit(t, x, "Conv2d_3b_1x1", 80, W1), "Conv2d_4a_3x3", 192, W3_IN);
    x = atl_name_result(t->net, "maxpool2", max_pool(t, x));
    x = block_a(t, block_a(t, block_a(t, x, "Mixed_5b", 32), "Mixed_5c", 64), "Mixed_5d", 64);
    x = block_c(t, block_b(t, x, "Mixed_6a"), "Mixed_6b", 128, NULL);
    return block_c(t, x, "Mixed_6c", 160, NULL);
}

static atl_node *pooled(const net *t, atl_call *call) { // [n, 2048]
    atl_node *x = block_c(t, trunk(t, call), "Mixed_6d", 160, NULL);
    x = block_d(t, block_c(t, x, "Mixed_6e", 192, NULL), "Mixed_7a");
    x = block_e(t, block_e(t, x, "Mixed_7b", false), "Mixed_7c", true);
    x = atl_mean(t->g, x, 1u << 1 | 1u << 2);
    return atl_name_result(t->net, "pool3", atl_reshape(t->g, x, ATL_SHAPE(x->shape.d[0], WIDTH)));
}

// "img" -> "features" [n, 2048]
static void features(atl_net *n, const void *config_, atl_call *call) {
    net t = { n, n->g, config_ };
    atl_call_out(n, call, "features", pooled(&t, call));
}

// [n, 2048] -> "logits" [n, classes], "unbiased", the same without the bias of the classes, and "softmax" of
// these: what the Inception score is computed of
static void judge(atl_net *n, const config *c, atl_node *x, atl_call *call) {
    int64_t classes = c->classes;
    size_t scope = atl_scope_push(n->g, "fc");
    atl_node *w =
        atl_net_param(n, "weight", ATL_SHAPE(classes, WIDTH), ATL_INIT_NORMAL, (float)sqrt(1.0 / WIDTH));
    atl_node *bias = atl_net_param(n, "bias", ATL_SHAPE(classes), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(n->g, scope);
    x = atl_name_result(n, "unbiased", atl_matmul(n->g, x, w, false, true));
    atl_call_out(n, call, "unbiased", x);
    atl_call_out(n, call, "softmax", atl_softmax(n->g, x));
    atl_call_out(n, call, "logits", atl_name_result(n, "logits", atl_add_bias(n->g, x, bias)));
}

// "img" -> the same
static void classify(atl_net *n, const void *config_, atl_call *call) {
    const config *c = config_;
    net t = { n, n->g, c };
    if (c->classes)
        judge(n, c, pooled(&t, call), call);
}

// "features" [n, 2048] -> the same
static void classes(atl_net *n, const void *config_, atl_call *call) {
    const config *c = config_;
    if (c->classes)
        judge(n, c, atl_call_in(n, call, "features", ATL_SHAPE(WIDTH)), call);
}

// "img" -> "spatial" [n, 17, 17, 7]: the first channels of the seventh mixed block's first branch, which sFID
// compares (Nash et al. 2021, appendix A)
static void spatial(atl_net *n, const void *config_, atl_call *call) {
    net t = { n, n->g, config_ };
    atl_node *first;
    block_c(&t, trunk(&t, call), "Mixed_6d", 160, &first);
    atl_call_out(n, call, "spatial", atl_slice_axis(n->g, first, 3, 0, SPATIAL));
}

// c_dim: classes; 0: 1008.
static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    if (o->c_dim < 0 || o->c_dim > 1 << 16)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "Inception has up to 65536 classes, not %d", o->c_dim);
    *json = json_pack("{s:i}", "classes", o->c_dim ? o->c_dim : CLASSES);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_inception = {
    .kind = "inception_v3",
    .family = "inception",
    .role = "features",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "features", features, false },
                   { "classify", classify, false },
                   { "spatial", spatial, false },
                   { "classes", classes, false } },
};
