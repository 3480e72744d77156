// SPDX-License-Identifier: Apache-2.0
// Medians of times, since means follow the one run that something else disturbed.
#include "graph/measure.h"

#include <stdlib.h>

#include "base/clock.h"

double atl_now_ms(void) {
    return 1e-6 * (double)atl_clock_ns();
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double atl_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

int atl_plan_steps(const atl_plan *p) {
    return p->n_steps;
}

size_t atl_plan_bytes(const atl_plan *p) {
    return p->block_bytes;
}

double atl_plan_flops(const atl_plan *p) {
    double sum = 0.0;
    for (int t = 0; t < p->n_steps; t++)
        sum += atl_plan_step(p, t).flops;
    return sum;
}

atl_step_info atl_plan_step(const atl_plan *p, int index) {
    const atl_step *s = &p->steps[index];
    double (*flops)(const atl_node *) = atl_op_table[s->node->op].flops;
    return (atl_step_info){ s->node, atl_step_name(s), s->kernel, flops ? flops(s->node) : 0.0, s->packed };
}

// Milliseconds of `count` steps from `first` on.  A device may still be busy with what came before, and
// returns before it is done.
static atl_status time_steps(atl_plan *p, int first, int count, double *ms) {
    atl_backend *b = p->backend;
    b->wait(b);
    double start = atl_now_ms();
    ATL_TRY(b->run(b, p->steps + first, (size_t)count, &p->run));
    b->wait(b);
    *ms = atl_now_ms() - start;
    return ATL_OK;
}

atl_status atl_plan_time(atl_plan *p, int runs, double *ms, double *total) {
    int parts = ms ? p->n_steps : 1;
    double *all = atl_alloc(p->ctx, ((size_t)parts + 1) * (size_t)runs, sizeof *all);
    double *sums = all + (size_t)parts * (size_t)runs;
    atl_status status = all ? ATL_OK : ATL_NO_MEMORY;
    for (int r = 0; status == ATL_OK && r < runs; r++) {
        sums[r] = 0.0;
        for (int t = 0; status == ATL_OK && t < parts; t++) {
            double *one = &all[(size_t)t * (size_t)runs + (size_t)r];
            status = time_steps(p, t, ms ? 1 : p->n_steps, one);
            sums[r] += *one;
        }
    }
    for (int t = 0; status == ATL_OK && ms && t < parts; t++)
        ms[t] = atl_median(all + (size_t)t * (size_t)runs, runs);
    if (status == ATL_OK && total)
        *total = atl_median(sums, runs);
    atl_free(p->ctx, all);
    return status;
}
