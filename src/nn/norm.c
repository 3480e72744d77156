// SPDX-License-Identifier: Apache-2.0
// Normalisation: what differs is over which axes mean and variance are taken.
#include "nn/functions.h"
#include "nn/net.h"

static atl_node *scaled(atl_graph *g, atl_node *x, atl_node *scale, atl_node *bias) {
    if (scale)
        x = atl_mul(g, x, atl_per_channel(g, scale, &x->shape));
    return bias ? atl_add_bias(g, x, bias) : x;
}

// (x - mean) / sqrt(variance + eps) over the given axes.  The variance is the mean of squares of x - mean,
// which keeps its digits where the mean is large.
static atl_node *standardized(atl_graph *g, atl_node *x, unsigned axes, float eps, atl_node **mean,
                              atl_node **variance) {
    atl_node *m = atl_mean(g, x, axes), *d = atl_sub(g, x, atl_expand(g, m, x->shape));
    atl_node *v = atl_mean(g, atl_square(g, d), axes);
    if (mean)
        *mean = m;
    if (variance)
        *variance = v;
    return atl_mul(g, d, atl_expand(g, atl_rsqrt(g, atl_affine(g, v, 1.0f, eps)), x->shape));
}

static atl_node *not_an_image(atl_graph *g, const char *what, const atl_node *x) {
    return atl_graph_fail(g, ATL_BAD_ARGUMENT, "%s: needs images, not a tensor of rank %d", what,
                          x->shape.rank);
}

atl_node *atl_layer_norm(atl_graph *g, atl_node *x, atl_node *scale, atl_node *bias, float eps) {
    return scaled(g, standardized(g, x, 1u << (x->shape.rank - 1), eps, NULL, NULL), scale, bias);
}

atl_node *atl_instance_norm(atl_graph *g, atl_node *x, atl_node *scale, atl_node *bias, float eps) {
    if (x->op != ATL_OP_POISON && x->shape.rank != 4)
        return not_an_image(g, "instance norm", x);
    return scaled(g, standardized(g, x, 1u << 1 | 1u << 2, eps, NULL, NULL), scale, bias);
}

atl_node *atl_group_norm(atl_graph *g, atl_node *x, int64_t groups, atl_node *scale, atl_node *bias,
                         float eps) {
    if (x->op == ATL_OP_POISON)
        return x;
    if (x->shape.rank != 4)
        return not_an_image(g, "group norm", x);
    const int64_t *d = x->shape.d;
    if (groups < 1 || d[3] % groups)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "group norm: %lld channels don't fall into %lld groups",
                              (long long)d[3], (long long)groups);
    atl_node *y = atl_reshape(g, x, ATL_SHAPE(d[0], d[1], d[2], groups, d[3] / groups));
    y = standardized(g, y, 1u << 1 | 1u << 2 | 1u << 4, eps, NULL, NULL);
    return scaled(g, atl_reshape(g, y, x->shape), scale, bias);
}

atl_node *atl_batch_norm(atl_graph *g, atl_node *x, atl_node *mean, atl_node *variance, atl_node *scale,
                         atl_node *bias, float eps) {
    atl_node *factor = atl_rsqrt(g, atl_affine(g, variance, 1.0f, eps));
    if (scale)
        factor = atl_mul(g, factor, scale);
    atl_node *offset = atl_neg(g, atl_mul(g, mean, factor));
    return scaled(g, x, factor, bias ? atl_add(g, offset, bias) : offset);
}

// All processes have as many numbers, so that the mean is that of their means.
static atl_node *mean_of_all(atl_graph *g, atl_node *x, unsigned axes, const atl_processes *processes) {
    atl_node *mean = atl_mean(g, x, axes), *sum = atl_across(g, mean, processes);
    return sum == mean ? mean : atl_scale(g, sum, (float)(1.0 / processes->count));
}

void atl_batch_statistics(atl_graph *g, atl_node *x, const atl_processes *processes, atl_node **mean,
                          atl_node **variance) {
    int last = x->shape.rank - 1;
    unsigned axes = (1u << last) - 1u;
    int64_t c = x->shape.d[last];
    atl_node *m = mean_of_all(g, x, axes, processes), *d = atl_sub(g, x, atl_expand(g, m, x->shape));
    *mean = atl_reshape(g, m, ATL_SHAPE(c));
    *variance = atl_reshape(g, mean_of_all(g, atl_square(g, d), axes, processes), ATL_SHAPE(c));
}

atl_node *atl_batch_norm_train(atl_graph *g, atl_node *x, atl_node *scale, atl_node *bias, float eps,
                               atl_node **mean, atl_node **variance) {
    atl_node *m, *v;
    int last = x->shape.rank - 1;
    int64_t c = x->shape.d[last], count = atl_shape_count(&x->shape) / c;
    atl_node *y = standardized(g, x, (1u << last) - 1u, eps, &m, &v);
    if (mean)
        *mean = atl_reshape(g, m, ATL_SHAPE(c));
    if (variance) // one sample has none: its biased zero stays
        *variance = atl_scale(g, atl_reshape(g, v, ATL_SHAPE(c)),
                              count > 1 ? (float)((double)count / (double)(count - 1)) : 1.0f);
    return scaled(g, y, scale, bias);
}
