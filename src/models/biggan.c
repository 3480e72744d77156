// SPDX-License-Identifier: Apache-2.0
// The generators of SAGAN (Zhang et al. 2019), BigGAN and BigGAN-deep (Brock et al. 2019).
//
// There is no mapping network.  So that what works on styles works here too, a "w" is what norms are told,
// the class and z behind each other, and a network of k blocks has k + 1 of them: the first enters the first
// layer, number i the norms of block i - 1.  Plain BigGAN cuts z into k + 1 pieces of which each layer reads
// its own; layers of SAGAN read the class alone.  Truncation is of z: see base/truncated.c.
//
// Norms are batch norms whose scale and offset depend on w.  A class is a row of a table for all norms
// ("shared"), or each norm has tables of its own, and then w holds the label itself, of which mixtures are
// possible.  Without classes norms that would be told of them alone have a scale and an offset of their own.
#include <math.h>
#include <stdio.h>

#include "models/biggan.h"
#include "models/growing.h"
#include "models/rows.h"
#include "nn/functions.h"

enum { STATISTICS_MOST = 1 << 10 };
static const float MOMENTUM = 0.1f; // of stored statistics, as PyTorch has it

typedef struct config {
    int z_dim, c_dim, shared; // shared: numbers of a class's row; 0: norms have their own tables
    int resolution, channels;
    bool deep, hierarchical;
    bool z_first;   // w is z and the class behind it
    bool first_hwc; // the first layer's outputs are an image in the order h, w, c
    int statistics; // of how many truncations the norms know mean and variance; 0: of one
    float bn_eps;
    atl_spectral sn;
    atl_biggan_blocks blocks;
} config;

static int class_dim(const config *c) {
    return c->shared ? c->shared : c->c_dim;
}

static int slots(const config *c) {
    return c->blocks.size + 1;
}

// Of z for one layer of plain BigGAN.
static int piece(const config *c) {
    return c->z_dim / slots(c);
}

// ---- config

static atl_status parse_switches(atl_ctx *ctx, const json_t *j, config *c) {
    c->deep = json_is_true(json_object_get(j, "deep"));
    c->hierarchical = json_is_true(json_object_get(j, "hierarchical"));
    c->z_first = json_is_true(json_object_get(j, "z_first"));
    c->first_hwc = json_is_true(json_object_get(j, "first_hwc"));
    c->sn.both = json_is_true(json_object_get(j, "both_vectors"));
    c->sn.through = json_is_true(json_object_get(j, "sn_through"));
    c->sn.eps = 1e-8f;
    c->bn_eps = 1e-5f;
    if (json_object_get(j, "statistics"))
        ATL_TRY(atl_config_int(ctx, j, "statistics", 2, STATISTICS_MOST, &c->statistics));
    ATL_TRY(atl_config_float(ctx, j, "sn_eps", &c->sn.eps));
    ATL_TRY(atl_config_float(ctx, j, "bn_eps", &c->bn_eps));
    if (!(c->sn.eps >= 0.0f && c->bn_eps >= 0.0f))
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config says sn_eps = %g, bn_eps = %g",
                        (double)c->sn.eps, (double)c->bn_eps);
    return ATL_OK;
}

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ 0 };
    ATL_TRY(atl_config_int(ctx, j, "z_dim", 1, 1 << 16, &c->z_dim));
    ATL_TRY(atl_config_int(ctx, j, "c_dim", 0, 1 << 20, &c->c_dim));
    ATL_TRY(atl_config_int(ctx, j, "shared_dim", 0, 1 << 16, &c->shared));
    ATL_TRY(atl_config_int(ctx, j, "img_resolution", 8, 1 << 12, &c->resolution));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 64, &c->channels));
    ATL_TRY(atl_biggan_parse_blocks(ctx, j, &c->blocks));
    ATL_TRY(parse_switches(ctx, j, c));
    if (c->shared && !c->c_dim)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's config has a table of classes, and no classes");
    int side = 4;
    for (int i = 0; i < c->blocks.size && side <= 1 << 12; i++)
        side = c->blocks.list[i].resamples ? 2 * side : side;
    if (side != c->resolution)
        return atl_fail(ctx, ATL_BAD_FILE, "the network's blocks make %d pixels per side, its config says %d",
                        side, c->resolution);
    if (c->hierarchical && !c->deep && c->z_dim % slots(c))
        return atl_fail(ctx, ATL_BAD_FILE, "z of %d numbers can't be cut into %d equal pieces", c->z_dim,
                        slots(c));
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .z_dim = c->z_dim,
                           .c_dim = c->c_dim,
                           .w_dim = class_dim(c) + c->z_dim,
                           .num_ws = slots(c),
                           .channels = c->channels,
                           .height = c->resolution,
                           .width = c->resolution,
                           .cuts_z = true,
                           .default_psi = c->statistics ? 1.0f : 0.0f };
    return ATL_OK;
}

// ---- z and class to w

static void map(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *z = atl_call_latent(net, call, c->z_dim), *y = atl_call_label(net, call, c->c_dim);
    if (c->shared) {
        size_t scope = atl_scope_push(g, "shared");
        atl_node *table =
            atl_net_param(net, "weight", ATL_SHAPE(c->c_dim, c->shared), ATL_INIT_NORMAL, 0.02f);
        y = atl_named(g, atl_matmul(g, y, table, false, false));
        atl_scope_pop(g, scope);
    }
    atl_node *both[2] = { c->z_first ? z : y, c->z_first ? y : z };
    atl_call_out(net, call, "w", y ? atl_concat(g, both, 2, 1) : z);
}

// ---- what layers read of w

typedef struct state {
    const config *c;
    atl_node *ws;      // [n, slots, w_dim]
    atl_node *weights; // [1, statistics] of the norms' rows; NULL: there is one
} state;

static atl_node *layer_w(atl_net *net, const state *s, int slot) {
    int64_t n = s->ws->shape.d[0], w = s->ws->shape.d[2];
    return atl_reshape(net->g, atl_slice_axis(net->g, s->ws, 1, slot, 1), ATL_SHAPE(n, w));
}

static atl_node *class_of(atl_net *net, const config *c, atl_node *w) {
    return atl_slice_axis(net->g, w, 1, c->z_first ? c->z_dim : 0, class_dim(c));
}

static atl_node *z_of(atl_net *net, const config *c, atl_node *w, int begin, int count) {
    return atl_slice_axis(net->g, w, 1, (c->z_first ? 0 : class_dim(c)) + begin, count);
}

// What the norms of block i are told; NULL: nothing.
static atl_node *condition(atl_net *net, const state *s, int i) {
    const config *c = s->c;
    atl_node *w = layer_w(net, s, i + 1);
    if (!c->hierarchical)
        return c->c_dim ? class_of(net, c, w) : NULL;
    if (c->deep)
        return w;
    atl_node *of_z = z_of(net, c, w, (i + 1) * piece(c), piece(c));
    if (!c->c_dim)
        return of_z;
    atl_node *parts[2] = { class_of(net, c, w), of_z };
    return atl_concat(net->g, parts, 2, 1);
}

// What reads z: the first layer, and in hierarchical networks the two weights of each norm.
static bool reader(const void *config_, int index, atl_latent_reader *r) {
    const config *c = config_;
    const char *weight = c->sn.both ? "weight_orig" : "weight";
    int norms = c->deep ? 4 : 2, k = index - 1, class = class_dim(c);
    bool whole =
        c->deep && c->hierarchical; // w as it is, else a piece of z, behind the class where norms read it
    if (index < 0 || (k >= 0 && !c->hierarchical) || k >= 2 * norms * c->blocks.size)
        return false;
    int slot = k < 0 ? 0 : k / (2 * norms) + 1, z = c->z_first ? 0 : class;
    *r = (atl_latent_reader){ .layer = slot,
                              .from = whole   ? z
                                      : k < 0 ? 0
                                              : class,
                              .to = z,
                              .count = c->z_dim };
    if (c->hierarchical && !c->deep) {
        r->count = piece(c);
        r->to = z + slot * piece(c);
    }
    if (k < 0)
        snprintf(r->name, sizeof r->name, "linear.%s", weight);
    else
        snprintf(r->name, sizeof r->name, "blocks.%d.0.bn%d.%s.%s", slot - 1, k / 2 % norms + 1,
                 k % 2 ? "bias" : "gain", weight);
    return true;
}

// ---- layers

// A buffer of the norms [channels], or the weighted mean of its rows [statistics, channels].
static atl_node *statistic(atl_net *net, const state *s, const char *name, int64_t channels, float first) {
    int64_t rows = s->c->statistics;
    atl_init_kind kind = first == 0.0f ? ATL_INIT_ZERO : ATL_INIT_FILL;
    if (!rows)
        return atl_net_buffer(net, name, ATL_SHAPE(channels), kind, first);
    atl_node *all = atl_net_buffer(net, name, ATL_SHAPE(rows, channels), kind, first);
    return atl_reshape(net->g, atl_matmul(net->g, s->weights, all, false, false), ATL_SHAPE(channels));
}

// Mean and variance [channels] of x in training, with what becomes of the stored ones.
static void batch_statistics(atl_net *net, const state *s, atl_node *x, atl_node **mean,
                             atl_node **variance) {
    atl_graph *g = net->g;
    int64_t channels = x->shape.d[3], count = atl_shape_count(&x->shape) / channels;
    count *= net->processes ? net->processes->count : 1;
    statistic(net, s, "stored_mean", channels, 0.0f);
    statistic(net, s, "stored_var", channels, 1.0f);
    if (s->c->statistics) {
        *mean = *variance = atl_graph_fail(
            g, ATL_UNSUPPORTED, "norms that know statistics of several truncations can't be trained");
        return;
    }
    float unbiased = count > 1 ? (float)((double)count / (double)(count - 1)) : 1.0f;
    atl_batch_statistics(g, x, net->processes, mean, variance);
    atl_update *of_mean = atl_net_update(net, "stored_mean"),
               *of_variance = atl_net_update(net, "stored_var");
    if (!of_mean || !of_variance)
        return;
    if (of_mean->value)
        atl_graph_fail(g, ATL_UNSUPPORTED, "a network with batch norms enters a loss once");
    *of_mean = (atl_update){ *mean, 1.0f - MOMENTUM, 1.0f, NULL };
    *of_variance = (atl_update){ atl_scale(g, *variance, unbiased), 1.0f - MOMENTUM, unbiased, NULL };
}

// What a norm is told [n, k], or nothing (NULL), as a number for each channel [n, channels] beside `rest`.
static atl_node *told(atl_net *net, const config *c, const char *name, atl_node *y, atl_shape row,
                      float rest) {
    atl_graph *g = net->g;
    int64_t channels = row.d[1];
    if (!y)
        return atl_per_channel(g, atl_net_param(net, name, ATL_SHAPE(channels), ATL_INIT_FILL, rest), &row);
    if (c->shared || !c->c_dim) {
        y = atl_spectral_dense(net, name, y, channels, false, &c->sn);
    } else {
        size_t mark = atl_scope_push(g, "%s", name);
        atl_node *table = atl_net_param(net, "weight", ATL_SHAPE(c->c_dim, channels), ATL_INIT_ZERO, 0.0f);
        y = atl_named(g, atl_matmul(g, y, table, false, false));
        atl_scope_pop(g, mark);
    }
    return rest != 0.0f ? atl_affine(g, y, 1.0f, rest) : y;
}

// [n, channels] over the pixels of x
static atl_node *over_pixels(atl_graph *g, atl_node *v, const atl_node *x) {
    if (v->op == ATL_OP_POISON)
        return v;
    return atl_expand(g, atl_reshape(g, v, ATL_SHAPE(v->shape.d[0], 1, 1, v->shape.d[1])), x->shape);
}

// ReLU of (x - mean) / sqrt(variance + eps) (1 + gain(y)) + bias(y).  With known statistics that is a factor
// and an offset; those of the batch are subtracted first, which keeps digits where the mean is large.
static atl_node *norm(atl_net *net, const state *s, const char *scope, atl_node *x, atl_node *y) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON || (y && y->op == ATL_OP_POISON))
        return &g->poison;
    int64_t n = x->shape.d[0], channels = x->shape.d[3];
    atl_shape row = ATL_SHAPE(n, channels);
    atl_node *mean, *variance;
    size_t mark = atl_scope_push(g, "%s", scope);
    if (net->trains) {
        batch_statistics(net, s, x, &mean, &variance);
        x = mean->op == ATL_OP_POISON ? mean : atl_sub(g, x, atl_per_channel(g, mean, &x->shape));
    } else {
        mean = statistic(net, s, "stored_mean", channels, 0.0f);
        variance = statistic(net, s, "stored_var", channels, 1.0f);
    }
    atl_node *gain = told(net, s->c, "gain", y, row, 1.0f), *offset = told(net, s->c, "bias", y, row, 0.0f);
    if (x->op == ATL_OP_POISON || mean->op == ATL_OP_POISON || variance->op == ATL_OP_POISON)
        return &g->poison;
    atl_node *deviation = atl_rsqrt(g, atl_affine(g, variance, 1.0f, s->c->bn_eps));
    atl_node *scale = atl_mul(g, gain, atl_per_channel(g, deviation, &row));
    if (!net->trains)
        offset = atl_sub(g, offset, atl_mul(g, scale, atl_per_channel(g, mean, &row)));
    if (offset->op == ATL_OP_POISON)
        return offset;
    x = atl_relu(g, atl_add(g, atl_scale_channels(g, x, scale), over_pixels(g, offset, x)));
    atl_scope_pop(g, mark);
    return x;
}

static atl_node *twice(atl_graph *g, atl_node *x, bool yes) {
    return yes && x->op != ATL_OP_POISON ? atl_nearest_up(g, x) : x;
}

static atl_node *plain_block(atl_net *net, const state *s, const atl_biggan_block *b, atl_node *x,
                             atl_node *y) {
    const atl_spectral *sn = &s->c->sn;
    atl_graph *g = net->g;
    atl_node *h = atl_spectral_conv(net, "conv1", twice(g, norm(net, s, "bn1", x, y), b->resamples), b->out,
                                    3, true, sn);
    h = atl_spectral_conv(net, "conv2", norm(net, s, "bn2", h, y), b->out, 3, true, sn);
    if (b->resamples || b->in != b->out) // a convolution of 1x1 may as well come before pixels are repeated
        x = atl_spectral_conv(net, "conv_sc", x, b->out, 1, true, sn);
    return atl_add(g, h, twice(g, x, b->resamples));
}

static atl_node *deep_block(atl_net *net, const state *s, const atl_biggan_block *b, atl_node *x,
                            atl_node *y) {
    const atl_spectral *sn = &s->c->sn;
    atl_graph *g = net->g;
    int hidden = b->in / 4;
    if (hidden < 1 || b->out > b->in)
        return atl_graph_fail(g, ATL_BAD_FILE, "a block of the deep form can't make %d channels of %d",
                              b->out, b->in);
    atl_node *h = atl_spectral_conv(net, "conv1", norm(net, s, "bn1", x, y), hidden, 1, true, sn);
    h = twice(g, norm(net, s, "bn2", h, y), b->resamples);
    h = atl_spectral_conv(net, "conv2", h, hidden, 3, true, sn);
    h = atl_spectral_conv(net, "conv3", norm(net, s, "bn3", h, y), hidden, 3, true, sn);
    h = atl_spectral_conv(net, "conv4", norm(net, s, "bn4", h, y), b->out, 1, true, sn);
    if (b->out < b->in)
        x = atl_slice_axis(g, x, 3, 0, b->out);
    return atl_add(g, h, twice(g, x, b->resamples));
}

// -> [n, 4, 4, c]
static atl_node *first(atl_net *net, const state *s) {
    const config *c = s->c;
    atl_graph *g = net->g;
    atl_node *w = layer_w(net, s, 0);
    if (!(c->deep && c->hierarchical))
        w = z_of(net, c, w, 0, c->hierarchical ? piece(c) : c->z_dim);
    int64_t channels = c->blocks.list[0].in;
    atl_node *x = atl_spectral_dense(net, "linear", w, channels * 16, true, &c->sn);
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t n = x->shape.d[0];
    if (c->first_hwc)
        return atl_reshape(g, x, ATL_SHAPE(n, 4, 4, channels));
    return atl_permute(g, atl_reshape(g, x, ATL_SHAPE(n, channels, 4, 4)), (int[]){ 0, 2, 3, 1 });
}

// Norm, ReLU, convolution.  With two vectors it makes as many channels as come in; the image is the first of
// them.
static atl_node *last(atl_net *net, const state *s, atl_node *x) {
    atl_graph *g = net->g;
    if (x->op == ATL_OP_POISON)
        return x;
    size_t scope = atl_scope_push(g, "output_layer");
    int64_t channels = x->shape.d[3];
    size_t bn = atl_scope_push(g, "0");
    atl_node *scale = atl_net_param(net, "gain", ATL_SHAPE(channels), ATL_INIT_FILL, 1.0f);
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(channels), ATL_INIT_ZERO, 0.0f);
    float eps = s->c->statistics ? s->c->bn_eps : 1e-5f;
    atl_node *mean, *variance;
    if (net->trains) {
        batch_statistics(net, s, x, &mean, &variance);
        x = mean->op == ATL_OP_POISON ? mean : atl_sub(g, x, atl_per_channel(g, mean, &x->shape));
        mean = atl_fill(g, ATL_SHAPE(channels), 0.0f);
    } else {
        mean = statistic(net, s, "stored_mean", channels, 0.0f);
        variance = statistic(net, s, "stored_var", channels, 1.0f);
    }
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_relu(g, atl_batch_norm(g, x, mean, variance, scale, bias, eps));
    atl_scope_pop(g, bn);
    int64_t out = s->c->sn.both && channels > s->c->channels ? channels : s->c->channels;
    x = atl_spectral_conv(net, "2", x, out, 3, true, &s->c->sn);
    if (out > s->c->channels)
        x = atl_slice_axis(g, x, 3, 0, s->c->channels);
    x = atl_named(g, x);
    atl_scope_pop(g, scope);
    return x;
}

// ws [n, blocks + 1, w_dim] -> img; where norms know several truncations, the setting "statistics" [1, rows]
// weighs their rows.
static void synthesize(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    state s = { .c = c };
    s.ws = atl_call_in(net, call, "ws", ATL_SHAPE(slots(c), class_dim(c) + c->z_dim));
    if (c->statistics) {
        float initial[STATISTICS_MOST] = { 0 };
        initial[c->statistics - 1] = 1.0f;
        s.weights = atl_call_setting(net, call, "statistics", ATL_SHAPE(1, c->statistics), initial);
    }
    atl_node *x = first(net, &s);
    for (int i = 0; i < c->blocks.size; i++) {
        const atl_biggan_block *b = &c->blocks.list[i];
        size_t scope = atl_scope_push(g, "blocks.%d.0", i);
        atl_node *y = condition(net, &s, i);
        x = atl_named(g, c->deep ? deep_block(net, &s, b, x, y) : plain_block(net, &s, b, x, y));
        x = atl_call_features(net, call, x);
        atl_scope_pop(g, scope);
        scope = atl_scope_push(g, "blocks.%d.1", i);
        x = b->attends ? atl_biggan_attention(net, x, &c->sn) : x;
        atl_scope_pop(g, scope);
    }
    atl_call_out(net, call, "img", atl_tanh(g, last(net, &s, x)));
}

// ---- new networks

static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    atl_biggan_new n;
    ATL_TRY(atl_biggan_new_of(ctx, o, &n));
    bool sagan = o->cfg[0] == 's';
    json_t *blocks = atl_biggan_generator_blocks(&n, o->resolution);
    int pieces = (int)json_array_size(blocks) + 1, z = n.deep || sagan ? 128 : 128 / pieces * pieces;
    *json = json_pack("{s:i s:i s:i s:i s:i s:b s:b s:f s:o}", "z_dim", z, "c_dim",
                      o->c_dim ? o->c_dim : 1000, "shared_dim", sagan ? 0 : 128, "img_resolution",
                      o->resolution, "img_channels", o->img_channels ? o->img_channels : 3, "deep", n.deep,
                      "hierarchical", !sagan, "sn_eps", sagan ? 1e-8 : 1e-6, "blocks", blocks);
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_biggan_generator = {
    .kind = "biggan_generator",
    .family = "biggan",
    .role = "generator",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .reader = reader,
    .functions = { { "map", map, false }, { "synthesize", synthesize, false } },
};
