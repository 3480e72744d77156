// SPDX-License-Identifier: Apache-2.0
// A plan: the nodes that some outputs need, folded, fused, placed in one block, with kernels prepared.
// It is made once and run many times; running allocates nothing.
#ifndef ATL_GRAPH_PLAN_H
#define ATL_GRAPH_PLAN_H

#include <atelier/array.h>
#include "graph/backend.h"

typedef struct atl_plan_options {
    bool step_mode;     // no fusion and no reuse of memory: every named node can be read after a run
    bool detached;      // no block: the caller lends one with atl_plan_attach(), to several plans in turn
} atl_plan_options;

// Storage of one result (or input, or constant).
typedef struct atl_value {
    size_t count;                // floats
    int first, last;             // steps between which it is alive
    size_t offset;               // in the block, in bytes
    atl_dtype dtype;             // ATL_F32: the only one so far
    float *data;                 // on the device
    const float *host;           // constants and parameters: where they are on the host, else NULL
    const uint64_t *version;     // parameters that vary: raised when the host's values change, else NULL
    bool resident;               // its copy on the device is held by the plan
    bool placed;                 // lives in the block
    int reuses;                  // value whose memory this one overwrites, or -1
} atl_value;

struct atl_plan {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_arena arena;
    atl_node **nodes;            // clones, in order of execution
    int size;
    atl_step *steps;
    int n_steps;
    atl_value *values;
    int n_values, workspaces;    // values from `workspaces` on are the steps' workspaces
    atl_operand *views;          // by clone: where its result is
    const atl_node **origin;     // by clone: the node of the graph
    float **kept;                // constants that the plan owns
    int n_kept, kept_capacity;
    float *folded; // while planning: the block in which large constants were computed, or NULL
    size_t folded_count;
    void *block;
    size_t block_bytes;
    bool step_mode, detached;
    atl_run run;
};

// Reports the graph's sticky error when there is one.  The graph must outlive the plan.
atl_status atl_plan_make(atl_graph *g, atl_backend *backend, atl_node *const *outputs, int count,
                         const atl_plan_options *options, atl_plan **plan);

// For a detached plan: the memory of its block, atl_plan_bytes() from the backend's alloc.  Inputs and
// results are in it: nobody else may use it between the first write and the last read.
void atl_plan_attach(atl_plan *plan, void *block);

// Of a detached plan before it is attached: runs write this output to `address` on the device, a gradient to
// its span, say, in place of the block, which may become smaller.  False: the output has no memory of its own
// (it is part of something, or a constant) and stays where it is.
bool atl_plan_bind(atl_plan *plan, const atl_node *output, float *address);

// Inputs keep their values between runs.  Nodes that the outputs don't need are ignored.
void atl_plan_write(atl_plan *plan, const atl_node *input, const float *values);
// A run that ends with these outputs: the way to a loss, say, of a plan that has gradients behind it.  What
// comes later has no values then, until the next whole run: its memory may hold something else.
atl_status atl_plan_run_to(atl_plan *plan, atl_node *const *outputs, int count);
// An output (or in step mode any node): false when the plan doesn't hold it.
bool atl_plan_read(const atl_plan *plan, const atl_node *node, float *values);
// The same without a copy: where it is on the device until the next run, or NULL.
const float *atl_plan_at(const atl_plan *plan, const atl_node *node);

// Step mode: the named nodes whose name matches a shell pattern, one after the other: start with *at = 0.
const atl_node *atl_plan_next_named(const atl_plan *plan, const char *pattern, int *at);

const char *atl_step_name(const atl_step *step);   // layer, else scope

// ---- the passes, for plan.c
// Offsets for all placed values; returns the size of the block in bytes.
atl_status atl_place(atl_ctx *ctx, atl_value *values, int count, size_t *bytes);

#endif
