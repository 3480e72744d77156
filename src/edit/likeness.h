// SPDX-License-Identifier: Apache-2.0
// What pictures are compared by.  A likeness makes a few tensors of a picture, its terms; the distance of two
// pictures is the sum of the weighted squared differences of their terms.  So those of a target are computed
// once, and what is left for each step is one pass through the networks that look.
#ifndef ATL_EDIT_LIKENESS_H
#define ATL_EDIT_LIKENESS_H

#include "run/network.h"

enum { ATL_TERMS = 32 };

typedef struct atl_term {
    atl_node *node; // [n, ...]
    float weight;   // of the sum of squared differences of one sample
} atl_term;

typedef struct atl_terms {
    atl_term list[ATL_TERMS];
    int count;
} atl_terms;

typedef struct atl_likeness atl_likeness;
// Makes the terms of pictures x [n, h, w, c] from -1 to 1; `net` is the likeness's network in this graph.
typedef void atl_likeness_builder(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x,
                                  atl_terms *terms);

struct atl_likeness {
    atl_likeness_builder *build;
    const atl_network *features; // NULL: it needs none
    float pixels;                // weight of the mean squared difference of pixels beside the features
};

// By the name of a loss (atelier/project.h).  A network that is missing, or the wrong one, is an error that
// says which is needed.
atl_status atl_likeness_find(atl_ctx *ctx, const char *name, const atl_network *features, double pixels,
                             atl_likeness *likeness);

// The terms of x in a graph.
void atl_likeness_terms(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x, atl_terms *terms);

// The distance [n] of terms and others of the same shapes.
atl_node *atl_terms_distance(atl_graph *g, const atl_terms *a, atl_node *const *b);

#endif
