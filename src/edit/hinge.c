// SPDX-License-Identifier: Apache-2.0
// The linear support vector machine that InterFaceGAN's boundaries come from (hinge loss, free intercept), by
// sequential minimal optimisation: of the dual's numbers two move at a time, those that violate the
// conditions of the optimum the most, chosen by second order (Fan, Chen and Lin 2005).
#include <math.h>
#include <string.h>

#include "cpu/matrix.h"
#include "edit/fit.h"

typedef struct dual {
    atl_ctx *ctx;
    const int8_t *sign;
    int64_t n;
    double c;
    double *k;     // [n, n]: products of samples
    double *alpha; // [n], 0 to c
    double *grad;  // [n]: sign[i] w.x[i] - 1
} dual;

// Whether alpha[i] sign[i] can grow, or fall.
static bool can_rise(const dual *s, int64_t i) {
    return s->sign[i] > 0 ? s->alpha[i] < s->c : s->alpha[i] > 0;
}

static bool can_fall(const dual *s, int64_t i) {
    return s->sign[i] > 0 ? s->alpha[i] > 0 : s->alpha[i] < s->c;
}

static double pull(const dual *s, int64_t i) {
    return -(double)s->sign[i] * s->grad[i];
}

static double curve(const dual *s, int64_t i, int64_t j) {
    double a = s->k[i * s->n + i] + s->k[j * s->n + j] - 2 * s->k[i * s->n + j];
    return a > 1e-12 ? a : 1e-12; // two samples in one place
}

// The pair to move, *i up and *j down; returns how far the conditions are violated, 0 when they can't be.
static double choose(const dual *s, int64_t *i, int64_t *j) {
    double high = -INFINITY, low = INFINITY, best = 0;
    *i = *j = -1;
    for (int64_t t = 0; t < s->n; t++)
        if (can_rise(s, t) && pull(s, t) > high)
            high = pull(s, t), *i = t;
    for (int64_t t = 0; t < s->n && *i >= 0; t++) {
        if (!can_fall(s, t))
            continue;
        double p = pull(s, t), apart = high - p;
        low = fmin(low, p);
        if (apart > 0 && apart * apart / curve(s, *i, t) > best)
            best = apart * apart / curve(s, *i, t), *j = t;
    }
    return *j >= 0 ? high - low : 0;
}

static void move(dual *s, int64_t i, int64_t j) {
    double by = (pull(s, i) - pull(s, j)) / curve(s, i, j);
    by = fmin(by, s->sign[i] > 0 ? s->c - s->alpha[i] : s->alpha[i]);
    by = fmin(by, s->sign[j] > 0 ? s->alpha[j] : s->c - s->alpha[j]);
    s->alpha[i] += (double)s->sign[i] * by;
    s->alpha[j] -= (double)s->sign[j] * by;
    s->alpha[i] = fmin(fmax(s->alpha[i], 0), s->c); // rounding
    s->alpha[j] = fmin(fmax(s->alpha[j], 0), s->c);
    for (int64_t t = 0; t < s->n; t++)
        s->grad[t] += (double)s->sign[t] * by * (s->k[i * s->n + t] - s->k[j * s->n + t]);
}

// The intercept: the mean of what samples on the margin say, or the middle of what the others allow.
static double intercept(const dual *s) {
    double sum = 0, high = -INFINITY, low = INFINITY;
    int64_t free = 0;
    for (int64_t i = 0; i < s->n; i++) {
        if (s->alpha[i] > 0 && s->alpha[i] < s->c)
            sum += pull(s, i), free++;
        if (can_rise(s, i))
            high = fmax(high, pull(s, i));
        if (can_fall(s, i))
            low = fmin(low, pull(s, i));
    }
    return free ? sum / (double)free : (high + low) / 2;
}

static atl_status descend(dual *s) {
    int64_t most = 100 * s->n > 1000000 ? 100 * s->n : 1000000;
    for (int64_t i = 0; i < s->n; i++)
        s->alpha[i] = 0, s->grad[i] = -1;
    for (int64_t step = 0; step < most; step++) {
        int64_t i, j;
        if (choose(s, &i, &j) < 1e-5) // a hundredth of what the usual program stops at
            return ATL_OK;
        move(s, i, j);
    }
    return atl_fail(s->ctx, ATL_INTERNAL, "no boundary was found in %lld steps; a smaller penalty helps",
                    (long long)most);
}

atl_status atl_hinge_fit(atl_ctx *ctx, const float *x, const int8_t *sign, int64_t n, int64_t width, double c,
                         double *w, double *b) {
    dual s = { .ctx = ctx, .sign = sign, .n = n, .c = c };
    s.k = atl_calloc(ctx, (size_t)n, (size_t)n * sizeof *s.k);
    s.alpha = atl_alloc(ctx, (size_t)n, 2 * sizeof *s.alpha);
    s.grad = s.alpha + n;
    atl_matrix rows = atl_matrix_of_floats(x, width);
    atl_status status = s.k && s.alpha ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = atl_matrix_add_product(ctx, s.k, n, n, width, rows, atl_matrix_transposed(rows), 1, true);
    if (status == ATL_OK) {
        atl_matrix_mirror(s.k, n);
        status = descend(&s);
    }
    if (status == ATL_OK) {
        memset(w, 0, (size_t)width * sizeof *w);
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < width; k++)
                w[k] += (double)sign[i] * s.alpha[i] * (double)x[i * width + k];
        *b = intercept(&s);
    }
    atl_free(ctx, s.k);
    atl_free(ctx, s.alpha);
    return status;
}
