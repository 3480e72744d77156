// SPDX-License-Identifier: Apache-2.0
// The largest number of each window, found in one tensor and taken from another, and the way back.
//
//     k(p, q, c) = the first pixel of window (p, q) whose s[., c] is largest; one that is not a number is
//     largest y[p, q, c] = x[k(p, q, c), c]
//
// Window (p, q) begins at row p sy - py and column q sx - px and is cut off where the image ends; each one
// meets it.
#ifndef ATL_CPU_PICK_H
#define ATL_CPU_PICK_H

#include <stddef.h>
#include <stdint.h>
#include "base/team.h"

typedef struct atl_cpu_pick_dims {
    int64_t n, h, w, c, oh, ow; // s and x [n, h, w, c], y [n, oh, ow, c]
    int64_t kh, kw, sy, sx, py, px;
} atl_cpu_pick_dims;

// One window: its pixels, the floats from row to row and from pixel to pixel.
typedef struct atl_cpu_pick_window {
    int64_t rows, columns;
    size_t row, pixel;
} atl_cpu_pick_window;

// s and x point at the window's first pixel; channels j < n.
typedef struct atl_cpu_pick_kernels {
    void (*take)(float *y, const float *s, const float *x, const atl_cpu_pick_window *w, size_t n);
    void (*give)(float *x, const float *s, const float *y, const atl_cpu_pick_window *w, size_t n); // adds
    size_t (*largest)(const float *s, size_t n); // the position of the first of n > 0 numbers that is largest
} atl_cpu_pick_kernels;

void atl_cpu_pick_init(atl_cpu_pick_kernels *k); // the reference
void atl_cpu_pick_init_avx2(atl_cpu_pick_kernels *k);
void atl_cpu_pick_init_avx512(atl_cpu_pick_kernels *k);
void atl_cpu_pick_init_neon(atl_cpu_pick_kernels *k);

void atl_cpu_pick(const atl_cpu_pick_kernels *k, const atl_cpu_pick_dims *d, const float *s, const float *x,
                  float *y, atl_team *team);
// x is zero but where numbers of y were taken from; they add up in one order, whatever the number of threads.
void atl_cpu_pick_t(const atl_cpu_pick_kernels *k, const atl_cpu_pick_dims *d, const float *s, const float *y,
                    float *x, atl_team *team);

#endif
