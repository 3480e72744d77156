// SPDX-License-Identifier: Apache-2.0
// 1x1 convolutions to or from at most four channels.  They are bound by memory, where a general
// convolution pads three channels to a full vector.  The sums to four channels serve others, too (few.h).
#ifndef ATL_CPU_RGB_H
#define ATL_CPU_RGB_H

#include <stddef.h>
#include "base/team.h"
#include "cpu/epilogue.h"
#include "cpu/pointwise.h"

enum { ATL_RGB_MAX = 4 };

// Sums over `rows` stretches of `count` floats: steps are floats from one pixel of x, and from one output of w, to the
// next.
typedef struct atl_cpu_rgb_sums {
    const float *x, *w;
    size_t x_step, x_row, w_step, w_row, rows, count;
} atl_cpu_rgb_sums;

typedef struct atl_cpu_rgb_kernels {
    // y[p, o] = sum over r, i of x[p x_step + r x_row + i] w[o w_step + r w_row + i];  co <= 4
    void (*sums)(float *y, const atl_cpu_rgb_sums *s, size_t pixels, size_t co);
    // y[p, o] = sum over c of x[p, c] w[o, c];  ci <= 4 and any co
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
