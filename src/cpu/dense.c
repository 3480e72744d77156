// SPDX-License-Identifier: Apache-2.0
// The reference of dense.h.
#include "cpu/dense.h"

#include "base/half.h"

enum { ROWS = 4, COLUMNS = 4 };

static void tile(double *c, size_t c_step, const double *a, const double *b, size_t k) {
    double sum[ROWS][COLUMNS];
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLUMNS; j++)
            sum[i][j] = 0;
    for (size_t l = 0; l < k; l++, a += ROWS, b += COLUMNS)
        for (size_t i = 0; i < ROWS; i++)
            for (size_t j = 0; j < COLUMNS; j++)
                sum[i][j] += a[i] * b[j];
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLUMNS; j++)
            c[i * c_step + j] += sum[i][j];
}

static void sweep(double *a, size_t step, size_t n, const double *u, const double *q, const double *us,
                  const double *qs, const double *xi, const double *xs, double *y, double *sums) {
    for (size_t i = 0; i < ATL_DENSE_SWEEP; i++) {
        sums[i] = 0;
        for (size_t j = 0; j < n; j++) {
            double t = a[i * step + j] - u[i] * qs[j] - q[i] * us[j];
            a[i * step + j] = t;
            y[j] += xi[i] * t;
            sums[i] += t * xs[j];
        }
    }
}

static void distances(float *d, size_t d_step, const float *a, const float *b, size_t step, size_t m,
                      size_t n, size_t k) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = 0.0f;
            for (size_t l = 0; l < k; l++) {
                float t = a[i * step + l] - b[j * step + l];
                sum += t * t;
            }
            d[i * d_step + j] += sum;
        }
}

static void from_half(float *y, const uint16_t *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] = atl_f16_to_f32(x[i]);
}

void atl_cpu_dense_init(atl_cpu_dense_kernels *k) {
    *k = (atl_cpu_dense_kernels){ ROWS, COLUMNS, tile, sweep, distances, from_half };
}
