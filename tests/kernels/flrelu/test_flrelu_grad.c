// SPDX-License-Identifier: Apache-2.0
// The way back through filtered leaky ReLU: every instruction set against the definition in double, over
// sizes, factors, turns and channels, with guards around the result; and what must be refused.
#include "definition.h"

#include "cpu/flrelu_grad.h"

// ---- the definition

typedef struct problem {
    atl_cpu_flrelu_args a;
    float *x, *bias, *fu, *fd, *dy;
    int oh, ow;
    float *want; // [n, h, w, c]; NaN where rounding decides
} problem;

// The oversampled picture of dy: down filter transposed.
static double returned(const problem *q, plane dy, int i, int j) {
    const atl_cpu_flrelu_args *a = &q->a;
    double sum = 0.0;
    for (int r = i % a->down; r < a->down_taps && r <= i; r += a->down)
        for (int s = j % a->down; s < a->down_taps && s <= j; s += a->down) {
            int row = (i - r) / a->down, column = (j - s) / a->down;
            if (row < dy.h && column < dy.w)
                sum += tap(q->fd, a->down_taps, r) * tap(q->fd, a->down_taps, s) * dy.p[row * dy.w + column];
        }
    return sum;
}

// dx of one sample and channel.  Where the slope at a position changes within its rounding, what it leads to
// is NaN.
static plane defined(const problem *q, plane x, plane dy) {
    const atl_cpu_flrelu_args *a = &q->a;
    plane z = stretch(x, a), m = new_plane(z.h - a->up_taps + 1, z.w - a->up_taps + 1),
          dx = new_plane(x.h, x.w);
    for (int i = 0; i < m.h * m.w; i++) {
        double u = filter2(&z, i / m.w, i % m.w, q->fu, a->up_taps, 0) * a->up * a->up, close = 1e-6;
        double slope = u < 0 ? (double)a->slope : 1.0, value = fabs(u * slope * (double)a->gain);
        double g = returned(q, dy, i / m.w, i % m.w);
        m.p[i] = value > (double)a->clamp ? 0.0 : g * slope * (double)a->gain;
        if (g != 0.0 && ((u != 0.0 && fabs(u) < close) || fabs(value - (double)a->clamp) < close))
            m.p[i] = NAN;
    }
    for (int i = 0; i < m.h * m.w; i++)
        for (int r = 0; r < a->up_taps; r++)
            for (int s = 0; s < a->up_taps; s++) {
                int row = i / m.w + r - a->py0, column = i % m.w + s - a->px0;
                if (row >= 0 && column >= 0 && row % a->up == 0 && column % a->up == 0 && row / a->up < x.h &&
                    column / a->up < x.w)
                    dx.p[row / a->up * x.w + column / a->up] +=
                        tap(q->fu, a->up_taps, r) * tap(q->fu, a->up_taps, s) * a->up * a->up * m.p[i];
            }
    free(z.p);
    free(m.p);
    return dx;
}

// One channel of a sample [h, w, c].
static plane channel(const float *from, int h, int w, int c, int j, double add) {
    plane x = new_plane(h, w);
    for (int i = 0; i < h * w; i++)
        x.p[i] = (double)from[i * c + j] + add;
    return x;
}

static void define(problem *q) {
    const atl_cpu_flrelu_args *a = &q->a;
    size_t in = (size_t)(a->h * a->w * a->c), out = (size_t)(q->oh * q->ow * a->c), doubts = 0;
    q->want = malloc((size_t)a->n * in * sizeof *q->want);
    assert_non_null(q->want);
    for (size_t s = 0; s < (size_t)a->n; s++)
        for (int j = 0; j < a->c; j++) {
            plane x = channel(q->x + s * in, a->h, a->w, a->c, j, q->bias ? (double)q->bias[j] : 0.0);
            plane dy = channel(q->dy + s * out, q->oh, q->ow, a->c, j, 0.0), dx = defined(q, x, dy);
            for (int i = 0; i < a->h * a->w; i++) {
                q->want[s * in + (size_t)(i * a->c + j)] = (float)dx.p[i];
                doubts += isnan(dx.p[i]) != 0;
            }
            free(x.p);
            free(dy.p);
            free(dx.p);
        }
    assert_true(doubts * 5 <= (size_t)a->n * in);
}

static problem new_problem(atl_cpu_flrelu_args a) {
    problem q = { .a = a };
    size_t c = (size_t)a.c;
    atl_cpu_flrelu_size(&a, &q.oh, &q.ow);
    assert_true(q.oh > 0 && q.ow > 0);
    q.x = some_floats((size_t)a.n * (size_t)a.h * (size_t)a.w * c, 1);
    q.dy = some_floats((size_t)a.n * (size_t)q.oh * (size_t)q.ow * c, 2);
    q.bias = a.c % 3 ? some_floats(c, 3) : NULL;
    q.fu = a.up_taps > 1 ? some_floats((size_t)a.up_taps, 4) : NULL;
    q.fd = a.down_taps > 1 ? some_floats((size_t)a.down_taps, 5) : NULL;
    // sums of absolute taps near 1 (per phase, for the first), as those of real filters
    for (int i = 0; q.fu && i < a.up_taps; i++)
        q.fu[i] *= 2.0f / (float)a.up_taps;
    for (int i = 0; q.fd && i < a.down_taps; i++)
        q.fd[i] *= 2.0f / (float)a.down_taps;
    define(&q);
    return q;
}

static void free_problem(problem *q) {
    free(q->x);
    free(q->dy);
    free(q->bias);
    free(q->fu);
    free(q->fd);
    free(q->want);
}

static float *run(atl_ctx *ctx, const problem *q) {
    atl_cpu_flrelu_grad *fl;
    if (atl_cpu_flrelu_grad_make(ctx, table_of(ctx), team_of(ctx), &q->a, q->fu, q->fd, &fl))
        fail_msg("%s", atl_message(ctx));
    float *got = guarded((size_t)q->a.n * (size_t)q->a.h * (size_t)q->a.w * (size_t)q->a.c);
    size_t bytes = atl_cpu_flrelu_grad_workspace(fl);
    void *space = NULL;
    assert_int_equal(posix_memalign(&space, 64, bytes + 64), 0);
    memset(space, 0xff, bytes); // NaN wherever a kernel reads what nobody wrote
    memset((char *)space + bytes, 0x5a, 64);
    atl_cpu_flrelu_grad_run(fl, q->x, q->bias, q->dy, got, space);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(((char *)space)[bytes + i], 0x5a);
    free(space);
    atl_cpu_flrelu_grad_free(&fl);
    return got;
}

static void compare(const float *got, const problem *q, const char *what) {
    const atl_cpu_flrelu_args *a = &q->a;
    size_t n = (size_t)a->n * (size_t)a->h * (size_t)a->w * (size_t)a->c;
    double most = 0.0;
    for (size_t i = 0; i < n; i++)
        most = fabs((double)q->want[i]) > most ? fabs((double)q->want[i]) : most;
    for (size_t i = 0; i < n; i++)
        if (!isnan(q->want[i]) && !(fabs((double)got[i] - (double)q->want[i]) <= F32_FLRELU * most))
            fail_msg("%s, up %d/%d, down %d/%d, pads %d %d %d %d, %dx%dx%dx%d: number %zu is %.9g, not %.9g",
                     what, a->up, a->up_taps, a->down, a->down_taps, a->px0, a->px1, a->py0, a->py1, a->n,
                     a->h, a->w, a->c, i, (double)got[i], (double)q->want[i]);
}

// Every set below the machine's, with one and three threads; the number of threads changes no bit.
static void check(atl_cpu_flrelu_args a) {
    problem q = new_problem(a);
    for (int set = 0; set <= (int)atl_cpu_detect(); set++) {
        const char *name = atl_cpu_name((atl_cpu_set)set);
        size_t n = (size_t)a.n * (size_t)a.h * (size_t)a.w * (size_t)a.c;
        atl_ctx *one = open_ctx(1, name), *three = open_ctx(3, name);
        float *got = run(one, &q), *more = run(three, &q);
        compare(got, &q, name);
        assert_memory_equal(got, more, n * sizeof *got);
        release_guarded(got, n);
        release_guarded(more, n);
        atl_ctx_close(&one);
        atl_ctx_close(&three);
    }
    free_problem(&q);
}

// Those of StyleGAN3-T, and the last, which crops.
static void layers_match_double(void **state) {
    (void)state;
    check((atl_cpu_flrelu_args)LAYER(1, 38, 38, 17, 2, 2, 0, 9, 8));
    check((atl_cpu_flrelu_args)LAYER(1, 38, 38, 3, 4, 2, 0, -6, -9));
    check((atl_cpu_flrelu_args)LAYER(1, 54, 54, 2, 2, 2, 0, -11, -12));
    check((atl_cpu_flrelu_args)LAYER(2, 26, 26, 4, 4, 2, 0, 6, 3));
}

static void any_channels(void **state) {
    (void)state;
    for (int c = 1; c <= 40; c++)
        check((atl_cpu_flrelu_args)LAYER(c % 2 + 1, 5 + c % 4, 9 - c % 3, c, c % 2 ? 2 : 4, 2, 0, 9, 8));
}

static void any_padding(void **state) {
    (void)state;
    for (int up = 2; up <= 4; up += 2)
        for (int p = -7; p <= 13; p++) {
            atl_cpu_flrelu_args a = LAYER(1, 12, 15, 2, up, 2, 0, 0, 0);
            a.px0 = p;
            a.px1 = 20 - p;
            a.py0 = 12 - p;
            a.py1 = p + 9;
            check(a);
        }
}

// One strip and several, and pictures smaller than a filter.
static void any_width(void **state) {
    (void)state;
    for (int w = 1; w <= 21; w++)
        check((atl_cpu_flrelu_args)LAYER(1, 22 - w, w, 2, w % 2 ? 2 : 4, 2, 0, 17, 16));
    check((atl_cpu_flrelu_args)LAYER(1, 4, 250, 1, 2, 2, 0, 9, 8));
    check((atl_cpu_flrelu_args)LAYER(1, 12, 130, 1, 4, 2, 0, -2, -1));
    check((atl_cpu_flrelu_args)LAYER(1, 60, 3, 1, 2, 2, 0, 11, 10));
}

// What has no tuned kernel, and no filter at all.
static void any_factors(void **state) {
    (void)state;
    for (int up = 1; up <= 5; up++)
        for (int down = 1; down <= 5; down++) {
            atl_cpu_flrelu_args a = LAYER(2, 13, 11, 2, up, down, 0, 7, 8);
            a.up_taps = 1 + (up * 7 + down) % 13;
            a.down_taps = 1 + (up + down * 5) % 14;
            a.py0 = up + 6;
            a.gain = up % 2 ? -0.7f : 1.3f;
            a.slope = down % 2 ? 1.5f : -0.25f;
            check(a);
        }
    check((atl_cpu_flrelu_args){ 2, 5, 3, 19, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1.0f, 1.0f, 0.25f });
    check((atl_cpu_flrelu_args){ 1, 5, 3, 4, 3, 2, 1, 1, 0, 1, 0, 0, 2, 0.2f, 1.5f, INFINITY });
}

// Slopes that decide where the activation is clamped: none, the other way, and no clamp.
static void any_activation(void **state) {
    (void)state;
    const float slopes[] = { 0.0f, -0.3f, 1.0f, 2.0f };
    for (int i = 0; i < 8; i++) {
        atl_cpu_flrelu_args a = LAYER(1, 14, 12, 3, i % 2 ? 2 : 4, 2, 0, 9, 8);
        a.slope = slopes[i / 2];
        a.gain = i % 2 ? 1.0f : -2.0f;
        a.clamp = i % 4 ? 0.3f : INFINITY;
        check(a);
    }
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    static const float f[144] = { 1.0f };
    const atl_cpu_flrelu_args radial = LAYER(1, 4, 4, 4, 2, 2, 1, 9, 8),
                              empty = LAYER(1, 4, 4, 4, 2, 2, 0, -9, -9);
    atl_ctx *ctx = open_ctx(1, NULL);
    atl_cpu_flrelu_grad *fl;
    assert_int_equal(atl_cpu_flrelu_grad_make(ctx, table_of(ctx), team_of(ctx), &radial, f, f, &fl),
                     ATL_UNSUPPORTED);
    assert_null(fl);
    atl_message_clear(ctx);
    assert_int_equal(atl_cpu_flrelu_grad_make(ctx, table_of(ctx), team_of(ctx), &empty, f, f, &fl),
                     ATL_BAD_ARGUMENT);
    assert_null(fl);
    assert_non_null(strstr(atl_message(ctx), "-9,-9,-9,-9"));
    atl_ctx_close(&ctx);
}

static void failed_allocation_leaves_nothing(void **state) {
    (void)state;
    static const float f[24] = { 1.0f };
    const atl_cpu_flrelu_args a = LAYER(1, 4, 4, 4, 2, 2, 0, 9, 8);
    for (long i = 0; i < 4; i++) {
        atl_ctx *ctx = open_ctx(1, NULL);
        atl_cpu_flrelu_grad *fl;
        ctx->fail_after = i;
        assert_int_equal(atl_cpu_flrelu_grad_make(ctx, table_of(ctx), team_of(ctx), &a, f, f, &fl),
                         ATL_NO_MEMORY);
        assert_null(fl);
        atl_ctx_close(&ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_match_double),
        cmocka_unit_test(any_channels),
        cmocka_unit_test(any_padding),
        cmocka_unit_test(any_width),
        cmocka_unit_test(any_factors),
        cmocka_unit_test(any_activation),
        cmocka_unit_test(bad_arguments_are_refused),
        cmocka_unit_test(failed_allocation_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
