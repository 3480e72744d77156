// SPDX-License-Identifier: Apache-2.0
// Separable resampling in 8 bits as Pillow does it: weights in double, normalised, rounded to 22 bits
// after the point; rows first, the result rounded to 8 bits; then columns.
#include "data/resize.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { POINT = 22 }; // 32 bits less 8 of the pixel and 2 for the sum

typedef struct taps {
    int *first;       // [out] first source pixel
    int *count;       // [out]
    int32_t *weights; // [out, room]
    int room;
} taps;

static double sinc(double x) {
    const double pi = 3.14159265358979323846;
    return x == 0.0 ? 1.0 : sin(x * pi) / (x * pi);
}

static double lanczos(double x) {
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

static double box(double x) {
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double triangle(double x) {
    return fabs(x) < 1.0 ? 1.0 - fabs(x) : 0.0;
}

static double cubic(double x) { // Keys 1981 with a = -1/2
    const double a = -0.5, d = fabs(x);
    if (d < 1.0)
        return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    return d < 2.0 ? (((d - 5.0) * d + 8.0) * d - 4.0) * a : 0.0;
}

// Of the filters that are functions of the distance; AREA is none.
static const struct {
    double support;
    double (*weight)(double x);
} FILTERS[] = {
    [ATL_RESIZE_LANCZOS] = { 3.0, lanczos }, [ATL_RESIZE_BOX] = { 0.5, box },
    [ATL_RESIZE_AREA] = { 0.5, box },        [ATL_RESIZE_BILINEAR] = { 1.0, triangle },
    [ATL_RESIZE_BICUBIC] = { 2.0, cubic },
};

// The part of source pixel `x` under [low, high).
static double overlap(double low, double high, int x) {
    double a = fmax(low, x), b = fmin(high, x + 1.0);
    return b > a ? b - a : 0.0;
}

// Weights of output pixel `i`, not normalised, to row[]; sets first and count.
static double fill(atl_resize filter, double scale, double support, int in, int i, taps *t, double *row) {
    double stretch = scale > 1.0 ? scale : 1.0, center = (i + 0.5) * scale, sum = 0;
    int low = (int)(center - support + 0.5), high = (int)(center + support + 0.5);
    if (filter == ATL_RESIZE_AREA) {
        low = (int)floor(i * scale);
        high = (int)ceil((i + 1) * scale);
    }
    low = low < 0 ? 0 : low;
    high = high > in ? in : high;
    for (int x = low; x < high; x++) {
        double at = (x - center + 0.5) * (1.0 / stretch);
        double w =
            filter == ATL_RESIZE_AREA ? overlap(i * scale, (i + 1) * scale, x) : FILTERS[filter].weight(at);
        row[x - low] = w;
        sum += w;
    }
    t->first[i] = low;
    t->count[i] = high - low;
    return sum;
}

static void taps_clear(atl_ctx *ctx, taps *t) {
    atl_free(ctx, t->first);
    atl_free(ctx, t->count);
    atl_free(ctx, t->weights);
}

static atl_status taps_make(atl_ctx *ctx, atl_resize filter, int in, int out, taps *t) {
    double scale = (double)in / out, stretch = scale > 1.0 ? scale : 1.0;
    double support = FILTERS[filter].support * stretch;
    *t = (taps){ .room = (int)ceil(support) * 2 + 1 };
    t->room += filter == ATL_RESIZE_AREA; // a footprint may touch one pixel more
    t->first = atl_alloc(ctx, (size_t)out, sizeof *t->first);
    t->count = atl_alloc(ctx, (size_t)out, sizeof *t->count);
    t->weights = atl_calloc(ctx, (size_t)out * (size_t)t->room, sizeof *t->weights);
    double *row = atl_alloc(ctx, (size_t)t->room + 1, sizeof *row);
    if (!t->first || !t->count || !t->weights || !row) {
        taps_clear(ctx, t);
        atl_free(ctx, row);
        return ATL_NO_MEMORY;
    }
    for (int i = 0; i < out; i++) {
        double sum = fill(filter, scale, support, in, i, t, row);
        for (int k = 0; k < t->count[i]; k++) {
            double w = (sum != 0.0 ? row[k] / sum : row[k]) * (1 << POINT);
            t->weights[(size_t)i * (size_t)t->room + (size_t)k] = (int32_t)(w < 0 ? w - 0.5 : w + 0.5);
        }
    }
    atl_free(ctx, row);
    return ATL_OK;
}

static uint8_t clip8(int32_t sum) {
    return sum <= 0 ? 0 : sum >> POINT > 255 ? 255 : (uint8_t)(sum >> POINT);
}

// from [height, in, c] to to [height, out, c]
static void pass_rows(const atl_image *from, const taps *t, atl_image *to) {
    size_t c = (size_t)from->channels;
    for (int y = 0; y < to->height; y++) {
        const uint8_t *in = from->pixels + (size_t)y * (size_t)from->width * c;
        uint8_t *out = to->pixels + (size_t)y * (size_t)to->width * c;
        for (int x = 0; x < to->width; x++) {
            const int32_t *w = t->weights + (size_t)x * (size_t)t->room;
            for (size_t k = 0; k < c; k++) {
                const uint8_t *p = in + (size_t)t->first[x] * c + k;
                int32_t sum = 1 << (POINT - 1);
                for (int i = 0; i < t->count[x]; i++)
                    sum += p[(size_t)i * c] * w[i];
                out[(size_t)x * c + k] = clip8(sum);
            }
        }
    }
}

// from [in, width, c] to to [out, width, c]; `sums` holds one row
static void pass_columns(const atl_image *from, const taps *t, int32_t *sums, atl_image *to) {
    size_t row = (size_t)from->width * (size_t)from->channels;
    for (int y = 0; y < to->height; y++) {
        const int32_t *w = t->weights + (size_t)y * (size_t)t->room;
        for (size_t i = 0; i < row; i++)
            sums[i] = 1 << (POINT - 1);
        for (int k = 0; k < t->count[y]; k++) {
            const uint8_t *in = from->pixels + (size_t)(t->first[y] + k) * row;
            for (size_t i = 0; i < row; i++)
                sums[i] += in[i] * w[k];
        }
        for (size_t i = 0; i < row; i++)
            to->pixels[(size_t)y * row + i] = clip8(sums[i]);
    }
}

static atl_status resize_width(atl_ctx *ctx, const atl_image *from, int width, atl_resize filter,
                               atl_image *to) {
    taps t;
    ATL_TRY(atl_image_init(ctx, width, from->height, from->channels, to));
    atl_status status = taps_make(ctx, filter, from->width, width, &t);
    if (status != ATL_OK) {
        atl_image_clear(ctx, to);
        return status;
    }
    pass_rows(from, &t, to);
    taps_clear(ctx, &t);
    return ATL_OK;
}

static atl_status resize_height(atl_ctx *ctx, const atl_image *from, int height, atl_resize filter,
                                atl_image *to) {
    taps t = { 0 };
    ATL_TRY(atl_image_init(ctx, from->width, height, from->channels, to));
    int32_t *sums = atl_alloc(ctx, (size_t)from->width * (size_t)from->channels, sizeof *sums);
    atl_status status = sums ? taps_make(ctx, filter, from->height, height, &t) : ATL_NO_MEMORY;
    if (status == ATL_OK) {
        pass_columns(from, &t, sums, to);
        taps_clear(ctx, &t);
    } else {
        atl_image_clear(ctx, to);
    }
    atl_free(ctx, sums);
    return status;
}

atl_status atl_image_crop(atl_ctx *ctx, const atl_image *from, int x, int y, int width, int height,
                          atl_image *to) {
    ATL_TRY(atl_image_init(ctx, width, height, from->channels, to));
    size_t c = (size_t)from->channels;
    for (int i = 0; i < height; i++)
        memcpy(to->pixels + (size_t)i * (size_t)width * c,
               from->pixels + ((size_t)(y + i) * (size_t)from->width + (size_t)x) * c, (size_t)width * c);
    return ATL_OK;
}

atl_status atl_image_resize(atl_ctx *ctx, const atl_image *from, int width, int height, atl_resize filter,
                            atl_image *to) {
    if (width == from->width && height == from->height)
        return atl_image_crop(ctx, from, 0, 0, width, height, to);
    if (height == from->height)
        return resize_width(ctx, from, width, filter, to);
    if (width == from->width)
        return resize_height(ctx, from, height, filter, to);
    atl_image narrow;
    ATL_TRY(resize_width(ctx, from, width, filter, &narrow));
    atl_status status = resize_height(ctx, &narrow, height, filter, to);
    atl_image_clear(ctx, &narrow);
    return status;
}
