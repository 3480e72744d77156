// SPDX-License-Identifier: Apache-2.0
// The gradient of y = lrelu(x) asks for the sign of x, so x has two readers, can't vanish into an epilogue and stays
// in memory until the way back.  But y has the same sign, as it has after a positive gain and a clamp around zero;
// and y stays anyway, for the next layer's gradient.  So the step reads the end of that chain.
#include "graph/fuse.h"

static bool keeps_sign(const atl_node *u) {
    float a = u->at.unary.a, b = u->at.unary.b;
    if (u->op != ATL_OP_UNARY)
        return false;
    return (u->at.unary.fn == ATL_FN_AFFINE && a > 0.0f && b == 0.0f) ||
           (u->at.unary.fn == ATL_FN_CLAMP && a < 0.0f && b > 0.0f);
}

// The leaky ReLU of x, when nothing but steps reads x beside it.
static const atl_fuse_node *activation_of(const atl_fuse_node *list, int size, const atl_node *x) {
    const atl_fuse_node *found = NULL;
    for (int i = x->id + 1; i < size; i++) {
        const atl_node *n = list[i].n;
        for (int k = 0; n->op != ATL_OP_POISON && k < n->n_src; k++) {
            if (n->src[k] != x || atl_is_unary(n, ATL_FN_STEP))
                continue;
            if (found || !atl_is_unary(n, ATL_FN_LRELU) || n->at.unary.a <= 0.0f)
                return NULL;
            found = &list[i];
        }
    }
    return list[x->id].output ? NULL : found;
}

void atl_fuse_step(atl_fuser *f, int i) {
    const atl_fuse_node *list = f->list;
    atl_node *s = list[i].n, work = *s;
    const atl_fuse_node *y = atl_is_unary(s, ATL_FN_STEP) ? activation_of(list, f->size, s->src[0]) : NULL;
    if (!y || y->n->id > s->id)
        return;
    for (int k = y->n->id + 1; k < s->id; k++) // the consumers of a chain come in its order
        if (keeps_sign(list[k].n) && list[k].n->src[0] == y->n && y->uses == 1 && !y->output)
            y = &list[k];
    work.src[0] = y->n;
    if (atl_fuse_wanted(f, &work, NULL))
        *s = work;
}
