// SPDX-License-Identifier: Apache-2.0
// Two linear ops of augmentation whose kernels depend on the sample: resampling between two wavelet filters, and a
// filter of one's own.  Both reflect images at their edges.  The derivative of each is its
// partner with the same parameters, which have none.
#include "graph/build.h"

static bool fits(atl_graph *g, const char *op, const atl_node *have, const atl_shape *want) {
    char a[ATL_SHAPE_TEXT], b[ATL_SHAPE_TEXT];
    if (atl_shape_same(&have->shape, want))
        return true;
    atl_graph_fail(g, ATL_BAD_ARGUMENT, "%s: a tensor of shape %s does not fit %s", op,
                   atl_node_shape_text(have, a), atl_shape_text(want, atl_node_is_image(have), b));
    return false;
}

static atl_node *pair(atl_graph *g, atl_op op, atl_node *x, atl_node *own) {
    return atl_new_node(g, op, x->shape, 2, (atl_node *[]){ x, own });
}

static atl_node *geom(atl_graph *g, atl_op op, atl_node *x, atl_node *theta) {
    if (x->op == ATL_OP_POISON || theta->op == ATL_OP_POISON)
        return &g->poison;
    if (x->shape.rank != 4)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "geom: needs an image, not a tensor of rank %d", x->shape.rank);
    atl_shape want = ATL_SHAPE(x->shape.d[0], 2, 3);
    return fits(g, "geom", theta, &want) ? pair(g, op, x, theta) : &g->poison;
}

atl_node *atl_geom(atl_graph *g, atl_node *x, atl_node *theta) {
    return geom(g, ATL_OP_GEOM, x, theta);
}

atl_node *atl_geom_transposed(atl_graph *g, atl_node *y, atl_node *theta) {
    return geom(g, ATL_OP_GEOM_T, y, theta);
}

static atl_node *sepfir(atl_graph *g, atl_op op, atl_node *x, atl_node *f) {
    if (x->op == ATL_OP_POISON || f->op == ATL_OP_POISON)
        return &g->poison;
    if (x->shape.rank != 4 || f->shape.rank != 2 || f->shape.d[1] % 2 == 0)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "sepfir: needs an image and an odd number of taps per sample");
    atl_shape want = ATL_SHAPE(x->shape.d[0], f->shape.d[1]);
    return fits(g, "sepfir", f, &want) ? pair(g, op, x, f) : &g->poison;
}

atl_node *atl_sepfir(atl_graph *g, atl_node *x, atl_node *f) {
    return sepfir(g, ATL_OP_SEPFIR, x, f);
}

atl_node *atl_sepfir_transposed(atl_graph *g, atl_node *y, atl_node *f) {
    return sepfir(g, ATL_OP_SEPFIR_T, y, f);
}

void atl_vjp_resample(atl_graph *g, atl_node *n, atl_node *dy, const bool *wanted, atl_node **dx) {
    static const atl_op PARTNER[ATL_OPS] = { [ATL_OP_GEOM] = ATL_OP_GEOM_T, [ATL_OP_GEOM_T] = ATL_OP_GEOM,
                                             [ATL_OP_SEPFIR] = ATL_OP_SEPFIR_T, [ATL_OP_SEPFIR_T] = ATL_OP_SEPFIR };
    if (wanted[0])
        dx[0] = pair(g, PARTNER[n->op], dy, n->src[1]);
}
