// SPDX-License-Identifier: Apache-2.0
// Moving floats without arithmetic: every function is a copy between two strided views.
//
// dims are those of the operation's output unless said; tensors are contiguous in C order, rank <= 5.
#ifndef ATL_CPU_MOVE_H
#define ATL_CPU_MOVE_H

#include <stdint.h>
#include "base/team.h"

enum { ATL_MOVE_RANK_MAX = 5 };

// y[i . y_strides] = x[i . x_strides] for all indices i below dims.  Strides in floats, any sign; a zero
// in x_strides repeats.  Dimensions that can be joined are; a transposed pair goes in square tiles.
void atl_cpu_move_copy(int rank, const int64_t *dims, float *y, const int64_t *y_strides, const float *x,
                       const int64_t *x_strides, atl_team *team);

void atl_cpu_move_fill(float *y, int64_t n, float value, atl_team *team);

// y [y_dims] repeats x [x_dims] along the dimensions where x has 1.
void atl_cpu_move_expand(int rank, const int64_t *y_dims, const int64_t *x_dims, float *y, const float *x,
                         atl_team *team);

// Dimension i of y is dimension axes[i] of x.
void atl_cpu_move_permute(int rank, const int64_t *x_dims, const int *axes, float *y, const float *x,
                          atl_team *team);

// y [y_dims] = x [x_dims] from index first[i] on, every step[i]-th; step NULL: 1.
void atl_cpu_move_slice(int rank, const int64_t *x_dims, const int64_t *y_dims, const int64_t *first,
                        const int64_t *step, float *y, const float *x, atl_team *team);

// The transpose of slice: y [y_dims] is zero but for x [x_dims] at first[i] + step[i] j; step NULL: 1.
void atl_cpu_move_pad(int rank, const int64_t *y_dims, const int64_t *x_dims, const int64_t *first,
                      const int64_t *step, float *y, const float *x, atl_team *team);

// x [x_dims] becomes the part of y [y_dims] that starts at `first` of dimension `axis`; concatenation is
// one call per input.
void atl_cpu_move_concat(int rank, const int64_t *y_dims, const int64_t *x_dims, int axis, int64_t first,
                         float *y, const float *x, atl_team *team);

#endif
