// SPDX-License-Identifier: Apache-2.0
// Layers of the family: equalised linear and convolution, modulated convolution, resampling, minibatch
// standard deviation, mapping.
#include <math.h>
#include <stdio.h>

#include "nn/net.h"

atl_node *atl_linear(atl_net *net, const char *name, atl_node *x, int64_t out, const atl_linear_options *o) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "%s", name);
    int64_t in = x->shape.d[1];
    float lr = o->lr_multiplier;
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in), ATL_INIT_NORMAL, 1.0f / lr);
    atl_node *y = atl_matmul(g, x, atl_scale(g, w, (float)(lr / sqrt((double)in))), false, true);
    if (!o->no_bias) {
        atl_node *b = atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_FILL, o->bias_init);
        y = atl_add_bias(g, y, lr == 1.0f ? b : atl_scale(g, b, lr));
    }
    y = atl_named(g, atl_activate(g, y, o->activation, atl_activation_gain(o->activation), INFINITY));
    atl_scope_pop(g, scope);
    return y;
}

// ---- resampling

const atl_taps atl_taps_1331 = { 4, { 0.125f, 0.375f, 0.375f, 0.125f } };

static const atl_taps *taps_of(const atl_taps *taps) {
    return taps ? taps : &atl_taps_1331;
}

static atl_node *fir(atl_graph *g, atl_node *x, const atl_taps *t, int up, int down, int p0, int p1,
                     float gain) {
    float f[ATL_TAPS_MOST * ATL_TAPS_MOST];
    for (int i = 0; i < t->size * t->size; i++)
        f[i] = t->f[i / t->size] * t->f[i % t->size];
    atl_fir_attr a = { up, up, down, down, p0, p1, p0, p1, t->size, t->size, false, gain, f };
    return atl_upfirdn(g, x, &a);
}

// The padding keeps the picture centred: of k taps k / 2 reach to each side of a sample.
atl_node *atl_upsample2d(atl_graph *g, atl_node *x, const atl_taps *taps) {
    const atl_taps *t = taps_of(taps);
    return fir(g, x, t, 2, 1, atl_half(t->size + 1), atl_half(t->size - 2), 4.0f);
}

atl_node *atl_downsample2d(atl_graph *g, atl_node *x, const atl_taps *taps) {
    const atl_taps *t = taps_of(taps);
    return fir(g, x, t, 1, 2, atl_half(t->size - 1), atl_half(t->size - 2), 1.0f);
}

atl_node *atl_filter2d(atl_graph *g, atl_node *x, const atl_taps *taps, int pad0, int pad1, float gain) {
    return fir(g, x, taps_of(taps), 1, 1, pad0, pad1, gain);
}

// ---- convolution

// Transposed convolution with stride 2, then the filter: the way up of the family.  The weight is used
// as it stands, [o, i]; the transposed form reads it as [i, o].
static atl_node *conv_up(atl_graph *g, atl_node *x, atl_node *w, const atl_taps *taps) {
    if (w->shape.d[2] == 1)
        return atl_upsample2d(g, atl_conv2d(g, x, w, 1, 0), taps);
    int64_t h = 2 * x->shape.d[1] + w->shape.d[2] - 2, v = 2 * x->shape.d[2] + w->shape.d[3] - 2;
    atl_node *turned = atl_permute(g, w, (int[]){ 1, 0, 2, 3 });
    int size = taps_of(taps)->size; // of a 3x3 kernel, which takes part of the padding
    return atl_filter2d(g, atl_conv2d_transposed(g, x, turned, 2, 0, h, v), taps, atl_half(size + 1) - 1,
                        atl_half(size - 2), 4.0f);
}

static atl_node *conv_down(atl_graph *g, atl_node *x, atl_node *w, const atl_taps *taps) {
    if (w->shape.d[2] == 1)
        return atl_conv2d(g, atl_downsample2d(g, x, taps), w, 1, 0);
    int size = taps_of(taps)->size;
    return atl_conv2d(g, atl_filter2d(g, x, taps, atl_half(size - 1) + 1, atl_half(size - 2) + 1, 1.0f), w, 2,
                      0);
}

atl_node *atl_conv_layer(atl_net *net, const char *name, atl_node *x, int64_t out, const atl_conv_options *o) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "%s", name);
    int64_t in = x->shape.d[3], k = o->kernel;
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in, k, k), ATL_INIT_NORMAL, 1.0f);
    w = atl_scale(g, w, (float)(1.0 / sqrt((double)(in * k * k))));
    atl_node *y = o->up == 2     ? conv_up(g, x, w, o->taps)
                  : o->down == 2 ? conv_down(g, x, w, o->taps)
                                 : atl_conv2d(g, x, w, 1, (int)k / 2);
    if (!o->no_bias)
        y = atl_add_bias(g, y, atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f));
    float gain = atl_activation_gain(o->activation) * o->gain;
    y = atl_named(g, atl_activate(g, y, o->activation, gain, o->clamp * o->gain));
    atl_scope_pop(g, scope);
    return y;
}

atl_node *atl_modulated_conv(atl_graph *g, atl_node *x, atl_node *styles, atl_node *weight, int up,
                             bool demodulate, const atl_taps *taps) {
    int pad = (int)weight->shape.d[2] / 2;
    atl_node *y = atl_scale_channels(g, x, styles);
    y = up == 2 ? conv_up(g, y, weight, taps) : atl_conv2d(g, y, weight, 1, pad);
    if (!demodulate)
        return y;
    // d[n, o] = rsqrt(sum over i of s[n, i]^2 * (sum over taps of w[o, i]^2) + 1e-8)
    int64_t o = weight->shape.d[0], i = weight->shape.d[1];
    atl_node *w2 = atl_reshape(g, atl_sum(g, atl_square(g, weight), 4u | 8u), ATL_SHAPE(o, i));
    atl_node *d = atl_rsqrt(g, atl_affine(g, atl_matmul(g, atl_square(g, styles), w2, false, true), 1.0f, 1e-8f));
    return atl_scale_channels(g, y, d);
}

// ---- minibatch standard deviation

atl_node *atl_minibatch_std(atl_graph *g, atl_node *x, int64_t group, int64_t features) {
    int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2], c = x->shape.d[3];
    int64_t size = group && group < n ? group : n;
    if (n % size || c % features)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "minibatch standard deviation: a batch of %lld is not a multiple of the group size %lld",
                              (long long)n, (long long)size);
    int64_t groups = n / size, part = c / features;
    // [size, groups, h w, features, part]: sample s * groups + m is in group m
    atl_shape s5 = ATL_SHAPE(size, groups, h * w, features, part);
    atl_node *y = atl_reshape(g, x, s5);
    y = atl_sub(g, y, atl_expand(g, atl_mean(g, y, 1u), s5));
    y = atl_mean(g, atl_square(g, y), 1u);
    y = atl_sqrt(g, atl_affine(g, y, 1.0f, 1e-8f));
    y = atl_mean(g, y, 4u | 16u); // [1, groups, 1, features, 1]
    y = atl_reshape(g, y, ATL_SHAPE(1, groups, 1, features));
    y = atl_expand(g, y, ATL_SHAPE(size, groups, h * w, features));
    y = atl_reshape(g, y, ATL_SHAPE(n, h, w, features));
    return atl_concat(g, (atl_node *[]){ x, y }, 2, 3);
}

// ---- mapping

atl_node *atl_joint_latent(atl_net *net, int64_t z_dim, atl_node *z, atl_node *c) {
    atl_graph *g = net->g;
    if (c) {
        size_t scope = atl_scope_push(g, "embed");
        atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(z_dim, c->shape.d[1]), ATL_INIT_NORMAL, 1.0f);
        z = atl_concat(g, (atl_node *[]){ z, atl_matmul(g, c, w, false, true) }, 2, 1);
        atl_scope_pop(g, scope);
    }
    return atl_normalize_2nd_moment(g, z, 1e-8f);
}

// The label c [n, c_dim] as a vector.
static atl_node *embedded_label(atl_net *net, const atl_mapping_config *m, atl_node *c) {
    atl_linear_options plain = { ATL_LINEAR, 1.0f, 0.0f, false }, active = { ATL_LRELU, 1.0f, 0.0f, false };
    if (!m->table_features)
        return atl_linear(net, "embed", c, m->embed_features ? m->embed_features : m->w_dim, &plain);
    size_t scope = atl_scope_push(net->g, "embed");
    atl_node *table = atl_net_param(net, "weight", ATL_SHAPE(m->c_dim, m->table_features), ATL_INIT_NORMAL, 1.0f);
    atl_node *y = atl_matmul(net->g, c, table, false, false);
    atl_scope_pop(net->g, scope);
    return atl_linear(net, "embed_proj", y, m->proj_features, &active);
}

atl_node *atl_mapping(atl_net *net, const atl_mapping_config *m, atl_node *z, atl_node *c) {
    atl_graph *g = net->g;
    size_t scope = atl_scope_push(g, "mapping");
    atl_node *x = !m->z_dim ? NULL : m->label_concat ? atl_joint_latent(net, m->z_dim, z, c)
                                                     : atl_normalize_2nd_moment(g, z, 1e-8f);
    if (m->c_dim && !(m->label_concat && m->z_dim)) {
        atl_node *y = atl_normalize_2nd_moment(g, embedded_label(net, m, c), 1e-8f);
        x = x ? atl_concat(g, (atl_node *[]){ x, y }, 2, 1) : y;
    }
    atl_linear_options o = { m->activation, m->lr_multiplier, 0.0f, false };
    for (int i = 0; i < m->num_layers; i++) {
        char name[16];
        snprintf(name, sizeof name, "fc%d", i);
        bool last = i == m->num_layers - 1;
        x = atl_linear(net, name, x, last || !m->layer_features ? m->w_dim : m->layer_features, &o);
    }
    x = atl_named(g, x);
    atl_scope_pop(g, scope);
    return x;
}
