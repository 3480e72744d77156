// SPDX-License-Identifier: Apache-2.0
// Rewrites around contractions: factors of their inputs, the filter behind a transposed convolution, sums of
// products.
#include "graph/fuse.h"

// ---- factors of the inputs

// The source of n that is x * s[n, c] becomes x; the position of s, or -1.
static int take_scale(atl_node *n, int k) {
    atl_node *m = n->src[k];
    if (!atl_is_binary(m, ATL_FN_MUL) || m->shape.rank != 4)
        return -1;
    for (int side = 0; side < 2; side++) {
        atl_node *s = atl_fuse_expanded(m->src[side], 1u | 8u);
        if (!s || n->n_src >= ATL_SRC_MAX)
            continue;
        n->src[k] = m->src[!side];
        return atl_fuse_add(n, s);
    }
    return -1;
}

void atl_fuse_in_scale(atl_fuser *f, int i) {
    atl_node *n = f->list[i].n, work = *n;
    atl_fusion fu = n->fusion ? *n->fusion : atl_fusion_none;
    fu.in_scale = take_scale(&work, n->at.conv.slot == ATL_SLOT_X ? 1 : 0);
    if (n->at.conv.slot == ATL_SLOT_W)
        fu.scale = take_scale(&work, 1);
    if ((fu.in_scale < 0 && fu.scale < 0) || !atl_fuse_wanted(f, &work, &fu))
        return;
    *n = work;
    atl_fuse_put(f, n, &fu);
}

// ---- the filter behind a transposed convolution

static bool is_swap(const atl_node *w) {
    return w->op == ATL_OP_PERMUTE && w->shape.rank == 4 && w->at.permute.axis[0] == 1 &&
           w->at.permute.axis[1] == 0 && w->at.permute.axis[2] == 2;
}

// The conv clone vanishes into the filter's clone, which becomes a conv with up_fir.  A weight that was
// turned from [o, i] to [i, o] for the transposed form is used unturned.  Only the first filter: a second
// one, such as StyleGAN's blur behind its box, stays what it is.
void atl_fuse_up_filter(atl_fuser *f, int i) {
    atl_node *n = f->list[i].n, *c = n->src[0];
    const atl_fir_attr *a = &n->at.fir;
    if (c->op != ATL_OP_CONV || c->at.conv.slot != ATL_SLOT_X || !atl_fuse_single(f, c) ||
        (c->fusion && (c->fusion->up_fir || c->fusion->scale >= 0 || c->fusion->bias >= 0)) ||
        a->upx * a->upy * a->downx * a->downy != 1)
        return;
    atl_fusion fu = c->fusion ? *c->fusion : atl_fusion_none;
    fu.up_fir = true;
    fu.turned = is_swap(c->src[0]);
    fu.fir = *a;
    atl_node work = *c;
    if (fu.turned)
        work.src[0] = c->src[0]->src[0];
    work.shape = n->shape;
    work.name = n->name;
    work.scope = n->scope;
    work.id = n->id;
    if (!atl_fuse_wanted(f, &work, &fu))
        return;
    c->op = ATL_OP_POISON;
    *n = work;
    atl_fuse_put(f, n, &fu);
}

// ---- weights of transposed convolutions, which are [i, o] where these ask for [o, i]

// The weight gradient whose result is turned, or the convolution whose weight is: nothing is copied.
void atl_fuse_turned(atl_fuser *f, int i) {
    atl_node *n = f->list[i].n, *c = n->op == ATL_OP_PERMUTE ? n->src[0] : n, work = *c;
    bool gradient = c->op == ATL_OP_CONV && c->at.conv.slot == ATL_SLOT_W;
    int k = c->at.conv.slot == ATL_SLOT_Y ? 1 : 0;
    if (c->op != ATL_OP_CONV || gradient != (n != c) || c->at.conv.groups != 1 ||
        (c->fusion && (c->fusion->up_fir || c->fusion->turned)) || !is_swap(gradient ? n : c->src[k]) ||
        (gradient && !atl_fuse_single(f, c)))
        return;
    atl_fusion fu = c->fusion ? *c->fusion : atl_fusion_none;
    fu.turned = true;
    if (!gradient)
        work.src[k] = c->src[k]->src[0];
    work.shape = n->shape;
    work.name = n->name;
    work.scope = n->scope;
    work.id = n->id;
    if (!atl_fuse_wanted(f, &work, &fu))
        return;
    if (gradient)
        c->op = ATL_OP_POISON;
    *n = work;
    atl_fuse_put(f, n, &fu);
}

// ---- sum(x * y) without the product in memory

void atl_fuse_product(atl_fuser *f, int i) {
    atl_node *n = f->list[i].n, *m = n->src[0], work = *n;
    bool square = atl_is_unary(m, ATL_FN_SQUARE);
    if (n->n_src != 1 || !(square || atl_is_binary(m, ATL_FN_MUL)) || !atl_fuse_single(f, m))
        return;
    work.src[0] = m->src[0];
    work.src[1] = square ? m->src[0] : m->src[1];
    if (!atl_fuse_whole(work.src[0]) || !atl_fuse_whole(work.src[1]))
        return;
    work.n_src = 2;
    if (!atl_fuse_wanted(f, &work, NULL))
        return;
    *n = work;
    m->op = ATL_OP_POISON;
}
