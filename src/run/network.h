// SPDX-License-Identifier: Apache-2.0
// A network at rest: its row, its config as JSON and as the row's own struct, its parameters.
#ifndef ATL_RUN_NETWORK_H
#define ATL_RUN_NETWORK_H

#include "ckpt/ckpt.h"
#include "models/model.h"

typedef struct atl_network {
    atl_ctx *ctx; // NULL: there is none here
    const atl_model_row *row;
    const char *name; // as its file has it: "G_ema"
    json_t *json;
    void *config;
    atl_params params;
    atl_model_dims dims;
} atl_network;

// On failure *network is all zeros, which atl_network_clear() accepts.

// A new network from a config (one reference of `json` is taken, also on failure): parameters declared by
// building the network, and initial values that depend on the seed and on names alone.
atl_status atl_network_make(atl_ctx *ctx, const atl_model_row *row, const char *name, json_t *json,
                            uint64_t seed, atl_network *network);
// The same without values, for a caller who sets every one of them: drawing those of a large network takes
// seconds.
atl_status atl_network_make_empty(atl_ctx *ctx, const atl_model_row *row, const char *name, json_t *json,
                                  atl_network *network);

// A network of a file: the one that the options name, else G_ema, else G, else the only one.  options NULL:
// the defaults.
atl_status atl_network_open(atl_ctx *ctx, const char *path, const atl_model_options *options,
                            atl_network *network);

// A second one of the same config and values.
atl_status atl_network_copy(const atl_network *from, atl_network *to);
// The values alone, to a copy that was changed; the caller raises their version.
void atl_network_copy_values(const atl_network *from, atl_network *to);
void atl_network_clear(atl_network *network);
// Puts a network that grows at a level of detail; of another kind it stays what it is.
atl_status atl_network_set_lod(atl_network *network, float lod);

// ---- in a graph

// The network in the scope `as` ("G") of a graph, or in the graph's own (NULL).
atl_net atl_network_in(atl_graph *g, const atl_network *network, const char *as);

// Builds a function with the ports of `call`.
void atl_network_call(const atl_network *network, const char *function, atl_net *net, atl_call *call);

// The same as mathematics: the result `out` of a function of what is bound.  Nodes that are NULL are left out;
// the first of the others says how many samples there are.  Noise and settings are the network's own, unless
// bound.
//
//     w = ATL_APPLY(&net, g, "map", "w", { "z", z }, { "c", c });
atl_node *atl_apply(atl_net *net, const atl_network *network, const char *function, const char *out,
                    const atl_bound *in, int count);
// And with a caller's hands inside; NULL: none.
atl_node *atl_apply_touched(atl_net *net, const atl_network *network, const char *function, const char *out,
                            const atl_bound *in, int count, const atl_touch *touch);
#define ATL_APPLY(net, network, function, out, ...)                                                          \
    atl_apply(net, network, function, out, (const atl_bound[]){ __VA_ARGS__ },                               \
              (int)(sizeof((const atl_bound[]){ __VA_ARGS__ }) / sizeof(atl_bound)))

// ---- parameters by building

// Builds every function that a network has, for one sample: to list its parameters or layers.
void atl_network_build(atl_net *net, const atl_model_row *row, const void *config);

// Adds the parameters that a network of this config has to an empty store, without values.
atl_status atl_network_declare(atl_ctx *ctx, const atl_model_row *row, const void *config,
                               const atl_model_dims *dims, atl_params *params);

#endif
