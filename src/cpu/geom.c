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
#include "cpu/geom.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <string.h>

enum {
    LANES = 4, TAPS = ATL_GEOM_TAPS, PHASE = TAPS / 2,
    TILE = 64,                      // pixels of the result: the grid has 138 x 138 points
    GRID_PAIRS = TILE + PHASE - 1,  // a row of the grid in one plane
    APRON = 6,                      // zero pixels on both sides of a plane of high, which the transpose reads
    HIGH_MAX = 1 << 20,             // floats: 4 MiB
    LOW_MAX = 1 << 19,
};

// Daubechies 1992, table 6.3 (the least asymmetric wavelet of 6 moments), divided by its sum.
const float atl_geom_filter[TAPS] = {
    0.0108923493f, 0.00246830587f, -0.0834316015f, -0.0341615602f, 0.347228944f, 0.556946397f,
    0.238952175f, -0.051362481f, -0.014891874f, 0.0316252783f, 0.00124996097f, -0.0055159335f,
};

typedef struct worker {
    const atl_fir_kernels *k;
    const atl_geom_dims *d;
    const float *theta;             // of this image
    const float *from;              // this image, at the first of its channels
    float *to;
    int lanes;                      // channels, at most four
    bool transposed;
    int64_t p0, q0, tall, wide;     // the tile
    float *grid;                    // [2 tall + 10][2][GRID_PAIRS][LANES]
    float *narrow;                  // [2 tall + 10][wide + margins][LANES]
    float *high, *low, *row;
    float even[PHASE], odd[PHASE];  // taps of the upsampling filter that meet an even or odd column of high
} worker;

// Of the oversampled image: columns x0 to x1 and rows y0 to y1, both included.  Column 2 i and 2 i + 1 belong to
// pixel i, whose centre is between them.
typedef struct box {
    int64_t x0, x1, y0, y1;
    int64_t pair0, pairs;           // columns 2 pair0 to 2 (pair0 + pairs) - 1 contain x0 to x1
    int64_t low0, low_rows;         // rows of x that these are made of
    int64_t low_left, low_width;    // columns of x
    int64_t plane;                  // floats from the even columns of a row to its odd ones
} box;

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t half(int64_t a) { // rounded down
    return (a - (a & 1)) / 2;
}

// Sizes of one thread's buffers in floats, multiples of 16.
typedef struct sizes { size_t grid, narrow, high, low, row, all; } sizes;

static sizes sizes_of(const atl_geom_dims *d) {
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

size_t atl_geom_workspace(const atl_geom_dims *d, int threads) {
    return sizes_of(d).all * sizeof(float) * (size_t)threads;
}

static worker worker_of(const atl_fir_kernels *k, const atl_geom_dims *d, float *mine) {
    sizes s = sizes_of(d);
    worker w = { .k = k, .d = d };
    w.grid = mine;
    w.narrow = w.grid + s.grid;
    w.high = w.narrow + s.narrow;
    w.low = w.high + s.high;
    w.row = w.low + s.low;
    for (int i = 0; i < PHASE; i++) { // mirrored, and twice as strong for the zeros between pixels
        w.even[i] = 2.0f * atl_geom_filter[TAPS - 1 - 2 * i];
        w.odd[i] = 2.0f * atl_geom_filter[TAPS - 2 - 2 * i];
    }
    return w;
}

// ---- places

// Column of high that the grid's point (i, j) of the whole image lies at, row with axis 1.  Point 2 p + 6 and the one
// after it are those of pixel p.  Filters of even length put their centre half a point away from where the grid has
// it; as official, the map is about that centre.
static double place(const worker *w, int axis, int64_t i, int64_t j) {
    const float *t = w->theta + 3 * axis;
    double u = (double)(j + 1 - w->d->w - 6), v = (double)(i + 1 - w->d->h - 6);
    return (double)t[0] * u + (double)t[1] * v + 2.0 * (double)t[2] + (double)((axis ? w->d->h : w->d->w) - 1);
}

// Columns (or rows) of high within the blocks's reach; false: none has anything to give.  The mirrored image ends
// at -2 (size - 1) and 4 size - 3; one more on each side is zero.
static bool reach(const worker *w, int axis, const int64_t block[4], int64_t *first, int64_t *last) {
    int64_t size = axis ? w->d->h : w->d->w, low = -2 * size + 1, high = 4 * size - 2;
    double least = INFINITY, most = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        double at = place(w, axis, block[corner & 1], block[2 + (corner >> 1)]);
        if (!isfinite(at))
            return false;
        least = fmin(least, at);
        most = fmax(most, at);
    }
    if (most <= (double)low || least >= (double)high)
        return false;
    *first = least <= (double)low ? low : (int64_t)floor(least);
    *last = most >= (double)(high - 1) ? high : (int64_t)floor(most) + 1;
    return true;
}

static bool box_of(const worker *w, const int64_t block[4], box *b) {
    if (!reach(w, 0, block, &b->x0, &b->x1) || !reach(w, 1, block, &b->y0, &b->y1))
        return false;
    b->pair0 = half(b->x0);
    b->pairs = half(b->x1) - b->pair0 + 1;
    b->low0 = half(b->y0) - PHASE / 2;
    b->low_rows = half(b->y1) + PHASE / 2 + 1 - b->low0;
    b->low_left = b->pair0 - PHASE / 2;
    b->low_width = b->pairs + PHASE;
    b->plane = (b->pairs + 2 * APRON) * LANES;
    return true;
}

static bool box_fits(const worker *w, const box *b) {
    sizes s = sizes_of(w->d);
    return (size_t)((b->y1 - b->y0 + 1) * 2 * b->plane) <= s.high &&
           (size_t)(b->low_rows * b->low_width * LANES) <= s.low;
}

// Pixel of x that pixel i of the mirrored image shows, -1: none.
static int64_t reflect(int64_t i, int64_t size) {
    int64_t at = i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    return at >= 0 && at < size ? at : -1;
}

static float *high_row(const worker *w, const box *b, int64_t y) { // its even columns, after the apron
    return w->high + (y - b->y0) * 2 * b->plane + APRON * LANES;
}

static void clear(float *p, int64_t count) {
    memset(p, 0, (size_t)count * sizeof *p);
}

// What lies beyond the mirrored image is zero: the first and last row and column, where the box has them.
static void clear_edges(const worker *w, const box *b) {
    int64_t top = -2 * w->d->h + 1, bottom = 4 * w->d->h - 2, left = -2 * w->d->w + 1, right = 4 * w->d->w - 2;
    if (b->y0 == top)
        clear(high_row(w, b, top) - APRON * LANES, 2 * b->plane);
    if (b->y1 == bottom)
        clear(high_row(w, b, bottom) - APRON * LANES, 2 * b->plane);
    for (int64_t y = b->y0; y <= b->y1; y++) {
        float *row = high_row(w, b, y);
        if (b->x0 == left)
            clear(row + b->plane + (half(left) - b->pair0) * LANES, LANES); // odd
        if (b->x1 == right)
            clear(row + (half(right) - b->pair0) * LANES, LANES); // even
    }
}

// ---- pixels between memory and lanes

static void load_pixel(const float *from, int lanes, float *to) {
    for (int k = 0; k < LANES; k++)
        to[k] = k < lanes ? from[k] : 0.0f;
}

static void gather_low(const worker *w, const box *b) {
    const atl_geom_dims *d = w->d;
    for (int64_t y = 0; y < b->low_rows; y++) {
        float *to = w->low + y * b->low_width * LANES;
        int64_t row = reflect(b->low0 + y, d->h);
        if (row < 0) {
            clear(to, b->low_width * LANES);
            continue;
        }
        for (int64_t x = 0; x < b->low_width; x++, to += LANES) {
            int64_t column = reflect(b->low_left + x, d->w);
            if (column < 0)
                clear(to, LANES);
            else
                load_pixel(w->from + (row * d->w + column) * d->c, w->lanes, to);
        }
    }
}

static void add_low(const worker *w, const box *b, int64_t y, const float *low) { // one row of low to the image
    const atl_geom_dims *d = w->d;
    int64_t row = reflect(y, d->h);
    for (int64_t x = 0; row >= 0 && x < b->low_width; x++, low += LANES) {
        int64_t column = reflect(b->low_left + x, d->w);
        float *to = w->to + (row * d->w + column) * d->c;
        for (int k = 0; column >= 0 && k < w->lanes; k++)
            to[k] += low[k];
    }
}

// ---- oversampling: column 2 m of high is made of pixels m - 3 to m + 2, column 2 m + 1 of m - 2 to m + 3

static void make_high(const worker *w, const box *b) {
    const float *rows[PHASE];
    gather_low(w, b);
    for (int64_t y = b->y0; y <= b->y1; y++) {
        int64_t first = half(y) - PHASE / 2 + (y & 1) - b->low0;
        for (int i = 0; i < PHASE; i++)
            rows[i] = w->low + (first + i) * b->low_width * LANES;
        w->k->combine(w->row, rows, y & 1 ? w->odd : w->even, PHASE, (size_t)(b->low_width * LANES), 0);
        for (int i = 0; i < PHASE; i++)
            rows[i] = w->row + i * LANES;
        w->k->combine(high_row(w, b, y), rows, w->even, PHASE, (size_t)(b->pairs * LANES), 0);
        for (int i = 0; i < PHASE; i++)
            rows[i] = w->row + (i + 1) * LANES;
        w->k->combine(high_row(w, b, y) + b->plane, rows, w->odd, PHASE, (size_t)(b->pairs * LANES), 0);
    }
    clear_edges(w, b);
}

// Pixel i gives to columns 2 m with m from i - 2 to i + 3, and 2 m + 1 with m from i - 3 to i + 2.
static void add_high(const worker *w, const box *b) {
    const float *rows[TAPS];
    float taps[TAPS];
    clear_edges(w, b);
    for (int64_t y = b->low0; y < b->low0 + b->low_rows; y++) {
        int count = 0;
        for (int i = 0; i < TAPS; i++) {
            int64_t from = 2 * (y + PHASE / 2 - i / 2 - (i & 1)) + (i & 1);
            if (from < b->y0 || from > b->y1)
                continue;
            rows[count] = high_row(w, b, from) - APRON * LANES;
            taps[count++] = i & 1 ? w->odd[i / 2] : w->even[i / 2];
        }
        if (!count || reflect(y, w->d->h) < 0)
            continue;
        w->k->combine(w->row, rows, taps, count, (size_t)(2 * b->plane), 0);
        for (int i = 0; i < TAPS; i++) { // pixel low_left is that of pair0 - 3
            rows[i] = w->row + (i & 1 ? b->plane : 0) + (APRON - i / 2 - (i & 1)) * LANES;
            taps[i] = i & 1 ? w->odd[i / 2] : w->even[i / 2];
        }
        w->k->combine(w->low, rows, taps, TAPS, (size_t)(b->low_width * LANES), 0);
        add_low(w, b, y, w->low);
    }
}

// ---- the grid

// Four neighbours in high and their weights.
typedef struct neighbours { float *p[4]; float weight[4]; } neighbours;

static inline neighbours neighbours_at(const worker *w, const box *b, double x, double y) {
    // rounding, and points outside of the mirrored image, must not leave the box; NaN ends up at its start
    double wide = (double)(b->x1 - b->x0), tall = (double)(b->y1 - b->y0);
    x -= (double)b->x0;
    y -= (double)b->y0;
    x = x > 0.0 ? x < wide ? x : wide : 0.0;
    y = y > 0.0 ? y < tall ? y : tall : 0.0;
    int64_t xi = (int64_t)x, yi = (int64_t)y;
    xi -= xi == b->x1 - b->x0;
    yi -= yi == b->y1 - b->y0;
    float fx = (float)(x - (double)xi), fy = (float)(y - (double)yi);
    int64_t left = xi + b->x0 - 2 * b->pair0, right = left + 1;
    float *row = w->high + yi * 2 * b->plane + APRON * LANES, *next = row + 2 * b->plane;
    int64_t l = (left & 1) * b->plane + (left >> 1) * LANES, r = (right & 1) * b->plane + (right >> 1) * LANES;
    return (neighbours){ { row + l, row + r, next + l, next + r },
                         { (1.0f - fx) * (1.0f - fy), fx * (1.0f - fy), (1.0f - fx) * fy, fx * fy } };
}

static float *grid_at(const worker *w, int64_t i, int64_t j) {
    return w->grid + ((i * 2 + (j & 1)) * GRID_PAIRS + (j >> 1)) * LANES;
}

static void sample(const worker *w, const box *b, const int64_t block[4]) {
    double dx = (double)w->theta[0], dy = (double)w->theta[3];
    int64_t i0 = 2 * w->p0 + 1, j0 = 2 * w->q0 + 1;
    for (int64_t i = block[0]; i <= block[1]; i++) {
        double x = place(w, 0, i, 0), y = place(w, 1, i, 0);
        for (int64_t j = block[2]; j <= block[3]; j++) {
            neighbours t = neighbours_at(w, b, x + dx * (double)j, y + dy * (double)j);
            float *g = grid_at(w, i - i0, j - j0);
            for (int k = 0; !w->transposed && k < LANES; k++)
                g[k] = t.weight[0] * t.p[0][k] + t.weight[1] * t.p[1][k] + t.weight[2] * t.p[2][k] +
                       t.weight[3] * t.p[3][k];
            for (int n = 0; w->transposed && n < 4; n++)
                for (int k = 0; k < LANES; k++)
                    t.p[n][k] += t.weight[n] * g[k];
        }
    }
}

// A block of the grid, points [block[0], block[1]] x [block[2], block[3]] of the whole image's grid.
static void visit(const worker *w, const int64_t block[4]) {
    box b;
    if (!box_of(w, block, &b)) {
        for (int64_t i = block[0]; !w->transposed && i <= block[1]; i++)
            for (int64_t j = block[2]; j <= block[3]; j++)
                clear(grid_at(w, i - 2 * w->p0 - 1, j - 2 * w->q0 - 1), LANES);
    } else if (!box_fits(w, &b)) { // never of a single point, whose box is 2 x 2
        int axis = block[1] - block[0] > block[3] - block[2] ? 0 : 2;
        int64_t middle = block[axis] + (block[axis + 1] - block[axis]) / 2, part[4];
        memcpy(part, block, sizeof part);
        part[axis + 1] = middle;
        visit(w, part);
        part[axis] = middle + 1, part[axis + 1] = block[axis + 1];
        visit(w, part);
    } else if (w->transposed) {
        clear(w->high, (b.y1 - b.y0 + 1) * 2 * b.plane);
        sample(w, &b, block);
        add_high(w, &b);
    } else {
        make_high(w, &b);
        sample(w, &b, block);
    }
}

// ---- the result: pixel p is made of points 2 p + 1 to 2 p + 12

static void visit_grid(const worker *w) {
    int64_t i0 = 2 * w->p0 + 1, j0 = 2 * w->q0 + 1, more = 2 * PHASE - 3;
    visit(w, (int64_t[4]){ i0, i0 + 2 * w->tall + more, j0, j0 + 2 * w->wide + more });
}

static void tile(const worker *w) {
    const float *rows[TAPS];
    size_t length = (size_t)(w->wide * LANES);
    visit_grid(w);
    for (int64_t i = 0; i < 2 * w->tall + 2 * (PHASE - 1); i++) {
        for (int t = 0; t < TAPS; t++)
            rows[t] = grid_at(w, i, t);
        w->k->combine(w->narrow + i * w->wide * LANES, rows, atl_geom_filter, TAPS, length, 0);
    }
    for (int64_t p = 0; p < w->tall; p++) {
        for (int t = 0; t < TAPS; t++)
            rows[t] = w->narrow + (2 * p + t) * w->wide * LANES;
        w->k->combine(w->row, rows, atl_geom_filter, TAPS, length, 0);
        float *to = w->to + ((w->p0 + p) * w->d->w + w->q0) * w->d->c;
        for (int64_t q = 0; q < w->wide; q++, to += w->d->c)
            for (int k = 0; k < w->lanes; k++)
                to[k] = w->row[q * LANES + k];
    }
}

// Point 2 m gives to pixels m - s with tap 2 s, point 2 m + 1 with tap 2 s + 1, counted within the tile.  narrow
// holds the tile's pixels with five zeros on both sides of a row.
static void tile_transposed(const worker *w) {
    int64_t side = PHASE - 1, stride = (w->wide + 2 * side) * LANES;
    const float *rows[PHASE];
    float taps[2][PHASE];
    for (int t = 0; t < TAPS; t++)
        taps[t & 1][t / 2] = atl_geom_filter[t];
    clear(w->narrow, w->tall * stride);
    for (int64_t p = 0; p < w->tall; p++)
        for (int64_t q = 0; q < w->wide; q++)
            load_pixel(w->from + ((w->p0 + p) * w->d->w + w->q0 + q) * w->d->c, w->lanes,
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
    visit_grid(w);
}

// ---- images

static void set_tile(worker *w, int64_t row, int64_t column) {
    w->p0 = row * TILE;
    w->q0 = column * TILE;
    w->tall = min64(TILE, w->d->h - w->p0);
    w->wide = min64(TILE, w->d->w - w->q0);
}

static void set_image(worker *w, const float *theta, const float *from, float *to, int64_t image, int64_t part) {
    int64_t at = image * w->d->h * w->d->w * w->d->c + part * LANES;
    w->theta = theta + 6 * image;
    w->from = from + at;
    w->to = to + at;
    w->lanes = (int)min64(LANES, w->d->c - part * LANES);
}

void atl_geom(const atl_fir_kernels *k, const atl_geom_dims *d, const float *theta, const float *x, float *y,
              int threads, void *workspace) {
    int64_t parts = (d->c + LANES - 1) / LANES, down = (d->h + TILE - 1) / TILE, across = (d->w + TILE - 1) / TILE;
    size_t share = sizes_of(d).all;
#pragma omp parallel num_threads(threads)
    {
        worker w = worker_of(k, d, (float *)workspace + share * (size_t)omp_get_thread_num());
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < d->n * parts * down * across; i++) {
            set_image(&w, theta, x, y, i / (parts * down * across), i / (down * across) % parts);
            set_tile(&w, i / across % down, i % across);
            tile(&w);
        }
    }
}

void atl_geom_t(const atl_fir_kernels *k, const atl_geom_dims *d, const float *theta, const float *y, float *x,
                int threads, void *workspace) {
    int64_t parts = (d->c + LANES - 1) / LANES, down = (d->h + TILE - 1) / TILE, across = (d->w + TILE - 1) / TILE;
    size_t share = sizes_of(d).all;
#pragma omp parallel num_threads(threads)
    {
        worker w = worker_of(k, d, (float *)workspace + share * (size_t)omp_get_thread_num());
        w.transposed = true;
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < d->n * parts; i++) {
            set_image(&w, theta, y, x, i / parts, i % parts);
            for (int64_t p = 0; p < d->h * d->w; p++)
                for (int lane = 0; lane < w.lanes; lane++)
                    w.to[p * d->c + lane] = 0.0f;
            for (int64_t t = 0; t < down * across; t++) {
                set_tile(&w, t / across, t % across);
                tile_transposed(&w);
            }
        }
    }
}
