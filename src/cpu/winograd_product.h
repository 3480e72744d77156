// SPDX-License-Identifier: Apache-2.0
// Body of the small matrix product of Winograd blocks, over vec.h.  Included by one file per instruction
// set through winograd_simd.h.
//
// A few rows by two or four vectors of columns stay in registers through all of k: each number of a is
// spread over a vector once and meets all columns.
#include "cpu/vec.h"

enum { PRODUCT_ROWS = VL == 16 ? 12 : 6, PRODUCT_VECTORS = VL == 16 ? 4 : 2 };

// Columns of the panel at the start of `rest` columns.
static size_t panel_simd(size_t rest) {
    return rest >= PRODUCT_VECTORS * VL ? PRODUCT_VECTORS * VL : rest < 2 * VL ? rest : 2 * VL;
}

// `rows` by `vectors` sums, both constants at each call; the last vector has `last` columns.
static inline __attribute__((always_inline)) void product_block(const float *a, size_t a_row, const float *b,
                                                                size_t width, float *c, size_t c_row,
                                                                size_t k, size_t rows, size_t vectors,
                                                                size_t last) {
    VF sum[PRODUCT_ROWS][PRODUCT_VECTORS], column[PRODUCT_VECTORS];
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 12
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = vf_zero();
    for (size_t i = 0; i < k; i++, b += width) {
#pragma GCC unroll 12
        for (size_t v = 0; v + 1 < vectors; v++)
            column[v] = vf_load(b + v * VL);
        column[vectors - 1] = vf_load_n(b + (vectors - 1) * VL, last);
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            VF spread = vf_set(a[r * a_row + i]);
#pragma GCC unroll 12
            for (size_t v = 0; v < vectors; v++)
                sum[r][v] = vf_fma(spread, column[v], sum[r][v]);
        }
    }
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 12
        for (size_t v = 0; v + 1 < vectors; v++)
            vf_store(c + r * c_row + v * VL, sum[r][v]);
        vf_store_n(c + r * c_row + (vectors - 1) * VL, sum[r][vectors - 1], last);
    }
}

#define ROWS(count, vectors)                                                                             \
    case count:                                                                                          \
        product_block(a, a_row, b, width, c, c_row, k, count, vectors, width - (vectors - 1) * VL);      \
        break;

static void one_vector(const float *a, size_t a_row, const float *b, size_t width, float *c, size_t c_row,
                       size_t k, size_t rows) {
    switch (rows) {
        ROWS(1, 1) ROWS(2, 1) ROWS(3, 1) ROWS(4, 1) ROWS(5, 1) ROWS(6, 1)
#if defined(__AVX512F__)
        ROWS(7, 1) ROWS(8, 1) ROWS(9, 1) ROWS(10, 1) ROWS(11, 1) ROWS(12, 1)
#endif
    }
}

static void two_vectors(const float *a, size_t a_row, const float *b, size_t width, float *c, size_t c_row,
                        size_t k, size_t rows) {
    switch (rows) {
        ROWS(1, 2) ROWS(2, 2) ROWS(3, 2) ROWS(4, 2) ROWS(5, 2) ROWS(6, 2)
#if defined(__AVX512F__)
        ROWS(7, 2) ROWS(8, 2) ROWS(9, 2) ROWS(10, 2) ROWS(11, 2) ROWS(12, 2)
#endif
    }
}

#if defined(__AVX512F__)
static void four_vectors(const float *a, size_t a_row, const float *b, size_t width, float *c, size_t c_row,
                         size_t k, size_t rows) {
    switch (rows) { ROWS(1, 4) ROWS(2, 4) ROWS(3, 4) ROWS(4, 4) ROWS(5, 4) ROWS(6, 4) }
}
#endif
#undef ROWS

// c [m, n] = a [m, k] by b, which lies panel after panel, each [k, columns].
static void product_simd(const float *a, size_t a_row, const float *b, float *c, size_t c_row, size_t m,
                         size_t n, size_t k) {
    for (size_t column = 0, width; column < n; column += width) {
        width = panel_simd(n - column);
        void (*block)(const float *, size_t, const float *, size_t, float *, size_t, size_t, size_t) =
            width > VL ? two_vectors : one_vector;
        size_t most = PRODUCT_ROWS;
#if defined(__AVX512F__)
        if (width > 2 * VL) {
            block = four_vectors;
            most = PRODUCT_ROWS / 2;
        }
#endif
        size_t groups = (m + most - 1) / most; // of nearly equal size
        for (size_t g = 0; g < groups; g++) {
            size_t r = m * g / groups, rows = m * (g + 1) / groups - r;
            block(a + r * a_row, a_row, b, width, c + r * c_row + column, c_row, k, rows);
        }
        b += width * k;
    }
}
