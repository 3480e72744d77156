// SPDX-License-Identifier: Apache-2.0
// Runs of training in the folders of the studio: their curves, alarms and grids.
#define _DEFAULT_SOURCE // scandir
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "alarms.h"
#include "files.h"
#include "history.h"
#include "json.h"
#include "serve_parts.h"

static const app_listed *find(app_serve *s, const app_job *job) {
    const char *name = json_string_value(json_object_get(job->body, "run"));
    const app_listed *run = app_work_find(s, name, APP_IS_RUN);
    if (!run)
        app_fail(&s->error, "%.200s: there is no such run", name ? name : "");
    return run;
}

// ---- Grids

static int is_grid(const struct dirent *entry) {
    const char *name = entry->d_name, *dot = strrchr(name, '.');
    return (!strncmp(name, "fakes", 5) || !strcmp(name, "reals.png")) && dot && !strcmp(dot, ".png");
}

static int list_grids(const char *folder, struct dirent ***entries) {
    int n = scandir(folder, entries, is_grid, alphasort);
    return n < 0 ? 0 : n;
}

static json_t *grids_of(const char *folder) {
    struct dirent **entries = NULL;
    int n = list_grids(folder, &entries);
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        json_array_append_new(list, json_string(entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return list;
}

int app_serve_run_grid(app_serve *s, app_job *job) {
    enum { GRID_MOST = 64 << 20 };
    const app_listed *run = find(s, job);
    json_int_t index = json_integer_value(json_object_get(job->body, "grid"));
    struct dirent **entries = NULL;
    int n = run ? list_grids(run->path, &entries) : 0;
    char *path = index >= 0 && index < n ? app_join(run->path, entries[index]->d_name, &s->error) : NULL;
    if (run && !path)
        app_fail(&s->error, "this run has %d grids", n);
    job->reply.bytes = path ? app_file_read(path, GRID_MOST, &job->reply.size, &s->error) : NULL;
    job->reply.type = "image/png";
    job->reply.status = 200;
    if (!job->reply.bytes)
        app_reply_error(s, job);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    free(path);
    return 0;
}

// ---- Curves

enum { POINTS = 400 };

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

// Every so-and-so-many-th value, and the last.
static json_t *thinned(const double *values, size_t ticks) {
    json_t *list = json_array();
    size_t step = ticks / POINTS + 1;
    for (size_t i = 0; i < ticks; i += step)
        json_array_append_new(list, number(values[i]));
    if (ticks && (ticks - 1) % step)
        json_array_append_new(list, number(values[ticks - 1]));
    return list;
}

static json_t *alarms_of(const app_history *h) {
    app_alarm alarms[APP_ALARM_KINDS];
    json_t *list = json_array();
    int n = h->ticks ? app_alarms_check(h, h->ticks - 1, alarms) : 0;
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "alarm", app_alarm_name(alarms[i].kind),
                                              "fatal", alarms[i].fatal, "text",
                                              app_json_text(alarms[i].text, strlen(alarms[i].text))));
    return list;
}

static json_t *curves_of(const app_history *h) {
    json_t *all = json_object();
    for (size_t i = 0; i < h->count; i++)
        if (strncmp(h->series[i].name, "Timing/", 7) && strncmp(h->series[i].name, "Resources/", 10))
            json_object_set_new(all, h->series[i].name, thinned(h->series[i].values, h->ticks));
    return all;
}

int app_serve_run(app_serve *s, app_job *job) {
    const app_listed *run = find(s, job);
    char *stats = run ? app_join(run->path, "stats.jsonl", &s->error) : NULL;
    app_history h = { 0 };
    struct stat st;
    app_status status = stats ? APP_OK : APP_FAILED;
    if (status == APP_OK && stat(stats, &st) == 0) // a run that has just begun has none
        status = app_history_read(&h, stats, &s->error);
    if (status == APP_OK)
        app_reply_json(job, json_pack("{s:o, s:o, s:f, s:I, s:o, s:o, s:o, s:o}", "name",
                                      app_json_text(run->name, strlen(run->name)), "path",
                                      app_json_text(run->path, strlen(run->path)), "kimg",
                                      h.ticks ? h.kimg[h.ticks - 1] : 0.0, "ticks", (json_int_t)h.ticks, "x",
                                      thinned(h.kimg, h.ticks), "curves", curves_of(&h), "alarms",
                                      alarms_of(&h), "grids", grids_of(run->path)));
    else
        app_reply_error(s, job);
    app_history_clear(&h);
    free(stats);
    return 0;
}
