// SPDX-License-Identifier: Apache-2.0
// The similarity looks at the picture, then at what came of it, each time from the picture itself; the flow
// looks at the last of these and moves what the similarity reads (Peebles et al. 2022, section 3.1).
#include "edit/warp.h"

#include <string.h>

#include "nn/mipmap.h"

bool atl_warp_has(const atl_network *transformer, const char *kind) {
    const json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(transformer->json, "transforms"), i, entry) {
        const char *text = json_string_value(json_object_get(entry, "kind"));
        if (text && !strcmp(text, kind))
            return true;
    }
    return false;
}

int atl_warp_heads(const atl_network *transformer) {
    return (int)json_integer_value(json_object_get(transformer->json, "num_heads"));
}

// The map of b, then that of a: [n, 2, 3] each
static atl_node *composed(atl_graph *g, atl_node *a, atl_node *b) {
    static const float last[3] = { 0.0f, 0.0f, 1.0f };
    if (!a || a->op == ATL_OP_POISON || b->op == ATL_OP_POISON)
        return b;
    atl_node *row = atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, 3), last), ATL_SHAPE(b->shape.d[0], 1, 3));
    return atl_matmul(g, a, atl_concat(g, (atl_node *[]){ b, row }, 2, 1), false, false);
}

static atl_node *applied(atl_net *net, const atl_network *t, const char *function, const char *result,
                         atl_node *img, atl_node *head) {
    return ATL_APPLY(net, t, function, result, { "img", img }, { "head", head });
}

// grid [1 or n, side, side, 2] in another size.
static atl_node *resized(atl_graph *g, atl_node *grid, int side) {
    const atl_resize_options bilinear = { .filter = ATL_BILINEAR };
    if (grid->op == ATL_OP_POISON || grid->shape.d[1] == side)
        return grid;
    return atl_resize(g, grid, side, side, &bilinear);
}

// The grid a part of the way: alpha [n]
static atl_node *blended(atl_graph *g, atl_node *grid, atl_node *alpha) {
    if (!alpha || alpha->op == ATL_OP_POISON || grid->op == ATL_OP_POISON)
        return grid;
    const int64_t n = grid->shape.d[0];
    atl_node *from = atl_expand(g, atl_identity_grid(g, grid->shape.d[1], grid->shape.d[2]), grid->shape);
    alpha = atl_expand(g, atl_reshape(g, alpha, ATL_SHAPE(n, 1, 1, 1)), grid->shape);
    return atl_add(g, from, atl_mul(g, atl_sub(g, grid, from), alpha));
}

atl_warp_nodes atl_warp_build(atl_net *net, const atl_network *t, atl_node *img, atl_node *head,
                              atl_node *alpha, const atl_warp_options *o) {
    atl_graph *g = net->g;
    atl_warp_nodes w = { .grid = &g->poison, .img = &g->poison };
    if (img->op == ATL_OP_POISON)
        return w;
    const atl_border border = o->padding == ATL_PADDING_ZEROS        ? ATL_BORDER_ZERO
                              : o->padding == ATL_PADDING_REFLECTION ? ATL_BORDER_REFLECT
                                                                     : ATL_BORDER_EDGE;
    const int side = t->dims.height, n = (int)img->shape.d[0];
    atl_node *seen = atl_tent_downsample(g, img, (int)img->shape.d[1] / side);
    for (int i = 0; atl_warp_has(t, "similarity") && i < o->iterations; i++) {
        w.matrix = composed(g, w.matrix, applied(net, t, "similarity", "matrix", seen, head));
        atl_node *grid = atl_grid_through(g, atl_identity_grid(g, side, side), w.matrix);
        seen = atl_mipmap_sample(g, img, grid, ATL_WARP_LEVELS, border);
    }
    w.grid = atl_identity_grid(g, o->side, o->side);
    if (atl_warp_has(t, "flow")) {
        w.flow = applied(net, t, "flow", "flow", seen, head);
        if (w.flow->op == ATL_OP_POISON)
            return w;
        w.grid = atl_add(g, atl_expand(g, atl_identity_grid(g, side, side), w.flow->shape), w.flow);
        w.grid = resized(g, w.grid, o->side);
    }
    w.grid = w.matrix ? atl_grid_through(g, w.grid, w.matrix)
                      : atl_expand(g, w.grid, ATL_SHAPE(n, o->side, o->side, 2));
    w.grid = blended(g, w.grid, alpha);
    w.img = atl_mipmap_sample(g, img, w.grid, ATL_WARP_LEVELS, border);
    return w;
}

atl_node *atl_warp_logits(atl_net *net, const atl_network *classifier, atl_node *img) {
    if (img->op == ATL_OP_POISON)
        return img;
    atl_node *seen = atl_tent_downsample(net->g, img, (int)img->shape.d[1] / classifier->dims.height);
    return ATL_APPLY(net, classifier, "classify", "logits", { "img", seen });
}
