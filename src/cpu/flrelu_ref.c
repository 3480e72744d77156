// SPDX-License-Identifier: Apache-2.0
// Reference passes of filtered leaky ReLU in portable C, for any factors and lengths, and the ladder that
// fills the table.  flrelu_kernels.h says what the slots do; flrelu_simd.h is the tuned sibling.
//
// An instruction set that has no version of a pass for some filter keeps these, with its own lanes.
#include "cpu/flrelu_kernels.h"

#include <string.h>

// Lanes are known to the compiler in each copy of a pass.
#if defined(__GNUC__)
#define ALWAYS static inline __attribute__((always_inline))
#else
#define ALWAYS static inline
#endif

ALWAYS void load(size_t lanes, float *v, const float *x, size_t step, size_t count, size_t n,
                 const float *bias) {
    for (size_t i = 0; i < count; i++)
        for (size_t l = 0; l < lanes; l++)
            v[i * lanes + l] = l < n ? x[i * step + l] + bias[l] : 0.0f;
}

ALWAYS void up_x(size_t lanes, const atl_cpu_flrelu_filter *f, float *t, const float *v, size_t groups) {
    size_t taps = (size_t)f->up_taps;
    for (size_t g = 0; g < groups; g++)
        for (int p = 0; p < f->up; p++) {
            const float *from = v + (g + (p > f->turn_x)) * lanes, *w = f->up_x + (size_t)p * taps;
            float sum[ATL_FLRELU_LANES] = { 0 };
            for (size_t k = 0; k < taps; k++)
                for (size_t l = 0; l < lanes; l++)
                    sum[l] += w[k] * from[k * lanes + l];
            memcpy(t + (g * (size_t)f->up + (size_t)p) * lanes, sum, lanes * sizeof *sum);
        }
}

// Member p of group s of column i, oversampled.
ALWAYS void member(size_t lanes, const atl_cpu_flrelu_filter *f, int p, const float *const *t, size_t s,
                   size_t i, float *m) {
    const float *w = f->up_y + (size_t)p * (size_t)f->up_taps;
    for (size_t l = 0; l < lanes; l++)
        m[l] = 0.0f;
    for (size_t k = 0; k < (size_t)f->up_taps; k++) {
        const float *from = t[s + (p > f->turn_y) + k] + i * lanes;
        for (size_t l = 0; l < lanes; l++)
            m[l] += w[k] * from[l];
    }
}

// The same, activated.
ALWAYS void position(size_t lanes, const atl_cpu_flrelu_filter *f, int p, const float *const *t, size_t s,
                     size_t i, float *m) {
    member(lanes, f, p, t, s, i, m);
    for (size_t l = 0; l < lanes; l++) {
        float a = m[l] < 0.0f ? m[l] * f->slope : m[l];
        m[l] = a > f->clamp ? f->clamp : a < -f->clamp ? -f->clamp : a;
    }
}

// Adds a position to the outputs that it belongs to: `left` older ones and the newest.
ALWAYS void add_down(size_t lanes, const atl_cpu_flrelu_filter *f, size_t phase, const float *m, float *sums,
                     float *newest) {
    size_t left = (size_t)f->outputs - 1;
    for (size_t j = 0; j <= left; j++) {
        float w = f->down_y[(left - j) * (size_t)f->down + phase], *sum = j < left ? sums + j * lanes : newest;
        for (size_t l = 0; l < lanes; l++)
            sum[l] += w * m[l];
    }
}

// Hands out the oldest sum; the newest becomes the last of those that are left.
ALWAYS void finish(size_t lanes, size_t left, float *to, float *sums, float *newest) {
    memcpy(to, left ? sums : newest, lanes * sizeof *to);
    if (left) {
        memmove(sums, sums + lanes, (left - 1) * lanes * sizeof *sums);
        memcpy(sums + (left - 1) * lanes, newest, lanes * sizeof *sums);
    }
    memset(newest, 0, lanes * sizeof *newest);
}

ALWAYS void column(size_t lanes, const atl_cpu_flrelu_filter *f, float *d, size_t d_row,
                   const float *const *t, float *state, size_t first, size_t count, size_t steps) {
    size_t left = (size_t)f->outputs - 1, down = (size_t)f->down;
    state += first * left * lanes;
    for (size_t i = 0; i < count; i++, state += left * lanes) {
        float newest[ATL_FLRELU_LANES] = { 0 }, m[ATL_FLRELU_LANES];
        size_t phase = 0, row = 0;
        for (size_t s = 0; s < steps; s++)
            for (int p = 0; p < f->up; p++) {
                position(lanes, f, p, t, s, first + i, m);
                add_down(lanes, f, phase, m, state, newest);
                if (++phase == down) {
                    finish(lanes, left, d + row++ * d_row + i * lanes, state, newest);
                    phase = 0;
                }
            }
    }
}

ALWAYS void rows(size_t lanes, const atl_cpu_flrelu_filter *f, float *const *m, const float *const *t,
                 size_t width, size_t steps) {
    for (size_t s = 0; s < steps; s++)
        for (int p = 0; p < f->up; p++)
            for (size_t i = 0; i < width; i++)
                position(lanes, f, p, t, s, i, m[s * (size_t)f->up + (size_t)p] + i * lanes);
}

ALWAYS void down_x(size_t lanes, const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,
                   const float *d, size_t count) {
    size_t taps = (size_t)(f->outputs * f->down);
    for (size_t o = 0; o < count; o++, d += (size_t)f->down * lanes) {
        float sum[ATL_FLRELU_LANES] = { 0 };
        for (size_t k = 0; k < taps; k++)
            for (size_t l = 0; l < lanes; l++)
                sum[l] += f->down_x[k] * d[k * lanes + l];
        memcpy(y + o * y_step, sum, n * sizeof *y);
    }
}

ALWAYS void down_xy(size_t lanes, const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,
                    const float *const *m, size_t count) {
    size_t taps = (size_t)(f->outputs * f->down);
    for (size_t o = 0; o < count; o++) {
        float sum[ATL_FLRELU_LANES] = { 0 };
        for (size_t r = 0; r < taps; r++)
            for (size_t k = 0; k < taps; k++)
                for (size_t l = 0; l < lanes; l++)
                    sum[l] += f->down_xy[r * taps + k] * m[r][(o * (size_t)f->down + k) * lanes + l];
        memcpy(y + o * y_step, sum, n * sizeof *y);
    }
}

ALWAYS void gated(size_t lanes, const atl_cpu_flrelu_filter *f, const atl_cpu_flrelu_filter *gate, float *m,
                  size_t m_row, const float *const *t, const float *const *u, size_t first, size_t count,
                  size_t positions) {
    for (size_t j = 0; j < positions; j++, m += m_row)
        for (size_t i = 0; i < count; i++) {
            float back[ATL_FLRELU_LANES], at[ATL_FLRELU_LANES], *to = m + i * lanes;
            member(lanes, f, (int)(j % (size_t)f->up), t, j / (size_t)f->up, first + i, back);
            member(lanes, gate, (int)(j % (size_t)gate->up), u, j / (size_t)gate->up, first + i, at);
            for (size_t l = 0; l < lanes; l++) {
                float slope = at[l] < 0.0f ? gate->slope : 1.0f, value = at[l] * slope;
                to[l] = value >= -gate->clamp && value <= gate->clamp ? back[l] * slope : 0.0f;
            }
        }
}

ALWAYS void down_y(size_t lanes, const atl_cpu_flrelu_filter *f, float *y, size_t y_row, size_t y_step,
                   size_t n, const float *const *r, size_t count, size_t lines) {
    size_t taps = (size_t)(f->outputs * f->down);
    for (size_t o = 0; o < lines; o++, y += y_row, r += f->down)
        for (size_t i = 0; i < count; i++) {
            float sum[ATL_FLRELU_LANES] = { 0 };
            for (size_t k = 0; k < taps; k++)
                for (size_t l = 0; l < lanes; l++)
                    sum[l] += f->down_y[k] * r[k][i * lanes + l];
            memcpy(y + i * y_step, sum, n * sizeof *y);
        }
}

// The lanes are constants in each copy of a pass, so that the compiler may use what vectors there are.
#define PASSES(lanes)                                                                                        \
    static void load_##lanes(float *v, const float *x, size_t step, size_t count, size_t n,                  \
                             const float *bias) {                                                            \
        load(lanes, v, x, step, count, n, bias);                                                             \
    }                                                                                                        \
    static void up_x_##lanes(const atl_cpu_flrelu_filter *f, float *t, const float *v, size_t groups,        \
                             size_t n) {                                                                     \
        (void)n;                                                                                             \
        up_x(lanes, f, t, v, groups);                                                                        \
    }                                                                                                        \
    static void column_##lanes(const atl_cpu_flrelu_filter *f, float *d, size_t d_row,                       \
                               const float *const *t, float *state, size_t first, size_t count,              \
                               size_t steps, size_t n, const atl_cpu_flrelu_soon *soon) {                    \
        (void)n;                                                                                             \
        (void)soon;                                                                                          \
        column(lanes, f, d, d_row, t, state, first, count, steps);                                           \
    }                                                                                                        \
    static void rows_##lanes(const atl_cpu_flrelu_filter *f, float *const *m, const float *const *t,         \
                             size_t width, size_t steps, size_t n, const atl_cpu_flrelu_soon *soon) {        \
        (void)n;                                                                                             \
        (void)soon;                                                                                          \
        rows(lanes, f, m, t, width, steps);                                                                  \
    }                                                                                                        \
    static void down_x_##lanes(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,            \
                               const float *d, size_t count, int stream) {                                   \
        (void)stream;                                                                                        \
        down_x(lanes, f, y, y_step, n, d, count);                                                            \
    }                                                                                                        \
    static void down_xy_##lanes(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t y_row,       \
                                size_t n, const float *const *m, size_t count, size_t lines, int stream) {   \
        (void)stream;                                                                                        \
        for (size_t i = 0; i < lines; i++)                                                                   \
            down_xy(lanes, f, y + i * y_row, y_step, n, m + i * (size_t)f->down, count);                     \
    }                                                                                                        \
    static void gated_##lanes(const atl_cpu_flrelu_filter *f, const atl_cpu_flrelu_filter *gate, float *m,   \
                              size_t m_row, const float *const *t, const float *const *u, size_t first,      \
                              size_t count, size_t positions, size_t n) {                                    \
        (void)n;                                                                                             \
        gated(lanes, f, gate, m, m_row, t, u, first, count, positions);                                      \
    }                                                                                                        \
    static void down_y_##lanes(const atl_cpu_flrelu_filter *f, float *y, size_t y_row, size_t y_step,        \
                               size_t n, const float *const *r, size_t count, size_t lines) {                \
        down_y(lanes, f, y, y_row, y_step, n, r, count, lines);                                              \
    }

PASSES(8)
PASSES(16)

void atl_cpu_flrelu_init_ref(atl_cpu_flrelu_kernels *k, int lanes, const atl_cpu_flrelu_filter *f) {
    int lag = f->outputs - 1;
    if (lanes == 16)
        *k = (atl_cpu_flrelu_kernels){ 16,        load_16, up_x_16,   lag,        lag,      0,
                                       column_16, rows_16, down_x_16, down_xy_16, gated_16, down_y_16 };
    else
        *k = (atl_cpu_flrelu_kernels){ 8,        load_8, up_x_8,   lag,       lag,     0,
                                       column_8, rows_8, down_x_8, down_xy_8, gated_8, down_y_8 };
}
