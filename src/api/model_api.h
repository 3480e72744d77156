// SPDX-License-Identifier: Apache-2.0
// The inside of an open model, shared by the files of this folder.
#ifndef ATL_API_MODEL_API_H
#define ATL_API_MODEL_API_H

#include "run/backend.h"
#include "run/program.h"
#include "run/truncate.h"

// The ports of a function, once they were asked for.
typedef struct atl_port_list {
    const atl_port_info *ports; // NULL: not yet
    size_t count;
} atl_port_list;

struct atl_model {
    atl_ctx *ctx;
    atl_backend *backend; // of ctx
    atl_network net;
    atl_programs programs; // of net
    atl_w_mean mean;
    atl_model_info info;
    bool described;     // info.fingerprint is filled
    atl_arena texts;    // of what follows
    atl_array *tensors; // of net.params, in its order
    atl_port_list ports[ATL_FUNCTIONS];
};

// A model of a network whose making gave `status`, which it takes over, also on failure.
atl_status atl_model_new(atl_ctx *ctx, atl_network *network, atl_status status, atl_model **model);

// That the network has a function which needs it to be a `role`.
atl_status atl_model_need(const atl_model *m, const char *role, const char *function);

atl_status atl_model_list_tensors(atl_model *m); // network.c

// Images that synthesis makes in one run when n are asked for.
int atl_model_part(const atl_model *m, int n);

// unused.c: the names of what a network's file holds and nothing uses, for a network whose values were just
// loaded; and the sentence that refuses it, when there are any.  row NULL: only what the layout could not
// place.
atl_status atl_unused_names(atl_ctx *ctx, const atl_ckpt *ckpt, const atl_ckpt_net *net,
                            const atl_model_row *row, atl_params *params, json_t **names);
atl_status atl_unused_refuse(atl_ctx *ctx, const char *key, const json_t *names);

// Parameter count without buffers.
int64_t atl_params_trained(const atl_params *params);

#endif
