// SPDX-License-Identifier: Apache-2.0
// What a network is to the rest of the library: a row of functions.  One file per network; the table of all
// of them is in models.c.  Models build nodes and know no device, no file and no user.
#ifndef ATL_MODELS_MODEL_H
#define ATL_MODELS_MODEL_H

#include <jansson.h>
#include <atelier/model.h>
#include "nn/net.h"

typedef struct atl_model_dims {
    int z_dim, c_dim, w_dim, num_ws;
    int channels, height, width;
    float default_psi;   // truncation that the network's makers generate with; 0: none
    int default_cutoff;  // first layers that it applies to; 0: all
    int num_logits;      // numbers per image of a discriminator; 0: 1
    bool class_averages; // mapping.w_avg has a row for each class
} atl_model_dims;

enum { ATL_NOISE_MAPS_MAX = 40 };

// Where noise comes from.  Unless it is CONST or NONE the model makes one input [n, h, w, 1] per layer and
// lists it here, in order of layers.
typedef struct atl_noise {
    atl_noise_mode mode;
    atl_node *inputs[ATL_NOISE_MAPS_MAX];
    int count;
    atl_node *transform; // [3, 3]: inverse of the user's, an input of networks with Fourier features
} atl_noise;

typedef struct atl_model_row {
    const char *kind;    // "stylegan2_generator": what checkpoints are matched by
    const char *family;  // "stylegan2": what a user calls it
    const char *role;    // "generator", "discriminator"
    size_t config_bytes;
    // Reads and checks the JSON of a checkpoint.  A value out of range is an error that names it.
    atl_status (*parse)(atl_ctx *ctx, const json_t *json, void *config);
    // The JSON of a new network; NULL: this row does not initialise.
    atl_status (*init)(atl_ctx *ctx, const atl_init_options *o, json_t **json);
    // Sizes that follow from config and parameters.
    atl_status (*dims)(atl_ctx *ctx, const void *config, const atl_params *params, atl_model_dims *dims);
    // Generators.  z [n, z_dim], c [n, c_dim] or NULL -> w [n, w_dim];  ws [n, num_ws, w_dim] -> [n, h, w, c]
    atl_node *(*map)(atl_net *net, const void *config, atl_node *z, atl_node *c);
    atl_node *(*synthesize)(atl_net *net, const void *config, atl_node *ws, atl_noise *noise);
    // Discriminators.  img [n, h, w, c], c or NULL -> logits [n, 1]
    atl_node *(*discriminate)(atl_net *net, const void *config, atl_node *img, atl_node *c);
    // Initial values of a new network that are no normal or constant numbers; may be NULL.
    atl_status (*finish)(atl_ctx *ctx, const void *config, atl_params *params, uint64_t seed);
} atl_model_row;

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

// ---- shared by networks

// The map of a layer's noise, [n or 1, h, w, 1]: the buffer noise_const [h, w] of the scope, which some files
// lack or have in another size, or an input.  NULL when there is to be none.
atl_node *atl_noise_map(atl_net *net, int64_t n, int64_t h, int64_t w, atl_noise *noise);

// Whether the options of a new network are in range.
atl_status atl_check_init(atl_ctx *ctx, const atl_init_options *o);

#endif
