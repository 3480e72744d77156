// SPDX-License-Identifier: Apache-2.0
// The support vector machine: see svm.h.  Newton's method: the loss is quadratic as long as the same samples
// are within the margin, so a step with its full Hessian reaches the minimum once these are known (Keerthi
// and DeCoste 2005); an exact search along the step makes it converge from anywhere.
#include "metrics/svm.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/team.h"
#include "cpu/matrix.h"

enum { MOST_STEPS = 200, GATHER = 1024 };

typedef struct svm {
    atl_ctx *ctx;
    atl_team *team;
    const float *x;
    const int8_t *sign;
    int64_t n, width;
    double c;
    double *w, *decision;
    double *step, *along; // [width], [n]: its product with the samples
    double *hessian;      // [width, width]
    float *gathered;      // [GATHER, width]
    const double *by;     // what is multiplied now, into:
    double *to;
} svm;

static void multiply_rows(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const svm *s = job;
    for (int64_t i = first; i < end; i++) {
        const float *row = s->x + i * s->width;
        double part[4] = { 0 }; // four chains of additions in the place of one
        int64_t j = 0;
        for (; j + 4 <= s->width; j += 4)
            for (int k = 0; k < 4; k++)
                part[k] += (double)row[j + k] * s->by[j + k];
        for (; j < s->width; j++)
            part[0] += (double)row[j] * s->by[j];
        s->to[i] = part[0] + part[1] + (part[2] + part[3]);
    }
}

static void multiply(svm *s, const double *by, double *to) {
    s->by = by, s->to = to;
    atl_team_run(s->team, s->n, 64, multiply_rows, s);
}

// 1 - sign f, which is positive within the margin
static double slack(const svm *s, int64_t i, double decision) {
    return 1 - (double)s->sign[i] * decision;
}

// The gradient, and the lower half of the Hessian: I + 2 C sum of x xT over samples within the margin.
static atl_status differentiate(svm *s, double *gradient) {
    int64_t width = s->width, gathered = 0;
    memset(s->hessian, 0, (size_t)(width * width) * sizeof *s->hessian);
    memcpy(gradient, s->w, (size_t)width * sizeof *gradient);
    for (int64_t i = 0; i <= s->n; i++) {
        double t = i < s->n ? slack(s, i, s->decision[i]) : 0;
        if (t > 0) {
            const float *row = s->x + i * width;
            double factor = 2 * s->c * (double)s->sign[i] * t;
            for (int64_t j = 0; j < width; j++)
                gradient[j] -= factor * (double)row[j];
            memcpy(s->gathered + gathered++ * width, row, (size_t)width * sizeof *row);
        }
        if (gathered == GATHER || (i == s->n && gathered)) {
            atl_matrix rows = atl_matrix_of_floats(s->gathered, width);
            ATL_TRY(atl_matrix_add_product(s->ctx, s->hessian, width, width, gathered,
                                           atl_matrix_transposed(rows), rows, 1, true));
            gathered = 0;
        }
    }
    for (int64_t i = 0; i < width * width; i++)
        s->hessian[i] *= 2 * s->c;
    for (int64_t i = 0; i < width; i++)
        s->hessian[i * width + i] += 1;
    return ATL_OK;
}

// x = -a^-1 b by Cholesky's factor, which takes the place of a's lower half; a - I has no negative
// eigenvalues.
static void solve(double *a, int64_t n, const double *b, double *x) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = a[i * n + j];
            for (int64_t l = 0; l < j; l++)
                sum -= a[i * n + l] * a[j * n + l];
            a[i * n + j] = j < i ? sum / a[j * n + j] : sqrt(sum);
        }
    for (int64_t i = 0; i < n; i++) {
        double sum = -b[i];
        for (int64_t l = 0; l < i; l++)
            sum -= a[i * n + l] * x[l];
        x[i] = sum / a[i * n + i];
    }
    for (int64_t i = n - 1; i >= 0; i--) {
        for (int64_t l = i + 1; l < n; l++)
            x[i] -= a[l * n + i] * x[l];
        x[i] /= a[i * n + i];
    }
}

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

// How far along the step the loss is least.  Its derivative grows all the way, in straight pieces, and is
// negative at 0: Newton's method on it, kept within what is known to hold the zero.
static double how_far(const svm *s) {
    double low = 0, high = INFINITY, t = 1;
    double from = dot(s->w, s->step, s->width), grows = dot(s->step, s->step, s->width);
    for (int k = 0; k < 100; k++) {
        double slope = from + t * grows, curve = grows;
        for (int64_t i = 0; i < s->n; i++) {
            double out = slack(s, i, s->decision[i] + t * s->along[i]);
            if (out > 0) {
                slope -= 2 * s->c * (double)s->sign[i] * out * s->along[i];
                curve += 2 * s->c * s->along[i] * s->along[i];
            }
        }
        if (slope > 0)
            high = t;
        else
            low = t;
        double next = t - slope / curve;
        if (!(next > low && next < high))
            next = isfinite(high) ? low + (high - low) / 2 : 2 * t;
        if (fabs(next - t) <= 1e-14 * t)
            break;
        t = next;
    }
    return t;
}

static atl_status descend(svm *s, double *gradient) {
    double first = 0;
    for (int k = 0; k < MOST_STEPS; k++) {
        ATL_TRY(differentiate(s, gradient));
        double size = sqrt(dot(gradient, gradient, s->width));
        if (k == 0)
            first = size;
        if (!isfinite(size))
            return atl_fail(s->ctx, ATL_BAD_ARGUMENT,
                            "latents that are separated have numbers that are not finite");
        if (size <= 1e-12 * first) // ten digits of the weights
            return ATL_OK;
        solve(s->hessian, s->width, gradient, s->step);
        multiply(s, s->step, s->along);
        double t = how_far(s), largest = 0, change = 0;
        for (int64_t j = 0; j < s->width; j++) {
            s->w[j] += t * s->step[j];
            largest = fmax(largest, fabs(s->w[j]));
            change = fmax(change, fabs(t * s->step[j]));
        }
        multiply(s, s->w, s->decision);
        if (change <= 1e-13 * largest) // rounding
            return ATL_OK;
    }
    return atl_fail(s->ctx, ATL_INTERNAL, "a boundary in latent space was not found in %d steps", MOST_STEPS);
}

atl_status atl_svm_fit(atl_ctx *ctx, const float *x, const int8_t *sign, int64_t n, int64_t width, double c,
                       double *w, double *decision) {
    svm s = {
        .ctx = ctx, .x = x, .sign = sign, .n = n, .width = width, .c = c, .w = w, .decision = decision
    };
    size_t columns = (size_t)width;
    ATL_TRY(atl_team_open(ctx, ctx->threads, &s.team));
    s.step = atl_alloc(ctx, columns, 2 * sizeof *s.step); // and the gradient
    s.along = atl_alloc(ctx, (size_t)n, sizeof *s.along);
    s.hessian = atl_alloc(ctx, columns, columns * sizeof *s.hessian);
    s.gathered = atl_alloc(ctx, columns, GATHER * sizeof *s.gathered);
    memset(w, 0, columns * sizeof *w);
    memset(decision, 0, (size_t)n * sizeof *decision);
    atl_status status = ATL_NO_MEMORY;
    if (s.step && s.along && s.hessian && s.gathered)
        status = descend(&s, s.step + width);
    atl_free(ctx, s.step);
    atl_free(ctx, s.along);
    atl_free(ctx, s.hessian);
    atl_free(ctx, s.gathered);
    atl_team_close(&s.team);
    return status;
}
