// SPDX-License-Identifier: Apache-2.0
// A tuning that goes on another day, and what comes of one: a whole network, or what differs from the given
// one.
#include "edit/kept.h"
#include "edit/tune.h"
#include "graph/resident.h"
#include "run/deltas.h"

// ---- results

static void fetch(atl_tuner *t) {
    atl_resident_fetch(t->backend, t->tuned.params.data, t->tuned.params.total);
}

atl_status atl_tuner_save(atl_tuner *t, const char *path, atl_dtype dtype) {
    const atl_network *n = &t->tuned;
    atl_ckpt_out out = { n->name, n->row->kind, n->json, &n->params, NULL };
    fetch(t);
    return atl_ckpt_write(t->ctx, path, &out, 1, NULL, NULL, dtype);
}

atl_status atl_tuner_save_deltas(atl_tuner *t, const char *path, atl_dtype dtype) {
    fetch(t);
    return atl_deltas_write(t->generator, &t->tuned, path, dtype);
}

// ---- states

// All that decides the numbers of a step.
static atl_status identity(const atl_tuner *t, json_t **json) {
    const atl_tune_options *o = &t->o;
    atl_json b = { .ctx = t->ctx };
    json_t *top = atl_kept_identity(&b, &t->generator->params, "pictures, latents or noise maps", t->print);
    atl_json_set(&b, top, "loss", atl_json_string(&b, o->loss));
    atl_json_set(&b, top, "choice of layers", atl_json_string(&b, o->layers));
    atl_json_set(&b, top, "number of steps", json_integer(o->steps));
    atl_json_set(&b, top, "batch", json_integer(o->batch));
    atl_json_set(&b, top, "seed", json_integer(o->seed));
    atl_json_set(&b, top, "learning rate", atl_json_number(&b, o->lr));
    atl_json_set(&b, top, "threshold", atl_json_number(&b, o->threshold));
    atl_json_set(&b, top, "weight of pixels", atl_json_number(&b, o->mse_weight));
    atl_json_set(&b, top, "weight of the places near pivots", atl_json_number(&b, o->locality));
    atl_json_set(&b, top, "distance of the places near pivots", atl_json_number(&b, o->alpha));
    atl_json_set(&b, top, "truncation", atl_json_number(&b, o->truncation_psi));
    return atl_json_end(&b, top, "the tuning", json);
}

static atl_kept kept_of(atl_tuner *t, json_t *json) {
    return (atl_kept){ .key = "atelier.tune",
                       .identity = json,
                       .params = &t->tuned.params,
                       .adam = &t->adam,
                       .step = t->state.step,
                       .steps = t->state.steps,
                       .numbers = t->perceived,
                       .n_numbers = (size_t)t->count };
}

atl_status atl_tuner_keep(atl_tuner *t, const char *path) {
    json_t *json;
    if (!t->count)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: there is nothing to keep: the tuning has not begun",
                        path);
    ATL_TRY(identity(t, &json));
    fetch(t);
    atl_adam_fetch(&t->adam);
    const atl_kept kept = kept_of(t, json);
    atl_status status = atl_kept_write(t->ctx, path, &kept);
    json_decref(json);
    return status;
}

atl_status atl_tuner_restore(atl_tuner *t, const char *path) {
    json_t *json;
    if (!t->count)
        return atl_fail(t->ctx, ATL_BAD_ARGUMENT, "%s: begin with the pivots first, then restore", path);
    ATL_TRY(identity(t, &json));
    fetch(t);
    atl_adam_fetch(&t->adam);
    atl_kept kept = kept_of(t, json);
    atl_status status = atl_kept_read(t->ctx, path, &kept);
    json_decref(json);
    ATL_TRY(status);
    t->state.step = kept.step;
    t->state.finished = kept.step >= t->state.steps;
    t->tuned.params.version++;
    atl_adam_changed(&t->adam);
    return ATL_OK;
}
