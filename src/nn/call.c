// SPDX-License-Identifier: Apache-2.0
// Ports by name: bound ones are handed on, others become inputs of the graph.
#include "nn/call.h"

#include <stdio.h>
#include <string.h>

// ---- lists of ports

static atl_port *find(const atl_port *list, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (!strcmp(list[i].name, name))
            return (atl_port *)&list[i];
    return NULL;
}

const atl_port *atl_call_find_in(const atl_call *call, const char *name) {
    return find(call->in, call->n_in, name);
}

const atl_port *atl_call_find_out(const atl_call *call, const char *name) {
    return find(call->out, call->n_out, name);
}

static atl_port *add(atl_graph *g, atl_port *list, int *count, const char *name, atl_node *node) {
    const char *copy = atl_arena_string(&g->arena, name, strlen(name));
    if (!copy || *count == ATL_PORTS) {
        atl_graph_fail(g, copy ? ATL_UNSUPPORTED : ATL_NO_MEMORY,
                       copy ? "%s is one port too many" : "out of memory for the name %s", name);
        return NULL;
    }
    atl_port *p = &list[(*count)++];
    *p = (atl_port){ .name = copy, .node = node };
    return p;
}

void atl_call_bind(atl_graph *g, atl_call *call, const char *name, atl_node *node) {
    add(g, call->in, &call->n_in, name, node);
}

atl_node *atl_call_result(atl_graph *g, const atl_call *call, const char *name) {
    const atl_port *port = atl_call_find_out(call, name);
    return port ? port->node : atl_graph_fail(g, ATL_BAD_ARGUMENT, "there is no result %s", name);
}

void atl_call_check(atl_graph *g, const atl_call *call, const char *function) {
    for (int i = 0; i < call->n_in; i++)
        if (!call->in[i].asked)
            atl_graph_fail(g, ATL_BAD_ARGUMENT, "%s has no input %s", function, call->in[i].name);
}

// ---- asking

static atl_node *new_input(atl_net *net, const char *name, atl_shape shape) {
    char full[ATL_SCOPE_MAX + 64];
    snprintf(full, sizeof full, "%s%s", net->prefix ? net->prefix : "", name);
    return atl_input(net->g, full, shape);
}

static atl_node *bound(atl_graph *g, atl_port *port, atl_shape shape, atl_port_kind kind) {
    char have[ATL_SHAPE_TEXT], want[ATL_SHAPE_TEXT];
    port->asked = true;
    port->kind = kind;
    if (port->node->op != ATL_OP_POISON && !atl_shape_same(&port->node->shape, &shape))
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "the input %s has shape %s where %s is needed", port->name,
                              atl_node_shape_text(port->node, have),
                              atl_shape_text(&shape, shape.rank == 4, want));
    return port->node;
}

// [n, c, h, w] of the caller <-> [n, h, w, c] of the graph; one channel is the same memory.
static atl_node *turned(atl_graph *g, atl_node *x, const int *axis) {
    const int64_t *d = x->shape.d;
    if (x->op == ATL_OP_POISON)
        return x;
    if (d[1] == 1 || d[3] == 1)
        return atl_reshape(g, x, ATL_SHAPE(d[axis[0]], d[axis[1]], d[axis[2]], d[axis[3]]));
    return atl_permute(g, x, axis);
}

static atl_node *ask(atl_net *net, atl_call *call, const char *name, atl_shape shape, atl_port_kind kind) {
    atl_graph *g = net->g;
    atl_port *port = find(call->in, call->n_in, name);
    if (port)
        return bound(g, port, shape, kind);
    if (call->closed)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "the input %s is not given", name);
    bool turn = call->planar && kind != ATL_PORT_SETTING && shape.rank == 4;
    atl_shape outside = turn ? ATL_SHAPE(shape.d[0], shape.d[3], shape.d[1], shape.d[2]) : shape;
    atl_node *x = new_input(net, name, outside);
    port = add(g, call->in, &call->n_in, name, x);
    if (!port)
        return &g->poison;
    port->kind = kind;
    port->asked = true;
    return turn ? turned(g, x, (int[]){ 0, 2, 3, 1 }) : x;
}

static atl_shape with_samples(int n, atl_shape row) {
    atl_shape s = { .rank = row.rank + 1, .d = { n } };
    for (int i = 0; i < row.rank && i + 1 < ATL_RANK_MAX; i++)
        s.d[i + 1] = row.d[i];
    return s;
}

atl_node *atl_call_in(atl_net *net, atl_call *call, const char *name, atl_shape row) {
    return ask(net, call, name, with_samples(call->n, row), ATL_PORT_EACH);
}

atl_node *atl_call_setting(atl_net *net, atl_call *call, const char *name, atl_shape shape,
                           const float *initial) {
    if (call->closed && !atl_call_find_in(call, name))
        return atl_const(net->g, shape, initial);
    atl_node *x = ask(net, call, name, shape, ATL_PORT_SETTING);
    size_t count = (size_t)atl_shape_count(&shape);
    float *copy = atl_arena_alloc(&net->g->arena, count, sizeof *copy);
    atl_port *port = find(call->in, call->n_in, name);
    if (!copy || !port)
        return atl_graph_fail(net->g, ATL_NO_MEMORY, "out of memory for the input %s", name);
    memcpy(copy, initial, count * sizeof *copy);
    port->initial = copy;
    return x;
}

atl_node *atl_call_noise(atl_net *net, atl_call *call, int64_t h, int64_t w) {
    char name[32];
    bool there = atl_net_has(net, "noise_const", ATL_SHAPE(h, w));
    atl_node *stored = NULL;
    if (there)
        stored = atl_net_buffer(net, "noise_const", ATL_SHAPE(h, w), ATL_INIT_NORMAL, 1.0f);
    snprintf(name, sizeof name, "noise.%d", call->n_maps++);
    if (atl_call_find_in(call, name) || (call->listing && !there))
        return ask(net, call, name, ATL_SHAPE(call->n, h, w, 1), ATL_PORT_NOISE);
    if (call->noise == ATL_NOISE_NONE)
        return NULL;
    if (call->noise == ATL_NOISE_CONST && !there)
        return atl_graph_fail(net->g, ATL_BAD_FILE,
                              "the file has no noise map of %lldx%lld pixels: choose random noise or none",
                              (long long)w, (long long)h);
    if (call->noise == ATL_NOISE_CONST)
        return atl_reshape(net->g, stored, ATL_SHAPE(1, h, w, 1));
    return ask(net, call, name, ATL_SHAPE(call->n, h, w, 1), ATL_PORT_NOISE);
}

void atl_call_out(atl_net *net, atl_call *call, const char *name, atl_node *x) {
    if (call->planar && x->shape.rank == 4)
        x = turned(net->g, x, (int[]){ 0, 3, 1, 2 });
    add(net->g, call->out, &call->n_out, name, x);
}

void atl_call_mean(atl_net *net, atl_call *call, const char *name, atl_node *x) {
    atl_port *port = add(net->g, call->out, &call->n_out, name, x);
    if (port)
        port->mean = true;
}

// ---- touching

atl_node *atl_call_style(atl_net *net, const atl_call *call, int layer, atl_node *s) {
    const atl_touch *t = call->touch;
    return t && t->style ? t->style(t->user, net, layer, s) : s;
}

atl_node *atl_call_features(atl_net *net, const atl_call *call, atl_node *x) {
    const atl_touch *t = call->touch;
    return t && t->features ? t->features(t->user, net, x) : x;
}

atl_node *atl_call_spared(atl_net *net, const atl_call *call, atl_node *x) {
    const atl_touch *t = call->touch;
    return t && t->spared && x->op != ATL_OP_POISON ? t->spared(t->user, net, x) : x;
}

// ---- what most functions ask for

atl_node *atl_call_latent(atl_net *net, atl_call *call, int z_dim) {
    return z_dim ? atl_call_in(net, call, "z", ATL_SHAPE(z_dim)) : NULL;
}

atl_node *atl_call_label(atl_net *net, atl_call *call, int c_dim) {
    return c_dim ? atl_call_in(net, call, "c", ATL_SHAPE(c_dim)) : NULL;
}
