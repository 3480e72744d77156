// SPDX-License-Identifier: Apache-2.0
// Sums of rows and of their products: see moments.h.  Rows are gathered until a block is full, which is one
// step of the product's summation (matrix.h), whatever portions they came in.
#include "metrics/moments.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "cpu/matrix.h"

enum { BLOCK = 256, WIDEST = 16384 };

// Numbers of larger size are no features, and their products would not fit a double's range for long.
static const double largest = 1e30;

struct atl_moments {
    atl_ctx *ctx;
    int64_t width, count; // count: of all rows, those of an unfinished block too
    double *sum;          // [width] of finished blocks
    double *products;     // [width, width], the lower half
    float *rows;          // [BLOCK, width]: count % BLOCK of them wait
};

atl_status atl_moments_open(atl_ctx *ctx, int64_t width, atl_moments **moments) {
    *moments = NULL;
    if (width < 1 || width > WIDEST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "features of %lld numbers: 1 to %d are possible",
                        (long long)width, WIDEST);
    atl_moments *m = atl_calloc(ctx, 1, sizeof *m);
    if (!m)
        return ATL_NO_MEMORY;
    *m = (atl_moments){ .ctx = ctx, .width = width };
    m->sum = atl_calloc(ctx, (size_t)width, sizeof *m->sum);
    m->products = atl_calloc(ctx, (size_t)width, (size_t)width * sizeof *m->products);
    m->rows = atl_alloc(ctx, BLOCK, (size_t)width * sizeof *m->rows);
    if (!m->sum || !m->products || !m->rows) {
        atl_moments_close(&m);
        return ATL_NO_MEMORY;
    }
    *moments = m;
    return ATL_OK;
}

void atl_moments_close(atl_moments **moments) {
    atl_moments *m = moments ? *moments : NULL;
    if (!m)
        return;
    atl_free(m->ctx, m->sum);
    atl_free(m->ctx, m->products);
    atl_free(m->ctx, m->rows);
    atl_free(m->ctx, m);
    *moments = NULL;
}

int64_t atl_moments_count(const atl_moments *m) {
    return m->count;
}

int64_t atl_moments_width(const atl_moments *m) {
    return m->width;
}

// Adds n waiting rows to sums that may be copies of ours.
static atl_status add_rows(const atl_moments *m, int64_t n, double *sum, double *products) {
    atl_matrix rows = atl_matrix_of_floats(m->rows, m->width);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < m->width; j++)
            sum[j] += (double)m->rows[i * m->width + j];
    return atl_matrix_add_product(m->ctx, products, m->width, m->width, n, atl_matrix_transposed(rows), rows,
                                  1, true);
}

atl_status atl_moments_add(atl_moments *m, const float *rows, int64_t n) {
    for (int64_t i = 0; i < n * m->width; i++)
        if (!(fabs((double)rows[i]) <= largest))
            return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                            "feature %lld of sample %lld is %g, which is no feature",
                            (long long)(i % m->width), (long long)(m->count + i / m->width), (double)rows[i]);
    while (n > 0) {
        int64_t wait = m->count % BLOCK, take = BLOCK - wait < n ? BLOCK - wait : n;
        memcpy(m->rows + wait * m->width, rows, (size_t)(take * m->width) * sizeof *rows);
        if (wait + take == BLOCK)
            ATL_TRY(add_rows(m, BLOCK, m->sum, m->products));
        m->count += take;
        rows += take * m->width;
        n -= take;
    }
    return ATL_OK;
}

atl_status atl_moments_merge(atl_moments *m, const atl_moments *other) {
    if (m->width != other->width)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "features of %lld and of %lld numbers don't go together",
                        (long long)m->width, (long long)other->width);
    int64_t theirs = other->count % BLOCK; // these wait there, and do so here
    for (int64_t j = 0; j < m->width; j++)
        m->sum[j] += other->sum[j];
    for (int64_t i = 0; i < m->width * m->width; i++)
        m->products[i] += other->products[i];
    m->count += other->count - theirs;
    return atl_moments_add(m, other->rows, theirs);
}

atl_status atl_moments_finish(const atl_moments *m, double *mean, double *cov) {
    if (m->count < 1)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "there are no samples to take the mean of");
    double n = (double)m->count;
    memcpy(mean, m->sum, (size_t)m->width * sizeof *mean);
    memcpy(cov, m->products, (size_t)(m->width * m->width) * sizeof *cov);
    ATL_TRY(add_rows(m, m->count % BLOCK, mean, cov));
    for (int64_t i = 0; i < m->width; i++)
        mean[i] /= n;
    for (int64_t i = 0; i < m->width; i++)
        for (int64_t j = 0; j <= i; j++)
            cov[i * m->width + j] = cov[i * m->width + j] / n - mean[i] * mean[j];
    atl_matrix_mirror(cov, m->width);
    return ATL_OK;
}

// ---- state: count, sums, lower half of the products, a block of waiting rows with zeros behind them

static int64_t sums_count(const atl_moments *m) {
    return 1 + m->width + m->width * (m->width + 1) / 2;
}

int64_t atl_moments_state_count(const atl_moments *m) {
    return sums_count(m) + BLOCK * m->width;
}

void atl_moments_save(const atl_moments *m, double *state) {
    int64_t waiting = m->count % BLOCK * m->width;
    *state++ = (double)m->count;
    memcpy(state, m->sum, (size_t)m->width * sizeof *state);
    state += m->width;
    for (int64_t i = 0; i < m->width; state += ++i)
        memcpy(state, m->products + i * m->width, (size_t)(i + 1) * sizeof *state);
    for (int64_t i = 0; i < BLOCK * m->width; i++)
        state[i] = i < waiting ? (double)m->rows[i] : 0;
}

atl_status atl_moments_load(atl_moments *m, const double *state, int64_t count) {
    int64_t sums = sums_count(m);
    bool good = count == atl_moments_state_count(m);
    good = good && state[0] >= 0 && state[0] < 0x1p53 && state[0] == floor(state[0]);
    for (int64_t i = 0; good && i < count; i++)
        good = i < sums ? isfinite(state[i]) : fabs(state[i]) <= largest;
    if (!good)
        return atl_fail(m->ctx, ATL_BAD_FILE,
                        "the sums of features of %lld numbers that were kept are damaged",
                        (long long)m->width);
    m->count = (int64_t)*state++;
    memcpy(m->sum, state, (size_t)m->width * sizeof *state);
    state += m->width;
    for (int64_t i = 0; i < m->width; state += ++i)
        memcpy(m->products + i * m->width, state, (size_t)(i + 1) * sizeof *state);
    for (int64_t i = 0; i < BLOCK * m->width; i++)
        m->rows[i] = (float)state[i];
    return ATL_OK;
}
