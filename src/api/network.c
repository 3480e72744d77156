// SPDX-License-Identifier: Apache-2.0
// Functions, ports, tensors and layers of an opened network, by name.
#include <atelier/network.h>

#include <string.h>

#include "api/model_api.h"
#include "base/options.h"
#include "io/arrays.h"
#include "run/noise.h"

// ---- ports

const char *atl_model_function(const atl_model *m, size_t index) {
    return index < ATL_FUNCTIONS ? m->net.row->functions[index].name : NULL;
}

static atl_status copy_port(atl_model *m, const atl_port *port, bool result, atl_port_info *info) {
    const atl_shape *s = &port->node->shape;
    *info = (atl_port_info){ .kind = result ? ATL_PORT_RESULT : port->kind, .rank = s->rank };
    info->name = atl_arena_string(&m->texts, port->name, strlen(port->name));
    if (!info->name)
        return ATL_NO_MEMORY;
    for (int i = 0; i < s->rank; i++)
        info->dims[i] = s->d[i];
    if (!port->initial)
        return ATL_OK;
    size_t count = (size_t)atl_shape_count(s);
    float *initial = atl_arena_alloc(&m->texts, count, sizeof *initial);
    if (!initial)
        return ATL_NO_MEMORY;
    memcpy(initial, port->initial, count * sizeof *initial);
    info->initial = initial;
    return ATL_OK;
}

static atl_status list_ports(atl_model *m, const atl_call *call, atl_port_list *list) {
    size_t room = (size_t)call->n_in + (size_t)call->n_out;
    atl_port_info *ports = atl_arena_alloc(&m->texts, room + 1, sizeof *ports);
    if (!ports)
        return ATL_NO_MEMORY;
    for (int i = 0; i < call->n_in; i++)
        ATL_TRY(copy_port(m, &call->in[i], false, &ports[i]));
    for (int i = 0; i < call->n_out; i++)
        ATL_TRY(copy_port(m, &call->out[i], true, &ports[call->n_in + i]));
    *list = (atl_port_list){ ports, room };
    return ATL_OK;
}

// Building a function for one sample lists its ports; nothing is computed.
static atl_status find_ports(atl_model *m, const char *function, atl_port_list *list) {
    atl_graph g;
    atl_call call = { .n = 1, .noise = ATL_NOISE_RANDOM, .planar = true };
    atl_net net = atl_network_in(&g, &m->net, NULL);
    atl_graph_init(&g, m->ctx);
    atl_network_call(&m->net, function, &net, &call);
    atl_status status =
        g.status == ATL_OK ? list_ports(m, &call, list) : atl_fail(m->ctx, g.status, "%s", g.error);
    atl_graph_clear(&g);
    return status;
}

atl_status atl_model_ports(atl_model *m, const char *function, const atl_port_info **ports, size_t *count) {
    int at = 0;
    *ports = NULL;
    *count = 0;
    while (at < ATL_FUNCTIONS - 1 && m->net.row->functions[at].name &&
           strcmp(m->net.row->functions[at].name, function) != 0)
        at++;
    atl_port_list *list = &m->ports[at]; // of no function: an error below
    if (!list->ports)
        ATL_TRY(find_ports(m, function, list));
    *ports = list->ports;
    *count = list->count;
    return ATL_OK;
}

// ---- running

typedef struct run {
    atl_model *m;
    const char *function;
    const atl_array *in;
    size_t count;
    const atl_run_options *o;
    const atl_port_info *ports;
    size_t n_ports;
    int n;     // samples
    bool maps; // noise maps are given
} run;

static const atl_array *given(const run *r, const char *port) {
    for (size_t i = 0; i < r->count; i++)
        if (!strcmp(r->in[i].name, port))
            return &r->in[i];
    return NULL;
}

static const atl_port_info *input_of(const run *r, const char *name) {
    for (size_t i = 0; i < r->n_ports; i++)
        if (r->ports[i].kind != ATL_PORT_RESULT && !strcmp(r->ports[i].name, name))
            return &r->ports[i];
    return NULL;
}

static atl_status check_shape(const run *r, const atl_array *a, const atl_port_info *p) {
    char have[ATL_DIMS_TEXT], want[ATL_DIMS_TEXT];
    int64_t dims[ATL_ARRAY_RANK_MAX];
    memcpy(dims, p->dims, sizeof dims);
    if (p->kind != ATL_PORT_SETTING)
        dims[0] = r->n;
    if (a->rank == p->rank && !memcmp(a->dims, dims, sizeof *dims * (size_t)p->rank))
        return ATL_OK;
    return atl_fail(r->m->ctx, ATL_BAD_ARGUMENT, "the input %s of %s has shape %s where %s is needed",
                    p->name, r->function, atl_dims_text(a->rank, a->dims, have),
                    atl_dims_text(p->rank, dims, want));
}

// Whether a port has to be given: rows always but for labels, noise maps all together or none.
static bool is_needed(const run *r, const atl_port_info *p) {
    return p->kind == ATL_PORT_EACH ? strcmp(p->name, "c") != 0 : p->kind == ATL_PORT_NOISE && r->maps;
}

// Finds n and checks every array that was given.
static atl_status check_inputs(run *r) {
    for (size_t i = 0; i < r->count; i++) {
        const atl_port_info *p = input_of(r, r->in[i].name);
        if (!p)
            return atl_fail(r->m->ctx, ATL_BAD_ARGUMENT, "%s has no input %s", r->function, r->in[i].name);
        if (!r->n && p->kind != ATL_PORT_SETTING && r->in[i].rank)
            r->n = r->in[i].dims[0] > 0 && r->in[i].dims[0] <= 65536 ? (int)r->in[i].dims[0] : -1;
        r->maps = r->maps || p->kind == ATL_PORT_NOISE;
    }
    if (r->n < 1)
        return atl_fail(r->m->ctx, ATL_BAD_ARGUMENT,
                        "no input of %s has a row for each of 1 to 65536 samples", r->function);
    for (size_t i = 0; i < r->n_ports; i++) {
        const atl_port_info *p = &r->ports[i];
        const atl_array *a = p->kind == ATL_PORT_RESULT ? NULL : given(r, p->name);
        if (a)
            ATL_TRY(check_shape(r, a, p));
        else if (is_needed(r, p))
            return atl_fail(r->m->ctx, ATL_BAD_ARGUMENT, "the input %s of %s is not given", p->name,
                            r->function);
    }
    return ATL_OK;
}

static atl_status write_array(const run *r, atl_program *p, const atl_array *a) {
    size_t count = (size_t)atl_array_count(a);
    float *values = atl_alloc(r->m->ctx, count, sizeof *values);
    if (!values)
        return ATL_NO_MEMORY;
    atl_array_read_f32(a, 0, (int64_t)count, values);
    atl_status status = atl_program_write(p, a->name, r->n, values);
    atl_free(r->m->ctx, values);
    return status;
}

static atl_status write_inputs(const run *r, atl_program *p) {
    atl_synthesis_options noise = ATL_SYNTHESIS_OPTIONS_INIT;
    noise.noise_mode = r->o->noise_mode == ATL_NOISE_SG2 ? ATL_NOISE_SG2 : ATL_NOISE_RANDOM;
    noise.noise_seeds = r->o->noise_seeds;
    ATL_TRY(atl_noise_write(p, 0, r->n, r->m->net.dims.z_dim, &noise));
    if (atl_program_in(p, "c") && !given(r, "c"))
        ATL_TRY(atl_program_write(p, "c", r->n, NULL));
    for (size_t i = 0; i < r->count; i++)
        ATL_TRY(write_array(r, p, &r->in[i]));
    return ATL_OK;
}

static atl_array result_of(const run *r, const atl_program *p, const atl_port *port) {
    const atl_shape *s = &port->node->shape;
    atl_array a = { port->name, ATL_F32, s->rank, { 0 }, NULL };
    for (int i = 0; i < s->rank; i++)
        a.dims[i] = i == 0 && s->d[0] == p->call.n ? r->n : s->d[i];
    return a;
}

static atl_status read_results(const run *r, atl_program *p, atl_arrays **results) {
    size_t outs = (size_t)p->call.n_out, count = outs + (size_t)p->n_features;
    atl_array *list = atl_alloc(r->m->ctx, count, sizeof *list);
    if (!list)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        list[i] = result_of(r, p, i < outs ? &p->call.out[i] : &p->features[i - outs]);
    atl_status status = atl_arrays_make(r->m->ctx, list, count, results);
    for (size_t i = 0; status == ATL_OK && i < count; i++)
        status = atl_program_read(p, list[i].name, r->n, atl_arrays_room(*results, i));
    atl_free(r->m->ctx, list);
    if (status != ATL_OK)
        atl_arrays_close(results);
    return status;
}

atl_status atl_model_run(atl_model *m, const char *function, const atl_array *in, size_t count,
                         const atl_run_options *options, atl_arrays **results) {
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    run r = { .m = m, .function = function, .in = in, .count = count, .o = &o };
    atl_program *p;
    *results = NULL;
    ATL_TRY(atl_options_read(m->ctx, "atl_run_options", &o, sizeof o, options));
    if (o.noise_mode == ATL_NOISE_MAPS)
        return atl_fail(m->ctx, ATL_BAD_ARGUMENT, "noise maps are given as inputs, by their ports' names");
    ATL_TRY(atl_model_ports(m, function, &r.ports, &r.n_ports));
    ATL_TRY(check_inputs(&r));
    atl_program_key key = { .function = function,
                            .n = r.n,
                            .features = o.features,
                            .noise = r.maps ? ATL_NOISE_RANDOM : o.noise_mode };
    ATL_TRY(atl_programs_get(&m->programs, &key, &p));
    ATL_TRY(write_inputs(&r, p));
    ATL_TRY(atl_program_run(p));
    return read_results(&r, p, results);
}

// ---- tensors

const atl_array *atl_model_tensor_get(const atl_model *m, size_t index) {
    return index < m->net.params.size ? &m->tensors[index] : NULL;
}

const atl_array *atl_model_tensor(const atl_model *m, const char *name) {
    const atl_param *p = atl_params_find(&m->net.params, name);
    return p ? &m->tensors[p - m->net.params.list] : NULL;
}

atl_status atl_model_list_tensors(atl_model *m) {
    const atl_params *params = &m->net.params;
    m->tensors = atl_arena_alloc(&m->texts, params->size + 1, sizeof *m->tensors);
    if (!m->tensors)
        return ATL_NO_MEMORY;
    for (size_t i = 0; i < params->size; i++) {
        const atl_param *p = &params->list[i];
        m->tensors[i] = (atl_array){ p->name, ATL_F32, p->rank, { 0 }, atl_param_data(params, p) };
        memcpy(m->tensors[i].dims, p->dims, sizeof *p->dims * (size_t)p->rank);
    }
    return ATL_OK;
}
