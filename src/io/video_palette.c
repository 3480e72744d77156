// SPDX-License-Identifier: Apache-2.0
// Median cut (Heckbert 1982) over a histogram of 5 bits per channel, then Floyd and Steinberg's error
// diffusion, rows alternately from left and from right.
//
// The box to cut is the one with the largest variance along a channel times its pixels, cut at the mean:
// this spends colours where the error is, and needs no sorting.
#include "io/video_palette.h"

#include <string.h>

enum { BITS = 5, SIDE = 1 << BITS, BINS = SIDE * SIDE * SIDE, COLORS = 256, UNKNOWN = 0xffff };

typedef struct box {
    int low[3], high[3];   // bins, inclusive
    double pixels, sum[3]; // of 8-bit values
    double error;          // of the channel to cut
    int channel, cut;      // last bin of the lower part
} box;

struct atl_palette {
    atl_ctx *ctx;
    int width, height;
    uint32_t *count;       // [BINS] pixels
    uint64_t *sum;         // [BINS, 3] of 8-bit values
    uint16_t *nearest;     // [BINS] colour, UNKNOWN until asked for
    int16_t *error;        // [2, width + 2, 3] carried to this row and the next, in 1/16
    int colors;
    uint8_t color[COLORS][3];
};

atl_palette *atl_palette_open(atl_ctx *ctx, int width, int height) {
    atl_palette *p = atl_calloc(ctx, 1, sizeof *p);
    if (!p)
        return NULL;
    p->ctx = ctx;
    p->width = width;
    p->height = height;
    p->count = atl_alloc(ctx, BINS, sizeof *p->count);
    p->sum = atl_alloc(ctx, BINS * 3, sizeof *p->sum);
    p->nearest = atl_alloc(ctx, BINS, sizeof *p->nearest);
    p->error = atl_alloc(ctx, 2 * 3 * ((size_t)width + 2), sizeof *p->error);
    if (!p->count || !p->sum || !p->nearest || !p->error)
        atl_palette_close(&p);
    return p;
}

void atl_palette_close(atl_palette **palette) {
    atl_palette *p = *palette;
    if (!p)
        return;
    atl_free(p->ctx, p->count);
    atl_free(p->ctx, p->sum);
    atl_free(p->ctx, p->nearest);
    atl_free(p->ctx, p->error);
    atl_free(p->ctx, p);
    *palette = NULL;
}

static int bin_of(int r, int g, int b) {
    return (r >> (8 - BITS)) << (2 * BITS) | (g >> (8 - BITS)) << BITS | b >> (8 - BITS);
}

static void count_colors(atl_palette *p, const uint8_t *rgb) {
    memset(p->count, 0, BINS * sizeof *p->count);
    memset(p->sum, 0, BINS * 3 * sizeof *p->sum);
    size_t area = (size_t)p->width * (size_t)p->height;
    for (size_t i = 0; i < area; i++, rgb += 3) {
        int bin = bin_of(rgb[0], rgb[1], rgb[2]);
        p->count[bin]++;
        for (int c = 0; c < 3; c++)
            p->sum[bin * 3 + c] += rgb[c];
    }
}

// Pixels and squares of a box along its three channels.
typedef struct profile {
    double pixels[3][SIDE];
} profile;

static void scan(const atl_palette *p, box *b, profile *f) {
    memset(f, 0, sizeof *f);
    b->pixels = b->sum[0] = b->sum[1] = b->sum[2] = 0;
    for (int i = b->low[0]; i <= b->high[0]; i++) {
        for (int j = b->low[1]; j <= b->high[1]; j++) {
            for (int k = b->low[2]; k <= b->high[2]; k++) {
                int bin = i << (2 * BITS) | j << BITS | k;
                double n = (double)p->count[bin];
                b->pixels += n;
                f->pixels[0][i] += n;
                f->pixels[1][j] += n;
                f->pixels[2][k] += n;
                for (int c = 0; c < 3; c++)
                    b->sum[c] += (double)p->sum[bin * 3 + c];
            }
        }
    }
}

// Finds the channel with the largest squared error and where to cut it.  A box of one colour has none.
static void measure(const atl_palette *p, box *b) {
    profile f;
    scan(p, b, &f);
    b->error = 0;
    for (int c = 0; c < 3; c++) {
        double mean = 0, error = 0;
        int first = -1, last = -1;
        for (int i = b->low[c]; i <= b->high[c]; i++) {
            if (f.pixels[c][i] > 0 && first < 0)
                first = i;
            if (f.pixels[c][i] > 0)
                last = i;
            mean += f.pixels[c][i] * i;
        }
        mean /= b->pixels > 0 ? b->pixels : 1;
        for (int i = b->low[c]; i <= b->high[c]; i++)
            error += f.pixels[c][i] * (i - mean) * (i - mean);
        if (first == last || error <= b->error)
            continue;
        b->error = error;
        b->channel = c;
        b->cut = (int)mean < last ? (int)mean : last - 1; // first <= mean, so both parts have pixels
    }
}

static void choose_colors(atl_palette *p) {
    box boxes[COLORS];
    int n = 1;
    boxes[0] = (box){ .high = { SIDE - 1, SIDE - 1, SIDE - 1 } };
    measure(p, &boxes[0]);
    while (n < COLORS) {
        int worst = 0;
        for (int i = 1; i < n; i++)
            worst = boxes[i].error > boxes[worst].error ? i : worst;
        if (boxes[worst].error <= 0)
            break;
        box *lower = &boxes[worst], *upper = &boxes[n++];
        *upper = *lower;
        upper->low[lower->channel] = lower->cut + 1;
        lower->high[lower->channel] = lower->cut;
        measure(p, lower);
        measure(p, upper);
    }
    p->colors = n;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < 3; c++)
            p->color[i][c] = (uint8_t)(boxes[i].sum[c] / boxes[i].pixels + 0.5);
}

static int nearest(atl_palette *p, const int *rgb) {
    int bin = bin_of(rgb[0], rgb[1], rgb[2]);
    if (p->nearest[bin] != UNKNOWN)
        return p->nearest[bin];
    int half = 1 << (8 - BITS - 1), mask = ~(2 * half - 1), best = 0, least = 1 << 30;
    for (int i = 0; i < p->colors; i++) {
        int distance = 0;
        for (int c = 0; c < 3; c++) {
            int d = (rgb[c] & mask) + half - p->color[i][c];
            distance += d * d;
        }
        if (distance < least) {
            least = distance;
            best = i;
        }
    }
    p->nearest[bin] = (uint16_t)best;
    return best;
}

// One row; `now` and `next` are errors [width + 2, 3], pixel x at x + 1.
static void diffuse(atl_palette *p, const uint8_t *rgb, uint8_t *index, int16_t *now, int16_t *next, int back) {
    int step = back ? -1 : 1;
    memset(next, 0, 3 * ((size_t)p->width + 2) * sizeof *next);
    for (int i = 0; i < p->width; i++) {
        int x = back ? p->width - 1 - i : i, value[3];
        for (int c = 0; c < 3; c++) {
            int v = rgb[x * 3 + c] + (now[(x + 1) * 3 + c] + 8) / 16;
            value[c] = v < 0 ? 0 : v > 255 ? 255 : v;
        }
        int k = nearest(p, value);
        index[x] = (uint8_t)k;
        for (int c = 0; c < 3; c++) {
            int e = value[c] - p->color[k][c];
            now[(x + 1 + step) * 3 + c] = (int16_t)(now[(x + 1 + step) * 3 + c] + 7 * e);
            next[(x + 1 - step) * 3 + c] = (int16_t)(next[(x + 1 - step) * 3 + c] + 3 * e);
            next[(x + 1) * 3 + c] = (int16_t)(next[(x + 1) * 3 + c] + 5 * e);
            next[(x + 1 + step) * 3 + c] = (int16_t)(next[(x + 1 + step) * 3 + c] + e);
        }
    }
}

void atl_palette_apply(atl_palette *p, const uint8_t *rgb, uint8_t *index, size_t stride, uint32_t *argb) {
    count_colors(p, rgb);
    choose_colors(p);
    for (int i = 0; i < COLORS; i++) {
        const uint8_t *c = p->color[i < p->colors ? i : 0];
        argb[i] = 0xff000000u | (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];
    }
    for (int i = 0; i < BINS; i++)
        p->nearest[i] = UNKNOWN;
    size_t row = 3 * ((size_t)p->width + 2);
    memset(p->error, 0, 2 * row * sizeof *p->error);
    for (int y = 0; y < p->height; y++) {
        int16_t *now = p->error + (size_t)(y & 1) * row, *next = p->error + (size_t)(~y & 1) * row;
        diffuse(p, rgb + (size_t)y * (size_t)p->width * 3, index + (size_t)y * stride, now, next, y & 1);
    }
}
