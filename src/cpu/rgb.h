// SPDX-License-Identifier: Apache-2.0
// 1x1 convolutions to or from at most four channels.  They are bound by memory, where a general
// convolution pads three channels to a full vector.
#ifndef ATL_CPU_RGB_H
#define ATL_CPU_RGB_H

#include <stddef.h>
#include "base/team.h"
#include "cpu/epilogue.h"
#include "cpu/pointwise.h"

enum { ATL_RGB_MAX = 4 };

typedef struct atl_cpu_rgb_kernels {
    // y[p, o] = sum over c of x[p, c] w[o, c];  co <= 4
    void (*to)(float *y, const float *x, const float *w, size_t pixels, size_t ci, size_t co);
    // the same with ci <= 4 and any co
    void (*from)(float *y, const float *x, const float *w, size_t pixels, size_t ci, size_t co);
} atl_cpu_rgb_kernels;

void atl_cpu_rgb_init(atl_cpu_rgb_kernels *k); // the reference
void atl_cpu_rgb_init_avx2(atl_cpu_rgb_kernels *k);
void atl_cpu_rgb_init_avx512(atl_cpu_rgb_kernels *k);
void atl_cpu_rgb_init_neon(atl_cpu_rgb_kernels *k);

typedef struct atl_cpu_rgb_args {
    int n, ci, co;         // ci or co at most ATL_RGB_MAX
    size_t pixels;         // h w
    ptrdiff_t w_stride;    // floats between the weights of two samples; 0: shared
} atl_cpu_rgb_args;

// y [n, pixels, co] = x [n, pixels, ci] by w [co, ci] or [n, co, ci] (the weights times the sample's
// style), then the epilogue, which may be NULL and whose residual must not be y.
void atl_cpu_rgb_run(const atl_cpu_rgb_kernels *k, const atl_cpu_pointwise_kernels *pointwise,
                     const atl_cpu_rgb_args *args, float *y, const float *x, const float *w,
                     const atl_cpu_epilogue *e, atl_team *team);

#endif
