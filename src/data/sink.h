// SPDX-License-Identifier: Apache-2.0
// Where a new set goes: a new zip file, or a folder that gets its name when it is complete.  A folder that is
// there is filled in place, so that "." and mount points serve, and its content appears when it is complete.
#ifndef ATL_DATA_SINK_H
#define ATL_DATA_SINK_H

#include "base/ctx.h"

typedef struct atl_sink atl_sink;

// `path` ends in ".zip" and is not there, or is a folder that is empty or not there; folders above it are
// made. `source` is what the set is made of: it can't be overwritten.
atl_status atl_sink_open(atl_ctx *ctx, const char *source, const char *path, atl_sink **sink);

// `name` has at most one '/', and members of one folder come one after the other.
atl_status atl_sink_add(atl_sink *sink, const char *name, const void *data, size_t size);
atl_status atl_sink_commit(atl_sink **sink);
void atl_sink_abort(atl_sink **sink); // nothing is left, nor of folders above.  Accepts a pointer to NULL.

#endif
