// SPDX-License-Identifier: Apache-2.0
// What a plan is made of and what it costs: its steps, their work by the direct algorithms, its memory, its
// time.
#ifndef ATL_GRAPH_MEASURE_H
#define ATL_GRAPH_MEASURE_H

#include "graph/plan.h"

int atl_plan_steps(const atl_plan *plan);    // number of kernel calls of a run
size_t atl_plan_bytes(const atl_plan *plan); // of its block: results and workspaces
double atl_plan_flops(const atl_plan *plan); // of the direct algorithms

typedef struct atl_step_info {
    const atl_node *node; // after fusion
    const char *name;     // layer, else scope
    const char *kernel;
    double flops;
    uint32_t packed; // bit i: source i was transformed while planning and is not read by runs
} atl_step_info;
atl_step_info atl_plan_step(const atl_plan *plan, int index);

// Times `runs` runs step by step, each step alone and in turn with the others, so that caches are as in a
// run. ms [atl_plan_steps()]: each step's median.  NULL: whole runs are timed.  *total (may be NULL): the
// runs' median, in milliseconds; of whole runs, or of the sums of their steps.
atl_status atl_plan_time(atl_plan *plan, int runs, double *ms, double *total);

double atl_now_ms(void);                      // a clock that only goes forward
double atl_median(double *values, int count); // sorts them

#endif
