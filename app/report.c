// SPDX-License-Identifier: Apache-2.0
// The report: gathers what lies in a run's folder as one JSON object and puts it into the page, whose text,
// style and script (report_page.*, report_chart.js) are inside the program.  The page builds itself from the
// object with textContent only, so that no name from a file can become markup; and '<' never stands in it.
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "files.h"
#include "json.h"
#include "report_page.h"
#include "report_parts.h"
#include "stats.h"

void app_report_put(app_report *r, json_t *object, const char *key, json_t *value) {
    r->failed |= json_object_set_new(object, key, value) != 0;
}

json_t *app_report_number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

// ---- The last lines of the log

json_t *app_report_log(app_report *r) {
    enum { TAIL = 32 << 10, LINES = 100 };
    char *path = app_join(r->folder, "log.txt", r->e), *text = malloc(TAIL);
    FILE *in = path ? fopen(path, "rb") : NULL;
    json_t *list = json_array();
    size_t size = 0, start, lines = 0;
    if (in && text) {
        if (fseek(in, -TAIL, SEEK_END) != 0)
            rewind(in);
        size = fread(text, 1, TAIL, in);
    }
    for (start = size; start > 0 && lines <= LINES; start--)
        lines += text[start - 1] == '\n';
    for (size_t at = start ? start + 1 : 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - (text + at)) : size - at;
        r->failed |= json_array_append_new(list, app_json_text(text + at, length)) != 0;
        at += length + 1;
    }
    if (in)
        fclose(in);
    r->failed |= !path || !text;
    free(path);
    free(text);
    return list;
}

// ---- How far it is

static double recent_mean(const app_history *h, const char *name) {
    enum { RECENT = 8 };
    const double *values = app_history_get(h, name);
    double sum = 0;
    int n = 0;
    for (size_t i = values ? h->ticks : 0; i > 0 && n < RECENT; i--)
        if (isfinite(values[i - 1])) {
            sum += values[i - 1];
            n++;
        }
    return n ? sum / n : NAN;
}

static double option(const app_report *r, const char *key) {
    const json_t *value = json_object_get(r->options, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

// Without word from the trainer: a run is alive when its last tick, or its beginning, is not much longer ago
// than a tick takes.
static app_report_state guess_state(const app_report *r, double kimg, double total, double now) {
    const app_history *h = &r->history;
    double tick = recent_mean(h, "Timing/sec_per_tick"), last = h->ticks ? h->times[h->ticks - 1] : r->begun;
    double patience = isfinite(tick) && tick * 4 > 900 ? tick * 4 : 900;
    if (kimg >= total) // also false when one of them is unknown
        return APP_REPORT_FINISHED;
    return now - last < patience ? APP_REPORT_RUNNING : APP_REPORT_STOPPED;
}

static void put_progress(app_report *r, json_t *page, const app_report_info *info) {
    static const char *const states[] = { "unknown", "running", "finished", "stopped" };
    const app_history *h = &r->history;
    double now = (double)time(NULL), kimg = h->ticks ? h->kimg[h->ticks - 1] : NAN;
    double seconds =
        app_history_get(h, APP_STAT_TOTAL_SECONDS) ? app_history_elapsed(h, APP_STAT_TOTAL_SECONDS) : NAN;
    double total = info->total_kimg > 0 ? info->total_kimg : option(r, "total_kimg");
    app_report_state state = info->state;
    if (state == APP_REPORT_UNKNOWN)
        state = guess_state(r, kimg, total, now);
    app_report_put(r, page, "state", json_string(states[state]));
    app_report_put(r, page, "reason",
                   info->reason ? app_json_text(info->reason, strlen(info->reason)) : json_null());
    app_report_put(r, page, "written", json_integer((json_int_t)now));
    app_report_put(r, page, "kimg", app_report_number(kimg));
    app_report_put(r, page, "total_kimg", app_report_number(total));
    app_report_put(r, page, "seconds", app_report_number(seconds));
    app_report_put(r, page, "sec_per_kimg", app_report_number(recent_mean(h, APP_STAT_SECONDS_PER_KIMG)));
    app_report_put(r, page, "sec_per_tick", app_report_number(recent_mean(h, "Timing/sec_per_tick")));
    app_report_put(r, page, "ada_target",
                   app_report_number(info->ada_target > 0 ? info->ada_target : option(r, "ada_target")));
}

// ---- Reading

// The last part of the folder's path; of the working folder's for ".".
static json_t *run_name(const char *folder) {
    enum { PATH_MOST = 4096 };
    char here[PATH_MOST];
    const char *path = !strcmp(folder, ".") || !strcmp(folder, "./") ? getcwd(here, sizeof here) : folder;
    path = path ? path : folder;
    size_t end = strlen(path), start;
    while (end > 1 && path[end - 1] == '/')
        end--;
    for (start = end; start > 0 && path[start - 1] != '/';)
        start--;
    return app_json_text(path + start, end - start);
}

static int exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

static void read_options(app_report *r, const char *path) {
    enum { MOST = 4 << 20 };
    struct stat info;
    int there = stat(path, &info) == 0;
    r->begun = there ? (double)info.st_mtim.tv_sec : NAN;
    r->options = app_json_read(path, MOST);
    if (there && !json_is_object(r->options)) {
        app_warn(r->e, "%s: is not a JSON object; the report has no options", path);
        json_decref(r->options);
        r->options = NULL;
    }
}

static app_status read_run(app_report *r) {
    struct stat info;
    if (stat(r->folder, &info) != 0)
        return app_fail(r->e, "%s: can't be opened: %s", r->folder, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return app_fail(r->e, "%s: is no folder; name the folder of a training run", r->folder);
    char *stats = app_join(r->folder, "stats.jsonl", r->e),
         *options = app_join(r->folder, "training_options.json", r->e);
    app_status status = stats && options ? APP_OK : APP_FAILED;
    if (status == APP_OK && !exists(stats) && !exists(options))
        status = app_fail(r->e, "%s: is no training run: it has no training_options.json and no stats.jsonl",
                          r->folder);
    if (status == APP_OK)
        read_options(r, options);
    if (status == APP_OK && exists(stats))
        status = app_history_read(&r->history, stats, r->e);
    free(stats);
    free(options);
    return status;
}

// ---- Writing

static int write_escaped(const char *text, size_t size, void *user) {
    FILE *out = user;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '<') // only ever within a string
            fputs("\\u003c", out);
        else
            putc(text[i], out);
    }
    return 0;
}

// The page with its marks @STYLE@, @DATA@ and @SCRIPT@ replaced.
static app_status write_page(const char *folder, const json_t *data, app_error *e) {
    char *path = app_join(folder, "report.html", e);
    app_file file;
    app_status status = path ? app_file_open(&file, path, e) : APP_FAILED;
    free(path);
    if (status != APP_OK)
        return status;
    for (const char *at = report_page_html; *at;) {
        size_t plain = strcspn(at, "@");
        fwrite(at, 1, plain, file.out);
        at += plain;
        if (!strncmp(at, "@STYLE@", 7)) {
            fputs(report_page_css, file.out);
        } else if (!strncmp(at, "@SCRIPT@", 8)) {
            fputs(report_chart_js, file.out);
            fputs(report_page_js, file.out);
        } else if (!strncmp(at, "@DATA@", 6)) {
            if (json_dump_callback(data, write_escaped, file.out,
                                   JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)) != 0) {
                app_file_discard(&file);
                return app_fail(e, "out of memory");
            }
        }
        at += *at ? strcspn(at + 1, "@") + 2 : 0;
    }
    return app_file_commit(&file, e);
}

app_status app_report_write(atl_ctx *ctx, const char *run_dir, const app_report_info *info, app_error *e) {
    static const app_report_info none = { APP_REPORT_UNKNOWN, NULL, 0, 0 };
    info = info ? info : &none;
    app_report r = { .ctx = ctx, .folder = run_dir, .e = e };
    app_status status = read_run(&r);
    if (status == APP_OK) {
        json_t *page = json_object();
        app_report_put(&r, page, "name", run_name(run_dir));
        app_report_put(&r, page, "version", json_string(atl_version()));
        put_progress(&r, page, info);
        app_report_put(&r, page, "alarms", app_report_alarms(&r));
        app_report_put(&r, page, "curves", app_report_curves(&r));
        app_report_put(&r, page, "metrics", app_report_metrics(&r));
        app_report_put(&r, page, "pictures", app_report_pictures(&r));
        app_report_put(&r, page, "log", app_report_log(&r));
        app_report_put(&r, page, "options", r.options ? json_incref(r.options) : json_null());
        status = r.failed ? app_fail(e, "%s: the report does not fit into memory", run_dir)
                          : write_page(run_dir, page, e);
        json_decref(page);
    }
    app_history_clear(&r.history);
    json_decref(r.options);
    return status;
}
