// SPDX-License-Identifier: Apache-2.0
// What there is to do for the metrics that were asked for: collectors, and the order of tasks.
#include <stdio.h>
#include <string.h>

#include "metrics/measure.h"

// The numbers of pictures whose moments are wanted, in order.
static atl_status add_mark(atl_collector *c, const atl_collector *wanted) {
    if (!wanted->n_marks)
        return ATL_OK;
    int at = 0;
    int64_t mark = wanted->marks[0];
    while (at < c->n_marks && c->marks[at] < mark)
        at++;
    if (at < c->n_marks && c->marks[at] == mark)
        return ATL_OK;
    if (c->n_marks == ATL_COLLECTOR_MARKS)
        return atl_fail(c->ctx, ATL_BAD_ARGUMENT, "more than %d numbers of pictures at once are not possible",
                        ATL_COLLECTOR_MARKS);
    memmove(c->marks + at + 1, c->marks + at, (size_t)(c->n_marks - at) * sizeof *c->marks);
    c->marks[at] = mark;
    c->n_marks++;
    return ATL_OK;
}

atl_status atl_metrics_collect(atl_metrics *m, const atl_collector *wanted, atl_collector **collector) {
    for (int i = 0; i < m->n_collectors; i++) {
        atl_collector *c = &m->collectors[i];
        bool same = c->kind == wanted->kind && c->real == wanted->real && c->detector == wanted->detector &&
                    c->use == wanted->use && c->others == wanted->others;
        if (!same)
            continue;
        c->count = wanted->count > c->count ? wanted->count : c->count;
        c->rows |= wanted->rows;
        *collector = c;
        return add_mark(c, wanted);
    }
    *collector = &m->collectors[m->n_collectors++];
    **collector = *wanted;
    return ATL_OK;
}

static void add_task(atl_metrics *m, const atl_task *task) {
    m->tasks[m->n_tasks++] = *task;
}

// What all share first, then metric after metric.
void atl_metrics_order(atl_metrics *m) {
    for (int fakes = 0; fakes < 2; fakes++) {
        atl_task pass;
        atl_metrics_pass(m, !fakes, &pass);
        if (pass.total)
            add_task(m, &pass);
    }
    for (int own = 0; own < 2; own++) // metrics of shared pictures come first
        for (int i = 0; i < m->n_jobs; i++) {
            atl_metric_job *job = &m->jobs[i];
            if ((job->own.total > 0) != own)
                continue;
            if (own)
                add_task(m, &job->own);
            add_task(
                m, &(atl_task){ .what = job->metric.name, .total = 1, .step = atl_metrics_finish, .job = i });
        }
}

// ---- collectors

static atl_collector *find_fakes(atl_metrics *m, const char *role) {
    for (int i = 0; i < m->n_collectors; i++) {
        atl_collector *c = &m->collectors[i];
        if (!c->real && c->detector && !strcmp(c->detector, role))
            return c;
    }
    return NULL;
}

// Classes are made of the features that are there, where both are of one file.
static atl_status join_collectors(atl_metrics *m) {
    atl_collector *classes = find_fakes(m, "inception-softmax"), *base = find_fakes(m, "inception");
    const atl_network *a, *b;
    if (!classes || !base || strcmp(base->use, "features") != 0)
        return ATL_OK;
    ATL_TRY(atl_metrics_network(m, classes->detector, &a));
    ATL_TRY(atl_metrics_network(m, base->detector, &b));
    if (a != b)
        return ATL_OK;
    classes->base = base;
    base->count = classes->count > base->count ? classes->count : base->count;
    return ATL_OK;
}

// A file of features is of one detector.
static atl_status check_saving(const atl_metrics *m) {
    const char *first = NULL;
    for (int i = 0; i < m->n_collectors && m->o.save_features; i++) {
        const atl_collector *c = &m->collectors[i];
        if (c->real || !c->detector || c->base)
            continue;
        if (first)
            return atl_fail(
                m->ctx, ATL_BAD_ARGUMENT,
                "%s: takes the features of one detector, and there are those of %s and of %s: save them "
                "one by one",
                m->o.save_features, first, c->detector);
        first = c->detector;
    }
    if (m->o.save_features && !first)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s: no metric that was asked for has features",
                        m->o.save_features);
    return ATL_OK;
}

static atl_status open_collectors(atl_metrics *m) {
    ATL_TRY(join_collectors(m));
    ATL_TRY(check_saving(m));
    for (int based = 0; based < 2; based++)
        for (int i = 0; i < m->n_collectors; i++)
            if ((m->collectors[i].base != NULL) == based)
                ATL_TRY(m->collectors[i].kind->open(&m->collectors[i]));
    return ATL_OK;
}

static atl_status check_metric(atl_metrics *m, const atl_metric_job *job) {
    const atl_metric_row *row = job->metric.row;
    const char *name = job->metric.name;
    if (row->real && !m->data && !(row->detector && m->given))
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s compares with real pictures, and there are no data",
                        name);
    if (row->draws && m->fakes)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is measured on a network, not on pictures", name);
    if (row->draws && m->o.codes)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "%s draws latents of its own: codes are for metrics of pictures", name);
    int64_t have = m->fakes ? (int64_t)atl_dataset_info_get(m->fakes)->count : job->metric.count;
    if (have < job->metric.count)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                        "%s has %lld pictures, and %s takes %lld: num %lld takes all there are",
                        atl_dataset_info_get(m->fakes)->name, (long long)have, name,
                        (long long)job->metric.count, (long long)have);
    return ATL_OK;
}

// Those that need no detector: of pictures, and of moved pictures where the network can move them.
static atl_status standard_names(atl_metrics *m, char *text, size_t room) {
    bool moves = false;
    if (m->net.ctx && !m->o.codes)
        ATL_TRY(atl_generator_moves(&m->generator, &moves));
    snprintf(text, room, "%s%s%s", m->data ? "swd16k," : "", "msssim20k", moves ? ",eqt50k_int,eqr50k" : "");
    return ATL_OK;
}

atl_status atl_metrics_plan(atl_metrics *m) {
    atl_metric list[ATL_METRICS_MOST];
    char standard[128];
    if (!m->o.metrics)
        ATL_TRY(standard_names(m, standard, sizeof standard));
    ATL_TRY(atl_metrics_parse(m->ctx, m->o.metrics ? m->o.metrics : standard, m->o.num, list, &m->n_jobs));
    m->jobs = atl_calloc(m->ctx, (size_t)m->n_jobs, sizeof *m->jobs);
    m->results = atl_calloc(m->ctx, (size_t)m->n_jobs, sizeof *m->results);
    if (!m->jobs || !m->results)
        return ATL_NO_MEMORY;
    for (int i = 0; i < m->n_jobs; i++) {
        atl_metric_job *job = &m->jobs[i];
        job->metric = list[i];
        job->own.job = i;
        job->own.what = job->metric.name;
        ATL_TRY(check_metric(m, job));
        ATL_TRY(atl_metric_way_of(list[i].row->kind)->plan(m, job));
    }
    return open_collectors(m);
}
