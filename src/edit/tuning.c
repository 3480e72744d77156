// SPDX-License-Identifier: Apache-2.0
// The generator that a hypernetwork tunes; edit/tuning.h.
#include "edit/tuning.h"

#include <stdio.h>
#include <string.h>

// The layers by the hypernetwork's config, each with its kernel in the generator.
static atl_status find_layers(atl_tuning *t) {
    const json_t *list = json_object_get(t->hypernet->network->json, "layers"), *entry;
    size_t i;
    json_array_foreach(list, i, entry) {
        char name[64];
        int layer = (int)json_integer_value(json_object_get(entry, "index"));
        const atl_param *p = atl_params_find(&t->tuned.params, atl_hyper_weight(layer, name));
        if (!p || p->rank != 4 || p->dims[0] != json_integer_value(json_object_get(entry, "out")) ||
            p->dims[1] != json_integer_value(json_object_get(entry, "in")))
            return atl_fail(t->base->ctx, ATL_BAD_ARGUMENT,
                            "the hypernetwork tunes a layer %s of %d to %d channels, which the generator doesn't have: "
                            "choose the one that it was trained with",
                            name, (int)json_integer_value(json_object_get(entry, "in")),
                            (int)json_integer_value(json_object_get(entry, "out")));
        t->layers[t->count] = layer;
        t->weights[t->count++] = p;
    }
    return ATL_OK;
}

static atl_status make_room(atl_tuning *t) {
    size_t all = 0, most = 0;
    for (int i = 0; i < t->count; i++) {
        all += t->weights[i]->count;
        most = t->weights[i]->count > most ? t->weights[i]->count : most;
    }
    t->deltas = atl_alloc(t->base->ctx, all + 1, sizeof *t->deltas);
    t->room = atl_alloc(t->base->ctx, most + 1, sizeof *t->room);
    return t->deltas && t->room ? ATL_OK : ATL_NO_MEMORY;
}

atl_status atl_tuning_init(atl_tuning *t, atl_programs *hypernet, const atl_programs *generator) {
    *t = (atl_tuning){ .hypernet = hypernet, .base = generator->network };
    atl_status status = atl_network_copy(t->base, &t->tuned);
    if (status == ATL_OK)
        status = find_layers(t);
    if (status == ATL_OK)
        status = make_room(t);
    if (status != ATL_OK) {
        atl_tuning_clear(t);
        return status;
    }
    atl_programs_init(&t->programs, &t->tuned, generator->backend);
    return ATL_OK;
}

void atl_tuning_clear(atl_tuning *t) {
    if (!t->base)
        return;
    if (t->programs.network)
        atl_programs_clear(&t->programs);
    atl_free(t->base->ctx, t->deltas);
    atl_free(t->base->ctx, t->room);
    atl_network_clear(&t->tuned);
    *t = (atl_tuning){ .count = 0 };
}

// Plans hold weights of before.
static void forget_plans(atl_tuning *t) {
    atl_backend *backend = t->programs.backend;
    t->tuned.params.version++;
    atl_programs_clear(&t->programs);
    atl_programs_init(&t->programs, &t->tuned, backend);
}

void atl_tuning_begin(atl_tuning *t) {
    float *delta = t->deltas;
    for (int i = 0; i < t->count; delta += t->weights[i++]->count)
        memset(delta, 0, t->weights[i]->count * sizeof *delta);
    atl_network_copy_values(t->base, &t->tuned);
    forget_plans(t);
}

static atl_status add(atl_tuning *t, atl_program *p, int i, float *delta) {
    char port[24];
    size_t count = t->weights[i]->count;
    snprintf(port, sizeof port, "delta.%d", t->layers[i]);
    const atl_port *out = atl_program_out(p, port);
    if (!out || (size_t)atl_shape_count(&out->node->shape) != count)
        return atl_fail(t->base->ctx, ATL_BAD_ARGUMENT,
                        "the hypernetwork's deltas of %s have another shape than the kernel",
                        t->weights[i]->name);
    ATL_TRY(atl_program_read(p, port, 1, t->room));
    const atl_param *from = atl_params_find(&t->base->params, t->weights[i]->name);
    const float *w = atl_param_data(&t->base->params, from);
    float *to = atl_param_data(&t->tuned.params, t->weights[i]);
    for (size_t k = 0; k < count; k++) {
        delta[k] += t->room[k];
        to[k] = w[k] * (1.0f + delta[k]);
    }
    return ATL_OK;
}

atl_status atl_tuning_step(atl_tuning *t, const float *rows) {
    atl_program *p;
    float *delta = t->deltas;
    ATL_TRY(atl_programs_get(t->hypernet, &(atl_program_key){ .function = "tune", .n = 1 }, &p));
    ATL_TRY(atl_program_write(p, "img", 1, rows));
    ATL_TRY(atl_program_run(p));
    for (int i = 0; i < t->count; delta += t->weights[i++]->count)
        ATL_TRY(add(t, p, i, delta));
    forget_plans(t);
    return ATL_OK;
}
