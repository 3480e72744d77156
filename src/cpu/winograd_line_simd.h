// SPDX-License-Identifier: Apache-2.0
// Body of the tuned transforms of Winograd's lines, included by winograd_simd.h behind what they share:
// vectors run over channels.
#ifndef ATL_CPU_WINOGRAD_LINE_SIMD_H
#define ATL_CPU_WINOGRAD_LINE_SIMD_H

// Eight pixels to their values for the eight points.
INLINE void line_values(const VF d[8], VF v[8]) {
    const float aa = (float)ATL_LINE_AA, bb = (float)ATL_LINE_BB, cc = (float)ATL_LINE_CC;
    const float a[3] = { (float)ATL_LINE_A, (float)ATL_LINE_B, (float)ATL_LINE_C };
    const float sum[3] = { bb + cc, aa + cc, aa + bb }, product[3] = { bb * cc, aa * cc, aa * bb };
    const VF one = vf_set(aa + bb + cc), two = vf_set(aa * bb + aa * cc + bb * cc),
             three = vf_set(aa * bb * cc);
    v[0] = vf_fnma(three, d[0], vf_fma(two, d[2], vf_fnma(one, d[4], d[6])));
    v[7] = vf_fnma(three, d[1], vf_fma(two, d[3], vf_fnma(one, d[5], d[7])));
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        VF s = vf_set(sum[i]), p = vf_set(product[i]);
        VF even = vf_fma(p, d[2], vf_fnma(s, d[4], d[6])), odd = vf_fma(p, d[1], vf_fnma(s, d[3], d[5]));
        v[1 + 2 * i] = vf_fma(vf_set(a[i]), odd, even);
        v[2 + 2 * i] = vf_fnma(vf_set(a[i]), odd, even);
    }
}

INLINE void line_in_channels(const atl_cpu_wino_source *from, int oy, int ox, int down, float *v,
                             size_t plane, size_t c, size_t n, int whole, int inside, int scaled) {
    VF d[8], value[8], scale = scaled ? get(from->scale + c, n, whole) : vf_zero();
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        d[i] = pixel(from, oy + (down ? i : 0), ox + (down ? 0 : i), c, n, whole, inside, scaled, scale);
    line_values(d, value);
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++)
        put(v + i * plane + c, value[i], n, whole);
}

static void line_in_simd(const atl_cpu_wino_source *from, int oy, int ox, int down, float *v, size_t plane) {
    int inside = oy >= 0 && ox >= 0 && oy + (down ? 8 : 1) <= from->h && ox + (down ? 1 : 8) <= from->w;
    size_t c = 0, count = (size_t)from->c;
    if (inside && !from->scale)
        for (; c + VL <= count; c += VL)
            line_in_channels(from, oy, ox, down, v, plane, c, VL, 1, 1, 0);
    for (; c + VL <= count; c += VL)
        line_in_channels(from, oy, ox, down, v, plane, c, VL, 1, 0, from->scale != NULL);
    if (c < count)
        line_in_channels(from, oy, ox, down, v, plane, c, count - c, 0, 0, from->scale != NULL);
}

// Eight products to 2, 4 or 6 pixels, a constant.
INLINE void line_pixels(const VF m[8], VF *y, int pixels) {
    const float a[3] = { (float)ATL_LINE_A, (float)ATL_LINE_B, (float)ATL_LINE_C };
    VF sum[3], difference[3];
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++) {
        sum[i] = vf_add(m[1 + 2 * i], m[2 + 2 * i]);
        difference[i] = vf_mul(vf_set(a[i]), vf_sub(m[1 + 2 * i], m[2 + 2 * i]));
    }
    float power[3] = { 1, 1, 1 };
#pragma GCC unroll 6
    for (int k = 0; k < pixels; k += 2) {
        VF even = k ? vf_mul(vf_set(power[0]), sum[0]) : vf_add(m[0], sum[0]);
        VF odd = k + 2 < pixels ? vf_mul(vf_set(power[0]), difference[0])
                                : vf_fma(vf_set(power[0]), difference[0], m[7]);
#pragma GCC unroll 2
        for (int i = 1; i < 3; i++) {
            even = vf_fma(vf_set(power[i]), sum[i], even);
            odd = vf_fma(vf_set(power[i]), difference[i], odd);
        }
        y[k] = even;
        y[k + 1] = odd;
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++)
            power[i] *= a[i] * a[i];
    }
}

INLINE void line_out_channels(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox,
                              int down, int pixels, size_t c, size_t n, int whole) {
    VF d[8], y[6];
    ending e = ending_of(to, c, n, whole);
    int left = down ? to->h - oy : to->w - ox;
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++)
        d[i] = get(m + i * plane + c, n, whole);
    switch (pixels) {
    case 2: line_pixels(d, y, 2); break;
    case 4: line_pixels(d, y, 4); break;
    default: line_pixels(d, y, 6); break;
    }
    finish(to, &e, y, pixels < left ? pixels : left, (size_t)oy * (size_t)to->w + (size_t)ox,
           down ? (size_t)to->w : 1, c, n, whole, NULL);
}

static void line_out_simd(const atl_cpu_wino_target *to, const float *m, size_t plane, int oy, int ox,
                          int down, int pixels) {
    size_t c = 0, count = (size_t)to->c;
    for (; c + VL <= count; c += VL)
        line_out_channels(to, m, plane, oy, ox, down, pixels, c, VL, 1);
    if (c < count)
        line_out_channels(to, m, plane, oy, ox, down, pixels, c, count - c, 0);
}

#endif
