// SPDX-License-Identifier: Apache-2.0
// Winograd convolution: every transform of every instruction set against the reference, with guard bands,
// and whole convolutions against a plain one in double.
#include "../check.h"
#include "cpu/winograd_inside.h"

static const int CHANNELS[] = { 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 50 };
enum { CHANNEL_COUNTS = sizeof CHANNELS / sizeof *CHANNELS };

// 81 planes in a row, each [plane] floats.
static atl_cpu_wino_planes planes(float *base, size_t plane) {
    return (
        atl_cpu_wino_planes){ base, base + 25 * plane, base + 65 * plane, plane, 4 * plane, plane, plane };
}

static void transform_in(const atl_cpu_wino_kernels *k, int kind, const atl_cpu_wino_source *from, int oy,
                         int ox, float *v, size_t plane) {
    atl_cpu_wino_planes p = planes(v, plane);
    if (kind == 2)
        k->down_in(from, oy, ox, &p);
    else if (kind == 1)
        k->up_in(from, oy, ox, &p);
    else
        k->in(from, oy, ox, v, plane);
}

static void in_matches_reference(void **state) {
    (void)state;
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (int k = 0; k < CHANNEL_COUNTS; k++) {
            uint32_t seed = 1;
            int c = CHANNELS[k], h = 11, w = 12;
            size_t plane = (size_t)c + 3, n = ATL_WINO_UP_PLANES * plane;
            float *x = next_floats((size_t)(h * w * c), &seed), *scale = next_floats((size_t)c, &seed);
            for (int kind = 0; kind < 3; kind++)
                for (int scaled = 0; scaled < 2; scaled++)
                    for (int oy = -2; oy < h; oy++)
                        for (int ox = -2; ox < w; ox++) {
                            atl_cpu_wino_source from = { x, scaled ? scale : NULL, h, w, c };
                            float *a = guarded(n), *b = guarded(n);
                            transform_in(&tuned, kind, &from, oy, ox, a, plane);
                            transform_in(&ref, kind, &from, oy, ox, b, plane);
                            same_touched(a, b, n, 30 * F32_WINOGRAD_TRANSFORM, "transform");
                            release_guarded(a, n);
                            release_guarded(b, n);
                        }
            free(x);
            free(scale);
        }
    }
}

// An epilogue with all terms or with a subset: bit i of `terms`.  The gate reads what the bias and noise read.
static atl_cpu_wino_target target(float *y, int h, int w, int c, int terms, const float *data) {
    size_t pixels = (size_t)(h * w), channels = (size_t)c;
    atl_cpu_wino_target to = { .y = y, .h = h, .w = w, .c = c, .slope = 1, .gain = 1, .clamp = INFINITY };
    to.scale = terms & 1 ? data : NULL;
    to.bias = terms & 2 ? data + channels : NULL;
    to.noise = terms & 4 ? data + 2 * channels : NULL;
    to.residual = terms & 8 ? data + 2 * channels + pixels : NULL;
    to.gate = terms & 32 ? data + channels : NULL;
    to.gate_slope = 0.3f;
    if (terms & 16) {
        to.slope = 0.2f;
        to.gain = 1.5f;
        to.clamp = 2.0f;
    }
    return to;
}

static void out_matches_reference(void **state) {
    (void)state;
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (int k = 0; k < CHANNEL_COUNTS; k++)
            for (int terms = 0; terms < 64; terms++) {
                uint32_t seed = 2;
                int c = CHANNELS[k], h = 5, w = 6;
                size_t plane = (size_t)c + 5, n = (size_t)(h * w * c);
                float *m = next_floats(81 * plane, &seed),
                      *data = next_floats(2 * (size_t)c + (size_t)(h * w) + n, &seed);
                for (int oy = 0; oy < h; oy += 4)
                    for (int ox = 0; ox < w; ox += 4) {
                        float *a = guarded(n), *b = guarded(n);
                        atl_cpu_wino_target ta = target(a, h, w, c, terms, data),
                                            tb = target(b, h, w, c, terms, data);
                        atl_cpu_wino_planes p = planes(m, plane);
                        tuned.out(&ta, m, plane, oy, ox, c > 20 ? 16 : 0, c);
                        ref.out(&tb, m, plane, oy, ox, c > 20 ? 16 : 0, c);
                        same_touched(a, b, n, 100 * F32_WINOGRAD_TRANSFORM, "transform");
                        tuned.down_out(&ta, &p, oy, ox, c > 20 ? 16 : 0, c);
                        ref.down_out(&tb, &p, oy, ox, c > 20 ? 16 : 0, c);
                        same_touched(a, b, n, 100 * F32_WINOGRAD_TRANSFORM, "transform of stride 2");
                        release_guarded(a, n);
                        release_guarded(b, n);
                    }
                free(m);
                free(data);
            }
    }
}

static void up_out_once(const atl_cpu_wino_kernels *kernels, atl_cpu_wino_up_tile tile, const float *start,
                        float *y, float *edges, int terms, int h, int w, int c, const float *data) {
    memcpy(edges, start, (36 + 32) * tile.kept * sizeof *edges);
    tile.left = edges;
    tile.above = edges + 36 * tile.kept;
    atl_cpu_wino_target to = target(y, h, w, c, terms, data);
    kernels->up_out(&to, &tile);
}

static void up_out_matches_reference(void **state) {
    (void)state;
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (int k = 0; k < CHANNEL_COUNTS; k++)
            for (int terms = 0; terms < 64; terms += 5)
                for (int where = 0; where < 5; where++) {
                    uint32_t seed = 3;
                    int c = CHANNELS[k], h = 12, w = 10, c0 = c > 20 ? 16 : 0;
                    size_t plane = (size_t)c + 1, n = (size_t)(h * w * c), kept = (size_t)(c - c0) + 2;
                    size_t edge = (36 + 32) * kept;
                    float *m = next_floats(81 * plane, &seed), *start = next_floats(edge, &seed);
                    float *data = next_floats(2 * (size_t)c + (size_t)(h * w) + n, &seed);
                    float *a = guarded(n), *b = guarded(n), *ea = guarded(edge), *eb = guarded(edge);
                    atl_cpu_wino_up_tile tile = { .empty = where == 4,
                                                  .m = planes(m, plane),
                                                  .kept = kept,
                                                  .fy = { 0.5f, 1, -0.75f, 0.25f },
                                                  .fx = { 1, 0.5f, 0.125f, -1 },
                                                  .oy = where & 1 ? 6 : -2,
                                                  .ox = where & 2 ? 6 : -2,
                                                  .y0 = 1,
                                                  .y1 = h - 2,
                                                  .c0 = c0,
                                                  .c1 = c };
                    up_out_once(&tuned, tile, start, a, ea, terms, h, w, c, data);
                    up_out_once(&ref, tile, start, b, eb, terms, h, w, c, data);
                    same_touched(a, b, n, 100 * F32_WINOGRAD_TRANSFORM, "transform");
                    same_touched(ea, eb, edge, 100 * F32_WINOGRAD_TRANSFORM, "transform");
                    release_guarded(a, n);
                    release_guarded(b, n);
                    release_guarded(ea, edge);
                    release_guarded(eb, edge);
                    free(m);
                    free(start);
                    free(data);
                }
    }
}

static void weight_matches_reference(void **state) {
    (void)state;
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    unsigned char order[36];
    double g[18];
    for (int i = 0; i < 36; i++)
        order[i] = (unsigned char)(i * 7 % 36);
    for (int i = 0; i < 18; i++)
        g[i] = 0.3 * i - 2;
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        uint32_t seed = 4;
        size_t ci = 5, co = 37, n = 36 * ci * co;
        float *w = next_floats(ci * co * 9, &seed), *a = guarded(n), *b = guarded(n);
        atl_cpu_wino_taps taps = { w, 9, 9 * (ptrdiff_t)ci, 1 };
        if (set % 2)
            taps = (atl_cpu_wino_taps){ w + 8, 9 * (ptrdiff_t)co, 9, -1 };
        for (size_t c = 0; c < co; c += 16) {
            tuned.weight(&taps, co, g, order, 0, ci, c, c + 16 < co ? c + 16 : co, a);
            ref.weight(&taps, co, g, order, 0, ci, c, c + 16 < co ? c + 16 : co, b);
        }
        same_touched(a, b, n, 100 * F32_WINOGRAD_TRANSFORM, "transform");
        for (size_t i = 0; i < n; i++)
            assert_true(!isnan(a[i]));
        release_guarded(a, n);
        release_guarded(b, n);
        free(w);
    }
}

static double weight_at(const atl_cpu_wino_shape *s, const float *w, int o, int c, int tap) {
    size_t pair = (size_t)(s->turned ? c * s->co + o : o * s->ci + c);
    return w[pair * 9 + (size_t)(s->turned && s->up == 1 && !s->down ? 8 - tap : tap)];
}

// One output pixel of either kind in double, before the epilogue.
static double plain_at(const atl_cpu_wino_shape *s, const float *x, const float *w, const float *fir, int n,
                       int y, int q, int o) {
    double sum = 0;
    for (int r = 0; r < 3; r++)
        for (int t = 0; t < 3; t++) {
            int iy = y + r - 1 - s->grow, ix = q + t - 1 - s->grow;
            if (s->up == 2 &&
                ((y - r) % 2 || (q - t) % 2)) // here (y, q) is a pixel of the transposed convolution
                continue;
            if (s->up == 2) {
                iy = (y - r) / 2;
                ix = (q - t) / 2;
            }
            if (s->down) {
                iy = 2 * y + r - s->pad;
                ix = 2 * q + t - s->pad;
            }
            if (iy < 0 || ix < 0 || iy >= s->h || ix >= s->w)
                continue;
            const float *px = x + ((size_t)(n * s->h + iy) * (size_t)s->w + (size_t)ix) * (size_t)s->ci;
            for (int c = 0; c < s->ci; c++)
                sum += (double)px[c] * weight_at(s, w, o, c, r * 3 + t);
        }
    (void)fir;
    return sum;
}

// b [k, n] in the panels of a kernel table.
static void pack(const atl_cpu_wino_kernels *kernels, const float *b, size_t n, size_t k, float *packed) {
    for (size_t c = 0, width; c < n; c += width) {
        width = kernels->panel(n - c);
        for (size_t i = 0; i < k; i++, packed += width)
            memcpy(packed, b + i * n + c, width * sizeof *b);
    }
}

static void product_once(const atl_cpu_wino_kernels *ref, const atl_cpu_wino_kernels *tuned, size_t m,
                         size_t n, size_t k) {
    size_t a_row = k + 3, c_row = n + 5, count = m * c_row;
    uint32_t seed = (uint32_t)(m * 100 + n);
    float *a = next_floats(m * a_row, &seed), *b = next_floats(k * n, &seed), *packed = guarded(k * n);
    float *c = guarded(count), *d = guarded(count);
    pack(ref, b, n, k, packed);
    ref->product(a, a_row, packed, c, c_row, m, n, k);
    pack(tuned, b, n, k, packed);
    tuned->product(a, a_row, packed, d, c_row, m, n, k);
    same_touched(d, c, count, F32_WINOGRAD_TRANSFORM * sqrt((double)k), "product");
    release_guarded(packed, k * n);
    release_guarded(c, count);
    release_guarded(d, count);
    free(a);
    free(b);
}

static void product_matches_reference(void **state) {
    (void)state;
    static const size_t COLUMNS[] = { 1, 7, 8, 15, 16, 17, 24, 31, 32, 33, 51, 64, 81, 101, 128 };
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (size_t i = 0; i < sizeof COLUMNS / sizeof *COLUMNS; i++)
            for (size_t m = 1; m <= 26; m++)
                product_once(&ref, &tuned, m, COLUMNS[i], m % 2 ? 1 : 19);
    }
}

static int height_of(const atl_cpu_wino_shape *s) {
    return s->down ? s->oh : s->h * s->up + 2 * s->grow;
}

static int width_of(const atl_cpu_wino_shape *s) {
    return s->down ? s->ow : s->w * s->up + 2 * s->grow;
}

// The whole layer in double: transposed convolution to a full [2h + 1, 2w + 1], then the FIR.
static double *plain(const atl_cpu_wino_shape *s, const float *x, const float *w, const float *fir) {
    int up = s->up == 2, zh = height_of(s) + up, zw = width_of(s) + up;
    size_t co = (size_t)s->co, total = (size_t)(s->n * zh * zw) * co;
    double *z = malloc(total * sizeof *z);
    assert_non_null(z);
    for (size_t i = 0; i < total; i++) {
        int o = (int)(i % co), q = (int)(i / co % (size_t)zw), y = (int)(i / co / (size_t)zw % (size_t)zh);
        z[i] = plain_at(s, x, w, fir, (int)(i / co / (size_t)(zh * zw)), y, q, o);
    }
    if (!up)
        return z;
    int h = 2 * s->h, wd = 2 * s->w;
    double *out = calloc((size_t)(s->n * h * wd) * co, sizeof *out);
    assert_non_null(out);
    for (int n = 0; n < s->n; n++)
        for (int y = 0; y < h; y++)
            for (int q = 0; q < wd; q++)
                for (int k = 0; k < 16; k++) {
                    int zy = y + 2 - k / 4, zx = q + 2 - k % 4; // convolution, padding 1
                    if (zy < 0 || zx < 0 || zy >= zh || zx >= zw)
                        continue;
                    for (size_t o = 0; o < co; o++)
                        out[((size_t)((n * h + y) * wd + q)) * co + o] +=
                            (double)fir[k] * z[((size_t)((n * zh + zy) * zw + zx)) * co + o];
                }
    free(z);
    return out;
}

typedef struct layer { // one whole layer with random data
    atl_cpu_wino_shape shape;
    int terms, scaled, varies;
    const atl_cpu_wino_plan *plan;
} layer;

static double finish_plain(const atl_cpu_epilogue *e, double v, size_t n, size_t p, size_t c, size_t at) {
    v = v * (e->scale ? (double)e->scale[n * (size_t)e->scale_stride + c] : 1.0) +
        (e->noise ? (double)e->noise[n * (size_t)e->noise_stride + p] : 0.0) +
        (e->bias ? (double)e->bias[c] : 0.0);
    v *= (double)e->gain * (v < 0 ? (double)e->slope : 1.0);
    v = v > (double)e->clamp ? (double)e->clamp : v < -(double)e->clamp ? -(double)e->clamp : v;
    v *= e->gate && e->gate[at] < 0 ? (double)e->gate_slope : 1.0;
    return v + (e->residual ? (double)e->residual[at] : 0.0);
}

// Relative L2 error of a layer; checks that nothing is written around y.
static double layer_error(atl_ctx *ctx, const layer *l) {
    static const float fy[4] = { 0.5f, 1.5f, 1.25f, 0.25f }, fx[4] = { 0.75f, 1.0f, -0.5f, 0.3f };
    const atl_cpu_wino_shape *s = &l->shape;
    uint32_t seed = 5;
    size_t pixels = (size_t)(s->h * s->w), ci = (size_t)s->ci, co = (size_t)s->co, n = (size_t)s->n;
    size_t area = (size_t)(height_of(s) * width_of(s)), total = n * area * co;
    float *x = next_floats(n * pixels * ci, &seed), *w = next_floats(9 * ci * co, &seed),
          *in = next_floats(n * ci, &seed);
    float *scaled = malloc(n * pixels * ci * sizeof *scaled), *y = guarded(total), fir[16];
    float *scale = next_floats(n * co, &seed), *bias = next_floats(co, &seed),
          *noise = next_floats(n * area, &seed), *residual = next_floats(total, &seed),
          *gate = next_floats(total, &seed);
    assert_non_null(scaled);
    for (size_t i = 0; i < n * pixels * ci; i++)
        scaled[i] = l->scaled ? x[i] * in[i / (pixels * ci) * ci + i % ci] : x[i];
    for (int i = 0; i < 16; i++)
        fir[i] = fy[i / 4] * fx[i % 4];
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    e.scale = l->terms & 1 ? scale : NULL;
    e.scale_stride = (ptrdiff_t)co;
    e.bias = l->terms & 2 ? bias : NULL;
    e.noise = l->terms & 4 ? noise : NULL;
    e.noise_stride = l->terms & 32 ? (ptrdiff_t)area : 0;
    e.residual = l->terms & 8 ? residual : NULL;
    e.gate = l->terms & 64 ? gate : NULL;
    e.gate_slope = 0.3f;
    if (l->terms & 16) {
        e.slope = 0.2f;
        e.gain = 1.4f;
        e.clamp = 3.0f;
    }
    atl_cpu_wino *wino;
    assert_int_equal(atl_cpu_wino_make_planned(ctx, table_of(ctx), team_of(ctx), s, l->varies ? NULL : w, fir,
                                               l->plan, &wino),
                     ATL_OK);
    void *space = NULL;
    assert_int_equal(posix_memalign(&space, 64, atl_cpu_wino_workspace(wino) + 64), 0);
    memset(space, 0xff, atl_cpu_wino_workspace(wino) + 64); // NaN: whatever is read before written shows
    atl_cpu_wino_run(wino, x, l->varies ? w : NULL, l->scaled ? in : NULL, y, l->terms ? &e : NULL, space);
    for (int i = 0; i < 64; i++)
        assert_int_equal(((unsigned char *)space)[atl_cpu_wino_workspace(wino) + (size_t)i], 0xff);
    double *truth = plain(s, scaled, w, fir), error = 0, norm = 0;
    for (size_t i = 0; i < total; i++) {
        double t = finish_plain(&e, truth[i], i / (area * co), i / co % area, i % co, i),
               d = (double)y[i] - t;
        error += d * d;
        norm += t * t;
    }
    free(truth);
    free(space);
    atl_cpu_wino_free(&wino);
    release_guarded(y, total);
    float *all[] = { x, w, in, scaled, scale, bias, noise, residual, gate };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    return sqrt(error / norm);
}

static void check_layers(atl_ctx *ctx, const layer *layers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        double error = layer_error(ctx, &layers[i]);
        const atl_cpu_wino_shape *s = &layers[i].shape;
        if (!(error < F32_WINOGRAD_LAYER))
            fail_msg("[%d, %d, %d, %d] to %d, up %d, grow %d, turned %d, down %d, pad %d, terms %d, scaled "
                     "%d, varies %d, plan %s: "
                     "relative error %g",
                     s->n, s->h, s->w, s->ci, s->co, s->up, s->grow, s->turned, s->down, s->pad,
                     layers[i].terms, layers[i].scaled, layers[i].varies,
                     !layers[i].plan         ? "own"
                     : layers[i].plan->split ? "split"
                                             : "blocks",
                     error);
    }
}

static void layers_match_double(void **state) {
    (void)state;
    static const atl_cpu_wino_plan small = { 5, 0 }, large = { 64, 0 }, split = { 0, 1 };
    const atl_cpu_wino_plan *plans[] = { NULL, &small, &large, &split };
    static const int sizes[][5] = {
        // n h w ci co
        { 1, 1, 1, 1, 1 },    { 1, 2, 3, 4, 5 },    { 1, 4, 4, 16, 16 },   { 2, 5, 6, 3, 7 },
        { 1, 8, 8, 32, 32 },  { 3, 9, 13, 17, 19 }, { 2, 16, 16, 20, 40 }, { 1, 23, 7, 33, 16 },
        { 1, 19, 30, 8, 50 }, { 4, 11, 12, 5, 3 },
    };
    for (int threads = 1; threads <= 5; threads += threads == 3 ? 2 : 1)
        for (atl_cpu_set set = ATL_CPU_BASELINE; set <= atl_cpu_detect(); set++) {
            atl_ctx *ctx = open_ctx(threads, atl_cpu_name(set));
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                for (size_t p = 0; p < 4; p++)
                    for (int form = 0; form < 7; form++) { // padding 0, 1, 2; up; turned up, with padding 1, 2
                        const int *v = sizes[i], grow = form < 3 ? form - 1 : form == 6;
                        if (grow < 0 && (v[1] < 3 || v[2] < 3))
                            continue; // nothing left
                        if (p > 0 && (i + p + (size_t)form) % 2)
                            continue; // half of them, to be quick
                        layer l = { { v[0], v[1], v[2], v[3], v[4], 1 + (form == 3 || form == 4), grow,
                                      form > 3, 0, 0, 0, 0 },
                                    (int)(i * 5 + p * 3) % 128,
                                    (int)(i + p) % 2,
                                    (int)(i + (size_t)form) % 2,
                                    plans[p] };
                        check_layers(ctx, &l, 1);
                    }
            atl_ctx_close(&ctx);
        }
}

// Odd and even sizes, with zeros on no, one or both sides; and rows of x that nothing reads.
static void stride_two_matches_double(void **state) {
    (void)state;
    static const atl_cpu_wino_plan small = { 3, 0 }, split = { 0, 1 };
    const atl_cpu_wino_plan *plans[] = { NULL, &small, &split };
    static const int sizes[][5] = { { 1, 1, 1, 1, 1 },    { 1, 3, 4, 4, 5 },     { 2, 9, 9, 16, 16 },
                                    { 1, 16, 17, 3, 7 },  { 3, 18, 13, 17, 19 }, { 2, 33, 32, 20, 40 },
                                    { 1, 23, 40, 33, 50 } };
    for (int threads = 1; threads <= 3; threads++)
        for (atl_cpu_set set = ATL_CPU_BASELINE; set <= atl_cpu_detect(); set++) {
            atl_ctx *ctx = open_ctx(threads, atl_cpu_name(set));
            for (int i = 0; i < 3 * (int)(sizeof sizes / sizeof *sizes); i++)
                for (int form = 0; form < 12; form++) {
                    const int *v = sizes[i / 3], pad = form % 3, after = form / 3 % 2, turned = form / 6;
                    const int oh = (v[1] + pad + after - 1) / 2, ow = (v[2] + pad + after - 1) / 2;
                    if (oh < 1 || ow < 1)
                        continue;
                    layer l = { { v[0], v[1], v[2], v[3], v[4], 1, 0, turned, 1, pad, oh, ow },
                                (i * 5 + form * 3) % 128,
                                (i + form) % 2,
                                i / 3 % 2 == turned,
                                plans[i % 3] };
                    check_layers(ctx, &l, 1);
                }
            atl_ctx_close(&ctx);
        }
}

static void every_epilogue_term_is_applied(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(2, NULL);
    for (int terms = 0; terms < 128; terms++)
        for (int up = 1; up <= 2; up++) {
            layer l = { { 2, 9, 8, 16, 18, up, 0, 0, 0, 0, 0, 0 }, terms, terms & 1, 0, NULL };
            check_layers(ctx, &l, 1);
        }
    atl_ctx_close(&ctx);
}

static void many_channels_stay_exact(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(2, NULL);
    static const layer layers[] = { { { 1, 8, 8, 512, 32, 1, 0, 0, 0, 0, 0, 0 }, 0, 0, 0, NULL },
                                    { { 1, 8, 8, 512, 32, 1, 0, 1, 0, 0, 0, 0 }, 0, 0, 1, NULL },
                                    { { 1, 8, 8, 512, 32, 2, 0, 0, 0, 0, 0, 0 }, 0, 0, 0, NULL },
                                    { { 1, 17, 17, 512, 32, 1, 0, 0, 1, 0, 8, 8 }, 0, 0, 0, NULL } };
    check_layers(ctx, layers, 4);
    atl_ctx_close(&ctx);
}

static void other_filters_and_shapes_are_refused(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(1, NULL);
    float fir[16] = { 1, 0, 0, 0, 0, 1 }, weight[9] = { 0 };
    atl_cpu_wino *wino = NULL;
    atl_cpu_wino_shape shape = { 1, 8, 8, 1, 1, 2, 0, 0, 0, 0, 0, 0 };
    assert_false(atl_cpu_wino_fir_fits(fir));
    assert_int_equal(atl_cpu_wino_make(ctx, table_of(ctx), team_of(ctx), &shape, weight, fir, &wino),
                     ATL_UNSUPPORTED);
    assert_null(wino);
    for (int i = 0; i < 16; i++)
        fir[i] = (float)((i % 4 + 1) * (i / 4 - 2));
    assert_true(atl_cpu_wino_fir_fits(fir));
    static const atl_cpu_wino_shape bad[] = {
        { 1, 8, 0, 1, 1, 2, 0, 0, 0, 0, 0, 0 }, { 1, 8, 8, 1, 1, 2, -1, 0, 0, 0, 0, 0 },
        { 1, 8, 8, 1, 1, 2, 1, 0, 0, 0, 0, 0 }, { 1, 8, 2, 1, 1, 1, -1, 0, 0, 0, 0, 0 },
        { 1, 8, 8, 1, 1, 2, 0, 0, 1, 0, 4, 4 }, { 1, 8, 8, 1, 1, 1, 1, 0, 1, 0, 4, 4 },
        { 1, 8, 8, 1, 1, 1, 0, 0, 1, 3, 4, 4 }, { 1, 8, 8, 1, 1, 1, 0, 0, 1, 0, 0, 4 },
        { 1, 8, 8, 1, 1, 1, 0, 0, 1, 0, 4, 5 }
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(atl_cpu_wino_make(ctx, table_of(ctx), team_of(ctx), &bad[i], weight, fir, &wino),
                         ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
}

static void failed_allocation_leaves_nothing(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(2, NULL);
    atl_team *team = team_of(ctx);
    float fir[16], weight[9 * 16] = { 0 };
    for (int i = 0; i < 16; i++)
        fir[i] = 1;
    for (int up = 1; up <= 2; up++) {
        atl_cpu_wino_shape shape = { 1, 8, 8, 4, 4, up, 0, 0, 0, 0, 0, 0 };
        atl_cpu_wino *wino = NULL;
        long n;
        COUNT_FAILED(n, ctx, wino, atl_cpu_wino_make(ctx, table_of(ctx), team, &shape, weight, fir, &wino));
        assert_true(n > 2);
        atl_cpu_wino_free(&wino);
        assert_null(wino);
    }
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_matches_reference),
        cmocka_unit_test(out_matches_reference),
        cmocka_unit_test(up_out_matches_reference),
        cmocka_unit_test(weight_matches_reference),
        cmocka_unit_test(product_matches_reference),
        cmocka_unit_test(layers_match_double),
        cmocka_unit_test(stride_two_matches_double),
        cmocka_unit_test(every_epilogue_term_is_applied),
        cmocka_unit_test(many_channels_stay_exact),
        cmocka_unit_test(other_filters_and_shapes_are_refused),
        cmocka_unit_test(failed_allocation_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
