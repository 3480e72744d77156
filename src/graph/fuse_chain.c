// SPDX-License-Identifier: Apache-2.0
// Chains of pointwise nodes, each the only reader of the one before, that become one epilogue: of a
// contraction, of a filter, or alone.  Terms are absorbed in the order of stages; what does not fit stays a
// step of its own.  The fused clone takes the place of the last node that it absorbed, so all its sources
// come before it.
#include "graph/fuse.h"

#include <math.h>

enum { LONGEST = 16 }; // there are fewer kinds of terms, but a gain may come in several parts

enum stage { SCALE, OFFSET, ACTIVATION, GAIN, CLAMP, GATE, RESIDUAL, DONE };

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
    if (u->at.unary.fn == ATL_FN_AFFINE && u->at.unary.b == 0.0f &&
        (at < CLAMP || (at == GATE && is_linear(fu)))) {
        fu->gain *= a;
        return at == GATE ? GATE : GAIN;
    }
    if (u->at.unary.fn == ATL_FN_CLAMP && u->at.unary.a == -u->at.unary.b && at < CLAMP) {
        fu->clamp = u->at.unary.b;
        return CLAMP;
    }
    return DONE;
}

static enum stage absorb_factor(atl_node *p, atl_fusion *fu, atl_node *other, const atl_node *y,
                                enum stage at) {
    int r = y->shape.rank;
    if (atl_is_unary(other, ATL_FN_STEP) && at < GATE && atl_fuse_whole(other->src[0])) {
        fu->gate = atl_fuse_add(p, other->src[0]);
        fu->gate_slope = other->at.unary.a;
        return GATE;
    }
    atl_node *s = r == 4 ? atl_fuse_expanded(other, 1u | 8u) : NULL;
    if (fu->scale >= 0 || !(at <= SCALE || (at <= GATE && is_linear(fu))) || !s)
        return DONE;
    fu->scale = atl_fuse_add(p, s);
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
    if (at <= OFFSET && fu->bias < 0 && r > 0 && (s = atl_fuse_expanded(other, 1u << (r - 1)))) {
        fu->bias = atl_fuse_add(p, s);
        return OFFSET;
    }
    if (at <= OFFSET && fu->noise < 0 && r == 4 && (s = atl_fuse_expanded(other, 1u | 2u | 4u))) {
        fu->noise = atl_fuse_add(p, s);
        return OFFSET;
    }
    if (fu->residual < 0 && other->op != ATL_OP_EXPAND && other != y && r > 2) {
        fu->residual = atl_fuse_add(p, other);
        return RESIDUAL;
    }
    return DONE;
}

static int index_of_consumer(const atl_fuser *f, const atl_node *y) {
    for (int i = y->id + 1; i < f->size; i++)
        for (int k = 0; k < f->list[i].n->n_src; k++)
            if (f->list[i].n->src[k] == y)
                return i;
    return -1;
}

static int next_of(const atl_fuser *f, const atl_node *y) {
    return atl_fuse_single(f, y) ? index_of_consumer(f, y) : -1;
}

// What is being built: a copy of the root, to which sources are only added when a term is absorbed.
typedef struct chain {
    atl_node work;
    atl_fusion fu;
    int absorbed[LONGEST], count;
} chain;

// Absorbs entry `next`, which reads y, then the single consumer of that, and so on.
static void follow(const atl_fuser *f, chain *c, const atl_node *y, int next) {
    enum stage stage = SCALE;
    while (next >= 0 && c->count < LONGEST && stage < RESIDUAL) {
        stage = absorb(&c->work, &c->fu, f->list[next].n, y, stage);
        if (stage == DONE)
            break;
        c->absorbed[c->count++] = next;
        y = f->list[next].n;
        next = next_of(f, y);
    }
}

// Writes the fused node over the last that it absorbed; those before it vanish, and so does the root of an
// epilogue. It has the last's name, else the first name among those before, else the root's.
static void replace(atl_fuser *f, chain *c, atl_node *root) {
    atl_node *last = f->list[c->absorbed[c->count - 1]].n;
    const char *name = last->name;
    for (int k = 0; k + 1 < c->count; k++) {
        atl_node *n = f->list[c->absorbed[k]].n;
        name = name ? name : n->name;
        n->op = ATL_OP_POISON;
    }
    if (root)
        root->op = ATL_OP_POISON;
    c->work.name = name || !root ? name : root->name;
    c->work.scope = last->scope;
    c->work.id = last->id;
    *last = c->work;
    atl_fuse_put(f, last, &c->fu);
    f->list[last->id].finished = true;
}

void atl_fuse_epilogue(atl_fuser *f, int i) {
    atl_node *n = f->list[i].n;
    chain c = { .work = *n, .fu = n->fusion ? *n->fusion : atl_fusion_none };
    if (f->list[i].finished ||
        (n->op == ATL_OP_CONV && n->at.conv.slot == ATL_SLOT_W)) // its factors are its sources'
        return;
    follow(f, &c, n, next_of(f, n));
    if (c.count && atl_fuse_wanted(f, &c.work, &c.fu))
        replace(f, &c, n);
}

// A chain that starts at the pointwise entry i, after whatever it reads.
void atl_fuse_pointwise(atl_fuser *f, int i) {
    const atl_node *n = f->list[i].n;
    for (int side = 0; side < n->n_src && !f->list[i].constant; side++) {
        atl_node *x = n->src[side];
        chain c = { .work = { .op = ATL_OP_EPILOGUE, .shape = x->shape, .src = { x }, .n_src = 1 },
                    .fu = atl_fusion_none };
        if (!atl_fuse_whole(x))
            continue;
        follow(f, &c, x, i);
        bool worth = c.count >= 2 || (c.count == 1 && c.fu.gate >= 0); // a gate spares the step that it reads
        if (worth && atl_fuse_wanted(f, &c.work, &c.fu)) {
            replace(f, &c, NULL);
            return;
        }
    }
}
