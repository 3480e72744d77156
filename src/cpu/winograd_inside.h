// SPDX-License-Identifier: Apache-2.0
// What winograd.c (planning, up = 1), winograd_up.c (up = 2) and winograd_down.c (down) share.
#ifndef ATL_CPU_WINOGRAD_INSIDE_H
#define ATL_CPU_WINOGRAD_INSIDE_H

#include "cpu/winograd.h"
#include "cpu/winograd_kernels.h"

enum { ATL_WINO_TILE = 4 };
enum { ATL_WINO_APART = 16 }; // floats between planes, or many would share one set of the first-level cache

// How the work is cut.  Blocks of tiles: each thread takes its own tiles through all steps, `tiles` at a
// time, and reads all weights for each block.  Split: all tiles go through each step together, and the
// threads share out the products; for few tiles with large weights.
typedef struct atl_cpu_wino_plan {
    int tiles; // per block
    int split;
} atl_cpu_wino_plan;

struct atl_cpu_wino {
    atl_ctx *ctx;
    atl_cpu_wino_shape shape;
    atl_cpu_wino_plan plan;
    atl_cpu_wino_kernels kernels;
    double l3; // bytes of that cache
    atl_team *team;
    int tile_rows, tile_columns; // of one sample
    float fy[4], fx[4];
    float *weight; // 36 of [ci, co], as kernels.product takes them; NULL: the runs make them
    size_t v_floats, m_floats, up_floats; // transformed tiles, products, edges of tiles
    size_t weight_floats, pieces_floats;                 // in the workspace, when the weights vary
};

// atl_cpu_wino_make with a plan of the caller's choice; for tests and measurement.
atl_status atl_cpu_wino_make_planned(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                                     const atl_cpu_wino_shape *shape, const float *weight, const float *fir,
                                     const atl_cpu_wino_plan *plan, atl_cpu_wino **wino);

// The parts of a workspace that belong to a thread.  With a split plan all have the same v and m.
typedef struct atl_cpu_wino_space {
    float *v, *m, *left, *above;
} atl_cpu_wino_space;

atl_cpu_wino_space atl_cpu_wino_space_of(const atl_cpu_wino *w, void *workspace, int lane);

// Sample `sample` of x [n, h, w, c] with its row of `scale`, whose rows are `step` floats apart; NULL: none.
atl_cpu_wino_source atl_cpu_wino_source_with(const float *x, int h, int w, int c, const float *scale,
                                             ptrdiff_t step, int sample);
atl_cpu_wino_source atl_cpu_wino_source_of(const atl_cpu_wino *w, const float *x, const float *in_scale,
                                           int sample);
// Sample `sample` of y [n, h, w, c] with what of the epilogue is its own.
atl_cpu_wino_target atl_cpu_wino_target_with(float *y, int h, int w, int c, const atl_cpu_epilogue *e,
                                             int sample);
atl_cpu_wino_target atl_cpu_wino_target_of(const atl_cpu_wino *w, float *y, const atl_cpu_epilogue *e,
                                           int sample);

// g [6, 3], which brings the taps of a 3x3 convolution to the points.
void atl_cpu_wino_plain_matrix(double g[18]);
// The same for up = 2 and down: five points of the even phase (taps 0 and 2), and the odd one (tap 1).
void atl_cpu_wino_phases_matrix(double g[18]);

// Planes of tile i of up = 2 and down.  ee, eo and oo are three arrays, one after the other, of [rows, batch,
// channels] for the products of blocks, and of [batch, rows, channels] for those of a split plan; a row is
// one plane of a tile, and a tile has 1, 4 and 16 rows.
atl_cpu_wino_planes atl_cpu_wino_planes_of(const atl_cpu_wino *w, float *base, size_t channels, size_t i);

// Products of matrix p for `tiles` tiles of a block: matrices 0-24 have a row per tile each, 25-34 four each,
// 35 sixteen.
void atl_cpu_wino_phase_product(const atl_cpu_wino *w, float *v, float *m, size_t tiles, size_t p);

// Products of a split plan by matrix p: m [rows, co] = v [rows, ci] by it, a few rows at a time.
void atl_cpu_wino_split_rows(const atl_cpu_wino *w, const float *v, size_t p, float *m, size_t rows);

// Product u of the 39 of a split plan of up = 2 or down.
enum { ATL_WINO_SPLIT_PRODUCTS = 39 };
void atl_cpu_wino_split_product(const atl_cpu_wino *w, const atl_cpu_wino_space *s, int u);

// up = 2.
void atl_cpu_wino_up_run(const atl_cpu_wino *w, const float *x, const float *in_scale, float *y,
                         const atl_cpu_epilogue *e, void *workspace);

// down.
void atl_cpu_wino_down_run(const atl_cpu_wino *w, const float *x, const float *in_scale, float *y,
                           const atl_cpu_epilogue *e, void *workspace);

#endif
