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

typedef struct call {
    const atl_cpu_gather_kernels *k;
    const atl_cpu_gather_dims *d;
    const float *from, *index, *weight;
    float *to;
    int64_t size, parts; // of a part, and how many of them a sample has
} call;

static void sum_some(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const call *c = job;
    const atl_cpu_gather_dims *d = c->d;
    for (int64_t i = first; i < end; i++) {
        int64_t n = i / c->parts, q = i % c->parts * c->size;
        atl_cpu_gather_rows r = rows_of(d, c->index + q * d->k, c->weight + q * d->k, n);
        r.q = d->q - q < c->size ? d->q - q : c->size;
        c->k->sum(c->to + (n * d->q + q) * d->c, c->from + n * d->p * d->c, &r, (size_t)d->c);
    }
}

void atl_cpu_gather(const atl_cpu_gather_kernels *k, const atl_cpu_gather_dims *d, const float *x,
                    const float *index, const float *weight, float *y, atl_team *team) {
    int64_t band = 1 + WORK / (d->k * d->c), bands = (d->q + band - 1) / band;
    atl_team_run(team, d->n * bands, 1, sum_some, &(call){ k, d, x, index, weight, y, band, bands });
}

static void spread_some(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const call *r = job;
    const atl_cpu_gather_dims *d = r->d;
    for (int64_t i = first; i < end; i++) {
        int64_t n = i / r->parts, c = i % r->parts * r->size, count = d->c - c < r->size ? d->c - c : r->size;
        atl_cpu_gather_rows rows = rows_of(d, r->index, r->weight, n);
        r->k->spread(r->to + n * d->p * d->c + c, r->from + n * d->q * d->c + c, &rows, (size_t)count);
    }
}

void atl_cpu_gather_t(const atl_cpu_gather_kernels *k, const atl_cpu_gather_dims *d, const float *y,
                      const float *index, const float *weight, float *x, atl_team *team) {
    int64_t parts = (d->c + CHANNELS - 1) / CHANNELS;
    atl_cpu_move_fill(x, d->n * d->p * d->c, 0.0f, team);
    atl_team_run(team, d->n * parts, 1, spread_some, &(call){ k, d, y, index, weight, x, CHANNELS, parts });
}
