// SPDX-License-Identifier: Apache-2.0
// The Frechet distance: see fid.h.
//
// tr (S1 S2)^(1/2) is the sum of the roots of the eigenvalues of S1 S2.  With any F such that S1 = F FT, S1
// S2 which is F (FT S2), and (FT S2) F have the same eigenvalues beside zeros; the second is symmetric
// without negative eigenvalues, so they are real, and found to rounding of the largest.  S1^(1/2) is one such
// F; Cholesky's factor is another and much cheaper.  Unlike a matrix root by iteration this needs no full
// rank, so fewer samples than features do no harm.
#include "metrics/fid.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "metrics/fid_inside.h"
#include "cpu/matrix.h"

// ---- one distance

void atl_fid_close(atl_fid_real *real) {
    atl_free(real->ctx, real->factor);
    atl_free(real->ctx, real->scratch);
    atl_free(real->ctx, real->small);
    *real = (atl_fid_real){ 0 };
}

static bool finite(const atl_gaussian *g) {
    for (int64_t i = 0; i < g->width; i++)
        if (!isfinite(g->mean[i]))
            return false;
    for (int64_t i = 0; i < g->width * g->width; i++)
        if (!isfinite(g->cov[i]))
            return false;
    return true;
}

static double trace(const double *a, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i * n + i];
    return sum;
}

atl_status atl_fid_open(atl_ctx *ctx, const atl_gaussian *g, atl_fid_real *real) {
    int64_t n = g->width;
    *real = (atl_fid_real){ .ctx = ctx, .real = *g };
    if (!finite(g))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a mean or covariance has numbers that are not finite");
    real->trace = trace(g->cov, n);
    real->factor = atl_alloc(ctx, (size_t)n, (size_t)n * sizeof(double));
    real->scratch = atl_alloc(ctx, (size_t)n, (size_t)n * sizeof(double));
    real->small = atl_alloc(ctx, (size_t)n, (size_t)(n + 1) * sizeof(double));
    atl_status status = real->factor && real->scratch && real->small ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK) {
        memcpy(real->scratch, g->cov, (size_t)(n * n) * sizeof(double));
        status = atl_matrix_factor(ctx, real->scratch, n, real->factor, &real->rank);
    }
    if (status != ATL_OK)
        atl_fid_close(real);
    return status;
}

static atl_status ask(const atl_fid_real *r) {
    return atl_watch_ask(r->ctx, r->watch, r->done, r->all);
}

// tr (S1 S2)^(1/2)
static atl_status root_trace(atl_fid_real *r, const double *cov, double *sum) {
    int64_t n = r->real.width, k = r->rank;
    atl_matrix f = atl_matrix_of(r->factor, n); // [n, rank]
    double *values = r->small + k * k;
    *sum = 0;
    if (k == 0)
        return ATL_OK;
    memset(r->scratch, 0, (size_t)(n * k) * sizeof *r->scratch);
    memset(r->small, 0, (size_t)(k * k) * sizeof *r->small);
    ATL_TRY(atl_matrix_add_product(r->ctx, r->scratch, n, k, n, atl_matrix_of(cov, n), f, 1, false));
    ATL_TRY(ask(r));
    ATL_TRY(atl_matrix_add_product(r->ctx, r->small, k, k, n, atl_matrix_transposed(f),
                                   atl_matrix_of(r->scratch, k), 1, true));
    ATL_TRY(ask(r));
    ATL_TRY(atl_matrix_eigenvalues(r->ctx, r->small, k, values));
    for (int64_t i = 0; i < k; i++)
        *sum += sqrt(fmax(values[i], 0)); // negative ones are rounding
    return ATL_OK;
}

atl_status atl_fid_to(atl_fid_real *r, const double *mean, const double *cov, double *fid) {
    double roots, apart = 0;
    ATL_TRY(root_trace(r, cov, &roots));
    for (int64_t i = 0; i < r->real.width; i++)
        apart += (r->real.mean[i] - mean[i]) * (r->real.mean[i] - mean[i]);
    *fid = apart + r->trace + trace(cov, r->real.width) - 2 * roots;
    return ATL_OK;
}

atl_status atl_fid(atl_ctx *ctx, const atl_gaussian *a, const atl_gaussian *b, double *fid) {
    atl_fid_real real;
    if (a->width != b->width)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "features of %lld and of %lld numbers can't be compared",
                        (long long)a->width, (long long)b->width);
    if (!finite(b))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a mean or covariance has numbers that are not finite");
    ATL_TRY(atl_fid_open(ctx, a, &real));
    atl_status status = atl_fid_to(&real, b->mean, b->cov, fid);
    atl_fid_close(&real);
    return status;
}
