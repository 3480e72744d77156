// SPDX-License-Identifier: Apache-2.0
// Bilinear resampling of images [n, h, w, c] under an affine map per image, and its transpose.
//
// theta [n, 2, 3] takes a point of the result (x, y, 1) to a point of the source; both span [-1, 1] from the outer
// edge of the first pixel to the outer edge of the last one.  Outside of the source there is zero.
#ifndef ATL_CPU_SAMPLE_H
#define ATL_CPU_SAMPLE_H

#include <stdint.h>

typedef struct atl_cpu_sample_dims {
    int64_t n, h, w, c, oh, ow;
} atl_cpu_sample_dims; // source [h, w], result [oh, ow]

// y [n, oh, ow, c] from x [n, h, w, c]
void atl_cpu_sample_affine(const atl_cpu_sample_dims *d, const float *theta, const float *x, float *y,
                           int threads);

// x [n, h, w, c] from y [n, oh, ow, c]: each number goes back to the four that it was made of, by the same
// weights.  Added in one order, whatever the number of threads.
void atl_cpu_sample_affine_t(const atl_cpu_sample_dims *d, const float *theta, const float *y, float *x,
                             int threads);

#endif
