// SPDX-License-Identifier: Apache-2.0
// Who may ask; see serve_check.h.
//
// A page of another site can make a browser send requests here.  It can't choose the Origin, nor a Host:
// after its name has been pointed to this machine (DNS rebinding), Host is still that name.  So on the
// loopback Host must be a name of the loopback, and Origin, where there is one, must be "http://" and Host.
#include "serve_check.h"

#include <string.h>
#include <strings.h>

int app_host_is_loopback(const char *host) {
    static const char *const names[] = { "127.0.0.1", "localhost", "[::1]", "::1" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (strncasecmp(host, names[i], length))
            continue;
        const char *rest = host + length;
        if (!*rest || (*rest == ':' && rest[1] && strlen(rest) <= 6 &&
                       strspn(rest + 1, "0123456789") == strlen(rest + 1)))
            return 1;
    }
    return 0;
}

// Takes as long wherever they differ.
static int same_secret(const char *a, size_t size, const char *b) {
    unsigned different = size != strlen(b);
    for (size_t i = 0, n = strlen(b); i < n; i++)
        different |= (unsigned)(unsigned char)(i < size ? a[i] : 0) ^ (unsigned char)b[i];
    return different == 0;
}

// The value of "atelier" among "a=1; atelier=...": its length, or 0.
static size_t cookie_value(const char *cookie, const char **value) {
    static const char name[] = "atelier=";
    for (const char *at = cookie; at && *at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL) {
        at += strspn(at, " ");
        if (!strncmp(at, name, sizeof name - 1)) {
            *value = at + sizeof name - 1;
            return strcspn(*value, "; ");
        }
    }
    return 0;
}

static int knows_token(const app_gate *g, const app_headers *h) {
    const char *value = "";
    if (!g->token)
        return 1;
    if (h->token && same_secret(h->token, strlen(h->token), g->token))
        return 1;
    if (h->authorization && !strncasecmp(h->authorization, "Bearer ", 7) &&
        same_secret(h->authorization + 7, strlen(h->authorization + 7), g->token))
        return 1;
    size_t size = cookie_value(h->cookie, &value);
    return size && same_secret(value, size, g->token);
}

static int same_origin(const app_headers *h) {
    if (h->site && strcmp(h->site, "same-origin") && strcmp(h->site, "none"))
        return 0;
    return !h->origin || (!strncmp(h->origin, "http://", 7) && !strcasecmp(h->origin + 7, h->host));
}

int app_gate_check(const app_gate *g, const app_headers *h, int changes, const char **reason) {
    if (!h->host || !*h->host) {
        *reason = "a request without Host";
        return 400;
    }
    if (g->loopback && !app_host_is_loopback(h->host)) {
        *reason = "addressed to another host: open the page as http://127.0.0.1 or http://localhost";
        return 403;
    }
    // links from elsewhere lead here, too: they may read the page, and nothing behind it
    if (changes && !same_origin(h)) {
        *reason = "a request of another site's page";
        return 403;
    }
    if (!knows_token(g, h)) {
        *reason = "the token is missing or wrong: open the address that 'atelier serve' printed";
        return 401;
    }
    return 0;
}

int app_name_is_plain(const char *name) {
    size_t size = strlen(name);
    return size >= 1 && size <= 64 && *name != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == size;
}
