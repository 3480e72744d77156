// SPDX-License-Identifier: Apache-2.0
// What a file does not say: values that the caller gives ("key=value,key=value"), and those that were taken
// for granted, which the record lists.
#include "ckpt/find.h"

#include <string.h>

#include "io/json.h"

// The end of an item: the next comma that stands in no bracket.
static const char *end_of(const char *p) {
    int depth = 0;
    for (; *p && (*p != ',' || depth > 0); p++)
        depth += (*p == '[') - (*p == ']');
    return p;
}

static json_t *value_of(const char *text, size_t size) {
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY, NULL);
    return value ? value : size == 4 && !memcmp(text, "None", 4) ? json_null() : json_stringn(text, size);
}

atl_status atl_ckpt_read_assumptions(atl_ckpt *ckpt, const char *text) {
    atl_json b = { .ctx = ckpt->ctx };
    ckpt->assumed = atl_json_object(&b);
    ckpt->consulted = atl_json_object(&b);
    for (const char *p = text ? text : ""; *p;) {
        const char *end = end_of(p), *equals = memchr(p, '=', (size_t)(end - p));
        char key[64] = "";
        if (equals && equals > p && (size_t)(equals - p) < sizeof key)
            memcpy(key, p, (size_t)(equals - p));
        if (!key[0])
            return atl_fail(ckpt->ctx, ATL_BAD_ARGUMENT,
                            "the assumption '%.*s' is none: write KEY=VALUE,KEY=VALUE",
                            (int)(end - p > 100 ? 100 : end - p), p);
        atl_json_set(&b, ckpt->assumed, key, value_of(equals + 1, (size_t)(end - equals - 1)));
        p = *end ? end + 1 : end;
    }
    return atl_json_check(&b, "what is assumed");
}

const json_t *atl_ckpt_assumed(atl_ckpt *ckpt, const char *key) {
    const json_t *value = json_object_get(ckpt->assumed, key);
    atl_json b = { .ctx = ckpt->ctx };
    if (value)
        atl_json_set(&b, ckpt->consulted, key, json_true());
    return atl_json_check(&b, "an assumption") == ATL_OK ? value : NULL;
}

// Where a config holds a key: of its own, or "mapping.activation".
static json_t *holder_of(json_t *config, const char *key, const char **leaf) {
    const char *dot = strchr(key, '.');
    if (!dot) {
        *leaf = key;
        return json_object_get(config, key) ? config : NULL;
    }
    char part[64] = "";
    if ((size_t)(dot - key) < sizeof part)
        memcpy(part, key, (size_t)(dot - key));
    json_t *inside = json_object_get(config, part);
    *leaf = dot + 1;
    return json_object_get(inside, dot + 1) ? inside : NULL;
}

// A key without a part that only one part has is that one.
static json_t *find_holder(json_t *config, const char *key, const char **leaf) {
    static const char *const parts[] = { "mapping", "synthesis" };
    json_t *holder = holder_of(config, key, leaf);
    for (size_t i = 0; !holder && i < sizeof parts / sizeof *parts; i++) {
        json_t *inside = json_object_get(config, parts[i]);
        *leaf = key;
        holder = json_object_get(inside, key) ? inside : NULL;
    }
    return holder;
}

atl_status atl_ckpt_apply_assumptions(atl_ckpt *ckpt) {
    const char *key, *leaf;
    json_t *value;
    json_object_foreach(ckpt->assumed, key, value) {
        bool taken = json_object_get(ckpt->consulted, key) != NULL;
        for (size_t i = 0; i < ckpt->size; i++) {
            json_t *holder = find_holder(ckpt->configs[i], key, &leaf);
            if (holder && json_object_set(holder, leaf, value))
                return atl_fail(ckpt->ctx, ATL_NO_MEMORY, "out of memory");
            taken = taken || holder;
        }
        if (!taken)
            return atl_fail(ckpt->ctx, ATL_BAD_ARGUMENT,
                            "%s: no network of the file has a value '%s' to assume", ckpt->path, key);
    }
    return ATL_OK;
}

atl_status atl_ckpt_note_assumed(atl_ckpt *ckpt, size_t index, const char *const *keys, size_t count) {
    atl_json b = { .ctx = ckpt->ctx };
    json_t *list = atl_json_object(&b);
    if (!ckpt->record)
        ckpt->record = atl_json_object(&b);
    if (ckpt->record && !json_object_get(ckpt->record, "assumed"))
        atl_json_set(&b, ckpt->record, "assumed", atl_json_object(&b));
    for (size_t i = 0; list && i < count; i++) {
        const char *leaf;
        json_t *holder = find_holder(ckpt->configs[index], keys[i], &leaf);
        if (holder && !json_object_get(ckpt->assumed, keys[i]) && !json_object_get(ckpt->assumed, leaf))
            atl_json_set_known(&b, list, keys[i], json_object_get(holder, leaf));
    }
    atl_json_set(&b, json_object_get(ckpt->record, "assumed"), ckpt->nets[index].key, list);
    return atl_json_check(&b, "what is assumed");
}
