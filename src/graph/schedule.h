// SPDX-License-Identifier: Apache-2.0
// The last pass of planning, shared by a plan and by the small plan that folds its constants.
#ifndef ATL_GRAPH_SCHEDULE_H
#define ATL_GRAPH_SCHEDULE_H

#include "graph/plan.h"

// Fills values, views and steps of a plan whose clones are in place, prepares kernels, places memory.
// outputs: by clone, must be readable after a run.
atl_status atl_schedule(atl_plan *plan, const bool *outputs);

// Hands memory (from atl_pages_alloc) to the plan; it is released at once when the plan has no room to note
// it.
atl_status atl_plan_keep(atl_plan *plan, float *values);

// The value in whose memory this one lies: itself, or one that it overwrites.
int atl_value_root(const atl_plan *plan, int value);

#endif
