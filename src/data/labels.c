// SPDX-License-Identifier: Apache-2.0
// Labels, from JSON and to JSON.  The text is hostile: classes and sizes have a limit.
#include "data/labels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_MOST = 1 << 16 };

void atl_label_set_clear(atl_ctx *ctx, atl_label_set *set) {
    atl_free(ctx, set->classes);
    atl_free(ctx, set->vectors);
    atl_free(ctx, set->given);
    *set = (atl_label_set){ 0 };
}

static int name_against_entry(const void *name, const void *entry) {
    return strcmp(name, ((const atl_source_entry *)entry)->name);
}

static atl_status refuse(const atl_source *s, atl_ctx *ctx, const char *what) {
    return atl_fail(ctx, ATL_BAD_FILE,
                    "%s: dataset.json: %s; it must read {\"labels\": [[\"name.png\", 3], ...]}, each label a "
                    "class or a list of numbers",
                    s->path, what);
}

// The first label decides whether all are classes or vectors.
static atl_status start(atl_ctx *ctx, const atl_source *s, const json_t *label, atl_label_set *set) {
    if (json_is_integer(label)) {
        set->classes = atl_calloc(ctx, s->count, sizeof *set->classes);
        return set->classes ? ATL_OK : ATL_NO_MEMORY;
    }
    set->size = json_array_size(label);
    if (set->size == 0 || set->size > SIZE_MOST)
        return refuse(s, ctx, "a label is no number and no list");
    if (s->count > ctx->memory_cap / sizeof(float) / set->size)
        return atl_fail(ctx, ATL_NO_MEMORY, "%s: its labels do not fit in memory", s->path);
    set->vectors = atl_calloc(ctx, s->count * set->size, sizeof *set->vectors);
    return set->vectors ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status take(atl_ctx *ctx, const atl_source *s, size_t index, const json_t *label,
                       atl_label_set *set) {
    if (!set->classes && !set->vectors)
        ATL_TRY(start(ctx, s, label, set));
    set->given[index] = 1;
    if (set->classes) {
        json_int_t value = json_integer_value(label);
        if (!json_is_integer(label) || value < 0 || value >= SIZE_MOST)
            return refuse(s, ctx, "labels are classes, but one is no number from 0 to 65535");
        set->classes[index] = (int32_t)value;
        return ATL_OK;
    }
    if (json_array_size(label) != set->size)
        return refuse(s, ctx, "labels are lists, but not all of one length");
    for (size_t i = 0; i < set->size; i++) {
        const json_t *number = json_array_get(label, i);
        float value = (float)json_number_value(number);
        if (!json_is_number(number) || !isfinite(value))
            return refuse(s, ctx, "a list holds something that is no number");
        set->vectors[index * set->size + i] = value;
    }
    return ATL_OK;
}

static atl_status take_all(atl_ctx *ctx, const atl_source *s, const json_t *list, atl_label_set *set) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        const char *name = json_string_value(json_array_get(pair, 0));
        if (json_array_size(pair) != 2 || !name)
            return refuse(s, ctx, "an entry is no pair of a name and a label");
        const atl_source_entry *e =
            bsearch(name, s->entries, s->count, sizeof *s->entries, name_against_entry);
        if (e)
            ATL_TRY(take(ctx, s, (size_t)(e - s->entries), json_array_get(pair, 1), set));
    }
    return ATL_OK;
}

static atl_status from_json(atl_ctx *ctx, const atl_source *s, atl_label_set *set) {
    json_error_t error;
    json_t *top = json_loadb((const char *)s->json, s->json_bytes, 0, &error);
    if (!top)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: dataset.json is no JSON: line %d: %s", s->path, error.line,
                        error.text);
    const json_t *list = json_object_get(top, "labels");
    atl_status status = ATL_OK;
    if (!json_is_object(top) || (list && !json_is_null(list) && !json_is_array(list)))
        status = refuse(s, ctx, "no list of labels");
    else if (json_array_size(list))
        status = take_all(ctx, s, list, set);
    json_decref(top);
    return status;
}

// Entries are sorted, so the pictures of a folder are neighbours.
static atl_status from_folders(atl_ctx *ctx, const atl_source *s, atl_label_set *set) {
    set->classes = atl_calloc(ctx, s->count, sizeof *set->classes);
    if (!set->classes)
        return ATL_NO_MEMORY;
    int32_t next = -1;
    const char *last = "";
    size_t last_length = 0;
    for (size_t i = 0; i < s->count; i++) {
        const char *name = s->entries[i].name, *slash = strchr(name, '/');
        if (!slash)
            continue;
        size_t length = (size_t)(slash - name);
        if (next < 0 || length != last_length || memcmp(name, last, length)) {
            last = name;
            last_length = length;
            if (++next == SIZE_MOST)
                return atl_fail(ctx, ATL_BAD_FILE, "%s: more than %d folders as classes", s->path, SIZE_MOST);
        }
        set->classes[i] = next;
        set->given[i] = 1;
    }
    return ATL_OK;
}

static atl_status from_format(atl_ctx *ctx, const atl_source *s, atl_label_set *set) {
    if (s->classes && (set->classes = atl_alloc(ctx, s->count, sizeof *set->classes)))
        memcpy(set->classes, s->classes, s->count * sizeof *s->classes);
    set->size = s->vector_size;
    if (s->vectors && (set->vectors = atl_alloc(ctx, s->count, s->vector_size * sizeof(float))))
        memcpy(set->vectors, s->vectors, s->count * s->vector_size * sizeof(float));
    if ((s->classes && !set->classes) || (s->vectors && !set->vectors))
        return ATL_NO_MEMORY;
    if (s->count && (s->classes || s->vectors))
        memset(set->given, 1, s->count);
    return ATL_OK;
}

// Counts what is missing; a set without any label is none.
static void finish(atl_ctx *ctx, const atl_source *s, atl_label_set *set) {
    for (size_t i = 0; i < s->count; i++)
        set->missing += !set->given[i];
    if (set->missing == s->count)
        atl_label_set_clear(ctx, set);
    for (size_t i = 0; set->classes && i < s->count; i++)
        if (set->given[i] && (size_t)set->classes[i] >= set->size)
            set->size = (size_t)set->classes[i] + 1;
}

atl_status atl_label_set_read(atl_ctx *ctx, const atl_source *s, atl_labels mode, atl_label_set *set) {
    *set = (atl_label_set){ 0 };
    if (mode == ATL_LABELS_NONE)
        return ATL_OK;
    set->given = atl_calloc(ctx, s->count, 1);
    if (!set->given)
        return ATL_NO_MEMORY;
    atl_status status = mode == ATL_LABELS_FOLDERS ? from_folders(ctx, s, set)
                        : s->json                  ? from_json(ctx, s, set)
                                                   : from_format(ctx, s, set);
    if (status == ATL_OK)
        finish(ctx, s, set);
    else
        atl_label_set_clear(ctx, set);
    return status;
}

atl_status atl_label_set_require(atl_ctx *ctx, const atl_source *s, atl_labels mode, atl_label_set *set) {
    ATL_TRY(atl_label_set_read(ctx, s, mode, set));
    bool wanted = mode == ATL_LABELS_JSON || mode == ATL_LABELS_FOLDERS;
    if (set->missing == 0 && (set->size || !wanted))
        return ATL_OK;
    size_t first = 0;
    while (set->given && first + 1 < s->count && set->given[first])
        first++;
    const char *where =
        mode == ATL_LABELS_FOLDERS ? "lie in no folder of their own class" : "have no label in dataset.json";
    size_t missing = set->given ? set->missing : s->count;
    const char *name = s->count ? s->entries[first].name : "";
    atl_label_set_clear(ctx, set);
    if (wanted)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: %zu of %zu pictures %s, the first is '%s'", s->path, missing,
                        s->count, where, name);
    atl_log(ctx, ATL_LOG_WARNING, "%s: %zu of %zu pictures %s, the first is '%s': the labels are not used",
            s->path, missing, s->count, where, name);
    return ATL_OK;
}

void atl_label_set_get(const atl_label_set *set, size_t index, float *label) {
    if (set->vectors)
        memcpy(label, set->vectors + index * set->size, set->size * sizeof *label);
    else
        for (size_t i = 0; i < set->size; i++)
            label[i] = (size_t)set->classes[index] == i ? 1.0f : 0.0f;
}

void atl_made_name(size_t number, char name[ATL_MADE_NAME]) {
    snprintf(name, ATL_MADE_NAME, "%05zu/img%08zu.png", number / 1000 % 100000, number % 100000000);
}

static atl_status put(atl_ctx *ctx, atl_image_bytes *out, const char *text) {
    return atl_image_bytes_add(ctx, out, text, strlen(text));
}

// As short as reads back to the same float, always with a point or exponent.
static atl_status put_float(atl_ctx *ctx, atl_image_bytes *out, float value) {
    char text[40];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtof(text, NULL) == value)
            break;
    }
    if (!strpbrk(text, ".en"))
        strcat(text, ".0");
    return put(ctx, out, text);
}

static atl_status put_label(atl_ctx *ctx, const atl_label_set *set, size_t index, atl_image_bytes *out) {
    if (set->classes) {
        char text[16];
        snprintf(text, sizeof text, "%d", (int)set->classes[index]);
        return put(ctx, out, text);
    }
    for (size_t i = 0; i < set->size; i++) {
        ATL_TRY(put(ctx, out, i ? ", " : "["));
        ATL_TRY(put_float(ctx, out, set->vectors[index * set->size + i]));
    }
    return put(ctx, out, "]");
}

atl_status atl_label_set_write(atl_ctx *ctx, const atl_label_set *set, const uint32_t *kept, size_t count,
                               atl_image_bytes *out) {
    if (set->size == 0)
        return put(ctx, out, "{\"labels\": null}");
    ATL_TRY(put(ctx, out, "{\"labels\": ["));
    for (size_t i = 0; i < count; i++) {
        char name[ATL_MADE_NAME];
        atl_made_name(i, name);
        ATL_TRY(put(ctx, out, i ? ", [\"" : "[\""));
        ATL_TRY(put(ctx, out, name));
        ATL_TRY(put(ctx, out, "\", "));
        ATL_TRY(put_label(ctx, set, kept[i], out));
        ATL_TRY(put(ctx, out, "]"));
    }
    return put(ctx, out, "]}");
}
