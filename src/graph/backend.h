// SPDX-License-Identifier: Apache-2.0
// What a backend is: a table of functions that prepares and runs the steps of a plan, and the loops over
// spans of parameters that training needs.  Nothing above it knows a device.  docs/add-a-backend.md says in
// which order to fill it.
#ifndef ATL_GRAPH_BACKEND_H
#define ATL_GRAPH_BACKEND_H

#include "graph/graph.h"

// A source of a step.  Pointwise steps read strides; for all others the operand is contiguous.
typedef struct atl_operand {
    int value;                       // index in the plan's values
    int64_t offset;                  // floats from the start of that value
    int64_t stride[ATL_RANK_MAX];    // in floats, in the shape of the step's node; 0 repeats
    bool contiguous;
    const float *constant;           // values on the host that never change, else NULL
    const float *data;               // where to read, on the device; set when memory is placed
} atl_operand;

typedef struct atl_step {
    const atl_node *node;
    atl_operand src[ATL_SRC_MAX];
    int value;                       // index of the result in the plan's values
    float *out;
    void *workspace;
    // filled by prepare():
    size_t workspace_bytes;          // needed while the step runs
    void *state;                     // the backend's own
    bool small;                      // the backend's own, too: not worth more than one thread
    const char *kernel;              // what will run, for tables: "winograd"
    uint32_t packed;                 // bit i: source i is constant and copied into state; not read when running
} atl_step;

typedef struct atl_run {
    uint64_t key;                    // of random numbers
    uint64_t counter;                // of runs: the same counter repeats the same numbers
} atl_run;

// One parameter's step of Adam (Kingma and Ba 2015, algorithm 1) with what depends on the count of steps
// worked out: rate = lr / (1 - beta1^t), root = sqrt(1 - beta2^t).  All pointers are on the device.
typedef struct atl_adam_span {
    float *x, *m, *v; // values and both moments
    float *gradient;  // made finite first: NaN to 0, infinities to +-limit
    size_t count;
    float rate, root, beta1, beta2, eps, limit;
} atl_adam_span;

typedef struct atl_resident atl_resident; // graph/resident.h

typedef struct atl_backend atl_backend;
struct atl_backend {
    const char *name;
    atl_ctx *ctx;
    bool host; // device memory is the host's: an address means the same on both
    // Asked while planning, so that an op that is missing is an error with a name before work starts.
    bool (*supports)(const atl_backend *b, const atl_node *n);
    // Whether it runs n, a node that a rewrite of graph/fuse.h would make, well.  NULL: it fuses nothing.
    bool (*fuses)(const atl_backend *b, const atl_node *n);
    atl_status (*prepare)(atl_backend *b, atl_step *step);
    void (*discard)(atl_backend *b, atl_step *step); // releases state
    void *(*alloc)(atl_backend *b, size_t bytes);    // device memory, 64-byte aligned; NULL with a message
    void (*release)(atl_backend *b, void *memory);
    void (*upload)(atl_backend *b, float *to, const float *from, size_t count);
    void (*download)(atl_backend *b, float *to, const float *from, size_t count);
    atl_status (*run)(atl_backend *b, atl_step *steps, size_t count, const atl_run *run);
    void (*wait)(atl_backend *b); // until everything asked for so far is done
    // Loops over spans where they live.
    void (*clear)(atl_backend *b, float *x, size_t count);
    void (*accumulate)(atl_backend *b, float *to, const float *x, size_t count,
                       float scale); // to += scale x; both may be one
    // to = x + beta (to - x); beta 0 copies x, whatever `to` held
    void (*average)(atl_backend *b, float *to, const float *x, size_t count, float beta);
    void (*adam)(atl_backend *b, const atl_adam_span *s);
    void (*close)(atl_backend *b);
    // of graph/resident.c
    atl_resident *residents;
    int n_residents, resident_capacity;
};

typedef struct atl_backend_options {
    int threads; // of its kernels; 0: the context's
    int parts;   // that work is cut into, as in base/team.h, for results that don't depend on threads; 0:
                 // threads
} atl_backend_options;

// After the plans that use it.  Accepts NULL, leaves NULL.
void atl_backend_close(atl_backend **backend);

#endif
