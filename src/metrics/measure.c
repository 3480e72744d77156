// SPDX-License-Identifier: Apache-2.0
// A measurement from the outside: opened, driven step by step, closed.
#include "metrics/measure.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"

enum { BATCH = 64 };

// ---- tasks: passes over pictures, which several metrics share

static int64_t most_pictures(const atl_metrics *m, bool real) {
    int64_t most = 0;
    for (int i = 0; i < m->n_collectors; i++)
        if (m->collectors[i].real == real && !m->collectors[i].filled && m->collectors[i].count > most)
            most = m->collectors[i].count;
    return most;
}

static atl_status open_pass(atl_metrics *m, const atl_task *t) {
    const atl_dataset *set = t->real ? m->data : m->fakes;
    int h = set ? atl_dataset_info_get(set)->height : m->height,
        w = set ? atl_dataset_info_get(set)->width : m->width;
    size_t picture = 3 * (size_t)h * (size_t)w;
    m->pictures = atl_alloc(m->ctx, (size_t)m->o.batch, picture);
    if (!m->pictures)
        return ATL_NO_MEMORY;
    return set ? atl_reader_open(m->ctx, set, t->done, t->total - t->done, &m->reader) : ATL_OK;
}

static void close_pass(atl_metrics *m, atl_task *t) {
    (void)t;
    atl_reader_close(&m->reader);
    atl_free(m->ctx, m->pictures);
    m->pictures = NULL;
}

static atl_status step_pass(atl_metrics *m, atl_task *t) {
    int n = t->total - t->done < m->o.batch ? (int)(t->total - t->done) : m->o.batch;
    if (!m->pictures)
        ATL_TRY(open_pass(m, t));
    ATL_TRY(m->reader ? atl_reader_next(m->reader, n, m->pictures)
                      : atl_generator_pictures(&m->generator, t->done, n, m->pictures));
    for (int i = 0; i < m->n_collectors; i++) {
        atl_collector *c = &m->collectors[i];
        int64_t left = c->count - t->done;
        if (c->real == t->real && left > 0 && !c->filled)
            ATL_TRY(c->kind->add(c, t->done, left < n ? (int)left : n, m->pictures));
        if (c->real == t->real && left > 0 && left <= n && c->kind->whole)
            ATL_TRY(c->kind->whole(c));
    }
    t->done += n;
    return ATL_OK;
}

// ---- tasks: the arithmetic of a metric

static double shared_seconds(const atl_metrics *m, const atl_metric_job *job) {
    double seconds = 0;
    for (int i = 0; i < m->n_tasks; i++) {
        const atl_task *t = &m->tasks[i];
        bool own = t->job >= 0 && &m->jobs[t->job] == job;
        bool pass = t->job < 0 && (t->real ? job->real : job->fake) != NULL;
        seconds += own || pass ? t->seconds : 0;
    }
    return seconds;
}

static atl_status step_finish(atl_metrics *m, atl_task *t) {
    atl_metric_job *job = &m->jobs[t->job];
    job->result.metric = job->metric.name;
    job->result.values = job->values;
    job->result.method = "";
    job->result.how = job->how;
    job->result.fakes = job->metric.count;
    job->result.reals = job->reals;
    ATL_TRY(atl_metric_way_of(job->metric.row->kind)->finish(m, job));
    job->finished = true;
    t->done = t->total;
    return ATL_OK;
}

// ---- running

const atl_metrics_state *atl_metrics_get_state(const atl_metrics *metrics) {
    return &metrics->state;
}

void atl_metrics_show_state(atl_metrics *m) {
    atl_metrics_state *s = &m->state;
    while (s->task < m->n_tasks && m->tasks[s->task].done >= m->tasks[s->task].total)
        s->task++;
    s->tasks = m->n_tasks;
    s->finished = s->task == m->n_tasks;
    s->what = s->finished ? "" : m->tasks[s->task].what;
    s->done = s->finished ? 0 : m->tasks[s->task].done;
    s->total = s->finished ? 0 : m->tasks[s->task].total;
}

atl_status atl_metrics_step(atl_metrics *m) {
    if (m->state.finished)
        return ATL_OK;
    atl_task *t = &m->tasks[m->state.task];
    int64_t start = atl_clock_ns();
    atl_status status = t->step(m, t);
    t->seconds += (double)(atl_clock_ns() - start) * 1e-9;
    if ((status != ATL_OK || t->done >= t->total) && t->close)
        t->close(m, t);
    ATL_TRY(status);
    if (t->step == step_finish) {
        m->jobs[t->job].result.seconds = shared_seconds(m, &m->jobs[t->job]);
        atl_metrics_list_results(m);
    }
    atl_metrics_show_state(m);
    return ATL_OK;
}

void atl_metrics_list_results(atl_metrics *m) {
    m->n_results = 0;
    for (int i = 0; i < m->n_jobs; i++)
        if (m->jobs[i].finished)
            m->results[m->n_results++] = m->jobs[i].result;
}

const atl_metric_result *atl_metrics_get_results(const atl_metrics *m, int *count) {
    *count = m->n_results;
    return m->results;
}

void atl_metric_put(atl_metric_job *job, const char *tail, double value, double error) {
    int i = job->result.count++;
    size_t length = strlen(job->metric.name);
    memcpy(job->names[i], job->metric.name, length);
    snprintf(job->names[i] + length, sizeof job->names[i] - length, "%s", tail);
    job->values[i] = (atl_metric_value){ job->names[i], value, error };
}

// ---- planning

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
static void order_tasks(atl_metrics *m) {
    int64_t reals = most_pictures(m, true), fakes = most_pictures(m, false);
    atl_task pass = { .step = step_pass, .close = close_pass, .job = -1 };
    if (reals) {
        pass.what = "pictures of the data";
        pass.total = reals;
        pass.real = true;
        add_task(m, &pass);
    }
    if (fakes) {
        pass.what = m->fakes ? "pictures to measure" : "generated pictures";
        pass.total = fakes;
        pass.real = false;
        add_task(m, &pass);
    }
    for (int own = 0; own < 2; own++) // metrics of shared pictures come first
        for (int i = 0; i < m->n_jobs; i++) {
            atl_metric_job *job = &m->jobs[i];
            if ((job->own.step != NULL) != own)
                continue;
            if (own)
                add_task(m, &job->own);
            add_task(m, &(atl_task){ .what = job->metric.name, .total = 1, .step = step_finish, .job = i });
        }
}

static atl_status open_collectors(atl_metrics *m) {
    for (int i = 0; i < m->n_collectors; i++)
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
    if (m->net.ctx)
        ATL_TRY(atl_generator_moves(&m->generator, &moves));
    snprintf(text, room, "%s%s%s", m->data ? "swd16k," : "", "msssim20k", moves ? ",eqt50k_int,eqr50k" : "");
    return ATL_OK;
}

static atl_status plan(atl_metrics *m) {
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
    ATL_TRY(open_collectors(m));
    order_tasks(m);
    atl_metrics_show_state(m);
    return ATL_OK;
}

// ---- opening

static atl_status check_options(atl_ctx *ctx, const atl_metrics_options *o) {
    if (!o->network == !o->fakes)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        o->network ? "network and fakes: measure one of them at a time"
                                   : "nothing to measure: network or fakes is missing");
    if (o->num < 0 || o->num > 100000000)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "num %lld: from 1 to 100000000 pictures are possible",
                        (long long)o->num);
    if (o->batch < 0 || o->batch > 65536)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "batch %d: from 1 to 65536 pictures at once are possible",
                        o->batch);
    if (o->noise_mode != ATL_NOISE_RANDOM && o->noise_mode != ATL_NOISE_CONST &&
        o->noise_mode != ATL_NOISE_NONE)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "noise is random, const or none where networks are measured");
    return ATL_OK;
}

static const char *keep(atl_metrics *m, const char *text) {
    return text ? atl_arena_string(&m->arena, text, strlen(text)) : NULL;
}

static atl_status keep_options(atl_metrics *m, const atl_metrics_options *o) {
    const char *const texts[] = { o->metrics, o->network, o->fakes,         o->data,
                                  o->resize,  o->cache,   o->save_features, o->real_features };
    const char *kept[sizeof texts / sizeof *texts];
    m->o = *o;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        kept[i] = keep(m, texts[i]);
        if (texts[i] && !kept[i])
            return ATL_NO_MEMORY;
    }
    m->o.metrics = kept[0];
    m->o.network = kept[1];
    m->o.fakes = kept[2];
    m->o.data = kept[3];
    m->o.resize = kept[4];
    m->o.cache = kept[5];
    m->o.save_features = kept[6];
    m->o.real_features = kept[7];
    return ATL_OK;
}

static atl_status open_network(atl_metrics *m, const atl_model_options *model) {
    const atl_generator_options g = {
        .seed = m->o.seed,
        .psi = m->o.truncation_psi,
        .cutoff = m->o.truncation_cutoff,
        .class_index = m->o.class_index,
        .noise = m->o.noise_mode,
        .reference_order = m->o.reference_order != 0,
    };
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_model_options", &o, sizeof o, model));
    ATL_TRY(atl_network_open(m->ctx, m->o.network, &o, &m->net));
    ATL_TRY(atl_generator_open(&m->net, m->backend, m->data, &g, &m->generator));
    m->height = m->net.dims.height;
    m->width = m->net.dims.width;
    return ATL_OK;
}

// Whole runs of the generator and of detectors: steps begin at multiples of both.
static int round_batch(const atl_metrics *m) {
    enum { DETECTORS = 32 };                                        // no detector has larger runs
    int batch = m->o.batch ? m->o.batch : BATCH, whole = DETECTORS; // those of generators divide it
    return (batch + whole - 1) / whole * whole;
}

static atl_status open(atl_metrics *m, const atl_metrics_options *o) {
    ATL_TRY(keep_options(m, o));
    ATL_TRY(check_options(m->ctx, &m->o));
    ATL_TRY(atl_detector_backend(m->ctx, &m->backend));
    if (m->o.data)
        ATL_TRY(atl_dataset_open(m->ctx, m->o.data, NULL, &m->data));
    if (m->o.real_features)
        ATL_TRY(atl_features_open(m->ctx, m->o.real_features, &m->given));
    if (m->o.fakes) {
        ATL_TRY(atl_dataset_open(m->ctx, m->o.fakes, NULL, &m->fakes));
        m->height = atl_dataset_info_get(m->fakes)->height;
        m->width = atl_dataset_info_get(m->fakes)->width;
    } else {
        ATL_TRY(open_network(m, o->model));
    }
    m->o.model = NULL;
    m->o.batch = round_batch(m);
    return plan(m);
}

atl_status atl_metrics_open(atl_ctx *ctx, const atl_metrics_options *options, atl_metrics **metrics) {
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    *metrics = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_metrics_options", &o, sizeof o, options));
    atl_metrics *m = atl_calloc(ctx, 1, sizeof *m);
    if (!m)
        return ATL_NO_MEMORY;
    m->ctx = ctx;
    atl_arena_init(&m->arena, ctx, 0);
    atl_status status = open(m, &o);
    if (status != ATL_OK)
        atl_metrics_close(&m);
    *metrics = m;
    return status;
}

void atl_metrics_close(atl_metrics **metrics) {
    atl_metrics *m = metrics ? *metrics : NULL;
    if (!m)
        return;
    for (int i = 0; i < m->n_tasks; i++)
        if (m->tasks[i].close)
            m->tasks[i].close(m, &m->tasks[i]);
    for (int i = 0; i < m->n_collectors; i++)
        m->collectors[i].kind->close(&m->collectors[i]);
    atl_free(m->ctx, m->jobs);
    atl_free(m->ctx, m->results);
    atl_features_close(&m->given);
    atl_metrics_close_detectors(m);
    atl_generator_close(&m->generator);
    if (m->net.ctx)
        atl_network_clear(&m->net);
    atl_backend_close(&m->backend);
    atl_dataset_close(&m->data);
    atl_dataset_close(&m->fakes);
    atl_arena_clear(&m->arena);
    atl_free(m->ctx, m);
    *metrics = NULL;
}
