// SPDX-License-Identifier: Apache-2.0
// Hashes over a set; see print.h.
#include "data/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

// So many pictures are read, evenly spread: sizes tell of most changes to the others.
enum { SAMPLE = 256, HEX = 17 };

static atl_status hash_picture(const atl_dataset *set, size_t index, uint64_t *hash) {
    const atl_source *s = set->source;
    if (!s->kind->bytes) {
        atl_image image;
        ATL_TRY(atl_source_read(s, set->ctx, index, &image));
        *hash = atl_hash(*hash, image.pixels,
                         (size_t)image.width * (size_t)image.height * (size_t)image.channels);
        atl_image_clear(set->ctx, &image);
        return ATL_OK;
    }
    atl_data_bytes bytes;
    ATL_TRY(s->kind->bytes(s, set->ctx, index, &bytes));
    *hash = atl_hash(*hash, bytes.data, bytes.size);
    atl_data_bytes_clear(set->ctx, &bytes);
    return ATL_OK;
}

// One that is damaged is a matter of whoever trains on it.
static atl_status add_picture(const atl_dataset *set, size_t index, uint64_t *hash) {
    atl_status status = hash_picture(set, index, hash);
    if (status != ATL_BAD_FILE)
        return status;
    atl_message_clear(set->ctx);
    *hash = atl_hash(*hash, "damaged", 7);
    return ATL_OK;
}

static atl_status add_labels(const atl_dataset *set, uint64_t *hash) {
    size_t size = (size_t)set->info.label_size;
    float *label = atl_alloc(set->ctx, size, sizeof *label);
    if (!label)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < set->info.count; i++) {
        atl_dataset_label(set, i, label);
        *hash = atl_hash(*hash, label, size * sizeof *label);
    }
    atl_free(set->ctx, label);
    return ATL_OK;
}

atl_status atl_set_print_make(const atl_dataset *set, bool labels, atl_set_print *p) {
    const atl_dataset_info *info = &set->info;
    size_t count = info->count, some = count < SAMPLE ? count : SAMPLE;
    *p = (atl_set_print){ count,          info->width,    info->height,   info->channels, 0,
                          ATL_HASH_BEGIN, ATL_HASH_BEGIN, ATL_HASH_BEGIN, ATL_HASH_BEGIN };
    for (size_t i = 0; i < count; i++) {
        const atl_source_entry *e = &set->source->entries[i];
        p->names = atl_hash(p->names, e->name, strlen(e->name) + 1);
        p->sizes = atl_hash(p->sizes, &e->size, sizeof e->size);
    }
    for (size_t i = 0; i < some; i++)
        ATL_TRY(add_picture(set, (size_t)((uint64_t)i * count / some), &p->sample));
    if (!labels || !info->label_size)
        return ATL_OK;
    p->label_size = info->label_size;
    return add_labels(set, &p->labels);
}

// ---- as JSON

static json_t *hex(atl_json *b, uint64_t hash) {
    char text[HEX];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return atl_json_string(b, text);
}

json_t *atl_set_print_json(atl_json *b, const atl_set_print *p) {
    json_t *json = atl_json_object(b);
    atl_json_set(b, json, "pictures", json_integer((json_int_t)p->count));
    atl_json_set(b, json, "width", json_integer(p->width));
    atl_json_set(b, json, "height", json_integer(p->height));
    atl_json_set(b, json, "channels", json_integer(p->channels));
    atl_json_set(b, json, "label_size", json_integer(p->label_size));
    atl_json_set(b, json, "names", hex(b, p->names));
    atl_json_set(b, json, "sizes", hex(b, p->sizes));
    atl_json_set(b, json, "sample", hex(b, p->sample));
    atl_json_set(b, json, "labels", hex(b, p->labels));
    return json;
}

static bool parse_hex(const json_t *json, const char *key, uint64_t *hash) {
    const char *text = json_string_value(json_object_get(json, key));
    char *end;
    if (!text || strlen(text) != HEX - 1)
        return false;
    *hash = strtoull(text, &end, 16);
    return !*end;
}

static bool parse_int(const json_t *json, const char *key, int *value) {
    const json_t *v = json_object_get(json, key);
    json_int_t x = json_integer_value(v);
    *value = (int)x;
    return json_is_integer(v) && x >= 0 && x <= 1 << 30;
}

bool atl_set_print_parse(const json_t *json, atl_set_print *p) {
    int count = 0;
    bool good = parse_int(json, "pictures", &count) && parse_int(json, "width", &p->width) &&
                parse_int(json, "height", &p->height) && parse_int(json, "channels", &p->channels) &&
                parse_int(json, "label_size", &p->label_size) && parse_hex(json, "names", &p->names) &&
                parse_hex(json, "sizes", &p->sizes) && parse_hex(json, "sample", &p->sample) &&
                parse_hex(json, "labels", &p->labels);
    p->count = (size_t)count;
    return good;
}

// ---- comparing

bool atl_set_print_differs(const atl_set_print *a, const atl_set_print *b, char *text, size_t room) {
    if (a->width != b->width || a->height != b->height || a->channels != b->channels)
        snprintf(text, room, "has pictures of %dx%d with %d channels, where they had %dx%d and %d", b->width,
                 b->height, b->channels, a->width, a->height, a->channels);
    else if (a->count != b->count)
        snprintf(text, room, "has %zu pictures, where it had %zu", b->count, a->count);
    else if (a->names != b->names)
        snprintf(text, room, "has as many pictures (%zu), but of other names", a->count);
    else if (a->sizes != b->sizes)
        snprintf(text, room, "has pictures of the same names (%zu), but with files of other sizes", a->count);
    else if (a->sample != b->sample)
        snprintf(text, room, "has pictures of the same names and sizes (%zu), but with other contents",
                 a->count);
    else if (a->label_size && b->label_size && (a->label_size != b->label_size || a->labels != b->labels))
        snprintf(text, room, "has the same pictures (%zu), but other labels", a->count);
    else
        return false;
    return true;
}
