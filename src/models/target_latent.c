// SPDX-License-Identifier: Apache-2.0
// Where GAN-supervised alignment takes the pictures of a generator to (Peebles et al. 2022, section 3.2): one
// w for each cluster, the average of w plus coefficients of its principal directions, which are what is
// learnt.
//
//     coefficients [heads, directions]    directions [directions, w_dim]    lat_mean [1, w_dim]
#include "models/rows.h"
#include "nn/functions.h"

enum { HEADS_MOST = 64, DIRECTIONS_MOST = 1 << 14, WIDTH_MOST = 1 << 14 };

typedef struct config {
    int heads, directions, w_dim;
} config;

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    *c = (config){ .heads = 1 };
    ATL_TRY(atl_config_int(ctx, json, "num_heads", 1, HEADS_MOST, &c->heads));
    ATL_TRY(atl_config_int(ctx, json, "directions", 1, DIRECTIONS_MOST, &c->directions));
    return atl_config_int(ctx, json, "w_dim", 1, WIDTH_MOST, &c->w_dim);
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .w_dim = c->w_dim, .num_ws = 1 };
    return ATL_OK;
}

// "w" [w_dim] of a picture -> "w" [heads, w_dim], which lies between the target and it: psi 0 is the target
static void target(atl_net *net, const void *config_, atl_call *call) {
    static const float zero = 0.0f;
    const config *c = config_;
    atl_graph *g = net->g;
    atl_node *w = atl_call_in(net, call, "w", ATL_SHAPE(c->w_dim));
    atl_node *psi = atl_call_setting(net, call, "psi", ATL_SHAPE(1), &zero);
    atl_node *k = atl_net_param(net, "coefficients", ATL_SHAPE(c->heads, c->directions), ATL_INIT_ZERO, 0.0f);
    atl_node *d = atl_net_buffer(net, "directions", ATL_SHAPE(c->directions, c->w_dim), ATL_INIT_ZERO, 0.0f);
    atl_node *mean = atl_net_buffer(net, "lat_mean", ATL_SHAPE(1, c->w_dim), ATL_INIT_ZERO, 0.0f);
    if (w->op == ATL_OP_POISON || k->op == ATL_OP_POISON || d->op == ATL_OP_POISON ||
        mean->op == ATL_OP_POISON)
        return;
    const atl_shape shape = ATL_SHAPE(w->shape.d[0], c->heads, c->w_dim), one = ATL_SHAPE(c->heads, c->w_dim);
    atl_node *to = atl_add(g, atl_matmul(g, k, d, false, false), atl_expand(g, mean, one));
    to = atl_expand(g, atl_reshape(g, to, ATL_SHAPE(1, c->heads, c->w_dim)), shape);
    w = atl_expand(g, atl_reshape(g, w, ATL_SHAPE(shape.d[0], 1, c->w_dim)), shape);
    psi = atl_expand(g, atl_reshape(g, psi, ATL_SHAPE(1, 1, 1)), shape);
    atl_call_out(net, call, "w", atl_add(g, to, atl_mul(g, atl_sub(g, w, to), psi)));
}

const atl_model_row atl_target_latent = {
    .kind = "target_latent",
    .family = "gangealing",
    .role = "target",
    .config_bytes = sizeof(config),
    .parse = parse,
    .dims = dims,
    .functions = { { "target", target, false } },
};
