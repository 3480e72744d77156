// SPDX-License-Identifier: Apache-2.0
// A network at rest: its row, its config as JSON and as the row's own struct, its parameters.
#ifndef ATL_MODELS_NETWORK_H
#define ATL_MODELS_NETWORK_H

#include "models/model.h"

typedef struct atl_network {
    atl_ctx *ctx;
    const atl_model_row *row;
    json_t *json;
    void *config;
    atl_params params;
    atl_model_dims dims;
} atl_network;

// A new network from a config (one reference of `json` is taken, also on failure): parameters declared by
// building the network, and initial values that depend on the seed and on names alone.
atl_status atl_network_make(atl_ctx *ctx, const atl_model_row *row, json_t *json, uint64_t seed,
                            atl_network *network);
// A second one of the same config and values.
atl_status atl_network_copy(const atl_network *from, atl_network *to);
void atl_network_clear(atl_network *network); // accepts one that is all zeros

// Builds every function that a network has, for one sample: to list its parameters or layers.
void atl_network_build(atl_net *net, const atl_model_row *row, const void *config,
                       const atl_model_dims *dims);

// Adds the parameters that a network of this config has to an empty store, without values.
atl_status atl_network_declare(atl_ctx *ctx, const atl_model_row *row, const void *config,
                               const atl_model_dims *dims, atl_params *params);

#endif
