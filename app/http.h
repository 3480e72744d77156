// SPDX-License-Identifier: Apache-2.0
// One GET over http or https through libcurl, which a build may lack.  Redirections are followed, but never
// from https to http.  What is done with the bytes: download.h.
#ifndef APP_HTTP_H
#define APP_HTTP_H

#include <stddef.h>
#include <stdint.h>
#include "error.h"

// What the headers of the last answer say.
typedef struct app_http_answer {
    long code;           // 200: the whole, 206: a part
    int64_t from;        // of a part: where it begins; else 0
    int64_t total;       // bytes of the whole; 0: it isn't said
    char validator[256]; // what tells this version of the file from others: a strong ETag, or a date; "":
                         // nothing
} app_http_answer;

typedef struct app_http {
    const char *url;
    int64_t from;          // 0, or where the wanted part begins
    const char *validator; // with `from`: the part is wanted only of this version, else the whole; "": of any
    // Once, before the first byte, or at the end when there is none.  What fails here ends the transfer.
    app_status (*begin)(void *user, const app_http_answer *answer, app_error *e);
    app_status (*body)(void *user, const void *bytes, size_t count, app_error *e);
    int (*pause)(void *user); // now and then, also while nothing comes; not 0 stops.  May be NULL
    void *user;
} app_http;

int app_http_able(void); // whether this build has libcurl

// APP_STOPPED when `pause` stopped it.
app_status app_http_get(const app_http *request, app_error *e);

#endif
