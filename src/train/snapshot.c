// SPDX-License-Identifier: Apache-2.0
// Snapshots: Atelier's own checkpoint with G, D and G_ema, and beside them the moments of both optimisers as
// tensors "optimizer.G.m.NAME" and "optimizer.G.v.NAME", their counts of steps, and one entry of the
// metadata:
//
//     "atelier.training": { "version": 2, "iteration": ..., "images": ..., "augment_p": ..., ..., "options":
//     {...} }
//
// Random numbers need no state (they are functions of seed and iteration), nor does the order of the pictures
// (a function of seed and images).  Restoring checks everything before it changes anything.
#define _XOPEN_SOURCE 700 // realpath
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/ckpt.h"
#include "io/arrays.h"
#include "train/describe.h"
#include "train/fields.h"
#include "train/snapshot.h"
#include "train/trainer.h"
#include "train/whole.h"

// ---- writing

typedef struct extras {
    atl_arena arena;
    atl_array *list;
    size_t size;
    bool lost; // memory was missing
} extras;

static void put(extras *e, const char *format, const char *key, const char *name, atl_dtype dtype, int rank,
                const int64_t *dims, const void *data) {
    atl_array *a = &e->list[e->size++];
    *a = (atl_array){ .dtype = dtype, .rank = rank, .data = data };
    memcpy(a->dims, dims, sizeof *dims * (size_t)rank);
    a->name = atl_arena_printf(&e->arena, format, key, name);
    e->lost = e->lost || !a->name;
}

static void put_optimizer(extras *e, const char *key, const atl_adam *adam, const atl_params *params) {
    uint64_t *steps = atl_arena_alloc(&e->arena, adam->n_parts, sizeof *steps);
    int64_t count = (int64_t)adam->n_parts;
    if (!steps) {
        e->lost = true;
        return;
    }
    for (size_t i = 0; i < adam->n_parts; i++)
        steps[i] = adam->parts[i].steps;
    put(e, "optimizer.%s.%s", key, "steps", ATL_U64, 1, &count, steps);
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        if (p->buffer)
            continue;
        put(e, "optimizer.%s.m.%s", key, p->name, ATL_F32, p->rank, p->dims, adam->m + p->offset);
        put(e, "optimizer.%s.v.%s", key, p->name, ATL_F32, p->rank, p->dims, adam->v + p->offset);
        if (adam->slow)
            put(e, "optimizer.%s.slow.%s", key, p->name, ATL_F32, p->rank, p->dims, adam->slow + p->offset);
    }
}

// What the recipe remembers besides: "state.pool.real".
static void put_state(const atl_trainer *t, extras *e) {
    const char *name;
    size_t size;
    float *span;
    for (int i = 0; t->recipe->state && (span = t->recipe->state(t, i, &name, &size)) != NULL; i++) {
        int64_t count = (int64_t)size;
        put(e, "%s.%s", "state", name, ATL_F32, 1, &count, span);
    }
}

// The names of networks in the file: of G, of D and of the average of G.
static const char *const *keys_of(const atl_trainer *t) {
    static const char *const KEYS[] = { "G", "D", "G_ema" };
    return t->recipe->keys ? t->recipe->keys : KEYS;
}

// A sum over all tensors that are written.
static atl_status sum_of(atl_trainer *t, const extras *e, uint64_t *sum) {
    *sum = 0;
    if (!isfinite(t->state.pl_mean) || !isfinite(t->sign_sum))
        return atl_fail(
            t->ctx, ATL_BAD_ARGUMENT,
            "the moving mean of path lengths or the sum of signs is not finite: nothing is saved");
    const char *const *keys = keys_of(t);
    ATL_TRY(atl_whole_params(t->ctx, keys[0], &t->g.params, sum));
    if (t->d.row)
        ATL_TRY(atl_whole_params(t->ctx, keys[1], &t->d.params, sum));
    ATL_TRY(atl_whole_params(t->ctx, keys[2], &t->g_ema.params, sum));
    const atl_network *kept;
    const char *key;
    for (int i = 0; t->recipe->kept && (kept = t->recipe->kept(t, i, &key)) != NULL; i++)
        ATL_TRY(atl_whole_params(t->ctx, key, &kept->params, sum));
    for (size_t i = 0; i < e->size; i++)
        ATL_TRY(atl_whole_array(t->ctx, &e->list[i], sum));
    return ATL_OK;
}

static json_t *derived_json(atl_json *b, uint64_t derived) {
    size_t count;
    const atl_train_field *fields = atl_train_fields(&count);
    json_t *list = atl_json_list(b);
    for (size_t i = 0; i < count; i++)
        if (derived & atl_train_field_bit(&fields[i]))
            atl_json_add(b, list, atl_json_string(b, fields[i].name));
    return list;
}

static atl_status state_text(atl_trainer *t, uint64_t sum, char **text) {
    const atl_train_state *s = &t->state;
    char sum_text[ATL_WHOLE_TEXT];
    atl_json b = { .ctx = t->ctx };
    json_t *json = atl_json_object(&b);
    atl_whole_text(sum, sum_text);
    atl_json_set(&b, json, "version", json_integer(ATL_TRAIN_RECORD_VERSION));
    atl_json_set(&b, json, "sum", atl_json_string(&b, sum_text));
    atl_json_set(&b, json, "iteration", json_integer((json_int_t)s->iteration));
    atl_json_set(&b, json, "images", json_integer((json_int_t)s->images));
    atl_json_set(&b, json, "staged", json_integer((json_int_t)t->staged));
    atl_json_set(&b, json, "augment_p", atl_json_number(&b, s->augment_p));
    atl_json_set(&b, json, "pl_mean", atl_json_number(&b, s->pl_mean));
    atl_json_set(&b, json, "sign_sum", atl_json_number(&b, t->sign_sum));
    atl_json_set(&b, json, "sign_count", atl_json_number(&b, t->sign_count));
    atl_json_set(&b, json, "options", atl_train_options_json(&b, &t->options));
    atl_json_set(&b, json, "derived", derived_json(&b, t->derived));
    atl_json_set(&b, json, "kernels", atl_json_string(&b, atl_ctx_cpu(t->ctx)));
    atl_json_set(&b, json, "direct", json_boolean(t->ctx->direct));
    if (t->data) {
        char *place = realpath(t->options.data, NULL);
        atl_json_set(&b, json, "place", atl_json_string(&b, place ? place : t->options.data));
        atl_json_set(&b, json, "set", atl_set_print_json(&b, &t->print));
        free(place);
    }
    return atl_json_text(&b, json, JSON_COMPACT | JSON_REAL_PRECISION(17), // 17 digits: exact
                         "the record of the run", text);
}

enum {
    STATES = 4,
    PER_PARAM = 3,
    NETWORKS = 5
}; // spans of a recipe; tensors of an optimiser; networks, at most

// Lists the networks; returns how many.
static size_t list_networks(const atl_trainer *t, atl_ckpt_out nets[NETWORKS]) {
    const atl_network *all[NETWORKS] = { &t->g, &t->d, &t->g_ema };
    const char *keys[NETWORKS] = { keys_of(t)[0], keys_of(t)[1], keys_of(t)[2] };
    size_t count = 0;
    int listed = 3;
    while (t->recipe->kept && listed < NETWORKS &&
           (all[listed] = t->recipe->kept(t, listed - 3, &keys[listed])) != NULL)
        listed++;
    for (int i = 0; i < listed; i++)
        if (all[i]->row)
            nets[count++] = (atl_ckpt_out){ keys[i], all[i]->row->kind, all[i]->json, &all[i]->params, NULL };
    return count;
}

// Moments, states and the record; text is freed by the caller.
static atl_status gather(atl_trainer *t, extras *e, char **text) {
    uint64_t sum;
    e->list = atl_arena_alloc(&e->arena, PER_PARAM * (t->g.params.size + t->d.params.size) + 2 + STATES,
                              sizeof *e->list);
    if (!e->list)
        return ATL_NO_MEMORY;
    put_optimizer(e, keys_of(t)[0], &t->adam_g, &t->g.params);
    if (t->d.row)
        put_optimizer(e, keys_of(t)[1], &t->adam_d, &t->d.params);
    put_state(t, e);
    if (e->lost)
        return ATL_NO_MEMORY;
    ATL_TRY(sum_of(t, e, &sum));
    return state_text(t, sum, text);
}

atl_status atl_trainer_save(atl_trainer *t, const char *path) {
    extras e = { .lost = false };
    if (t->halfway)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: not written: the last step failed half way", path);
    ATL_TRY(atl_trainer_mark_level(t));
    atl_trainer_fetch(t);
    atl_arena_init(&e.arena, t->ctx, 0);
    char *text = NULL;
    atl_status status = gather(t, &e, &text);
    if (status == ATL_OK) {
        atl_pair pair = { ATL_TRAIN_RECORD, text };
        atl_ckpt_extra extra = { e.list, e.size, &pair, 1 };
        atl_ckpt_out nets[NETWORKS];
        size_t count = list_networks(t, nets);
        status = atl_ckpt_write(t->ctx, path, nets, count, NULL, &extra, ATL_F32);
    }
    atl_free(t->ctx, text);
    atl_arena_clear(&e.arena);
    return status;
}

// ---- reading

// The tensor of that name, which must have the parameter's shape.
static atl_status tensor(atl_ctx *ctx, const char *path, const atl_arrays *file, const char *name,
                         atl_dtype dtype, int rank, const int64_t *dims, const atl_array **found) {
    const atl_array *a = atl_arrays_find(file, name);
    if (!a)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "%s: has no %s, which this run needs: it was made with another cfg, cbase, cmax, map-depth, "
            "cond or pictures",
            path, name);
    if (a->dtype != dtype || a->rank != rank || memcmp(a->dims, dims, sizeof *dims * (size_t)rank) != 0)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "%s: %s has another shape than in this run: it was made with another cfg, cbase, cmax, "
            "map-depth, cond or pictures",
            path, name);
    *found = a;
    return ATL_OK;
}

// One loop for both passes: copy false only checks.
static atl_status read_params(atl_ctx *ctx, const char *path, const atl_arrays *file, const char *prefix,
                              const atl_params *like, bool buffers, bool copy, float *span) {
    char name[512];
    for (size_t i = 0; i < like->size; i++) {
        const atl_param *p = &like->list[i];
        const atl_array *a = NULL;
        if (p->buffer && !buffers)
            continue;
        snprintf(name, sizeof name, "%s.%s", prefix, p->name);
        ATL_TRY(tensor(ctx, path, file, name, ATL_F32, p->rank, p->dims, &a));
        if (copy)
            atl_array_read_f32(a, 0, (int64_t)p->count, span + p->offset);
    }
    return ATL_OK;
}

static atl_status read_optimizer(atl_ctx *ctx, const char *path, const atl_arrays *file, const char *key,
                                 const atl_params *like, bool copy, atl_adam *adam) {
    char name[64];
    const atl_array *steps = NULL;
    int64_t count = (int64_t)adam->n_parts;
    snprintf(name, sizeof name, "optimizer.%s.steps", key);
    ATL_TRY(tensor(ctx, path, file, name, ATL_U64, 1, &count, &steps));
    for (size_t i = 0; copy && i < adam->n_parts; i++)
        memcpy(&adam->parts[i].steps, (const char *)steps->data + i * sizeof(uint64_t), sizeof(uint64_t));
    snprintf(name, sizeof name, "optimizer.%s.m", key);
    ATL_TRY(read_params(ctx, path, file, name, like, false, copy, adam->m));
    snprintf(name, sizeof name, "optimizer.%s.v", key);
    ATL_TRY(read_params(ctx, path, file, name, like, false, copy, adam->v));
    snprintf(name, sizeof name, "optimizer.%s.slow", key);
    return adam->slow ? read_params(ctx, path, file, name, like, false, copy, adam->slow) : ATL_OK;
}

static atl_status read_state(atl_trainer *t, const char *path, const atl_arrays *file, bool copy) {
    const char *name;
    size_t size;
    float *span;
    for (int i = 0; t->recipe->state && (span = t->recipe->state(t, i, &name, &size)) != NULL; i++) {
        char full[64];
        const atl_array *a = NULL;
        int64_t count = (int64_t)size;
        snprintf(full, sizeof full, "state.%s", name);
        ATL_TRY(tensor(t->ctx, path, file, full, ATL_F32, 1, &count, &a));
        if (copy)
            atl_array_read_f32(a, 0, count, span);
    }
    return ATL_OK;
}

static atl_status read_all(atl_trainer *t, const char *path, const atl_arrays *file, bool copy) {
    const char *const *keys = keys_of(t);
    ATL_TRY(read_params(t->ctx, path, file, keys[0], &t->g.params, true, copy, t->g.params.data));
    if (t->d.row)
        ATL_TRY(read_params(t->ctx, path, file, keys[1], &t->d.params, true, copy, t->d.params.data));
    ATL_TRY(read_params(t->ctx, path, file, keys[2], &t->g_ema.params, true, copy, t->g_ema.params.data));
    ATL_TRY(read_optimizer(t->ctx, path, file, keys[0], &t->g.params, copy, &t->adam_g));
    if (t->d.row)
        ATL_TRY(read_optimizer(t->ctx, path, file, keys[1], &t->d.params, copy, &t->adam_d));
    return read_state(t, path, file, copy);
}

static void take(atl_trainer *t, const atl_train_record *r) {
    t->state.iteration = (uint64_t)r->iteration;
    t->state.images = (uint64_t)r->images;
    t->staged = (uint64_t)r->staged;
    if (t->options.aug == ATL_AUG_ADA)
        t->state.augment_p = t->options.initial_p >= 0.0 ? t->options.initial_p : r->augment_p;
    t->state.pl_mean = r->pl_mean;
    t->sign_sum = r->sign_sum;
    t->sign_count = r->sign_count;
    atl_loader_close(&t->loader); // opened again at the new position
}

static double recorded_number(const atl_train_field *f, const json_t *value) {
    const char *word = json_string_value(value);
    return f->kind == ATL_TRAIN_CHOICE ? (word ? atl_train_field_index(f, word) : -1)
                                       : json_number_value(value);
}

// What was derived before and has the same value now is still derived.
static uint64_t still_derived(const json_t *record, const atl_train_options *o) {
    size_t at;
    uint64_t derived = 0;
    const json_t *options = json_object_get(record, "options"), *item;
    json_array_foreach(json_object_get(record, "derived"), at, item) {
        const char *name = json_string_value(item);
        const atl_train_field *f = name ? atl_train_field_find(name) : NULL;
        if (f && f->kind != ATL_TRAIN_TEXT &&
            recorded_number(f, json_object_get(options, name)) == atl_train_field_number(f, o))
            derived |= atl_train_field_bit(f);
    }
    return derived;
}

static atl_status other_pictures(atl_ctx *ctx, const char *path, const char *data, const char *what) {
    return atl_fail(ctx, ATL_BAD_ARGUMENT,
                    "%s: the pictures of its run were others: %s %s; with them it can go on, and from its "
                    "networks a new run can start",
                    path, data, what);
}

// A cfg of another family has other networks; the options of the record say which.
static atl_status check_family(atl_trainer *t, const char *path, const atl_arrays *file) {
    json_t *json;
    ATL_TRY(atl_train_record_find(t->ctx, path, file, &json));
    const char *cfg = json_string_value(json_object_get(json_object_get(json, "options"), "cfg"));
    const char *family = cfg ? atl_train_family(cfg) : NULL;
    atl_status status = ATL_OK;
    if (family && atl_recipe_find(family) != t->recipe && atl_recipe_find(t->recipe->family) == t->recipe)
        status = atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                          "%s: was trained with cfg %s, and this run has cfg %s: it can go on with its own",
                          path, cfg, t->options.cfg);
    json_decref(json);
    return status;
}

// Before anything is changed but for what is remembered of options.
static atl_status check_set(atl_trainer *t, const char *path, const atl_arrays *file) {
    char what[ATL_TRAIN_DIFFERENCE];
    json_t *json;
    atl_set_print before;
    ATL_TRY(atl_train_record_find(t->ctx, path, file, &json));
    t->derived |= still_derived(json, &t->options);
    bool differs = t->data && atl_set_print_parse(json_object_get(json, "set"), &before) &&
                   atl_set_print_differs(&before, &t->print, what, sizeof what);
    json_decref(json);
    return differs ? other_pictures(t->ctx, path, t->options.data, what) : ATL_OK;
}

atl_status atl_trainer_restore(atl_trainer *t, const char *path) {
    atl_arrays *file;
    atl_train_record r = { 0 };
    atl_trainer_fetch(t); // buffers have no moments: what the file doesn't hold stays
    ATL_TRY(atl_arrays_open(t->ctx, path, &file));
    atl_status status = atl_train_record_read(t->ctx, path, file, &r);
    if (status == ATL_OK)
        status = check_family(t, path, file);
    if (status == ATL_OK)
        status = check_set(t, path, file);
    if (status == ATL_OK)
        status = read_all(t, path, file, false);
    if (status == ATL_OK)
        status = atl_trainer_enter(t, (uint64_t)r.staged);
    if (status == ATL_OK)
        status = read_all(t, path, file, true);
    if (status == ATL_OK) {
        atl_trainer_changed(t);
        take(t, &r);
    }
    atl_arrays_close(&file);
    return status;
}
