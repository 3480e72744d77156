// SPDX-License-Identifier: Apache-2.0
// Bilinear resampling, reference kernels.  The transpose scatters, so an image is the smallest part that a
// thread may take.
#include "cpu/sample.h"

#include <math.h>
#include <string.h>

// The four neighbours of a point of the source: where they start, and their weights; 0 for those outside.
typedef struct taps {
    int64_t offset[4];
    float weight[4];
} taps;

static taps taps_at(const atl_cpu_sample_dims *d, const float *t, int64_t row, int64_t column) {
    taps r = { { 0 }, { 0.0f } };
    double u = (2.0 * (double)column + 1.0) / (double)d->ow - 1.0, v = (2.0 * (double)row + 1.0) / (double)d->oh - 1.0;
    double x = (((double)t[0] * u + (double)t[1] * v + (double)t[2] + 1.0) * (double)d->w - 1.0) / 2.0;
    double y = (((double)t[3] * u + (double)t[4] * v + (double)t[5] + 1.0) * (double)d->h - 1.0) / 2.0;
    if (!(x > -1.0 && x < (double)d->w && y > -1.0 && y < (double)d->h)) // also when theta is not a number
        return r;
    int64_t x0 = (int64_t)floor(x), y0 = (int64_t)floor(y);
    double fx = x - (double)x0, fy = y - (double)y0;
    for (int i = 0; i < 4; i++) {
        int64_t xi = x0 + (i & 1), yi = y0 + (i >> 1);
        if (xi < 0 || xi >= d->w || yi < 0 || yi >= d->h)
            continue;
        r.offset[i] = (yi * d->w + xi) * d->c;
        r.weight[i] = (float)((i & 1 ? fx : 1.0 - fx) * (i >> 1 ? fy : 1.0 - fy));
    }
    return r;
}

void atl_cpu_sample_affine(const atl_cpu_sample_dims *d, const float *theta, const float *x, float *y,
                           int threads) {
    int64_t c = d->c;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t line = 0; line < d->n * d->oh; line++) {
        int64_t n = line / d->oh;
        const float *image = x + n * d->h * d->w * c;
        for (int64_t column = 0; column < d->ow; column++) {
            taps t = taps_at(d, theta + 6 * n, line % d->oh, column);
            float *to = y + (line * d->ow + column) * c;
            for (int64_t k = 0; k < c; k++)
                to[k] = t.weight[0] * image[t.offset[0] + k] + t.weight[1] * image[t.offset[1] + k] +
                        t.weight[2] * image[t.offset[2] + k] + t.weight[3] * image[t.offset[3] + k];
        }
    }
}

void atl_cpu_sample_affine_t(const atl_cpu_sample_dims *d, const float *theta, const float *y, float *x,
                             int threads) {
    int64_t c = d->c, size = d->h * d->w * c;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t n = 0; n < d->n; n++) {
        float *image = x + n * size;
        memset(image, 0, (size_t)size * sizeof *image);
        for (int64_t p = 0; p < d->oh * d->ow; p++) {
            taps t = taps_at(d, theta + 6 * n, p / d->ow, p % d->ow);
            const float *from = y + (n * d->oh * d->ow + p) * c;
            for (int i = 0; i < 4; i++)
                for (int64_t k = 0; t.weight[i] != 0.0f && k < c; k++)
                    image[t.offset[i] + k] += t.weight[i] * from[k];
        }
    }
}
