// SPDX-License-Identifier: Apache-2.0
// The ending of a StyleGAN layer, written by the model as some fifteen nodes, becomes one:
//
//     a = lrelu(x + noise * weight + bias)             noise may be absent
//     d = a - mean(a)                                  over the pixels
//     y = d * (rsqrt(mean(d * d) + eps) * scale) + offset
//
// The node exists after fusion only, so it needs no derivative.  Sources: x, bias, scale, offset, noise,
// weight.
#include "graph/fuse.h"

typedef struct match {
    const atl_fuse_node *list;
    atl_node *inside[16]; // nodes that vanish
    int count;
} match;

// Whether n is used exactly `uses` times, and may vanish.
static bool absorb(match *m, atl_node *n, int uses) {
    if (!n || m->list[n->id].uses != uses || m->list[n->id].output || m->count == 16)
        return false;
    m->inside[m->count++] = n;
    return true;
}

// n = mean over the pixels of its result, or NULL.
static atl_node *mean_of(match *m, atl_node *n) {
    if (!atl_is_unary(n, ATL_FN_AFFINE) || n->at.unary.b != 0.0f || !absorb(m, n, 1))
        return NULL;
    atl_node *s = n->src[0];
    if (s->op != ATL_OP_SUM || !absorb(m, s, 1))
        return NULL;
    const atl_shape *x = &s->src[0]->shape;
    bool pixels =
        x->rank == 4 && !s->at.sum.axis[0] && s->at.sum.axis[1] && s->at.sum.axis[2] && !s->at.sum.axis[3];
    float share = pixels ? (float)(1.0 / (double)(x->d[1] * x->d[2])) : 0.0f;
    return pixels && n->at.unary.a == share ? s->src[0] : NULL;
}

// k = rsqrt(mean(d * d) + eps) * scale in either order: the scale, or NULL.
static atl_node *scale_of(match *m, atl_node *k, const atl_node *d, float *eps) {
    if (!atl_is_binary(k, ATL_FN_MUL) || !absorb(m, k, 1))
        return NULL;
    int side = atl_is_unary(k->src[0], ATL_FN_RSQRT) ? 0 : 1;
    atl_node *r = k->src[side];
    if (!atl_is_unary(r, ATL_FN_RSQRT) || !absorb(m, r, 1))
        return NULL;
    atl_node *v = r->src[0];
    if (!atl_is_unary(v, ATL_FN_AFFINE) || v->at.unary.a != 1.0f || !absorb(m, v, 1))
        return NULL;
    *eps = v->at.unary.b;
    atl_node *q = mean_of(m, v->src[0]);
    return q && atl_is_unary(q, ATL_FN_SQUARE) && q->src[0] == d && absorb(m, q, 1) ? k->src[!side] : NULL;
}

// a = lrelu(u + bias): fills the sources x, bias, and noise and weight when they are there.
static bool start_of(match *m, atl_node *a, atl_node *src[6], int *n_src, float *slope) {
    if (!atl_is_unary(a, ATL_FN_LRELU) || !absorb(m, a, 2))
        return false;
    *slope = a->at.unary.a;
    atl_node *t = a->src[0];
    if (!atl_is_binary(t, ATL_FN_ADD) || !absorb(m, t, 1))
        return false;
    src[0] = t->src[0];
    src[1] = atl_fuse_expanded(t->src[1], 8u);
    atl_node *u = t->src[0];
    if (!src[1] || !atl_is_binary(u, ATL_FN_ADD) || !atl_is_binary(u->src[1], ATL_FN_MUL))
        return src[1] != NULL;
    atl_node *noise = atl_fuse_expanded(u->src[1]->src[0], 1u | 2u | 4u);
    atl_node *weight = atl_fuse_expanded(u->src[1]->src[1], 8u);
    if (!noise || !weight || !absorb(m, u, 1) || !absorb(m, u->src[1], 1))
        return true; // without the noise: what stands before is then x
    src[0] = u->src[0];
    src[4] = noise;
    src[5] = weight;
    *n_src = 6;
    return true;
}

void atl_fuse_style(atl_fuser *f, int i) {
    match m = { f->list, { NULL }, 0 };
    atl_node *src[6] = { NULL };
    int n_src = 4;
    float eps = 0.0f, slope = 1.0f;
    atl_node *y = f->list[i].n;
    if (!atl_is_binary(y, ATL_FN_ADD) || y->shape.rank != 4)
        return;
    atl_node *scaled = y->src[0];
    src[3] = atl_fuse_expanded(y->src[1], 1u | 8u);
    if (!src[3] || !atl_is_binary(scaled, ATL_FN_MUL) || !absorb(&m, scaled, 1))
        return;
    atl_node *d = scaled->src[0], *k = atl_fuse_expanded(scaled->src[1], 1u | 8u);
    if (!k || !atl_is_binary(d, ATL_FN_SUB) || !absorb(&m, d, 2) || !absorb(&m, scaled->src[1], 1))
        return;
    src[2] = scale_of(&m, k, d, &eps);
    atl_node *a = d->src[0], *mean = atl_fuse_expanded(d->src[1], 1u | 8u);
    if (!src[2] || !mean || !absorb(&m, d->src[1], 1) || mean_of(&m, mean) != a ||
        !start_of(&m, a, src, &n_src, &slope))
        return;
    int64_t n = y->shape.d[0], c = y->shape.d[3];
    if (atl_shape_count(&src[2]->shape) != n * c || atl_shape_count(&src[3]->shape) != n * c)
        return;
    atl_node work = *y;
    work.op = ATL_OP_STYLE_NORM;
    work.n_src = n_src;
    for (int j = 0; j < n_src; j++)
        work.src[j] = src[j];
    work.at.style_norm.slope = slope;
    work.at.style_norm.eps = eps;
    if (!atl_fuse_wanted(f, &work, NULL))
        return;
    for (int j = 0; j < m.count; j++)
        m.inside[j]->op = ATL_OP_POISON;
    *y = work;
}
