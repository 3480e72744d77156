// SPDX-License-Identifier: Apache-2.0
// What waits for the working thread: jobs in order.  A job with a key takes the place of an older one with
// the same key, whose picture nobody waits for any more; so of a slider's positions only the newest is drawn.
#ifndef APP_SERVE_QUEUE_H
#define APP_SERVE_QUEUE_H

#include <pthread.h>
#include <stddef.h>
#include <jansson.h>

enum { APP_QUEUE_MOST = 256, APP_QUEUE_OF_CLIENT = 32, APP_KEY = 96 };

typedef struct app_reply {
    int status;       // of HTTP
    const char *type; // media type, static
    char *bytes;      // by malloc
    size_t size;
    json_t *facts; // about the bytes, to the header X-Atelier; NULL: none
    char *name;    // under which a browser keeps it, by malloc; NULL: it shows it
} app_reply;

typedef struct app_job app_job;
struct app_job {
    app_job *next;
    int route;         // row of the table of routes
    char client[33];   // "": it doesn't say
    char key[APP_KEY]; // "": nothing replaces it
    char name[65];     // what the path ends with
    long after;        // of a wait: the newest version that the client has seen
    double until;      // when a wait ends, by app_seconds()
    json_t *body;      // or NULL
    char *data;        // a body that is no JSON, by malloc
    size_t size;
    app_reply reply;
    void (*done)(app_job *job); // by the thread that works, when there is a reply
    void *user;
};

typedef struct app_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    app_job *first, *last;
    size_t count;
    int closed;
} app_queue;

void app_queue_open(app_queue *queue);
void app_queue_close(app_queue *queue); // of an empty one

typedef enum app_queued { APP_QUEUED, APP_QUEUE_FULL, APP_QUEUE_CLOSED } app_queued;

// *replaced: an older job with this key, taken out; NULL: none.
app_queued app_queue_put(app_queue *queue, app_job *job, app_job **replaced);

// The oldest one, or NULL after so many milliseconds, or when there is none in a closed queue.
app_job *app_queue_take(app_queue *queue, int ms);

void app_queue_shut(app_queue *queue); // nothing more comes in

void app_job_free(app_job *job);

#endif
