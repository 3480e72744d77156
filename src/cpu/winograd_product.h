// SPDX-License-Identifier: Apache-2.0
// Body of the small matrix products of Winograd blocks, over vec.h.  Included by one file per instruction
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

// A product a b, or a^T b where `outer`; the functions below compute a few rows of one panel of it.
typedef struct product_part {
    const float *a, *b;
    float *c;
    size_t a_row, b_row, c_row, k;
    size_t width; // columns
    int add;      // to c
} product_part;

#define INLINED static inline __attribute__((always_inline))

// `rows` by `vectors` sums, both constants at each call.
INLINED void product_block(const product_part *p, size_t rows, size_t vectors, int outer) {
    VF sum[PRODUCT_ROWS][PRODUCT_VECTORS], column[PRODUCT_VECTORS];
    const size_t last = p->width - (vectors - 1) * VL, row = outer ? 1 : p->a_row, k = p->k;
    const float *a = p->a, *b = p->b;
    float *c = p->c;
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 12
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = vf_zero();
    for (size_t i = 0; i < k; i++, a += outer ? p->a_row : 1, b += p->b_row) {
#pragma GCC unroll 12
        for (size_t v = 0; v + 1 < vectors; v++)
            column[v] = vf_load(b + v * VL);
        column[vectors - 1] = vf_load_n(b + (vectors - 1) * VL, last);
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            VF spread = vf_set(a[r * row]);
#pragma GCC unroll 12
            for (size_t v = 0; v < vectors; v++)
                sum[r][v] = vf_fma(spread, column[v], sum[r][v]);
        }
    }
#pragma GCC unroll 12
    for (size_t r = 0; r < rows; r++, c += p->c_row) {
        if (outer && p->add) {
#pragma GCC unroll 12
            for (size_t v = 0; v + 1 < vectors; v++)
                sum[r][v] = vf_add(sum[r][v], vf_load(c + v * VL));
            sum[r][vectors - 1] = vf_add(sum[r][vectors - 1], vf_load_n(c + (vectors - 1) * VL, last));
        }
#pragma GCC unroll 12
        for (size_t v = 0; v + 1 < vectors; v++)
            vf_store(c + v * VL, sum[r][v]);
        if (last == VL) // a masked store takes many times as long on some processors
            vf_store(c + (vectors - 1) * VL, sum[r][vectors - 1]);
        else
            vf_store_n(c + (vectors - 1) * VL, sum[r][vectors - 1], last);
    }
}

#define ROWS(count, vectors)                         \
    case count:                                      \
        product_block(p, count, vectors, outer);     \
        break;

INLINED void one_vector(const product_part *p, size_t rows, int outer) {
    switch (rows) {
        ROWS(1, 1) ROWS(2, 1) ROWS(3, 1) ROWS(4, 1) ROWS(5, 1) ROWS(6, 1)
#if defined(__AVX512F__)
        ROWS(7, 1) ROWS(8, 1) ROWS(9, 1) ROWS(10, 1) ROWS(11, 1) ROWS(12, 1)
#endif
    }
}

INLINED void two_vectors(const product_part *p, size_t rows, int outer) {
    switch (rows) {
        ROWS(1, 2) ROWS(2, 2) ROWS(3, 2) ROWS(4, 2) ROWS(5, 2) ROWS(6, 2)
#if defined(__AVX512F__)
        ROWS(7, 2) ROWS(8, 2) ROWS(9, 2) ROWS(10, 2) ROWS(11, 2) ROWS(12, 2)
#endif
    }
}

#if defined(__AVX512F__)
INLINED void four_vectors(const product_part *p, size_t rows, int outer) {
    switch (rows) { ROWS(1, 4) ROWS(2, 4) ROWS(3, 4) ROWS(4, 4) ROWS(5, 4) ROWS(6, 4) }
}
#endif
#undef ROWS

static void product_rows(const product_part *p, size_t rows) {
    if (p->width <= VL)
        one_vector(p, rows, 0);
    else if (p->width <= 2 * VL)
        two_vectors(p, rows, 0);
#if defined(__AVX512F__)
    else
        four_vectors(p, rows, 0);
#endif
}

static void outer_rows(const product_part *p, size_t rows) {
    if (p->width <= VL)
        one_vector(p, rows, 1);
    else if (p->width <= 2 * VL)
        two_vectors(p, rows, 1);
#if defined(__AVX512F__)
    else
        four_vectors(p, rows, 1);
#endif
}

// All rows of a panel.
static void product_panel(const product_part *whole, size_t m, int outer) {
    size_t most = whole->width > 2 * VL ? PRODUCT_ROWS / 2 : PRODUCT_ROWS;
    size_t groups = (m + most - 1) / most; // of nearly equal size
    for (size_t g = 0; g < groups; g++) {
        size_t r = m * g / groups, rows = m * (g + 1) / groups - r;
        product_part p = *whole;
        p.a += outer ? r : r * p.a_row;
        p.c += r * p.c_row;
        (outer ? outer_rows : product_rows)(&p, rows);
    }
}

// c [m, n] = a [m, k] by b, which lies panel after panel, each [k, columns].
static void product_simd(const float *a, size_t a_row, const float *b, float *c, size_t c_row, size_t m,
                         size_t n, size_t k) {
    for (size_t column = 0, width; column < n; column += width) {
        width = panel_simd(n - column);
        product_part p = { a, b, c + column, a_row, width, c_row, k, width, 0 };
        product_panel(&p, m, 0);
        b += width * k;
    }
}

// c [m, n] = a^T b, or that much more: a [k, m], b [k, n].
static void outer_simd(const float *a, size_t a_row, const float *b, size_t b_row, float *c, size_t c_row,
                       size_t m, size_t n, size_t k, int add) {
    for (size_t column = 0, width; column < n; column += width) {
        width = panel_simd(n - column);
        product_part p = { a, b + column, c + column, a_row, b_row, c_row, k, width, add };
        product_panel(&p, m, 1);
    }
}
