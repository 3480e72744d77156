// SPDX-License-Identifier: Apache-2.0
// Parameters by name, and the pieces that every layer ends with.
#include "nn/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/functions.h"

enum { NAME_MAX_LENGTH = ATL_SCOPE_MAX + 64 };

atl_net_mark atl_net_enter(atl_net *net) {
    atl_graph *g = net->g;
    bool scoped = net->as && net->as[0];
    atl_net_mark mark = { scoped ? atl_scope_push(g, "%s", net->as) : strlen(g->scope), net->prefix };
    net->prefix = g->scope[0] ? atl_arena_printf(&g->arena, "%s.", g->scope) : NULL;
    if (g->scope[0] && !net->prefix)
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a name");
    return mark;
}

void atl_net_leave(atl_net *net, atl_net_mark mark) {
    atl_scope_pop(net->g, mark.scope);
    net->prefix = mark.prefix;
}

// Returns the parameter's name; the name of its node, in `full`, has the network's scope before it.
static const char *full_name(const atl_net *net, const char *name, char full[NAME_MAX_LENGTH]) {
    const char *scope = net->g->scope;
    snprintf(full, NAME_MAX_LENGTH, "%s%s%s", scope, scope[0] ? "." : "", name);
    return full + (net->prefix ? strlen(net->prefix) : 0);
}

static bool has_shape(const atl_param *p, const atl_shape *shape) {
    return p->rank == shape->rank && !memcmp(p->dims, shape->d, sizeof *p->dims * (size_t)shape->rank);
}

static atl_node *ask(atl_net *net, const char *name, atl_shape shape, bool buffer, atl_init_kind init, float value) {
    char full[NAME_MAX_LENGTH], have[ATL_DIMS_TEXT], want[ATL_DIMS_TEXT];
    const char *own = full_name(net, name, full);
    atl_param *p = atl_params_find(net->params, own);
    if (!p && net->declare) {
        atl_status status = atl_params_add(net->params, own, shape.rank, shape.d, buffer, &p);
        if (status != ATL_OK)
            return atl_graph_fail(net->g, status, "%s could not be added: %s", own, atl_message(net->g->ctx));
        p->init = init;
        p->init_value = value;
    }
    if (!p)
        return atl_graph_fail(net->g, ATL_BAD_FILE, "the parameter %s of shape %s is missing in the file",
                              own, atl_dims_text(shape.rank, shape.d, want));
    if (!has_shape(p, &shape))
        return atl_graph_fail(net->g, ATL_BAD_FILE, "the parameter %s has shape %s where %s is needed", own,
                              atl_dims_text(p->rank, p->dims, have),
                              atl_dims_text(shape.rank, shape.d, want));
    if (net->declare)
        return atl_parameter(net->g, full, shape, NULL, NULL);
    if (!net->nodes && !(net->nodes = atl_arena_alloc(&net->g->arena, net->params->size, sizeof *net->nodes)))
        return atl_graph_fail(net->g, ATL_NO_MEMORY, "out of memory for the nodes of %zu parameters",
                              net->params->size);
    atl_node **node = &net->nodes[p - net->params->list];
    if (!*node) // a network that is built twice in a graph has one node, and one gradient, per parameter
        *node = atl_parameter(net->g, full, shape, atl_param_data(net->params, p),
                              net->varies ? &net->params->version : NULL);
    return *node;
}

atl_node *atl_net_param(atl_net *net, const char *name, atl_shape shape, atl_init_kind init, float value) {
    return ask(net, name, shape, false, init, value);
}

atl_node *atl_net_buffer(atl_net *net, const char *name, atl_shape shape, atl_init_kind init, float value) {
    return ask(net, name, shape, true, init, value);
}

atl_node *atl_net_held(atl_net *net, const char *name, atl_shape shape) {
    char full[NAME_MAX_LENGTH];
    const atl_param *p = atl_params_find(net->params, full_name(net, name, full));
    if (!p || !has_shape(p, &shape))
        return atl_graph_fail(net->g, ATL_INTERNAL, "%s is held before it was asked for", full);
    return atl_parameter(net->g, full, shape, atl_param_data(net->params, p),
                         net->varies ? &net->params->version : NULL);
}

atl_update *atl_net_update(atl_net *net, const char *name) {
    char full[NAME_MAX_LENGTH];
    const atl_param *p = atl_params_find(net->params, full_name(net, name, full));
    if (p && !net->updates)
        net->updates = atl_arena_alloc(&net->g->arena, net->params->size, sizeof *net->updates);
    if (p && net->updates)
        return &net->updates[p - net->params->list];
    atl_graph_fail(net->g, p ? ATL_NO_MEMORY : ATL_INTERNAL, "no room for what becomes of %s", full);
    return NULL;
}

bool atl_net_has(const atl_net *net, const char *name, atl_shape shape) {
    char full[NAME_MAX_LENGTH];
    const atl_param *p = atl_params_find(net->params, full_name(net, name, full));
    return net->declare || (p && has_shape(p, &shape));
}

atl_node *atl_normalize_2nd_moment(atl_graph *g, atl_node *x, float eps) {
    atl_node *m = atl_mean(g, atl_square(g, x), 1u << (x->shape.rank - 1));
    return atl_mul(g, x, atl_expand(g, atl_rsqrt(g, atl_affine(g, m, 1.0f, eps)), x->shape));
}

// Names and gains (bias_act of StyleGAN2-ADA).
static const struct {
    const char *name;
    float gain;
} activations[ATL_ACTIVATIONS] = {
    [ATL_LINEAR] = { "linear", 1.0f },     [ATL_LRELU] = { "lrelu", ATL_SQRT2 },
    [ATL_RELU] = { "relu", ATL_SQRT2 },    [ATL_TANH] = { "tanh", 1.0f },
    [ATL_SIGMOID] = { "sigmoid", 1.0f },   [ATL_ELU] = { "elu", 1.0f },
    [ATL_SELU] = { "selu", 1.0f },         [ATL_SWISH] = { "swish", ATL_SQRT2 },
    [ATL_SOFTPLUS] = { "softplus", 1.0f },
};

const char *atl_activation_name(atl_activation a) {
    return activations[a].name;
}

float atl_activation_gain(atl_activation a) {
    return activations[a].gain;
}

static atl_node *activated(atl_graph *g, atl_node *x, atl_activation a) {
    switch (a) {
    case ATL_LRELU: return atl_lrelu(g, x, 0.2f);
    case ATL_RELU: return atl_relu(g, x);
    case ATL_TANH: return atl_tanh(g, x);
    case ATL_SIGMOID: return atl_sigmoid(g, x);
    case ATL_ELU: return atl_elu(g, x, 1.0f);
    case ATL_SELU: return atl_selu(g, x);
    case ATL_SOFTPLUS: return atl_softplus(g, x);
    case ATL_SWISH: return atl_swish(g, x);
    case ATL_LINEAR:
    case ATL_ACTIVATIONS: break;
    }
    return x;
}

atl_node *atl_activate(atl_graph *g, atl_node *x, atl_activation a, float gain, float clamp) {
    x = activated(g, x, a);
    if (gain != 1.0f)
        x = atl_scale(g, x, gain);
    return clamp < INFINITY ? atl_clamp(g, x, -clamp, clamp) : x;
}

atl_node *atl_per_channel(atl_graph *g, atl_node *v, const atl_shape *shape) {
    atl_shape s = { .rank = shape->rank, .d = { 1, 1, 1, 1, 1 } };
    s.d[s.rank - 1] = v->shape.d[0];
    return atl_expand(g, atl_reshape(g, v, s), *shape);
}

atl_node *atl_add_bias(atl_graph *g, atl_node *x, atl_node *bias) {
    return atl_add(g, x, atl_per_channel(g, bias, &x->shape));
}

atl_node *atl_scale_channels(atl_graph *g, atl_node *x, atl_node *s) {
    atl_node *wide = atl_reshape(g, s, ATL_SHAPE(s->shape.d[0], 1, 1, s->shape.d[1]));
    return atl_mul(g, x, atl_expand(g, wide, x->shape));
}
