// SPDX-License-Identifier: Apache-2.0
// The gradient of one phase against central differences of its loss.
#ifndef ATL_TESTS_TRAIN_DIFFERENCES_H
#define ATL_TESTS_TRAIN_DIFFERENCES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "train/trainer.h"

// Losses change by these parts of them.  They are float32, so of the smallest change some 1e-3 is rounding;
// larger ones turn more ReLUs.  Both go either way, so means have less of them.
enum { STEPS = 8 };
static const double PARTS[STEPS] = { 3e-4, 4e-4, 5e-4, 6e-4, 7e-4, 8e-4, 9e-4, 1e-3 }, BOUND = 1e-3;

static inline void ok(const atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static inline void write_inputs(const atl_trainer *t, const atl_phase *p) {
    atl_draw_run run = { .trainer = t, .phase = p->number, .seed = 3, .step = 1, .n = p->n, .team = t->team };
    atl_draw_inputs(&run, p, p->plan, t->scratch);
}

static inline double loss_at(const atl_trainer *t, atl_phase *p, float *unused) {
    float loss;
    write_inputs(t, p);
    ok(t->ctx, atl_phase_run(p, 1.0f, unused));
    assert_true(atl_plan_read(p->plan, p->loss, &loss));
    return (double)loss;
}

static inline void move(atl_params *params, const float *from, const float *gradient, double step) {
    for (size_t i = 0; i < params->total; i++)
        params->data[i] = (float)((double)from[i] + step * (double)gradient[i]);
    params->version++;
}

// Along the gradient: (L(w + h g) - L(w - h g)) / 2h = |g|^2, for small changes of L.
static inline void check_gradient(atl_trainer *t, int row) {
    const atl_phase_setup setup = { .networks = { &t->g, &t->d }, .options = &t->options, .whole = true };
    atl_phase p;
    ok(t->ctx, atl_phase_make(t->ctx, t->backend, t->recipe, row, t->phases[row].n, &setup, &p));
    atl_params *params = &p.trained->params;
    float *sum = calloc(2 * params->total, sizeof *sum), *unused = sum + params->total,
          *before = malloc(params->total * sizeof *before);
    void *block = t->backend->alloc(t->backend, atl_phase_bytes(&p));
    assert_true(sum && before && block);
    atl_plan_attach(p.plan, block);
    memcpy(before, params->data, params->total * sizeof *before);
    double loss = loss_at(t, &p, sum), squares = 0.0;
    for (size_t i = 0; i < params->total; i++)
        squares += (double)sum[i] * (double)sum[i];
    assert_true(squares > 0.0 && loss != 0.0);
    double mean = 0.0;
    for (int k = 0; k < STEPS; k++) {
        double h = PARTS[k] * fabs(loss) / squares;
        move(params, before, sum, h);
        double above = loss_at(t, &p, unused);
        move(params, before, sum, -h);
        mean += ((above - loss_at(t, &p, unused)) / (2.0 * h) / squares - 1.0) / STEPS;
    }
    double e = fabs(mean);
    printf("    %-12s %-6s loss %.5f, gradient %.3g, off by %.1e (at most %.0e)\n", t->options.cfg,
           p.row->name, loss, sqrt(squares), e, BOUND);
    assert_true(e <= BOUND);
    move(params, before, sum, 0.0);
    t->backend->release(t->backend, block);
    free(before);
    free(sum);
    atl_phase_clear(&p);
}

#endif
