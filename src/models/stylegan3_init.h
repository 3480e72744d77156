// SPDX-License-Identifier: Apache-2.0
// The config of a new generator with StyleGAN3's synthesis.
#ifndef ATL_MODELS_STYLEGAN3_INIT_H
#define ATL_MODELS_STYLEGAN3_INIT_H

#include "models/model.h"

// What differs between StyleGAN3 and StyleGAN-XL.
typedef struct atl_sg3_init {
    int z_dim;
    int table_features, proj_features; // of the class embedding of StyleGAN-XL; 0: the plain one
    double widen;                      // channels as a multiple of StyleGAN3's
} atl_sg3_init;

// A cfg that ends in "-r" is the rotation equivariant configuration.
atl_status atl_sg3_init_json(atl_ctx *ctx, const atl_init_options *o, const atl_sg3_init *init, json_t **json);

#endif
