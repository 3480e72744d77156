// SPDX-License-Identifier: Apache-2.0
// The random inputs of a phase.  Every number is a function of the seed, the iteration, the phase, what it is
// for and the sample's number within the batch of all processes: it does not matter who draws it, nor when.
#ifndef ATL_TRAIN_DRAW_H
#define ATL_TRAIN_DRAW_H

#include "train/phase.h"

typedef struct atl_draw {
    uint64_t seed, iteration;
    uint64_t first, step; // sample i of a run is number first + i * step of the batch
    float augment_p;
    float style_mixing_prob;
    float pl_mean;
    int threads;
    // labels of generated pictures are those of random ones of the set: writes the label of number `index`
    // below `count`
    void (*label)(void *user, size_t index, float *label);
    void *user;
    size_t count;
} atl_draw;

// Draws and writes every random input of the phase; `scratch` has room for atl_draw_room() floats.
void atl_draw_inputs(const atl_draw *d, atl_phase *phase, float *scratch);
size_t atl_draw_room(const atl_phase *phase);

#endif
