// SPDX-License-Identifier: Apache-2.0
// Trainings are processes of their own: the program itself, started with what the form says, so that a
// training may fail and the studio stays.  A task follows what it prints; stopping it, or the studio, sends
// SIGTERM, after which the program writes a snapshot and ends.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "json.h"
#include "memory.h"
#include "progress.h"
#include "serve_task.h"
#include "words.h"

extern char **environ;

enum { WORDS = 48, TEXT_MOST = 16384 };

typedef struct child {
    pid_t pid;
    int out, ended, status, asked; // a pipe of what it prints; asked to stop
    char text[TEXT_MOST + 1];
    size_t size;
} child;

// ---- Words of the command line

typedef struct words {
    char *list[WORDS + 1]; // by malloc
    int count, bad;
} words;

static void add(words *w, const char *word) {
    char *copy = w->count < WORDS ? app_copy(word, NULL) : NULL;
    w->bad |= !copy;
    if (copy)
        w->list[w->count++] = copy;
}

static void clear(words *w) {
    for (int i = 0; i < w->count; i++)
        free(w->list[i]);
}

static const struct {
    const char *key, *option;
    double low, high;
} numbers[] = { { "kimg", "--kimg", 0.001, 1e6 },
                { "batch", "--batch", 1, 4096 },
                { "gamma", "--gamma", 0, 1e6 },
                { "seed", "--seed", 0, 2147483647 },
                { "cbase", "--cbase", 1, 1 << 20 },
                { "cmax", "--cmax", 1, 4096 },
                { "tick", "--tick", 0.001, 1e6 },
                { "snap", "--snap", 1, 100000 },
                { "threads", "--threads", 1, 4096 },
                { "lod_training_kimg", "--lod-training-kimg", 0, 1e6 },
                { "lod_transition_kimg", "--lod-transition-kimg", 0, 1e6 } };

static const struct {
    const char *key, *option, *values;
} choices[] = { { "cfg", "--cfg", "auto|stylegan2|stylegan3-t|stylegan3-r|stylegan1|progan" },
                { "aug", "--aug", "ada|fixed|noaug" } };

static app_status add_options(words *w, const json_t *o, app_error *e) {
    char text[64];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const json_t *v = json_object_get(o, numbers[i].key);
        double x = json_number_value(v);
        if (!v || json_is_null(v))
            continue;
        if (!json_is_number(v) || x < numbers[i].low || x > numbers[i].high)
            return app_fail(e, "%s: expected a number from %g to %g", numbers[i].key, numbers[i].low,
                            numbers[i].high);
        snprintf(text, sizeof text, "%.10g", x);
        add(w, numbers[i].option);
        add(w, text);
    }
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const char *v = json_string_value(json_object_get(o, choices[i].key));
        if (!v || !*v)
            continue;
        if (app_word_index(choices[i].values, v) < 0)
            return app_fail(e, "%s: \"%.40s\" is none of its choices", choices[i].key, v);
        add(w, choices[i].option);
        add(w, v);
    }
    if (json_is_true(json_object_get(o, "mirror")))
        add(w, "--mirror");
    return APP_OK;
}

// The words after the program's name.  `plan`: only what it will cost.
static app_status make_words(app_serve *s, const json_t *o, int plan, words *w) {
    const char *set = json_string_value(json_object_get(o, "data")),
               *run = json_string_value(json_object_get(o, "resume"));
    const app_listed *data = set ? app_listing_find(app_work_files(s, 1), set, APP_IS_SET) : NULL,
                     *from = run ? app_listing_find(app_work_files(s, 1), run, APP_IS_RUN) : NULL;
    if (run ? !from : !data)
        return app_fail(&s->error, "%.200s: no such %s among what the studio was started with",
                        run   ? run
                        : set ? set
                              : "",
                        run ? "run" : "set of pictures");
    add(w, "atelier");
    add(w, "train");
    add(w, run ? "--resume" : "--data");
    add(w, run ? from->path : data->path);
    if (plan)
        add(w, "--dry-run");
    else if (!run) {
        char *runs = app_out_path(s, "runs", "");
        add(w, "--outdir");
        if (runs)
            runs[strlen(runs) - 1] = '\0';
        add(w, runs ? runs : "");
        w->bad |= !runs;
        free(runs);
    }
    app_status status = add_options(w, o, &s->error);
    return status == APP_OK && w->bad ? app_fail(&s->error, "out of memory") : status;
}

// ---- The process

static app_status start(app_serve *s, const words *w, child *c) {
    int ends[2];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    if (pipe(ends) != 0)
        return app_fail(&s->error, "no pipe can be opened");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    // this thread blocks all signals; the process shall not, nor get a terminal's
    posix_spawnattr_init(&attributes);
    sigemptyset(&none);
    sigfillset(&usual);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn(&c->pid, s->o.program, &actions, &attributes, (char *const *)w->list, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    c->out = ends[0];
    if (!failed)
        return APP_OK;
    close(ends[0]);
    c->pid = 0;
    return app_fail(&s->error, "%s: can't be started: %s", s->o.program, strerror(failed));
}

// What it has printed since: the end of it is kept.  Whether it has ended is asked first: what it printed
// before that is in the pipe then, all of it.
static int read_text(child *c) {
    char chunk[4096];
    ssize_t n, all = 0;
    int ends = !c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid;
    c->ended |= ends;
    while ((n = read(c->out, chunk, sizeof chunk)) > 0) {
        size_t size = (size_t)n, keep = c->size + size > TEXT_MOST ? TEXT_MOST - size : c->size;
        memmove(c->text, c->text + c->size - keep, keep);
        memcpy(c->text + keep, chunk, size);
        c->size = keep + size;
        c->text[c->size] = '\0';
        all += n;
    }
    return ends || all > 0;
}

static json_t *result_of(const child *c) {
    return json_pack("{s:o}", "text", app_json_text(c->text, c->size));
}

static void last_line(const child *c, char *note, size_t room) {
    const char *end = c->text + c->size;
    while (end > c->text && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    const char *start = end;
    while (start > c->text && start[-1] != '\n' && start[-1] != '\r')
        start--;
    snprintf(note, room, "%.*s", (int)(end - start), start);
}

static void leave(child *c) {
    if (c && c->pid && !c->ended) // nobody follows it any more: it ends with a snapshot, on its own
        kill(c->pid, SIGTERM);
    if (c && c->pid)
        close(c->out);
    free(c);
}

static void forget(app_task *t) {
    leave(t->work);
}

// Called between jobs while the process runs.
static void follow(app_serve *s, app_task *t) {
    child *c = t->work;
    if (t->stop && !c->asked) {
        c->asked = 1;
        kill(c->pid, SIGTERM);
    }
    if (!read_text(c))
        return;
    last_line(c, t->note, sizeof t->note);
    json_decref(t->result);
    t->result = result_of(c);
    t->version++;
    if (!c->ended)
        return;
    int good = WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0;
    t->phase = good ? APP_TASK_DONE : t->stop ? APP_TASK_STOPPED : APP_TASK_FAILED;
    t->ended = app_seconds();
    if (!good)
        t->sentence = app_copy(t->note, NULL);
    s->looked = 0;
}

static int begin(app_serve *s, app_job *job, int plan) {
    words w = { 0 };
    child *c = NULL;
    app_task *t = NULL;
    app_line line = { 0 };
    app_status status = s->o.program ? APP_OK : app_fail(&s->error, "this studio starts no trainings");
    for (const app_task *other = s->tasks; other && !plan && status == APP_OK; other = other->next)
        if (other->follow && other->phase == APP_TASK_RUNS && !strcmp(other->kind, "train"))
            status = app_fail(&s->error, "a training is running already; stop it first");
    if (status == APP_OK)
        status = make_words(s, job->body, plan, &w);
    if (status == APP_OK)
        status = (c = app_array(1, 1, 1, sizeof *c, &s->error)) ? start(s, &w, c) : APP_FAILED;
    if (status == APP_OK)
        status = (t = app_task_add(s, plan ? "plan" : "train", job->body, NULL)) ? APP_OK : APP_FAILED;
    for (int i = 0; i < w.count; i++) {
        app_line_add(&line, i ? " " : "");
        app_line_quote(&line, w.list[i]);
    }
    char *command = app_line_end(&line);
    if (t) {
        t->work = c;
        t->clear = forget;
        t->follow = follow;
        t->phase = APP_TASK_RUNS;
        t->began = app_seconds();
        t->command = command;
        app_reply_json(job, json_pack("{s:s, s:s*}", "task", t->id, "command", command));
    } else {
        app_reply_error(s, job);
        free(command);
        leave(c);
    }
    clear(&w);
    return 0;
}

int app_serve_plan(app_serve *s, app_job *job) {
    return begin(s, job, 1);
}

int app_serve_train(app_serve *s, app_job *job) {
    return begin(s, job, 0);
}
