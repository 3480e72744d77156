// SPDX-License-Identifier: Apache-2.0
// Pieces of the networks of codes: models/codes.h.
#include "models/codes.h"

#include "nn/functions.h"

atl_node *atl_code_dense(atl_net *net, const char *name, atl_node *x, int64_t out, bool bias) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t mark = atl_scope_push(net->g, "%s", name);
    int64_t in = x->shape.d[x->shape.rank - 1];
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in), ATL_INIT_NORMAL, 0.02f);
    atl_node *b = bias ? atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f) : NULL;
    x = atl_dense(net->g, x, w, b);
    atl_scope_pop(net->g, mark);
    return x;
}

atl_node *atl_code_norm(atl_net *net, const char *name, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t mark = atl_scope_push(net->g, "%s", name);
    int64_t c = x->shape.d[x->shape.rank - 1];
    atl_node *scale = atl_net_param(net, "weight", ATL_SHAPE(c), ATL_INIT_FILL, 1.0f);
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(c), ATL_INIT_ZERO, 0.0f);
    x = atl_layer_norm(net->g, x, scale, bias, 1e-5f);
    atl_scope_pop(net->g, mark);
    return x;
}

atl_node *atl_code_scores(atl_graph *g, atl_node *z, atl_node *book) {
    if (z->op == ATL_OP_POISON || book->op == ATL_OP_POISON)
        return &g->poison;
    int64_t k = book->shape.d[0];
    atl_node *length = atl_reshape(g, atl_sum(g, atl_square(g, book), 2u), ATL_SHAPE(k));
    return atl_add_bias(g, atl_scale(g, atl_dense(g, z, book, NULL), 2.0f), atl_neg(g, length));
}
