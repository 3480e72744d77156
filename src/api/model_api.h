// SPDX-License-Identifier: Apache-2.0
// The inside of an open model, shared by the files of this folder.
#ifndef ATL_API_MODEL_API_H
#define ATL_API_MODEL_API_H

#include "ckpt/ckpt.h"
#include "cpu/backend.h"
#include "graph/plan.h"
#include "models/model.h"

enum atl_cached { ATL_CACHED_MAP, ATL_CACHED_SYNTHESIS, ATL_CACHED_CRITIC, ATL_CACHED_PLANS };

// One built function of the network with its plan.
typedef struct atl_function {
    atl_graph graph;
    atl_plan *plan;       // NULL: nothing here
    int n;                // batch
    atl_noise noise;
    atl_node *inputs[2];  // z and c; ws; img and c
    atl_node *output;
    atl_node *result;     // output as the caller wants it (N,C,H,W)
    bool step_mode;
} atl_function;

struct atl_model {
    atl_ctx *ctx;
    atl_backend *backend;
    const atl_model_row *row;
    char net[16];
    json_t *json;         // config
    void *config;
    atl_params params;
    atl_model_dims dims;
    atl_model_info info;
    bool described;       // info.fingerprint and parameters are filled
    float *w_avg;         // average of w [w_dim], when the file has none and it was needed
    atl_function functions[ATL_CACHED_PLANS];
};

// The function for a batch of n, built when it is not there.  A cached plan of a larger batch is kept when
// at most half of it would be idle: the caller fills the rest with anything.
atl_status atl_model_function(atl_model *m, enum atl_cached what, int n, atl_noise_mode noise, bool step_mode,
                              atl_function **function);

// ---- pieces that the files of this folder share

atl_status atl_model_new(atl_ctx *ctx, const atl_model_row *row, const char *net, atl_model **model);
void atl_model_fill_info(atl_model *m);
void atl_model_build(atl_model *m, enum atl_cached what, atl_net *net, atl_function *f); // nodes of f->n samples
atl_status atl_model_need_role(atl_model *m, const char *role, bool has);
// n rows of an input that was built for f->n, and the first n of the result.  rows NULL: zeros.
atl_status atl_model_write_rows(atl_model *m, atl_function *f, int index, int n, const float *rows);
atl_status atl_model_read_rows(atl_model *m, const atl_function *f, int n, float *out);

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
