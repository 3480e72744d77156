// SPDX-License-Identifier: Apache-2.0
// Key points through a warp, and back.  Places in grids span the outer edges of a picture from -1 to 1.
#include "edit/warp.h"

#include <math.h>

static const float IDENTITY[6] = { 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f };

static double place_of(double pixel, int size) {
    return (2.0 * pixel + 1.0) / size - 1.0;
}

static double pixel_of(double place, int size) {
    return ((place + 1.0) * size - 1.0) / 2.0;
}

// (x, y) back through the map m [2, 3].
static atl_status undone(atl_ctx *ctx, const float *m, double x, double y, double *out) {
    double a = (double)m[0], b = (double)m[1], c = (double)m[3], d = (double)m[4], det = a * d - b * c;
    if (!(fabs(det) > 1e-12))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "the warp's map has no inverse");
    x -= (double)m[2];
    y -= (double)m[5];
    out[0] = (d * x - b * y) / det;
    out[1] = (a * y - c * x) / det;
    return ATL_OK;
}

// What the flow makes of pixel i.
static void moved(const atl_warp *w, size_t i, double *to) {
    size_t side = (size_t)w->side;
    for (size_t k = 0; k < 2; k++)
        to[k] = place_of((double)(k ? i / side : i % side), w->side) +
                (w->flow ? (double)w->flow[2 * i + k] : 0.0);
}

static void nearest(const atl_warp *w, const double *at, float *aligned) {
    size_t side = (size_t)w->side, best = 0;
    double least = INFINITY;
    for (size_t i = 0; i < side * side; i++) {
        double to[2];
        moved(w, i, to);
        double d = (to[0] - at[0]) * (to[0] - at[0]) + (to[1] - at[1]) * (to[1] - at[1]);
        if (d < least) {
            least = d;
            best = i;
        }
    }
    aligned[0] = (float)(best % side);
    aligned[1] = (float)(best / side);
}

static atl_status check(atl_ctx *ctx, const atl_warp *w, int width, int height) {
    if (w->side > 0 && width > 0 && height > 0)
        return ATL_OK;
    return atl_fail(ctx, ATL_BAD_ARGUMENT,
                    "points of a picture of %dx%d pixels can't be moved by a warp of %d", width, height,
                    w->side);
}

atl_status atl_points_congeal(atl_ctx *ctx, const atl_warp *w, int width, int height, const float *points,
                              size_t count, float *aligned) {
    ATL_TRY(check(ctx, w, width, height));
    for (size_t i = 0; i < count; i++) {
        double at[2] = { 0.0, 0.0 };
        ATL_TRY(undone(ctx, w->matrix ? w->matrix : IDENTITY, place_of((double)points[2 * i], width),
                       place_of((double)points[2 * i + 1], height), at));
        if (w->flow)
            nearest(w, at, aligned + 2 * i);
        for (size_t k = 0; !w->flow && k < 2; k++)
            aligned[2 * i + k] = (float)pixel_of(at[k], w->side);
    }
    return ATL_OK;
}

// The flow between pixels: bilinear, the edge goes on outside.
static void between(const atl_warp *w, double x, double y, double *to) {
    double most = w->side - 1;
    x = fmin(fmax(x, 0.0), most);
    y = fmin(fmax(y, 0.0), most);
    size_t side = (size_t)w->side, x0 = (size_t)x, y0 = (size_t)y;
    double fx = x - (double)x0, fy = y - (double)y0;
    to[0] = to[1] = 0.0;
    for (size_t i = 0; i < 4; i++) {
        size_t u = x0 + (i & 1) < side ? x0 + (i & 1) : side - 1,
               v = y0 + (i >> 1) < side ? y0 + (i >> 1) : side - 1;
        double share = (i & 1 ? fx : 1.0 - fx) * (i >> 1 ? fy : 1.0 - fy), one[2];
        moved(w, v * side + u, one);
        to[0] += share * one[0];
        to[1] += share * one[1];
    }
}

atl_status atl_points_uncongeal(atl_ctx *ctx, const atl_warp *w, int width, int height, const float *aligned,
                                size_t count, float *points) {
    ATL_TRY(check(ctx, w, width, height));
    const float *m = w->matrix ? w->matrix : IDENTITY;
    for (size_t i = 0; i < count; i++) {
        double at[2] = { place_of((double)aligned[2 * i], w->side),
                         place_of((double)aligned[2 * i + 1], w->side) };
        if (w->flow)
            between(w, (double)aligned[2 * i], (double)aligned[2 * i + 1], at);
        double x = (double)m[0] * at[0] + (double)m[1] * at[1] + (double)m[2];
        double y = (double)m[3] * at[0] + (double)m[4] * at[1] + (double)m[5];
        points[2 * i] = (float)pixel_of(x, width);
        points[2 * i + 1] = (float)pixel_of(y, height);
    }
    return ATL_OK;
}
