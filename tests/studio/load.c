// SPDX-License-Identifier: Apache-2.0
// load PORT CLIENTS SECONDS: so many clients ask a studio on the loopback at once, each one request after
// another on a connection of its own: the page, and now and then a picture.  Prints how many answers had
// which status, the times of the page in milliseconds, and faults.  Returns 1 when something other than a
// picture, the page or "busy" came.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MOST = 4000, ROOM = 1024, TIMES_MOST = 1 << 21, PICTURE_EVERY = 50 };

typedef struct client {
    int fd, status, page; // status: 0 until the first line has come
    char head[ROOM];      // the answer's first bytes
    size_t got;           // of the answer
    size_t whole;         // its size, once the headers are there
    double began, next;   // when it asked; when it asks again
    unsigned turn;
} client;

typedef struct load {
    int port, epoll;
    size_t count, times_count, answers[600], faults, lost;
    client *clients;
    float *times; // of the page, ms
} load;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int dial(load *l, client *c) {
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&a, sizeof a))
        return 0;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

static void ask(load *l, client *c) {
    char text[512], body[160] = "";
    size_t i = (size_t)(c - l->clients);
    c->page = (c->turn++ + i) % PICTURE_EVERY != 0;
    if (!c->page)
        snprintf(body, sizeof body, "{\"client\":\"c%zu\",\"panel\":\"p\",\"latent\":{\"seed\":%zu}}", i, i);
    int size = snprintf(text, sizeof text,
                        "%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        c->page ? "GET /" : "POST /api/v1/frame", l->port, strlen(body), body);
    c->got = c->whole = 0;
    c->status = 0;
    c->began = now();
    if (send(c->fd, text, (size_t)size, MSG_NOSIGNAL) != size)
        l->lost++;
}

// Whether the answer is whole.
static int take(client *c, const char *data, size_t size) {
    size_t keep = c->got < ROOM - 1 ? ROOM - 1 - c->got : 0;
    memcpy(c->head + (keep ? c->got : 0), data, keep < size ? keep : size);
    c->got += size;
    c->head[c->got < ROOM ? c->got : ROOM - 1] = '\0';
    char *end = strstr(c->head, "\r\n\r\n"), *length = strcasestr(c->head, "content-length:");
    if (!c->whole && end && length) {
        c->whole = (size_t)(end + 4 - c->head) + strtoul(length + 15, NULL, 10);
        c->status = (int)strtol(c->head + 9, NULL, 10);
    }
    return c->whole && c->got >= c->whole;
}

static void answered(load *l, client *c) {
    int status = c->status > 0 && c->status < 600 ? c->status : 0;
    l->answers[status]++;
    l->faults += status != 200 && (c->page || status != 503);
    if (c->page && l->times_count < TIMES_MOST)
        l->times[l->times_count++] = (float)(1e3 * (now() - c->began));
    c->next = now() + 0.5 + 1e-3 * (double)((size_t)(c - l->clients) % 997); // somebody looks at the page
}

static void on_data(load *l, client *c) {
    char data[65536];
    ssize_t n = recv(c->fd, data, sizeof data, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        l->lost++;
        epoll_ctl(l->epoll, EPOLL_CTL_DEL, c->fd, NULL);
        return;
    }
    if (take(c, data, (size_t)n))
        answered(l, c);
}

static void drive(load *l, double seconds) {
    struct epoll_event events[256];
    double end = now() + seconds;
    for (size_t i = 0; i < l->count; i++) // all of them within the first second
        l->clients[i].next = now() + (double)i / (double)l->count;
    while (now() < end) {
        double t = now();
        for (size_t i = 0; i < l->count; i++)
            if (l->clients[i].next && l->clients[i].next <= t) {
                l->clients[i].next = 0;
                ask(l, &l->clients[i]);
            }
        int n = epoll_wait(l->epoll, events, 256, 2);
        for (int i = 0; i < n; i++)
            on_data(l, events[i].data.ptr);
    }
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void report(load *l) {
    qsort(l->times, l->times_count, sizeof *l->times, compare);
    for (size_t i = 0; i < sizeof l->answers / sizeof *l->answers; i++)
        if (l->answers[i])
            printf("%zu: %zu\n", i, l->answers[i]);
    if (l->times_count)
        printf("page: median %.1f ms, p95 %.1f ms, largest %.1f ms\n", (double)l->times[l->times_count / 2],
               (double)l->times[l->times_count * 95 / 100], (double)l->times[l->times_count - 1]);
    printf("lost: %zu, faults: %zu\n", l->lost, l->faults);
}

int main(int argc, char **argv) {
    struct rlimit r = { 8192, 8192 };
    load l = { .epoll = epoll_create1(0) };
    if (argc != 4 || l.epoll < 0)
        return 2;
    l.port = atoi(argv[1]);
    l.count = (size_t)atoi(argv[2]);
    l.clients = calloc(CLIENTS_MOST, sizeof *l.clients);
    l.times = calloc(TIMES_MOST, sizeof *l.times);
    setrlimit(RLIMIT_NOFILE, &r);
    if (!l.clients || !l.times || l.count < 1 || l.count > CLIENTS_MOST)
        return 2;
    for (size_t i = 0; i < l.count; i++)
        if (!dial(&l, &l.clients[i])) {
            printf("client %zu can't connect: %s\n", i, strerror(errno));
            return 1;
        }
    drive(&l, atof(argv[3]));
    report(&l);
    int failed = l.faults || l.lost || !l.answers[200];
    free(l.clients);
    free(l.times);
    return failed;
}
