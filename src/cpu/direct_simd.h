// SPDX-License-Identifier: Apache-2.0
// Body of the inner loops of direct convolution, over vec.h.  Included by one file per instruction set.
//
// Six rows by two or four vectors of columns stay in registers through all that is summed: each number of the
// source is spread over a vector once and meets all columns.
#include "cpu/direct_kernels.h"
#include "cpu/vec.h"

enum { ROWS = 6, VECTORS = VL == 16 ? 4 : 2, LINE = 16 }; // floats of a line of the caches

#define INLINE static inline __attribute__((always_inline))

static size_t panel_simd(size_t rest) {
    return rest >= VECTORS * VL ? VECTORS * VL : rest < 2 * VL ? rest : 2 * VL;
}

// Sums to a row of the result, or added to it; `last` columns of the last vector.
INLINE void put(float *to, const VF *sum, size_t vectors, size_t last, int add) {
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) {
        size_t n = v + 1 < vectors ? VL : last;
        if (n == VL) // a masked store takes many times as long on some processors
            vf_store(to + v * VL, add ? vf_add(sum[v], vf_load(to + v * VL)) : sum[v]);
        else
            vf_store_n(to + v * VL, add ? vf_add(sum[v], vf_load_n(to + v * VL, n)) : sum[v], n);
    }
}

INLINE void clear(VF sum[ROWS][VECTORS], size_t rows, size_t vectors) {
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = vf_zero();
}

INLINE void take(VF *column, const float *from, size_t vectors, size_t last) {
#pragma GCC unroll 4
    for (size_t v = 0; v + 1 < vectors; v++)
        column[v] = vf_load(from + v * VL);
    column[vectors - 1] = vf_load_n(from + (vectors - 1) * VL, last);
}

INLINE void meet(VF *sum, float number, const VF *column, size_t vectors) {
    VF spread = vf_set(number);
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++)
        sum[v] = vf_fma(spread, column[v], sum[v]);
}

// ---- sums over taps and channels: rows are pixels

// One panel's columns of a few pixels.
typedef struct tile {
    const atl_cpu_direct_part *part;
    const float *weight;
    size_t first, column, width;
    size_t ahead; // pixels of the next tile, to be brought to L2
} tile;

INLINE int all_outside(const float *const *from, size_t rows, const float *zeros) {
    int some = 0;
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++)
        some |= from[r] != zeros;
    return !some;
}

// `rows` by `vectors` sums, both constants at each call.
INLINE void tile_sums(const tile *t, size_t rows, size_t vectors) {
    const atl_cpu_direct_part *p = t->part;
    const size_t last = t->width - (vectors - 1) * VL, channels = p->channels, width = t->width;
    const float *const *from = p->from + t->first, *weight = t->weight;
    VF sum[ROWS][VECTORS], column[VECTORS];
    clear(sum, rows, vectors);
    for (size_t tap = 0; tap < p->taps; tap++, from += p->step) {
        const float *x[ROWS];
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++)
            x[r] = from[r] + p->channel;
        if (all_outside(from, rows, p->zeros)) {
            weight += channels * width;
            continue;
        }
        for (size_t r = 0; r < t->ahead; r++)
            for (size_t c = 0; c < channels; c += LINE)
                __builtin_prefetch(from[rows + r] + p->channel + c, 0, 2);
        for (size_t c = 0; c < channels; c++, weight += width) {
            take(column, weight, vectors, last);
#pragma GCC unroll 6
            for (size_t r = 0; r < rows; r++)
                meet(sum[r], x[r][c], column, vectors);
        }
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++)
        put(p->to[t->first + r] + t->column, sum[r], vectors, last, p->add);
}

// A function that makes `rows` by `vectors` sums, with both of them constants where `sums` is called.
#define BY_ROWS(name, type, sums, vectors)                                                                   \
    static void name(const type *t, size_t rows) {                                                           \
        switch (rows) {                                                                                      \
        case 1: sums(t, 1, vectors); break;                                                                  \
        case 2: sums(t, 2, vectors); break;                                                                  \
        case 3: sums(t, 3, vectors); break;                                                                  \
        case 4: sums(t, 4, vectors); break;                                                                  \
        case 5: sums(t, 5, vectors); break;                                                                  \
        case 6: sums(t, 6, vectors); break;                                                                  \
        }                                                                                                    \
    }

BY_ROWS(sums_one, tile, tile_sums, 1)
BY_ROWS(sums_two, tile, tile_sums, 2)
#if defined(__AVX512F__)
BY_ROWS(sums_four, tile, tile_sums, 4)
#endif

static void sums_simd(const atl_cpu_direct_part *p) {
    const float *weight = p->weight;
    const size_t groups = (p->pixels + ROWS - 1) / ROWS; // of nearly equal size
    for (size_t c = 0, width; c < p->columns; c += width) {
        width = panel_simd(p->columns - c);
        for (size_t g = 0; g < groups; g++) {
            size_t first = p->pixels * g / groups, rows = p->pixels * (g + 1) / groups - first;
            size_t ahead = c == 0 ? p->pixels * (g + 2) / groups - first - rows : 0;
            tile t = { p, weight, first, p->column + c, width, g + 1 < groups ? ahead : 0 };
            if (width <= VL)
                sums_one(&t, rows);
            else if (width <= 2 * VL)
                sums_two(&t, rows);
#if defined(__AVX512F__)
            else
                sums_four(&t, rows);
#endif
        }
        weight += p->taps * p->channels * width;
    }
}

// ---- sums over pixels: rows are channels of the source

typedef struct strip {         // a few of them
    const float *const *from;  // of the tap
    const float *const *ahead; // what to bring to L2
    const float *dy;           // [pixels, width]
    float *sums;
    size_t channel, pixels, width, columns;
    int add;
} strip;

INLINE void strip_sums(const strip *s, size_t rows, size_t vectors) {
    const size_t last = s->width - (vectors - 1) * VL, channel = s->channel, width = s->width,
                 pixels = s->pixels;
    const float *const *from = s->from, *const *ahead = s->ahead, *dy = s->dy;
    VF sum[ROWS][VECTORS], column[VECTORS];
    clear(sum, rows, vectors);
    for (size_t i = 0; i < pixels; i++, dy += width) {
        const float *x = from[i] + channel;
        __builtin_prefetch(ahead[i] + channel, 0, 2);
        take(column, dy, vectors, last);
#pragma GCC unroll 6
        for (size_t r = 0; r < rows; r++)
            meet(sum[r], x[r], column, vectors);
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < rows; r++)
        put(s->sums + r * s->columns, sum[r], vectors, last, s->add);
}

BY_ROWS(grad_one, strip, strip_sums, 1)
BY_ROWS(grad_two, strip, strip_sums, 2)
#if defined(__AVX512F__)
BY_ROWS(grad_four, strip, strip_sums, 4)
#endif
#undef BY_ROWS

// The columns of a panel, one pixel after another: they are read again for every few channels.
INLINE void take_panel(const float *dy, size_t step, size_t pixels, size_t width, float *to) {
    for (size_t i = 0; i < pixels; i++, dy += step, to += width)
        for (size_t j = 0; j < width; j += VL) {
            size_t n = width - j < VL ? width - j : VL;
            if (n == VL)
                vf_store(to + j, vf_load(dy + j));
            else
                vf_store_n(to + j, vf_load_n(dy + j, n), n);
        }
}

static void grad_simd(const atl_cpu_direct_grad *p) {
    const size_t groups = (p->channels + ROWS - 1) / ROWS;
    for (size_t c = 0, width; c < p->columns; c += width) {
        width = panel_simd(p->columns - c);
        take_panel(p->dy + c, p->dy_step, p->pixels, width, p->scratch);
        for (size_t i = 0; i < p->taps * groups; i++) {
            size_t tap = i / groups, g = i % groups;
            size_t first = p->channels * g / groups, rows = p->channels * (g + 1) / groups - first;
            strip s = { .from = p->from + tap * p->step,
                        .ahead = (c ? p->from : p->next) + tap * p->step,
                        .dy = p->scratch,
                        .sums = p->sums + (tap * p->channels + first) * p->columns + c,
                        .channel = p->channel + first,
                        .pixels = p->pixels,
                        .width = width,
                        .columns = p->columns,
                        .add = p->add };
            if (width <= VL)
                grad_one(&s, rows);
            else if (width <= 2 * VL)
                grad_two(&s, rows);
#if defined(__AVX512F__)
            else
                grad_four(&s, rows);
#endif
        }
    }
}

// ---- weights, from and to the order of the caller, eight by eight

#if defined(__aarch64__)
typedef VF eight;
INLINE eight load_eight(const float *p) {
    return vf_load(p);
}
INLINE void store_eight(float *p, eight a) {
    vf_store(p, a);
}

INLINE void turn_four(VQ r[4]) {
    VQ a = vtrn1q_f32(r[0], r[1]), b = vtrn2q_f32(r[0], r[1]), c = vtrn1q_f32(r[2], r[3]), d = vtrn2q_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(a), vget_low_f32(c));
    r[1] = vcombine_f32(vget_low_f32(b), vget_low_f32(d));
    r[2] = vcombine_f32(vget_high_f32(a), vget_high_f32(c));
    r[3] = vcombine_f32(vget_high_f32(b), vget_high_f32(d));
}

INLINE void turn_eight(eight r[8]) {
    VQ q[4][4]; // upper left, upper right, lower left, lower right
    for (int i = 0; i < 4; i++) {
        q[0][i] = r[i].a;
        q[1][i] = r[i].b;
        q[2][i] = r[4 + i].a;
        q[3][i] = r[4 + i].b;
    }
    for (int i = 0; i < 4; i++)
        turn_four(q[i]);
    for (int i = 0; i < 4; i++) {
        r[i] = ATL_VF(q[0][i], q[2][i]);
        r[4 + i] = ATL_VF(q[1][i], q[3][i]);
    }
}
#else
typedef __m256 eight;
INLINE eight load_eight(const float *p) {
    return _mm256_loadu_ps(p);
}
INLINE void store_eight(float *p, eight a) {
    _mm256_storeu_ps(p, a);
}

INLINE void turn_eight(eight r[8]) {
    __m256 a[8], b[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        int from = i / 2 * 4 + i % 2, to = i / 2 * 4 + i % 2 * 2;
        b[to] = _mm256_shuffle_ps(a[from], a[from + 2], 0x44);
        b[to + 1] = _mm256_shuffle_ps(a[from], a[from + 2], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}
#endif

static void turn_simd(const float *from, size_t step, float *const *to, size_t at, size_t m, size_t n) {
    size_t whole_m = m / 8 * 8, whole_n = n / 8 * 8;
    for (size_t j = 0; j < whole_n; j += 8)
        for (size_t i = 0; i < whole_m; i += 8) {
            eight r[8];
#pragma GCC unroll 8
            for (size_t k = 0; k < 8; k++)
                r[k] = load_eight(from + (j + k) * step + i);
            turn_eight(r);
#pragma GCC unroll 8
            for (size_t k = 0; k < 8; k++)
                store_eight(to[i + k] + at + j, r[k]);
        }
    for (size_t i = 0; i < m; i++)
        for (size_t j = i < whole_m ? whole_n : 0; j < n; j++)
            to[i][at + j] = from[j * step + i];
}

static void turn_back_simd(const float *const *from, size_t at, float *to, size_t step, size_t m, size_t n) {
    size_t whole_m = m / 8 * 8, whole_n = n / 8 * 8;
    for (size_t j = 0; j < whole_n; j += 8)
        for (size_t i = 0; i < whole_m; i += 8) {
            eight r[8];
#pragma GCC unroll 8
            for (size_t k = 0; k < 8; k++)
                r[k] = load_eight(from[i + k] + at + j);
            turn_eight(r);
#pragma GCC unroll 8
            for (size_t k = 0; k < 8; k++)
                store_eight(to + (j + k) * step + i, r[k]);
        }
    for (size_t i = 0; i < m; i++)
        for (size_t j = i < whole_m ? whole_n : 0; j < n; j++)
            to[j * step + i] = from[i][at + j];
}

void ATL_VEC(atl_cpu_direct_init)(atl_cpu_direct_kernels *k) {
    *k = (atl_cpu_direct_kernels){ sums_simd, panel_simd, grad_simd, turn_simd, turn_back_simd };
}
