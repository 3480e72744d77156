// SPDX-License-Identifier: Apache-2.0
// The networks in turn, what is kept of a measurement that was stopped, lines of results; see metrics.h.
#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "detectors.h"
#include "files.h"
#include "json.h"
#include "latents.h"
#include "memory.h"
#include "network.h"
#include "progress.h"

// ---- Names

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

char *app_metrics_folder(const char *network) {
    const char *name = base_of(network);
    size_t length = (size_t)(name - network);
    char *folder = malloc(length + 2), *options;
    if (!folder)
        return NULL;
    memcpy(folder, length ? network : ".", length ? length : 1);
    folder[length ? length : 1] = '\0';
    options = app_join(folder, "training_options.json", NULL);
    if (options && access(options, R_OK) == 0) {
        free(options);
        return folder;
    }
    free(options);
    free(folder);
    return NULL;
}

// ---- Lines of results

static int put(json_t *o, const char *key, json_t *value) {
    return json_object_set_new(o, key, value);
}

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *line_of(const char *subject, const atl_metric_result *r, int processes, const json_t *settings,
                       double now) {
    json_t *line = json_object(), *results = json_object(), *errors = json_object();
    const char *name = base_of(subject);
    char text[32];
    int bad = 0;
    for (int i = 0; i < r->count; i++) {
        bad |= put(results, r->values[i].name, number(r->values[i].value));
        bad |= put(errors, r->values[i].name, number(r->values[i].error));
    }
    bad |= put(line, "results", results) | put(line, "metric", json_string(r->metric));
    bad |= put(line, "total_time", json_real(r->seconds));
    bad |= put(line, "total_time_str", json_string(app_time_text(r->seconds, text)));
    bad |= put(line, "num_gpus", json_integer(processes)); // the official form's name for them
    bad |= put(line, "snapshot_pkl", app_json_text(name, strlen(name)));
    bad |= put(line, "timestamp", json_real(now));
    bad |= put(line, "errors", errors) | put(line, "error_method", json_string(r->method));
    bad |= put(line, "how", json_string(r->how));
    bad |= put(line, "fakes", json_integer(r->fakes)) | put(line, "reals", json_integer(r->reals));
    if (settings)
        bad |= put(line, "settings", json_deep_copy(settings));
    if (bad) {
        json_decref(line);
        return NULL;
    }
    return line;
}

// The whole line in one call, so that a killed process leaves whole lines.
static app_status append(const char *path, const char *text, app_error *e) {
    int file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        return app_fail(e, "%s: can't be written: %s", path, strerror(errno));
    struct stat info;
    char last = '\n';
    if (fstat(file, &info) == 0 && info.st_size > 0 && pread(file, &last, 1, info.st_size - 1) != 1)
        last = '\n';
    ssize_t length = (ssize_t)strlen(text), skip = last == '\n'; // text begins with an end of line
    int bad = write(file, text + skip, (size_t)(length - skip)) != length - skip;
    const char *why = strerror(errno);
    if (bad)
        (void)ftruncate(file, info.st_size);
    if (close(file) != 0 && !bad) {
        bad = 1;
        why = strerror(errno);
    }
    return bad ? app_fail(e, "%s: can't be written: %s", path, why) : APP_OK;
}

app_status app_metrics_append(const char *folder, const char *subject, const atl_metric_result *result,
                              int processes, const struct json_t *settings, double now, app_error *e) {
    char name[96];
    snprintf(name, sizeof name, "metric-%s.jsonl", result->metric);
    char *path = app_join(folder, name, e);
    json_t *line = line_of(subject, result, processes, settings, now);
    char *dump = line ? json_dumps(line, JSON_REAL_PRECISION(17)) : NULL, *text = NULL;
    app_status status = path ? APP_OK : APP_FAILED;
    if (dump && (text = malloc(strlen(dump) + 3)))
        sprintf(text, "\n%s\n", dump);
    if (status == APP_OK)
        status = text ? append(path, text, e) : app_fail(e, "out of memory");
    free(text);
    free(dump);
    json_decref(line);
    free(path);
    return status;
}

// ---- One network

// $XDG_CACHE_HOME/atelier, or that of the home; NULL: there is neither, or no memory.
static char *cache_folder(void) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache == '/')
        return app_join(cache, "atelier", NULL);
    return home && *home ? app_join(home, ".cache/atelier", NULL) : NULL;
}

typedef struct subject {
    const app_metrics *a;
    const char *path; // of the network or the pictures
    const char *cache; // folder; NULL: none
    int leads;         // this process is the first one, which writes
    char *folder;     // results go there; NULL: nowhere
    char *kept;       // what an unfinished measurement is kept in; NULL: nothing
    json_t *settings;
    double saved, cost;       // when it was kept last, and how long that took
    app_detector_place place; // of the detector that was asked for last
    app_error why;
} subject;

// For atl_metrics_options.
static const char *find_detector(void *user, const char *role, const char **path, const char **heads) {
    subject *s = user;
    app_error_clear(&s->why);
    if (app_detector_find(role, s->a->detectors, &s->place, &s->why) != APP_OK)
        return s->why.text;
    *path = s->place.path;
    *heads = *s->place.heads ? s->place.heads : NULL;
    return NULL;
}

// For the same: long computations ask whether to go on.
static int on_stop(void *user, const atl_metrics_state *state) {
    const subject *s = user;
    return s->a->progress && s->a->progress(s->a->user, s->path, state);
}

// A failure of another process is one without a sentence.
static app_status together(const app_metrics *a, app_status status) {
    int failed = status != APP_OK;
    if (atl_ranks_any(a->options.ranks, &failed) != ATL_OK)
        return APP_FAILED; // what ended the group ends the next call of the library, with its sentence
    return status == APP_OK && failed ? APP_FAILED : status;
}

static json_t *settings_of(const app_metrics *a) {
    const atl_metrics_options *o = &a->options;
    const char *between = a->interpolate ? base_of(a->interpolate) : NULL;
    json_t *s = json_object();
    static const char *const noise[] = { "const", "random", "none" };
    const char *data = o->data ? base_of(o->data) : NULL;
    int bad = put(s, "data", data ? app_json_text(data, strlen(data)) : json_null());
    bad |= put(s, "seed", json_integer(o->seed)) | put(s, "mirror", json_boolean(o->mirror));
    bad |= put(s, "trunc", json_real((double)o->truncation_psi));
    bad |= put(s, "trunc_cutoff", json_integer(o->truncation_cutoff));
    bad |= put(s, "class", o->class_index < 0 ? json_null() : json_integer(o->class_index));
    bad |= put(s, "noise", json_string(noise[o->noise_mode]));
    bad |= put(s, "num", o->num ? json_integer((json_int_t)o->num) : json_null());
    bad |= put(s, "reference_order", json_boolean(o->reference_order));
    if (between)
        bad |= put(s, "interpolate", app_json_text(between, strlen(between)));
    bad |= put(s, "version", json_string(atl_version()));
    if (bad) {
        json_decref(s);
        return NULL;
    }
    return s;
}

static app_status keep(subject *s, atl_ctx *ctx, atl_metrics *m, app_error *e) {
    double start = app_seconds();
    if (s->kept && atl_metrics_save(m, s->kept) != ATL_OK)
        return app_fail_ctx(e, ctx);
    s->saved = app_seconds();
    s->cost = s->saved - start;
    return APP_OK;
}

enum { NAMES_MOST = 64 };
typedef struct told {
    const char *names[NAMES_MOST];
    int count;
} told;

// Tells of results that are there and were not told yet.  quiet: they were, before a measurement was stopped.
static app_status tell(const subject *s, const atl_metrics *m, told *t, int quiet, app_error *e) {
    int count;
    const atl_metric_result *list = atl_metrics_get_results(m, &count);
    for (int i = 0; i < count; i++) {
        int known = 0;
        for (int k = 0; k < t->count; k++)
            known |= !strcmp(t->names[k], list[i].metric);
        if (known || t->count == NAMES_MOST)
            continue;
        t->names[t->count++] = list[i].metric;
        if (quiet)
            continue;
        if (s->a->result)
            s->a->result(s->a->user, s->path, &list[i]);
        if (s->folder && app_metrics_append(s->folder, s->path, &list[i], atl_ranks_size(s->a->options.ranks),
                                            s->settings, (double)time(NULL), e) != APP_OK)
            return APP_FAILED;
    }
    return APP_OK;
}

// A crash costs a minute at most, unless keeping what there is takes long: then it may take a twentieth of
// the time.
static int keep_is_due(const subject *s) {
    double due = s->cost * 20 > 60 ? s->cost * 20 : 60;
    return s->kept && app_seconds() - s->saved > due;
}

static app_status stopped(const subject *s, app_error *e) {
    if (s->kept)
        return app_stop(e, "stopped; --resume goes on from what %s holds", s->kept);
    return app_stop(e, "stopped; without --outdir nothing was kept");
}

// One step, and what has to be written after it.  *stop: one of the processes wishes to.
static app_status step(subject *s, atl_ctx *ctx, atl_metrics *m, told *t, int *stop, app_error *e) {
    const atl_metrics_state *state = atl_metrics_get_state(m);
    atl_status stepped = atl_metrics_step(m);
    *stop = stepped == ATL_CANCELLED;
    if (stepped != ATL_OK && !*stop)
        return app_fail_ctx(e, ctx);
    atl_message_clear(ctx);
    app_status status = tell(s, m, t, 0, e);
    *stop |= s->a->progress && s->a->progress(s->a->user, s->path, state);
    if (atl_ranks_any(s->a->options.ranks, stop) != ATL_OK)
        return app_fail_ctx(e, ctx);
    *stop = *stop && !state->finished;
    if (status == APP_OK && s->leads && !state->finished && (*stop || keep_is_due(s)))
        status = keep(s, ctx, m, e);
    return together(s->a, status);
}

static app_status drive(subject *s, atl_ctx *ctx, atl_metrics *m, app_error *e) {
    told t = { .count = 0 };
    int stop = 0;
    s->saved = app_seconds();
    tell(s, m, &t, 1, e);
    while (!atl_metrics_get_state(m)->finished) {
        app_status status = step(s, ctx, m, &t, &stop, e);
        if (status != APP_OK)
            return status;
        if (stop)
            return stopped(s, e);
    }
    if (s->leads && s->kept && unlink(s->kept) != 0 && errno != ENOENT)
        return together(s->a, app_fail(e, "%s: can't be removed: %s", s->kept, strerror(errno)));
    return together(s->a, APP_OK);
}

// Whether there is something to go on from, as the first process sees it.
static app_status resume(subject *s, atl_ctx *ctx, atl_metrics *m, app_error *e) {
    int there = s->a->resume && s->leads && s->kept && access(s->kept, F_OK) == 0;
    if (atl_ranks_any(s->a->options.ranks, &there) != ATL_OK)
        return app_fail_ctx(e, ctx);
    return there && atl_metrics_restore(m, s->kept) != ATL_OK ? app_fail_ctx(e, ctx) : APP_OK;
}

// The codes of --interpolate as ws of a network, [*count, num_ws, w_dim] by malloc.
static app_status read_codes(const subject *s, atl_ctx *ctx, float **codes, atl_metrics_options *o,
                             app_error *e) {
    const char *source = s->a->interpolate;
    atl_model *model;
    app_latents l = { 0 };
    if (app_network_open(ctx, s->path, s->a->options.model, &model, e) != APP_OK)
        return APP_FAILED;
    const atl_model_info *info = atl_model_get_info(model);
    size_t row = (size_t)info->num_ws * (size_t)info->w_dim;
    app_status status = app_latents_open(ctx, info, source, 1, &l, e);
    if (status == APP_OK)
        status = app_latents_need_plain(&l, source, e);
    if (status == APP_OK && l.space == APP_Z)
        status = app_fail(e, "--interpolate %s: holds z, and codes of pictures are w", source);
    if (status == APP_OK && l.count < 2)
        status = app_fail(e, "--interpolate %s: has one code, and what lies between two is measured", source);
    *codes = status == APP_OK ? app_array(l.count, row, 1, sizeof **codes, e) : NULL;
    for (size_t i = 0; *codes && i < l.count; i++)
        app_latents_ws(&l, i, row, *codes + i * row);
    o->code_count = (int64_t)l.count;
    o->code_size = (int64_t)row;
    app_latents_close(&l);
    atl_model_close(&model);
    return *codes ? APP_OK : APP_FAILED;
}

static app_status measure(subject *s, atl_ctx *ctx, app_error *e) {
    atl_metrics *m;
    float *codes = NULL;
    atl_metrics_options o = s->a->options;
    if (s->a->count)
        o.network = s->path;
    o.cache = s->cache;
    o.find_detector = find_detector;
    o.stop = on_stop;
    o.user = s;
    if (s->a->interpolate && together(s->a, read_codes(s, ctx, &codes, &o, e)) != APP_OK) {
        free(codes);
        return APP_FAILED;
    }
    o.codes = codes;
    atl_status opened = atl_metrics_open(ctx, &o, &m);
    app_status status = opened == ATL_CANCELLED ? app_stop(e, "stopped; nothing was measured yet")
                        : opened == ATL_OK      ? resume(s, ctx, m, e)
                                                : app_fail_ctx(e, ctx);
    if (status == APP_OK)
        status = drive(s, ctx, m, e);
    atl_metrics_close(&m);
    free(codes);
    return status;
}

static app_status open_subject(subject *s, app_error *e) {
    char name[300];
    s->settings = settings_of(s->a);
    if (!s->settings)
        return app_fail(e, "out of memory");
    s->folder = s->a->outdir ? app_copy(s->a->outdir, e) : s->a->count ? app_metrics_folder(s->path) : NULL;
    if (!s->folder)
        return s->a->outdir ? APP_FAILED : APP_OK;
    snprintf(name, sizeof name, "metrics-%.200s.partial", base_of(s->path));
    s->kept = app_join(s->folder, name, e);
    if (!s->kept)
        return APP_FAILED;
    return s->leads ? app_folder_make(s->folder, e) : APP_OK;
}

static void close_subject(subject *s) {
    free(s->folder);
    free(s->kept);
    json_decref(s->settings);
}

static app_status write_page(const subject *s, app_error *e) {
    app_status status = app_metrics_page(s->folder, e);
    char *page = app_join(s->folder, "metrics.html", e);
    if (status == APP_OK && page && s->a->file)
        s->a->file(s->a->user, page);
    free(page);
    return status;
}

app_status app_metrics_run(atl_ctx *ctx, const app_metrics *a, app_error *e) {
    app_status status = APP_OK;
    size_t count = a->count ? a->count : 1;
    char *cache = a->no_cache ? NULL : cache_folder();
    int leads = atl_ranks_rank(a->options.ranks) == 0;
    for (size_t i = 0; status == APP_OK && i < count; i++) {
        const char *path = a->count ? a->networks[i] : a->options.fakes;
        subject s = { .a = a, .cache = cache, .path = path, .leads = leads };
        status = together(a, open_subject(&s, e));
        if (status == APP_OK)
            status = measure(&s, ctx, e);
        if (status == APP_OK)
            status = together(a, leads && s.folder ? write_page(&s, e) : APP_OK);
        close_subject(&s);
    }
    free(cache);
    return status;
}
