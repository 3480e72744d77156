// SPDX-License-Identifier: Apache-2.0
// Blurred copies of a picture, all stretched back to its size, are channels of one tensor: a grid is sampled
// once, whatever the number of levels, and the level says how much each copy counts.
#include "nn/mipmap.h"

#include <math.h>

#include "base/mem.h"

static const float LN2 = 0.693147181f;

static int64_t reflected(int64_t i, int64_t size) {
    if (size == 1)
        return 0;
    int64_t period = 2 * (size - 1);
    i = (i % period + period) % period;
    return i < size ? i : period - i;
}

// ---- weighted sums along both sides

// What result i of a side of `in` pixels is made of: index and weight [out, k].
typedef struct side {
    int64_t in, out, k;
    float *index, *weight;
} side;

static bool side_make(atl_graph *g, side *s, int64_t in, int64_t out, int64_t k) {
    *s = (side){ in, out, k, NULL, NULL };
    s->index = atl_alloc(g->ctx, (size_t)out, (size_t)k * sizeof *s->index);
    s->weight = atl_alloc(g->ctx, (size_t)out, (size_t)k * sizeof *s->weight);
    if (!s->index || !s->weight)
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the filter of %lld pixels", (long long)out);
    return s->index && s->weight;
}

static void side_clear(atl_graph *g, side *s) {
    atl_free(g->ctx, s->index);
    atl_free(g->ctx, s->weight);
}

static atl_node *along(atl_graph *g, atl_node *x, const side *s) { // [n, in, c] -> [n, out, c]
    atl_shape shape = ATL_SHAPE(1, s->out, s->k);
    return atl_gather(g, x, atl_const(g, shape, s->index), atl_const(g, shape, s->weight));
}

static atl_node *along_both(atl_graph *g, atl_node *x, const side *rows, const side *columns) {
    const int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2], c = x->shape.d[3];
    atl_node *y = along(g, atl_reshape(g, x, ATL_SHAPE(n * h, w, c)), columns);
    y = along(g, atl_reshape(g, y, ATL_SHAPE(n, h, columns->out * c)), rows);
    return atl_reshape(g, y, ATL_SHAPE(n, rows->out, columns->out, c));
}

static void fill_tent(side *s, int64_t factor) {
    for (int64_t i = 0; i < s->out; i++)
        for (int64_t k = 0; k < s->k; k++) {
            int64_t tap = k < factor ? 2 * k + 1 : 2 * (s->k - k) - 1; // their sum is 2 factor^2
            s->index[i * s->k + k] = (float)reflected(i * factor + k - factor / 2, s->in);
            s->weight[i * s->k + k] = (float)tap / (float)(2 * factor * factor);
        }
}

// The picture in the middle of `out` pixels.
static void fill_middle(side *s) {
    for (int64_t i = 0; i < s->out; i++) {
        s->index[i] = (float)reflected(i - (s->out - s->in) / 2, s->in);
        s->weight[i] = 1.0f;
    }
}

atl_node *atl_tent_downsample(atl_graph *g, atl_node *x, int factor) {
    if (x->op == ATL_OP_POISON || factor == 1)
        return x;
    const int64_t h = x->shape.d[1], w = x->shape.d[2];
    if (x->shape.rank != 4 || factor < 1 || (factor & (factor - 1)) || h % factor || w % factor)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "downsampling: %lldx%lld pixels can't be made smaller by %d", (long long)w,
                              (long long)h, factor);
    side rows = { 0 }, columns = { 0 };
    bool made =
        side_make(g, &rows, h, h / factor, 2 * factor) && side_make(g, &columns, w, w / factor, 2 * factor);
    if (made) {
        fill_tent(&rows, factor);
        fill_tent(&columns, factor);
    }
    atl_node *y = made ? along_both(g, x, &rows, &columns) : &g->poison;
    side_clear(g, &rows);
    side_clear(g, &columns);
    return y;
}

// ---- copies

// Both sides reflected outward to `size` pixels.
static atl_node *widened(atl_graph *g, atl_node *x, int64_t size) {
    const int64_t h = x->shape.d[1], w = x->shape.d[2];
    if (h == size && w == size)
        return x;
    side rows = { 0 }, columns = { 0 };
    bool made = side_make(g, &rows, h, size, 1) && side_make(g, &columns, w, size, 1);
    if (made) {
        fill_middle(&rows);
        fill_middle(&columns);
    }
    atl_node *y = made ? along_both(g, x, &rows, &columns) : &g->poison;
    side_clear(g, &rows);
    side_clear(g, &columns);
    return y;
}

// The part of x in the middle, as large as it was before it was widened.
static atl_node *middle(atl_graph *g, atl_node *x, int64_t h, int64_t w) {
    if (x->op == ATL_OP_POISON)
        return x;
    x = atl_slice_axis(g, x, 1, (x->shape.d[1] - h) / 2, h);
    return x->op == ATL_OP_POISON ? x : atl_slice_axis(g, x, 2, (x->shape.d[2] - w) / 2, w);
}

// x and its blurred copies, each halved once more and stretched back: [n, h, w, count c]
static atl_node *copies_of(atl_graph *g, atl_node *x, int count) {
    const atl_resize_options bilinear = { .filter = ATL_BILINEAR };
    const int64_t h = x->shape.d[1], w = x->shape.d[2];
    int64_t size = 1;
    while (size < h || size < w)
        size *= 2;
    atl_node *list[ATL_MIPMAP_MOST] = { x }, *small = widened(g, x, size);
    for (int i = 1; i < count; i++) {
        if (small->op != ATL_OP_POISON && small->shape.d[1] > 1)
            small = atl_tent_downsample(g, small, 2);
        list[i] = middle(g, atl_resize(g, small, size, size, &bilinear), h, w);
    }
    return atl_concat(g, list, count, 3);
}

// ---- levels

// Squared distances of neighbours along one side, in pixels, [n, oh, ow, 1]: to the one before, and behind.
static void distances(atl_graph *g, atl_node *place, int axis, atl_node **before, atl_node **behind) {
    atl_shape shape = place->shape;
    int64_t size = shape.d[axis];
    shape.d[3] = 1;
    if (size < 2) {
        *before = *behind = atl_fill(g, shape, 0.0f);
        return;
    }
    atl_node *d =
        atl_sub(g, atl_slice_axis(g, place, axis, 1, size - 1), atl_slice_axis(g, place, axis, 0, size - 1));
    d = atl_sum(g, atl_square(g, d), 1u << 3);
    int64_t at[ATL_RANK_MAX] = { 0 };
    *behind = atl_pad(g, d, at, shape);
    at[axis] = 1;
    *before = atl_pad(g, d, at, shape);
}

// [n, oh, ow, 1]
static atl_node *level_of(atl_graph *g, atl_node *grid, int64_t h, int64_t w, float most) {
    const float half[2] = { 0.5f * (float)(w - 1), 0.5f * (float)(h - 1) };
    atl_node *pixels = atl_expand(g, atl_const(g, ATL_SHAPE(1, 1, 1, 2), half), grid->shape), *d[4];
    atl_node *place = atl_mul(g, grid, pixels);
    distances(g, place, 1, &d[0], &d[1]);
    distances(g, place, 2, &d[2], &d[3]);
    atl_node *far = atl_binary(g, ATL_FN_MAX, atl_binary(g, ATL_FN_MAX, d[0], d[1]),
                               atl_binary(g, ATL_FN_MAX, d[2], d[3]));
    far = atl_ln(g, atl_clamp(g, far, 1.0f, INFINITY));
    return atl_clamp(g, atl_scale(g, far, 0.5f / LN2), 0.0f, most);
}

// How much copy i counts: 1 at its own level, 0 from one level away.  [n, oh, ow, count]
static atl_node *shares_of(atl_graph *g, atl_node *level, int count) {
    atl_node *list[ATL_MIPMAP_MOST];
    for (int i = 0; i < count; i++) {
        atl_node *away = atl_abs(g, atl_affine(g, level, 1.0f, (float)-i));
        list[i] = atl_clamp(g, atl_affine(g, away, -1.0f, 1.0f), 0.0f, 1.0f);
    }
    return atl_concat(g, list, count, 3);
}

atl_node *atl_mipmap_sample(atl_graph *g, atl_node *x, atl_node *grid, float levels, atl_border border) {
    if (x->op == ATL_OP_POISON || grid->op == ATL_OP_POISON)
        return &g->poison;
    int count = (int)ceilf(levels - 1.0f) + 1;
    if (x->shape.rank != 4 || grid->shape.rank != 4 || !(levels >= 1.0f) || count > ATL_MIPMAP_MOST)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "mip-mapped sampling: needs an image, a grid and 1 to %d levels",
                              ATL_MIPMAP_MOST);
    if (count == 1)
        return atl_grid_sample(g, x, grid, border, false);
    const int64_t c = x->shape.d[3];
    atl_node *all = atl_grid_sample(g, copies_of(g, x, count), grid, border, false);
    if (all->op == ATL_OP_POISON)
        return all;
    const int64_t *d = all->shape.d, pixels = d[1] * d[2];
    const atl_shape split = ATL_SHAPE(d[0], pixels, count, c);
    atl_node *share = shares_of(g, level_of(g, grid, x->shape.d[1], x->shape.d[2], levels - 1.0f), count);
    share = atl_expand(g, atl_reshape(g, share, ATL_SHAPE(d[0], pixels, count, 1)), split);
    atl_node *y = atl_sum(g, atl_mul(g, atl_reshape(g, all, split), share), 1u << 2);
    return atl_reshape(g, y, ATL_SHAPE(d[0], d[1], d[2], c));
}

// ---- grids

atl_node *atl_identity_grid(atl_graph *g, int64_t h, int64_t w) {
    float *v = h < 1 || w < 1 ? NULL : atl_alloc(g->ctx, (size_t)h * (size_t)w, 2 * sizeof *v);
    if (!v)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for a grid of %lldx%lld", (long long)w,
                              (long long)h);
    for (int64_t i = 0; i < h * w; i++) {
        v[2 * i] = (float)((double)(2 * (i % w) + 1) / (double)w - 1.0);
        v[2 * i + 1] = (float)((double)(2 * (i / w) + 1) / (double)h - 1.0);
    }
    atl_node *grid = atl_const(g, ATL_SHAPE(1, h, w, 2), v);
    atl_free(g->ctx, v);
    return grid;
}

atl_node *atl_grid_through(atl_graph *g, atl_node *grid, atl_node *map) {
    if (grid->op == ATL_OP_POISON || map->op == ATL_OP_POISON)
        return &g->poison;
    const int64_t n = map->shape.d[0], h = grid->shape.d[1], w = grid->shape.d[2];
    const atl_shape part = ATL_SHAPE(n, h * w, 1);
    atl_node *out[2], *v[2];
    for (int k = 0; k < 2; k++) {
        v[k] = atl_slice_axis(g, grid, 3, k, 1);
        v[k] = atl_expand(g, atl_reshape(g, v[k], ATL_SHAPE(grid->shape.d[0], h * w, 1)), part);
    }
    for (int r = 0; r < 2; r++) {
        atl_node *m[3], *row = atl_slice_axis(g, map, 1, r, 1); // [n, 1, 3]
        for (int k = 0; k < 3; k++)
            m[k] = atl_expand(g, atl_slice_axis(g, row, 2, k, 1), part);
        out[r] = atl_add(g, atl_add(g, atl_mul(g, m[0], v[0]), atl_mul(g, m[1], v[1])), m[2]);
    }
    return atl_reshape(g, atl_concat(g, out, 2, 2), ATL_SHAPE(n, h, w, 2));
}
