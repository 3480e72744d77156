// SPDX-License-Identifier: Apache-2.0
// Body of the tuned Winograd transforms, over vec.h: vectors run over channels.  Included by one file per
// instruction set.  winograd_ref.c has the same functions in a form that is easier to read.
#include "cpu/vec.h"
#include "cpu/winograd_kernels.h"
#include "cpu/winograd_product.h"
#include "cpu/winograd_weight.h"

#define INLINE static inline __attribute__((always_inline))

INLINE VF get(const float *p, size_t n, int whole) {
    return whole ? vf_load(p) : vf_load_n(p, n);
}

INLINE void put(float *p, VF v, size_t n, int whole) {
    if (whole)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

// Six pixels to their values for the six points.
INLINE void in_line(VF d0, VF d1, VF d2, VF d3, VF d4, VF d5, VF v[6]) {
    const double a = ATL_WINO_A1, b = ATL_WINO_B1;
    const VF va = vf_set((float)a), vb = vf_set((float)b), aa = vf_set((float)(a * a));
    const VF bb = vf_set((float)(b * b)), sum = vf_set((float)(a * a + b * b)),
             aabb = vf_set((float)(a * a * b * b));
    VF ea = vf_fnma(bb, d2, d4), oa = vf_fnma(bb, d1, d3), eb = vf_fnma(aa, d2, d4), ob = vf_fnma(aa, d1, d3);
    v[0] = vf_fma(aabb, d0, vf_fnma(sum, d2, d4));
    v[1] = vf_fma(va, oa, ea);
    v[2] = vf_fnma(va, oa, ea);
    v[3] = vf_fma(vb, ob, eb);
    v[4] = vf_fnma(vb, ob, eb);
    v[5] = vf_fma(aabb, d1, vf_fnma(sum, d3, d5));
}

// A window of x, multiplied by the scale; `inside`: no pixel of it is outside.
INLINE VF pixel(const atl_cpu_wino_source *from, int y, int x, size_t c, size_t n, int whole, int inside,
                int scaled, VF scale) {
    if (!inside && (y < 0 || x < 0 || y >= from->h || x >= from->w))
        return vf_zero();
    VF v = get(from->x + ((ptrdiff_t)y * from->w + x) * from->c + (ptrdiff_t)c, n, whole);
    return scaled ? vf_mul(v, scale) : v;
}

INLINE void in_channels(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane, size_t c,
                        size_t n, int whole, int inside, int scaled) {
    VF t[6][6], d[6], scale = scaled ? get(from->scale + c, n, whole) : vf_zero();
    for (int j = 0; j < 6; j++) {
        for (int i = 0; i < 6; i++)
            d[i] = pixel(from, oy + i, ox + j, c, n, whole, inside, scaled, scale);
        in_line(d[0], d[1], d[2], d[3], d[4], d[5], t[j]);
    }
    for (size_t i = 0; i < 6; i++) {
        in_line(t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], t[5][i], d);
        for (size_t j = 0; j < 6; j++)
            put(v + (i * 6 + j) * plane + c, d[j], n, whole);
    }
}

// Four pixels as a polynomial: its values for the five points.
INLINE void up_in_line(VF d0, VF d1, VF d2, VF d3, VF e[5]) {
    const double a = ATL_WINO_A2, b = ATL_WINO_B2;
    const VF va = vf_set((float)a), vb = vf_set((float)b), aa = vf_set((float)(a * a)),
             bb = vf_set((float)(b * b));
    VF ea = vf_fma(aa, d2, d0), oa = vf_fma(aa, d3, d1), eb = vf_fma(bb, d2, d0), ob = vf_fma(bb, d3, d1);
    e[0] = vf_fma(va, oa, ea);
    e[1] = vf_fnma(va, oa, ea);
    e[2] = vf_fma(vb, ob, eb);
    e[3] = vf_fnma(vb, ob, eb);
    e[4] = d3;
}

INLINE void up_in_channels(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v,
                           size_t c, size_t n, int whole, int inside, int scaled) {
    VF d[4][4], t[4][5], e[5], scale = scaled ? get(from->scale + c, n, whole) : vf_zero();
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            d[i][j] = pixel(from, oy + i, ox + j, c, n, whole, inside, scaled, scale);
            put(v->oo + (size_t)(i * 4 + j) * v->oo_step + c, d[i][j], n, whole);
        }
        up_in_line(d[i][0], d[i][1], d[i][2], d[i][3], e);
        for (int p = 0; p < 5; p++)
            put(v->eo + (size_t)(5 + p) * v->point + (size_t)i * v->line + c, e[p], n, whole);
    }
    for (int j = 0; j < 4; j++) {
        up_in_line(d[0][j], d[1][j], d[2][j], d[3][j], t[j]);
        for (int p = 0; p < 5; p++)
            put(v->eo + (size_t)p * v->point + (size_t)j * v->line + c, t[j][p], n, whole);
    }
    for (int p = 0; p < 5; p++) {
        up_in_line(t[0][p], t[1][p], t[2][p], t[3][p], e);
        for (int q = 0; q < 5; q++)
            put(v->ee + (size_t)(p * 5 + q) * v->ee_step + c, e[q], n, whole);
    }
}

// Four pixels to what six points get of them: the transpose of out_line.
INLINE void grad_line(VF d0, VF d1, VF d2, VF d3, VF v[6]) {
    const double a = ATL_WINO_A1, b = ATL_WINO_B1;
    const VF va = vf_set((float)a), vb = vf_set((float)b), aa = vf_set((float)(a * a)),
             bb = vf_set((float)(b * b));
    VF ea = vf_fma(aa, d2, d0), oa = vf_fma(aa, d3, d1), eb = vf_fma(bb, d2, d0), ob = vf_fma(bb, d3, d1);
    v[0] = d0;
    v[1] = vf_fma(va, oa, ea);
    v[2] = vf_fnma(va, oa, ea);
    v[3] = vf_fma(vb, ob, eb);
    v[4] = vf_fnma(vb, ob, eb);
    v[5] = d3;
}

INLINE void grad_channels(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane, size_t c,
                          size_t n, int whole, int inside, int scaled) {
    VF t[4][6], d[6], scale = scaled ? get(from->scale + c, n, whole) : vf_zero();
    for (int j = 0; j < 4; j++) {
        for (int i = 0; i < 4; i++)
            d[i] = pixel(from, oy + i, ox + j, c, n, whole, inside, scaled, scale);
        grad_line(d[0], d[1], d[2], d[3], t[j]);
    }
    for (size_t i = 0; i < 6; i++) {
        grad_line(t[0][i], t[1][i], t[2][i], t[3][i], d);
        for (size_t j = 0; j < 6; j++)
            put(v + (i * 6 + j) * plane + c, d[j], n, whole);
    }
}

// All channels: whole vectors with every flag a constant, then the rest.
#define ALL_CHANNELS(channels, window)                                                                  \
    do {                                                                                                \
        int inside = oy >= 0 && ox >= 0 && oy + (window) <= from->h && ox + (window) <= from->w;        \
        size_t c = 0, count = (size_t)from->c;                                                          \
        if (inside && from->scale)                                                                      \
            for (; c + VL <= count; c += VL)                                                            \
                channels(c, VL, 1, 1, 1);                                       \
        else if (inside)                                                                                \
            for (; c + VL <= count; c += VL)                                                            \
                channels(c, VL, 1, 1, 0);                                       \
        for (; c < count; c += VL)                                                                      \
            channels(c, count - c < VL ? count - c : VL, 0, 0, from->scale != NULL); \
    } while (0)

static void in_simd(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane) {
#define PLAIN(...) in_channels(from, oy, ox, v, plane, __VA_ARGS__)
    ALL_CHANNELS(PLAIN, 6);
}

static void up_in_simd(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v) {
#define UP(...) up_in_channels(from, oy, ox, v, __VA_ARGS__)
    ALL_CHANNELS(UP, 4);
}

static void grad_in_simd(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane) {
#define GRAD(...) grad_channels(from, oy, ox, v, plane, __VA_ARGS__)
    ALL_CHANNELS(GRAD, 4);
}

// What the epilogue needs for one vector of channels.
typedef struct ending {
    VF scale, bias, slope, gain, top, bottom;
    int usual; // gain above 0, slope in [0, 1], neither gate nor residual
} ending;

INLINE ending ending_of(const atl_cpu_wino_target *to, size_t c, size_t n, int whole) {
    return (ending){
        to->scale ? get(to->scale + c, n, whole) : vf_set(1.0f),
        to->bias ? get(to->bias + c, n, whole) : vf_zero(),
        vf_set(to->slope),
        vf_set(to->gain),
        vf_set(to->clamp),
        vf_set(-to->clamp),
        to->gain > 0 && to->slope >= 0 && to->slope <= 1 && !to->gate && !to->residual,
    };
}

// One pixel, rounded as the single steps are, to the bit: an activation that is zero up to rounding then
// falls on the same side, and the gradient may read the sign of the result.  A NaN passes: min and max return
// their second operand.
INLINE VF ended(const ending *e, VF v, float noise, int usual) {
    v = vf_add(vf_add(vf_mul(v, e->scale), vf_set(noise)), e->bias);
    v = vf_mul(usual ? vf_max(vf_mul(v, e->slope), v) : vf_lrelu(v, e->slope), e->gain);
    return vf_max(e->bottom, vf_min(e->top, v));
}

enum { LINE = 16 }; // floats of a cache line

// `count` pixels from pixel p on, `step` pixels apart; to `lines`, a line for each pixel, where lines are gathered.
// The loop for the usual case has no test inside.
INLINE void finish(const atl_cpu_wino_target *to, const ending *e, const VF *v, int count, size_t p,
                   size_t step, size_t c, size_t n, int whole, float *lines) {
    static const float silence = 0.0f;
    const float *noise = to->noise ? to->noise + p : &silence;
    size_t at = p * (size_t)to->c + c, next = step * (size_t)to->c, hop = to->noise ? step : 0;
    float *y = to->y + at;
    if (whole && e->usual && lines)
        for (int i = 0; i < count; i++, lines += LINE, noise += hop)
            vf_store(lines, ended(e, v[i], *noise, 1));
    else if (whole && e->usual && to->stream)
        for (int i = 0; i < count; i++, y += next, noise += hop)
            vf_stream(y, ended(e, v[i], *noise, 1));
    else if (whole && e->usual)
        for (int i = 0; i < count; i++, y += next, noise += hop)
            vf_store(y, ended(e, v[i], *noise, 1));
    else
        for (int i = 0; i < count; i++, y += next, at += next, noise += hop) {
            VF r = e->usual ? ended(e, v[i], *noise, 1) : ended(e, v[i], *noise, 0);
            if (to->gate)
                r = vf_gate(r, get(to->gate + at, n, whole), vf_set(to->gate_slope));
            if (to->residual)
                r = vf_add(r, get(to->residual + at, n, whole));
            put(y, r, n, whole);
        }
}

// Six products to four pixels.
INLINE void out_line(VF m0, VF m1, VF m2, VF m3, VF m4, VF m5, VF y[4]) {
    const double a = ATL_WINO_A1, b = ATL_WINO_B1;
    const VF va = vf_set((float)a), vb = vf_set((float)b), aa = vf_set((float)(a * a)),
             bb = vf_set((float)(b * b));
    const VF aaa = vf_set((float)(a * a * a)), bbb = vf_set((float)(b * b * b));
    VF sa = vf_add(m1, m2), da = vf_sub(m1, m2), sb = vf_add(m3, m4), db = vf_sub(m3, m4);
    y[0] = vf_add(m0, vf_add(sa, sb));
    y[1] = vf_fma(va, da, vf_mul(vb, db));
    y[2] = vf_fma(aa, sa, vf_mul(bb, sb));
    y[3] = vf_fma(aaa, da, vf_fma(bbb, db, m5));
}

INLINE void out_channels(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox,
                         size_t c, size_t n, int whole, float *lines) {
    VF t[6][4], y[4];
    ending e = ending_of(to, c, n, whole);
    for (size_t j = 0; j < 6; j++) {
        VF d[6];
        for (size_t i = 0; i < 6; i++)
            d[i] = get(m + (i * 6 + j) * plane + c, n, whole);
        out_line(d[0], d[1], d[2], d[3], d[4], d[5], t[j]);
    }
    int rows = to->h - oy, columns = to->w - ox < 4 ? to->w - ox : 4;
    for (int i = 0; i < 4 && i < rows; i++) {
        out_line(t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], t[5][i], y);
        finish(to, &e, y, columns, (size_t)(oy + i) * (size_t)to->w + (size_t)ox, 1, c, n, whole,
               lines ? lines + i * 4 * LINE : NULL);
    }
}

// Whether whole lines have to be gathered for the stream: one that is written in two halves goes to memory twice.
INLINE int gathers(const atl_cpu_wino_target *to, size_t c, size_t end) {
    return (int)VL < (int)LINE && to->stream && to->gain > 0 && to->slope >= 0 && to->slope <= 1 && !to->gate &&
           !to->residual && c % LINE == 0 && c + LINE <= end;
}

INLINE void stream_line(float *y, const float *line) {
#pragma GCC unroll 4
    for (size_t i = 0; i < LINE; i += VL)
        vf_stream(y + i, vf_load(line + i));
}

// 4x4 pixels of a line each.
INLINE void stream_tile(const atl_cpu_wino_target *to, const float *lines, int oy, int ox, size_t c) {
    for (int i = 0; i < 4 && i < to->h - oy; i++)
        for (int j = 0; j < 4 && j < to->w - ox; j++)
            stream_line(to->y + ((size_t)(oy + i) * (size_t)to->w + (size_t)(ox + j)) * (size_t)to->c + c,
                        lines + (i * 4 + j) * LINE);
}

// 16 channels of a tile.
INLINE void out_lines(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox, size_t c) {
    _Alignas(64) float lines[4 * 4 * LINE];
    for (size_t part = 0; part < LINE; part += VL)
        out_channels(to, m, plane, oy, ox, c + part, VL, 1, lines + part);
    stream_tile(to, lines, oy, ox, c);
}

static void out_simd(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox, int c0,
                     int c1) {
    size_t c = (size_t)c0, end = (size_t)c1;
    for (; gathers(to, c, end); c += LINE)
        out_lines(to, m, plane, oy, ox, c);
    for (; c + VL <= end; c += VL)
        out_channels(to, m, plane, oy, ox, c, VL, 1, NULL);
    if (c < end)
        out_channels(to, m, plane, oy, ox, c, end - c, 0, NULL);
}

// Five products to five coefficients.
INLINE void up_out_line(VF m0, VF m1, VF m2, VF m3, VF top, VF z[5]) {
    const double a = ATL_WINO_A2, b = ATL_WINO_B2, A = a * a, B = b * b;
    VF sa = vf_add(m0, m1), da = vf_sub(m0, m1), sb = vf_add(m2, m3), db = vf_sub(m2, m3);
    z[0] = vf_fnma(vf_set((float)(a * B)), da,
                   vf_fnma(vf_set((float)(b * A)), db, vf_mul(vf_set((float)(A * B)), top)));
    z[1] = vf_fnma(vf_set((float)B), sa, vf_mul(vf_set((float)-A), sb));
    z[2] = vf_fma(vf_set((float)a), da, vf_fnma(vf_set((float)(A + B)), top, vf_mul(vf_set((float)b), db)));
    z[3] = vf_add(sa, sb);
    z[4] = top;
}

// The tile's 9x9 of z.
INLINE void up_tile(const atl_cpu_wino_planes *m, size_t c, size_t n, int whole, VF z[9][9]) {
#define EE(p, q) get(m->ee + (size_t)((p) * 5 + (q)) * m->ee_step + c, n, whole)
#define EO(p, j) get(m->eo + (size_t)(p) * m->point + (size_t)(j) * m->line + c, n, whole)
    VF t[5][5], e[5];
    for (int j = 0; j < 5; j++)
        up_out_line(EE(0, j), EE(1, j), EE(2, j), EE(3, j), EE(4, j), t[j]);
    for (int i = 0; i < 5; i++) {
        up_out_line(t[0][i], t[1][i], t[2][i], t[3][i], t[4][i], e);
        for (int j = 0; j < 5; j++)
            z[2 * i][2 * j] = e[j];
    }
    for (int j = 0; j < 4; j++) {
        up_out_line(EO(0, j), EO(1, j), EO(2, j), EO(3, j), EO(4, j), e);
        for (int i = 0; i < 5; i++)
            z[2 * i][2 * j + 1] = e[i];
    }
    for (int i = 0; i < 4; i++) {
        up_out_line(EO(5, i), EO(6, i), EO(7, i), EO(8, i), EO(9, i), e);
        for (int j = 0; j < 5; j++)
            z[2 * i + 1][2 * j] = e[j];
        for (int j = 0; j < 4; j++)
            z[2 * i + 1][2 * j + 1] = get(m->oo + (size_t)(i * 4 + j) * m->oo_step + c, n, whole);
    }
#undef EE
#undef EO
}

INLINE VF taps(const VF f[4], VF a, VF b, VF c, VF d) {
    return vf_fma(f[3], a, vf_fma(f[2], b, vf_fma(f[1], c, vf_mul(f[0], d))));
}

// Rows of a tile that exist.
INLINE int first_row_of(const atl_cpu_wino_up_tile *tile) {
    return tile->y0 > tile->oy ? tile->y0 - tile->oy : 0;
}

INLINE int last_row_of(const atl_cpu_wino_up_tile *tile) {
    return tile->y1 - tile->oy < 8 ? tile->y1 - tile->oy : 8;
}

INLINE void up_out_channels(const atl_cpu_wino_target *to, const atl_cpu_wino_up_tile *tile, size_t c,
                            size_t n, int whole, float *lines) {
    VF z[9][9], wide[9][8], f[4], k[4];
    size_t step = tile->kept, at = c - (size_t)tile->c0;
    if (!tile->empty)
        up_tile(&tile->m, c, n, whole, z);
    else
        for (int i = 0; i < 81; i++)
            z[i / 9][i % 9] = vf_zero();
    for (int i = 0; i < 4; i++)
        f[i] = vf_set(tile->fx[i]);
    for (int r = 0; r < 9; r++) {
        float *kept = tile->left + (size_t)r * 4 * step + at;
        for (size_t i = 0; i < 4; i++)
            k[i] = get(kept + i * step, n, whole);
        VF first = vf_add(k[3], z[r][0]);
        wide[r][0] = taps(f, k[0], k[1], k[2], first);
        wide[r][1] = taps(f, k[1], k[2], first, z[r][1]);
        wide[r][2] = taps(f, k[2], first, z[r][1], z[r][2]);
        wide[r][3] = taps(f, first, z[r][1], z[r][2], z[r][3]);
        for (int j = 4; j < 8; j++)
            wide[r][j] = taps(f, z[r][j - 3], z[r][j - 2], z[r][j - 1], z[r][j]);
        for (size_t i = 0; i < 4; i++)
            put(kept + i * step, z[r][5 + i], n, whole);
    }
    for (int i = 0; i < 4; i++)
        f[i] = vf_set(tile->fy[i]);
    ending e = ending_of(to, c, n, whole);
    int first_row = first_row_of(tile), last_row = last_row_of(tile);
    for (int j = 0; j < 8; j++) {
        float *kept = tile->above + (size_t)j * step + at;
        VF y[8];
        for (size_t i = 0; i < 4; i++)
            k[i] = get(kept + i * 8 * step, n, whole);
        VF first = vf_add(k[3], wide[0][j]);
        y[0] = taps(f, k[0], k[1], k[2], first);
        y[1] = taps(f, k[1], k[2], first, wide[1][j]);
        y[2] = taps(f, k[2], first, wide[1][j], wide[2][j]);
        y[3] = taps(f, first, wide[1][j], wide[2][j], wide[3][j]);
        for (int i = 4; i < 8; i++)
            y[i] = taps(f, wide[i - 3][j], wide[i - 2][j], wide[i - 1][j], wide[i][j]);
        for (size_t i = 0; i < 4; i++)
            put(kept + i * 8 * step, wide[5 + i][j], n, whole);
        int x = tile->ox + j;
        if (x < 0 || x >= to->w)
            continue;
        if (first_row < last_row)
            finish(to, &e, y + first_row, last_row - first_row,
                   (size_t)(tile->oy + first_row) * (size_t)to->w + (size_t)x, (size_t)to->w, c, n, whole,
                   lines ? lines + (j * 8 + first_row) * LINE : NULL);
    }
}

INLINE void up_out_lines(const atl_cpu_wino_target *to, const atl_cpu_wino_up_tile *tile, size_t c) {
    _Alignas(64) float lines[8 * 8 * LINE];
    for (size_t part = 0; part < LINE; part += VL)
        up_out_channels(to, tile, c + part, VL, 1, lines + part);
    for (int i = first_row_of(tile); i < last_row_of(tile); i++)
        for (int j = 0, x = tile->ox; j < 8; j++, x++)
            if (x >= 0 && x < to->w)
                stream_line(to->y + ((size_t)(tile->oy + i) * (size_t)to->w + (size_t)x) * (size_t)to->c + c,
                            lines + (j * 8 + i) * LINE);
}

static void up_out_simd(const atl_cpu_wino_target *to, const atl_cpu_wino_up_tile *tile) {
    size_t c = (size_t)tile->c0, end = (size_t)tile->c1;
    for (; gathers(to, c, end); c += LINE)
        up_out_lines(to, tile, c);
    for (; c + VL <= end; c += VL)
        up_out_channels(to, tile, c, VL, 1, NULL);
    if (c < end)
        up_out_channels(to, tile, c, end - c, 0, NULL);
}

#include "cpu/winograd_down_simd.h"
#include "cpu/winograd_line_simd.h"

void ATL_VEC(atl_cpu_wino_init)(atl_cpu_wino_kernels *k) {
    *k = (atl_cpu_wino_kernels){ in_simd,         up_in_simd,       out_simd,     up_out_simd,  down_in_simd,
                                 down_out_simd,   product_simd,     panel_simd,   grad_in_simd, outer_simd,
                                 weight_gradient, weight_transform, line_in_simd, line_out_simd };
}
