// SPDX-License-Identifier: Apache-2.0
// Units and stages of the residual trunks: models/trunk.h.
#include "models/trunk.h"

#include <math.h>

#include "models/backbone.h"
#include "nn/functions.h"

enum { SQUEEZE = 16 }; // the factor by which squeeze-excitation narrows
enum { UNITS_MOST = 64, CHANNELS_MOST = 4096 };

static const float EPS = 1e-5f; // of the batch norms

// ---- pieces

// He et al. 2015, equation 10.
static float deviation(int64_t fan_in) {
    return (float)sqrt(2.0 / (double)fan_in);
}

typedef struct norm {
    atl_node *scale, *bias, *mean, *variance; // [c]; scale and bias NULL: it has none
} norm;

static norm norm_params(atl_net *net, const char *name, int64_t c, bool affine) {
    norm m = { 0 };
    size_t scope = atl_scope_push(net->g, "%s", name);
    if (affine) {
        m.scale = atl_net_param(net, "weight", ATL_SHAPE(c), ATL_INIT_FILL, 1.0f);
        m.bias = atl_net_param(net, "bias", ATL_SHAPE(c), ATL_INIT_ZERO, 0.0f);
    }
    m.mean = atl_net_buffer(net, "running_mean", ATL_SHAPE(c), ATL_INIT_ZERO, 0.0f);
    m.variance = atl_net_buffer(net, "running_var", ATL_SHAPE(c), ATL_INIT_FILL, 1.0f);
    atl_scope_pop(net->g, scope);
    return m;
}

// Factor and offset [c] of a batch norm in evaluation.
static void norm_of(atl_graph *g, const norm *m, atl_node **factor, atl_node **offset) {
    *factor = atl_rsqrt(g, atl_affine(g, m->variance, 1.0f, EPS));
    if (m->scale)
        *factor = atl_mul(g, *factor, m->scale);
    *offset = atl_neg(g, atl_mul(g, m->mean, *factor));
    if (m->bias)
        *offset = atl_add(g, *offset, m->bias);
}

// In training: by the batch, whose mean and variance are kept for the buffers.
static atl_node *norm_by_batch(atl_net *net, const norm *m, atl_node *x) {
    atl_norms *all = net->norms;
    atl_node *mean, *variance;
    if (all->count == ATL_NORMS)
        return atl_graph_fail(net->g, ATL_UNSUPPORTED, "at most %d batch norms are trained", ATL_NORMS);
    x = atl_batch_norm_train(net->g, x, m->scale, m->bias, EPS, &mean, &variance);
    all->list[all->count].buffers[0] = m->mean;
    all->list[all->count].buffers[1] = m->variance;
    all->list[all->count].batch[0] = mean;
    all->list[all->count++].batch[1] = variance;
    return x;
}

atl_node *atl_trunk_norm(atl_net *net, const char *name, atl_node *x, bool affine) {
    atl_node *factor, *offset;
    if (x->op == ATL_OP_POISON)
        return x;
    const norm m = norm_params(net, name, x->shape.d[x->shape.rank - 1], affine);
    if (net->norms)
        return norm_by_batch(net, &m, x);
    norm_of(net->g, &m, &factor, &offset);
    return atl_add_bias(net->g, atl_mul(net->g, x, atl_per_channel(net->g, factor, &x->shape)), offset);
}

// The norm's factor goes into the weights, so that a plan, of which both are constants, has no more to do.
atl_node *atl_conv_norm(atl_net *net, const char *conv, const char *name, atl_node *x, atl_norm_conv o) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t in = x->shape.d[3];
    atl_shape shape = ATL_SHAPE(o.out, in, o.kernel, o.kernel);
    size_t scope = atl_scope_push(g, "%s", conv);
    atl_node *w = atl_net_param(net, "weight", shape, ATL_INIT_NORMAL, deviation(in * o.kernel * o.kernel));
    atl_scope_pop(g, scope);
    atl_node *factor, *offset;
    const norm m = norm_params(net, name, o.out, true);
    if (net->norms)
        return norm_by_batch(net, &m, atl_conv2d(g, x, w, o.stride, o.pad));
    norm_of(g, &m, &factor, &offset);
    w = atl_mul(g, w, atl_expand(g, atl_reshape(g, factor, ATL_SHAPE(o.out, 1, 1, 1)), shape));
    return atl_add_bias(g, atl_conv2d(g, x, w, o.stride, o.pad), offset);
}

// x > 0 ? x : slope x, as slope x plus (1 - slope) x where x > 0: two steps of a plan, each with its factor.
atl_node *atl_prelu(atl_net *net, const char *name, atl_node *x) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    size_t scope = atl_scope_push(g, "%s", name);
    atl_node *slope =
        atl_net_param(net, "weight", ATL_SHAPE(x->shape.d[x->shape.rank - 1]), ATL_INIT_FILL, 0.25f);
    atl_scope_pop(g, scope);
    atl_node *more = atl_mul(g, x, atl_per_channel(g, atl_affine(g, slope, -1.0f, 1.0f), &x->shape));
    more = atl_mul(g, more, atl_unary(g, ATL_FN_STEP, x, 0.0f, 0.0f));
    return atl_add(g, atl_mul(g, x, atl_per_channel(g, slope, &x->shape)), more);
}

atl_node *atl_bias_conv(atl_net *net, const char *name, atl_node *x, atl_norm_conv o) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t in = x->shape.d[3];
    size_t scope = atl_scope_push(g, "%s", name);
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(o.out, in, o.kernel, o.kernel), ATL_INIT_NORMAL,
                                deviation(in * o.kernel * o.kernel));
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(o.out), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(g, scope);
    return atl_add_bias(g, atl_conv2d(g, x, w, o.stride, o.pad), bias);
}

atl_node *atl_plain_linear(atl_net *net, const char *name, atl_node *x, int64_t out) {
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t in = x->shape.d[1];
    size_t scope = atl_scope_push(net->g, "%s", name);
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in), ATL_INIT_NORMAL, deviation(in));
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f);
    atl_scope_pop(net->g, scope);
    return atl_dense(net->g, x, w, bias);
}

// ---- IR

// x [n, h, w, c] times a factor of each channel that the means of all channels decide (Hu et al. 2018).
static atl_node *squeeze_excite(atl_net *net, atl_node *x) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0], c = x->shape.d[3], narrow = c / SQUEEZE;
    size_t scope = atl_scope_push(g, "5");
    atl_node *down =
        atl_net_param(net, "fc1.weight", ATL_SHAPE(narrow, c, 1, 1), ATL_INIT_NORMAL, deviation(c));
    atl_node *up =
        atl_net_param(net, "fc2.weight", ATL_SHAPE(c, narrow, 1, 1), ATL_INIT_NORMAL, deviation(narrow));
    atl_scope_pop(g, scope);
    atl_node *s = atl_reshape(g, atl_mean(g, x, 1u << 1 | 1u << 2), ATL_SHAPE(n, c));
    s = atl_relu(g, atl_dense(g, s, atl_reshape(g, down, ATL_SHAPE(narrow, c)), NULL));
    s = atl_sigmoid(g, atl_dense(g, s, atl_reshape(g, up, ATL_SHAPE(c, narrow)), NULL));
    return atl_scale_channels(g, x, s);
}

static atl_node *ir_unit(atl_net *net, atl_node *x, int64_t out, int stride, bool se) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    const atl_norm_conv one = { out, 1, stride, 0 }, second = { out, 3, stride, 1 };
    int64_t in = x->shape.d[3];
    atl_node *shortcut = x;
    size_t scope;
    if (in != out) {
        scope = atl_scope_push(g, "shortcut_layer");
        shortcut = atl_conv_norm(net, "0", "1", x, one);
        atl_scope_pop(g, scope);
    } else if (stride > 1) { // every stride-th pixel
        shortcut = atl_max_pool(g, x, &(atl_pool_options){ .kernel = 1, .stride = stride });
    }
    scope = atl_scope_push(g, "res_layer");
    atl_node *y = atl_trunk_norm(net, "0", x, true);
    size_t inner = atl_scope_push(g, "1");
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in, 3, 3), ATL_INIT_NORMAL, deviation(9 * in));
    atl_scope_pop(g, inner);
    y = atl_prelu(net, "2", atl_conv2d(g, y, w, 1, 1));
    y = atl_conv_norm(net, "3", "4", y, second);
    if (se)
        y = squeeze_excite(net, y);
    atl_scope_pop(g, scope);
    return atl_add(g, y, shortcut);
}

// ---- ResNet

static atl_node *basic_unit(atl_net *net, atl_node *x, int64_t out, int stride) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    const atl_norm_conv one = { out, 1, stride, 0 }, first = { out, 3, stride, 1 }, second = { out, 3, 1, 1 };
    atl_node *shortcut = x;
    if (x->shape.d[3] != out || stride > 1)
        shortcut = atl_conv_norm(net, "downsample.0", "downsample.1", x, one);
    atl_node *y = atl_relu(g, atl_conv_norm(net, "conv1", "bn1", x, first));
    return atl_relu(g, atl_add(g, atl_conv_norm(net, "conv2", "bn2", y, second), shortcut));
}

// ---- all stages

static atl_node *stem(atl_net *net, const atl_trunk *t, atl_node *x) {
    if (t->kind == ATL_TRUNK_RESNET) {
        const atl_norm_conv seven = { t->channels[0], 7, 2, 3 };
        return atl_name_result(net, "relu",
                               atl_prelu(net, "relu", atl_conv_norm(net, "conv1", "bn1", x, seven)));
    }
    const atl_norm_conv three = { t->channels[0], 3, 1, 1 };
    x = atl_conv_norm(net, "input_layer.0", "input_layer.1", x, three);
    return atl_name_result(net, "input_layer", atl_prelu(net, "input_layer.2", x));
}

atl_trunk_maps atl_trunk_run(atl_net *net, const atl_trunk *t, atl_node *x) {
    atl_node *stages[ATL_TRUNK_STAGES];
    x = stem(net, t, x);
    for (int s = 0, at = 0; s < ATL_TRUNK_STAGES; s++) {
        for (int u = 0; u < t->units[s]; u++, at++) {
            int stride = u == 0 && (s > 0 || t->kind != ATL_TRUNK_RESNET) ? 2 : 1;
            size_t scope = atl_scope_push(net->g, "body.%d", at);
            x = t->kind == ATL_TRUNK_RESNET
                    ? basic_unit(net, x, t->channels[s], stride)
                    : ir_unit(net, x, t->channels[s], stride, t->kind == ATL_TRUNK_IR_SE);
            x = atl_named(net->g, x);
            atl_scope_pop(net->g, scope);
        }
        stages[s] = x;
    }
    return (atl_trunk_maps){ stages[1], stages[2], stages[3] };
}

// ---- configs

static atl_status four(atl_ctx *ctx, const json_t *json, const char *key, int most, int *values) {
    const json_t *list = json_object_get(json, key);
    bool good = json_array_size(list) == ATL_TRUNK_STAGES;
    for (size_t i = 0; good && i < ATL_TRUNK_STAGES; i++) {
        const json_t *v = json_array_get(list, i);
        good = json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= most;
        values[i] = good ? (int)json_integer_value(v) : 0;
    }
    return good ? ATL_OK
                : atl_fail(ctx, ATL_BAD_FILE,
                           "the network's config has no list \"%s\" of %d numbers from 1 to %d", key,
                           ATL_TRUNK_STAGES, most);
}

atl_status atl_config_trunk(atl_ctx *ctx, const json_t *json, atl_trunk *t) {
    static const char *const kinds[] = { "ir_se", "ir", "resnet", NULL };
    int kind;
    ATL_TRY(atl_config_choice(ctx, json, "trunk", kinds, &kind));
    t->kind = (atl_trunk_kind)kind;
    ATL_TRY(four(ctx, json, "units", UNITS_MOST, t->units));
    ATL_TRY(four(ctx, json, "channels", CHANNELS_MOST, t->channels));
    for (int i = 0; i < ATL_TRUNK_STAGES; i++)
        if (t->kind == ATL_TRUNK_IR_SE && t->channels[i] < SQUEEZE)
            return atl_fail(ctx, ATL_BAD_FILE,
                            "the network's config says %d channels, which can't be squeezed by %d",
                            t->channels[i], SQUEEZE);
    return ATL_OK;
}
