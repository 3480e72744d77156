// SPDX-License-Identifier: Apache-2.0
// Each element for itself, so the number of threads changes no bit.
#include "cpu/span.h"

#include <math.h>
#include <string.h>

enum { SMALL = 1 << 15 }; // floats that are done before threads have woken

void atl_cpu_accumulate(float *to, const float *x, size_t count, float scale, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static) if (count > SMALL)
    for (size_t i = 0; i < count; i++)
        to[i] += scale * x[i];
}

void atl_cpu_average(float *to, const float *x, size_t count, float beta, int threads) {
    if (beta == 0.0f) {
        memcpy(to, x, count * sizeof *to);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(static) if (count > SMALL)
    for (size_t i = 0; i < count; i++)
        to[i] = x[i] + (to[i] - x[i]) * beta;
}

static float finite(float x, float limit) {
    return isfinite(x) ? x : isnan(x) ? 0.0f : x > 0.0f ? limit : -limit;
}

void atl_cpu_adam(const atl_adam_span *s, int threads) {
    const float *grad = s->gradient, beta1 = s->beta1, beta2 = s->beta2, rate = s->rate, root = s->root,
                eps = s->eps;
    float *m = s->m, *v = s->v, *x = s->x;
    for (size_t i = 0; i < s->count; i++)
        if (!isfinite(s->gradient[i]))
            s->gradient[i] = finite(s->gradient[i], s->limit);
#pragma omp parallel for num_threads(threads) schedule(static) if (s->count > SMALL)
    for (size_t i = 0; i < s->count; i++) {
        m[i] += (grad[i] - m[i]) * (1.0f - beta1);
        v[i] = v[i] * beta2 + grad[i] * grad[i] * (1.0f - beta2);
        x[i] -= rate * m[i] / (sqrtf(v[i]) / root + eps);
    }
}
