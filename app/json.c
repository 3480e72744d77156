// SPDX-License-Identifier: Apache-2.0
// Lines of JSON; see json.h.
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "files.h"

// The most that a file may hold: stats.jsonl of 25000 kimg has about 10 MB.
static const size_t bytes_most = (size_t)256 << 20;

static void tame(char *text, size_t size) {
    static const char *const words[] = { "-Infinity", "Infinity", "NaN" };
    int quoted = 0;
    for (size_t at = 0; at < size; at++) {
        if (text[at] == '"')
            quoted = !quoted;
        else if (quoted && text[at] == '\\')
            at++;
        for (int i = 0; i < 3 && !quoted; i++) {
            size_t length = strlen(words[i]);
            if (length > size - at || memcmp(text + at, words[i], length))
                continue;
            memset(text + at, ' ', length);
            memcpy(text + at, "[]", 2);
            break;
        }
    }
}

json_t *app_json_parse(char *text, size_t size) {
    tame(text, size);
    return json_loadb(text, size, 0, NULL);
}

json_t *app_json_read(const char *path, size_t most) {
    size_t size;
    char *text = app_file_read(path, most, &size, NULL);
    json_t *json = text ? app_json_parse(text, size) : NULL;
    free(text);
    return json;
}

json_t *app_json_text(const char *text, size_t size) {
    json_t *value = json_stringn(text, size);
    char *copy = value ? NULL : malloc(size + 1);
    if (!copy)
        return value;
    for (size_t i = 0; i < size; i++)
        copy[i] = (char)((unsigned char)text[i] < 128 ? text[i] : '?');
    value = json_stringn(copy, size);
    free(copy);
    return value;
}

void app_json_number(double x, char text[APP_JSON_NUMBER]) {
    if (!isfinite(x)) {
        snprintf(text, APP_JSON_NUMBER, "null");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) { // 17 always read back the same
        snprintf(text, APP_JSON_NUMBER, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    if (strchr(text, 'e') && fabs(x) >= 1 && fabs(x) < 1e15) // 1e+02 for 100: a whole number
        snprintf(text, APP_JSON_NUMBER, "%.0f", x);
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
}

static void complain(const char *path, size_t number, const char *expected, size_t *bad, app_error *e) {
    enum { NAMED = 5 };
    if (++*bad <= NAMED)
        app_warn(e, "%s: line %zu is not %s; it is left out", path, number, expected);
    else if (*bad == NAMED + 1)
        app_warn(e, "%s: more such lines are left out, too", path);
}

// One line; `scratch` has room for it.
static app_json_verdict use_one(app_json_line *line, char *scratch, app_json_use *use, void *user,
                                app_error *e) {
    memcpy(scratch, line->text, line->size);
    line->json = app_json_parse(scratch, line->size);
    app_json_verdict verdict = json_is_object(line->json) ? use(user, line, e) : APP_JSON_UNUSED;
    json_decref(line->json);
    return verdict;
}

app_status app_json_lines(const char *path, const char *expected, app_json_use *use, void *user,
                          app_error *e) {
    size_t size, number = 0, bad = 0;
    char *text = app_file_read(path, bytes_most, &size, e);
    if (!text)
        return APP_FAILED;
    char *scratch = malloc(size + 1);
    app_json_verdict verdict = scratch ? APP_JSON_USED : APP_JSON_STOP;
    if (!scratch)
        app_fail(e, "out of memory");
    for (char *at = text, *end = text + size; at < end && verdict != APP_JSON_STOP;) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        app_json_line line = { at, (size_t)((stop ? stop : end) - at), NULL };
        number++;
        at = stop ? stop + 1 : end;
        if (line.size == 0)
            continue;
        verdict = use_one(&line, scratch, use, user, e);
        if (verdict == APP_JSON_UNUSED)
            complain(path, number, expected, &bad, e);
    }
    free(scratch);
    free(text);
    return verdict == APP_JSON_STOP ? APP_FAILED : APP_OK;
}
