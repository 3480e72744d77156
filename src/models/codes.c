// SPDX-License-Identifier: Apache-2.0
// Pieces of the networks of codes: models/codes.h.
#include "models/codes.h"

#include <math.h>

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

atl_node *atl_code_distance(atl_graph *g, atl_node *a, atl_node *b) {
    atl_node *d = atl_square(g, atl_sub(g, a, b));
    if (d->op == ATL_OP_POISON)
        return d;
    d = atl_mean(g, d, (1u << d->shape.rank) - 2u); // all axes but the first
    return atl_reshape(g, d, ATL_SHAPE(d->shape.d[0]));
}

atl_node *atl_code_draw(atl_graph *g, atl_node *logits, atl_node *noise, atl_node *temperature) {
    if (logits->op == ATL_OP_POISON || noise->op == ATL_OP_POISON || temperature->op == ATL_OP_POISON)
        return &g->poison;
    const atl_shape *all = &logits->shape;
    atl_node *t = atl_expand(g, atl_reshape(g, temperature, ATL_SHAPE(1, 1, 1)), *all);
    atl_node *soft = atl_softmax(g, atl_div(g, atl_add(g, logits, noise), t));
    atl_node *hard = atl_one_hot(g, atl_position_of_largest(g, soft), all->d[2]);
    return atl_add(g, soft, atl_held(g, atl_sub(g, hard, soft)));
}

atl_node *atl_code_unevenness(atl_graph *g, atl_node *logits) {
    if (logits->op == ATL_OP_POISON)
        return logits;
    double k = (double)logits->shape.d[2];
    atl_node *uneven = atl_affine(g, atl_log_softmax(g, logits), 1.0f, (float)log(k));
    atl_node *sum = atl_sum(g, atl_mul(g, atl_softmax(g, logits), uneven), 4u);
    return atl_reshape(g, atl_mean(g, sum, 6u), ATL_SHAPE(logits->shape.d[0]));
}
