// SPDX-License-Identifier: Apache-2.0
// Sums over some dimensions of a contiguous tensor.  The order of additions is fixed by the shape:
// blocks of fixed size, then a tree over blocks.  The number of threads never changes a bit.
#ifndef ATL_CPU_REDUCE_H
#define ATL_CPU_REDUCE_H

#include <stddef.h>
#include <stdint.h>
#include "base/team.h"
#include "cpu/pointwise.h"

enum { ATL_REDUCE_RANK_MAX = 5 };

// Bytes that the sum below needs, aligned to 64.
size_t atl_cpu_reduce_workspace(int rank, const int64_t *dims, unsigned mask);

// y = sum of x [dims], or of x times z where z isn't NULL, over the dimensions whose bit (1 << dimension) is set
// in mask; those are 1 in y.
void atl_cpu_reduce_sum(const atl_cpu_pointwise_kernels *k, int rank, const int64_t *dims, unsigned mask,
                        const float *x, const float *z, float *y, atl_team *team, void *workspace);

// dscale [n, c] of an epilogue, from its result: sums over the pixels of each sample of
//     dy (lrelu(z, 1 / slope) / gain - noise - bias) / scale
// noise and bias may be NULL; the strides are floats from one sample's values to the next one's, 0 where all
// share them.
typedef struct atl_cpu_scale_grad {
    const float *dy, *z;               // [n, pixels, c]
    const float *scale, *noise, *bias; // [c], [pixels], [c]
    size_t scale_stride, noise_stride;
    float slope, gain;
    int64_t n, pixels, c;
} atl_cpu_scale_grad;
size_t atl_cpu_scale_grad_workspace(const atl_cpu_scale_grad *g); // bytes; sizes alone are read
void atl_cpu_scale_grad_run(const atl_cpu_pointwise_kernels *k, const atl_cpu_scale_grad *g, float *dscale,
                            atl_team *team, void *workspace);

#endif
