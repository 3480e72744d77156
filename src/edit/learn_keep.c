// SPDX-License-Identifier: Apache-2.0
// What learns to align as a file: Atelier's own checkpoint of T_ema, T and target, which aligns, and beside
// the networks the moments of both optimisers and one entry of the metadata that says what the learning is:
//
//     "atelier.congeal": { "version": 1, "step": ..., "print": ..., "options": {...} }
//
// Random numbers are functions of seed and step.  Restoring checks everything before it changes anything.
#include "edit/learn.h"

#include <stdio.h>
#include <string.h>

#include "graph/resident.h"
#include "io/arrays.h"
#include "io/json.h"

enum { VERSION = 1, NAME_MOST = 512 };

static const char KEY[] = "atelier.congeal";

static bool has_classifier(const atl_congeal_trainer *t) {
    return t->judging.net.network.ctx != NULL;
}

// All that is learnt: T, the target, the average, the classifier where there is one.
static size_t list_params(atl_congeal_trainer *t, atl_params *list[4]) {
    list[0] = &t->t.network.params;
    list[1] = &t->target.network.params;
    list[2] = &t->average.params;
    list[3] = &t->judging.net.network.params;
    return has_classifier(t) ? 4 : 3;
}

static void fetch(atl_congeal_trainer *t) {
    atl_params *list[4];
    for (size_t i = 0, count = list_params(t, list); i < count; i++)
        atl_resident_fetch(t->backend, list[i]->data, list[i]->total);
    atl_adam_fetch(&t->t.adam);
    atl_adam_fetch(&t->target.adam);
    if (has_classifier(t))
        atl_adam_fetch(&t->judging.net.adam);
}

// ---- what it is

static json_t *options_json(atl_json *b, const atl_congeal_trainer *t) {
    const atl_congeal_train_options *o = &t->o;
    char text[24];
    json_t *top = atl_json_object(b);
    snprintf(text, sizeof text, "%016llx",
             (unsigned long long)atl_params_fingerprint(&t->generator->network->params));
    atl_json_set(b, top, "generator", atl_json_string(b, text));
    snprintf(text, sizeof text, "%016llx",
             t->lpips ? (unsigned long long)atl_params_fingerprint(&t->lpips->params) : 0ull);
    atl_json_set(b, top, "network of lpips", atl_json_string(b, text));
    const struct {
        const char *name;
        int value;
    } whole[] = { { "steps", o->steps },    { "batch", o->batch },
                  { "clusters", o->heads }, { "directions", o->directions },
                  { "inject", o->inject },  { "channels", o->channels },
                  { "flow", o->flow },      { "psi-steps", o->psi_steps },
                  { "period", o->period },  { "padding", (int)o->padding },
                  { "samples", o->samples }, { "flips", o->flips } };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        atl_json_set(b, top, whole[i].name, json_integer(whole[i].value));
    atl_json_set(b, top, "seed", json_integer(o->seed));
    atl_json_set(b, top, "lr", atl_json_number(b, o->lr));
    atl_json_set(b, top, "target-lr", atl_json_number(b, o->target_lr));
    atl_json_set(b, top, "tv", atl_json_number(b, o->tv));
    atl_json_set(b, top, "jitter", atl_json_number(b, o->jitter));
    atl_json_set(b, top, "identity", atl_json_number(b, o->identity));
    return top;
}

static atl_status record_text(const atl_congeal_trainer *t, char **text) {
    atl_json b = { .ctx = t->ctx };
    json_t *top = atl_json_object(&b);
    atl_json_set(&b, top, "version", json_integer(VERSION));
    atl_json_set(&b, top, "step", json_integer(t->state.step));
    atl_json_set(&b, top, "options", options_json(&b, t));
    return atl_json_text(&b, top, JSON_COMPACT | JSON_REAL_PRECISION(17), "the record of the alignment",
                         text);
}

// ---- writing

typedef struct extras {
    atl_arena arena;
    atl_array *list;
    size_t size;
    bool lost; // memory was missing
} extras;

static void put_moments(extras *e, const char *key, const atl_learnt *l) {
    const atl_params *p = &l->network.params;
    for (int i = 0; i < l->n_grads; i++) {
        const atl_param *q = &p->list[l->which[i]];
        for (int k = 0; k < 2; k++) {
            atl_array *a = &e->list[e->size++];
            *a = (atl_array){ .dtype = ATL_F32,
                              .rank = q->rank,
                              .data = (k ? l->adam.v : l->adam.m) + q->offset };
            memcpy(a->dims, q->dims, sizeof *q->dims * (size_t)q->rank);
            a->name = atl_arena_printf(&e->arena, "optimizer.%s.%c.%s", key, k ? 'v' : 'm', q->name);
            e->lost = e->lost || !a->name;
        }
    }
}

static atl_ckpt_out out_of(const char *key, const atl_network *n) {
    return (atl_ckpt_out){ key, n->row->kind, n->json, &n->params, NULL };
}

atl_status atl_congeal_trainer_save(atl_congeal_trainer *t, const char *path) {
    extras e = { .lost = false };
    char *text = NULL;
    fetch(t);
    atl_arena_init(&e.arena, t->ctx, 0);
    bool judged = t->state.step > t->o.steps; // the classifier has learnt
    int moments = t->t.n_grads + t->target.n_grads + (judged ? t->judging.net.n_grads : 0);
    e.list = atl_arena_alloc(&e.arena, 2 * (size_t)moments + 1, sizeof *e.list);
    atl_status status = e.list ? ATL_OK : ATL_NO_MEMORY;
    if (status == ATL_OK) {
        put_moments(&e, "T", &t->t);
        put_moments(&e, "target", &t->target);
        if (judged)
            put_moments(&e, "classifier", &t->judging.net);
        status = e.lost ? ATL_NO_MEMORY : record_text(t, &text);
    }
    if (status == ATL_OK) {
        const atl_pair pair = { KEY, text };
        const atl_ckpt_extra extra = { e.list, e.size, &pair, 1 };
        const atl_ckpt_out nets[] = { out_of("T_ema", &t->average), out_of("T", &t->t.network),
                                      out_of("target", &t->target.network),
                                      judged ? out_of("classifier", &t->judging.net.network)
                                             : (atl_ckpt_out){ 0 } };
        status = atl_ckpt_write(t->ctx, path, nets, judged ? 4 : 3, NULL, &extra, ATL_F32);
    }
    atl_free(t->ctx, text);
    atl_arena_clear(&e.arena);
    return status;
}

// ---- reading

// The parameter `key.name` of the file into the span; copy false: only checked.
static atl_status read_one(const atl_congeal_trainer *t, const char *path, const atl_arrays *file,
                           const char *key, const atl_param *q, bool copy, float *span) {
    char name[NAME_MOST];
    snprintf(name, sizeof name, "%s.%s", key, q->name);
    const atl_array *a = atl_arrays_find(file, name);
    if (!a || a->dtype != ATL_F32 || a->rank != q->rank ||
        memcmp(a->dims, q->dims, sizeof *q->dims * (size_t)q->rank))
        return atl_fail(t->ctx, ATL_BAD_FILE, "%s: has no %s as this alignment needs it; the file is damaged",
                        path, name);
    if (copy)
        atl_array_read_f32(a, 0, (int64_t)q->count, span + q->offset);
    return ATL_OK;
}

static atl_status read_network(const atl_congeal_trainer *t, const char *path, const atl_arrays *file,
                               const char *key, const atl_params *p, bool copy) {
    for (size_t i = 0; i < p->size; i++)
        ATL_TRY(read_one(t, path, file, key, &p->list[i], copy, p->data));
    return ATL_OK;
}

static atl_status read_moments(const atl_congeal_trainer *t, const char *path, const atl_arrays *file,
                               const char *key, atl_learnt *l, bool copy) {
    char name[2][64];
    for (int k = 0; k < 2; k++)
        snprintf(name[k], sizeof name[k], "optimizer.%s.%c", key, k ? 'v' : 'm');
    for (int i = 0; i < l->n_grads; i++)
        for (int k = 0; k < 2; k++)
            ATL_TRY(read_one(t, path, file, name[k], &l->network.params.list[l->which[i]], copy,
                             k ? l->adam.v : l->adam.m));
    return ATL_OK;
}

static atl_status read_all(atl_congeal_trainer *t, const char *path, const atl_arrays *file, bool judged,
                           bool copy) {
    if (judged) {
        ATL_TRY(read_network(t, path, file, "classifier", &t->judging.net.network.params, copy));
        ATL_TRY(read_moments(t, path, file, "classifier", &t->judging.net, copy));
    }
    ATL_TRY(read_network(t, path, file, "T_ema", &t->average.params, copy));
    ATL_TRY(read_network(t, path, file, "T", &t->t.network.params, copy));
    ATL_TRY(read_network(t, path, file, "target", &t->target.network.params, copy));
    ATL_TRY(read_moments(t, path, file, "T", &t->t, copy));
    return read_moments(t, path, file, "target", &t->target, copy);
}

// The first option that differs is an error that names it.
static atl_status check_options(const atl_congeal_trainer *t, const char *path, const json_t *before) {
    atl_json b = { .ctx = t->ctx };
    json_t *now, *value;
    const char *name, *other = NULL;
    ATL_TRY(atl_json_end(&b, options_json(&b, t), "the alignment", &now));
    json_object_foreach(now, name, value) {
        const json_t *was = json_object_get(before, name);
        bool same = json_is_number(value) // 0 is what a file means that does not know an option
                        ? (!was || json_is_number(was)) && json_number_value(value) == json_number_value(was)
                        : json_equal(value, was);
        other = same || other ? other : name;
    }
    atl_status status = ATL_OK;
    if (other)
        status = atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                          "%s: its alignment was learnt with another %s: go on with the same, or begin anew",
                          path, other);
    json_decref(now);
    return status;
}

static atl_status read_record(const atl_congeal_trainer *t, const char *path, const atl_arrays *file,
                              int *step) {
    const char *text = atl_arrays_metadata(file, KEY);
    json_t *top = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const json_t *at = json_object_get(top, "step");
    atl_status status = ATL_OK;
    if (!text)
        status = atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                          "%s: is no alignment that can go on: only 'congeal train' writes one", path);
    else if (json_integer_value(json_object_get(top, "version")) != VERSION || !json_is_integer(at) ||
             json_integer_value(at) < 0)
        status = atl_fail(t->ctx, ATL_BAD_FILE, "%s: its record of the alignment can't be read", path);
    else
        status = check_options(t, path, json_object_get(top, "options"));
    if (status == ATL_OK && json_integer_value(at) > t->state.steps)
        status = atl_fail(t->ctx, ATL_BAD_ARGUMENT,
                          "%s: has made %lld steps, with its classifier's, and %d are asked for: ask for as many steps "
                          "of the classifier",
                          path, (long long)json_integer_value(at), t->state.steps);
    *step = (int)json_integer_value(at);
    json_decref(top);
    return status;
}

static void count_steps(atl_learnt *l, int step) {
    for (int i = 0; i < l->n_grads; i++)
        l->adam.parts[l->which[i]].steps = (uint64_t)step;
}

static void take(atl_congeal_trainer *t, int step) {
    atl_params *list[4];
    int learnt = step < t->o.steps ? step : t->o.steps;
    for (size_t i = 0, count = list_params(t, list); i < count; i++)
        atl_resident_renew(t->backend, list[i]->data, ++list[i]->version);
    count_steps(&t->t, learnt);
    count_steps(&t->target, t->o.target_lr > 0.0 ? learnt : 0);
    if (has_classifier(t)) {
        count_steps(&t->judging.net, step - learnt);
        atl_adam_changed(&t->judging.net.adam);
    }
    atl_adam_changed(&t->t.adam);
    atl_adam_changed(&t->target.adam);
    t->state = (atl_congeal_train_state){ .step = step, .steps = t->state.steps, .psi = 1.0, .lr = t->o.lr };
}

atl_status atl_congeal_trainer_restore(atl_congeal_trainer *t, const char *path) {
    atl_arrays *file;
    int step = 0;
    ATL_TRY(atl_arrays_open(t->ctx, path, &file));
    fetch(t);
    atl_status status = read_record(t, path, file, &step);
    if (status == ATL_OK)
        status = read_all(t, path, file, step > t->o.steps, false);
    if (status == ATL_OK && has_classifier(t) && step <= t->o.steps)
        status = atl_judge_begin(t);
    if (status == ATL_OK)
        status = read_all(t, path, file, step > t->o.steps, true);
    if (status == ATL_OK)
        take(t, step);
    atl_arrays_close(&file);
    return status;
}
