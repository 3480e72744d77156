// SPDX-License-Identifier: Apache-2.0
// Lines of stats.jsonl to columns of numbers, one per scalar, in which ticks lie side by side.
#include "history.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"

enum { SERIES_MOST = 500 }; // a run has about thirty

void app_history_clear(app_history *h) {
    for (size_t i = 0; i < h->count; i++) {
        free(h->series[i].name);
        free(h->series[i].values);
    }
    free(h->series);
    free(h->kimg);
    free(h->times);
    *h = (app_history){ 0 };
}

// Room for `room` doubles at *values; 0 when memory is missing, and *values stays.
static int grow(double **values, size_t room) {
    double *grown = room <= SIZE_MAX / sizeof **values ? realloc(*values, room * sizeof **values) : NULL;
    if (grown)
        *values = grown;
    return grown != NULL;
}

app_status app_history_tick(app_history *h, double kimg, double time, app_error *e) {
    while (h->ticks > 0 && h->kimg[h->ticks - 1] >= kimg)
        h->ticks--;
    if (h->ticks == h->room) {
        size_t room = h->room + h->room / 2 + 64;
        int grown = grow(&h->kimg, room) && grow(&h->times, room);
        for (size_t i = 0; i < h->count && grown; i++)
            grown = grow(&h->series[i].values, room);
        if (!grown)
            return app_fail(e, "out of memory");
        h->room = room;
    }
    h->kimg[h->ticks] = kimg;
    h->times[h->ticks] = time;
    for (size_t i = 0; i < h->count; i++)
        h->series[i].values[h->ticks] = NAN;
    h->ticks++;
    return APP_OK;
}

static app_series *find(const app_history *h, const char *name) {
    for (size_t i = 0; i < h->count; i++)
        if (!strcmp(h->series[i].name, name))
            return &h->series[i];
    return NULL;
}

static app_series *add_series(app_history *h, const char *name) {
    size_t length = strlen(name);
    if (h->count == h->series_room) {
        size_t room = h->series_room + 32;
        app_series *grown = realloc(h->series, room * sizeof *grown);
        if (!grown)
            return NULL;
        h->series = grown;
        h->series_room = room;
    }
    app_series *s = &h->series[h->count];
    *s = (app_series){ malloc(length + 1), malloc(h->room * sizeof(double)) };
    if (!s->name || !s->values) {
        free(s->name);
        free(s->values);
        return NULL;
    }
    memcpy(s->name, name, length + 1);
    for (size_t i = 0; i < h->ticks; i++)
        s->values[i] = NAN;
    h->count++;
    return s;
}

app_status app_history_set(app_history *h, const char *name, double value, app_error *e) {
    app_series *s = find(h, name);
    if (!s && h->count == SERIES_MOST) // a file of junk
        return APP_OK;
    if (!s)
        s = add_series(h, name);
    if (!s)
        return app_fail(e, "out of memory");
    s->values[h->ticks - 1] = isfinite(value) ? value : INFINITY;
    return APP_OK;
}

const double *app_history_get(const app_history *h, const char *name) {
    const app_series *s = find(h, name);
    return s ? s->values : NULL;
}

double app_history_last(const app_history *h, const char *name) {
    const double *values = app_history_get(h, name);
    for (size_t i = values ? h->ticks : 0; i-- > 0;)
        if (isfinite(values[i]))
            return values[i];
    return NAN;
}

double app_history_elapsed(const app_history *h, const char *name) {
    const double *values = app_history_get(h, name);
    double sum = 0, before = 0;
    for (size_t i = 0; values && i < h->ticks; i++) {
        if (!isfinite(values[i]))
            continue;
        sum += values[i] < before ? values[i] : values[i] - before;
        before = values[i];
    }
    return sum;
}

// ---- The file

// The number under `name` of a line, as the history keeps it; `value` may be NULL.
static double value_of(const json_t *value) {
    const json_t *num = json_object_get(value, "num"), *mean = json_object_get(value, "mean");
    if (json_is_number(value)) // not the official form, but plain enough
        return json_number_value(value);
    if (!mean || (json_is_number(num) && json_number_value(num) == 0)) // 0 samples have no mean
        return NAN;
    return json_is_number(mean) ? json_number_value(mean) : INFINITY;
}

double app_history_line_kimg(const json_t *line) {
    double kimg = value_of(json_object_get(line, "Progress/kimg"));
    return isfinite(kimg) ? kimg : NAN;
}

static app_json_verdict use_line(void *user, const app_json_line *line, app_error *e) {
    app_history *h = user;
    double kimg = app_history_line_kimg(line->json);
    const json_t *time = json_object_get(line->json, "timestamp");
    const char *name;
    json_t *value;
    if (isnan(kimg))
        return APP_JSON_UNUSED;
    app_status status = app_history_tick(h, kimg, json_is_number(time) ? json_number_value(time) : NAN, e);
    json_object_foreach(line->json, name, value) {
        double x = strcmp(name, "timestamp") ? value_of(value) : NAN;
        if (status == APP_OK && !isnan(x))
            status = app_history_set(h, name, x, e);
    }
    return status == APP_OK ? APP_JSON_USED : APP_JSON_STOP;
}

app_status app_history_read(app_history *h, const char *path, app_error *e) {
    return app_json_lines(path, "a JSON object with Progress/kimg", use_line, h, e);
}
