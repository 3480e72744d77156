// SPDX-License-Identifier: Apache-2.0
// The studio: a page in the browser at which networks are explored, and the HTTP interface that it is made of
// (docs/studio-api.md).
//
//     app_serve_options o = { .places = networks, .count = 2, .port = 8650, .outdir = "studio" };
//     app_serve_open(&serve, ctx, &o, &e);
//     while (!interrupted()) pause();
//     app_serve_close(&serve);
//
// Two threads: one speaks HTTP (libmicrohttpd), one owns the context and does all work, in between also that
// of long tasks.  What a request names is looked up in a list of the files below `places`: no path of a
// request is ever opened.
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include <stddef.h>
#include <atelier/ctx.h>
#include "error.h"

typedef struct app_serve_options {
    const char *const *places; // networks and folders: of networks, directions, sets of pictures, runs
    size_t count;              // 0: the network that comes with Atelier
    const char *listen;        // address; NULL: the loopback, 127.0.0.1
    int port;                  // 0: any that is free
    const char *token;         // that each request must know; NULL: none, which only the loopback may have
    const char *outdir;        // all that is written goes here; made when the first file is
    const char *program;       // that starts trainings; NULL: none are started
    void (*log)(void *user, const char *line); // NULL: nobody listens; called by the working thread
    void *user;
} app_serve_options;

typedef struct app_serve app_serve;

int app_serve_able(void); // whether this build has libmicrohttpd

// The context belongs to the studio until it is closed.  The options are borrowed until then.
app_status app_serve_open(app_serve **serve, atl_ctx *ctx, const app_serve_options *o, app_error *e);
void app_serve_close(app_serve **serve); // long tasks end as by a user's wish; NULL is fine
int app_serve_port(const app_serve *serve);

#endif
