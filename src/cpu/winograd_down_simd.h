// SPDX-License-Identifier: Apache-2.0
// Body of the transforms of stride 2, over vec.h.  Included through winograd_simd.h, whose helpers it uses.
// winograd_ref.c has the same functions in a form that is easier to read.

// Five even pixels to their values for the five points.
INLINE void down_in_line(VF d0, VF d1, VF d2, VF d3, VF d4, VF v[5]) {
    const double a = ATL_WINO_A2, b = ATL_WINO_B2, A = a * a, B = b * b;
    const VF va = vf_set((float)a), vb = vf_set((float)b), aa = vf_set((float)A), bb = vf_set((float)B);
    VF ea = vf_fnma(bb, d1, d3), oa = vf_fnma(bb, d0, d2), eb = vf_fnma(aa, d1, d3), ob = vf_fnma(aa, d0, d2);
    v[0] = vf_fma(va, oa, ea);
    v[1] = vf_fnma(va, oa, ea);
    v[2] = vf_fma(vb, ob, eb);
    v[3] = vf_fnma(vb, ob, eb);
    v[4] = vf_fma(vf_set((float)(A * B)), d0, vf_fnma(vf_set((float)(A + B)), d2, d4));
}

INLINE void down_in_channels(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v,
                             size_t c, size_t n, int whole, int inside, int scaled) {
    VF t[5][5], d[5], e[5], scale = scaled ? get(from->scale + c, n, whole) : vf_zero();
    for (int j = 0; j < 9; j++) { // even rows
        for (int i = 0; i < 5; i++)
            d[i] = pixel(from, oy + 2 * i, ox + j, c, n, whole, inside, scaled, scale);
        down_in_line(d[0], d[1], d[2], d[3], d[4], j % 2 ? e : t[j / 2]);
        for (int p = 0; j % 2 && p < 5; p++)
            put(v->eo + (size_t)p * v->point + (size_t)(j / 2) * v->line + c, e[p], n, whole);
    }
    for (int p = 0; p < 5; p++) {
        down_in_line(t[0][p], t[1][p], t[2][p], t[3][p], t[4][p], e);
        for (int q = 0; q < 5; q++)
            put(v->ee + (size_t)(p * 5 + q) * v->ee_step + c, e[q], n, whole);
    }
    for (int i = 0; i < 4; i++) { // odd rows
        for (int j = 0; j < 5; j++)
            d[j] = pixel(from, oy + 2 * i + 1, ox + 2 * j, c, n, whole, inside, scaled, scale);
        down_in_line(d[0], d[1], d[2], d[3], d[4], e);
        for (int p = 0; p < 5; p++)
            put(v->eo + (size_t)(5 + p) * v->point + (size_t)i * v->line + c, e[p], n, whole);
        for (int j = 0; j < 4; j++)
            put(v->oo + (size_t)(i * 4 + j) * v->oo_step + c,
                pixel(from, oy + 2 * i + 1, ox + 2 * j + 1, c, n, whole, inside, scaled, scale), n, whole);
    }
}

static void down_in_simd(const atl_cpu_wino_source *from, int oy, int ox, const atl_cpu_wino_planes *v) {
#define DOWN(...) down_in_channels(from, oy, ox, v, __VA_ARGS__)
    ALL_CHANNELS(DOWN, 9);
}

// What five points give to four pixels.
INLINE void down_out_line(VF m0, VF m1, VF m2, VF m3, VF top, VF y[4]) {
    const double a = ATL_WINO_A2, b = ATL_WINO_B2;
    VF sa = vf_add(m0, m1), da = vf_sub(m0, m1), sb = vf_add(m2, m3), db = vf_sub(m2, m3);
    y[0] = vf_add(sa, sb);
    y[1] = vf_fma(vf_set((float)a), da, vf_mul(vf_set((float)b), db));
    y[2] = vf_fma(vf_set((float)(a * a)), sa, vf_mul(vf_set((float)(b * b)), sb));
    y[3] = vf_fma(vf_set((float)(a * a * a)), da, vf_fma(vf_set((float)(b * b * b)), db, top));
}

INLINE void down_out_channels(const atl_cpu_wino_target *to, const atl_cpu_wino_planes *m, int oy, int ox,
                              size_t c, size_t n, int whole, float *lines) {
#define EE(p, q) get(m->ee + (size_t)((p)*5 + (q)) * m->ee_step + c, n, whole)
#define EO(p, j) get(m->eo + (size_t)(p)*m->point + (size_t)(j)*m->line + c, n, whole)
    VF t[5][4], even[4][4], y[4];
    for (int p = 0; p < 5; p++) {
        down_out_line(EE(p, 0), EE(p, 1), EE(p, 2), EE(p, 3), EE(p, 4), t[p]);
        for (int j = 0; j < 4; j++)
            t[p][j] = vf_add(t[p][j], EO(p, j));
    }
    for (int j = 0; j < 4; j++)
        down_out_line(t[0][j], t[1][j], t[2][j], t[3][j], t[4][j], even[j]);
    ending e = ending_of(to, c, n, whole);
    int rows = to->h - oy, columns = to->w - ox < 4 ? to->w - ox : 4;
    for (int i = 0; i < 4 && i < rows; i++) {
        down_out_line(EO(5, i), EO(6, i), EO(7, i), EO(8, i), EO(9, i), y);
        for (int j = 0; j < 4; j++)
            y[j] =
                vf_add(vf_add(y[j], even[j][i]), get(m->oo + (size_t)(i * 4 + j) * m->oo_step + c, n, whole));
        finish(to, &e, y, columns, (size_t)(oy + i) * (size_t)to->w + (size_t)ox, 1, c, n, whole,
               lines ? lines + i * 4 * LINE : NULL);
    }
#undef EE
#undef EO
}

// 16 channels of a tile.
INLINE void down_out_lines(const atl_cpu_wino_target *to, const atl_cpu_wino_planes *m, int oy, int ox,
                           size_t c) {
    _Alignas(64) float lines[4 * 4 * LINE];
    for (size_t part = 0; part < LINE; part += VL)
        down_out_channels(to, m, oy, ox, c + part, VL, 1, lines + part);
    stream_tile(to, lines, oy, ox, c);
}

static void down_out_simd(const atl_cpu_wino_target *to, const atl_cpu_wino_planes *m, int oy, int ox, int c0,
                          int c1) {
    size_t c = (size_t)c0, end = (size_t)c1;
    for (; gathers(to, c, end); c += LINE)
        down_out_lines(to, m, oy, ox, c);
    for (; c + VL <= end; c += VL)
        down_out_channels(to, m, oy, ox, c, VL, 1, NULL);
    if (c < end)
        down_out_channels(to, m, oy, ox, c, end - c, 0, NULL);
}
