// SPDX-License-Identifier: Apache-2.0
// The run of the up-convolution.
//
// z = conv_transpose(x) has even and odd rows and columns.  Odd ones are one tap of x; even ones are
// products of polynomials, for which five multiplications per four pixels do.  A tile of 4x4 pixels so
// needs 9x9 products in place of 4x4 pixels by 9 taps, and gives 9x9 pixels of z of which the outer ones
// add to the neighbour's.  The FIR needs three more rows (columns): the kernel finishes them one tile
// later from what it keeps of the tile above (left).  So tiles of a band of rows go in order, and a last
// row (column) of empty tiles flushes the band when nothing else does.
//
// Blocks: each thread takes bands of rows; a band reads one row of x above and below itself.
// Split: the products are shared out one by one, and the output by channels.
#include "cpu/winograd_inside.h"

#include <string.h>
#include <omp.h>

enum { CHANNELS = 16 }; // per unit of output work in a split plan

typedef struct band {
    const atl_wino *w;
    atl_wino_source from;
    atl_wino_target to;
    int y0, y1;     // rows of y
    int origin;     // row of x of the first tile
    int rows;       // rows of tiles that touch x and y0 .. y1
    int c0, c1;     // channels of the output
    size_t plane;   // tiles in a plane of products
} band;

static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

// First row of x whose outputs belong to band b of `bands`.  One less than a multiple of four makes the
// first band's tiles full.
static int band_start(const atl_wino *w, int b, int bands) {
    int row = 4 * (int)((long long)w->tile_rows * b / bands) - 1;
    return b == 0 ? 0 : b == bands ? w->shape.h : row < 0 ? 0 : row;
}

static band band_of(const atl_wino *w, atl_wino_source from, atl_wino_target to, int r0, int r1) {
    band b = { w, from, to, 2 * r0, 2 * r1, r0 ? r0 - 1 : 0, 0, 0, to.c, (size_t)w->plan.tiles };
    int below = r1 < w->shape.h ? r1 + 1 : r1; // rows of x that are read
    b.rows = ceil_div(below - b.origin, ATL_WINO_TILE);
    return b;
}

static void out_tile(const band *b, const atl_wino_space *s, int row, int column, const float *m) {
    size_t kept = (size_t)(b->c1 - b->c0);
    atl_wino_up_tile tile = {
        .m = m, .plane = b->plane * (size_t)b->to.c, .left = s->left,
        .above = s->above + (size_t)column * 32 * kept, .kept = kept,
        .oy = 2 * b->origin + 8 * row - 2, .ox = 8 * column - 2, .y0 = b->y0, .y1 = b->y1, .c0 = b->c0, .c1 = b->c1,
    };
    memcpy(tile.fy, b->w->fy, sizeof tile.fy);
    memcpy(tile.fx, b->w->fx, sizeof tile.fx);
    b->w->kernels.up_out(&b->to, &tile);
}

// Tile number i of the band, and the empty one at the right edge when columns of y are still missing.
static void out_next(const band *b, const atl_wino_space *s, int i, const float *m) {
    int columns = b->w->tile_columns, row = i / columns, column = i % columns;
    if (column == 0)
        memset(s->left, 0, 36 * (size_t)(b->c1 - b->c0) * sizeof *s->left);
    out_tile(b, s, row, column, m);
    if (column == columns - 1 && 8 * columns - 2 < b->to.w)
        out_tile(b, s, row, columns, NULL);
}

static void band_begin(const band *b, const atl_wino_space *s) {
    memset(s->above, 0, ((size_t)b->w->tile_columns + 1) * 32 * (size_t)(b->c1 - b->c0) * sizeof *s->above);
}

// Rows of y that no tile finished: at most one row of empty tiles.
static void band_end(const band *b, const atl_wino_space *s) {
    int columns = b->w->tile_columns;
    for (int row = b->rows; 2 * b->origin + 8 * row - 2 < b->y1; row++)
        for (int column = 0; column < columns; column++)
            out_next(b, s, row * columns + column, NULL);
}

// The products of one block: weights 0-24 have a plane each, 25-34 four each, 35 sixteen.
static void block_products(const atl_wino *w, int lane, const atl_wino_space *s) {
    size_t t = (size_t)w->plan.tiles, ci = (size_t)w->shape.ci, co = (size_t)w->shape.co, matrix = ci * co;
    atl_wino_gemm_run(w->gemm[0], lane, s->v, w->weight, s->m, s->scratch);
    atl_wino_gemm_run(w->gemm[1], lane, s->v + ATL_WINO_EO * t * ci, w->weight + 25 * matrix,
                      s->m + ATL_WINO_EO * t * co, s->scratch);
    atl_wino_gemm_run(w->gemm[2], lane, s->v + ATL_WINO_OO * t * ci, w->weight + 35 * matrix,
                      s->m + ATL_WINO_OO * t * co, s->scratch);
}

static void band_run(const band *b, int lane, const atl_wino_space *s) {
    const atl_wino *w = b->w;
    int t = w->plan.tiles, columns = w->tile_columns, tiles = b->rows * columns;
    size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co, plane = (size_t)t * ci;
    band_begin(b, s);
    for (int first = 0; first < tiles; first += t) {
        int count = tiles - first < t ? tiles - first : t;
        for (int i = 0; i < count; i++) {
            int row = (first + i) / columns, column = (first + i) % columns;
            w->kernels.up_in(&b->from, b->origin + 4 * row, 4 * column, s->v + (size_t)i * ci, plane);
        }
        size_t used = (size_t)count * ci; // zeros after them, so that the products are of numbers
        for (size_t p = 0; used < plane && p < ATL_WINO_UP_PLANES; p++)
            memset(s->v + p * plane + used, 0, (plane - used) * sizeof *s->v);
        block_products(w, lane, s);
        for (int i = 0; i < count; i++)
            out_next(b, s, first + i, s->m + (size_t)i * co);
    }
    band_end(b, s);
}

// Product u of a split plan: largest first.  14 are of four planes (the last plane's sixteen in four
// parts), 25 of one.
static void split_product(const atl_wino *w, int lane, const atl_wino_space *s, int u) {
    size_t t = (size_t)w->plan.tiles, ci = (size_t)w->shape.ci, co = (size_t)w->shape.co;
    int wide = u < 14;
    size_t plane = wide ? 25 + 4 * (size_t)u : (size_t)u - 14, matrix = wide ? (u < 10 ? 25 + (size_t)u : 35) : plane;
    atl_wino_gemm_run(w->gemm[wide], lane, s->v + plane * t * ci, w->weight + matrix * ci * co,
                      s->m + plane * t * co, s->scratch);
}

static void split_out(const atl_wino *w, const atl_wino_space *s, atl_wino_source from, atl_wino_target to,
                      int sample, int c0) {
    band b = band_of(w, from, to, 0, w->shape.h);
    int per = w->tile_rows * w->tile_columns;
    size_t co = (size_t)w->shape.co;
    b.c0 = c0;
    b.c1 = to.c - c0 < CHANNELS ? to.c : c0 + CHANNELS;
    band_begin(&b, s);
    for (int i = 0; i < per; i++)
        out_next(&b, s, i, s->m + (size_t)(sample * per + i) * co);
    band_end(&b, s);
}

static void run_split(const atl_wino *w, const float *x, const float *in_scale, float *y, const atl_epilogue *e,
                      void *workspace) {
    int per = w->tile_rows * w->tile_columns, tiles = w->plan.tiles, chunks = ceil_div(w->shape.co, CHANNELS);
    size_t ci = (size_t)w->shape.ci, plane = (size_t)tiles * ci;
#pragma omp parallel num_threads(w->threads)
    {
        int lane = omp_get_thread_num();
        atl_wino_space s = atl_wino_space_of(w, workspace, lane);
#pragma omp for schedule(static)
        for (int i = 0; i < tiles; i++) {
            atl_wino_source from = atl_wino_source_of(w, x, in_scale, i / per);
            int row = i % per / w->tile_columns, column = i % w->tile_columns;
            w->kernels.up_in(&from, 4 * row, 4 * column, s.v + (size_t)i * ci, plane);
        }
#pragma omp for schedule(dynamic)
        for (int u = 0; u < 39; u++)
            split_product(w, lane, &s, u);
#pragma omp for schedule(static)
        for (int i = 0; i < w->shape.n * chunks; i++)
            split_out(w, &s, atl_wino_source_of(w, x, in_scale, i / chunks), atl_wino_target_of(w, y, e, i / chunks),
                      i / chunks, i % chunks * CHANNELS);
    }
}

static int common_divisor(int a, int b) {
    return b ? common_divisor(b, a % b) : a;
}

void atl_wino_up_run(const atl_wino *w, const float *x, const float *in_scale, float *y, const atl_epilogue *e,
                     void *workspace) {
    if (w->plan.split) {
        run_split(w, x, in_scale, y, e, workspace);
        return;
    }
    int bands = w->threads / common_divisor(w->shape.n, w->threads), most = (w->tile_rows + 1) / 2;
    if (bands > most)
        bands = most;
#pragma omp parallel num_threads(w->threads)
    {
        int lane = omp_get_thread_num();
        atl_wino_space s = atl_wino_space_of(w, workspace, lane);
#pragma omp for schedule(static)
        for (int i = 0; i < w->shape.n * bands; i++) {
            int n = i / bands, r0 = band_start(w, i % bands, bands), r1 = band_start(w, i % bands + 1, bands);
            band b = band_of(w, atl_wino_source_of(w, x, in_scale, n), atl_wino_target_of(w, y, e, n), r0, r1);
            band_run(&b, lane, &s);
        }
    }
}
