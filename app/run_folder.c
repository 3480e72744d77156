// SPDX-License-Identifier: Apache-2.0
// The folder of a run: its name, its log, the record of options and numbers, snapshots, the report.
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "files.h"
#include "memory.h"
#include "report.h"
#include "resume.h"
#include "run_parts.h"

// ---- The folder

static int next_number(const char *outdir) {
    int next = 0;
    DIR *dir = opendir(outdir);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        char *end;
        long n = strtol(e->d_name, &end, 10);
        if (end == e->d_name + 5 && n >= next)
            next = (int)n + 1;
    }
    if (dir)
        closedir(dir);
    return next;
}

// "00003-auto-faces-256-batch16-gamma0.8[-desc]": a new one, so that nothing of an earlier run is touched.
static app_status make_folder(app_run *r, app_error *e) {
    const atl_train_options *o = atl_trainer_get_options(r->trainer);
    const char *desc = r->o.desc;
    if (app_folder_make(r->o.outdir, e) != APP_OK)
        return APP_FAILED;
    for (int number = next_number(r->o.outdir);; number++) {
        char name[512];
        snprintf(name, sizeof name, "%05d-%s-%.200s-batch%d-gamma%g%s%.100s", number, o->cfg,
                 atl_trainer_get_set(r->trainer)->name, o->batch, o->gamma, desc ? "-" : "", desc ? desc : "");
        for (char *p = name; *p; p++)
            *p = *p == '/' ? '_' : *p;
        r->folder = app_join(r->o.outdir, name, e);
        if (!r->folder)
            return APP_FAILED;
        if (mkdir(r->folder, 0777) == 0)
            return APP_OK;
        if (errno != EEXIST)
            return app_fail(e, "%s: the folder can't be made: %s", r->folder, strerror(errno));
        free(r->folder);
    }
}

// The log is also what two processes in one folder would meet at.
static app_status open_log(app_run *r, app_error *e) {
    char *path = app_join(r->folder, "log.txt", e);
    r->log = path ? fopen(path, "a") : NULL;
    app_status status = r->log ? APP_OK : APP_FAILED;
    if (path && !r->log)
        app_fail(e, "%s: can't be written: %s", path, strerror(errno));
    // it ends with the process; a file system without locks is no reason not to train
    else if (r->log && flock(fileno(r->log), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        status =
            app_fail(e, "%s: another process is training in this folder; stop it first, or start a new run",
                     r->folder);
    free(path);
    return status;
}

static app_status write_options(app_run *r, app_error *e) {
    char *text = NULL, *path = app_join(r->folder, "training_options.json", e);
    app_file file = { 0 };
    app_status status = path ? APP_OK : APP_FAILED;
    if (path && atl_trainer_describe(r->trainer, &text) != ATL_OK)
        status = app_fail_ctx(e, r->ctx);
    if (status == APP_OK)
        status = app_file_open(&file, path, e);
    if (status == APP_OK) {
        fprintf(file.out, "%s\n", text);
        status = app_file_commit(&file, e);
    }
    atl_text_free(r->ctx, text);
    free(path);
    return status;
}

static app_status open_stats(app_run *r, app_error *e) {
    char *path = app_join(r->folder, "stats.jsonl", e);
    app_status status = path ? APP_OK : APP_FAILED;
    double kimg = (double)atl_trainer_get_state(r->trainer)->images / 1000;
    struct stat info;
    if (status == APP_OK && stat(path, &info) == 0) {
        status = app_stats_truncate(path, kimg, e);
        if (status == APP_OK)
            status = app_history_read(&r->history, path, e);
    }
    if (status == APP_OK)
        status = app_stats_open(&r->stats, path, e);
    free(path);
    return status;
}

app_status app_run_check_outdir(const char *outdir, app_error *e) {
    if (app_folder_make(outdir, e) != APP_OK)
        return APP_FAILED;
    return access(outdir, W_OK) == 0 ? APP_OK
                                     : app_fail(e, "%s: can't be written: %s", outdir, strerror(errno));
}

app_status app_run_folder_open(app_run *r, app_error *e) {
    app_status status = APP_OK;
    if (r->o.folder)
        status = (r->folder = app_copy(r->o.folder, e)) ? APP_OK : APP_FAILED;
    else
        status = make_folder(r, e);
    if (status == APP_OK)
        status = open_log(r, e);
    // now that nobody else can write: what another process wrote meanwhile must not be trained anew
    if (status == APP_OK && r->o.stamp && app_resume_stamp(r->folder) != r->o.stamp)
        status =
            app_fail(e, "%s: another process has trained on since this one read its snapshot; start it again",
                     r->folder);
    if (status == APP_OK)
        status = write_options(r, e);
    if (status == APP_OK)
        status = open_stats(r, e);
    if (status == APP_OK && r->o.snapshot)
        status = (r->kept[1] = app_copy(r->o.snapshot, e)) ? APP_OK : APP_FAILED;
    return status;
}

// ---- Snapshots

app_status app_run_snapshot(app_run *r, app_error *e) {
    char name[64];
    snprintf(name, sizeof name, "network-snapshot-%06d.safetensors",
             (int)(atl_trainer_get_state(r->trainer)->images / 1000));
    char *path = app_join(r->folder, name, e);
    if (!path)
        return APP_FAILED;
    atl_status saved = atl_trainer_save(r->trainer, path);
    if (saved != ATL_OK) {
        free(path);
        r->state.fatal |= saved != ATL_IO && saved != ATL_NO_MEMORY; // those may pass
        return app_fail_ctx(e, r->ctx);
    }
    r->saved = atl_trainer_get_state(r->trainer)->images;
    if (r->events.file)
        r->events.file(r->events.user, path);
    if (r->kept[1] && !strcmp(r->kept[1], path)) {
        free(path);
        return APP_OK;
    }
    // from the one before the previous one, only the networks stay
    if (r->kept[0] && atl_convert(r->ctx, r->kept[0], r->kept[0], NULL) != ATL_OK) {
        app_warn(e, "%s", atl_message(r->ctx));
        atl_message_clear(r->ctx);
    }
    free(r->kept[0]);
    r->kept[0] = r->kept[1];
    r->kept[1] = path;
    return APP_OK;
}

// ---- The report

app_status app_run_report(app_run *r, app_report_state state, const char *reason, app_error *e) {
    const atl_train_options *o = atl_trainer_get_options(r->trainer);
    app_error silent = { 0 }; // the same warnings with each tick would help nobody
    const app_report_info info = { .state = state,
                                   .reason = reason,
                                   .total_kimg = o->kimg,
                                   .ada_target = o->aug == ATL_AUG_ADA ? o->target : 0 };
    if (app_report_write(r->ctx, r->folder, &info, &silent) != APP_OK)
        return app_fail(e, "%s", silent.text);
    return APP_OK;
}
