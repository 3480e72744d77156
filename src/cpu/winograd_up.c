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
#include "cpu/sizes.h"
#include "cpu/winograd_inside.h"

#include <string.h>

enum { CHANNELS = 16 }; // per unit of output work in a split plan

typedef struct band {
    const atl_cpu_wino *w;
    atl_cpu_wino_source from;
    atl_cpu_wino_target to;
    int y0, y1;     // rows of y
    int origin;     // row of x of the first tile
    int rows;       // rows of tiles that touch x and y0 .. y1
    int c0, c1;     // channels of the output
} band;

// First row of x whose outputs belong to band b of `bands`.  One less than a multiple of four makes the
// first band's tiles full.
static int band_start(const atl_cpu_wino *w, int b, int bands) {
    int row = 4 * (int)((long long)w->tile_rows * b / bands) - 1;
    return b == 0 ? 0 : b == bands ? w->shape.h : row < 0 ? 0 : row;
}

static band band_of(const atl_cpu_wino *w, atl_cpu_wino_source from, atl_cpu_wino_target to, int r0, int r1) {
    band b = { w, from, to, 2 * r0, 2 * r1, r0 ? r0 - 1 : 0, 0, 0, to.c };
    int below = r1 < w->shape.h ? r1 + 1 : r1; // rows of x that are read
    b.rows = atl_ceil_div(below - b.origin, ATL_WINO_TILE);
    return b;
}

// m NULL: an empty tile.
static void out_tile(const band *b, const atl_cpu_wino_space *s, int row, int column,
                     const atl_cpu_wino_planes *m) {
    size_t kept = (size_t)(b->c1 - b->c0);
    atl_cpu_wino_up_tile tile = {
        .empty = !m,
        .left = s->left,
        .above = s->above + (size_t)column * 32 * kept,
        .kept = kept,
        .oy = 2 * b->origin + 8 * row - 2,
        .ox = 8 * column - 2,
        .y0 = b->y0,
        .y1 = b->y1,
        .c0 = b->c0,
        .c1 = b->c1,
    };
    if (m)
        tile.m = *m;
    memcpy(tile.fy, b->w->fy, sizeof tile.fy);
    memcpy(tile.fx, b->w->fx, sizeof tile.fx);
    b->w->kernels.up_out(&b->to, &tile);
}

// Tile number i of the band, and the empty one at the right edge when columns of y are still missing.
static void out_next(const band *b, const atl_cpu_wino_space *s, int i, const atl_cpu_wino_planes *m) {
    int columns = b->w->tile_columns, row = i / columns, column = i % columns;
    if (column == 0)
        memset(s->left, 0, 36 * (size_t)(b->c1 - b->c0) * sizeof *s->left);
    out_tile(b, s, row, column, m);
    if (column == columns - 1 && 8 * columns - 2 < b->to.w)
        out_tile(b, s, row, columns, NULL);
}

static void band_begin(const band *b, const atl_cpu_wino_space *s) {
    memset(s->above, 0, ((size_t)b->w->tile_columns + 1) * 32 * (size_t)(b->c1 - b->c0) * sizeof *s->above);
}

// Rows of y that no tile finished: at most one row of empty tiles.
static void band_end(const band *b, const atl_cpu_wino_space *s) {
    int columns = b->w->tile_columns;
    for (int row = b->rows; 2 * b->origin + 8 * row - 2 < b->y1; row++)
        for (int column = 0; column < columns; column++)
            out_next(b, s, row * columns + column, NULL);
}

static void fetch(const float *from, size_t floats, int write) {
    for (size_t i = 0; i < floats; i += 16)
        if (write)
            __builtin_prefetch(from + i, 1);
        else
            __builtin_prefetch(from + i, 0);
}

// Asks for a part of what the tiles first to first + count - 1 will read from farther away than the nearest
// caches: four rows of x each, and the edges above.  Done between products, which need little memory.
static void fetch_ahead(const band *b, const atl_cpu_wino_space *s, int first, int count, int part) {
    size_t ci = (size_t)b->w->shape.ci, edge = 8 * (size_t)(b->c1 - b->c0);
    int columns = b->w->tile_columns;
    for (int u = part; u < 8 * count; u += ATL_WINO_MATRICES) {
        int row = (first + u / 8) / columns, column = (first + u / 8) % columns, i = u % 4;
        int y = b->origin + 4 * row + i, pixels = b->from.w - 4 * column;
        if (u % 8 >= 4)
            fetch(s->above + (4 * (size_t)column + (size_t)i) * edge, edge, 1);
        else if (y < b->from.h)
            fetch(b->from.x + ((size_t)y * (size_t)b->from.w + 4 * (size_t)column) * ci,
                  (size_t)(pixels < 4 ? pixels : 4) * ci, 0);
    }
}

// The products of `count` tiles from `first` on.
static void block_products(const band *b, const atl_cpu_wino_space *s, int first, int count) {
    int left = b->rows * b->w->tile_columns - first - count, next = left < count ? left : count;
    for (int p = 0; p < ATL_WINO_MATRICES; p++) {
        atl_cpu_wino_phase_product(b->w, s->v, s->m, (size_t)count, (size_t)p);
        fetch_ahead(b, s, first + count, next, p);
    }
}

static void band_run(const band *b, const atl_cpu_wino_space *s) {
    const atl_cpu_wino *w = b->w;
    int t = w->plan.tiles, columns = w->tile_columns, tiles = b->rows * columns;
    size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co;
    band_begin(b, s);
    for (int first = 0; first < tiles; first += t) {
        int count = tiles - first < t ? tiles - first : t;
        for (int i = 0; i < count; i++) {
            int row = (first + i) / columns, column = (first + i) % columns;
            atl_cpu_wino_planes v = atl_cpu_wino_planes_of(w, s->v, ci, (size_t)i);
            w->kernels.up_in(&b->from, b->origin + 4 * row, 4 * column, &v);
        }
        block_products(b, s, first, count);
        for (int i = 0; i < count; i++) {
            atl_cpu_wino_planes m = atl_cpu_wino_planes_of(w, s->m, co, (size_t)i);
            out_next(b, s, first + i, &m);
        }
    }
    band_end(b, s);
}

typedef struct call {
    const atl_cpu_wino *w;
    const float *x, *in_scale;
    float *y;
    const atl_cpu_epilogue *e;
    void *workspace;
    int parts; // of a sample: bands of rows, or chunks of channels
} call;

static void split_in(void *job, int lane, int64_t begin, int64_t end) {
    const call *r = job;
    const atl_cpu_wino *w = r->w;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(w, r->workspace, lane);
    int per = w->tile_rows * w->tile_columns;
    for (int i = (int)begin; i < end; i++) {
        atl_cpu_wino_source from = atl_cpu_wino_source_of(w, r->x, r->in_scale, i / per);
        int row = i % per / w->tile_columns, column = i % w->tile_columns;
        atl_cpu_wino_planes v = atl_cpu_wino_planes_of(w, s.v, (size_t)w->shape.ci, (size_t)i);
        w->kernels.up_in(&from, 4 * row, 4 * column, &v);
    }
}

static void split_products(void *job, int lane, int64_t begin, int64_t end) {
    const call *r = job;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(r->w, r->workspace, lane);
    for (int u = (int)begin; u < end; u++)
        atl_cpu_wino_split_product(r->w, &s, u);
}

static void split_out(void *job, int lane, int64_t begin, int64_t end) {
    const call *r = job;
    const atl_cpu_wino *w = r->w;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(w, r->workspace, lane);
    int per = w->tile_rows * w->tile_columns;
    for (int at = (int)begin; at < end; at++) {
        int sample = at / r->parts;
        band b = band_of(w, atl_cpu_wino_source_of(w, r->x, r->in_scale, sample),
                         atl_cpu_wino_target_of(w, r->y, r->e, sample), 0, w->shape.h);
        b.c0 = at % r->parts * CHANNELS;
        b.c1 = b.to.c - b.c0 < CHANNELS ? b.to.c : b.c0 + CHANNELS;
        band_begin(&b, &s);
        for (int i = 0; i < per; i++) {
            atl_cpu_wino_planes m =
                atl_cpu_wino_planes_of(w, s.m, (size_t)w->shape.co, (size_t)(sample * per + i));
            out_next(&b, &s, i, &m);
        }
        band_end(&b, &s);
    }
}

static void bands(void *job, int lane, int64_t begin, int64_t end) {
    const call *r = job;
    const atl_cpu_wino *w = r->w;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(w, r->workspace, lane);
    for (int i = (int)begin; i < end; i++) {
        int n = i / r->parts, at = i % r->parts;
        band b = band_of(w, atl_cpu_wino_source_of(w, r->x, r->in_scale, n),
                         atl_cpu_wino_target_of(w, r->y, r->e, n), band_start(w, at, r->parts),
                         band_start(w, at + 1, r->parts));
        band_run(&b, &s);
    }
}

void atl_cpu_wino_up_run(const atl_cpu_wino *w, const float *x, const float *in_scale, float *y,
                         const atl_cpu_epilogue *e, void *workspace) {
    call r = { w, x, in_scale, y, e, workspace, 0 };
    if (w->plan.split) {
        r.parts = atl_ceil_div(w->shape.co, CHANNELS);
        atl_team_run(w->team, w->plan.tiles, 1, split_in, &r);
        atl_team_run(w->team, ATL_WINO_SPLIT_PRODUCTS, 1, split_products, &r);
        atl_team_run(w->team, w->shape.n * r.parts, 1, split_out, &r);
        return;
    }
    int lanes = atl_team_parts(w->team), most = (w->tile_rows + 1) / 2;
    r.parts = lanes / atl_gcd(w->shape.n, lanes);
    if (r.parts > most)
        r.parts = most;
    atl_team_run(w->team, w->shape.n * r.parts, 1, bands, &r);
}
