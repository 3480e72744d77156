// SPDX-License-Identifier: Apache-2.0
// Linux alone: elsewhere memory is what it is.
#define _GNU_SOURCE // madvise, MADV_HUGEPAGE
#include "cpu/pages.h"

#include <stdint.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { SMALL_PAGE = 4096, LEAST = 4 << 20 }; // bytes that are worth the call

void atl_pages_ask(void *memory, size_t bytes) {
#if defined(MADV_HUGEPAGE)
    const uintptr_t start = ((uintptr_t)memory + SMALL_PAGE - 1) & ~(uintptr_t)(SMALL_PAGE - 1);
    const uintptr_t end = ((uintptr_t)memory + bytes) & ~(uintptr_t)(SMALL_PAGE - 1);
    if (bytes >= LEAST)
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE); // a hint: failure changes nothing
#else
    (void)memory;
    (void)bytes;
#endif
}

// Asked for as generators of code do: written first, then made executable.
atl_status atl_cpu_code_room(size_t bytes) {
#if defined(__linux__)
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return ATL_NO_MEMORY;
    int refused = mprotect(memory, SMALL_PAGE, PROT_READ | PROT_EXEC);
    munmap(memory, bytes);
    return refused ? ATL_UNSUPPORTED : ATL_OK;
#else
    (void)bytes;
    return ATL_OK;
#endif
}

void *atl_pages_alloc(atl_ctx *ctx, size_t bytes) {
    size_t room = bytes >= 4 * (size_t)ATL_LARGE_PAGE ? bytes + ATL_LARGE_PAGE : bytes;
    void *memory = atl_alloc(ctx, room, 1);
    if (memory && room > bytes)
        atl_pages_ask(memory, room);
    return memory;
}
