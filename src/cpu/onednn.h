// SPDX-License-Identifier: Apache-2.0
// What convolution and matrix product share: an operation of two inputs and one output that is cut into
// parts, one oneDNN primitive each, which the lanes of a team run at the same time.
//
// One operand may be kept in an order of oneDNN's choice (packed), the same for all parts, with the reorder
// that brings it there or back.
//
// Threads: oneDNN follows OpenMP's default of the calling thread, both when a primitive is made and when it
// runs.  That default is set to one around each call, so that oneDNN starts no thread of its own: OpenMP's
// wait for each other by spinning, and on a machine with other work that costs more than they give.
#ifndef ATL_CPU_ONEDNN_H
#define ATL_CPU_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <dnnl.h>
#include "base/ctx.h"
#include "base/team.h"

typedef struct atl_cpu_dnnl_part {
    dnnl_stream_t stream;
    dnnl_primitive_t main;
    dnnl_memory_t operand[3], scratch; // a, b, out: in the caller's order, or packed
    size_t offset[3];                  // floats from the operand's first to the part's
} atl_cpu_dnnl_part;

typedef struct atl_cpu_dnnl {
    atl_ctx *ctx;
    atl_team *team;
    bool limited;                     // the process has a limit on its address space
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr;       // scratch memory comes from us
    int ids[3];                       // DNNL_ARG_... of a, b, out
    int parts;                        // made so far
    atl_cpu_dnnl_part *part;
    int packed_index;         // which operand may be packed: 1 or 2.  2: the parts' results add up
    bool mixed;               // the parts want that operand in different orders
    dnnl_memory_desc_t want;  // the order of the first
    dnnl_primitive_t reorder; // NULL when the caller's order is right
    dnnl_memory_t plain, packed, scratch; // of the reorder
    float *constant;                  // the packed operand when it never changes, else NULL
    size_t packed_bytes, main_bytes, reorder_bytes; // packed operand; scratch of a part and of the reorder
} atl_cpu_dnnl;

// An engine, and room for `parts` parts.  Hands the context's ceiling on instruction sets to oneDNN.
// packed_index and ids as in the struct.
atl_status atl_cpu_dnnl_init(atl_cpu_dnnl *d, atl_ctx *ctx, atl_team *team, int parts, const int ids[3],
                             int packed_index);
void atl_cpu_dnnl_clear(atl_cpu_dnnl *d); // an all-zero struct is fine

// Whether there is room for a primitive: oneDNN's generator of code does not look whether it was given memory, and
// writes to address 0.  A primitive has a kernel to a few dozen, of 256 kB each.
atl_status atl_cpu_dnnl_room(atl_ctx *ctx);

// Sets the calling thread's default number of OpenMP threads to one, and puts back what it was.  Needed
// around the making of descriptions.
int atl_cpu_dnnl_alone(void);
void atl_cpu_dnnl_alone_end(int before);

// Makes the next part's primitive.  plain: the operands in the caller's order; offset: where they begin, in
// floats.
atl_status atl_cpu_dnnl_add(atl_cpu_dnnl *d, const_dnnl_primitive_desc_t pd,
                            const dnnl_memory_desc_t plain[3], const size_t offset[3]);

// After the last part, unless they are `mixed`: makes what they share.  plain: the operand that may be
// packed, whole; NULL where the parts were asked for the caller's order.  constant: its value, packed at
// once; or NULL.
atl_status atl_cpu_dnnl_finish(atl_cpu_dnnl *d, const dnnl_memory_desc_t *plain, const float *constant);

size_t atl_cpu_dnnl_workspace(const atl_cpu_dnnl *d);
atl_status atl_cpu_dnnl_run(const atl_cpu_dnnl *d, const float *a, const float *b, float *out,
                            void *workspace);

// Turns oneDNN's status into ours, with a sentence that says what was being done.
atl_status atl_cpu_dnnl_check(atl_ctx *ctx, dnnl_status_t status, const char *what);

#endif
