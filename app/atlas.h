// SPDX-License-Identifier: Apache-2.0
// The map of seeds of the official visualizer: seed x + 100 y lies at (x, y), and what lies between is
// blended, in w, from the four around it.
#ifndef APP_ATLAS_H
#define APP_ATLAS_H

#include <stddef.h>
#include <stdint.h>

typedef struct app_atlas {
    size_t count; // seeds that weigh something: 1, 2 or 4
    uint32_t seeds[4];
    double weights[4]; // add up to 1
} app_atlas;

app_atlas app_atlas_at(double x, double y);

// Whether the place is a seed's own; then *seed (may be NULL) is it.
int app_atlas_seed(double x, double y, uint32_t *seed);

#endif
