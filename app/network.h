// SPDX-License-Identifier: Apache-2.0
// Opening the network that makes the images, and finding the one that comes with Atelier.
#ifndef APP_NETWORK_H
#define APP_NETWORK_H

#include <stddef.h>
#include <atelier/model.h>
#include "error.h"

// Opens the generator `net` (NULL: G_ema, else G) of a checkpoint; other networks are refused.
app_status app_network_open(atl_ctx *ctx, const char *path, const char *net, atl_model **model, app_error *e);

// The path of the network that comes with Atelier; 0 when it isn't there.
int app_network_shipped(char *path, size_t room);

#endif
