// SPDX-License-Identifier: Apache-2.0
// The parameters of a file that the network of its config has no use for.
#ifndef ATL_MODELS_UNUSED_H
#define ATL_MODELS_UNUSED_H

#include "models/network.h"

typedef struct atl_unused {
    atl_arena *arena; // of the caller: owns the list; the names are those of the store
    const char **names;
    size_t size;
    const char *problem; // NULL, or why the network can't be built; then the list is empty
} atl_unused;

// Fills the list.
atl_status atl_network_unused(atl_ctx *ctx, const atl_model_row *row, const json_t *json, atl_params *params,
                              atl_unused *unused);

#endif
