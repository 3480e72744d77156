// SPDX-License-Identifier: Apache-2.0
// GET through libcurl's easy interface; see http.h.
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifdef ATL_HAVE_CURL
#include <curl/curl.h>
#include <atelier/ctx.h>

int app_http_able(void) {
    return 1;
}

typedef struct transfer {
    const app_http *request;
    app_error *e;
    app_status status; // of the callbacks
    CURL *curl;
    struct curl_slist *headers;
    app_http_answer answer;
    int64_t length; // bytes of the answer; 0: it isn't said
    char modified[64];
    int begun;
    char reason[CURL_ERROR_SIZE];
} transfer;

// ---- headers

// The value of a header of that name, without blanks around it: its length, or -1.
static int value_of(const char *line, size_t size, const char *name, const char **value) {
    size_t length = strlen(name);
    if (size <= length || strncasecmp(line, name, length) || line[length] != ':')
        return -1;
    const char *first = line + length + 1, *end = line + size;
    while (first < end && (*first == ' ' || *first == '\t'))
        first++;
    while (end > first && (unsigned char)end[-1] <= ' ')
        end--;
    *value = first;
    return (int)(end - first);
}

static int64_t number_of(const char *text) {
    long long n = strtoll(text, NULL, 10);
    return n > 0 ? n : 0;
}

// "bytes 100-199/200"; a total of "*" is unknown.
static void read_range(const char *text, app_http_answer *a) {
    if (strncasecmp(text, "bytes ", 6) || strchr("*", text[6]))
        return;
    const char *slash = strchr(text, '/');
    a->from = number_of(text + 6);
    a->total = slash ? number_of(slash + 1) : 0;
}

static void read_header(transfer *t, const char *line, size_t size) {
    const char *value;
    char text[256];
    int length;
    if (size > 5 && !strncmp(line, "HTTP/", 5)) { // the next answer after a redirection
        t->answer = (app_http_answer){ 0 };
        t->length = 0;
        t->modified[0] = '\0';
    }
    // a weak ETag says that versions mean the same, not that their bytes are the same
    if ((length = value_of(line, size, "ETag", &value)) > 0 && *value == '"')
        snprintf(t->answer.validator, sizeof t->answer.validator, "%.*s", length, value);
    if ((length = value_of(line, size, "Last-Modified", &value)) > 0)
        snprintf(t->modified, sizeof t->modified, "%.*s", length, value);
    if ((length = value_of(line, size, "Content-Length", &value)) > 0) {
        snprintf(text, sizeof text, "%.*s", length, value);
        t->length = number_of(text);
    }
    if ((length = value_of(line, size, "Content-Range", &value)) > 0) {
        snprintf(text, sizeof text, "%.*s", length, value);
        read_range(text, &t->answer);
    }
}

// ---- libcurl's callbacks

static size_t on_header(char *line, size_t one, size_t size, void *user) {
    (void)one;
    read_header(user, line, size);
    return size;
}

static int begin(transfer *t) {
    if (t->begun)
        return t->status == APP_OK;
    t->begun = 1;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->answer.code);
    if (t->answer.code != 206)
        t->answer.from = 0, t->answer.total = t->length;
    if (!*t->answer.validator)
        memcpy(t->answer.validator, t->modified, sizeof t->modified);
    t->status = t->request->begin(t->request->user, &t->answer, t->e);
    return t->status == APP_OK;
}

static size_t on_body(char *bytes, size_t one, size_t count, void *user) {
    transfer *t = user;
    (void)one;
    if (begin(t))
        t->status = t->request->body(t->request->user, bytes, count, t->e);
    return t->status == APP_OK ? count : 0;
}

static int on_pause(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    transfer *t = user;
    (void)a, (void)b, (void)c, (void)d;
    if (t->request->pause && t->request->pause(t->request->user))
        t->status = APP_STOPPED;
    return t->status == APP_STOPPED;
}

// ---- a request

static int add_header(transfer *t, const char *text) {
    struct curl_slist *more = curl_slist_append(t->headers, text);
    if (more)
        t->headers = more;
    return more != NULL;
}

static int set_headers(transfer *t) {
    char text[320];
    const app_http *r = t->request;
    if (r->from > 0) {
        snprintf(text, sizeof text, "Range: bytes=%lld-", (long long)r->from);
        if (!add_header(t, text))
            return 0;
    }
    snprintf(text, sizeof text, "If-Range: %s", r->validator ? r->validator : "");
    if (r->from > 0 && r->validator && *r->validator && !add_header(t, text))
        return 0;
    return !t->headers || curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
}

// Seconds without a connection, and with less than a byte per second, after which a transfer fails.
enum { CONNECT_SECONDS = 30, STALL_SECONDS = 60, REDIRECTIONS = 10 };

static int set_options(transfer *t) {
    const char *secure = !strncmp(t->request->url, "https:", 6) ? "https" : "http,https";
    CURL *c = t->curl;
    char agent[64];
    snprintf(agent, sizeof agent, "atelier/%s", atl_version());
    int bad = (int)curl_easy_setopt(c, CURLOPT_URL, t->request->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    bad |= (int)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, secure);
    bad |= (int)curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, secure);
#else
    long bits = strcmp(secure, "https") ? CURLPROTO_HTTP | CURLPROTO_HTTPS : CURLPROTO_HTTPS;
    bad |= (int)curl_easy_setopt(c, CURLOPT_PROTOCOLS, bits);
    bad |= (int)curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, bits);
#endif
    bad |= (int)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    bad |= (int)curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTIONS);
    bad |= (int)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    bad |= (int)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    bad |= (int)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    bad |= (int)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    bad |= (int)curl_easy_setopt(c, CURLOPT_USERAGENT, agent);
    bad |= (int)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->reason);
    bad |= (int)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    bad |= (int)curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    bad |= (int)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    bad |= (int)curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    bad |= (int)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    bad |= (int)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_pause);
    bad |= (int)curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    return !bad && set_headers(t);
}

// In words that don't depend on libcurl's version where they are usual.
static const char *words_of(CURLcode code, const transfer *t) {
    switch (code) {
    case CURLE_PARTIAL_FILE: return "the connection ended before the file did";
    case CURLE_TOO_MANY_REDIRECTS: return "the server redirects in a circle";
    case CURLE_UNSUPPORTED_PROTOCOL: return "the server redirects to an address that is not followed";
    case CURLE_OPERATION_TIMEDOUT: return "the server does not answer in time";
    default: return *t->reason ? t->reason : curl_easy_strerror(code);
    }
}

static app_status perform(transfer *t) {
    if (!set_options(t))
        return app_fail(t->e, "%s: the request can't be made", t->request->url);
    CURLcode code = curl_easy_perform(t->curl);
    if (t->status != APP_OK)
        return t->status;
    if (code != CURLE_OK)
        return app_fail(t->e, "%s: %s", t->request->url, words_of(code, t));
    begin(t); // an empty body
    return t->status;
}

app_status app_http_get(const app_http *request, app_error *e) {
    transfer t = { .request = request, .e = e };
    if (strncmp(request->url, "http://", 7) && strncmp(request->url, "https://", 8))
        return app_fail(e, "%s: expected an address that begins with https:// or http://", request->url);
    t.curl = curl_easy_init();
    if (!t.curl)
        return app_fail(e, "libcurl can't be started");
    app_status status = perform(&t);
    curl_slist_free_all(t.headers);
    curl_easy_cleanup(t.curl);
    return status;
}

#else

int app_http_able(void) {
    return 0;
}

app_status app_http_get(const app_http *request, app_error *e) {
    return app_fail(e, "%s: this build has no libcurl and can't download; fetch the file by other means",
                    request->url);
}
#endif
