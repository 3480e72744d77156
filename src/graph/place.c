// SPDX-License-Identifier: Apache-2.0
// Offsets in one block: values whose lives overlap must not share memory.  Largest first, each into the
// smallest gap between the already placed ones that it meets in time (as XNNPACK's planner does).
#include <stdlib.h>

#include "graph/plan.h"

enum { ALIGN = 64 };

typedef struct item { const atl_value *v; atl_value *target; size_t bytes; } item;

static int larger_first(const void *a, const void *b) {
    const item *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->v->first != y->v->first ? (x->v->first < y->v->first ? -1 : 1) : (x->target < y->target ? -1 : 1);
}

static int by_offset(const void *a, const void *b) {
    const atl_value *x = *(atl_value *const *)a, *y = *(atl_value *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static size_t bytes_of(const atl_value *v) {
    return (v->count * sizeof(float) + ALIGN - 1) / ALIGN * ALIGN;
}

// The smallest gap that fits between the values of `near` (sorted by offset), else behind the last.
static size_t best_gap(atl_value **near, int count, size_t bytes) {
    size_t end = 0, best = 0, best_size = SIZE_MAX;
    for (int i = 0; i < count; i++) {
        if (near[i]->offset > end) {
            size_t gap = near[i]->offset - end;
            if (gap >= bytes && gap < best_size) {
                best = end;
                best_size = gap;
            }
        }
        size_t stop = near[i]->offset + bytes_of(near[i]);
        end = stop > end ? stop : end;
    }
    return best_size == SIZE_MAX ? end : best;
}

atl_status atl_place(atl_ctx *ctx, atl_value *values, int count, size_t *bytes) {
    size_t room = (size_t)(count > 0 ? count : 1);
    item *order = atl_alloc(ctx, room, sizeof *order);
    atl_value **near = atl_alloc(ctx, room, sizeof *near), **done = atl_alloc(ctx, room, sizeof *done);
    atl_status status = order && near && done ? ATL_OK : ATL_NO_MEMORY;
    int n = 0, n_done = 0;
    for (int i = 0; status == ATL_OK && i < count; i++)
        if (values[i].placed && values[i].reuses < 0)
            order[n++] = (item){ &values[i], &values[i], bytes_of(&values[i]) };
    *bytes = 0;
    if (n)
        qsort(order, (size_t)n, sizeof *order, larger_first);
    for (int i = 0; i < n; i++) {
        atl_value *v = order[i].target;
        int n_near = 0;
        for (int k = 0; k < n_done; k++)
            if (done[k]->first <= v->last && v->first <= done[k]->last)
                near[n_near++] = done[k];
        if (n_near)
            qsort(near, (size_t)n_near, sizeof *near, by_offset);
        v->offset = best_gap(near, n_near, order[i].bytes);
        if (v->offset + order[i].bytes > *bytes)
            *bytes = v->offset + order[i].bytes;
        done[n_done++] = v;
    }
    atl_free(ctx, order);
    atl_free(ctx, near);
    atl_free(ctx, done);
    return status;
}
