// SPDX-License-Identifier: Apache-2.0
// A measurement that goes on another day: what collectors and tasks have so far, and finished results, in a
// safetensors file whose metadata says what was measured.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash64.h"
#include "data/print.h"
#include "metrics/measure.h"

static const char KEY[] = "atelier.metrics";
enum { ARRAYS_MOST = 2 + ATL_COLLECTOR_ARRAYS * (ATL_COLLECTORS_MOST + ATL_TASKS_MOST), NAME_ROOM = 64 };

// ---- what is measured

static json_t *print_of(atl_json *b, const atl_dataset *set, atl_status *status) {
    atl_set_print print;
    if (!set)
        return json_null();
    *status = atl_set_print_make(set, true, &print);
    return *status == ATL_OK ? atl_set_print_json(b, &print) : json_null();
}

// Features in the place of the data: what they are, not where they lie.
static json_t *print_of_features(atl_json *b, const atl_features *f) {
    char text[48];
    if (!f)
        return json_null();
    size_t width = (size_t)f->width;
    uint64_t hash = f->rows ? atl_hash64(f->rows, (size_t)f->count * width * sizeof *f->rows, 0) : 0;
    if (f->mean)
        hash = atl_hash64(f->mean, width * sizeof *f->mean, hash);
    if (f->cov)
        hash = atl_hash64(f->cov, width * width * sizeof *f->cov, hash);
    snprintf(text, sizeof text, "%lld %016llx", (long long)f->count, (unsigned long long)hash);
    return atl_json_string(b, text);
}

// Of the weights, the use and the resize of each.
static json_t *print_of_detectors(atl_json *b, const atl_metrics *m) {
    json_t *list = atl_json_object(b);
    for (int i = 0; i < m->n_detectors; i++) {
        const atl_opened_detector *d = &m->detectors[i];
        char name[80], text[24];
        snprintf(name, sizeof name, "%s %s", d->role, d->use);
        snprintf(text, sizeof text, "%016llx", (unsigned long long)atl_detector_fingerprint(d->detector));
        atl_json_set(b, list, name, atl_json_string(b, text));
    }
    if (m->classifiers) {
        char text[24];
        snprintf(text, sizeof text, "%016llx", (unsigned long long)m->classifiers);
        atl_json_set(b, list, "classifiers", atl_json_string(b, text));
    }
    return list;
}

static json_t *print_of_codes(atl_json *b, const atl_metrics *m) {
    char text[24];
    if (!m->o.codes)
        return json_null();
    uint64_t hash = atl_hash64(m->o.codes, (size_t)m->o.code_count * m->generator.ws * sizeof(float), 0);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    return atl_json_string(b, text);
}

static void describe_options(atl_json *b, const atl_metrics *m, json_t *o) {
    atl_json_set(b, o, "seed", json_integer(m->o.seed));
    atl_json_set(b, o, "mirror", json_boolean(m->o.mirror));
    atl_json_set(b, o, "truncation", json_real((double)m->o.truncation_psi));
    atl_json_set(b, o, "cutoff", json_integer(m->o.truncation_cutoff));
    atl_json_set(b, o, "class", json_integer(m->o.class_index));
    atl_json_set(b, o, "noise mode", json_integer(m->o.noise_mode));
    atl_json_set(b, o, "order of drawing", json_integer(m->o.reference_order));
    atl_json_set(b, o, "resize", atl_json_string(b, m->o.resize));
    atl_json_set(b, o, "codes", print_of_codes(b, m));
}

static atl_status describe(const atl_metrics *m, json_t **json) {
    atl_json b = { .ctx = m->ctx };
    atl_status status = ATL_OK;
    json_t *o = atl_json_object(&b);
    char text[64], list[ATL_METRICS_MOST * (ATL_METRIC_NAME + 24)] = "";
    for (int i = 0; i < m->n_jobs; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s:%lld,", m->jobs[i].metric.name,
                 (long long)m->jobs[i].metric.count);
    atl_json_set(&b, o, "list of metrics", atl_json_string(&b, list));
    snprintf(text, sizeof text, "%016llx",
             m->net.ctx ? (unsigned long long)atl_params_fingerprint(&m->net.params) : 0);
    atl_json_set(&b, o, "network", atl_json_string(&b, text));
    atl_json_set(&b, o, "data", print_of(&b, m->data, &status));
    if (status == ATL_OK)
        atl_json_set(&b, o, "fakes", print_of(&b, m->fakes, &status));
    atl_json_set(&b, o, "file of real features", print_of_features(&b, m->given));
    atl_json_set(&b, o, "detector", print_of_detectors(&b, m));
    describe_options(&b, m, o);
    if (status != ATL_OK) {
        json_decref(o);
        return status;
    }
    return atl_json_end(&b, o, "the measurement", json);
}

atl_status atl_metrics_identity(atl_metrics *m, const json_t **identity) {
    if (!m->identity)
        ATL_TRY(describe(m, &m->identity));
    *identity = m->identity;
    return ATL_OK;
}

// ---- results

static json_t *result_json(atl_json *b, const atl_metric_job *job) {
    json_t *o = atl_json_object(b), *values = atl_json_list(b);
    for (int i = 0; i < job->result.count; i++) {
        json_t *v = atl_json_object(b);
        atl_json_set(b, v, "name", atl_json_string(b, job->values[i].name));
        atl_json_set(b, v, "value", atl_json_number(b, job->values[i].value));
        atl_json_set(b, v, "error", atl_json_number(b, job->values[i].error));
        atl_json_add(b, values, v);
    }
    atl_json_set(b, o, "values", values);
    atl_json_set(b, o, "method", atl_json_string(b, job->result.method));
    atl_json_set(b, o, "how", atl_json_string(b, job->how));
    atl_json_set(b, o, "seconds", atl_json_number(b, job->result.seconds));
    return o;
}

static double number(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text_of(const json_t *o, const char *key) {
    const char *text = json_string_value(json_object_get(o, key));
    return text ? text : "";
}

static atl_status restore_result(atl_metrics *m, atl_metric_job *job, const json_t *o) {
    const json_t *values = json_object_get(o, "values");
    const char *method = text_of(o, "method");
    job->result.count = 0;
    for (size_t i = 0; i < json_array_size(values) && i < ATL_METRIC_VALUES; i++) {
        const json_t *v = json_array_get(values, i);
        snprintf(job->names[i], sizeof job->names[i], "%s", text_of(v, "name"));
        job->values[i] = (atl_metric_value){ job->names[i], number(v, "value"), number(v, "error") };
        job->result.count++;
    }
    snprintf(job->how, sizeof job->how, "%s", text_of(o, "how"));
    job->result.metric = job->metric.name;
    job->result.values = job->values;
    job->result.how = job->how;
    job->result.method = atl_arena_string(&m->arena, method, strlen(method));
    job->result.fakes = job->metric.count;
    job->result.reals = job->reals;
    job->result.seconds = number(o, "seconds");
    job->finished = true;
    return job->result.method ? ATL_OK : ATL_NO_MEMORY;
}

// ---- arrays

typedef struct listing {
    atl_array list[ARRAYS_MOST];
    char names[ARRAYS_MOST][NAME_ROOM];
    int count;
    int64_t done[ATL_TASKS_MOST];
    int64_t filled[ATL_COLLECTORS_MOST];
} listing;

static void list_some(listing *l, const char *owner, int number_of, const atl_array *arrays, int count) {
    for (int i = 0; i < count; i++) {
        int at = l->count++;
        snprintf(l->names[at], NAME_ROOM, "%s.%d.%s", owner, number_of, arrays[i].name);
        l->list[at] = arrays[i];
        l->list[at].name = l->names[at];
    }
}

// What there is to keep, or to restore to: the same both times.
static atl_status list_all(atl_metrics *m, listing *l) {
    atl_array arrays[ATL_COLLECTOR_ARRAYS];
    *l = (listing){ .count = 0 };
    for (int i = 0; i < m->n_tasks; i++)
        l->done[i] = m->tasks[i].done;
    for (int i = 0; i < m->n_collectors; i++)
        l->filled[i] = m->collectors[i].filled;
    list_some(l, "tasks", 0, &(atl_array){ "done", ATL_I64, 1, { m->n_tasks }, l->done }, 1);
    list_some(l, "collectors", 0, &(atl_array){ "filled", ATL_I64, 1, { m->n_collectors }, l->filled }, 1);
    for (int i = 0; i < m->n_collectors; i++) {
        atl_collector *c = &m->collectors[i];
        int count = c->kind->arrays ? c->kind->arrays(c, arrays) : 0;
        if (count < 0)
            return ATL_NO_MEMORY;
        list_some(l, "collector", i, arrays, count);
    }
    for (int i = 0; i < m->n_tasks; i++)
        if (m->tasks[i].arrays)
            list_some(l, "task", i, arrays, m->tasks[i].arrays(&m->tasks[i], arrays));
    return ATL_OK;
}

// ---- saving

static atl_status text_of_all(atl_metrics *m, char **text) {
    const json_t *identity;
    ATL_TRY(atl_metrics_identity(m, &identity));
    atl_json b = { .ctx = m->ctx };
    json_t *results = atl_json_object(&b), *whole = atl_json_object(&b);
    for (int i = 0; i < m->n_jobs; i++)
        if (m->jobs[i].finished)
            atl_json_set(&b, results, m->jobs[i].metric.name, result_json(&b, &m->jobs[i]));
    atl_json_set_known(&b, whole, "identity", identity);
    atl_json_set(&b, whole, "results", results);
    return atl_json_text(&b, whole, JSON_COMPACT, "the measurement", text);
}

atl_status atl_metrics_save(atl_metrics *m, const char *path) {
    char *text = NULL;
    if (!atl_metrics_leads(m))
        return ATL_OK;
    listing *l = atl_alloc(m->ctx, 1, sizeof *l);
    if (!l)
        return ATL_NO_MEMORY;
    atl_status status = text_of_all(m, &text);
    if (status == ATL_OK)
        status = list_all(m, l);
    if (status == ATL_OK)
        status = atl_safetensors_write(m->ctx, path, l->list, (size_t)l->count, &(atl_pair){ KEY, text }, 1);
    atl_free(m->ctx, text);
    atl_free(m->ctx, l);
    return status;
}

// ---- restoring

static atl_status compare(atl_metrics *m, const char *path, const json_t *kept) {
    const json_t *now;
    json_t *value;
    const char *key;
    ATL_TRY(atl_metrics_identity(m, &now));
    // clang-format off
    json_object_foreach((json_t *)now, key, value) {
        if (!json_equal(value, json_object_get(kept, key)))
            return atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                            "%s: was kept by a measurement whose %s differs from what is asked for now", path, key);
    }
    // clang-format on
    return ATL_OK;
}

// What has been filled from a cache meanwhile stays as it is.
static bool stays(const atl_metrics *m, const char *name) {
    int i = 0;
    return sscanf(name, "collector.%d.", &i) == 1 && i < m->n_collectors && m->collectors[i].filled;
}

static atl_status copy_arrays(atl_metrics *m, const atl_arrays *set, listing *l) {
    ATL_TRY(list_all(m, l));
    for (int i = 0; i < l->count; i++) {
        const atl_array *to = &l->list[i], *from = atl_arrays_find(set, to->name);
        if (!from || from->dtype != to->dtype || from->rank != to->rank ||
            memcmp(from->dims, to->dims, (size_t)to->rank * sizeof *to->dims) != 0)
            return atl_fail(m->ctx, ATL_BAD_FILE, "%s is missing or has another shape", to->name);
    }
    for (int i = 0; i < l->count; i++) {
        const atl_array *to = &l->list[i], *from = atl_arrays_find(set, to->name);
        if (!stays(m, to->name))
            memcpy((void *)to->data, from->data, (size_t)atl_array_count(to) * atl_dtype_size(to->dtype));
    }
    return ATL_OK;
}

// A pass begins anew for a collector that can't be kept, unless nobody needs it any more; the others wait
// there until it has come to where they were.
static bool begins_anew(const atl_metrics *m, const atl_task *t) {
    bool lost = false, needed = false;
    for (int i = 0; i < m->n_collectors; i++)
        lost |= m->collectors[i].real == t->real && !m->collectors[i].kind->arrays;
    for (int i = 0; i < m->n_jobs; i++)
        needed |= !m->jobs[i].finished && (t->real ? m->jobs[i].real : m->jobs[i].fake) != NULL;
    return t->job < 0 && lost && needed;
}

// Where batches have another size now, one that was in the middle of them looks at all pictures again.
static atl_status restore_collector(atl_metrics *m, atl_collector *c, bool anew, int64_t done) {
    bool between = done >= c->count || done % m->o.batch == 0;
    bool kept = !anew || (c->kind->arrays && between);
    c->from = kept ? done : 0;
    if (kept && c->kind->restored)
        ATL_TRY(c->kind->restored(c));
    bool saved = !c->real && m->o.save_features && c->from >= c->count; // the file may not be there
    return saved && c->kind->whole ? c->kind->whole(c) : ATL_OK;
}

static atl_status restore_pass(atl_metrics *m, atl_task *t, int64_t done) {
    bool filled = true, anew = begins_anew(m, t);
    for (int i = 0; i < m->n_collectors; i++) {
        atl_collector *c = &m->collectors[i];
        if (c->real != t->real || c->filled)
            continue;
        filled = false;
        ATL_TRY(restore_collector(m, c, anew, done));
    }
    t->done = filled ? t->total : anew ? 0 : done;
    return ATL_OK;
}

static atl_status restore_tasks(atl_metrics *m, const listing *l) {
    for (int i = 0; i < m->n_tasks; i++)
        if (l->done[i] < 0 || l->done[i] > m->tasks[i].total)
            return atl_fail(m->ctx, ATL_BAD_FILE, "%lld of %lld steps of %s are not possible",
                            (long long)l->done[i], (long long)m->tasks[i].total, m->tasks[i].what);
    for (int i = 0; i < m->n_collectors; i++)
        m->collectors[i].filled = m->collectors[i].filled || l->filled[i];
    for (int i = 0; i < m->n_tasks; i++)
        if (m->tasks[i].job < 0)
            ATL_TRY(restore_pass(m, &m->tasks[i], l->done[i]));
        else
            m->tasks[i].done = l->done[i];
    return ATL_OK;
}

static atl_status restore_results(atl_metrics *m, const json_t *results) {
    for (int i = 0; i < m->n_jobs; i++) {
        const json_t *o = json_object_get(results, m->jobs[i].metric.name);
        if (o)
            ATL_TRY(restore_result(m, &m->jobs[i], o));
    }
    return ATL_OK;
}

static atl_status restore(atl_metrics *m, const char *path, const atl_arrays *set, listing *l) {
    const char *text = atl_arrays_metadata(set, KEY);
    json_t *whole = text ? json_loads(text, 0, NULL) : NULL;
    if (!whole)
        return atl_fail(m->ctx, ATL_BAD_FILE, "%s: is no measurement that was kept", path);
    atl_status status = compare(m, path, json_object_get(whole, "identity"));
    if (status == ATL_OK)
        status = atl_name_file(m->ctx, copy_arrays(m, set, l), path);
    if (status == ATL_OK)
        status = restore_results(m, json_object_get(whole, "results"));
    if (status == ATL_OK)
        status = atl_name_file(m->ctx, restore_tasks(m, l), path);
    json_decref(whole);
    return status;
}

static atl_status restore_from(atl_metrics *m, const char *path) {
    atl_arrays *set;
    ATL_TRY(atl_arrays_open(m->ctx, path, &set));
    listing *l = atl_alloc(m->ctx, 1, sizeof *l);
    atl_status status = l ? restore(m, path, set, l) : ATL_NO_MEMORY;
    atl_free(m->ctx, l);
    atl_arrays_close(&set);
    return status;
}

// What others have to know of it.
static atl_status tell_others(atl_metrics *m) {
    int64_t done[ATL_TASKS_MOST] = { 0 }, from[ATL_COLLECTORS_MOST][2] = { { 0 } };
    for (int i = 0; i < m->n_tasks; i++)
        done[i] = m->tasks[i].done;
    for (int i = 0; i < m->n_collectors; i++) {
        from[i][0] = m->collectors[i].from;
        from[i][1] = m->collectors[i].filled;
    }
    ATL_TRY(atl_ranks_broadcast(m->o.ranks, done, sizeof done));
    ATL_TRY(atl_ranks_broadcast(m->o.ranks, from, sizeof from));
    for (int i = 0; i < m->n_tasks; i++)
        m->tasks[i].done = done[i];
    for (int i = 0; i < m->n_collectors; i++) {
        m->collectors[i].from = from[i][0];
        m->collectors[i].filled = from[i][1] != 0;
    }
    return ATL_OK;
}

atl_status atl_metrics_restore(atl_metrics *m, const char *path) {
    atl_status status = atl_metrics_leads(m) ? restore_from(m, path) : ATL_OK;
    status = atl_ranks_agree(m->o.ranks, status);
    if (status == ATL_OK && m->o.ranks)
        status = tell_others(m);
    atl_metrics_list_results(m);
    atl_metrics_show_state(m);
    return status;
}
