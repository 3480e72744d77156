// SPDX-License-Identifier: Apache-2.0
// Weight gradients by Winograd: their kernels of every instruction set against the reference, and whole gradients
// against a plain sum in double.
#include "../check.h"
#include "cpu/winograd_inside.h"

#include "cpu/winograd_grad.h"

static const int CHANNELS[] = { 1, 7, 8, 15, 16, 17, 33, 50 };
enum { CHANNEL_COUNTS = sizeof CHANNELS / sizeof *CHANNELS };

static void input_transform_matches_reference(void **state) {
    (void)state;
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (int k = 0; k < 2 * CHANNEL_COUNTS; k++) {
            uint32_t seed = 1;
            int c = CHANNELS[k / 2], h = 6, w = 9;
            size_t plane = (size_t)c + 3, n = 36 * plane;
            float *y = next_floats((size_t)(h * w * c), &seed), *scale = next_floats((size_t)c, &seed);
            atl_cpu_wino_source from = { y, k % 2 ? scale : NULL, h, w, c };
            for (int oy = 0; oy < h; oy += 2)
                for (int ox = 0; ox < w; ox++) {
                    float *a = guarded(n), *b = guarded(n);
                    tuned.grad_in(&from, oy, ox, a, plane);
                    ref.grad_in(&from, oy, ox, b, plane);
                    same_touched(a, b, n, 30 * F32_WINOGRAD_TRANSFORM, "transform");
                    release_guarded(a, n);
                    release_guarded(b, n);
                }
            free(y);
            free(scale);
        }
    }
}

static void outer_once(const atl_cpu_wino_kernels *ref, const atl_cpu_wino_kernels *tuned, size_t m, size_t n,
                       size_t k) {
    size_t a_row = m + 3, b_row = n + 2, c_row = n + 5, count = m * c_row;
    uint32_t seed = (uint32_t)(m * 100 + n);
    float *a = next_floats(k * a_row, &seed), *b = next_floats(k * b_row, &seed),
          *start = next_floats(count, &seed);
    for (int add = 0; add < 2; add++) {
        float *c = guarded_copy(count, start), *d = guarded_copy(count, start);
        ref->outer(a, a_row, b, b_row, c, c_row, m, n, k, add);
        tuned->outer(a, a_row, b, b_row, d, c_row, m, n, k, add);
        same_touched(d, c, count, F32_WINOGRAD_TRANSFORM * sqrt((double)k), "product");
        release_guarded(c, count);
        release_guarded(d, count);
    }
    free(a);
    free(b);
    free(start);
}

static void outer_product_matches_reference(void **state) {
    (void)state;
    static const size_t COLUMNS[] = { 1, 7, 8, 15, 16, 17, 31, 32, 33, 64, 81, 101 };
    atl_cpu_wino_kernels ref, tuned;
    atl_cpu_wino_init_ref(&ref);
    for (atl_cpu_set set = ATL_CPU_BASELINE + 1; set <= atl_cpu_detect(); set++) {
        tuned = kernels_of(set)->wino;
        for (size_t i = 0; i < sizeof COLUMNS / sizeof *COLUMNS; i++)
            for (size_t m = 1; m <= 14; m++)
                outer_once(&ref, &tuned, m, COLUMNS[i], m % 2 ? 1 : 19);
    }
}

// The last transform is the transpose of the weights' one: <g w g', u> = <w, g' u g>.
static void last_transform_is_the_transpose(void **state) {
    (void)state;
    atl_cpu_wino_kernels kernels;
    unsigned char order[36];
    double g[18];
    atl_cpu_wino_plain_matrix(g);
    for (int i = 0; i < 36; i++)
        order[i] = (unsigned char)i;
    for (atl_cpu_set set = ATL_CPU_BASELINE; set <= atl_cpu_detect(); set++)
        for (size_t n = 1; n <= 16; n++) {
            uint32_t seed = 9;
            const size_t plane = n + 4, step = 9 * 3;
            float *w = next_floats(9 * n, &seed), *u = next_floats(36 * plane, &seed),
                  *high = guarded(36 * n);
            float *dw = guarded(n * step - 18);
            atl_cpu_wino_taps taps = { w, 0, 9, 1 };
            kernels = kernels_of(set)->wino;
            kernels.weight(&taps, n, g, order, 0, 1, 0, n, high);
            kernels.grad_weight(u, plane, n, g, dw, step);
            for (size_t l = 0; l < n; l++) {
                double a = 0, b = 0, size = 0;
                for (size_t p = 0; p < 36; p++)
                    a += (double)high[p * n + l] * (double)u[p * plane + l];
                for (size_t r = 0; r < 9; r++)
                    b += (double)w[l * 9 + r] * (double)dw[l * step + r];
                for (size_t p = 0; p < 36; p++)
                    size += fabs((double)high[p * n + l] * (double)u[p * plane + l]);
                assert_true(fabs(a - b) <= F32_WINOGRAD_PACKED * size);
            }
            for (size_t i = 0; i < n * step - 18; i++) // nothing between the taps of two channels
                assert_true((isnan(dw[i]) != 0) == (i % step >= 9));
            release_guarded(dw, n * step - 18);
            release_guarded(high, 36 * n);
            free(w);
            free(u);
        }
}

typedef struct data {
    float *x, *y, *x_scale, *y_scale;
    int oh, ow;
} data;

static data make_data(const atl_cpu_wino_grad_shape *s) {
    uint32_t seed = 5;
    data d = { .oh = s->down ? s->oh : s->h + 2 * s->pad - 2, .ow = s->down ? s->ow : s->w + 2 * s->pad - 2 };
    d.x = next_floats((size_t)(s->n * s->h * s->w * s->ci), &seed);
    d.y = next_floats((size_t)(s->n * d.oh * d.ow * s->co), &seed);
    d.x_scale = next_floats((size_t)(s->n * s->ci), &seed);
    d.y_scale = next_floats((size_t)(s->n * s->co), &seed);
    return d;
}

static void free_data(data *d) {
    free(d->x);
    free(d->y);
    free(d->x_scale);
    free(d->y_scale);
}

// scaled: bit 0 x, bit 1 y.
static double *plain(const atl_cpu_wino_grad_shape *s, const data *d, int scaled) {
    double *w = calloc((size_t)(s->co * s->ci * 9), sizeof *w);
    assert_non_null(w);
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < d->oh; p++)
            for (int q = 0; q < d->ow; q++)
                for (int r = 0; r < 9; r++) {
                    int step = s->down ? 2 : 1, v = step * p + r / 3 - s->pad, u = step * q + r % 3 - s->pad;
                    if (v < 0 || u < 0 || v >= s->h || u >= s->w)
                        continue;
                    const float *x = d->x + ((n * s->h + v) * s->w + u) * s->ci;
                    const float *y = d->y + ((n * d->oh + p) * d->ow + q) * s->co;
                    for (int o = 0; o < s->co; o++)
                        for (int i = 0; i < s->ci; i++)
                            w[(s->turned ? i * s->co + o : o * s->ci + i) * 9 + r] +=
                                (double)x[i] * (scaled & 1 ? (double)d->x_scale[n * s->ci + i] : 1.0) * (double)y[o] *
                                (scaled & 2 ? (double)d->y_scale[n * s->co + o] : 1.0);
                }
    return w;
}

// The gradient as computed; checks that nothing is written around it.
static float *run(atl_ctx *ctx, const atl_cpu_wino_grad_shape *s, const data *d, int scaled) {
    size_t count = (size_t)(s->co * s->ci * 9);
    float *dw = guarded(count), *copy = malloc(count * sizeof *copy);
    atl_cpu_wino_grad *grad;
    void *space = NULL;
    assert_non_null(copy);
    assert_int_equal(atl_cpu_wino_grad_make(ctx, table_of(ctx), team_of(ctx), s, &grad), ATL_OK);
    size_t bytes = atl_cpu_wino_grad_workspace(grad);
    assert_int_equal(posix_memalign(&space, 64, bytes + 64), 0);
    memset(space, 0xff, bytes + 64); // NaN: whatever is read before written shows
    atl_cpu_wino_grad_args args = {
        d->x, d->y, scaled & 1 ? d->x_scale : NULL, scaled & 2 ? d->y_scale : NULL, s->ci, s->co
    };
    atl_cpu_wino_grad_run(grad, &args, dw, space);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(((unsigned char *)space)[bytes + i], 0xff);
    memcpy(copy, dw, count * sizeof *copy);
    release_guarded(dw, count);
    free(space);
    atl_cpu_wino_grad_free(&grad);
    assert_null(grad);
    return copy;
}

static void check(atl_ctx *ctx, const atl_cpu_wino_grad_shape *s, int scaled) {
    data d = make_data(s);
    double *truth = plain(s, &d, scaled), error = 0, norm = 0;
    float *dw = run(ctx, s, &d, scaled);
    for (int i = 0; i < s->co * s->ci * 9; i++) {
        error += ((double)dw[i] - truth[i]) * ((double)dw[i] - truth[i]);
        norm += truth[i] * truth[i];
    }
    if (!(sqrt(error / norm) < F32_WINOGRAD_GRADIENT))
        fail_msg("[%d, %d, %d, %d] to %d, stride %d, padding %d, scaled %d: relative error %g", s->n, s->h, s->w,
                 s->ci, s->co, 1 + s->down, s->pad, scaled, sqrt(error / norm));
    free(truth);
    free(dw);
    free_data(&d);
}

static void gradients_match_double(void **state) {
    (void)state;
    static const int sizes[][5] = {
        // n h w ci co
        { 1, 3, 3, 1, 1 },   { 1, 4, 5, 4, 5 },    { 2, 8, 8, 16, 16 },   { 3, 9, 13, 17, 19 },
        { 1, 23, 7, 33, 130 }, { 2, 5, 6, 200, 3 }, { 9, 16, 15, 20, 40 }, { 4, 31, 30, 5, 3 },
    };
    for (int threads = 1; threads <= 3; threads++)
        for (atl_cpu_set set = ATL_CPU_BASELINE; set <= atl_cpu_detect(); set++) {
            atl_ctx *ctx = open_ctx(threads, atl_cpu_name(set));
            for (int i = 0; i < (int)(sizeof sizes / sizeof *sizes); i++)
                for (int pad = 0; pad < 3; pad++) {
                    const int *v = sizes[i];
                    atl_cpu_wino_grad_shape s = { v[0], v[1], v[2], v[3], v[4], pad, 0, 0, 0, 0 };
                    check(ctx, &s, (i + pad) % 4);
                    s.down = 1;
                    s.turned = i % 2;
                    s.oh = (v[1] + pad + 1) / 2 - pad / 2; // as many as can be, and fewer
                    s.ow = (v[2] + pad + 1) / 2;
                    check(ctx, &s, (i + pad) % 4);
                }
            atl_ctx_close(&ctx);
        }
}

// Several slabs of tiles: sums wait in memory between them.
static void many_tiles_stay_exact(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(2, NULL);
    atl_cpu_wino_grad_shape s = { 5, 64, 65, 16, 24, 1, 0, 0, 0, 0 };
    check(ctx, &s, 3);
    s = (atl_cpu_wino_grad_shape){ 3, 40, 40, 150, 140, 1, 0, 0, 0, 0 };
    check(ctx, &s, 0);
    s = (atl_cpu_wino_grad_shape){ 5, 65, 65, 150, 140, 0, 1, 32, 32, 1 };
    check(ctx, &s, 3);
    atl_ctx_close(&ctx);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    static const atl_cpu_wino_grad_shape shapes[] = { { 4, 33, 32, 40, 72, 1, 0, 0, 0, 0 },
                                                      { 2, 12, 12, 20, 16, 1, 0, 0, 0, 0 },
                                                      { 4, 33, 32, 40, 72, 1, 1, 17, 16, 0 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        data d = make_data(&shapes[i]);
        float *one = NULL;
        for (int threads = 1; threads <= 5; threads += 2) {
            atl_ctx *ctx = open_ctx(threads, NULL);
            float *dw = run(ctx, &shapes[i], &d, 0);
            if (one)
                assert_memory_equal(dw, one, sizeof *dw * (size_t)(shapes[i].ci * shapes[i].co * 9));
            free(threads == 1 ? NULL : dw);
            one = threads == 1 ? dw : one;
            atl_ctx_close(&ctx);
        }
        free(one);
        free_data(&d);
    }
}

static void bad_shapes_and_missing_memory_leave_nothing(void **state) {
    (void)state;
    static const atl_cpu_wino_grad_shape bad[] = {
        { 0, 8, 8, 1, 1, 1, 0, 0, 0, 0 }, { 1, 2, 8, 1, 1, 0, 0, 0, 0, 0 },       { 1, 8, 8, 1, 1, 3, 0, 0, 0, 0 },
        { 1, 8, 8, 1, 1, 1, 1, 6, 4, 0 }, { 1, 8, 8, 1, 1 << 21, 1, 0, 0, 0, 0 },
    };
    atl_ctx *ctx = open_ctx(1, NULL);
    atl_cpu_wino_grad *grad = (atl_cpu_wino_grad *)&bad;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(atl_cpu_wino_grad_make(ctx, table_of(ctx), team_of(ctx), &bad[i], &grad),
                         ATL_BAD_ARGUMENT);
        assert_null(grad);
    }
    atl_cpu_wino_grad_shape s = { 1, 8, 8, 16, 16, 1, 0, 0, 0, 0 };
    ctx->fail_after = 0;
    assert_int_equal(atl_cpu_wino_grad_make(ctx, table_of(ctx), team_of(ctx), &s, &grad), ATL_NO_MEMORY);
    assert_null(grad);
    ctx->fail_after = -1;
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_transform_matches_reference),
        cmocka_unit_test(outer_product_matches_reference),
        cmocka_unit_test(last_transform_is_the_transpose),
        cmocka_unit_test(gradients_match_double),
        cmocka_unit_test(many_tiles_stay_exact),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(bad_shapes_and_missing_memory_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
