// SPDX-License-Identifier: Apache-2.0
// A graph, its ports and its plan; rows in and out.
#include "run/program.h"

#include <fnmatch.h>
#include <string.h>

#include "base/names.h"

// ---- making

static bool is_feature(const atl_node *n, const char *pattern) {
    return n->name && n->op != ATL_OP_PARAM && n->op != ATL_OP_INPUT && fnmatch(pattern, n->name, 0) == 0;
}

// Named nodes that match become results.
static atl_status add_features(atl_program *p, const char *pattern) {
    atl_graph *g = &p->graph;
    int size = g->size, count = 0;
    for (int i = 0; i < size; i++)
        count += is_feature(g->nodes[i], pattern);
    if (!count && g->status == ATL_OK)
        return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "no layer's name matches %s", pattern);
    p->features = atl_arena_alloc(&g->arena, (size_t)count, sizeof *p->features);
    if (!p->features)
        return ATL_NO_MEMORY;
    for (int i = 0; i < size; i++) {
        atl_node *n = g->nodes[i];
        if (!is_feature(n, pattern))
            continue;
        bool turn = p->call.planar && n->shape.rank == 4;
        p->features[p->n_features++] =
            (atl_port){ .name = n->name, .node = turn ? atl_permute(g, n, (int[]){ 0, 3, 1, 2 }) : n };
    }
    return ATL_OK;
}

static atl_status make_plan(atl_program *p, atl_backend *backend, const atl_plan_options *options) {
    size_t count = (size_t)p->call.n_out + (size_t)p->n_features;
    atl_node **outputs = atl_arena_alloc(&p->graph.arena, count, sizeof *outputs);
    if (!outputs)
        return ATL_NO_MEMORY;
    for (int i = 0; i < p->call.n_out; i++)
        outputs[i] = p->call.out[i].node;
    for (int i = 0; i < p->n_features; i++)
        outputs[p->call.n_out + i] = p->features[i].node;
    return atl_plan_make(&p->graph, backend, outputs, (int)count, options, &p->plan);
}

static atl_status make(atl_program *p, atl_backend *backend, const char *features, atl_program_builder *build,
                       void *user, const atl_plan_options *options) {
    build(&p->graph, &p->call, user);
    if (features)
        ATL_TRY(add_features(p, features));
    ATL_TRY(make_plan(p, backend, options));
    if (!p->plan->detached)
        atl_program_reset(p);
    return ATL_OK;
}

atl_status atl_program_make(atl_backend *backend, const atl_program_key *key, atl_program_builder *build,
                            void *user, const atl_plan_options *options, atl_program **program) {
    atl_ctx *ctx = backend->ctx;
    *program = NULL;
    if (key->n < 1 || key->n > 65536)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a batch of %d is not possible: 1 to 65536 are", key->n);
    atl_program *p = atl_calloc(ctx, 1, sizeof *p);
    if (!p)
        return ATL_NO_MEMORY;
    p->ctx = ctx;
    atl_graph_init(&p->graph, ctx);
    p->call = (atl_call){ .n = key->n, .noise = key->noise, .planar = true };
    atl_status status = make(p, backend, key->features, build, user, options);
    if (status != ATL_OK)
        atl_program_free(&p);
    *program = p;
    return status;
}

void atl_program_free(atl_program **program) {
    atl_program *p = program ? *program : NULL;
    if (!p)
        return;
    atl_plan_close(&p->plan);
    atl_graph_clear(&p->graph);
    atl_free(p->ctx, p->room);
    atl_free(p->ctx, p);
    *program = NULL;
}

void atl_program_attach(atl_program *p, void *block) {
    atl_plan_attach(p->plan, block);
    atl_program_reset(p);
}

// ---- ports

const atl_port *atl_program_in(const atl_program *p, const char *port) {
    const atl_port *found = atl_call_find_in(&p->call, port);
    return found && found->node->op == ATL_OP_INPUT ? found : NULL;
}

const atl_port *atl_program_out(const atl_program *p, const char *port) {
    for (int i = 0; i < p->n_features; i++)
        if (!strcmp(p->features[i].name, port))
            return &p->features[i];
    return atl_call_find_out(&p->call, port);
}

static atl_status no_port(const atl_program *p, const char *what, const char *port, const atl_port *list,
                          int count) {
    char have[512] = "";
    for (int i = 0; i < count; i++)
        atl_names_add(have, sizeof have, list[i].name);
    return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "there is no %s %s; there is: %s", what, port, have);
}

static atl_status check_rows(const atl_program *p, const char *port, int rows) {
    if (rows >= 1 && rows <= p->call.n)
        return ATL_OK;
    return atl_fail(p->ctx, ATL_BAD_ARGUMENT, "%s: %d samples of a batch of %d are not possible", port, rows,
                    p->call.n);
}

atl_status atl_program_room(atl_program *p, size_t count, float **room) {
    if (count > p->room_count) {
        atl_free(p->ctx, p->room);
        p->room_count = 0;
        p->room = atl_alloc(p->ctx, count, sizeof *p->room);
        if (!p->room)
            return ATL_NO_MEMORY;
        p->room_count = count;
    }
    *room = p->room;
    return ATL_OK;
}

// ---- numbers

atl_status atl_program_write(atl_program *p, const char *port, int rows, const float *values) {
    const atl_port *in = atl_program_in(p, port);
    int n = p->call.n;
    if (!in)
        return no_port(p, "input", port, p->call.in, p->call.n_in);
    ATL_TRY(check_rows(p, port, rows));
    if (values && (rows == n || in->kind == ATL_PORT_SETTING)) {
        atl_plan_write(p->plan, in->node, values);
        return ATL_OK;
    }
    size_t count = (size_t)atl_shape_count(&in->node->shape), row = count / (size_t)n;
    float *all;
    ATL_TRY(atl_program_room(p, count, &all));
    if (!values)
        memset(all, 0, count * sizeof *all);
    for (int i = 0; values && i < n; i++)
        memcpy(all + (size_t)i * row, values + (size_t)(i < rows ? i : 0) * row, row * sizeof *all);
    atl_plan_write(p->plan, in->node, all);
    return ATL_OK;
}

void atl_program_reset(atl_program *p) {
    for (int i = 0; i < p->call.n_in; i++)
        if (p->call.in[i].initial && p->call.in[i].node->op == ATL_OP_INPUT)
            atl_plan_write(p->plan, p->call.in[i].node, p->call.in[i].initial);
}

atl_status atl_program_run(atl_program *p) {
    return atl_plan_run(p->plan);
}

atl_status atl_program_read(atl_program *p, const char *port, int rows, float *values) {
    const atl_port *out = atl_program_out(p, port);
    if (!out)
        return no_port(p, "result", port, p->call.out, p->call.n_out);
    ATL_TRY(check_rows(p, port, rows));
    const atl_shape *s = &out->node->shape;
    size_t count = (size_t)atl_shape_count(s), part = count;
    float *to = values;
    if (rows < p->call.n && s->rank && s->d[0] == p->call.n) {
        part = count / (size_t)p->call.n * (size_t)rows;
        ATL_TRY(atl_program_room(p, count, &to));
    }
    if (!atl_plan_read(p->plan, out->node, to))
        return atl_fail(p->ctx, ATL_INTERNAL, "the result %s can't be read", port);
    if (to != values)
        memcpy(values, to, part * sizeof *values);
    return ATL_OK;
}
