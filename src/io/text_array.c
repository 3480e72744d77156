// SPDX-License-Identifier: Apache-2.0
// A list or table of numbers as text, as numpy.savetxt and people write it: numbers between blanks or commas,
// a row on each line, remarks behind '#'.  One column is an array [rows], several are [rows, columns].
#include "io/arrays.h"

#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/utf8.h"

typedef struct table {
    atl_arrays *set;
    double *values;
    size_t size, room;
    size_t rows, columns;
} table;

enum { TEXT_MOST = 64 << 20, NUMBER_MOST = 63 }; // bytes of a file, of eight million numbers; of a number

static bool is_blank(uint8_t c) {
    return c == ' ' || c == '\t' || c == '\r';
}

bool atl_text_array_is(const uint8_t *data, size_t bytes) {
    size_t at = atl_utf8_mark(data, bytes);
    while (at < bytes && (is_blank(data[at]) || data[at] == '\n'))
        at++;
    return at < bytes && memchr("0123456789+-.#", data[at], 14) != NULL && !memchr(data, 0, bytes);
}

static atl_status add(table *t, double value) {
    if (t->size == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        double *values = atl_grow(t->set->ctx, t->values, t->size, room, sizeof *values);
        if (!values)
            return ATL_NO_MEMORY;
        t->values = values;
        t->room = room;
    }
    t->values[t->size++] = value;
    return ATL_OK;
}

static bool read_number(const uint8_t *word, size_t length, double *value) {
    for (size_t i = 0; i < length; i++)
        if (!memchr("0123456789+-.eE", word[i], 15)) // no names of numbers, no hexadecimals
            return false;
    return length <= NUMBER_MOST && atl_decimal(word, length, value);
}

static atl_status read_line(table *t, const uint8_t *p, const uint8_t *end, size_t line) {
    size_t before = t->size;
    while (p < end) {
        const uint8_t *word = p;
        while (p < end && !is_blank(*p) && *p != ',')
            p++;
        double value;
        if (p > word && !read_number(word, (size_t)(p - word), &value))
            return atl_fail(t->set->ctx, ATL_BAD_FILE, "%s: line %zu: '%.*s' is no number", t->set->path,
                            line, (int)(p - word < 40 ? p - word : 40), (const char *)word);
        if (p > word)
            ATL_TRY(add(t, value));
        while (p < end && is_blank(*p))
            p++;
        p += p < end && *p == ',';
        while (p < end && is_blank(*p))
            p++;
    }
    size_t columns = t->size - before;
    if (columns == 0)
        return ATL_OK;
    if (t->rows++ && columns != t->columns)
        return atl_fail(t->set->ctx, ATL_BAD_FILE, "%s: line %zu has %zu numbers, those before it have %zu",
                        t->set->path, line, columns, t->columns);
    t->columns = columns;
    return ATL_OK;
}

static atl_status read_lines(table *t) {
    const uint8_t *p = t->set->file.data, *end = p + t->set->file.bytes;
    if (t->set->file.bytes > TEXT_MOST)
        return atl_fail(t->set->ctx, ATL_UNSUPPORTED, "%s: is text of more than %d MB; write a .npy",
                        t->set->path, TEXT_MOST >> 20);
    p += atl_utf8_mark(p, t->set->file.bytes);
    for (size_t line = 1; p < end; line++) {
        const uint8_t *newline = memchr(p, '\n', (size_t)(end - p)), *stop = newline ? newline : end;
        const uint8_t *remark = memchr(p, '#', (size_t)(stop - p));
        while (p < stop && is_blank(*p))
            p++;
        ATL_TRY(read_line(t, p, remark ? remark : stop, line));
        p = newline ? newline + 1 : end;
    }
    if (t->size == 0)
        return atl_fail(t->set->ctx, ATL_BAD_FILE, "%s: is text without a number", t->set->path);
    return ATL_OK;
}

atl_status atl_text_array_parse(atl_arrays *set) {
    table t = { .set = set };
    atl_array *a;
    atl_status status = read_lines(&t);
    double *kept = status == ATL_OK ? atl_arena_alloc(&set->arena, t.size, sizeof *kept) : NULL;
    if (status == ATL_OK)
        status = kept ? atl_arrays_add(set, &a) : ATL_NO_MEMORY;
    if (status == ATL_OK) {
        memcpy(kept, t.values, t.size * sizeof *kept);
        static const atl_pair container = { "container", "text" };
        set->metadata = &container;
        set->pairs = 1;
        *a =
            (atl_array){ "", ATL_F64, t.columns == 1 ? 1 : 2, { (int64_t)t.rows, (int64_t)t.columns }, kept };
    }
    atl_free(set->ctx, t.values);
    return status;
}
