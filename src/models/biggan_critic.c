// SPDX-License-Identifier: Apache-2.0
// The discriminators of SAGAN and BigGAN: residual blocks down to 4x4, the sum over pixels, and a projection
// on the class (Miyato and Koyama 2018).
#include <stdio.h>

#include "models/biggan.h"
#include "models/rows.h"
#include "nn/functions.h"

typedef struct config {
    int c_dim, resolution, channels;
    bool deep;
    atl_spectral sn;
    atl_biggan_blocks blocks;
} config;

static atl_status parse(atl_ctx *ctx, const json_t *j, void *config_) {
    config *c = config_;
    *c = (config){ .deep = json_is_true(json_object_get(j, "deep")), .sn.eps = 1e-8f };
    c->sn.through = json_is_true(json_object_get(j, "sn_through"));
    ATL_TRY(atl_config_int(ctx, j, "c_dim", 0, 1 << 20, &c->c_dim));
    ATL_TRY(atl_config_int(ctx, j, "img_resolution", 8, 1 << 12, &c->resolution));
    ATL_TRY(atl_config_int(ctx, j, "img_channels", 1, 64, &c->channels));
    ATL_TRY(atl_config_float(ctx, j, "sn_eps", &c->sn.eps));
    ATL_TRY(atl_biggan_parse_blocks(ctx, j, &c->blocks));
    int side = c->resolution;
    for (int i = 0; i < c->blocks.size; i++) {
        if (c->blocks.list[i].resamples && side % 2)
            return atl_fail(ctx, ATL_BAD_FILE, "block %d of the network's config can't halve %d pixels", i,
                            side);
        side = c->blocks.list[i].resamples ? side / 2 : side;
    }
    return ATL_OK;
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){
        .c_dim = c->c_dim, .channels = c->channels, .height = c->resolution, .width = c->resolution
    };
    return ATL_OK;
}

static atl_node *half(atl_graph *g, atl_node *x, bool yes) {
    const atl_pool_options means = { .kernel = 2, .stride = 2 };
    return yes ? atl_average_pool(g, x, &means) : x;
}

// Channels between the convolutions of a block: as many as come in or as go out, which the file says.
static int64_t hidden_of(const atl_net *net, int i, const atl_biggan_block *b) {
    char name[64];
    snprintf(name, sizeof name, "blocks.%d.0.conv1.bias", i);
    const atl_param *p = atl_params_find(net->params, name);
    return p && p->rank == 1 ? p->dims[0] : b->out;
}

// The first block of a picture has no ReLU before its convolutions, and its shortcut is pooled first.
static atl_node *plain_block(atl_net *net, const config *c, int i, atl_node *x) {
    const atl_biggan_block *b = &c->blocks.list[i];
    atl_graph *g = net->g;
    atl_node *h = i ? atl_relu(g, x) : x;
    h = atl_relu(g, atl_spectral_conv(net, "conv1", h, hidden_of(net, i, b), 3, true, &c->sn));
    h = half(g, atl_spectral_conv(net, "conv2", h, b->out, 3, true, &c->sn), b->resamples);
    x = i ? x : half(g, x, b->resamples);
    if (b->resamples || b->in != b->out)
        x = atl_spectral_conv(net, "conv_sc", x, b->out, 1, true, &c->sn);
    return atl_add(g, h, i ? half(g, x, b->resamples) : x);
}

// The shortcut keeps all channels and gets new ones beside them.
static atl_node *deep_block(atl_net *net, const config *c, const atl_biggan_block *b, atl_node *x) {
    const atl_spectral *sn = &c->sn;
    atl_graph *g = net->g;
    int hidden = b->out / 4;
    if (hidden < 1 || b->out < b->in)
        return atl_graph_fail(g, ATL_BAD_FILE, "a block of the deep form can't make %d channels of %d",
                              b->out, b->in);
    atl_node *h = atl_relu(g, atl_spectral_conv(net, "conv1", atl_relu(g, x), hidden, 1, true, sn));
    h = atl_relu(g, atl_spectral_conv(net, "conv2", h, hidden, 3, true, sn));
    h = atl_relu(g, atl_spectral_conv(net, "conv3", h, hidden, 3, true, sn));
    h = atl_spectral_conv(net, "conv4", half(g, h, b->resamples), b->out, 1, true, sn);
    x = half(g, x, b->resamples);
    if (b->out > b->in) {
        atl_node *both[2] = { x, atl_spectral_conv(net, "conv_sc", x, b->out - b->in, 1, true, sn) };
        x = atl_concat(g, both, 2, 3);
    }
    return atl_add(g, h, x);
}

static atl_node *blocks(atl_net *net, const config *c, atl_node *x) {
    for (int i = 0, stage = 0, depth = 0; i < c->blocks.size; i++, depth++) {
        const atl_biggan_block *b = &c->blocks.list[i];
        if (c->deep && i && b->resamples) { // a stage is a list of blocks and of the attention behind them
            stage++;
            depth = 0;
        }
        size_t scope = c->deep ? atl_scope_push(net->g, "blocks.%d.%d", stage, depth)
                               : atl_scope_push(net->g, "blocks.%d.0", i);
        x = atl_named(net->g, c->deep ? deep_block(net, c, b, x) : plain_block(net, c, i, x));
        atl_scope_pop(net->g, scope);
        scope = c->deep ? atl_scope_push(net->g, "blocks.%d.%d", stage, depth + 1)
                        : atl_scope_push(net->g, "blocks.%d.1", i);
        x = b->attends ? atl_biggan_attention(net, x, &c->sn) : x;
        atl_scope_pop(net->g, scope);
    }
    return x;
}

// w . h + bias + <row of the class, h>; label NULL: without the last
static atl_node *project(atl_net *net, const config *c, atl_node *h, atl_node *label) {
    atl_graph *g = net->g;
    if (!label)
        return atl_spectral_dense(net, "linear", h, 1, true, &c->sn);
    int64_t k = h->shape.d[1];
    size_t scope = atl_scope_push(g, "embed");
    atl_node *table = atl_spectral_weight(net, ATL_SHAPE(c->c_dim, k), &c->sn);
    atl_node *row = atl_matmul(g, label, table, false, false);
    atl_scope_pop(g, scope);
    atl_node *score = atl_spectral_dense(net, "linear", h, 1, true, &c->sn);
    return atl_add(g, score, atl_sum(g, atl_mul(g, row, h), 2u));
}

static void discriminate(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *x = atl_call_in(net, call, "img", ATL_SHAPE(c->resolution, c->resolution, c->channels));
    atl_node *label = atl_call_label(net, call, c->c_dim);
    if (c->deep)
        x = atl_spectral_conv(net, "input_conv", x, c->blocks.list[0].in, 3, true, &c->sn);
    x = blocks(net, c, x);
    if (x->op == ATL_OP_POISON)
        return;
    atl_node *h = atl_sum(g, atl_relu(g, x), 1u << 1 | 1u << 2); // [n, 1, 1, c]
    h = atl_reshape(g, h, ATL_SHAPE(x->shape.d[0], x->shape.d[3]));
    atl_call_out(net, call, "logits", atl_named(g, project(net, c, h, label)));
}

// ---- new networks

static atl_status init(atl_ctx *ctx, const atl_init_options *o, json_t **json) {
    atl_biggan_new n;
    ATL_TRY(atl_biggan_new_of(ctx, o, &n));
    *json =
        json_pack("{s:i s:i s:i s:b s:f s:o}", "c_dim", o->c_dim ? o->c_dim : 1000, "img_resolution",
                  o->resolution, "img_channels", o->img_channels ? o->img_channels : 3, "deep", n.deep,
                  "sn_eps", o->cfg[0] == 's' ? 1e-8 : 1e-6, "blocks",
                  atl_biggan_discriminator_blocks(&n, o->resolution, o->img_channels ? o->img_channels : 3));
    return *json ? ATL_OK : atl_fail(ctx, ATL_NO_MEMORY, "out of memory for the network's config");
}

const atl_model_row atl_biggan_discriminator = {
    .kind = "biggan_discriminator",
    .family = "biggan",
    .role = "discriminator",
    .config_bytes = sizeof(config),
    .parse = parse,
    .init = init,
    .dims = dims,
    .functions = { { "discriminate", discriminate, false } },
};
