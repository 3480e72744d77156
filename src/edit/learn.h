// SPDX-License-Identifier: Apache-2.0
// The inside of learning to align (Peebles et al. 2022, section 3): a generator makes pairs of pictures, one
// as it comes and one of the same appearance at the target, and the transformer learns to take the first to
// the second while the target itself is looked for among the principal directions of w.
#ifndef ATL_EDIT_LEARN_H
#define ATL_EDIT_LEARN_H

#include "edit/likeness.h"
#include "edit/warp.h"
#include "graph/plan.h"
#include "run/adam.h"

enum { ATL_LEARN_DIRECTIONS = 512, ATL_LEARN_HEADS = 64 };

// A network that is learnt: its gradients as nodes, which parameters they are of, and what moves them.
typedef struct atl_learnt {
    atl_network network;
    atl_adam adam;
    float *gradient; // of its layout; resident
    size_t *which;   // [n_grads] positions in the list of parameters, in the graph's arena
    atl_node **grads;
    int n_grads;
} atl_learnt;

struct atl_congeal_trainer {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_programs *generator;     // borrowed; its mapping
    const atl_network *lpips;    // NULL: pictures are compared at several sizes
    atl_congeal_train_options o; // with all defaults filled in
    int side;                    // of the flow
    atl_learnt t, target;
    atl_network average; // of t
    atl_likeness likeness;
    atl_graph graph;
    atl_node *w, *psi, *theta;                  // inputs [n, w_dim], [1], [n, 2, 3] or NULL: of the jitter
    atl_node *loss, *likely, *variation, *size; // [1] each
    atl_plan *plan;
    void *block;
    float *room; // [n, z_dim or w_dim]
    atl_congeal_train_state state;
};

// The generator and the network of lpips outlive it.
atl_status atl_congeal_trainer_make(atl_programs *generator, const atl_network *lpips,
                                    const atl_congeal_train_options *options, atl_congeal_trainer **t);

// learn_graph.c: inputs, losses and gradients; generator and t->t, t->target are there.
atl_status atl_learn_build(atl_congeal_trainer *t);

// learn_target.c: the mean and the principal directions of w to the target's buffers, and where clusters
// begin.
atl_status atl_learn_begin_target(atl_congeal_trainer *t);

// w of random z: rows `first` to first + n of a stream -> t->room, at most options.batch of them
atl_status atl_learn_draw(atl_congeal_trainer *t, uint64_t stream, int n, float *w);

#endif
