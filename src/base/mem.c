// SPDX-License-Identifier: Apache-2.0
// Checked allocation over the context's allocator, with a hook that fails the nth call, and arenas
// made of a chain of blocks.
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void *atl_alloc(atl_ctx *ctx, size_t count, size_t size) {
    if (size && count > (SIZE_MAX - 64) / size) {
        atl_fail(ctx, ATL_NO_MEMORY, "%zu elements of %zu bytes do not fit in memory", count, size);
        return NULL;
    }
    size_t bytes = count * size;
    void *memory = NULL;
    if (ctx->fail_after != 0)
        memory = ctx->allocator.alloc(ctx->allocator.user, bytes ? bytes : 1);
    if (ctx->fail_after >= 0)
        ctx->fail_after--;
    if (!memory)
        atl_fail(ctx, ATL_NO_MEMORY, "out of memory: %zu bytes could not be allocated", bytes);
    return memory;
}

void *atl_calloc(atl_ctx *ctx, size_t count, size_t size) {
    void *memory = atl_alloc(ctx, count, size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

void atl_free(atl_ctx *ctx, void *memory) {
    if (memory)
        ctx->allocator.release(ctx->allocator.user, memory);
}

void *atl_grow(atl_ctx *ctx, void *memory, size_t old, size_t count, size_t size) {
    void *larger = atl_alloc(ctx, count, size);
    if (!larger)
        return NULL;
    if (old)
        memcpy(larger, memory, old * size);
    atl_free(ctx, memory);
    return larger;
}

struct atl_arena_block {
    atl_arena_block *below;
    size_t size, offset; // bytes in all and in use, header included
};

enum { HEADER = 64, FIRST_BLOCK = 16 << 10, LARGEST_STEP = 4 << 20 };

void atl_arena_init(atl_arena *arena, atl_ctx *ctx, size_t cap) {
    *arena = (atl_arena){ .ctx = ctx, .cap = cap ? cap : ctx->memory_cap };
}

void atl_arena_clear(atl_arena *arena) {
    while (arena->top) {
        atl_arena_block *below = arena->top->below;
        atl_free(arena->ctx, arena->top);
        arena->top = below;
    }
    arena->used = 0;
}

void *atl_arena_alloc(atl_arena *arena, size_t count, size_t size) {
    if (size && count > (SIZE_MAX / 2) / size) {
        atl_fail(arena->ctx, ATL_NO_MEMORY, "%zu elements of %zu bytes do not fit in memory", count, size);
        return NULL;
    }
    size_t bytes = (count * size + 15) & ~(size_t)15;
    if (bytes > arena->cap - arena->used) {
        atl_fail(arena->ctx, ATL_NO_MEMORY, "a limit of %zu bytes for one file or graph is reached", arena->cap);
        return NULL;
    }
    atl_arena_block *b = arena->top;
    if (!b || b->size - b->offset < bytes) {
        size_t want = b ? b->size * 2 : FIRST_BLOCK;
        if (want > LARGEST_STEP)
            want = LARGEST_STEP;
        if (want < bytes + HEADER)
            want = bytes + HEADER;
        b = atl_alloc(arena->ctx, want, 1);
        if (!b)
            return NULL;
        *b = (atl_arena_block){ arena->top, want, HEADER };
        arena->top = b;
    }
    void *memory = (char *)b + b->offset;
    b->offset += bytes;
    arena->used += bytes;
    return memset(memory, 0, bytes);
}

char *atl_arena_string(atl_arena *arena, const char *text, size_t length) {
    char *copy = atl_arena_alloc(arena, length + 1, 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *atl_arena_printf(atl_arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : atl_arena_alloc(arena, (size_t)n + 1, 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}
