// SPDX-License-Identifier: Apache-2.0
// Large memory in large pages: the first touch of 300 MB is otherwise 75,000 page faults.  And whether there
// is memory left for machine code, for those who make some without looking.
#ifndef ATL_CPU_PAGES_H
#define ATL_CPU_PAGES_H

#include "base/mem.h"

enum { ATL_LARGE_PAGE = 2 << 20 };

void *atl_pages_alloc(atl_ctx *ctx, size_t bytes); // as atl_alloc; with room to begin at a large page
void atl_pages_ask(void *memory, size_t bytes);    // for memory that is there already: a hint that may fail

// ATL_NO_MEMORY: so many bytes can't be had.  ATL_UNSUPPORTED: they can, but the system lets nothing in them
// run.
atl_status atl_cpu_code_room(size_t bytes);

#endif
