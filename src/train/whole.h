// SPDX-License-Identifier: Apache-2.0
// Whether the numbers of a run are whole: all finite before they are written, and in a file those that were
// written.  A disk that fails, a copy that stopped or a program that wrote into the file would else go on for
// weeks.
#ifndef ATL_TRAIN_WHOLE_H
#define ATL_TRAIN_WHOLE_H

#include <jansson.h>
#include <atelier/array.h>
#include "nn/params.h"

// Adds a network's parameters, written under KEY.NAME, to a sum over names and bytes, in which the order does
// not count.  One with a number that is not finite is an error.
atl_status atl_whole_params(atl_ctx *ctx, const char *key, const atl_params *params, uint64_t *sum);
// The same of what is written beside the networks.
atl_status atl_whole_array(atl_ctx *ctx, const atl_array *array, uint64_t *sum);

// How a sum is recorded: a text, since JSON's whole numbers are signed.
enum { ATL_WHOLE_TEXT = 17 };
void atl_whole_text(uint64_t sum, char text[ATL_WHOLE_TEXT]);

// All tensors of a snapshot.  `recorded` is its sum as text, or NULL, where only the numbers are looked at.
atl_status atl_whole_file(atl_ctx *ctx, const char *path, const atl_arrays *file, const json_t *recorded);

#endif
