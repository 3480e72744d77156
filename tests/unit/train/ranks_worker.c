// SPDX-License-Identifier: Apache-2.0
// One rank of a group, for ranks.sh: ranks_worker CASE.  Prints "process N" first, then for each failure that the
// library reports "told: SENTENCE".  Ends with 0 when all is as it should be, with 3 when the group has failed,
// and with 1 after "wrong: ..." when a check of this file fails.
#include <math.h>
#include <mpi.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "train/trainer.h"

enum { GROUP_FAILED = 3, VICTIM = 1 };

#define CHECK(condition) ((condition) ? (void)0 : wrong(#condition, __LINE__))

static void wrong(const char *what, int line) {
    printf("wrong: line %d: %s\n", line, what);
    fflush(stdout);
    _exit(1);
}

static void wait_ms(long ms) {
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

typedef struct worker {
    atl_ctx *ctx;
    atl_ranks *ranks;
    int rank, size;
    long live; // blocks of memory
} worker;

// MPI itself leaks too much for a leak detector to be of use, so blocks are counted.
static void *count_alloc(void *user, size_t bytes) {
    worker *w = user;
    w->live++;
    return aligned_alloc(64, (bytes + 63) & ~(size_t)63);
}

static void count_release(void *user, void *memory) {
    worker *w = user;
    w->live -= memory != NULL;
    free(memory);
}

static atl_status join(worker *w, double stall_seconds) {
    atl_ranks_options o = ATL_RANKS_OPTIONS_INIT;
    CHECK(o.stall_seconds == 600.0);
    o.stall_seconds = stall_seconds;
    o.divide = 1;
    atl_status status = atl_ranks_open(w->ctx, &o, &w->ranks);
    if (status != ATL_OK)
        return status;
    w->rank = atl_ranks_rank(w->ranks);
    w->size = atl_ranks_size(w->ranks);
    return status;
}

static int leave(worker *w, bool failed) {
    atl_ranks_close(&w->ranks, failed);
    CHECK(!w->ranks);
    atl_ctx_close(&w->ctx);
    CHECK(w->live == 0);
    return failed ? GROUP_FAILED : 0;
}

// The others get time to say what they know before the launcher hears of this one's end.
static int fail(worker *w, atl_status status) {
    CHECK(status != ATL_OK);
    printf("told: %s\n", atl_message(w->ctx));
    fflush(stdout);
    int flag = false; // the failure is final, and costs no second wait
    CHECK(!w->ranks || atl_ranks_any(w->ranks, &flag) == status);
    CHECK(!w->ranks || atl_ranks_sum(w->ranks, (float[2]){ 1, 2 }, 2) == status);
    CHECK(!w->ranks || atl_ranks_sum_begin(w->ranks, NULL, 0) == status);
    CHECK(!w->ranks || atl_ranks_broadcast(w->ranks, NULL, 0) == status);
    wait_ms(1000);
    return leave(w, true);
}

// ---- what works

// A number of rank p that every rank can make: of either sign, over ten orders of magnitude, so that the order of
// additions shows in the bits.
static double number(int p, size_t i) {
    uint64_t x = ((uint64_t)i + 1) * 0x9e3779b97f4a7c15u ^ ((uint64_t)p + 1) * 0xbf58476d1ce4e5b9u;
    x ^= x >> 29;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 32;
    double m = (double)(x >> 40) / 16777216.0 - 0.5;
    return ldexp(m, (int)(x & 31));
}

static void sum_of_floats(worker *w, size_t count, bool apart) {
    float *x = malloc((count + 1) * sizeof *x);
    CHECK(x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)number(w->rank, i);
    x[count] = -7.0f; // guard
    if (apart) {
        CHECK(atl_ranks_sum_begin(w->ranks, x, count) == ATL_OK);
        wait_ms(20 * w->rank);
        CHECK(atl_ranks_sum_wait(w->ranks) == ATL_OK);
    } else {
        CHECK(atl_ranks_sum(w->ranks, x, count) == ATL_OK);
    }
    size_t reordered = 0;
    for (size_t i = 0; i < count; i++) {
        float up = (float)number(0, i), down = (float)number(w->size - 1, i);
        for (int p = 1; p < w->size; p++) {
            up += (float)number(p, i);
            down += (float)number(w->size - 1 - p, i);
        }
        CHECK(!memcmp(&up, &x[i], sizeof up));
        reordered += up != down;
    }
    CHECK(x[count] == -7.0f);
    CHECK(w->size == 2 || count < 1000 || reordered > count / 10); // or these numbers would prove nothing
    free(x);
}

static void sum_of_doubles(worker *w, size_t count) {
    double *x = malloc((count + 1) * sizeof *x);
    CHECK(x);
    for (size_t i = 0; i < count; i++)
        x[i] = number(w->rank, i) / 3.0;
    CHECK(atl_ranks_sum_double(w->ranks, x, count) == ATL_OK);
    for (size_t i = 0; i < count; i++) {
        double up = number(0, i) / 3.0;
        for (int p = 1; p < w->size; p++)
            up += number(p, i) / 3.0;
        CHECK(!memcmp(&up, &x[i], sizeof up));
    }
    free(x);
}

// Which NaN comes of two is the processor's choice by their order, so it is a good witness of equal bits.
static void sum_of_nans(worker *w) {
    uint32_t bits[8], first[8];
    float x[8];
    for (int i = 0; i < 8; i++)
        bits[i] = 0x7fc00000u + (uint32_t)(w->rank * 8 + i);
    memcpy(x, bits, sizeof x);
    CHECK(atl_ranks_sum(w->ranks, x, 8) == ATL_OK);
    memcpy(first, x, sizeof x);
    CHECK(atl_ranks_broadcast(w->ranks, first, sizeof first) == ATL_OK);
    CHECK(isnan(x[0]) && !memcmp(first, x, sizeof x));
}

static void broadcast(worker *w, size_t count) {
    uint8_t *x = malloc(count + 1);
    CHECK(x);
    for (size_t i = 0; i < count; i++)
        x[i] = w->rank ? 0 : (uint8_t)(i * 31 + (i >> 16));
    x[count] = 99;
    CHECK(atl_ranks_broadcast(w->ranks, x, count) == ATL_OK);
    for (size_t i = 0; i < count; i++)
        CHECK(x[i] == (uint8_t)(i * 31 + (i >> 16)));
    CHECK(x[count] == 99);
    free(x);
}

static void agree(worker *w) {
    for (int p = -1; p < w->size; p++) {
        int flag = w->rank == p;
        CHECK(atl_ranks_any(w->ranks, &flag) == ATL_OK);
        CHECK(flag == (p >= 0));
    }
    CHECK(atl_ranks_same(w->ranks, UINT64_MAX - 5, "the data set") == ATL_OK);
}

// A number of bytes that hangs on the rank, from each in turn.
static void bring(worker *w, size_t more) {
    for (int p = 1; p < w->size; p++) {
        size_t count = (size_t)p + more;
        uint8_t *x = malloc(count + 1);
        memset(x, w->rank == p ? 10 + p : 99, count + 1);
        CHECK(atl_ranks_bring(w->ranks, p, x, count) == ATL_OK);
        for (size_t i = 0; i <= count; i++)
            CHECK(x[i] == (w->rank == p || (w->rank == 0 && i < count) ? 10 + p : 99));
        free(x);
    }
}

// A failure of some ranks is that of all, with the sentence of the first of them; then the group goes on.
static void fail_together(worker *w) {
    CHECK(atl_ranks_agree(w->ranks, ATL_OK) == ATL_OK);
    for (int p = 0; p < w->size; p++) {
        char sentence[64];
        snprintf(sentence, sizeof sentence, "the disk of rank %d is full", p);
        atl_status own = w->rank >= p ? ATL_IO : ATL_OK;
        if (w->rank >= p)
            atl_fail(w->ctx, own, "the disk of rank %d is full", w->rank);
        CHECK(atl_ranks_agree(w->ranks, own) == ATL_IO);
        CHECK(!strcmp(atl_message(w->ctx), sentence));
        atl_message_clear(w->ctx);
    }
    CHECK(atl_ranks_agree(w->ranks, w->rank == VICTIM ? ATL_NO_MEMORY : ATL_OK) == ATL_NO_MEMORY);
    CHECK(!*atl_message(w->ctx));
    CHECK(atl_ranks_agree(w->ranks, ATL_OK) == ATL_OK);
}

static void everything(worker *w) {
    const size_t block = (4u << 20) / sizeof(float); // as in ranks.c: sums cross its blocks
    const size_t few = (16u << 10) / sizeof(float); // of which all are sent to all
    const size_t counts[] = {
        0, 1, 2, 3, 5, 1000, few, few + 1, block - 1, block, block + 1, 2 * block + 12345
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        atl_ranks_step(w->ranks, i);
        sum_of_floats(w, counts[i], i % 2 == 0);
    }
    sum_of_doubles(w, 1);
    sum_of_doubles(w, block / 2 + 7);
    sum_of_nans(w);
    broadcast(w, 0);
    broadcast(w, 1);
    broadcast(w, (64u << 20) + 5); // one more than a parcel
    agree(w);
    bring(w, 0);
    bring(w, 64u << 20);
    fail_together(w);
}

static int case_works(worker *w) {
    CHECK(join(w, 600.0) == ATL_OK);
    CHECK(w->size >= 2 && atl_ranks_local_size(w->ranks) == w->size);
    int share = atl_cpu_count() / w->size; // ranks.sh asks the launcher to bind nobody
    CHECK(atl_ranks_threads(w->ranks) == (share > 1 ? share : 1));
    CHECK(atl_ctx_threads(w->ctx) == atl_ranks_threads(w->ranks));
    everything(w);
    atl_ranks_close(&w->ranks, false);
    CHECK(join(w, 600.0) == ATL_BAD_ARGUMENT && !w->ranks); // MPI starts once
    CHECK(strstr(atl_message(w->ctx), "one group per process"));
    return leave(w, false);
}

// A host that uses MPI keeps it, and its messages.
static int case_host(worker *w) {
    MPI_Init(NULL, NULL);
    CHECK(join(w, 600.0) == ATL_OK);
    int mine = w->rank, theirs = -1, over = 1, next = (w->rank + 1) % w->size;
    int before = (w->rank + w->size - 1) % w->size;
    MPI_Request request;
    MPI_Irecv(&theirs, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &request);
    agree(w);
    sum_of_floats(w, 1000, false);
    MPI_Send(&mine, 1, MPI_INT, next, 5, MPI_COMM_WORLD);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    CHECK(theirs == before);
    atl_ranks_close(&w->ranks, false);
    MPI_Finalized(&over);
    CHECK(!over);
    CHECK(join(w, 600.0) == ATL_OK);
    agree(w);
    atl_ranks_close(&w->ranks, false);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return leave(w, false);
}

// A rank that is only slow costs nothing but the wait: signs of life go round every 2 s here.
static int case_slow(worker *w) {
    CHECK(join(w, 16.0) == ATL_OK);
    if (w->rank == VICTIM)
        wait_ms(4500);
    agree(w);
    sum_of_floats(w, 1000, false);
    return leave(w, false);
}

static void nap(int signal) {
    (void)signal;
    wait_ms(8000);
}

// Time in which the waiting processes themselves don't run (here: they are in a handler) is nobody's silence.
static int case_paused(worker *w) {
    CHECK(join(w, 6.0) == ATL_OK);
    signal(SIGALRM, nap);
    if (w->rank == VICTIM)
        wait_ms(10000);
    else
        alarm(1);
    agree(w);
    return leave(w, false);
}

// The same allocation fails on every rank; MPI is the test's own, so that it survives.
static int case_memory(worker *w) {
    MPI_Init(NULL, NULL);
    long before = w->live;
    int failures = 0;
    for (atl_status status = ATL_NO_MEMORY; status != ATL_OK; failures++) {
        w->ctx->fail_after = failures;
        status = join(w, 600.0);
        w->ctx->fail_after = -1;
        CHECK(status == ATL_OK || (status == ATL_NO_MEMORY && !w->ranks && w->live == before));
        MPI_Barrier(MPI_COMM_WORLD);
    }
    CHECK(failures > 8);
    agree(w);
    atl_ranks_close(&w->ranks, false);
    MPI_Finalize();
    return leave(w, false);
}

static void measure(worker *w, const atl_train_options *o) {
    atl_trainer *t;
    int flag = 0;
    CHECK(atl_trainer_open(w->ctx, o, &t) == ATL_OK);
    CHECK(atl_trainer_measure(t, atl_trainer_get_state(t)->rank == VICTIM ? 3 : 1) == ATL_OK);
    CHECK(atl_trainer_any(t, &flag) == ATL_OK);
    CHECK(atl_trainer_step(t) == ATL_OK);
    atl_trainer_close(&t, 0);
}

// How often a phase runs to be measured is each process's own affair, also where norms add up what all see.  MPI
// starts once in a process, so each network has a case.
static int case_measure(worker *w) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.resolution = 8;
    o.channel_base = 32;
    o.channel_max = 4;
    o.map_depth = 1;
    o.batch = 12;
    o.batch_gpu = 2; // a part of the batch, so that the path lengths' mean comes ahead
    o.aug = ATL_AUG_NONE;
    o.stall_seconds = 20.0;
    measure(w, &o);
    return leave(w, false);
}

static atl_train_options small_sagan(void) {
    atl_train_options o;
    atl_train_options_init(&o, sizeof o);
    o.cfg = "sagan";
    o.resolution = 32;
    o.channel_base = 8;
    o.batch = 12;
    o.stall_seconds = 60.0;
    return o;
}

static int case_measure_norms(worker *w) {
    const atl_train_options o = small_sagan();
    measure(w, &o);
    return leave(w, false);
}

// What batch norms keep is the same in all processes, whether they norm together or each its own pictures.
static int keep_buffers(worker *w, const char *cross_replica) {
    atl_train_options o = small_sagan();
    atl_trainer *t;
    o.cross_replica = cross_replica;
    CHECK(atl_trainer_open(w->ctx, &o, &t) == ATL_OK);
    uint64_t before = atl_params_fingerprint(&t->g.params);
    for (int step = 0; step < 2; step++)
        CHECK(atl_trainer_step(t) == ATL_OK);
    atl_trainer_fetch(t);
    CHECK(atl_params_fingerprint(&t->g.params) != before);
    CHECK(atl_ranks_same(t->ranks, atl_params_fingerprint(&t->g.params), "G") == ATL_OK);
    CHECK(atl_ranks_same(t->ranks, atl_params_fingerprint(&t->d.params), "D") == ATL_OK);
    CHECK(atl_ranks_same(t->ranks, atl_params_fingerprint(&t->g_ema.params), "the average of G") == ATL_OK);
    atl_trainer_close(&t, 0);
    return leave(w, false);
}

static int case_buffers(worker *w) { return keep_buffers(w, "on"); }
static int case_own_buffers(worker *w) { return keep_buffers(w, "off"); }

// ---- what goes wrong: the victim is rank 1

static int case_differ(worker *w) {
    CHECK(join(w, 600.0) == ATL_OK);
    return fail(w, atl_ranks_same(w->ranks, w->rank >= VICTIM ? 1 : 2, "the data set"));
}

static int steps(worker *w, double stall_seconds, int signal) {
    CHECK(join(w, stall_seconds) == ATL_OK);
    atl_status status = ATL_OK;
    for (uint64_t step = 0; step < 6 && status == ATL_OK; step++) {
        float x[4] = { 1, 2, 3, 4 };
        atl_ranks_step(w->ranks, step);
        if (step == 3 && w->rank == VICTIM)
            raise(signal);
        status = atl_ranks_sum(w->ranks, x, 4);
    }
    return fail(w, status);
}

static int case_stopped(worker *w) { return steps(w, 2.0, SIGSTOP); }
static int case_killed(worker *w) { return steps(w, 600.0, SIGKILL); }

// It stops with its own numbers on their way: the others miss its sums.
static int case_halfway(worker *w) {
    static float x[1 << 20];
    CHECK(join(w, 2.0) == ATL_OK);
    atl_ranks_step(w->ranks, 8);
    CHECK(atl_ranks_sum_begin(w->ranks, x, sizeof x / sizeof *x) == ATL_OK);
    if (w->rank == VICTIM)
        raise(SIGSTOP);
    return fail(w, atl_ranks_sum_wait(w->ranks));
}

// Rank 0 waits until the victim takes a broadcast; the others, served, wait for rank 0 and the victim in the next
// call.  Only signs of life tell them that rank 0 isn't to blame.
static int case_chain(worker *w) {
    static uint8_t bytes[8 << 20];
    CHECK(join(w, 4.0) == ATL_OK);
    atl_ranks_step(w->ranks, 9);
    if (w->rank == VICTIM)
        raise(SIGSTOP);
    atl_status status = atl_ranks_broadcast(w->ranks, bytes, sizeof bytes);
    if (w->rank >= 2)
        CHECK(status == ATL_OK);
    int flag = false;
    return fail(w, status == ATL_OK ? atl_ranks_any(w->ranks, &flag) : status);
}

static int case_mixed(worker *w) {
    CHECK(join(w, 3.0) == ATL_OK);
    int flag = false;
    return fail(w, w->rank == VICTIM ? atl_ranks_any(w->ranks, &flag) : atl_ranks_same(w->ranks, 1, "x"));
}

static int case_amount(worker *w) {
    CHECK(join(w, 600.0) == ATL_OK);
    float x[60] = { 0 };
    return fail(w, atl_ranks_sum(w->ranks, x, w->rank == VICTIM ? 30 : 60));
}

// The victim fails by itself and says nothing to the others: the launcher must end them.
static int case_failed(worker *w) {
    CHECK(join(w, 600.0) == ATL_OK);
    if (w->rank == VICTIM)
        return leave(w, true);
    int flag = false;
    return fail(w, atl_ranks_any(w->ranks, &flag));
}

// ranks.sh pretends a launcher of another MPI.
static int case_launcher(worker *w) {
    CHECK(join(w, 600.0) == ATL_UNSUPPORTED && !w->ranks);
    return fail(w, ATL_UNSUPPORTED);
}

int main(int argc, char **argv) {
    static const struct { const char *name; int (*run)(worker *w); } CASES[] = {
        { "works", case_works },     { "host", case_host },       { "slow", case_slow },
        { "paused", case_paused },   { "memory", case_memory },   { "differ", case_differ },
        { "stopped", case_stopped }, { "killed", case_killed },   { "halfway", case_halfway },
        { "chain", case_chain },     { "mixed", case_mixed },     { "amount", case_amount },
        { "failed", case_failed },   { "launcher", case_launcher }, { "measure", case_measure },
        { "measure norms", case_measure_norms },
        { "buffers", case_buffers }, { "own buffers", case_own_buffers } };
    printf("process %ld\n", (long)getpid());
    fflush(stdout);
    worker w = { 0 };
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.allocator = (atl_allocator){ count_alloc, count_release, &w };
    CHECK(atl_ctx_open(&w.ctx, &o) == ATL_OK);
    for (size_t i = 0; argc == 2 && i < sizeof CASES / sizeof *CASES; i++)
        if (!strcmp(argv[1], CASES[i].name))
            return CASES[i].run(&w);
    wrong("ranks_worker CASE", __LINE__);
    return 1;
}
