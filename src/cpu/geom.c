// SPDX-License-Identifier: Apache-2.0
// Resampling between two wavelet filters: see geom.h.
//
// The work of one thread is a tile of the result for four channels of one image.  All buffers hold pixels of four
// floats (missing channels are zero), so that every filter is one call of the FIR's combine over whole rows:
//
//     x --copy, reflect--> low --up--> high --bilinear--> grid --down--> y
//
// The grid is the oversampled result, 2 tile + 10 points wide: all that the last filter reads.  Of the oversampled
// image, `high`, only the box that the grid's points lie in is made.  Where a map shrinks so much that the box is too
// large for the workspace, the grid is filled block by block.  high and grid keep even and odd columns apart, each
// a plane: then both filters read and write neighbours.
//
// The transpose goes the same way back; tiles of an image follow each other, for they add to the same pixels.
#include "cpu/geom_inside.h"

enum {
    TILE = 64,                      // pixels of the result: the grid has 138 x 138 points
    GRID_PAIRS = TILE + PHASE - 1,  // a row of the grid in one plane
    HIGH_MAX = 1 << 20,             // floats: 4 MiB
    LOW_MAX = 1 << 19,
};

// Daubechies 1992, table 6.3 (the least asymmetric wavelet of 6 moments), divided by its sum.
const float atl_cpu_geom_filter[TAPS] = {
    0.0108923493f, 0.00246830587f, -0.0834316015f, -0.0341615602f, 0.347228944f,   0.556946397f,
    0.238952175f,  -0.051362481f,  -0.014891874f,  0.0316252783f,  0.00124996097f, -0.0055159335f,
};

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// Sizes of one thread's buffers in floats, multiples of 16.
typedef struct sizes { size_t grid, narrow, high, low, row, all; } sizes;

static sizes sizes_of(const atl_cpu_geom_dims *d) {
    int64_t tall = min64(d->h, TILE), wide = min64(d->w, TILE), rows = 2 * tall + 2 * (PHASE - 1);
    sizes s = { .grid = (size_t)(rows * 2 * GRID_PAIRS * LANES),
                .narrow = (size_t)(rows * (wide + 2 * PHASE) * LANES),
                .high = (size_t)min64(6 * d->h * 2 * (3 * d->w + 2 * APRON) * LANES, HIGH_MAX),
                .low = (size_t)min64((3 * d->h + 8) * (3 * d->w + 6) * LANES, LOW_MAX),
                .row = (size_t)((3 * d->w + 6 + 2 * APRON) * 2 * LANES) };
    size_t *each[5] = { &s.grid, &s.narrow, &s.high, &s.low, &s.row };
    for (int i = 0; i < 5; i++) {
        *each[i] = (*each[i] + 15) / 16 * 16;
        s.all += *each[i];
    }
    return s;
}

size_t atl_cpu_geom_workspace(const atl_cpu_geom_dims *d, atl_team *team) {
    return sizes_of(d).all * sizeof(float) * (size_t)atl_team_lanes(team);
}

static atl_cpu_geom_worker worker_of(const atl_cpu_fir_kernels *k, const atl_cpu_geom_dims *d, float *mine) {
    sizes s = sizes_of(d);
    atl_cpu_geom_worker w = { .k = k, .d = d, .high_size = s.high, .low_size = s.low };
    w.grid = mine;
    w.narrow = w.grid + s.grid;
    w.high = w.narrow + s.narrow;
    w.low = w.high + s.high;
    w.row = w.low + s.low;
    for (int i = 0; i < PHASE; i++) { // mirrored, and twice as strong for the zeros between pixels
        w.even[i] = 2.0f * atl_cpu_geom_filter[TAPS - 1 - 2 * i];
        w.odd[i] = 2.0f * atl_cpu_geom_filter[TAPS - 2 - 2 * i];
    }
    return w;
}

// ---- the grid

static float *grid_at(const atl_cpu_geom_worker *w, int64_t i, int64_t j) {
    return w->grid + ((i * 2 + (j & 1)) * GRID_PAIRS + (j >> 1)) * LANES;
}

// For points of one row of the grid: where in high their left and right neighbours of the upper row are, and weights
// of the four, upper row first.
typedef struct points {
    int32_t left[2 * GRID_PAIRS], right[2 * GRID_PAIRS];
    float weight[4][2 * GRID_PAIRS];
} points;

// Columns j0 to j1 of row i.  A loop of its own, without branches, that the compiler may vectorise.
static void locate(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b, int64_t i, int64_t j0, int64_t j1,
                   points *t) {
    double dx = (double)w->theta[0], dy = (double)w->theta[3];
    double x0 = atl_cpu_geom_place(w, 0, i, j0) - (double)b->x0,
           y0 = atl_cpu_geom_place(w, 1, i, j0) - (double)b->y0;
    int32_t columns = (int32_t)(b->x1 - b->x0), rows = (int32_t)(b->y1 - b->y0), plane = (int32_t)b->plane;
    int32_t before = (int32_t)(b->x0 - 2 * b->pair0), count = (int32_t)(j1 - j0 + 1);
    for (int32_t j = 0; j < count; j++) {
        // rounding, and points outside of the mirrored image, must not leave the box
        double x = x0 + dx * j, y = y0 + dy * j;
        x = x > 0.0 ? x : 0.0;
        y = y > 0.0 ? y : 0.0;
        x = x < columns ? x : columns;
        y = y < rows ? y : rows;
        int32_t xi = (int32_t)x, yi = (int32_t)y;
        xi -= xi == columns;
        yi -= yi == rows;
        float fx = (float)(x - xi), fy = (float)(y - yi);
        int32_t left = xi + before, right = left + 1, row = yi * 2 * plane;
        t->left[j] = row + (left & 1) * plane + (left >> 1) * LANES;
        t->right[j] = row + (right & 1) * plane + (right >> 1) * LANES;
        t->weight[0][j] = (1.0f - fx) * (1.0f - fy);
        t->weight[1][j] = fx * (1.0f - fy);
        t->weight[2][j] = (1.0f - fx) * fy;
        t->weight[3][j] = fx * fy;
    }
}

static void sample(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b, const int64_t block[4]) {
    points t;
    const float *high = atl_cpu_geom_high_row(w, b, 0), *next = atl_cpu_geom_high_row(w, b, 1);
    for (int64_t i = block[0]; i <= block[1]; i++) {
        locate(w, b, i, block[2], block[3], &t);
        for (int64_t j = 0; j <= block[3] - block[2]; j++) {
            const float *p0 = high + t.left[j], *p1 = high + t.right[j];
            const float *p2 = next + t.left[j], *p3 = next + t.right[j];
            float *g = grid_at(w, i - 2 * w->p0 - 1, block[2] - 2 * w->q0 - 1 + j);
            for (int k = 0; k < LANES; k++)
                g[k] = t.weight[0][j] * p0[k] + t.weight[1][j] * p1[k] + t.weight[2][j] * p2[k] +
                       t.weight[3][j] * p3[k];
        }
    }
}

static inline void add_pixel(float *p, float weight, const float g[LANES]) {
    for (int k = 0; k < LANES; k++)
        p[k] += weight * g[k];
}

static void sample_transposed(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b,
                              const int64_t block[4]) {
    points t;
    float *high = atl_cpu_geom_high_row(w, b, 0), *next = atl_cpu_geom_high_row(w, b, 1), g[LANES];
    for (int64_t i = block[0]; i <= block[1]; i++) {
        locate(w, b, i, block[2], block[3], &t);
        for (int64_t j = 0; j <= block[3] - block[2]; j++) {
            memcpy(g, grid_at(w, i - 2 * w->p0 - 1, block[2] - 2 * w->q0 - 1 + j), sizeof g);
            add_pixel(high + t.left[j], t.weight[0][j], g);
            add_pixel(high + t.right[j], t.weight[1][j], g);
            add_pixel(next + t.left[j], t.weight[2][j], g);
            add_pixel(next + t.right[j], t.weight[3][j], g);
        }
    }
}

// Fills a block of the grid, or takes it back to the image.
static void visit(const atl_cpu_geom_worker *w, const int64_t block[4], bool back) {
    atl_cpu_geom_box b;
    if (!atl_cpu_geom_box_of(w, block, &b)) {
        for (int64_t i = block[0]; !back && i <= block[1]; i++)
            for (int64_t j = block[2]; j <= block[3]; j++)
                atl_cpu_geom_clear(grid_at(w, i - 2 * w->p0 - 1, j - 2 * w->q0 - 1), LANES);
    } else if (!atl_cpu_geom_box_fits(w, &b)) { // never of a single point, whose box is 2 x 2
        int axis = block[1] - block[0] > block[3] - block[2] ? 0 : 2;
        int64_t middle = block[axis] + (block[axis + 1] - block[axis]) / 2, part[4];
        memcpy(part, block, sizeof part);
        part[axis + 1] = middle;
        visit(w, part, back);
        part[axis] = middle + 1, part[axis + 1] = block[axis + 1];
        visit(w, part, back);
    } else if (back) {
        atl_cpu_geom_clear(w->high, (b.y1 - b.y0 + 1) * 2 * b.plane);
        sample_transposed(w, &b, block);
        atl_cpu_geom_add_high(w, &b);
    } else {
        atl_cpu_geom_make_high(w, &b);
        sample(w, &b, block);
    }
}

// ---- the result: pixel p is made of points 2 p + 1 to 2 p + 12

static void visit_grid(const atl_cpu_geom_worker *w, bool back) {
    int64_t i0 = 2 * w->p0 + 1, j0 = 2 * w->q0 + 1, more = 2 * PHASE - 3;
    visit(w, (int64_t[4]){ i0, i0 + 2 * w->tall + more, j0, j0 + 2 * w->wide + more }, back);
}

static void tile(const atl_cpu_geom_worker *w) {
    const float *rows[TAPS];
    size_t length = (size_t)(w->wide * LANES);
    visit_grid(w, false);
    for (int64_t i = 0; i < 2 * w->tall + 2 * (PHASE - 1); i++) {
        for (int t = 0; t < TAPS; t++)
            rows[t] = grid_at(w, i, t);
        w->k->combine(w->narrow + i * w->wide * LANES, rows, atl_cpu_geom_filter, TAPS, length, 0);
    }
    for (int64_t p = 0; p < w->tall; p++) {
        for (int t = 0; t < TAPS; t++)
            rows[t] = w->narrow + (2 * p + t) * w->wide * LANES;
        w->k->combine(w->row, rows, atl_cpu_geom_filter, TAPS, length, 0);
        float *to = w->to + ((w->p0 + p) * w->d->w + w->q0) * w->d->c;
        for (int64_t q = 0; q < w->wide; q++, to += w->d->c)
            for (int k = 0; k < w->lanes; k++)
                to[k] = w->row[q * LANES + k];
    }
}

// Point 2 m gives to pixels m - s with tap 2 s, point 2 m + 1 with tap 2 s + 1, counted within the tile.  narrow
// holds the tile's pixels with five zeros on both sides of a row.
static void tile_transposed(const atl_cpu_geom_worker *w) {
    int64_t side = PHASE - 1, stride = (w->wide + 2 * side) * LANES;
    const float *rows[PHASE];
    float taps[2][PHASE];
    for (int t = 0; t < TAPS; t++)
        taps[t & 1][t / 2] = atl_cpu_geom_filter[t];
    atl_cpu_geom_clear(w->narrow, w->tall * stride);
    for (int64_t p = 0; p < w->tall; p++)
        for (int64_t q = 0; q < w->wide; q++)
            atl_cpu_geom_load_pixel(w->from + ((w->p0 + p) * w->d->w + w->q0 + q) * w->d->c, w->lanes,
                                    w->narrow + p * stride + (side + q) * LANES);
    for (int64_t i = 0; i < 2 * (w->tall + side); i++) {
        float some[PHASE];
        int count = 0;
        for (int s = 0; s < PHASE; s++) {
            int64_t p = i / 2 - s;
            if (p < 0 || p >= w->tall)
                continue;
            rows[count] = w->narrow + p * stride;
            some[count++] = taps[i & 1][s];
        }
        w->k->combine(w->row, rows, some, count, (size_t)stride, 0);
        for (int j = 0; j < 2; j++) {
            for (int s = 0; s < PHASE; s++)
                rows[s] = w->row + (side - s) * LANES;
            w->k->combine(grid_at(w, i, j), rows, taps[j], PHASE, (size_t)((w->wide + side) * LANES), 0);
        }
    }
    visit_grid(w, true);
}

// ---- images

static void set_tile(atl_cpu_geom_worker *w, int64_t row, int64_t column) {
    w->p0 = row * TILE;
    w->q0 = column * TILE;
    w->tall = min64(TILE, w->d->h - w->p0);
    w->wide = min64(TILE, w->d->w - w->q0);
}

static void set_image(atl_cpu_geom_worker *w, const float *theta, const float *from, float *to, int64_t image,
                      int64_t part) {
    int64_t at = image * w->d->h * w->d->w * w->d->c + part * LANES;
    w->theta = theta + 6 * image;
    w->from = from + at;
    w->to = to + at;
    w->lanes = (int)min64(LANES, w->d->c - part * LANES);
}

typedef struct call {
    const atl_cpu_fir_kernels *k;
    const atl_cpu_geom_dims *d;
    const float *theta, *from;
    float *to, *workspace;
    int64_t parts, down, across;
} call;

static call call_of(const atl_cpu_fir_kernels *k, const atl_cpu_geom_dims *d, const float *theta,
                    const float *from, float *to, void *workspace) {
    int64_t parts = (d->c + LANES - 1) / LANES, down = (d->h + TILE - 1) / TILE, across = (d->w + TILE - 1) / TILE;
    return (call){ k, d, theta, from, to, workspace, parts, down, across };
}

static void tiles(void *job, int lane, int64_t first, int64_t end) {
    const call *r = job;
    int64_t each = r->down * r->across;
    atl_cpu_geom_worker w = worker_of(r->k, r->d, r->workspace + sizes_of(r->d).all * (size_t)lane);
    for (int64_t i = first; i < end; i++) {
        set_image(&w, r->theta, r->from, r->to, i / (r->parts * each), i / each % r->parts);
        set_tile(&w, i / r->across % r->down, i % r->across);
        tile(&w);
    }
}

void atl_cpu_geom(const atl_cpu_fir_kernels *k, const atl_cpu_geom_dims *d, const float *theta,
                  const float *x, float *y, atl_team *team, void *workspace) {
    call r = call_of(k, d, theta, x, y, workspace);
    atl_team_run(team, d->n * r.parts * r.down * r.across, 1, tiles, &r);
}

static void images_transposed(void *job, int lane, int64_t first, int64_t end) {
    const call *r = job;
    const atl_cpu_geom_dims *d = r->d;
    atl_cpu_geom_worker w = worker_of(r->k, d, r->workspace + sizes_of(d).all * (size_t)lane);
    for (int64_t i = first; i < end; i++) {
        set_image(&w, r->theta, r->from, r->to, i / r->parts, i % r->parts);
        for (int64_t p = 0; p < d->h * d->w; p++)
            for (int c = 0; c < w.lanes; c++)
                w.to[p * d->c + c] = 0.0f;
        for (int64_t t = 0; t < r->down * r->across; t++) {
            set_tile(&w, t / r->across, t % r->across);
            tile_transposed(&w);
        }
    }
}

void atl_cpu_geom_t(const atl_cpu_fir_kernels *k, const atl_cpu_geom_dims *d, const float *theta,
                    const float *y, float *x, atl_team *team, void *workspace) {
    call r = call_of(k, d, theta, y, x, workspace);
    atl_team_run(team, d->n * r.parts, 1, images_transposed, &r);
}
