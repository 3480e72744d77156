// SPDX-License-Identifier: Apache-2.0
// Body of the weight transform: plain C that compilers turn into vectors over 16 output channels.
// Included once per instruction set; doubles, since it runs once and its rounding would stay.
#include "cpu/winograd_kernels.h"

enum { WEIGHT_LANES = 16 };

static void weight_transform(const atl_wino_taps *w, size_t co, const double *g, const unsigned char *order,
                             size_t k0, size_t k1, size_t c0, size_t c1, float *u) {
    size_t n = c1 - c0;
    for (size_t k = k0; k < k1; k++) {
        double tap[9][WEIGHT_LANES] = { { 0 } }, half[18][WEIGHT_LANES]; // half = g tap [6, 3]
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
