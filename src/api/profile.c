// SPDX-License-Identifier: Apache-2.0
// Measurement: whole runs, and step by step.
#include <string.h>

#include "api/model_api.h"
#include "graph/measure.h"

static atl_status profile_layers(atl_model *m, atl_plan *p, int runs, atl_profile *out) {
    size_t steps = (size_t)atl_plan_steps(p);
    double *ms = atl_alloc(m->ctx, steps, sizeof *ms);
    out->layers = atl_calloc(m->ctx, steps, sizeof *out->layers);
    atl_status status = ms && out->layers ? atl_plan_time(p, runs, ms, NULL) : ATL_NO_MEMORY;
    for (int t = 0; status == ATL_OK && t < atl_plan_steps(p); t++) {
        atl_step_info step = atl_plan_step(p, t);
        const atl_shape *s = &step.node->shape;
        atl_layer_time *l = &out->layers[out->layer_count++];
        *l = (atl_layer_time){ step.name, step.kernel, { 1, 1, 1, 1 }, ms[t], step.flops * 1e-9 };
        static const int field[4] = { 0, 3, 1, 2 };
        for (int i = 0; i < s->rank && i < 4; i++)
            l->dims[i] = s->d[s->rank == 4 ? field[i] : i];
    }
    atl_free(m->ctx, ms);
    return status;
}

// What is measured of a network: the first of these that it has, unless one is named.
static atl_status choose(const atl_model *m, const char **function) {
    static const char *const measured[] = { "synthesize", "decode", "encode" };
    if (*function && atl_model_function_find(m->net.row, *function))
        return ATL_OK;
    if (*function)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%s is a %s without the function \"%s\"", m->net.name,
                        m->net.row->role, *function);
    for (size_t i = 0; i < sizeof measured / sizeof *measured && !*function; i++)
        if (atl_model_function_find(m->net.row, measured[i]))
            *function = measured[i];
    return *function ? ATL_OK
                     : atl_fail(m->ctx, ATL_BAD_ARGUMENT,
                                "%s is a %s: generators, autoencoders and encoders are measured", m->net.name,
                                m->net.row->role);
}

// Inputs of numbers from -2 to 2; codes are 0, which every codebook has.
static atl_status fill(atl_model *m, atl_program *p) {
    for (int k = 0; k < p->call.n_in; k++) {
        const atl_port *port = &p->call.in[k];
        if (port->kind != ATL_PORT_EACH)
            continue;
        size_t count = strcmp(port->name, "codes") ? (size_t)atl_shape_count(&port->node->shape) : 0;
        float *values = count ? atl_alloc(m->ctx, count, sizeof *values) : NULL;
        if (count && !values)
            return ATL_NO_MEMORY;
        for (size_t i = 0; i < count; i++)
            values[i] = (float)((double)(i * 2654435761u % 4096) / 1024.0 - 2.0);
        atl_status status = atl_program_write(p, port->name, p->call.n, values);
        atl_free(m->ctx, values);
        ATL_TRY(status);
    }
    return ATL_OK;
}

atl_status atl_model_profile(atl_model *m, const char *function, int n, int warmup, int runs, int layers,
                             atl_profile *profile) {
    atl_program *p;
    memset(profile, 0, sizeof *profile);
    if (runs < 1 || runs > 10000 || warmup < 0)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "%d runs are not possible: 1 to 10000 are", runs);
    ATL_TRY(choose(m, &function));
    profile->function = function;
    int part = n > 0 ? atl_model_part(m, n) : n, parts = n > 0 ? (n + part - 1) / part : 1;
    ATL_TRY(atl_programs_get(&m->programs, &(atl_program_key){ .function = function, .n = part }, &p));
    double *ms = atl_alloc(m->ctx, (size_t)runs, sizeof *ms);
    atl_status status = ms ? fill(m, p) : ATL_NO_MEMORY;
    for (int i = -warmup; status == ATL_OK && i < runs; i++) {
        double start = atl_now_ms();
        for (int k = 0; status == ATL_OK && k < parts; k++)
            status = atl_program_run(p);
        if (i >= 0)
            ms[i] = atl_now_ms() - start;
    }
    if (status == ATL_OK) {
        profile->ms =
            atl_median(ms, runs) * n / (part * parts); // the last part may be smaller than the others
        profile->direct_gflop = atl_plan_flops(p->plan) * 1e-9 * n / p->call.n;
        if (layers)
            status = profile_layers(m, p->plan, runs, profile);
    }
    atl_free(m->ctx, ms);
    if (status != ATL_OK)
        atl_profile_clear(m->ctx, profile);
    return status;
}

void atl_profile_clear(atl_ctx *ctx, atl_profile *profile) {
    atl_free(ctx, profile->layers);
    memset(profile, 0, sizeof *profile);
}
