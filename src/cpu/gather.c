// SPDX-License-Identifier: Apache-2.0
// The reference of the weighted sums of rows, and the functions that split them over threads: results going
// there, samples and channels coming back, where two results may meet in one row.
#include "cpu/gather.h"

#include "cpu/move.h"

static void sum_ref(float *y, const float *x, const atl_cpu_gather_rows *r, size_t n) {
    for (int64_t q = 0; q < r->q; q++)
        for (size_t j = 0; j < n; j++) {
            float sum = 0.0f;
            for (int64_t k = q * r->k; k < (q + 1) * r->k; k++)
                if (r->index[k] >= 0.0f && r->index[k] < (float)r->p)
                    sum += r->weight[k] * x[(size_t)r->index[k] * r->c + j];
            y[(size_t)q * r->c + j] = sum;
        }
}

static void spread_ref(float *x, const float *y, const atl_cpu_gather_rows *r, size_t n) {
    for (int64_t q = 0; q < r->q; q++)
        for (int64_t k = q * r->k; k < (q + 1) * r->k; k++)
            for (size_t j = 0; j < n; j++)
                if (r->index[k] >= 0.0f && r->index[k] < (float)r->p)
                    x[(size_t)r->index[k] * r->c + j] += r->weight[k] * y[(size_t)q * r->c + j];
}

void atl_cpu_gather_init(atl_cpu_gather_kernels *k) {
    *k = (atl_cpu_gather_kernels){ sum_ref, spread_ref };
}

enum {
    CHANNELS = 64, // that one thread takes on the way back
    WORK = 1 << 14 // products that one thread takes at once on the way there
};

static atl_cpu_gather_rows rows_of(const atl_cpu_gather_dims *d, const float *index, const float *weight,
                                   int64_t n) {
    return (atl_cpu_gather_rows){
        index + n * d->index_stride, weight + n * d->weight_stride, d->p, d->q, d->k, (size_t)d->c
    };
}

void atl_cpu_gather(const atl_cpu_gather_kernels *k, const atl_cpu_gather_dims *d, const float *x,
                    const float *index, const float *weight, float *y, int threads) {
    int64_t band = 1 + WORK / (d->k * d->c), bands = (d->q + band - 1) / band;
#pragma omp parallel for num_threads(threads) collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t i = 0; i < bands; i++) {
            int64_t q = i * band;
            atl_cpu_gather_rows r = rows_of(d, index + q * d->k, weight + q * d->k, n);
            r.q = d->q - q < band ? d->q - q : band;
            k->sum(y + (n * d->q + q) * d->c, x + n * d->p * d->c, &r, (size_t)d->c);
        }
}

void atl_cpu_gather_t(const atl_cpu_gather_kernels *k, const atl_cpu_gather_dims *d, const float *y,
                      const float *index, const float *weight, float *x, int threads) {
    int64_t parts = (d->c + CHANNELS - 1) / CHANNELS;
    atl_cpu_move_fill(x, d->n * d->p * d->c, 0.0f, threads);
#pragma omp parallel for num_threads(threads) collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t part = 0; part < parts; part++) {
            int64_t c = part * CHANNELS, count = d->c - c < CHANNELS ? d->c - c : CHANNELS;
            atl_cpu_gather_rows r = rows_of(d, index, weight, n);
            k->spread(x + n * d->p * d->c + c, y + n * d->q * d->c + c, &r, (size_t)count);
        }
}
