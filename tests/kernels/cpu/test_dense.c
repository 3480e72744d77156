// SPDX-License-Identifier: Apache-2.0
// Dense arithmetic, every set against its definition.
#include "../check.h"

#include "base/half.h"
#include "cpu/dense.h"

static double next_double(uint32_t *seed) {
    return (double)next_float(seed);
}

static void fill(double *x, size_t n, uint32_t seed) {
    for (size_t i = 0; i < n; i++)
        x[i] = next_double(&seed);
}

// Sums of k products below 1, in double: a few roundings of 1.1e-16 for each.
static double bound(size_t k) {
    return 4e-16 * (1 + (double)k);
}

static void tiles_are_products(void **state) {
    (void)state;
    enum { K = 300, STEP = ATL_DENSE_COLUMNS + 3 };
    static double a[K * ATL_DENSE_COLUMNS], b[K * ATL_DENSE_COLUMNS], c[ATL_DENSE_COLUMNS * STEP];
    fill(a, K * ATL_DENSE_COLUMNS, 1);
    fill(b, K * ATL_DENSE_COLUMNS, 2);
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        const atl_cpu_dense_kernels *d = &kernels_of((atl_cpu_set)set)->dense;
        assert_true(ATL_DENSE_COLUMNS % d->rows == 0 && ATL_DENSE_COLUMNS % d->columns == 0);
        for (size_t k = 0; k <= K; k += k < 2 ? 1 : 149) {
            fill(c, ATL_DENSE_COLUMNS * STEP, 3);
            uint32_t seed = 3;
            d->tile(c, STEP, a, b, k);
            for (size_t i = 0; i < ATL_DENSE_COLUMNS; i++)
                for (size_t j = 0; j < STEP; j++) {
                    double want = next_double(&seed);
                    for (size_t l = 0; l < k && i < d->rows && j < d->columns; l++)
                        want += a[l * d->rows + i] * b[l * d->columns + j];
                    assert_true(fabs(c[i * STEP + j] - want) <= bound(k));
                }
        }
    }
}

static void sweeps_update_and_multiply(void **state) {
    (void)state;
    enum { N = 67, STEP = N + 2, ROWS = ATL_DENSE_SWEEP };
    double a[ROWS * STEP], row[4][N], each[3][ROWS], y[N], sums[ROWS];
    for (int set = 0; set <= (int)atl_cpu_detect(); set++)
        for (size_t n = 0; n <= N; n += n < 20 ? 1 : 47) {
            double *us = row[0], *qs = row[1], *xs = row[2], *before = row[3];
            fill(a, ROWS * STEP, 1);
            fill(row[0], 4 * N, 2);
            fill(each[0], 3 * ROWS, 3);
            fill(y, N, 4);
            memcpy(before, y, sizeof y);
            kernels_of((atl_cpu_set)set)
                ->dense.sweep(a, STEP, n, each[0], each[1], us, qs, each[2], xs, y, sums);
            double want[ROWS * STEP];
            fill(want, ROWS * STEP, 1);
            for (size_t i = 0; i < ROWS; i++) {
                double sum = 0;
                for (size_t j = 0; j < n; j++) {
                    double *t = want + i * STEP + j;
                    *t -= each[0][i] * qs[j] + each[1][i] * us[j];
                    before[j] += each[2][i] * *t;
                    sum += *t * xs[j];
                }
                assert_true(fabs(sums[i] - sum) <= bound(n) * 3);
            }
            for (size_t i = 0; i < ROWS * STEP; i++)
                assert_true(fabs(a[i] - want[i]) <= bound(1));
            for (size_t j = 0; j < N; j++)
                assert_true(fabs(y[j] - before[j]) <= bound(1) * 12);
        }
}

static void distances_are_those_of_rows(void **state) {
    (void)state;
    static const size_t widths[] = { 1, 7, 8, 9, 15, 16, 17, 100 };
    for (int set = 0; set <= (int)atl_cpu_detect(); set++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t m = 1; m <= 9; m++) {
                size_t n = 10 - m, k = widths[w], step = k + 3, d_step = n + 1;
                float *a = some_floats(m * step, 1), *b = some_floats(n * step, 2), *d = guarded(m * d_step);
                for (size_t i = 0; i < m; i++)
                    for (size_t j = 0; j < n; j++)
                        d[i * d_step + j] = 1.0f;
                kernels_of((atl_cpu_set)set)->dense.distances(d, d_step, a, b, step, m, n, k);
                for (size_t i = 0; i < m; i++) {
                    for (size_t j = 0; j < n; j++) {
                        double want = 1;
                        for (size_t l = 0; l < k; l++)
                            want += pow((double)a[i * step + l] - (double)b[j * step + l], 2);
                        // all terms are of one sign: a rounding of 6e-8 for each addition is never exceeded
                        assert_true(fabs((double)d[i * d_step + j] - want) <= 6e-8 * (double)(k + 4) * want);
                    }
                    assert_true(isnan(d[i * d_step + n]));
                }
                release_guarded(d, m * d_step);
                free(a);
                free(b);
            }
}

static void halves_are_widened(void **state) {
    (void)state;
    static uint16_t x[65536];
    for (size_t i = 0; i < 65536; i++)
        x[i] = (uint16_t)i;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++)
        for (size_t n = 65536 - 33; n <= 65536; n += 11) {
            float *y = guarded(n);
            kernels_of((atl_cpu_set)set)->dense.from_half(y, x, n);
            for (size_t i = 0; i < n; i++) {
                float want = atl_f16_to_f32(x[i]);
                assert_true(isnan(want) ? isnan(y[i]) : !memcmp(&want, &y[i], sizeof want));
            }
            release_guarded(y, n);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_are_products),
        cmocka_unit_test(sweeps_update_and_multiply),
        cmocka_unit_test(distances_are_those_of_rows),
        cmocka_unit_test(halves_are_widened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
