// SPDX-License-Identifier: Apache-2.0
// Shared by geom.c and geom_high.c: what one thread works on.
#ifndef ATL_CPU_GEOM_INSIDE_H
#define ATL_CPU_GEOM_INSIDE_H

#include <stdbool.h>
#include <string.h>

#include "cpu/geom.h"

enum {
    LANES = 4, TAPS = ATL_GEOM_TAPS, PHASE = TAPS / 2,
    APRON = 6, // zero pixels on both sides of a plane of high, which the transpose reads
};

typedef struct atl_cpu_geom_worker {
    const atl_cpu_fir_kernels *k;
    const atl_cpu_geom_dims *d;
    const float *theta;             // of this image
    const float *from;              // this image, at the first of its channels
    float *to;
    int lanes;                      // channels, at most four
    int64_t p0, q0, tall, wide;     // the tile
    float *grid;                    // [2 tall + 10][2][GRID_PAIRS][LANES]
    float *narrow;                  // [2 tall + 10][wide, and ten in the transpose][LANES]
    float *high, *low, *row;
    size_t high_size, low_size;     // floats
    float even[PHASE], odd[PHASE];  // taps of the upsampling filter that meet an even or odd column of high
} atl_cpu_geom_worker;

// Of the oversampled image: columns x0 to x1 and rows y0 to y1, both included.  Columns 2 i and 2 i + 1 belong to
// pixel i, whose centre is between them.
typedef struct atl_cpu_geom_box {
    int64_t x0, x1, y0, y1;
    int64_t pair0, pairs;           // columns 2 pair0 to 2 (pair0 + pairs) - 1 contain x0 to x1
    int64_t low0, low_rows;         // rows of x that these are made of
    int64_t low_left, low_width;    // columns of x
    int64_t plane;                  // floats from the even columns of a row to its odd ones
} atl_cpu_geom_box;

// A block of the grid: rows block[0] to block[1], columns block[2] to block[3] of the whole image's grid.  Its box;
// false: none of its points has anything to give.
bool atl_cpu_geom_box_of(const atl_cpu_geom_worker *w, const int64_t block[4], atl_cpu_geom_box *b);
bool atl_cpu_geom_box_fits(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b);

// Column (axis 0) or row (1) of high where the grid's point in row i, column j lies.
double atl_cpu_geom_place(const atl_cpu_geom_worker *w, int axis, int64_t i, int64_t j);

// Fills the box from the image; adds the box to the image.
void atl_cpu_geom_make_high(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b);
void atl_cpu_geom_add_high(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b);

static inline float *atl_cpu_geom_high_row(const atl_cpu_geom_worker *w, const atl_cpu_geom_box *b,
                                           int64_t row) {
    return w->high + row * 2 * b->plane + APRON * LANES; // its even columns
}

static inline void atl_cpu_geom_clear(float *p, int64_t count) {
    memset(p, 0, (size_t)count * sizeof *p);
}

static inline void atl_cpu_geom_load_pixel(const float *from, int lanes, float *to) {
    for (int k = 0; k < LANES; k++)
        to[k] = k < lanes ? from[k] : 0.0f;
}

#endif
