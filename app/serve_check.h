// SPDX-License-Identifier: Apache-2.0
// What a request must be before anything looks at its body: addressed to us, by our own page or by no page at
// all, with the token, to a route that there is.  Pure functions of texts.
#ifndef APP_SERVE_CHECK_H
#define APP_SERVE_CHECK_H

#include <stddef.h>

// Headers that are absent are NULL.
typedef struct app_headers {
    const char *host, *origin, *site; // Host, Origin, Sec-Fetch-Site
    const char *type;                 // Content-Type
    const char *cookie, *authorization;
    const char *token; // of the query, "?token=..."
} app_headers;

typedef struct app_gate {
    int loopback;      // names of the machine itself are the only hosts
    const char *token; // NULL: none is needed
} app_gate;

// 0, or the HTTP status of a refusal; *reason is a sentence then.
int app_gate_check(const app_gate *gate, const app_headers *headers, int changes, const char **reason);

// Whether a text is "127.0.0.1", "::1" or "localhost", a port behind it or not.
int app_host_is_loopback(const char *host);

// A name within a path: letters, digits, '-', '_' and '.', not first; 1 to 64 of them.
int app_name_is_plain(const char *name);

#endif
