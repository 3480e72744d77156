// SPDX-License-Identifier: Apache-2.0
// Opening the network that makes the images, and finding the one that comes with Atelier.
#ifndef APP_NETWORK_H
#define APP_NETWORK_H

#include <stddef.h>
#include <atelier/model.h>
#include "error.h"

// Opens the generator of a checkpoint that the options name (NULL: G_ema, else G); other networks are
// refused.
app_status app_network_open(atl_ctx *ctx, const char *path, const atl_model_options *options,
                            atl_model **model, app_error *e);

// The path of the network that comes with Atelier; 0 when it isn't there.
int app_network_shipped(char *path, size_t room);

#endif
