// SPDX-License-Identifier: Apache-2.0
// Ops that read some pixels and not others: the largest of each window, and rows by number.
#include <math.h>

#include "plain/plain.h"

// ---- pick: of each window the pixel where the selector is largest; one that is not a number is

static int64_t largest(const atl_plain_call *c, const int64_t *y) {
    const atl_pick_attr *a = &c->node->at.pick;
    const int64_t *d = c->node->src[0]->shape.d;
    const float *s = c->src[0];
    int64_t best = -1;
    for (int64_t row = y[1] * a->sy - a->py0; row < y[1] * a->sy - a->py0 + a->kh; row++)
        for (int64_t column = y[2] * a->sx - a->px0; column < y[2] * a->sx - a->px0 + a->kw; column++) {
            int64_t at = ((y[0] * d[1] + row) * d[2] + column) * d[3] + y[3];
            if (row < 0 || row >= d[1] || column < 0 || column >= d[2])
                continue;
            if (best < 0 || s[at] > s[best] || isnan(s[at]))
                best = at;
        }
    return best;
}

void atl_plain_op_pick(const atl_plain_call *c) {
    bool back = c->node->op == ATL_OP_PICK_T;
    const atl_shape *y = back ? &c->node->src[1]->shape : c->shape;
    int64_t at[ATL_RANK_MAX] = { 0 }, count = atl_shape_count(y);
    atl_plain_map m = { back, c->src[1], c->out };
    atl_plain_clear(c->out, atl_shape_count(c->shape));
    for (int64_t i = 0; i < count; i++, atl_plain_next(y, at))
        atl_plain_give(&m, i, largest(c, at), 1.0f);
}

// ---- gather: y[n, q, c] = sum over k of weight[n, q, k] x[n, index[n, q, k], c]

void atl_plain_op_gather(const atl_plain_call *c) {
    bool back = c->node->op == ATL_OP_GATHER_T;
    const int64_t *x = back ? c->shape->d : c->node->src[0]->shape.d;
    const int64_t *index = c->node->src[1]->shape.d, *weight = c->node->src[2]->shape.d;
    int64_t queries = index[1], terms = index[2], channels = x[2];
    atl_plain_map m = { back, c->src[0], c->out };
    atl_plain_clear(c->out, atl_shape_count(c->shape));
    for (int64_t n = 0; n < x[0]; n++)
        for (int64_t i = 0; i < queries * terms; i++) {
            float row = c->src[1][(index[0] > 1 ? n : 0) * queries * terms + i]; // a first dim of 1 is shared
            float w = c->src[2][(weight[0] > 1 ? n : 0) * queries * terms + i];
            if (!(row >= 0.0f && row < (float)x[1]))
                continue;
            int64_t to = (n * queries + i / terms) * channels, from = (n * x[1] + (int64_t)row) * channels;
            for (int64_t k = 0; k < channels; k++)
                atl_plain_give(&m, to + k, from + k, w);
        }
}
