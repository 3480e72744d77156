// SPDX-License-Identifier: Apache-2.0
// The way back through filtered leaky ReLU with a separable down filter, in one pass over memory:
//
//     dx = up filter transposed (slope at the oversampled x + bias * down filter transposed (dy))
//
// The slopes are computed again from x, so that nothing is kept from the way there.  flrelu_grad.c says how.
#ifndef ATL_CPU_FLRELU_GRAD_H
#define ATL_CPU_FLRELU_GRAD_H

#include "cpu/flrelu.h"

typedef struct atl_cpu_flrelu_grad atl_cpu_flrelu_grad;

// Arguments and filters are those of the way there.  On failure *fl is NULL and the context has the sentence.
atl_status atl_cpu_flrelu_grad_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                                    const atl_cpu_flrelu_args *args, const float *fu, const float *fd,
                                    atl_cpu_flrelu_grad **fl);
void atl_cpu_flrelu_grad_free(atl_cpu_flrelu_grad **fl); // NULL and pointers to NULL are fine

// Bytes that a run needs beside its operands, aligned to 64, for all threads.
size_t atl_cpu_flrelu_grad_workspace(const atl_cpu_flrelu_grad *fl);

// x and dx [n, h, w, c], bias [c] or NULL, dy [n, oh, ow, c].  dx overlaps nothing.  The result depends
// neither on the number of threads nor on how the picture is cut into strips.
void atl_cpu_flrelu_grad_run(const atl_cpu_flrelu_grad *fl, const float *x, const float *bias,
                             const float *dy, float *dx, void *workspace);

#endif
