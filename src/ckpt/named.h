// SPDX-License-Identifier: Apache-2.0
// Pieces of reading networks by their official names: named.c (StyleGAN2), named3.c (StyleGAN3).
#ifndef ATL_CKPT_NAMED_H
#define ATL_CKPT_NAMED_H

#include "ckpt/find.h"

// The config of the mapping network.
json_t *atl_named_mapping(const atl_found *f, double beta, int64_t *z_dim, int64_t *c_dim);

// NULL, or a sentence that says why no image can be made from a seed.
const char *atl_named_check_input(atl_ckpt *ckpt, const atl_found *f, int64_t z_dim, int64_t w_dim);

atl_status atl_named_generator3(atl_ckpt *ckpt, const atl_found *f);

#endif
