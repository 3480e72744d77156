// SPDX-License-Identifier: Apache-2.0
// A scanner with a stack of bits and one variable for what may come next; see json_scan.h.
#include "io/json_scan.h"

#include <string.h>

#include "base/decimal.h"
#include "base/utf8.h"

// What may come next: a value; a value or the end of a list that just began; a key; a key or the end of an
// object that just began; a comma or the end of what is open; nothing more.
enum { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COMMA_OR_END, NOTHING };

void atl_json_scan_init(atl_json_scan *s, const void *text, size_t bytes) {
    const uint8_t *begin = text;
    s->at = begin + atl_utf8_mark(text, bytes);
    s->end = begin + bytes;
    s->line = 1;
    s->text = s->error = "";
    s->length = 0;
    s->number = 0;
    s->depth = 0;
    s->expect = VALUE;
}

static atl_json_token bad(atl_json_scan *s, const char *error) {
    if (!*s->error)
        s->error = error;
    s->at = s->end;
    s->expect = NOTHING;
    return ATL_JSON_BAD;
}

static void skip_blanks(atl_json_scan *s) {
    for (; s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'); s->at++)
        s->line += *s->at == '\n';
}

static atl_json_token value_done(atl_json_scan *s, atl_json_token token) {
    s->expect = s->depth ? COMMA_OR_END : NOTHING;
    return token;
}

static atl_json_token begin(atl_json_scan *s, bool object) {
    if (s->depth == ATL_JSON_DEPTH)
        return bad(s, "too many lists in lists");
    s->at++;
    s->is_object[s->depth++] = object;
    s->expect = object ? KEY_OR_END : VALUE_OR_END;
    return object ? ATL_JSON_OBJECT : ATL_JSON_LIST;
}

static atl_json_token end(atl_json_scan *s, bool object) {
    if (!s->depth || s->is_object[s->depth - 1] != object)
        return bad(s, object ? "a '}' that ends nothing" : "a ']' that ends nothing");
    s->at++;
    s->depth--;
    return value_done(s, object ? ATL_JSON_OBJECT_END : ATL_JSON_LIST_END);
}

// ---- text

// One character.  The codes 0xdc80 to 0xdcff stand for bytes that were no UTF-8.
static size_t put(uint8_t out[4], uint32_t code) {
    if (code < 0xdc80 || code > 0xdcff)
        return atl_utf8_put(out, code);
    out[0] = (uint8_t)code;
    return 1;
}

// What stands behind a backslash at s->at goes to `out`; its bytes, or 0: it is no escape.
static size_t unescape(atl_json_scan *s, uint8_t out[4]) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (s->at == s->end)
        return 0;
    int c = *s->at++;
    const char *known = c ? strchr(names, c) : NULL;
    if (known) {
        out[0] = (uint8_t)values[known - names];
        return 1;
    }
    int64_t code = c == 'u' ? atl_hexadecimal(s->at, (size_t)(s->end - s->at), 4) : -1;
    if (code < 0)
        return 0;
    s->at += 4;
    if (code >= 0xd800 && code < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u') {
        int64_t low = atl_hexadecimal(s->at + 2, (size_t)(s->end - s->at) - 2, 4);
        if (low >= 0xdc00 && low < 0xe000) {
            s->at += 6;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return put(out, (uint32_t)code);
}

// Behind the opening quote.  False: it is bad.
static bool read_text(atl_json_scan *s) {
    const uint8_t *from = ++s->at;
    while (s->at < s->end && *s->at != '"' && *s->at != '\\' && *s->at >= 0x20)
        s->at++;
    s->text = (const char *)from;
    s->length = (size_t)(s->at - from);
    if (s->at < s->end && *s->at == '"') {
        s->at++;
        return true;
    }
    bool fits = s->length < sizeof s->room;
    if (fits)
        memcpy(s->room, from, s->length);
    while (s->at < s->end && *s->at != '"') {
        uint8_t out[4] = { *s->at };
        size_t n = 1;
        if (*s->at < 0x20)
            return bad(s, "a control character in text"), false;
        if (*s->at++ == '\\' && !(n = unescape(s, out)))
            return bad(s, "an unknown escape in text"), false;
        fits = fits && sizeof s->room - s->length > n;
        if (fits)
            memcpy(s->room + s->length, out, n);
        s->length += fits ? n : 0;
    }
    if (s->at == s->end)
        return bad(s, "text without an end"), false;
    s->at++;
    s->text = s->room;
    s->length = fits ? s->length : 0;
    return true;
}

// ---- numbers

static bool is_digit(const atl_json_scan *s) {
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool digits(atl_json_scan *s) {
    bool any = is_digit(s);
    while (is_digit(s))
        s->at++;
    return any;
}

static atl_json_token read_number(atl_json_scan *s) {
    const uint8_t *from = s->at;
    bool negative = *s->at == '-', whole = true;
    s->at += negative;
    bool zero = s->at < s->end && *s->at == '0', good = digits(s);
    good = good && !(zero && s->at - from - negative > 1);
    if (good && s->at < s->end && *s->at == '.') {
        s->at++;
        whole = false;
        good = digits(s);
    }
    if (good && s->at < s->end && (*s->at | 32) == 'e') {
        s->at++;
        whole = false;
        s->at += s->at < s->end && (*s->at == '+' || *s->at == '-');
        good = digits(s);
    }
    size_t length = (size_t)(s->at - from);
    if (!good || length > ATL_DECIMAL_MOST)
        return bad(s, good ? "a number of too many digits" : "a number that is none");
    if (!whole || length > 15) {
        (void)atl_decimal(from, length, &s->number); // which it is
        return value_done(s, ATL_JSON_NUMBER);
    }
    int64_t value = 0; // 15 digits fit in a double
    for (const uint8_t *p = from + negative; p < s->at; p++)
        value = value * 10 + (*p - '0');
    s->number = negative ? -(double)value : (double)value;
    return value_done(s, ATL_JSON_NUMBER);
}

// ---- the grammar

static atl_json_token read_word(atl_json_scan *s) {
    static const struct {
        const char *word;
        size_t length;
        atl_json_token token;
    } words[] = { { "true", 4, ATL_JSON_TRUE },
                  { "false", 5, ATL_JSON_FALSE },
                  { "null", 4, ATL_JSON_NULL } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(s->end - s->at) >= words[i].length && !memcmp(s->at, words[i].word, words[i].length)) {
            s->at += words[i].length;
            return value_done(s, words[i].token);
        }
    return bad(s, "something that is no value");
}

static atl_json_token read_value(atl_json_scan *s) {
    switch (*s->at) {
    case '{': return begin(s, true);
    case '[': return begin(s, false);
    case '"': return read_text(s) ? value_done(s, ATL_JSON_TEXT) : ATL_JSON_BAD;
    default: return *s->at == '-' || is_digit(s) ? read_number(s) : read_word(s);
    }
}

static atl_json_token read_key(atl_json_scan *s) {
    if (*s->at != '"')
        return bad(s, "a key that is no text");
    if (!read_text(s))
        return ATL_JSON_BAD;
    skip_blanks(s);
    if (s->at == s->end || *s->at != ':')
        return bad(s, "a key without ':'");
    s->at++;
    s->expect = VALUE;
    return ATL_JSON_KEY;
}

atl_json_token atl_json_next(atl_json_scan *s) {
    skip_blanks(s);
    if (s->at == s->end)
        return s->expect == NOTHING && !*s->error ? ATL_JSON_END : bad(s, "it ends too early");
    if (s->expect == COMMA_OR_END) {
        if (*s->at == ']' || *s->at == '}')
            return end(s, *s->at == '}');
        if (*s->at != ',')
            return bad(s, "no ',' where one must be");
        s->at++;
        skip_blanks(s);
        if (s->at == s->end)
            return bad(s, "it ends too early");
        s->expect = s->is_object[s->depth - 1] ? KEY : VALUE;
    }
    switch (s->expect) {
    case VALUE_OR_END: return *s->at == ']' ? end(s, false) : read_value(s);
    case KEY_OR_END: return *s->at == '}' ? end(s, true) : read_key(s);
    case VALUE: return read_value(s);
    case KEY: return read_key(s);
    default: return bad(s, "something behind its end");
    }
}

bool atl_json_is(const atl_json_scan *s, const char *word) {
    return s->length == strlen(word) && memcmp(s->text, word, s->length) == 0;
}

bool atl_json_skip(atl_json_scan *s, atl_json_token token) {
    if (token == ATL_JSON_BAD)
        return false;
    if (token != ATL_JSON_OBJECT && token != ATL_JSON_LIST)
        return true;
    for (int depth = s->depth - 1; s->depth > depth;)
        if ((token = atl_json_next(s)) == ATL_JSON_BAD || token == ATL_JSON_END)
            return false;
    return true;
}
