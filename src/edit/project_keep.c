// SPDX-License-Identifier: Apache-2.0
// A projection that goes on another day.
#include "edit/kept.h"
#include "edit/project.h"

// All that decides the numbers of a step.
static atl_status identity(const atl_projector *p, json_t **json) {
    const atl_project_options *o = &p->o;
    atl_json b = { .ctx = p->ctx };
    json_t *top = atl_kept_identity(&b, &p->generator->params, "target, mask, class or start", p->print);
    atl_json_set(&b, top, "space", atl_json_string(&b, o->space));
    atl_json_set(&b, top, "loss", atl_json_string(&b, o->loss));
    atl_json_set(&b, top, "number of steps", json_integer(o->steps));
    atl_json_set(&b, top, "batch", json_integer(o->batch));
    atl_json_set(&b, top, "seed", json_integer(o->seed));
    atl_json_set(&b, top, "choice of noise maps", json_boolean(o->noise_maps));
    atl_json_set(&b, top, "learning rate", atl_json_number(&b, o->lr));
    atl_json_set(&b, top, "initial noise", atl_json_number(&b, o->initial_noise));
    atl_json_set(&b, top, "noise ramp", atl_json_number(&b, o->noise_ramp));
    atl_json_set(&b, top, "rate's ramp up", atl_json_number(&b, o->rampup));
    atl_json_set(&b, top, "rate's ramp down", atl_json_number(&b, o->rampdown));
    atl_json_set(&b, top, "weight of noise", atl_json_number(&b, o->noise_weight));
    atl_json_set(&b, top, "weight of pixels", atl_json_number(&b, o->mse_weight));
    return atl_json_end(&b, top, "the search", json);
}

static atl_kept kept_of(atl_projector *p, json_t *json) {
    return (atl_kept){ .key = "atelier.project",
                       .identity = json,
                       .params = &p->moved,
                       .adam = &p->adam,
                       .step = p->state.step,
                       .steps = p->o.steps,
                       .numbers = p->numbers,
                       .n_numbers = 4 * (size_t)p->o.batch };
}

atl_status atl_projector_save(atl_projector *p, const char *path) {
    json_t *json;
    if (!p->begun)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT,
                        "%s: there is nothing to save: the projection has not begun", path);
    ATL_TRY(identity(p, &json));
    atl_adam_fetch(&p->adam);
    atl_kept kept = kept_of(p, json);
    atl_status status = atl_kept_write(p->ctx, path, &kept);
    json_decref(json);
    return status;
}

atl_status atl_projector_restore(atl_projector *p, const char *path) {
    json_t *json;
    if (!p->begun)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "%s: begin with the pictures first, then restore", path);
    ATL_TRY(identity(p, &json));
    atl_adam_fetch(&p->adam);
    atl_kept kept = kept_of(p, json);
    atl_status status = atl_kept_read(p->ctx, path, &kept);
    json_decref(json);
    ATL_TRY(status);
    p->state.step = kept.step;
    p->moved.version++;
    atl_adam_changed(&p->adam);
    return ATL_OK;
}
