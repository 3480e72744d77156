// SPDX-License-Identifier: Apache-2.0
// Winograd's method along lines: transforms of every instruction set against the reference, with guard bands,
// and whole convolutions against a plain one in double.
#include "../check.h"
#include "cpu/winograd_inside.h"
#include "cpu/winograd_line.h"

static const int CHANNELS[] = { 1, 3, 8, 9, 16, 17, 33, 48 };
enum { CHANNEL_COUNTS = sizeof CHANNELS / sizeof *CHANNELS };

static void in_matches_reference(void **state) {
    (void)state;
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (int k = 0; k < CHANNEL_COUNTS; k++)
            for (int flags = 0; flags < 4; flags++) {
                uint32_t seed = 1;
                int c = CHANNELS[k], h = 10, w = 9, down = flags & 1;
                size_t plane = (size_t)c + 3, n = 8 * plane;
                float *x = next_floats((size_t)(h * w * c), &seed), *scale = next_floats((size_t)c, &seed);
                atl_cpu_wino_source from = { x, flags & 2 ? scale : NULL, h, w, c };
                for (int oy = -7; oy < h + 2; oy++)
                    for (int ox = -7; ox < w + 2; ox++) {
                        float *a = guarded(n), *b = guarded(n);
                        tuned.line_in(&from, oy, ox, down, a, plane);
                        ref.line_in(&from, oy, ox, down, b, plane);
                        same_touched(a, b, n, 30 * F32_WINOGRAD_TRANSFORM, "transform");
                        release_guarded(a, n);
                        release_guarded(b, n);
                    }
                free(x);
                free(scale);
            }
    }
}

static void out_matches_reference(void **state) {
    (void)state;
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (int k = 0; k < CHANNEL_COUNTS; k++)
            for (int pixels = 2; pixels <= 6; pixels += 2)
                for (int at = 0; at < 2 * 7 * 6; at++) {
                    uint32_t seed = 2;
                    int c = CHANNELS[k], h = 7, w = 6, down = at & 1, oy = at / 2 / w, ox = at / 2 % w;
                    size_t plane = (size_t)c + 5, n = (size_t)(h * w * c);
                    float *m = next_floats(8 * plane, &seed), *bias = next_floats((size_t)c, &seed);
                    float *a = guarded(n), *b = guarded(n);
                    atl_cpu_wino_target ta = { .y = a, .h = h, .w = w, .c = c, .slope = 0, .gain = 1 }, tb;
                    ta.clamp = INFINITY;
                    ta.bias = bias;
                    tb = ta;
                    tb.y = b;
                    tuned.line_out(&ta, m, plane, oy, ox, down, pixels);
                    ref.line_out(&tb, m, plane, oy, ox, down, pixels);
                    same_touched(a, b, n, 300 * F32_WINOGRAD_TRANSFORM, "transform"); // 2^5 with 6 pixels
                    release_guarded(a, n);
                    release_guarded(b, n);
                    free(m);
                    free(bias);
                }
    }
}

// One pixel of the convolution in double.
static double plain_at(const atl_cpu_conv_shape *s, const float *x, const float *w, size_t n, int p, int q,
                       int o) {
    double sum = 0;
    for (int r = 0; r < s->kh; r++)
        for (int t = 0; t < s->kw; t++)
            for (int c = 0; c < s->ci; c++) {
                int y = p + r - s->py0, u = q + t - s->px0;
                if (y < 0 || u < 0 || y >= s->h || u >= s->w)
                    continue;
                sum += (double)x[((n * (size_t)s->h + (size_t)y) * (size_t)s->w + (size_t)u) * (size_t)s->ci +
                                 (size_t)c] *
                       (double)w[(((size_t)o * (size_t)s->ci + (size_t)c) * (size_t)s->kh + (size_t)r) *
                                     (size_t)s->kw +
                                 (size_t)t];
            }
    return sum;
}

// Relative L2 error of a layer; checks that nothing is written around y and behind the workspace.
static double layer_error(atl_ctx *ctx, const atl_cpu_conv_shape *s, int terms) {
    uint32_t seed = 5;
    size_t co = (size_t)s->co, n = (size_t)s->n, ci = (size_t)s->ci, pixels = (size_t)(s->h * s->w),
           area = (size_t)(s->oh * s->ow), total = n * area * co;
    float *x = next_floats(n * pixels * ci, &seed),
          *w = next_floats(ci * co * (size_t)(s->kh * s->kw), &seed), *in = next_floats(n * ci, &seed),
          *bias = next_floats(co, &seed), *residual = next_floats(total, &seed), *y = guarded(total);
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    e.bias = terms & 1 ? bias : NULL;
    e.slope = terms & 2 ? 0.2f : 1.0f;
    e.residual = terms & 4 ? residual : NULL;
    atl_cpu_line *line;
    assert_true(atl_cpu_line_fits(s));
    assert_int_equal(atl_cpu_line_make(ctx, table_of(ctx), team_of(ctx), s, w, &line), ATL_OK);
    void *space = NULL;
    size_t bytes = atl_cpu_line_workspace(line);
    assert_int_equal(posix_memalign(&space, 64, bytes + 64), 0);
    memset(space, 0xff, bytes + 64); // NaN: whatever is read before written shows
    atl_cpu_line_run(line, x, terms & 8 ? in : NULL, y, terms ? &e : NULL, space);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(((unsigned char *)space)[bytes + i], 0xff);
    for (size_t i = 0; i < n * pixels * ci; i++)
        x[i] *= terms & 8 ? in[i / (pixels * ci) * ci + i % ci] : 1.0f;
    double error = 0, norm = 0;
    for (size_t i = 0; i < total; i++) {
        double t = plain_at(s, x, w, i / (area * co), (int)(i / co % area) / s->ow,
                            (int)(i / co % area) % s->ow, (int)(i % co));
        t += terms & 1 ? (double)bias[i % co] : 0;
        t *= t < 0 ? (double)e.slope : 1;
        t += terms & 4 ? (double)residual[i] : 0;
        error += ((double)y[i] - t) * ((double)y[i] - t);
        norm += t * t;
    }
    free(space);
    atl_cpu_line_free(&line);
    release_guarded(y, total);
    float *all[] = { x, w, in, bias, residual };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    return sqrt(error / norm);
}

static atl_cpu_conv_shape shape_of(const int v[7], int py, int px) {
    return (atl_cpu_conv_shape){ .slot = ATL_SLOT_Y,
                                 .n = v[0],
                                 .h = v[1],
                                 .w = v[2],
                                 .ci = v[3],
                                 .co = v[4],
                                 .kh = v[5],
                                 .kw = v[6],
                                 .oh = v[1] + 2 * py - v[5] + 1,
                                 .ow = v[2] + 2 * px - v[6] + 1,
                                 .sy = 1,
                                 .sx = 1,
                                 .py0 = py,
                                 .py1 = py,
                                 .px0 = px,
                                 .px1 = px,
                                 .groups = 1 };
}

static void layers_match_double(void **state) {
    (void)state;
    static const int sizes[][7] = {
        // n h w ci co kh kw
        { 2, 17, 17, 24, 20, 1, 7 }, { 2, 17, 17, 24, 20, 7, 1 }, { 1, 13, 14, 9, 33, 5, 5 },
        { 3, 8, 8, 17, 16, 1, 3 },   { 3, 8, 9, 16, 17, 3, 1 },   { 1, 7, 9, 3, 5, 7, 7 },
        { 1, 1, 1, 1, 1, 1, 3 },     { 2, 9, 5, 8, 8, 2, 5 },     { 1, 40, 35, 48, 64, 5, 5 },
    };
    double worst = 0;
    for (int threads = 1; threads <= 3; threads++)
        for (atl_cpu_set set = ATL_CPU_BASELINE; set <= atl_cpu_detect(); set++) {
            atl_ctx *ctx = open_ctx(threads, atl_cpu_name(set));
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                for (int padded = sizes[i][1] == 1; padded < 3;
                     padded++) { // none, the usual one, more than the taps
                    const int *v = sizes[i], py = padded == 2 ? v[5] : padded * (v[5] / 2),
                              px = padded == 2 ? v[6] : padded * (v[6] / 2), terms = (int)(i * 3) + padded;
                    atl_cpu_conv_shape s = shape_of(v, py, px);
                    double error = layer_error(ctx, &s, terms % 16);
                    worst = error > worst ? error : worst;
                    if (!(error < F32_WINOGRAD_LAYER))
                        fail_msg("[%d, %d, %d, %d] to %d, %dx%d, padding %d %d: relative error %g", s.n, s.h,
                                 s.w, s.ci, s.co, s.kh, s.kw, py, px, error);
                }
            atl_ctx_close(&ctx);
        }
    printf("    relative error up to %.2g\n", worst);
}

static void many_channels_stay_exact(void **state) {
    (void)state;
    static const int sizes[][7] = { { 1, 17, 17, 192, 32, 7, 1 }, { 1, 12, 12, 256, 32, 5, 5 } };
    atl_ctx *ctx = open_ctx(2, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        atl_cpu_conv_shape s = shape_of(sizes[i], sizes[i][5] / 2, sizes[i][6] / 2);
        double error = layer_error(ctx, &s, 3);
        printf("    %dx%d: relative error %.2g\n", s.kh, s.kw, error);
        assert_true(error < F32_WINOGRAD_LAYER);
    }
    atl_ctx_close(&ctx);
}

static void other_shapes_are_left_to_others(void **state) {
    (void)state;
    static const int usual[7] = { 8, 17, 17, 192, 192, 1, 7 };
    atl_cpu_conv_shape s = shape_of(usual, 0, 3);
    assert_true(atl_cpu_line_fits(&s) && atl_cpu_line_worth(&s));
    s.sx = 2;
    assert_false(atl_cpu_line_fits(&s));
    s = shape_of(usual, 0, 3);
    s.groups = 2;
    assert_false(atl_cpu_line_fits(&s));
    s = shape_of(usual, 0, 3);
    s.slot = ATL_SLOT_X;
    assert_false(atl_cpu_line_fits(&s));
    s = shape_of((const int[7]){ 1, 17, 17, 8, 8, 1, 9 }, 0, 4);
    assert_false(atl_cpu_line_fits(&s));
    s = shape_of((const int[7]){ 8, 35, 35, 3, 32, 5, 5 }, 2, 2);
    assert_true(atl_cpu_line_fits(&s) && !atl_cpu_line_worth(&s));
}

static void failed_allocation_leaves_nothing(void **state) {
    (void)state;
    static const float weight[4 * 4 * 7];
    atl_ctx *ctx = open_ctx(2, NULL);
    atl_team *team = team_of(ctx);
    atl_cpu_conv_shape s = shape_of((const int[7]){ 1, 8, 8, 4, 4, 1, 7 }, 0, 3);
    atl_cpu_line *line = NULL;
    long n;
    COUNT_FAILED(n, ctx, line, atl_cpu_line_make(ctx, table_of(ctx), team, &s, weight, &line));
    assert_true(n > 1);
    atl_cpu_line_free(&line);
    assert_null(line);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_matches_reference),
        cmocka_unit_test(out_matches_reference),
        cmocka_unit_test(layers_match_double),
        cmocka_unit_test(many_channels_stay_exact),
        cmocka_unit_test(other_shapes_are_left_to_others),
        cmocka_unit_test(failed_allocation_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
