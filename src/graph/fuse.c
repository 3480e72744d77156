// SPDX-License-Identifier: Apache-2.0
// Rewrites before planning, so that no fused kernel ever needs a derivative:
//
//   epilogue   conv | upfirdn | matmul, then * scale[n, c], + noise[n, h, w], + bias[c], lrelu, * gain, clamp, + tensor
//   in-scale   conv(x * s[n, c], w)
//   up-filter  upfirdn(transposed conv stride 2): the upsampling layer of StyleGAN2
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

enum stage { SCALE, OFFSET, ACTIVATION, GAIN, CLAMP, RESIDUAL, DONE };

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

// Tries to absorb `u` (the only consumer of y) into p.  Returns the new stage, or DONE when it does not fit.
static enum stage absorb(atl_node *p, atl_fusion *fu, atl_node *u, const atl_node *y, enum stage at) {
    int r = y->shape.rank;
    if (u->op == ATL_OP_UNARY) {
        float a = u->at.unary.a;
        if (u->at.unary.fn == ATL_FN_LRELU && at < ACTIVATION) {
            fu->slope = a;
            return ACTIVATION;
        }
        if (u->at.unary.fn == ATL_FN_AFFINE && u->at.unary.b == 0.0f && at < CLAMP) {
            fu->gain *= a;
            return GAIN;
        }
        if (u->at.unary.fn == ATL_FN_CLAMP && u->at.unary.a == -u->at.unary.b && at < CLAMP) {
            fu->clamp = u->at.unary.b;
            return CLAMP;
        }
        return DONE;
    }
    if (u->op != ATL_OP_BINARY || p->n_src >= ATL_SRC_MAX || (u->src[0] == y) == (u->src[1] == y))
        return DONE;
    atl_node *other = u->src[0] == y ? u->src[1] : u->src[0], *s;
    if (u->at.binary.fn == ATL_FN_MUL && at <= SCALE && fu->scale < 0 && r == 4) {
        s = expanded(other, 1u | 1u << (r - 1));
        if (!s || !full_channels(s, y))
            return DONE;
        fu->scale = add_source(p, s);
        return SCALE;
    }
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
    if (fu->residual < 0 && other->op != ATL_OP_EXPAND && other != y && r == 4) {
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

static atl_fusion *fusion_of(fuser *f, atl_node *p) {
    if (p->fusion)
        return (atl_fusion *)p->fusion; // clones own theirs
    atl_fusion *fu = atl_arena_alloc(f->arena, 1, sizeof *fu);
    if (fu)
        *fu = (atl_fusion){ -1, -1, -1, -1, -1, 1.0f, 1.0f, INFINITY, false, { 0 } };
    else
        f->lost = true;
    return fu;
}

// Follows the chain of single consumers from producer i.  The last absorbed entry becomes the producer.
static void fuse_epilogue(fuser *f, int i) {
    atl_node work = *f->list[i].n; // try on a copy: sources are only added when a term is absorbed
    atl_fusion *fu = fusion_of(f, &work);
    if (!fu)
        return;
    atl_fusion before = *fu;
    int at = i;
    enum stage stage = SCALE;
    while (f->list[at].uses == 1 && !f->list[at].output && stage < RESIDUAL) {
        int c = index_of_consumer(f, f->list[at].n, at);
        if (c < 0)
            break;
        enum stage next = absorb(&work, fu, f->list[c].n, f->list[at].n, stage);
        if (next == DONE)
            break;
        stage = next;
        at = c;
    }
    if (at == i) {
        *fu = before;
        return;
    }
    // Write the fused node over the last absorbed one; the producer and what lies between vanish.
    atl_node *last = f->list[at].n;
    const char *name = last->name, *scope = last->scope;
    for (int k = i, c; k != at; k = c) {
        c = index_of_consumer(f, f->list[k].n, k);
        if (f->list[k].n->name && !name)
            name = f->list[k].n->name;
        f->list[k].n->op = ATL_OP_POISON;
    }
    work.fusion = fu;
    work.name = name;
    work.scope = scope;
    work.id = last->id;
    *last = work;
    f->list[at].finished = true;
}

static void fuse_in_scale(fuser *f, atl_node *n) {
    int k = n->at.conv.slot == ATL_SLOT_Y ? 0 : 1;
    atl_node *m = n->src[k];
    if (n->at.conv.slot == ATL_SLOT_W || m->op != ATL_OP_BINARY || m->at.binary.fn != ATL_FN_MUL)
        return;
    for (int side = 0; side < 2; side++) {
        atl_node *s = expanded(m->src[side], 1u | 8u);
        if (!s || !full_channels(s, m) || n->n_src >= ATL_SRC_MAX)
            continue;
        atl_fusion *fu = fusion_of(f, n);
        if (!fu)
            return;
        n->src[k] = m->src[!side];
        fu->in_scale = add_source(n, s);
        n->fusion = fu;
        return;
    }
}

static bool is_swap(const atl_node *w) {
    return w->op == ATL_OP_PERMUTE && w->shape.rank == 4 && w->at.permute.axis[0] == 1 && w->at.permute.axis[1] == 0 &&
           w->at.permute.axis[2] == 2;
}

// upfirdn(transposed conv): the conv clone vanishes into the filter's clone, which becomes a conv with up_fir.  The
// weight must have been turned from [o, i] to [i, o] for the transposed form: it is used unturned.
static void fuse_up_filter(fuser *f, int i) {
    atl_node *n = f->list[i].n, *c = n->src[0];
    const atl_fir_attr *a = &n->at.fir;
    if (c->op != ATL_OP_CONV || c->at.conv.slot != ATL_SLOT_X || c->at.conv.stride != 2 || c->at.conv.pad != 0 ||
        (c->fusion && (c->fusion->scale >= 0 || c->fusion->bias >= 0)))
        return;
    if (a->upx * a->upy * a->downx * a->downy != 1 || a->fw != 4 || a->fh != 4 || a->px0 != 1 || a->px1 != 1 ||
        a->py0 != 1 || a->py1 != 1 || c->shape.d[1] != 2 * c->src[1]->shape.d[1] + 1)
        return;
    const atl_node *w = c->src[0];
    if (f->list[c->id].uses != 1 || f->list[c->id].output || !is_swap(w))
        return;
    atl_fusion *fu = fusion_of(f, c);
    if (!fu)
        return;
    fu->up_fir = true;
    fu->fir = *a;
    atl_node work = *c;
    work.fusion = fu;
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

atl_status atl_fuse(atl_arena *arena, atl_fuse_node *list, int size) {
    fuser f = { arena, list, size, false };
    count_uses(&f);
    atl_fuse_style(list, size);
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
            (op == ATL_OP_MATMUL && list[i].n->shape.rank == 2))
            fuse_epilogue(&f, i);
    }
    return f.lost ? ATL_NO_MEMORY : ATL_OK;
}
