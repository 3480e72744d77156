// SPDX-License-Identifier: Apache-2.0
// The ring has three marks that only grow: slots put in, begun by a thread, and freed.
#include "data/crew.h"

#include <pthread.h>
#include <signal.h>

#include "base/budget.h"
#include "base/mem.h"

// Pictures that are being decoded at a time, in all threads together: five of 24 megapixels.
enum { BUDGET = 384 << 20 };

typedef struct slot {
    atl_ctx *ctx;
    size_t value;
    bool done;
    void *content;
} slot;

struct atl_crew {
    atl_ctx *ctx;
    atl_crew_work work;
    atl_crew_clear clear;
    void *user;
    slot *slots; // [depth]
    size_t depth;
    char *contents; // [depth, slot_bytes]
    pthread_t *threads;
    atl_budget *budget;
    int running;    // threads that were started
    bool locked_up; // the lock and the conditions exist
    pthread_mutex_t lock;
    pthread_cond_t come, gone; // something was put in; something is done
    size_t in, begun, out;
    bool stop;
};

static void *labour(void *argument) {
    atl_crew *c = argument;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->stop && c->begun == c->in)
            pthread_cond_wait(&c->come, &c->lock);
        if (c->stop)
            break;
        slot *s = &c->slots[c->begun++ % c->depth];
        pthread_mutex_unlock(&c->lock);
        c->work(c->user, s->ctx, s->value, s->content);
        atl_budget_give(s->ctx);
        pthread_mutex_lock(&c->lock);
        s->done = true;
        pthread_cond_signal(&c->gone);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static atl_status make_slots(atl_crew *c, size_t slot_bytes) {
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = 1;
    o.memory_cap = c->ctx->memory_cap;
    c->slots = atl_calloc(c->ctx, c->depth, sizeof *c->slots);
    slot_bytes = (slot_bytes + 63) & ~(size_t)63;
    c->contents = atl_calloc(c->ctx, c->depth, slot_bytes);
    if (!c->slots || !c->contents)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < c->depth; i++) {
        c->slots[i].content = c->contents + i * slot_bytes;
        atl_status status = atl_ctx_open(&c->slots[i].ctx, &o);
        if (status != ATL_OK)
            return atl_fail(c->ctx, status, "out of memory for threads");
        c->slots[i].ctx->budget = c->budget;
    }
    return ATL_OK;
}

// Signals belong to the host: threads of the library never see one.
static atl_status start(atl_crew *c, int threads) {
    c->threads = atl_calloc(c->ctx, (size_t)threads, sizeof *c->threads);
    if (!c->threads)
        return ATL_NO_MEMORY;
    if (pthread_mutex_init(&c->lock, NULL) != 0)
        return atl_fail(c->ctx, ATL_INTERNAL, "a lock can't be made");
    pthread_cond_init(&c->come, NULL);
    pthread_cond_init(&c->gone, NULL);
    c->locked_up = true;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (c->running < threads && pthread_create(&c->threads[c->running], NULL, labour, c) == 0)
        c->running++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return c->running ? ATL_OK : atl_fail(c->ctx, ATL_INTERNAL, "the system refuses a thread");
}

atl_status atl_crew_open(atl_ctx *ctx, int threads, size_t depth, size_t slot_bytes, atl_crew_work work,
                         atl_crew_clear clear, void *user, atl_crew **crew) {
    *crew = NULL;
    atl_crew *c = atl_calloc(ctx, 1, sizeof *c);
    if (!c)
        return ATL_NO_MEMORY;
    c->ctx = ctx;
    c->work = work;
    c->clear = clear;
    c->user = user;
    c->depth = depth;
    atl_status status = atl_budget_open(ctx, BUDGET, &c->budget);
    if (status == ATL_OK)
        status = make_slots(c, slot_bytes);
    if (status == ATL_OK)
        status = start(c, threads);
    if (status != ATL_OK)
        atl_crew_close(&c);
    *crew = c;
    return status;
}

static void join(atl_crew *c) {
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->come);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->running; i++)
        pthread_join(c->threads[i], NULL);
    pthread_cond_destroy(&c->gone);
    pthread_cond_destroy(&c->come);
    pthread_mutex_destroy(&c->lock);
}

void atl_crew_close(atl_crew **crew) {
    if (!crew || !*crew)
        return;
    atl_crew *c = *crew;
    atl_ctx *ctx = c->ctx;
    if (c->locked_up)
        join(c);
    for (size_t i = 0; c->slots && i < c->depth; i++) {
        if (c->slots[i].ctx && c->clear)
            c->clear(c->slots[i].ctx, c->slots[i].content);
        atl_ctx_close(&c->slots[i].ctx);
    }
    atl_budget_close(&c->budget);
    atl_free(ctx, c->threads);
    atl_free(ctx, c->contents);
    atl_free(ctx, c->slots);
    atl_free(ctx, c);
    *crew = NULL;
}

bool atl_crew_put(atl_crew *c, size_t value) {
    if (c->in - c->out == c->depth)
        return false;
    pthread_mutex_lock(&c->lock);
    slot *s = &c->slots[c->in++ % c->depth];
    s->value = value;
    s->done = false;
    pthread_cond_signal(&c->come);
    pthread_mutex_unlock(&c->lock);
    return true;
}

void *atl_crew_take(atl_crew *c, size_t *value, atl_ctx **ctx) {
    if (c->out == c->in)
        return NULL;
    slot *s = &c->slots[c->out % c->depth];
    pthread_mutex_lock(&c->lock);
    while (!s->done)
        pthread_cond_wait(&c->gone, &c->lock);
    pthread_mutex_unlock(&c->lock);
    *value = s->value;
    *ctx = s->ctx;
    return s->content;
}

void atl_crew_free(atl_crew *c) {
    atl_message_clear(c->slots[c->out % c->depth].ctx);
    c->out++;
}
