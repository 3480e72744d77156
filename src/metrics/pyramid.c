// SPDX-License-Identifier: Apache-2.0
// Down and up by two: see pyramid.h.  Both ways the filter is separable, so rows come first, then columns.
#include "metrics/pyramid.h"

void atl_pyramid_reduce(const float *x, int64_t size, float *rows, float *half) {
    int64_t n = size / 2;
    for (int64_t p = 0; p < size; p++) {
        const float *in = x + p * size;
        float *out = rows + p * n;
        out[0] = (6 * in[0] + 8 * in[1] + 2 * in[2]) / 16;
        for (int64_t q = 1; q < n - 1; q++)
            out[q] =
                (6 * in[2 * q] + 4 * (in[2 * q - 1] + in[2 * q + 1]) + (in[2 * q - 2] + in[2 * q + 2])) / 16;
        const float *end = in + size - 2; // the last pixel but one; beyond the last one it is seen again
        out[n - 1] = (7 * end[0] + 4 * (end[-1] + end[1]) + end[-2]) / 16;
    }
    for (int64_t p = 0; p < n; p++) {
        const float *r[5];
        for (int64_t k = 0; k < 5; k++) {
            int64_t at = 2 * p + k - 2;
            r[k] = rows + (at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at) * n;
        }
        for (int64_t q = 0; q < n; q++)
            half[p * n + q] = (6 * r[2][q] + 4 * (r[1][q] + r[3][q]) + (r[0][q] + r[4][q])) / 16;
    }
}

// Between pixels their mean; at one 6 of itself and 1 of each neighbour.  Zeros were put between pixels
// before they were smoothed and mirrored: before the first one lies the second, after the last one itself.
static int64_t before(int64_t p) {
    return p ? p - 1 : 1;
}

static int64_t after(int64_t p, int64_t n) {
    return p < n - 1 ? p + 1 : p;
}

void atl_pyramid_subtract(float *x, int64_t size, const float *half, float *rows) {
    int64_t n = size / 2;
    for (int64_t p = 0; p < n; p++) {
        const float *in = half + p * n;
        float *out = rows + p * size;
        for (int64_t q = 0; q < n; q++) {
            out[2 * q] = (6 * in[q] + (in[before(q)] + in[after(q, n)])) / 8;
            out[2 * q + 1] = (in[q] + in[after(q, n)]) / 2;
        }
    }
    for (int64_t p = 0; p < n; p++) {
        const float *up = rows + before(p) * size, *at = rows + p * size, *down = rows + after(p, n) * size;
        float *even = x + 2 * p * size, *odd = even + size;
        for (int64_t q = 0; q < size; q++) {
            even[q] -= (6 * at[q] + (up[q] + down[q])) / 8;
            odd[q] -= (at[q] + down[q]) / 2;
        }
    }
}
