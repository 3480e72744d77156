// SPDX-License-Identifier: Apache-2.0
// Passes of filtered leaky ReLU for sets with many registers (AVX-512 has 32): a vector is a column, and
// sums, windows and taps of several positions stay in registers together.  Included by flrelu_simd.h;
// flrelu_narrow.h has the same passes for sixteen registers.
enum { KEPT = OUTPUTS - 1, LATE = ROUND, CHUNK = 0 };

// ---- oversampling a row: eight results at a time

ALWAYS void up_x(const float *up_x, float *t, const float *v, size_t groups, size_t n, const int up,
                 const int turn) {
    (void)n;
    enum { MOST = 8 };
    const int block = MOST / up;
    VF w[4 * UP_TAPS];
    UNROLL for (int i = 0; i < up * UP_TAPS; i++) w[i] = vf_set(up_x[i]);
    for (size_t g = 0; g < groups; g += (size_t)block) {
        VF sum[MOST];
        UNROLL for (int i = 0; i < block + UP_TAPS; i++) {
            if (i == block + UP_TAPS - 1 && turn == up - 1)
                continue; // no member starts at the next pixel
            VF a = vf_load(v + (size_t)i * VL);
            UNROLL for (int m = 0; m < MOST; m++) {
                int p = m % up, k = i - m / up - (p > turn);
                if (k == 0)
                    sum[m] = vf_mul(a, w[p * UP_TAPS]);
                else if (k > 0 && k < UP_TAPS)
                    sum[m] = vf_fma(a, w[p * UP_TAPS + k], sum[m]);
            }
        }
        UNROLL for (int m = 0; m < MOST; m++) vf_store(t + (size_t)m * VL, sum[m]);
        t += MOST * VL;
        v += (size_t)block * VL;
    }
}

// ---- oversampling down a column, activation, and the down filter along the column
//
// Four positions at a time.  A position is a chain of six multiply-adds and the activation, 40 cycles in
// which nothing else can be done with it; so the down filter works on the four before, `late`, and the two
// sorts of multiply-adds alternate.  This makes outputs 2 rows late.

enum { LAG = OUTPUTS - 1 + LATE / DOWN, CARRIED = KEPT + LATE };

// Tap k of four positions whose windows begin at w.
ALWAYS void up_round(VF m[4], const VF *w, const VF *taps, const int k, const int up, const int turn) {
    UNROLL for (int q = 0; q < 4; q++) {
        const int p = q % up;
        VF a = w[q / up + (p > turn) + k], b = taps[p * UP_TAPS + k];
        m[q] = k ? vf_fma(a, b, m[q]) : vf_mul(a, b);
    }
}

// One of six rounds that add four positions to the six sums that each belongs to; sum[(base + j) % 6] is
// output j of the first two, j - 1 of the others.  No round meets a sum twice, and round 3 starts the sum
// that takes the place of the one finished in round 2.
ALWAYS void down_round(VF sum[OUTPUTS], const VF late[LATE], const VF *taps, const int round,
                       const int base) {
    static const int AHEAD[LATE] = { 0, 4, 2, 3 };
    UNROLL for (int q = 0; q < LATE; q++) {
        const int at = (round + AHEAD[q]) % OUTPUTS, j = (at + OUTPUTS - q / DOWN) % OUTPUTS;
        const int starts = j == OUTPUTS - 1 && (q == 1 || q == 3);
        VF a = taps[(OUTPUTS - 1 - j) * DOWN + q % DOWN], *to = &sum[(base + at) % OUTPUTS];
        *to = starts ? vf_mul(a, late[q]) : vf_fma(a, late[q], *to);
    }
}

ALWAYS void column(const atl_cpu_flrelu_filter *f, float *d, size_t row, const float *const *t, float *state,
                   size_t first, size_t count, size_t steps, size_t n, const atl_cpu_flrelu_soon *soon,
                   const int up, const int turn) {
    (void)n;
    const int inputs = LATE / up;
    VF wu[4 * UP_TAPS], wd[DOWN_TAPS];
    UNROLL for (int i = 0; i < up * UP_TAPS; i++) wu[i] = vf_set(f->up_y[i]);
    UNROLL for (int i = 0; i < DOWN_TAPS; i++) wd[i] = vf_set(f->down_y[i]);
    VF slope = vf_set(f->slope), clamp = vf_set(f->clamp), least = vf_set(-f->clamp);
    state += first * CARRIED * VL;
    for (size_t i = first; i < first + count; i++, state += CARRIED * VL) {
        const float *const *from = t;
        float *to = d + (i - first) * VL;
        errand e = errand_of(soon, i, up);
        VF w[UP_TAPS + 2], sum[OUTPUTS], late[LATE];
        UNROLL for (int k = 0; k < UP_TAPS; k++) w[k] = vf_load(*from++ + i * VL);
        UNROLL for (int k = 0; k < KEPT; k++) sum[k] = vf_load(state + k * VL);
        UNROLL for (int k = 0; k < LATE; k++) late[k] = vf_load(state + (KEPT + k) * VL);
        for (size_t s = 0; s < steps; s += 3 * (size_t)inputs) {
            UNROLL for (int u = 0; u < 3; u++) {
                const int base = 2 * u;
                VF m[4];
                run_errand(&e);
                UNROLL for (int k = 0; k < inputs; k++) w[UP_TAPS + k] = vf_load(*from++ + i * VL);
                UNROLL for (int k = 0; k < UP_TAPS; k++) {
                    up_round(m, w, wu, k, up, turn);
                    down_round(sum, late, wd, k, base);
                    if (k == 2)
                        vf_store(to, sum[base]);
                }
                vf_store(to + row, sum[base + 1]);
                to += 2 * row;
                UNROLL for (int k = 0; k < LATE; k++) late[k] = activate(m[k], slope, clamp, least);
                UNROLL for (int k = 0; k < UP_TAPS; k++) w[k] = w[k + inputs];
            }
        }
        UNROLL for (int k = 0; k < KEPT; k++) vf_store(state + k * VL, sum[k]);
        UNROLL for (int k = 0; k < LATE; k++) vf_store(state + (KEPT + k) * VL, late[k]);
    }
}

ALWAYS void rows(const atl_cpu_flrelu_filter *f, float *const *m, const float *const *t, size_t width,
                 size_t steps, size_t n, const atl_cpu_flrelu_soon *soon, const int up, const int turn) {
    const int inputs = 4 / up;
    (void)n;
    VF wu[4 * UP_TAPS], slope = vf_set(f->slope), clamp = vf_set(f->clamp), least = vf_set(-f->clamp);
    UNROLL for (int i = 0; i < up * UP_TAPS; i++) wu[i] = vf_set(f->up_y[i]);
    for (size_t i = 0; i < width; i++) {
        const float *const *from = t;
        float *const *to = m;
        errand e = errand_of(soon, i, up);
        VF w[UP_TAPS + 2];
        UNROLL for (int k = 0; k < UP_TAPS; k++) w[k] = vf_load(*from++ + i * VL);
        for (size_t s = 0; s < steps; s += (size_t)inputs) {
            VF a[4];
            run_errand(&e);
            UNROLL for (int k = 0; k < inputs; k++) w[UP_TAPS + k] = vf_load(*from++ + i * VL);
            UNROLL for (int k = 0; k < UP_TAPS; k++) up_round(a, w, wu, k, up, turn);
            UNROLL for (int q = 0; q < 4; q++) vf_store(*to++ + i * VL, activate(a[q], slope, clamp, least));
            UNROLL for (int k = 0; k < UP_TAPS; k++) w[k] = w[k + inputs];
        }
    }
}

// ---- the down filter along a row: `block` outputs at a time

ALWAYS void store_some(float *y, VF a, size_t n, int stream) {
    if (stream)
        vf_stream(y, a);
    else if (n == VL)
        vf_store(y, a);
    else
        vf_store_n(y, a, n);
}

ALWAYS void down_block(const VF *w, float *y, size_t y_step, size_t n, const float *d, int stream,
                       const int block) {
    VF sum[8];
    UNROLL for (int i = 0; i < DOWN * (block - 1) + DOWN_TAPS; i++) {
        VF a = vf_load(d + i * VL);
        UNROLL for (int o = 0; o < block; o++) {
            int k = i - DOWN * o;
            if (k == 0)
                sum[o] = vf_mul(a, w[0]);
            else if (k > 0 && k < DOWN_TAPS)
                sum[o] = vf_fma(a, w[k], sum[o]);
        }
    }
    UNROLL for (int o = 0; o < block; o++) store_some(y + (size_t)o * y_step, sum[o], n, stream);
}

static void down_x(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n, const float *d,
                   size_t count, int stream) {
    VF w[DOWN_TAPS];
    UNROLL for (int k = 0; k < DOWN_TAPS; k++) w[k] = vf_set(f->down_x[k]);
    size_t o = 0;
    for (; o + 8 <= count; o += 8)
        down_block(w, y + o * y_step, y_step, n, d + o * DOWN * VL, stream, 8);
    for (; o + 4 <= count; o += 4)
        down_block(w, y + o * y_step, y_step, n, d + o * DOWN * VL, stream, 4);
    for (; o < count; o++)
        down_block(w, y + o * y_step, y_step, n, d + o * DOWN * VL, stream, 1);
}

ALWAYS void add_row(VF *sum, const float *w, const float *m, const int block) {
    UNROLL for (int i = 0; i < DOWN * (block - 1) + DOWN_TAPS; i++) {
        VF a = vf_load(m + i * VL);
        UNROLL for (int o = 0; o < block; o++) {
            int k = i - DOWN * o;
            if (k >= 0 && k < DOWN_TAPS)
                sum[o] = vf_fma(a, vf_set(w[k]), sum[o]);
        }
    }
}

// A filter that is the same upside down and from left to right sees sums of four numbers: a quarter of the
// multiplications.  A window of columns slides over the sums of the two rows.
ALWAYS void add_folded_rows(VF *sum, const float *w, const float *top, const float *bottom, const int block) {
    VF a[DOWN_TAPS];
    UNROLL for (int i = 0; i < DOWN * (block - 1) + DOWN_TAPS; i++) {
        a[i % DOWN_TAPS] = vf_add(vf_load(top + i * VL), vf_load(bottom + i * VL));
        if (i < DOWN_TAPS - 1 || (i - DOWN_TAPS + 1) % DOWN)
            continue; // the window has not reached the next output
        const int first = i - DOWN_TAPS + 1, o = first / DOWN;
        UNROLL for (int k = 0; k < DOWN_TAPS / 2; k++) {
            VF both = vf_add(a[(first + k) % DOWN_TAPS], a[(i - k) % DOWN_TAPS]);
            sum[o] = vf_fma(both, vf_set(w[k]), sum[o]);
        }
    }
}

ALWAYS void down_xy_block(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,
                          const float *const *m, size_t at, int stream, const int block, const int mirrored) {
    VF sum[8];
    UNROLL for (int o = 0; o < block; o++) sum[o] = vf_zero();
    const float *from[DOWN_TAPS]; // so that each address below is a register and a constant
    for (int r = 0; r < DOWN_TAPS; r++)
        from[r] = m[r] + at;
    for (int r = 0; r < (mirrored ? DOWN_TAPS / 2 : DOWN_TAPS); r++) {
        const float *w = f->down_xy + r * DOWN_TAPS;
        if (mirrored)
            add_folded_rows(sum, w, from[r], from[DOWN_TAPS - 1 - r], block);
        else
            add_row(sum, w, from[r], block);
    }
    UNROLL for (int o = 0; o < block; o++) store_some(y + (size_t)o * y_step, sum[o], n, stream);
}

ALWAYS void down_xy_line(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t n,
                         const float *const *m, size_t count, int stream, const int mirrored) {
    size_t o = 0;
    for (; o + 8 <= count; o += 8)
        down_xy_block(f, y + o * y_step, y_step, n, m, o * DOWN * VL, stream, 8, mirrored);
    for (; o + 4 <= count; o += 4)
        down_xy_block(f, y + o * y_step, y_step, n, m, o * DOWN * VL, stream, 4, mirrored);
    for (; o < count; o++)
        down_xy_block(f, y + o * y_step, y_step, n, m, o * DOWN * VL, stream, 1, mirrored);
}

ALWAYS void down_xy(const atl_cpu_flrelu_filter *f, float *y, size_t y_step, size_t y_row, size_t n,
                    const float *const *m, size_t count, size_t lines, int stream, const int mirrored) {
    for (size_t i = 0; i < lines; i++)
        down_xy_line(f, y + i * y_row, y_step, n, m + i * DOWN, count, stream, mirrored);
}
