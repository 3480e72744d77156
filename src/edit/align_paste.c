// SPDX-License-Identifier: Apache-2.0
// A crop back into its photo: each pixel of the photo that lies in the square takes the crop's colour at its
// place, by a cubic, and fades into what is there towards the square's edge.
#include "edit/align.h"

#include <math.h>

#include "base/ctx.h"
#include "base/options.h"
#include "data/resize.h"

// Where photo pixels are in the crop: (u, v) in 0 to 1, u = ux x + uy y + u0.
typedef struct place {
    double ux, uy, u0, vx, vy, v0;
} place;

// A pixel of a photo that was made `shrink` times smaller stands for shrink x shrink of its own, the first of
// which is (shrink - 1) / 2 away from the middle: by so much the square was read beside where the quad says.
static place place_of(const atl_quad *q, int shrink) {
    double offset = (shrink - 1) * 0.5, x0 = q->corner[0].x + offset, y0 = q->corner[0].y + offset;
    double ax = q->corner[3].x - q->corner[0].x, ay = q->corner[3].y - q->corner[0].y,
           size = ax * ax + ay * ay;
    place p = { .ux = ax / size, .uy = ay / size, .vx = -ay / size, .vy = ax / size };
    p.u0 = -(p.ux * x0 + p.uy * y0);
    p.v0 = -(p.vx * x0 + p.vy * y0);
    return p;
}

// Catmull and Rom's cubic through four neighbours.
static void cubic(double t, double w[4]) {
    double t2 = t * t, t3 = t2 * t;
    w[0] = 0.5 * (-t3 + 2 * t2 - t);
    w[1] = 0.5 * (3 * t3 - 5 * t2 + 2);
    w[2] = 0.5 * (-3 * t3 + 4 * t2 + t);
    w[3] = 0.5 * (t3 - t2);
}

static int inside(int i, int n) {
    return i < 0 ? 0 : i < n ? i : n - 1;
}

// One channel at (x, y), pixels from the middle of the first.
static double sample(const atl_image *from, double x, double y, int channel) {
    double wx[4], wy[4], sum = 0;
    int x0 = (int)floor(x), y0 = (int)floor(y);
    cubic(x - x0, wx);
    cubic(y - y0, wy);
    for (int r = 0; r < 4; r++) {
        const uint8_t *row = from->pixels + (size_t)inside(y0 - 1 + r, from->height) * (size_t)from->width *
                                                (size_t)from->channels;
        double line = 0;
        for (int s = 0; s < 4; s++)
            line += wx[s] *
                    row[(size_t)inside(x0 - 1 + s, from->width) * (size_t)from->channels + (size_t)channel];
        sum += wy[r] * line;
    }
    return sum;
}

// 0 at the edge of the square to 1 where the border ends, without a kink at either.
static double fade(double u, double v, double border) {
    double edge = fmin(fmin(u, 1 - u), fmin(v, 1 - v)), t = border > 0 ? fmin(edge / border, 1) : 1;
    return t * t * (3 - 2 * t);
}

static void paste(const atl_image *crop, const atl_image *mask, const place *p, double border,
                  const int box[4], atl_image *photo) {
    size_t c = (size_t)photo->channels;
    for (int y = box[1]; y < box[3]; y++)
        for (int x = box[0]; x < box[2]; x++) {
            double u = p->ux * x + p->uy * y + p->u0, v = p->vx * x + p->vy * y + p->v0;
            if (u < 0 || v < 0 || u > 1 || v > 1)
                continue;
            double weight = fade(u, v, border);
            if (mask)
                weight *= sample(mask, u * mask->width - 0.5, v * mask->height - 0.5, 0) / 255;
            weight = fmin(fmax(weight, 0), 1); // the cubic may overshoot
            uint8_t *out = photo->pixels + ((size_t)y * (size_t)photo->width + (size_t)x) * c;
            for (size_t k = 0; weight > 0 && k < c; k++) {
                double value = sample(crop, u * crop->width - 0.5, v * crop->height - 0.5, (int)k);
                value = out[k] + weight * (value - out[k]);
                out[k] = (uint8_t)(value <= 0 ? 0 : value >= 255 ? 255 : value + 0.5);
            }
        }
}

// The pixels of a photo around a square: left, top, right, bottom.
static void box_of(const atl_quad *q, int shrink, const atl_image *photo, int box[4]) {
    atl_quad_bounds(q, box);
    for (int i = 0; i < 2; i++) {
        int side = i ? photo->height : photo->width, end = box[2 + i] + shrink; // see place_of()
        box[i] = box[i] > 0 ? box[i] : 0;
        box[2 + i] = end < side ? end : side;
    }
}

static atl_status check(atl_ctx *ctx, const atl_image *crop, const atl_quad *quad, const atl_paste_options *o,
                        const atl_image *photo) {
    if (crop->width != crop->height || crop->channels != photo->channels)
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "a crop of %dx%d pixels with %d channels can't be pasted: it must be square and have %d, as "
            "the photo has",
            crop->width, crop->height, crop->channels, photo->channels);
    if (!(o->border >= 0 && o->border <= 0.5))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a border of %g: it is a part of the crop's side, 0 to 0.5",
                        o->border);
    if (o->mask &&
        (o->mask->channels != 1 || o->mask->width != crop->width || o->mask->height != crop->height))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "a mask of %dx%d pixels with %d channels: it must be gray and of the crop's %dx%d",
                        o->mask->width, o->mask->height, o->mask->channels, crop->width, crop->height);
    return atl_quad_check(ctx, quad, photo->width, photo->height);
}

atl_status atl_align_paste(atl_ctx *ctx, const atl_image *crop, const atl_quad *quad,
                           const atl_paste_options *options, atl_image *photo) {
    atl_paste_options o = ATL_PASTE_OPTIONS_INIT;
    atl_image smaller = { 0 };
    ATL_TRY(atl_options_read(ctx, "atl_paste_options", &o, sizeof o, options));
    ATL_TRY(check(ctx, crop, quad, &o, photo));
    double side = atl_quad_side(quad);
    int box[4], fits = (int)ceil(side), shrink = atl_align_shrink(side, crop->width);
    const place p = place_of(quad, shrink);
    if (crop->width > fits) { // a cubic alone would skip pixels of it
        ATL_TRY(atl_image_resize(ctx, crop, fits, fits, ATL_RESIZE_LANCZOS, &smaller));
        crop = &smaller;
    }
    box_of(quad, shrink, photo, box);
    paste(crop, o.mask, &p, o.border, box, photo);
    atl_image_clear(ctx, &smaller);
    return ATL_OK;
}
