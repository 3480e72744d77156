// SPDX-License-Identifier: Apache-2.0
// Checked allocation, and arenas: bump memory that is freed all at once.
#ifndef ATL_BASE_MEM_H
#define ATL_BASE_MEM_H

#include <stddef.h>
#include "base/ctx.h"

// count * size bytes, aligned to 64, not initialised.  NULL with a message in ctx when the product
// overflows or memory is missing.  Count and size come apart so that the multiplication is checked.
void *atl_alloc(atl_ctx *ctx, size_t count, size_t size);

// The same, filled with zeros.
void *atl_calloc(atl_ctx *ctx, size_t count, size_t size);
void atl_free(atl_ctx *ctx, void *memory);

// A larger copy of `memory` (which held `old` elements) with room for `count`; the old block is
// released on success and untouched on failure.
void *atl_grow(atl_ctx *ctx, void *memory, size_t old, size_t count, size_t size);

typedef struct atl_arena_block atl_arena_block;
typedef struct atl_arena {
    atl_ctx *ctx;
    atl_arena_block *top; // newest block
    size_t used;          // bytes handed out in all blocks
    size_t cap;           // most bytes that may be handed out
} atl_arena;

// An empty arena; nothing is allocated yet.  cap 0: the context's memory_cap.
void atl_arena_init(atl_arena *arena, atl_ctx *ctx, size_t cap);
void atl_arena_clear(atl_arena *arena);

// Memory aligned to 16 bytes and filled with zeros, valid until the arena is cleared.  NULL with a message in
// the context on failure.
void *atl_arena_alloc(atl_arena *arena, size_t count, size_t size);
char *atl_arena_string(atl_arena *arena, const char *text, size_t length); // a copy ending in 0
char *atl_arena_printf(atl_arena *arena, const char *format, ...) ATL_PRINTF(2, 3);

#endif
