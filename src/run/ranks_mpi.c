// SPDX-License-Identifier: Apache-2.0
// An exchange is a receive and a send per other rank.  Waiting polls, since a blocking call of MPI burns a
// whole processor and never gives up.
//
// Who is late?  Not everyone whose data is missing: a rank may be missing since it waits itself for another.
// So a rank that waits for long sends every other one an empty message now and then, the sign of life; those
// that neither deliver nor show life are late.
#include "run/ranks_mpi.h"

#ifdef ATL_HAVE_MPI

#include <mpi.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

enum { TAG_LIFE = 256, SIGNS = 8 }; // signs of life in stall_seconds; tags below are kinds of exchange

// Yield for SPIN seconds, then sleep a fraction of the time waited so far: an answer is noticed at most 1/16
// later than it came, and a long wait costs next to nothing.
#define SPIN        100e-6
#define SLEEP_SHARE (1.0 / 16.0)
#define SLEEP_MAX   1e-3

// Signs of life missing for so much of stall_seconds: most of those due were lost or never sent.
#define SILENCE 0.5

// More time between two polls than this means that this process itself was stopped (Ctrl-Z, a debugger): the
// others may have been as well, so it doesn't count.
#define GAP_MAX 1.0

struct atl_mpi {
    atl_ctx *ctx;
    MPI_Comm comm;
    bool ours; // we have initialised MPI
    int rank, size;
    double stall;          // seconds; 0: never
    MPI_Request *requests; // [size, 2]: receive, send
    MPI_Request *lives;    // [size]: signs of life on their way
    MPI_Status *statuses;  // [size * 2]
    int *which;            // [size * 2]
    int *expected;         // [size]: bytes
    double clock;          // seconds spent waiting, all exchanges together
    double *heard;         // [size]: when on that clock a rank last showed life; negative: never
    char error[MPI_MAX_ERROR_STRING];
};

static double now(void) {
    return 1e-9 * (double)atl_clock_ns();
}

static void rest(double quiet) {
    if (quiet < SPIN) {
        sched_yield();
        return;
    }
    double s = quiet * SLEEP_SHARE < SLEEP_MAX ? quiet * SLEEP_SHARE : SLEEP_MAX;
    nanosleep(&(struct timespec){ .tv_nsec = (long)(s * 1e9) }, NULL);
}

static atl_mpi_end broken(atl_mpi *m, int code) {
    int length = 0;
    if (MPI_Error_string(code, m->error, &length) != MPI_SUCCESS)
        length = 0;
    m->error[length] = '\0';
    return ATL_MPI_BROKEN;
}

static atl_status allocate(atl_mpi *m) {
    size_t n = (size_t)m->size;
    m->requests = atl_alloc(m->ctx, n * 2, sizeof *m->requests);
    m->lives = atl_alloc(m->ctx, n, sizeof *m->lives);
    m->statuses = atl_calloc(m->ctx, n * 2, sizeof *m->statuses);
    m->which = atl_calloc(m->ctx, n * 2, sizeof *m->which);
    m->expected = atl_calloc(m->ctx, n, sizeof *m->expected);
    m->heard = atl_alloc(m->ctx, n, sizeof *m->heard);
    if (!m->requests || !m->lives || !m->statuses || !m->which || !m->expected || !m->heard)
        return ATL_NO_MEMORY;
    for (int p = 0; p < m->size; p++) {
        m->requests[2 * p] = m->requests[2 * p + 1] = m->lives[p] = MPI_REQUEST_NULL;
        m->heard[p] = -1.0;
    }
    return ATL_OK;
}

// A communicator of our own: messages of the host never mix with ours, and errors come back as codes.
static atl_status join(atl_mpi *m) {
    int running = 0, over = 0, level;
    MPI_Initialized(&running);
    MPI_Finalized(&over);
    if (over)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "MPI has ended in this process and can't start again; open one group per process");
    if (!running && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level) != MPI_SUCCESS)
        return atl_fail(m->ctx, ATL_INTERNAL, "MPI can't be initialised");
    m->ours = !running;
    if (m->ours)
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (MPI_Comm_dup(MPI_COMM_WORLD, &m->comm) != MPI_SUCCESS)
        return atl_fail(m->ctx, ATL_INTERNAL, "MPI can't make a communicator");
    MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN);
    MPI_Comm_rank(m->comm, &m->rank);
    MPI_Comm_size(m->comm, &m->size);
    return allocate(m);
}

atl_status atl_mpi_open(atl_ctx *ctx, double stall_seconds, atl_mpi **mpi) {
    *mpi = NULL;
    atl_mpi *m = atl_calloc(ctx, 1, sizeof *m);
    if (!m)
        return ATL_NO_MEMORY;
    m->ctx = ctx;
    m->comm = MPI_COMM_NULL;
    m->stall = stall_seconds;
    atl_status status = join(m);
    if (status != ATL_OK)
        atl_mpi_close(&m, true);
    *mpi = m;
    return status;
}

// Takes the signs of life that have come.
static void hear(atl_mpi *m) {
    int there = 1;
    MPI_Status s;
    while (MPI_Iprobe(MPI_ANY_SOURCE, TAG_LIFE, m->comm, &there, &s) == MPI_SUCCESS && there) {
        if (MPI_Recv(NULL, 0, MPI_BYTE, s.MPI_SOURCE, TAG_LIFE, m->comm, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return;
        m->heard[s.MPI_SOURCE] = m->clock;
    }
}

static void show_life(atl_mpi *m) {
    for (int p = 0; p < m->size; p++) {
        int gone = 1;
        if (m->lives[p] != MPI_REQUEST_NULL)
            MPI_Test(&m->lives[p], &gone, MPI_STATUS_IGNORE);
        if (gone && p != m->rank)
            MPI_Isend(NULL, 0, MPI_BYTE, p, TAG_LIFE, m->comm, &m->lives[p]);
    }
}

void atl_mpi_close(atl_mpi **mpi, bool failed) {
    atl_mpi *m = *mpi;
    if (!m)
        return;
    if (!failed) {
        hear(m);
        for (int p = 0; p < m->size; p++)
            if (m->lives[p] != MPI_REQUEST_NULL)
                MPI_Request_free(&m->lives[p]);
        MPI_Comm_free(&m->comm);
        if (m->ours)
            MPI_Finalize();
    }
    atl_free(m->ctx, m->heard);
    atl_free(m->ctx, m->expected);
    atl_free(m->ctx, m->which);
    atl_free(m->ctx, m->statuses);
    atl_free(m->ctx, m->lives);
    atl_free(m->ctx, m->requests);
    atl_free(m->ctx, m);
    *mpi = NULL;
}

int atl_mpi_rank(const atl_mpi *m) {
    return m->rank;
}

int atl_mpi_size(const atl_mpi *m) {
    return m->size;
}

const char *atl_mpi_error(const atl_mpi *m) {
    return m->error;
}

atl_mpi_end atl_mpi_start(atl_mpi *m, int kind, const atl_mpi_piece *pieces) {
    for (int p = 0; p < m->size; p++) {
        m->expected[p] = p == m->rank ? 0 : (int)pieces[p].receive_bytes;
        if (!m->expected[p])
            continue;
        int code =
            MPI_Irecv(pieces[p].receive, m->expected[p], MPI_BYTE, p, kind, m->comm, &m->requests[2 * p]);
        if (code != MPI_SUCCESS)
            return broken(m, code);
    }
    for (int p = 0; p < m->size; p++) {
        if (p == m->rank || !pieces[p].send_bytes)
            continue;
        int code = MPI_Isend(pieces[p].send, (int)pieces[p].send_bytes, MPI_BYTE, p, kind, m->comm,
                             &m->requests[2 * p + 1]);
        if (code != MPI_SUCCESS)
            return broken(m, code);
    }
    return ATL_MPI_DONE;
}

// Of the `done` requests in m->which.
static atl_mpi_end check(atl_mpi *m, int done, bool failed, bool *late) {
    for (int i = 0; i < done; i++) {
        int p = m->which[i] / 2, bytes = 0, class = MPI_SUCCESS;
        bool receive = m->which[i] % 2 == 0;
        if (failed && m->statuses[i].MPI_ERROR != MPI_SUCCESS &&
            m->statuses[i].MPI_ERROR != MPI_ERR_PENDING) {
            late[p] = true;
            MPI_Error_class(m->statuses[i].MPI_ERROR, &class);
            return class == MPI_ERR_TRUNCATE ? ATL_MPI_SIZE : broken(m, m->statuses[i].MPI_ERROR);
        }
        if (!receive)
            continue;
        MPI_Get_count(&m->statuses[i], MPI_BYTE, &bytes);
        if (bytes != m->expected[p]) {
            late[p] = true;
            return ATL_MPI_SIZE;
        }
    }
    return ATL_MPI_DONE;
}

// Nothing has come for `quiet` seconds, longer than the limit.  Those that showed life wait for somebody;
// only when that goes on as long again is it an error of its own.
static atl_mpi_end judge(const atl_mpi *m, double quiet, bool *late) {
    int dead = 0;
    for (int p = 0; p < m->size; p++) {
        bool missing = m->requests[2 * p] != MPI_REQUEST_NULL || m->requests[2 * p + 1] != MPI_REQUEST_NULL;
        late[p] = missing && (m->heard[p] < 0.0 || m->clock - m->heard[p] > m->stall * SILENCE);
        dead += late[p];
    }
    if (dead)
        return ATL_MPI_STALLED;
    if (quiet < 2.0 * m->stall)
        return ATL_MPI_DONE;
    for (int p = 0; p < m->size; p++)
        late[p] = m->requests[2 * p] != MPI_REQUEST_NULL || m->requests[2 * p + 1] != MPI_REQUEST_NULL;
    return ATL_MPI_MIXED;
}

atl_mpi_end atl_mpi_wait(atl_mpi *m, bool *late) {
    double last = now(), quiet = 0.0, sign = m->stall / SIGNS;
    memset(late, 0, (size_t)m->size * sizeof *late);
    for (;;) {
        int done = 0;
        int code = MPI_Testsome(2 * m->size, m->requests, &done, m->which, m->statuses);
        if (code != MPI_SUCCESS && code != MPI_ERR_IN_STATUS)
            return broken(m, code);
        if (done == MPI_UNDEFINED)
            return ATL_MPI_DONE;
        atl_mpi_end end = check(m, done, code != MPI_SUCCESS, late);
        if (end != ATL_MPI_DONE)
            return end;
        double t = now(), gap = t - last < GAP_MAX ? t - last : GAP_MAX;
        last = t;
        m->clock += gap;
        quiet = done ? 0.0 : quiet + gap;
        if (done)
            sign = m->stall / SIGNS;
        if (m->stall > 0.0 && quiet > sign) {
            sign += m->stall / SIGNS;
            show_life(m);
            hear(m);
        }
        if (m->stall > 0.0 && quiet > m->stall && (end = judge(m, quiet, late)) != ATL_MPI_DONE)
            return end;
        if (!done)
            rest(quiet);
    }
}

#else

atl_status atl_mpi_open(atl_ctx *ctx, double stall_seconds, atl_mpi **mpi) {
    (void)stall_seconds;
    *mpi = NULL;
    return atl_fail(
        ctx, ATL_UNSUPPORTED,
        "a launcher started several processes, but this build has no MPI: install MPI's development "
        "files (libopenmpi-dev) and build again, or start one process without the launcher");
}

void atl_mpi_close(atl_mpi **mpi, bool failed) {
    (void)mpi;
    (void)failed;
}

int atl_mpi_rank(const atl_mpi *m) {
    (void)m;
    return 0;
}

int atl_mpi_size(const atl_mpi *m) {
    (void)m;
    return 1;
}

const char *atl_mpi_error(const atl_mpi *m) {
    (void)m;
    return "";
}

atl_mpi_end atl_mpi_start(atl_mpi *m, int kind, const atl_mpi_piece *pieces) {
    (void)m;
    (void)kind;
    (void)pieces;
    return ATL_MPI_BROKEN;
}

atl_mpi_end atl_mpi_wait(atl_mpi *m, bool *late) {
    (void)m;
    (void)late;
    return ATL_MPI_BROKEN;
}

#endif
