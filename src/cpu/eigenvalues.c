// SPDX-License-Identifier: Apache-2.0
// Eigenvalues of a symmetric matrix: Householder's reduction to three diagonals, then implicit QL (Wilkinson
// and Reinsch 1971, II/2 and II/4).  Without eigenvectors the reduction is all the work; with them see
// eigenvectors.c.
//
// A step of the reduction reflects with u so that row i keeps two elements: of A, the rows before i, it makes
// A - u qT - q uT, for which A u is needed.  Both are one sweep over A: what the step before subtracts, and
// the product with the next u.  So A is read and written once for each of its rows, and memory sets the
// speed.
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"
#include "cpu/kernels.h"
#include "cpu/matrix.h"

// Rows are swept in parts, each with a product of its own, which are added in order.  Their number depends on
// the size alone.
enum { PARTS = 16, SMALL = 256 };

typedef struct reduction {
    atl_cpu_dense_kernels k;
    double *a;
    int64_t n;    // columns in memory
    int64_t size; // of what is left
    int parts;
    double *u, *q; // of the step before, [n]; zero at first
    double *next;  // u of this step
    double *y;     // [PARTS, n]: products of the parts with it
} reduction;

// Rows from part * part to (part + 1) * (part + 1) of parts * parts hold as many numbers in each part: a
// triangle.
static int64_t part_start(const reduction *r, int64_t part) {
    int64_t row = (int64_t)((double)r->size * sqrt((double)part / r->parts));
    return part == r->parts ? r->size : row / ATL_DENSE_SWEEP * ATL_DENSE_SWEEP;
}

// The element (i, j), j <= i, outside of what the kernel sweeps.
static void element(const reduction *r, int64_t i, int64_t j, double *y) {
    double *a = &r->a[i * r->n + j];
    *a -= r->u[i] * r->q[j] + r->q[i] * r->u[j];
    y[i] += *a * r->next[j];
    if (j < i)
        y[j] += *a * r->next[i];
}

static void sweep_parts(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const reduction *r = job;
    for (int64_t part = first; part < end; part++) {
        double *y = r->y + part * r->n;
        int64_t last = part_start(r, part + 1);
        memset(y, 0, (size_t)r->size * sizeof *y);
        int64_t i = part_start(r, part);
        for (; i + ATL_DENSE_SWEEP <= last; i += ATL_DENSE_SWEEP) {
            double sums[ATL_DENSE_SWEEP];
            r->k.sweep(r->a + i * r->n, (size_t)r->n, (size_t)i, r->u + i, r->q + i, r->u, r->q, r->next + i,
                       r->next, y, sums);
            for (int64_t p = 0; p < ATL_DENSE_SWEEP; p++) {
                y[i + p] += sums[p];
                for (int64_t j = i; j <= i + p; j++)
                    element(r, i + p, j, y);
            }
        }
        for (; i < last; i++)
            for (int64_t j = 0; j <= i; j++)
                element(r, i, j, y);
    }
}

static double dot(const double *x, const double *y, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

// Row i with what the step before subtracts, its diagonal element taken away, in r->next; returns that
// element.
static double take_row(reduction *r, int64_t i) {
    const double *row = r->a + i * r->n;
    for (int64_t j = 0; j < i; j++)
        r->next[j] = row[j] - (r->u[i] * r->q[j] + r->q[i] * r->u[j]);
    return row[i] - 2 * r->u[i] * r->q[i];
}

// Makes of the row the vector of its reflection, which leaves the element that is returned at its end. *half:
// half the square of its length; 0: nothing to reflect.
static double reflect(double *row, int64_t n, double *half) {
    double largest = 0;
    *half = 0;
    for (int64_t j = 0; j < n; j++)
        largest = fmax(largest, fabs(row[j]));
    double beside = largest * largest > DBL_MIN ? dot(row, row, n - 1) : 0;
    if (!(beside > 0)) {
        double only = n ? row[n - 1] : 0;
        memset(row, 0, (size_t)n * sizeof *row);
        return only;
    }
    double x = row[n - 1], length = -copysign(sqrt(beside + x * x), x);
    row[n - 1] = x - length;
    *half = beside / 2 + row[n - 1] * row[n - 1] / 2;
    return length;
}

// q of this step: p - k u, with p = A u / half.
static void finish_step(reduction *r, double half) {
    double *p = r->y; // the first part's
    for (int part = 1; part < r->parts; part++)
        for (int64_t j = 0; j < r->size; j++)
            p[j] += r->y[part * r->n + j];
    double k = half > 0 ? dot(r->next, p, r->size) / half / (2 * half) : 0;
    for (int64_t j = 0; j < r->size; j++)
        r->q[j] = half > 0 ? p[j] / half - k * r->next[j] : 0;
    double *swap = r->u;
    r->u = r->next;
    r->next = swap;
}

// diagonal [n], beside [n]: beside[i] stands between i - 1 and i
static void reduce(reduction *r, atl_team *team, double *diagonal, double *beside) {
    for (int64_t i = r->n - 1; i > 0; i--) {
        double half;
        diagonal[i] = take_row(r, i);
        beside[i] = reflect(r->next, i, &half);
        r->size = i;
        r->parts = i < SMALL ? 1 : PARTS;
        atl_team_run(team, r->parts, 1, sweep_parts, r);
        finish_step(r, half);
    }
    diagonal[0] = r->a[0] - 2 * r->u[0] * r->q[0];
}

// Turns rows i and i + 1 of n numbers by the angle of sine s and cosine c.
static void rotate(double *rows, int64_t n, int64_t i, double s, double c) {
    double *x = rows + i * n, *y = x + n;
    for (int64_t k = 0; k < n; k++) {
        double f = y[k];
        y[k] = s * x[k] + c * f;
        x[k] = c * x[k] - s * f;
    }
}

// One implicit QL step with Wilkinson's shift on rows first to last: e[i] stands between i and i + 1 here.
static void ql_step(double *d, double *e, int64_t n, int64_t first, int64_t last, double *rows) {
    double g = (d[first + 1] - d[first]) / (2 * e[first]), r = hypot(g, 1), s = 1, c = 1, p = 0;
    g = d[last] - d[first] + e[first] / (g + copysign(r, g));
    for (int64_t i = last - 1; i >= first; i--) {
        double f = s * e[i], b = c * e[i];
        e[i + 1] = r = hypot(f, g);
        if (r == 0) { // the matrix comes apart here
            d[i + 1] -= p;
            e[last] = 0;
            return;
        }
        s = f / r, c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        if (rows)
            rotate(rows, n, i, s, c);
    }
    d[first] -= p;
    e[first] = g;
    e[last] = 0;
}

bool atl_matrix_ql(double *d, double *e, int64_t n, double *rows) {
    enum { MOST = 100 };
    for (int64_t first = 0; first < n; first++)
        for (int step = 0;; step++) {
            int64_t last = first;
            while (last < n - 1 &&
                   fabs(e[last]) > DBL_EPSILON * (fabs(d[last]) + fabs(d[last + 1])) + DBL_MIN)
                last++;
            if (last == first)
                break;
            if (step == MOST)
                return false;
            ql_step(d, e, n, first, last, rows);
        }
    return true;
}

static double largest_of(const double *a, int64_t n) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++)
            largest = fmax(largest, fabs(a[i * n + j]));
    return largest;
}

static atl_status find(atl_ctx *ctx, double *a, int64_t n, double *scratch, double *values) {
    atl_cpu_kernels kernels;
    atl_cpu_kernels_init(&kernels, ctx->cpu);
    double *beside = scratch + (3 + PARTS) * n, scale = largest_of(a, n);
    reduction r = { .k = kernels.dense,
                    .a = a,
                    .n = n,
                    .u = scratch,
                    .q = scratch + n,
                    .next = scratch + 2 * n,
                    .y = scratch + 3 * n };
    atl_team *team;
    ATL_TRY(atl_team_open(ctx, ctx->threads, &team));
    for (int64_t i = 0; i < n * n && scale > 0; i++) // so that no square of a number is out of range
        a[i] /= scale;
    reduce(&r, team, values, beside);
    atl_team_close(&team);
    memmove(beside, beside + 1, (size_t)(n - 1) * sizeof *beside);
    beside[n - 1] = 0;
    if (!atl_matrix_ql(values, beside, n, NULL))
        return atl_fail(ctx, ATL_INTERNAL, "the eigenvalues of a matrix of %lld rows do not converge",
                        (long long)n);
    for (int64_t i = 0; i < n; i++)
        values[i] *= scale;
    return ATL_OK;
}

atl_status atl_matrix_eigenvalues(atl_ctx *ctx, double *a, int64_t n, double *values) {
    if (n == 0)
        return ATL_OK;
    double *scratch = atl_calloc(ctx, (size_t)n, (4 + PARTS) * sizeof *scratch);
    atl_status status = scratch ? find(ctx, a, n, scratch, values) : ATL_NO_MEMORY;
    atl_free(ctx, scratch);
    return status;
}
