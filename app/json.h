// SPDX-License-Identifier: Apache-2.0
// JSON as Python's programs write it: with NaN and Infinity, and an object per line.
#ifndef APP_JSON_H
#define APP_JSON_H

#include <stddef.h>
#include <jansson.h>
#include "error.h"

// Parses a text and changes it: NaN, Infinity and -Infinity, which are no JSON, become [], a value that is
// no number in the room of the word.  A new reference, or NULL when it is no JSON.
json_t *app_json_parse(char *text, size_t size);

// A whole file of at most `most` bytes; without a message NULL when it is no JSON, or missing or larger.
json_t *app_json_read(const char *path, size_t most);

// A string of any bytes: where they are no UTF-8, those outside ASCII become '?'.  NULL: memory is missing.
json_t *app_json_text(const char *text, size_t size);

// A double as Python's repr writes it, the shortest that reads back the same: "0.1", "120.0"; or "null".
enum { APP_JSON_NUMBER = 32 };
void app_json_number(double x, char text[APP_JSON_NUMBER]);

typedef struct app_json_line {
    const char *text; // as it stands in the file, without its end
    size_t size;
    json_t *json; // an object, borrowed during the call
} app_json_line;

typedef enum app_json_verdict { APP_JSON_USED, APP_JSON_UNUSED, APP_JSON_STOP } app_json_verdict;

typedef app_json_verdict app_json_use(void *user, const app_json_line *line, app_error *e);

// Hands each line of a file to `use`.  Lines that are no object, or that `use` calls unused, are named in
// warnings (the first few) as not being `expected`.  APP_FAILED when the file can't be read, or when `use`
// says stop, with its sentence.
app_status app_json_lines(const char *path, const char *expected, app_json_use *use, void *user,
                          app_error *e);

#endif
