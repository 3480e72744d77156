// SPDX-License-Identifier: Apache-2.0
// A pass over pictures, which several metrics share: they are made, or read, and collectors look at them.
#include "metrics/measure.h"

static bool takes(const atl_collector *c, const atl_task *t, int64_t first) {
    return c->real == t->real && !c->filled && first >= c->from && first < c->count;
}

static int some_of(const atl_collector *c, int64_t first, int n) {
    return c->count - first < n ? (int)(c->count - first) : n;
}

// ---- opening

static atl_status open_reader(atl_metrics *m, const atl_dataset *set, int64_t first, int64_t end) {
    int others = atl_ranks_size(m->o.ranks) - 1;
    const atl_reader_order order = { first, end, m->o.batch, (int64_t)others * m->o.batch };
    return atl_reader_open(m->ctx, set, &order, &m->reader);
}

static atl_status open_pass(atl_metrics *m, const atl_task *t, int64_t first) {
    const atl_dataset *set = t->real ? m->data : m->fakes;
    int h = set ? atl_dataset_info_get(set)->height : m->height,
        w = set ? atl_dataset_info_get(set)->width : m->width;
    size_t batch = (size_t)m->o.batch;
    m->pictures = atl_alloc(m->ctx, batch, 3 * (size_t)h * (size_t)w);
    if (!m->pictures)
        return ATL_NO_MEMORY;
    for (int i = 0; i < m->n_collectors; i++) {
        atl_collector *c = &m->collectors[i];
        if (c->real != t->real || c->filled)
            continue;
        ATL_TRY(atl_metrics_reserve(m, batch * c->each));
        if (c->kind->look && !(c->seen = atl_alloc(m->ctx, batch, c->each)))
            return ATL_NO_MEMORY;
    }
    return set ? open_reader(m, set, first, t->total) : ATL_OK;
}

static void close_pass(atl_metrics *m, atl_task *t) {
    (void)t;
    atl_reader_close(&m->reader);
    atl_free(m->ctx, m->pictures);
    m->pictures = NULL;
    for (int i = 0; i < m->n_collectors; i++) {
        atl_free(m->ctx, m->collectors[i].seen);
        m->collectors[i].seen = NULL;
    }
}

// ---- a step

// What is made of others' features comes after these.
static atl_status make(atl_metrics *m, atl_task *t, int64_t first, int n) {
    if (!m->pictures)
        ATL_TRY(open_pass(m, t, first));
    ATL_TRY(m->reader ? atl_reader_next(m->reader, n, m->pictures)
                      : atl_generator_pictures(&m->generator, first, n, m->pictures));
    for (int based = 0; based < 2; based++)
        for (int i = 0; i < m->n_collectors; i++) {
            atl_collector *c = &m->collectors[i];
            if ((c->base != NULL) == based && c->kind->look && takes(c, t, first))
                ATL_TRY(c->kind->look(c, some_of(c, first, n), m->pictures, c->seen));
        }
    return ATL_OK;
}

static atl_status keep(atl_collector *c, int64_t first, int n, const void *seen) {
    ATL_TRY(c->kind->keep(c, first, n, seen));
    return first + n == c->count && c->kind->whole ? c->kind->whole(c) : ATL_OK;
}

static atl_status join(atl_metrics *m, atl_task *t, int from, int64_t first, int n) {
    atl_status status = ATL_OK;
    for (int i = 0; i < m->n_collectors; i++) {
        atl_collector *c = &m->collectors[i];
        if (!takes(c, t, first))
            continue;
        int some = some_of(c, first, n);
        const void *seen;
        void *made = c->kind->look ? c->seen : m->pictures;
        atl_status kept = atl_metrics_bring(m, from, made, (size_t)some * c->each, &seen);
        if (kept == ATL_OK && status == ATL_OK && seen)
            kept = keep(c, first, some, seen);
        status = status == ATL_OK ? kept : status;
    }
    return status;
}

void atl_metrics_pass(atl_metrics *m, bool real, atl_task *pass) {
    bool filled = true;
    *pass = (atl_task){
        .run = m->o.batch, .make = make, .join = join, .close = close_pass, .job = -1, .real = real
    };
    pass->what = real ? "pictures of the data" : m->fakes ? "pictures to measure" : "generated pictures";
    for (int i = 0; i < m->n_collectors; i++) {
        const atl_collector *c = &m->collectors[i];
        if (c->real != real)
            continue;
        pass->total = c->count > pass->total ? c->count : pass->total;
        filled = filled && c->filled;
    }
    pass->done = filled ? pass->total : 0;
}
