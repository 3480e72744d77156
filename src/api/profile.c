// SPDX-License-Identifier: Apache-2.0
// Measurement: whole runs, and step by step.
#define _POSIX_C_SOURCE 200809L // clock_gettime
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/model_api.h"

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

// Each step alone, `runs` times in turn with the others, so that caches are as in a real run.
static atl_status time_steps(atl_plan *p, int runs, double *ms) {
    for (int r = 0; r < runs; r++)
        for (int t = 0; t < p->n_steps; t++) {
            double start = now_ms();
            ATL_TRY(p->backend->run(p->backend, &p->steps[t], 1, &p->run));
            ms[t * runs + r] = now_ms() - start;
        }
    return ATL_OK;
}

static atl_status profile_layers(atl_model *m, atl_plan *p, int runs, atl_profile *out) {
    double *ms = atl_alloc(m->ctx, (size_t)p->n_steps * (size_t)runs, sizeof *ms);
    out->layers = atl_calloc(m->ctx, (size_t)p->n_steps, sizeof *out->layers);
    atl_status status = ms && out->layers ? time_steps(p, runs, ms) : ATL_NO_MEMORY;
    for (int t = 0; status == ATL_OK && t < p->n_steps; t++) {
        const atl_step *step = &p->steps[t];
        const atl_shape *s = &step->node->shape;
        atl_layer_time *l = &out->layers[out->layer_count++];
        *l = (atl_layer_time){ atl_step_name(step), step->kernel, { 1, 1, 1, 1 }, median(ms + t * runs, runs),
                               atl_step_flops(step) * 1e-9 };
        static const int field[4] = { 0, 3, 1, 2 };
        for (int i = 0; i < s->rank && i < 4; i++)
            l->dims[i] = s->d[s->rank == 4 ? field[i] : i];
    }
    atl_free(m->ctx, ms);
    return status;
}

atl_status atl_model_profile(atl_model *m, int n, int warmup, int runs, int layers, atl_profile *profile) {
    atl_function *f;
    memset(profile, 0, sizeof *profile);
    if (runs < 1 || runs > 10000 || warmup < 0)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%d runs are not possible: 1 to 10000 are", runs);
    if (!m->row->synthesize)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is a %s, and a generator is measured", m->net, m->row->role);
    int part = n > 0 ? atl_model_part(m, n) : n, parts = n > 0 ? (n + part - 1) / part : 1;
    ATL_TRY(atl_model_function(m, ATL_CACHED_SYNTHESIS, part, ATL_NOISE_CONST, false, &f));
    size_t count = (size_t)atl_shape_count(&f->inputs[0]->shape);
    float *ws = atl_calloc(m->ctx, count, sizeof *ws);
    double *ms = atl_alloc(m->ctx, (size_t)runs, sizeof *ms);
    atl_status status = ws && ms ? ATL_OK : ATL_NO_MEMORY;
    for (size_t i = 0; status == ATL_OK && i < count; i++)
        ws[i] = (float)((double)(i * 2654435761u % 4096) / 1024.0 - 2.0);
    if (status == ATL_OK)
        atl_plan_write(f->plan, f->inputs[0], ws);
    if (status == ATL_OK && f->noise.transform)
        atl_plan_write(f->plan, f->noise.transform, (const float[9]){ 1, 0, 0, 0, 1, 0, 0, 0, 1 });
    for (int i = -warmup; status == ATL_OK && i < runs; i++) {
        double start = now_ms();
        for (int k = 0; status == ATL_OK && k < parts; k++)
            status = atl_plan_run(f->plan);
        if (i >= 0)
            ms[i] = now_ms() - start;
    }
    if (status == ATL_OK) {
        profile->ms = median(ms, runs) * n / (part * parts); // the last part may be smaller than the others
        for (int t = 0; t < f->plan->n_steps; t++)
            profile->direct_gflop += atl_step_flops(&f->plan->steps[t]) * 1e-9 * n / f->n;
        if (layers)
            status = profile_layers(m, f->plan, runs, profile);
    }
    atl_free(m->ctx, ws);
    atl_free(m->ctx, ms);
    if (status != ATL_OK)
        atl_profile_clear(m->ctx, profile);
    return status;
}

void atl_profile_clear(atl_ctx *ctx, atl_profile *profile) {
    atl_free(ctx, profile->layers);
    memset(profile, 0, sizeof *profile);
}
