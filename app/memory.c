// SPDX-License-Identifier: Apache-2.0
// Arrays and copies; see memory.h.
#define _GNU_SOURCE // madvise, MADV_HUGEPAGE
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

// The numbers of a large picture would be thousands of page faults.
static void *zeros(size_t bytes) {
#if defined(MADV_HUGEPAGE)
    const size_t page = 2 << 20;
    void *memory = NULL;
    if (bytes >= 2 * page) {
        if (posix_memalign(&memory, page, bytes) != 0)
            return NULL;
        (void)madvise(memory, bytes / page * page, MADV_HUGEPAGE); // a hint: failure changes nothing
        return memset(memory, 0, bytes);
    }
#endif
    return calloc(bytes, 1);
}

void *app_array(size_t count, size_t a, size_t b, size_t size, app_error *e) {
    size_t total = size;
    void *memory = NULL;
    size_t factors[3] = { count, a, b };
    int fits = 1;
    for (int i = 0; i < 3; i++) {
        fits = fits && (factors[i] == 0 || total <= SIZE_MAX / 4 / factors[i]);
        total = fits ? total * factors[i] : 0;
    }
    if (fits)
        memory = zeros(total ? total : 1);
    if (!memory)
        app_fail(e, "out of memory: %zu numbers do not fit; ask for fewer images at once", count);
    return memory;
}

char *app_copy(const char *text, app_error *e) {
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    else
        app_fail(e, "out of memory");
    return copy;
}
