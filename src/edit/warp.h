// SPDX-License-Identifier: Apache-2.0
// The warp of a spatial transformer as nodes: predicting, composing, sampling.  Used to align and to learn.
#ifndef ATL_EDIT_WARP_H
#define ATL_EDIT_WARP_H

#include <atelier/congeal.h>
#include "run/program.h"

// As the makers of the method have it: up to 2.5 halvings.
#define ATL_WARP_LEVELS 3.5f

typedef struct atl_warp_options {
    int iterations;      // of the similarity
    int side;            // of the result
    atl_padding padding; // not FILE
} atl_warp_options;

typedef struct atl_warp_nodes {
    atl_node *matrix; // [n, 2, 3]; NULL: there is no similarity
    atl_node *flow;   // [n, flow_side, flow_side, 2]; NULL: there is no flow
    atl_node *grid;   // [n, side, side, 2]
    atl_node *img;    // [n, side, side, 3]
} atl_warp_nodes;

// img [n, s, s, 3], s the flow's side or a power of 2 times that; head [n, heads], or NULL where there is
// one; alpha [n] or NULL: the share of the way that is gone.
atl_warp_nodes atl_warp_build(atl_net *net, const atl_network *transformer, atl_node *img, atl_node *head,
                              atl_node *alpha, const atl_warp_options *o);

// What a classifier of clusters says of pictures as they come, of such a size, too: [n, classes]
atl_node *atl_warp_logits(atl_net *net, const atl_network *classifier, atl_node *img);

// What a network has of the two, and how many heads.
bool atl_warp_has(const atl_network *transformer, const char *kind);
int atl_warp_heads(const atl_network *transformer);

atl_status atl_congealer_sort(atl_congealer *c, const atl_network *classifier, int n, const float *inputs, int *head,
                              int *flipped);
atl_status atl_congealer_make(atl_programs *transformer, const atl_congeal_options *options,
                              atl_congealer **c);

#endif
