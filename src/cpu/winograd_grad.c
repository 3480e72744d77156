// SPDX-License-Identifier: Apache-2.0
// Weight gradients by Winograd.  A slab of tiles is transformed to the workspace; then units of work, which are some
// input by some output channels, add the products of all planes to their sums.  A unit's sums lie together, and in
// the last slab they are transformed while they are in a cache; with one slab alone they need no memory but a
// unit's per thread.  Every sum has one order, whatever the threads.
#include "cpu/winograd_grad.h"

#include <limits.h>
#include <stdint.h>
#include "base/mem.h"
#include "cpu/kernels.h"
#include "cpu/sizes.h"
#include "cpu/winograd_inside.h"

enum { MOST_COLUMNS = 128, MOST_ROWS = 192 }; // output and input channels of a unit

struct atl_cpu_wino_grad {
    atl_ctx *ctx;
    atl_cpu_wino_grad_shape shape;
    atl_cpu_wino_kernels kernels;
    atl_team *team;
    int oh, ow, tile_rows, tile_columns; // of one sample
    int tiles, slab;                     // in all, and at a time
    int rows, columns, chunks, units;    // input and output channels of a unit, units side by side, and in all
    size_t v_tile, d_tile, sums;         // floats per transformed tile of x and dy, and per unit
};

int atl_cpu_wino_grad_worth(const atl_cpu_wino_grad_shape *s) {
    double tiles = (double)s->n * atl_ceil_div(s->h + 2 * s->pad - 2, ATL_WINO_TILE) *
                   atl_ceil_div(s->w + 2 * s->pad - 2, ATL_WINO_TILE);
    return s->ci >= 16 && s->co >= 16 && tiles >= 16; // at 8 tiles the last transform takes what the rest spares
}

// Limits keep every index of a tensor and of the workspace within size_t, and the number of tiles within int.
static atl_status check(atl_ctx *ctx, const atl_cpu_wino_grad_shape *s) {
    const int most = 1 << 20;
    if (s->n < 1 || s->h < 1 || s->w < 1 || s->ci < 1 || s->co < 1 || s->n > most || s->h > most ||
        s->w > most || s->ci > most || s->co > most || s->pad < 0 || s->pad > 2 || s->h + 2 * s->pad < 3 ||
        s->w + 2 * s->pad < 3 ||
        (double)s->n * atl_ceil_div(s->h + 2, 4) * atl_ceil_div(s->w + 2, 4) > INT_MAX / 4 ||
        512.0 * ((double)s->h + 4) * ((double)s->w + 4) * s->n * ((double)s->ci + s->co) >
            (double)SIZE_MAX / 4 ||
        1024.0 * s->ci * s->co > (double)SIZE_MAX / 4)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a weight gradient of [%d, %d, %d, %d] to %d channels is out of range",
                        s->n, s->h, s->w, s->ci, s->co);
    return ATL_OK;
}

// Tiles of a slab: few enough for caches, and many where the sums are too large for one and wait in memory.
static int slab_of(const atl_cpu_wino_grad_shape *s, int tiles) {
    int most = (double)s->ci * s->co > 20e3 ? 256 : 128;
    return atl_ceil_div(tiles, atl_ceil_div(tiles, most)); // of nearly equal size
}

atl_status atl_cpu_wino_grad_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                                  const atl_cpu_wino_grad_shape *shape, atl_cpu_wino_grad **grad) {
    *grad = NULL;
    ATL_TRY(check(ctx, shape));
    atl_cpu_wino_grad *w = atl_calloc(ctx, 1, sizeof *w);
    if (!w)
        return ATL_NO_MEMORY;
    w->ctx = ctx;
    w->shape = *shape;
    w->team = team;
    w->kernels = kernels->wino;
    w->oh = shape->h + 2 * shape->pad - 2;
    w->ow = shape->w + 2 * shape->pad - 2;
    w->tile_rows = atl_ceil_div(w->oh, ATL_WINO_TILE);
    w->tile_columns = atl_ceil_div(w->ow, ATL_WINO_TILE);
    w->tiles = shape->n * w->tile_rows * w->tile_columns;
    w->slab = slab_of(shape, w->tiles);
    w->columns = shape->co < MOST_COLUMNS ? (shape->co + 15) / 16 * 16 : MOST_COLUMNS;
    w->chunks = atl_ceil_div(shape->co, w->columns);
    int parts = atl_ceil_div(2 * atl_team_lanes(team),
                             w->chunks); // so that each thread has two units, even where there are few
    w->rows = atl_ceil_div(shape->ci, parts) < MOST_ROWS ? atl_ceil_div(shape->ci, parts) : MOST_ROWS;
    w->units = atl_ceil_div(shape->ci, w->rows) * w->chunks;
    // 16 more: tiles whose distance is a large power of two would share few sets of a cache
    w->v_tile = ((size_t)ATL_WINO_PLANES * (size_t)shape->ci + 31) / 16 * 16;
    w->d_tile = ((size_t)ATL_WINO_PLANES * (size_t)shape->co + 31) / 16 * 16;
    w->sums = ATL_WINO_PLANES * (size_t)w->rows * (size_t)w->columns;
    *grad = w;
    return ATL_OK;
}

void atl_cpu_wino_grad_free(atl_cpu_wino_grad **grad) {
    if (!grad || !*grad)
        return;
    atl_free((*grad)->ctx, *grad);
    *grad = NULL;
}

size_t atl_cpu_wino_grad_workspace(const atl_cpu_wino_grad *w) {
    size_t kept = (size_t)(w->slab < w->tiles ? w->units : atl_team_lanes(w->team));
    return ((size_t)w->slab * (w->v_tile + w->d_tile) + kept * w->sums) * sizeof(float);
}

// Tile i of x and dy.
static void transform(const atl_cpu_wino_grad *w, const atl_cpu_wino_grad_args *a, int i, float *v,
                      float *d) {
    const atl_cpu_wino_grad_shape *s = &w->shape;
    const int per = w->tile_rows * w->tile_columns, row = i % per / w->tile_columns,
              column = i % w->tile_columns, n = i / per;
    const atl_cpu_wino_source x = atl_cpu_wino_source_with(a->x, s->h, s->w, s->ci, a->x_scale, a->x_step, n),
                              y = atl_cpu_wino_source_with(a->dy, w->oh, w->ow, s->co, a->y_scale, a->y_step,
                                                           n);
    w->kernels.in(&x, 4 * row - s->pad, 4 * column - s->pad, v, (size_t)s->ci);
    w->kernels.grad_in(&y, 4 * row, 4 * column, d, (size_t)s->co);
}

// Unit `unit` of a slab of `count` tiles.
static void add_products(const atl_cpu_wino_grad *w, int unit, int count, const float *v, const float *d,
                         float *sums, int add) {
    const size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co, height = (size_t)w->rows;
    const size_t width = (size_t)w->columns, i = (size_t)(unit / w->chunks) * height;
    const size_t o = (size_t)(unit % w->chunks) * width;
    const size_t rows = ci - i < height ? ci - i : height, columns = co - o < width ? co - o : width;
    for (size_t p = 0; p < ATL_WINO_PLANES; p++)
        w->kernels.outer(v + p * ci + i, w->v_tile, d + p * co + o, w->d_tile, sums + p * height * width, width,
                         rows, columns, (size_t)count, add);
}

// The sums of a unit to the weights.
static void finish(const atl_cpu_wino_grad *w, int unit, const double *g, const float *sums, float *dw) {
    const int ci = w->shape.ci, co = w->shape.co, first = unit / w->chunks * w->rows;
    const int last = first + w->rows < ci ? first + w->rows : ci, o = unit % w->chunks * w->columns;
    for (int c = o; c < co && c < o + w->columns; c += 16)
        for (int i = first; i < last; i++)
            w->kernels.grad_weight(sums + (i - first) * w->columns + (c - o), (size_t)(w->rows * w->columns),
                                   (size_t)(co - c < 16 ? co - c : 16), g,
                                   dw + ((size_t)c * (size_t)ci + (size_t)i) * 9, 9 * (size_t)ci);
}

typedef struct call {
    const atl_cpu_wino_grad *w;
    const atl_cpu_wino_grad_args *args;
    float *v, *d, *sums, *dw;
    double g[18];
    int first, count; // the slab's tiles
} call;

static void transform_some(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *c = job;
    for (int i = (int)begin; i < end; i++)
        transform(c->w, c->args, c->first + i, c->v + (size_t)i * c->w->v_tile,
                  c->d + (size_t)i * c->w->d_tile);
}

static void add_units(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    const atl_cpu_wino_grad *w = c->w;
    for (int u = (int)begin; u < end; u++) {
        float *own = c->sums + (size_t)(w->slab < w->tiles ? u : lane) * w->sums;
        add_products(w, u, c->count, c->v, c->d, own, c->first > 0);
        if (c->first + c->count == w->tiles)
            finish(w, u, c->g, own, c->dw);
    }
}

void atl_cpu_wino_grad_run(const atl_cpu_wino_grad *w, const atl_cpu_wino_grad_args *args, float *dw,
                           void *workspace) {
    call c = { .w = w, .args = args, .v = workspace, .dw = dw };
    c.d = c.v + (size_t)w->slab * w->v_tile;
    c.sums = c.d + (size_t)w->slab * w->d_tile;
    atl_cpu_wino_plain_matrix(c.g);
    for (c.first = 0; c.first < w->tiles; c.first += w->slab) {
        c.count = w->tiles - c.first < w->slab ? w->tiles - c.first : w->slab;
        atl_team_run(w->team, c.count, 1, transform_some, &c);
        atl_team_run(w->team, w->units, 1, add_units, &c);
    }
}
