// SPDX-License-Identifier: Apache-2.0
// The official pickles of StyleGAN2-ADA-PyTorch and StyleGAN3: a dict with modules under G, D and G_ema.  A
// module is an object whose attributes hold _parameters, _buffers and _modules; names of tensors are the
// paths to them.
#include "ckpt/find.h"

#include <string.h>

enum { DEPTH_MOST = 16, MODULES_MOST = 20000, TENSORS_MOST = 100000 };

bool atl_official_is_module(const atl_object *o) {
    enum {
        ATTRIBUTES_MOST = 512
    }; // tens in real ones; searching in more, for each of many modules, takes long
    if (!o || o->type != ATL_OBJECT_INSTANCE)
        return false;
    const atl_object *state = o->u.instance->state, *dict = o->u.instance->dict;
    if (state && state->type == ATL_OBJECT_TUPLE && state->size == 2)
        state = state->u.items[0];
    if ((state && state->size > ATTRIBUTES_MOST) || (dict && dict->size > ATTRIBUTES_MOST))
        return false;
    return atl_object_get(o, "_modules") && atl_object_get(o, "_parameters");
}

const atl_object *atl_official_child(const atl_object *module, const char *name) {
    const atl_object *child = atl_object_get(atl_object_get(module, "_modules"), name);
    return atl_official_is_module(child) ? child : NULL;
}

static bool probe(const atl_ckpt *ckpt) {
    return atl_ckpt_holds(ckpt, 1u << ATL_FOUND_MODULE);
}

static atl_status open_official(atl_ckpt *ckpt) {
    for (size_t i = 0; i < ckpt->found_size; i++) {
        const atl_found *found = &ckpt->found[i];
        if (found->kind != ATL_FOUND_MODULE)
            continue;
        const char *kind, *why;
        json_t *config;
        ATL_TRY(atl_official_describe(ckpt, found->module, &kind, &config, &why));
        ATL_TRY(atl_ckpt_add(ckpt, found->key, kind, config, why, found->module));
    }
    const atl_object *root = ckpt->tree;
    bool lost = false;
    ckpt->record = atl_object_json(atl_object_get(root, "training_set_kwargs"), 1000, &lost);
    if (lost)
        return atl_fail(ckpt->ctx, ATL_NO_MEMORY, "%s: out of memory for its record", ckpt->path);
    if (!json_is_object(ckpt->record)) {
        json_decref(ckpt->record);
        ckpt->record = NULL;
    }
    return ATL_OK;
}

// ---- the tensors of a module

typedef struct walk {
    atl_ckpt *ckpt;
    atl_ckpt_tensor *list;
    size_t size, room, modules;
} walk;

static atl_status put(walk *w, const char *prefix, const atl_object *key, const atl_object *value,
                      bool buffer) {
    atl_ckpt *ckpt = w->ckpt;
    const char *name = atl_object_text(key, &ckpt->arena);
    if (!name || value->type != ATL_OBJECT_TENSOR)
        return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                        "%s: something in module '%s' is no tensor; the file is damaged", ckpt->path, prefix);
    if (w->size == TENSORS_MOST)
        return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                        "%s: a network has more than %d tensors; the file is damaged", ckpt->path,
                        TENSORS_MOST);
    if (w->size == w->room) {
        size_t room = w->room ? w->room * 2 : 256;
        atl_ckpt_tensor *list = atl_grow(ckpt->ctx, w->list, w->size, room, sizeof *list);
        if (!list)
            return ATL_NO_MEMORY;
        w->list = list;
        w->room = room;
    }
    const char *path = atl_arena_printf(&ckpt->arena, "%s%s", prefix, name);
    if (!path)
        return ATL_NO_MEMORY;
    // Layers that were frozen in training keep their weights among the buffers.
    bool weight = strcmp(name, "weight") == 0 || strcmp(name, "bias") == 0;
    w->list[w->size++] = (atl_ckpt_tensor){ path, value->u.tensor, buffer && !weight };
    return ATL_OK;
}

static bool contains(const atl_object *set, const atl_object *key) {
    enum { NAMES_MOST = 256 };
    for (size_t i = 0; set && set->type == ATL_OBJECT_SET && i < set->size && i < NAMES_MOST; i++) {
        const atl_object *o = set->u.items[i];
        if (o->type == ATL_OBJECT_STRING && o->size == key->size &&
            memcmp(o->u.text, key->u.text, key->size) == 0)
            return true;
    }
    return false;
}

static atl_status put_all(walk *w, const char *prefix, const atl_object *module, bool buffers) {
    const atl_object *all = atl_object_get(module, buffers ? "_buffers" : "_parameters");
    const atl_object *hidden = buffers ? atl_object_get(module, "_non_persistent_buffers_set") : NULL;
    for (size_t i = 0; all && all->type == ATL_OBJECT_DICT && i < all->size; i++) {
        const atl_object *key = all->u.items[2 * i], *value = all->u.items[2 * i + 1];
        if (value->type == ATL_OBJECT_NONE || (key->type == ATL_OBJECT_STRING && contains(hidden, key)))
            continue;
        ATL_TRY(put(w, prefix, key, value, buffers));
    }
    return ATL_OK;
}

static atl_status visit(walk *w, const char *prefix, const atl_object *module, int depth) {
    atl_ckpt *ckpt = w->ckpt;
    if (depth > DEPTH_MOST || ++w->modules > MODULES_MOST)
        return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                        "%s: a network's modules nest too deeply at '%s'; the file is damaged", ckpt->path,
                        prefix);
    ATL_TRY(put_all(w, prefix, module, false));
    ATL_TRY(put_all(w, prefix, module, true));
    const atl_object *children = atl_object_get(module, "_modules");
    for (size_t i = 0; children && children->type == ATL_OBJECT_DICT && i < children->size; i++) {
        const atl_object *child = children->u.items[2 * i + 1];
        const char *name = atl_object_text(children->u.items[2 * i], &ckpt->arena);
        if (child->type == ATL_OBJECT_NONE)
            continue;
        if (!name || !atl_official_is_module(child))
            return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                            "%s: something in '%s' is no module; the file is damaged", ckpt->path, prefix);
        const char *path = atl_arena_printf(&ckpt->arena, "%s%s.", prefix, name);
        if (!path)
            return ATL_NO_MEMORY;
        ATL_TRY(visit(w, path, child, depth + 1));
    }
    return ATL_OK;
}

atl_object *atl_official_flatten(atl_ckpt *ckpt, const atl_object *module) {
    walk w = { .ckpt = ckpt };
    atl_object *dict = atl_arena_alloc(&ckpt->arena, 1, sizeof *dict), *objects = NULL, **items = NULL;
    if (visit(&w, "", module, 0) == ATL_OK) {
        objects = atl_arena_alloc(&ckpt->arena, 2 * w.size + 1, sizeof *objects);
        items = atl_arena_alloc(&ckpt->arena, 2 * w.size + 1, sizeof *items);
    }
    bool good = dict && objects && items;
    for (size_t i = 0; good && i < w.size; i++) {
        const char *name = w.list[i].name;
        objects[2 * i] = (atl_object){ .type = ATL_OBJECT_STRING, .size = strlen(name), .u.text = name };
        objects[2 * i + 1] =
            (atl_object){ .type = ATL_OBJECT_TENSOR, .u.tensor = (atl_tensor *)w.list[i].tensor };
        items[2 * i] = &objects[2 * i];
        items[2 * i + 1] = &objects[2 * i + 1];
    }
    if (good)
        *dict = (atl_object){ .type = ATL_OBJECT_DICT, .size = w.size, .u.items = items };
    atl_free(ckpt->ctx, w.list);
    return good ? dict : NULL;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    walk w = { .ckpt = ckpt };
    atl_status status = visit(&w, "", ckpt->sources[index], 0);
    if (status == ATL_OK)
        status = atl_ckpt_load_tensors(ckpt, w.list, w.size, params);
    atl_free(ckpt->ctx, w.list);
    return status;
}

const atl_ckpt_layout atl_ckpt_official = {
    "pickle of StyleGAN2-ADA-PyTorch or StyleGAN3", probe, open_official, load,
    { ".pkl", "StyleGAN2-ADA-PyTorch, StyleGAN3, StyleGAN-XL and their forks",
      "G, D and G_ema with their attributes; the Python source inside is never run" },
};
