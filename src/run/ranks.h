// SPDX-License-Identifier: Apache-2.0
// Several processes that train one network, or measure one, together: what their work is made of beside the
// public face, <atelier/ranks.h>.  Each call below is made by all ranks, in the same order, with the same
// sizes. A group of one does nothing and never fails.
//
// A failure is final: the other ranks may wait for this one, so every later call returns it at once.  The
// owner then closes the group with failed = 1 and lets its process end with a code other than 0; the launcher
// ends the others.  The library itself ends no process.
#ifndef ATL_RUN_RANKS_H
#define ATL_RUN_RANKS_H

#include <stdbool.h>
#include <stdint.h>
#include <atelier/ranks.h>
#include "base/ctx.h"

int atl_ranks_local_size(const atl_ranks *r); // ranks on this host

// This rank's share of the processors that it may use: each is divided by the ranks of this host that may use
// it. At least 1.
int atl_ranks_threads(const atl_ranks *r);

// What the sentence about a rank that doesn't answer calls the time: "at step N".
void atl_ranks_step(atl_ranks *r, uint64_t step);

// values[i] = the sum over all ranks, added in the order of ranks in their own precision: the same bits on
// every rank and in every run with as many ranks, whatever the network between them does.
atl_status atl_ranks_sum(atl_ranks *r, float *values, size_t count);
atl_status atl_ranks_sum_double(atl_ranks *r, double *values, size_t count);

// The same in two parts; between them the caller computes something else and leaves `values` alone.  One sum
// at a time, and no other call between.  Only what the network does by itself goes on meanwhile.
atl_status atl_ranks_sum_begin(atl_ranks *r, float *values, size_t count);
atl_status atl_ranks_sum_wait(atl_ranks *r);

// Rank 0's bytes to all.
atl_status atl_ranks_broadcast(atl_ranks *r, void *bytes, size_t count);

// Rank `from`'s bytes to rank 0; the others have nothing to do.
atl_status atl_ranks_bring(atl_ranks *r, int from, void *bytes, size_t count);

// An error on every rank when `hash` isn't the same on all: it names the first rank that differs from rank 0,
// and `what` ("the data set").
atl_status atl_ranks_same(atl_ranks *r, uint64_t hash, const char *what);

// What a step of each rank ended with: where one has failed, all return the first one's status with its
// sentence. The group lives on.
atl_status atl_ranks_agree(atl_ranks *r, atl_status status);

#endif
