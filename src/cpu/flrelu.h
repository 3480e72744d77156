// SPDX-License-Identifier: Apache-2.0
// StyleGAN3's filtered leaky ReLU in one pass over memory:
//
//     x [n, h, w, c] -> add bias -> zeros between pixels (up), pad or crop, FIR with fu
//                    -> leaky ReLU, gain, clamp -> FIR with fd, keep every down-th pixel -> y [n, oh, ow, c]
//
// The oversampled picture exists only in registers and the second-level cache.  flrelu.c says how.
// Its gradient is flrelu_grad.h.
#ifndef ATL_CPU_FLRELU_H
#define ATL_CPU_FLRELU_H

#include <stddef.h>
#include "base/ctx.h"
#include "base/team.h"

typedef struct atl_cpu_kernels atl_cpu_kernels; // cpu/kernels.h

typedef struct atl_cpu_flrelu_args {
    int n, h, w, c;
    int up, down;             // at least 1
    int up_taps, down_taps;   // 1 with a NULL filter: none
    int down_radial;          // fd is [down_taps, down_taps], not [down_taps] for both axes
    int px0, px1, py0, py1;   // relative to the picture with its zeros; negative values crop
    float slope, gain, clamp; // clamp: INFINITY for none.  The gain up^2 is applied without being asked.
} atl_cpu_flrelu_args;

typedef struct atl_cpu_flrelu atl_cpu_flrelu;

// The output's size; 0 when nothing is left.
void atl_cpu_flrelu_size(const atl_cpu_flrelu_args *args, int *oh, int *ow);

// fu [up_taps] and fd (either may be NULL when its taps are 1) are those of convolutions (mirrored when slid
// over the picture), and are copied.  On failure *fl is NULL and the context has the sentence.
atl_status atl_cpu_flrelu_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                               const atl_cpu_flrelu_args *args, const float *fu, const float *fd,
                               atl_cpu_flrelu **fl);
void atl_cpu_flrelu_free(atl_cpu_flrelu **fl); // NULL and pointers to NULL are fine

// Bytes that a run needs beside its operands, aligned to 64, for all threads.
size_t atl_cpu_flrelu_workspace(const atl_cpu_flrelu *fl);

// bias [c] may be NULL.  y overlaps nothing.  The result depends neither on the number of
// threads nor on how the picture is cut into strips.
void atl_cpu_flrelu_run(const atl_cpu_flrelu *fl, const float *x, const float *bias, float *y,
                        void *workspace);

#endif
