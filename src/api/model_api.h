// SPDX-License-Identifier: Apache-2.0
// The inside of an open model, shared by the files of this folder.
#ifndef ATL_API_MODEL_API_H
#define ATL_API_MODEL_API_H

#include <atelier/directions.h>
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
    bool styled; // the next two are filled
    atl_style_info *styles;
    int n_styles;
};

// A model of a network whose making gave `status`, which it takes over, also on failure.
atl_status atl_model_new(atl_ctx *ctx, atl_network *network, atl_status status, atl_model **model);

// That the network has a function which needs it to be a `role`.
atl_status atl_model_need(const atl_model *m, const char *role, const char *function);

atl_status atl_model_list_tensors(atl_model *m); // network.c

// Images that synthesis makes in one run when n are asked for.
int atl_model_part(const atl_model *m, int n);

// Parameter count without buffers.
int64_t atl_params_trained(const atl_params *params);

#endif
