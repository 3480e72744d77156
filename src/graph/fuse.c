// SPDX-License-Identifier: Apache-2.0
// Rewrites before planning, so that no fused kernel ever needs a derivative:
//
//   epilogue   conv | upfirdn | matmul, then * scale[n, c], + noise[n, h, w], + bias[c], lrelu, * gain, clamp,
//              * step(tensor) (the slope of an activation, in gradients), + tensor
//   pointwise  the same chain after anything else, when it is two or more nodes
//   in-scale   conv(x * s[n, c], w), and of both tensors that give a weight gradient
//   up-filter  upfirdn(transposed conv stride 2): the upsampling layer of StyleGAN2
//   products   sum(x * y)
//
// Terms are absorbed in that order of stages; what does not fit stays a step of its own.  The fused clone
// takes the place of the last node that it absorbed, so all its sources come before it.
#include <math.h>
#include <string.h>

#include "graph/plan.h"

typedef struct fuser {
    atl_arena *arena;
    atl_fuse_node *list;
    int size;
    bool lost; // memory was missing
} fuser;

enum stage { SCALE, OFFSET, ACTIVATION, GAIN, CLAMP, GATE, RESIDUAL, DONE };

// The node that an expand repeats, when x is one whose source has size 1 in all dims but those of `keep` (bits).
static atl_node *expanded(atl_node *x, unsigned keep) {
    if (x->op != ATL_OP_EXPAND)
        return NULL;
    atl_node *s = x->src[0];
    for (int i = 0; i < s->shape.rank; i++)
        if (!(keep >> i & 1) && s->shape.d[i] != 1)
            return NULL;
    return s;
}

static bool full_channels(const atl_node *s, const atl_node *y) {
    int r = y->shape.rank;
    return s->shape.d[r - 1] == y->shape.d[r - 1];
}

static int add_source(atl_node *n, atl_node *s) {
    n->src[n->n_src] = s;
    return n->n_src++;
}

static bool is_whole(const atl_node *n) { // its result is in memory, one number after the other
    return n->op != ATL_OP_EXPAND && n->op != ATL_OP_FILL;
}

// Factors alone so far: a further one may come in any order.
static bool is_linear(const atl_fusion *fu) {
    return fu->noise < 0 && fu->bias < 0 && fu->slope == 1.0f && fu->clamp == INFINITY;
}

static enum stage absorb_unary(atl_fusion *fu, const atl_node *u, enum stage at) {
    float a = u->at.unary.a;
    if (u->at.unary.fn == ATL_FN_LRELU && at < ACTIVATION) {
        fu->slope = a;
        return ACTIVATION;
    }
    if (u->at.unary.fn == ATL_FN_AFFINE && u->at.unary.b == 0.0f && (at < CLAMP || (at == GATE && is_linear(fu)))) {
        fu->gain *= a;
        return at == GATE ? GATE : GAIN;
    }
    if (u->at.unary.fn == ATL_FN_CLAMP && u->at.unary.a == -u->at.unary.b && at < CLAMP) {
        fu->clamp = u->at.unary.b;
        return CLAMP;
    }
    return DONE;
}

static enum stage absorb_factor(atl_node *p, atl_fusion *fu, atl_node *other, const atl_node *y, enum stage at) {
    int r = y->shape.rank;
    if (other->op == ATL_OP_UNARY && other->at.unary.fn == ATL_FN_STEP && at < GATE &&
        is_whole(other->src[0])) {
        fu->gate = add_source(p, other->src[0]);
        fu->gate_slope = other->at.unary.a;
        return GATE;
    }
    atl_node *s = expanded(other, 1u | 1u << (r - 1));
    if (r != 4 || fu->scale >= 0 || !(at <= SCALE || (at <= GATE && is_linear(fu))) || !s || !full_channels(s, y))
        return DONE;
    fu->scale = add_source(p, s);
    return at;
}

// Tries to absorb `u` (the only consumer of y) into p.  Returns the new stage, or DONE when it does not fit.
static enum stage absorb(atl_node *p, atl_fusion *fu, atl_node *u, const atl_node *y, enum stage at) {
    int r = y->shape.rank;
    if (u->op == ATL_OP_UNARY)
        return absorb_unary(fu, u, at);
    if (u->op != ATL_OP_BINARY || p->n_src >= ATL_SRC_MAX || (u->src[0] == y) == (u->src[1] == y))
        return DONE;
    atl_node *other = u->src[0] == y ? u->src[1] : u->src[0], *s;
    if (u->at.binary.fn == ATL_FN_MUL)
        return absorb_factor(p, fu, other, y, at);
    if (u->at.binary.fn != ATL_FN_ADD)
        return DONE;
    if (at <= OFFSET && fu->bias < 0 && (s = expanded(other, 1u << (r - 1))) && full_channels(s, y)) {
        fu->bias = add_source(p, s);
        return OFFSET;
    }
    if (at <= OFFSET && fu->noise < 0 && r == 4 && (s = expanded(other, 1u | 2u | 4u)) &&
        s->shape.d[1] == y->shape.d[1] && s->shape.d[2] == y->shape.d[2] && s->shape.d[3] == 1) {
        fu->noise = add_source(p, s);
        return OFFSET;
    }
    if (fu->residual < 0 && other->op != ATL_OP_EXPAND && other != y && r > 2) {
        fu->residual = add_source(p, other);
        return RESIDUAL;
    }
    return DONE;
}

static int index_of_consumer(const fuser *f, const atl_node *y, int after) {
    for (int i = after + 1; i < f->size; i++)
        for (int k = 0; k < f->list[i].n->n_src; k++)
            if (f->list[i].n->src[k] == y)
                return i;
    return -1;
}

static const atl_fusion NOTHING = { .in_scale = -1, .scale = -1, .noise = -1, .bias = -1, .gate = -1, .residual = -1,
                                    .slope = 1.0f, .gain = 1.0f, .clamp = INFINITY, .gate_slope = 1.0f };

static atl_fusion fusion_of(const atl_node *n) {
    return n->fusion ? *n->fusion : NOTHING;
}

static void put_fusion(fuser *f, atl_node *n, const atl_fusion *fusion) {
    atl_fusion *own = atl_arena_alloc(f->arena, 1, sizeof *own);
    f->lost = f->lost || !own;
    if (own)
        *own = *fusion;
    n->fusion = own;
}

// Absorbs entry `next` into work, then the single consumer of that, and so on.  Returns the last one absorbed, which
// becomes the fused node while those before it vanish; -1: none, or not enough to be worth a node of its own.
static int follow(fuser *f, atl_node *work, atl_fusion *fu, const atl_node *y, int next, int least) {
    int absorbed[16], count = 0; // there are fewer kinds of terms, but a gain may come in several parts
    enum stage stage = SCALE;
    while (next >= 0 && count < 16 && stage < RESIDUAL) {
        stage = absorb(work, fu, f->list[next].n, y, stage);
        if (stage == DONE)
            break;
        absorbed[count++] = next;
        y = f->list[next].n;
        next = f->list[next].uses == 1 && !f->list[next].output ? index_of_consumer(f, y, next) : -1;
    }
    if (count < least && fu->gate < 0) // a gate spares the step that it reads
        return -1;
    for (int k = 0; k + 1 < count; k++) {
        if (f->list[absorbed[k]].n->name && !f->list[absorbed[count - 1]].n->name)
            f->list[absorbed[count - 1]].n->name = f->list[absorbed[k]].n->name;
        f->list[absorbed[k]].n->op = ATL_OP_POISON;
    }
    return count ? absorbed[count - 1] : -1;
}

// Writes the fused node over the last that it absorbed.
static void replace(fuser *f, int last, atl_node *work, const atl_fusion *fu) {
    atl_node *n = f->list[last].n;
    put_fusion(f, work, fu);
    work->name = n->name;
    work->scope = n->scope;
    work->id = n->id;
    *n = *work;
    f->list[last].finished = true;
}

static void fuse_epilogue(fuser *f, int i) {
    atl_node *n = f->list[i].n, work = *n; // try on a copy: sources are only added when a term is absorbed
    atl_fusion fu = fusion_of(n);
    int next = f->list[i].uses == 1 && !f->list[i].output ? index_of_consumer(f, n, i) : -1;
    int last = follow(f, &work, &fu, n, next, 1);
    if (last < 0)
        return;
    if (n->name && !f->list[last].n->name)
        f->list[last].n->name = n->name;
    n->op = ATL_OP_POISON;
    replace(f, last, &work, &fu);
}

// A chain that starts at the pointwise entry i, after whatever it reads.
static void fuse_pointwise(fuser *f, int i) {
    const atl_node *n = f->list[i].n;
    for (int side = 0; side < n->n_src; side++) {
        atl_node *x = n->src[side], work = { .op = ATL_OP_EPILOGUE, .shape = x->shape, .src = { x }, .n_src = 1 };
        if (!is_whole(x))
            continue;
        atl_fusion fu = NOTHING;
        int last = follow(f, &work, &fu, x, i, 2);
        if (last >= 0) {
            replace(f, last, &work, &fu);
            return;
        }
    }
}

// The source of n that is x * s[n, c] becomes x; the position of s, or -1.
static int take_scale(atl_node *n, int k) {
    atl_node *m = n->src[k];
    if (m->op != ATL_OP_BINARY || m->at.binary.fn != ATL_FN_MUL || m->shape.rank != 4)
        return -1;
    for (int side = 0; side < 2; side++) {
        atl_node *s = expanded(m->src[side], 1u | 8u);
        if (!s || !full_channels(s, m) || n->n_src >= ATL_SRC_MAX)
            continue;
        n->src[k] = m->src[!side];
        return add_source(n, s);
    }
    return -1;
}

static void fuse_in_scale(fuser *f, atl_node *n) {
    atl_fusion fu = fusion_of(n);
    fu.in_scale = take_scale(n, n->at.conv.slot == ATL_SLOT_X ? 1 : 0);
    if (n->at.conv.slot == ATL_SLOT_W)
        fu.scale = take_scale(n, 1);
    if (fu.in_scale >= 0 || fu.scale >= 0)
        put_fusion(f, n, &fu);
}

// sum(x * y) without the product in memory.
static void fuse_product(fuser *f, atl_node *n) {
    atl_node *m = n->src[0];
    if (n->n_src != 1 || m->op != ATL_OP_BINARY || m->at.binary.fn != ATL_FN_MUL || f->list[m->id].uses != 1 ||
        f->list[m->id].output || !is_whole(m->src[0]) || !is_whole(m->src[1]))
        return;
    n->src[0] = m->src[0];
    n->src[1] = m->src[1];
    n->n_src = 2;
    m->op = ATL_OP_POISON;
}

static bool is_swap(const atl_node *w) {
    return w->op == ATL_OP_PERMUTE && w->shape.rank == 4 && w->at.permute.axis[0] == 1 && w->at.permute.axis[1] == 0 &&
           w->at.permute.axis[2] == 2;
}

// upfirdn(transposed conv): the conv clone vanishes into the filter's clone, which becomes a conv with up_fir.  A
// weight that was turned from [o, i] to [i, o] for the transposed form is used unturned.
static void fuse_up_filter(fuser *f, int i) {
    atl_node *n = f->list[i].n, *c = n->src[0];
    const atl_fir_attr *a = &n->at.fir;
    const atl_conv_attr *v = &c->at.conv;
    if (c->op != ATL_OP_CONV || v->slot != ATL_SLOT_X || v->sy != 2 || v->sx != 2 || v->groups != 1 ||
        v->py0 + v->py1 + v->px0 + v->px1 != 0 ||
        (c->fusion && (c->fusion->scale >= 0 || c->fusion->bias >= 0)))
        return;
    if (a->upx * a->upy * a->downx * a->downy != 1 || a->fw != 4 || a->fh != 4 || a->px0 != 1 ||
        a->px1 != 1 || a->py0 != 1 || a->py1 != 1 || c->shape.d[1] != 2 * c->src[1]->shape.d[1] + 1 ||
        c->shape.d[2] != 2 * c->src[1]->shape.d[2] + 1)
        return;
    if (f->list[c->id].uses != 1 || f->list[c->id].output)
        return;
    atl_fusion fu = fusion_of(c);
    fu.up_fir = true;
    fu.turned = is_swap(c->src[0]);
    fu.fir = *a;
    atl_node work = *c;
    put_fusion(f, &work, &fu);
    if (fu.turned)
        work.src[0] = c->src[0]->src[0];
    work.shape = n->shape;
    work.name = n->name;
    work.scope = n->scope;
    work.id = n->id;
    c->op = ATL_OP_POISON;
    *n = work;
}

static void count_uses(fuser *f) {
    for (int i = 0; i < f->size; i++)
        f->list[i].uses = 0;
    for (int i = 0; i < f->size; i++)
        for (int k = 0; f->list[i].n->op != ATL_OP_POISON && k < f->list[i].n->n_src; k++)
            f->list[f->list[i].n->src[k]->id].uses++;
}

static bool is_pointwise(const atl_node *n) {
    return n->op == ATL_OP_UNARY || n->op == ATL_OP_BINARY;
}

atl_status atl_fuse(atl_arena *arena, atl_fuse_node *list, int size) {
    fuser f = { arena, list, size, false };
    count_uses(&f);
    atl_fuse_style(list, size);
    count_uses(&f);
    atl_fuse_steps(list, size);
    for (int i = 0; i < size; i++)
        if (list[i].n->op == ATL_OP_CONV)
            fuse_in_scale(&f, list[i].n);
    count_uses(&f);
    for (int i = 0; i < size; i++)
        if (list[i].n->op == ATL_OP_UPFIRDN)
            fuse_up_filter(&f, i);
    count_uses(&f);
    for (int i = 0; i < size; i++) {
        atl_op op = list[i].n->op;
        if (list[i].finished)
            continue;
        if ((op == ATL_OP_CONV && list[i].n->at.conv.slot != ATL_SLOT_W) || op == ATL_OP_UPFIRDN ||
            op == ATL_OP_MATMUL)
            fuse_epilogue(&f, i);
    }
    count_uses(&f);
    for (int i = 0; i < size; i++)
        if (is_pointwise(list[i].n) && !list[i].constant)
            fuse_pointwise(&f, i);
    count_uses(&f);
    for (int i = 0; i < size; i++)
        if (list[i].n->op == ATL_OP_SUM)
            fuse_product(&f, list[i].n);
    return f.lost ? ATL_NO_MEMORY : ATL_OK;
}
