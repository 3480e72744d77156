// SPDX-License-Identifier: Apache-2.0
// Products, factors and eigenvalues against definitions and identities.
#include "recorded.h"
#include "base/ctx.h"
#include "cpu/matrix.h"

static double *numbers(int64_t n, uint32_t seed) {
    double *x = malloc((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)(int32_t)(seed = seed * 1664525u + 1013904223u) * 0x1p-31;
    return x;
}

// a aT of a [n, k]: without negative eigenvalues, of rank at most k
static double *square(const double *a, int64_t n, int64_t k) {
    double *s = calloc((size_t)(n * n), sizeof *s);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t l = 0; l < k; l++)
                s[i * n + j] += a[i * k + l] * a[j * k + l];
    return s;
}

static void products_are_sums_of_products(void **state) {
    (void)state;
    static const int64_t sizes[][3] = { { 1, 1, 1 }, { 5, 70, 300 }, { 25, 24, 600 }, { 49, 13, 3 } };
    for (int threads = 1; threads <= 3; threads++)
        for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
            int64_t m = sizes[t][0], n = sizes[t][1], k = sizes[t][2];
            atl_ctx *ctx = ctx_with(threads);
            double *a = numbers(m * k, 1), *b = numbers(k * n, 2), *c = numbers(m * n, 3),
                   *want = numbers(m * n, 3);
            float *transposed = malloc((size_t)(m * k) * sizeof *transposed);
            for (int64_t i = 0; i < m; i++)
                for (int64_t l = 0; l < k; l++)
                    a[i * k + l] = (double)(transposed[l * m + i] = (float)a[i * k + l]);
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < n; j++)
                    for (int64_t l = 0; l < k; l++)
                        want[i * n + j] -= 2 * a[i * k + l] * b[l * n + j];
            ok(ctx,
               atl_matrix_add_product(ctx, c, m, n, k, atl_matrix_of(a, k), atl_matrix_of(b, n), -1, false));
            ok(ctx, atl_matrix_add_product(ctx, c, m, n, k,
                                           atl_matrix_transposed(atl_matrix_of_floats(transposed, m)),
                                           atl_matrix_of(b, n), -1, false));
            for (int64_t i = 0; i < m * n; i++)
                assert_true(fabs(c[i] - want[i]) < 4e-16 * (double)(1 + k));
            free(a);
            free(b);
            free(c);
            free(want);
            free(transposed);
            atl_ctx_close(&ctx);
        }
}

static void a_factor_makes_its_matrix_again(void **state) {
    (void)state;
    static const int64_t sizes[][2] = { { 1, 1 },    { 40, 60 }, { 120, 130 },
                                        { 120, 50 }, { 97, 1 },  { 130, 97 } };
    atl_ctx *ctx = ctx_with(2);
    for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
        int64_t n = sizes[t][0], k = sizes[t][1], rank;
        double *a = numbers(n * k, 5), *s = square(a, n, k), *kept = square(a, n, k);
        double *f = malloc((size_t)(n * n) * sizeof *f);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++)
                s[i * n + j] = NAN; // the lower half is what counts
        ok(ctx, atl_matrix_factor(ctx, s, n, f, &rank));
        assert_int_equal(rank, n < k ? n : k);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t l = 0; l < rank; l++)
                    sum += f[i * n + l] * f[j * n + l];
                assert_true(fabs(sum - kept[i * n + j]) < 1e-15 * (double)(n + k) * (double)k);
            }
        free(a);
        free(s);
        free(kept);
        free(f);
    }
    atl_ctx_close(&ctx);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The second difference: 2 - 2 cos(pi k / (n + 1)), k = 1 to n, of any size; turned by a reflection it is
// full.
static void eigenvalues_of_a_known_matrix(void **state) {
    (void)state;
    static const int64_t sizes[] = { 1, 2, 3, 6, 33, 300 };
    for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++)
        for (int turned = 0; turned < 2; turned++) {
            int64_t n = sizes[t];
            atl_ctx *ctx = ctx_with(1 + turned);
            double *a = calloc((size_t)(n * n), sizeof *a), *v = numbers(n, 3);
            double length = 0, *values = malloc((size_t)n * sizeof *values);
            for (int64_t i = 0; i < n; i++) {
                a[i * n + i] = 2;
                if (i)
                    a[i * n + i - 1] = a[(i - 1) * n + i] = -1;
                length += v[i] * v[i];
            }
            for (int side = 0; side < 2 && turned; side++) // H A, then the transpose's
                for (int64_t j = 0; j < n; j++) {
                    double sum = 0;
                    for (int64_t i = 0; i < n; i++)
                        sum += v[i] * a[side ? j * n + i : i * n + j];
                    for (int64_t i = 0; i < n; i++)
                        a[side ? j * n + i : i * n + j] -= 2 * sum / length * v[i];
                }
            ok(ctx, atl_matrix_eigenvalues(ctx, a, n, values));
            qsort(values, (size_t)n, sizeof *values, ascending);
            for (int64_t k = 0; k < n; k++)
                assert_true(fabs(values[k] - (2 - 2 * cos(3.14159265358979323846 * (double)(k + 1) /
                                                          (double)(n + 1)))) < 1e-15 * (double)(n + 3));
            free(a);
            free(v);
            free(values);
            atl_ctx_close(&ctx);
        }
}

// Sums of eigenvalues and of their squares are the trace and the sum of squares; threads don't show.
static void eigenvalues_keep_traces_for_any_number_of_threads(void **state) {
    (void)state;
    enum { N = 400 };
    double *first = NULL;
    for (int threads = 1; threads <= 3; threads++)
        for (int deficient = 1; deficient >= 0; deficient--) {
            atl_ctx *ctx = ctx_with(threads);
            int64_t k = deficient ? 100 : N + 20;
            double *a = numbers(N * k, 11), *s = square(a, N, k), *values = malloc(N * sizeof *values);
            double trace = 0, squares = 0, sum = 0, sum2 = 0;
            for (int i = 0; i < N; i++)
                trace += s[i * N + i];
            for (int i = 0; i < N * N; i++)
                squares += s[i] * s[i];
            ok(ctx, atl_matrix_eigenvalues(ctx, s, N, values));
            for (int i = 0; i < N; i++)
                sum += values[i], sum2 += values[i] * values[i];
            near_to("trace", sum, trace, 1e-13);
            near_to("squares", sum2, squares, 1e-13);
            qsort(values, N, sizeof *values, ascending);
            assert_true(!deficient || fabs(values[N - k - 1]) < 1e-14 * values[N - 1]);
            if (first && !deficient)
                assert_memory_equal(first, values, N * sizeof *values);
            free(a);
            free(s);
            if (deficient || first)
                free(values);
            else
                first = values;
            atl_ctx_close(&ctx);
        }
    free(first);
}

// A v = value v, rows of length 1 at right angles, from the largest value down.
static void check_eigenvectors(const double *a, int64_t n) {
    atl_ctx *ctx = ctx_with(1);
    double *copy = malloc((size_t)(n * n) * sizeof *copy), *rows = malloc((size_t)(n * n) * sizeof *rows);
    double *values = malloc((size_t)n * sizeof *values), largest = 0;
    memcpy(copy, a, (size_t)(n * n) * sizeof *copy);
    ok(ctx, atl_matrix_eigenvectors(ctx, copy, n, values, rows));
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(values[i]));
    for (int64_t i = 0; i < n; i++) {
        assert_true(i == 0 || values[i] <= values[i - 1]);
        for (int64_t j = 0; j < n; j++) {
            double product = 0, along = 0;
            for (int64_t k = 0; k < n; k++) {
                product += rows[i * n + k] * rows[j * n + k];
                along += a[j * n + k] * rows[i * n + k];
            }
            assert_true(fabs(product - (i == j)) < 1e-13 * (double)(n + 10));
            assert_true(fabs(along - values[i] * rows[i * n + j]) <= 1e-14 * (double)(n + 10) * largest);
        }
    }
    free(copy);
    free(rows);
    free(values);
    atl_ctx_close(&ctx);
}

static void eigenvectors_are_turned_into_themselves(void **state) {
    (void)state;
    static const int64_t sizes[][2] = { { 1, 1 }, { 2, 2 }, { 3, 1 }, { 60, 200 }, { 61, 30 } };
    for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
        int64_t n = sizes[t][0], k = sizes[t][1];
        double *some = numbers(n * k, 17), *a = square(some, n, k);
        check_eigenvectors(a, n);
        for (int64_t i = 0; i < n; i++) // of both signs, and of numbers whose squares are out of range
            for (int64_t j = 0; j < n; j++)
                a[i * n + j] = (a[i * n + j] - (i == j ? 3 : 0)) * 1e200;
        check_eigenvectors(a, n);
        memset(a, 0, (size_t)(n * n) * sizeof *a);
        check_eigenvectors(a, n);
        a[n * n - 1] = NAN;
        atl_ctx *ctx = ctx_with(1);
        double *rows = malloc((size_t)(n * n) * sizeof *rows), values[64];
        assert_int_equal(atl_matrix_eigenvectors(ctx, a, n, values, rows), ATL_BAD_ARGUMENT);
        free(rows);
        atl_ctx_close(&ctx);
        free(some);
        free(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_sums_of_products),
        cmocka_unit_test(a_factor_makes_its_matrix_again),
        cmocka_unit_test(eigenvalues_of_a_known_matrix),
        cmocka_unit_test(eigenvalues_keep_traces_for_any_number_of_threads),
        cmocka_unit_test(eigenvectors_are_turned_into_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
