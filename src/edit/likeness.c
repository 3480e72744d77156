// SPDX-License-Identifier: Apache-2.0
// The likenesses that there are: LPIPS as the official projector measures it, pixels and slopes in several
// sizes, layers of VGG16 as Image2StyleGAN compares them.
#include "edit/likeness.h"

#include <string.h>

#include "nn/functions.h"

enum { SEEN = 256 }; // networks look at pictures of this size, as in the official projectors
enum { LEAST = 8 };  // the coarsest size in which pixels and slopes are compared

static void add(atl_graph *g, atl_terms *t, atl_node *x, double weight) {
    if (t->count == ATL_TERMS)
        atl_graph_fail(g, ATL_UNSUPPORTED, "pictures are compared by at most %d tensors", ATL_TERMS);
    else
        t->list[t->count++] = (atl_term){ x, (float)weight };
}

// The same with the weight 1 / numbers of a sample: a mean.
static void add_mean(atl_graph *g, atl_terms *t, atl_node *x, double weight) {
    if (x->op != ATL_OP_POISON)
        add(g, t, x, weight * (double)x->shape.d[0] / (double)atl_shape_count(&x->shape));
}

// ---- what networks are shown

// No more than 256 rows; averages of whole pixels where sizes divide.  x [n, h, w, c]
static atl_node *seen(atl_graph *g, atl_node *x) {
    int64_t h = x->shape.d[1], w = x->shape.d[2];
    if (x->op == ATL_OP_POISON || h <= SEEN)
        return x;
    if (h % SEEN == 0 && w % (h / SEEN) == 0) {
        atl_pool_options o = { .kernel = (int)(h / SEEN), .stride = (int)(h / SEEN) };
        return atl_average_pool(g, x, &o);
    }
    return atl_resize(g, x, SEEN, w * SEEN / h > 0 ? w * SEEN / h : 1,
                      &(atl_resize_options){ .filter = ATL_AREA });
}

// Three channels.
static atl_node *coloured(atl_graph *g, atl_node *x) {
    if (x->op == ATL_OP_POISON || x->shape.d[3] == 3)
        return x;
    if (x->shape.d[3] != 1)
        return atl_graph_fail(g, ATL_UNSUPPORTED,
                              "networks that look at pictures see colour or gray, not %lld channels: "
                              "choose the loss mse",
                              (long long)x->shape.d[3]);
    return atl_expand(g, x, ATL_SHAPE(x->shape.d[0], x->shape.d[1], x->shape.d[2], 3));
}

// ---- the likenesses

// The squared distance of two vectors is LPIPS.
static void lpips(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x, atl_terms *terms) {
    atl_node *picture = coloured(g, seen(g, x));
    add(g, terms, ATL_APPLY(net, l->features, "vector", "vector", { "img", picture }), 1.0);
    if (l->pixels > 0.0f)
        add_mean(g, terms, x, (double)l->pixels);
}

// Differences of neighbours along an axis.
static atl_node *slope(atl_graph *g, atl_node *x, int axis) {
    int64_t size = x->op == ATL_OP_POISON ? 2 : x->shape.d[axis];
    return atl_sub(g, atl_slice_axis(g, x, axis, 1, size - 1), atl_slice_axis(g, x, axis, 0, size - 1));
}

// Pixels and slopes, and again in half the size.  Slopes say where edges are when colours are still wrong;
// coarse sizes pull where fine ones have nothing in common yet.
static void pixels(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x, atl_terms *terms) {
    (void)l;
    (void)net;
    for (;; x = atl_average_pool(g, x, &(atl_pool_options){ .kernel = 2, .stride = 2 })) {
        if (x->op == ATL_OP_POISON)
            return;
        add_mean(g, terms, x, 1.0);
        for (int axis = 1; axis < 3; axis++)
            if (x->shape.d[axis] > 1)
                add_mean(g, terms, slope(g, x, axis), 1.0);
        if (x->shape.d[1] < 2 * LEAST || x->shape.d[2] < 2 * LEAST)
            return;
    }
}

// As VGG16 was trained: (x - mean) / deviation for x from 0 to 1.
static atl_node *standardized(atl_graph *g, atl_node *x) {
    static const double MEAN[3] = { 0.485, 0.456, 0.406 }, DEVIATION[3] = { 0.229, 0.224, 0.225 };
    float factor[3], offset[3];
    for (int i = 0; i < 3; i++) {
        factor[i] = (float)(0.5 / DEVIATION[i]);
        offset[i] = (float)((0.5 - MEAN[i]) / DEVIATION[i]);
    }
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_mul(g, x, atl_per_channel(g, atl_const(g, ATL_SHAPE(3), factor), &x->shape));
    return atl_add_bias(g, x, atl_const(g, ATL_SHAPE(3), offset));
}

// Abdal et al. 2019, "Image2StyleGAN", section 5.1: means over four layers, and over pixels.
static void image2stylegan(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x, atl_terms *terms) {
    static const char *const LAYERS[] = { "conv1_1", "conv1_2", "conv3_2", "conv4_2" };
    atl_node *picture = standardized(g, coloured(g, seen(g, x)));
    for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++)
        add_mean(g, terms, ATL_APPLY(net, l->features, "features", LAYERS[i], { "img", picture }), 1.0);
    add_mean(g, terms, x, 1.0);
}

static const struct {
    const char *name, *family; // of the network that it needs
    const char *needs;
    atl_likeness_builder *build;
    bool pixels;
} LIKENESSES[] = {
    { "lpips", "lpips", "LPIPS", lpips, false },
    { "lpips+mse", "lpips", "LPIPS", lpips, true },
    { "mse", NULL, NULL, pixels, false },
    { "vgg-image2stylegan", "vgg16", "VGG16", image2stylegan, false },
};
enum { COUNT = sizeof LIKENESSES / sizeof *LIKENESSES };

atl_status atl_likeness_find(atl_ctx *ctx, const char *name, const atl_network *features, double weight,
                             atl_likeness *l) {
    int i = 0;
    while (i < COUNT && strcmp(LIKENESSES[i].name, name) != 0)
        i++;
    if (i == COUNT)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "there is no loss %s; there is: lpips, lpips+mse, mse, vgg-image2stylegan", name);
    if (LIKENESSES[i].family && (!features || strcmp(features->row->family, LIKENESSES[i].family) != 0))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "the loss %s needs the network %s, and %s was given%s", name,
                        LIKENESSES[i].needs, features ? features->row->family : "none",
                        features ? "" : ": open one, or choose the loss mse");
    *l = (atl_likeness){ .build = LIKENESSES[i].build,
                         .features = LIKENESSES[i].family ? features : NULL,
                         .pixels = LIKENESSES[i].pixels ? (float)weight : 0.0f };
    return ATL_OK;
}

void atl_likeness_terms(atl_graph *g, const atl_likeness *l, atl_net *net, atl_node *x, atl_terms *terms) {
    *terms = (atl_terms){ .count = 0 };
    l->build(g, l, net, x, terms);
}

// ---- distances

static atl_node *sums(atl_graph *g, atl_node *x) { // [n, ...] -> [n]
    if (x->op == ATL_OP_POISON)
        return x;
    unsigned all_but_first = (1u << x->shape.rank) - 2u;
    return atl_reshape(g, atl_sum(g, x, all_but_first), ATL_SHAPE(x->shape.d[0]));
}

atl_node *atl_terms_distance(atl_graph *g, const atl_terms *a, atl_node *const *b) {
    atl_node *all = NULL;
    for (int i = 0; i < a->count; i++) {
        atl_node *d = atl_square(g, atl_sub(g, a->list[i].node, b[i]));
        d = atl_scale(g, sums(g, d), a->list[i].weight);
        all = all ? atl_add(g, all, d) : d;
    }
    return all ? all : atl_graph_fail(g, ATL_INTERNAL, "pictures are compared by nothing");
}
