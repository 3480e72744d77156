// SPDX-License-Identifier: Apache-2.0
// Direct convolution, made once and run often: one multilinear form read through three slots.  By kernels of
// our own (direct.h), or by oneDNN.
//
//     y[n, p, q, o] = sum over r, s, c of  x[n, p sy + r - py0, q sx + s - px0, c] w[o, c, r, s]
//
// where c runs over the input channels of o's group, and w counts them from the group's first.
//
// Slot Y is this (a correlation), X its transpose with respect to x (the data gradient, and with
// stride 2 the transposed convolution of StyleGAN2), W with respect to w (the weight gradient).
// Activations are [n, h, w, c], weights [co, ci / groups, kh, kw].
#ifndef ATL_CPU_CONV_H
#define ATL_CPU_CONV_H

#include <stddef.h>
#include "base/ctx.h"
#include "base/team.h"
#include "graph/fn.h"

// Sizes of the forward form, whatever the slot: oh = (h + py0 + py1 - kh) / sy + 1, rounded down, ow alike.
typedef struct atl_cpu_conv_shape {
    atl_slot slot;
    int n, h, w, ci;   // x
    int oh, ow, co;    // y
    int kh, kw, sy, sx;
    int py0, py1, px0, px1; // zeros above, below, left and right of x
    int groups;
    int swapped; // 1: weights are [ci, co, kh, kw]; one group only
} atl_cpu_conv_shape;

typedef struct atl_cpu_kernels atl_cpu_kernels; // cpu/kernels.h
typedef struct atl_cpu_conv atl_cpu_conv;

typedef enum atl_cpu_conv_way {
    ATL_CPU_CONV_FASTER, // what is likely faster
    ATL_CPU_CONV_OWN,    // for tests and measurement: our own, for shapes that it can
    ATL_CPU_CONV_ONEDNN,
} atl_cpu_conv_way;

// weight_const: the weights when they never change (slots Y and X): packed now, not needed afterwards.
// NULL: given to each run, and packed there.
// On failure *conv is NULL and the context has the sentence.
atl_status atl_cpu_conv_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_conv_shape *shape, const float *weight_const, atl_cpu_conv **conv);
atl_status atl_cpu_conv_make_by(atl_cpu_conv_way way, atl_ctx *ctx, const atl_cpu_kernels *kernels,
                                atl_team *team, const atl_cpu_conv_shape *shape, const float *weight_const,
                                atl_cpu_conv **conv);
void atl_cpu_conv_free(atl_cpu_conv **conv); // NULL and pointers to NULL are fine

// Bytes that a run needs beside its operands, aligned to 64.
size_t atl_cpu_conv_workspace(const atl_cpu_conv *conv);

// Slot Y: a = x, b = w, out = y.   Slot X: a = y, b = w, out = x.   Slot W: a = x, b = y, out = w.
// b is ignored when the weights are constant.  One run at a time per object.
atl_status atl_cpu_conv_run(const atl_cpu_conv *conv, const float *a, const float *b, float *out,
                            void *workspace);

#endif
