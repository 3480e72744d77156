// SPDX-License-Identifier: Apache-2.0
// Labels as a whole: whence they come, whether each picture has one, and dataset.json as it is written.
#include "data/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

void atl_label_set_clear(atl_ctx *ctx, atl_label_set *set) {
    atl_free(ctx, set->classes);
    atl_free(ctx, set->vectors);
    atl_free(ctx, set->given);
    *set = (atl_label_set){ 0 };
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
    if (set->missing == s->count) {
        atl_label_set names = *set; // what is known of them stays
        names.classes = NULL;
        names.vectors = NULL;
        names.given = NULL;
        names.size = names.missing = 0;
        atl_label_set_clear(ctx, set);
        *set = names;
    }
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
    atl_status status = mode == ATL_LABELS_FOLDERS ? atl_label_set_from_folders(ctx, s, set)
                        : s->json                  ? atl_label_set_parse(ctx, s, set)
                                                   : from_format(ctx, s, set);
    if (status == ATL_OK)
        finish(ctx, s, set);
    else
        atl_label_set_clear(ctx, set);
    return status;
}

bool atl_label_set_is_lost(const atl_label_set *set, const atl_source *s, atl_labels mode, char *text,
                           size_t room) {
    if (set->size)
        return false;
    if (set->names && set->names == set->strangers && s->count)
        snprintf(text, room,
                 "none of the %zu names in dataset.json is that of a picture: it says '%s', a picture is "
                 "called '%.150s'",
                 set->names, set->stranger, s->entries[0].name);
    else if (mode == ATL_LABELS_FOLDERS)
        snprintf(text, room, "the pictures lie in no folders that could be classes");
    else if (mode == ATL_LABELS_JSON && s->json)
        snprintf(text, room, "dataset.json holds no labels");
    else if (mode == ATL_LABELS_JSON)
        snprintf(text, room, "it has no labels: there is no dataset.json, and the format brings none");
    else
        return false;
    return true;
}

// The class of a picture, also where labels are lists with one 1 among 0; -1: it is in no one class.
static int64_t class_of(const atl_label_set *set, size_t picture) {
    if (set->classes)
        return set->classes[picture];
    const float *row = set->vectors + picture * set->size;
    int64_t found = -1;
    for (size_t k = 0; k < set->size; k++) {
        if (row[k] != 0.0f && (row[k] != 1.0f || found >= 0))
            return -1;
        if (row[k] == 1.0f)
            found = (int64_t)k;
    }
    return found;
}

atl_status atl_label_set_find_gap(atl_ctx *ctx, const atl_label_set *set, const uint32_t *kept, size_t count,
                                  char *text, size_t room, bool *found) {
    *found = false;
    if (!set->size)
        return ATL_OK;
    uint8_t *used = atl_calloc(ctx, set->size, 1);
    if (!used)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        size_t picture = kept ? kept[i] : i;
        int64_t k = set->given[picture] ? class_of(set, picture) : 0;
        if (k < 0) { // these are no classes
            atl_free(ctx, used);
            return ATL_OK;
        }
        used[k] |= set->given[picture];
    }
    size_t lowest = 0, gaps = 0, first = set->size;
    while (lowest < set->size && !used[lowest])
        lowest++;
    for (size_t k = set->size; k-- > 0;)
        if (!used[k]) {
            gaps++;
            first = k;
        }
    atl_free(ctx, used);
    *found = gaps > 0;
    if (gaps && lowest == 1 && gaps == 1)
        snprintf(text, room,
                 "its classes begin at 1: class 0 of %zu has no picture, and training refuses that; "
                 "number them from 0 on",
                 set->size);
    else if (gaps)
        snprintf(text, room,
                 "%zu of its %zu classes have no picture, the first is %zu, and training refuses that; "
                 "number them anew, without gaps",
                 gaps, set->size, first);
    return ATL_OK;
}

// What is wrong with labels that some pictures lack.
static void describe_missing(const atl_label_set *set, const atl_source *s, atl_labels mode, char *text,
                             size_t room) {
    size_t first = 0;
    while (set->given && first + 1 < s->count && set->given[first])
        first++;
    int n = snprintf(text, room, "%zu of %zu pictures %s, the first is '%.200s'",
                     set->given ? set->missing : s->count, s->count,
                     mode == ATL_LABELS_FOLDERS ? "lie in no folder of their own class"
                                                : "have no label in dataset.json",
                     s->count ? s->entries[first].name : "");
    if (set->strangers && n > 0 && (size_t)n < room)
        snprintf(text + n, room - (size_t)n, "; and %zu names there are of no picture, like '%s'",
                 set->strangers, set->stranger);
}

atl_status atl_label_set_require(atl_ctx *ctx, const atl_source *s, atl_labels mode, atl_label_set *set) {
    char text[700];
    ATL_TRY(atl_label_set_read(ctx, s, mode, set));
    bool wanted = mode == ATL_LABELS_JSON || mode == ATL_LABELS_FOLDERS;
    bool lost = atl_label_set_is_lost(set, s, mode, text, sizeof text);
    if (!lost && set->missing == 0)
        return ATL_OK;
    if (!lost)
        describe_missing(set, s, mode, text, sizeof text);
    atl_label_set_clear(ctx, set);
    if (wanted)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: %s", s->path, text);
    atl_log(ctx, ATL_LOG_WARNING, "%s: %s: the labels are not used", s->path, text);
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
    atl_decimal_point(text);
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
