// SPDX-License-Identifier: Apache-2.0
// The last features of networks that were trained on pictures of all kinds; see similar.h.
#include "train/similar.h"

#include <string.h>

#include "nn/functions.h"

// Added to squares before their root, so that what is zero has a gradient, which is zero.
static const float LEAST_SQUARE = 1e-12f;

// As classifiers of the usual port were trained: (x - mean) / deviation for x from 0 to 1.
static atl_node *standardized(atl_graph *g, atl_node *x) {
    static const float FACTOR[3] = { 0.5f / 0.229f, 0.5f / 0.224f, 0.5f / 0.225f };
    static const float OFFSET[3] = { (0.5f - 0.485f) / 0.229f, (0.5f - 0.456f) / 0.224f,
                                     (0.5f - 0.406f) / 0.225f };
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_mul(g, x, atl_per_channel(g, atl_const(g, ATL_SHAPE(3), FACTOR), &x->shape));
    return atl_add_bias(g, x, atl_const(g, ATL_SHAPE(3), OFFSET));
}

static atl_node *unit_length(atl_graph *g, atl_node *x) { // rows [n, c]
    if (x->op == ATL_OP_POISON)
        return x;
    atl_node *squares = atl_sum(g, atl_square(g, x), 1u << 1);
    return atl_div(g, x, atl_expand(g, atl_sqrt(g, atl_affine(g, squares, 1.0f, LEAST_SQUARE)), x->shape));
}

// A ResNet's means of its last features, in the size that it was trained with.  One without classes has learned
// by contrast (MoCo, Chen et al. 2020), and the published loss shows it pictures from -1 to 1.
static atl_node *resnet_features(atl_net *net, const atl_network *network, atl_node *x) {
    const atl_resize_options nearest = { .filter = ATL_NEAREST, .placing = ATL_TOP_LEFT };
    const atl_model_dims *d = &network->dims;
    x = atl_resize(net->g, x, d->height, d->width, &nearest);
    return ATL_APPLY(net, network, "features", "pool",
                     { "img", d->num_logits ? standardized(net->g, x) : x });
}

// Means over the pixels of a classifier's last features, as rows of unit length.
atl_node *atl_similar_features(atl_net *net, const atl_network *network, atl_node *x) {
    static const struct {
        const char *family, *last;
    } LAST[] = { { "vgg16", "conv5_3" }, { "alexnet", "relu5" }, { "squeezenet", "relu7" } };
    atl_graph *g = net->g;
    size_t i = 0;
    if (!strcmp(network->row->family, "resnet"))
        return unit_length(g, resnet_features(net, network, x));
    while (i < 2 && strcmp(LAST[i].family, network->row->family) != 0)
        i++;
    x = ATL_APPLY(net, network, "features", LAST[i].last, { "img", standardized(g, x) });
    if (x->op == ATL_OP_POISON)
        return x;
    return unit_length(
        g, atl_reshape(g, atl_mean(g, x, 1u << 1 | 1u << 2), ATL_SHAPE(x->shape.d[0], x->shape.d[3])));
}
