// SPDX-License-Identifier: Apache-2.0
// What judges whether a w comes from the mapping network or from an encoder (Tov et al. 2021, section 4):
// four matrices with leaky ReLUs between them.  Names of parameters are those of the usual files:
// mlp.0.weight, ...
#include <math.h>
#include <stdio.h>

#include "models/rows.h"
#include "models/trunk.h"

enum { WIDTH_MOST = 1 << 14, HIDDEN = 3 };

static const float SLOPE = 0.2f;

typedef struct config {
    int w_dim;
} config;

static atl_status parse(atl_ctx *ctx, const json_t *json, void *config_) {
    config *c = config_;
    return atl_config_int(ctx, json, "w_dim", 1, WIDTH_MOST, &c->w_dim);
}

static atl_status dims(atl_ctx *ctx, const void *config_, const atl_params *params, atl_model_dims *d) {
    const config *c = config_;
    (void)ctx;
    (void)params;
    *d = (atl_model_dims){ .w_dim = c->w_dim, .num_logits = 1 };
    return ATL_OK;
}

// "w" [w_dim] -> "logits" [n, 1]
static void discriminate(atl_net *net, const void *config_, atl_call *call) {
    const config *c = config_;
    atl_node *x = atl_call_in(net, call, "w", ATL_SHAPE(c->w_dim));
    for (int i = 0; i <= HIDDEN; i++) {
        char name[16];
        snprintf(name, sizeof name, "mlp.%d", 2 * i);
        x = atl_plain_linear(net, name, x, i < HIDDEN ? c->w_dim : 1);
        x = i < HIDDEN ? atl_lrelu(net->g, x, SLOPE) : x;
    }
    atl_call_out(net, call, "logits", x);
}

const atl_model_row atl_latent_critic = {
    .kind = "latent_discriminator",
    .family = "latent",
    .role = "discriminator",
    .config_bytes = sizeof(config),
    .parse = parse,
    .dims = dims,
    .functions = { { "discriminate", discriminate, false } },
};
