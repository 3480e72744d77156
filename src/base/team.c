// SPDX-License-Identifier: Apache-2.0
// The team of threads.  A loop is offered by a new round in `state`; threads come in while it is open and are
// counted, so that its description can't change under one of them; it is closed when no number is left.
#include "base/team.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/signals.h"

// Parts of `state`: how many threads are inside, whether more may come in, and the number of the loop.
#define INSIDE UINT64_C(0xffff)
#define OPEN   UINT64_C(0x10000)
#define ROUND  UINT64_C(0x20000)

// Nanoseconds of looking before sleeping.  Waking takes about as long, so that looking at most doubles what
// waiting costs; between the steps of a network less passes.
enum { PATIENCE = 50000, LOOKS = 16 };

typedef struct member {
    atl_team *team;
    pthread_t thread;
    int lane;
} member;

struct atl_team {
    atl_ctx *ctx;
    int lanes, parts, running; // running: threads beside the caller
    bool started;
    pid_t process;
    member *members;
    pthread_mutex_t lock;
    pthread_cond_t come, gone;
    atl_team_work work;
    void *job;
    int64_t count, grain;
    alignas(64) _Atomic uint64_t state;
    atomic_int asleep; // threads that only `come` wakes
    atomic_bool waits; // the caller, for `gone`
    atomic_bool stop;
    alignas(64) _Atomic int64_t next; // number that nobody has taken
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Looks until the state's `mask` is no longer `value`, or patience is at its end.
static bool look(const atl_team *t, uint64_t mask, uint64_t value) {
    for (int64_t end = atl_clock_ns() + PATIENCE; atl_clock_ns() < end;)
        for (int i = 0; i < LOOKS; i++) {
            if ((atomic_load_explicit(&t->state, memory_order_acquire) & mask) != value)
                return true;
            relax();
        }
    return false;
}

// ---- the numbers

static void share(atl_team *t, int lane) {
    int64_t first = atomic_load_explicit(&t->next, memory_order_relaxed);
    while (first < t->count) {
        int64_t left = t->count - first, piece = left / (2 * t->lanes) / t->grain * t->grain;
        piece = piece < t->grain ? t->grain : piece;
        piece = piece < left ? piece : left;
        if (atomic_compare_exchange_weak_explicit(&t->next, &first, first + piece, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            t->work(t->job, lane, first, first + piece);
            first = atomic_load_explicit(&t->next, memory_order_relaxed);
        }
    }
}

// ---- threads

static bool enter(atl_team *t, uint64_t round) {
    uint64_t state = atomic_load_explicit(&t->state, memory_order_relaxed);
    while (state / ROUND == round && state & OPEN)
        if (atomic_compare_exchange_weak_explicit(&t->state, &state, state + 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static void leave(atl_team *t) {
    uint64_t state = atomic_fetch_sub(&t->state, 1) - 1;
    if (!(state & INSIDE) && atomic_load(&t->waits)) {
        pthread_mutex_lock(&t->lock);
        pthread_cond_signal(&t->gone);
        pthread_mutex_unlock(&t->lock);
    }
}

static void await_round(atl_team *t, uint64_t seen) {
    if (look(t, ~(ROUND - 1), seen * ROUND))
        return;
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->asleep, 1);
    while (atomic_load(&t->state) / ROUND == seen && !atomic_load(&t->stop))
        pthread_cond_wait(&t->come, &t->lock);
    atomic_fetch_sub(&t->asleep, 1);
    pthread_mutex_unlock(&t->lock);
}

static void *serve(void *arg) {
    const member *m = arg;
    atl_team *t = m->team;
    for (uint64_t seen = 0; !atomic_load(&t->stop);) {
        await_round(t, seen);
        seen = atomic_load_explicit(&t->state, memory_order_relaxed) / ROUND;
        if (enter(t, seen)) {
            share(t, m->lane);
            leave(t);
        }
    }
    return NULL;
}

// A thread that the system refuses is one less.
static void start(atl_team *t) {
    sigset_t before;
    t->started = true;
    t->process = getpid();
    atl_signals_hold(&before);
    for (int i = 0; i + 1 < t->lanes; i++) {
        member *m = &t->members[t->running];
        *m = (member){ .team = t, .lane = t->running + 1 };
        t->running += pthread_create(&m->thread, NULL, serve, m) == 0;
    }
    atl_signals_release(&before);
}

// ---- the caller

// In a process that was forked the threads are missing, and so may be whoever held the lock.
static void wake(atl_team *t) {
    if (!atomic_load(&t->asleep) || t->process != getpid())
        return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->come);
    pthread_mutex_unlock(&t->lock);
}

static void close_loop(atl_team *t) {
    uint64_t state = atomic_fetch_and(&t->state, ~OPEN);
    if (!(state & INSIDE))
        return;
    while (atomic_load_explicit(&t->state, memory_order_acquire) & INSIDE)
        if (!look(t, INSIDE, state & INSIDE))
            break;
        else
            state = atomic_load(&t->state);
    if (!(atomic_load(&t->state) & INSIDE))
        return;
    pthread_mutex_lock(&t->lock);
    atomic_store(&t->waits, true);
    while (atomic_load(&t->state) & INSIDE)
        pthread_cond_wait(&t->gone, &t->lock);
    atomic_store(&t->waits, false);
    pthread_mutex_unlock(&t->lock);
}

void atl_team_run(atl_team *t, int64_t count, int64_t grain, atl_team_work work, void *job) {
    if (count < 1)
        return;
    if (t && !t->started && count > grain)
        start(t);
    if (!t || count <= grain || !t->running) {
        work(job, 0, 0, count);
        return;
    }
    t->work = work;
    t->job = job;
    t->count = count;
    t->grain = grain;
    atomic_store_explicit(&t->next, 0, memory_order_relaxed);
    atomic_store(&t->state,
                 (atomic_load_explicit(&t->state, memory_order_relaxed) / ROUND + 1) * ROUND | OPEN);
    wake(t);
    share(t, 0);
    close_loop(t);
}

int atl_team_lanes(const atl_team *team) {
    return team ? team->lanes : 1;
}

int atl_team_parts(const atl_team *team) {
    return team ? team->parts : 1;
}

// ---- its life

static atl_status make(atl_ctx *ctx, int lanes, int parts, atl_team **team) {
    atl_team *t = atl_calloc(ctx, 1, sizeof *t);
    if (!t)
        return ATL_NO_MEMORY;
    t->ctx = ctx;
    t->lanes = lanes;
    t->parts = parts;
    t->members = atl_calloc(ctx, (size_t)lanes, sizeof *t->members);
    if (!t->members || pthread_mutex_init(&t->lock, NULL) != 0) {
        atl_free(ctx, t->members);
        atl_free(ctx, t);
        return atl_fail(ctx, ATL_NO_MEMORY, "out of memory for %d threads", lanes);
    }
    pthread_cond_init(&t->come, NULL);
    pthread_cond_init(&t->gone, NULL);
    *team = t;
    return ATL_OK;
}

atl_status atl_team_open(atl_ctx *ctx, int lanes, atl_team **team) {
    *team = NULL;
    if (lanes < 2)
        return ATL_OK;
    if (lanes != ctx->threads)
        return make(ctx, lanes, lanes, team);
    if (!ctx->team)
        ATL_TRY(make(ctx, lanes, lanes, &ctx->team));
    *team = ctx->team;
    return ATL_OK;
}

atl_status atl_team_open_cut(atl_ctx *ctx, int lanes, int parts, atl_team **team) {
    *team = NULL;
    return make(ctx, lanes, parts, team);
}

static void stop(atl_team *t) {
    atomic_store(&t->stop, true);
    atomic_fetch_add(&t->state, ROUND); // whoever is still looking sees a round that is not open
    wake(t);
    for (int i = 0; i < t->running; i++)
        pthread_join(t->members[i].thread, NULL);
    pthread_cond_destroy(&t->gone);
    pthread_cond_destroy(&t->come);
    pthread_mutex_destroy(&t->lock);
}

static void discard(atl_team *t) {
    if (!t->started || t->process == getpid())
        stop(t);
    atl_free(t->ctx, t->members);
    atl_free(t->ctx, t);
}

void atl_team_close(atl_team **team) {
    if (!team || !*team)
        return;
    if (*team != (*team)->ctx->team)
        discard(*team);
    *team = NULL;
}

void atl_team_close_shared(atl_ctx *ctx) {
    if (ctx->team)
        discard(ctx->team);
    ctx->team = NULL;
}
