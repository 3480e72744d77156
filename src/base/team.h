// SPDX-License-Identifier: Apache-2.0
// A team of threads that share the numbers of a loop.
//
// The calling thread is one of them.  It takes what nobody else takes, and waits only for numbers that
// another thread has begun: a thread that the system does not let run, because the machine has other work,
// costs nothing but its help.  Whoever has nothing to do looks for work for some microseconds and then
// sleeps.
//
// Which thread does which number is left to chance, the pieces in which they are handed out are not: what is
// written must depend on the number alone, never on the lane.
#ifndef ATL_BASE_TEAM_H
#define ATL_BASE_TEAM_H

#include <stdint.h>
#include "base/ctx.h"

typedef struct atl_team atl_team;

// The numbers first to end - 1 on one lane; two calls at the same time have different lanes.
typedef void (*atl_team_work)(void *job, int lane, int64_t first, int64_t end);

// A team with room for `lanes` threads, the caller among them; they start with the first loop.  One lane
// needs no team: *team is NULL then, which all functions accept.  All who ask for as many threads as the
// context has share one team, which lives as long as the context.
atl_status atl_team_open(atl_ctx *ctx, int lanes, atl_team **team);
void atl_team_close(atl_team **team);
void atl_team_close_shared(atl_ctx *ctx); // when the context is closed
int atl_team_lanes(const atl_team *team); // 1 for NULL

// One of its own, for which kernels cut their work as for `parts` lanes, however many there are.  Where a
// kernel's sums come in another order at the edge of a part, results hang on the cut: with this one they are
// the same for any number of threads.  Of more parts more threads have work, and each part costs a little.
atl_status atl_team_open_cut(atl_ctx *ctx, int lanes, int parts, atl_team **team);
int atl_team_parts(const atl_team *team); // how many lanes to cut work for

// Does the numbers 0 to count - 1 and returns when all are done.  They are handed out in pieces of whole
// grains, large ones first; what is one grain stays with the caller, so a grain should be worth waking a
// thread for (some microseconds).  Loops don't nest.
void atl_team_run(atl_team *team, int64_t count, int64_t grain, atl_team_work work, void *job);

#endif
