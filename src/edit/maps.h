// SPDX-License-Identifier: Apache-2.0
// The noise maps of a generator: which there are, and how much they look like pictures.
#ifndef ATL_EDIT_MAPS_H
#define ATL_EDIT_MAPS_H

#include "run/network.h"

typedef struct atl_map {
    char name[16]; // of its port: "noise.0"
    int64_t height, width;
    bool stored; // the network has one of its own
} atl_map;

typedef struct atl_maps {
    atl_map list[ATL_PORTS];
    int count;
} atl_maps;

// Those of "synthesize", in its order.
atl_status atl_maps_list(const atl_network *generator, atl_maps *maps);

// How much a map x [n, h, w, 1] is like itself one pixel further, in this size and each half of it down to 8
// pixels [n] (Karras et al. 2020, "Analyzing and improving the image quality of StyleGAN", appendix D).
atl_node *atl_map_penalty(atl_graph *g, atl_node *x);

// Mean 0 and mean square 1, for each of n maps of `count` numbers.
void atl_map_normalize(float *maps, int n, size_t count);

#endif
