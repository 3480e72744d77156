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

#include <string.h>
#include "io/torch.h"

enum { DEPTH_MOST = 16, OBJECTS_MOST = 1 << 18 };

typedef struct walk {
    atl_arrays *set;
    atl_torch *torch;
    size_t objects; // visited so far
    size_t bytes;   // copied so far
} walk;

static atl_status visit(walk *w, const atl_object *o, const char *name, int depth);

static size_t bytes_most(const walk *w) {
    size_t file = w->set->file.bytes;
    return file < SIZE_MAX / 128 ? file * 16 + ((size_t)64 << 20) : SIZE_MAX;
}

static atl_status take(walk *w, const atl_tensor *t, const char *name) {
    atl_array *a;
    size_t bytes;
    int dtype = atl_tensor_dtype(t);
    if (dtype < 0) // of text: no numbers
        return ATL_OK;
    if (!atl_dims_bytes(t->rank, t->dims, (atl_dtype)dtype, &bytes) || bytes > bytes_most(w) - w->bytes)
        return atl_fail(
            w->set->ctx, ATL_BAD_FILE,
            "%s: array '%s' and those before it are far larger than the file; it is damaged or hostile",
            w->set->path, name);
    w->bytes += bytes;
    ATL_TRY(atl_arrays_add(w->set, &a));
    void *data = atl_arena_alloc(&w->set->arena, bytes ? bytes : 1, 1);
    if (!data)
        return ATL_NO_MEMORY;
    *a = (atl_array){ .name = name, .dtype = (atl_dtype)dtype, .rank = t->rank, .data = data };
    memcpy(a->dims, t->dims, sizeof a->dims);
    return atl_tensor_read(w->torch, t, data);
}

static const char *below(walk *w, const char *name, const char *key) {
    return *name ? atl_arena_printf(&w->set->arena, "%s.%s", name, key)
                 : atl_arena_string(&w->set->arena, key, strlen(key));
}

static atl_status visit_items(walk *w, const atl_object *list, const char *name, int depth) {
    for (size_t i = 0; i < list->size; i++) {
        const char *key = atl_arena_printf(&w->set->arena, "%zu", i);
        const char *inner = key ? below(w, name, key) : NULL;
        if (!inner)
            return ATL_NO_MEMORY;
        ATL_TRY(visit(w, list->u.items[i], inner, depth + 1));
    }
    return ATL_OK;
}

// Keys are mostly text; others are named by their position.
static atl_status visit_pairs(walk *w, const atl_object *dict, const char *name, int depth) {
    for (size_t i = 0; i < dict->size; i++) {
        int64_t number;
        const atl_object *key = dict->u.items[2 * i];
        const char *text = atl_object_text(key, &w->set->arena);
        if (!text)
            text = atl_arena_printf(&w->set->arena, "%lld",
                                    atl_object_int(key, &number) ? (long long)number : (long long)i);
        const char *inner = text ? below(w, name, text) : NULL;
        if (!inner)
            return ATL_NO_MEMORY;
        ATL_TRY(visit(w, dict->u.items[2 * i + 1], inner, depth + 1));
    }
    return ATL_OK;
}

static atl_status visit_array(walk *w, const atl_tensor *t, const char *name, int depth) {
    if (!t->objects)
        return take(w, t, name);
    if (t->objects->size == 1) // numpy.save({...}) wraps an object so
        return visit(w, t->objects->u.items[0], name, depth + 1);
    return visit_items(w, t->objects, name, depth);
}

static atl_status visit(walk *w, const atl_object *o, const char *name, int depth) {
    if (depth > DEPTH_MOST || ++w->objects > OBJECTS_MOST)
        return atl_fail(w->set->ctx, ATL_UNSUPPORTED,
                        "%s: objects nest deeper than %d levels or are more than %d; save the arrays alone",
                        w->set->path, DEPTH_MOST, OBJECTS_MOST);
    switch (o->type) {
    case ATL_OBJECT_TENSOR: return visit_array(w, o->u.tensor, name, depth);
    case ATL_OBJECT_LIST:
    case ATL_OBJECT_TUPLE: return visit_items(w, o, name, depth);
    case ATL_OBJECT_DICT: return visit_pairs(w, o, name, depth);
    case ATL_OBJECT_INSTANCE:
        if (o->u.instance->dict)
            return visit(w, o->u.instance->dict, name, depth + 1);
        return o->u.instance->list ? visit(w, o->u.instance->list, name, depth + 1) : ATL_OK;
    default: return ATL_OK;
    }
}

atl_status atl_pickled_parse(atl_arrays *set, const char *name, const uint8_t *data, size_t bytes) {
    walk w = { .set = set };
    size_t before = set->size;
    ATL_TRY(atl_torch_open_memory(set->ctx, set->path, data, bytes, true, &w.torch));
    atl_status status = visit(&w, atl_torch_root(w.torch), name, 0);
    atl_torch_close(&w.torch);
    if (status == ATL_OK && set->size == before)
        status = atl_fail(set->ctx, ATL_UNSUPPORTED, "%s: holds pickled objects, but no array of numbers",
                          set->path);
    return status;
}
