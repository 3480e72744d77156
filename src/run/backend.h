// SPDX-License-Identifier: Apache-2.0
// Backends by name.  Everything above this floor asks here and knows no device.
#ifndef ATL_RUN_BACKEND_H
#define ATL_RUN_BACKEND_H

#include "graph/backend.h"

// The context's own backend, which all networks of the context share: its device, else what the environment's
// ATL_TEST_BACKEND names, else "cpu".  Opened when it is first asked for, closed with the context.
atl_status atl_backend_of(atl_ctx *ctx, atl_backend **backend);

// Another one of the same name, closed by atl_backend_close().  options may be NULL.
atl_status atl_backend_open(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend);

#endif
