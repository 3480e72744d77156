// SPDX-License-Identifier: Apache-2.0
// Bodies of the weight transform and of its transpose: plain C that compilers turn into vectors over 16 output
// channels.  Included once per instruction set; doubles, since their rounding would stay.
#include "cpu/winograd_kernels.h"

enum { WEIGHT_LANES = 16 };

static void weight_transform(const atl_cpu_wino_taps *w, size_t co, const double *g,
                             const unsigned char *order, size_t k0, size_t k1, size_t c0, size_t c1,
                             float *u) {
    size_t n = c1 - c0;
    double tap[9][WEIGHT_LANES] = { { 0 } }, half[18][WEIGHT_LANES]; // half = g tap [6, 3]
    for (size_t k = k0; k < k1; k++) {
        const float *from = w->first + (ptrdiff_t)c0 * w->output + (ptrdiff_t)k * w->input;
        for (ptrdiff_t l = 0; l < (ptrdiff_t)n; l++)
            for (ptrdiff_t r = 0; r < 9; r++)
                tap[r][l] = (double)from[l * w->output + r * w->tap];
        for (size_t i = 0; i < 6; i++)
            for (size_t s = 0; s < 3; s++)
                for (size_t l = 0; l < WEIGHT_LANES; l++)
                    half[i * 3 + s][l] = g[i * 3] * tap[s][l] + g[i * 3 + 1] * tap[3 + s][l] +
                                         g[i * 3 + 2] * tap[6 + s][l];
        for (size_t i = 0; i < 6; i++)
            for (size_t j = 0; j < 6; j++) {
                float full[WEIGHT_LANES], *to = u + (order[i * 6 + j] * (k1 - k0) + k - k0) * co + c0;
                for (size_t l = 0; l < WEIGHT_LANES; l++)
                    full[l] = (float)(g[j * 3] * half[i * 3][l] + g[j * 3 + 1] * half[i * 3 + 1][l] +
                                      g[j * 3 + 2] * half[i * 3 + 2][l]);
                if (n == WEIGHT_LANES)
                    for (size_t l = 0; l < WEIGHT_LANES; l++)
                        to[l] = full[l];
                else
                    for (size_t l = 0; l < n; l++)
                        to[l] = full[l];
            }
    }
}

static void weight_gradient(const float *u, size_t plane, size_t n, const double *g, float *w, size_t step) {
    double half[18][WEIGHT_LANES] = { { 0 } }; // half = u g [6, 3]
    float tap[9][WEIGHT_LANES];
    for (size_t p = 0; p < 6; p++)
        for (size_t q = 0; q < 6; q++) {
            double full[WEIGHT_LANES] = { 0 };
            const float *from = u + (p * 6 + q) * plane;
            for (size_t l = 0; l < n; l++)
                full[l] = (double)from[l];
            for (size_t s = 0; s < 3; s++)
                for (size_t l = 0; l < WEIGHT_LANES; l++)
                    half[p * 3 + s][l] += g[q * 3 + s] * full[l];
        }
    for (size_t r = 0; r < 3; r++)
        for (size_t s = 0; s < 3; s++)
            for (size_t l = 0; l < WEIGHT_LANES; l++) {
                double sum = 0;
                for (size_t p = 0; p < 6; p++)
                    sum += g[p * 3 + r] * half[p * 3 + s][l];
                tap[r * 3 + s][l] = (float)sum;
            }
    for (size_t l = 0; l < n; l++)
        for (size_t r = 0; r < 9; r++)
            w[l * step + r] = tap[r][l];
}
