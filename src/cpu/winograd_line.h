// SPDX-License-Identifier: Apache-2.0
// Convolutions whose taps lie along lines (1x7, 7x1, 5x5 as five rows of five), at stride 1 and with constant
// weights, with fewer multiplications: Winograd's method along one axis.
//
// Eight pixels of a line become values of a polynomial at eight points, whatever the number of taps r, and
// give 9 - r pixels of the result: 8 multiplications replace 14 for 7 taps, 20 for 5.  Taps across the lines
// are summed at the points.  The relative error of a layer is near 1e-6.
#ifndef ATL_CPU_WINOGRAD_LINE_H
#define ATL_CPU_WINOGRAD_LINE_H

#include <stdbool.h>
#include "base/ctx.h"
#include "base/team.h"
#include "cpu/conv.h"
#include "cpu/epilogue.h"

typedef struct atl_cpu_line atl_cpu_line;

// Whether this computes the shape, and whether it is likely faster than direct convolution.
bool atl_cpu_line_fits(const atl_cpu_conv_shape *shape);
bool atl_cpu_line_worth(const atl_cpu_conv_shape *shape);

// For a shape that fits.  weight [co, ci, kh, kw] is needed during the call only.  On failure *line is NULL.
atl_status atl_cpu_line_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_conv_shape *shape, const float *weight, atl_cpu_line **line);
void atl_cpu_line_free(atl_cpu_line **line); // NULL and pointers to NULL are fine

size_t atl_cpu_line_workspace(const atl_cpu_line *line); // bytes, for all threads

// in_scale [n, ci] multiplies x on the fly; NULL: none.  epilogue NULL: none.
void atl_cpu_line_run(const atl_cpu_line *line, const float *x, const float *in_scale, float *y,
                      const atl_cpu_epilogue *epilogue, void *workspace);

#endif
