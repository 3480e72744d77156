// SPDX-License-Identifier: Apache-2.0
// What a transformer draws codes of a picture by: a depth map, labels, another picture, as codes of its own.
#ifndef APP_CONDITION_H
#define APP_CONDITION_H

#include "codes.h"

// Of "FILE.npz", "FILE.npy", "FILE.safetensors", with ":TENSOR" or without: codes, a map for each of `count`
// pictures or one for all.  Of a picture: the codes that network "cond_vqgan" of `network` makes of it, with
// `o` besides its net.  *codes is empty after a failure.
app_status app_condition_open(atl_ctx *ctx, const char *network, const atl_model_options *o, const char *source,
                              size_t count, app_codes *codes, app_error *e);

// The codes of picture i.
const int32_t *app_condition_row(const app_codes *codes, size_t i);

#endif
