// SPDX-License-Identifier: Apache-2.0
// The passes of filtered leaky ReLU, on columns of `lanes` channels: every array below except x and y is
// an array of such columns, aligned to its size.  A table with a slot per pass, filled from the reference
// upward to the instruction set that may be used.
//
// Positions of the oversampled picture come in groups of `up`, all of whose members meet the same pixels,
// or pixels moved by one:
//
//     member p < up of group g = sum over k < up_taps of up_x[p][k] pixel[g + (p > turn_x) + k]
//
// Rows follow the same rule with up_y and turn_y.  A sum over the down filter walks forward: a finished
// position is added to the down_taps / down outputs that it belongs to.
#ifndef ATL_CPU_FLRELU_KERNELS_H
#define ATL_CPU_FLRELU_KERNELS_H

#include <stddef.h>
#include "base/cpu.h"

enum { ATL_FLRELU_LANES = 16 }; // most lanes of any set

typedef struct atl_cpu_flrelu_filter {
    int up, down;
    int up_taps;           // per phase: the filter's taps / up, rounded up
    int outputs;           // outputs that a position belongs to: the filter's taps / down, rounded up
    int turn_x, turn_y;    // last member of a group that starts at the group's first pixel
    int mirrored;          // down_xy is the same upside down and from left to right
    const float *up_x;     // [up, up_taps], times up
    const float *up_y;     // [up, up_taps], times up and the size of the gain
    const float *down_x;   // [outputs * down], zeros at the end
    const float *down_y;   // the same, times the sign of the gain
    const float *down_xy;  // [outputs * down, outputs * down] instead of the two above, or NULL
    float slope, clamp;
} atl_cpu_flrelu_filter;

// Memory that will be read or written soon: pixels lie far apart, often on a page each, and no hardware
// fetches them in time.  The passes down the columns, which compute the longest, ask for it.
typedef struct atl_cpu_flrelu_soon {
    const float *x, *y;      // first pixel of the next rows of x, of the rows of y that follow from this call
    size_t step;             // floats from pixel to pixel
    size_t x_row, y_row;     // floats from row to row
} atl_cpu_flrelu_soon;

typedef struct atl_cpu_flrelu_kernels {
    int lanes;

    // v[i] = x[i step + lane] + bias[lane] for i < count, lane < n; zero for n <= lane < lanes
    void (*load)(float *v, const float *x, size_t step, size_t count, size_t n, const float *bias);

    // Oversamples a row: t[g up + p] for g < groups.  Here and below: lanes from n on may be left as they
    // are.
    void (*up_x)(const atl_cpu_flrelu_filter *f, float *t, const float *v, size_t groups, size_t n);

    // For `count` columns from column `first` of the rows t[0], ..., t[up_taps + steps - 1]: oversamples down
    // the column, activates, and filters down the column: steps * up / down rows of d, d_row floats apart,
    // whose first column is that of `first`.  The first position's window begins at t[0].  state [width,
    // carried] is what is not finished from call to call, zeros in the beginning.  steps * up must be a
    // multiple of 12 and of down.  A row of d comes `lag` rows after its first position.  chunk: columns at a
    // time, so that d stays in the first-level cache, or 0: all.
    int carried, lag, chunk;
    void (*column)(const atl_cpu_flrelu_filter *f, float *d, size_t d_row, const float *const *t,
                   float *state, size_t first, size_t count, size_t steps, size_t n,
                   const atl_cpu_flrelu_soon *soon);

    // The same without the second filter: the rows m[0], ..., m[steps * up - 1].
    void (*rows)(const atl_cpu_flrelu_filter *f, float *const *m, const float *const *t, size_t width,
                 size_t steps, size_t n, const atl_cpu_flrelu_soon *soon);

    // y[o y_step + lane] = sum over k of down_x[k] d[o down + k]  for o < count, lane < n.  stream: write around
    // the caches; y and y_step are multiples of a column then, and n is `lanes`.
    void (*down_x)(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n, const float *d,
                   size_t count, int stream);

    // The same with down_xy: `lines` rows of y, y_row floats apart; line i of the rows m[i down] and below.
    void (*down_xy)(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t y_row, size_t n,
                    const float *const *m, size_t count, size_t lines, int stream);

    // ---- the gradient (flrelu_grad.c); in all of these f is the filter of the way back

    // For `count` columns from column `first` on and for `positions` rows, a multiple of both factors and of
    // 6 times that of x: m[j m_row + i lanes + lane] = oversampled rows t down the column with f, times the
    // slope at the rows u, which are oversampled with `gate`: 0 where its leaky ReLU is beyond the clamp.
    void (*gated)(const atl_cpu_flrelu_filter *f, const atl_cpu_flrelu_filter *gate, float *m, size_t m_row,
                  const float *const *t, const float *const *u, size_t first, size_t count, size_t positions,
                  size_t n);

    // y[o y_row + i y_step + lane] = sum over k of down_y[k] r[o down + k][i lanes + lane]  for o < lines, i
    // < count, lane < n.
    void (*down_y)(const atl_cpu_flrelu_filter *f, float *y, size_t y_row, size_t y_step, size_t n,
                   const float *const *r, size_t count, size_t lines);
} atl_cpu_flrelu_kernels;

// Rungs of the ladder, for this filter: only its sizes and turns are read.  lanes: 8 or 16, those of the set
// whose gaps the reference fills.
void atl_cpu_flrelu_init_ref(atl_cpu_flrelu_kernels *k, int lanes, const atl_cpu_flrelu_filter *f);
void atl_cpu_flrelu_init_avx2(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f);
void atl_cpu_flrelu_init_avx512(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f);
void atl_cpu_flrelu_init_neon(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f);

#endif
