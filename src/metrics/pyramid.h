// SPDX-License-Identifier: Apache-2.0
// The Laplacian pyramid of a square picture (Burt and Adelson 1983): what each halving of the size loses.
#ifndef ATL_METRICS_PYRAMID_H
#define ATL_METRICS_PYRAMID_H

#include <stdint.h>

// x [size, size] to half the size: smoothed by 1 4 6 4 1, mirrored about border pixels, each second pixel
// kept. rows: [size, size / 2].  size: even, at least 4.
void atl_pyramid_reduce(const float *x, int64_t size, float *rows, float *half);

// x [size, size] less what its half would be again at full size.  rows: [size / 2, size]
void atl_pyramid_subtract(float *x, int64_t size, const float *half, float *rows);

#endif
