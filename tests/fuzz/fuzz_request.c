// SPDX-License-Identifier: Apache-2.0
// A request to the studio before anything is computed: the first line is its path, the second a Host, the
// third an Origin, the fourth a cookie, the rest its JSON.  A name that a route takes is plain, a gate that
// opens has a host of its own, and states that are read hold what they promise.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "app/serve_check.h"
#include "app/serve_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *line(char **at) {
    char *start = *at, *end = strchr(start, '\n');
    *at = end ? end + 1 : start + strlen(start);
    if (end)
        *end = '\0';
    return start;
}

static void ask(const char *path, const char *host, const char *origin, const char *cookie) {
    const app_gate gate = { .loopback = 1, .token = "abc" };
    const app_headers h = { .host = host, .origin = *origin ? origin : NULL, .cookie = cookie };
    const char *reason = NULL, *name;
    int status;
    if (app_gate_check(&gate, &h, 1, &reason) == 0 &&
        (!app_host_is_loopback(host) || !strstr(cookie, "atelier=abc")))
        __builtin_trap();
    if (app_route_find(APP_GET, path, &name, &status) >= 0 && *name &&
        (!app_name_is_plain(name) || strchr(name, '/')))
        __builtin_trap();
}

static void read_state(const char *text, size_t size) {
    app_error e = { 0 };
    app_state s;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (json && app_state_read(json, &s, &e) == APP_OK) {
        if (s.spots_count < 1 || s.spots_count > APP_SPOTS || s.changes_count > APP_CHANGES || s.side < 0 ||
            s.quality > 100)
            __builtin_trap();
        if (s.is_path && s.spots_count < 2)
            __builtin_trap();
    } else if (json && !*e.text)
        __builtin_trap();
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *at = text;
    const char *path = line(&at), *host = line(&at), *origin = line(&at), *cookie = line(&at);
    ask(path, host, origin, cookie);
    read_state(at, size - (size_t)(at - text));
    free(text);
    return 0;
}
