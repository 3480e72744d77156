// SPDX-License-Identifier: Apache-2.0
// Memory that threads share without sharing a context: one who wants much waits until the others have given
// back.
#ifndef ATL_BASE_BUDGET_H
#define ATL_BASE_BUDGET_H

#include "base/ctx.h"

typedef struct atl_budget atl_budget;

// `most` bytes for all contexts whose field `budget` points here.  Close it when none of them is used any
// more.
atl_status atl_budget_open(atl_ctx *ctx, size_t most, atl_budget **budget);
void atl_budget_close(atl_budget **budget);

// Waits until `bytes` are left, or nobody else holds any: one who wants more than there is works alone.  Who
// holds some already doesn't wait, else two could wait for each other.  Without a budget nothing happens.
void atl_budget_take(atl_ctx *ctx, size_t bytes);
void atl_budget_give(atl_ctx *ctx); // all that was taken

#endif
