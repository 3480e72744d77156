// SPDX-License-Identifier: Apache-2.0
// Passes of filtered leaky ReLU for sets with few registers (AVX2 has 16; NEON has 32 of half the size).
// Included by flrelu_simd.h; flrelu_wide.h has the same passes for more.
//
// A column is a whole cache line, taken in vectors.  Each loop keeps the six taps of one phase and up to six
// sums: a vector that was loaded meets all of them, and nothing is spilled.  Activated positions of a
// column lie in the first-level cache until the down filter takes them.

enum {
    HALVES = LANES / VL,     // vectors of a column
    GULP = 3 * ROUND,        // positions of a column that are computed together: six outputs
    GULPS_MOST = 4,          // gulps of a column before the next column has its turn
    KEPT = DOWN_TAPS - DOWN, // positions that the next outputs still need
    CARRIED = KEPT,
    LAG = OUTPUTS - 1,
    CHUNK = 16,
};

// Loaded here and now: left alone, gcc 12 loads what several iterations share far ahead, and spills it.
ALWAYS VF pinned(VF v) {
#if defined(__x86_64__)
    __asm__ volatile("" : "+x"(v));
#else
    __asm__ volatile("" : "+w"(v.a), "+w"(v.b));
#endif
    return v;
}

// ---- oversampling a row

ALWAYS void up_x(const float *up_x, float *t, const float *v, size_t groups, size_t n, const int up,
                 const int turn) {
    enum { MOST = 4 };
    const int block = 8 / up;
    for (size_t half = 0; half < LANES && half < n; half += VL)
        UNROLL for (int p = 0; p < up; p++) {
            const float *from = v + (p > turn) * LANES + half;
            float *to = t + (size_t)p * LANES + half;
            VF w[UP_TAPS];
            UNROLL for (int k = 0; k < UP_TAPS; k++) w[k] = vf_set(up_x[p * UP_TAPS + k]);
            for (size_t g = 0; g < groups; g += (size_t)block, from += block * LANES) {
                VF sum[MOST];
                UNROLL for (int i = 0; i < block + UP_TAPS - 1; i++) {
                    VF a = pinned(vf_load(from + i * LANES));
                    UNROLL for (int o = 0; o < block; o++) if (i == o) sum[o] = vf_mul(a, w[0]);
                    else if (i > o && i - o < UP_TAPS) sum[o] = vf_fma(a, w[i - o], sum[o]);
                }
                UNROLL for (int o = 0; o < block; o++, to += up * LANES) vf_store(to, sum[o]);
            }
        }
}

// ---- oversampling down a column, activation, and the down filter along the column

// Member p of each group of a gulp, activated; `at`: floats from a row's start to the vector.
ALWAYS void members(VF m[GULP / 2], const atl_cpu_flrelu_filter *f, const float *const *t, size_t at,
                    const int p, const int up, const int turn) {
    VF w[UP_TAPS], slope = vf_set(f->slope), clamp = vf_set(f->clamp), least = vf_set(-f->clamp);
    UNROLL for (int k = 0; k < UP_TAPS; k++) w[k] = vf_set(f->up_y[p * UP_TAPS + k]);
    UNROLL for (int i = 0; i < GULP / up + UP_TAPS - 1; i++) {
        VF a = pinned(vf_load(t[i + (p > turn)] + at));
        UNROLL for (int g = 0; g < GULP / up; g++) if (i == g) m[g] = vf_mul(a, w[0]);
        else if (i > g && i - g < UP_TAPS) m[g] = vf_fma(a, w[i - g], m[g]);
    }
    UNROLL for (int g = 0; g < GULP / up; g++) m[g] = activate(m[g], slope, clamp, least);
}

// `block` outputs of positions that are `step` floats apart: even taps first, then odd ones.
ALWAYS void down_sums(VF sum[8], const float *taps, const float *m, const int step, const int block) {
    UNROLL for (int odd = 0; odd < DOWN; odd++) {
        VF w[OUTPUTS];
        UNROLL for (int k = 0; k < OUTPUTS; k++) w[k] = vf_set(taps[k * DOWN + odd]);
        UNROLL for (int i = 0; i < block + OUTPUTS - 1; i++) {
            VF a = pinned(vf_load(m + (i * DOWN + odd) * step));
            UNROLL for (int o = 0; o < block; o++) if (i == o && !odd) sum[o] = vf_mul(a, w[0]);
            else if (i >= o && i - o < OUTPUTS) sum[o] = vf_fma(a, w[i - o], sum[o]);
        }
    }
}

// One vector of a column: the positions of `gulps` gulps behind those that were kept.
ALWAYS void column_positions(float *m, const atl_cpu_flrelu_filter *f, const float *const *t, size_t at,
                             const float *state, size_t gulps, const int up, const int turn) {
    UNROLL for (int k = 0; k < KEPT; k++) vf_store(m + k * VL, vf_load(state + k * LANES));
    for (size_t i = 0; i < gulps; i++, m += GULP * VL, t += GULP / up)
        UNROLL for (int p = 0; p < up; p++) {
            VF member[GULP / 2];
            members(member, f, t, at, p, up, turn);
            UNROLL for (int g = 0; g < GULP / up; g++) vf_store(m + (KEPT + g * up + p) * VL, member[g]);
        }
}

// What the down filter makes of them; the last are kept.
ALWAYS void column_outputs(float *d, size_t row, const atl_cpu_flrelu_filter *f, const float *m, float *state,
                           size_t gulps) {
    for (size_t i = 0; i < gulps; i++, m += GULP * VL) {
        VF sum[8];
        down_sums(sum, f->down_y, m, VL, GULP / DOWN);
        UNROLL for (int o = 0; o < GULP / DOWN; o++, d += row) vf_store(d, sum[o]);
    }
    UNROLL for (int k = 0; k < KEPT; k++) vf_store(state + k * LANES, vf_load(m + k * VL));
}

// Neighbouring sums are independent, but an output waits for the twelve positions before it; so all positions
// of the column come first, and the processor always finds something that is ready.
ALWAYS void column(const atl_cpu_flrelu_filter *f, float *d, size_t row, const float *const *t, float *state,
                   size_t first, size_t count, size_t steps, size_t n, const atl_cpu_flrelu_soon *soon,
                   const int up, const int turn) {
    _Alignas(64) float m[HALVES][(KEPT + GULPS_MOST * GULP) * VL];
    size_t gulps = steps * (size_t)up / GULP, halves = n > VL ? HALVES : 1;
    for (size_t done = 0, some; done < gulps; done += some) {
        some = gulps - done < GULPS_MOST ? gulps - done : GULPS_MOST;
        for (size_t i = first; i < first + count; i++) {
            errand e = errand_of(soon, i, up);
            float *own = state + i * CARRIED * LANES;
            for (size_t h = 0; h < halves; h++)
                column_positions(m[h], f, t, i * LANES + h * VL, own + h * VL, some, up, turn);
            for (size_t k = 0; k < some * (GULP / ROUND); k++)
                run_errand(&e);
            for (size_t h = 0; h < halves; h++)
                column_outputs(d + (i - first) * LANES + h * VL, row, f, m[h], own + h * VL, some);
        }
        d += some * (GULP / DOWN) * row;
        t += some * (size_t)(GULP / up);
    }
}

ALWAYS void rows(const atl_cpu_flrelu_filter *f, float *const *m, const float *const *t, size_t width,
                 size_t steps, size_t n, const atl_cpu_flrelu_soon *soon, const int up, const int turn) {
    size_t gulps = steps * (size_t)up / GULP;
    for (size_t i = 0; i < width; i++) {
        errand e = errand_of(soon, i, up);
        for (size_t gulp = 0; gulp < gulps; gulp++) {
            const float *const *from = t + gulp * (size_t)(GULP / up);
            float *const *to = m + gulp * GULP;
            for (size_t at = i * LANES, half = 0; half < LANES && half < n; half += VL, at += VL)
                UNROLL for (int p = 0; p < up; p++) {
                    VF member[GULP / 2];
                    members(member, f, from, at, p, up, turn);
                    UNROLL for (int g = 0; g < GULP / up; g++) vf_store(to[g * up + p] + at, member[g]);
                }
            for (int k = 0; k < GULP / ROUND; k++)
                run_errand(&e);
        }
    }
}

// ---- the down filter along a row: `block` outputs at a time

// Whole lines from where they were gathered: a line that is streamed in two halves far apart goes to memory
// twice.
ALWAYS void stream_block(float *y, size_t y_step, const float *from, const int block) {
    UNROLL for (int o = 0; o < block * HALVES; o++)
        vf_stream(y + (size_t)(o / HALVES) * y_step + o % HALVES * VL, vf_load(from + o * VL));
}

ALWAYS void down_block(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n, const float *d,
                       int stream, const int block) {
    _Alignas(64) float lines[8 * LANES];
    for (size_t half = 0; half < LANES && half < n; half += VL) {
        VF sum[8];
        down_sums(sum, f->down_x, d + half, LANES, block);
        if (stream)
            UNROLL for (int o = 0; o < block; o++) vf_store(lines + o * LANES + half, sum[o]);
        else if (n - half >= VL)
            UNROLL for (int o = 0; o < block; o++) vf_store(y + (size_t)o * y_step + half, sum[o]);
        else
            UNROLL for (int o = 0; o < block; o++) vf_store_n(y + (size_t)o * y_step + half, sum[o], n - half);
    }
    if (stream)
        stream_block(y, y_step, lines, block);
}

static void down_x(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n, const float *d,
                   size_t count, int stream) {
    size_t o = 0;
    for (; o + 8 <= count; o += 8)
        down_block(f, y + o * y_step, y_step, n, d + o * DOWN * LANES, stream, 8);
    for (; o + 4 <= count; o += 4)
        down_block(f, y + o * y_step, y_step, n, d + o * DOWN * LANES, stream, 4);
    for (; o < count; o++)
        down_block(f, y + o * y_step, y_step, n, d + o * DOWN * LANES, stream, 1);
}

// ---- the 2-D down filter

ALWAYS void add_row(float *sums, const float *w, const float *m, const int block) {
    UNROLL for (int o = 0; o < block; o++) {
        VF sum = vf_load(sums + o * LANES);
        UNROLL for (int k = 0; k < DOWN_TAPS; k++) sum =
            vf_fma(vf_load(m + (o * DOWN + k) * LANES), vf_set(w[k]), sum);
        vf_store(sums + o * LANES, sum);
    }
}

// A filter that is the same upside down and from left to right sees sums of four numbers: a quarter of the
// multiplications.  A window of columns, in twelve registers, slides over the sums of the two rows.
ALWAYS void add_folded_rows(float *sums, const float *w, const float *top, const float *bottom,
                            const int block) {
    VF a[DOWN_TAPS];
    UNROLL for (int i = 0; i < DOWN * (block - 1) + DOWN_TAPS; i++) {
        a[i % DOWN_TAPS] = pinned(vf_add(vf_load(top + i * LANES), vf_load(bottom + i * LANES)));
        if (i < DOWN_TAPS - 1 || (i - DOWN_TAPS + 1) % DOWN)
            continue; // the window has not reached the next output
        const int first = i - DOWN_TAPS + 1, o = first / DOWN;
        VF sum = vf_load(sums + o * LANES);
        UNROLL for (int k = 0; k < DOWN_TAPS / 2; k++) {
            VF both = vf_add(a[(first + k) % DOWN_TAPS], a[(i - k) % DOWN_TAPS]);
            sum = vf_fma(both, vf_set(w[k]), sum);
        }
        vf_store(sums + o * LANES, sum);
    }
}

ALWAYS void store_block(float *y, size_t y_step, size_t n, const float *from, int stream, const int block) {
    if (stream) {
        stream_block(y, y_step, from, block);
    } else if (n == LANES) {
        UNROLL for (int o = 0; o < block * HALVES; o++)
            vf_store(y + (size_t)(o / HALVES) * y_step + o % HALVES * VL, vf_load(from + o * VL));
    } else {
        for (int o = 0; o < block; o++, y += y_step, from += LANES)
            for (size_t i = 0; i < n; i += VL)
                vf_store_n(y + i, vf_load(from + i), n - i < VL ? n - i : VL);
    }
}

ALWAYS void down_xy_block(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,
                          const float *const *m, size_t at, int stream, const int block, const int mirrored) {
    _Alignas(64) float lines[8 * LANES];
    for (size_t half = 0; half < LANES && half < n; half += VL, at += VL) {
        UNROLL for (int o = 0; o < block; o++) vf_store(lines + o * LANES + half, vf_zero());
        for (int r = 0; r < (mirrored ? DOWN_TAPS / 2 : DOWN_TAPS); r++) {
            const float *w = f->down_xy + r * DOWN_TAPS, *top = m[r] + at,
                        *bottom = m[DOWN_TAPS - 1 - r] + at;
            __asm__("" : "+r"(top), "+r"(bottom)); // so that each address below is a register and a constant
            if (mirrored)
                add_folded_rows(lines + half, w, top, bottom, block);
            else
                add_row(lines + half, w, top, block);
        }
    }
    store_block(y, y_step, n, lines, stream, block);
}

// The pixels that the next block writes: they lie too far apart for the processor to fetch them by itself.
ALWAYS void fetch_pixels(const float *y, size_t y_step, size_t n) {
    for (int o = 0; o < 8; o++, y += y_step) {
        __builtin_prefetch(y, 1, 3);
        __builtin_prefetch(y + n - 1, 1, 3);
    }
}

// All lines of a few columns before the next columns: the window's twelve rows stay in the first-level cache.
ALWAYS void down_xy(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t y_row, size_t n,
                    const float *const *m, size_t count, size_t lines, int stream, const int mirrored) {
    size_t o = 0;
    for (; o + 8 <= count; o += 8)
        for (size_t i = 0; i < lines; i++) {
            if (!stream && (i + 1 < lines || o + 16 <= count))
                fetch_pixels(y + (i + 1 < lines ? (i + 1) * y_row + o * y_step : (o + 8) * y_step), y_step, n);
            down_xy_block(f, y + i * y_row + o * y_step, y_step, n, m + i * DOWN, o * DOWN * LANES, stream, 8,
                          mirrored);
        }
    for (; o < count; o++)
        for (size_t i = 0; i < lines; i++)
            down_xy_block(f, y + i * y_row + o * y_step, y_step, n, m + i * DOWN, o * DOWN * LANES, stream, 1,
                          mirrored);
}
