// SPDX-License-Identifier: Apache-2.0
// Dragging: handles on a generated picture are moved to targets, and the picture follows within what its
// network can make (Pan et al. 2023, "Drag Your GAN").
//
//     atl_drag_point nose = { 30, 34, 38, 34 };                    // from x, y to x, y
//     atl_drag_open(generator, ws, &nose, 1, NULL, &drag);         // ws [num_ws, w_dim]
//     do
//         atl_drag_step(drag);
//     while (!atl_drag_get_state(drag)->arrived && atl_drag_get_state(drag)->step < 200);
//     atl_drag_read(drag, ws);                                     // to be synthesised
//     atl_drag_close(&drag);
//
// A step finds the handles again (the nearest features to those at which they began), pushes the features
// around each one a pixel towards its target, and makes one step of Adam on the first layers' w.
#ifndef ATELIER_DRAG_H
#define ATELIER_DRAG_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_drag atl_drag;

// Pixels of the picture; (0, 0) is the first one.
typedef struct atl_drag_point {
    double x, y, to_x, to_y;
} atl_drag_point;

typedef struct atl_drag_options {
    size_t size;       // sizeof(atl_drag_options)
    const char *space; // "w+": each of the layers has a w of its own; "w": they share one
    const char *layer; // of the features, as 'atelier inspect' lists them; NULL: the last one that has at
                       // most half of the picture's pixels on a side, and at most 128
    int layers;              // how many of the first w are moved; the others stay.  0: 6
    double lr;               // of Adam; 0: 0.005 in w+, 0.002 in w
    double motion, tracking; // radii in pixels of what is pushed and of where a handle is looked for; 0: 3
                             // and 12 of 512, and at least 3
    double distance; // a handle that is so near to its target, in pixels, has arrived; 0: 2 of 512, and at
                     // least 1
    const uint8_t *mask; // [height, width], not 0 where the picture may change; NULL: everywhere.  Copied
    double mask_weight;  // of what changes elsewhere
    // Noise maps of the picture, [h, w] of each layer by atl_model_noise_size(); NULL: the network's own.
    // Copied
    const float *const *noise_maps;
} atl_drag_options;
#define ATL_DRAG_OPTIONS_INIT                                                                                \
    { sizeof(atl_drag_options), "w+", NULL, 0, 0.0, 0.0, 0.0, 0.0, NULL, 20.0, NULL }

// The generator outlives the drag; ws and points are copied.  A point outside of the picture, a layer that
// has no features in space, and a mask under which nothing may move are errors.  On failure *drag is NULL.
ATL_API atl_status atl_drag_open(atl_model *generator, const float *ws, const atl_drag_point *points,
                                 size_t count, const atl_drag_options *options, atl_drag **drag);
ATL_API void atl_drag_close(atl_drag **drag);

typedef struct atl_drag_state {
    int step;        // steps that were made
    int arrived;     // 1: all handles are near their targets; further steps change nothing
    double loss;     // of the newest step
    double distance; // of the farthest handle from its target
    size_t count;
    const atl_drag_point *points; // [count] x, y where handles are now
    const char *layer;            // of the features
} atl_drag_state;
ATL_API const atl_drag_state *atl_drag_get_state(const atl_drag *drag);

// A loss that is not a number is an error, and the latents stay as they were before the step.
ATL_API atl_status atl_drag_step(atl_drag *drag);

// The latents of now, ws [num_ws, w_dim].
ATL_API atl_status atl_drag_read(const atl_drag *drag, float *ws);

#ifdef __cplusplus
}
#endif
#endif
