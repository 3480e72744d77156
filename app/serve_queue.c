// SPDX-License-Identifier: Apache-2.0
// A list under a lock; see serve_queue.h.
#include "serve_queue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void app_queue_open(app_queue *q) {
    *q = (app_queue){ 0 };
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->filled, NULL);
}

void app_queue_close(app_queue *q) {
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
}

static size_t of_client(const app_queue *q, const char *client) {
    size_t n = 0;
    for (const app_job *j = q->first; j; j = j->next)
        n += *client && !strcmp(j->client, client);
    return n;
}

// Takes the place of the job with its key: whoever asks often does not lose its turn.
static app_job *replace(app_queue *q, app_job *job) {
    for (app_job **at = &q->first; *at && *job->key; at = &(*at)->next) {
        app_job *old = *at;
        if (strcmp(old->key, job->key))
            continue;
        job->next = old->next;
        *at = job;
        if (q->last == old)
            q->last = job;
        old->next = NULL;
        return old;
    }
    return NULL;
}

app_queued app_queue_put(app_queue *q, app_job *job, app_job **replaced) {
    app_queued result = APP_QUEUED;
    pthread_mutex_lock(&q->lock);
    job->next = NULL;
    *replaced = q->closed ? NULL : replace(q, job);
    if (q->closed)
        result = APP_QUEUE_CLOSED;
    else if (!*replaced && (q->count >= APP_QUEUE_MOST || of_client(q, job->client) >= APP_QUEUE_OF_CLIENT))
        result = APP_QUEUE_FULL;
    else if (!*replaced) {
        if (q->last)
            q->last->next = job;
        else
            q->first = job;
        q->last = job;
        q->count++;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    return result;
}

app_job *app_queue_take(app_queue *q, int ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&q->lock);
    while (!q->first && !q->closed && ms > 0)
        if (pthread_cond_timedwait(&q->filled, &q->lock, &until) != 0)
            break;
    app_job *job = q->first;
    if (job) {
        q->first = job->next;
        q->last = q->first ? q->last : NULL;
        q->count--;
        job->next = NULL;
    }
    pthread_mutex_unlock(&q->lock);
    return job;
}

void app_queue_shut(app_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->closed = 1;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

void app_job_free(app_job *job) {
    if (!job)
        return;
    json_decref(job->body);
    json_decref(job->reply.facts);
    free(job->reply.bytes);
    free(job->reply.name);
    free(job->data);
    free(job);
}
