// SPDX-License-Identifier: Apache-2.0
// JSON as Python's programs write it: with NaN and Infinity, and an object per line.
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stddef.h>
#include <jansson.h>

// Parses a text and changes it: NaN, Infinity and -Infinity, which are no JSON, become [], a value that is
// no number in the room of the word.  A new reference, or NULL when it is no JSON.
json_t *cli_json_parse(char *text, size_t size);

// A whole file of at most `most` bytes; without a message NULL when it is no JSON, or missing or larger.
json_t *cli_json_read(const char *path, size_t most);

// A string of any bytes: where they are no UTF-8, those outside ASCII become '?'.  NULL: memory is missing.
json_t *cli_json_text(const char *text, size_t size);

// A double as Python's repr writes it, the shortest that reads back the same: "0.1", "120.0"; or "null".
enum { CLI_JSON_NUMBER = 32 };
void cli_json_number(double x, char text[CLI_JSON_NUMBER]);

typedef struct cli_json_line {
    const char *text; // as it stands in the file, without its end
    size_t size;
    json_t *json;     // an object, borrowed during the call
} cli_json_line;

typedef enum cli_json_verdict { CLI_JSON_USED, CLI_JSON_UNUSED, CLI_JSON_STOP } cli_json_verdict;

// Hands each line of a file to `use`.  Lines that are no object, or that `use` calls unused, are named in
// warnings (the first few; none when quiet) as not being `expected`.  CLI_FAILURE when the file can't be
// read, which is printed, or when `use` says stop.
int cli_json_lines(const char *path, int quiet, const char *expected,
                   int (*use)(void *user, const cli_json_line *line), void *user);

#endif
