// SPDX-License-Identifier: Apache-2.0
// The weight gradient of a 3x3 convolution, with the transforms of Winograd's F(4x4, 3x3), and those that tell even
// pixels from odd ones at stride 2.
//
//     dw[o, i, r, s] = sum over n, p, q of  x[n, p t + r - pad, q t + s - pad, i] dy[n, p, q, o]      t: 1 or 2
//
// The convolution is <A dy A', (G w G') (B' x B)> summed over tiles; so dw = G' (sum of (A dy A') (B' x B)) G: 36
// products of [ci, tiles] by [tiles, co] where a direct gradient has 144 per tile, and one transform at the end.  At
// stride 2 there are 81, of which some share their sum (winograd_kernels.h).
// The result doesn't depend on the number of threads.
#ifndef ATL_CPU_WINOGRAD_GRAD_H
#define ATL_CPU_WINOGRAD_GRAD_H

#include <stddef.h>
#include "base/ctx.h"
#include "base/team.h"

typedef struct atl_cpu_kernels atl_cpu_kernels; // cpu/kernels.h

typedef struct atl_cpu_wino_grad atl_cpu_wino_grad;
typedef struct atl_cpu_wino_grad_shape {
    int n, h, w, ci, co; // x [n, h, w, ci]; all at least 1
    int pad;             // 0 to 2: dy [n, h + 2 pad - 2, w + 2 pad - 2, co]
    int down;            // 1: stride 2.  Else the following are not read
    int oh, ow;          // dy [n, oh, ow, co]; pad zeros are above and left of x
    int turned;          // 1: dw [ci, co, 3, 3]
} atl_cpu_wino_grad_shape;

// Whether this is likely faster than a direct gradient.  Any shape is computed correctly.
int atl_cpu_wino_grad_worth(const atl_cpu_wino_grad_shape *shape);

// On failure *grad is NULL and the context has the sentence.
atl_status atl_cpu_wino_grad_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                                  const atl_cpu_wino_grad_shape *shape, atl_cpu_wino_grad **grad);
void atl_cpu_wino_grad_free(atl_cpu_wino_grad **grad); // NULL and pointers to NULL are fine

// Bytes that a run needs beside its operands, aligned to 64.
size_t atl_cpu_wino_grad_workspace(const atl_cpu_wino_grad *grad);

// x_scale [n, ci] and y_scale [n, co] multiply x and dy on the fly; NULL: none; rows are x_step and y_step floats
// apart.
typedef struct atl_cpu_wino_grad_args {
    const float *x, *dy, *x_scale, *y_scale;
    ptrdiff_t x_step, y_step;
} atl_cpu_wino_grad_args;

void atl_cpu_wino_grad_run(const atl_cpu_wino_grad *grad, const atl_cpu_wino_grad_args *args, float *dw,
                           void *workspace);

#endif
