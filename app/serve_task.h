// SPDX-License-Identifier: Apache-2.0
// Long tasks of the studio: one at a time, the others wait.  A task tells how far it is by its version, which
// grows; who has seen an older one is answered as soon as there is a newer.
#ifndef APP_SERVE_TASK_H
#define APP_SERVE_TASK_H

#include "serve_parts.h"

enum { APP_TASKS = 32, APP_WAITERS = 512 };

typedef enum app_task_phase {
    APP_TASK_WAITS,
    APP_TASK_RUNS,
    APP_TASK_DONE,
    APP_TASK_FAILED,
    APP_TASK_STOPPED
} app_task_phase;

struct app_task {
    app_task *next;
    char id[32];
    const char *kind; // "video"
    // Does it; app_task_step() in between says when to stop.  `result` of the task may be filled.
    app_status (*run)(app_serve *s, app_task *task);
    void (*follow)(app_serve *s, app_task *task); // of a process: called between jobs; NULL: `run` does it
    void (*clear)(app_task *task); // what `work` holds; may be NULL
    void *work;
    json_t *options; // as they were asked for
    app_task_phase phase;
    long version;
    double done, total; // steps
    double began, ended;
    char *command;  // by malloc
    char note[160]; // what it is doing, or a number to show
    char *sentence; // why it failed, by malloc
    char *file;     // that a browser may load, by malloc; NULL: none
    json_t *result;
    char *frame; // the newest picture, encoded, by malloc
    size_t frame_size;
    int stop;
};

// Adds a task that waits for its turn; the oldest that has ended is forgotten.  NULL and s->error: there are
// too many.  `options` is taken a reference of.
app_task *app_task_add(app_serve *s, const char *kind, json_t *options,
                       app_status (*run)(app_serve *s, app_task *task));

// Adds one for a request, whose reply is its id, or why there is none.  Returns 0.
int app_task_start(app_serve *s, app_job *job, const char *kind,
                   app_status (*run)(app_serve *s, app_task *task));

// To be called often by whoever runs: does the jobs that wait.  APP_STOPPED: its user wants no more.
app_status app_task_step(app_serve *s, app_task *task, double done, double total);
void app_task_show(app_serve *s, app_task *task, const atl_image *image); // the newest picture

int app_tasks_pending(const app_serve *s);
void app_tasks_run(app_serve *s);  // the oldest that waits
void app_tasks_tell(app_serve *s); // answers those who wait for news
void app_tasks_close(app_serve *s);

// ---- Requests

int app_serve_tasks(app_serve *s, app_job *job); // all
int app_serve_task(app_serve *s, app_job *job);  // one, waiting for news
int app_serve_task_stop(app_serve *s, app_job *job);
int app_serve_task_frame(app_serve *s, app_job *job);
int app_serve_task_file(app_serve *s, app_job *job);

#endif
