// SPDX-License-Identifier: Apache-2.0
// Principal directions of samples: all at once from sums of products, or block by block with a fixed number
// of them kept in between (Ross et al. 2008), which is what GANSpace computes.
//
// A block's new directions are those of a stack of rows: what was kept, times its singular values; the
// block's samples without their mean; and one row for how far the mean moves.  Its singular values squared
// are the eigenvalues of the columns' products, and of the rows' products: of the first where samples are
// narrow, of the second where they are wider than any block has rows (a layer of a network).
#include <math.h>
#include <string.h>

#include "cpu/matrix.h"
#include "edit/fit.h"

// Rows [n, total] less `minus`, which their products are added of to second.
static atl_status add_products(atl_fit *f, int64_t n, const float *x, const double *minus) {
    enum { ROWS = 512 };
    double *rows = atl_alloc(f->ctx, ROWS, (size_t)f->total * sizeof *rows);
    atl_status status = rows ? ATL_OK : ATL_NO_MEMORY;
    for (int64_t first = 0; first < n && status == ATL_OK; first += ROWS) {
        int64_t some = n - first < ROWS ? n - first : ROWS;
        for (int64_t i = 0; i < some; i++)
            for (int64_t k = 0; k < f->total; k++)
                rows[i * f->total + k] = (double)x[(first + i) * f->total + k] - minus[k];
        atl_matrix m = atl_matrix_of(rows, f->total);
        status = atl_matrix_add_product(f->ctx, f->second, f->total, f->total, some, atl_matrix_transposed(m),
                                        m, 1, true);
    }
    atl_free(f->ctx, rows);
    return status;
}

// Eigenvalues [total] and eigenvectors [total, total], in one block of memory to be freed, of a symmetric
// matrix which is left as it was.
static atl_status solve(atl_fit *f, const double *a, double **values, double **vectors) {
    size_t total = (size_t)f->total;
    double *copy = atl_alloc(f->ctx, total, total * sizeof *copy);
    *values = atl_alloc(f->ctx, total + 1, total * sizeof **values);
    *vectors = *values + f->total;
    atl_status status = copy && *values ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK) {
        memcpy(copy, a, total * total * sizeof *copy);
        status = atl_matrix_eigenvectors(f->ctx, copy, f->total, *values, *vectors);
    }
    atl_free(f->ctx, copy);
    if (status != ATL_OK) {
        atl_free(f->ctx, *values);
        *values = NULL;
    }
    return status;
}

// The set of the first directions, of these variances, as far as they are above rounding.
static atl_status finish(atl_fit *f, const double *variances, const double *vectors, const double *mean,
                         int64_t count, double all, atl_directions **set) {
    float *numbers;
    int64_t rank = 0;
    while (rank < count && variances[rank] > 1e-12 * variances[0])
        rank++;
    if (!rank)
        return atl_fail(f->ctx, ATL_BAD_ARGUMENT,
                        "%lld samples that are all alike have no principal directions", (long long)f->n);
    ATL_TRY(atl_directions_new(f->ctx, (size_t)rank, f->o.space, f->o.rows, f->o.width, "ganspace", set,
                               &numbers));
    float *centre = f->o.rows == 1 ? atl_arena_alloc(&(*set)->arena, (size_t)f->total, sizeof *centre) : NULL;
    if (f->o.rows == 1 && !centre)
        return ATL_NO_MEMORY;
    for (int64_t k = 0; centre && k < f->total; k++)
        centre[k] = (float)mean[k];
    for (int64_t i = 0; i < rank; i++) {
        atl_direction *d = &(*set)->list[i];
        d->scale = (float)sqrt(variances[i]);
        d->value = variances[i] / all;
        d->mean = centre;
        for (int64_t k = 0; k < f->total; k++)
            numbers[i * f->total + k] = (float)vectors[i * f->total + k];
    }
    return ATL_OK;
}

// ---- all at once: sums of what differs from the first sample

atl_status atl_pca_add(atl_fit *f, int64_t n, const float *x) {
    for (int64_t k = 0; f->n == 0 && k < f->total; k++)
        f->shift[k] = (double)x[k];
    ATL_TRY(add_products(f, n, x, f->shift));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < f->total; k++)
            f->mean[k] += (double)x[i * f->total + k] - f->shift[k];
    return ATL_OK;
}

// Moments to the covariance (of all samples, so divided by their number) in `c`, the mean in `mean`.
static double covariance(const atl_fit *f, double *c, double *mean) {
    double n = (double)f->n, all = 0;
    for (int64_t i = 0; i < f->total; i++)
        for (int64_t k = 0; k <= i; k++)
            c[i * f->total + k] = f->second[i * f->total + k] / n - f->mean[i] / n * (f->mean[k] / n);
    for (int64_t k = 0; k < f->total; k++) {
        mean[k] = f->shift[k] + f->mean[k] / n;
        all += c[k * f->total + k];
    }
    return all;
}

static atl_status too_few(const atl_fit *f) {
    return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "%lld samples are too few for principal directions",
                    (long long)f->n);
}

atl_status atl_pca_read(atl_fit *f, atl_directions **set) {
    size_t total = (size_t)f->total;
    double *values, *vectors, *c = atl_alloc(f->ctx, total + 1, total * sizeof *c), *mean = c + total * total;
    if (!c)
        return ATL_NO_MEMORY;
    if (f->n < 2) {
        atl_free(f->ctx, c);
        return too_few(f);
    }
    double all = covariance(f, c, mean);
    atl_status status = solve(f, c, &values, &vectors);
    if (status == ATL_OK) {
        status = finish(f, values, vectors, mean, f->o.count, all, set);
        atl_free(f->ctx, values);
    }
    atl_free(f->ctx, c);
    return status;
}

// ---- block by block

// Moves mean and spread on by a block (Chan et al. 1979); leaves the block's mean in f->shift and the row
// that stands for the move in `row`.
static void move_on(atl_fit *f, int64_t n, const float *x, double *row) {
    double before = (double)f->n, now = (double)n, share = before * now / (before + now);
    for (int64_t k = 0; k < f->total; k++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i * f->total + k];
        double mean = sum / now, apart = mean - f->mean[k];
        for (int64_t i = 0; i < n; i++)
            squares += ((double)x[i * f->total + k] - mean) * ((double)x[i * f->total + k] - mean);
        row[k] = sqrt(share) * apart;
        f->spread[k] += squares + share * apart * apart;
        f->shift[k] = mean;
        f->mean[k] += apart * now / (before + now);
    }
}

// The largest of the stack's directions become those that are kept.
static atl_status keep_largest(atl_fit *f) {
    double *values, *vectors;
    ATL_TRY(solve(f, f->second, &values, &vectors));
    for (f->rank = 0; f->rank < f->o.count && values[f->rank] > 0; f->rank++)
        for (int64_t k = 0; k < f->total; k++)
            f->kept[f->rank * f->total + k] = sqrt(values[f->rank]) * vectors[f->rank * f->total + k];
    atl_free(f->ctx, values);
    return ATL_OK;
}

// By products of columns.
static atl_status add_narrow(atl_fit *f, int64_t n, const float *x, const double *row) {
    size_t total = (size_t)f->total;
    memset(f->second, 0, total * total * sizeof *f->second);
    atl_matrix kept = atl_matrix_of(f->kept, f->total), moved = atl_matrix_of(row, f->total);
    atl_status status = add_products(f, n, x, f->shift);
    if (status == ATL_OK && f->rank)
        status = atl_matrix_add_product(f->ctx, f->second, f->total, f->total, f->rank,
                                        atl_matrix_transposed(kept), kept, 1, true);
    if (status == ATL_OK && f->n)
        status = atl_matrix_add_product(f->ctx, f->second, f->total, f->total, 1,
                                        atl_matrix_transposed(moved), moved, 1, true);
    return status == ATL_OK ? keep_largest(f) : status;
}

// The stack of rows itself [rank + n + 1, total].
static void stack_rows(const atl_fit *f, int64_t n, const float *x, const double *row, double *stack) {
    size_t total = (size_t)f->total;
    memcpy(stack, f->kept, (size_t)f->rank * total * sizeof *stack);
    stack += (size_t)f->rank * total;
    for (int64_t i = 0; i < n; i++, stack += total)
        for (int64_t k = 0; k < f->total; k++)
            stack[k] = (double)x[i * f->total + k] - f->shift[k];
    memcpy(stack, row, total * sizeof *stack);
}

// The largest number of a direction is positive, as eigenvectors of columns have it.
static void turn_up(double *x, int64_t n) {
    double largest = 0;
    for (int64_t k = 0; k < n; k++)
        if (fabs(x[k]) > fabs(largest))
            largest = x[k];
    for (int64_t k = 0; k < n && largest < 0; k++)
        x[k] = -x[k];
}

// Eigenvectors u of the rows' products make directions times their singular values: u stack.
static atl_status keep_combined(atl_fit *f, int64_t rows, const double *stack, const double *values,
                                const double *vectors) {
    atl_status status = ATL_OK;
    int64_t rank = 0;
    while (rank < f->o.count && rank < rows && values[rank] > 0)
        rank++;
    memset(f->kept, 0, (size_t)f->o.count * (size_t)f->total * sizeof *f->kept);
    status = atl_matrix_add_product(f->ctx, f->kept, rank, f->total, rows, atl_matrix_of(vectors, rows),
                                    atl_matrix_of(stack, f->total), 1, false);
    for (int64_t i = 0; i < rank; i++)
        turn_up(f->kept + i * f->total, f->total);
    f->rank = rank;
    return status;
}

// By products of rows.
static atl_status add_wide(atl_fit *f, int64_t n, const float *x, const double *row) {
    int64_t rows = f->rank + n + 1;
    size_t size = (size_t)rows;
    double *stack = atl_alloc(f->ctx, size, (size_t)f->total * sizeof *stack);
    double *products = atl_calloc(f->ctx, size, (2 * size + 1) * sizeof *products);
    atl_status status = stack && products ? ATL_OK : ATL_NO_MEMORY;
    double *vectors = products + size * size, *values = vectors + size * size;
    if (status == ATL_OK) {
        stack_rows(f, n, x, row, stack);
        atl_matrix m = atl_matrix_of(stack, f->total);
        status = atl_matrix_add_product(f->ctx, products, rows, rows, f->total, m, atl_matrix_transposed(m),
                                        1, true);
    }
    if (status == ATL_OK)
        status = atl_matrix_eigenvectors(f->ctx, products, rows, values, vectors);
    if (status == ATL_OK)
        status = keep_combined(f, rows, stack, values, vectors);
    atl_free(f->ctx, stack);
    atl_free(f->ctx, products);
    return status;
}

atl_status atl_ipca_add(atl_fit *f, int64_t n, const float *x) {
    if (f->n == 0 && n < f->o.count)
        return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "the first block has %lld samples for %d directions",
                        (long long)n, f->o.count);
    double *row = atl_alloc(f->ctx, (size_t)f->total, sizeof *row);
    if (!row)
        return ATL_NO_MEMORY;
    move_on(f, n, x, row);
    bool wide = !f->second || 2 * (f->rank + n + 1) < f->total;
    atl_status status = wide ? add_wide(f, n, x, row) : add_narrow(f, n, x, row);
    atl_free(f->ctx, row);
    return status;
}

atl_status atl_ipca_read(atl_fit *f, atl_directions **set) {
    size_t rank = (size_t)f->rank;
    double *variances, *vectors, all = 0;
    if (f->n < 2)
        return too_few(f);
    variances = atl_alloc(f->ctx, rank + 1, ((size_t)f->total + 1) * sizeof *variances);
    if (!variances)
        return ATL_NO_MEMORY;
    vectors = variances + rank;
    for (int64_t i = 0; i < f->rank; i++) {
        const double *row = f->kept + i * f->total;
        double squares = 0;
        for (int64_t k = 0; k < f->total; k++)
            squares += row[k] * row[k];
        variances[i] = squares / (double)(f->n - 1); // unbiased, as GANSpace's
        for (int64_t k = 0; k < f->total; k++)
            vectors[i * f->total + k] = row[k] / sqrt(squares);
    }
    for (int64_t k = 0; k < f->total; k++)
        all += f->spread[k] / (double)(f->n - 1);
    atl_status status = finish(f, variances, vectors, f->mean, f->rank, all, set);
    atl_free(f->ctx, variances);
    return status;
}
