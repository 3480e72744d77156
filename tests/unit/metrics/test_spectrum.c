// SPDX-License-Identifier: Apache-2.0
// The transform against its definition, and spectra whose numbers are known beforehand: a constant, waves,
// noise, and Parseval's sum.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <atelier/spectra.h>
#include "base/philox.h"
#include "metrics/fft.h"

static const double PI = 3.14159265358979323846;

static atl_ctx *open_ctx(int threads) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = threads;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

static void ok(atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static double noise(uint64_t seed, size_t i) {
    return (double)((seed * 0x9e3779b97f4a7c15u + i * 0xbf58476d1ce4e5b9u +
                     (i >> 3) * i * 0x94d049bb133111ebu) >>
                    40) /
               (1 << 24) -
           0.5;
}

// Every length has its own order of passes.
static void transform_is_its_definition(void **state) {
    static const int lengths[] = { 1,  2,  3,   4,   5,   6,   7,   8,   9,   10,  12, 15,
                                   16, 17, 20,  24,  25,  27,  32,  36,  48,  49,  60, 64,
                                   77, 97, 100, 121, 128, 144, 210, 254, 256, 360, 512 };
    enum { V = ATL_FFT_LANES };
    atl_ctx *ctx = open_ctx(1);
    (void)state;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        size_t n = (size_t)lengths[l], count = n * V;
        atl_fft *fft;
        double *x = malloc(6 * count * sizeof *x), *re = x + 2 * count, *im = re + count, *spare = im + count;
        assert_non_null(x);
        ok(ctx, atl_fft_make(ctx, (int)n, &fft));
        for (size_t i = 0; i < 2 * count; i++)
            x[i] = noise(n, i);
        memcpy(re, x, count * sizeof *x);
        memcpy(im, x + count, count * sizeof *x);
        atl_fft_run(fft, re, im, spare);
        for (size_t f = 0; f < n; f++)
            for (size_t v = 0; v < V; v++) {
                double a = 0, b = 0;
                for (size_t t = 0; t < n; t++) {
                    double angle = -2 * PI * (double)(f * t % n) / (double)n, c = cos(angle), s = sin(angle);
                    a += x[t * V + v] * c - x[count + t * V + v] * s;
                    b += x[t * V + v] * s + x[count + t * V + v] * c;
                }
                if (!(hypot(a - re[f * V + v], b - im[f * V + v]) <=
                      1e-14 * (double)n)) // some roundings for each term
                    fail_msg("length %zu, frequency %zu: %g + %g i, not %g + %g i", n, f, re[f * V + v],
                             im[f * V + v], a, b);
            }
        atl_fft_free(&fft);
        free(x);
    }
    atl_fft *fft;
    assert_int_equal(atl_fft_make(ctx, 0, &fft), ATL_BAD_ARGUMENT);
    assert_null(fft);
    atl_ctx_close(&ctx);
}

// ---- spectra

typedef uint8_t paint(const void *user, int x, int y, int c);

static double *spectrum_of(atl_ctx *ctx, const atl_spectrum_options *o, int pictures, int channels,
                           paint *colour, const void *user) {
    atl_spectrum *s;
    atl_image image;
    size_t n = (size_t)(o->side * o->interp);
    double *power = malloc(n * n * sizeof *power);
    assert_non_null(power);
    ok(ctx, atl_spectrum_open(ctx, o, &s));
    ok(ctx, atl_image_init(ctx, o->side, o->side, channels, &image));
    for (int i = 0; i < pictures; i++) {
        for (int y = 0; y < o->side; y++)
            for (int x = 0; x < o->side; x++)
                for (int c = 0; c < channels; c++)
                    image.pixels[(y * o->side + x) * channels + c] = colour(user, x, y, c + channels * i);
        ok(ctx, atl_spectrum_add(s, &image));
    }
    assert_int_equal(atl_spectrum_count(s), pictures);
    ok(ctx, atl_spectrum_read(s, power));
    atl_image_clear(ctx, &image);
    atl_spectrum_close(&s);
    return power;
}

static void assert_near(const char *what, double x, double truth, double relative) {
    if (!(fabs(x - truth) <= relative * fabs(truth)))
        fail_msg("%s: %.17g, not %.17g", what, x, truth);
}

static uint8_t gray_200(const void *user, int x, int y, int c) {
    (void)user, (void)x, (void)y, (void)c;
    return 200;
}

// Without a window (beta 0: each number 1 / side) a constant a has the power (a side)^2 at 0, and nothing
// elsewhere but for multiples of interp.
static void a_constant_is_all_at_zero(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(2);
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    o.side = 12;
    o.interp = 3;
    o.beta = 0;
    o.mean = 50;
    o.deviation = 75;
    double *p = spectrum_of(ctx, &o, 1, 3, gray_200, NULL);
    assert_near("at 0", p[0], 4.0 * 12 * 12, 1e-12);
    for (int y = 0; y < 36; y += 3)
        for (int x = 0; x < 36; x += 3)
            if (x || y)
                assert_true(p[y * 36 + x] < 1e-20);
    for (int y = 1; y < 36; y++) // the transform of a box: Dirichlet's kernel
        assert_near("box", p[y * 36], y % 3 ? 4 * pow(sin(PI * y / 3) / sin(PI * y / 36), 2) : p[y * 36],
                    1e-9);
    free(p);
    atl_ctx_close(&ctx);
}

static uint8_t stripes(const void *user, int x, int y, int c) {
    const int *k = user;
    (void)c;
    return (k[0] * x + k[1] * y) % 4 < 2 ? 160 : 80;
}

// A square wave of period 4 is, at whole pixels, one wave of that period: half of the energy is in each of
// its two lines.
static void waves_stand_at_their_frequency(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(1);
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    o.side = 16;
    o.interp = 1;
    o.beta = 0;
    o.mean = 120;
    o.deviation = 40;
    static const int waves[][2] = { { 1, 0 }, { 0, 1 }, { 1, 1 }, { 1, 3 } };
    for (int i = 0; i < 4; i++) {
        double *p = spectrum_of(ctx, &o, 2, 1, stripes, waves[i]);
        int fx = 4 * waves[i][0], fy = 4 * waves[i][1];
        for (int y = 0; y < 16; y++)
            for (int x = 0; x < 16; x++) {
                bool line = (x == fx && y == fy) || (x == (16 - fx) % 16 && y == (16 - fy) % 16);
                if (line) // all of the energy, side^2 / (side^2) * side^2, in two equal lines
                    assert_near("line", p[y * 16 + x], 16.0 * 16 / 2, 1e-12);
                else
                    assert_true(p[y * 16 + x] < 1e-20);
            }
        free(p);
    }
    atl_ctx_close(&ctx);
}

static uint8_t grain(const void *user, int x, int y, int c) {
    uint32_t r[4];
    (void)user;
    atl_philox_block((const uint32_t[]){ (uint32_t)x, (uint32_t)y, (uint32_t)c, 0 },
                     (const uint32_t[]){ 7, 0 }, r);
    return (uint8_t)(r[0] >> 24);
}

// White noise is 1 at all frequencies: the mean over all of them within the deviation of an average of so
// many, and no quarter of the plane apart.  And Parseval: the mean over frequencies is the energy of the
// windowed pictures.
static void noise_is_flat(void **state) {
    (void)state;
    enum { SIDE = 24, N = 48, PICTURES = 60 };
    atl_ctx *ctx = open_ctx(2);
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    o.side = SIDE;
    o.interp = 2;
    o.mean = 127.5;
    o.deviation = sqrt((256.0 * 256 - 1) / 12);
    double *p = spectrum_of(ctx, &o, PICTURES, 3, grain, NULL), sums[4] = { 0 }, energy = 0, all = 0,
           edge = 0;
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++)
            sums[(y < N / 2) * 2 + (x < N / 2)] += p[y * N + x] * 4 / (N * N);
    for (int i = 0; i < 4; i++)
        assert_near("a quarter", sums[i], 1, 0.05); // 180 planes of some 100 independent frequencies each
    for (int i = 0; i < N; i++)
        edge += p[N / 2 * N + i] / N;
    assert_near("the highest", edge, 1, 0.2);
    // the window by its definition, I0 by its integral
    double w[SIDE], square = 0;
    for (int i = 0; i < SIDE; i++) {
        double u = 2.0 * i / (SIDE - 1) - 1, sum = 0;
        for (int t = 0; t < 400; t++)
            sum += exp(8 * sqrt(fmax(0, 1 - u * u)) * cos(PI * (t + 0.5) / 400)) / 400;
        w[i] = sum;
        square += sum * sum;
    }
    for (int c = 0; c < 3 * PICTURES; c++)
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                double v = (grain(NULL, x, y, c) - o.mean) / o.deviation;
                energy += v * v * w[x] * w[x] * w[y] * w[y] / (square * square) / (3 * PICTURES);
            }
    for (int i = 0; i < N * N; i++)
        all += p[i] / (N * N);
    assert_near("Parseval", all, energy, 1e-6); // whitened in single precision
    free(p);
    atl_ctx_close(&ctx);
}

// One plane, two planes and three; one thread and four: the same numbers.
static void threads_and_pairs_change_nothing(void **state) {
    (void)state;
    enum { N = 40 * 3 };
    atl_ctx *one = open_ctx(1), *four = open_ctx(4);
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    o.side = 40;
    o.interp = 3;
    o.mean = 120;
    o.deviation = 70;
    double *a = spectrum_of(one, &o, 3, 3, grain, NULL), *b = spectrum_of(four, &o, 3, 3, grain, NULL);
    assert_memory_equal(a, b, N * N * sizeof *a);
    double *sum = calloc(N * N, sizeof *sum);
    assert_non_null(sum);
    atl_spectrum *s;
    atl_image image;
    ok(one, atl_spectrum_open(one, &o, &s));
    ok(one, atl_image_init(one, 40, 40, 1, &image));
    for (int c = 0; c < 9; c++) { // each plane alone, read after each
        for (int i = 0; i < 1600; i++)
            image.pixels[i] = grain(NULL, i % 40, i / 40, c);
        ok(one, atl_spectrum_add(s, &image));
        ok(one, atl_spectrum_read(s, sum));
    }
    for (int i = 0; i < N * N; i++)
        assert_near("alone", sum[i], a[i], 1e-11);
    for (int y = 0; y < N; y++) // real pictures: even
        for (int x = 0; x < N; x++)
            assert_true(a[y * N + x] == a[(N - y) % N * N + (N - x) % N]);
    atl_image_clear(one, &image);
    atl_spectrum_close(&s);
    free(sum);
    free(a);
    free(b);
    atl_ctx_close(&one);
    atl_ctx_close(&four);
}

static void wrong_arguments_are_named(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx(1);
    static const struct {
        int side, interp;
        double beta, mean, deviation;
        const char *text;
    } cases[] = {
        { 0, 4, 8, 0, 1, "side 0: a spectrum is of squares" },  { 8193, 1, 8, 0, 1, "side 8193" },
        { 64, 0, 8, 0, 1, "interp 0: expected 1 to 16" },       { 8192, 5, 8, 0, 1, "interp 5" },
        { 64, 4, 51, 0, 1, "beta 51: expected 0 to 50" },       { 64, 4, NAN, 0, 1, "beta nan" },
        { 64, 4, 8, 0, 0, "mean 0 and deviation 0: expected" }, { 64, 4, 8, INFINITY, 1, "mean inf" },
    };
    atl_spectrum *s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
        o.side = cases[i].side;
        o.interp = cases[i].interp;
        o.beta = cases[i].beta;
        o.mean = cases[i].mean;
        o.deviation = cases[i].deviation;
        assert_int_equal(atl_spectrum_open(ctx, &o, &s), ATL_BAD_ARGUMENT);
        assert_null(s);
        if (!strstr(atl_message(ctx), cases[i].text))
            fail_msg("%s", atl_message(ctx));
        atl_message_clear(ctx);
    }
    atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
    o.side = 8;
    double power[32 * 32];
    atl_image image;
    ok(ctx, atl_spectrum_open(ctx, &o, &s));
    assert_int_equal(atl_spectrum_read(s, power), ATL_BAD_ARGUMENT);
    atl_message_clear(ctx);
    ok(ctx, atl_image_init(ctx, 8, 9, 3, &image));
    assert_int_equal(atl_spectrum_add(s, &image), ATL_BAD_ARGUMENT);
    assert_string_equal(atl_message(ctx), "a picture of 8x9: the spectrum is of 8x8");
    atl_message_clear(ctx);
    atl_image_clear(ctx, &image);
    ok(ctx, atl_image_init(ctx, 8, 8, 4, &image));
    assert_int_equal(atl_spectrum_add(s, &image), ATL_BAD_ARGUMENT);
    atl_image_clear(ctx, &image);
    atl_spectrum_close(&s);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transform_is_its_definition),      cmocka_unit_test(a_constant_is_all_at_zero),
        cmocka_unit_test(waves_stand_at_their_frequency),   cmocka_unit_test(noise_is_flat),
        cmocka_unit_test(threads_and_pairs_change_nothing), cmocka_unit_test(wrong_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
