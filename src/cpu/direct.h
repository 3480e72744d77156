// SPDX-License-Identifier: Apache-2.0
// Direct convolution of our own, for the three slots of conv.h's form without groups: pixels are gathered, a
// block at a time, into rows of all that their taps read, and the products of Winograd's blocks multiply
// these with packed weights, or with the gradient of the result.
//
// Everything is counted as convolutions of a source to a result.  Slot Y is one.  Slot X at strides sy, sx is
// sy sx of them, one for each of the phases in which result pixels meet taps; each takes steps of 1 through
// its source and writes pixels that are sy and sx apart.
#ifndef ATL_CPU_DIRECT_H
#define ATL_CPU_DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/ctx.h"
#include "cpu/conv.h"

typedef struct atl_cpu_direct atl_cpu_direct;

// Whether this computes the shape at all, and whether it is likely faster than oneDNN with the kernels of
// `set`.
bool atl_cpu_direct_fits(const atl_cpu_conv_shape *shape);
bool atl_cpu_direct_worth(const atl_cpu_conv_shape *shape, atl_cpu_set set);

// Whether it is faster than a matrix product for `pixels` pixels of 1x1.
bool atl_cpu_direct_worth_1x1(size_t ci, size_t co, size_t pixels, atl_cpu_set set);

// Where it is, with weights that are packed once: whether it is faster than oneDNN's convolution, too.
bool atl_cpu_direct_worth_packed_1x1(size_t pixels, atl_cpu_set set);

// As atl_cpu_conv_make, for a shape that fits.  Results don't depend on the number of threads.
atl_status atl_cpu_direct_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                               const atl_cpu_conv_shape *shape, const float *weight_const,
                               atl_cpu_direct **direct);
void atl_cpu_direct_free(atl_cpu_direct **direct); // NULL and pointers to NULL are fine

size_t atl_cpu_direct_workspace(const atl_cpu_direct *direct); // bytes, for all threads
void atl_cpu_direct_run(const atl_cpu_direct *direct, const float *a, const float *b, float *out,
                        void *workspace);

#endif
