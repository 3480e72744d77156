// SPDX-License-Identifier: Apache-2.0
// The loss of a step as nodes.  Rows of what follows the generator are pairs of a picture and a cluster, all
// clusters of the first picture first.
#include "edit/learn.h"

#include "nn/mipmap.h"

enum { SCALES = 4, SIDE_LEAST = 8 };

// ---- pictures at several sizes

static atl_node *differences(atl_graph *g, atl_node *x, int axis) {
    int64_t size = x->shape.d[axis];
    return atl_sub(g, atl_slice_axis(g, x, axis, 1, size - 1), atl_slice_axis(g, x, axis, 0, size - 1));
}

static void add_mean(atl_terms *terms, atl_node *x) {
    if (x->op == ATL_OP_POISON || terms->count == ATL_TERMS)
        return;
    double count = (double)atl_shape_count(&x->shape) / (double)x->shape.d[0];
    terms->list[terms->count++] = (atl_term){ x, (float)(1.0 / count) };
}

// Pixels, and their differences along both sides, which tell edges: at the size itself, halved, and so on.
static void several_sizes(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x, atl_terms *terms) {
    (void)l;
    (void)net;
    for (int i = 0; i < SCALES && x->op != ATL_OP_POISON && x->shape.d[1] >= SIDE_LEAST; i++) {
        add_mean(terms, x);
        add_mean(terms, differences(g, x, 1));
        add_mean(terms, differences(g, x, 2));
        x = atl_tent_downsample(g, x, 2);
    }
}

// ---- regularisers of the flow [m, side, side, 2] -> [m]

// Huber's function with its bend at 1, averaged over all but the first axis.
static atl_node *mean_huber(atl_graph *g, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    atl_node *far = atl_abs(g, x), *near = atl_clamp(g, far, 0.0f, 1.0f);
    atl_node *y = atl_mul(g, near, atl_sub(g, far, atl_scale(g, near, 0.5f)));
    return atl_reshape(g, atl_mean(g, y, 2u | 4u | 8u), ATL_SHAPE(x->shape.d[0]));
}

static atl_node *variation_of(atl_graph *g, atl_node *flow) {
    return atl_add(g, mean_huber(g, differences(g, flow, 1)), mean_huber(g, differences(g, flow, 2)));
}

// ---- pairs

int atl_learn_ways(const atl_congeal_trainer *t) {
    return t->o.heads * (t->o.flips ? 2 : 1);
}

// Each row [n, ...] so many times: [n times, ...]
static atl_node *repeated(atl_graph *g, atl_node *x, int64_t heads) {
    if (x->op == ATL_OP_POISON || heads == 1)
        return x;
    atl_shape shape = x->shape, wide = ATL_SHAPE(shape.d[0], 1, atl_shape_count(&shape) / shape.d[0]);
    x = atl_reshape(g, x, wide);
    wide.d[1] = heads;
    shape.d[0] *= heads;
    return atl_reshape(g, atl_expand(g, x, wide), shape);
}

// Rows [n heads, ...] of the clusters of n pictures once for each side: [n sides heads, ...]
static atl_node *for_sides(atl_graph *g, atl_node *x, int64_t n, int64_t sides) {
    if (x->op == ATL_OP_POISON || sides == 1)
        return x;
    atl_shape shape = x->shape, all = shape;
    all.d[0] *= sides;
    x = atl_reshape(g, x, ATL_SHAPE(n, atl_shape_count(&shape) / n));
    return atl_reshape(g, repeated(g, x, sides), all);
}

// A one for each row's head: [n heads, heads]
static atl_node *heads_of(atl_graph *g, int64_t n, int heads) {
    float ones[ATL_LEARN_HEADS * ATL_LEARN_HEADS] = { 0 };
    for (int i = 0; i < heads; i++)
        ones[i * heads + i] = 1.0f;
    atl_node *x = atl_const(g, ATL_SHAPE(1, heads, heads), ones);
    return atl_reshape(g, atl_expand(g, x, ATL_SHAPE(n, heads, heads)), ATL_SHAPE(n * heads, heads));
}

// w [m, w_dim] for all layers: [m, num_ws, w_dim]; `first` for the first `inject` of them
static atl_node *layers_of(atl_graph *g, atl_node *first, atl_node *rest, int64_t inject, int64_t layers) {
    if (first->op == ATL_OP_POISON || rest->op == ATL_OP_POISON)
        return &g->poison;
    const int64_t m = rest->shape.d[0], w_dim = rest->shape.d[1];
    const atl_shape one = ATL_SHAPE(m, 1, w_dim);
    atl_node *parts[2] = { atl_expand(g, atl_reshape(g, first, one), ATL_SHAPE(m, inject, w_dim)),
                           atl_expand(g, atl_reshape(g, rest, one), ATL_SHAPE(m, layers - inject, w_dim)) };
    return inject == layers ? parts[0] : atl_concat(g, parts, 2, 1);
}

// Of numbers [m] those of the ways whose pictures are the most alike, averaged: [1]
static atl_node *of_winners(atl_graph *g, atl_node *x, atl_node *distance, int64_t heads) {
    if (x->op == ATL_OP_POISON || distance->op == ATL_OP_POISON)
        return &g->poison;
    const atl_shape shape = ATL_SHAPE(x->shape.d[0] / heads, heads);
    if (heads > 1)
        x = atl_pick_axis(g, atl_neg(g, atl_reshape(g, distance, shape)), atl_reshape(g, x, shape), 1);
    return atl_reshape(g, atl_mean(g, x, heads > 1 ? 3u : 1u), ATL_SHAPE(1));
}

// The map of a mirror image behind a map [n, 2, 3].
static atl_node *mirrored(atl_graph *g, atl_node *theta) {
    static const float MIRROR[] = { -1.0f, 1.0f, 1.0f };
    return atl_mul(g, theta, atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, 3), MIRROR), theta->shape));
}

static atl_node *sampled(atl_congeal_trainer *t, atl_graph *g, atl_node *x, atl_node *theta) {
    const atl_border border = t->o.padding == ATL_PADDING_ZEROS        ? ATL_BORDER_ZERO
                              : t->o.padding == ATL_PADDING_REFLECTION ? ATL_BORDER_REFLECT
                                                                       : ATL_BORDER_EDGE;
    atl_node *grid = atl_grid_through(g, atl_identity_grid(g, x->shape.d[1], x->shape.d[2]), theta);
    return atl_mipmap_sample(g, x, grid, ATL_WARP_LEVELS, border);
}

// The pictures as they come, turned, scaled and shifted by maps that the host draws; *other: their mirror images,
// where they are tried, too.
static atl_node *jittered(atl_congeal_trainer *t, atl_graph *g, atl_pairs *p, atl_node *x, atl_node **other) {
    static const float IDENTITY[] = { 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f };
    *other = NULL;
    if (x->op == ATL_OP_POISON)
        return x;
    atl_node *theta = p->theta ? p->theta
                               : atl_expand(g, atl_const(g, ATL_SHAPE(1, 2, 3), IDENTITY),
                                            ATL_SHAPE(x->shape.d[0], 2, 3));
    if (t->o.flips)
        *other = sampled(t, g, x, mirrored(g, theta));
    return p->theta ? sampled(t, g, x, theta) : x;
}

// Each picture and then its mirror image: [2 n, h, w, 3]
static atl_node *both(atl_graph *g, atl_node *x, atl_node *other) {
    if (!other || x->op == ATL_OP_POISON || other->op == ATL_OP_POISON)
        return other ? &g->poison : x;
    atl_shape shape = x->shape, row = ATL_SHAPE(shape.d[0], 1, atl_shape_count(&shape) / shape.d[0]);
    atl_node *list[2] = { atl_reshape(g, x, row), atl_reshape(g, other, row) };
    shape.d[0] *= 2;
    return atl_reshape(g, atl_concat(g, list, 2, 1), shape);
}

// ---- all of it

// The picture of each w as it comes, and [n ways] it and its mirror image for each cluster; and of each cluster the
// picture at its target, [n heads].
static atl_node *pair_of(atl_congeal_trainer *t, atl_graph *g, atl_pairs *p, atl_net *generator, atl_net *target,
                         atl_node **to) {
    const atl_model_dims *d = &t->generator->network->dims;
    const int64_t heads = t->o.heads, n = t->o.batch;
    atl_node *end = ATL_APPLY(target, &t->target.network, "target", "w", { "w", p->w }, { "psi", p->psi }), *other;
    if (end->op != ATL_OP_POISON)
        end = atl_reshape(g, end, ATL_SHAPE(n * heads, d->w_dim));
    atl_node *ws = layers_of(g, end, repeated(g, p->w, heads), t->o.inject, d->num_ws);
    *to = ATL_APPLY(generator, t->generator->network, "synthesize", "img", { "ws", ws });
    ws = layers_of(g, p->w, p->w, d->num_ws, d->num_ws);
    p->x = jittered(t, g, p, ATL_APPLY(generator, t->generator->network, "synthesize", "img", { "ws", ws }), &other);
    return repeated(g, both(g, p->x, other), heads);
}

void atl_learn_pairs(atl_congeal_trainer *t, atl_graph *g, atl_pairs *p, atl_net *generator, atl_net *target,
                     atl_net *transformer, atl_net *looks) {
    atl_terms a, b;
    atl_node *to, *others[ATL_TERMS];
    const int heads = t->o.heads, sides = atl_learn_ways(t) / heads;
    p->w = atl_input(g, "w", ATL_SHAPE(t->o.batch, t->generator->network->dims.w_dim));
    p->psi = atl_input(g, "psi", ATL_SHAPE(1));
    p->theta = t->o.jitter > 0.0 ? atl_input(g, "theta", ATL_SHAPE(t->o.batch, 2, 3)) : NULL;
    p->distance = &g->poison;
    atl_node *x = pair_of(t, g, p, generator, target, &to);
    if (x->op == ATL_OP_POISON || to->op == ATL_OP_POISON)
        return;
    const atl_warp_options o = { .iterations = 1, .side = t->side, .padding = t->o.padding };
    atl_node *head = heads > 1 ? heads_of(g, t->o.batch * sides, heads) : NULL;
    atl_warp_nodes w = atl_warp_build(transformer, p->transformer, x, head, NULL, &o);
    to = atl_tent_downsample(g, to, (int)to->shape.d[1] / t->side);
    atl_likeness_terms(g, &t->likeness, looks, w.img, &a);
    atl_likeness_terms(g, &t->likeness, looks, to, &b);
    for (int i = 0; i < b.count; i++)
        others[i] = for_sides(g, b.list[i].node, t->o.batch, sides);
    p->distance = atl_terms_distance(g, &a, others);
    p->flow = w.flow;
}

static void build_losses(atl_congeal_trainer *t, atl_net *generator, atl_net *target, atl_net *learnt,
                         atl_net *looks) {
    atl_graph *g = &t->graph;
    const int64_t ways = atl_learn_ways(t);
    t->pairs.transformer = &t->t.network;
    atl_learn_pairs(t, g, &t->pairs, generator, target, learnt, looks);
    atl_node *distance = t->pairs.distance, *flow = t->pairs.flow, *zero = atl_fill(g, ATL_SHAPE(1), 0.0f);
    if (distance->op == ATL_OP_POISON)
        return;
    t->likely = of_winners(g, distance, distance, ways);
    t->variation = flow ? of_winners(g, variation_of(g, flow), distance, ways) : zero;
    t->size = zero;
    if (flow && flow->op != ATL_OP_POISON) {
        atl_node *squares = atl_mean(g, atl_square(g, flow), 2u | 4u | 8u);
        t->size = of_winners(g, atl_reshape(g, squares, ATL_SHAPE(flow->shape.d[0])), distance, ways);
    }
    t->loss = atl_add(g, t->likely, atl_scale(g, t->variation, (float)t->o.tv));
    t->loss = atl_add(g, t->loss, atl_scale(g, t->size, (float)t->o.identity));
}

atl_status atl_learn_differentiate(atl_graph *g, atl_learnt *l, const atl_net *net, atl_node *loss) {
    const atl_params *params = &l->network.params;
    atl_node **targets = atl_arena_alloc(&g->arena, params->size + 1, sizeof *targets);
    l->which = atl_arena_alloc(&g->arena, params->size + 1, sizeof *l->which);
    l->grads = atl_arena_alloc(&g->arena, params->size + 1, sizeof *l->grads);
    if (!targets || !l->which || !l->grads)
        return ATL_NO_MEMORY;
    for (size_t i = 0; net->nodes && i < params->size; i++)
        if (net->nodes[i] && !params->list[i].buffer) {
            l->which[l->n_grads] = i;
            targets[l->n_grads++] = net->nodes[i];
        }
    atl_grad(g, loss, targets, l->n_grads, l->grads);
    return ATL_OK;
}

atl_status atl_learn_find_likeness(atl_congeal_trainer *t) {
    t->likeness = (atl_likeness){ .build = several_sizes };
    return t->lpips ? atl_likeness_find(t->ctx, "lpips", t->lpips, 0.0, &t->likeness) : ATL_OK;
}

atl_status atl_learn_build(atl_congeal_trainer *t) {
    atl_graph *g = &t->graph;
    atl_net generator = atl_network_in(g, t->generator->network, "G");
    atl_net target = atl_network_in(g, &t->target.network, "target");
    atl_net learnt = atl_network_in(g, &t->t.network, "T");
    atl_net looks = t->lpips ? atl_network_in(g, t->lpips, "F") : (atl_net){ .g = g };
    target.varies = learnt.varies = true;
    build_losses(t, &generator, &target, &learnt, &looks);
    if (g->status == ATL_OK && t->loss) {
        ATL_TRY(atl_learn_differentiate(g, &t->t, &learnt, t->loss));
        ATL_TRY(atl_learn_differentiate(g, &t->target, &target, t->loss));
    }
    return g->status == ATL_OK ? ATL_OK : atl_fail(t->ctx, g->status, "%s", g->error);
}
