// SPDX-License-Identifier: Apache-2.0
// HTTP through libmicrohttpd, which a build may lack.  Its thread reads requests whole, checks who asks, and
// puts a job into the queue; the connection sleeps meanwhile and is woken with the reply.  Bodies have limits
// of their own and one together; so have connections.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "serve_check.h"
#include "serve_parts.h"

#ifdef ATL_HAVE_MICROHTTPD
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <microhttpd.h>

enum {
    CONNECTIONS = 2000,
    IDLE_SECONDS = 30,      // of a connection that sends or takes nothing
    MEMORY = 32 << 10,      // of a connection: request line and headers
    BODIES_MOST = 128 << 20 // of all connections together
};

typedef struct http {
    struct MHD_Daemon *daemon;
    app_gate gate;
    int port;
    atomic_size_t bodies; // bytes
} http;

typedef struct request {
    app_job *job; // until it is in the queue, and from its reply on
    app_serve *serve;
    struct MHD_Connection *connection;
    const app_page_file *page;
    char *body;
    size_t size, room, most;
    int refused;         // an HTTP status
    const char *reason;  // its sentence
    int asked, answered; // it is in the queue; it has a reply
} request;

int app_serve_able(void) {
    return 1;
}

// ---- Replies

static void add_headers(struct MHD_Response *r, int page) {
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(r, "Cache-Control", page ? "no-cache" : "no-store");
    if (page)
        MHD_add_response_header(r, "Content-Security-Policy",
                                "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
                                "frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
}

static enum MHD_Result send_text(struct MHD_Connection *c, int status, const char *sentence) {
    char text[512];
    snprintf(text, sizeof text, "{\"error\":\"%s\"}", sentence);
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", "application/json");
    add_headers(r, 0);
    enum MHD_Result result = MHD_queue_response(c, (unsigned)status, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result send_page(struct MHD_Connection *c, const app_serve *s, const app_page_file *page) {
    char cookie[256];
    const char *given = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token");
    struct MHD_Response *r =
        MHD_create_response_from_buffer(page->size, (void *)page->text, MHD_RESPMEM_PERSISTENT);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", page->type);
    if (given && s->o.token && // which has been compared
        snprintf(cookie, sizeof cookie, "atelier=%s; HttpOnly; SameSite=Strict; Path=/", s->o.token) <
            (int)sizeof cookie)
        MHD_add_response_header(r, "Set-Cookie", cookie);
    add_headers(r, 1);
    enum MHD_Result result = MHD_queue_response(c, 200, r);
    MHD_destroy_response(r);
    return result;
}

// Headers hold ASCII: the rest of JSON is escaped by jansson.
static void add_facts(struct MHD_Response *r, const app_reply *reply) {
    char *text = json_dumps(reply->facts,
                            JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    if (text)
        MHD_add_response_header(r, "X-Atelier", text);
    free(text);
}

static enum MHD_Result send_reply(request *q) {
    app_reply *reply = &q->job->reply;
    char name[128];
    struct MHD_Response *r =
        reply->bytes ? MHD_create_response_from_buffer(reply->size, reply->bytes, MHD_RESPMEM_MUST_FREE)
                     : NULL;
    if (!r)
        return send_text(q->connection, 500, "out of memory");
    reply->bytes = NULL; // the response's now
    MHD_add_response_header(r, "Content-Type", reply->type);
    if (reply->facts)
        add_facts(r, reply);
    if (reply->name && app_name_is_plain(reply->name) &&
        snprintf(name, sizeof name, "attachment; filename=\"%s\"", reply->name) < (int)sizeof name)
        MHD_add_response_header(r, "Content-Disposition", name);
    add_headers(r, 0);
    enum MHD_Result result = MHD_queue_response(q->connection, (unsigned)reply->status, r);
    MHD_destroy_response(r);
    return result;
}

// ---- Jobs

static void on_done(app_job *job) {
    request *q = job->user;
    q->answered = 1;
    MHD_resume_connection(q->connection);
}

static void copy_text(char *to, size_t room, const char *from) {
    size_t size = strlen(from);
    memcpy(to, from, size < room ? size : 0);
    to[size < room ? size : 0] = '\0';
}

// What the queue goes by.
static void name_job(app_job *job) {
    const char *client = json_string_value(json_object_get(job->body, "client")),
               *panel = json_string_value(json_object_get(job->body, "panel"));
    copy_text(job->client, sizeof job->client, client ? client : "");
    if (client && panel && app_route_get(job->route)->newest && strlen(client) < 33 && strlen(panel) < 40)
        snprintf(job->key, sizeof job->key, "%s %s %d", client, panel, job->route);
}

static int parse_body(request *q) {
    app_job *job = q->job;
    if (app_route_get(job->route)->takes != APP_TAKES_JSON) {
        job->data = q->body;
        job->size = q->size;
        q->body = NULL;
        return 1;
    }
    job->body = json_loadb(q->body ? q->body : "", q->size, JSON_REJECT_DUPLICATES, NULL);
    return json_is_object(job->body);
}

static enum MHD_Result ask(request *q) {
    app_serve *s = q->serve;
    app_job *replaced;
    if (!parse_body(q))
        return send_text(q->connection, 400, "the body is no JSON object");
    name_job(q->job);
    q->asked = 1;
    MHD_suspend_connection(q->connection);
    app_queued queued = app_queue_put(&s->queue, q->job, &replaced);
    if (queued != APP_QUEUED) {
        app_reply_fail(q->job, 503, queued == APP_QUEUE_FULL ? "busy" : "the studio closes");
        on_done(q->job);
    }
    if (replaced) {
        app_reply_fail(replaced, 409, "replaced by a newer request");
        app_job_finish(replaced);
    }
    return MHD_YES;
}

// ---- Requests

static const char *header(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static int refuse(request *q, int status, const char *reason) {
    q->refused = status;
    q->reason = reason;
    return 0;
}

// What a body must be, by app_takes.
static const struct {
    const char *type, *reason; // the type begins so
    size_t most;
} takes[] = {
    [APP_TAKES_NOTHING] = { "", NULL, 0 },
    [APP_TAKES_JSON] = { "application/json", "Content-Type must be application/json", APP_JSON_MOST },
    [APP_TAKES_PHOTO] = { "image/", "Content-Type must be that of a picture", APP_PHOTO_MOST },
};

static int find_route(request *q, app_method method, const char *path, const app_headers *h) {
    const char *name, *after = MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, "after");
    int status, row = app_route_find(method, path, &name, &status);
    if (row < 0)
        return refuse(q, status,
                      status == 405 ? "this path is asked by another method"
                                    : "there is nothing of this name");
    app_takes body = app_route_get(row)->takes;
    if (strncmp(h->type ? h->type : "", takes[body].type, strlen(takes[body].type)))
        return refuse(q, 415, takes[body].reason);
    q->job = calloc(1, sizeof *q->job);
    if (!q->job)
        return refuse(q, 503, "out of memory");
    q->job->route = row;
    q->job->done = on_done;
    q->job->user = q;
    q->job->after = after ? strtol(after, NULL, 10) : 0;
    snprintf(q->job->name, sizeof q->job->name, "%s", name);
    q->most = takes[body].most;
    return 1;
}

static int is_method(const char *method, app_method *m) {
    *m = !strcmp(method, "POST") ? APP_POST : !strcmp(method, "DELETE") ? APP_DELETE : APP_GET;
    return *m != APP_GET || !strcmp(method, "GET") || !strcmp(method, "HEAD");
}

// Before the body: who asks, for what.  0: refused.
static int begin(request *q, const char *path, const char *method) {
    struct MHD_Connection *c = q->connection;
    const http *h = q->serve->http;
    const app_headers headers = { header(c, "Host"),
                                  header(c, "Origin"),
                                  header(c, "Sec-Fetch-Site"),
                                  header(c, "Content-Type"),
                                  header(c, "Cookie"),
                                  header(c, "Authorization"),
                                  MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "token") };
    app_method m;
    const char *reason;
    if (!is_method(method, &m))
        return refuse(q, 405, "only GET, POST and DELETE are known");
    q->page = m == APP_GET ? app_page_find(path) : NULL;
    int status = app_gate_check(&h->gate, &headers, !q->page, &reason);
    if (status)
        return refuse(q, status, reason);
    return q->page ? 1 : find_route(q, m, path, &headers);
}

static int take(request *q, const char *data, size_t size) {
    http *h = q->serve->http;
    if (q->refused)
        return 0;
    if (size > q->most - q->size)
        return refuse(q, 413, "the body is too large");
    if (q->size + size > q->room) {
        size_t room = (q->size + size) * 2 < q->most ? (q->size + size) * 2 : q->most;
        if (atomic_fetch_add(&h->bodies, room - q->room) + room - q->room > BODIES_MOST) {
            atomic_fetch_sub(&h->bodies, room - q->room);
            return refuse(q, 503, "busy");
        }
        char *larger = realloc(q->body, room);
        if (!larger) {
            atomic_fetch_sub(&h->bodies, room - q->room);
            return refuse(q, 503, "out of memory");
        }
        q->body = larger;
        q->room = room;
    }
    memcpy(q->body + q->size, data, size);
    q->size += size;
    return 1;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *path, const char *method,
                                  const char *version, const char *data, size_t *size, void **state) {
    app_serve *s = user;
    request *q = *state;
    (void)version;
    if (!q) {
        *state = q = calloc(1, sizeof *q);
        if (!q)
            return MHD_NO;
        q->serve = s;
        q->connection = c;
        // before the body is sent, so that none is read in vain
        return begin(q, path, method) ? MHD_YES : send_text(c, q->refused, q->reason);
    }
    if (*size) {
        take(q, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (q->refused)
        return send_text(c, q->refused, q->reason);
    if (q->page)
        return send_page(c, s, q->page);
    if (q->answered)
        return send_reply(q);
    return q->asked ? MHD_YES : ask(q);
}

static void on_completed(void *user, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode code) {
    app_serve *s = user;
    http *h = s->http;
    request *q = *state;
    (void)c;
    (void)code;
    if (!q)
        return;
    atomic_fetch_sub(&h->bodies, q->room);
    free(q->body);
    app_job_free(q->job);
    free(q);
    *state = NULL;
}

// ---- Listening

static int address_of(const char *text, int port, struct sockaddr_storage *address, unsigned *flags) {
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (!strcmp(text, "localhost"))
        text = "127.0.0.1";
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return 1;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        *flags |= MHD_USE_IPv6;
        return 1;
    }
    return 0;
}

// Of broken connections; nobody wants to know.
static void on_log(void *user, const char *format, va_list args) {
    (void)user;
    (void)format;
    (void)args;
}

static struct MHD_Daemon *start(app_serve *s, unsigned flags, const struct sockaddr_storage *address) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *d = MHD_start_daemon(
        flags | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return d;
}

app_status app_http_open(app_serve *s, app_error *e) {
    const char *listen = s->o.listen ? s->o.listen : "127.0.0.1";
    struct sockaddr_storage address;
    unsigned flags = 0;
    http *h = calloc(1, sizeof *h);
    s->http = h;
    if (!h)
        return app_fail(e, "out of memory");
    h->gate = (app_gate){ .loopback = app_host_is_loopback(listen), .token = s->o.token };
    if (!address_of(listen, s->o.port, &address, &flags))
        return app_fail(e, "--listen %s: expected an address, such as 127.0.0.1 or 0.0.0.0", listen);
    h->daemon = start(s, flags, &address);
    if (!h->daemon)
        return app_fail(e, "--port %d: nothing can listen at %s there; choose another port, or 0 for any",
                        s->o.port, listen);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    h->port = info ? info->port : s->o.port;
    return APP_OK;
}

void app_http_close(app_serve *s) {
    http *h = s->http;
    if (h && h->daemon)
        MHD_stop_daemon(h->daemon);
    free(h);
    s->http = NULL;
}

int app_serve_port(const app_serve *s) {
    const http *h = s->http;
    return h->port;
}

#else

int app_serve_able(void) {
    return 0;
}

app_status app_http_open(app_serve *s, app_error *e) {
    (void)s;
    return app_fail(e, "this build has no libmicrohttpd, and so no studio; build with -Dstudio=enabled");
}

void app_http_close(app_serve *s) {
    (void)s;
}

int app_serve_port(const app_serve *s) {
    (void)s;
    return 0;
}

#endif
