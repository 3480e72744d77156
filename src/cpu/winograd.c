// SPDX-License-Identifier: Apache-2.0
// Winograd convolution: planning, weights, and the run of the plain 3x3 convolution.  The run of the
// up-convolution is in winograd_up.c, that of stride 2 in winograd_down.c, the transforms are in
// winograd_ref.c and winograd_simd.h.
#include "cpu/winograd_inside.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/pages.h"
#include "cpu/kernels.h"
#include "cpu/sizes.h"

enum { WEIGHT_COLUMNS = 16 };                  // output channels per call of the weights' transform
enum { PIECE_FLOATS = 512, LEAST_ROWS = 4 };   // of each matrix at a time, and input channels
enum { SPLIT_ROWS = 96 };                      // of a product of a split plan at a time, so that they stay in L2

static int rows_of_tiles(const atl_cpu_wino_shape *s) {
    return atl_ceil_div(s->down ? s->oh : s->h + 2 * s->grow, ATL_WINO_TILE);
}

static int columns_of_tiles(const atl_cpu_wino_shape *s) {
    return atl_ceil_div(s->down ? s->ow : s->w + 2 * s->grow, ATL_WINO_TILE);
}

// Whether tiles have 81 planes, and weights are those of even and odd pixels.
static int by_phases(const atl_cpu_wino_shape *s) {
    return s->up == 2 || s->down;
}

int atl_cpu_wino_worth(const atl_cpu_wino_shape *s, int varies) {
    // Transformed weights are four times as large: with few tiles, reading them is what takes the time.
    double tiles = (double)s->n * rows_of_tiles(s) * columns_of_tiles(s);
    double weights = 4.0 * ATL_WINO_MATRICES * s->ci * s->co;
    if (s->down) // transforming weights takes what 60 tiles spare, reading large ones what a dozen do
        return s->ci >= 32 && s->co >= 32 && s->oh >= 8 && s->ow >= 8 &&
               tiles >= (varies          ? 96
                         : weights > 8e6 ? 32
                                         : 16);
    if (s->h < 8 || s->w < 8 || s->ci < 16 || s->co < 16)
        return 0;
    return varies ? tiles >= 32 : tiles >= 16 || weights < 1e6; // at 16 tiles a transform takes what it spares
}

// Rows of the 6x3 matrix that brings three taps to the points, divided by what interpolation divides by.
void atl_cpu_wino_plain_matrix(double g[18]) {
    const double a = ATL_WINO_A1, b = ATL_WINO_B1, point[5] = { 0, a, -a, b, -b };
    const double na = 2 * a * a * (a * a - b * b), nb = 2 * b * b * (b * b - a * a);
    const double divisor[5] = { a * a * b * b, na, na, nb, nb };
    for (int i = 0; i < 5; i++) {
        g[i * 3] = 1 / divisor[i];
        g[i * 3 + 1] = point[i] / divisor[i];
        g[i * 3 + 2] = point[i] * point[i] / divisor[i];
    }
    g[15] = g[16] = 0;
    g[17] = 1;
}

void atl_cpu_wino_phases_matrix(double g[18]) {
    const double a = ATL_WINO_A2, b = ATL_WINO_B2, point[4] = { a, -a, b, -b };
    const double na = 2 * a * (a * a - b * b), nb = 2 * b * (b * b - a * a),
                 divisor[4] = { na, -na, nb, -nb };
    memset(g, 0, 18 * sizeof *g);
    for (int i = 0; i < 4; i++) {
        g[i * 3] = 1 / divisor[i];
        g[i * 3 + 2] = point[i] / divisor[i];
    }
    g[4 * 3 + 2] = 1;
    g[5 * 3 + 1] = 1;
}

// A piece of all matrices that a thread makes at a time: some rows of one panel.
static size_t piece_rows(const atl_cpu_wino *w) {
    size_t widest = w->kernels.panel((size_t)w->shape.co), rows = PIECE_FLOATS / widest;
    return rows < LEAST_ROWS ? LEAST_ROWS : rows;
}

static size_t piece_floats(const atl_cpu_wino *w) {
    return ATL_WINO_MATRICES * piece_rows(w) * w->kernels.panel((size_t)w->shape.co);
}

typedef struct transforming {
    const atl_cpu_wino *w;
    const atl_cpu_wino_taps *taps;
    const double *g;
    const unsigned char *order;
    float *packed, *pieces;
    int64_t parts; // of the rows
} transforming;

// Rows k to end - 1 of the panel at column c.  The matrices lie at distances that share sets of the caches, and writing
// a little to each in turn takes several times as long: so the piece is made by itself, then copied.
static void transform_piece(const transforming *t, size_t k, size_t end, size_t c, size_t width, float *piece) {
    const atl_cpu_wino *w = t->w;
    const size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co, count = (end - k) * width;
    atl_cpu_wino_taps taps = *t->taps;
    taps.first += (ptrdiff_t)c * taps.output;
    for (size_t j = 0; j < width; j += WEIGHT_COLUMNS)
        w->kernels.weight(&taps, width, t->g, t->order, k, end, j,
                          width - j < WEIGHT_COLUMNS ? width : j + WEIGHT_COLUMNS, piece);
    for (size_t p = 0; p < ATL_WINO_MATRICES; p++)
        memcpy(t->packed + p * ci * co + c * ci + k * width, piece + p * count, count * sizeof *piece);
}

static void transform_pieces(void *job, int lane, int64_t first, int64_t last) {
    const transforming *t = job;
    const atl_cpu_wino *w = t->w;
    const size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co, rows = piece_rows(w),
                 widest = w->kernels.panel(co);
    float *mine = t->pieces + (size_t)lane * piece_floats(w);
    for (int64_t i = first; i < last; i++) {
        size_t k = (size_t)(i % t->parts) * rows, end = ci - k < rows ? ci : k + rows;
        size_t c = (size_t)(i / t->parts) * widest, stop = co - c < widest ? co : c + widest;
        for (size_t width; c < stop; c += width) { // one panel, or the last ones
            width = w->kernels.panel(co - c);
            transform_piece(t, k, end, c, width, mine);
        }
    }
}

// pieces: one for each lane.
static void transform_weights(const atl_cpu_wino *w, const float *weight, float *packed, float *pieces) {
    double g[18];
    unsigned char order[ATL_WINO_MATRICES];
    int ci = w->shape.ci, co = w->shape.co;
    atl_cpu_wino_taps taps = { weight, 9, 9 * (ptrdiff_t)ci, 1 };
    if (w->shape.turned) // a gradient at stride 1 is a convolution with the taps in reverse
        taps = (atl_cpu_wino_taps){ weight, 9 * (ptrdiff_t)co, 9, 1 };
    if (w->shape.turned && !by_phases(&w->shape)) {
        taps.first = weight + 8;
        taps.tap = -1;
    }
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 6; j++) {
            int up = i < 5 && j < 5 ? i * 5 + j : i < 5 ? 25 + i : 30 + j;
            order[i * 6 + j] = (unsigned char)(by_phases(&w->shape) ? up : i * 6 + j);
        }
    if (by_phases(&w->shape))
        atl_cpu_wino_phases_matrix(g);
    else
        atl_cpu_wino_plain_matrix(g);
    const int64_t widest = (int64_t)w->kernels.panel((size_t)co), panels = (co + widest - 1) / widest;
    transforming t = { w, &taps, g, order, packed, pieces, atl_ceil_div(ci, (int)piece_rows(w)) };
    atl_team_run(w->team, t.parts * panels, 1, transform_pieces, &t);
}

// Splits fir into fy and fx; 0 when it is not an outer product.
static int separate(const float fir[16], float fy[4], float fx[4]) {
    int top = 0;
    double largest = fabs((double)fir[0]);
    for (int i = 1; i < 16; i++)
        if (fabs((double)fir[i]) > largest) {
            top = i;
            largest = fabs((double)fir[i]);
        }
    if (!(largest > 0) || !isfinite(largest))
        return 0;
    double root = sqrt(largest), sign = fir[top] < 0 ? -1 : 1;
    for (int i = 0; i < 4; i++) {
        fy[i] = (float)(fir[i * 4 + top % 4] / root);
        fx[i] = (float)(sign * fir[top / 4 * 4 + i] / root);
    }
    for (int i = 0; i < 16; i++)
        if (!(fabs((double)fy[i / 4] * fx[i % 4] - fir[i]) <= 1e-6 * largest))
            return 0;
    return 1;
}

int atl_cpu_wino_fir_fits(const float fir[16]) {
    float fy[4], fx[4];
    return separate(fir, fy, fx);
}

// Tiles of a block, by the bytes of one.  Narrow layers want tiles and products of a block in half of L2;
// wide ones read their weights from farther away for each block, and want larger blocks.
static int block_tiles(const atl_cpu_wino_shape *s, const atl_cpu_caches *c, double tile, double weights) {
    if (s->down)
        return weights > 3 * c->l3 / 16 ? 32 : tile < c->l2 / 8 ? 12 : 8;
    if (s->up == 2)
        return tile < c->l2 / 8 ? 12 : tile < c->l2 / 4 ? 16 : 24;
    if (weights > 3 * c->l3 / 16)
        return 128;
    return 2 * 12 * tile < c->l2 / 2 ? 24 : 12 * tile < c->l2 / 2 ? 12 : 32;
}

// Chosen by measurement (bench_winograd.c, docs/speed.md) with 512 KB of L2 for a thread and 32 MB of L3, as
// parts of these.  Few tiles with large weights are not cut into blocks, which would each read them all.
static atl_cpu_wino_plan choose(const atl_cpu_wino_shape *s, const atl_cpu_caches *c, int lanes) {
    const double split_most = 160e6; // bytes of workspace
    double planes = by_phases(s) ? ATL_WINO_UP_PLANES : ATL_WINO_PLANES,
           tile = 4 * planes * ((double)s->ci + s->co);
    double weights = 4.0 * ATL_WINO_MATRICES * s->ci * s->co;
    int tiles = s->n * rows_of_tiles(s) * columns_of_tiles(s);
    int share = atl_ceil_div(tiles, lanes), t = block_tiles(s, c, tile, weights);
    if ((weights > 3 * c->l3 / 8 || share < t) && weights > 1e6 && tile * tiles < split_most)
        return (atl_cpu_wino_plan){ tiles, 1 };
    return (atl_cpu_wino_plan){ atl_ceil_div(share, atl_ceil_div(share, t)), 0 };
}

// Whether each row and column of y that stride 2 asks for meets at least one of x.
static int down_fits(const atl_cpu_wino_shape *s) {
    return !s->down || (s->up == 1 && s->pad >= 0 && s->pad <= 2 && s->oh >= 1 && s->ow >= 1 &&
                        s->oh <= (s->h + s->pad + 1) / 2 && s->ow <= (s->w + s->pad + 1) / 2);
}

// Limits keep every index of a tensor and of the workspace within size_t, and pixels within int.
static atl_status check(atl_ctx *ctx, const atl_cpu_wino_shape *s, const float *fir) {
    const int most = 1 << 20;
    if (s->n < 1 || s->h < 1 || s->w < 1 || s->ci < 1 || s->co < 1 || s->n > most || s->h > most ||
        s->w > most || s->ci > most || s->co > most || (s->up != 1 && s->up != 2) ||
        abs(s->grow) > (s->up == 1 && !s->down) || !down_fits(s) || s->h + 2 * s->grow < 1 ||
        s->w + 2 * s->grow < 1 ||
        (double)s->n * atl_ceil_div(s->h, 4) * atl_ceil_div(s->w, 4) > INT_MAX / 4 ||
        128.0 * ((double)s->h + 4) * ((double)s->w + 4) * s->n * ((double)s->ci + s->co) >
            (double)SIZE_MAX / 4)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a convolution of [%d, %d, %d, %d] to %d channels at up %d is out of range", s->n,
                        s->h, s->w, s->ci, s->co, s->up);
    if (s->up == 2 && (!fir || !atl_cpu_wino_fir_fits(fir)))
        return atl_fail(
            ctx, ATL_UNSUPPORTED,
            "the filter of this up-convolution is not an outer product: use the direct convolution");
    return ATL_OK;
}

static atl_status prepare(atl_cpu_wino *w, const float *weight) {
    const atl_cpu_wino_shape *s = &w->shape;
    size_t planes = by_phases(s) ? ATL_WINO_UP_PLANES : ATL_WINO_PLANES, t = (size_t)w->plan.tiles;
    size_t ci = (size_t)s->ci, co = (size_t)s->co;
    size_t apart = !by_phases(s) ? planes * t * ATL_WINO_APART : 0;
    w->v_floats = atl_round_bytes((planes * t * ci + apart) * 4) / 4;
    w->m_floats = atl_round_bytes((planes * t * co + apart) * 4) / 4;
    if (s->up == 2)
        w->up_floats = atl_round_bytes((36 + 32 * ((size_t)w->tile_columns + 1)) * co * 4) / 4;
    size_t pieces_floats = atl_round_bytes((size_t)atl_team_lanes(w->team) * piece_floats(w) * 4) / 4;
    if (!weight) {
        w->weight_floats = atl_round_bytes(ATL_WINO_MATRICES * ci * co * 4) / 4;
        w->pieces_floats = pieces_floats;
        return ATL_OK;
    }
    float *pieces = atl_alloc(w->ctx, pieces_floats, sizeof *pieces);
    w->weight = pieces ? atl_pages_alloc(w->ctx, ATL_WINO_MATRICES * ci * co, sizeof *w->weight) : NULL;
    if (w->weight)
        transform_weights(w, weight, w->weight, pieces);
    atl_free(w->ctx, pieces);
    return w->weight ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_cpu_wino_make_planned(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                                     const atl_cpu_wino_shape *shape, const float *weight, const float *fir,
                                     const atl_cpu_wino_plan *plan, atl_cpu_wino **wino) {
    *wino = NULL;
    ATL_TRY(check(ctx, shape, fir));
    atl_cpu_wino *w = atl_calloc(ctx, 1, sizeof *w);
    if (!w)
        return ATL_NO_MEMORY;
    w->ctx = ctx;
    w->shape = *shape;
    w->team = team;
    w->plan = plan ? *plan : choose(shape, &kernels->caches, atl_team_parts(team));
    w->tile_rows = rows_of_tiles(shape);
    w->tile_columns = columns_of_tiles(shape);
    if (w->plan.split)
        w->plan.tiles = shape->n * w->tile_rows * w->tile_columns;
    w->kernels = kernels->wino;
    w->l3 = kernels->caches.l3;
    if (shape->up == 2)
        separate(fir, w->fy, w->fx);
    atl_status status = prepare(w, weight);
    if (status)
        atl_cpu_wino_free(&w);
    *wino = w;
    return status;
}

atl_status atl_cpu_wino_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_wino_shape *shape, const float *weight, const float *fir,
                             atl_cpu_wino **wino) {
    return atl_cpu_wino_make_planned(ctx, kernels, team, shape, weight, fir, NULL, wino);
}

void atl_cpu_wino_free(atl_cpu_wino **wino) {
    atl_cpu_wino *w = wino ? *wino : NULL;
    if (!w)
        return;
    atl_pages_free(w->ctx, w->weight);
    atl_free(w->ctx, w);
    *wino = NULL;
}

size_t atl_cpu_wino_workspace(const atl_cpu_wino *w) {
    size_t lanes = (size_t)atl_team_lanes(w->team), tiles = (w->v_floats + w->m_floats) * 4;
    return (w->weight_floats + w->pieces_floats) * 4 + (w->plan.split ? tiles : lanes * tiles) +
           lanes * w->up_floats * 4;
}

atl_cpu_wino_space atl_cpu_wino_space_of(const atl_cpu_wino *w, void *workspace, int lane) {
    size_t own = w->up_floats * 4, tiles = (w->v_floats + w->m_floats) * 4;
    char *base = (char *)workspace + (w->weight_floats + w->pieces_floats) * 4;
    char *mine = base + (w->plan.split ? tiles : 0);
    mine += (size_t)lane * (w->plan.split ? own : own + tiles);
    atl_cpu_wino_space s;
    s.left = (float *)(void *)mine;
    s.above = s.left + 36 * (size_t)w->shape.co;
    s.v = (float *)(void *)(w->plan.split ? base : mine + own);
    s.m = s.v + w->v_floats;
    return s;
}

atl_cpu_wino_source atl_cpu_wino_source_with(const float *x, int h, int w, int c, const float *scale,
                                             ptrdiff_t step, int sample) {
    size_t floats = (size_t)h * (size_t)w * (size_t)c;
    return (atl_cpu_wino_source){ x + (size_t)sample * floats, scale ? scale + sample * step : NULL, h, w,
                                  c };
}

atl_cpu_wino_source atl_cpu_wino_source_of(const atl_cpu_wino *w, const float *x, const float *in_scale,
                                           int sample) {
    const atl_cpu_wino_shape *s = &w->shape;
    return atl_cpu_wino_source_with(x, s->h, s->w, s->ci, in_scale, s->ci, sample);
}

atl_cpu_wino_target atl_cpu_wino_target_with(float *y, int h, int w, int c, const atl_cpu_epilogue *e,
                                             int sample) {
    atl_cpu_wino_target to = { .h = h, .w = w, .c = c, .slope = 1, .gain = 1, .clamp = INFINITY };
    size_t floats = (size_t)h * (size_t)w * (size_t)c, n = (size_t)sample;
    to.y = y + n * floats;
    if (!e)
        return to;
    to.scale = e->scale ? e->scale + (ptrdiff_t)n * e->scale_stride : NULL;
    to.noise = e->noise ? e->noise + (ptrdiff_t)n * e->noise_stride : NULL;
    to.bias = e->bias;
    to.gate = e->gate ? e->gate + n * floats : NULL;
    to.gate_slope = e->gate_slope;
    to.residual = e->residual ? e->residual + n * floats : NULL;
    to.slope = e->slope;
    to.gain = e->gain;
    to.clamp = e->clamp;
    return to;
}

atl_cpu_wino_target atl_cpu_wino_target_of(const atl_cpu_wino *w, float *y, const atl_cpu_epilogue *e,
                                           int sample) {
    const atl_cpu_wino_shape *s = &w->shape;
    const int h = s->down ? s->oh : s->h * s->up + 2 * s->grow,
              v = s->down ? s->ow : s->w * s->up + 2 * s->grow;
    atl_cpu_wino_target to = atl_cpu_wino_target_with(y, h, v, s->co, e, sample);
    double floats = (double)to.h * to.w * to.c * s->n;
    // when the next reader will not find y in a cache anyway
    to.stream = (uintptr_t)y % 64 == 0 && s->co % 16 == 0 && 4.0 * floats > w->l3 / 2;
    return to;
}

typedef struct call { // one run of up = 1
    const atl_cpu_wino *w;
    const float *x, *in_scale;
    float *y;
    const atl_cpu_epilogue *e;
    int tiles;
    void *workspace;
} call;

// Floats from one plane to the next and from one tile to the next.  In a block, all that belongs to a tile
// is together, so that a transform writes one stretch; split, all that belongs to a product is.
static size_t plane_step(const atl_cpu_wino *w, size_t channels) {
    return (w->plan.split ? (size_t)w->plan.tiles * channels : channels) + ATL_WINO_APART;
}

static size_t tile_step(const atl_cpu_wino *w, size_t channels) {
    return w->plan.split ? channels : ATL_WINO_PLANES * plane_step(w, channels);
}

static void tiles_in(const call *c, int first, int count, float *v) {
    const atl_cpu_wino *w = c->w;
    int per = w->tile_rows * w->tile_columns, grow = w->shape.grow;
    size_t ci = (size_t)w->shape.ci, plane = plane_step(w, ci), next = tile_step(w, ci);
    for (int i = first; i < first + count; i++) {
        atl_cpu_wino_source from = atl_cpu_wino_source_of(w, c->x, c->in_scale, i / per);
        int row = i % per / w->tile_columns, column = i % w->tile_columns;
        w->kernels.in(&from, 4 * row - 1 - grow, 4 * column - 1 - grow, v + (size_t)(i - first) * next,
                      plane);
    }
}

static void tiles_out(const call *c, int first, int count, const float *m) {
    const atl_cpu_wino *w = c->w;
    int per = w->tile_rows * w->tile_columns;
    size_t co = (size_t)w->shape.co, plane = plane_step(w, co), next = tile_step(w, co);
    for (int i = first; i < first + count; i++) {
        atl_cpu_wino_target to = atl_cpu_wino_target_of(w, c->y, c->e, i / per);
        int row = i % per / w->tile_columns, column = i % w->tile_columns;
        w->kernels.out(&to, m + (size_t)(i - first) * next, plane, 4 * row, 4 * column, 0, to.c);
    }
}

// The products of one block: m [tiles, 36, co] = v [tiles, 36, ci] by the weights.
static void block_products(const atl_cpu_wino *w, size_t tiles, const float *v, float *m) {
    const size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co;
    for (size_t p = 0; p < ATL_WINO_PLANES; p++)
        w->kernels.product(v + p * plane_step(w, ci), tile_step(w, ci), w->weight + p * ci * co,
                           m + p * plane_step(w, co), tile_step(w, co), tiles, co, ci);
}

static void blocks(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(c->w, c->workspace, lane);
    int t = c->w->plan.tiles;
    for (int b = (int)begin; b < end; b++) {
        int first = b * t, count = c->tiles - first < t ? c->tiles - first : t;
        tiles_in(c, first, count, s.v);
        block_products(c->w, (size_t)count, s.v, s.m);
        tiles_out(c, first, count, s.m);
    }
}

void atl_cpu_wino_split_rows(const atl_cpu_wino *w, const float *v, size_t p, float *m, size_t rows) {
    const size_t ci = (size_t)w->shape.ci, co = (size_t)w->shape.co, parts = (rows + SPLIT_ROWS - 1) / SPLIT_ROWS;
    for (size_t i = 0; i < parts; i++) {
        size_t first = rows * i / parts, some = rows * (i + 1) / parts - first;
        w->kernels.product(v + first * ci, ci, w->weight + p * ci * co, m + first * co, co, some, co, ci);
    }
}

// The three steps of a split plan.
static void split_in(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(c->w, c->workspace, lane);
    for (int i = (int)begin; i < end; i++)
        tiles_in(c, i, 1, s.v + (size_t)i * (size_t)c->w->shape.ci);
}

static void split_products(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(c->w, c->workspace, lane);
    for (size_t p = (size_t)begin; p < (size_t)end; p++)
        atl_cpu_wino_split_rows(c->w, s.v + p * plane_step(c->w, (size_t)c->w->shape.ci), p,
                                s.m + p * plane_step(c->w, (size_t)c->w->shape.co), (size_t)c->tiles);
}

static void split_out(void *job, int lane, int64_t begin, int64_t end) {
    const call *c = job;
    atl_cpu_wino_space s = atl_cpu_wino_space_of(c->w, c->workspace, lane);
    for (int i = (int)begin; i < end; i++)
        tiles_out(c, i, 1, s.m + (size_t)i * (size_t)c->w->shape.co);
}

void atl_cpu_wino_run(const atl_cpu_wino *w, const float *x, const float *weight, const float *in_scale,
                      float *y, const atl_cpu_epilogue *epilogue, void *workspace) {
    atl_cpu_wino own = *w; // with the weights of this run
    if (!w->weight) {
        own.weight = workspace;
        transform_weights(w, weight, own.weight, own.weight + w->weight_floats);
    }
    if (w->shape.up == 2) {
        atl_cpu_wino_up_run(&own, x, in_scale, y, epilogue, workspace);
        return;
    }
    if (w->shape.down) {
        atl_cpu_wino_down_run(&own, x, in_scale, y, epilogue, workspace);
        return;
    }
    call c = { &own, x, in_scale, y, epilogue, w->shape.n * w->tile_rows * w->tile_columns, workspace };
    if (!w->plan.split) {
        atl_team_run(w->team, atl_ceil_div(c.tiles, w->plan.tiles), 1, blocks, &c);
        return;
    }
    atl_team_run(w->team, c.tiles, 1, split_in, &c);
    atl_team_run(w->team, ATL_WINO_MATRICES, 1, split_products, &c);
    atl_team_run(w->team, c.tiles, 1, split_out, &c);
}
