// SPDX-License-Identifier: Apache-2.0
// Precision and recall: see precision_recall.h.
//
// Distances are made directly, by sums of squared differences, not by |a|^2 + |b|^2 - 2 a.b, whose rounding
// can turn a close comparison and gives equal features a distance.  They are made in tiles: a few rows of one
// set, which a thread keeps as floats, against a few of the other at a time.  What is kept of a distance does
// not depend on the tiles.
#include "metrics/precision_recall.h"

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/mem.h"
#include "base/team.h"
#include "cpu/kernels.h"

enum { ROWS = 32, COLUMNS = 16, MOST_NEIGHBOURS = 64 };

typedef struct set {
    const uint16_t *features; // [n, width]
    int64_t n;
} set;

typedef struct lane {
    float *a, *b;    // [ROWS, width], [COLUMNS, width]
    float *d;        // [ROWS, COLUMNS]
    uint8_t *within; // [columns' set]: in the neighbourhood of some row
} lane;

typedef struct pass {
    atl_ctx *ctx;
    atl_cpu_dense_kernels k;
    atl_team *team;
    int lanes;
    lane *lane;
    int64_t width;
    set rows, columns;
    int neighbours;
    float *nearest;                          // [rows, neighbours + 1] squared, ascending; or NULL
    const float *row_radius, *column_radius; // of both sets: who is within whose
    uint8_t *rows_within;                    // [rows]: in the neighbourhood of some column
    void (*use)(const struct pass *p, lane *l, int64_t row, int64_t m, int64_t column, int64_t n);
} pass;

static void close_pass(pass *p) {
    for (int i = 0; p->lane && i < p->lanes; i++) {
        atl_free(p->ctx, p->lane[i].a);
        atl_free(p->ctx, p->lane[i].b);
        atl_free(p->ctx, p->lane[i].d);
        atl_free(p->ctx, p->lane[i].within);
    }
    atl_free(p->ctx, p->lane);
    atl_team_close(&p->team);
}

static atl_status open_pass(pass *p) {
    atl_cpu_kernels kernels;
    atl_cpu_kernels_init(&kernels, p->ctx->cpu);
    p->k = kernels.dense;
    ATL_TRY(atl_team_open(p->ctx, p->ctx->threads, &p->team));
    p->lanes = atl_team_lanes(p->team);
    p->lane = atl_calloc(p->ctx, (size_t)p->lanes, sizeof *p->lane);
    bool good = p->lane;
    for (int i = 0; good && i < p->lanes; i++) {
        lane *l = &p->lane[i];
        l->a = atl_alloc(p->ctx, (size_t)p->width, ROWS * sizeof *l->a);
        l->b = atl_alloc(p->ctx, (size_t)p->width, COLUMNS * sizeof *l->b);
        l->d = atl_alloc(p->ctx, ROWS * COLUMNS, sizeof *l->d);
        l->within = atl_calloc(p->ctx, (size_t)p->columns.n, 1);
        good = l->a && l->b && l->d && l->within;
    }
    if (!good)
        close_pass(p);
    return good ? ATL_OK : ATL_NO_MEMORY;
}

static void measure_rows(void *job, int which, int64_t first, int64_t end) {
    const pass *p = job;
    lane *l = &p->lane[which];
    for (int64_t i = first; i < end; i++) {
        int64_t row = i * ROWS, m = p->rows.n - row < ROWS ? p->rows.n - row : ROWS;
        p->k.from_half(l->a, p->rows.features + row * p->width, (size_t)(m * p->width));
        for (int64_t column = 0; column < p->columns.n; column += COLUMNS) {
            int64_t n = p->columns.n - column < COLUMNS ? p->columns.n - column : COLUMNS;
            p->k.from_half(l->b, p->columns.features + column * p->width, (size_t)(n * p->width));
            p->k.distances(l->d, COLUMNS, l->a, l->b, (size_t)m, (size_t)n, (size_t)p->width);
            p->use(p, l, row, m, column, n);
        }
    }
}

// done, all: of the watch, in rows
static atl_status run_pass(pass *p, const atl_watch *watch, int64_t done, int64_t all) {
    enum { AT_ONCE = 1024 / ROWS };
    int64_t blocks = (p->rows.n + ROWS - 1) / ROWS;
    set rows = p->rows;
    for (int64_t i = 0; i < blocks; i += AT_ONCE) {
        int64_t row = i * ROWS, count = blocks - i < AT_ONCE ? blocks - i : AT_ONCE;
        ATL_TRY(atl_watch_ask(p->ctx, watch, done + row, all));
        pass some = *p; // the same lanes
        some.rows.features += row * p->width;
        some.rows.n = rows.n - row < count * ROWS ? rows.n - row : count * ROWS;
        some.nearest = p->nearest ? p->nearest + row * (p->neighbours + 1) : NULL;
        some.row_radius = p->row_radius ? p->row_radius + row : NULL;
        some.rows_within = p->rows_within ? p->rows_within + row : NULL;
        atl_team_run(p->team, count, 1, measure_rows, &some);
    }
    return ATL_OK;
}

// ---- radii

// Puts the distances of a tile among the nearest of each row.
static void keep_nearest(const pass *p, lane *l, int64_t row, int64_t m, int64_t column, int64_t n) {
    (void)column;
    int count = p->neighbours + 1;
    for (int64_t i = 0; i < m; i++) {
        float *nearest = p->nearest + (row + i) * count;
        for (int64_t j = 0; j < n; j++) {
            float d = l->d[i * COLUMNS + j];
            int at = count - 1;
            if (!(d < nearest[at]))
                continue;
            for (; at > 0 && d < nearest[at - 1]; at--)
                nearest[at] = nearest[at - 1];
            nearest[at] = d;
        }
    }
}

static atl_status radii_of(atl_ctx *ctx, set s, int64_t width, int neighbours, const atl_watch *watch,
                           int64_t done, int64_t all, float *radii) {
    int64_t count = neighbours + 1;
    pass p = {
        .ctx = ctx, .width = width, .rows = s, .columns = s, .neighbours = neighbours, .use = keep_nearest
    };
    p.nearest = atl_alloc(ctx, (size_t)s.n, (size_t)count * sizeof *p.nearest);
    if (!p.nearest)
        return ATL_NO_MEMORY;
    for (int64_t i = 0; i < s.n * count; i++)
        p.nearest[i] = INFINITY;
    atl_status status = open_pass(&p);
    if (status == ATL_OK) {
        status = run_pass(&p, watch, done, all);
        close_pass(&p);
    }
    for (int64_t i = 0; i < s.n; i++)
        radii[i] = sqrtf(p.nearest[i * count + neighbours]);
    atl_free(ctx, p.nearest);
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

static bool within(float squared, float radius) {
    return sqrtf(squared) <= radius;
}

static void mark(const pass *p, lane *l, int64_t row, int64_t m, int64_t column, int64_t n) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            float d = l->d[i * COLUMNS + j];
            if (within(d, p->column_radius[column + j]))
                p->rows_within[row + i] = 1;
            if (within(d, p->row_radius[row + i]))
                l->within[column + j] = 1;
        }
}

static atl_estimate share_of(int64_t inside, int64_t n) {
    double p = (double)inside / (double)n;
    return (atl_estimate){ p, sqrt(p * (1 - p) / (double)n), "binomial, the neighbourhoods being given" };
}

// radii: of the generated, then of the real, rounded
static atl_status measure_shares(atl_ctx *ctx, set generated, set real, int64_t width, const float *radii,
                                 const atl_watch *watch, int64_t all, atl_pr_result *result) {
    pass p = { .ctx = ctx, .width = width, .rows = generated, .columns = real, .use = mark };
    p.row_radius = radii, p.column_radius = radii + generated.n;
    p.rows_within = atl_calloc(ctx, (size_t)generated.n, 1);
    if (!p.rows_within)
        return ATL_NO_MEMORY;
    atl_status status = open_pass(&p);
    if (status == ATL_OK) {
        status = run_pass(&p, watch, all - generated.n, all);
        int64_t precise = 0, recalled = 0;
        for (int64_t i = 0; i < generated.n; i++)
            precise += p.rows_within[i];
        for (int64_t j = 0; j < real.n; j++) {
            bool any = false;
            for (int k = 0; k < p.lanes; k++)
                any = any || p.lane[k].within[j];
            recalled += any;
        }
        *result = (atl_pr_result){ share_of(precise, generated.n), share_of(recalled, real.n) };
        close_pass(&p);
    }
    atl_free(ctx, p.rows_within);
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
