// SPDX-License-Identifier: Apache-2.0
// Kernel Inception distance: see kid.h.
#include "metrics/kid.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "cpu/matrix.h"

enum { GENERATED, REAL, SIDES };

typedef struct subset {
    atl_ctx *ctx;
    const float *features[SIDES]; // [.., width]
    int32_t *rows[SIDES];         // [size]
    int64_t size, width;
    float *taken[SIDES]; // [size, width]
    double *kernel;      // [size, size]
    double *near[SIDES]; // [size]: the mean kernel with the others of its side, less that with the other side
} subset;

static void close_subset(subset *s) {
    for (int k = 0; k < SIDES; k++) {
        atl_free(s->ctx, s->rows[k]);
        atl_free(s->ctx, s->taken[k]);
        atl_free(s->ctx, s->near[k]);
    }
    atl_free(s->ctx, s->kernel);
}

static atl_status open_subset(subset *s) {
    size_t size = (size_t)s->size;
    s->kernel = atl_alloc(s->ctx, size, size * sizeof *s->kernel);
    bool good = s->kernel;
    for (int k = 0; k < SIDES; k++) {
        s->rows[k] = atl_alloc(s->ctx, size, sizeof *s->rows[k]);
        s->taken[k] = atl_alloc(s->ctx, size, (size_t)s->width * sizeof *s->taken[k]);
        s->near[k] = atl_alloc(s->ctx, size, sizeof *s->near[k]);
        good = good && s->rows[k] && s->taken[k] && s->near[k];
    }
    if (!good)
        close_subset(s);
    return good ? ATL_OK : ATL_NO_MEMORY;
}

static double cubic(double product, int64_t width) {
    double x = product / (double)width + 1;
    return x * x * x;
}

static atl_status products(subset *s, int a, int b) {
    atl_matrix left = atl_matrix_of_floats(s->taken[a], s->width),
               right = atl_matrix_of_floats(s->taken[b], s->width);
    memset(s->kernel, 0, (size_t)(s->size * s->size) * sizeof *s->kernel);
    return atl_matrix_add_product(s->ctx, s->kernel, s->size, s->size, s->width, left,
                                  atl_matrix_transposed(right), 1, a == b);
}

// Each sample's mean kernel with the others of its side; returns their sum.
static atl_status within(subset *s, int side, double *sum) {
    double *near = s->near[side], others = (double)(s->size - 1);
    ATL_TRY(products(s, side, side));
    memset(near, 0, (size_t)s->size * sizeof *near);
    for (int64_t i = 0; i < s->size; i++)
        for (int64_t j = 0; j < i; j++) {
            double k = cubic(s->kernel[i * s->size + j], s->width) / others;
            near[i] += k;
            near[j] += k;
        }
    *sum = 0;
    for (int64_t i = 0; i < s->size; i++)
        *sum += near[i];
    return ATL_OK;
}

static atl_status between(subset *s, double *sum) {
    ATL_TRY(products(s, GENERATED, REAL));
    *sum = 0;
    for (int64_t i = 0; i < s->size; i++)
        for (int64_t j = 0; j < s->size; j++) {
            double k = cubic(s->kernel[i * s->size + j], s->width) / (double)s->size;
            *sum += k;
            s->near[GENERATED][i] -= k;
            s->near[REAL][j] -= k;
        }
    return ATL_OK;
}

static atl_status measure(subset *s, double *kid) {
    double generated, real, both;
    for (int k = 0; k < SIDES; k++)
        for (int64_t i = 0; i < s->size; i++)
            memcpy(s->taken[k] + i * s->width, s->features[k] + s->rows[k][i] * s->width,
                   (size_t)s->width * sizeof(float));
    ATL_TRY(within(s, GENERATED, &generated));
    ATL_TRY(within(s, REAL, &real));
    ATL_TRY(between(s, &both));
    *kid = (generated + real - 2 * both) / (double)s->size;
    return ATL_OK;
}

static double variance(const double *x, int64_t n) {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return squares / (double)(n - 1);
}

atl_status atl_kid_of(atl_ctx *ctx, const float *generated, const int32_t *generated_rows, const float *real,
                      const int32_t *real_rows, int64_t size, int64_t width, double *kid) {
    subset s = { .ctx = ctx, .features = { generated, real }, .size = size, .width = width };
    if (size < 2)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "KID needs subsets of two samples or more, not %lld",
                        (long long)size);
    ATL_TRY(open_subset(&s));
    memcpy(s.rows[GENERATED], generated_rows, (size_t)size * sizeof(int32_t));
    memcpy(s.rows[REAL], real_rows, (size_t)size * sizeof(int32_t));
    atl_status status = measure(&s, kid);
    close_subset(&s);
    return status;
}

// The error of the mean over subsets.  That of the samples: to first order a distance is a mean over samples
// of twice what each is nearer to its own side (`near`); within a subset that is known with noise, which
// makes the error rather too large.  And that of the choice: what subsets scatter by, over the root of their
// number.
static atl_status measure_all(subset *s, const int64_t *samples, const atl_kid_options *o,
                              const atl_watch *watch, atl_estimate *kid) {
    double *values = atl_alloc(s->ctx, (size_t)o->subsets, sizeof *values), first_order = 0;
    atl_status status = values ? ATL_OK : ATL_NO_MEMORY;
    for (int i = 0; i < o->subsets && status == ATL_OK; i++) {
        status = atl_watch_ask(s->ctx, watch, i, o->subsets);
        for (int k = 0; k < SIDES && status == ATL_OK; k++) {
            uint64_t stream = UINT64_C(0x6b6964) << 32 | (uint64_t)i << 1 | (uint64_t)k;
            status = atl_estimate_choose(s->ctx, o->seed, stream, samples[k], s->size, s->rows[k]);
        }
        if (status == ATL_OK)
            status = measure(s, &values[i]);
        for (int k = 0; k < SIDES && status == ATL_OK; k++)
            first_order += 4 * variance(s->near[k], s->size) / (double)samples[k] / o->subsets;
    }
    if (status == ATL_OK) {
        atl_estimate mean = atl_estimate_mean(values, o->subsets);
        double scatter = o->subsets > 1 ? mean.error : 0;
        *kid = (atl_estimate){ mean.value, sqrt(first_order + scatter * scatter),
                               "first-order variance of the samples" };
    }
    atl_free(s->ctx, values);
    return status;
}

atl_status atl_kid(atl_ctx *ctx, const float *generated, int64_t n, const float *real, int64_t m,
                   int64_t width, const atl_kid_options *o, const atl_watch *watch, atl_estimate *kid) {
    const int64_t samples[SIDES] = { n, m };
    subset s = { .ctx = ctx, .features = { generated, real }, .size = o->subset_size, .width = width };
    for (int k = 0; k < SIDES; k++)
        s.size = samples[k] < s.size ? samples[k] : s.size;
    if (s.size < 2 || o->subsets < 1 || n > INT32_MAX || m > INT32_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "KID of %lld and %lld samples in %d subsets: two samples are needed", (long long)n,
                        (long long)m, o->subsets);
    ATL_TRY(open_subset(&s));
    atl_status status = measure_all(&s, samples, o, watch, kid);
    close_subset(&s);
    return status;
}
