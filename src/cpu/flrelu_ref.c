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

ALWAYS void up_x(size_t lanes, const atl_cpu_flrelu_filter *f, float *t, size_t t_step, const float *v,
                 size_t groups) {
    size_t taps = (size_t)f->up_taps;
    for (size_t g = 0; g < groups; g++)
        for (int p = 0; p < f->up; p++) {
            const float *from = v + (g + (p > f->turn_x)) * lanes, *w = f->up_x + (size_t)p * taps;
            float sum[ATL_FLRELU_LANES] = { 0 };
            for (size_t k = 0; k < taps; k++)
                for (size_t l = 0; l < lanes; l++)
                    sum[l] += w[k] * from[k * lanes + l];
            memcpy(t + (g * (size_t)f->up + (size_t)p) * t_step * lanes, sum, lanes * sizeof *sum);
        }
}

// One oversampled and activated position, from up_taps rows at `from`.
ALWAYS void position(size_t lanes, const atl_cpu_flrelu_filter *f, const float *w, const float *from,
                     float *m) {
    for (size_t l = 0; l < lanes; l++)
        m[l] = 0.0f;
    for (size_t k = 0; k < (size_t)f->up_taps; k++)
        for (size_t l = 0; l < lanes; l++)
            m[l] += w[k] * from[k * lanes + l];
    for (size_t l = 0; l < lanes; l++) {
        float a = m[l] < 0.0f ? m[l] * f->slope : m[l];
        m[l] = a > f->clamp ? f->clamp : a < -f->clamp ? -f->clamp : a;
    }
}

// Moves a column's window of up_taps rows on by one.
ALWAYS void advance(size_t lanes, const atl_cpu_flrelu_filter *f, float *window, const float *row) {
    size_t kept = ((size_t)f->up_taps - 1) * lanes;
    memmove(window, window + lanes, kept * sizeof *window);
    memcpy(window + kept, row, lanes * sizeof *window);
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

ALWAYS void column(size_t lanes, const atl_cpu_flrelu_filter *f, float *d, const float *t, float *state,
                   size_t width, size_t steps) {
    size_t taps = (size_t)f->up_taps, left = (size_t)f->outputs - 1, down = (size_t)f->down;
    for (size_t i = 0; i < width; i++, state += (taps + left) * lanes) {
        float newest[ATL_FLRELU_LANES] = { 0 }, m[ATL_FLRELU_LANES];
        size_t phase = 0, row = 0;
        for (size_t s = 0; s < steps; s++)
            for (int p = 0; p < f->up; p++) {
                position(lanes, f, f->up_y + (size_t)p * taps, state, m);
                add_down(lanes, f, phase, m, state + taps * lanes, newest);
                if (++phase == down) {
                    finish(lanes, left, d + (row++ * width + i) * lanes, state + taps * lanes, newest);
                    phase = 0;
                }
                if (p == f->turn_y)
                    advance(lanes, f, state, t + (s * width + i) * lanes);
            }
    }
}

ALWAYS void rows(size_t lanes, const atl_cpu_flrelu_filter *f, float *m, const float *t, float *state,
                 size_t width, size_t steps) {
    size_t taps = (size_t)f->up_taps, up = (size_t)f->up;
    for (size_t i = 0; i < width; i++, state += taps * lanes)
        for (size_t s = 0; s < steps; s++)
            for (size_t p = 0; p < up; p++) {
                position(lanes, f, f->up_y + p * taps, state, m + ((s * up + p) * width + i) * lanes);
                if (p == (size_t)f->turn_y)
                    advance(lanes, f, state, t + (s * width + i) * lanes);
            }
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

// The lanes are constants in each copy of a pass, so that the compiler may use what vectors there are.
#define PASSES(lanes)                                                                                        \
    static void load_##lanes(float *v, const float *x, size_t step, size_t count, size_t n,                  \
                             const float *bias) {                                                            \
        load(lanes, v, x, step, count, n, bias);                                                             \
    }                                                                                                        \
    static void up_x_##lanes(const atl_cpu_flrelu_filter *f, float *t, size_t t_step, const float *v,        \
                             size_t groups) {                                                                \
        up_x(lanes, f, t, t_step, v, groups);                                                                \
    }                                                                                                        \
    static void column_##lanes(const atl_cpu_flrelu_filter *f, float *d, const float *t, float *state,       \
                               size_t width, size_t steps, const atl_cpu_flrelu_soon *soon) {                \
        (void)soon;                                                                                          \
        column(lanes, f, d, t, state, width, steps);                                                         \
    }                                                                                                        \
    static void rows_##lanes(const atl_cpu_flrelu_filter *f, float *m, const float *t, float *state,         \
                             size_t width, size_t steps, const atl_cpu_flrelu_soon *soon) {                  \
        (void)soon;                                                                                          \
        rows(lanes, f, m, t, state, width, steps);                                                           \
    }                                                                                                        \
    static void down_x_##lanes(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,            \
                               const float *d, size_t count, int stream) {                                   \
        (void)stream;                                                                                        \
        down_x(lanes, f, y, y_step, n, d, count);                                                            \
    }                                                                                                        \
    static void down_xy_##lanes(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,           \
                                const float *const *m, size_t count, int stream) {                           \
        (void)stream;                                                                                        \
        down_xy(lanes, f, y, y_step, n, m, count);                                                           \
    }

PASSES(8)
PASSES(16)

void atl_cpu_flrelu_init_ref(atl_cpu_flrelu_kernels *k, int lanes, const atl_cpu_flrelu_filter *f) {
    int lag = f->outputs - 1, carried = f->up_taps + lag;
    if (lanes == 16)
        *k = (atl_cpu_flrelu_kernels){ 16,        load_16, up_x_16,   carried,   lag,
                                       column_16, rows_16, down_x_16, down_xy_16 };
    else
        *k = (atl_cpu_flrelu_kernels){
            8, load_8, up_x_8, carried, lag, column_8, rows_8, down_x_8, down_xy_8
        };
}
