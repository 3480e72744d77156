// SPDX-License-Identifier: Apache-2.0
// Directions as users name them: "FILE", "FILE:NAME" or "FILE:NUMBER"; the first of a file when nothing is
// said.
#ifndef APP_DIRECTION_H
#define APP_DIRECTION_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/directions.h>
#include "error.h"

typedef struct app_direction {
    atl_directions *set;
    const atl_direction *at; // of the set
    size_t index;            // within it
} app_direction;

// `space`: ATL_DIRECTION_Z or _W for files that don't say; -1: w, with a warning.  Closing zeros is
// fine.
app_status app_direction_open(atl_ctx *ctx, const char *source, int space, app_direction *d, app_error *e);
void app_direction_close(app_direction *d);

// "FILE[:NAME|K],..": how many they are, and all of them to a list with room for these.  After a failure,
// too, zeros and opened ones are left to close.
size_t app_directions_count(const char *sources);
app_status app_directions_open(atl_ctx *ctx, const char *sources, int space, app_direction *list,
                               app_error *e);

// "0-3,7" to bits; layers above 63 are refused.
app_status app_layers_parse(const char *text, uint64_t *layers, app_error *e);

// "A..B", or one number that is both, at *text, which moves past it and a comma; false: it is neither.
int app_range_parse(const char **text, double *from, double *to);

// A short name for files and headings: the direction's own, or its number.
const char *app_direction_name(const app_direction *d, char text[64]);

#endif
