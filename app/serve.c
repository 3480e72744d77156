// SPDX-License-Identifier: Apache-2.0
// The studio as an object; see serve.h.
#include "serve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "network.h"
#include "serve_check.h"
#include "serve_parts.h"

static app_status check(const app_serve_options *o, app_error *e) {
    struct stat s;
    if (o->listen && !app_host_is_loopback(o->listen) && !(o->token && *o->token))
        return app_fail(
            e, "--listen %s: whoever reaches this address could use the studio; choose a --token, too",
            o->listen);
    for (const char *c = o->token; c && *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c))
            return app_fail(
                e, "--token: letters, digits, '-' and '_' go through an address and a cookie; others don't");
    for (size_t i = 0; i < o->count; i++)
        if (stat(o->places[i], &s) != 0)
            return app_fail(e, "%s: there is no such file or folder", o->places[i]);
    return APP_OK;
}

app_status app_serve_open(app_serve **serve, atl_ctx *ctx, const app_serve_options *o, app_error *e) {
    *serve = NULL;
    if (check(o, e) != APP_OK)
        return APP_FAILED;
    app_serve *s = calloc(1, sizeof *s);
    if (!s)
        return app_fail(e, "out of memory");
    s->o = *o;
    s->ctx = ctx;
    if (!app_network_shipped(s->shipped, sizeof s->shipped))
        s->shipped[0] = '\0';
    app_status status = app_work_start(s, e);
    if (status == APP_OK)
        status = app_http_open(s, e);
    *serve = s;
    if (status != APP_OK)
        app_serve_close(serve);
    return status;
}

void app_serve_close(app_serve **serve) {
    app_serve *s = *serve;
    *serve = NULL;
    if (!s)
        return;
    app_work_end(s); // answers all that wait
    app_http_close(s);
    free(s);
}
