// SPDX-License-Identifier: Apache-2.0
// The augmentations as nodes, in the order of Karras et al. 2020, appendix B: places, colours, frequencies, noise,
// cutout.  Everything is linear in the image, with inputs that have no derivative.
#include "train/augment_draw.h"

static atl_node *colors(atl_graph *g, atl_node *x, atl_augment *a) {
    int64_t n = a->n, h = a->h, w = a->w, c = a->c;
    if (c != 1 && c != 3)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "augmentation changes the colours of images with 1 or 3 channels, not %lld: leave "
                              "colours out", (long long)c);
    a->matrix = atl_input(g, "augment.matrix", ATL_SHAPE(n, c, c));
    a->offset = atl_input(g, "augment.offset", ATL_SHAPE(n, 1, 1, c));
    if (c == 1)
        x = atl_mul(g, x, atl_expand(g, atl_reshape(g, a->matrix, ATL_SHAPE(n, 1, 1, 1)), x->shape));
    else
        x = atl_reshape(g, atl_matmul(g, atl_reshape(g, x, ATL_SHAPE(n, h * w, c)), a->matrix, false, true), x->shape);
    return atl_add(g, x, atl_expand(g, a->offset, ATL_SHAPE(n, h, w, c)));
}

atl_node *atl_augment_build(atl_graph *g, const atl_augment_config *config, atl_node *img, atl_augment *a) {
    const atl_augment_config *o = config;
    *a = (atl_augment){ .config = *config };
    if (img->op == ATL_OP_POISON)
        return img;
    if (img->shape.rank != 4)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "augmentation needs images, not a tensor of rank %d",
                              img->shape.rank);
    int64_t n = img->shape.d[0], h = img->shape.d[1], w = img->shape.d[2], c = img->shape.d[3];
    a->n = n, a->h = h, a->w = w, a->c = c;
    atl_node *x = img;
    if (o->xflip > 0 || o->rotate90 > 0 || o->xint > 0 || o->scale > 0 || o->rotate > 0 || o->aniso > 0 ||
        o->xfrac > 0) {
        a->theta = atl_input(g, "augment.theta", ATL_SHAPE(n, 2, 3));
        x = atl_geom(g, x, a->theta);
    }
    if (o->brightness > 0 || o->contrast > 0 || o->lumaflip > 0 || o->hue > 0 || o->saturation > 0)
        x = colors(g, x, a);
    if (o->imgfilter > 0) {
        a->filter = atl_input(g, "augment.filter", ATL_SHAPE(n, ATL_BAND_TAPS));
        x = atl_sepfir(g, x, a->filter);
    }
    if (o->noise > 0) {
        a->noise = atl_input(g, "augment.noise", ATL_SHAPE(n, h, w, c));
        x = atl_add(g, x, a->noise);
    }
    if (o->cutout > 0) {
        a->mask = atl_input(g, "augment.mask", ATL_SHAPE(n, h, w, 1));
        x = atl_mul(g, x, atl_expand(g, a->mask, img->shape));
    }
    return x;
}

void atl_augment_write(const atl_augment_params *params, const atl_augment *a, atl_plan *plan) {
    const struct {
        const atl_node *node;
        const float *values;
    } inputs[] = { { a->theta, params->theta },   { a->matrix, params->matrix }, { a->offset, params->offset },
                   { a->filter, params->filter }, { a->noise, params->noise },   { a->mask, params->mask } };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (inputs[i].node && inputs[i].values)
            atl_plan_write(plan, inputs[i].node, inputs[i].values);
}
