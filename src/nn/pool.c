// SPDX-License-Identifier: Apache-2.0
// Pooling of images.  Sizes follow the usual rule: one window per stride, as long as it fits into the padded
// image; with ceil_mode one more that sticks out, if it begins before the padding at the end.
#include "base/mem.h"
#include "nn/functions.h"

// Results along one axis, and the padding at its end that gives so many.
static int64_t results(int64_t size, const atl_pool_options *o, int *after) {
    int64_t room = size + 2 * (int64_t)o->pad - o->kernel, count = room / o->stride + 1;
    *after = o->pad;
    if (o->ceil_mode && room % o->stride && count * o->stride < size + o->pad) {
        *after = (int)(count * o->stride + o->kernel - size - o->pad);
        count++;
    }
    return count;
}

static bool fits(atl_graph *g, const atl_node *x, const atl_pool_options *o) {
    if (x->op == ATL_OP_POISON)
        return false;
    bool sound = o->kernel > 0 && o->stride > 0 && o->pad >= 0 && o->pad < o->kernel;
    for (int i = 1; i < 3; i++)
        sound = sound && x->shape.rank == 4 && x->shape.d[i] + 2 * (int64_t)o->pad >= o->kernel;
    if (!sound) {
        char t[ATL_SHAPE_TEXT];
        atl_graph_fail(g, ATL_BAD_ARGUMENT,
                       "pooling: windows of %d with stride %d and padding %d don't fit %s", o->kernel,
                       o->stride, o->pad, atl_node_shape_text(x, t));
    }
    return sound;
}

atl_node *atl_max_pool(atl_graph *g, atl_node *x, const atl_pool_options *o) {
    if (!fits(g, x, o))
        return &g->poison;
    atl_pick_attr a = { o->kernel, o->kernel, o->stride, o->stride, o->pad, 0, o->pad, 0 };
    results(x->shape.d[1], o, &a.py1);
    results(x->shape.d[2], o, &a.px1);
    return atl_pick(g, x, x, &a);
}

// How many pixels window i of an axis counts.
static int64_t counted(int64_t size, const atl_pool_options *o, int64_t i) {
    int64_t begin = i * o->stride - o->pad, end = begin + o->kernel, low = o->count_pads ? -o->pad : 0;
    int64_t high = o->count_pads ? size + o->pad : size;
    return (end < high ? end : high) - (begin > low ? begin : low);
}

// One over the number of pixels of each window: [1, oh, ow, 1]
static atl_node *shares(atl_graph *g, const atl_shape *x, const atl_pool_options *o, int64_t oh, int64_t ow) {
    float *v = atl_alloc(g->ctx, (size_t)(oh * ow), sizeof *v);
    if (!v)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the averages of %lld pixels",
                              (long long)(oh * ow));
    for (int64_t i = 0; i < oh * ow; i++)
        v[i] = (float)(1.0 / (double)(counted(x->d[1], o, i / ow) * counted(x->d[2], o, i % ow)));
    atl_node *share = atl_const(g, ATL_SHAPE(1, oh, ow, 1), v);
    atl_free(g->ctx, v);
    return share;
}

atl_node *atl_average_pool(atl_graph *g, atl_node *x, const atl_pool_options *o) {
    if (!fits(g, x, o))
        return &g->poison;
    atl_fir_attr f = { 1, 1,         o->stride, o->stride, o->pad, 0,   o->pad,
                       0, o->kernel, o->kernel, false,     1.0f,   NULL };
    int64_t oh = results(x->shape.d[1], o, &f.py1), ow = results(x->shape.d[2], o, &f.px1);
    bool uniform = o->pad == 0 || o->count_pads; // and no window sticks out:
    uniform = uniform && f.py1 == o->pad && f.px1 == o->pad;
    size_t taps = (size_t)o->kernel * (size_t)o->kernel;
    float *ones = atl_alloc(g->ctx, taps, sizeof *ones);
    if (!ones)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a window of %d", o->kernel);
    for (size_t i = 0; i < taps; i++)
        ones[i] = 1.0f;
    f.f = ones;
    f.gain = uniform ? (float)(1.0 / (double)taps) : 1.0f;
    atl_node *y = atl_upfirdn(g, x, &f);
    atl_free(g->ctx, ones);
    return uniform ? y : atl_mul(g, y, atl_expand(g, shares(g, &x->shape, o, oh, ow), y->shape));
}
