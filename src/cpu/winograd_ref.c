// SPDX-License-Identifier: Apache-2.0
// Reference transforms of Winograd convolution in portable C, one channel at a time, and the ladder that
// fills the table.  winograd_kernels.h says what the slots do; winograd_simd.h is the tuned sibling.
#include "cpu/winograd_kernels.h"

#include <math.h>
#include "cpu/winograd_weight.h"

enum { EE = 0, EO = 25, OE = 45, OO = 65 }; // planes of an up tile in an array

static float pixel(const atl_cpu_wino_source *from, int y, int x, int c) {
    if (y < 0 || x < 0 || y >= from->h || x >= from->w)
        return 0.0f;
    float v = from->x[((size_t)y * (size_t)from->w + (size_t)x) * (size_t)from->c + (size_t)c];
    return from->scale ? v * from->scale[c] : v;
}

// Six pixels to their values for the six points; input and output may be the same.
static void in_line(float *d, size_t step) {
    const float a = (float)ATL_WINO_A1, b = (float)ATL_WINO_B1, aa = a * a, bb = b * b;
    float d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    float ea = d4 - bb * d2, oa = a * (d3 - bb * d1), eb = d4 - aa * d2, ob = b * (d3 - aa * d1);
    d[0] = d4 - (aa + bb) * d2 + aa * bb * d0;
    d[step] = ea + oa;
    d[2 * step] = ea - oa;
    d[3 * step] = eb + ob;
    d[4 * step] = eb - ob;
    d[5 * step] = d5 - (aa + bb) * d3 + aa * bb * d1;
}

static void in_ref(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane) {
    for (int c = 0; c < from->c; c++) {
        float d[36];
        for (int i = 0; i < 36; i++)
            d[i] = pixel(from, oy + i / 6, ox + i % 6, c);
        for (size_t i = 0; i < 6; i++)
            in_line(d + i, 6);
        for (size_t i = 0; i < 6; i++)
            in_line(d + i * 6, 1);
        for (size_t i = 0; i < 36; i++)
            v[i * plane + (size_t)c] = d[i];
    }
}

// Six products to four pixels, in place.
static void out_line(float *m, size_t step) {
    const float a = (float)ATL_WINO_A1, b = (float)ATL_WINO_B1, aa = a * a, bb = b * b;
    float sa = m[step] + m[2 * step], da = a * (m[step] - m[2 * step]);
    float sb = m[3 * step] + m[4 * step], db = b * (m[3 * step] - m[4 * step]);
    m[0] = m[0] + sa + sb;
    m[step] = da + db;
    m[2 * step] = aa * sa + bb * sb;
    m[3 * step] = aa * da + bb * db + m[5 * step];
}

static void finish(const atl_cpu_wino_target *to, float v, int y, int x, int c) {
    size_t p = (size_t)y * (size_t)to->w + (size_t)x, at = p * (size_t)to->c + (size_t)c;
    if (to->scale)
        v *= to->scale[c];
    if (to->noise)
        v += to->noise[p];
    if (to->bias)
        v += to->bias[c];
    v *= v < 0 ? to->gain * to->slope : to->gain;
    v = v > to->clamp ? to->clamp : v < -to->clamp ? -to->clamp : v;
    if (to->gate && to->gate[at] < 0)
        v *= to->gate_slope;
    to->y[at] = to->residual ? v + to->residual[at] : v;
}

static void out_ref(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox, int c0,
                    int c1) {
    for (int c = c0; c < c1; c++) {
        float d[36];
        for (size_t i = 0; i < 36; i++)
            d[i] = m[i * plane + (size_t)c];
        for (size_t i = 0; i < 6; i++)
            out_line(d + i, 6);
        for (size_t i = 0; i < 4; i++)
            out_line(d + i * 6, 1);
        for (int i = 0; i < 4 && oy + i < to->h; i++)
            for (int j = 0; j < 4 && ox + j < to->w; j++)
                finish(to, d[i * 6 + j], oy + i, ox + j, c);
    }
}

// Four pixels are the coefficients of a polynomial; its values for the five points.
static void up_in_line(const float *d, size_t step, float *e, size_t to) {
    const float a = (float)ATL_WINO_A2, b = (float)ATL_WINO_B2;
    float ea = d[0] + a * a * d[2 * step], oa = a * (d[step] + a * a * d[3 * step]);
    float eb = d[0] + b * b * d[2 * step], ob = b * (d[step] + b * b * d[3 * step]);
    e[0] = ea + oa;
    e[to] = ea - oa;
    e[2 * to] = eb + ob;
    e[3 * to] = eb - ob;
    e[4 * to] = d[3 * step];
}

// Where plane i of a tile is, in the order ee, eo, oe, oo.
static float *plane_of(const atl_cpu_wino_planes *p, size_t i) {
    if (i < 25)
        return p->ee + i * p->ee_step;
    if (i < 65)
        return p->eo + (i - 25) / 4 * p->point + (i - 25) % 4 * p->line;
    return p->oo + (i - 65) * p->oo_step;
}

static void up_in_ref(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v) {
    for (int c = 0; c < from->c; c++) {
        float d[16], all[ATL_WINO_UP_PLANES];
        for (int i = 0; i < 16; i++)
            all[OO + i] = d[i] = pixel(from, oy + i / 4, ox + i % 4, c);
        for (size_t j = 0; j < 4; j++)
            up_in_line(d + j, 4, all + EO + j, 4);
        for (size_t i = 0; i < 4; i++)
            up_in_line(d + i * 4, 1, all + OE + i, 4);
        for (size_t i = 0; i < 5; i++)
            up_in_line(all + EO + i * 4, 1, all + EE + i * 5, 1);
        for (size_t i = 0; i < ATL_WINO_UP_PLANES; i++)
            plane_of(v, i)[c] = all[i];
    }
}

// Values of a polynomial of degree 4 for the five points (divided by what the weights hold) to its
// coefficients, which are five even rows or columns of z.
static void up_out_line(const float *m, size_t step, float *z, size_t to) {
    const float a = (float)ATL_WINO_A2, b = (float)ATL_WINO_B2, aa = a * a, bb = b * b;
    float sa = m[0] + m[step], da = a * (m[0] - m[step]);
    float sb = m[2 * step] + m[3 * step], db = b * (m[2 * step] - m[3 * step]), top = m[4 * step];
    z[0] = aa * bb * top - bb * da - aa * db;
    z[to] = -bb * sa - aa * sb;
    z[2 * to] = da + db - (aa + bb) * top;
    z[3 * to] = sa + sb;
    z[4 * to] = top;
}

// The 9x9 pixels of z that a tile adds to.
static void up_tile(const float *m, float z[81]) {
    float half[25];
    for (size_t j = 0; j < 5; j++) // even rows, even columns
        up_out_line(m + EE + j, 5, half + j, 5);
    for (size_t i = 0; i < 5; i++)
        up_out_line(half + i * 5, 1, z + i * 18, 2);
    for (size_t j = 0; j < 4; j++) // even rows, odd columns
        up_out_line(m + EO + j, 4, z + 1 + 2 * j, 18);
    for (size_t i = 0; i < 4; i++) // odd rows, even columns
        up_out_line(m + OE + i, 4, z + 9 + 18 * i, 2);
    for (size_t i = 0; i < 16; i++) // odd rows and columns
        z[(2 * (i / 4) + 1) * 9 + 2 * (i % 4) + 1] = m[OO + i];
}

// One line of z through the filter: 9 values (first and last are partial sums) and the four before, to 8.
static void up_filter(const float *z, size_t step, float *kept, size_t keep, const float f[4], float *to,
                      size_t out) {
    float e[12];
    for (size_t i = 0; i < 4; i++)
        e[i] = kept[i * keep];
    e[3] += z[0];
    for (size_t i = 1; i < 9; i++)
        e[3 + i] = z[i * step];
    for (size_t i = 0; i < 8; i++)
        to[i * out] = f[3] * e[i] + f[2] * e[i + 1] + f[1] * e[i + 2] + f[0] * e[i + 3];
    for (size_t i = 0; i < 4; i++)
        kept[i * keep] = e[8 + i];
}

static void up_out_ref(const atl_cpu_wino_target *to, const atl_cpu_wino_up_tile *tile) {
    for (int c = tile->c0; c < tile->c1; c++) {
        float m[ATL_WINO_UP_PLANES], z[81] = { 0 }, wide[72], y[64];
        float *left = tile->left + (c - tile->c0), *above = tile->above + (c - tile->c0);
        size_t kept = tile->kept;
        if (!tile->empty) {
            for (size_t i = 0; i < ATL_WINO_UP_PLANES; i++)
                m[i] = plane_of(&tile->m, i)[c];
            up_tile(m, z);
        }
        for (size_t r = 0; r < 9; r++)
            up_filter(z + r * 9, 1, left + r * 4 * kept, kept, tile->fx, wide + r * 8, 1);
        for (size_t x = 0; x < 8; x++)
            up_filter(wide + x, 8, above + x * kept, 8 * kept, tile->fy, y + x, 8);
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++)
                if (tile->oy + i >= tile->y0 && tile->oy + i < tile->y1 && tile->ox + j >= 0 &&
                    tile->ox + j < to->w)
                    finish(to, y[i * 8 + j], tile->oy + i, tile->ox + j, c);
    }
}

// ---- stride 2

// Five even pixels to their values for the five points: the transpose of up_out_line.
static void down_in_line(const float *d, size_t step, float *v, size_t to) {
    const float a = (float)ATL_WINO_A2, b = (float)ATL_WINO_B2, aa = a * a, bb = b * b;
    float d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    float ea = d3 - bb * d1, oa = a * (d2 - bb * d0), eb = d3 - aa * d1, ob = b * (d2 - aa * d0);
    v[0] = ea + oa;
    v[to] = ea - oa;
    v[2 * to] = eb + ob;
    v[3 * to] = eb - ob;
    v[4 * to] = aa * bb * d0 - (aa + bb) * d2 + d[4 * step];
}

static void down_in_ref(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v) {
    for (int c = 0; c < from->c; c++) {
        float d[81], half[25], all[ATL_WINO_UP_PLANES];
        for (int i = 0; i < 81; i++)
            d[i] = pixel(from, oy + i / 9, ox + i % 9, c);
        for (size_t j = 0; j < 5; j++) // even rows, even columns
            down_in_line(d + 2 * j, 18, half + j, 5);
        for (size_t i = 0; i < 5; i++)
            down_in_line(half + i * 5, 1, all + EE + i * 5, 1);
        for (size_t j = 0; j < 4; j++) // even rows, odd columns
            down_in_line(d + 2 * j + 1, 18, all + EO + j, 4);
        for (size_t i = 0; i < 4; i++) // odd rows, even columns
            down_in_line(d + 9 + 18 * i, 2, all + OE + i, 4);
        for (size_t i = 0; i < 16; i++)
            all[OO + i] = d[(2 * (i / 4) + 1) * 9 + 2 * (i % 4) + 1];
        for (size_t i = 0; i < ATL_WINO_UP_PLANES; i++)
            plane_of(v, i)[c] = all[i];
    }
}

// Adds what five points give to four pixels: the transpose of up_in_line.
static void down_out_line(const float *m, size_t step, float *y, size_t to) {
    const float a = (float)ATL_WINO_A2, b = (float)ATL_WINO_B2, aa = a * a, bb = b * b;
    float sa = m[0] + m[step], da = a * (m[0] - m[step]);
    float sb = m[2 * step] + m[3 * step], db = b * (m[2 * step] - m[3 * step]);
    y[0] += sa + sb;
    y[to] += da + db;
    y[2 * to] += aa * sa + bb * sb;
    y[3 * to] += aa * da + bb * db + m[4 * step];
}

static void down_out_ref(const atl_cpu_wino_target *to, const atl_cpu_wino_planes *planes, int oy, int ox,
                         int c0, int c1) {
    for (int c = c0; c < c1; c++) {
        float m[ATL_WINO_UP_PLANES], *y = m + OO, *half = m + EO; // [5, 4], from the points in y
        for (size_t i = 0; i < ATL_WINO_UP_PLANES; i++)
            m[i] = plane_of(planes, i)[c];
        for (size_t i = 0; i < 5; i++)
            down_out_line(m + EE + i * 5, 1, half + i * 4, 1);
        for (size_t j = 0; j < 4; j++)
            down_out_line(half + j, 4, y + j, 4);
        for (size_t i = 0; i < 4; i++)
            down_out_line(m + OE + i, 4, y + i * 4, 1);
        for (int i = 0; i < 4 && oy + i < to->h; i++)
            for (int j = 0; j < 4 && ox + j < to->w; j++)
                finish(to, y[i * 4 + j], oy + i, ox + j, c);
    }
}

// Four pixels to what six points get of them: the transpose of out_line.
static void grad_line(const float *d, size_t step, float *v, size_t to) {
    const float a = (float)ATL_WINO_A1, b = (float)ATL_WINO_B1;
    float d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    float ea = d0 + a * a * d2, oa = a * (d1 + a * a * d3), eb = d0 + b * b * d2, ob = b * (d1 + b * b * d3);
    v[0] = d0;
    v[to] = ea + oa;
    v[2 * to] = ea - oa;
    v[3 * to] = eb + ob;
    v[4 * to] = eb - ob;
    v[5 * to] = d3;
}

static void grad_in_ref(const atl_cpu_wino_source *from, int oy, int ox, float *v, size_t plane) {
    for (int c = 0; c < from->c; c++) {
        float d[16], half[24], all[36]; // [4, 4], [6, 4], [6, 6]
        for (int i = 0; i < 16; i++)
            d[i] = pixel(from, oy + i / 4, ox + i % 4, c);
        for (size_t j = 0; j < 4; j++)
            grad_line(d + j, 4, half + j, 4);
        for (size_t i = 0; i < 6; i++)
            grad_line(half + i * 4, 1, all + i * 6, 1);
        for (size_t i = 0; i < 36; i++)
            v[i * plane + (size_t)c] = all[i];
    }
}

// One panel of all columns.
static size_t panel_ref(size_t rest) {
    return rest;
}

static void product_ref(const float *a, size_t a_row, const float *b, float *c, size_t c_row, size_t m,
                        size_t n, size_t k) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++)
            c[i * c_row + j] = 0;
        for (size_t l = 0; l < k; l++)
            for (size_t j = 0; j < n; j++)
                c[i * c_row + j] += a[i * a_row + l] * b[l * n + j];
    }
}

static void outer_ref(const float *a, size_t a_row, const float *b, size_t b_row, float *c, size_t c_row,
                      size_t m, size_t n, size_t k, int add) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = 0;
            for (size_t l = 0; l < k; l++)
                sum += a[l * a_row + i] * b[l * b_row + j];
            c[i * c_row + j] = add ? c[i * c_row + j] + sum : sum;
        }
}

// ---- lines

// Coefficients of the product of (x - point) over all points but one; of `infinity`, over all.
static void line_in_ref(const atl_cpu_wino_source *from, int oy, int ox, int down, float *v, size_t plane) {
    const double at[7] = { 0, ATL_LINE_A, -ATL_LINE_A, ATL_LINE_B, -ATL_LINE_B, ATL_LINE_C, -ATL_LINE_C };
    for (int point = 0; point < 8; point++) {
        double product[8] = { 1 };
        for (int i = 0, degree = 0; i < 7; i++) {
            if (i == point)
                continue;
            degree++;
            for (int k = degree; k >= 0; k--)
                product[k] = (k ? product[k - 1] : 0) - at[i] * (k < degree ? product[k] : 0);
        }
        for (int c = 0; c < from->c; c++) {
            double sum = 0;
            for (int k = 0; k < 8; k++)
                sum += product[k] * (double)pixel(from, oy + (down ? k : 0), ox + (down ? 0 : k), c);
            v[(size_t)point * plane + (size_t)c] = (float)sum;
        }
    }
}

static void line_out_ref(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox,
                         int down, int pixels) {
    const double at[7] = { 0, ATL_LINE_A, -ATL_LINE_A, ATL_LINE_B, -ATL_LINE_B, ATL_LINE_C, -ATL_LINE_C };
    for (int c = 0; c < to->c; c++)
        for (int i = 0; i < pixels; i++) {
            double sum = i + 1 == pixels ? (double)m[7 * plane + (size_t)c] : 0;
            for (size_t point = 0; point < 7; point++)
                sum += pow(at[point], i) * (double)m[point * plane + (size_t)c];
            int y = oy + (down ? i : 0), x = ox + (down ? 0 : i);
            if (y < to->h && x < to->w)
                finish(to, (float)sum, y, x, c);
        }
}

void atl_cpu_wino_init_ref(atl_cpu_wino_kernels *k) {
    *k = (atl_cpu_wino_kernels){ in_ref,          up_in_ref,        out_ref,     up_out_ref,  down_in_ref,
                                 down_out_ref,    product_ref,      panel_ref,   grad_in_ref, outer_ref,
                                 weight_gradient, weight_transform, line_in_ref, line_out_ref };
}
