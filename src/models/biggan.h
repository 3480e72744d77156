// SPDX-License-Identifier: Apache-2.0
// What generators and discriminators of SAGAN and BigGAN have in common: blocks in a list, and attention.
#ifndef ATL_MODELS_BIGGAN_H
#define ATL_MODELS_BIGGAN_H

#include "models/model.h"
#include "nn/spectral.h"

enum { ATL_BIGGAN_BLOCKS = 64 };

typedef struct atl_biggan_block {
    int in, out;
    bool resamples; // up in generators, down in discriminators
    bool attends;   // attention follows
} atl_biggan_block;

typedef struct atl_biggan_blocks {
    int size;
    atl_biggan_block list[ATL_BIGGAN_BLOCKS];
} atl_biggan_blocks;

// "blocks": [[in, out, resamples, attends], ...]; each takes what the last gives.
atl_status atl_biggan_parse_blocks(atl_ctx *ctx, const json_t *json, atl_biggan_blocks *blocks);

// Self-attention (Zhang et al. 2019, section 3), x [n, h, w, c] + gamma o, in the open scope.  Keys and
// values are pooled 2x2; scores are not scaled.
atl_node *atl_biggan_attention(atl_net *net, atl_node *x, const atl_spectral *s);

// ---- new networks: the tables of Brock et al. 2019, appendix B, and of their code for small pictures

typedef struct atl_biggan_new {
    bool deep;
    int ch, depth;
} atl_biggan_new;
// By cfg: "biggan", "biggan-deep", "sagan".
atl_status atl_biggan_new_of(atl_ctx *ctx, const atl_init_options *o, atl_biggan_new *n);
int atl_biggan_width(const json_t *generator); // ch of a generator's config; 0: of none of these tables
json_t *atl_biggan_generator_blocks(const atl_biggan_new *n, int resolution); // NULL: lack of memory
json_t *atl_biggan_discriminator_blocks(const atl_biggan_new *n, int resolution,
                                        int img_channels); // the same

#endif
