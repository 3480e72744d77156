// SPDX-License-Identifier: Apache-2.0
// Matrices in double: products, the factor of a covariance, eigenvalues of a symmetric matrix.  All sums have
// an order that the sizes decide, so that threads don't show in the results.
#ifndef ATL_CPU_MATRIX_H
#define ATL_CPU_MATRIX_H

#include <stdbool.h>
#include <stdint.h>
#include "base/ctx.h"

// A matrix, or its transpose, as numbers in memory: element (i, l) is at i * row + l * column.
typedef struct atl_matrix {
    const void *data;
    bool single; // of float, not double
    int64_t row, column;
} atl_matrix;

static inline atl_matrix atl_matrix_of(const double *data, int64_t columns) {
    return (atl_matrix){ data, false, columns, 1 };
}

static inline atl_matrix atl_matrix_of_floats(const float *data, int64_t columns) {
    return (atl_matrix){ data, true, columns, 1 };
}

static inline atl_matrix atl_matrix_transposed(atl_matrix x) {
    return (atl_matrix){ x.data, x.single, x.column, x.row };
}

// c[m, n] += sign * a[m, k] b[k, n], c dense.  lower: elements above the diagonal need not be right
// afterwards, of a product that is symmetric.
atl_status atl_matrix_add_product(atl_ctx *ctx, double *c, int64_t m, int64_t n, int64_t k, atl_matrix a,
                                  atl_matrix b, double sign, bool lower);

// Of a [n, n], whose lower half is right, makes the upper half.
void atl_matrix_mirror(double *a, int64_t n);

// s [n, n], symmetric without negative eigenvalues, is f fT to rounding, f [n, rank]: Cholesky's factor with
// its rows in the order of s and its columns by decreasing pivots, up to one that is rounding.  s is used up.
// f: [n, n].
atl_status atl_matrix_factor(atl_ctx *ctx, double *s, int64_t n, double *f, int64_t *rank);

// Eigenvalues of a symmetric matrix, of which the lower half is read, in no order.  a is used up.
atl_status atl_matrix_eigenvalues(atl_ctx *ctx, double *a, int64_t n, double *values);

// The same from the largest to the smallest, with eigenvectors of length 1: the rows of vectors [n, n].  The
// largest number of each is positive.  a is used up.
atl_status atl_matrix_eigenvectors(atl_ctx *ctx, double *a, int64_t n, double *values, double *vectors);

// Eigenvalues of three diagonals whose numbers are at most 1: d [n], and e [n], where e[i] stands between i
// and i + 1.  What turns them turns `rows` [n, n], too, unless NULL.  False when it does not converge, which
// only numbers that are none make.
bool atl_matrix_ql(double *d, double *e, int64_t n, double *rows);

#endif
