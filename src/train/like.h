// SPDX-License-Identifier: Apache-2.0
// The shapes of a file's StyleGAN2 or StyleGAN3, for networks that shall take over all of its weights.
#ifndef ATL_TRAIN_LIKE_H
#define ATL_TRAIN_LIKE_H

#include "io/json.h"

typedef struct atl_train_like {
    int z_dim, w_dim, map_depth, channel_base, channel_max, layers, heads, patch,
        quantizers;                                         // 0: not known
    bool ordered; // of a transformer: it draws codes in an order of its own
    char g_architecture[16], d_architecture[16];            // "": not known
    const char *d_labels; // as the option has it; "": not known
} atl_train_like;

// A file that holds neither is no error: nothing is known then.
atl_status atl_train_like_read(atl_ctx *ctx, const char *path, atl_train_like *like);

// Puts what has no option into the configs of new networks.
void atl_train_like_generator(const atl_train_like *like, atl_json *b, json_t *json);
void atl_train_like_discriminator(const atl_train_like *like, atl_json *b, json_t *json);

#endif
