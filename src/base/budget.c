// SPDX-License-Identifier: Apache-2.0
// A counter under a lock; see budget.h.
#include "base/budget.h"

#include <pthread.h>

#include "base/mem.h"

struct atl_budget {
    atl_ctx *ctx;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    size_t most, used;
};

atl_status atl_budget_open(atl_ctx *ctx, size_t most, atl_budget **budget) {
    *budget = NULL;
    atl_budget *b = atl_calloc(ctx, 1, sizeof *b);
    if (!b)
        return ATL_NO_MEMORY;
    b->ctx = ctx;
    b->most = most;
    if (pthread_mutex_init(&b->lock, NULL) != 0) {
        atl_free(ctx, b);
        return atl_fail(ctx, ATL_INTERNAL, "a lock can't be made");
    }
    pthread_cond_init(&b->freed, NULL);
    *budget = b;
    return ATL_OK;
}

void atl_budget_close(atl_budget **budget) {
    if (!budget || !*budget)
        return;
    pthread_cond_destroy(&(*budget)->freed);
    pthread_mutex_destroy(&(*budget)->lock);
    atl_free((*budget)->ctx, *budget);
    *budget = NULL;
}

void atl_budget_take(atl_ctx *ctx, size_t bytes) {
    atl_budget *b = ctx->budget;
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    while (!ctx->reserved && b->used && (b->used > b->most || bytes > b->most - b->used))
        pthread_cond_wait(&b->freed, &b->lock);
    b->used += bytes;
    ctx->reserved += bytes;
    pthread_mutex_unlock(&b->lock);
}

void atl_budget_give(atl_ctx *ctx) {
    atl_budget *b = ctx->budget;
    if (!b || !ctx->reserved)
        return;
    pthread_mutex_lock(&b->lock);
    b->used -= ctx->reserved;
    ctx->reserved = 0;
    pthread_cond_broadcast(&b->freed);
    pthread_mutex_unlock(&b->lock);
}
