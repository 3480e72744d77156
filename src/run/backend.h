// SPDX-License-Identifier: Apache-2.0
// Backends by name.  Everything above this floor asks here and knows no device.
#ifndef ATL_RUN_BACKEND_H
#define ATL_RUN_BACKEND_H

#include "graph/backend.h"

typedef struct atl_backend_row {
    const char *name;
    atl_status (*open)(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend);
} atl_backend_row;

const atl_backend_row *atl_backend_row_get(size_t index); // NULL: past the end

// The backend of that name; NULL: the context's device, else what the environment's ATL_TEST_BACKEND says,
// else "cpu". options may be NULL. Closed by atl_backend_close().
atl_status atl_backend_open(atl_ctx *ctx, const char *name, const atl_backend_options *options,
                            atl_backend **backend);

#endif
