// SPDX-License-Identifier: Apache-2.0
// Reading images and tables by index.  Index and weight are made of nodes, so a grid may be anything that the
// network computes; where it crosses from one pixel to the next its derivative is that of the bilinear
// surface.
#include "base/mem.h"
#include "nn/functions.h"

// y w + x, or -1 outside of the image.
static atl_node *pixel_of(atl_graph *g, atl_node *y, atl_node *x, int64_t h, int64_t w) {
    atl_node *rows = atl_unary(g, ATL_FN_INSIDE, y, 0.0f, (float)(h - 1));
    atl_node *in = atl_mul(g, rows, atl_unary(g, ATL_FN_INSIDE, x, 0.0f, (float)(w - 1)));
    atl_node *at = atl_add(g, atl_scale(g, y, (float)w), atl_affine(g, x, 1.0f, 1.0f));
    return atl_affine(g, atl_mul(g, at, in), 1.0f, -1.0f);
}

// ---- grids

// A triangle wave between the outer edges of the image, or the centres of its corner pixels.
static atl_node *reflected(atl_graph *g, atl_node *t, int64_t size, bool corners) {
    float low = corners ? 0.0f : -0.5f, span = (float)(corners ? size - 1 : size);
    if (span == 0.0f)
        return t; // the clamp that follows leaves one place
    atl_node *u = atl_affine(g, t, 0.5f / span, -0.5f * low / span);
    u = atl_sub(g, u, atl_fn_of(g, ATL_FN_FLOOR, u));
    return atl_affine(g, atl_abs(g, atl_affine(g, u, 2.0f, -1.0f)), -span, low + span);
}

// Coordinate `part` of a grid [n, oh, ow, 2] in pixels: [n, oh ow, 1]
static atl_node *place_of(atl_graph *g, atl_node *grid, int part, int64_t size, atl_border border,
                          bool corners) {
    const int64_t *d = grid->shape.d;
    atl_node *t = atl_reshape(g, atl_slice_axis(g, grid, 3, part, 1), ATL_SHAPE(d[0], d[1] * d[2], 1));
    t = atl_affine(g, t, 0.5f * (float)(corners ? size - 1 : size), 0.5f * (float)(size - 1));
    if (border == ATL_BORDER_REFLECT)
        t = reflected(g, t, size, corners);
    return border == ATL_BORDER_ZERO ? t : atl_clamp(g, t, 0.0f, (float)(size - 1));
}

atl_node *atl_grid_sample(atl_graph *g, atl_node *x, atl_node *grid, atl_border border, bool corners) {
    if (x->op == ATL_OP_POISON || grid->op == ATL_OP_POISON)
        return &g->poison;
    const atl_shape *s = &x->shape, *t = &grid->shape;
    if (s->rank != 4 || t->rank != 4 || t->d[3] != 2 || s->d[0] != t->d[0]) {
        char a[ATL_SHAPE_TEXT], b[ATL_SHAPE_TEXT];
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "grid sampling: a grid of shape %s does not fit images %s",
                              atl_node_shape_text(grid, a), atl_node_shape_text(x, b));
    }
    const int64_t n = s->d[0], h = s->d[1], w = s->d[2], c = s->d[3];
    atl_node *px = place_of(g, grid, 0, w, border, corners), *py = place_of(g, grid, 1, h, border, corners);
    atl_node *x0 = atl_fn_of(g, ATL_FN_FLOOR, px), *y0 = atl_fn_of(g, ATL_FN_FLOOR, py);
    atl_node *fx = atl_sub(g, px, x0), *fy = atl_sub(g, py, y0), *index[4], *weight[4];
    for (int i = 0; i < 4; i++) {
        bool right = i & 1, down = i >> 1;
        index[i] = pixel_of(g, down ? atl_affine(g, y0, 1.0f, 1.0f) : y0,
                            right ? atl_affine(g, x0, 1.0f, 1.0f) : x0, h, w);
        weight[i] = atl_mul(g, right ? fx : atl_affine(g, fx, -1.0f, 1.0f),
                            down ? fy : atl_affine(g, fy, -1.0f, 1.0f));
    }
    atl_node *y = atl_gather(g, atl_reshape(g, x, ATL_SHAPE(n, h * w, c)), atl_concat(g, index, 4, 2),
                             atl_concat(g, weight, 4, 2));
    return atl_reshape(g, y, ATL_SHAPE(n, t->d[1], t->d[2], c));
}

// ---- whole pixels

// Row (part 0) or column of each pixel, less the image's own offset: [n, h w, 1]
static atl_node *moved(atl_graph *g, atl_node *offset, int part, int64_t h, int64_t w) {
    float *v = atl_alloc(g->ctx, (size_t)(h * w), sizeof *v);
    if (!v)
        return atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the places of %lld pixels",
                              (long long)(h * w));
    for (int64_t i = 0; i < h * w; i++)
        v[i] = (float)(part ? i % w : i / w);
    atl_node *place = atl_const(g, ATL_SHAPE(1, h * w, 1), v);
    atl_free(g->ctx, v);
    int64_t n = offset->shape.d[0];
    atl_node *by = atl_reshape(g, atl_slice_axis(g, offset, 1, part, 1), ATL_SHAPE(n, 1, 1));
    return atl_sub(g, atl_expand(g, place, ATL_SHAPE(n, h * w, 1)),
                   atl_expand(g, by, ATL_SHAPE(n, h * w, 1)));
}

atl_node *atl_shift(atl_graph *g, atl_node *x, atl_node *offset) {
    if (x->op == ATL_OP_POISON || offset->op == ATL_OP_POISON)
        return &g->poison;
    atl_shape s = x->shape, want = ATL_SHAPE(s.d[0], 2);
    if (s.rank != 4 || !atl_shape_same(&offset->shape, &want)) {
        char a[ATL_SHAPE_TEXT], b[ATL_SHAPE_TEXT];
        return atl_graph_fail(g, ATL_BAD_ARGUMENT, "shift: offsets of shape %s do not fit images %s",
                              atl_node_shape_text(offset, a), atl_node_shape_text(x, b));
    }
    const int64_t n = s.d[0], h = s.d[1], w = s.d[2];
    atl_node *index = pixel_of(g, moved(g, offset, 0, h, w), moved(g, offset, 1, h, w), h, w);
    atl_node *y = atl_gather(g, atl_reshape(g, x, ATL_SHAPE(n, h * w, s.d[3])), index,
                             atl_fill(g, ATL_SHAPE(1, h * w, 1), 1.0f));
    return atl_reshape(g, y, s);
}

atl_node *atl_embedding(atl_graph *g, atl_node *table, atl_node *index) {
    if (table->op == ATL_OP_POISON || index->op == ATL_OP_POISON)
        return &g->poison;
    atl_shape s = index->shape;
    if (table->shape.rank != 2 || s.rank >= ATL_RANK_MAX)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "embedding: needs a table [rows, c] and indices of rank 1 to %d",
                              ATL_RANK_MAX - 1);
    int64_t rows = table->shape.d[0], c = table->shape.d[1], q = atl_shape_count(&s);
    atl_node *y =
        atl_gather(g, atl_reshape(g, table, ATL_SHAPE(1, rows, c)), atl_reshape(g, index, ATL_SHAPE(1, q, 1)),
                   atl_fill(g, ATL_SHAPE(1, q, 1), 1.0f));
    s.d[s.rank++] = c;
    return atl_reshape(g, y, s);
}
