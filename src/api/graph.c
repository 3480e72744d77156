// SPDX-License-Identifier: Apache-2.0
// The experimental face of the engine: graphs and plans as objects, opened networks in graphs.
#include <string.h>

#include "api/model_api.h"

// ---- graphs

atl_status atl_graph_open(atl_ctx *ctx, atl_graph **graph) {
    *graph = atl_alloc(ctx, 1, sizeof **graph);
    if (!*graph)
        return ATL_NO_MEMORY;
    atl_graph_init(*graph, ctx);
    return ATL_OK;
}

void atl_graph_close(atl_graph **graph) {
    if (!graph || !*graph)
        return;
    atl_ctx *ctx = (*graph)->ctx;
    atl_graph_clear(*graph);
    atl_free(ctx, *graph);
    *graph = NULL;
}

atl_shape atl_node_shape(const atl_node *x) {
    return x->shape;
}

atl_node *atl_graph_find(atl_graph *g, const char *name) {
    for (int i = g->size - 1; i >= 0; i--)
        if (g->nodes[i]->name && !strcmp(g->nodes[i]->name, name))
            return g->nodes[i];
    return atl_graph_fail(g, ATL_BAD_ARGUMENT, "no node is named %s", name);
}

// ---- networks

// A network that stands in a graph: applied again under the same name, it has one node per parameter.
struct atl_graph_net {
    atl_net net;
    atl_graph_net *next;
};

static atl_net *net_of(atl_graph *g, const atl_network *network, const char *as) {
    for (atl_graph_net *n = g->nets; n; n = n->next)
        if (n->net.params == &network->params && !strcmp(n->net.as, as))
            return &n->net;
    atl_graph_net *made = atl_arena_alloc(&g->arena, 1, sizeof *made);
    const char *copy = atl_arena_string(&g->arena, as, strlen(as));
    if (!made || !copy)
        return NULL;
    made->net = atl_network_in(g, network, copy);
    made->next = g->nets;
    g->nets = made;
    return &made->net;
}

atl_node *atl_model_apply(atl_graph *g, atl_model *model, const char *as, const char *function,
                          const char *result, const atl_bound *in, int count) {
    atl_net *net = net_of(g, &model->net, as);
    if (!net)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the network %s", as);
    return atl_apply(net, &model->net, function, result, in, count);
}

// ---- plans

atl_status atl_plan_open(atl_graph *g, atl_node *const *outputs, int count, atl_plan **plan) {
    atl_backend *backend;
    *plan = NULL;
    ATL_TRY(atl_backend_of(g->ctx, &backend));
    return atl_plan_make(g, backend, outputs, count, NULL, plan);
}

atl_status atl_plan_set(atl_plan *plan, const atl_node *input, const float *values) {
    if (input->op != ATL_OP_INPUT)
        return atl_fail(plan->ctx, ATL_BAD_ARGUMENT, "only inputs can be set; this is the result of %s",
                        atl_node_op_name(input));
    atl_plan_write(plan, input, values);
    return ATL_OK;
}

atl_status atl_plan_get(const atl_plan *plan, const atl_node *output, float *values) {
    if (atl_plan_read(plan, output, values))
        return ATL_OK;
    return atl_fail(plan->ctx, ATL_BAD_ARGUMENT, "%s is none of the plan's outputs",
                    output->name ? output->name : atl_node_op_name(output));
}
