// SPDX-License-Identifier: Apache-2.0
// Opening a checkpoint: its container, then the table of layouts.
#include "ckpt/detector.h"
#include "ckpt/find.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/team.h"

static const atl_ckpt_layout *const layouts[] = {
    &atl_ckpt_native,   &atl_ckpt_aligner, &atl_ckpt_encoder, &atl_ckpt_official,
    &atl_ckpt_detector, &atl_ckpt_tf,      &atl_ckpt_named,   &atl_ckpt_rosinality,
    &atl_ckpt_genforce, &atl_ckpt_biggan,  &atl_ckpt_codes,
};

const char *atl_ckpt_layout_get(size_t index, const atl_ckpt_about **about) {
    if (index >= sizeof layouts / sizeof *layouts)
        return NULL;
    *about = &layouts[index]->about;
    return layouts[index]->name;
}

// A pickle begins with PROTO or, in the oldest protocol, with one of the opcodes that open a container or
// import.
static bool is_pickle(const atl_file *file) {
    return file->bytes > 1 && (file->data[0] == 0x80 || memcmp(file->data, "PK", 2) == 0 ||
                               memchr("(]}cd", file->data[0], 5) != NULL);
}

// A safetensors file, or pickled objects, plain or in a zip.
static atl_status open_container(atl_ckpt *ckpt) {
    atl_file file;
    if (atl_ckpt_is_address(ckpt->path))
        return atl_fail(ckpt->ctx, ATL_BAD_ARGUMENT,
                        "%s: is an address: download it first, then name the file", ckpt->path);
    ATL_TRY(atl_file_map(ckpt->ctx, ckpt->path, &file));
    if (atl_safetensors_is(file.data, file.bytes))
        return atl_arrays_open_file(ckpt->ctx, ckpt->path, &file, &ckpt->arrays);
    if (is_pickle(&file))
        return atl_torch_open_file(ckpt->ctx, ckpt->path, &file, true, &ckpt->objects);
    const char *what = atl_ckpt_no_checkpoint(&file);
    atl_file_unmap(&file);
    return atl_fail(ckpt->ctx, ATL_BAD_FILE, "%s: %s", ckpt->path, what);
}

static atl_status open_ckpt(atl_ckpt *ckpt) {
    ATL_TRY(open_container(ckpt));
    if (atl_ckpt_native.probe(ckpt))
        ckpt->layout = &atl_ckpt_native;
    else
        ATL_TRY(atl_ckpt_find(ckpt));
    if (!ckpt->layout && !ckpt->found_size)
        ATL_TRY(atl_ckpt_find_detectors(ckpt));
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts && !ckpt->layout; i++)
        if (layouts[i]->probe(ckpt))
            ckpt->layout = layouts[i];
    if (!ckpt->layout && ckpt->objects && atl_torch_is_script(ckpt->objects))
        return atl_fail(
            ckpt->ctx, ATL_UNSUPPORTED,
            "%s: is a TorchScript program, which is not run, and whose weights are those of no detector "
            "that is known: save the network's state_dict instead",
            ckpt->path);
    if (!ckpt->layout)
        return atl_fail(ckpt->ctx, ATL_UNSUPPORTED,
                        "%s: can be read, but holds no network in a layout that is known", ckpt->path);
    return ckpt->layout->open(ckpt);
}

atl_status atl_ckpt_open(atl_ctx *ctx, const char *path, atl_ckpt **ckpt) {
    return atl_ckpt_open_assuming(ctx, path, NULL, ckpt);
}

atl_status atl_ckpt_open_assuming(atl_ctx *ctx, const char *path, const char *assume, atl_ckpt **ckpt) {
    *ckpt = NULL;
    atl_ckpt *c = atl_calloc(ctx, 1, sizeof *c);
    if (!c)
        return ATL_NO_MEMORY;
    c->ctx = ctx;
    atl_arena_init(&c->arena, ctx, 0);
    c->path = atl_arena_string(&c->arena, path, strlen(path));
    atl_status status = c->path ? atl_ckpt_read_assumptions(c, assume) : ATL_NO_MEMORY;
    if (status == ATL_OK)
        status = open_ckpt(c);
    if (status == ATL_OK)
        status = atl_ckpt_apply_assumptions(c);
    if (status != ATL_OK)
        atl_ckpt_close(&c);
    *ckpt = c;
    return atl_name_file(ctx, status, path);
}

void atl_ckpt_close(atl_ckpt **ckpt) {
    if (!ckpt || !*ckpt)
        return;
    atl_ckpt *c = *ckpt;
    atl_ctx *ctx = c->ctx;
    for (size_t i = 0; i < c->size; i++)
        json_decref(c->configs[i]);
    for (size_t i = 0; c->detectors && i < c->detectors->size; i++)
        json_decref(c->detectors->list[i].config); // of those that were not opened
    json_decref(c->record);
    json_decref(c->description);
    json_decref(c->assumed);
    json_decref(c->consulted);
    atl_arrays_close(&c->arrays);
    atl_torch_close(&c->objects);
    atl_free(ctx, c->nets);
    atl_free(ctx, c->sources);
    atl_free(ctx, c->configs);
    atl_free(ctx, c->left);
    atl_arena_clear(&c->arena);
    atl_free(ctx, c);
    *ckpt = NULL;
}

static atl_status make_room(atl_ckpt *c) {
    if (c->size < c->room)
        return ATL_OK;
    size_t room = c->room ? c->room * 2 : 4;
    atl_ckpt_net *nets = atl_grow(c->ctx, c->nets, c->size, room, sizeof *nets);
    if (!nets)
        return ATL_NO_MEMORY;
    c->nets = nets;
    const void **sources = atl_grow(c->ctx, c->sources, c->size, room, sizeof *sources);
    if (!sources)
        return ATL_NO_MEMORY;
    c->sources = sources;
    json_t **configs = atl_grow(c->ctx, c->configs, c->size, room, sizeof *configs);
    if (!configs)
        return ATL_NO_MEMORY;
    c->configs = configs;
    c->room = room;
    return ATL_OK;
}

atl_status atl_ckpt_add(atl_ckpt *ckpt, const char *key, const char *kind, json_t *config, const char *why,
                        const void *source) {
    if (!config || make_room(ckpt) != ATL_OK) {
        json_decref(config);
        return atl_fail(ckpt->ctx, ATL_NO_MEMORY, "%s: out of memory", ckpt->path);
    }
    ckpt->nets[ckpt->size] = (atl_ckpt_net){ key, kind, config, why };
    ckpt->sources[ckpt->size] = source;
    ckpt->configs[ckpt->size] = config;
    ckpt->size++;
    return ATL_OK;
}

atl_status atl_ckpt_leave(atl_ckpt *ckpt, const char *name) {
    if (!name)
        return ATL_NO_MEMORY;
    if (ckpt->left_size == ckpt->left_room) {
        size_t room = ckpt->left_room ? ckpt->left_room * 2 : 16;
        const char **left = atl_grow(ckpt->ctx, ckpt->left, ckpt->left_size, room, sizeof *left);
        if (!left)
            return ATL_NO_MEMORY;
        ckpt->left = left;
        ckpt->left_room = room;
    }
    ckpt->left[ckpt->left_size++] = name;
    return ATL_OK;
}

const char *const *atl_ckpt_leftover(const atl_ckpt *ckpt, size_t *count) {
    *count = ckpt->left_size;
    return ckpt->left;
}

atl_ctx *atl_ckpt_ctx(const atl_ckpt *ckpt) {
    return ckpt->ctx;
}

const char *atl_ckpt_format(const atl_ckpt *ckpt) {
    return ckpt->layout->name;
}

const json_t *atl_ckpt_record(const atl_ckpt *ckpt) {
    return ckpt->record;
}

size_t atl_ckpt_size(const atl_ckpt *ckpt) {
    return ckpt->size;
}

const atl_ckpt_net *atl_ckpt_get(const atl_ckpt *ckpt, size_t index) {
    return index < ckpt->size ? &ckpt->nets[index] : NULL;
}

static bool all_finite(const float *x, size_t count) {
    uint32_t worst = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffffu;
        worst = bits > worst ? bits : worst;
    }
    return worst < 0x7f800000u;
}

enum { PART = 1 << 18 }; // floats that a thread looks at in one go

typedef struct looking {
    const atl_params *params;
    atomic_bool damaged;
} looking;

static void look_at_parts(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    looking *l = job;
    size_t from = (size_t)first * PART, to = (size_t)end * PART;
    to = to < l->params->total ? to : l->params->total;
    if (!all_finite(l->params->data + from, to - from))
        atomic_store(&l->damaged, true);
}

// The whole span, with all threads: what lies between parameters is zeros.
static atl_status check_finite(const atl_ckpt *ckpt, size_t index, const atl_params *params) {
    atl_team *team;
    looking l = { .params = params };
    ATL_TRY(atl_team_open(ckpt->ctx, ckpt->ctx->threads, &team));
    atl_team_run(team, (int64_t)((params->total + PART - 1) / PART), 1, look_at_parts, &l);
    atl_team_close(&team);
    for (size_t i = 0; atomic_load(&l.damaged) && i < params->size; i++)
        if (!all_finite(atl_param_data(params, &params->list[i]), params->list[i].count))
            return atl_fail(ckpt->ctx, ATL_BAD_FILE,
                            "%s: %s.%s holds infinite values or NaN; the network was damaged in "
                            "training or on its way",
                            ckpt->path, ckpt->nets[index].key, params->list[i].name);
    return ATL_OK;
}

atl_status atl_ckpt_load(atl_ckpt *ckpt, size_t index, atl_params *params) {
    if (index >= ckpt->size)
        return atl_fail(ckpt->ctx, ATL_BAD_ARGUMENT, "%s: has %zu networks; number %zu was asked for",
                        ckpt->path, ckpt->size, index);
    ckpt->left_size = 0;
    ATL_TRY(ckpt->layout->load(ckpt, index, params));
    return check_finite(ckpt, index, params);
}

typedef struct reading {
    atl_torch *objects;
    const atl_ckpt_tensor *list;
    atl_params *params;
} reading;

// Whose values lie in the mapped file: reading them changes nothing and can't fail.
static bool is_at_hand(const atl_tensor *t) {
    return t->storage && t->storage->data;
}

static void read_some(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const reading *r = job;
    for (int64_t i = first; i < end; i++)
        if (is_at_hand(r->list[i].tensor))
            (void)atl_tensor_read_f32(r->objects, r->list[i].tensor,
                                      atl_param_data(r->params, &r->params->list[i]));
}

static atl_status read_at_hand(atl_ckpt *ckpt, const atl_ckpt_tensor *list, size_t count,
                               atl_params *params) {
    atl_team *team;
    ATL_TRY(atl_team_open(ckpt->ctx, ckpt->ctx->threads, &team));
    reading r = { ckpt->objects, list, params };
    atl_team_run(team, (int64_t)count, 1 + (int64_t)(count * PART / (params->total + 1)), read_some, &r);
    atl_team_close(&team);
    return ATL_OK;
}

atl_status atl_ckpt_load_tensors(atl_ckpt *ckpt, const atl_ckpt_tensor *list, size_t count,
                                 atl_params *params) {
    for (size_t i = 0; i < count; i++)
        ATL_TRY(atl_params_add(params, list[i].name, list[i].tensor->rank, list[i].tensor->dims,
                               list[i].buffer, NULL));
    ATL_TRY(atl_params_allocate(params));
    ATL_TRY(read_at_hand(ckpt, list, count, params));
    atl_ckpt_place *places = atl_alloc(ckpt->ctx, count + 1, sizeof *places);
    atl_status status = places ? ATL_OK : ATL_NO_MEMORY;
    for (size_t i = 0; places && i < count; i++)
        places[i] = (atl_ckpt_place){ list[i].tensor->storage, i };
    if (places)
        atl_ckpt_sort_places(places, count);
    for (size_t k = 0; status == ATL_OK && k < count; k++) {
        size_t i = places[k].index;
        if (!is_at_hand(list[i].tensor))
            status =
                atl_tensor_read_f32(ckpt->objects, list[i].tensor, atl_param_data(params, &params->list[i]));
    }
    atl_free(ckpt->ctx, places);
    return status;
}

static int compare_places(const void *a_, const void *b_) {
    const atl_ckpt_place *a = a_, *b = b_;
    uintptr_t x = (uintptr_t)a->storage, y = (uintptr_t)b->storage;
    if (x != y)
        return x < y ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

void atl_ckpt_sort_places(atl_ckpt_place *places, size_t count) {
    qsort(places, count, sizeof *places, compare_places);
}
