// SPDX-License-Identifier: Apache-2.0
// Rewrites before planning.  A pattern looks at one clone that may be its root, builds the node that it would
// make, and keeps it when the backend says that it runs such a node well: what is good is known there, not
// here.
#ifndef ATL_GRAPH_FUSE_H
#define ATL_GRAPH_FUSE_H

#include "graph/backend.h"

typedef struct atl_fuse_node {
    atl_node *n;
    int uses; // readers among the clones; counted before each pattern, not while it runs
    bool output, constant;
    bool finished; // has its epilogue: later terms would come in the wrong order
} atl_fuse_node;

typedef struct atl_fuser {
    atl_arena *arena;
    const atl_backend *backend;
    atl_fuse_node *list; // by clone: list[i].n->id == i
    int size;
    bool lost; // memory was missing
} atl_fuser;

// Rewrites clones in place; a clone that was absorbed gets op POISON.  A backend without `fuses` leaves all
// as it is.
atl_status atl_fuse(atl_arena *arena, const atl_backend *backend, atl_fuse_node *list, int size);

// ---- the patterns: try clone i as the root
void atl_fuse_style(atl_fuser *f, int i);    // fuse_style.c
void atl_fuse_step(atl_fuser *f, int i);     // fuse_step.c
void atl_fuse_in_scale(atl_fuser *f, int i); // fuse_conv.c
void atl_fuse_up_filter(atl_fuser *f, int i);
void atl_fuse_turned(atl_fuser *f, int i);
void atl_fuse_product(atl_fuser *f, int i);
void atl_fuse_scale_grad(atl_fuser *f, int i); // fuse_scale.c
void atl_fuse_epilogue(atl_fuser *f, int i);   // fuse_chain.c
void atl_fuse_pointwise(atl_fuser *f, int i);

// ---- for them
extern const atl_fusion atl_fusion_none;
bool atl_fuse_wanted(const atl_fuser *f, const atl_node *candidate, const atl_fusion *fusion);
void atl_fuse_put(atl_fuser *f, atl_node *n, const atl_fusion *fusion); // keeps a copy of it

static inline bool atl_fuse_single(const atl_fuser *f, const atl_node *n) { // one reader, which may absorb it
    return f->list[n->id].uses == 1 && !f->list[n->id].output;
}
static inline int atl_fuse_add(atl_node *n, atl_node *s) {
    n->src[n->n_src] = s;
    return n->n_src++;
}
static inline bool atl_fuse_whole(const atl_node *n) { // its result is in memory, one number after the other
    return n->op != ATL_OP_EXPAND && n->op != ATL_OP_FILL;
}
// The node that an expand repeats along all axes but those of `keep` (bits), which it fills, or may repeat
// along the first; NULL: n is no such node.
atl_node *atl_fuse_expanded(const atl_node *n, unsigned keep);

#endif
