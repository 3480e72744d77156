// SPDX-License-Identifier: Apache-2.0
// From a path to a snapshot, its record, its pictures and its folder; see resume.h.
#define _XOPEN_SOURCE 700 // realpath
#include "resume.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "files.h"
#include "memory.h"
#include "words.h"

// ---- Snapshots of a folder

enum { NAME_MOST = 256 };

static int is_there(const char *path) {
    struct stat info;
    return path && stat(path, &info) == 0;
}

static int is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

// That a file lies in, by malloc; NULL, a failure: no memory.
static char *folder_of(const char *path, app_error *e) {
    const char *slash = strrchr(path, '/');
    char *folder = app_copy(slash ? path : ".", e);
    if (folder && slash)
        folder[slash - path] = '\0';
    return folder;
}

static int is_snapshot(const char *name) {
    static const char prefix[] = "network-snapshot-", suffix[] = ".safetensors";
    size_t length = strlen(name), tail = sizeof suffix - 1;
    return length < NAME_MOST && length > tail && !strncmp(name, prefix, sizeof prefix - 1) &&
           !strcmp(name + length - tail, suffix);
}

// The last name of network-snapshot-*.safetensors before `bound` in order; "": there is none.
static void newest_before(const char *folder, const char *bound, char best[NAME_MOST]) {
    DIR *dir = opendir(folder);
    *best = '\0';
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        const char *name = entry->d_name;
        if (is_snapshot(name) && strcmp(name, best) > 0 && (!bound || strcmp(name, bound) < 0))
            memcpy(best, name, strlen(name) + 1);
    }
    if (dir)
        closedir(dir);
}

long long app_resume_stamp(const char *folder) {
    DIR *dir = opendir(folder);
    long long newest = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        struct stat info;
        if (!is_snapshot(entry->d_name) || fstatat(dirfd(dir), entry->d_name, &info, 0) != 0)
            continue;
        long long at = info.st_mtim.tv_sec * 1000000000LL + info.st_mtim.tv_nsec;
        newest = at > newest ? at : newest;
    }
    if (dir)
        closedir(dir);
    return newest;
}

// The record in a snapshot to r->record, NULL when there is none.  `other`: one that can't be gone on with is
// as good as none, with a warning.
static app_status read_record(app_resume *r, atl_ctx *ctx, int other, app_error *e) {
    char *text = NULL;
    atl_status read = atl_train_snapshot_record(ctx, r->snapshot, &text);
    if (read != ATL_OK) {
        app_fail_ctx(e, ctx);
        if (read != ATL_UNSUPPORTED || !other)
            return APP_FAILED;
        app_excuse(e);
        return APP_OK;
    }
    r->record = text ? json_loads(text, 0, NULL) : NULL;
    app_status status = text && !r->record ? app_fail(e, "%s: its record is damaged", r->snapshot) : APP_OK;
    atl_text_free(ctx, text);
    return status;
}

// The newest snapshot that records a run.  Only the networks of older ones are kept, and those of the newest
// have no record where a disk was full or a copy was cut; without any the newest is taken, whatever it is.
static app_status find_snapshot(app_resume *r, atl_ctx *ctx, const char *folder, app_error *e) {
    char newest[NAME_MOST], name[NAME_MOST], before[NAME_MOST];
    app_error first = { 0 };
    newest_before(folder, NULL, newest);
    if (!*newest)
        return app_fail(e, "--resume %s: the folder has no network-snapshot-NNNNNN.safetensors to go on with",
                        folder);
    for (memcpy(name, newest, sizeof name); *name && !r->record; memcpy(name, before, sizeof name)) {
        free(r->snapshot);
        r->snapshot = app_join(folder, name, e);
        if (!r->snapshot)
            return APP_FAILED;
        (void)read_record(r, ctx, 0, &first); // the first sentence stays
        newest_before(folder, name, before);
        if (r->record && strcmp(name, newest))
            app_warn(e, "%s/%s can't be gone on with%s%s; going on from %s", folder, newest,
                     *first.text ? ": " : ", it has no record", first.text, name);
    }
    if (r->record)
        return APP_OK;
    free(r->snapshot);
    r->snapshot = app_join(folder, newest, e);
    return r->snapshot && !*first.text ? APP_OK : app_fail(e, "%s", first.text);
}

// The folder of a snapshot when it is a run's; else NULL.
static char *run_folder(const char *snapshot, app_error *e) {
    char *folder = folder_of(snapshot, e);
    if (!folder)
        return NULL;
    char *options = app_join(folder, "training_options.json", e);
    int found = is_there(options);
    free(options);
    if (found)
        return folder;
    free(folder);
    return NULL;
}

// ---- The pictures

static const json_t *recorded(const app_resume *r, const char *option) {
    return json_object_get(json_object_get(r->record, "options"), option);
}

// Whether `path` leads to where the run's pictures lay.
static int is_place(const app_resume *r, const char *path) {
    const char *place = json_string_value(json_object_get(r->record, "place"));
    char *real = path ? realpath(path, NULL) : NULL;
    int same = place && real && !strcmp(place, real);
    free(real);
    return same;
}

// As the path was written, where that still leads to the same place, or where the place itself is gone.
static app_status find_data(app_resume *r, atl_train_options *options, app_error *e) {
    const char *place = json_string_value(json_object_get(r->record, "place")),
               *typed = json_string_value(recorded(r, "data"));
    const char *found = is_place(r, typed) ? typed : is_there(place) ? place : is_there(typed) ? typed : NULL;
    if (!found && (place || typed))
        return app_fail(
            e, "%s: the pictures of its run, %s, are not there; name where they are with --data PATH",
            r->snapshot, place ? place : typed);
    if (found && !(r->data = app_copy(found, e)))
        return APP_FAILED;
    options->data = r->data;
    return APP_OK;
}

static app_status compare_data(app_resume *r, atl_ctx *ctx, const char *data, app_error *e) {
    char *text;
    if (!data)
        return app_fail(e, "%s: its record names no pictures; name them with --data PATH", r->snapshot);
    if (atl_train_snapshot_compare(ctx, r->snapshot, data, &text) != ATL_OK)
        return app_fail_ctx(e, ctx);
    r->differs = text ? app_copy(text, e) : NULL;
    r->same_place = is_place(r, data);
    app_status status = text && !r->differs ? APP_FAILED : APP_OK;
    atl_text_free(ctx, text);
    return status;
}

// ---- Recorded options

static int among(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(name, names[i]))
            return 1;
    return 0;
}

static int is_chosen(const app_resume_choice *c, const char *name) {
    return c->chosen && c->chosen(c->user, name);
}

static int is_derived(const app_resume *r, const char *name) {
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(r->record, "derived"), i, item) {
        const char *derived = json_string_value(item);
        if (derived && !strcmp(derived, name))
            return 1;
    }
    return 0;
}

// The file itself tells the shapes.  What was derived follows the number of processes and of processors, and
// cfg and batch where these are chosen anew; otherwise it stays, so that a later version goes on with the
// same numbers.
static int stays_open(const app_resume *r, const app_resume_choice *c, const char *name) {
    static const char *const shapes[] = { "cbase", "cmax", "map-depth", "layers", "heads" },
                             *const machine[] = { "batch-gpu", "mbstd-group", "threads" };
    if (among(name, shapes, sizeof shapes / sizeof *shapes))
        return 1;
    return is_derived(r, name) && (among(name, machine, sizeof machine / sizeof *machine) ||
                                   is_chosen(c, "cfg") || is_chosen(c, "batch"));
}

// 0: the value is none of that option.
static int take(const atl_train_field *f, const json_t *value, void *target) {
    json_int_t whole = json_integer_value(value);
    int is_word = f->kind == ATL_TRAIN_CHOICE && json_is_string(value);
    int word = is_word ? app_word_index(f->words, json_string_value(value)) : -1;
    if (f->kind == ATL_TRAIN_TEXT && json_is_string(value))
        *(const char **)target = json_string_value(value);
    else if (f->kind == ATL_TRAIN_REAL && json_is_number(value))
        *(double *)target = json_number_value(value);
    else if ((f->kind == ATL_TRAIN_INT || f->kind == ATL_TRAIN_FLAG) && json_is_integer(value) &&
             whole >= INT_MIN && whole <= INT_MAX)
        *(int *)target = (int)whole;
    else if (word >= 0)
        *(int *)target = word;
    else
        return 0;
    return 1;
}

static app_status take_options(const app_resume *r, atl_train_options *options, const app_resume_choice *c,
                               app_error *e) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = recorded(r, fields[i].name);
        if (!fields[i].record || !value || !strcmp(fields[i].name, "data") || is_chosen(c, fields[i].name) ||
            stays_open(r, c, fields[i].name))
            continue;
        if (!take(&fields[i], value, (char *)options + fields[i].offset))
            return app_fail(e, "%s: its record has no usable %s; say what it is with --%s", r->snapshot,
                            fields[i].name, fields[i].name);
    }
    return APP_OK;
}

// The run of an encoder or of a transformer keeps the networks that it stands on with its own.
static void take_networks(const app_resume *r, atl_train_options *options) {
    const char *cfg = json_string_value(recorded(r, "cfg"));
    if (!options->network)
        options->network = r->snapshot;
    if (!options->first_stage && cfg &&
        (!strcmp(cfg, "transformer") || !strcmp(cfg, "vit-transformer") || !strcmp(cfg, "pixelcnn")))
        options->first_stage = r->snapshot;
    if (!options->w_encoder && cfg && !strcmp(cfg, "hyperstyle"))
        options->w_encoder = r->snapshot;
}

static void warn_of_unknown(const app_resume *r, app_error *e) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(r->record, "options"), name, value) {
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, name) != 0)
            i++;
        if (i == count)
            app_warn(
                e,
                "%s: its run was recorded with %.100s, which this version does not know: it goes on without",
                r->snapshot, name);
    }
}

// ---- What has changed

static int is_same(const atl_train_field *f, const json_t *before, const void *now) {
    switch (f->kind) {
    case ATL_TRAIN_TEXT:
        return *(const char *const *)now && !strcmp(json_string_value(before), *(const char *const *)now);
    case ATL_TRAIN_REAL: return json_number_value(before) == *(const double *)now;
    case ATL_TRAIN_CHOICE: return app_word_index(f->words, json_string_value(before)) == *(const int *)now;
    default: return json_integer_value(before) == *(const int *)now;
    }
}

static void value_text(const atl_train_field *f, const void *at, char text[64]) {
    const char *word = f->words;
    switch (f->kind) {
    case ATL_TRAIN_TEXT:
        snprintf(text, 64, "%s", *(const char *const *)at ? *(const char *const *)at : "");
        return;
    case ATL_TRAIN_REAL: snprintf(text, 64, "%g", *(const double *)at); return;
    case ATL_TRAIN_CHOICE:
        for (int i = *(const int *)at; i > 0; i--)
            word += strcspn(word, "|") + 1;
        snprintf(text, 64, "%.*s", (int)strcspn(word, "|"), word);
        return;
    default: snprintf(text, 64, "%d", *(const int *)at);
    }
}

void app_resume_changes(const app_resume *r, const atl_train_options *now, char *text, size_t room) {
    size_t count, used = 0;
    const atl_train_field *fields = atl_train_fields(&count);
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        const json_t *before = recorded(r, fields[i].name);
        const void *at = (const char *)now + fields[i].offset;
        union {
            int i;
            double x;
            const char *text;
        } old;
        char a[64], b[64];
        if (!before || !strcmp(fields[i].name, "data") || !take(&fields[i], before, &old) ||
            is_same(&fields[i], before, at))
            continue;
        value_text(&fields[i], &old, a);
        value_text(&fields[i], at, b);
        if (used + strlen(fields[i].name) + strlen(a) + strlen(b) + 16 > room) {
            snprintf(text + used, room - used, ", ...");
            return;
        }
        used += (size_t)snprintf(text + used, room - used, "%s%s %s -> %s", used ? ", " : "", fields[i].name,
                                 a, b);
    }
}

// ---- All of it

static long long stamp_of(const char *path) {
    if (is_folder(path))
        return app_resume_stamp(path);
    char *folder = folder_of(path, NULL);
    long long stamp = folder ? app_resume_stamp(folder) : 0;
    free(folder);
    return stamp;
}

static app_status open_record(app_resume *r, atl_ctx *ctx, const char *path, int other, app_error *e) {
    if (is_folder(path))
        return find_snapshot(r, ctx, path, e);
    r->snapshot = app_copy(path, e);
    return r->snapshot ? read_record(r, ctx, other, e) : APP_FAILED;
}

app_status app_resume_open(app_resume *r, atl_ctx *ctx, const char *path, atl_train_options *options,
                           const app_resume_choice *choice, app_error *e) {
    *r = (app_resume){ .stamp = stamp_of(path) };
    app_status status = open_record(r, ctx, path, options->data || choice->new_run, e);
    options->like = r->snapshot;
    if (status == APP_OK && r->record && !options->data)
        status = find_data(r, options, e);
    int sampled =
        r->record && !options->data && !json_object_get(r->record, "place"); // a generator made its pictures
    if (status == APP_OK && r->record && !choice->new_run && !sampled)
        status = compare_data(r, ctx, options->data, e);
    r->goes_on = status == APP_OK && r->record && !choice->new_run && !r->differs;
    if (!r->goes_on) {
        if (options->blur_init_sigma < 0.0)
            options->blur_init_sigma = 0.0; // G already draws what D shall see
        return status;
    }
    warn_of_unknown(r, e);
    r->folder = run_folder(r->snapshot, e);
    take_networks(r, options);
    return take_options(r, options, choice, e);
}

void app_resume_close(app_resume *r) {
    free(r->snapshot);
    free(r->folder);
    free(r->differs);
    free(r->data);
    json_decref(r->record);
    *r = (app_resume){ 0 };
}
