// SPDX-License-Identifier: Apache-2.0
// Structural similarity in five scales: see msssim.h.  Each channel is a picture of its own until the means.
#include "metrics/msssim.h"

#include <math.h>

#include "base/mem.h"
#include "base/team.h"

// Wang et al. 2003, section 4: weights of the scales, from the finest; Wang et al. 2004: window and
// constants.
enum { SCALES = 5, WINDOW = 11 };
static const double weights[SCALES] = { 0.0448, 0.2856, 0.3001, 0.2363, 0.1333 };
static const double sigma = 1.5, peak = 255, k1 = 0.01, k2 = 0.03;

enum { A, B, AA, BB, AB, MAPS }; // what the window averages

struct atl_msssim {
    atl_ctx *ctx;
    atl_team *team;
    int c;
    int64_t h, w;
    double *a, *b;   // [h, w] of a channel, made smaller from scale to scale
    double *rows;    // [MAPS, h, w]: averages along rows
    double *terms;   // [2, h]: sums along a row of both terms
    double *columns; // [h, MAPS, w]: averages down columns, one row for each number of a loop
};

atl_status atl_msssim_open(atl_ctx *ctx, int c, int64_t h, int64_t w, atl_msssim **msssim) {
    *msssim = NULL;
    if (c < 1 || h < 16 || w < 16 || h > INT32_MAX || w > INT32_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "MS-SSIM has five scales: pictures of %lld x %lld are too small, or too large",
                        (long long)h, (long long)w);
    atl_msssim *m = atl_calloc(ctx, 1, sizeof *m);
    if (!m)
        return ATL_NO_MEMORY;
    *m = (atl_msssim){ .ctx = ctx, .c = c, .h = h, .w = w };
    size_t rows = (size_t)h, width = (size_t)w * sizeof(double);
    m->a = atl_alloc(ctx, rows, width);
    m->b = atl_alloc(ctx, rows, width);
    m->rows = atl_alloc(ctx, rows, MAPS * width);
    m->columns = atl_alloc(ctx, rows, MAPS * width);
    m->terms = atl_alloc(ctx, rows, 2 * sizeof(double));
    atl_status status = ATL_NO_MEMORY;
    if (m->a && m->b && m->rows && m->columns && m->terms)
        status = atl_team_open(ctx, ctx->threads, &m->team);
    if (status != ATL_OK)
        atl_msssim_close(&m);
    *msssim = m;
    return status;
}

void atl_msssim_close(atl_msssim **msssim) {
    atl_msssim *m = msssim ? *msssim : NULL;
    if (!m)
        return;
    atl_team_close(&m->team);
    atl_free(m->ctx, m->a);
    atl_free(m->ctx, m->b);
    atl_free(m->ctx, m->rows);
    atl_free(m->ctx, m->columns);
    atl_free(m->ctx, m->terms);
    atl_free(m->ctx, m);
    *msssim = NULL;
}

// One scale of one channel.  The window stays within the picture, and shrinks with it.
typedef struct scale {
    atl_msssim *m;
    int64_t h, w, size; // size: of the window
    double tap[WINDOW];
} scale;

static scale scale_of(atl_msssim *m, int64_t h, int64_t w) {
    scale s = { .m = m, .h = h, .w = w, .size = WINDOW };
    if (s.size > h)
        s.size = h;
    if (s.size > w)
        s.size = w;
    double deviation = (double)s.size * sigma / WINDOW, sum = 0;
    for (int64_t i = 0; i < s.size; i++) {
        double at = (double)i - (double)(s.size - 1) / 2;
        sum += s.tap[i] = exp(-at * at / (2 * deviation * deviation));
    }
    for (int64_t i = 0; i < s.size; i++)
        s.tap[i] /= sum;
    return s;
}

static void along_rows(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const scale *s = job;
    int64_t ow = s->w - s->size + 1;
    for (int64_t p = first; p < end; p++) {
        const double *a = s->m->a + p * s->w, *b = s->m->b + p * s->w;
        double *out[MAPS];
        for (int k = 0; k < MAPS; k++) {
            out[k] = s->m->rows + (k * s->h + p) * s->w;
            for (int64_t q = 0; q < ow; q++)
                out[k][q] = 0;
        }
        for (int64_t i = 0; i < s->size; i++) {
            double tap = s->tap[i];
            for (int64_t q = 0; q < ow; q++) {
                double x = a[q + i], y = b[q + i];
                out[A][q] += tap * x;
                out[B][q] += tap * y;
                out[AA][q] += tap * (x * x);
                out[BB][q] += tap * (y * y);
                out[AB][q] += tap * (x * y);
            }
        }
    }
}

static void down_columns(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const scale *s = job;
    int64_t ow = s->w - s->size + 1;
    const double c1 = k1 * peak * k1 * peak, c2 = k2 * peak * k2 * peak;
    for (int64_t p = first; p < end; p++) {
        double *out = s->m->columns + p * MAPS * s->w, contrast = 0, similarity = 0;
        for (int k = 0; k < MAPS; k++) {
            double *line = out + k * s->w;
            for (int64_t q = 0; q < ow; q++)
                line[q] = 0;
            for (int64_t i = 0; i < s->size; i++) {
                const double *row = s->m->rows + (k * s->h + p + i) * s->w;
                for (int64_t q = 0; q < ow; q++)
                    line[q] += s->tap[i] * row[q];
            }
        }
        for (int64_t q = 0; q < ow; q++) {
            double a = out[q], b = out[B * s->w + q], aa = a * a, bb = b * b, ab = a * b;
            double v1 = 2 * (out[AB * s->w + q] - ab) + c2;
            double v2 = out[AA * s->w + q] - aa + (out[BB * s->w + q] - bb) + c2;
            contrast += v1 / v2;
            similarity += (2 * ab + c1) * v1 / ((aa + bb + c1) * v2);
        }
        s->m->terms[2 * p] = contrast;
        s->m->terms[2 * p + 1] = similarity;
    }
}

// To half the size by means of 2 x 2 pixels; what lies beyond an odd border is its reflection.
static void halve(double *x, int64_t h, int64_t w) {
    int64_t oh = (h + 1) / 2, ow = (w + 1) / 2;
    for (int64_t p = 0; p < oh; p++)
        for (int64_t q = 0; q < ow; q++) {
            const double *up = x + 2 * p * w, *down = 2 * p + 1 < h ? up + w : up;
            int64_t left = 2 * q, right = left + 1 < w ? left + 1 : left;
            x[p * ow + q] = (up[left] + up[right] + (down[left] + down[right])) / 4;
        }
}

// Adds the means of both terms, over this channel's pixels, to each scale's.
static void add_channel(atl_msssim *m, double contrast[SCALES], double similarity[SCALES]) {
    int64_t h = m->h, w = m->w;
    for (int i = 0; i < SCALES; i++) {
        scale s = scale_of(m, h, w);
        int64_t oh = h - s.size + 1, ow = w - s.size + 1;
        atl_team_run(m->team, h, 4, along_rows, &s);
        atl_team_run(m->team, oh, 4, down_columns, &s);
        double sums[2] = { 0, 0 };
        for (int64_t p = 0; p < oh; p++)
            sums[0] += m->terms[2 * p], sums[1] += m->terms[2 * p + 1];
        contrast[i] += sums[0] / (double)(oh * ow) / m->c;
        similarity[i] += sums[1] / (double)(oh * ow) / m->c;
        halve(m->a, h, w);
        halve(m->b, h, w);
        h = (h + 1) / 2, w = (w + 1) / 2;
    }
}

double atl_msssim_pair(atl_msssim *m, const uint8_t *a, const uint8_t *b) {
    double contrast[SCALES] = { 0 }, similarity[SCALES] = { 0 }, product = 1;
    int64_t pixels = m->h * m->w;
    for (int k = 0; k < m->c; k++) {
        for (int64_t i = 0; i < pixels; i++) {
            m->a[i] = a[k * pixels + i];
            m->b[i] = b[k * pixels + i];
        }
        add_channel(m, contrast, similarity);
    }
    for (int i = 0; i < SCALES; i++) // a negative mean, of pictures that are opposite, counts as 0
        product *= pow(fmax(i < SCALES - 1 ? contrast[i] : similarity[i], 0), weights[i]);
    return product;
}
