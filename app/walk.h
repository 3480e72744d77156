// SPDX-License-Identifier: Apache-2.0
// A walk through a network's latents: for each cell of a grid a closed path through its keyframes.
#ifndef APP_WALK_H
#define APP_WALK_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/path.h>
#include "render.h"

typedef struct app_walk {
    // set by the caller; borrowed
    app_render *render;      // open
    size_t cells, keys;      // keyframes of each cell
    const uint32_t *rows;    // [cells, keys] rows of the latents
    atl_path_ease ease;
    int in_z; // the path lies in z and is mapped for each frame; else in the styles
    // set by app_walk_open
    atl_path **paths;       // [cells] through z or ws
    atl_path **label_paths; // [cells] through labels, in_z of a conditional network; else NULL
    float *z, *c;           // one point
} app_walk;

app_status app_walk_open(app_walk *walk, app_error *e);
void app_walk_close(app_walk *walk); // a zeroed struct is fine

// The styles [num_ws, w_dim] of a cell at a position, counted in keyframes.
app_status app_walk_at(const app_walk *walk, size_t cell, double position, float *ws, app_error *e);

// The styles of one seed, with the class of the first keyframe.
app_status app_walk_seed(const app_walk *walk, uint32_t seed, float *ws, app_error *e);

#endif
