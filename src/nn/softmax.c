// SPDX-License-Identifier: Apache-2.0
// Probabilities over the last dim.
#include "base/mem.h"
#include "nn/functions.h"

// x less its largest number rounded down, so that no exponential overflows.  Rounding has no derivative: that of the
// largest number would cancel in the end, but cost its way back.
static atl_node *lowered(atl_graph *g, atl_node *x) {
    atl_node *most = atl_fn_of(g, ATL_FN_FLOOR, atl_pick_axis(g, x, x, x->shape.rank - 1));
    return atl_sub(g, x, atl_expand(g, most, x->shape));
}

static atl_node *sum_last(atl_graph *g, atl_node *x) {
    return atl_sum(g, x, 1u << (x->shape.rank - 1));
}

atl_node *atl_softmax(atl_graph *g, atl_node *x) {
    atl_node *e = atl_exp(g, lowered(g, x));
    return atl_div(g, e, atl_expand(g, sum_last(g, e), x->shape));
}

atl_node *atl_log_softmax(atl_graph *g, atl_node *x) {
    atl_node *low = lowered(g, x);
    atl_node *sum = sum_last(g, atl_exp(g, low));
    return atl_sub(g, low, atl_expand(g, atl_ln(g, sum), x->shape));
}

atl_node *atl_cross_entropy(atl_graph *g, atl_node *logits, atl_node *target) {
    return atl_neg(g, sum_last(g, atl_mul(g, target, atl_log_softmax(g, logits))));
}

atl_node *atl_one_hot(atl_graph *g, atl_node *codes, int64_t k) {
    if (codes->op == ATL_OP_POISON)
        return codes;
    const int64_t *d = codes->shape.d;
    float *numbers = atl_arena_alloc(&g->arena, (size_t)k, sizeof *numbers);
    if (!numbers)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the numbers of %lld codes", (long long)k);
    for (int64_t i = 0; i < k; i++)
        numbers[i] = (float)i;
    atl_shape all = ATL_SHAPE(d[0], d[1], k);
    atl_node *wide = atl_expand(g, atl_reshape(g, codes, ATL_SHAPE(d[0], d[1], 1)), all);
    atl_node *to = atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, k), numbers), all);
    return atl_unary(g, ATL_FN_INSIDE, atl_sub(g, to, wide), -0.5f, 0.5f);
}

atl_node *atl_position_of_largest(atl_graph *g, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t k = x->shape.d[2];
    float *numbers = atl_alloc(g->ctx, (size_t)k, sizeof *numbers);
    if (!numbers)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the numbers of %lld codes", (long long)k);
    for (int64_t i = 0; i < k; i++)
        numbers[i] = (float)i;
    atl_node *all = atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, k), numbers), x->shape);
    atl_free(g->ctx, numbers);
    return atl_reshape(g, atl_pick_axis(g, x, all, 2), ATL_SHAPE(x->shape.d[0], x->shape.d[1]));
}
