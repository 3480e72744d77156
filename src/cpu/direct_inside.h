// SPDX-License-Identifier: Apache-2.0
// What direct.c (plans), direct_run.c (slots Y and X) and direct_grad.c (slot W) share.
#ifndef ATL_CPU_DIRECT_INSIDE_H
#define ATL_CPU_DIRECT_INSIDE_H

#include <stdint.h>

#include "cpu/direct.h"
#include "cpu/direct_kernels.h"

enum { ATL_DIRECT_STRIDE = 4 }; // the largest

static inline size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t ceil_div(size_t a, size_t b) {
    return (a + b - 1) / b;
}

// One direction of a convolution.
typedef struct atl_direct_axis {
    int count, out, out_step; // pixel i of `count` is pixel out + out_step i of the result
    int size, first, step;    // and reads from first + step i on, of `size` pixels of the source
    int taps, way;            // at way j for tap j
} atl_direct_axis;

// One of the convolutions.
typedef struct atl_direct_grid {
    atl_direct_axis y, x;
    size_t taps, pixels; // y times x; of all samples
    size_t weight;       // floats of packed weights before its own
    int64_t blocks;      // of pixels
} atl_direct_grid;

struct atl_cpu_direct {
    atl_ctx *ctx;
    atl_cpu_conv_shape shape;
    atl_cpu_direct_kernels kernels;
    atl_team *team;
    int lanes, grids;
    atl_direct_grid grid[ATL_DIRECT_STRIDE * ATL_DIRECT_STRIDE];
    size_t source, result; // channels; slot W: of x, of y
    bool mixed;            // pixels are in order of their place first, then of samples: neighbours miss the
                           // same taps
    size_t block, slice, chunk; // pixels, source channels at a time, result channels of a unit
    int64_t slices, chunks;     // of all channels
    bool packing;               // units pack weights themselves, in pieces of at most `piece` floats
    size_t piece;
    float *weight;        // packed when they never change
    float *zeros;         // a pixel outside of the source
    size_t weight_floats; // of the workspace, else
    size_t lane_floats;   // of it, per thread
    int64_t parts;        // slot W: of the pixels, with sums of their own
    size_t sums;          // floats of one unit's
};

// Some channels of the source and some of the result: of slice and chunk.
typedef struct atl_direct_piece {
    size_t channel, channels, column, columns;
} atl_direct_piece;

static inline atl_direct_piece atl_direct_piece_of(const atl_cpu_direct *d, int64_t slice, int64_t chunk) {
    size_t channel = (size_t)slice * d->slice, column = (size_t)chunk * d->chunk;
    return (atl_direct_piece){ channel, least(d->slice, d->source - channel), column,
                               least(d->chunk, d->result - column) };
}

// Where the taps of pixels first to first + count - 1 of a grid read: from[t block + i] for tap t of pixel
// first + i.
void atl_direct_find(const atl_cpu_direct *d, const atl_direct_grid *g, const float *source, size_t first,
                     size_t count, const float **from);

// And where its results are.
void atl_direct_find_results(const atl_cpu_direct *d, const atl_direct_grid *g, float *result, size_t first,
                             size_t count, float **to);

// Weights in the caller's order to that of the kernels, through a thread's part of `lanes`.
void atl_direct_pack(const atl_cpu_direct *d, const float *from, float *to, float *lanes);

// Units 0 to count - 1, in any order, each by one of the threads.
void atl_direct_each(const atl_cpu_direct *d, int64_t count, void (*unit)(void *job, int lane, int64_t i),
                     void *job);

// Slot W.
void atl_direct_plan_grad(atl_cpu_direct *d);
void atl_direct_run_grad(const atl_cpu_direct *d, const float *x, const float *dy, float *dw,
                         void *workspace);

#endif
