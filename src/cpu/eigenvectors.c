// SPDX-License-Identifier: Apache-2.0
// Eigenvectors of a symmetric matrix of some hundred rows: Householder's reduction A = Q T QT with its
// reflections kept, then implicit QL on T, whose rotations turn the rows of QT into eigenvectors (Wilkinson
// and Reinsch 1971, II/2 and II/3).
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "cpu/matrix.h"

static double dot(const double *x, const double *y, int64_t n) {
    double sum[4] = { 0 }; // four chains of additions in the place of one
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int64_t k = 0; k < 4; k++)
            sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++)
        sum[0] += x[i] * y[i];
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

// Makes of the row the vector u of the reflection that leaves of it only a last element, which is returned.
// *half: half the square of u's length; 0: there is nothing to reflect.
static double reflect(double *u, int64_t n, double *half) {
    double beside = dot(u, u, n - 1), x = u[n - 1];
    *half = 0;
    if (!(beside > DBL_MIN)) {
        memset(u, 0, (size_t)n * sizeof *u);
        return x;
    }
    double length = -copysign(sqrt(beside + x * x), x);
    u[n - 1] = x - length;
    *half = beside / 2 + u[n - 1] * u[n - 1] / 2;
    return length;
}

// Rows i - 1 ... 0 of `a` become H A H, H = 1 - u uT / half; q [i] is room.
static void reflect_both(double *a, int64_t n, int64_t i, const double *u, double half, double *q) {
    for (int64_t j = 0; j < i; j++)
        q[j] = dot(a + j * n, u, i) / half;
    double k = dot(u, q, i) / (2 * half);
    for (int64_t j = 0; j < i; j++)
        q[j] -= k * u[j];
    for (int64_t j = 0; j < i; j++)
        for (int64_t l = 0; l < i; l++)
            a[j * n + l] -= u[j] * q[l] + q[j] * u[l];
}

// a [n, n], both halves, to d [n] and e [n], which stands between i and i + 1.  Row i of a then has the
// vector of the i-th reflection, halves[i] its size.
static void reduce(double *a, int64_t n, double *d, double *e, double *halves, double *q) {
    for (int64_t i = n - 1; i > 0; i--) {
        double *row = a + i * n;
        d[i] = row[i];
        e[i - 1] = reflect(row, i, &halves[i]);
        if (halves[i] > 0)
            reflect_both(a, n, i, row, halves[i], q);
    }
    d[0] = a[0];
    e[n - 1] = 0;
}

// rows = QT, the product of the reflections from the first to the last.
static void gather(const double *a, int64_t n, const double *halves, double *rows) {
    memset(rows, 0, (size_t)(n * n) * sizeof *rows);
    for (int64_t i = 0; i < n; i++)
        rows[i * n + i] = 1;
    for (int64_t i = 1; i < n; i++)
        for (int64_t j = 0; j < i && halves[i] > 0; j++) { // further rows are still those of 1
            const double *u = a + i * n;
            double *row = rows + j * n, factor = dot(row, u, i) / halves[i];
            for (int64_t l = 0; l < i; l++)
                row[l] -= factor * u[l];
        }
}

static void swap_rows(double *rows, int64_t n, int64_t i, int64_t j) {
    for (int64_t k = 0; k < n; k++) {
        double x = rows[i * n + k];
        rows[i * n + k] = rows[j * n + k];
        rows[j * n + k] = x;
    }
}

// From the largest down, each with the sign that makes its largest number positive.
static void put_in_order(double *values, double *rows, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t best = i;
        for (int64_t j = i + 1; j < n; j++)
            if (values[j] > values[best])
                best = j;
        if (best != i) {
            double x = values[i];
            values[i] = values[best];
            values[best] = x;
            swap_rows(rows, n, i, best);
        }
        double *row = rows + i * n, largest = 0;
        for (int64_t k = 0; k < n; k++)
            if (fabs(row[k]) > fabs(largest))
                largest = row[k];
        for (int64_t k = 0; k < n && largest < 0; k++)
            row[k] = -row[k];
    }
}

static double scale_of(const double *a, int64_t n) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            largest = isfinite(a[i * n + j]) ? fmax(largest, fabs(a[i * n + j])) : INFINITY;
    return largest;
}

atl_status atl_matrix_eigenvectors(atl_ctx *ctx, double *a, int64_t n, double *values, double *vectors) {
    if (n == 0)
        return ATL_OK;
    double scale = scale_of(a, n), *room = atl_alloc(ctx, (size_t)n, 3 * sizeof *room);
    if (!room)
        return ATL_NO_MEMORY;
    double *e = room, *halves = room + n, *q = room + 2 * n;
    memset(halves, 0, (size_t)n * sizeof *halves);
    atl_matrix_mirror(a, n);
    for (int64_t i = 0; i < n * n && scale > 0; i++) // so that no square of a number is out of range
        a[i] /= scale;
    reduce(a, n, values, e, halves, q);
    gather(a, n, halves, vectors);
    bool good = isfinite(scale) && atl_matrix_ql(values, e, n, vectors);
    atl_free(ctx, room);
    if (!good)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "the eigenvectors of a matrix of %lld rows can't be found: it has numbers that are none",
            (long long)n);
    for (int64_t i = 0; i < n; i++)
        values[i] *= scale;
    put_in_order(values, vectors, n);
    return ATL_OK;
}
