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

// u W v' for vectors u [1, out] and v [1, k] -> [1, 1]
static atl_node *between(atl_graph *g, atl_node *u, atl_node *w, atl_node *v) {
    return atl_matmul(g, atl_matmul(g, u, w, false, false), v, false, true);
}

// The estimate of the largest singular value of w [out, k] -> [1, 1]
static atl_node *sigma(atl_net *net, atl_node *w, const atl_spectral *s) {
    atl_graph *g = net->g;
    int64_t out = w->shape.d[0], k = w->shape.d[1];
    if (s->both) {
        atl_node *u = atl_net_buffer(net, "weight_u", ATL_SHAPE(out), ATL_INIT_NORMAL, 1.0f);
        atl_node *v = atl_net_buffer(net, "weight_v", ATL_SHAPE(k), ATL_INIT_NORMAL, 1.0f);
        return between(g, atl_reshape(g, u, ATL_SHAPE(1, out)), w, atl_reshape(g, v, ATL_SHAPE(1, k)));
    }
    atl_node *u = atl_net_buffer(net, "u0", ATL_SHAPE(1, out), ATL_INIT_NORMAL, 1.0f);
    atl_node *v = unit(g, atl_matmul(g, u, w, false, false), s->eps); // [1, k]
    atl_node *t = atl_matmul(g, v, w, false, true);                   // [1, out]
    return atl_sum(g, atl_mul(g, t, unit(g, t, s->eps)), 2u);
}

// The same in training: with the vectors after a step, which are kept.  `still` [out, k] is w, and no
// gradient goes through it.
static atl_node *trained_sigma(atl_net *net, atl_node *w, atl_node *still, const atl_spectral *s) {
    atl_graph *g = net->g;
    int64_t out = w->shape.d[0], k = w->shape.d[1];
    atl_node *u = s->both ? atl_net_buffer(net, "weight_u", ATL_SHAPE(out), ATL_INIT_NORMAL, 1.0f)
                          : atl_net_buffer(net, "u0", ATL_SHAPE(1, out), ATL_INIT_NORMAL, 1.0f);
    u = atl_reshape(g, u, ATL_SHAPE(1, out));
    atl_node *v = unit(g, atl_matmul(g, u, still, false, false), s->eps);
    u = unit(g, atl_matmul(g, v, still, false, true), s->eps);
    atl_update *of_u = atl_net_update(net, s->both ? "weight_u" : "u0"), *of_v = NULL;
    if (s->both) {
        atl_net_buffer(net, "weight_v", ATL_SHAPE(k), ATL_INIT_NORMAL, 1.0f);
        of_v = atl_net_update(net, "weight_v");
    }
    if (of_u)
        *of_u = (atl_update){ .value = u, .unbiased = 1.0f };
    if (of_v)
        *of_v = (atl_update){ .value = v, .unbiased = 1.0f };
    return between(g, u, w, v);
}

// w [out, k] over its sigma.  In training a second use of a weight in a graph is the first one's.
static atl_node *divided(atl_net *net, const char *name, atl_shape shape, atl_node *w,
                         const atl_spectral *s) {
    atl_graph *g = net->g;
    atl_node *norm;
    if (net->trains) {
        atl_update *before = atl_net_update(net, s->both ? "weight_u" : "u0");
        if (!before || before->made)
            return before ? before->made : &g->poison;
        atl_node *still = s->through ? w : atl_reshape(g, atl_net_held(net, name, shape), w->shape);
        norm = trained_sigma(net, w, still, s);
        return before->made = atl_div(g, w, atl_expand(g, norm, w->shape));
    }
    norm = sigma(net, w, s);
    return atl_div(g, w, atl_expand(g, norm, w->shape));
}

atl_node *atl_spectral_weight(atl_net *net, atl_shape shape, const atl_spectral *s) {
    const char *name = s->both ? "weight_orig" : "weight";
    atl_node *w = atl_net_param(net, name, shape, ATL_INIT_NORMAL, DEVIATION);
    if (w->op == ATL_OP_POISON)
        return w;
    int64_t out = shape.d[0];
    atl_node *rows = atl_reshape(net->g, w, ATL_SHAPE(out, atl_shape_count(&shape) / out));
    return atl_reshape(net->g, divided(net, name, shape, rows, s), shape);
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
