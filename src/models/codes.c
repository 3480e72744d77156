// SPDX-License-Identifier: Apache-2.0
// Pieces of the networks of codes: models/codes.h.
#include "models/codes.h"

#include <math.h>
#include <string.h>

#include "nn/functions.h"

static atl_node *dense(atl_net *net, const char *name, atl_node *x, int64_t out, bool bias, float deviation) {
    size_t mark = atl_scope_push(net->g, "%s", name);
    int64_t in = x->shape.d[x->shape.rank - 1];
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in), ATL_INIT_NORMAL, deviation);
    atl_node *b = bias ? atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f) : NULL;
    x = atl_dense(net->g, x, w, b);
    atl_scope_pop(net->g, mark);
    return x;
}

atl_node *atl_code_dense(atl_net *net, const char *name, atl_node *x, int64_t out, bool bias) {
    return x->op == ATL_OP_POISON ? x : dense(net, name, x, out, bias, 0.02f);
}

float atl_xavier(int64_t in, int64_t out) {
    return (float)sqrt(2.0 / (double)(in + out));
}

atl_node *atl_code_xavier(atl_net *net, const char *name, atl_node *x, int64_t out, bool bias) {
    return x->op == ATL_OP_POISON
               ? x
               : dense(net, name, x, out, bias, atl_xavier(x->shape.d[x->shape.rank - 1], out));
}

atl_node *atl_code_norm(atl_net *net, const char *name, atl_node *x) {
    if (x->op == ATL_OP_POISON)
        return x;
    size_t mark = atl_scope_push(net->g, "%s", name);
    int64_t c = x->shape.d[x->shape.rank - 1];
    atl_node *scale = atl_net_param(net, "weight", ATL_SHAPE(c), ATL_INIT_FILL, 1.0f);
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(c), ATL_INIT_ZERO, 0.0f);
    x = atl_layer_norm(net->g, x, scale, bias, 1e-5f);
    atl_scope_pop(net->g, mark);
    return x;
}

// As PyTorch begins, but of normal numbers of the same deviation.
atl_node *atl_code_conv(atl_net *net, atl_node *x, int64_t out, int kernel, const atl_conv_attr *attr) {
    if (x->op == ATL_OP_POISON)
        return x;
    int64_t in = x->shape.d[3];
    atl_node *w = atl_net_param(net, "weight", ATL_SHAPE(out, in, kernel, kernel), ATL_INIT_NORMAL,
                                (float)(1.0 / sqrt((double)(3 * in * kernel * kernel))));
    atl_node *bias = atl_net_param(net, "bias", ATL_SHAPE(out), ATL_INIT_ZERO, 0.0f);
    return atl_named(net->g, atl_add_bias(net->g, atl_conv(net->g, x, w, attr), bias));
}

atl_node *atl_code_scores(atl_graph *g, atl_node *z, atl_node *book) {
    if (z->op == ATL_OP_POISON || book->op == ATL_OP_POISON)
        return &g->poison;
    int64_t k = book->shape.d[0];
    atl_node *length = atl_reshape(g, atl_sum(g, atl_square(g, book), 2u), ATL_SHAPE(k));
    return atl_add_bias(g, atl_scale(g, atl_dense(g, z, book, NULL), 2.0f), atl_neg(g, length));
}

atl_node *atl_code_distance(atl_graph *g, atl_node *a, atl_node *b) {
    atl_node *d = atl_square(g, atl_sub(g, a, b));
    if (d->op == ATL_OP_POISON)
        return d;
    d = atl_mean(g, d, (1u << d->shape.rank) - 2u); // all axes but the first
    return atl_reshape(g, d, ATL_SHAPE(d->shape.d[0]));
}

atl_node *atl_code_draw(atl_graph *g, atl_node *logits, atl_node *noise, atl_node *temperature) {
    if (logits->op == ATL_OP_POISON || noise->op == ATL_OP_POISON || temperature->op == ATL_OP_POISON)
        return &g->poison;
    const atl_shape *all = &logits->shape;
    atl_node *t = atl_expand(g, atl_reshape(g, temperature, ATL_SHAPE(1, 1, 1)), *all);
    atl_node *soft = atl_softmax(g, atl_div(g, atl_add(g, logits, noise), t));
    atl_node *hard = atl_one_hot(g, atl_position_of_largest(g, soft), all->d[2]);
    return atl_add(g, soft, atl_held(g, atl_sub(g, hard, soft)));
}

atl_node *atl_code_unevenness(atl_graph *g, atl_node *logits) {
    if (logits->op == ATL_OP_POISON)
        return logits;
    double k = (double)logits->shape.d[2];
    atl_node *uneven = atl_affine(g, atl_log_softmax(g, logits), 1.0f, (float)log(k));
    atl_node *sum = atl_sum(g, atl_mul(g, atl_softmax(g, logits), uneven), 4u);
    return atl_reshape(g, atl_mean(g, sum, 6u), ATL_SHAPE(logits->shape.d[0]));
}

// ---- running means of what codes stand for (van den Oord et al. 2017, appendix A.1)

// How much of them stays, and what keeps them from a division by 0.
static const float KEPT = 0.99f, LEAST = 1e-5f;

typedef struct usage {
    atl_node *counts, *sums; // of each code, [k, 1]; of the vectors that it stands for, [k, d]
    atl_node *fresh;         // a vector of the batch for each code, [k, d]
    float share;             // vectors of the batch for a code, where all are used alike
} usage;

static usage usage_of(atl_graph *g, int64_t k, int64_t d, atl_node *z, atl_node *codes) {
    int64_t t = atl_shape_count(&codes->shape);
    atl_node *rows = atl_reshape(g, z, ATL_SHAPE(1, t, d)), *at = atl_reshape(g, codes, ATL_SHAPE(1, t, 1));
    atl_node *one = atl_fill(g, ATL_SHAPE(1, t, 1), 1.0f);
    usage u = { .share = (float)((double)t / (double)k) };
    u.counts = atl_reshape(g, atl_gather_transposed(g, one, at, one, k), ATL_SHAPE(k, 1));
    u.sums = atl_reshape(g, atl_gather_transposed(g, rows, at, one, k), ATL_SHAPE(k, d));
    float *which = atl_arena_alloc(&g->arena, (size_t)k, sizeof *which);
    if (!which) {
        u.fresh =
            atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the numbers of %lld codes", (long long)k);
        return u;
    }
    for (int64_t i = 0; i < k; i++)
        which[i] = (float)(i % t);
    u.fresh = atl_embedding(g, atl_reshape(g, rows, ATL_SHAPE(t, d)), atl_const(g, ATL_SHAPE(k), which));
    return u;
}

// x + (to - x) where `there` [k, 1] is 1.
static atl_node *replaced(atl_graph *g, atl_node *x, atl_node *to, atl_node *there) {
    return x->op == ATL_OP_POISON
               ? x
               : atl_add(g, x, atl_mul(g, atl_sub(g, to, x), atl_expand(g, there, x->shape)));
}

static atl_node *moved(atl_graph *g, atl_node *mean, atl_node *now) { // a running mean
    return atl_add(g, now, atl_scale(g, atl_sub(g, mean, now), KEPT));
}

bool atl_code_follow(atl_graph *g, atl_code_book *b, atl_node *z, atl_node *codes) {
    if (z->op == ATL_OP_POISON || codes->op == ATL_OP_POISON || b->book->op == ATL_OP_POISON ||
        b->size->op == ATL_OP_POISON || (b->sum && b->sum->op == ATL_OP_POISON))
        return false;
    int64_t k = b->book->shape.d[0], d = b->book->shape.d[1];
    usage u = usage_of(g, k, d, z, codes);
    atl_node *size = moved(g, atl_reshape(g, b->size, ATL_SHAPE(k, 1)), u.counts);
    atl_node *idle = atl_unary(g, ATL_FN_INSIDE, size, -1.0f, b->restart * u.share); // [k, 1]: 1 or 0
    if (b->sum) {
        atl_node *all = atl_expand(g, atl_sum(g, size, 3u), size->shape);
        atl_node *even =
            atl_div(g, atl_affine(g, size, 1.0f, LEAST), atl_affine(g, all, 1.0f, (float)k * LEAST));
        b->sum = moved(g, b->sum, u.sums);
        b->book = atl_div(g, b->sum, atl_expand(g, atl_mul(g, even, all), b->sum->shape));
    }
    if (b->restart > 0.0f) {
        b->book = replaced(g, b->book, u.fresh, idle);
        b->sum = b->sum ? replaced(g, b->sum, atl_scale(g, u.fresh, u.share), idle) : NULL;
        size = replaced(g, size, atl_fill(g, size->shape, u.share), idle);
    }
    b->size = atl_reshape(g, size, ATL_SHAPE(k));
    return true;
}

void atl_code_means(float *book, const float *sum, const float *size, size_t k, size_t d, bool columns) {
    double all = 0, least = (double)LEAST;
    for (size_t i = 0; i < k; i++)
        all += (double)size[i];
    for (size_t i = 0; i < k * d; i++) {
        size_t code = columns ? i % k : i / d;
        book[i] = (float)((double)sum[i] * (all + (double)k * least) / (((double)size[code] + least) * all));
    }
}

void atl_code_begin(atl_params *params, const char *book, const char *sum) {
    const atl_param *from = atl_params_find(params, book), *to = atl_params_find(params, sum);
    if (from && to && from->count == to->count)
        memcpy(atl_param_data(params, to), atl_param_data(params, from), from->count * sizeof(float));
}

void atl_code_becomes(atl_net *net, const char *buffer, atl_node *value) {
    atl_update *u = atl_net_update(net, buffer);
    if (u)
        *u = (atl_update){ value, 0.0f, 1.0f, NULL };
}
