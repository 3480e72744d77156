// SPDX-License-Identifier: Apache-2.0
// The oversampled image, or the box of it that a block of the grid needs: see geom.c.
#include <math.h>

#include "cpu/geom_inside.h"

static int64_t half(int64_t a) { // rounded down
    return (a - (a & 1)) / 2;
}

// ---- places

// Column of high that the grid's point (i, j) of the whole image lies at, row with axis 1.  Point 2 p + 6 and the one
// after it are those of pixel p.  Filters of even length put their centre half a point away from where the grid has
// it; as official, the map is about that centre.
double atl_cpu_geom_place(const atl_cpu_geom_worker *w, int axis, int64_t i, int64_t j) {
    const float *t = w->theta + 3 * axis;
    double u = (double)(j + 1 - w->d->w - 6), v = (double)(i + 1 - w->d->h - 6);
    return (double)t[0] * u + (double)t[1] * v + 2.0 * (double)t[2] + (double)((axis ? w->d->h : w->d->w) - 1);
}

// Columns (or rows) of high within the blocks's reach; false: none has anything to give.  The mirrored image ends
// at -2 (size - 1) and 4 size - 3; one more on each side is zero.
static bool reach(const atl_cpu_geom_worker *w, int axis, const int64_t block[4], int64_t *first,
                  int64_t *last) {
    int64_t size = axis ? w->d->h : w->d->w, low = -2 * size + 1, high = 4 * size - 2;
    double least = INFINITY, most = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        double at = atl_cpu_geom_place(w, axis, block[corner & 1], block[2 + (corner >> 1)]);
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

bool atl_cpu_geom_box_of(const atl_cpu_geom_worker *w, const int64_t block[4], atl_cpu_geom_box *b) {
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

bool atl_cpu_geom_box_fits(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b) {
    return (size_t)((b->y1 - b->y0 + 1) * 2 * b->plane) <= w->high_size &&
           (size_t)(b->low_rows * b->low_width * LANES) <= w->low_size;
}

// Pixel of x that pixel i of the mirrored image shows, -1: none.
static int64_t reflect(int64_t i, int64_t size) {
    int64_t at = i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    return at >= 0 && at < size ? at : -1;
}

static float *high_row(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b, int64_t y) {
    return atl_cpu_geom_high_row(w, b, y - b->y0);
}

// What lies beyond the mirrored image is zero: the first and last row and column, where the box has them.
static void clear_edges(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b) {
    int64_t top = -2 * w->d->h + 1, bottom = 4 * w->d->h - 2, left = -2 * w->d->w + 1, right = 4 * w->d->w - 2;
    if (b->y0 == top)
        atl_cpu_geom_clear(high_row(w, b, top) - APRON * LANES, 2 * b->plane);
    if (b->y1 == bottom)
        atl_cpu_geom_clear(high_row(w, b, bottom) - APRON * LANES, 2 * b->plane);
    for (int64_t y = b->y0; y <= b->y1; y++) {
        float *row = high_row(w, b, y);
        if (b->x0 == left)
            atl_cpu_geom_clear(row + b->plane + (half(left) - b->pair0) * LANES, LANES); // odd
        if (b->x1 == right)
            atl_cpu_geom_clear(row + (half(right) - b->pair0) * LANES, LANES); // even
    }
}

static void gather_low(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b) {
    const atl_cpu_geom_dims *d = w->d;
    for (int64_t y = 0; y < b->low_rows; y++) {
        float *to = w->low + y * b->low_width * LANES;
        int64_t row = reflect(b->low0 + y, d->h);
        if (row < 0) {
            atl_cpu_geom_clear(to, b->low_width * LANES);
            continue;
        }
        for (int64_t x = 0; x < b->low_width; x++, to += LANES) {
            int64_t column = reflect(b->low_left + x, d->w);
            if (column < 0)
                atl_cpu_geom_clear(to, LANES);
            else
                atl_cpu_geom_load_pixel(w->from + (row * d->w + column) * d->c, w->lanes, to);
        }
    }
}

// One row of low to the image.
static void add_low(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b, int64_t y, const float *low) {
    const atl_cpu_geom_dims *d = w->d;
    int64_t row = reflect(y, d->h);
    for (int64_t x = 0; row >= 0 && x < b->low_width; x++, low += LANES) {
        int64_t column = reflect(b->low_left + x, d->w);
        float *to = w->to + (row * d->w + column) * d->c;
        for (int k = 0; column >= 0 && k < w->lanes; k++)
            to[k] += low[k];
    }
}

// ---- oversampling: column 2 m of high is made of pixels m - 3 to m + 2, column 2 m + 1 of m - 2 to m + 3

void atl_cpu_geom_make_high(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b) {
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
void atl_cpu_geom_add_high(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b) {
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
