// SPDX-License-Identifier: Apache-2.0
// Spectral normalisation in the dialects of published files.  It is built of ops on parameters alone, so that
// plans of networks at rest fold it into the weights.
#include "nn/spectral.h"

static const float DEVIATION = 0.02f; // of new weights

// x [1, n] / max(|x|, eps), nearly: below eps a vector has no direction
static atl_node *unit(atl_graph *g, atl_node *x, float eps) {
    atl_node *length = atl_affine(g, atl_sum(g, atl_square(g, x), 2u), 1.0f, eps * eps);
    return atl_mul(g, x, atl_expand(g, atl_rsqrt(g, length), x->shape));
}

// The estimate of the largest singular value of w [out, k] -> [1, 1]
static atl_node *sigma(atl_net *net, atl_node *w, const atl_spectral *s) {
    atl_graph *g = net->g;
    int64_t out = w->shape.d[0], k = w->shape.d[1];
    if (s->both) {
        atl_node *u = atl_net_buffer(net, "weight_u", ATL_SHAPE(out), ATL_INIT_NORMAL, 1.0f);
        atl_node *v = atl_net_buffer(net, "weight_v", ATL_SHAPE(k), ATL_INIT_NORMAL, 1.0f);
        u = atl_reshape(g, u, ATL_SHAPE(1, out));
        return atl_matmul(g, atl_matmul(g, u, w, false, false), atl_reshape(g, v, ATL_SHAPE(k, 1)), false,
                          false);
    }
    atl_node *u = atl_net_buffer(net, "u0", ATL_SHAPE(1, out), ATL_INIT_NORMAL, 1.0f);
    atl_node *v = unit(g, atl_matmul(g, u, w, false, false), s->eps); // [1, k]
    atl_node *t = atl_matmul(g, v, w, false, true);                   // [1, out]
    return atl_sum(g, atl_mul(g, t, unit(g, t, s->eps)), 2u);
}

atl_node *atl_spectral_weight(atl_net *net, atl_shape shape, const atl_spectral *s) {
    atl_graph *g = net->g;
    atl_node *w = atl_net_param(net, s->both ? "weight_orig" : "weight", shape, ATL_INIT_NORMAL, DEVIATION);
    if (w->op == ATL_OP_POISON)
        return w;
    int64_t out = shape.d[0];
    atl_node *rows = atl_reshape(g, w, ATL_SHAPE(out, atl_shape_count(&shape) / out));
    atl_node *norm = sigma(net, rows, s);
    return atl_reshape(g, atl_div(g, rows, atl_expand(g, norm, rows->shape)), shape);
}

static atl_node *with_bias(atl_net *net, atl_node *x, int64_t out, bool bias) {
    return bias ? atl_add_bias(net->g, x, atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f))
                : x;
}

atl_node *atl_spectral_dense(atl_net *net, const char *scope, atl_node *x, int64_t out, bool bias,
                             const atl_spectral *s) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t mark = atl_scope_push(net->g, "%s", scope);
    atl_node *w = atl_spectral_weight(net, ATL_SHAPE(out, x->shape.d[1]), s);
    x = atl_named(net->g, with_bias(net, atl_matmul(net->g, x, w, false, true), out, bias));
    atl_scope_pop(net->g, mark);
    return x;
}

atl_node *atl_spectral_conv(atl_net *net, const char *scope, atl_node *x, int64_t out, int kernel, bool bias,
                            const atl_spectral *s) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t mark = atl_scope_push(net->g, "%s", scope);
    atl_node *w = atl_spectral_weight(net, ATL_SHAPE(out, x->shape.d[3], kernel, kernel), s);
    x = atl_named(net->g, with_bias(net, atl_conv2d(net->g, x, w, 1, kernel / 2), out, bias));
    atl_scope_pop(net->g, mark);
    return x;
}
