// SPDX-License-Identifier: Apache-2.0
// Precision and recall: see precision_recall.h.
//
// Distances are made directly, by sums of squared differences, not by |a|^2 + |b|^2 - 2 a.b, whose rounding
// can turn a close comparison and gives equal features a distance.  They are made in tiles: a few rows of one
// set, which a thread keeps as floats, against a few of the other at a time, in parts of their width that
// stay in cache.  What is kept of a distance does not depend on tiles or threads: the nearest few, and
// whether any is within a radius.
#include "metrics/precision_recall.h"

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "base/team.h"
#include "cpu/kernels.h"

enum { ROWS = 32, COLUMNS = 16, PART = 512, MOST_NEIGHBOURS = 64 };

typedef struct set {
    const uint16_t *features; // [n, width]
    int64_t n;
} set;

typedef struct lane {
    float *a, *b;    // [ROWS, width], [COLUMNS, width]
    float *d;        // [ROWS, COLUMNS], squared
    float *nearest;  // [rows, count] of what this thread has seen, squared, ascending
    uint8_t *within; // [rows + columns]: in the neighbourhood of some of the other set
} lane;

typedef struct pass {
    atl_ctx *ctx;
    atl_cpu_dense_kernels k;
    atl_team *team;
    int lanes, count; // count: of nearest distances; 0: asked is who is within whose radius
    lane *lane;
    int64_t width, first; // first: block of rows with which a call begins
    set rows, columns;    // the same for nearest distances: each pair is measured once
    const float *row_radius, *column_radius;
} pass;

static void close_pass(pass *p) {
    for (int i = 0; p->lane && i < p->lanes; i++) {
        atl_free(p->ctx, p->lane[i].a);
        atl_free(p->ctx, p->lane[i].b);
        atl_free(p->ctx, p->lane[i].d);
        atl_free(p->ctx, p->lane[i].nearest);
        atl_free(p->ctx, p->lane[i].within);
    }
    atl_free(p->ctx, p->lane);
    atl_team_close(&p->team);
}

static bool open_lane(const pass *p, lane *l) {
    l->a = atl_alloc(p->ctx, (size_t)p->width, ROWS * sizeof *l->a);
    l->b = atl_alloc(p->ctx, (size_t)p->width, COLUMNS * sizeof *l->b);
    l->d = atl_alloc(p->ctx, ROWS * COLUMNS, sizeof *l->d);
    l->within = atl_calloc(p->ctx, (size_t)(p->rows.n + p->columns.n), 1);
    if (p->count)
        l->nearest = atl_alloc(p->ctx, (size_t)p->rows.n, (size_t)p->count * sizeof *l->nearest);
    for (int64_t i = 0; l->nearest && i < p->rows.n * p->count; i++)
        l->nearest[i] = INFINITY;
    return l->a && l->b && l->d && l->within && (l->nearest || !p->count);
}

static atl_status open_pass(pass *p) {
    atl_cpu_kernels kernels;
    atl_cpu_kernels_init(&kernels, p->ctx->cpu);
    p->k = kernels.dense;
    ATL_TRY(atl_team_open(p->ctx, p->ctx->threads, &p->team));
    p->lanes = atl_team_lanes(p->team);
    p->lane = atl_calloc(p->ctx, (size_t)p->lanes, sizeof *p->lane);
    bool good = p->lane;
    for (int i = 0; good && i < p->lanes; i++)
        good = open_lane(p, &p->lane[i]);
    if (!good)
        close_pass(p);
    return good ? ATL_OK : ATL_NO_MEMORY;
}

// ---- what is kept of a tile

static void put_nearest(float *nearest, int count, float d) {
    int at = count - 1;
    if (!(d < nearest[at]))
        return;
    for (; at > 0 && d < nearest[at - 1]; at--)
        nearest[at] = nearest[at - 1];
    nearest[at] = d;
}

// Each pair counts for both; a sample is its own neighbour once.
static void keep_nearest(const pass *p, lane *l, int64_t row, int64_t m, int64_t column, int64_t n) {
    for (int64_t i = row; i < row + m; i++)
        for (int64_t j = column > i ? column : i; j < column + n; j++) {
            float d = l->d[(i - row) * COLUMNS + j - column];
            put_nearest(l->nearest + i * p->count, p->count, d);
            if (j > i)
                put_nearest(l->nearest + j * p->count, p->count, d);
        }
}

static void keep_within(const pass *p, lane *l, int64_t row, int64_t m, int64_t column, int64_t n) {
    for (int64_t i = row; i < row + m; i++)
        for (int64_t j = column; j < column + n; j++) {
            float d = sqrtf(l->d[(i - row) * COLUMNS + j - column]);
            l->within[i] |= d <= p->column_radius[j];
            l->within[p->rows.n + j] |= d <= p->row_radius[i];
        }
}

static void measure_rows(void *job, int which, int64_t first, int64_t end) {
    const pass *p = job;
    lane *l = &p->lane[which];
    for (int64_t i = p->first + first; i < p->first + end; i++) {
        int64_t row = i * ROWS, m = p->rows.n - row < ROWS ? p->rows.n - row : ROWS;
        p->k.from_half(l->a, p->rows.features + row * p->width, (size_t)(m * p->width));
        for (int64_t column = p->count ? row : 0; column < p->columns.n; column += COLUMNS) {
            int64_t n = p->columns.n - column < COLUMNS ? p->columns.n - column : COLUMNS;
            p->k.from_half(l->b, p->columns.features + column * p->width, (size_t)(n * p->width));
            memset(l->d, 0, ROWS * COLUMNS * sizeof *l->d);
            for (int64_t part = 0; part < p->width; part += PART)
                p->k.distances(l->d, COLUMNS, l->a + part, l->b + part, (size_t)p->width, (size_t)m,
                               (size_t)n, (size_t)(p->width - part < PART ? p->width - part : PART));
            (p->count ? keep_nearest : keep_within)(p, l, row, m, column, n);
        }
    }
}

// done, all: of the watch, in rows
static atl_status run_pass(pass *p, const atl_watch *watch, int64_t done, int64_t all) {
    const int64_t pairs = 4 << 20; // half a second's, unless the threads need more to do
    int64_t blocks = (p->rows.n + ROWS - 1) / ROWS, some = pairs / ROWS / p->columns.n;
    some = some < 2 * p->lanes ? 2 * p->lanes : some;
    for (p->first = 0; p->first < blocks; p->first += some) {
        ATL_TRY(atl_watch_ask(p->ctx, watch, done + p->first * ROWS, all));
        atl_team_run(p->team, blocks - p->first < some ? blocks - p->first : some, 1, measure_rows, p);
    }
    return ATL_OK;
}

// ---- radii

static atl_status radii_of(atl_ctx *ctx, set s, int64_t width, int neighbours, const atl_watch *watch,
                           int64_t done, int64_t all, float *radii) {
    pass p = { .ctx = ctx, .width = width, .rows = s, .columns = s, .count = neighbours + 1 };
    ATL_TRY(open_pass(&p));
    atl_status status = run_pass(&p, watch, done, all);
    for (int64_t i = 0; i < s.n; i++) {
        float *nearest = p.lane[0].nearest + i * p.count;
        for (int k = 1; k < p.lanes; k++)
            for (int j = 0; j < p.count; j++)
                put_nearest(nearest, p.count, p.lane[k].nearest[i * p.count + j]);
        radii[i] = sqrtf(nearest[neighbours]);
    }
    close_pass(&p);
    return status;
}

static atl_status check(atl_ctx *ctx, set s, int64_t width, int neighbours) {
    if (width < 1 || neighbours < 1 || neighbours > MOST_NEIGHBOURS || s.n <= neighbours)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "precision and recall with %d neighbours of %lld samples: give 1 to %d, and more samples",
            neighbours, (long long)s.n, MOST_NEIGHBOURS);
    for (int64_t i = 0; i < s.n * width; i++)
        if ((s.features[i] & 0x7c00) == 0x7c00) // the exponent of infinities and of what is no number
            return atl_fail(ctx, ATL_BAD_ARGUMENT,
                            "feature %lld of sample %lld is not finite in half precision",
                            (long long)(i % width), (long long)(i / width));
    return ATL_OK;
}

atl_status atl_pr_radii(atl_ctx *ctx, const uint16_t *features, int64_t n, int64_t width, int neighbours,
                        const atl_watch *watch, float *radii) {
    set s = { features, n };
    ATL_TRY(check(ctx, s, width, neighbours));
    return radii_of(ctx, s, width, neighbours, watch, 0, n, radii);
}

// ---- who is within whose

static atl_estimate share_of(const pass *p, int64_t first, int64_t n) {
    int64_t inside = 0;
    for (int64_t i = first; i < first + n; i++) {
        bool any = false;
        for (int k = 0; k < p->lanes; k++)
            any = any || p->lane[k].within[i];
        inside += any;
    }
    double share = (double)inside / (double)n;
    return (atl_estimate){ share, sqrt(share * (1 - share) / (double)n),
                           "binomial, the neighbourhoods being given" };
}

// radii: of the generated, then of the real, rounded
static atl_status measure_shares(atl_ctx *ctx, set generated, set real, int64_t width, const float *radii,
                                 const atl_watch *watch, int64_t all, atl_pr_result *result) {
    pass p = { .ctx = ctx, .width = width, .rows = generated, .columns = real };
    p.row_radius = radii, p.column_radius = radii + generated.n;
    ATL_TRY(open_pass(&p));
    atl_status status = run_pass(&p, watch, all - generated.n, all);
    *result = (atl_pr_result){ share_of(&p, 0, generated.n), share_of(&p, generated.n, real.n) };
    close_pass(&p);
    return status;
}

atl_status atl_precision_recall(atl_ctx *ctx, const uint16_t *real, int64_t m, const uint16_t *generated,
                                int64_t n, int64_t width, int neighbours, const atl_watch *watch,
                                atl_pr_result *result) {
    set reals = { real, m }, fakes = { generated, n };
    int64_t all = m + 2 * n;
    ATL_TRY(check(ctx, reals, width, neighbours));
    ATL_TRY(check(ctx, fakes, width, neighbours));
    float *radii = atl_alloc(ctx, (size_t)(n + m), sizeof *radii);
    if (!radii)
        return ATL_NO_MEMORY;
    atl_status status = radii_of(ctx, fakes, width, neighbours, watch, 0, all, radii);
    if (status == ATL_OK)
        status = radii_of(ctx, reals, width, neighbours, watch, n, all, radii + n);
    for (int64_t i = 0; i < n + m && status == ATL_OK; i++) // as the official metric keeps them
        radii[i] = atl_f16_to_f32(atl_f32_to_f16(radii[i]));
    if (status == ATL_OK)
        status = measure_shares(ctx, fakes, reals, width, radii, watch, all, result);
    atl_free(ctx, radii);
    return status;
}

void atl_pr_round(const float *features, int64_t count, uint16_t *half) {
    for (int64_t i = 0; i < count; i++)
        half[i] = atl_f32_to_f16(features[i]);
}
