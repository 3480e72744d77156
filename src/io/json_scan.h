// SPDX-License-Identifier: Apache-2.0
// JSON one token after the other, for texts of hostile size: nothing is allocated, whatever the text holds.
//
//     atl_json_scan s;
//     atl_json_scan_init(&s, text, bytes);
//     for (atl_json_token t; (t = atl_json_next(&s)) != ATL_JSON_END && t != ATL_JSON_BAD;) ...
#ifndef ATL_IO_JSON_SCAN_H
#define ATL_IO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum atl_json_token {
    ATL_JSON_END, // of the whole text
    ATL_JSON_BAD, // no JSON from here on: `error` says why, in `line`
    ATL_JSON_OBJECT,
    ATL_JSON_OBJECT_END,
    ATL_JSON_LIST,
    ATL_JSON_LIST_END,
    ATL_JSON_KEY,  // of an object: `text`
    ATL_JSON_TEXT, // `text`
    ATL_JSON_NUMBER,
    ATL_JSON_TRUE,
    ATL_JSON_FALSE,
    ATL_JSON_NULL
} atl_json_token;

enum { ATL_JSON_DEPTH = 256, ATL_JSON_TEXT_ROOM = 4096 };

typedef struct atl_json_scan {
    const uint8_t *at, *end;
    size_t line;
    const char *text; // [length] until the next token; not ended by 0
    size_t length;
    double number;
    const char *error; // a literal
    int depth;
    int expect;                        // what the grammar wants next
    uint8_t is_object[ATL_JSON_DEPTH]; // [depth]
    char room[ATL_JSON_TEXT_ROOM];     // text that has escapes
} atl_json_scan;

// A byte order mark of UTF-8 is passed over.  `text` must outlive the scan.
void atl_json_scan_init(atl_json_scan *scan, const void *text, size_t bytes);

// Text with escapes that is longer than the room reads as empty text.  An escaped byte that was no UTF-8, as
// Python writes one (\udc80 to \udcff), is that byte again.
atl_json_token atl_json_next(atl_json_scan *scan);

// Whether the text of the newest token is `word`.
bool atl_json_is(const atl_json_scan *scan, const char *word);

// Passes over the rest of the value that began with `token`.  False: the text is bad.
bool atl_json_skip(atl_json_scan *scan, atl_json_token token);

#endif
