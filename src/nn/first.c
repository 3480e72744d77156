// SPDX-License-Identifier: Apache-2.0
// Orthogonal and Xavier's first weights; see first.h.
#include "nn/first.h"

#include <math.h>
#include <string.h>

#include "cpu/matrix.h"

enum { BLOCK = 16 }; // rows that are freed of those before them at once, by products of matrices

// ---- uniform

// A normal number through its own distribution is a uniform one.
static void make_uniform(const atl_params *params, const atl_param *p) {
    float *x = atl_param_data(params, p);
    double each = (double)p->count / ((double)p->dims[0] * (double)p->dims[1]); // of a filter
    double bound = sqrt(6.0 / (each * (double)(p->dims[0] + p->dims[1])));
    for (size_t i = 0; i < p->count; i++)
        x[i] = (float)(bound * erf((double)x[i] / ((double)p->init_value * 1.4142135623730951)));
}

// ---- orthogonal: Gram and Schmidt, each step twice, which leaves nothing but rounding (Giraud et al. 2005)

// Rows [first, first + rows) of q lose what they have of those before.  shared: [rows, first].
static atl_status free_of_earlier(atl_ctx *ctx, double *q, int64_t n, int64_t first, int64_t rows,
                                  double *shared) {
    atl_matrix before = atl_matrix_of(q, n);
    memset(shared, 0, (size_t)(rows * first) * sizeof *shared);
    ATL_TRY(atl_matrix_add_product(ctx, shared, rows, first, n, atl_matrix_of(q + first * n, n),
                                   atl_matrix_transposed(before), 1.0, false));
    return atl_matrix_add_product(ctx, q + first * n, rows, n, first, atl_matrix_of(shared, first), before, -1.0,
                                  false);
}

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void scale_to_one(double *row, int64_t n) {
    double length = sqrt(dot(row, row, n));
    for (int64_t i = 0; i < n; i++)
        row[i] /= length > 0.0 ? length : 1.0;
}

static void free_of_each_other(double *q, int64_t n, int64_t rows) {
    for (int64_t i = 0; i < rows; i++) {
        double *row = q + i * n;
        for (int64_t k = 0; k < 2 * i; k++) {
            const double *earlier = q + k % i * n;
            double share = dot(row, earlier, n);
            for (int64_t l = 0; l < n; l++)
                row[l] -= share * earlier[l];
        }
        scale_to_one(row, n);
    }
}

// The m rows of q [m, n], m <= n.
static atl_status orthonormalise(atl_ctx *ctx, double *q, int64_t m, int64_t n, double *shared) {
    for (int64_t first = 0; first < m; first += BLOCK) {
        int64_t rows = m - first < BLOCK ? m - first : BLOCK;
        for (int time = 0; first && time < 2; time++)
            ATL_TRY(free_of_earlier(ctx, q, n, first, rows, shared));
        free_of_each_other(q + first * n, n, rows);
    }
    return ATL_OK;
}

static atl_status make_orthogonal(const atl_params *params, const atl_param *p) {
    int64_t out = p->dims[0], in = (int64_t)p->count / out, m = out < in ? out : in, n = out < in ? in : out;
    int64_t column = out < in ? n : 1, row = out < in ? 1 : m; // (i, j) of q is i column + j row of the weights
    float *w = atl_param_data(params, p);
    double *q = atl_alloc(params->ctx, p->count, sizeof *q),
           *shared = atl_alloc(params->ctx, (size_t)m, BLOCK * sizeof *shared);
    atl_status status = q && shared ? ATL_OK : ATL_NO_MEMORY;
    for (int64_t i = 0; i < m && status == ATL_OK; i++)
        for (int64_t j = 0; j < n; j++)
            q[i * n + j] = (double)w[i * column + j * row] / (double)p->init_value;
    if (status == ATL_OK)
        status = orthonormalise(params->ctx, q, m, n, shared);
    for (int64_t i = 0; i < m && status == ATL_OK; i++)
        for (int64_t j = 0; j < n; j++)
            w[i * column + j * row] = (float)q[i * n + j];
    atl_free(params->ctx, shared);
    atl_free(params->ctx, q);
    return status;
}

atl_status atl_params_first(atl_params *params, atl_first kind) {
    for (size_t i = 0; i < params->size && kind != ATL_FIRST_NORMAL; i++) {
        const atl_param *p = &params->list[i];
        if (p->buffer || p->rank < 2 || p->init != ATL_INIT_NORMAL || !p->count || !(p->init_value > 0.0f))
            continue;
        if (kind == ATL_FIRST_XAVIER)
            make_uniform(params, p);
        else
            ATL_TRY(make_orthogonal(params, p));
    }
    params->version++;
    return ATL_OK;
}
