// SPDX-License-Identifier: Apache-2.0
// The numbers of the report: curves, alarms and metrics.
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "alarms.h"
#include "files.h"
#include "json.h"
#include "report_parts.h"

// ---- Curves

typedef struct joined {
    double mean, low, high; // NAN: nothing measured
} joined;

static joined join(const double *values, size_t from, size_t to) {
    joined j = { 0, INFINITY, -INFINITY };
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        if (!isfinite(values[i]))
            continue;
        j.mean += values[i];
        j.low = values[i] < j.low ? values[i] : j.low;
        j.high = values[i] > j.high ? values[i] : j.high;
        n++;
    }
    j.mean = n ? j.mean / (double)n : NAN;
    return j;
}

// One scalar, `step` ticks to a point; the last point may have fewer.
static json_t *curve(app_report *r, const double *values, size_t step) {
    json_t *o = json_object(), *mean = json_array(), *low = json_array(), *high = json_array();
    for (size_t at = 0; at < r->history.ticks; at += step) {
        joined j = join(values, at, at + step < r->history.ticks ? at + step : r->history.ticks);
        r->failed |= json_array_append_new(mean, app_report_number(j.mean)) != 0;
        if (step > 1)
            r->failed |= json_array_append_new(low, app_report_number(j.low)) != 0 ||
                         json_array_append_new(high, app_report_number(j.high)) != 0;
    }
    app_report_put(r, o, "mean", mean);
    if (step > 1) {
        app_report_put(r, o, "low", low);
        app_report_put(r, o, "high", high);
    } else {
        json_decref(low);
        json_decref(high);
    }
    return o;
}

json_t *app_report_curves(app_report *r) {
    const app_history *h = &r->history;
    size_t step = h->ticks / APP_REPORT_POINTS + (h->ticks % APP_REPORT_POINTS != 0);
    json_t *o = json_object(), *kimg = json_array(), *times = json_array(), *values = json_object();
    for (size_t at = 0; at < h->ticks; at += step) {
        size_t last = (at + step < h->ticks ? at + step : h->ticks) - 1;
        r->failed |= json_array_append_new(kimg, app_report_number(h->kimg[last])) != 0 ||
                     json_array_append_new(times, isfinite(h->times[last]) && fabs(h->times[last]) < 1e15
                                                      ? json_integer((json_int_t)h->times[last])
                                                      : json_null()) != 0;
    }
    for (size_t i = 0; i < h->count; i++)
        app_report_put(r, values, h->series[i].name, curve(r, h->series[i].values, step));
    app_report_put(r, o, "kimg", kimg);
    app_report_put(r, o, "time", times);
    app_report_put(r, o, "values", values);
    return o;
}

// ---- Alarms

typedef struct rung {
    app_ringing ringing;
    size_t from, to; // first and last tick of the last time
    app_alarm alarm; // as it was last
    json_t *times;   // [first, last] in kimg of each time before
} rung;

static json_t *span(const app_history *h, size_t from, size_t to) {
    json_t *pair = json_array();
    if (json_array_append_new(pair, app_report_number(h->kimg[from])) != 0 ||
        json_array_append_new(pair, to + 1 == h->ticks ? json_null() : app_report_number(h->kimg[to])) != 0) {
        json_decref(pair);
        return NULL;
    }
    return pair;
}

static void add_time(app_report *r, const rung *x) {
    enum { LISTED = 60 };
    if (json_array_size(x->times) < LISTED)
        r->failed |= json_array_append_new(x->times, span(&r->history, x->from, x->to)) != 0;
}

static void ring(app_report *r, rung *x, size_t tick, const app_alarm *alarm) {
    int first = !x->ringing.known;
    if (!app_alarm_goes_on(&x->ringing, tick)) {
        if (first)
            x->times = json_array();
        else
            add_time(r, x);
        x->from = tick;
    }
    x->to = tick;
    x->alarm = *alarm;
}

static json_t *rung_json(app_report *r, const rung *x) {
    json_t *o = json_object();
    app_report_put(r, o, "kind", json_string(app_alarm_name(x->alarm.kind)));
    app_report_put(r, o, "text", app_json_text(x->alarm.text, strlen(x->alarm.text)));
    app_report_put(r, o, "fatal", json_boolean(x->alarm.fatal));
    r->failed |= json_array_append_new(x->times, span(&r->history, x->from, x->to)) != 0;
    app_report_put(r, o, "times", x->times);
    return o;
}

// The alarms of each tick, as a trainer would have had them then: each kind once, with all times that it
// rang, of which the last ends with null while it still does.
json_t *app_report_alarms(app_report *r) {
    const app_history *h = &r->history;
    rung rungs[APP_ALARM_KINDS] = { 0 };
    app_alarm now[APP_ALARM_KINDS];
    json_t *list = json_array();
    for (size_t tick = 0; tick < h->ticks; tick++) {
        int count = app_alarms_check(h, tick, now);
        for (int i = 0; i < count; i++)
            ring(r, &rungs[now[i].kind], tick, &now[i]);
    }
    for (int kind = 0; kind < APP_ALARM_KINDS; kind++)
        if (rungs[kind].ringing.known)
            r->failed |= json_array_append_new(list, rung_json(r, &rungs[kind])) != 0;
    return list;
}

// ---- Metrics

// 200 of "network-snapshot-000200.pkl"; NAN when there are no digits before the dot.
static double kimg_of_name(const char *name) {
    size_t end = name ? strcspn(name, ".") : 0, start = end;
    while (start > 0 && name[start - 1] >= '0' && name[start - 1] <= '9')
        start--;
    return end > start && end - start <= 9 ? strtod(name + start, NULL) : NAN;
}

// The kimg of the last tick that ended by then, NAN when there is none.
static double kimg_of_time(const app_history *h, double time) {
    double kimg = NAN;
    for (size_t i = 0; i < h->ticks; i++)
        if (h->times[i] <= time)
            kimg = h->kimg[i];
    return kimg;
}

typedef struct metrics {
    app_report *report;
    json_t *o;
} metrics;

static app_json_verdict use_metric(void *user, const app_json_line *line, app_error *e) {
    metrics *m = user;
    (void)e;
    app_report *r = m->report;
    json_t *results = json_object_get(line->json, "results"), *value;
    const json_t *time = json_object_get(line->json, "timestamp");
    double kimg = kimg_of_name(json_string_value(json_object_get(line->json, "snapshot_pkl")));
    const char *name;
    if (!json_is_object(results))
        return APP_JSON_UNUSED;
    if (isnan(kimg) && json_is_number(time))
        kimg = kimg_of_time(&r->history, json_number_value(time));
    json_object_foreach(results, name, value) {
        if (!json_is_number(value) || isnan(kimg)) // measured outside of the run: it has no place on the axis
            continue;
        if (!json_object_get(m->o, name))
            app_report_put(r, m->o, name, json_array());
        r->failed |= json_array_append_new(json_object_get(m->o, name),
                                           json_pack("[f, f]", kimg, json_number_value(value))) != 0;
    }
    return APP_JSON_USED;
}

// Names with other characters than those of metrics could spoil the terminal in a warning.
static int is_metric(const char *name) {
    static const char head[] = "metric-", tail[] = ".jsonl";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t length = strlen(name), a = sizeof head - 1, b = sizeof tail - 1;
    return length > a + b && strspn(name, plain) == length && !memcmp(name, head, a) &&
           !memcmp(name + length - b, tail, b);
}

json_t *app_report_metrics(app_report *r) {
    enum { FILES_MOST = 100 };
    metrics m = { r, json_object() };
    DIR *folder = opendir(r->folder);
    const struct dirent *entry;
    for (int n = 0; folder && n < FILES_MOST && (entry = readdir(folder)) != NULL;) {
        if (!is_metric(entry->d_name))
            continue;
        char *path = app_join(r->folder, entry->d_name, r->e);
        r->failed |= !path;
        // the rest of the report is worth having
        if (path && app_json_lines(path, "a JSON object with results", use_metric, &m, r->e) != APP_OK)
            app_excuse(r->e);
        free(path);
        n++;
    }
    if (folder)
        closedir(folder);
    return m.o;
}
