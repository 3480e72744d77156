// SPDX-License-Identifier: Apache-2.0
// Arrays out of pickled objects: files of torch.save, pickles, NumPy's arrays of objects.  Every tensor that
// dicts, lists and tuples hold becomes an array, in their order, named by the way to it:
//
//     {"a.png": {"latent": tensor, "noise": [tensor, tensor]}}  ->  a.png.latent, a.png.noise.0,
//     a.png.noise.1
//
// Objects of classes are passed over but for the dict or list that they extend.  Values are copied, in their
// own type; views of a few bytes can stand for terabytes, so what they add up to is bounded by the file.
#include "io/arrays.h"

#include <stdio.h>
#include <string.h>
#include "io/torch.h"

enum { DEPTH_MOST = 16, OBJECTS_MOST = 1 << 18, NAME_MOST = 2048 };

typedef struct walk {
    atl_arrays *set;
    atl_torch *torch;
    size_t objects;       // visited so far
    size_t bytes;         // kept so far, of values and names
    char name[NAME_MOST]; // of the object at hand
    size_t length;        // of the name
} walk;

static atl_status visit(walk *w, const atl_object *o, int depth);

static size_t bytes_most(const walk *w) {
    return atl_file_most(w->set->file.bytes, 16);
}

static atl_status take(walk *w, const atl_tensor *t) {
    atl_array *a;
    size_t bytes;
    int dtype = atl_tensor_dtype(t);
    if (dtype < 0) // of text: no numbers
        return ATL_OK;
    if (!atl_dims_bytes(t->rank, t->dims, (atl_dtype)dtype, &bytes) || bytes > bytes_most(w) - w->bytes ||
        w->length >= bytes_most(w) - w->bytes - bytes)
        return atl_fail(
            w->set->ctx, ATL_BAD_FILE,
            "%s: array '%.200s' and those before it are far larger than the file; it is damaged or "
            "hostile",
            w->set->path, w->name);
    w->bytes += bytes + w->length + 1;
    ATL_TRY(atl_arrays_add(w->set, &a));
    const char *name = atl_arena_string(&w->set->arena, w->name, w->length);
    void *data = name ? atl_arena_alloc(&w->set->arena, bytes ? bytes : 1, 1) : NULL;
    if (!data)
        return ATL_NO_MEMORY;
    *a = (atl_array){ .name = name, .dtype = (atl_dtype)dtype, .rank = t->rank, .data = data };
    memcpy(a->dims, t->dims, sizeof a->dims);
    return atl_tensor_read(w->torch, t, data);
}

// An object below the one at hand.
static atl_status visit_below(walk *w, const atl_object *o, const char *key, size_t size, int depth) {
    size_t before = w->length, dot = before > 0;
    if (size >= NAME_MOST - before - dot || memchr(key, 0, size))
        return atl_fail(w->set->ctx, ATL_UNSUPPORTED,
                        "%s: a key has a 0 in it, or is too long: with those around it %d letters at most",
                        w->set->path, NAME_MOST - 2);
    if (dot)
        w->name[before] = '.';
    memcpy(w->name + before + dot, key, size);
    w->length += dot + size;
    w->name[w->length] = '\0';
    atl_status status = visit(w, o, depth);
    w->length = before;
    w->name[before] = '\0';
    return status;
}

static atl_status visit_numbered(walk *w, const atl_object *o, int64_t number, int depth) {
    char key[32];
    int size = snprintf(key, sizeof key, "%lld", (long long)number);
    return visit_below(w, o, key, (size_t)size, depth);
}

static atl_status visit_items(walk *w, const atl_object *list, int depth) {
    for (size_t i = 0; i < list->size; i++)
        ATL_TRY(visit_numbered(w, list->u.items[i], (int64_t)i, depth + 1));
    return ATL_OK;
}

// Keys are mostly text, or numbers; others are named by their position.
static atl_status visit_pairs(walk *w, const atl_object *dict, int depth) {
    for (size_t i = 0; i < dict->size; i++) {
        const atl_object *key = dict->u.items[2 * i], *value = dict->u.items[2 * i + 1];
        int64_t number = (int64_t)i;
        if (key->type == ATL_OBJECT_STRING) {
            ATL_TRY(visit_below(w, value, key->u.text, key->size, depth + 1));
        } else {
            (void)atl_object_int(key, &number);
            ATL_TRY(visit_numbered(w, value, number, depth + 1));
        }
    }
    return ATL_OK;
}

static atl_status visit_array(walk *w, const atl_tensor *t, int depth) {
    if (!t->objects)
        return take(w, t);
    if (t->objects->size == 1) // numpy.save({...}) wraps an object so
        return visit(w, t->objects->u.items[0], depth + 1);
    return visit_items(w, t->objects, depth);
}

static atl_status visit(walk *w, const atl_object *o, int depth) {
    if (depth > DEPTH_MOST || ++w->objects > OBJECTS_MOST)
        return atl_fail(w->set->ctx, ATL_UNSUPPORTED,
                        "%s: objects nest deeper than %d levels or are more than %d; save the arrays alone",
                        w->set->path, DEPTH_MOST, OBJECTS_MOST);
    switch (o->type) {
    case ATL_OBJECT_TENSOR: return visit_array(w, o->u.tensor, depth);
    case ATL_OBJECT_LIST:
    case ATL_OBJECT_TUPLE: return visit_items(w, o, depth);
    case ATL_OBJECT_DICT: return visit_pairs(w, o, depth);
    case ATL_OBJECT_INSTANCE:
        if (o->u.instance->dict)
            return visit(w, o->u.instance->dict, depth + 1);
        return o->u.instance->list ? visit(w, o->u.instance->list, depth + 1) : ATL_OK;
    default: return ATL_OK;
    }
}

atl_status atl_pickled_parse(atl_arrays *set, const char *name, const uint8_t *data, size_t bytes) {
    walk w = { .set = set, .length = strlen(name) };
    size_t before = set->size;
    if (w.length >= NAME_MOST)
        return atl_fail(set->ctx, ATL_UNSUPPORTED, "%s: array '%.200s...' has too long a name", set->path,
                        name);
    memcpy(w.name, name, w.length + 1);
    ATL_TRY(atl_torch_open_memory(set->ctx, set->path, data, bytes, true, &w.torch));
    atl_status status = visit(&w, atl_torch_root(w.torch), 0);
    atl_torch_close(&w.torch);
    if (status == ATL_OK && set->size == before)
        status = atl_fail(set->ctx, ATL_UNSUPPORTED, "%s: holds pickled objects, but no array of numbers",
                          set->path);
    return status;
}
