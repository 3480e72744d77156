// SPDX-License-Identifier: Apache-2.0
// Passes of the gradient of filtered leaky ReLU: up by 2 with 6 taps per phase for dy, by 2 or 4 for x, and
// down again by 2 or 4 with 6 taps for each of the down phases.  Included by flrelu_simd.h.
//
// A column is taken in vectors.  Each loop keeps the six taps of one phase and up to six sums: what was
// loaded meets all of them, and 16 registers suffice.

enum { GROUPS = 6 }; // of x's up that are computed together: 12 or 24 positions of a column

// Loaded here and now, into a register: left alone, gcc 12 loads what several iterations share far ahead, and
// spills it.
ALWAYS VF taken(const float *p) {
    VF v = vf_load(p);
#if defined(__AVX512F__)
    __asm__ volatile("" : "+v"(v));
#elif defined(__x86_64__)
    __asm__ volatile("" : "+x"(v));
#else
    __asm__ volatile("" : "+w"(v.a), "+w"(v.b));
#endif
    return v;
}

// One member of each group of a column: sum[g] = sum over k of w[k] t[g + k].  `at`: floats from a row's
// start.
ALWAYS void phase(VF sum[GROUPS], const float *taps, const float *const *t, size_t at) {
    VF w[UP_TAPS];
    UNROLL for (int k = 0; k < UP_TAPS; k++) w[k] = vf_set(taps[k]);
    UNROLL for (int i = 0; i < GROUPS + UP_TAPS - 1; i++) {
        VF a = taken(t[i] + at);
        UNROLL for (int g = 0; g < GROUPS; g++) if (i == g) sum[g] = vf_mul(a, w[0]);
        else if (i > g && i - g < UP_TAPS) sum[g] = vf_fma(a, w[i - g], sum[g]);
    }
}

// g times the slope of the activation at u; nothing where u is not within [least, most].
ALWAYS VF sloped(VF g, VF u, VF slope, VF least, VF most) {
    return vf_if_equal(vf_max(least, vf_min(most, u)), u, vf_gate(g, u, slope));
}

// The negative number at which the activation is clamped.
static float least_of(const atl_cpu_flrelu_filter *gate) {
    float size = gate->slope < 0.0f ? -gate->slope : gate->slope;
    return size > 0.0f ? -gate->clamp / size : -HUGE_VALF;
}

// One vector of a column: the positions of six groups of x.
ALWAYS void gated_vector(const atl_cpu_flrelu_filter *f, const atl_cpu_flrelu_filter *gate, float *m,
                         size_t m_row, const float *const *t, const float *const *u, size_t at, float least,
                         const int up) {
    _Alignas(64) float back[GROUPS * 4 * VL];
    VF sum[GROUPS];
    for (int p = 0; p < DOWN; p++)
        for (int j = 0; j < up / DOWN; j++) {
            float *to = back + (j * GROUPS * DOWN + p) * VL;
            phase(sum, f->up_y + p * UP_TAPS, t + j * GROUPS + (p > f->turn_y), at);
            UNROLL for (int g = 0; g < GROUPS; g++) vf_store(to + g * DOWN * VL, sum[g]);
        }
    for (int p = 0; p < up; p++, m += m_row) {
        const float *from = back + p * VL;
        VF slope = vf_set(gate->slope), most = vf_set(gate->clamp), lowest = vf_set(least);
        phase(sum, gate->up_y + p * UP_TAPS, u + (p > gate->turn_y), at);
        UNROLL for (int g = 0; g < GROUPS; g++) vf_store(
            m + (size_t)(g * up) * m_row, sloped(vf_load(from + g * up * VL), sum[g], slope, lowest, most));
    }
}

ALWAYS void gated(const atl_cpu_flrelu_filter *f, const atl_cpu_flrelu_filter *gate, float *m, size_t m_row,
                  const float *const *t, const float *const *u, size_t first, size_t count, size_t positions,
                  size_t n, const int up) {
    float least = least_of(gate);
    for (size_t done = 0; done < positions; done += (size_t)(GROUPS * up)) {
        for (size_t i = 0; i < count; i++)
            for (size_t half = 0; half < LANES && half < n; half += VL)
                gated_vector(f, gate, m + i * LANES + half, m_row, t, u, (first + i) * LANES + half, least,
                             up);
        t += GROUPS * up / DOWN;
        u += GROUPS;
        m += (size_t)(GROUPS * up) * m_row;
    }
}

// ---- the down filter, phase by phase

// sum[o] of positions `step` floats apart.
ALWAYS void thin_along(VF sum[8], const float *taps, const float *m, const size_t step, const int block,
                       const int down) {
    for (int p = 0; p < down; p++) {
        VF w[OUTPUTS];
        UNROLL for (int k = 0; k < OUTPUTS; k++) w[k] = vf_set(taps[k * down + p]);
        UNROLL for (int i = 0; i < block + OUTPUTS - 1; i++) {
            VF a = taken(m + (size_t)(i * down + p) * step);
            UNROLL for (int o = 0; o < block; o++) if (i >= o && i - o < OUTPUTS) sum[o] =
                vf_fma(a, w[i - o], sum[o]);
        }
    }
}

ALWAYS void store_part(float *y, VF v, size_t n) {
    if (n >= VL)
        vf_store(y, v);
    else
        vf_store_n(y, v, n);
}

ALWAYS void thin_x_block(const float *taps, float *y, size_t y_step, size_t n, const float *d,
                         const int block, const int down) {
    for (size_t half = 0; half < LANES && half < n; half += VL) {
        VF sum[8];
        UNROLL for (int o = 0; o < block; o++) sum[o] = vf_zero();
        thin_along(sum, taps, d + half, LANES, block, down);
        UNROLL for (int o = 0; o < block; o++) store_part(y + (size_t)o * y_step + half, sum[o], n - half);
    }
}

// Down by four along a row; never around the caches.
static void down_x_by_4(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n, const float *d,
                        size_t count, int stream) {
    (void)stream;
    size_t o = 0;
    for (; o + 4 <= count; o += 4)
        thin_x_block(f->down_x, y + o * y_step, y_step, n, d + o * 4 * LANES, 4, 4);
    for (; o < count; o++)
        thin_x_block(f->down_x, y + o * y_step, y_step, n, d + o * 4 * LANES, 1, 4);
}

// `block` lines of one vector of pixels.
ALWAYS void down_y_block(const float *taps, float *y, size_t y_row, size_t n, const float *const *r,
                         size_t at, const int block, const int down) {
    VF sum[8];
    UNROLL for (int o = 0; o < block; o++) sum[o] = vf_zero();
    for (int p = 0; p < down; p++) {
        VF w[OUTPUTS];
        UNROLL for (int k = 0; k < OUTPUTS; k++) w[k] = vf_set(taps[k * down + p]);
        UNROLL for (int i = 0; i < block + OUTPUTS - 1; i++) {
            VF a = taken(r[i * down + p] + at);
            UNROLL for (int o = 0; o < block; o++) if (i >= o && i - o < OUTPUTS) sum[o] =
                vf_fma(a, w[i - o], sum[o]);
        }
    }
    UNROLL for (int o = 0; o < block; o++) store_part(y + (size_t)o * y_row, sum[o], n);
}

ALWAYS void down_y_lines(const atl_cpu_flrelu_filter *f, float *y, size_t y_row, size_t y_step, size_t n,
                         const float *const *r, size_t count, const int block, const int down) {
    for (size_t i = 0; i < count; i++)
        for (size_t half = 0; half < LANES && half < n; half += VL)
            down_y_block(f->down_y, y + i * y_step + half, y_row, n - half, r, i * LANES + half, block, down);
}

ALWAYS void down_y(const atl_cpu_flrelu_filter *f, float *y, size_t y_row, size_t y_step, size_t n,
                   const float *const *r, size_t count, size_t lines, const int down) {
    enum { MOST = 6, SOME = 3 }; // lines of a block of twelve positions
    for (; lines >= MOST; lines -= MOST, y += MOST * y_row, r += MOST * down)
        down_y_lines(f, y, y_row, y_step, n, r, count, MOST, down);
    for (; lines >= SOME; lines -= SOME, y += SOME * y_row, r += SOME * down)
        down_y_lines(f, y, y_row, y_step, n, r, count, SOME, down);
    for (; lines; lines--, y += y_row, r += down)
        down_y_lines(f, y, y_row, y_step, n, r, count, 1, down);
}

#define GRAD_COPIES(by)                                                                                      \
    static void gated_by_##by(const atl_cpu_flrelu_filter *f, const atl_cpu_flrelu_filter *gate, float *m,   \
                              size_t m_row, const float *const *t, const float *const *u, size_t first,      \
                              size_t count, size_t positions, size_t n) {                                    \
        gated(f, gate, m, m_row, t, u, first, count, positions, n, by);                                      \
    }                                                                                                        \
    static void down_y_by_##by(const atl_cpu_flrelu_filter *f, float *y, size_t y_row, size_t y_step,        \
                               size_t n, const float *const *r, size_t count, size_t lines) {                \
        down_y(f, y, y_row, y_step, n, r, count, lines, by);                                                 \
    }

GRAD_COPIES(2)
GRAD_COPIES(4)
