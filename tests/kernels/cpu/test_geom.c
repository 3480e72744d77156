// SPDX-License-Identifier: Apache-2.0
// Resampling between wavelet filters against its definition in double precision, and its transpose by dot product.
#include "../check.h"

#include "cpu/geom.h"

enum { TAPS = ATL_GEOM_TAPS };

static int64_t mirrored(int64_t i, int64_t size) { // -1: beyond one reflection
    i = i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    return i < 0 || i >= size ? -1 : i;
}

// One channel [h, w], mirrored and upsampled: [6 h - 4, 6 w - 4], of which 2 (size - 1) are before the image.
static double *oversampled(const float *x, int64_t h, int64_t w, int64_t step) {
    int64_t tall = 6 * h - 4, wide = 6 * w - 4;
    double *half = calloc((size_t)((3 * h - 2) * wide), sizeof *half);
    double *all = calloc((size_t)(tall * wide), sizeof *all);
    assert_true(half && all);
    for (int64_t row = 0; row < 3 * h - 2; row++)
        for (int64_t k = 0; k < wide; k++)
            for (int64_t t = 0; t < TAPS; t++) {
                int64_t z = k + t - 6; // even places hold pixels, from 1 - w on
                if (z % 2 || z < 0 || z / 2 >= 3 * w - 2)
                    continue;
                float v = x[(mirrored(row - h + 1, h) * w + mirrored(z / 2 - w + 1, w)) * step];
                half[row * wide + k] += 2.0 * (double)atl_cpu_geom_filter[TAPS - 1 - t] * (double)v;
            }
    for (int64_t k = 0; k < tall; k++)
        for (int64_t t = 0; t < TAPS; t++) {
            int64_t z = k + t - 6;
            for (int64_t column = 0; z % 2 == 0 && z >= 0 && z / 2 < 3 * h - 2 && column < wide; column++)
                all[k * wide + column] +=
                    2.0 * (double)atl_cpu_geom_filter[TAPS - 1 - t] * half[z / 2 * wide + column];
        }
    free(half);
    return all;
}

static double pixel_or_zero(const double *image, int64_t tall, int64_t wide, int64_t row, int64_t column) {
    return row >= 0 && row < tall && column >= 0 && column < wide ? image[row * wide + column] : 0.0;
}

static double sampled(const double *image, int64_t tall, int64_t wide, double x, double y) {
    if (!(fabs(x) < 1e9 && fabs(y) < 1e9))
        return 0.0;
    int64_t x0 = (int64_t)floor(x), y0 = (int64_t)floor(y);
    double fx = x - (double)x0, fy = y - (double)y0;
    return (1 - fy) * ((1 - fx) * pixel_or_zero(image, tall, wide, y0, x0) +
                       fx * pixel_or_zero(image, tall, wide, y0, x0 + 1)) +
           fy * ((1 - fx) * pixel_or_zero(image, tall, wide, y0 + 1, x0) +
                 fx * pixel_or_zero(image, tall, wide, y0 + 1, x0 + 1));
}

static void definition(const atl_cpu_geom_dims *d, const float *theta, const float *x, double *y) {
    int64_t h = d->h, w = d->w, tall = 2 * (h + 6), wide = 2 * (w + 6);
    double *grid = malloc((size_t)(tall * wide) * sizeof *grid);
    assert_non_null(grid);
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t k = 0; k < d->c; k++) {
            const float *t = theta + 6 * n;
            double *high = oversampled(x + n * h * w * d->c + k, h, w, d->c);
            for (int64_t i = 0; i < tall; i++)
                for (int64_t j = 0; j < wide; j++) {
                    // in pixels from the centre, plus the quarter of a pixel that the filters are off theirs
                    double u = ((double)j + 0.5 - (double)(w + 6)) / 2.0 + 0.25;
                    double v = ((double)i + 0.5 - (double)(h + 6)) / 2.0 + 0.25;
                    double at_x = (double)t[0] * u + (double)t[1] * v + (double)t[2] - 0.25 + (double)(w - 1) / 2.0;
                    double at_y = (double)t[3] * u + (double)t[4] * v + (double)t[5] - 0.25 + (double)(h - 1) / 2.0;
                    grid[i * wide + j] = sampled(high, 6 * h - 4, 6 * w - 4, 2.0 * at_x + 0.5 + (double)(2 * (w - 1)),
                                                 2.0 * at_y + 0.5 + (double)(2 * (h - 1)));
                }
            for (int64_t p = 0; p < h; p++)
                for (int64_t q = 0; q < w; q++) {
                    double sum = 0.0;
                    for (int64_t r = 0; r < TAPS; r++)
                        for (int64_t s = 0; s < TAPS; s++)
                            sum += (double)atl_cpu_geom_filter[r] * (double)atl_cpu_geom_filter[s] *
                                   grid[(2 * p + 1 + r) * wide + 2 * q + 1 + s];
                    y[((n * h + p) * w + q) * d->c + k] = sum;
                }
            free(high);
        }
    free(grid);
}

static void rotation(float *t, double angle, double scale, float x, float y) {
    t[0] = t[4] = (float)(cos(angle) * scale);
    t[3] = (float)(sin(angle) * scale);
    t[1] = -t[3];
    t[2] = x, t[5] = y;
}

// Nothing, turns, a shift, far away, enlarged, shrunk until the box no longer fits the workspace, sheared, not finite.
enum { MAPS = 9 };
static void maps(float theta[MAPS][6], float size) {
    rotation(theta[0], 0.0, 1.0, 0, 0);
    rotation(theta[1], 0.7, 1.0, 0.3f, -1.2f);
    rotation(theta[2], -2.5, 1.2, size / 8, -size / 5);
    rotation(theta[3], 0.1, 1.0, 100 * size, 3);
    rotation(theta[4], 1.0, 0.3, 0, 2);
    rotation(theta[5], 0.4, 5.0, 0, 0);
    rotation(theta[6], 0.0, 1.0, 0.5f, 0);
    theta[6][1] = 0.8f;
    rotation(theta[7], 0.0, 1.0, 0, 0);
    theta[7][4] = NAN;
    rotation(theta[8], 0.0, 1.0, INFINITY, 0);
}

static const atl_cpu_geom_dims SHAPES[] = {
    { MAPS, 9, 6, 3 }, { MAPS, 1, 1, 1 }, { MAPS, 2, 17, 1 }, { MAPS, 66, 70, 5 }, { MAPS, 150, 160, 1 },
};

static void geom_is_its_definition(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const atl_cpu_geom_dims d = SHAPES[i];
        size_t count = (size_t)(d.n * d.h * d.w * d.c);
        float theta[MAPS][6], *x = some_floats(count, 1), *first = NULL;
        double *truth = malloc(count * sizeof *truth);
        assert_non_null(truth);
        maps(theta, (float)d.w);
        definition(&d, theta[0], x, truth);
        for (int s = 0; s < 2 * ((int)atl_cpu_detect() + 1); s++) {
            atl_cpu_kernels k;
            atl_cpu_kernels_init(&k, (atl_cpu_set)(s / 2));
            int threads = s & 1 ? 3 : 1;
            size_t room = atl_cpu_geom_workspace(&d, team_with(threads)) / sizeof(float);
            float *y = guarded(count), *work = guarded(room), *whole = malloc(count * sizeof *whole);
            assert_non_null(whole);
            atl_cpu_geom(&k.fir, &d, theta[0], x, y, team_with(threads), work);
            for (size_t j = 0; j < count; j++)
                whole[j] = (float)truth[j];
            same(y, whole, count, F32_GEOM, atl_cpu_name((atl_cpu_set)(s / 2)));
            if (threads == 1)
                memcpy(first ? first : (first = malloc(count * sizeof *first)), y, count * sizeof *first);
            else
                assert_memory_equal(first, y, count * sizeof *first);
            free(whole);
            release_guarded(y, count);
            release_guarded(work, room);
        }
        free(first);
        free(truth);
        free(x);
    }
}

static double inner(const float *a, const float *b, size_t n) {
    double s = 0.0;
    for (size_t i = 0; i < n; i++)
        s += (double)a[i] * (double)b[i];
    return s;
}

// <y, geom x> = <geom_t y, x> per image: sums of products of both signs, each to 1e-6.
static void transpose_is_adjoint(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        const atl_cpu_geom_dims d = SHAPES[i];
        size_t image = (size_t)(d.h * d.w * d.c), count = (size_t)d.n * image;
        float theta[MAPS][6], *x = some_floats(count, 2), *y = some_floats(count, 3), *ax = guarded(count);
        float *first = NULL;
        maps(theta, (float)d.w);
        for (int s = 0; s < 2 * ((int)atl_cpu_detect() + 1); s++) {
            atl_cpu_kernels k;
            atl_cpu_kernels_init(&k, (atl_cpu_set)(s / 2));
            int threads = s & 1 ? 3 : 1;
            size_t room = atl_cpu_geom_workspace(&d, team_with(threads)) / sizeof(float);
            float *ty = guarded(count), *work = guarded(room);
            atl_cpu_geom(&k.fir, &d, theta[0], x, ax, team_with(threads), work);
            atl_cpu_geom_t(&k.fir, &d, theta[0], y, ty, team_with(threads), work);
            for (size_t n = 0; n < (size_t)d.n; n++) {
                double left = inner(y + n * image, ax + n * image, image);
                double right = inner(ty + n * image, x + n * image, image);
                if (!(fabs(left - right) <= F32_ADJOINT * sqrt((double)image)))
                    fail_msg("shape %zu, map %zu: %.9g and %.9g", i, n, left, right);
            }
            if (threads == 1)
                memcpy(first ? first : (first = malloc(count * sizeof *first)), ty, count * sizeof *first);
            else
                assert_memory_equal(first, ty, count * sizeof *first);
            release_guarded(ty, count);
            release_guarded(work, room);
        }
        free(first);
        release_guarded(ax, count);
        free(x);
        free(y);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geom_is_its_definition),
        cmocka_unit_test(transpose_is_adjoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
