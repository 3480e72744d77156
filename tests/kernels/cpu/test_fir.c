// SPDX-License-Identifier: Apache-2.0
// The FIR filter against its definition in double, on every instruction set, and against its transpose.
#include "../check.h"

typedef struct setting {
    int h, w, kh, kw, upx, upy, downx, downy, px0, px1, py0, py1, flip;
} setting;

static const setting settings[] = {
    { 7, 9, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 0 },    { 9, 8, 4, 4, 2, 2, 1, 1, 2, 1, 2, 1, 0 },
    { 8, 10, 4, 4, 1, 1, 2, 2, 1, 1, 1, 1, 1 },   { 6, 7, 3, 5, 2, 1, 3, 2, 3, 4, 0, 2, 0 },
    { 5, 6, 4, 3, 3, 2, 2, 3, 4, 1, 3, 2, 1 },    { 7, 9, 4, 4, 2, 2, 1, 1, -1, 3, 2, -2, 0 },
    { 9, 9, 2, 2, 1, 1, 1, 1, -2, -1, -1, -1, 0 }, { 4, 5, 1, 1, 4, 4, 1, 1, 0, 0, 0, 0, 0 },
    { 5, 4, 1, 12, 4, 1, 1, 1, 13, 10, 0, 0, 0 }, { 3, 3, 4, 4, 1, 1, 1, 1, 9, 9, 9, 9, 0 },
    { 40, 70, 4, 4, 2, 2, 1, 1, 2, 1, 2, 1, 0 },  { 6, 6, 1, 2, 4, 4, 3, 3, 2, 2, 2, 2, 0 },
    { 1, 1, 4, 4, 2, 2, 1, 1, 2, 1, 2, 1, 0 },    { 20, 600, 1, 4, 1, 1, 2, 1, 1, 1, 0, 0, 0 },
};
static const int channels[] = { 1, 3, 8, 17, 33, 80 };

static atl_cpu_fir_args args_of(const setting *s, int n, int c, float gain) {
    return (atl_cpu_fir_args){ n,        s->h,     s->w,   c,      s->kh,  s->kw,  s->upx,  s->upy,
                               s->downx, s->downy, s->px0, s->px1, s->py0, s->py1, s->flip, gain };
}

// The definition: zeros in between, padding, a sum over the filter.
static float naive(const atl_cpu_fir_args *a, const float *f, const float *x, int n, int oy, int ox, int c) {
    double sum = 0.0;
    for (int r = 0; r < a->kh; r++)
        for (int s = 0; s < a->kw; s++) {
            int v = oy * a->downy + r - a->py0, u = ox * a->downx + s - a->px0;
            if (v < 0 || u < 0 || v % a->upy || u % a->upx || v / a->upy >= a->h || u / a->upx >= a->w)
                continue;
            int tap = a->flip ? r * a->kw + s : (a->kh - 1 - r) * a->kw + a->kw - 1 - s;
            sum += (double)f[tap] * (double)x[((n * a->h + v / a->upy) * a->w + u / a->upx) * a->c + c];
        }
    return (float)(sum * (double)a->gain);
}

static void make_filter(float *f, int kh, int kw, int rank1) {
    float *row = some_floats((size_t)(kh + kw), 5), *any = some_floats((size_t)(kh * kw), 6);
    for (int i = 0; i < kh * kw; i++)
        f[i] = rank1 ? row[i / kw] * row[kh + i % kw] : any[i];
    free(row);
    free(any);
}

static void run(atl_ctx *ctx, const atl_cpu_fir_args *a, const float *f, const float *x, float *y,
                const atl_cpu_epilogue *e) {
    atl_cpu_fir *fir;
    assert_int_equal(atl_cpu_fir_make(ctx, table_of(ctx), team_of(ctx), a, f, &fir), ATL_OK);
    float *workspace = guarded(atl_cpu_fir_workspace(fir) / sizeof(float));
    atl_cpu_fir_run(fir, x, y, e, workspace);
    release_guarded(workspace, atl_cpu_fir_workspace(fir) / sizeof(float));
    atl_cpu_fir_free(&fir);
}

static void check_setting(atl_ctx *ctx, const setting *s, int c, int rank1, int with_epilogue) {
    atl_cpu_fir_args a = args_of(s, 2, c, 1.7f);
    float f[64];
    int oh, ow;
    make_filter(f, a.kh, a.kw, rank1);
    atl_cpu_fir_size(&a, &oh, &ow);
    size_t in = (size_t)(2 * a.h * a.w * c), out = (size_t)(2 * oh * ow * c), pixels = (size_t)(oh * ow);
    float *x = some_floats(in, 1), *y = guarded(out), *want = malloc(out * sizeof *want);
    float *scale = some_floats((size_t)(2 * c), 2), *noise = some_floats(pixels, 3),
          *residual = some_floats(out, 4);
    atl_cpu_epilogue e = { scale, noise, scale + c, residual, c, 0, 0.2f, 1.4f, 0.5f, residual, 0.3f };
    assert_non_null(want);
    for (size_t i = 0; i < out; i++) {
        int j = (int)(i % (size_t)c), p = (int)(i / (size_t)c), n = p / (oh * ow);
        want[i] = naive(&a, f, x, n, p / ow % oh, p % ow, j);
    }
    if (with_epilogue) {
        atl_cpu_pointwise_kernels reference;
        atl_cpu_pointwise_init(&reference);
        atl_cpu_epilogue_run(&reference, &e, want, want, 2, pixels, (size_t)c, team_with(1));
    }
    run(ctx, &a, f, x, y, with_epilogue ? &e : NULL);
    same(y, want, out, F32_FIR, "fir");
    release_guarded(y, out);
    free(x);
    free(want);
    free(scale);
    free(noise);
    free(residual);
}

static void fir_is_its_definition_on_every_set(void **state) {
    (void)state;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++)
        for (int threads = 1; threads <= (set == (int)atl_cpu_detect() ? 2 : 1); threads++) {
            atl_ctx *ctx = open_ctx(threads, atl_cpu_name((atl_cpu_set)set));
            for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
                for (size_t j = 0; j < sizeof channels / sizeof *channels; j++)
                    for (int kind = 0; kind < 3; kind++)
                        check_setting(ctx, &settings[i], channels[j], kind != 1, kind == 2);
            atl_ctx_close(&ctx);
        }
}

// <y, A x> = <A' y, x>, where A' swaps up and down, mirrors the filter and pads by the transposed rule.
static void fir_transpose_is_a_fir(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(2, NULL);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        atl_cpu_fir_args a = args_of(&settings[i], 1, 5, 1.0f), t;
        float f[64];
        int oh, ow, h, w;
        make_filter(f, a.kh, a.kw, 0);
        atl_cpu_fir_size(&a, &oh, &ow);
        t = (atl_cpu_fir_args){ 1,
                                oh,
                                ow,
                                5,
                                a.kh,
                                a.kw,
                                a.downx,
                                a.downy,
                                a.upx,
                                a.upy,
                                a.kw - 1 - a.px0,
                                a.w * a.upx - ow * a.downx + a.px0 - a.upx + 1,
                                a.kh - 1 - a.py0,
                                a.h * a.upy - oh * a.downy + a.py0 - a.upy + 1,
                                !a.flip,
                                1.0f };
        atl_cpu_fir_size(&t, &h, &w);
        assert_int_equal(h, a.h);
        assert_int_equal(w, a.w);
        size_t in = (size_t)(h * w * 5), out = (size_t)(oh * ow * 5);
        float *x = some_floats(in, 1), *y = some_floats(out, 2), *ax = guarded(out), *aty = guarded(in);
        run(ctx, &a, f, x, ax, NULL);
        run(ctx, &t, f, y, aty, NULL);
        double left = 0.0, right = 0.0;
        for (size_t j = 0; j < out; j++)
            left += (double)y[j] * (double)ax[j];
        for (size_t j = 0; j < in; j++)
            right += (double)x[j] * (double)aty[j];
        assert_true(fabs(left - right) <= F32_FIR_ADJOINT * (1.0 + sqrt((double)out)));
        release_guarded(ax, out);
        release_guarded(aty, in);
        free(x);
        free(y);
    }
    atl_ctx_close(&ctx);
}

static void fir_refuses_what_leaves_nothing(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(1, NULL);
    atl_cpu_fir_args a = { 1, 4, 4, 3, 4, 4, 1, 1, 1, 1, -1, 0, 0, 0, 0, 1.0f };
    float f[16] = { 1.0f };
    atl_cpu_fir *fir;
    assert_int_equal(atl_cpu_fir_make(ctx, table_of(ctx), team_of(ctx), &a, f, &fir), ATL_BAD_ARGUMENT);
    assert_null(fir);
    assert_non_null(strstr(atl_message(ctx), "4x4"));
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fir_is_its_definition_on_every_set),
        cmocka_unit_test(fir_transpose_is_a_fir),
        cmocka_unit_test(fir_refuses_what_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
