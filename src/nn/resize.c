// SPDX-License-Identifier: Apache-2.0
// Resizing of images by any filter: along the columns, then along the rows, each pass a weighted sum of
// pixels whose places and weights are constants, computed here in double.
#include <math.h>

#include "base/mem.h"
#include "nn/functions.h"

// What each result of one axis is made of: index and weight [out, k], index -1 where fewer are needed.
typedef struct axis {
    int64_t in, out, k;
    float *index, *weight;
} axis;

static bool axis_make(atl_graph *g, axis *a, int64_t in, int64_t out, int64_t k) {
    *a = (axis){ in, out, k, NULL, NULL };
    a->index = atl_alloc(g->ctx, (size_t)out, (size_t)k * sizeof *a->index);
    a->weight = atl_alloc(g->ctx, (size_t)out, (size_t)k * sizeof *a->weight);
    if (!a->index || !a->weight)
        atl_graph_fail(g, ATL_NO_MEMORY, "out of memory for the filter of %lld pixels", (long long)out);
    for (int64_t i = 0; a->index && a->weight && i < out * k; i++) {
        a->index[i] = -1.0f;
        a->weight[i] = 0.0f;
    }
    return a->index && a->weight;
}

static void axis_clear(atl_graph *g, axis *a) {
    atl_free(g->ctx, a->index);
    atl_free(g->ctx, a->weight);
}

// The weights of result i get a sum of one.
static void normalize(axis *a, int64_t i) {
    double sum = 0.0;
    for (int64_t k = i * a->k; k < (i + 1) * a->k; k++)
        sum += (double)a->weight[k];
    for (int64_t k = i * a->k; sum != 0.0 && k < (i + 1) * a->k; k++)
        a->weight[k] = (float)((double)a->weight[k] / sum);
}

// ---- filters

static double sinc(double x) {
    const double pi = 3.14159265358979323846;
    return x == 0.0 ? 1.0 : sin(pi * x) / (pi * x);
}

static int support_of(atl_filter f) {
    return f == ATL_BILINEAR ? 1 : f == ATL_BICUBIC ? 2 : 3;
}

// Keys 1981 for the cubic one, in which a is the slope at distance 1.
static double weight_at(const atl_resize_options *o, double x) {
    double a = o->cubic != 0.0f ? (double)o->cubic : -0.5;
    x = fabs(x);
    if (x >= support_of(o->filter))
        return 0.0;
    if (o->filter == ATL_BILINEAR)
        return 1.0 - x;
    if (o->filter == ATL_LANCZOS)
        return sinc(x) * sinc(x / 3.0);
    return x < 1.0 ? ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0 : (((x - 5.0) * x + 8.0) * x - 4.0) * a;
}

// ---- one axis

static double place_of(const atl_resize_options *o, const axis *a, int64_t i) {
    double scale = (double)a->in / (double)a->out;
    if (o->placing == ATL_CORNERS)
        return a->out > 1 ? (double)i * (double)(a->in - 1) / (double)(a->out - 1) : 0.0;
    return o->placing == ATL_TOP_LEFT ? (double)i * scale : ((double)i + 0.5) * scale - 0.5;
}

static int64_t inside(int64_t i, int64_t size) {
    return i < 0 ? 0 : i >= size ? size - 1 : i;
}

// The pixel that the place falls into; with corners the nearest centre.
static void fill_nearest(axis *a, const atl_resize_options *o) {
    for (int64_t i = 0; i < a->out; i++) {
        double at = place_of(o, a, i) + (o->placing == ATL_TOP_LEFT ? 0.0 : 0.5);
        a->index[i] = (float)inside((int64_t)floor(at), a->in);
        a->weight[i] = 1.0f;
    }
}

// The filter as it is; the edge's pixel goes on outside.
static void fill_plain(axis *a, const atl_resize_options *o) {
    for (int64_t i = 0; i < a->out; i++) {
        double at = place_of(o, a, i);
        int64_t first = (int64_t)floor(at) - a->k / 2 + 1;
        for (int64_t k = 0; k < a->k; k++) {
            a->index[i * a->k + k] = (float)inside(first + k, a->in);
            a->weight[i * a->k + k] = (float)weight_at(o, at - (double)(first + k));
        }
        normalize(a, i);
    }
}

// The filter as wide as a pixel of the result.
static void fill_antialias(axis *a, const atl_resize_options *o) {
    double scale = (double)a->in / (double)a->out, wide = scale > 1.0 ? scale : 1.0,
           reach = support_of(o->filter) * wide;
    for (int64_t i = 0; i < a->out; i++) {
        double centre = ((double)i + 0.5) * scale;
        int64_t first = (int64_t)fmax(centre - reach + 0.5, 0.0),
                end = (int64_t)fmin(centre + reach + 0.5, (double)a->in);
        for (int64_t k = 0; k < end - first; k++) {
            a->index[i * a->k + k] = (float)(first + k);
            a->weight[i * a->k + k] = (float)weight_at(o, ((double)(first + k) - centre + 0.5) / wide);
        }
        normalize(a, i);
    }
}

// From i in / out to (i + 1) in / out: each pixel by the part that is covered; with `whole`, every pixel that
// is touched.
static void fill_area(axis *a, bool whole) {
    for (int64_t i = 0; i < a->out; i++) {
        int64_t first = i * a->in / a->out, end = ((i + 1) * a->in + a->out - 1) / a->out;
        for (int64_t k = first; k < end; k++) {
            double low = fmax((double)i * (double)a->in / (double)a->out, (double)k);
            double high = fmin((double)(i + 1) * (double)a->in / (double)a->out, (double)(k + 1));
            a->index[i * a->k + k - first] = (float)k;
            a->weight[i * a->k + k - first] = whole ? 1.0f : (float)(high - low);
        }
        normalize(a, i);
    }
}

static bool make_area(atl_graph *g, axis *a, int64_t in, int64_t out, bool whole) {
    if (!axis_make(g, a, in, out, (in + out - 1) / out + 1))
        return false;
    fill_area(a, whole);
    return true;
}

// o NULL: the average of all pixels that are touched.
static bool make_axis(atl_graph *g, axis *a, int64_t in, int64_t out, const atl_resize_options *o) {
    if (!o || o->filter == ATL_AREA)
        return make_area(g, a, in, out, !o);
    bool nearest = o->filter == ATL_NEAREST, widen = o->antialias && !nearest;
    double wide = widen && in > out ? (double)in / (double)out : 1.0;
    int64_t k = nearest ? 1 : 2 * (int64_t)ceil(support_of(o->filter) * wide) + (widen ? 1 : 0);
    if (!axis_make(g, a, in, out, k))
        return false;
    (nearest ? fill_nearest : widen ? fill_antialias : fill_plain)(a, o);
    return true;
}

// ---- two axes

static atl_node *along(atl_graph *g, atl_node *x, const axis *a) { // [n, in, c] -> [n, out, c]
    atl_shape s = ATL_SHAPE(1, a->out, a->k);
    return atl_gather(g, x, atl_const(g, s, a->index), atl_const(g, s, a->weight));
}

static atl_node *both(atl_graph *g, atl_node *x, const axis *rows, const axis *columns) {
    const int64_t n = x->shape.d[0], h = x->shape.d[1], w = x->shape.d[2], c = x->shape.d[3];
    atl_node *y = along(g, atl_reshape(g, x, ATL_SHAPE(n * h, w, c)), columns);
    y = along(g, atl_reshape(g, y, ATL_SHAPE(n, h, columns->out * c)), rows);
    return atl_reshape(g, y, ATL_SHAPE(n, rows->out, columns->out, c));
}

static bool sizes_fit(atl_graph *g, const atl_node *x, int64_t oh, int64_t ow) {
    if (x->op == ATL_OP_POISON)
        return false;
    if (x->shape.rank != 4 || oh < 1 || ow < 1 || oh > 1 << 24 || ow > 1 << 24) {
        atl_graph_fail(g, ATL_BAD_ARGUMENT,
                       "resizing: needs an image, and a result of 1 to 2^24 pixels along each side");
        return false;
    }
    return true;
}

static atl_node *resized(atl_graph *g, atl_node *x, int64_t oh, int64_t ow, const atl_resize_options *o) {
    if (!sizes_fit(g, x, oh, ow))
        return &g->poison;
    axis rows = { 0 }, columns = { 0 };
    bool made = make_axis(g, &rows, x->shape.d[1], oh, o) && make_axis(g, &columns, x->shape.d[2], ow, o);
    atl_node *y = made ? both(g, x, &rows, &columns) : &g->poison;
    axis_clear(g, &rows);
    axis_clear(g, &columns);
    return y;
}

atl_node *atl_resize(atl_graph *g, atl_node *x, int64_t oh, int64_t ow, const atl_resize_options *o) {
    if (x->op != ATL_OP_POISON && o->antialias && o->placing != ATL_CENTRES)
        return atl_graph_fail(g, ATL_BAD_ARGUMENT,
                              "resizing: antialias is defined for pixels by their centres only");
    return resized(g, x, oh, ow, o);
}

atl_node *atl_adaptive_average_pool(atl_graph *g, atl_node *x, int64_t oh, int64_t ow) {
    return resized(g, x, oh, ow, NULL);
}
