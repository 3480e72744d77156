// SPDX-License-Identifier: Apache-2.0
// Large memory in large pages.
//
// The first touch of a page costs a fault and its zeroing: 200 MB of weights in pages of 4 KB are 50,000
// faults, which on a virtual machine take longer than the weights' transforms.  So what is large comes from
// chunks that begin at a large page and are whole large pages, one piece behind the other: a piece begins
// where the last one ended, so none is rounded up to a large page, and what nobody has touched takes no
// memory.
//
// A chunk goes back when its last piece does.  So pieces are for what lives and dies with its neighbours, the
// packed weights of a plan; what comes and goes alone has a chunk alone.  Like all of a context they belong
// to one thread.
#ifndef ATL_BASE_PAGES_H
#define ATL_BASE_PAGES_H

#include "base/mem.h"

// As atl_alloc: aligned to 64, not initialised, NULL with a message.  Small ones are atl_alloc's.
typedef struct atl_pages atl_pages;

void *atl_pages_alloc(atl_ctx *ctx, size_t count, size_t size);
void *atl_pages_alloc_alone(atl_ctx *ctx, size_t count, size_t size);
void atl_pages_free(atl_ctx *ctx, void *memory); // what one of them gave, or NULL

#endif
