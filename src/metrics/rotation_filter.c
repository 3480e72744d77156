// SPDX-License-Identifier: Apache-2.0
// Design of the filter of rotation: see rotation_filter.h.  Both its parts, the ideal filter and the window,
// are convolutions of a function of turned coordinates with the same function of straight ones.  The straight
// one is a product of a function of x and one of y, so a convolution is two products with a matrix.
#include "metrics/rotation_filter.h"

#include <math.h>

#include "base/mem.h"

static const double pi = 3.14159265358979323846;

enum {
    LANCZOS = ATL_ROTATION_RADIUS / 2,
    LONG = 64 // pixels after which sinc is cut: the ideal filter has no end
};

static double sinc(double x) {
    return fabs(x) < 1e-12 ? 1 : sin(pi * x) / (pi * x);
}

static double window(double x) {
    return fabs(x) < LANCZOS ? sinc(x / LANCZOS) : 0;
}

typedef double (*profile)(double x);

// out [side, side] = a convolution at the points -side / 2 to side / 2; the turned function is known at
// -reach to reach.  row: [2 reach + 1], half: [2 reach + 1, side], matrix: [side, 2 reach + 1]
static void convolve(profile f, double angle, double up, int64_t reach, int64_t side, double *row,
                     double *half, double *matrix, double *out) {
    double c = cos(angle), s = sin(angle);
    int64_t size = 2 * reach + 1;
    for (int64_t o = 0; o < side; o++)
        for (int64_t i = 0; i < size; i++)
            matrix[o * size + i] = f(((double)(o - side / 2) - (double)(i - reach)) / up);
    for (int64_t j = 0; j < size; j++) {
        double y = (double)(j - reach) / up;
        for (int64_t i = 0; i < size; i++) {
            double x = (double)(i - reach) / up;
            row[i] = f(c * x + s * y) * f(c * y - s * x);
        }
        for (int64_t o = 0; o < side; o++) {
            double sum = 0;
            for (int64_t i = 0; i < size; i++)
                sum += matrix[o * size + i] * row[i];
            half[j * side + o] = sum;
        }
    }
    for (int64_t p = 0; p < side; p++)
        for (int64_t q = 0; q < side; q++) {
            double sum = 0;
            for (int64_t j = 0; j < size; j++)
                sum += matrix[p * size + j] * half[j * side + q];
            out[p * side + q] = sum;
        }
}

// A constant picture stays what it is: at each point of the fine grid only the taps of its phase meet pixels.
static void normalise(atl_rotation_filter *f) {
    for (int64_t v = 0; v < f->up; v++)
        for (int64_t u = 0; u < f->up; u++) {
            double sum = 0;
            for (int64_t p = v; p < f->side; p += f->up)
                for (int64_t q = u; q < f->side; q += f->up)
                    sum += f->tap[p * f->side + q];
            for (int64_t p = v; p < f->side; p += f->up)
                for (int64_t q = u; q < f->side; q += f->up)
                    f->tap[p * f->side + q] /= sum;
        }
}

atl_status atl_rotation_filter_make(atl_ctx *ctx, double angle, int up, atl_rotation_filter **filter) {
    int64_t side = 2 * ATL_ROTATION_RADIUS * up - 1, reach = LONG * up - 1, size = 2 * reach + 1;
    atl_rotation_filter *f = atl_alloc(ctx, sizeof *f + (size_t)(side * side) * sizeof(double), 1);
    double *scratch = atl_alloc(ctx, (size_t)(size * (2 * side + 1) + side * side), sizeof *scratch);
    *filter = f;
    if (!f || !scratch) {
        atl_free(ctx, f);
        atl_free(ctx, scratch);
        *filter = NULL;
        return ATL_NO_MEMORY;
    }
    f->up = up, f->side = side;
    double *row = scratch, *half = row + size, *matrix = half + size * side, *shape = matrix + size * side;
    convolve(sinc, angle, up, reach, side, row, half, matrix, f->tap);
    // a turned window of radius 3 has corners at 3 sqrt(2)
    convolve(window, angle, up, (int64_t)ceil(LANCZOS * sqrt(2.0) * up), side, row, half, matrix, shape);
    for (int64_t i = 0; i < side * side; i++)
        f->tap[i] *= shape[i];
    normalise(f);
    atl_free(ctx, scratch);
    return ATL_OK;
}
