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

enum {
    MOST_COLUMNS = 128, // output and input channels of a unit
    MOST_ROWS = 192,
    MOST_SUMMED = 256, // of a product at a time, so that they stay in L2
    GROUPS = 3,
};

// Planes of a tile that lie together in a row, and rows of a tile: all, or at stride 2 ee, eo and oo of
// winograd_kernels.h.
typedef struct group {
    size_t planes, rows;
} group;

static const group PLAIN[GROUPS] = { { 36, 1 } }, PHASES[GROUPS] = { { 25, 1 }, { 10, 4 }, { 1, 16 } };

struct atl_cpu_wino_grad {
    atl_ctx *ctx;
    atl_cpu_wino_grad_shape shape;
    atl_cpu_wino_kernels kernels;
    atl_team *team;
    int oh, ow, tile_rows, tile_columns; // of one sample
    int tiles, slab;                     // in all, and at a time
    int rows, columns, chunks, units;    // input and output channels of a unit, units side by side, and in all
    const group *groups;
    size_t v_tile, d_tile, sums; // floats per transformed tile of x and dy, and per unit
};

static int height_of(const atl_cpu_wino_grad_shape *s) {
    return s->down ? s->oh : s->h + 2 * s->pad - 2;
}

static int width_of(const atl_cpu_wino_grad_shape *s) {
    return s->down ? s->ow : s->w + 2 * s->pad - 2;
}

int atl_cpu_wino_grad_worth(const atl_cpu_wino_grad_shape *s) {
    double tiles = (double)s->n * atl_ceil_div(height_of(s), ATL_WINO_TILE) * atl_ceil_div(width_of(s), ATL_WINO_TILE);
    // at 8 tiles the last transform takes what the rest spares, at stride 2 at 16
    return s->ci >= 16 && s->co >= 16 && tiles >= (s->down ? 32 : 16);
}

// Floats of a row of planes.  16 more: rows whose distance is a large power of two would share few sets of a cache.
static size_t row_of(const group *g, int channels) {
    return (g->planes * (size_t)channels + 31) / 16 * 16;
}

static size_t tile_of(const group *groups, int channels) {
    size_t floats = 0;
    for (int g = 0; g < GROUPS; g++)
        floats += groups[g].rows * row_of(&groups[g], channels);
    return floats;
}

// Whether each row and column of dy of stride 2 meets at least one of x.
static int down_fits(const atl_cpu_wino_grad_shape *s) {
    return s->oh >= 1 && s->ow >= 1 && s->oh <= (s->h + s->pad + 1) / 2 && s->ow <= (s->w + s->pad + 1) / 2;
}

// Limits keep every index of a tensor and of the workspace within size_t, and the number of tiles within int.
static atl_status check(atl_ctx *ctx, const atl_cpu_wino_grad_shape *s) {
    const int most = 1 << 20;
    if (s->n < 1 || s->h < 1 || s->w < 1 || s->ci < 1 || s->co < 1 || s->n > most || s->h > most ||
        s->w > most || s->ci > most || s->co > most || s->pad < 0 || s->pad > 2 ||
        (s->down ? !down_fits(s) : s->h + 2 * s->pad < 3 || s->w + 2 * s->pad < 3) ||
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
    w->groups = shape->down ? PHASES : PLAIN;
    w->oh = height_of(shape);
    w->ow = width_of(shape);
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
    w->v_tile = tile_of(w->groups, shape->ci);
    w->d_tile = tile_of(w->groups, shape->co);
    w->sums = ATL_WINO_MATRICES * (size_t)w->rows * (size_t)w->columns;
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

// Where a group of a slab begins: the groups of all tiles lie behind each other.
static float *group_of(const atl_cpu_wino_grad *w, float *slab, int channels, int g) {
    for (int i = 0; i < g; i++)
        slab += (size_t)w->slab * w->groups[i].rows * row_of(&w->groups[i], channels);
    return slab;
}

// The planes of tile `at` of a slab.
static atl_cpu_wino_planes planes_of(const atl_cpu_wino_grad *w, float *slab, int channels, int at) {
    const size_t c = (size_t)channels, i = (size_t)at;
    size_t row[GROUPS];
    for (int g = 0; g < GROUPS; g++)
        row[g] = row_of(&w->groups[g], channels);
    return (atl_cpu_wino_planes){ .ee = group_of(w, slab, channels, 0) + i * row[0],
                                  .eo = group_of(w, slab, channels, 1) + i * w->groups[1].rows * row[1],
                                  .oo = group_of(w, slab, channels, 2) + i * w->groups[2].rows * row[2],
                                  .ee_step = c,
                                  .point = c,
                                  .line = row[1],
                                  .oo_step = row[2] };
}

// Tile i of x and dy, number `at` of the slab.
static void transform(const atl_cpu_wino_grad *w, const atl_cpu_wino_grad_args *a, int i, float *v, float *d,
                      int at) {
    const atl_cpu_wino_grad_shape *s = &w->shape;
    const int per = w->tile_rows * w->tile_columns, row = i % per / w->tile_columns,
              column = i % w->tile_columns, n = i / per;
    const atl_cpu_wino_source x = atl_cpu_wino_source_with(a->x, s->h, s->w, s->ci, a->x_scale, a->x_step, n),
                              y = atl_cpu_wino_source_with(a->dy, w->oh, w->ow, s->co, a->y_scale, a->y_step,
                                                           n);
    const atl_cpu_wino_planes of_x = planes_of(w, v, s->ci, at), of_y = planes_of(w, d, s->co, at);
    if (s->down) { // what gave y of its planes, transposed, is the up-convolution's transform
        w->kernels.down_in(&x, 8 * row - s->pad, 8 * column - s->pad, &of_x);
        w->kernels.up_in(&y, 4 * row, 4 * column, &of_y);
    } else {
        w->kernels.in(&x, 4 * row - s->pad, 4 * column - s->pad, of_x.ee, (size_t)s->ci);
        w->kernels.grad_in(&y, 4 * row, 4 * column, of_y.ee, (size_t)s->co);
    }
}

// The sum of one matrix, p of its group, for a slab of `count` tiles.
static void add_product(const atl_cpu_wino_grad *w, int g, size_t p, size_t count, const float *v, const float *d,
                        float *sums, size_t rows, size_t columns, int add) {
    const size_t v_row = row_of(&w->groups[g], w->shape.ci), d_row = row_of(&w->groups[g], w->shape.co);
    v += p * (size_t)w->shape.ci;
    d += p * (size_t)w->shape.co;
    count *= w->groups[g].rows;
    for (size_t i = 0; i < count; i += MOST_SUMMED)
        w->kernels.outer(v + i * v_row, v_row, d + i * d_row, d_row, sums, (size_t)w->columns, rows, columns,
                         count - i < MOST_SUMMED ? count - i : MOST_SUMMED, add || i);
}

// Matrices of a group by their place in g w g'.
static size_t matrix_of(const atl_cpu_wino_grad *w, int g, size_t p) {
    if (!w->shape.down)
        return p;
    return g == 0 ? p / 5 * 6 + p % 5 : g == 2 ? 35 : p < 5 ? 6 * p + 5 : 25 + p;
}

// Unit `unit` of a slab of `count` tiles.
static void add_products(const atl_cpu_wino_grad *w, int unit, int count, float *v, float *d, float *sums,
                         int add) {
    const size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co, height = (size_t)w->rows;
    const size_t width = (size_t)w->columns, i = (size_t)(unit / w->chunks) * height;
    const size_t o = (size_t)(unit % w->chunks) * width;
    const size_t rows = ci - i < height ? ci - i : height, columns = co - o < width ? co - o : width;
    for (int g = 0; g < GROUPS; g++)
        for (size_t p = 0; p < w->groups[g].planes; p++)
            add_product(w, g, p, (size_t)count, group_of(w, v, w->shape.ci, g) + i,
                        group_of(w, d, w->shape.co, g) + o, sums + matrix_of(w, g, p) * height * width, rows,
                        columns, add);
}

// The sums of a unit to the weights.
static void finish(const atl_cpu_wino_grad *w, int unit, const double *g, const float *sums, float *dw) {
    const int ci = w->shape.ci, co = w->shape.co, first = unit / w->chunks * w->rows, turned = w->shape.turned;
    const int last = first + w->rows < ci ? first + w->rows : ci, o = unit % w->chunks * w->columns;
    const size_t in = 9 * (size_t)(turned ? co : 1), out = 9 * (size_t)(turned ? 1 : ci); // between channels of dw
    for (int c = o; c < co && c < o + w->columns; c += 16)
        for (int i = first; i < last; i++)
            w->kernels.grad_weight(sums + (i - first) * w->columns + (c - o), (size_t)(w->rows * w->columns),
                                   (size_t)(co - c < 16 ? co - c : 16), g,
                                   dw + (size_t)c * out + (size_t)i * in, out);
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
        transform(c->w, c->args, c->first + i, c->v, c->d, i);
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
    (w->shape.down ? atl_cpu_wino_phases_matrix : atl_cpu_wino_plain_matrix)(c.g);
    for (c.first = 0; c.first < w->tiles; c.first += w->slab) {
        c.count = w->tiles - c.first < w->slab ? w->tiles - c.first : w->slab;
        atl_team_run(w->team, c.count, 1, transform_some, &c);
        atl_team_run(w->team, w->units, 1, add_units, &c);
    }
}
