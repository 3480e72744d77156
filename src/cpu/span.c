// SPDX-License-Identifier: Apache-2.0
// Each element for itself, so the number of threads changes no bit.
#include "cpu/span.h"

#include <math.h>
#include <string.h>

enum { GRAIN = 1 << 15 }; // floats that are done before a thread has woken

typedef struct sum {
    float *to;
    const float *x;
    float factor;
} sum;

static void add_some(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const sum s = *(const sum *)job;
    for (int64_t i = first; i < end; i++)
        s.to[i] += s.factor * s.x[i];
}

void atl_cpu_accumulate(float *to, const float *x, size_t count, float scale, atl_team *team) {
    atl_team_run(team, (int64_t)count, GRAIN, add_some, &(sum){ to, x, scale });
}

static void average_some(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const sum s = *(const sum *)job;
    for (int64_t i = first; i < end; i++)
        s.to[i] = s.x[i] + (s.to[i] - s.x[i]) * s.factor;
}

void atl_cpu_average(float *to, const float *x, size_t count, float beta, atl_team *team) {
    if (beta == 0.0f) {
        memcpy(to, x, count * sizeof *to);
        return;
    }
    atl_team_run(team, (int64_t)count, GRAIN, average_some, &(sum){ to, x, beta });
}

static float finite(float x, float limit) {
    return isfinite(x) ? x : isnan(x) ? 0.0f : x > 0.0f ? limit : -limit;
}

static void adam_some(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const atl_adam_span *s = job;
    const float *grad = s->gradient, beta1 = s->beta1, beta2 = s->beta2, rate = s->rate, root = s->root,
                eps = s->eps;
    float *m = s->m, *v = s->v, *x = s->x;
    for (int64_t i = first; i < end; i++)
        if (!isfinite(s->gradient[i]))
            s->gradient[i] = finite(s->gradient[i], s->limit);
    for (int64_t i = first; i < end; i++) {
        m[i] += (grad[i] - m[i]) * (1.0f - beta1);
        v[i] = v[i] * beta2 + grad[i] * grad[i] * (1.0f - beta2);
        x[i] -= rate * m[i] / (sqrtf(v[i]) / root + eps);
    }
}

void atl_cpu_adam(const atl_adam_span *s, atl_team *team) {
    atl_adam_span span = *s;
    atl_team_run(team, (int64_t)s->count, GRAIN, adam_some, &span);
}
