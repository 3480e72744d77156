// SPDX-License-Identifier: Apache-2.0
// Chunks of whole large pages.  In front of each piece stands which chunk it is part of.
#define _GNU_SOURCE // madvise, MADV_HUGEPAGE
#include "base/pages.h"

#include <stdbool.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum {
    LARGE_PAGE = 2 << 20,
    LINE = 64,
    LEAST = 64 << 10,      // smaller pieces are the allocator's business: it has them at hand
    FIRST_CHUNK = 4 << 20, // a small network has no more
    LARGEST_CHUNK = 64 << 20,
};

// Pieces that a sanitizer can watch are not neighbours.
#if defined(__SANITIZE_ADDRESS__)
static const bool SHARED = false;
#else
static const bool SHARED = true;
#endif

struct atl_pages {
    atl_pages *next;
    char *memory;        // from the allocator
    size_t offset, size; // bytes in use from `memory` on, and in all
    int pieces;
    bool shared;
};

typedef struct head {
    atl_pages *chunk; // NULL: a small piece
} head;

static size_t round_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

static void ask(void *memory, size_t bytes) {
#if defined(MADV_HUGEPAGE)
    (void)madvise(memory, bytes, MADV_HUGEPAGE); // a hint: failure changes nothing
#else
    (void)memory;
    (void)bytes;
#endif
}

static void *place(char *at, atl_pages *chunk) {
    ((head *)(void *)at)->chunk = chunk;
    return at + LINE;
}

// A quarter of what there is already, so that few bytes are asked for in vain.
static size_t shared_size(const atl_ctx *ctx, size_t bytes) {
    size_t all = 0;
    for (const atl_pages *c = ctx->pages; c; c = c->next)
        all += c->shared ? c->size : 0;
    size_t size = all / 4 < FIRST_CHUNK ? FIRST_CHUNK : all / 4 > LARGEST_CHUNK ? LARGEST_CHUNK : all / 4;
    return bytes > size ? bytes : size;
}

static atl_pages *new_chunk(atl_ctx *ctx, size_t bytes, bool shared) {
    atl_pages *c = atl_alloc(ctx, 1, sizeof *c);
    if (!c)
        return NULL;
    size_t size = round_up(shared ? shared_size(ctx, bytes) : bytes, LARGE_PAGE);
    char *memory = atl_alloc(ctx, size + LARGE_PAGE, 1);
    if (!memory) {
        atl_free(ctx, c);
        return NULL;
    }
    size_t skipped = (size_t) - (uintptr_t)memory % LARGE_PAGE;
    ask(memory + skipped, size);
    *c = (atl_pages){ ctx->pages, memory, skipped, skipped + size, 0, shared };
    return ctx->pages = c;
}

static void *alloc(atl_ctx *ctx, size_t count, size_t size, bool shared) {
    if (size && count > (SIZE_MAX / 2) / size) {
        atl_fail(ctx, ATL_NO_MEMORY, "%zu elements of %zu bytes do not fit in memory", count, size);
        return NULL;
    }
    size_t bytes = round_up(count * size + LINE, LINE);
    if (bytes < LEAST) {
        char *small = atl_alloc(ctx, bytes, 1);
        return small ? place(small, NULL) : NULL;
    }
    atl_pages *c = ctx->pages;
    while (c && !(shared && c->shared && c->size - c->offset >= bytes))
        c = c->next;
    if (!c && !(c = new_chunk(ctx, bytes, shared)))
        return NULL;
    char *at = c->memory + c->offset;
    c->offset += bytes;
    c->pieces++;
    return place(at, c);
}

void *atl_pages_alloc(atl_ctx *ctx, size_t count, size_t size) {
    return alloc(ctx, count, size, SHARED);
}

void *atl_pages_alloc_alone(atl_ctx *ctx, size_t count, size_t size) {
    return alloc(ctx, count, size, false);
}

static void drop_chunk(atl_ctx *ctx, atl_pages *chunk) {
    atl_pages **at = &ctx->pages;
    while (*at != chunk)
        at = &(*at)->next;
    *at = chunk->next;
    atl_free(ctx, chunk->memory);
    atl_free(ctx, chunk);
}

void atl_pages_free(atl_ctx *ctx, void *memory) {
    if (!memory)
        return;
    char *at = (char *)memory - LINE;
    atl_pages *chunk = ((head *)(void *)at)->chunk;
    if (!chunk)
        atl_free(ctx, at);
    else if (--chunk->pieces == 0)
        drop_chunk(ctx, chunk);
}
