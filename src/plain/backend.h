// SPDX-License-Identifier: Apache-2.0
// The plain backend: every op as its formula says, in straight loops, one thread, no fusion.  It is there to
// be compared with, and to prove the contract of graph/backend.h: its device memory can't be reached by the
// host's addresses, nor the host's by its own.
#ifndef ATL_PLAIN_BACKEND_H
#define ATL_PLAIN_BACKEND_H

#include "graph/backend.h"

// options may be NULL; nothing in them matters here.
atl_status atl_plain_backend_open(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend);

#endif
