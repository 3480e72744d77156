// SPDX-License-Identifier: Apache-2.0
// Reading fields, tracking, pushing, holding; see drag_field.h.  The radius around a handle is measured in
// pixels; the paper's code measures it on a grid that is stretched by h / (h - 1), which at 64 pixels would
// move it by one.
#include "edit/drag_field.h"

#include <math.h>
#include <string.h>

// Where a value comes from: at most 4 samples, or 16 between pixels.
typedef struct taps {
    int count;
    size_t at[16]; // index of the sample
    double weight[16];
} taps;

static int inside(int i, int n) {
    return i < 0 ? 0 : i < n ? i : n - 1;
}

// Adds the samples of a whole pixel.
static void add_pixel(const atl_field *f, int px, int py, double weight, taps *t) {
    double x = ((px + 0.5) / f->width - 0.5) * f->rate_x + 0.5 * f->w - 0.5;
    double y = ((py + 0.5) / f->height - 0.5) * f->rate_y + 0.5 * f->h - 0.5;
    int x0 = (int)floor(x), y0 = (int)floor(y);
    for (int k = 0; k < 4; k++) {
        int dx = k % 2, dy = k / 2;
        double part = (dx ? x - x0 : 1 - (x - x0)) * (dy ? y - y0 : 1 - (y - y0)) * weight;
        if (part == 0)
            continue;
        t->at[t->count] = (size_t)inside(y0 + dy, f->h) * (size_t)f->w + (size_t)inside(x0 + dx, f->w);
        t->weight[t->count++] = part;
    }
}

static taps pixel(const atl_field *f, int px, int py) {
    taps t = { 0 };
    add_pixel(f, px, py, 1.0, &t);
    return t;
}

static taps between(const atl_field *f, atl_spot at) {
    taps t = { 0 };
    int x0 = (int)floor(at.x), y0 = (int)floor(at.y);
    for (int k = 0; k < 4; k++) {
        int px = x0 + k % 2, py = y0 + k / 2;
        double part = (k % 2 ? at.x - x0 : 1 - (at.x - x0)) * (k / 2 ? at.y - y0 : 1 - (at.y - y0));
        if (part != 0 && px >= 0 && py >= 0 && px < f->width && py < f->height)
            add_pixel(f, px, py, part, &t);
    }
    return t;
}

static void gather(const atl_field *f, const float *x, const taps *t, float *out) {
    size_t c = (size_t)f->c;
    memset(out, 0, c * sizeof *out);
    for (int i = 0; i < t->count; i++) {
        const float *from = x + t->at[i] * c;
        float weight = (float)t->weight[i];
        for (size_t k = 0; k < c; k++)
            out[k] += weight * from[k];
    }
}

void atl_field_at(const atl_field *f, const float *x, int px, int py, float *out) {
    taps t = pixel(f, px, py);
    gather(f, x, &t, out);
}

void atl_field_between(const atl_field *f, const float *x, atl_spot at, float *out) {
    taps t = between(f, at);
    gather(f, x, &t, out);
}

atl_spot atl_field_track(const atl_field *f, const float *x, const float *wanted, atl_spot from, int radius,
                         float *room) {
    int cx = inside((int)lround(from.x), f->width), cy = inside((int)lround(from.y), f->height);
    int left = inside(cx - radius, f->width), right = inside(cx + radius, f->width);
    int top = inside(cy - radius, f->height), bottom = inside(cy + radius, f->height);
    atl_spot best = { cx, cy };
    double least = INFINITY;
    for (int py = top; py <= bottom; py++)
        for (int px = left; px <= right; px++) {
            double sum = 0;
            atl_field_at(f, x, px, py, room);
            for (int k = 0; k < f->c; k++)
                sum += ((double)room[k] - (double)wanted[k]) * ((double)room[k] - (double)wanted[k]);
            if (sum < least) {
                least = sum;
                best = (atl_spot){ px, py };
            }
        }
    return best;
}

// Adds the derivative of one pixel's share: signs [c] times weight, to the samples that it came from.
static void scatter(const atl_field *f, const taps *t, const float *signs, double weight, float *dx) {
    size_t c = (size_t)f->c;
    for (int i = 0; i < t->count; i++) {
        float *to = dx + t->at[i] * c, part = (float)(t->weight[i] * weight);
        for (size_t k = 0; k < c; k++)
            to[k] += part * signs[k];
    }
}

// One pixel's sum over channels of |F(q) - F(q + d)|; *moved becomes the sign of its derivative.
static double differ(const atl_field *f, const float *fixed, float *moved) {
    double sum = 0;
    for (int k = 0; k < f->c; k++) {
        float d = moved[k] - fixed[k];
        sum += fabs((double)d);
        moved[k] = d > 0 ? 1.0f : d < 0 ? -1.0f : 0.0f;
    }
    return sum;
}

static int pixels_near(const atl_field *f, atl_spot p, double radius, int box[4]) {
    int count = 0;
    box[0] = inside((int)floor(p.x - radius), f->width), box[2] = inside((int)ceil(p.x + radius), f->width);
    box[1] = inside((int)floor(p.y - radius), f->height), box[3] = inside((int)ceil(p.y + radius), f->height);
    for (int y = box[1]; y <= box[3]; y++)
        for (int x = box[0]; x <= box[2]; x++)
            count += hypot(x - p.x, y - p.y) < radius;
    return count;
}

double atl_field_push(const atl_field *f, const float *x, atl_spot handle, atl_spot target, double radius,
                      float *dx, float *room) {
    float *fixed = room, *moved = room + f->c;
    double far = hypot(target.x - handle.x, target.y - handle.y), loss = 0;
    int box[4], count = pixels_near(f, handle, radius, box);
    if (!count || far < 1e-6)
        return 0;
    double step_x = (target.x - handle.x) / far, step_y = (target.y - handle.y) / far;
    double share = 1.0 / ((double)count * f->c);
    for (int py = box[1]; py <= box[3]; py++)
        for (int px = box[0]; px <= box[2]; px++) {
            if (hypot(px - handle.x, py - handle.y) >= radius)
                continue;
            taps t = between(f, (atl_spot){ px + step_x, py + step_y });
            atl_field_at(f, x, px, py, fixed);
            gather(f, x, &t, moved);
            loss += differ(f, fixed, moved) * share;
            scatter(f, &t, moved, share, dx);
        }
    return loss;
}

double atl_field_hold(const atl_field *f, const float *x, const float *first, const float *frozen,
                      double weight, float *dx) {
    size_t area = (size_t)f->h * (size_t)f->w, c = (size_t)f->c;
    double share = weight / (double)(area * c), loss = 0;
    for (size_t i = 0; i < area; i++) {
        double part = share * (double)frozen[i], sum = 0;
        for (size_t k = i * c; part > 0 && k < (i + 1) * c; k++) {
            float d = x[k] - first[k];
            sum += fabs((double)d);
            dx[k] += d > 0 ? (float)part : d < 0 ? -(float)part : 0.0f;
        }
        loss += part * sum;
    }
    return loss;
}

void atl_field_freeze(const atl_field *f, const uint8_t *mask, float *frozen) {
    size_t area = (size_t)f->h * (size_t)f->w;
    double most = 0;
    memset(frozen, 0, area * sizeof *frozen);
    // each pixel goes to the samples that it is read from; then to parts of the whole
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++) {
            taps t = pixel(f, x, y);
            for (int i = 0; !mask[(size_t)y * (size_t)f->width + (size_t)x] && i < t.count; i++)
                frozen[t.at[i]] += (float)t.weight[i];
        }
    most = (double)f->width * f->height / (f->rate_x * f->rate_y); // pixels for each sample
    for (size_t i = 0; i < area; i++)
        frozen[i] = fminf((float)((double)frozen[i] / most), 1.0f);
}
