// SPDX-License-Identifier: Apache-2.0
// The passes of filtered leaky ReLU for StyleGAN3's filters: 6 taps per phase up by 2 or 4, 12 taps down
// by 2.  Included by one file per instruction set.  Here is what all sets share; the passes themselves have
// two forms, by the number of registers.
#include <math.h>

#include "cpu/flrelu_kernels.h"
#include "cpu/vec.h"

#define ALWAYS static inline __attribute__((always_inline))

// The loops below have constant bounds, and their arrays of vectors are registers once they are unrolled.
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

enum { UP_TAPS = 6, DOWN = 2, OUTPUTS = 6, DOWN_TAPS = DOWN * OUTPUTS };
enum { LANES = 16, ROUND = 4 }; // channels of a column: a cache line; positions between two errands

// Whole vectors of all pixels, then the rest of the column.
static void load(float *v, const float *x, size_t step, size_t count, size_t n, const float *bias) {
    for (size_t half = 0; half < LANES && half < n; half += VL, v += VL, x += VL) {
        VF b = vf_load(bias + half);
        if (n - half >= VL)
            for (size_t i = 0; i < count; i++)
                vf_store(v + i * LANES, vf_add(vf_load(x + i * step), b));
        else
            for (size_t i = 0; i < count; i++)
                vf_store(v + i * LANES, vf_add(vf_load_n(x + i * step, n - half), b));
    }
}

ALWAYS VF activate(VF m, VF slope, VF clamp, VF least) {
    m = vf_lrelu(m, slope);
    return vf_max(least, vf_min(clamp, m)); // in this order a NaN stays
}

// What column i of the oversampled picture asks for: pixel i / up of x, or, if another column did, pixel
// i / 2 of y; in each round of four positions two rows of y, or those of x that a round consumes.
typedef struct errand {
    const char *at;
    size_t second, next; // bytes to the second row of a round, and to the next round
} errand;

ALWAYS errand errand_of(const atl_cpu_flrelu_soon *soon, size_t i, const int up) {
    size_t x = soon->x_row * sizeof(float), y = soon->y_row * sizeof(float);
    if (i % (size_t)up == 0)
        return (errand){ (const char *)(soon->x + i / (size_t)up * soon->step), up == 2 ? x : 0,
                         (size_t)(ROUND / up) * x };
    return (errand){ (const char *)(soon->y + i / DOWN * soon->step), y, 2 * y };
}

// A column of channels lies across two cache lines unless their number is a multiple of the lanes.
ALWAYS void run_errand(errand *e) {
    enum { LAST = (LANES - 1) * sizeof(float) };
    __builtin_prefetch(e->at, 0, 2);
    __builtin_prefetch(e->at + LAST, 0, 2);
    __builtin_prefetch(e->at + e->second, 0, 2);
    __builtin_prefetch(e->at + e->second + LAST, 0, 2);
    e->at += e->next;
}

#if defined(__AVX512F__)
#include "cpu/flrelu_wide.h"
#else
#include "cpu/flrelu_narrow.h"
#endif
#include "cpu/flrelu_grad_simd.h"

static void down_xy_any(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t y_row, size_t n,
                        const float *const *m, size_t count, size_t lines, int stream) {
    down_xy(f, y, y_step, y_row, n, m, count, lines, stream, 0);
}

static void down_xy_mirrored(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t y_row, size_t n,
                             const float *const *m, size_t count, size_t lines, int stream) {
    down_xy(f, y, y_step, y_row, n, m, count, lines, stream, 1);
}

// ---- the copies for each factor and turn

#define COPIES(up, turn)                                                                                     \
    static void up_x_##up##turn(const atl_cpu_flrelu_filter *f, float *t, const float *v, size_t groups,     \
                                size_t n) {                                                                  \
        up_x(f->up_x, t, v, groups, n, up, turn);                                                            \
    }                                                                                                        \
    static void column_##up##turn(const atl_cpu_flrelu_filter *f, float *d, size_t d_row,                    \
                                  const float *const *t, float *state, size_t first, size_t count,           \
                                  size_t steps, size_t n, const atl_cpu_flrelu_soon *soon) {                 \
        column(f, d, d_row, t, state, first, count, steps, n, soon, up, turn);                               \
    }                                                                                                        \
    static void rows_##up##turn(const atl_cpu_flrelu_filter *f, float *const *m, const float *const *t,      \
                                size_t width, size_t steps, size_t n, const atl_cpu_flrelu_soon *soon) {     \
        rows(f, m, t, width, steps, n, soon, up, turn);                                                      \
    }

COPIES(2, 0)
COPIES(2, 1)
COPIES(4, 0)
COPIES(4, 1)
COPIES(4, 2)
COPIES(4, 3)

typedef void up_x_fn(const atl_cpu_flrelu_filter *, float *, const float *, size_t, size_t);
typedef void column_fn(const atl_cpu_flrelu_filter *, float *, size_t, const float *const *, float *, size_t,
                       size_t, size_t, size_t, const atl_cpu_flrelu_soon *);
typedef void rows_fn(const atl_cpu_flrelu_filter *, float *const *, const float *const *, size_t, size_t,
                     size_t, const atl_cpu_flrelu_soon *);

static up_x_fn *const UP_X[] = { up_x_20, up_x_21, up_x_40, up_x_41, up_x_42, up_x_43 };
static column_fn *const COLUMN[] = { column_20, column_21, column_40, column_41, column_42, column_43 };
static rows_fn *const ROWS[] = { rows_20, rows_21, rows_40, rows_41, rows_42, rows_43 };

void ATL_VEC(atl_cpu_flrelu_init)(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f) {
    k->lanes = LANES;
    k->load = load;
    int up = (f->up == 2 || f->up == 4) && f->up_taps == UP_TAPS, down = f->down == DOWN && f->outputs == OUTPUTS;
    if (up) {
        k->up_x = UP_X[f->up - 2 + f->turn_x];
        k->rows = ROWS[f->up - 2 + f->turn_y];
    }
    if (up && down) {
        k->column = COLUMN[f->up - 2 + f->turn_y];
        k->carried = CARRIED;
        k->lag = LAG;
        k->chunk = CHUNK;
    }
    if (down) {
        k->down_x = down_x;
        k->down_xy = f->mirrored ? down_xy_mirrored : down_xy_any;
    }
    if (f->outputs == OUTPUTS && (f->down == 2 || f->down == 4)) {
        k->down_y = f->down == 2 ? down_y_by_2 : down_y_by_4;
        k->down_x = f->down == 2 ? down_x : down_x_by_4;
    }
    if (f->up == DOWN && f->up_taps == UP_TAPS && f->outputs == OUTPUTS && (f->down == 2 || f->down == 4))
        k->gated =
            f->down == 2 ? gated_by_2 : gated_by_4; // the gate goes up by what the way back goes down by
}
