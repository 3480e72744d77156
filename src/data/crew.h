// SPDX-License-Identifier: Apache-2.0
// A crew of threads that works through numbers put in at one end and hands the results out at the other
// in the same order, whichever thread is faster.  Each slot of its ring has a context of its own, with
// memory from the C library, which goes from hand to hand with the slot: its message is there when the
// work failed.  Pictures that are decoded at a time share a budget (base/budget.h), of which a work gives
// back when it ends.  The one who opened the crew is the only one who puts in and takes out.
#ifndef ATL_DATA_CREW_H
#define ATL_DATA_CREW_H

#include <stdbool.h>
#include "base/ctx.h"

typedef struct atl_crew atl_crew;

// Does the work for `value`; `slot` keeps what an earlier work left in it, zeros at first.
typedef void (*atl_crew_work)(void *user, atl_ctx *ctx, size_t value, void *slot);
typedef void (*atl_crew_clear)(atl_ctx *ctx, void *slot);

// Starts `threads` threads (at least one) over `depth` slots; `clear` (may be NULL) releases a slot's
// content.
atl_status atl_crew_open(atl_ctx *ctx, int threads, size_t depth, size_t slot_bytes, atl_crew_work work,
                         atl_crew_clear clear, void *user, atl_crew **crew);
void atl_crew_close(atl_crew **crew); // waits for work in progress; the rest is dropped

bool atl_crew_put(atl_crew *crew, size_t value); // false: the ring is full

// Waits for the oldest.  The slot and its context are the caller's until atl_crew_free().  NULL: nothing
// was put in.
void *atl_crew_take(atl_crew *crew, size_t *value, atl_ctx **ctx);
void atl_crew_free(atl_crew *crew); // the slot that was taken may be used again; clears its message

#endif
