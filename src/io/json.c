// SPDX-License-Identifier: Apache-2.0
// The sticky builder of JSON; see json.h.  Who sets a value elsewhere checks that by itself.
#include "io/json.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

json_t *atl_json_keep(atl_json *b, json_t *value) {
    b->lost = b->lost || !value;
    return value;
}

json_t *atl_json_object(atl_json *b) {
    return atl_json_keep(b, json_object());
}

json_t *atl_json_list(atl_json *b) {
    return atl_json_keep(b, json_array());
}

bool atl_json_utf8(const char *text, size_t length) {
    static const uint32_t LEAST[] = { 0, 0x80, 0x800, 0x10000 }; // so many bytes more must be needed
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        unsigned c = s[i++];
        size_t more = c < 0x80 ? 0 : c >> 5 == 6 ? 1 : c >> 4 == 14 ? 2 : c >> 3 == 30 ? 3 : 4;
        uint32_t code = c & 0x7fu >> more;
        if (more > 3 || length - i < more)
            return false;
        for (size_t k = 0; k < more; k++, i++) {
            if ((s[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (s[i] & 0x3f);
        }
        if (code < LEAST[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

json_t *atl_json_string(atl_json *b, const char *text) {
    size_t length = text ? strlen(text) : 0;
    if (!text || atl_json_utf8(text, length))
        return atl_json_keep(b, text ? json_string(text) : json_null());
    char *ascii = atl_alloc(b->ctx, length + 1, 1);
    for (size_t i = 0; ascii && i <= length; i++)
        ascii[i] = (char)((unsigned char)text[i] < 128 ? text[i] : '?');
    json_t *value = ascii ? json_string(ascii) : NULL;
    atl_free(b->ctx, ascii);
    return atl_json_keep(b, value);
}

json_t *atl_json_number(atl_json *b, double x) {
    return isfinite(x) ? atl_json_keep(b, json_real(x)) : json_null();
}

void atl_json_set(atl_json *b, json_t *object, const char *key, json_t *value) {
    if (json_object_set_new(object, key, value) != 0) // also when one of both is NULL
        b->lost = true;
}

void atl_json_set_known(atl_json *b, json_t *object, const char *key, const json_t *value) {
    if (json_object_set(object, key, (json_t *)value) != 0)
        b->lost = true;
}

void atl_json_add(atl_json *b, json_t *list, json_t *value) {
    if (json_array_append_new(list, value) != 0)
        b->lost = true;
}

atl_status atl_json_check(const atl_json *b, const char *what) {
    return b->lost ? atl_fail(b->ctx, ATL_NO_MEMORY, "out of memory for %s", what) : ATL_OK;
}

atl_status atl_json_end(const atl_json *b, json_t *top, const char *what, json_t **value) {
    atl_status status = atl_json_check(b, what);
    if (status != ATL_OK)
        json_decref(top);
    *value = status == ATL_OK ? top : NULL;
    return status;
}

atl_status atl_json_text(atl_json *b, json_t *top, size_t flags, const char *what, char **text) {
    size_t bytes = b->lost ? 0 : json_dumpb(top, NULL, 0, flags);
    *text = bytes ? atl_calloc(b->ctx, bytes + 1, 1) : NULL;
    if (*text && json_dumpb(top, *text, bytes, flags) != bytes) { // what it needs itself may be missing, too
        atl_free(b->ctx, *text);
        *text = NULL;
    }
    json_decref(top);
    b->lost = b->lost || !*text;
    return atl_json_check(b, what);
}
