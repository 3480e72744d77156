// SPDX-License-Identifier: Apache-2.0
// The CPU backend: the only file of this folder that knows nodes.
#ifndef ATL_CPU_BACKEND_H
#define ATL_CPU_BACKEND_H

#include "graph/backend.h"

// Uses the context's threads and kernel set.  Close it after the plans that use it.
atl_status atl_cpu_backend_open(atl_ctx *ctx, atl_backend **backend);
void atl_cpu_backend_close(atl_backend **backend);

#endif
