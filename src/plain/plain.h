// SPDX-License-Identifier: Apache-2.0
// What the kernels of this folder share.  A kernel reads sources and writes its result through a `call`,
// which has already turned addresses of the device into pointers.
#ifndef ATL_PLAIN_PLAIN_H
#define ATL_PLAIN_PLAIN_H

#include "graph/backend.h"

typedef struct atl_plain_call {
    const atl_node *node;
    const atl_shape *shape; // of the result
    const atl_step *step;   // for the strides of pointwise sources
    const float *src[ATL_SRC_MAX];
    float *out;
    float *room; // workspace
} atl_plain_call;

typedef void atl_plain_kernel(const atl_plain_call *c);

// ---- indices: a point of a shape, from all zeros on in memory order

static inline void atl_plain_next(const atl_shape *s, int64_t *at) {
    for (int i = s->rank - 1; i >= 0; i--) {
        if (++at[i] < s->d[i])
            return;
        at[i] = 0;
    }
}

static inline int64_t atl_plain_offset(const atl_shape *s, const int64_t *at) {
    int64_t offset = 0;
    for (int i = 0; i < s->rank; i++)
        offset = offset * s->d[i] + at[i];
    return offset;
}

// ---- linear maps and their transposes: a kernel names the pairs of elements that meet, once for both.
// y = A x adds weight * x[j] to y[i]; x = A' y adds weight * y[i] to x[j].
typedef struct atl_plain_map {
    bool back;
    const float *from;
    float *to;
} atl_plain_map;

static inline void atl_plain_give(const atl_plain_map *m, int64_t i, int64_t j, float weight) {
    if (m->back)
        m->to[j] += weight * m->from[i];
    else
        m->to[i] += weight * m->from[j];
}

void atl_plain_clear(float *x, int64_t count);

// Pixel of an image's axis that pixel i of its mirrored continuation shows.
int64_t atl_plain_mirror(int64_t i, int64_t size);

bool atl_plain_knows_fn(const atl_node *n); // of UNARY and BINARY

// pointwise.c
atl_plain_kernel atl_plain_op_unary, atl_plain_op_binary;
// move.c
atl_plain_kernel atl_plain_op_sum, atl_plain_op_expand, atl_plain_op_permute, atl_plain_op_slice,
    atl_plain_op_pad;
atl_plain_kernel atl_plain_op_concat;
int64_t atl_plain_sum_room(const atl_node *n); // floats of workspace
// contract.c
atl_plain_kernel atl_plain_op_matmul, atl_plain_op_conv;
// filter.c
atl_plain_kernel atl_plain_op_upfirdn, atl_plain_op_flrelu, atl_plain_op_flrelu_t, atl_plain_op_sepfir;
int64_t atl_plain_flrelu_room(const atl_node *n), atl_plain_flrelu_t_room(const atl_node *n);
// pick.c
atl_plain_kernel atl_plain_op_pick, atl_plain_op_gather;
// sample.c
atl_plain_kernel atl_plain_op_geom;
int64_t atl_plain_geom_room(const atl_node *n);

#endif
