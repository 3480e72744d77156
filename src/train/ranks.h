// SPDX-License-Identifier: Apache-2.0
// Several processes that train one network together: a group of ranks, started by an MPI launcher.  Each call
// below is made by all ranks, in the same order, with the same sizes.  A group of one does nothing and never fails.
//
// A failure is final: the other ranks may wait for this one, so every later call returns it at once.  The owner
// then closes the group with failed = true and lets its process end with a code other than 0; the launcher ends
// the others.  The library itself ends no process.
#ifndef ATL_TRAIN_RANKS_H
#define ATL_TRAIN_RANKS_H

#include <stdbool.h>
#include "base/ctx.h"

typedef struct atl_ranks atl_ranks;

typedef struct atl_ranks_options {
    double stall_seconds; // a rank that shows no life for so long is an error on the others; 0: wait for ever
} atl_ranks_options;

#define ATL_RANKS_OPTIONS_INIT { 600.0 }

// Joins the group that the launcher made, as its environment says.  Without a launcher, or with one process, it is a
// group of one and MPI isn't touched.  Several processes and a program without MPI: an error.  MPI is initialised
// unless the host did so; what MPI itself finds wrong then ends the process, which no caller can change.
atl_status atl_ranks_open(atl_ctx *ctx, const atl_ranks_options *options, atl_ranks **ranks);

// Accepts a pointer to NULL.  MPI ends with the group, so a process opens only one group of several ranks in its life.
void atl_ranks_close(atl_ranks **ranks, bool failed);

int atl_ranks_rank(const atl_ranks *r); // from 0
int atl_ranks_size(const atl_ranks *r);
int atl_ranks_local_size(const atl_ranks *r); // ranks on this host

// This rank's share of the processors that it may use: each is divided by the ranks of this host that may use it.
// At least 1.
int atl_ranks_threads(const atl_ranks *r);

// What the sentence about a rank that doesn't answer calls the time: "at step N".
void atl_ranks_step(atl_ranks *r, uint64_t step);

// values[i] = the sum over all ranks, added in the order of ranks in their own precision: the same bits on every rank
// and in every run with as many ranks, whatever the network between them does.
atl_status atl_ranks_sum(atl_ranks *r, float *values, size_t count);
atl_status atl_ranks_sum_double(atl_ranks *r, double *values, size_t count);

// The same in two parts; between them the caller computes something else and leaves `values` alone.  One sum at a
// time, and no other call between.  Only what the network does by itself goes on meanwhile.
atl_status atl_ranks_sum_begin(atl_ranks *r, float *values, size_t count);
atl_status atl_ranks_sum_wait(atl_ranks *r);

// Rank 0's bytes to all.
atl_status atl_ranks_broadcast(atl_ranks *r, void *bytes, size_t count);

// An error on every rank when `hash` isn't the same on all: it names the first rank that differs from rank 0, and
// `what` ("the data set").
atl_status atl_ranks_same(atl_ranks *r, uint64_t hash, const char *what);

// *flag becomes true on all ranks when it is true on one.
atl_status atl_ranks_any(atl_ranks *r, bool *flag);

#endif
