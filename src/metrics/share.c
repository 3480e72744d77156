// SPDX-License-Identifier: Apache-2.0
// Several processes at one measurement.  A step is one run of samples in each of them, in the order of their
// ranks; then what was made comes to the first process, run after run, and all agree on whether it went well.
// So sums are made in the order of samples, as one process makes them.
#include "base/clock.h"
#include "metrics/measure.h"

bool atl_metrics_leads(const atl_metrics *m) {
    return atl_ranks_rank(m->o.ranks) == 0;
}

// ---- runs of samples

static int size_of_run(const atl_task *t, int64_t first) {
    int64_t left = t->total - first;
    return left <= 0 ? 0 : left < t->run ? (int)left : t->run;
}

atl_status atl_metrics_reserve(atl_metrics *m, size_t bytes) {
    if (!atl_metrics_leads(m) || atl_ranks_size(m->o.ranks) == 1 || bytes <= m->room_bytes)
        return ATL_OK;
    atl_free(m->ctx, m->room);
    m->room = atl_alloc(m->ctx, bytes, 1);
    m->room_bytes = m->room ? bytes : 0;
    return m->room ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_metrics_bring(atl_metrics *m, int from, void *made, size_t bytes, const void **got) {
    bool leads = atl_metrics_leads(m);
    void *place = leads && from ? m->room : made;
    *got = leads ? place : NULL;
    return atl_ranks_bring(m->o.ranks, from, place, bytes);
}

// A run that can't be kept leaves the others their way to the first process, which all wait for.
atl_status atl_metrics_share(atl_metrics *m, atl_task *t) {
    int ranks = atl_ranks_size(m->o.ranks);
    int64_t begin = t->done, own = begin + (int64_t)atl_ranks_rank(m->o.ranks) * t->run;
    int n = size_of_run(t, own);
    ATL_TRY(atl_ranks_agree(m->o.ranks, n ? t->make(m, t, own, n) : ATL_OK));
    atl_status status = ATL_OK;
    for (int p = 0; p < ranks; p++) {
        int64_t first = begin + (int64_t)p * t->run;
        n = size_of_run(t, first);
        if (!n)
            break;
        atl_status joined = t->join(m, t, p, first, n);
        status = status == ATL_OK ? joined : status;
        t->done += n;
    }
    return atl_ranks_agree(m->o.ranks, status);
}

// ---- work of the first process

static int asks_to_stop(const atl_metrics *m) {
    return m->o.stop && m->o.stop(m->o.user, &m->state);
}

// Work asks as often as it likes; others are asked a few times in a second.
static bool go_on(void *user, int64_t done, int64_t all) {
    const int64_t pause = 50000000;
    atl_metrics *m = user;
    int64_t now = atl_clock_ns();
    if (m->asked && now - m->asked < pause)
        return true;
    m->state.done = done;
    m->state.total = all;
    int stop = asks_to_stop(m), busy = 1;
    bool alive = atl_ranks_any(m->o.ranks, &stop) == ATL_OK && atl_ranks_any(m->o.ranks, &busy) == ATL_OK;
    m->asked = atl_clock_ns();
    return alive && !stop;
}

atl_status atl_metrics_alone(atl_metrics *m, atl_status (*work)(atl_metrics *m, void *user), void *user) {
    bool leads = atl_metrics_leads(m);
    m->watch = (atl_watch){ go_on, m };
    atl_status status = leads ? work(m, user) : ATL_OK;
    int stop, busy;
    do {
        stop = !leads && asks_to_stop(m);
        busy = 0;
        ATL_TRY(atl_ranks_any(m->o.ranks, &stop));
        ATL_TRY(atl_ranks_any(m->o.ranks, &busy));
    } while (busy && !leads);
    return atl_ranks_agree(m->o.ranks, status);
}

static atl_status step(atl_metrics *m, void *user) {
    atl_task *t = user;
    return t->step(m, t);
}

atl_status atl_metrics_lead(atl_metrics *m, atl_task *t) {
    ATL_TRY(atl_metrics_alone(m, step, t));
    return m->o.ranks ? atl_ranks_broadcast(m->o.ranks, &t->done, sizeof t->done) : ATL_OK;
}
