// SPDX-License-Identifier: Apache-2.0
// Looking into pickled objects.
#include "io/object.h"

#include <math.h>
#include <string.h>

#include "io/json.h"

enum { JSON_DEPTH = 16 };

bool atl_object_equals(const atl_object *object, const char *text) {
    return object && object->type == ATL_OBJECT_STRING && object->size == strlen(text) &&
           memcmp(object->u.text, text, object->size) == 0;
}

bool atl_object_is(const atl_object *object, const char *name) {
    return object && object->type == ATL_OBJECT_INSTANCE && strcmp(object->u.instance->cls->name, name) == 0;
}

static const atl_object *find(const atl_object *dict, const char *key) {
    if (!dict || dict->type != ATL_OBJECT_DICT)
        return NULL;
    for (size_t i = dict->size; i-- > 0;)
        if (atl_object_equals(dict->u.items[2 * i], key))
            return dict->u.items[2 * i + 1];
    return NULL;
}

const atl_object *atl_object_get(const atl_object *object, const char *key) {
    if (!object)
        return NULL;
    if (object->type != ATL_OBJECT_INSTANCE)
        return find(object, key);
    const atl_instance *in = object->u.instance;
    const atl_object *state = in->state;
    if (state && state->type == ATL_OBJECT_TUPLE && state->size == 2) // (attributes, slots)
        state = state->u.items[0];
    const atl_object *value = find(state, key);
    return value ? value : find(in->dict, key);
}

const char *atl_object_text(const atl_object *string, atl_arena *arena) {
    if (!string || string->type != ATL_OBJECT_STRING ||
        (string->size && memchr(string->u.text, 0, string->size)))
        return NULL;
    return atl_arena_string(arena, string->u.text, string->size);
}

bool atl_object_int(const atl_object *object, int64_t *value) {
    if (!object)
        return false;
    if (object->type == ATL_OBJECT_INT)
        *value = object->u.integer;
    else if (object->type == ATL_OBJECT_BOOL)
        *value = object->u.truth;
    else if (object->type == ATL_OBJECT_FLOAT && fabs(object->u.number) <= 0x1p53 &&
             object->u.number == trunc(object->u.number))
        *value = (int64_t)object->u.number;
    else
        return false;
    return true;
}

bool atl_object_number(const atl_object *object, double *value) {
    int64_t integer;
    if (object && object->type == ATL_OBJECT_FLOAT) {
        *value = object->u.number;
        return true;
    }
    if (!atl_object_int(object, &integer))
        return false;
    *value = (double)integer;
    return true;
}

int64_t atl_tensor_count(const atl_tensor *tensor) {
    int64_t count = 1;
    for (int i = 0; i < tensor->rank; i++)
        count *= tensor->dims[i]; // checked when the tensor was built
    return count;
}

typedef struct converter {
    atl_json json;
    size_t left; // values that may follow
} converter;

static json_t *to_json(const atl_object *o, int depth, converter *c);

static json_t *items_to_json(const atl_object *o, int depth, converter *c) {
    json_t *list = atl_json_list(&c->json);
    for (size_t i = 0; list && i < o->size; i++) {
        json_t *item = to_json(o->u.items[i], depth + 1, c);
        if (!item) {
            json_decref(list);
            return NULL;
        }
        atl_json_add(&c->json, list, item);
    }
    return list;
}

static json_t *dict_to_json(const atl_object *o, int depth, converter *c) {
    json_t *dict = atl_json_object(&c->json);
    for (size_t i = 0; dict && i < o->size; i++) {
        const atl_object *key = o->u.items[2 * i];
        char name[256];
        json_t *item = NULL;
        bool good = key->type == ATL_OBJECT_STRING && key->size < sizeof name;
        if (good) {
            memcpy(name, key->u.text, key->size);
            name[key->size] = '\0';
            good = strlen(name) == key->size && atl_json_utf8(name, key->size);
            item = good ? to_json(o->u.items[2 * i + 1], depth + 1, c) : NULL;
        }
        if (!item) {
            json_decref(dict);
            return NULL;
        }
        atl_json_set(&c->json, dict, name, item);
    }
    return dict;
}

static json_t *to_json(const atl_object *o, int depth, converter *c) {
    if (depth > JSON_DEPTH || c->left == 0)
        return NULL;
    --c->left;
    switch (o->type) {
    case ATL_OBJECT_NONE: return json_null();
    case ATL_OBJECT_BOOL: return json_boolean(o->u.truth);
    case ATL_OBJECT_INT: return atl_json_keep(&c->json, json_integer(o->u.integer));
    case ATL_OBJECT_FLOAT:
        return isfinite(o->u.number) ? atl_json_keep(&c->json, json_real(o->u.number)) : NULL;
    case ATL_OBJECT_STRING:
        return atl_json_utf8(o->u.text, o->size) ? atl_json_keep(&c->json, json_stringn(o->u.text, o->size))
                                                 : NULL;
    case ATL_OBJECT_LIST:
    case ATL_OBJECT_TUPLE:
    case ATL_OBJECT_SET: return items_to_json(o, depth, c);
    case ATL_OBJECT_DICT: return dict_to_json(o, depth, c);
    case ATL_OBJECT_INSTANCE: // a subclass of dict, such as EasyDict
        return o->u.instance->dict ? to_json(o->u.instance->dict, depth + 1, c) : NULL;
    default: return NULL;
    }
}

json_t *atl_object_json(const atl_object *object, size_t most, bool *lost) {
    converter c = { .left = most };
    json_t *json = object ? to_json(object, 0, &c) : NULL;
    if (lost && c.json.lost)
        *lost = true;
    return json;
}
