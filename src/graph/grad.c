// SPDX-License-Identifier: Apache-2.0
// Reverse walk from a loss to targets.  Each op's rule builds nodes, so a gradient is more graph and may
// be differentiated again.  Only nodes on a path from a target to the loss are visited.
#include <string.h>

#include "graph/build.h"

// path[i]: node i depends on a target (or is one).
static void mark_paths(const atl_graph *g, int last, atl_node *const *targets, int count, bool *path) {
    for (int i = 0; i < count; i++)
        if (targets[i]->op != ATL_OP_POISON && targets[i]->id <= last)
            path[targets[i]->id] = true;
    for (int i = 0; i <= last; i++)
        for (int k = 0; k < g->nodes[i]->n_src && !g->nodes[i]->held; k++)
            path[i] = path[i] || path[g->nodes[i]->src[k]->id];
}

// Runs the rule of node i, whose gradient is d[i], and adds to the gradients of its sources.
static void differentiate(atl_graph *g, int i, const bool *path, atl_node **d) {
    atl_node *node = g->nodes[i], *part[ATL_SRC_MAX] = { NULL };
    bool wanted[ATL_SRC_MAX] = { false };
    for (int k = 0; k < node->n_src; k++)
        wanted[k] = path[node->src[k]->id];
    atl_scope_enter(g, node->scope); // the steps of a gradient belong to the layer that they come from
    atl_op_table[node->op].vjp(g, node, d[i], wanted, part);
    for (int k = 0; k < node->n_src; k++) {
        int s = node->src[k]->id;
        if (part[k] && wanted[k])
            d[s] = d[s] ? atl_add(g, d[s], part[k]) : part[k];
    }
}

void atl_grad(atl_graph *g, atl_node *loss, atl_node *const *targets, int count, atl_node **dx) {
    for (int i = 0; i < count; i++)
        dx[i] = &g->poison;
    if (loss->op == ATL_OP_POISON || g->status != ATL_OK)
        return;
    if (atl_shape_count(&loss->shape) != 1) {
        char t[ATL_SHAPE_TEXT];
        atl_graph_fail(g, ATL_BAD_ARGUMENT, "a gradient is taken of one number, not of %s",
                       atl_node_shape_text(loss, t));
        return;
    }
    int last = loss->id;
    size_t n = (size_t)last + 1;
    atl_node **d = atl_calloc(g->ctx, n, sizeof *d);
    bool *path = atl_calloc(g->ctx, n, sizeof *path);
    if (!d || !path) {
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a gradient");
        goto done;
    }
    mark_paths(g, last, targets, count, path);
    d[last] = atl_fill(g, loss->shape, 1.0f);
    const char *outer = atl_scope_get(g);
    for (int i = last; i >= 0 && g->status == ATL_OK; i--) // creation order is a topological order
        if (d[i] && path[i] && atl_op_table[g->nodes[i]->op].vjp)
            differentiate(g, i, path, d);
    atl_scope_enter(g, outer);
    for (int i = 0; i < count; i++) {
        int t = targets[i]->id;
        dx[i] = t <= last && d[t] ? d[t] : atl_fill(g, targets[i]->shape, 0.0f);
    }
done:
    atl_free(g->ctx, d);
    atl_free(g->ctx, path);
}
