// SPDX-License-Identifier: Apache-2.0
// Sums over the processes that compute a graph together, each on samples of its own.
//
// y = the sum of all processes' x.  What is minimised is the sum of all processes' losses, so the gradient of
// one process's x is the sum of all processes' gradients of y: the op is its own transpose, and gradients of
// every order of what is made with it are those of one process that had all the samples.
#include "graph/build.h"

atl_node *atl_across(atl_graph *g, atl_node *x, const atl_processes *processes) {
    if (!processes || processes->count == 1 || x->op == ATL_OP_POISON)
        return x;
    atl_node *n = atl_new_node(g, ATL_OP_ACROSS, x->shape, 1, &x);
    if (n != &g->poison)
        n->at.across.processes = processes;
    return n;
}

void atl_vjp_across(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    if (wanted[0])
        dx[0] = atl_across(g, dy, n->at.across.processes);
}
