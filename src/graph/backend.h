// SPDX-License-Identifier: Apache-2.0
// What a backend is: a table of functions that prepares and runs the steps of a plan.  Nothing above it
// knows a device.
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
    const char *kernel;              // what will run, for tables: "winograd"
    uint32_t packed;                 // bit i: source i is constant and copied into state; not read when running
} atl_step;

typedef struct atl_run {
    uint64_t key;                    // of random numbers
    uint64_t counter;                // of runs: the same counter repeats the same numbers
} atl_run;

typedef struct atl_backend atl_backend;
struct atl_backend {
    const char *name;
    atl_ctx *ctx;
    // Asked while planning, so that an op that is missing is an error with a name before work starts.
    bool (*supports)(const atl_backend *b, const atl_node *n);
    atl_status (*prepare)(atl_backend *b, atl_step *step);
    void (*discard)(atl_backend *b, atl_step *step); // releases state
    void *(*alloc)(atl_backend *b, size_t bytes);    // device memory, 64-byte aligned; NULL with a message
    void (*release)(atl_backend *b, void *memory);
    void (*upload)(atl_backend *b, float *to, const float *from, size_t count);
    void (*download)(atl_backend *b, float *to, const float *from, size_t count);
    atl_status (*run)(atl_backend *b, atl_step *steps, size_t count, const atl_run *run);
    void (*wait)(atl_backend *b);
};

#endif
