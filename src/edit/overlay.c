// SPDX-License-Identifier: Apache-2.0
// Overlays between the aligned place and pictures.  The grid of a picture is a mesh: each of its cells is two
// triangles, on which the way from the picture back to the aligned place is a plain map.  So the inverse of
// any warp is drawn triangle by triangle, without holes, and the map says how coarse a copy of the overlay is
// to be read (Williams 1983).
#include <atelier/congeal.h>

#include <math.h>
#include <string.h>

#include "base/ctx.h"
#include "base/mem.h"

enum { RGBA = 4, LEVELS_MOST = 16, SIDE_MOST = 16384, GRID_MOST = 4096 };

// ---- an overlay and its copies, each half as large as the last; colours are multiplied by alpha

typedef struct level {
    int width, height;
    float *rgba; // [height, width, 4] from 0 to 1
} level;

typedef struct pyramid {
    atl_ctx *ctx;
    int count;
    level list[LEVELS_MOST];
} pyramid;

static void pyramid_clear(pyramid *p) {
    for (int i = 0; i < p->count; i++)
        atl_free(p->ctx, p->list[i].rgba);
    p->count = 0;
}

static int within(int i, int size) {
    return i < 0 ? 0 : i < size ? i : size - 1;
}

// The mean of 4x4 pixels weighed 1, 3, 3, 1 along both sides.
static void halve(const level *from, level *to) {
    static const float weights[4] = { 0.125f, 0.375f, 0.375f, 0.125f };
    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++) {
            float sum[RGBA] = { 0 };
            for (int i = 0; i < 16; i++) {
                int u = within(2 * x - 1 + i % 4, from->width), v = within(2 * y - 1 + i / 4, from->height);
                const float *p = from->rgba + RGBA * ((size_t)v * (size_t)from->width + (size_t)u);
                for (int k = 0; k < RGBA; k++)
                    sum[k] += weights[i % 4] * weights[i / 4] * p[k];
            }
            memcpy(to->rgba + RGBA * ((size_t)y * (size_t)to->width + (size_t)x), sum, sizeof sum);
        }
}

static atl_status pyramid_make(atl_ctx *ctx, const atl_image *image, pyramid *p) {
    int w = image->width, h = image->height;
    *p = (pyramid){ .ctx = ctx };
    while (p->count < LEVELS_MOST) {
        level *l = &p->list[p->count];
        *l = (level){ w, h, atl_alloc(ctx, (size_t)w * (size_t)h, RGBA * sizeof *l->rgba) };
        if (!l->rgba) {
            pyramid_clear(p);
            return ATL_NO_MEMORY;
        }
        p->count++;
        for (size_t i = 0; p->count == 1 && i < (size_t)w * (size_t)h; i++) {
            const uint8_t *from = image->pixels + RGBA * i;
            float alpha = (float)from[3] / 255.0f;
            for (size_t k = 0; k < RGBA; k++)
                l->rgba[RGBA * i + k] = k < 3 ? alpha * (float)from[k] / 255.0f : alpha;
        }
        if (p->count > 1)
            halve(l - 1, l);
        if (w == 1 && h == 1)
            break;
        w = (w + 1) / 2;
        h = (h + 1) / 2;
    }
    return ATL_OK;
}

// Between the pixels of a level; nothing lies outside.
static void add_level(const level *l, double x, double y, float share, float *sum) {
    if (!(x > -1.0 && x < l->width && y > -1.0 && y < l->height))
        return;
    int x0 = (int)floor(x), y0 = (int)floor(y);
    float fx = (float)(x - x0), fy = (float)(y - y0);
    for (int i = 0; i < 4; i++) {
        int u = x0 + (i & 1), v = y0 + (i >> 1);
        if (u < 0 || v < 0 || u >= l->width || v >= l->height)
            continue;
        float weight = share * (i & 1 ? fx : 1.0f - fx) * (i >> 1 ? fy : 1.0f - fy);
        const float *p = l->rgba + RGBA * ((size_t)v * (size_t)l->width + (size_t)u);
        for (int k = 0; k < RGBA; k++)
            sum[k] += weight * p[k];
    }
}

// At a place in pixels, where a step to the next pixel of the result is `stride` of them.
static void sample(const pyramid *p, double x, double y, double stride, float *rgba) {
    double depth = stride > 1.0 ? fmin(log2(stride), p->count - 1) : 0.0; // also where stride is no number
    int fine = (int)depth;
    memset(rgba, 0, RGBA * sizeof *rgba);
    for (int i = fine; i <= fine + 1 && i < p->count; i++) {
        double share = i == fine ? 1.0 - (depth - fine) : depth - fine, scale = ldexp(1.0, -i);
        if (share > 0.0)
            add_level(&p->list[i], (x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5, (float)share, rgba);
    }
}

// ---- a grid as a mesh: its pixels, and around them its outer edges

typedef struct vertex {
    double x, y; // of the picture, in pixels
    double u, v; // of the aligned place, from 0 to 1
} vertex;

typedef struct mesh {
    const float *grid;
    int side;
    double left, top, square; // of the square in the picture's middle
} mesh;

static mesh mesh_of(const float *grid, int side, int width, int height) {
    int square = width < height ? width : height;
    return (mesh){ grid, side, (width - square) / 2, (height - square) / 2, square };
}

// The grid at a place of the aligned picture in pixels; outside of their middles it goes on straight.
static vertex at(const mesh *m, double column, double row) {
    const int most = m->side > 1 ? m->side - 2 : 0;
    const int x0 = within((int)floor(column), most + 1), y0 = within((int)floor(row), most + 1);
    const int step = m->side > 1;
    double fx = column - x0, fy = row - y0, to[2] = { 0.0, 0.0 };
    for (int i = 0; i < 4; i++) {
        int x = x0 + (i & 1) * step, y = y0 + (i >> 1) * step;
        const float *p = m->grid + 2 * ((size_t)y * (size_t)m->side + (size_t)x);
        double weight = (i & 1 ? fx : 1.0 - fx) * (i >> 1 ? fy : 1.0 - fy);
        for (int k = 0; k < 2; k++)
            to[k] += weight * (double)p[k];
    }
    return (vertex){ m->left + ((to[0] + 1.0) * m->square - 1.0) / 2.0,
                     m->top + ((to[1] + 1.0) * m->square - 1.0) / 2.0, (column + 0.5) / m->side,
                     (row + 0.5) / m->side };
}

// Lines of the mesh: the first edge, each pixel's middle, the last edge.
static double line_of(const mesh *m, int i) {
    return i == 0 ? -0.5 : i > m->side ? m->side - 0.5 : i - 1.0;
}

// ---- from the aligned place to a picture

typedef struct drawing {
    const pyramid *overlay;
    atl_image *picture;
    uint8_t *done; // [height, width]: a pixel is laid over once, though a flow may fold
    double opacity;
} drawing;

static void lay_pixel(drawing *d, int x, int y, double u, double v, double stride) {
    const size_t pixel = (size_t)y * (size_t)d->picture->width + (size_t)x;
    const level *whole = &d->overlay->list[0];
    float rgba[RGBA];
    if (d->done[pixel])
        return;
    d->done[pixel] = 1;
    sample(d->overlay, u * whole->width - 0.5, v * whole->height - 0.5, stride, rgba);
    uint8_t *to = d->picture->pixels + 3 * pixel;
    for (int k = 0; k < 3; k++) {
        double value = d->opacity * (double)rgba[k] * 255.0 + (1.0 - d->opacity * (double)rgba[3]) * to[k];
        to[k] = (uint8_t)(fmin(fmax(value, 0.0), 255.0) + 0.5);
    }
}

// The part of a row in which a + b x >= 0: *first and *last are narrowed.
static void narrow(double a, double b, double *first, double *last) {
    const double slack = 1e-9; // an edge belongs to both its triangles, so that nothing is left out
    if (b > 0.0)
        *first = fmax(*first, (-slack - a) / b);
    else if (b < 0.0)
        *last = fmin(*last, (-slack - a) / b);
    else if (a < -slack)
        *last = *first - 1.0;
}

static void lay_triangle(drawing *d, const vertex *a, const vertex *b, const vertex *c) {
    const double bx = b->x - a->x, by = b->y - a->y, cx = c->x - a->x, cy = c->y - a->y;
    const double det = bx * cy - by * cx, bu = b->u - a->u, bv = b->v - a->v, cu = c->u - a->u,
                 cv = c->v - a->v;
    const double low = fmin(a->y, fmin(b->y, c->y)), high = fmax(a->y, fmax(b->y, c->y));
    if (!isfinite(det) || fabs(det) < 1e-12 || high < 0.0 || low > d->picture->height - 1)
        return;
    // shares of b and c at (x, y), and what they grow by along a row and a column
    const double sx = cy / det, sy = -cx / det, tx = -by / det, ty = bx / det;
    const level *l = &d->overlay->list[0];
    const double ux = (sx * bu + tx * cu) * l->width, vx = (sx * bv + tx * cv) * l->height,
                 uy = (sy * bu + ty * cu) * l->width, vy = (sy * bv + ty * cv) * l->height;
    const double stride = fmax(hypot(ux, vx), hypot(uy, vy));
    const int bottom = high < d->picture->height - 1 ? (int)high : d->picture->height - 1;
    for (int y = low > 0.0 ? (int)ceil(low) : 0; y <= bottom; y++) {
        double s = sy * (y - a->y) - sx * a->x, t = ty * (y - a->y) - tx * a->x;
        double first = 0.0, last = d->picture->width - 1;
        narrow(s, sx, &first, &last);
        narrow(t, tx, &first, &last);
        narrow(1.0 - s - t, -sx - tx, &first, &last);
        if (first > last)
            continue;
        for (int x = (int)ceil(first); x <= last; x++) {
            double p = s + sx * x, q = t + tx * x;
            lay_pixel(d, x, y, a->u + p * bu + q * cu, a->v + p * bv + q * cv, stride);
        }
    }
}

static void lay_mesh(drawing *d, const mesh *m) {
    for (int i = 0; i <= m->side; i++)
        for (int k = 0; k <= m->side; k++) {
            vertex v[4];
            for (int j = 0; j < 4; j++)
                v[j] = at(m, line_of(m, k + (j & 1)), line_of(m, i + (j >> 1)));
            lay_triangle(d, &v[0], &v[1], &v[3]);
            lay_triangle(d, &v[0], &v[3], &v[2]);
        }
}

static atl_status check(atl_ctx *ctx, const atl_image *overlay, int side) {
    if (!overlay->pixels || overlay->channels != RGBA || overlay->width < 1 || overlay->height < 1 ||
        overlay->width > SIDE_MOST || overlay->height > SIDE_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "an overlay of %dx%d pixels and %d channels is not possible: 4 channels and sides up "
                        "to %d are",
                        overlay->width, overlay->height, overlay->channels, SIDE_MOST);
    if (side < 1 || side > GRID_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a grid of %d pixels is not possible: 1 to %d are", side,
                        GRID_MOST);
    return ATL_OK;
}

atl_status atl_overlay_lay(atl_ctx *ctx, const atl_image *overlay, const float *grid, int side, double opacity,
                           atl_image *picture) {
    pyramid p;
    ATL_TRY(check(ctx, overlay, side));
    if (!(opacity >= 0.0 && opacity <= 1.0))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "an opacity of %g is not possible: 0 to 1 are", opacity);
    if (!picture->pixels || picture->channels != 3 || picture->width < 1 || picture->height < 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "overlays are laid over pictures of 3 channels, not of %d",
                        picture->channels);
    drawing d = { .overlay = &p, .picture = picture, .opacity = opacity };
    ATL_TRY(pyramid_make(ctx, overlay, &p));
    d.done = atl_calloc(ctx, (size_t)picture->width, (size_t)picture->height);
    if (d.done) {
        mesh m = mesh_of(grid, side, picture->width, picture->height);
        lay_mesh(&d, &m);
    }
    atl_status status = d.done ? ATL_OK : ATL_NO_MEMORY;
    atl_free(ctx, d.done);
    pyramid_clear(&p);
    return status;
}

// ---- and from a picture to the aligned place

static void lift_pixel(const pyramid *p, const mesh *m, double scale, int x, int y, uint8_t *to) {
    double column = (x + 0.5) * scale - 0.5, row = (y + 0.5) * scale - 0.5, stride = 0.0;
    const vertex here = at(m, column, row);
    float rgba[RGBA];
    for (int i = 0; i < 4; i++) {
        const int dx[4] = { 1, -1, 0, 0 }, dy[4] = { 0, 0, 1, -1 };
        vertex near = at(m, column + dx[i] * scale, row + dy[i] * scale);
        stride = fmax(stride, hypot(near.x - here.x, near.y - here.y));
    }
    sample(p, here.x, here.y, stride, rgba);
    for (int k = 0; k < RGBA; k++) {
        float value = k < 3 && rgba[3] > 0.0f ? rgba[k] / rgba[3] : rgba[k];
        to[k] = (uint8_t)(fminf(fmaxf(value, 0.0f), 1.0f) * 255.0f + 0.5f);
    }
}

atl_status atl_overlay_lift(atl_ctx *ctx, const atl_image *drawn, const float *grid, int side, int pixels,
                            atl_image *overlay) {
    pyramid p;
    ATL_TRY(check(ctx, drawn, side));
    if (pixels < 1 || pixels > GRID_MOST)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "an overlay of %d pixels is not possible: 1 to %d are", pixels,
                        GRID_MOST);
    ATL_TRY(atl_image_init(ctx, pixels, pixels, RGBA, overlay));
    atl_status status = pyramid_make(ctx, drawn, &p);
    const mesh m = mesh_of(grid, side, drawn->width, drawn->height);
    for (int i = 0; status == ATL_OK && i < pixels * pixels; i++)
        lift_pixel(&p, &m, (double)side / pixels, i % pixels, i / pixels, overlay->pixels + RGBA * (size_t)i);
    pyramid_clear(&p);
    if (status != ATL_OK)
        atl_image_clear(ctx, overlay);
    return status;
}
