// SPDX-License-Identifier: Apache-2.0
// 3x3 convolutions at strides 1 and 2 and data gradients of the former, and StyleGAN2's up-convolution, with
// fewer multiplications.
//
//     up = 1:    y = conv3x3(x), padding 1                                   y [n, h, w, co]
//     up = 2:    y = fir4x4(conv_transpose3x3(x, stride 2)), FIR padding 1   y [n, 2h, 2w, co]
//     down = 1:  y = conv3x3(x, stride 2)                                    y [n, oh, ow, co]
//
// Tensors are channels-last, weights [co, ci, 3, 3]; the convolution of up = 1 is a correlation, the
// transposed one of up = 2 is that of PyTorch (so a true convolution), as is the FIR.  All work on tiles
// of 4x4 pixels: a transform of the input, 36 (81 for up = 2 and down) matrix products of [tiles, ci] with
// [ci, co], a transform of the output that ends in the epilogue.  36 multiplications replace
// 144, and 81 replace 144.  The cost is rounding: the relative error of a layer is near 2e-6 where a direct
// convolution has 3e-7.
#ifndef ATL_CPU_WINOGRAD_H
#define ATL_CPU_WINOGRAD_H

#include <stddef.h>
#include "base/ctx.h"
#include "base/team.h"
#include "cpu/epilogue.h"

typedef struct atl_cpu_kernels atl_cpu_kernels; // cpu/kernels.h

typedef struct atl_cpu_wino atl_cpu_wino;
typedef struct atl_cpu_wino_shape {
    int n, h, w, ci, co; // all at least 1
    int up;              // 1 or 2
    int grow;            // -1, 0 or 1: padding 1 + grow where up is 1, so that y is [n, h + 2 grow, w + 2 grow, co]
    int turned; // 1: weights [ci, co, 3, 3] of the convolution from co to ci channels whose data gradient
                // this is: of stride 1 and padding 1 - grow, or where up is 2 of stride 2 with the filter
                // after it. Where down is 1 the same convolution by weights [ci, co, 3, 3]
    int down;        // 1: stride 2, and up is 1, grow 0.  Else the following are not read
    int pad, oh, ow; // zeros above and left of x; zeros below and on the right are as many as y asks for
} atl_cpu_wino_shape;

// Whether this is likely faster than a direct convolution; varies: with weights that each run transforms.  Any
// shape is computed correctly.
int atl_cpu_wino_worth(const atl_cpu_wino_shape *shape, int varies);

// Whether up = 2 can use the filter: it must be an outer product of two filters of 4 taps.
int atl_cpu_wino_fir_fits(const float fir[16]);

// weight is needed during the call only; NULL: each run gets its own and transforms it.  fir [4, 4], rows first,
// gain included; up = 2 only, else NULL.  On failure *wino is NULL and the context has the sentence.
atl_status atl_cpu_wino_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_wino_shape *shape, const float *weight, const float *fir,
                             atl_cpu_wino **wino);
void atl_cpu_wino_free(atl_cpu_wino **wino); // NULL and pointers to NULL are fine

// Bytes that a run needs beside its operands, aligned to 64, for all threads.
size_t atl_cpu_wino_workspace(const atl_cpu_wino *wino);

// weight is not read when it was given before.  in_scale [n, ci] multiplies x on the fly; NULL: none.  epilogue
// NULL: none.  y overlaps nothing but may be the epilogue's residual.  One run at a time per object.
void atl_cpu_wino_run(const atl_cpu_wino *wino, const float *x, const float *weight, const float *in_scale,
                      float *y, const atl_cpu_epilogue *epilogue, void *workspace);

#endif
