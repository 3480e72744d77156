// SPDX-License-Identifier: Apache-2.0
// The thread that owns the context: jobs in the order of the queue, and long tasks, in the midst of which
// jobs are done, too, whenever a task tells how far it is.
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "network.h"
#include "files.h"
#include "json.h"
#include "memory.h"
#include "picture.h"
#include "progress.h"
#include "serve_parts.h"
#include "serve_task.h"

// ---- Replies

void app_reply_json(app_job *job, json_t *json) {
    app_reply *r = &job->reply;
    r->bytes = json ? json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(json);
    r->size = r->bytes ? strlen(r->bytes) : 0;
    r->type = "application/json";
    r->status = r->status ? r->status : 200;
    if (!r->bytes)
        r->status = 500;
}

void app_reply_fail(app_job *job, int status, const char *format, ...) {
    char sentence[APP_SENTENCE];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    job->reply.status = status;
    json_t *text = app_json_text(sentence, strlen(sentence));
    app_reply_json(job, text ? json_pack("{s:o}", "error", text) : NULL);
}

void app_reply_error(app_serve *s, app_job *job) {
    app_reply_fail(job, 400, "%s", *s->error.text ? s->error.text : "failed without a message");
    app_error_clear(&s->error);
}

char *app_encoded(app_serve *s, const char *format, const atl_image *image, int quality, const atl_pair *text,
                  size_t *size) {
    char *bytes, *copy;
    if (atl_image_encode(s->ctx, format, image, quality, text, text != NULL, &bytes, size) != ATL_OK) {
        app_fail_ctx(&s->error, s->ctx);
        return NULL;
    }
    copy = app_array(*size, 1, 1, 1, &s->error);
    if (copy)
        memcpy(copy, bytes, *size);
    atl_text_free(s->ctx, bytes);
    return copy;
}

app_status app_reply_picture(app_serve *s, app_job *job, const atl_image *image, const app_state *state,
                             const app_recipe *record, json_t *facts) {
    char *json = record ? app_recipe_write(record) : NULL;
    const atl_pair text = { APP_RECIPE_KEY, json };
    // JPEG knows gray and colour only
    const char *format = !(image->channels & 1) && !strcmp(state->format, "jpg") ? "png" : state->format;
    job->reply.facts = facts;
    job->reply.bytes =
        app_encoded(s, format, image, state->quality, json ? &text : NULL, &job->reply.size);
    free(json);
    job->reply.type = !strcmp(format, "png")    ? "image/png"
                      : !strcmp(format, "webp") ? "image/webp"
                                                : "image/jpeg";
    job->reply.status = 200;
    return job->reply.bytes ? APP_OK : APP_FAILED;
}

// ---- Files

static void look(app_serve *s) {
    app_listing fresh = { 0 };
    app_error ignored = { 0 };
    app_status status = APP_OK;
    for (size_t i = 0; i < s->o.count && status == APP_OK; i++)
        status = app_listing_add(&fresh, s->o.places[i], &s->error);
    if (status != APP_OK) { // out of memory, or a folder has gone: the old list stays
        app_listing_clear(&fresh);
        app_error_clear(&s->error);
        return;
    }
    if (*s->shipped && !app_listing_find(&fresh, app_file_name(s->shipped), APP_IS_NETWORK))
        app_listing_add(&fresh, s->shipped, &ignored);
    app_listing_add(&fresh, s->o.outdir, &ignored); // which may not be there yet
    app_listing_clear(&s->files);
    s->files = fresh;
    s->looked = app_seconds();
}

const app_listing *app_work_files(app_serve *s, int fresh) {
    if (!s->files.count || (fresh && app_seconds() - s->looked > 0.5))
        look(s);
    return &s->files;
}

const app_listed *app_work_find(app_serve *s, const char *name, int kind) {
    const app_listed *item = app_listing_find(app_work_files(s, 0), name, kind);
    return item ? item : app_listing_find(app_work_files(s, 1), name, kind); // it may be new
}

// ---- Jobs

void app_job_finish(app_job *job) {
    job->done(job);
}

static void work(app_serve *s, app_job *job) {
    app_error_clear(&s->error);
    atl_message_clear(s->ctx);
    if (!app_route_get(job->route)->use(s, job))
        app_job_finish(job);
}

void app_work_pump(app_serve *s) {
    const app_error kept = s->error; // of the task, in whose midst this is
    app_job *job;
    while (!atomic_load(&s->ends) && (job = app_queue_take(&s->queue, 0)))
        work(s, job);
    app_tasks_tell(s);
    s->error = kept;
}

static void refuse_all(app_serve *s) {
    app_job *job;
    while ((job = app_queue_take(&s->queue, 0))) {
        app_reply_fail(job, 503, "the studio closes");
        app_job_finish(job);
    }
}

static void *run(void *user) {
    app_serve *s = user;
    while (!atomic_load(&s->ends)) {
        app_job *job = app_queue_take(&s->queue, app_tasks_pending(s) ? 0 : 250);
        if (job)
            work(s, job);
        else
            app_tasks_run(s); // one of those that wait
        app_tasks_tell(s);
    }
    refuse_all(s);
    return NULL;
}

static void on_warning(void *user, const char *sentence) {
    const app_serve *s = user;
    if (s->o.log)
        s->o.log(s->o.user, sentence);
}

app_status app_work_start(app_serve *s, app_error *e) {
    sigset_t all, before;
    s->error.warn = on_warning;
    s->error.user = s;
    app_queue_open(&s->queue);
    sigfillset(&all); // signals are for the caller's thread
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->works = pthread_create(&s->worker, NULL, run, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s->works ? APP_OK : app_fail(e, "no thread can be started");
}

void app_work_end(app_serve *s) {
    atomic_store(&s->ends, 1);
    app_queue_shut(&s->queue);
    if (s->works)
        pthread_join(s->worker, NULL);
    refuse_all(s);
    app_tasks_close(s);
    app_drags_close(s);
    app_opened_close(s);
    app_rooms_close(s);
    app_listing_clear(&s->files);
    app_queue_close(&s->queue);
}
