// SPDX-License-Identifier: Apache-2.0
// Several processes that work on one task: a group of ranks, which an MPI launcher starts.
//
//     atl_ranks *ranks;
//     atl_ranks_open(ctx, NULL, &ranks);
//     metrics_options.ranks = ranks;
//     ...
//     atl_ranks_close(&ranks, failed);
//
// What takes a group is called by all ranks, in the same order, with the same options; each call below but
// those that only tell a number, too.  Without a launcher there is a group of one, and NULL stands for one.
#ifndef ATELIER_RANKS_H
#define ATELIER_RANKS_H

#include <stddef.h>
#include <atelier/ctx.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_ranks atl_ranks;

typedef struct atl_ranks_options {
    size_t size;          // sizeof(atl_ranks_options), set by ATL_RANKS_OPTIONS_INIT
    double stall_seconds; // a rank that shows no life for so long is an error on the others; 0: wait for ever
    int divide;           // 1: where there are several, the context computes with this rank's share of the
                          // processors from now on
} atl_ranks_options;
#define ATL_RANKS_OPTIONS_INIT                                                                               \
    { sizeof(atl_ranks_options), 600.0, 0 }

// Joins the group that the launcher made, as its environment says.  Without a launcher, or with one process,
// it is a group of one and MPI isn't touched.  Several processes and a program without MPI: an error.  MPI is
// initialised unless the host did so; what MPI itself finds wrong then ends the process, which no caller can
// change.  On failure *ranks is NULL.
ATL_API atl_status atl_ranks_open(atl_ctx *ctx, const atl_ranks_options *options, atl_ranks **ranks);

// Accepts a pointer to NULL.  MPI ends with the group, so a process opens only one group of several ranks in
// its life.  failed: 1 after a call with the group has failed; the process should then end with a code other
// than 0, and the launcher ends the others.
ATL_API void atl_ranks_close(atl_ranks **ranks, int failed);

ATL_API int atl_ranks_rank(const atl_ranks *ranks); // from 0
ATL_API int atl_ranks_size(const atl_ranks *ranks);

// *flag becomes 1 on all ranks when it is not 0 on one.
ATL_API atl_status atl_ranks_any(atl_ranks *ranks, int *flag);

#ifdef __cplusplus
}
#endif
#endif
