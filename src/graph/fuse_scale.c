// SPDX-License-Identifier: Apache-2.0
// The gradient of an epilogue's scale (StyleGAN2's demodulation) sums dy times the result of the contraction,
// which therefore can't vanish into its epilogue: it is written, read, written again as what the layer gives,
// and stays in memory until the way back, beside that.  But the layer's result says what it was:
//
//     z = gain * lrelu(x * scale + noise + bias, slope)
//     sum(dy * x) = sum(dy * (lrelu(z, 1 / slope) / gain - noise - bias)) / scale
//
// So the sum reads z, and the contraction has its epilogue.  A clamp would lose what x was, and a scale that may
// be zero, too: demodulation's is 1 / sqrt.
#include "graph/fuse.h"

#include <math.h>

// The sum of a product over rows and columns.
static bool sums_pixels(const atl_node *n) {
    const bool *axis = n->at.sum.axis;
    return n->op == ATL_OP_SUM && n->n_src == 2 && n->shape.rank == 4 && axis[1] && axis[2] && !axis[3] &&
           (!axis[0] || n->src[0]->shape.d[0] == 1);
}

static bool never_zero(const atl_node *n) {
    while (n->op == ATL_OP_RESHAPE)
        n = n->src[0];
    return atl_is_unary(n, ATL_FN_RSQRT);
}

static bool tells_its_source(const atl_node *e) {
    const atl_fusion *u = e->fusion;
    return u->scale >= 0 && never_zero(e->src[u->scale]) && u->clamp == INFINITY && u->gate < 0 &&
           u->residual < 0 && u->slope > 0.0f && u->gain > 0.0f;
}

// The epilogue that reads x, its only reader beside the sum; NULL: there is none whose result says what x
// was.
static atl_node *epilogue_of(const atl_fuser *f, const atl_node *x, const atl_node *sum) {
    const atl_fuse_node *own = &f->list[x->id];
    if (x->op != ATL_OP_CONV || x->at.conv.slot == ATL_SLOT_W || own->uses != 2 || own->output ||
        own->finished)
        return NULL;
    for (int i = x->id + 1; i < sum->id; i++) {
        atl_node *e = f->list[i].n;
        if (e->op == ATL_OP_EPILOGUE && e->src[0] == x)
            return tells_its_source(e) ? e : NULL;
    }
    return NULL;
}

// A source of `from` becomes one of `to`; its position, or -1 where there is none.
static int hand_over(const atl_node *from, int at, atl_node *to) {
    return at < 0 ? -1 : atl_fuse_add(to, from->src[at]);
}

// x with the epilogue of e, in the place of e.
static bool join(const atl_node *x, const atl_node *e, atl_node *work, atl_fusion *fu) {
    const atl_fusion *u = e->fusion;
    *work = *x;
    *fu = x->fusion ? *x->fusion : atl_fusion_none;
    if (fu->scale >= 0 || fu->noise >= 0 || fu->bias >= 0 || x->n_src + 3 > ATL_SRC_MAX)
        return false;
    fu->scale = hand_over(e, u->scale, work);
    fu->noise = hand_over(e, u->noise, work);
    fu->bias = hand_over(e, u->bias, work);
    fu->slope = u->slope;
    fu->gain = u->gain;
    work->name = e->name;
    work->scope = e->scope;
    work->id = e->id;
    return true;
}

void atl_fuse_scale_grad(atl_fuser *f, int i) {
    atl_node *n = f->list[i].n, work, sum = { .op = ATL_OP_SCALE_GRAD, .shape = n->shape };
    atl_fusion fu, own = atl_fusion_none;
    for (int side = 0; sums_pixels(n) && side < 2; side++) {
        atl_node *x = n->src[side], *e = epilogue_of(f, x, n);
        if (!e || x == n->src[!side] || !join(x, e, &work, &fu))
            continue;
        sum.src[0] = n->src[!side];
        sum.src[1] = e;
        sum.n_src = 2;
        own.scale = hand_over(e, e->fusion->scale, &sum);
        own.noise = hand_over(e, e->fusion->noise, &sum);
        own.bias = hand_over(e, e->fusion->bias, &sum);
        own.slope = e->fusion->slope;
        own.gain = e->fusion->gain;
        sum.name = n->name;
        sum.scope = n->scope;
        sum.id = n->id;
        if (!atl_fuse_wanted(f, &work, &fu) || !atl_fuse_wanted(f, &sum, &own))
            continue;
        x->op = ATL_OP_POISON;
        *e = work;
        atl_fuse_put(f, e, &fu);
        *n = sum;
        atl_fuse_put(f, n, &own);
        return;
    }
}
