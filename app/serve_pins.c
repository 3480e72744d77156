// SPDX-License-Identifier: Apache-2.0
// Pins: styles that somebody wants to keep, each in a file of the output folder, OUTDIR/pins/NAME.npz with
// "w" [1, layers, w], as every command takes them.
#define _DEFAULT_SOURCE // scandir
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <atelier/array.h>
#include "files.h"
#include "memory.h"
#include "serve_check.h"
#include "serve_parts.h"

// ---- The output folder

char *app_out_path(app_serve *s, const char *folder, const char *name) {
    char *below = app_join(s->o.outdir, folder, &s->error), *path = NULL;
    if (below && app_folder_make(below, &s->error) == APP_OK)
        path = app_join(below, name, &s->error);
    free(below);
    return path;
}

char *app_out_new(app_serve *s, const char *folder, const char *stem, const char *ending) {
    char name[64], *below = app_out_path(s, folder, ""), *path = NULL;
    for (int i = 1; below && !path; i++) {
        snprintf(name, sizeof name, "%.40s-%d%s", stem, i, ending);
        if (!(path = app_join(below, name, &s->error)))
            break;
        if (access(path, F_OK) == 0) {
            free(path);
            path = NULL;
        }
    }
    free(below);
    return path;
}

char *app_out_find(app_serve *s, const char *kind, const char *name, const char *ending) {
    struct stat st;
    char path[4300];
    if (!app_name_is_plain(name) ||
        snprintf(path, sizeof path, "%s/%ss/%s%s", s->o.outdir, kind, name, ending) >= (int)sizeof path ||
        lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        app_fail(&s->error, "%.64s: there is no such %s", name, kind);
        return NULL;
    }
    return app_copy(path, &s->error);
}

char *app_pin_new(app_serve *s, const char *stem, char name[64]) {
    char *path = app_out_new(s, "pins", stem, ".npz");
    const char *file = path ? app_file_name(path) : ".npz";
    snprintf(name, 64, "%.*s", (int)(strlen(file) - 4), file);
    return path;
}

app_status app_pin_write(app_serve *s, const atl_model_info *info, const char *stem, const float *ws,
                         char name[64]) {
    const atl_array array = { "w", ATL_F32, 3, { 1, info->num_ws, info->w_dim }, ws };
    char *path = app_pin_new(s, stem, name);
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_npz_write(s->ctx, path, &array, 1) != ATL_OK)
        status = app_fail_ctx(&s->error, s->ctx);
    free(path);
    return status;
}

// ---- Requests

static int by_name(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && !strcmp(dot, ".npz") && app_name_is_plain(entry->d_name);
}

int app_serve_pins(app_serve *s, app_job *job) {
    char *folder = app_join(s->o.outdir, "pins", &s->error);
    struct dirent **entries = NULL;
    int n = folder ? scandir(folder, &entries, by_name, alphasort) : 0;
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        json_array_append_new(list, json_stringn(entries[i]->d_name, strlen(entries[i]->d_name) - 4));
        free(entries[i]);
    }
    free(entries);
    free(folder);
    app_reply_json(job, json_pack("{s:o}", "pins", list));
    return 0;
}

// Styles that a state makes, kept in a file.
int app_serve_pin(app_serve *s, app_job *job) {
    app_shot shot;
    char name[64];
    const char *stem = json_string_value(json_object_get(job->body, "name"));
    app_status status = app_shot_open(s, json_object_get(job->body, "state"), &shot);
    if (status == APP_OK)
        status = app_shot_ws(s, &shot);
    if (status == APP_OK)
        status =
            app_pin_write(s, shot.render.info, stem && app_name_is_plain(stem) ? stem : "pin", shot.ws, name);
    if (status == APP_OK)
        app_reply_json(job, json_pack("{s:s}", "pin", name));
    else
        app_reply_error(s, job);
    app_shot_close(&shot);
    return 0;
}
