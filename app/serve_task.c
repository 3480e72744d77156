// SPDX-License-Identifier: Apache-2.0
// Tasks and those who wait for them; see serve_task.h.
#include "serve_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"
#include "json.h"
#include "memory.h"
#include "progress.h"

static const char *const phases[] = { "waiting", "running", "done", "failed", "stopped" };

static void forget(app_task *t) {
    if (t->clear)
        t->clear(t);
    json_decref(t->options);
    json_decref(t->result);
    free(t->command);
    free(t->sentence);
    free(t->file);
    free(t->frame);
    free(t);
}

static int ended(const app_task *t) {
    return t->phase > APP_TASK_RUNS;
}

// The oldest that has ended makes room: it is the last such one of the list.
static int make_room(app_serve *s) {
    size_t count = 0;
    app_task **oldest = NULL;
    for (app_task **at = &s->tasks; *at; at = &(*at)->next, count++)
        if (ended(*at))
            oldest = at;
    if (count < APP_TASKS)
        return 1;
    if (!oldest)
        return 0;
    app_task *gone = *oldest;
    *oldest = gone->next;
    forget(gone);
    return 1;
}

app_task *app_task_add(app_serve *s, const char *kind, json_t *options,
                       app_status (*run)(app_serve *s, app_task *task)) {
    app_task *t = make_room(s) ? app_array(1, 1, 1, sizeof *t, &s->error) : NULL;
    if (!t) {
        app_fail(&s->error, "%d tasks wait already; stop one of them", APP_TASKS);
        return NULL;
    }
    snprintf(t->id, sizeof t->id, "%s-%ld", kind, ++s->last_task);
    t->kind = kind;
    t->run = run;
    t->options = json_incref(options);
    t->version = 1;
    t->next = s->tasks;
    s->tasks = t;
    return t;
}

int app_task_start(app_serve *s, app_job *job, const char *kind,
                   app_status (*run)(app_serve *s, app_task *task)) {
    const app_task *t = app_task_add(s, kind, job->body, run);
    if (t)
        app_reply_json(job, json_pack("{s:s}", "task", t->id));
    else
        app_reply_error(s, job);
    return 0;
}

app_status app_task_step(app_serve *s, app_task *t, double done, double total) {
    t->done = done;
    t->total = total;
    t->version++;
    app_work_pump(s);
    return t->stop || atomic_load(&s->ends) ? APP_STOPPED : APP_OK;
}

void app_task_show(app_serve *s, app_task *t, const atl_image *image) {
    size_t size;
    char *bytes = app_encoded(s, image->channels & 1 ? "jpg" : "png", image, 90, NULL, &size);
    if (!bytes) { // the next one
        app_error_clear(&s->error);
        return;
    }
    free(t->frame);
    t->frame = bytes;
    t->frame_size = size;
}

static app_task *oldest_waiting(const app_serve *s) {
    app_task *found = NULL;
    for (app_task *t = s->tasks; t; t = t->next)
        found = t->phase == APP_TASK_WAITS ? t : found;
    return found;
}

int app_tasks_pending(const app_serve *s) {
    return !s->busy && oldest_waiting(s) != NULL;
}

void app_tasks_run(app_serve *s) {
    app_task *t = s->busy ? NULL : oldest_waiting(s);
    if (!t)
        return;
    s->busy = 1;
    t->phase = APP_TASK_RUNS;
    t->began = app_seconds();
    t->version++;
    app_tasks_tell(s);
    app_error_clear(&s->error);
    app_status status = t->stop ? APP_STOPPED : t->run(s, t);
    t->ended = app_seconds();
    t->phase = status == APP_OK ? APP_TASK_DONE : status == APP_STOPPED ? APP_TASK_STOPPED : APP_TASK_FAILED;
    if (status != APP_OK && *s->error.text)
        t->sentence = app_copy(s->error.text, NULL);
    app_error_clear(&s->error);
    atl_message_clear(s->ctx);
    t->version++;
    s->busy = 0;
}

// ---- News

static app_task *find(app_serve *s, const char *id) {
    for (app_task *t = s->tasks; t; t = t->next)
        if (!strcmp(t->id, id))
            return t;
    return NULL;
}

static json_t *describe(const app_task *t) {
    double seconds = (ended(t) ? t->ended : app_seconds()) - t->began;
    app_pace pace = app_pace_of(t->done, t->total, t->began > 0 ? seconds : 0);
    json_t *note = app_json_text(t->note, strlen(t->note));
    return json_pack("{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:o, s:s*, s:s*, s:b, s:s*, s:O*}", "id",
                     t->id, "task", t->kind, "phase", phases[t->phase], "version", (json_int_t)t->version,
                     "done", t->done, "total", t->total, "seconds", t->began > 0 ? seconds : 0.0, "left",
                     pace.left, "note", note, "error", t->sentence, "command", t->command, "frame",
                     t->frame != NULL, "file", t->file ? app_file_name(t->file) : NULL, "result", t->result);
}

int app_serve_tasks(app_serve *s, app_job *job) {
    json_t *list = json_array();
    for (app_task *t = s->tasks; t; t = t->next)
        json_array_append_new(list, describe(t));
    app_reply_json(job, json_pack("{s:o}", "tasks", list));
    return 0;
}

static int has_news(app_serve *s, const app_job *job) {
    const app_task *t = find(s, job->name);
    return !t || t->version > job->after || ended(t) || atomic_load(&s->ends) || app_seconds() > job->until;
}

static void tell(app_serve *s, app_job *job) {
    const app_task *t = find(s, job->name);
    if (t)
        app_reply_json(job, describe(t));
    else
        app_reply_fail(job, 404, "%s: there is no such task", job->name);
}

int app_serve_task(app_serve *s, app_job *job) {
    enum { WAIT_SECONDS = 20 };
    size_t waiting = 0;
    for (const app_job *j = s->waiting; j; j = j->next)
        waiting++;
    job->until = app_seconds() + WAIT_SECONDS;
    if (has_news(s, job) || waiting >= APP_WAITERS) {
        tell(s, job);
        return 0;
    }
    job->next = s->waiting;
    s->waiting = job;
    return 1;
}

void app_tasks_tell(app_serve *s) {
    for (app_task *t = s->tasks; t; t = t->next)
        if (t->follow && t->phase == APP_TASK_RUNS)
            t->follow(s, t);
    for (app_job **at = &s->waiting; *at;) {
        app_job *job = *at;
        if (!has_news(s, job)) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        tell(s, job);
        app_job_finish(job);
    }
}

int app_serve_task_stop(app_serve *s, app_job *job) {
    app_task *t = find(s, job->name);
    if (!t) {
        app_reply_fail(job, 404, "%s: there is no such task", job->name);
        return 0;
    }
    t->stop = 1;
    if (t->phase == APP_TASK_WAITS) {
        t->phase = APP_TASK_STOPPED;
        t->version++;
    }
    tell(s, job);
    return 0;
}

int app_serve_task_frame(app_serve *s, app_job *job) {
    const app_task *t = find(s, job->name);
    if (!t || !t->frame || !(job->reply.bytes = malloc(t->frame_size))) {
        app_reply_fail(job, 404, "%s: there is no picture of this task", job->name);
        return 0;
    }
    memcpy(job->reply.bytes, t->frame, t->frame_size);
    job->reply.size = t->frame_size;
    job->reply.type = (unsigned char)t->frame[0] == 0xff ? "image/jpeg" : "image/png";
    job->reply.status = 200;
    return 0;
}

int app_serve_task_file(app_serve *s, app_job *job) {
    static const struct {
        const char *ending, *type;
    } types[] = { { ".mp4", "video/mp4" },   { ".webm", "video/webm" }, { ".gif", "image/gif" },
                  { ".webp", "image/webp" }, { ".png", "image/png" },   { ".apng", "image/apng" } };
    enum { FILE_MOST = 256 << 20 };
    const app_task *t = find(s, job->name);
    if (!t || t->phase == APP_TASK_RUNS || !t->file) {
        app_reply_fail(job, 404, "%s: this task has no file", job->name);
        return 0;
    }
    job->reply.bytes = app_file_read(t->file, FILE_MOST, &job->reply.size, &s->error);
    job->reply.name = job->reply.bytes ? app_copy(app_file_name(t->file), &s->error) : NULL;
    const char *dot = strrchr(t->file, '.');
    job->reply.type = "application/octet-stream";
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (!strcmp(dot, types[i].ending))
            job->reply.type = types[i].type;
    job->reply.status = 200;
    if (!job->reply.name)
        app_reply_error(s, job);
    return 0;
}

void app_tasks_close(app_serve *s) {
    app_tasks_tell(s); // the studio ends: everybody has news
    while (s->tasks) {
        app_task *next = s->tasks->next;
        forget(s->tasks);
        s->tasks = next;
    }
}
