// SPDX-License-Identifier: Apache-2.0
// Metrics while a network is trained: a snapshot is measured as `atelier metrics` measures it.  Results
// become lines of metric-NAME.jsonl, which the report draws, and numbers of the snapshot's tick; the networks of
// the best snapshot are kept in best.safetensors.  The trainer is not touched: a run with metrics is the same
// run.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "detectors.h"
#include "files.h"
#include "json.h"
#include "metrics.h"
#include "progress.h"
#include "run_parts.h"

// ---- Before the run

static app_status check_one(const char *name, const char *detectors, app_error *e) {
    atl_metric_info info;
    app_detector_place place;
    if (!atl_metric_find(name, &info))
        return app_fail(e, "--metrics %s: there is no such metric; 'atelier metrics --list' lists them",
                        name);
    return info.detector ? app_detector_find(info.detector, detectors, &place, e) : APP_OK;
}

app_status app_run_check_metrics(const char *names, const char *detectors, app_error *e) {
    app_status status = APP_OK;
    for (const char *at = names; *at && status == APP_OK;) {
        char name[64];
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), at);
        status = check_one(name, detectors, e);
        at += length + (at[length] == ',');
    }
    return status;
}

// ---- The best so far

typedef struct best {
    const char *name, *snapshot; // of the value that counts; what is measured now
    int higher;                  // is better; else lower
    double value;                // NAN: none yet
} best;

static int is_better(const best *b, double value) {
    return isfinite(value) && (isnan(b->value) || (b->higher ? value > b->value : value < b->value));
}

static app_json_verdict use_line(void *user, const app_json_line *line, app_error *e) {
    best *b = user;
    const json_t *results = json_object_get(line->json, "results"), *value;
    const char *snapshot = json_string_value(json_object_get(line->json, "snapshot_pkl"));
    (void)e;
    value = json_object_get(results, b->name);
    if (snapshot && strcmp(snapshot, b->snapshot) != 0 && json_is_number(value) &&
        is_better(b, json_number_value(value)))
        b->value = json_number_value(value);
    return APP_JSON_USED;
}

// The best of the other snapshots, as the folder knows them.
static void read_best(const app_run *r, const char *metric, best *b) {
    char name[96];
    app_error none = { 0 };
    snprintf(name, sizeof name, "metric-%s.jsonl", metric);
    char *path = app_join(r->folder, name, &none);
    if (path)
        (void)app_json_lines(path, "a JSON object with results", use_line, b, &none);
    free(path);
}

// ---- Measuring

typedef struct measuring {
    app_run *run;
    char first[64]; // the metric that says which snapshot is best
    int won;        // this one is
} measuring;

// Other processes wait meanwhile, and see that this one lives.
static int on_progress(void *user, const char *subject, const atl_metrics_state *state) {
    const measuring *m = user;
    int flag = 1;
    (void)subject;
    (void)state;
    if (atl_trainer_get_state(m->run->trainer)->ranks > 1 &&
        atl_trainer_any(m->run->trainer, &flag) != ATL_OK)
        return 1;
    return m->run->events.stop && m->run->events.stop(m->run->events.user);
}

static void on_result(void *user, const char *subject, const atl_metric_result *result) {
    measuring *m = user;
    app_run *r = m->run;
    char line[1024] = "", time[32];
    size_t used = 0;
    for (int i = 0; i < result->count && used < sizeof line - 128; i++) {
        const atl_metric_value *v = &result->values[i];
        char name[96];
        snprintf(name, sizeof name, "Metrics/%s", v->name);
        app_stats_add(&r->stats, name, v->value);
        used += (size_t)snprintf(line + used, sizeof line - used,
                                 isfinite(v->error) ? "  %s %.5g +- %.2g" : "  %s %.5g", v->name, v->value,
                                 v->error);
    }
    app_run_say(r, "metric%s   %s", line, app_time_text(result->seconds, time));
    if (strcmp(result->metric, m->first) != 0 || !result->count)
        return;
    atl_metric_info info;
    best b = { .name = result->values[0].name, .snapshot = app_file_name(subject), .value = NAN };
    if (!atl_metric_find(m->first, &info) || !info.higher)
        return;
    b.higher = info.higher > 0;
    read_best(r, m->first, &b);
    m->won = is_better(&b, result->values[0].value);
}

static app_status keep_best(app_run *r, app_error *e) {
    char *path = app_join(r->folder, "best.safetensors", e);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_convert(r->ctx, r->kept[1], path, NULL) != ATL_OK)
        status = app_fail_ctx(e, r->ctx);
    else if (path)
        app_run_say(r, "best so far: %s", path);
    free(path);
    return status;
}

app_status app_run_measure(app_run *r, app_error *e) {
    const atl_train_options *o = atl_trainer_get_options(r->trainer);
    const atl_metrics_options standard = ATL_METRICS_OPTIONS_INIT;
    measuring m = { .run = r };
    const char *network = r->kept[1];
    app_metrics a = { .networks = &network,
                      .count = 1,
                      .options = standard,
                      .outdir = r->folder,
                      .detectors = r->o.detectors,
                      .progress = on_progress,
                      .result = on_result,
                      .user = &m };
    size_t length = strcspn(r->o.metrics, ",");
    snprintf(m.first, sizeof m.first, "%.*s", (int)(length < sizeof m.first ? length : sizeof m.first - 1),
             r->o.metrics);
    a.options.metrics = r->o.metrics;
    a.options.data = o->data;
    a.options.mirror = o->mirror;
    app_status status = app_metrics_run(r->ctx, &a, e);
    if (status ==
        APP_STOPPED) { // the run ends, too; what was measured is kept for `atelier metrics --resume`
        app_error_clear(e);
        return APP_OK;
    }
    return status == APP_OK && m.won ? keep_best(r, e) : status;
}
