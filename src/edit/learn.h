// SPDX-License-Identifier: Apache-2.0
// The inside of learning to align (Peebles et al. 2022, section 3): a generator makes pairs of pictures, one
// as it comes and one of the same appearance at the target, and the transformer learns to take the first to
// the second while the target itself is looked for among the principal directions of w.
#ifndef ATL_EDIT_LEARN_H
#define ATL_EDIT_LEARN_H

#include "edit/likeness.h"
#include "edit/warp.h"
#include "io/json.h"
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

// What a graph of pairs is given, and what comes of it.
typedef struct atl_pairs {
    const atl_network *transformer;
    atl_node *w, *psi, *theta; // inputs [n, w_dim], [1], [n, 2, 3] or NULL: of the jitter
    atl_node *x;               // pictures as they come [n, h, w, 3]
    atl_node *distance, *flow; // of all ways [n ways], [n ways, side, side, 2] or NULL
} atl_pairs;

// The second stage: a classifier of clusters, while all else stays.
typedef struct atl_judging {
    atl_learnt net;
    atl_graph graph;
    atl_pairs pairs;
    atl_node *entropy, *right; // [1] each
    atl_plan *plan;            // NULL: it is not made yet
} atl_judging;

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
    atl_pairs pairs;
    atl_node *loss, *likely, *variation, *size; // [1] each
    atl_plan *plan; // NULL: that of the second stage is in use
    atl_judging judging;
    float *room; // [n, z_dim or w_dim]
    atl_congeal_train_state state;
};

// The generator and the network of lpips outlive it.
atl_status atl_congeal_trainer_make(atl_programs *generator, const atl_network *lpips,
                                    const atl_congeal_train_options *options, atl_congeal_trainer **t);

// learn_graph.c: what pictures are compared by, t->likeness.
atl_status atl_learn_find_likeness(atl_congeal_trainer *t);

// learn_graph.c: inputs, losses and gradients; generator and t->t, t->target are there.
atl_status atl_learn_build(atl_congeal_trainer *t);
// Ways in which a pair may be matched: clusters, with flips also of mirror images, which come behind the others.
int atl_learn_ways(const atl_congeal_trainer *t);
// Pairs of a picture of each w and its targets in a graph; nets of the generator, the target, the transformer and of
// what looks.
void atl_learn_pairs(atl_congeal_trainer *t, atl_graph *g, atl_pairs *pairs, atl_net *generator, atl_net *target,
                     atl_net *transformer, atl_net *looks);
// Gradients of a loss with respect to what of a network is learnt.
atl_status atl_learn_differentiate(atl_graph *g, atl_learnt *l, const atl_net *net, atl_node *loss);

// learn.c
// Channels of the transformer's layers from the flow's side down to `last`, and once more there where `again`.
json_t *atl_learn_channels(const atl_congeal_trainer *t, atl_json *b, int last, bool again);
atl_status atl_learn_hold(atl_congeal_trainer *t, atl_learnt *l, double lr);
void atl_learn_release(atl_congeal_trainer *t, atl_learnt *l);
// Inputs of the step to come into a plan's pairs.
atl_status atl_learn_give(atl_congeal_trainer *t, atl_plan *plan, const atl_pairs *pairs, double psi);
atl_status atl_learn_read(atl_congeal_trainer *t, const atl_plan *plan, const atl_node *node, double *value);
atl_status atl_learn_move(atl_congeal_trainer *t, const atl_plan *plan, atl_learnt *l, double lr);

// learn_judge.c: the classifier of clusters, where options ask for one
atl_status atl_judge_make(atl_congeal_trainer *t);
// Values and moments as at the beginning, in the host's memory: the caller renews what the device holds.
atl_status atl_judge_begin(atl_congeal_trainer *t);
void atl_judge_close(atl_congeal_trainer *t);
atl_status atl_judge_step(atl_congeal_trainer *t);

// learn_target.c: the mean and the principal directions of w to the target's buffers, and where clusters
// begin.
atl_status atl_learn_begin_target(atl_congeal_trainer *t);

// w of random z: rows `first` to first + n of a stream -> t->room, at most options.batch of them
atl_status atl_learn_draw(atl_congeal_trainer *t, uint64_t stream, int n, float *w);

#endif
