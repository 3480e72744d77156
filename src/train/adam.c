// SPDX-License-Identifier: Apache-2.0
// Adam and moving averages.  Plain loops over spans: they are memory-bound and a small part of a step.
#include "train/adam.h"

#include <math.h>
#include <string.h>

atl_adam_options atl_adam_lazy(atl_adam_options o, int interval) {
    double c = (double)interval / ((double)interval + 1.0);
    o.lr = (float)((double)o.lr * c);
    o.beta1 = o.beta1 > 0.0f ? (float)pow((double)o.beta1, c) : 0.0f;
    o.beta2 = o.beta2 > 0.0f ? (float)pow((double)o.beta2, c) : 0.0f;
    return o;
}

atl_status atl_adam_init(atl_adam *a, const atl_params *params, const atl_adam_options *options) {
    *a = (atl_adam){ .ctx = params->ctx, .options = *options, .total = params->total, .n_parts = params->size };
    const atl_adam_options *o = options;
    bool valid = o->lr >= 0.0f && o->beta1 >= 0.0f && o->beta1 < 1.0f && o->beta2 >= 0.0f && o->beta2 < 1.0f;
    if (!valid || !(o->eps > 0.0f))
        return atl_fail(a->ctx, ATL_BAD_ARGUMENT,
                        "Adam can't work with a rate of %g, betas %g and %g, eps %g: betas are from 0 to below 1",
                        (double)o->lr, (double)o->beta1, (double)o->beta2, (double)o->eps);
    a->m = atl_calloc(a->ctx, a->total ? a->total : 1, sizeof *a->m);
    a->v = atl_calloc(a->ctx, a->total ? a->total : 1, sizeof *a->v);
    a->parts = atl_calloc(a->ctx, a->n_parts ? a->n_parts : 1, sizeof *a->parts);
    if (!a->m || !a->v || !a->parts) {
        atl_adam_clear(a);
        return ATL_NO_MEMORY;
    }
    for (size_t i = 0; i < a->n_parts; i++)
        a->parts[i] = (atl_adam_part){ params->list[i].offset, params->list[i].count, 0 };
    return ATL_OK;
}

void atl_adam_clear(atl_adam *a) {
    if (a->ctx) {
        atl_free(a->ctx, a->m);
        atl_free(a->ctx, a->v);
        atl_free(a->ctx, a->parts);
    }
    memset(a, 0, sizeof *a);
}

void atl_adam_reset(atl_adam *a) {
    memset(a->m, 0, a->total * sizeof *a->m);
    memset(a->v, 0, a->total * sizeof *a->v);
    for (size_t i = 0; i < a->n_parts; i++)
        a->parts[i].steps = 0;
}

void atl_adam_step(atl_adam *a, size_t index, float *w, const float *grad) {
    atl_adam_part *part = &a->parts[index];
    const atl_adam_options *o = &a->options;
    double t = (double)++part->steps;
    // corrected for moments that started at zero
    float rate = (float)((double)o->lr / (1.0 - pow((double)o->beta1, t)));
    float root = (float)sqrt(1.0 - pow((double)o->beta2, t));
    float *m = a->m + part->first, *v = a->v + part->first, *x = w + part->first;
#pragma omp parallel for num_threads(a->ctx->threads) schedule(static) if (part->count > 1 << 15)
    for (size_t i = 0; i < part->count; i++) {
        m[i] += (grad[i] - m[i]) * (1.0f - o->beta1);
        v[i] = v[i] * o->beta2 + grad[i] * grad[i] * (1.0f - o->beta2);
        x[i] -= rate * m[i] / (sqrtf(v[i]) / root + o->eps);
    }
}

void atl_make_finite(float *x, size_t count, float limit) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            x[i] = isnan(x[i]) ? 0.0f : x[i] > 0.0f ? limit : -limit;
}

float atl_ema_beta(double batch, double kimg, double rampup, double images) {
    double half_life = kimg * 1000.0;
    if (rampup > 0.0)
        half_life = fmin(half_life, images * rampup);
    return (float)pow(0.5, batch / fmax(half_life, 1e-8));
}

atl_status atl_ema_update(atl_params *average, const atl_params *w, float beta) {
    for (size_t i = 0; i < w->size; i++) {
        const atl_param *from = &w->list[i], *to = atl_params_find(average, from->name);
        if (!to || to->count != from->count)
            return atl_fail(w->ctx, ATL_BAD_ARGUMENT, "the averaged network has no %s of %zu numbers", from->name,
                            from->count);
        const float *x = atl_param_data(w, from);
        float *y = atl_param_data(average, to);
        if (from->buffer)
            memcpy(y, x, from->count * sizeof *y);
        for (size_t k = 0; !from->buffer && k < from->count; k++)
            y[k] = x[k] + (y[k] - x[k]) * beta;
    }
    return ATL_OK;
}
