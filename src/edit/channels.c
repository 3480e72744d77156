// SPDX-License-Identifier: Apache-2.0
// Lists of channels of styles, as people note them (StyleSpace; Wu et al. 2021): a layer, counted as the
// network runs them with toRGB among them, and a channel of it.
//
//     # text: each line one channel, with how far it moves (1 when nothing is said)
//     # "NAME:" begins a direction
//     smile:
//     6_501  12.5
//     8_17  -3
//
//     JSON: {"smile": [[6, 501, 12.5], [8, 17, -3]]}, or the list alone
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit/directions.h"

enum { TEXT_MOST = 1 << 22, CHANNELS_MOST = 1 << 16, NAMES_MOST = 1024, LINE = 200 };

typedef struct entry {
    int32_t layer, channel;
    float value;
    uint32_t direction;
} entry;

typedef struct list {
    atl_ctx *ctx;
    const char *path;
    atl_arena arena;
    entry *entries; // [CHANNELS_MOST]
    size_t count;
    const char **names; // [NAMES_MOST]
    size_t directions;
} list;

// ---- collecting

static atl_status begin(list *l, const char *name, size_t length) {
    if (l->directions == NAMES_MOST)
        return atl_fail(l->ctx, ATL_UNSUPPORTED, "%s: has more than %d directions", l->path, NAMES_MOST);
    const char *copy = atl_arena_string(&l->arena, name, length);
    l->names[l->directions++] = copy;
    return copy ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status add(list *l, double layer, double channel, double value) {
    if (!l->directions)
        ATL_TRY(begin(l, "", 0));
    if (!(layer >= 0 && layer < 4096) || !(channel >= 0 && channel < 1 << 20) || !isfinite((float)value))
        return atl_fail(l->ctx, ATL_BAD_FILE, "%s: channel %g of layer %g by %g is not possible", l->path,
                        channel, layer, value);
    if (l->count == CHANNELS_MOST)
        return atl_fail(l->ctx, ATL_UNSUPPORTED, "%s: has more than %d channels", l->path, CHANNELS_MOST);
    l->entries[l->count++] =
        (entry){ (int32_t)layer, (int32_t)channel, (float)value, (uint32_t)l->directions - 1 };
    return ATL_OK;
}

// ---- text

// One line without its end; false: it is nothing of a list.
static bool read_line(const char *line, int *layer, int *channel, double *value, size_t *name) {
    int used = 0;
    *value = 1;
    *name = 0;
    if (sscanf(line, " %9d_%9d%n", layer, channel, &used) == 2 && used) {
        char *end;
        const char *rest = line + used;
        rest += strspn(rest, " \t,;");
        if (*rest && *rest != '#') {
            *value = strtod(rest, &end);
            return end != rest && !end[strspn(end, " \t,;")];
        }
        return true;
    }
    size_t length = strcspn(line, ":");
    *name = length;
    return length > 0 && line[length] == ':' && !line[length + 1 + strspn(line + length + 1, " \t")];
}

static bool is_empty(const char *line) {
    line += strspn(line, " \t");
    return !*line || *line == '#';
}

// The next line to `line`; false at the end.  A line that is too long is cut, and then is none of a list.
static bool next_line(const uint8_t *data, size_t bytes, size_t *at, char line[LINE]) {
    size_t length = 0;
    if (*at >= bytes)
        return false;
    while (*at < bytes && data[*at] != '\n') {
        if (length < LINE - 1)
            line[length++] = data[*at] ? (char)data[*at] : '?';
        ++*at;
    }
    ++*at;
    while (length && (line[length - 1] == '\r' || line[length - 1] == ' '))
        length--;
    line[length] = '\0';
    return true;
}

static atl_status read_text(list *l, const uint8_t *data, size_t bytes) {
    char line[LINE];
    int layer, channel, number = 0;
    double value;
    size_t name;
    for (size_t at = 0; next_line(data, bytes, &at, line);) {
        number++;
        if (is_empty(line))
            continue;
        if (!read_line(line, &layer, &channel, &value, &name))
            return atl_fail(l->ctx, ATL_BAD_FILE,
                            "%s: line %d is no channel; such are LAYER_CHANNEL [VALUE], as in 6_501 12.5",
                            l->path, number);
        ATL_TRY(name ? begin(l, line, name) : add(l, layer, channel, value));
    }
    return ATL_OK;
}

// ---- JSON

static atl_status read_pairs(list *l, const json_t *pairs) {
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        const json_t *layer = json_array_get(pair, 0), *channel = json_array_get(pair, 1),
                     *value = json_array_get(pair, 2);
        if (!json_is_integer(layer) || !json_is_integer(channel) || (value && !json_is_number(value)))
            return atl_fail(l->ctx, ATL_BAD_FILE, "%s: entry %zu is no [LAYER, CHANNEL, VALUE]", l->path, i);
        ATL_TRY(add(l, (double)json_integer_value(layer), (double)json_integer_value(channel),
                    value ? json_number_value(value) : 1));
    }
    return ATL_OK;
}

static atl_status read_object(list *l, json_t *top) {
    const char *key;
    json_t *pairs;
    if (json_is_array(top))
        return read_pairs(l, top);
    json_object_foreach(top, key, pairs) {
        if (!json_is_array(pairs))
            return atl_fail(l->ctx, ATL_BAD_FILE, "%s: \"%.100s\" is no list of channels", l->path, key);
        ATL_TRY(begin(l, key, strlen(key)));
        ATL_TRY(read_pairs(l, pairs));
    }
    return ATL_OK;
}

static atl_status read_json(list *l, const uint8_t *data, size_t bytes) {
    json_error_t error;
    json_t *top = json_loadb((const char *)data, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!top)
        return atl_fail(l->ctx, ATL_BAD_FILE, "%s: is no JSON in line %d", l->path, error.line);
    atl_status status = read_object(l, top);
    json_decref(top);
    return status;
}

// ---- directions of one list of channels

static int by_place(const void *a_, const void *b_) {
    const int32_t *a = a_, *b = b_;
    return a[0] != b[0] ? (a[0] > b[0]) - (a[0] < b[0]) : (a[1] > b[1]) - (a[1] < b[1]);
}

// All channels that occur, each once; returns their number.
static size_t merge(const list *l, int32_t *styles) {
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++) {
        styles[2 * i] = l->entries[i].layer;
        styles[2 * i + 1] = l->entries[i].channel;
    }
    qsort(styles, l->count, 2 * sizeof *styles, by_place);
    for (size_t i = 0; i < l->count; i++)
        if (!count || by_place(styles + 2 * i, styles + 2 * (count - 1)) != 0)
            memmove(styles + 2 * count++, styles + 2 * i, 2 * sizeof *styles);
    return count;
}

static size_t place_of(const int32_t *styles, size_t count, const entry *e) {
    const int32_t key[2] = { e->layer, e->channel };
    const int32_t *found = bsearch(key, styles, count, 2 * sizeof *styles, by_place);
    return (size_t)(found - styles) / 2;
}

static atl_status make_set(list *l, atl_directions **set) {
    float *values;
    int32_t *styles = atl_arena_alloc(&l->arena, l->count, 2 * sizeof *styles);
    if (!styles)
        return ATL_NO_MEMORY;
    size_t width = merge(l, styles);
    if (width > ((size_t)1 << 24) / l->directions)
        return atl_fail(l->ctx, ATL_UNSUPPORTED, "%s: %zu directions of %zu channels are too many", l->path,
                        l->directions, width);
    ATL_TRY(atl_directions_new(l->ctx, l->directions, ATL_DIRECTION_S, 1, (int64_t)width, "channels", set,
                               &values));
    int32_t *own = atl_arena_alloc(&(*set)->arena, width, 2 * sizeof *own);
    if (!own)
        return ATL_NO_MEMORY;
    memcpy(own, styles, width * 2 * sizeof *own);
    for (size_t i = 0; i < l->directions; i++) {
        (*set)->list[i].styles = own;
        (*set)->list[i].name = atl_directions_keep(*set, l->names[i]);
        if (!(*set)->list[i].name)
            return ATL_NO_MEMORY;
    }
    for (size_t i = 0; i < l->count; i++)
        values[l->entries[i].direction * width + place_of(own, width, &l->entries[i])] += l->entries[i].value;
    return atl_directions_check(*set, l->path);
}

// ---- the file

static bool is_json(const uint8_t *data, size_t bytes) {
    size_t at = 0;
    while (at < bytes && isspace(data[at]))
        at++;
    return at < bytes && (data[at] == '{' || data[at] == '[');
}

// JSON whose first bytes are text, or text whose first line that says something is one of a list.
bool atl_channels_are(const uint8_t *data, size_t bytes) {
    char line[LINE];
    int layer, channel;
    double value;
    size_t name, at = 0;
    if (bytes == 0 || bytes > TEXT_MOST || memchr(data, 0, bytes < 64 ? bytes : 64))
        return false;
    if (is_json(data, bytes))
        return true;
    while (next_line(data, bytes, &at, line))
        if (!is_empty(line))
            return read_line(line, &layer, &channel, &value, &name);
    return false;
}

atl_status atl_channels_read(atl_ctx *ctx, const char *path, const uint8_t *data, size_t bytes,
                             atl_directions **set) {
    list l = { .ctx = ctx, .path = path };
    *set = NULL;
    atl_arena_init(&l.arena, ctx, 0);
    l.entries = atl_arena_alloc(&l.arena, CHANNELS_MOST, sizeof *l.entries);
    l.names = atl_arena_alloc(&l.arena, NAMES_MOST, sizeof *l.names);
    atl_status status = l.entries && l.names ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = is_json(data, bytes) ? read_json(&l, data, bytes) : read_text(&l, data, bytes);
    if (status == ATL_OK && !l.count)
        status = atl_fail(ctx, ATL_BAD_FILE, "%s: lists no channels", path);
    if (status == ATL_OK)
        status = make_set(&l, set);
    if (status != ATL_OK)
        atl_directions_close(set);
    atl_arena_clear(&l.arena);
    return status;
}
