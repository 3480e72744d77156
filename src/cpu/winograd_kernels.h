// SPDX-License-Identifier: Apache-2.0
// The transforms and products of Winograd convolution, one tile at a time: a table with a slot per transform, filled
// from the reference upward to the instruction set that may be used.
//
// Points of F(4x4, 3x3): 0, +-A1, +-B1, infinity.  Points of the up-convolution's even phase, which is a
// product of polynomials of degree 3 (four pixels) and 1 (taps 0 and 2): +-A2, +-B2, infinity.  They are
// exact in binary, and their errors are 2.2 and 5 times below those of 1 and 2 (measured, 512 channels).
#ifndef ATL_CPU_WINOGRAD_KERNELS_H
#define ATL_CPU_WINOGRAD_KERNELS_H

#include <stddef.h>
#include "base/cpu.h"
#include "cpu/epilogue.h"

#define ATL_WINO_A1 0.625
#define ATL_WINO_B1 1.5
#define ATL_WINO_A2 0.5
#define ATL_WINO_B2 1.25

// Points of lines of eight pixels: 0, +-A, +-B, +-C, infinity, with squares AA, BB, CC.  Of all with few bits
// they have the smallest errors (measured, 192 channels, 7 and 5 taps).
#define ATL_LINE_A  0.5
#define ATL_LINE_B  1.0
#define ATL_LINE_C  2.0
#define ATL_LINE_AA 0.25
#define ATL_LINE_BB 1.0
#define ATL_LINE_CC 4.0

enum { ATL_WINO_MATRICES = 36 }; // weight matrices of either kind

// One sample that is read.
typedef struct atl_cpu_wino_source {
    const float *x;     // [h, w, c]
    const float *scale; // [c] or NULL
    int h, w, c;
} atl_cpu_wino_source;

// One sample that is written, with its epilogue.
typedef struct atl_cpu_wino_target {
    float *y; // [h, w, c]
    int h, w, c;
    int stream; // write around the caches; only when y is aligned to 64 and c is a multiple of 16
    const float *scale, *noise, *bias, *gate, *residual; // [c], [h, w], [c], [h, w, c], [h, w, c] or NULL
    float slope, gain, clamp, gate_slope;
} atl_cpu_wino_target;

// The 81 planes of one tile of the up-convolution or of stride 2, by what weights they meet (even or odd
// phase in y, in x):
//     ee + (point in y * 5 + point in x) * ee_step     25, each with its own weights
//     eo + point in y * point + column * line          20, 4 for each of 5 weights
//     eo + (5 + point in x) * point + row * line       20, 4 for each of 5 weights
//     oo + (row * 4 + column) * oo_step                16, all with the same weights
typedef struct atl_cpu_wino_planes {
    float *ee, *eo, *oo;
    size_t ee_step, point, line, oo_step;
} atl_cpu_wino_planes;

enum { ATL_WINO_PLANES = 36, ATL_WINO_UP_PLANES = 81 };

// The output tile of the up-convolution with its neighbours.  A tile covers rows 8 t to 8 t + 8 of the
// transposed convolution z; its last row and column add to the first ones of the next tile.  Filtered
// rows (columns) 8 t - 2 to 8 t + 5 can be finished with what the tile before has left:
//
//     three finished rows of z before the tile, and the tile's first row as far as it was summed
typedef struct atl_cpu_wino_up_tile {
    int empty;       // the tile is outside: z is 0, planes are not read
    atl_cpu_wino_planes m;
    float *left;     // [9, 4, kept] columns left by the tile before in this row of tiles
    float *above;    // [4, 8, kept] rows left by the tile above, filtered along x
    size_t kept;     // at least c1 - c0
    float fy[4], fx[4];
    int oy, ox;      // first pixel of the 8x8 in y, may be negative
    int y0, y1;      // rows of y that may be written
    int c0, c1;      // channels
} atl_cpu_wino_up_tile;

// Weights as a transform reads them: steps in floats from one input channel, output channel or tap to the next.
typedef struct atl_cpu_wino_taps {
    const float *first; // tap 0 of channels 0; the other taps may lie before it
    ptrdiff_t input, output, tap;
} atl_cpu_wino_taps;

typedef struct atl_cpu_wino_kernels {
    // 6x6 window at (oy, ox) to 36 planes, `plane` floats apart; up: 4x4 window to 81 planes.  Outside of
    // x is 0.
    void (*in)(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane);
    void (*up_in)(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v);

    // 36 planes to 4x4 pixels at (oy, ox), channels c0 to c1.
    void (*out)(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox, int c0, int c1);
    void (*up_out)(const atl_cpu_wino_target *to, const atl_cpu_wino_up_tile *tile);

    // Stride 2: 9x9 window at (oy, ox) to 81 planes, and these to 4x4 pixels as `out` does.  The transposes
    // of up_out without its filter and of up_in: even pixels meet taps 0 and 2, odd ones tap 1.
    void (*down_in)(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v);
    void (*down_out)(const atl_cpu_wino_target *to, const atl_cpu_wino_planes *m, int oy, int ox, int c0,
                     int c1);

    // c [m, n] = a [m, k] by b [k, n]; rows of a and c are a_row and c_row floats apart.  b lies in panels of
    // columns, each [k, panel(rest)], where rest is the number of columns from there on.
    void (*product)(const float *a, size_t a_row, const float *b, float *c, size_t c_row, size_t m, size_t n,
                    size_t k);
    size_t (*panel)(size_t rest);

    // Of the weight gradient: 4x4 window at (oy, ox) of the gradient of y to 36 planes; outside it is 0.
    void (*grad_in)(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane);

    // c [m, n] = a^T b, or c + a^T b where `add`; a [k, m], b [k, n].  Rows are a_row, b_row, c_row floats apart.
    void (*outer)(const float *a, size_t a_row, const float *b, size_t b_row, float *c, size_t c_row, size_t m,
                  size_t n, size_t k, int add);

    // The nine taps at w + l step are g^T u[., l] g, for l < n <= 16.  u: 36 of [n], `plane` floats apart; g [6, 3].
    void (*grad_weight)(const float *u, size_t plane, size_t n, const double *g, float *w, size_t step);

    // u[order[i * 6 + j]][k - k0, c] = (g w g^T)[i, j], g [6, 3], for input channels k0 <= k < k1 and output
    // channels c0 <= c < c1 <= c0 + 16.  u [36, k1 - k0, co].
    void (*weight)(const atl_cpu_wino_taps *w, size_t co, const double *g, const unsigned char *order,
                   size_t k0, size_t k1, size_t c0, size_t c1, float *u);

    // Of lines (winograd_line.h): eight pixels from (oy, ox) on, to the right or down, to 8 planes; and these
    // to `pixels` of y, 2, 4 or 6.
    void (*line_in)(const atl_cpu_wino_source *from, int oy, int ox, int down, float *v, size_t plane);
    void (*line_out)(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox, int down,
                     int pixels);
} atl_cpu_wino_kernels;

// Rungs of the ladder.
void atl_cpu_wino_init_ref(atl_cpu_wino_kernels *k);
void atl_cpu_wino_init_avx2(atl_cpu_wino_kernels *k);
void atl_cpu_wino_init_avx512(atl_cpu_wino_kernels *k);
void atl_cpu_wino_init_neon(atl_cpu_wino_kernels *k);

#endif
