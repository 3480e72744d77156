// SPDX-License-Identifier: Apache-2.0
// What a file holds beyond the network that we run: names that its layout could not place, parameters that no
// layer asks for.  Going on without them would make other pictures, so it is an error unless the caller wants
// it.
#ifndef ATL_RUN_UNUSED_H
#define ATL_RUN_UNUSED_H

#include "run/network.h"

// The names of what a network's file holds and nothing uses, for a network whose values were just loaded.
// row NULL: only what the layout could not place.
atl_status atl_unused_names(atl_ctx *ctx, const atl_ckpt *ckpt, const atl_ckpt_net *net,
                            const atl_model_row *row, atl_params *params, json_t **names);

// The sentence that refuses it, when there are any.
atl_status atl_unused_refuse(atl_ctx *ctx, const char *key, const json_t *names);

#endif
