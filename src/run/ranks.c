// SPDX-License-Identifier: Apache-2.0
// Everything is made of one exchange in which each rank sends to each.  A sum goes block by block: every rank
// owns a part of the block, receives the others' numbers for it, adds them in the order of ranks, and sends
// the result to all.  As much travels as in a ring, but in two rounds in place of 2 (size - 1), the order of
// additions depends on neither block nor owner, and the first round shows everybody who is missing.  Of few
// numbers everybody owns all: one round, and the same additions.
#define _GNU_SOURCE // sched_getaffinity
#include "run/ranks.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/options.h"
#include "run/ranks_mpi.h"

enum {
    FEW = 16 << 10,   // bytes of few numbers: a second round would cost more than sending all of them to all
    BLOCK = 4 << 20,  // bytes summed at once: as large as caches, small beside a network's weights
    PARCEL = 64 << 20 // bytes broadcast at once
};

enum {
    KIND_HELLO,
    KIND_PARTS,
    KIND_SUMS,
    KIND_BROADCAST,
    KIND_SAME,
    KIND_ANY,
    KIND_BYE,
    KIND_BRING,
    KIND_AGREE
};

// What ranks tell each other at the start.
typedef struct peer {
    char host[64];
    int64_t process;
    uint8_t processors[128]; // that it may use, as bits
} peer;

typedef struct span {
    void *values;
    size_t count, size; // elements, bytes of one
    bool begun;
} span;

struct atl_ranks {
    atl_ctx *ctx;
    atl_mpi *mpi; // NULL: alone
    int rank, size, local_size, threads;
    double stall;
    uint64_t step;
    atl_status status;     // of the failure that ended the group
    peer *peers;           // [size]
    bool greeted;          // peers are known
    atl_mpi_piece *pieces; // [size]
    bool *late;            // [size]
    char *room;            // [size, stride]: others' numbers for the own part
    size_t stride;
    span sum;
};

// ---- what can go wrong

static void name_of(const atl_ranks *r, int p, char out[128]) {
    if (r->greeted)
        snprintf(out, 128, "rank %d (host %s, process %lld)", p, r->peers[p].host,
                 (long long)r->peers[p].process);
    else
        snprintf(out, 128, "rank %d", p);
}

static void list_late(const atl_ranks *r, char out[192]) {
    int first = -1, others = 0;
    for (int p = 0; p < r->size; p++) {
        if (r->late[p] && first < 0)
            first = p;
        else if (r->late[p])
            others++;
    }
    char name[128];
    name_of(r, first < 0 ? 0 : first, name);
    snprintf(out, 192, others ? "%s and %d more" : "%s", name, others);
}

static atl_status lose(atl_ranks *r, atl_mpi_end end) {
    static const char *const ADVICE = "the run stops here, what it saved before is intact";
    char who[192];
    unsigned long long step = r->step;
    list_late(r, who);
    r->status = ATL_INTERNAL;
    switch (end) {
    case ATL_MPI_STALLED:
        return atl_fail(r->ctx, ATL_INTERNAL, "%s: no answer for %g s at step %llu; %s", who, r->stall, step,
                        ADVICE);
    case ATL_MPI_MIXED:
        return atl_fail(r->ctx, ATL_INTERNAL,
                        "%s: alive, but for %g s in another part of the work than rank %d, "
                        "which is at step %llu; start all ranks with the same options; %s",
                        who, 2.0 * r->stall, r->rank, step, ADVICE);
    case ATL_MPI_SIZE:
        return atl_fail(r->ctx, ATL_INTERNAL,
                        "%s: sent another amount than rank %d needs at step %llu; start all "
                        "ranks with the same program and options",
                        who, r->rank, step);
    default:
        return atl_fail(r->ctx, ATL_INTERNAL, "MPI failed on rank %d at step %llu: %s; %s", r->rank, step,
                        atl_mpi_error(r->mpi), ADVICE);
    }
}

// ---- exchanges

static atl_status start(atl_ranks *r, int kind) {
    if (r->status != ATL_OK)
        return r->status;
    atl_mpi_end end = atl_mpi_start(r->mpi, kind, r->pieces);
    return end == ATL_MPI_DONE ? ATL_OK : lose(r, end);
}

static atl_status finish(atl_ranks *r) {
    if (r->status != ATL_OK)
        return r->status;
    atl_mpi_end end = atl_mpi_wait(r->mpi, r->late);
    return end == ATL_MPI_DONE ? ATL_OK : lose(r, end);
}

// Everybody's `bytes` bytes, the own ones too, in all [size, bytes].
static atl_status gather(atl_ranks *r, int kind, const void *mine, size_t bytes, void *all) {
    for (int p = 0; p < r->size; p++)
        r->pieces[p] = (atl_mpi_piece){ mine, bytes, (char *)all + (size_t)p * bytes, bytes };
    memcpy((char *)all + (size_t)r->rank * bytes, mine, bytes);
    ATL_TRY(start(r, kind));
    return finish(r);
}

// ---- opening

// How many processes the launcher started: 0 without one, -1 when it doesn't say.
static long launched(void) {
    static const char *const SIZES[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE" };
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        const char *text = getenv(SIZES[i]);
        long n = text ? strtol(text, NULL, 10) : 0;
        if (n > 0)
            return n;
    }
    if (!getenv("PMIX_RANK"))
        return 0;
    const char *text = getenv("SLURM_STEP_NUM_TASKS"); // srun --mpi=pmix
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 ? n : -1;
}

static void introduce(peer *me) {
    memset(me, 0, sizeof *me);
    if (gethostname(me->host, sizeof me->host - 1) != 0)
        strcpy(me->host, "unknown");
    me->process = getpid();
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int i = 0; i < (int)sizeof me->processors * 8; i++)
            if (CPU_ISSET(i, &set))
                me->processors[i / 8] |= (uint8_t)(1 << i % 8);
}

// Launchers bind ranks to processors of their own, to shared ones, or not at all.
static void divide_host(atl_ranks *r) {
    const peer *me = &r->peers[r->rank];
    double share = 0.0;
    r->local_size = 0;
    for (int p = 0; p < r->size; p++)
        r->local_size += !strcmp(r->peers[p].host, me->host);
    for (int i = 0; i < (int)sizeof me->processors * 8; i++) {
        int users = 0;
        for (int p = 0; p < r->size; p++)
            users += !strcmp(r->peers[p].host, me->host) && r->peers[p].processors[i / 8] >> i % 8 & 1;
        if (me->processors[i / 8] >> i % 8 & 1)
            share += 1.0 / users;
    }
    if (share == 0.0) // more processors than a set can hold
        share = (double)atl_cpu_count() / r->local_size;
    r->threads = share + 1e-6 > 1.0 ? (int)(share + 1e-6) : 1; // thirds add up to a little less than 1
}

static atl_status allocate(atl_ranks *r) {
    size_t n = (size_t)r->size;
    r->stride = (BLOCK / n + 2 * sizeof(double) + 63) & ~(size_t)63;
    if (r->stride < ATL_MESSAGE_MAX)
        r->stride = ATL_MESSAGE_MAX;
    r->peers = atl_calloc(r->ctx, n, sizeof *r->peers);
    r->pieces = atl_calloc(r->ctx, n, sizeof *r->pieces);
    r->late = atl_calloc(r->ctx, n, sizeof *r->late);
    r->room = r->mpi ? atl_alloc(r->ctx, n, r->stride) : NULL;
    return r->peers && r->pieces && r->late && (r->room || !r->mpi) ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status join(atl_ranks *r, long expected) {
    if (expected != 0 && expected != 1) {
        ATL_TRY(atl_mpi_open(r->ctx, r->stall, &r->mpi));
        r->rank = atl_mpi_rank(r->mpi);
        r->size = atl_mpi_size(r->mpi);
        if (expected > 0 && r->size != expected)
            return atl_fail(
                r->ctx, ATL_UNSUPPORTED,
                "the launcher started %ld processes, but MPI sees %d: it is the launcher of another MPI "
                "than this program was built with; use mpirun of that one",
                expected, r->size);
    }
    ATL_TRY(allocate(r));
    peer me;
    introduce(&me);
    r->peers[r->rank] = me;
    if (r->mpi)
        ATL_TRY(gather(r, KIND_HELLO, &me, sizeof me, r->peers));
    r->greeted = true;
    divide_host(r);
    return ATL_OK;
}

atl_status atl_ranks_open(atl_ctx *ctx, const atl_ranks_options *options, atl_ranks **ranks) {
    atl_ranks_options o = ATL_RANKS_OPTIONS_INIT;
    *ranks = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_ranks_options", &o, sizeof o, options));
    if (!(o.stall_seconds >= 0.0 && o.stall_seconds <= 1e9))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a rank can't be given %g s to answer: it takes 0 (for ever) to 1e9",
                        o.stall_seconds);
    atl_ranks *r = atl_calloc(ctx, 1, sizeof *r);
    if (!r)
        return ATL_NO_MEMORY;
    r->ctx = ctx;
    r->size = 1;
    r->stall = o.stall_seconds;
    atl_status status = join(r, launched());
    if (status != ATL_OK)
        atl_ranks_close(&r, true);
    else if (o.divide && r->size > 1)
        ctx->threads = r->threads;
    *ranks = r;
    return status;
}

// Ranks part together, with a limit on time: MPI's own ending would wait for ever.
void atl_ranks_close(atl_ranks **ranks, int failed) {
    if (!ranks || !*ranks)
        return;
    atl_ranks *r = *ranks;
    uint8_t bye = 0;
    if (r->mpi && !failed)
        failed = gather(r, KIND_BYE, &bye, 1, r->room) != ATL_OK;
    atl_mpi_close(&r->mpi, failed != 0);
    atl_free(r->ctx, r->room);
    atl_free(r->ctx, r->late);
    atl_free(r->ctx, r->pieces);
    atl_free(r->ctx, r->peers);
    atl_free(r->ctx, r);
    *ranks = NULL;
}

int atl_ranks_rank(const atl_ranks *r) {
    return r ? r->rank : 0;
}

int atl_ranks_size(const atl_ranks *r) {
    return r ? r->size : 1;
}

int atl_ranks_local_size(const atl_ranks *r) {
    return r->local_size;
}

int atl_ranks_threads(const atl_ranks *r) {
    return r->threads;
}

void atl_ranks_step(atl_ranks *r, uint64_t step) {
    r->step = step;
}

// ---- sums

// Elements of the block that starts at `first`, and where rank p's part of them begins.
static size_t block_of(const span *s, size_t first) {
    size_t most = BLOCK / s->size;
    return s->count - first < most ? s->count - first : most;
}

static size_t part_of(const atl_ranks *r, size_t count, int p) {
    return count * (size_t)p / (size_t)r->size;
}

static bool is_few(const atl_ranks *r) {
    size_t most = r->stride < FEW ? r->stride : FEW;
    return r->sum.count <= most / r->sum.size;
}

// The only round: each rank's numbers to all.
static atl_status send_few(atl_ranks *r) {
    const span *s = &r->sum;
    size_t bytes = s->count * s->size;
    for (int p = 0; p < r->size; p++)
        r->pieces[p] = (atl_mpi_piece){ s->values, bytes, r->room + (size_t)p * r->stride, bytes };
    return start(r, KIND_PARTS);
}

// Round one: each rank's numbers to the owners of the parts.
static atl_status send_parts(atl_ranks *r, size_t first) {
    const span *s = &r->sum;
    size_t count = block_of(s, first);
    size_t mine = (part_of(r, count, r->rank + 1) - part_of(r, count, r->rank)) * s->size;
    char *block = (char *)s->values + first * s->size;
    for (int p = 0; p < r->size; p++) {
        size_t at = part_of(r, count, p), n = part_of(r, count, p + 1) - at;
        r->pieces[p] =
            (atl_mpi_piece){ block + at * s->size, n * s->size, r->room + (size_t)p * r->stride, mine };
    }
    return start(r, KIND_PARTS);
}

// Round two: the sums from the owners to all.
static atl_status send_sums(atl_ranks *r, size_t first) {
    const span *s = &r->sum;
    size_t count = block_of(s, first);
    char *block = (char *)s->values + first * s->size, *own = block + part_of(r, count, r->rank) * s->size;
    size_t mine = (part_of(r, count, r->rank + 1) - part_of(r, count, r->rank)) * s->size;
    for (int p = 0; p < r->size; p++) {
        size_t at = part_of(r, count, p), n = part_of(r, count, p + 1) - at;
        r->pieces[p] = (atl_mpi_piece){ own, mine, block + at * s->size, n * s->size };
    }
    ATL_TRY(start(r, KIND_SUMS));
    return finish(r);
}

// own = room[0] + room[1] + ..., in that order; `own` itself stands in the row of this rank.  A tile at a
// time, so that partial sums stay in the innermost cache.
#define DEFINE_ADD(name, type)                                                                               \
    static void name(const atl_ranks *r, type *own, size_t count) {                                          \
        enum { TILE = 512 };                                                                                 \
        type sum[TILE];                                                                                      \
        for (size_t at = 0; at < count; at += TILE) {                                                        \
            size_t n = count - at < TILE ? count - at : TILE;                                                \
            for (int p = 0; p < r->size; p++) {                                                              \
                const type *row = (const type *)(r->room + (size_t)p * r->stride);                           \
                const type *x = (p == r->rank ? own : row) + at;                                             \
                for (size_t i = 0; i < n; i++)                                                               \
                    sum[i] = p ? sum[i] + x[i] : x[i];                                                       \
            }                                                                                                \
            memcpy(own + at, sum, n * sizeof *sum);                                                          \
        }                                                                                                    \
    }

DEFINE_ADD(add_float, float)
DEFINE_ADD(add_double, double)

static void add_rows(const atl_ranks *r, char *own, size_t count) {
    if (r->sum.size == sizeof(float))
        add_float(r, (float *)own, count);
    else
        add_double(r, (double *)own, count);
}

static void add_parts(const atl_ranks *r, size_t first) {
    const span *s = &r->sum;
    size_t count = block_of(s, first), at = part_of(r, count, r->rank);
    add_rows(r, (char *)s->values + (first + at) * s->size, part_of(r, count, r->rank + 1) - at);
}

static atl_status begin(atl_ranks *r, void *values, size_t count, size_t size) {
    assert(!r->sum.begun); // one sum at a time
    r->sum = (span){ values, count, size, false };
    if (r->mpi && count)
        ATL_TRY(is_few(r) ? send_few(r) : send_parts(r, 0));
    r->sum.begun = r->status == ATL_OK;
    return r->status;
}

atl_status atl_ranks_sum_wait(atl_ranks *r) {
    assert(r->sum.begun);
    r->sum.begun = false;
    if (r->mpi && r->sum.count && is_few(r)) {
        ATL_TRY(finish(r));
        add_rows(r, r->sum.values, r->sum.count);
        return r->status;
    }
    for (size_t first = 0; r->mpi && first < r->sum.count; first += block_of(&r->sum, first)) {
        if (first)
            ATL_TRY(send_parts(r, first));
        ATL_TRY(finish(r));
        add_parts(r, first);
        ATL_TRY(send_sums(r, first));
    }
    return r->status;
}

atl_status atl_ranks_sum_begin(atl_ranks *r, float *values, size_t count) {
    return begin(r, values, count, sizeof *values);
}

atl_status atl_ranks_sum(atl_ranks *r, float *values, size_t count) {
    ATL_TRY(begin(r, values, count, sizeof *values));
    return atl_ranks_sum_wait(r);
}

atl_status atl_ranks_sum_double(atl_ranks *r, double *values, size_t count) {
    ATL_TRY(begin(r, values, count, sizeof *values));
    return atl_ranks_sum_wait(r);
}

// ---- the rest

atl_status atl_ranks_broadcast(atl_ranks *r, void *bytes, size_t count) {
    for (size_t at = 0; r->mpi && at < count; at += PARCEL) {
        size_t n = count - at < PARCEL ? count - at : PARCEL;
        char *parcel = (char *)bytes + at;
        memset(r->pieces, 0, (size_t)r->size * sizeof *r->pieces);
        for (int p = 1; p < r->size && r->rank == 0; p++)
            r->pieces[p] = (atl_mpi_piece){ .send = parcel, .send_bytes = n };
        if (r->rank != 0)
            r->pieces[0] = (atl_mpi_piece){ .receive = parcel, .receive_bytes = n };
        ATL_TRY(start(r, KIND_BROADCAST));
        ATL_TRY(finish(r));
    }
    return r->status;
}

atl_status atl_ranks_same(atl_ranks *r, uint64_t hash, const char *what) {
    if (!r->mpi)
        return ATL_OK;
    uint64_t *all = (uint64_t *)r->room;
    ATL_TRY(gather(r, KIND_SAME, &hash, sizeof hash, all));
    for (int p = 1; p < r->size; p++) {
        if (all[p] == all[0])
            continue;
        char name[128];
        name_of(r, p, name);
        r->status = ATL_BAD_ARGUMENT;
        return atl_fail(r->ctx, ATL_BAD_ARGUMENT,
                        "%s: %s differs from rank 0's; start all ranks with the same files "
                        "and options",
                        name, what);
    }
    return ATL_OK;
}

atl_status atl_ranks_bring(atl_ranks *r, int from, void *bytes, size_t count) {
    for (size_t at = 0; r && r->mpi && from && at < count; at += PARCEL) {
        size_t n = count - at < PARCEL ? count - at : PARCEL;
        char *parcel = (char *)bytes + at;
        memset(r->pieces, 0, (size_t)r->size * sizeof *r->pieces);
        if (r->rank == from)
            r->pieces[0] = (atl_mpi_piece){ .send = parcel, .send_bytes = n };
        if (r->rank == 0)
            r->pieces[from] = (atl_mpi_piece){ .receive = parcel, .receive_bytes = n };
        ATL_TRY(start(r, KIND_BRING));
        ATL_TRY(finish(r));
    }
    return r ? r->status : ATL_OK;
}

atl_status atl_ranks_any(atl_ranks *r, int *flag) {
    if (!r || !r->mpi)
        return ATL_OK;
    uint8_t mine = *flag != 0, *all = (uint8_t *)r->room;
    ATL_TRY(gather(r, KIND_ANY, &mine, 1, all));
    for (int p = 0; p < r->size; p++)
        *flag = *flag || all[p];
    return ATL_OK;
}

// One exchange of a few bytes where all is well, which is each time but the last.
atl_status atl_ranks_agree(atl_ranks *r, atl_status status) {
    if (!r || !r->mpi)
        return status;
    if (r->status != ATL_OK)
        return r->status;
    uint8_t mine = (uint8_t)status, *all = (uint8_t *)r->room;
    int failed = 0;
    ATL_TRY(gather(r, KIND_AGREE, &mine, 1, all));
    while (failed < r->size && all[failed] == ATL_OK)
        failed++;
    if (failed == r->size)
        return ATL_OK;
    status = (atl_status)all[failed];
    char sentence[ATL_MESSAGE_MAX];
    snprintf(sentence, sizeof sentence, "%s", atl_message(r->ctx));
    ATL_TRY(gather(r, KIND_AGREE, sentence, sizeof sentence, r->room));
    char *first = r->room + (size_t)failed * sizeof sentence;
    first[sizeof sentence - 1] = '\0';
    atl_message_clear(r->ctx);
    if (*first)
        atl_fail(r->ctx, status, "%s", first);
    return status;
}
