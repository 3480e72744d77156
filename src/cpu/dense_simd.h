// SPDX-License-Identifier: Apache-2.0
// Dense arithmetic.  A tile has three vectors of columns: of 4 rows with the 16 registers of AVX2, of 8 with
// the 32 of AVX-512.
#include "base/half.h"
#include "cpu/dense.h"
#include "cpu/vec_double.h"

enum { ROWS = VL == 16 ? 8 : 4, VECTORS = 3, COLUMNS = VECTORS * DL };

static void tile(double *c, size_t c_step, const double *a, const double *b, size_t k) {
    VD s[ROWS][VECTORS];
    for (size_t i = 0; i < ROWS; i++)
        for (size_t v = 0; v < VECTORS; v++)
            s[i][v] = vd_set(0);
    for (size_t l = 0; l < k; l++, a += ROWS, b += COLUMNS) {
        VD w[VECTORS];
        for (size_t v = 0; v < VECTORS; v++)
            w[v] = vd_load(b + v * DL);
        for (size_t i = 0; i < ROWS; i++) {
            VD factor = vd_set(a[i]);
            for (size_t v = 0; v < VECTORS; v++)
                s[i][v] = vd_fma(factor, w[v], s[i][v]);
        }
    }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t v = 0; v < VECTORS; v++) {
            double *to = c + i * c_step + v * DL;
            vd_store(to, vd_add(vd_load(to), s[i][v]));
        }
}

static double sum_of(VD a) {
    double part[DL], sum = 0;
    vd_store(part, a);
    for (size_t i = 0; i < DL; i++)
        sum += part[i];
    return sum;
}

static void sweep(double *a, size_t step, size_t n, const double *u, const double *q, const double *us,
                  const double *qs, const double *xi, const double *xs, double *y, double *sums) {
    enum { N = ATL_DENSE_SWEEP };
    VD s[N], ui[N], qi[N], x[N];
    for (size_t i = 0; i < N; i++)
        s[i] = vd_set(0), ui[i] = vd_set(u[i]), qi[i] = vd_set(q[i]), x[i] = vd_set(xi[i]);
    size_t j = 0;
    for (; j + DL <= n; j += DL) {
        VD uj = vd_load(us + j), qj = vd_load(qs + j), xj = vd_load(xs + j), yj = vd_load(y + j);
        for (size_t i = 0; i < N; i++) {
            double *at = a + i * step + j;
            VD t = vd_fnma(qi[i], uj, vd_fnma(ui[i], qj, vd_load(at)));
            vd_store(at, t);
            yj = vd_fma(x[i], t, yj);
            s[i] = vd_fma(t, xj, s[i]);
        }
        vd_store(y + j, yj);
    }
    for (size_t i = 0; i < N; i++) {
        sums[i] = sum_of(s[i]);
        for (size_t k = j; k < n; k++) {
            double t = a[i * step + k] - u[i] * qs[k] - q[i] * us[k];
            a[i * step + k] = t;
            y[k] += xi[i] * t;
            sums[i] += t * xs[k];
        }
    }
}

// A constant number of rows and columns: their sums become registers.
static inline void some_distances(float *d, size_t d_step, const float *a, const float *b, size_t step,
                                  size_t m, size_t n, size_t k) {
    VF s[4][4];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            s[i][j] = vf_zero();
    size_t l = 0;
    for (; l + VL <= k; l += VL) {
        VF y[4];
        for (size_t j = 0; j < n; j++)
            y[j] = vf_load(b + j * step + l);
        for (size_t i = 0; i < m; i++) {
            VF x = vf_load(a + i * step + l);
            for (size_t j = 0; j < n; j++) {
                VF t = vf_sub(x, y[j]);
                s[i][j] = vf_fma(t, t, s[i][j]);
            }
        }
    }
    for (size_t i = 0; i < m && l < k; i++)
        for (size_t j = 0; j < n; j++) {
            VF t = vf_sub(vf_load_n(a + i * step + l, k - l), vf_load_n(b + j * step + l, k - l));
            s[i][j] = vf_fma(t, t, s[i][j]);
        }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            d[i * d_step + j] += vf_sum(s[i][j]);
}

static void distances(float *d, size_t d_step, const float *a, const float *b, size_t step, size_t m,
                      size_t n, size_t k) {
    enum { WIDE = VL == 16 ? 4 : 2 };
    for (size_t i = 0; i < m; i += 4)
        for (size_t j = 0; j < n; j += WIDE) {
            float *to = d + i * d_step + j;
            if (i + 4 <= m && j + WIDE <= n) {
                some_distances(to, d_step, a + i * step, b + j * step, step, 4, WIDE, k);
                continue;
            }
            for (size_t r = 0; r < 4 && i + r < m; r++)
                for (size_t s = 0; s < WIDE && j + s < n; s++)
                    some_distances(to + r * d_step + s, d_step, a + (i + r) * step, b + (j + s) * step, step,
                                   1, 1, k);
        }
}

static void from_half(float *y, const uint16_t *x, size_t n) {
    size_t i = 0;
    for (; i + VL <= n; i += VL)
        vf_store(y + i, vf_from_half(x + i));
    for (; i < n; i++)
        y[i] = atl_f16_to_f32(x[i]);
}

void ATL_VEC(atl_cpu_dense_init)(atl_cpu_dense_kernels *k) {
    *k = (atl_cpu_dense_kernels){ ROWS, COLUMNS, tile, sweep, distances, from_half };
}
