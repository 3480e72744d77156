// SPDX-License-Identifier: Apache-2.0
// The ending of a StyleGAN layer: sums by parts of the image, in an order that does not depend on the
// threads.
#include "cpu/style_norm.h"

#include <math.h>

enum { PART = 16384 }; // floats of one part: the sums of a part stay exact enough in float

static void sums_ref(float *a, const float *x, size_t pixels, size_t c, const atl_cpu_style_norm *s,
                     const float *shift, float *sums) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t j = 0; j < c; j++) {
            float v = x[p * c + j] + (s->noise ? s->noise[p] * s->weight[j] : 0.0f) + s->bias[j];
            v = v < 0.0f ? v * s->slope : v;
            a[p * c + j] = v;
            sums[j] += v - shift[j];
            sums[c + j] += (v - shift[j]) * (v - shift[j]);
        }
}

void atl_cpu_style_init(atl_cpu_style_kernels *k) {
    k->sums = sums_ref;
}

static size_t part_pixels(size_t c) {
    return c < PART ? PART / c : 1;
}

static size_t parts_of(size_t pixels, size_t c) {
    return (pixels + part_pixels(c) - 1) / part_pixels(c);
}

// shift, then A and B of y = A a + B: [n, 3, c]; then the sums of each part: [n, parts, 2, c]
size_t atl_cpu_style_workspace(int n, size_t pixels, size_t c) {
    return (size_t)n * (3 + 2 * parts_of(pixels, c)) * c * sizeof(float);
}

// The value of the first pixel: close enough to the mean that squares don't cancel.
static void first_pixel(const atl_cpu_style_norm *s, const float *x, size_t c, float *shift) {
    for (size_t j = 0; j < c; j++) {
        float v = x[j] + (s->noise ? s->noise[0] * s->weight[j] : 0.0f) + s->bias[j];
        shift[j] = v < 0.0f ? v * s->slope : v;
    }
}

// shift and the sums of all parts -> A and B behind shift.
static void solve(const atl_cpu_style_norm *s, const float *sums, size_t parts, size_t pixels, size_t c,
                  float *shift) {
    for (size_t j = 0; j < c; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < parts; i++) {
            sum += (double)sums[2 * i * c + j];
            squares += (double)sums[(2 * i + 1) * c + j];
        }
        double mean = sum / (double)pixels, variance = squares / (double)pixels - mean * mean;
        double a = (double)s->scale[j] / sqrt((variance > 0 ? variance : 0) + (double)s->eps);
        shift[c + j] = (float)a;
        shift[2 * c + j] = (float)((double)s->offset[j] - a * (mean + (double)shift[j]));
    }
}

static atl_cpu_style_norm sample_of(const atl_cpu_style_norm *s, size_t i, size_t c) {
    atl_cpu_style_norm one = *s;
    one.noise = s->noise ? s->noise + (ptrdiff_t)i * s->noise_stride : NULL;
    one.scale = s->scale + i * c;
    one.offset = s->offset + i * c;
    return one;
}

typedef struct image {
    const atl_cpu_style_kernels *k;
    const atl_cpu_style_norm *norm;
    const float *x, *shift;
    float *y, *sums;
    size_t pixels, c;
} image;

static void sum_parts(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const image *m = job;
    size_t each = part_pixels(m->c), c = m->c;
    for (size_t q = (size_t)begin; q < (size_t)end; q++) {
        atl_cpu_style_norm part = *m->norm;
        size_t first = q * each, count = m->pixels - first < each ? m->pixels - first : each;
        for (size_t j = 0; j < 2 * c; j++)
            m->sums[2 * q * c + j] = 0.0f;
        part.noise = part.noise ? part.noise + first : NULL;
        m->k->sums(m->y + first * c, m->x + first * c, count, c, &part, m->shift, m->sums + 2 * q * c);
    }
}

void atl_cpu_style_run(const atl_cpu_style_kernels *k, const atl_cpu_pointwise_kernels *p,
                       const atl_cpu_style_norm *s, float *y, const float *x, int n, size_t pixels, size_t c,
                       atl_team *team, void *workspace) {
    size_t parts = parts_of(pixels, c), stride = (3 + 2 * parts) * c;
    float *work = workspace;
    for (int i = 0; i < n; i++) {
        atl_cpu_style_norm one = sample_of(s, (size_t)i, c);
        float *shift = work + (size_t)i * stride, *sums = shift + 3 * c, *to = y + (size_t)i * pixels * c;
        const float *from = x + (size_t)i * pixels * c;
        first_pixel(&one, from, c, shift);
        image m = { k, &one, from, shift, to, sums, pixels, c };
        atl_team_run(team, (int64_t)parts, 1, sum_parts, &m);
        solve(&one, sums, parts, pixels, c, shift);
        atl_cpu_epilogue e = { shift + c, NULL, shift + 2 * c, NULL, 0, 0, 1.0f, 1.0f, INFINITY, NULL, 1.0f };
        atl_cpu_epilogue_run(p, &e, to, to, 1, pixels, c, team);
    }
}
