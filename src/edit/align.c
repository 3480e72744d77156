// SPDX-License-Identifier: Apache-2.0
// The square of a face, and a picture of it, with the arithmetic by which FFHQ was made (Karras et al. 2019,
// after Karras et al. 2018, appendix C): shrink, cut, continue beyond the photo, read the square at a few
// times the size, shrink.  Pictures are 8 bits in between, and filters are Pillow's, so that results are
// those of the scripts that data sets and encoders were made with.
#include "edit/align.h"

#include <math.h>

#include "base/ctx.h"
#include "base/options.h"
#include "data/resize.h"

// ---- squares

static atl_point mean(const atl_point *p, int count) {
    atl_point sum = { 0, 0 };
    for (int i = 0; i < count; i++) {
        sum.x += p[i].x / count;
        sum.y += p[i].y / count;
    }
    return sum;
}

atl_status atl_align_face(atl_ctx *ctx, const atl_point landmarks[ATL_LANDMARKS], atl_quad *quad) {
    atl_point left = mean(landmarks + 36, 6), right = mean(landmarks + 42, 6);
    atl_point mouth = mean((const atl_point[]){ landmarks[48], landmarks[54] }, 2);
    atl_point eyes = mean((const atl_point[]){ left, right }, 2);
    atl_point across = { right.x - left.x, right.y - left.y }, down = { mouth.x - eyes.x, mouth.y - eyes.y };
    // half of the upper side: along the eyes, and across the line from eyes to mouth
    atl_point x = { across.x + down.y, across.y - down.x };
    double length = hypot(x.x, x.y);
    if (!isfinite(length) || length < 1e-6)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "landmarks whose eyes and mouth have no direction; they must be 68 points in dlib's order");
    double half = fmax(hypot(across.x, across.y) * 2.0, hypot(down.x, down.y) * 1.8);
    x.x *= half / length;
    x.y *= half / length;
    const atl_point y = { -x.y, x.x }, c = { eyes.x + 0.1 * down.x, eyes.y + 0.1 * down.y };
    *quad = (atl_quad){ { { c.x - x.x - y.x, c.y - x.y - y.y },
                          { c.x - x.x + y.x, c.y - x.y + y.y },
                          { c.x + x.x + y.x, c.y + x.y + y.y },
                          { c.x + x.x - y.x, c.y + x.y - y.y } } };
    return ATL_OK;
}

void atl_align_box(double x, double y, double size, atl_quad *quad) {
    double low_x = x - 0.5, low_y = y - 0.5; // the edge of the first pixel
    *quad = (atl_quad){
        { { low_x, low_y }, { low_x, low_y + size }, { low_x + size, low_y + size }, { low_x + size, low_y } }
    };
}

double atl_quad_side(const atl_quad *q) {
    return hypot(q->corner[3].x - q->corner[0].x, q->corner[3].y - q->corner[0].y);
}

atl_status atl_quad_check(atl_ctx *ctx, const atl_quad *quad, int width, int height) {
    const atl_point *p = quad->corner, middle = mean(p, 4);
    double side = atl_quad_side(quad), off = 0;
    // from the upper side follows where the lower one must be
    const atl_point across = { p[3].x - p[0].x, p[3].y - p[0].y };
    off = fmax(off, hypot(p[1].x - (p[0].x - across.y), p[1].y - (p[0].y + across.x)));
    off = fmax(off, hypot(p[2].x - (p[3].x - across.y), p[2].y - (p[3].y + across.x)));
    if (!isfinite(side + off) || side < 1 || off > 0.01 * side)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "the four corners of the crop are no square of at least one pixel");
    if (middle.x < -0.5 || middle.y < -0.5 || middle.x > width - 0.5 || middle.y > height - 0.5)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "the middle of the crop, %.0f,%.0f, is outside of the photo, which has %dx%d pixels; "
                        "are its landmarks or box those of another size?",
                        middle.x, middle.y, width, height);
    if (side > 4.0 * (width > height ? width : height))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a crop of %.0f pixels of a photo of %dx%d: four times as wide at most", side, width,
                        height);
    return ATL_OK;
}

static void move_quad(atl_quad *q, double x, double y) {
    for (int i = 0; i < 4; i++) {
        q->corner[i].x += x;
        q->corner[i].y += y;
    }
}

static void scale_quad(atl_quad *q, double factor) {
    for (int i = 0; i < 4; i++) {
        q->corner[i].x *= factor;
        q->corner[i].y *= factor;
    }
}

void atl_quad_bounds(const atl_quad *q, int b[4]) {
    double low_x = INFINITY, low_y = INFINITY, high_x = -INFINITY, high_y = -INFINITY;
    for (int i = 0; i < 4; i++) {
        low_x = fmin(low_x, q->corner[i].x);
        low_y = fmin(low_y, q->corner[i].y);
        high_x = fmax(high_x, q->corner[i].x);
        high_y = fmax(high_y, q->corner[i].y);
    }
    b[0] = (int)floor(low_x), b[1] = (int)floor(low_y);
    b[2] = (int)ceil(high_x), b[3] = (int)ceil(high_y);
}

// ---- the steps: each leaves *now as it is or replaces it, and the quad moves along

typedef struct work {
    atl_ctx *ctx;
    const atl_image *now; // the photo, or `own`
    atl_image own;
    atl_quad quad;
    double side;
    int border; // pixels around the square that filters may want
} work;

static void take(work *w, atl_image *next) {
    atl_image_clear(w->ctx, &w->own);
    w->own = *next;
    w->now = &w->own;
}

int atl_align_shrink(double side, int pixels) {
    int shrink = (int)floor(side / pixels * 0.5);
    return shrink > 1 ? shrink : 1;
}

static atl_status shrink(work *w, int pixels) {
    int factor = atl_align_shrink(w->side, pixels);
    if (factor == 1)
        return ATL_OK;
    int width = (int)rint((double)w->now->width / factor),
        height = (int)rint((double)w->now->height / factor);
    atl_image next;
    ATL_TRY(
        atl_image_resize(w->ctx, w->now, width ? width : 1, height ? height : 1, ATL_RESIZE_LANCZOS, &next));
    take(w, &next);
    scale_quad(&w->quad, 1.0 / factor);
    w->side /= factor;
    return ATL_OK;
}

static int least(int a, int b) {
    return a < b ? a : b;
}

static int most(int a, int b) {
    return a > b ? a : b;
}

static atl_status cut(work *w) {
    int b[4];
    atl_quad_bounds(&w->quad, b);
    int left = most(b[0] - w->border, 0), right = least(b[2] + w->border, w->now->width);
    int top = most(b[1] - w->border, 0), bottom = least(b[3] + w->border, w->now->height);
    if (right - left >= w->now->width && bottom - top >= w->now->height)
        return ATL_OK;
    atl_image next;
    ATL_TRY(atl_image_crop(w->ctx, w->now, left, top, right - left, bottom - top, &next));
    take(w, &next);
    move_quad(&w->quad, -left, -top);
    return ATL_OK;
}

static atl_status continue_beyond(work *w) {
    int b[4], widest = 0;
    atl_quad_bounds(&w->quad, b);
    int add[4] = { most(w->border - b[0], 0), most(w->border - b[1], 0),
                   most(b[2] - w->now->width + w->border, 0), most(b[3] - w->now->height + w->border, 0) };
    for (int i = 0; i < 4; i++)
        widest = most(widest, add[i]);
    if (widest <= w->border - 4) // it only lacks some of the border
        return ATL_OK;
    for (int i = 0; i < 4; i++)
        add[i] = most(add[i], (int)rint(w->side * 0.3));
    atl_image next;
    ATL_TRY(atl_align_border(w->ctx, w->now, add, w->side * 0.02, &next));
    take(w, &next);
    move_quad(&w->quad, add[0], add[1]);
    return ATL_OK;
}

// What Pillow calls the transform of a quad, with bilinear interpolation: pixels that are outside stay black.
static void read_square(const atl_image *from, const atl_quad *q, atl_image *to) {
    const atl_point *p = q->corner;
    double n = to->width, ax = (p[3].x - p[0].x) / n, ay = (p[3].y - p[0].y) / n;
    double bx = (p[1].x - p[0].x) / n, by = (p[1].y - p[0].y) / n;
    size_t c = (size_t)from->channels, row = (size_t)from->width * c;
    for (int i = 0; i < to->height; i++)
        for (int j = 0; j < to->width; j++) {
            double x = p[0].x + ax * (j + 0.5) + bx * (i + 0.5), y = p[0].y + ay * (j + 0.5) + by * (i + 0.5);
            if (x < -0.5 || y < -0.5 || x >= from->width - 0.5 || y >= from->height - 0.5)
                continue;
            int x0 = (int)floor(x), y0 = (int)floor(y);
            double dx = x - x0, dy = y - y0;
            int x1 = least(x0 + 1, from->width - 1), y1 = least(y0 + 1, from->height - 1);
            x0 = most(x0, 0), y0 = most(y0, 0);
            const uint8_t *a = from->pixels + (size_t)y0 * row, *b = from->pixels + (size_t)y1 * row;
            uint8_t *out = to->pixels + ((size_t)i * (size_t)to->width + (size_t)j) * c;
            for (size_t k = 0; k < c; k++) {
                double above = a[(size_t)x0 * c + k] + dx * (a[(size_t)x1 * c + k] - a[(size_t)x0 * c + k]);
                double below = b[(size_t)x0 * c + k] + dx * (b[(size_t)x1 * c + k] - b[(size_t)x0 * c + k]);
                out[k] = (uint8_t)(above + dy * (below - above)); // Pillow truncates
            }
        }
}

static atl_status read_and_shrink(work *w, int pixels, int exact, atl_image *crop) {
    int times = exact ? 1 : least(4, ATL_ALIGN_PIXELS_MAX / pixels);
    atl_image large;
    ATL_TRY(atl_image_init(w->ctx, pixels * times, pixels * times, w->now->channels, &large));
    read_square(w->now, &w->quad, &large);
    if (times == 1) {
        *crop = large;
        return ATL_OK;
    }
    atl_status status = atl_image_resize(w->ctx, &large, pixels, pixels, ATL_RESIZE_LANCZOS, crop);
    atl_image_clear(w->ctx, &large);
    return status;
}

atl_status atl_align_crop(atl_ctx *ctx, const atl_image *photo, const atl_quad *quad,
                          const atl_align_options *options, atl_image *crop) {
    atl_align_options o = ATL_ALIGN_OPTIONS_INIT;
    *crop = (atl_image){ 0 };
    ATL_TRY(atl_options_read(ctx, "atl_align_options", &o, sizeof o, options));
    int pixels = o.pixels ? o.pixels : ATL_ALIGN_PIXELS;
    if (pixels < 1 || pixels > ATL_ALIGN_PIXELS_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a crop of %d pixels: it must have 1 to %d", pixels,
                        ATL_ALIGN_PIXELS_MAX);
    ATL_TRY(atl_quad_check(ctx, quad, photo->width, photo->height));
    work w = { .ctx = ctx, .now = photo, .quad = *quad, .side = atl_quad_side(quad) };
    atl_status status = shrink(&w, pixels);
    w.border = most((int)rint(w.side * 0.1), 3);
    if (status == ATL_OK)
        status = cut(&w);
    if (status == ATL_OK && !o.bare)
        status = continue_beyond(&w);
    if (status == ATL_OK)
        status = read_and_shrink(&w, pixels, o.exact, crop);
    atl_image_clear(ctx, &w.own);
    return status;
}
