// SPDX-License-Identifier: Apache-2.0
// A measurement from the outside: opened, driven step by step, closed.
#include "metrics/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash64.h"
#include "base/options.h"

enum { BATCH = 64 };

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

atl_status atl_metrics_finish(atl_metrics *m, atl_task *t) {
    atl_metric_job *job = &m->jobs[t->job];
    job->result = (atl_metric_result){ .metric = job->metric.name,
                                       .values = job->values,
                                       .method = "",
                                       .how = job->how,
                                       .fakes = job->metric.count,
                                       .reals = job->reals };
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
    if (m->o.ranks)
        atl_ranks_step(m->o.ranks, m->steps++);
    atl_status status = t->step ? atl_metrics_lead(m, t) : atl_metrics_share(m, t);
    t->seconds += (double)(atl_clock_ns() - start) * 1e-9;
    if ((status != ATL_OK || t->done >= t->total) && t->close)
        t->close(m, t);
    if (status == ATL_OK && t->step == atl_metrics_finish) {
        m->jobs[t->job].result.seconds = shared_seconds(m, &m->jobs[t->job]);
        atl_metrics_list_results(m);
    }
    atl_metrics_show_state(m);
    return status;
}

void atl_metrics_list_results(atl_metrics *m) {
    m->n_results = 0;
    for (int i = 0; i < m->n_jobs && atl_metrics_leads(m); i++)
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

// ---- opening

static atl_status check_options(atl_ctx *ctx, const atl_metrics_options *o) {
    if (!o->network == !o->fakes)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        o->network ? "network and fakes: measure one of them at a time"
                                   : "nothing to measure: network or fakes is missing");
    if (o->codes && (!o->network || o->code_count < 2 || o->code_count > INT32_MAX))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        o->network ? "%lld codes: two at least are needed, to see what lies between"
                                   : "codes are of a network's pictures, and fakes were given",
                        (long long)o->code_count);
    if (o->codes && o->reference_order)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "the reference order is of random latents, and there are codes");
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
        .codes = m->o.codes,
        .code_count = m->o.code_count,
    };
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    ATL_TRY(atl_options_read(m->ctx, "atl_model_options", &o, sizeof o, model));
    ATL_TRY(atl_network_open(m->ctx, m->o.network, &o, &m->net));
    ATL_TRY(atl_generator_open(&m->net, m->backend, m->data, &g, &m->generator));
    if (m->o.codes && m->o.code_size != (int64_t)m->generator.ws)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "codes of %lld numbers, and the network's ws have %lld",
                        (long long)m->o.code_size, (long long)m->generator.ws);
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
    return atl_metrics_plan(m);
}

// ---- opening by several processes

// What each was asked for is the same.
static atl_status compare_ranks(atl_metrics *m) {
    const json_t *all;
    const char *key;
    json_t *value;
    atl_status status = atl_metrics_identity(m, &all);
    ATL_TRY(atl_ranks_agree(m->o.ranks, status));
    // clang-format off
    json_object_foreach((json_t *)all, key, value) {
        char what[64], *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
        snprintf(what, sizeof what, "the measurement's %s", key);
        uint64_t hash = text ? atl_hash64(text, strlen(text), 0) : 0;
        free(text);
        ATL_TRY(atl_ranks_same(m->o.ranks, hash, what));
    }
    // clang-format on
    return ATL_OK;
}

static atl_status fill(atl_metrics *m, void *user) {
    (void)user;
    for (int i = 0; i < m->n_collectors; i++)
        if (m->collectors[i].real && m->collectors[i].kind->fill)
            ATL_TRY(m->collectors[i].kind->fill(&m->collectors[i]));
    return ATL_OK;
}

// The first process looks for what need not be computed, and tells the others.
static atl_status begin(atl_metrics *m) {
    uint8_t filled[ATL_COLLECTORS_MOST] = { 0 };
    if (atl_ranks_size(m->o.ranks) > 1)
        ATL_TRY(compare_ranks(m));
    m->state = (atl_metrics_state){ .what = "what is known of the data", .task = -1 };
    ATL_TRY(atl_metrics_alone(m, fill, NULL));
    for (int i = 0; i < m->n_collectors; i++)
        filled[i] = m->collectors[i].filled;
    if (m->o.ranks)
        ATL_TRY(atl_ranks_broadcast(m->o.ranks, filled, sizeof filled));
    for (int i = 0; i < m->n_collectors; i++)
        m->collectors[i].filled = filled[i];
    m->state.task = 0;
    atl_metrics_order(m);
    atl_metrics_show_state(m);
    return ATL_OK;
}

atl_status atl_metrics_open(atl_ctx *ctx, const atl_metrics_options *options, atl_metrics **metrics) {
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    *metrics = NULL;
    ATL_TRY(atl_options_read(ctx, "atl_metrics_options", &o, sizeof o, options));
    atl_metrics *m = atl_calloc(ctx, 1, sizeof *m);
    atl_status status = m ? ATL_OK : ATL_NO_MEMORY;
    if (m) {
        m->ctx = ctx;
        atl_arena_init(&m->arena, ctx, 0);
        status = open(m, &o);
    }
    status = atl_ranks_agree(o.ranks, status);
    if (status == ATL_OK)
        status = begin(m);
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
    for (int i = m->n_collectors - 1; i >= 0; i--)
        m->collectors[i].kind->close(&m->collectors[i]);
    atl_free(m->ctx, m->jobs);
    atl_free(m->ctx, m->results);
    atl_free(m->ctx, m->room);
    json_decref(m->identity);
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
