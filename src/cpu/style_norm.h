// SPDX-License-Identifier: Apache-2.0
// The ending of a StyleGAN layer in two passes over memory:
//
//     a = lrelu(x + noise[p] * weight[c] + bias[c], slope)
//     y = (a - mean) * rsqrt(variance + eps) * scale[n, c] + offset[n, c]
//
// with mean and variance over the pixels of each sample and channel.
#ifndef ATL_CPU_STYLE_NORM_H
#define ATL_CPU_STYLE_NORM_H

#include "base/team.h"
#include "cpu/pointwise.h"

typedef struct atl_cpu_style_norm {
    const float *noise;     // [n, pixels], or [pixels] for all samples: see noise_stride; NULL: none
    const float *weight;    // [c]; needed with noise
    const float *bias;      // [c]
    const float *scale;     // [n, c]
    const float *offset;    // [n, c]
    ptrdiff_t noise_stride; // pixels or 0
    float slope, eps;
} atl_cpu_style_norm;

// The first pass over some pixels of one sample: writes a and adds to sums [2, c] the sums of a - shift[c]
// and of its square.  a may be x.
typedef void atl_cpu_style_sums_fn(float *a, const float *x, size_t pixels, size_t c,
                                   const atl_cpu_style_norm *s, const float *shift, float *sums);
typedef struct atl_cpu_style_kernels {
    atl_cpu_style_sums_fn *sums;
} atl_cpu_style_kernels;
void atl_cpu_style_init(atl_cpu_style_kernels *k); // the reference
void atl_cpu_style_init_avx2(atl_cpu_style_kernels *k);
void atl_cpu_style_init_avx512(atl_cpu_style_kernels *k);
void atl_cpu_style_init_neon(atl_cpu_style_kernels *k);

// Bytes that a run needs beside its operands.
size_t atl_cpu_style_workspace(int n, size_t pixels, size_t c);

// y [n, pixels, c]; y may be x.  The result does not depend on the number of threads.
void atl_cpu_style_run(const atl_cpu_style_kernels *k, const atl_cpu_pointwise_kernels *p,
                       const atl_cpu_style_norm *s, float *y, const float *x, int n, size_t pixels, size_t c,
                       atl_team *team, void *workspace);

#endif
