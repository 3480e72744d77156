// SPDX-License-Identifier: Apache-2.0
// What ranks.c needs of MPI: one exchange of bytes with every other rank, and who is late.  All else (sums,
// their order, sentences) is made of it there.  Without MPI in the build, opening fails and says so.
#ifndef ATL_RUN_RANKS_MPI_H
#define ATL_RUN_RANKS_MPI_H

#include <stdbool.h>
#include "base/ctx.h"

typedef struct atl_mpi atl_mpi;

// For one other rank; 0 bytes: nothing goes that way.  At most 1 GiB each way.
typedef struct atl_mpi_piece {
    const void *send;
    size_t send_bytes;
    void *receive;
    size_t receive_bytes;
} atl_mpi_piece;

typedef enum atl_mpi_end {
    ATL_MPI_DONE,
    ATL_MPI_STALLED, // `late` ranks have shown no life
    ATL_MPI_MIXED,   // `late` ranks live, but make another call than this one
    ATL_MPI_SIZE,    // a `late` rank sent another number of bytes than were expected
    ATL_MPI_BROKEN   // MPI reports an error
} atl_mpi_end;

// Initialises MPI unless the host did.  On failure *mpi is NULL.
atl_status atl_mpi_open(atl_ctx *ctx, double stall_seconds, atl_mpi **mpi);
void atl_mpi_close(atl_mpi **mpi, bool failed); // after a failure MPI isn't called any more
int atl_mpi_rank(const atl_mpi *m);
int atl_mpi_size(const atl_mpi *m);
const char *atl_mpi_error(const atl_mpi *m); // MPI's own words, after ATL_MPI_BROKEN

// pieces [size]; the own one is ignored.  `kind` (0 to 255) is the same on both sides.  Memory is borrowed
// until atl_mpi_wait() returns; one exchange at a time.
atl_mpi_end atl_mpi_start(atl_mpi *m, int kind, const atl_mpi_piece *pieces);
atl_mpi_end atl_mpi_wait(atl_mpi *m, bool *late); // late [size] is set on failure

#endif
