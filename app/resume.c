// SPDX-License-Identifier: Apache-2.0
// From a path to a snapshot, its record and its folder; see resume.h.
#include "resume.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "files.h"
#include "memory.h"

// ---- Snapshots of a folder

enum { NAME_MOST = 256 };

// The last name of network-snapshot-*.safetensors before `bound` in order; "": there is none.
static void newest_before(const char *folder, const char *bound, char best[NAME_MOST]) {
    static const char prefix[] = "network-snapshot-", suffix[] = ".safetensors";
    DIR *dir = opendir(folder);
    *best = '\0';
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        const char *name = entry->d_name;
        size_t length = strlen(name), tail = sizeof suffix - 1;
        if (length < NAME_MOST && length > tail && !strncmp(name, prefix, sizeof prefix - 1) &&
            !strcmp(name + length - tail, suffix) && strcmp(name, best) > 0 &&
            (!bound || strcmp(name, bound) < 0))
            memcpy(best, name, length + 1);
    }
    if (dir)
        closedir(dir);
}

// The record in a snapshot to r->record, NULL when there is none.  `other`: one that can't be gone on with is
// as good as none, with a warning.
static app_status read_record(app_resume *r, atl_ctx *ctx, int other, app_error *e) {
    char *text = NULL;
    atl_status read = atl_train_snapshot_options(ctx, r->snapshot, &text);
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
    const char *slash = strrchr(snapshot, '/');
    char *folder = app_copy(slash ? snapshot : ".", e), *options;
    struct stat info;
    if (!folder)
        return NULL;
    if (slash)
        folder[slash - snapshot] = '\0';
    options = app_join(folder, "training_options.json", e);
    int found = options && stat(options, &info) == 0;
    free(options);
    if (found)
        return folder;
    free(folder);
    return NULL;
}

// ---- Recorded options

// The position of a word in "ada|fixed|noaug", or -1.
static int position_of(const char *word, const char *words) {
    size_t length = strlen(word);
    for (int index = 0;; index++) {
        size_t next = strcspn(words, "|");
        if (next == length && !memcmp(words, word, length))
            return index;
        if (!words[next])
            return -1;
        words += next + 1;
    }
}

static void take(const atl_train_field *f, const json_t *value, void *target) {
    if (f->kind == ATL_TRAIN_TEXT && json_is_string(value)) {
        *(const char **)target = json_string_value(value);
    } else if (f->kind == ATL_TRAIN_REAL && json_is_number(value)) {
        *(double *)target = json_number_value(value);
    } else if ((f->kind == ATL_TRAIN_INT || f->kind == ATL_TRAIN_FLAG) && json_is_integer(value)) {
        *(int *)target = (int)json_integer_value(value);
    } else if (f->kind == ATL_TRAIN_CHOICE && json_is_string(value)) {
        int index = position_of(json_string_value(value), f->words);
        if (index >= 0)
            *(int *)target = index;
    }
}

app_status app_resume_open(app_resume *r, atl_ctx *ctx, const char *path, atl_train_options *options,
                           int (*chosen)(void *user, const char *name), void *user, app_error *e) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    struct stat info;
    *r = (app_resume){ 0 };
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        if (find_snapshot(r, ctx, path, e) != APP_OK)
            return APP_FAILED;
    } else if (!(r->snapshot = app_copy(path, e)) ||
               read_record(r, ctx, options->data != NULL, e) != APP_OK) {
        return APP_FAILED;
    }
    const char *data = json_string_value(json_object_get(r->record, "data"));
    // other pictures: a new run that starts from these networks
    r->goes_on = r->record && (!options->data || (data && !strcmp(data, options->data)));
    for (size_t i = 0; r->goes_on && i < count; i++)
        if (fields[i].group && (!chosen || !chosen(user, fields[i].name)))
            take(&fields[i], json_object_get(r->record, fields[i].name), (char *)options + fields[i].offset);
    if (r->goes_on)
        r->folder = run_folder(r->snapshot, e);
    return APP_OK;
}

void app_resume_close(app_resume *r) {
    free(r->snapshot);
    free(r->folder);
    json_decref(r->record);
    *r = (app_resume){ 0 };
}
