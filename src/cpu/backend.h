// SPDX-License-Identifier: Apache-2.0
// The CPU backend.  Only the files backend*.c of this folder know nodes.
#ifndef ATL_CPU_BACKEND_H
#define ATL_CPU_BACKEND_H

#include "graph/backend.h"

// Uses the context's kernel set.  options may be NULL.
atl_status atl_cpu_backend_open(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend);

#endif
