// SPDX-License-Identifier: Apache-2.0
// Asked for as generators of code do: written first, then made executable.  Linux alone: elsewhere the answer
// is yes.
#define _GNU_SOURCE // MAP_ANONYMOUS
#include "cpu/code.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

atl_status atl_cpu_code_room(size_t bytes) {
#if defined(__linux__)
    enum { PAGE = 4096 };
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return ATL_NO_MEMORY;
    int refused = mprotect(memory, PAGE, PROT_READ | PROT_EXEC);
    munmap(memory, bytes);
    return refused ? ATL_UNSUPPORTED : ATL_OK;
#else
    (void)bytes;
    return ATL_OK;
#endif
}
