// SPDX-License-Identifier: Apache-2.0
// Convolutions to at most four channels, and data gradients at stride 1 that have as few: sums over the channels and
// taps of each pixel, where a general convolution pads its results to a full vector.
//
// The taps of a row lie side by side in x [n, h, w, c], so a pixel is a few products of long stretches.
#ifndef ATL_CPU_FEW_H
#define ATL_CPU_FEW_H

#include <stdbool.h>
#include "cpu/conv.h"
#include "cpu/rgb.h"

// Whether it can compute the shape and is likely faster than others.
bool atl_cpu_few_worth(const atl_cpu_conv_shape *shape);

size_t atl_cpu_few_workspace(const atl_cpu_conv_shape *shape); // bytes

// Slot Y: out = y from x; slot X: out = x from y, both `in`.  Then the epilogue, which may be NULL.
void atl_cpu_few_run(const atl_cpu_rgb_kernels *k, const atl_cpu_pointwise_kernels *pointwise,
                     const atl_cpu_conv_shape *shape, const float *in, const float *weight, float *out,
                     const atl_cpu_epilogue *e, void *workspace, atl_team *team);

#endif
