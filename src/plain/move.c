// SPDX-License-Identifier: Apache-2.0
// Sums over axes, and results whose elements are those of a source elsewhere.
#include <string.h>

#include "plain/plain.h"

void atl_plain_clear(float *x, int64_t count) {
    memset(x, 0, (size_t)count * sizeof *x);
}

// The result's element for a point of the source: summed axes have one.
static int64_t summed(const atl_plain_call *c, const int64_t *at) {
    int64_t to[ATL_RANK_MAX] = { 0 };
    for (int i = 0; i < c->shape->rank; i++)
        to[i] = c->node->at.sum.axis[i] ? 0 : at[i];
    return atl_plain_offset(c->shape, to);
}

void atl_plain_op_sum(const atl_plain_call *c) {
    const atl_shape *x = &c->node->src[0]->shape;
    int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(x), results = atl_shape_count(c->shape);
    double *sum = (double *)(void *)c->room;
    for (int64_t i = 0; i < results; i++)
        sum[i] = 0.0;
    for (int64_t i = 0; i < count; i++, atl_plain_next(x, at))
        sum[summed(c, at)] += (double)c->src[0][i];
    for (int64_t i = 0; i < results; i++)
        c->out[i] = (float)sum[i];
}

int64_t atl_plain_sum_room(const atl_node *n) { // one double for each result
    return 2 * atl_shape_count(&n->shape);
}

void atl_plain_op_expand(const atl_plain_call *c) {
    const atl_shape *x = &c->node->src[0]->shape;
    int64_t at[ATL_RANK_MAX] = { 0 }, from[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(c->shape);
    for (int64_t i = 0; i < count; i++, atl_plain_next(c->shape, at)) {
        for (int k = 0; k < x->rank; k++)
            from[k] = x->d[k] == 1 ? 0 : at[k];
        c->out[i] = c->src[0][atl_plain_offset(x, from)];
    }
}

void atl_plain_op_permute(const atl_plain_call *c) {
    const atl_shape *x = &c->node->src[0]->shape;
    int64_t at[ATL_RANK_MAX] = { 0 }, from[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(c->shape);
    for (int64_t i = 0; i < count; i++, atl_plain_next(c->shape, at)) {
        for (int k = 0; k < x->rank; k++)
            from[c->node->at.permute.axis[k]] = at[k];
        c->out[i] = c->src[0][atl_plain_offset(x, from)];
    }
}

// Element i of `part` lies in `whole` at its place moved by `begin`.
static int64_t moved(const atl_shape *whole, const int64_t *at, const int64_t *begin) {
    int64_t to[ATL_RANK_MAX] = { 0 };
    for (int k = 0; k < whole->rank; k++)
        to[k] = at[k] + begin[k];
    return atl_plain_offset(whole, to);
}

void atl_plain_op_slice(const atl_plain_call *c) {
    int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(c->shape);
    for (int64_t i = 0; i < count; i++, atl_plain_next(c->shape, at))
        c->out[i] = c->src[0][moved(&c->node->src[0]->shape, at, c->node->at.slice.begin)];
}

void atl_plain_op_pad(const atl_plain_call *c) {
    const atl_shape *x = &c->node->src[0]->shape;
    int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(x);
    atl_plain_clear(c->out, atl_shape_count(c->shape));
    for (int64_t i = 0; i < count; i++, atl_plain_next(x, at))
        c->out[moved(c->shape, at, c->node->at.slice.begin)] = c->src[0][i];
}

void atl_plain_op_concat(const atl_plain_call *c) {
    int64_t begin[ATL_RANK_MAX] = { 0 };
    int axis = c->node->at.concat.axis;
    for (int k = 0; k < c->node->n_src; k++) {
        const atl_shape *x = &c->node->src[k]->shape;
        int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(x);
        for (int64_t i = 0; i < count; i++, atl_plain_next(x, at))
            c->out[moved(c->shape, at, begin)] = c->src[k][i];
        begin[axis] += x->d[axis];
    }
}
