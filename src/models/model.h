// SPDX-License-Identifier: Apache-2.0
// What a network is to the rest of the library: a row of facts and functions.  One file per network; the
// table of all of them is in models.c.  Models build nodes and know no device, no file and no user.
#ifndef ATL_MODELS_MODEL_H
#define ATL_MODELS_MODEL_H

#include <jansson.h>
#include <atelier/model.h>
#include "nn/call.h"

// Sizes that follow from config and parameters.  Networks that are neither generators nor discriminators
// leave them at zero: what their functions take and give is in the ports.
typedef struct atl_model_dims {
    int z_dim, c_dim, w_dim, num_ws;
    int channels, height, width;
    float default_psi;   // truncation that the network's makers generate with; 0: none
    int default_cutoff;  // first layers that it applies to; 0: all
    int num_logits;      // numbers per image of a discriminator; 0: 1
    int codes;           // vectors of an autoencoder's codebook; 0: it has none
    bool class_averages; // the average of w has a row for each class
    bool cuts_z;         // truncation is of z: numbers far from 0 are not drawn, and all are scaled
} atl_model_dims;

// A function of a network: asks for its inputs and names its results (nn/call.h).
typedef struct atl_function_row {
    const char *name; // NULL: no more
    void (*build)(atl_net *net, const void *config, atl_call *call);
    bool joint; // a sample's result depends on the others of the batch
} atl_function_row;

// A weight [., n] of which `count` columns from `from` on read that many numbers of a layer's w, from `to`
// on.
typedef struct atl_latent_reader {
    char name[48];
    int layer, from, to, count;
} atl_latent_reader;

enum { ATL_FUNCTIONS = 5 }; // of a network, with the end of the list

// The functions that this library calls, with inputs -> results:
//     "map"           z [z_dim], c [c_dim] -> w [w_dim]
//     "synthesize"    ws [num_ws, w_dim], noise maps, settings -> img [h, w, c]
//     "discriminate"  img [h, w, c], c [c_dim] -> logits [num_logits]
typedef struct atl_model_row {
    const char *kind;    // "stylegan2_generator": what checkpoints are matched by
    const char *family;  // "stylegan2": what a user calls it
    const char *role;    // "generator", "discriminator"
    size_t config_bytes;
    // Reads and checks the JSON of a checkpoint.  A value out of range is an error that names it.
    atl_status (*parse)(atl_ctx *ctx, const json_t *json, void *config);
    // The JSON of a new network; NULL: this row does not initialise.
    atl_status (*init)(atl_ctx *ctx, const atl_init_options *o, json_t **json);
    atl_status (*dims)(atl_ctx *ctx, const void *config, const atl_params *params, atl_model_dims *dims);
    atl_function_row functions[ATL_FUNCTIONS];
    // Initial values of a new network that are no normal or constant numbers; may be NULL.
    atl_status (*finish)(atl_ctx *ctx, const void *config, atl_params *params, uint64_t seed);
    // The buffer that holds the average of w, [w_dim] or [c_dim, w_dim]; NULL: the network has none.
    const char *average;
    // Where layers read the z in their w by weights of their own and not by styles: number `index` of these;
    // false: there are no more.  May be NULL.
    bool (*reader)(const void *config, int index, atl_latent_reader *r);
    // The resolution of a parameter's layer; 0: before the first of them, -1: outside.  May be NULL.
    int (*resolution_of)(const char *param);
    // How many layers of a discriminator lie between the picture and a parameter's own; -1: it belongs to the
    // end, which is no such layer.  May be NULL.
    int (*depth_of)(const atl_params *params, const char *param);
} atl_model_row;

const atl_function_row *atl_model_function_find(const atl_model_row *row,
                                                const char *name); // NULL: it has none

const atl_model_row *atl_model_row_find(const char *kind);                            // NULL: not known
const atl_model_row *atl_model_row_for(const char *family, const char *role);         // NULL: not known
const atl_model_row *atl_model_row_get(size_t index);                                 // NULL: past the end

// ---- reading configs: a missing or wrong value is an error that names the key

atl_status atl_config_int(atl_ctx *ctx, const json_t *json, const char *key, int low, int high, int *value);
// value keeps its default when the key is missing or null.
atl_status atl_config_float(atl_ctx *ctx, const json_t *json, const char *key, float *value);
atl_status atl_config_choice(atl_ctx *ctx, const json_t *json, const char *key, const char *const *names, int *value);
atl_status atl_config_mapping(atl_ctx *ctx, const json_t *json, atl_mapping_config *m);
// value keeps its default when the key is missing or null.
atl_status atl_config_activation(atl_ctx *ctx, const json_t *json, const char *key, atl_activation *value);
// A list of numbers, brought to sum 1; missing or null: [1,3,3,1].
atl_status atl_config_taps(atl_ctx *ctx, const json_t *json, const char *key, atl_taps *taps);
// "truncation_psi" and "truncation_cutoff"; both keep their defaults when missing.
atl_status atl_config_truncation(atl_ctx *ctx, const json_t *json, float *psi, int *cutoff);

// Whether the options of a new network are in range.
atl_status atl_check_init(atl_ctx *ctx, const atl_init_options *o);

#endif
