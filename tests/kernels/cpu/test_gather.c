// SPDX-License-Identifier: Apache-2.0
// Weighted sums of rows and their transpose, every set against sums in double.
#include "../check.h"

#include "cpu/gather.h"

// n, p, q, k, c; the strides say which of index and weight all samples share
static const atl_cpu_gather_dims shapes[] = {
    { 2, 9, 7, 4, 3, 28, 28 },   { 3, 20, 5, 3, 16, 0, 0 },     { 1, 6, 40, 1, 65, 40, 40 },
    { 2, 12, 9, 6, 130, 0, 54 }, { 2, 5, 600, 2, 33, 1200, 0 }, { 1, 1, 1, 1, 1, 1, 1 },
};

static void check(const atl_cpu_gather_kernels *k, const atl_cpu_gather_dims *d, int threads) {
    size_t nx = (size_t)(d->n * d->p * d->c), ny = (size_t)(d->n * d->q * d->c), each = (size_t)(d->q * d->k);
    size_t ni = d->index_stride ? (size_t)d->n * each : each,
           nw = d->weight_stride ? (size_t)d->n * each : each;
    float *x = some_floats(nx, 1), *dy = some_floats(ny, 2), *weight = some_floats(nw, 3),
          *index = some_floats(ni, 4);
    double *want = calloc(ny, sizeof *want), *back = calloc(nx, sizeof *back);
    float *y = guarded(ny), *dx = guarded(nx);
    assert_true(want && back);
    for (size_t i = 0; i < ni; i++) // some are outside on either side, some are no numbers
        index[i] = i % 11 == 5   ? NAN
                   : i % 13 == 7 ? INFINITY
                                 : floorf((float)(d->p + 2) * (0.5f * index[i] + 0.5f)) - 1.0f;
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t i = 0; i < d->q * d->k; i++) {
            float at = index[n * d->index_stride + i];
            for (int64_t j = 0; at >= 0.0f && at < (float)d->p && j < d->c; j++) {
                size_t ix = (size_t)((n * d->p + (int64_t)at) * d->c + j);
                size_t iy = (size_t)((n * d->q + i / d->k) * d->c + j);
                want[iy] += (double)weight[n * d->weight_stride + i] * (double)x[ix];
                back[ix] += (double)weight[n * d->weight_stride + i] * (double)dy[iy];
            }
        }
    atl_cpu_gather(k, d, x, index, weight, y, team_with(threads));
    atl_cpu_gather_t(k, d, dy, index, weight, dx, team_with(threads));
    for (size_t i = 0; i < ny; i++) // up to six products below 1
        assert_true(fabs((double)y[i] - want[i]) <= 1e-6);
    for (size_t i = 0; i < nx; i++) // up to some hundred
        assert_true(fabs((double)dx[i] - back[i]) <= 3e-5);
    release_guarded(y, ny);
    release_guarded(dx, nx);
    free(x);
    free(dy);
    free(weight);
    free(index);
    free(want);
    free(back);
}

static void every_set_sums_the_rows_that_there_are(void **state) {
    (void)state;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int threads = 1; threads < 4; threads += 2)
                check(&k.gather, &shapes[i], threads);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_set_sums_the_rows_that_there_are) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
