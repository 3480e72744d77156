// SPDX-License-Identifier: Apache-2.0
// Files of detectors as a flat list of tensors, and what becomes of it: ckpt/detector.h.
#include "ckpt/detector.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MOST = 12, VISITS_MOST = 20000, TENSORS_MOST = 4096, NAME_MOST = 200 };

// ---- flattening

typedef struct walk {
    atl_flat *flat;
    size_t room;
    int visits;
} walk;

static atl_status add(walk *w, const char *path, const atl_object *value) {
    atl_flat *f = w->flat;
    if (f->size == TENSORS_MOST)
        return ATL_OK;
    if (f->size == w->room) {
        size_t room = w->room ? 2 * w->room : 128;
        atl_flat_tensor *list = atl_grow(f->ckpt->ctx, f->list, f->size, room, sizeof *list);
        if (!list)
            return ATL_NO_MEMORY;
        f->list = list;
        w->room = room;
    }
    char *name = atl_arena_printf(&f->ckpt->arena, "%s", path);
    if (!name)
        return ATL_NO_MEMORY;
    for (char *p = name; *p; p++)
        if (*p == '.' || *p == '/')
            *p = '_';
    f->list[f->size++] = (atl_flat_tensor){ name, value };
    return ATL_OK;
}

// What holds the parts of a module or a network is no part of their names.
static bool is_holder(const char *key) {
    static const char *const holders[] = { "_modules", "_parameters", "_buffers", "variables", "components" };
    for (size_t i = 0; i < sizeof holders / sizeof *holders; i++)
        if (!strcmp(key, holders[i]))
            return true;
    return false;
}

static atl_status visit(walk *w, const atl_object *o, const char *path, int depth);

static atl_status visit_named(walk *w, const atl_object *key, const atl_object *value, const char *path,
                              int depth) {
    atl_arena *arena = &w->flat->ckpt->arena;
    const char *text = key->type == ATL_OBJECT_STRING ? atl_object_text(key, arena) : NULL;
    bool leads_on = value->type == ATL_OBJECT_TENSOR || value->type == ATL_OBJECT_DICT ||
                    value->type == ATL_OBJECT_INSTANCE || value->type == ATL_OBJECT_LIST ||
                    value->type == ATL_OBJECT_TUPLE;
    if (!text || !leads_on || strlen(path) + strlen(text) + 2 > NAME_MOST)
        return ATL_OK;
    if (is_holder(text))
        return visit(w, value, path, depth + 1);
    const char *full = atl_arena_printf(arena, "%s%s%s", path, path[0] ? "." : "", text);
    return full ? visit(w, value, full, depth + 1) : ATL_NO_MEMORY;
}

static bool is_pair(const atl_object *o) {
    return (o->type == ATL_OBJECT_TUPLE || o->type == ATL_OBJECT_LIST) && o->size == 2 &&
           o->u.items[0]->type == ATL_OBJECT_STRING;
}

static atl_status visit(walk *w, const atl_object *o, const char *path, int depth) {
    if (o && o->type == ATL_OBJECT_TENSOR)
        return path[0] ? add(w, path, o) : ATL_OK;
    if (o && o->type == ATL_OBJECT_INSTANCE) {
        o = o->u.instance->dict ? o->u.instance->dict : o->u.instance->state;
        if (o && o->type == ATL_OBJECT_TUPLE && o->size == 2) // with slots
            o = o->u.items[0];
    }
    if (!o || depth > DEPTH_MOST)
        return ATL_OK;
    bool dict = o->type == ATL_OBJECT_DICT, list = o->type == ATL_OBJECT_LIST || o->type == ATL_OBJECT_TUPLE;
    for (size_t i = 0; (dict || list) && i < o->size && w->visits++ < VISITS_MOST; i++) {
        const atl_object *item = o->u.items[dict ? 2 * i : i];
        if (dict)
            ATL_TRY(visit_named(w, item, o->u.items[2 * i + 1], path, depth));
        else if (is_pair(item))
            ATL_TRY(visit_named(w, item->u.items[0], item->u.items[1], path, depth));
        else
            ATL_TRY(visit(w, item, path, depth + 1));
    }
    return ATL_OK;
}

// ---- looking up

static const atl_object *find(const atl_flat *flat, const char *name) {
    for (size_t i = 0; i < flat->size; i++)
        if (!strcmp(flat->list[i].name, name))
            return flat->list[i].value;
    return NULL;
}

const atl_object *atl_flat_find(const atl_flat *flat, const char *format, ...) {
    char name[2 * NAME_MOST];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return length > 0 && (size_t)length < sizeof name ? find(flat, name) : NULL;
}

const char *atl_flat_prefix(const atl_flat *flat, const char *end) {
    size_t tail = strlen(end);
    for (size_t i = 0; i < flat->size; i++) {
        const char *name = flat->list[i].name;
        size_t size = strlen(name);
        if (size >= tail && !strcmp(name + size - tail, end) &&
            (size == tail || name[size - tail - 1] == '_'))
            return atl_arena_string(&flat->ckpt->arena, name, size - tail);
    }
    return NULL;
}

// ---- parameters

atl_found_detector *atl_detector_add(atl_ckpt *ckpt, const char *key, const char *kind, size_t most) {
    struct atl_ckpt_detectors *all = ckpt->detectors;
    if (!all)
        all = ckpt->detectors = atl_arena_alloc(&ckpt->arena, 1, sizeof *all);
    if (!all || all->size == ATL_FOUND_DETECTORS)
        return NULL;
    atl_found_detector *d = &all->list[all->size];
    *d = (atl_found_detector){ .key = key, .kind = kind, .room = most };
    d->list = atl_arena_alloc(&ckpt->arena, most, sizeof *d->list);
    if (!d->list)
        return NULL;
    all->size++;
    return d;
}

atl_status atl_detector_done(atl_ckpt *ckpt, const atl_found_detector *d) {
    return d->config ? ATL_OK
                     : atl_fail(ckpt->ctx, ATL_NO_MEMORY, "%s: out of memory for a config", ckpt->path);
}

static bool put(atl_ckpt *ckpt, atl_found_detector *d, const char *name, const atl_ckpt_source *source) {
    const char *copy = d->size < d->room ? atl_arena_string(&ckpt->arena, name, strlen(name)) : NULL;
    if (!copy)
        return false;
    d->list[d->size] = *source;
    d->list[d->size].name = copy;
    d->list[d->size++].from = copy;
    return true;
}

static const atl_tensor *numbers(const atl_object *value) {
    return value && value->type == ATL_OBJECT_TENSOR && atl_tensor_dtype(value->u.tensor) >= 0
               ? value->u.tensor
               : NULL;
}

static bool is_shape(const atl_tensor *t, int64_t a, int64_t b, int64_t c, int64_t d) {
    const int64_t want[4] = { a, b, c, d };
    bool same = t->rank == 4;
    for (int i = 0; same && i < 4; i++)
        same = !want[i] || t->dims[i] == want[i];
    return same;
}

bool atl_detector_conv(atl_ckpt *ckpt, atl_found_detector *d, const char *name, const atl_object *value,
                       atl_wanted w) {
    const atl_tensor *t = numbers(value);
    if (!t)
        return false;
    bool plain = is_shape(t, w.out, w.in, w.kh, w.kw), turned = is_shape(t, w.kh, w.kw, w.in, w.out);
    atl_ckpt_source s = { .value = value, .rank = 4, .change = plain ? ATL_CHANGE_NONE : ATL_CHANGE_HWIO };
    return (plain || turned) && put(ckpt, d, name, &s);
}

bool atl_detector_dense(atl_ckpt *ckpt, atl_found_detector *d, const char *name, const atl_object *value,
                        int64_t out, int64_t in, bool turned) {
    const atl_tensor *t = numbers(value);
    if (!t || t->rank != 2 || t->dims[turned] != out || t->dims[!turned] != in)
        return false;
    atl_ckpt_source s = { .value = value,
                          .rank = 2,
                          .change = turned ? ATL_CHANGE_TRANSPOSE : ATL_CHANGE_NONE };
    return put(ckpt, d, name, &s);
}

bool atl_detector_vector(atl_ckpt *ckpt, atl_found_detector *d, const char *name, const atl_object *value,
                         int64_t count, bool buffer) {
    const atl_tensor *t = numbers(value);
    int drop = 0;
    while (t && drop < t->rank && t->dims[drop] == 1 && count != 1)
        drop++;
    if (!t || drop >= t->rank || t->dims[drop] != count || atl_tensor_count(t) != count)
        return false;
    atl_ckpt_source s = { .value = value, .drop = drop, .rank = 1, .buffer = buffer };
    return put(ckpt, d, name, &s);
}

// ---- the layout

atl_status atl_ckpt_find_detectors(atl_ckpt *ckpt) {
    atl_flat flat = { .ckpt = ckpt };
    walk w = { .flat = &flat };
    atl_status status = visit(&w, ckpt->tree, "", 0);
    if (status == ATL_OK)
        status = atl_find_inception(&flat);
    if (status == ATL_OK)
        status = atl_find_lpips(&flat);
    if (status == ATL_OK)
        status = atl_find_resnet(&flat);
    atl_free(ckpt->ctx, flat.list);
    return status == ATL_OK && ckpt->ctx->status == ATL_NO_MEMORY ? ATL_NO_MEMORY
                                                                  : status; // a name that was not made
}

static bool probe(const atl_ckpt *ckpt) {
    return ckpt->detectors && ckpt->detectors->size;
}

static atl_status open_detectors(atl_ckpt *ckpt) {
    for (size_t i = 0; i < ckpt->detectors->size; i++) {
        atl_found_detector *d = &ckpt->detectors->list[i];
        json_t *config = d->config;
        d->config = NULL;
        ATL_TRY(atl_ckpt_add(ckpt, d->key, d->kind, config, NULL, d));
    }
    return ATL_OK;
}

static atl_status collect(atl_ckpt *ckpt, const void *network, atl_ckpt_sources *sources) {
    const atl_found_detector *d = network;
    for (size_t i = 0; i < d->size; i++)
        ATL_TRY(atl_ckpt_sources_add(ckpt, sources, &d->list[i]));
    return ATL_OK;
}

static atl_status load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    return atl_ckpt_load_mapped(ckpt, index, collect, params);
}

const atl_ckpt_layout atl_ckpt_detector = {
    "file of a detector (Inception, VGG16, ResNet, LPIPS and its backbones)",
    probe,
    open_detectors,
    load,
    { ".pt, .pth, .pkl",
      "the official metrics (TorchScript, pickled modules, TensorFlow), ports of FID, torchvision, LPIPS",
      "the networks by the names and shapes of their tensors; code in the file is never run" },
};
