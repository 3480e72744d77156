// SPDX-License-Identifier: Apache-2.0
// Pointwise kernels, the epilogue and the narrow 1x1 convolutions: every instruction set against the
// reference, the reference against the definition.
#include "../check.h"

#include <stdbool.h>
#include "cpu/reduce.h"

static const size_t sizes[] = { 0, 1, 3, 7, 8, 15, 16, 17, 31, 64, 129, 1000 };

static double value_of(atl_fn1 op, double v, double a, double b) {
    switch (op) {
    case ATL_FN_AFFINE: return a * v + b;
    case ATL_FN_LRELU: return v < 0 ? a * v : v;
    case ATL_FN_STEP: return v < 0 ? a : 1;
    case ATL_FN_SIGN: return (v > 0) - (v < 0);
    case ATL_FN_ABS: return fabs(v);
    case ATL_FN_SQUARE: return v * v;
    case ATL_FN_SQRT: return sqrt(v);
    case ATL_FN_RSQRT: return 1 / sqrt(v);
    case ATL_FN_RECIPROCAL: return 1 / v;
    case ATL_FN_CLAMP: return fmin(fmax(v, a), b);
    case ATL_FN_INSIDE: return a <= v && v <= b;
    case ATL_FN_EXP: return exp(v);
    case ATL_FN_LOG: return log(v);
    case ATL_FN_SIN: return sin(v);
    case ATL_FN_COS: return cos(v);
    case ATL_FN_TANH: return tanh(v);
    case ATL_FN_ERF: return erf(v);
    case ATL_FN_FLOOR: return floor(v);
    case ATL_FN_SIGMOID: return 1 / (1 + exp(-v));
    case ATL_FN_SOFTPLUS: return log1p(exp(v));
    case ATL_UNARY_FNS: break;
    }
    return NAN;
}

static int positive_only(atl_fn1 op) {
    return op == ATL_FN_SQRT || op == ATL_FN_RSQRT || op == ATL_FN_LOG;
}

static void unary_functions_are_theirs(void **state) {
    (void)state;
    const float a = -0.25f, b = 0.5f;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (int op = 0; op < ATL_UNARY_FNS; op++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                size_t n = sizes[i];
                float *x = some_floats(n, (uint32_t)(op + 1)), *y = guarded(n);
                for (size_t j = 0; j < n; j++)
                    x[j] = positive_only((atl_fn1)op) ? fabsf(x[j]) + 0.01f : 4.0f * x[j];
                if (n > 2)
                    x[2] = positive_only((atl_fn1)op) ? 1.0f : op == ATL_FN_RECIPROCAL ? 2.0f : 0.0f;
                k.pointwise.unary[op](y, x, n, a, b);
                for (size_t j = 0; j < n; j++) {
                    double want = value_of((atl_fn1)op, (double)x[j], (double)a, (double)b);
                    if (!(fabs((double)y[j] - want) <= F32_POINTWISE * (1 + fabs(want))))
                        fail_msg("function %d of %g: %g, not %g", op, (double)x[j], (double)y[j], want);
                }
                k.pointwise.unary[op](x, x, n, a, b); // in place
                same(x, y, n, 0.0, "in place");
                release_guarded(y, n);
                free(x);
            }
    }
}

static void softplus_and_sigmoid_do_not_overflow(void **state) {
    (void)state;
    atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, atl_cpu_detect());
    const float x[4] = { 200.0f, -200.0f, 1000.0f, -1000.0f };
    float y[4];
    k.pointwise.unary[ATL_FN_SOFTPLUS](y, x, 4, 0.0f, 0.0f);
    same(y, (const float[]){ 200.0f, 0.0f, 1000.0f, 0.0f }, 4, 0.0, "softplus");
    k.pointwise.unary[ATL_FN_SIGMOID](y, x, 4, 0.0f, 0.0f);
    same(y, (const float[]){ 1.0f, 0.0f, 1.0f, 0.0f }, 4, 1e-30, "sigmoid");
}

// exp and its relatives over all of their range.  Of float32's relative rounding, 6e-8: exp has about two of
// the product and of the polynomial, 2.5e-7 with a subtraction's; 1 - exp(..) and quotients have 2e-7 of a
// value near 1.
static void exponentials_are_exact_everywhere(void **state) {
    (void)state;
    static const struct {
        atl_fn1 op;
        float low, high;
    } rows[] = { { ATL_FN_EXP, -103.0f, 88.7f },
                 { ATL_FN_SIGMOID, -87.0f, 90.0f },
                 { ATL_FN_TANH, -12.0f, 12.0f },
                 { ATL_FN_ERF, -6.0f, 6.0f } };
    enum { COUNT = 100003 };
    float *x = guarded(COUNT), *y = guarded(COUNT), *first = guarded(COUNT);
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            for (int i = 0; i < COUNT; i++)
                x[i] = rows[r].low + (rows[r].high - rows[r].low) * ((float)i / (COUNT - 1));
            k.pointwise.unary[rows[r].op](set ? y : first, x, COUNT, 0.0f, 0.0f);
            for (int i = 0; i < COUNT; i++) {
                double want = value_of(rows[r].op, (double)x[i], 0, 0);
                double got = (double)(set ? y : first)[i];
                if (!(fabs(got - want) <= 3e-7 * fabs(want) + 1.5e-45))
                    fail_msg("function %d of %.9g: %.9g, not %.9g", rows[r].op, (double)x[i], got, want);
            }
        }
        const float edges[4] = { INFINITY, -INFINITY, 1e30f, -1e30f };
        float at[4];
        k.pointwise.unary[ATL_FN_EXP](at, edges, 4, 0.0f, 0.0f);
        assert_true(isinf(at[0]) && at[1] == 0.0f && isinf(at[2]) && at[3] == 0.0f);
        k.pointwise.unary[ATL_FN_TANH](at, edges, 4, 0.0f, 0.0f);
        same(at, (const float[]){ 1.0f, -1.0f, 1.0f, -1.0f }, 4, 0.0, "tanh");
        k.pointwise.unary[ATL_FN_ERF](at, edges, 4, 0.0f, 0.0f);
        same(at, (const float[]){ 1.0f, -1.0f, 1.0f, -1.0f }, 4, 0.0, "erf");
        const float none = NAN;
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
            k.pointwise.unary[rows[r].op](at, &none, 1, 0.0f, 0.0f);
            assert_true(isnan(at[0]));
        }
    }
    release_guarded(first, COUNT);
    release_guarded(y, COUNT);
    release_guarded(x, COUNT);
}

static float binary_value(atl_fn2 op, float u, float v) {
    switch (op) {
    case ATL_FN_ADD: return u + v;
    case ATL_FN_SUB: return u - v;
    case ATL_FN_MUL: return u * v;
    case ATL_FN_DIV: return u / v;
    case ATL_FN_MAX: return u > v ? u : v;
    case ATL_FN_MIN: return u < v ? u : v;
    case ATL_FN_LESS: return u < v ? 1.0f : 0.0f;
    case ATL_BINARY_FNS: break;
    }
    return NAN;
}

// Which of the four loops are broadcast in x and in z, as bits.
static void check_binary(const atl_cpu_kernels *k, atl_fn2 op, unsigned bx, unsigned bz) {
    const int64_t dims[ATL_LOOPS] = { 2, 3, 5, 19 };
    int64_t sx[ATL_LOOPS], sz[ATL_LOOPS], nx = 1, nz = 1;
    for (int i = ATL_LOOPS - 1; i >= 0; i--) {
        sx[i] = bx >> i & 1u ? 0 : nx;
        sz[i] = bz >> i & 1u ? 0 : nz;
        nx *= bx >> i & 1u ? 1 : dims[i];
        nz *= bz >> i & 1u ? 1 : dims[i];
    }
    const size_t n = 2 * 3 * 5 * 19;
    float *x = some_floats((size_t)nx, 1), *z = some_floats((size_t)nz, 2), *y = guarded(n),
          want[2 * 3 * 5 * 19];
    for (int64_t i = 0; i < (int64_t)n; i++) {
        int64_t at[ATL_LOOPS] = { i / 285, i / 95 % 3, i / 19 % 5, i % 19 }, ix = 0, iz = 0;
        for (int d = 0; d < ATL_LOOPS; d++) {
            ix += at[d] * sx[d];
            iz += at[d] * sz[d];
        }
        want[i] = binary_value(op, x[ix], z[iz]);
    }
    atl_cpu_binary_run(&k->pointwise, op, dims, y, x, sx, z, sz, team_with(2));
    same(y, want, n, 0.0, "binary"); // one rounding: exact
    release_guarded(y, n);
    free(x);
    free(z);
}

static void binary_functions_broadcast(void **state) {
    (void)state;
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (int op = 0; op < ATL_BINARY_FNS; op++)
            for (unsigned bx = 0; bx < 16; bx++)
                for (unsigned bz = 0; bz < 16; bz++)
                    check_binary(&k, (atl_fn2)op, bx, bz);
    }
}

static void large_tensors_are_split_and_complete(void **state) {
    (void)state;
    atl_cpu_kernels k;
    atl_cpu_kernels_init(&k, atl_cpu_detect());
    const int64_t rows = 301, c = 333, n = rows * c;
    const int64_t dims[4] = { 1, 1, rows, c }, dense[4] = { 0, 0, c, 1 }, channel[4] = { 0, 0, 0, 1 };
    const int64_t turned[4] = { 0, 0, 1, rows };
    float *x = some_floats((size_t)n, 1), *y = guarded((size_t)n), *want = malloc((size_t)n * sizeof *want);
    assert_non_null(want);
    for (int kind = 0; kind < 2; kind++) {
        for (int64_t i = 0; i < n; i++)
            want[i] = x[i] * (kind ? x[i % c * rows + i / c] : x[i % c]);
        atl_cpu_binary_run(&k.pointwise, ATL_FN_MUL, dims, y, x, dense, x, kind ? turned : channel,
                           team_with(3));
        same(y, want, (size_t)n, 0.0, "split");
    }
    for (int64_t i = 0; i < n; i++)
        want[i] = x[i] * x[i];
    atl_cpu_unary_run(&k.pointwise, ATL_FN_SQUARE, y, x, n, 0.0f, 0.0f, team_with(3));
    same(y, want, (size_t)n, 0.0, "split");
    release_guarded(y, (size_t)n);
    free(x);
    free(want);
}

// Each bit of `terms` is one optional part.
static void check_epilogue(const atl_cpu_kernels *k, size_t pixels, size_t c, unsigned terms) {
    size_t n = 2 * pixels * c;
    float *x = some_floats(n, 1), *scale = some_floats(2 * c, 2), *noise = some_floats(2 * pixels, 3);
    float *bias = some_floats(c, 4), *residual = some_floats(n, 5), *gate = some_floats(n, 6);
    float *y = guarded(n), *want = malloc((n + 1) * sizeof *want);
    assert_non_null(want);
    atl_cpu_epilogue e = { terms & 1 ? scale : NULL,
                           terms & 2 ? noise : NULL,
                           terms & 4 ? bias : NULL,
                           terms & 8 ? residual : NULL,
                           (ptrdiff_t)c,
                           (ptrdiff_t)pixels,
                           terms & 16 ? 0.2f : 1.0f,
                           1.4f,
                           terms & 32 ? 0.3f : INFINITY,
                           terms & 64 ? gate : NULL,
                           0.25f };
    for (size_t i = 0; i < n; i++) {
        size_t j = i % c, p = i / c, sample = p / pixels;
        double v = (double)x[i] * (terms & 1 ? (double)scale[sample * c + j] : 1.0);
        v += (terms & 2 ? (double)noise[p] : 0.0) + (terms & 4 ? (double)bias[j] : 0.0);
        v = (v < 0 ? v * (double)e.slope : v) * (double)e.gain;
        v = fmin(fmax(v, -(double)e.clamp), (double)e.clamp);
        v *= terms & 64 && gate[i] < 0.0f ? 0.25 : 1.0;
        want[i] = (float)(v + (terms & 8 ? (double)residual[i] : 0.0));
    }
    atl_cpu_epilogue_run(&k->pointwise, &e, y, x, 2, pixels, c, team_with(2));
    same(y, want, n, F32_EPILOGUE, "epilogue");
    atl_cpu_epilogue_run(&k->pointwise, &e, x, x, 2, pixels, c, team_with(2));
    same(x, y, n, 0.0, "epilogue in place");
    release_guarded(y, n);
    free(want);
    free(x);
    free(scale);
    free(noise);
    free(bias);
    free(residual);
    free(gate);
}

static void epilogue_is_its_formula(void **state) {
    (void)state;
    const size_t channels[] = { 1, 3, 4, 7, 16, 17, 32, 37 };
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
            for (unsigned terms = 0; terms < 128; terms++) {
                check_epilogue(&k, 1 + terms % 5 * 9, channels[i], terms);
                if (terms % 7 == 0)
                    check_epilogue(&k, 3000, channels[i], terms);
            }
    }
}

static void check_rgb(const atl_cpu_kernels *k, int ci, int co, size_t pixels, int shared) {
    size_t in = 2 * pixels * (size_t)ci, out = 2 * pixels * (size_t)co;
    float *x = some_floats(in, 1), *w = some_floats((size_t)(2 * ci * co), 2),
          *bias = some_floats((size_t)co, 3);
    float *y = guarded(out), *want = malloc(out * sizeof *want);
    assert_non_null(want);
    atl_cpu_rgb_args args = { 2, ci, co, pixels, shared ? 0 : ci * co };
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    e.bias = bias;
    for (size_t i = 0; i < out; i++) {
        size_t o = i % (size_t)co, p = i / (size_t)co;
        const float *row = w + (size_t)(p / pixels) * (size_t)args.w_stride + o * (size_t)ci;
        double sum = (double)bias[o];
        for (size_t c = 0; c < (size_t)ci; c++)
            sum += (double)x[p * (size_t)ci + c] * (double)row[c];
        want[i] = (float)sum;
    }
    atl_cpu_rgb_run(&k->rgb, &k->pointwise, &args, y, x, w, &e, team_with(2));
    same(y, want, out, F32_RGB, "rgb");
    release_guarded(y, out);
    free(x);
    free(w);
    free(bias);
    free(want);
}

static void rgb_is_a_product(void **state) {
    (void)state;
    const int many[] = { 1, 5, 8, 16, 19, 32, 80 };
    const size_t pixels[] = { 1, 3, 4, 37, 1500 };
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        atl_cpu_kernels k;
        atl_cpu_kernels_init(&k, (atl_cpu_set)set);
        for (int few = 1; few <= ATL_RGB_MAX; few++)
            for (size_t i = 0; i < sizeof many / sizeof *many; i++)
                for (size_t j = 0; j < sizeof pixels / sizeof *pixels; j++) {
                    check_rgb(&k, many[i], few, pixels[j], (int)j % 2);
                    check_rgb(&k, few, many[i], pixels[j], (int)j % 2);
                }
    }
}

// The same bits as the sum of each row, whose order is that of all sums.
static void short_rows_are_sums(void **state) {
    (void)state;
    enum { ROWS = 37 };
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        const atl_cpu_pointwise_kernels *k = &kernels_of((atl_cpu_set)set)->pointwise;
        for (size_t n = 1; n <= ATL_SHORT_ROW; n++)
            for (int product = 0; product < 2; product++) {
                float *x = some_floats(ROWS * n, 5), *z = some_floats(ROWS * n, 6), *y = guarded(ROWS);
                for (size_t j = 0; j < n; j++) // a row of negative zeros
                    x[2 * n + j] = -0.0f, z[2 * n + j] = 1.0f;
                k->sum_short(y, x, product ? z : NULL, ROWS, n);
                for (size_t i = 0; i < ROWS; i++) {
                    float row[ATL_SHORT_ROW];
                    for (size_t j = 0; j < n; j++)
                        row[j] = product ? x[i * n + j] * z[i * n + j] : x[i * n + j];
                    float want = k->sum(row, n);
                    assert_memory_equal(&y[i], &want, sizeof want);
                }
                release_guarded(y, ROWS);
                free(z);
                free(x);
            }
    }
}

// ---- the gradient of an epilogue's scale, from the epilogue's result

typedef struct scaled { // all in double: what goes in, what comes out, and the sums of dy x
    atl_cpu_scale_grad g;
    float *dy, *z, *scale, *noise, *bias;
    double *want;
} scaled;

static scaled new_scaled(int64_t n, int64_t pixels, int64_t c, bool shared, bool plain) {
    size_t count = (size_t)(n * pixels * c), scales = (size_t)(shared ? c : n * c),
           maps = (size_t)(shared ? pixels : n * pixels);
    scaled s = { .dy = some_floats(count, 1),
                 .z = some_floats(count, 2),
                 .scale = some_floats(scales, 3),
                 .noise = plain ? NULL : some_floats(maps, 4),
                 .bias = plain ? NULL : some_floats((size_t)c, 5),
                 .want = calloc((size_t)(n * c), sizeof(double)) };
    const double slope = 0.2, gain = 1.5, clamp = 0.9;
    assert_non_null(s.want);
    for (size_t i = 0; i < scales; i++)
        s.scale[i] = 1.5f + s.scale[i];
    s.g = (atl_cpu_scale_grad){ s.dy,
                                s.z,
                                s.scale,
                                s.noise,
                                s.bias,
                                shared ? 0 : (size_t)c,
                                shared ? 0 : (size_t)pixels,
                                (float)slope,
                                (float)gain,
                                n,
                                pixels,
                                c };
    for (int64_t i = 0; i < n * pixels * c; i++) {
        int64_t sample = i / (pixels * c), j = i % c, p = i / c % pixels;
        double x = (double)s.z[i],
               noise = plain ? 0.0 : (double)s.noise[sample * (int64_t)s.g.noise_stride + p];
        double u = x * (double)s.scale[sample * (int64_t)s.g.scale_stride + j] + noise +
                   (plain ? 0.0 : (double)s.bias[j]);
        double y = (u < 0 ? u * slope : u) * gain;
        if (fabs(y) > clamp)
            s.dy[i] = 0.0f;
        s.want[sample * c + j] += (double)s.dy[i] * x;
        s.z[i] = (float)(y > clamp ? clamp : y < -clamp ? -clamp : y);
    }
    return s;
}

static void check_scaled(const scaled *s) {
    size_t count = (size_t)(s->g.n * s->g.c);
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        float *first = NULL;
        for (int threads = 1; threads <= 3; threads += 2) {
            atl_ctx *ctx = open_ctx(threads, atl_cpu_name((atl_cpu_set)set));
            float *got = guarded(count);
            void *space = malloc(atl_cpu_scale_grad_workspace(&s->g));
            assert_non_null(space);
            atl_cpu_scale_grad_run(&table_of(ctx)->pointwise, &s->g, got, team_of(ctx), space);
            for (size_t i = 0; i < count; i++) // sums of numbers below 1, each rounded a few times
                if (!(fabs((double)got[i] - s->want[i]) <= 1e-6 * (double)s->g.pixels))
                    fail_msg("%s, %d x %d x %d: number %zu is %.9g, not %.9g", atl_ctx_cpu(ctx), (int)s->g.n,
                             (int)s->g.pixels, (int)s->g.c, i, (double)got[i], s->want[i]);
            if (first)
                assert_memory_equal(first, got, count * sizeof *got);
            else
                first = got;
            if (first != got)
                release_guarded(got, count);
            free(space);
            atl_ctx_close(&ctx);
        }
        release_guarded(first, count);
    }
}

static void a_result_says_what_was_scaled(void **state) {
    (void)state;
    for (size_t k = 1; k < 12; k++)
        for (int form = 0; form < 4; form++) {
            int64_t c = sizes[k] < 200 ? (int64_t)sizes[k] : 70, pixels = k % 2 ? 600 : 35;
            scaled s = new_scaled(k % 3 ? 2 : 1, pixels, c, form & 1, form & 2);
            check_scaled(&s);
            free(s.dy);
            free(s.z);
            free(s.scale);
            free(s.noise);
            free(s.bias);
            free(s.want);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary_functions_are_theirs),
        cmocka_unit_test(softplus_and_sigmoid_do_not_overflow),
        cmocka_unit_test(exponentials_are_exact_everywhere),
        cmocka_unit_test(binary_functions_broadcast),
        cmocka_unit_test(large_tensors_are_split_and_complete),
        cmocka_unit_test(epilogue_is_its_formula),
        cmocka_unit_test(rgb_is_a_product),
        cmocka_unit_test(short_rows_are_sums),
        cmocka_unit_test(a_result_says_what_was_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
