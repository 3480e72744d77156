// SPDX-License-Identifier: Apache-2.0
// Whether the numbers of a run are whole: all finite before they are written, and in a file those that were
// written.  A disk that fails, a copy that stopped or a program that wrote into the file would else go on for
// weeks.
#ifndef ATL_TRAIN_WHOLE_H
#define ATL_TRAIN_WHOLE_H

#include <jansson.h>
#include <atelier/array.h>
#include "nn/params.h"

// A sum over tensors in any order, of their names and bytes.
uint64_t atl_whole_add(uint64_t sum, const char *name, const void *bytes, size_t count);
// The same for a network's parameters, written under KEY.NAME; one with a number that is not finite is an
// error.
atl_status atl_whole_params(atl_ctx *ctx, const char *key, const atl_params *params, uint64_t *sum);
// And for a moment of its optimiser, which has the layout of the parameters but no buffers.
atl_status atl_whole_moment(atl_ctx *ctx, const char *key, const atl_params *like, const float *span,
                            uint64_t *sum);

// How a sum is recorded: a text, since JSON's whole numbers are signed.
enum { ATL_WHOLE_TEXT = 17 };
void atl_whole_text(uint64_t sum, char text[ATL_WHOLE_TEXT]);

// All tensors of a snapshot.  `recorded` is its sum as text, or NULL, where only the numbers are looked at.
atl_status atl_whole_file(atl_ctx *ctx, const char *path, const atl_arrays *file, const json_t *recorded);

#endif
