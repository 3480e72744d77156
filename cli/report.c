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
#include "common.h"
#include "files.h"
#include "json.h"
#include "report_page.h"
#include "report_parts.h"
#include "stats.h"

void cli_report_put(cli_run *r, json_t *object, const char *key, json_t *value) {
    r->failed |= json_object_set_new(object, key, value) != 0;
}

// ---- The last lines of the log

json_t *cli_report_log(cli_run *r) {
    enum { TAIL = 32 << 10, LINES = 100 };
    char *path = cli_join(r->folder, "log.txt"), *text = malloc(TAIL);
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
        r->failed |= json_array_append_new(list, cli_json_text(text + at, length)) != 0;
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

static double recent_mean(const cli_history *h, const char *name) {
    enum { RECENT = 8 };
    const double *values = cli_history_get(h, name);
    double sum = 0;
    int n = 0;
    for (size_t i = values ? h->ticks : 0; i > 0 && n < RECENT; i--)
        if (isfinite(values[i - 1])) {
            sum += values[i - 1];
            n++;
        }
    return n ? sum / n : NAN;
}

static json_t *number_or_null(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static double option(const cli_run *r, const char *key) {
    const json_t *value = json_object_get(r->options, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

// Without word from the trainer: a run is alive when its last tick, or its beginning, is not much longer ago
// than a tick takes.
static cli_run_state guess_state(const cli_run *r, double kimg, double total, double now) {
    const cli_history *h = &r->history;
    double tick = recent_mean(h, "Timing/sec_per_tick"), last = h->ticks ? h->times[h->ticks - 1] : r->begun;
    double patience = isfinite(tick) && tick * 4 > 900 ? tick * 4 : 900;
    if (kimg >= total) // also false when one of them is unknown
        return CLI_RUN_FINISHED;
    return now - last < patience ? CLI_RUN_RUNNING : CLI_RUN_STOPPED;
}

static void put_progress(cli_run *r, json_t *page, const cli_report_info *info) {
    static const char *const states[] = { "unknown", "running", "finished", "stopped" };
    const cli_history *h = &r->history;
    double now = (double)time(NULL), kimg = h->ticks ? h->kimg[h->ticks - 1] : NAN;
    double total = info->total_kimg > 0 ? info->total_kimg : option(r, "total_kimg");
    cli_run_state state = info->state;
    if (state == CLI_RUN_UNKNOWN)
        state = guess_state(r, kimg, total, now);
    cli_report_put(r, page, "state", json_string(states[state]));
    cli_report_put(r, page, "reason",
                   info->reason ? cli_json_text(info->reason, strlen(info->reason)) : json_null());
    cli_report_put(r, page, "written", json_integer((json_int_t)now));
    cli_report_put(r, page, "kimg", number_or_null(kimg));
    cli_report_put(r, page, "total_kimg", number_or_null(total));
    cli_report_put(r, page, "seconds", number_or_null(cli_history_last(h, CLI_STAT_TOTAL_SECONDS)));
    cli_report_put(r, page, "sec_per_kimg", number_or_null(recent_mean(h, CLI_STAT_SECONDS_PER_KIMG)));
    cli_report_put(r, page, "sec_per_tick", number_or_null(recent_mean(h, "Timing/sec_per_tick")));
    cli_report_put(r, page, "ada_target",
                   number_or_null(info->ada_target > 0 ? info->ada_target : option(r, "ada_target")));
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
    return cli_json_text(path + start, end - start);
}

static int exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

static void read_options(cli_run *r, const char *path) {
    enum { MOST = 4 << 20 };
    const cli_common common = { .quiet = r->quiet };
    struct stat info;
    int there = stat(path, &info) == 0;
    r->begun = there ? (double)info.st_mtim.tv_sec : NAN;
    r->options = cli_json_read(path, MOST);
    if (there && !json_is_object(r->options)) {
        cli_warn(&common, "%s: is not a JSON object; the report has no options", path);
        json_decref(r->options);
        r->options = NULL;
    }
}

static int read_run(cli_run *r) {
    struct stat info;
    if (stat(r->folder, &info) != 0)
        return cli_error("%s: can't be opened: %s", r->folder, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return cli_error("%s: is no folder; name the folder of a training run", r->folder);
    char *stats = cli_join(r->folder, "stats.jsonl"), *options = cli_join(r->folder, "training_options.json");
    int status = stats && options ? CLI_SUCCESS : CLI_FAILURE;
    if (status == CLI_SUCCESS && !exists(stats) && !exists(options))
        status = cli_error("%s: is no training run: it has no training_options.json and no stats.jsonl",
                           r->folder);
    if (status == CLI_SUCCESS)
        read_options(r, options);
    if (status == CLI_SUCCESS && exists(stats))
        status = cli_history_read(&r->history, stats, r->quiet);
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
static int write_page(const char *folder, const json_t *data) {
    char *path = cli_join(folder, "report.html");
    cli_file file;
    int status = path ? cli_file_open(&file, path) : CLI_FAILURE;
    free(path);
    if (status != CLI_SUCCESS)
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
                cli_file_discard(&file);
                return cli_error("out of memory");
            }
        }
        at += *at ? strcspn(at + 1, "@") + 2 : 0;
    }
    return cli_file_commit(&file);
}

int cli_report_write(atl_ctx *ctx, const char *run_dir, const cli_report_info *info) {
    static const cli_report_info none = { CLI_RUN_UNKNOWN, NULL, 0, 0, 0 };
    info = info ? info : &none;
    cli_run r = { .ctx = ctx, .folder = run_dir, .quiet = info->quiet };
    int status = read_run(&r);
    if (status == CLI_SUCCESS) {
        json_t *page = json_object();
        cli_report_put(&r, page, "name", run_name(run_dir));
        cli_report_put(&r, page, "version", json_string(atl_version()));
        put_progress(&r, page, info);
        cli_report_put(&r, page, "alarms", cli_report_alarms(&r));
        cli_report_put(&r, page, "curves", cli_report_curves(&r));
        cli_report_put(&r, page, "metrics", cli_report_metrics(&r));
        cli_report_put(&r, page, "pictures", cli_report_pictures(&r));
        cli_report_put(&r, page, "log", cli_report_log(&r));
        cli_report_put(&r, page, "options", r.options ? json_incref(r.options) : json_null());
        status = r.failed ? cli_error("%s: the report does not fit into memory", run_dir)
                          : write_page(run_dir, page);
        json_decref(page);
    }
    cli_history_clear(&r.history);
    json_decref(r.options);
    return status;
}
