// SPDX-License-Identifier: Apache-2.0
// A search that goes on another day: the values that it moves, the moments of their optimiser and the step,
// in a safetensors file whose metadata says what the search is.
#ifndef ATL_EDIT_KEPT_H
#define ATL_EDIT_KEPT_H

#include "io/json.h"
#include "run/adam.h"

typedef struct atl_kept {
    const char *key;  // of the metadata: "atelier.project"
    json_t *identity; // an object: all that decides the numbers, by the names that a sentence gives them
    atl_params *params;
    atl_adam *adam;  // of params
    int step, steps; // made so far, and all of them
    double *numbers; // what else goes on, [n_numbers]
    size_t n_numbers;
} atl_kept;

// Begins an identity: the network that is searched in, and under a name what the search was begun with.
json_t *atl_kept_identity(atl_json *b, const atl_params *network, const char *name, uint64_t begun_with);

// The host's copies are current.  A number that is not finite is an error, and nothing is written.
atl_status atl_kept_write(atl_ctx *ctx, const char *path, const atl_kept *kept);

// Checks the whole file before it changes anything.  The caller tells the device.
atl_status atl_kept_read(atl_ctx *ctx, const char *path, atl_kept *kept);

#endif
