// SPDX-License-Identifier: Apache-2.0
// SWD against its definition in plain loops and in double: pyramid, patches, projections, order.
#include "recorded.h"
#include "base/philox.h"
#include "metrics/pyramid.h"
#include "metrics/swd.h"
#include "metrics/swd_line.h"

enum { IMAGES = 18, SIZE = 32, CHANNELS = 3, SIDE = ATL_SWD_SIDE, WIDTH = CHANNELS * SIDE * SIDE };
enum { SAMPLES = IMAGES * ATL_SWD_PATCHES, LINES = ATL_SWD_REPEATS * ATL_SWD_DIRECTIONS };

// ---- the pyramid

static int mirror(int i, int n) {
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

static const double tap[5] = { 1 / 16.0, 4 / 16.0, 6 / 16.0, 4 / 16.0, 1 / 16.0 };

static double smooth(const double *x, int n, int p, int q) {
    double sum = 0;
    for (int r = 0; r < 5; r++)
        for (int s = 0; s < 5; s++)
            sum += tap[r] * tap[s] * x[mirror(p + r - 2, n) * n + mirror(q + s - 2, n)];
    return sum;
}

// level [n, n] and half [n / 2, n / 2] of x [n, n]
static void by_definition(const double *x, int n, double *level, double *half) {
    double *apart = calloc((size_t)(n * n), sizeof *apart);
    for (int p = 0; p < n; p += 2)
        for (int q = 0; q < n; q += 2)
            half[p / 2 * (n / 2) + q / 2] = apart[p * n + q] = smooth(x, n, p, q);
    for (int p = 0; p < n; p++)
        for (int q = 0; q < n; q++)
            level[p * n + q] = x[p * n + q] - 4 * smooth(apart, n, p, q);
    free(apart);
}

static uint8_t pixel(uint32_t *seed) {
    return (uint8_t)((*seed = *seed * 1664525u + 1013904223u) >> 24);
}

static void pyramid_is_that_of_its_definition(void **state) {
    (void)state;
    enum { N = 20 };
    double x[N * N], level[N * N], half[N * N / 4];
    float ours[N * N], smaller[N * N / 4], rows[N * N / 2];
    uint32_t seed = 3;
    for (int i = 0; i < N * N; i++)
        ours[i] = (float)(x[i] = pixel(&seed));
    by_definition(x, N, level, half);
    atl_pyramid_reduce(ours, N, rows, smaller);
    atl_pyramid_subtract(ours, N, smaller, rows);
    for (int i = 0; i < N * N; i++)
        assert_true(fabs((double)ours[i] - level[i]) < 255 * 3e-7 * 4); // some ten roundings of 6e-8
    for (int i = 0; i < N * N / 4; i++)
        assert_true(fabs((double)smaller[i] - half[i]) < 255 * 3e-7);
}

// ---- lines

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double line_of(double *a, double *b, size_t n) {
    double sum = 0;
    qsort(a, n, sizeof *a, ascending);
    qsort(b, n, sizeof *b, ascending);
    for (size_t i = 0; i < n; i++)
        sum += fabs(a[i] - b[i]);
    return sum / (double)n;
}

static void lines_are_sorted_with_and_without_a_group(void **state) {
    (void)state;
    enum { N = 1000 };
    float values[2][N];
    uint32_t words[2][N], scratch[N];
    atl_philox_normal(1, 0, 0, N, values[0]);
    atl_philox_normal(2, 0, 0, N, values[1]);
    values[0][0] = 0.0f, values[0][1] = -0.0f, values[0][2] = 30.0f, values[0][3] = -1e-30f;
    for (int side = 0; side < 2; side++) {
        for (int i = 0; i < N; i++)
            words[side][i] = atl_swd_word(values[side][i], i % 8);
        atl_swd_sort(words[side], N, scratch);
    }
    for (int group = -1; group < 8; group++) {
        double a[N], b[N];
        size_t n = 0;
        for (int i = 0; i < N; i++)
            if (i % 8 != group)
                a[n] = (double)values[0][i], b[n++] = (double)values[1][i];
        double ours = group < 0 ? atl_swd_line(words[0], words[1], N)
                                : atl_swd_line_without(words[0], words[1], N, group);
        near_to("line", ours, line_of(a, b, n), 1e-6); // each number is cut to 21 bits
    }
}

// ---- the whole

static void picture(bool real, int index, uint8_t *rgb) {
    uint32_t seed = (uint32_t)(index * 2 + real) * 7919u + 1u;
    for (int i = 0; i < CHANNELS * SIZE * SIZE; i++) {
        int noise = pixel(&seed) >> (real ? 1 : 2), x = i % SIZE, y = i / SIZE % SIZE;
        rgb[i] = (uint8_t)((x * (index + 1) + y * (real ? 2 : 5)) % 128 + noise);
    }
}

// All patches of a level, each channel with mean 0 and deviation 1.
static void uniform_patches(bool real, int level, uint64_t seed, double *out) {
    static double x[CHANNELS][SIZE * SIZE], now[SIZE * SIZE], half[SIZE * SIZE / 4];
    int size = SIZE >> level;
    for (int i = 0; i < IMAGES; i++) {
        uint8_t rgb[CHANNELS * SIZE * SIZE];
        picture(real, i, rgb);
        for (int c = 0; c < CHANNELS; c++) {
            for (int k = 0; k < SIZE * SIZE; k++)
                now[k] = rgb[c * SIZE * SIZE + k];
            by_definition(now, SIZE, x[c],
                          half); // two levels: the finest, and 16 x 16, which is not taken apart
            if (level == 1)
                memcpy(x[c], half, sizeof half);
        }
        float u[2 * ATL_SWD_PATCHES];
        atl_philox_uniform(seed, UINT64_C(0x737764) << 8 | (uint64_t)level << 1 | (uint64_t)real,
                           (uint64_t)i * 2 * ATL_SWD_PATCHES, 2 * ATL_SWD_PATCHES, u);
        for (int k = 0; k < ATL_SWD_PATCHES; k++) {
            int top = (int)((double)u[2 * k] * (size - SIDE + 1)),
                left = (int)((double)u[2 * k + 1] * (size - SIDE + 1));
            for (int j = 0; j < WIDTH; j++)
                out[(i * ATL_SWD_PATCHES + k) * WIDTH + j] =
                    x[j / SIDE / SIDE][(top + j / SIDE % SIDE) * size + left + j % SIDE];
        }
    }
    for (int c = 0; c < CHANNELS; c++) {
        double sum = 0, squares = 0, n = (double)SAMPLES * SIDE * SIDE;
        for (int k = 0; k < SAMPLES * WIDTH; k++)
            if (k % WIDTH / (SIDE * SIDE) == c)
                sum += out[k], squares += out[k] * out[k];
        double mean = sum / n, deviation = sqrt(squares / n - mean * mean);
        for (int k = 0; k < SAMPLES * WIDTH; k++)
            if (k % WIDTH / (SIDE * SIDE) == c)
                out[k] = (out[k] - mean) / deviation;
    }
}

static double project(const double *x, const float *direction) {
    double sum = 0, squares = 0;
    for (int k = 0; k < WIDTH; k++) {
        sum += x[k] * (double)direction[k];
        squares += (double)direction[k] * (double)direction[k];
    }
    return sum / sqrt(squares);
}

static double level_by_definition(int level, uint64_t seed) {
    double *patches[2], *line[2], sum = 0;
    for (int side = 0; side < 2; side++) {
        patches[side] = malloc(SAMPLES * WIDTH * sizeof(double));
        line[side] = malloc(SAMPLES * sizeof(double));
        uniform_patches(side, level, seed, patches[side]);
    }
    for (int d = 0; d < LINES; d++) {
        float direction[WIDTH];
        atl_philox_normal(seed, UINT64_C(0x646972) << 8 | (uint64_t)level, (uint64_t)d * WIDTH, WIDTH,
                          direction);
        for (int side = 0; side < 2; side++)
            for (int i = 0; i < SAMPLES; i++)
                line[side][i] = project(patches[side] + i * WIDTH, direction);
        sum += line_of(line[0], line[1], SAMPLES);
    }
    for (int side = 0; side < 2; side++) {
        free(patches[side]);
        free(line[side]);
    }
    return 1e3 * sum / LINES;
}

static void measure(int threads, bool backwards, uint64_t seed, atl_estimate levels[2], atl_estimate *mean) {
    atl_ctx *ctx = ctx_with(threads);
    atl_swd *swd;
    ok(ctx, atl_swd_open(ctx, IMAGES, CHANNELS, SIZE, seed, &swd));
    assert_int_equal(atl_swd_levels(swd), 2);
    for (int k = 0; k < 2 * IMAGES; k++) {
        int i = backwards ? 2 * IMAGES - 1 - k : k;
        uint8_t rgb[CHANNELS * SIZE * SIZE];
        picture(i % 2, i / 2, rgb);
        ok(ctx, atl_swd_put(swd, i % 2, i / 2, rgb));
    }
    ok(ctx, atl_swd_finish(swd, NULL, levels, mean));
    atl_swd_close(&swd);
    atl_ctx_close(&ctx);
}

static void distance_is_that_of_its_definition(void **state) {
    (void)state;
    atl_estimate levels[2], mean, again[2], all;
    measure(1, false, 7, levels, &mean);
    for (int l = 0; l < 2; l++)
        near_to("level", levels[l].value, level_by_definition(l, 7), 1e-5); // float32 sums of 147 products
    near_to("mean", mean.value, (levels[0].value + levels[1].value) / 2, 1e-14);
    measure(3, true, 7, again, &all);
    assert_memory_equal(&again[0].value, &levels[0].value, sizeof(double));
    assert_memory_equal(&again[1].error, &levels[1].error, sizeof(double));
    assert_memory_equal(&all.value, &mean.value, sizeof(double));
    measure(2, true, 8, again, &all);
    assert_true(again[0].value != levels[0].value &&
                fabs(again[0].value - levels[0].value) < 0.2 * levels[0].value);
    assert_true(levels[0].error > 0 && levels[0].error < levels[0].value);
}

static bool stop(void *user, int64_t done, int64_t all) {
    (void)all;
    return done < *(int *)user;
}

static void what_is_missing_or_given_twice_is_refused(void **state) {
    (void)state;
    atl_ctx *ctx = ctx_with(1);
    atl_swd *swd;
    atl_estimate levels[ATL_SWD_LEVELS], mean;
    uint8_t gray[16 * 16] = { 0 };
    assert_int_equal(atl_swd_open(ctx, 2, 3, 48, 0, &swd), ATL_BAD_ARGUMENT);
    assert_null(swd);
    atl_message_clear(ctx);
    ok(ctx, atl_swd_open(ctx, 2, 1, 16, 0, &swd));
    ok(ctx, atl_swd_put(swd, true, 0, gray));
    ok(ctx, atl_swd_put(swd, true, 1, gray));
    ok(ctx, atl_swd_put(swd, false, 1, gray));
    assert_int_equal(atl_swd_put(swd, false, 1, gray), ATL_BAD_ARGUMENT);
    assert_int_equal(atl_swd_put(swd, false, 2, gray), ATL_BAD_ARGUMENT);
    atl_message_clear(ctx);
    assert_int_equal(atl_swd_finish(swd, NULL, levels, &mean), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(ctx), "generated"));
    atl_message_clear(ctx);
    ok(ctx, atl_swd_put(swd, false, 0, gray));
    int after = 2;
    assert_int_equal(atl_swd_finish(swd, &(atl_watch){ stop, &after }, levels, &mean), ATL_CANCELLED);
    atl_message_clear(ctx);
    ok(ctx, atl_swd_finish(swd, NULL, levels, &mean)); // black pictures: nothing to tell apart, and no error
    assert_true(mean.value == 0 && isnan(mean.error));
    atl_swd_close(&swd);
    atl_ctx_close(&ctx);
}

// Large pictures are kept as patches; 512 x 512 crosses the bound, and the coarse levels are what they were.
static void large_pictures_are_measured_alike(void **state) {
    (void)state;
    enum { LARGE = 512, FEW = 3 };
    atl_ctx *ctx = ctx_with(2);
    atl_swd *swd;
    uint8_t *rgb = malloc(CHANNELS * LARGE * LARGE);
    atl_estimate levels[ATL_SWD_LEVELS], mean;
    ok(ctx, atl_swd_open(ctx, FEW, CHANNELS, LARGE, 1, &swd));
    assert_int_equal(atl_swd_levels(swd), 6);
    for (int k = 0; k < 2 * FEW; k++) {
        uint32_t seed = (uint32_t)(k / 2); // both sides the same
        for (int i = 0; i < CHANNELS * LARGE * LARGE; i++)
            rgb[i] = pixel(&seed);
        ok(ctx, atl_swd_put(swd, k % 2, k / 2, rgb));
    }
    ok(ctx, atl_swd_finish(swd, NULL, levels, &mean));
    for (int l = 0; l < 6; l++) // other patches of the same noise: what two samples of 384 differ by
        assert_true(levels[l].value > 1 && levels[l].value < 150);
    atl_swd_close(&swd);
    atl_ctx_close(&ctx);
    free(rgb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pyramid_is_that_of_its_definition),
        cmocka_unit_test(lines_are_sorted_with_and_without_a_group),
        cmocka_unit_test(distance_is_that_of_its_definition),
        cmocka_unit_test(what_is_missing_or_given_twice_is_refused),
        cmocka_unit_test(large_pictures_are_measured_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
