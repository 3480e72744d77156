// SPDX-License-Identifier: Apache-2.0
// A generator that a hypernetwork tunes to one picture: its kernels W become W (1 + delta), and each look at picture
// and result adds to the deltas (Alaluf et al. 2022, section 3.3).
#ifndef ATL_EDIT_TUNING_H
#define ATL_EDIT_TUNING_H

#include "edit/hyper.h"
#include "run/program.h"

typedef struct atl_tuning {
    atl_programs *hypernet; // borrowed
    const atl_network *base; // borrowed
    atl_network tuned;
    atl_programs programs; // of it
    float *deltas;         // so far, of all layers one after the other
    float *room;           // of one layer
    int layers[ATL_HYPER_LAYERS], count;
    const atl_param *weights[ATL_HYPER_LAYERS]; // of the tuned network
} atl_tuning;

// A hypernetwork for other layers than the generator has is an error.  A zeroed struct may be cleared.
atl_status atl_tuning_init(atl_tuning *t, atl_programs *hypernet, const atl_programs *generator);
void atl_tuning_clear(atl_tuning *t);

void atl_tuning_begin(atl_tuning *t); // of a picture, each of them: the generator is as it was
// rows [channels, h, w]: a picture and what the generator makes of its w now.
atl_status atl_tuning_step(atl_tuning *t, const float *rows);

#endif
