// SPDX-License-Identifier: Apache-2.0
// Activations beyond leaky ReLU, from the engine's functions of one number.
#include "nn/functions.h"

atl_node *atl_relu(atl_graph *g, atl_node *x) {
    return atl_lrelu(g, x, 0.0f);
}

atl_node *atl_elu(atl_graph *g, atl_node *x, float alpha) {
    atl_node *below = atl_exp(g, atl_clamp(g, x, -80.0f, 0.0f)); // exp(-80) is 0 here
    return atl_add(g, atl_relu(g, x), atl_affine(g, below, alpha, -alpha));
}

atl_node *atl_selu(atl_graph *g, atl_node *x) {
    return atl_scale(g, atl_elu(g, x, 1.67326324f),
                     1.05070099f); // section 2: mean 0 and variance 1 are a fixed point
}

atl_node *atl_swish(atl_graph *g, atl_node *x) {
    return atl_mul(g, x, atl_sigmoid(g, x));
}

atl_node *atl_softplus(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_SOFTPLUS, x);
}

atl_node *atl_sigmoid(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_SIGMOID, x);
}

atl_node *atl_tanh(atl_graph *g, atl_node *x) {
    return atl_fn_of(g, ATL_FN_TANH, x);
}

atl_node *atl_gelu(atl_graph *g, atl_node *x) {
    atl_node *p = atl_affine(g, atl_fn_of(g, ATL_FN_ERF, atl_scale(g, x, 0.707106781f)), 0.5f, 0.5f);
    return atl_mul(g, x, p);
}

atl_node *atl_gelu_tanh(atl_graph *g, atl_node *x) {
    atl_node *cube = atl_mul(g, x, atl_square(g, x));
    atl_node *t = atl_scale(g, atl_add(g, x, atl_scale(g, cube, 0.044715f)), 0.797884561f); // sqrt(2 / pi)
    return atl_mul(g, x, atl_affine(g, atl_tanh(g, t), 0.5f, 0.5f));
}
