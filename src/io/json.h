// SPDX-License-Identifier: Apache-2.0
// Building JSON without a check after each line: a builder remembers that memory was missing, what is built
// afterwards may be incomplete, and one check at the end tells.  Values are jansson's.
//
//     atl_json b = { .ctx = ctx };
//     json_t *top = atl_json_object(&b), *list = atl_json_list(&b);
//     atl_json_add(&b, list, json_integer(3));
//     atl_json_set(&b, top, "numbers", list);
//     return atl_json_text(&b, top, JSON_COMPACT, "the list", &text);
#ifndef ATL_IO_JSON_H
#define ATL_IO_JSON_H

#include <stdbool.h>
#include <jansson.h>
#include "base/ctx.h"

typedef struct atl_json {
    atl_ctx *ctx;
    bool lost;
} atl_json;

json_t *atl_json_object(atl_json *b);
json_t *atl_json_list(atl_json *b);
// `value` itself; one that is NULL because memory was missing is remembered.
json_t *atl_json_keep(atl_json *b, json_t *value);

bool atl_json_utf8(const char *text, size_t length); // whether it is, so that jansson takes it
// Text that is not UTF-8 (names of files need not be) has '?' in place of its bytes beyond ASCII; a number that
// JSON can't hold is null.
json_t *atl_json_string(atl_json *b, const char *text); // NULL: null
json_t *atl_json_number(atl_json *b, double x);

// These take the reference of `value`, which must not be NULL for other reasons than missing memory.
void atl_json_set(atl_json *b, json_t *object, const char *key, json_t *value);
void atl_json_set_known(atl_json *b, json_t *object, const char *key, const json_t *value); // and this adds one
void atl_json_add(atl_json *b, json_t *list, json_t *value);

// ATL_NO_MEMORY with a sentence when anything was lost.  `what` is what was described: "the network's config".
atl_status atl_json_check(const atl_json *b, const char *what);
// The same, with the finished value in *value, or NULL and `top` released.
atl_status atl_json_end(const atl_json *b, json_t *top, const char *what, json_t **value);
// The same, with text in the context's memory (atl_free or atl_text_free); releases `top`.
atl_status atl_json_text(atl_json *b, json_t *top, size_t flags, const char *what, char **text);

#endif
