// SPDX-License-Identifier: Apache-2.0
// Directions for scores by least squares: M [count, total] that makes |scores M - x| least, its rows then of
// length 1.  Scores that follow from others would leave M open: of all that do as well, the shortest is
// taken.
#include <math.h>
#include <string.h>

#include "cpu/matrix.h"
#include "edit/fit.h"

typedef struct equations {
    int64_t count, total;
    double *a;                // [count, count]: products of scores
    double *values, *vectors; // its eigenvalues and eigenvectors
    double *b;                // [count, total]: products of scores and samples
    double *m;                // [count, total]
    double *mean, *centre;    // [count], [total]: what is subtracted
} equations;

static void means(const atl_fit *f, equations *s) {
    memset(s->mean, 0, (size_t)s->count * sizeof *s->mean);
    memset(s->centre, 0, (size_t)s->total * sizeof *s->centre);
    for (int64_t i = 0; i < f->n && f->o.centred; i++) {
        for (int64_t j = 0; j < s->count; j++)
            s->mean[j] += f->scores[i * s->count + j] / (double)f->n;
        for (int64_t k = 0; k < s->total; k++)
            s->centre[k] += (double)f->x[i * s->total + k] / (double)f->n;
    }
}

static void products(const atl_fit *f, equations *s) {
    memset(s->a, 0, (size_t)(s->count * s->count) * sizeof *s->a);
    memset(s->b, 0, (size_t)(s->count * s->total) * sizeof *s->b);
    for (int64_t i = 0; i < f->n; i++)
        for (int64_t j = 0; j < s->count; j++) {
            double c = f->scores[i * s->count + j] - s->mean[j];
            for (int64_t l = 0; l <= j; l++)
                s->a[j * s->count + l] += c * (f->scores[i * s->count + l] - s->mean[l]);
            for (int64_t k = 0; k < s->total; k++)
                s->b[j * s->total + k] += c * ((double)f->x[i * s->total + k] - s->centre[k]);
        }
}

// m = sum over eigenvectors v of v (v.b) / value, those of rounding left out.
static void divide(equations *s) {
    memset(s->m, 0, (size_t)(s->count * s->total) * sizeof *s->m);
    for (int64_t e = 0; e < s->count; e++) {
        const double *v = s->vectors + e * s->count;
        if (!(s->values[e] > 1e-13 * s->values[0]))
            continue;
        for (int64_t k = 0; k < s->total; k++) {
            double along = 0;
            for (int64_t j = 0; j < s->count; j++)
                along += v[j] * s->b[j * s->total + k];
            for (int64_t j = 0; j < s->count; j++)
                s->m[j * s->total + k] += v[j] * along / s->values[e];
        }
    }
}

static atl_status make_set(const atl_fit *f, const equations *s, atl_directions **set) {
    float *numbers;
    ATL_TRY(atl_directions_new(f->ctx, (size_t)s->count, f->o.space, f->o.rows, f->o.width, "lstsq", set,
                               &numbers));
    for (int64_t j = 0; j < s->count; j++) {
        double length = 0;
        for (int64_t k = 0; k < s->total; k++)
            length += s->m[j * s->total + k] * s->m[j * s->total + k];
        length = sqrt(length);
        if (!(length > 0))
            return atl_fail(f->ctx, ATL_BAD_ARGUMENT,
                            "score %lld says nothing about the samples: it is the same in all", (long long)j);
        (*set)->list[j].scale = (float)length; // strength 1 is 1 of the score
        for (int64_t k = 0; k < s->total; k++)
            numbers[j * s->total + k] = (float)(s->m[j * s->total + k] / length);
    }
    return ATL_OK;
}

atl_status atl_lstsq_read(atl_fit *f, atl_directions **set) {
    equations s = { .count = f->o.count, .total = f->total };
    size_t c = (size_t)s.count, t = (size_t)s.total;
    if (f->n < s.count)
        return atl_fail(f->ctx, ATL_BAD_ARGUMENT, "%lld samples are too few for directions of %lld scores",
                        (long long)f->n, (long long)s.count);
    double *room =
        atl_alloc(f->ctx, 2 * c + 2 + 2 * t, (c + 1) * sizeof *room); // what follows, and a little more
    if (!room)
        return ATL_NO_MEMORY;
    s.a = room, s.vectors = s.a + c * c, s.values = s.vectors + c * c, s.mean = s.values + c;
    s.b = s.mean + c, s.m = s.b + c * t, s.centre = s.m + c * t;
    means(f, &s);
    products(f, &s);
    atl_status status = atl_matrix_eigenvectors(f->ctx, s.a, s.count, s.values, s.vectors);
    if (status == ATL_OK) {
        divide(&s);
        status = make_set(f, &s, set);
    }
    atl_free(f->ctx, room);
    return status;
}
