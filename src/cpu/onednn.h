// SPDX-License-Identifier: Apache-2.0
// What convolution and matrix product share: one oneDNN primitive of two inputs and one output, of which
// one may be kept in an order of oneDNN's choice (packed), with the reorder that brings it there or back.
//
// Threads: oneDNN follows OpenMP's default of the calling thread, both when a primitive is made (it
// splits the work then) and when it runs.  atl_cpu_dnnl_finish and atl_cpu_dnnl_run set that default to the
// number given and put back what was there; so must whoever describes a primitive.
#ifndef ATL_CPU_ONEDNN_H
#define ATL_CPU_ONEDNN_H

#include <stddef.h>
#include <dnnl.h>
#include "base/ctx.h"

typedef struct atl_cpu_dnnl {
    atl_ctx *ctx;
    int threads;
    int limited; // the process may not have as much memory as there is
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr;       // scratch memory comes from us
    dnnl_primitive_t main, reorder;   // reorder is NULL when the caller's order is right
    dnnl_memory_t operand[3];         // a, b, out in the caller's order
    dnnl_memory_t packed, scratch;
    int ids[3];                       // DNNL_ARG_... of a, b, out
    int packed_index;                 // which operand may be packed: 1 or 2
    float *constant;                  // the packed operand when it never changes, else NULL
    size_t packed_bytes, main_bytes, reorder_bytes; // packed operand; scratch of the two primitives
} atl_cpu_dnnl;

// An engine and a stream.  Hands the context's ceiling on instruction sets to oneDNN.
atl_status atl_cpu_dnnl_init(atl_cpu_dnnl *d, atl_ctx *ctx, int threads);
void atl_cpu_dnnl_clear(atl_cpu_dnnl *d); // an all-zero struct is fine

// Sets the calling thread's default number of OpenMP threads, and puts it back.
int atl_cpu_dnnl_threads_begin(const atl_cpu_dnnl *d);
void atl_cpu_dnnl_threads_end(int before);

// Makes the primitive from its description and, where needed, the reorder between `plain[packed_index]`
// and what the primitive wants there.  constant: the value of that operand, packed at once; or NULL.
atl_status atl_cpu_dnnl_finish(atl_cpu_dnnl *d, const_dnnl_primitive_desc_t pd, const int ids[3],
                               const dnnl_memory_desc_t plain[3], int packed_index, const float *constant);

size_t atl_cpu_dnnl_workspace(const atl_cpu_dnnl *d);
atl_status atl_cpu_dnnl_run(const atl_cpu_dnnl *d, const float *a, const float *b, float *out,
                            void *workspace);

// Turns oneDNN's status into ours, with a sentence that says what was being done.
atl_status atl_cpu_dnnl_check(atl_ctx *ctx, dnnl_status_t status, const char *what);

#endif
