// SPDX-License-Identifier: Apache-2.0
// Moves of pictures against the recorded ones, and what their definition promises.
#include "recorded.h"
#include <atelier/rng.h>
#include "base/ctx.h"
#include "base/mem.h"
#include "metrics/equivariance.h"
#include "metrics/rotation_filter.h"

enum { C = 3, SIZE = 32, PIXELS = SIZE * SIZE };

// The pictures are float32 with numbers below 4; two evaluations differ in the order of some hundred terms.
static const double IMAGE = 1e-5;

typedef atl_status (*mover)(atl_ctx *, const float *, int64_t, int64_t, int64_t, double, double, float *,
                            uint8_t *);

static atl_status rotate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double angle,
                         double unused, float *y, uint8_t *mask) {
    (void)unused;
    return atl_equi_rotate(ctx, x, c, h, w, angle, y, mask);
}

static atl_status pseudo_rotate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double angle,
                                double unused, float *y, uint8_t *mask) {
    (void)unused;
    return atl_equi_pseudo_rotate(ctx, x, c, h, w, angle, y, mask);
}

static void compare(atl_ctx *ctx, golden *g, const char *kind, int i, mover move, double a, double b) {
    float y[C * PIXELS], x[C * PIXELS], want[C * PIXELS];
    uint8_t mask[PIXELS];
    char name[32];
    atl_array_read_f32(recorded(g, "x", 0), 0, C * PIXELS, x);
    ok(ctx, move(ctx, x, C, SIZE, SIZE, a, b, y, mask));
    snprintf(name, sizeof name, "%s%%d.y", kind);
    atl_array_read_f32(recorded(g, name, i), 0, C * PIXELS, want);
    double worst = 0;
    for (int k = 0; k < C * PIXELS; k++)
        worst = fmax(worst, fabs((double)y[k] - (double)want[k]));
    printf("    %s%d: %.1e (at most %.0e)\n", kind, i, worst, IMAGE);
    assert_true(worst <= IMAGE);
    snprintf(name, sizeof name, "%s%%d.mask", kind);
    assert_memory_equal(mask, recorded(g, name, i)->data, PIXELS);
}

static void moves_are_the_recorded_ones(void **state) {
    (void)state;
    atl_ctx *ctx = ctx_with(2);
    golden *g = golden_open(ctx, "metrics", "equivariance", ".safetensors");
    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "int%d", i);
        compare(ctx, g, "int", i, atl_equi_translate_int, recorded_number(g, name, "tx"),
                recorded_number(g, name, "ty"));
        snprintf(name, sizeof name, "frac%d", i);
        compare(ctx, g, "frac", i, atl_equi_translate, recorded_number(g, name, "tx"),
                recorded_number(g, name, "ty"));
        snprintf(name, sizeof name, "rot%d", i);
        compare(ctx, g, "rot", i, rotate, recorded_number(g, name, "angle"), 0);
        compare(ctx, g, "prot", i, pseudo_rotate, recorded_number(g, name, "angle"), 0);
    }
    golden_close(&g, (const char *const[]){ "rot0.filter", "prot0.filter", NULL });
    atl_ctx_close(&ctx);
}

static void filters_are_the_recorded_ones(void **state) {
    (void)state;
    atl_ctx *ctx = ctx_with(1);
    golden *g = golden_open(ctx, "metrics", "equivariance", ".safetensors");
    double angle = recorded_number(g, "rot0", "angle");
    for (int pseudo = 0; pseudo < 2; pseudo++) {
        const atl_array *want = recorded(g, pseudo ? "prot0.filter" : "rot0.filter", 0);
        atl_rotation_filter *f;
        ok(ctx, atl_rotation_filter_make(ctx, pseudo ? -angle : angle, pseudo ? 1 : 4, &f));
        assert_int_equal(f->side * f->side, atl_array_count(want));
        float *taps = recorded_floats(want);
        double worst = 0, scale = pseudo ? 1 : 16; // theirs sums to 1 over all phases
        for (int64_t i = 0; i < f->side * f->side; i++)
            worst = fmax(worst, fabs(f->tap[i] / scale - (double)taps[i]));
        assert_true(worst < 1e-7); // float32 of numbers up to 1
        free(taps);
        atl_free(ctx, f);
    }
    atl_arrays_close(&g->set);
    free(g->used);
    free(g);
    atl_ctx_close(&ctx);
}

// A picture that a function of the plane gives, turned about its middle.
static double plane(double x, double y) {
    return 0.6 * sin(0.21 * x + 0.13 * y) + 0.4 * cos(0.05 * x - 0.3 * y + 1);
}

// Of what both grids can hold, the rotation by filter and the true one differ by the filter's imperfection
// alone.
static void rotation_of_a_smooth_function_is_its_rotation(void **state) {
    (void)state;
    enum { H = 40, W = 56 };
    atl_ctx *ctx = ctx_with(2);
    float x[H * W], y[H * W];
    uint8_t mask[H * W];
    for (int p = 0; p < H; p++)
        for (int q = 0; q < W; q++)
            x[p * W + q] = (float)plane(q + 0.5 - W / 2.0, p + 0.5 - H / 2.0);
    for (double angle = -3; angle < 3; angle += 0.7) {
        ok(ctx, atl_equi_rotate(ctx, x, 1, H, W, angle, y, mask));
        int known = 0;
        double worst = 0, c = cos(angle), s = sin(angle);
        for (int p = 0; p < H; p++)
            for (int q = 0; q < W; q++) {
                double v = p + 0.5 - H / 2.0, u = q + 0.5 - W / 2.0;
                if (mask[p * W + q])
                    worst = fmax(worst, fabs((double)y[p * W + q] - plane(c * u - s * v, s * u + c * v)));
                known += mask[p * W + q];
            }
        assert_true(known > H * W / 5);
        assert_true(worst < 0.01);
    }
    atl_ctx_close(&ctx);
}

// The network that moves exactly as asked has no difference; noise of a known size has its own decibels.
static void psnr_of_noise_is_its_size(void **state) {
    (void)state;
    enum { H = 24, W = 20, SAMPLES = 12 };
    atl_ctx *ctx = ctx_with(1);
    float still[C * H * W], moved[C * H * W];
    uint8_t mask[H * W];
    uint32_t seed = 1;
    for (int kind = ATL_EQT_INT; kind <= ATL_EQT_FRAC; kind++) {
        atl_equi_sum sum = { 0 }, all = { 0 };
        for (int i = 0; i < SAMPLES; i++) {
            atl_equi_move m = atl_equi_draw((atl_equi_kind)kind, 5, (uint64_t)i, H, W);
            assert_true(fabs(m.tx) <= 0.125 + 0.5 / W && fabs(m.ty) <= 0.125 + 0.5 / H && m.angle == 0);
            for (int k = 0; k < C * H * W; k++)
                still[k] = (float)(int32_t)(seed = seed * 1664525u + 1013904223u) * 0x1p-31f;
            ok(ctx, (kind ? atl_equi_translate : atl_equi_translate_int)(ctx, still, C, H, W, m.tx, m.ty,
                                                                         moved, mask));
            atl_equi_sum exact = { 0 };
            ok(ctx, atl_equi_add(ctx, &m, still, moved, C, H, W, &exact));
            assert_true(exact.squares == 0 && exact.weight > C * 200 && exact.weight < C * H * W);
            for (int k = 0; k < C * H * W; k++)
                moved[k] += k % 2 ? 0.01f : -0.01f;
            ok(ctx, atl_equi_add(ctx, &m, still, moved, C, H, W, &sum));
            ok(ctx, atl_equi_add(ctx, &m, still, moved, C, H, W, &all));
        }
        atl_estimate e = atl_equi_psnr(&sum);
        near_to("PSNR of 0.01", e.value, 20 * log10(2 / 0.01), 1e-6);
        assert_true(e.error >= 0 && e.error < 1e-4); // each sample has the same ratio
    }
    assert_true(isnan(atl_equi_psnr(&(atl_equi_sum){ 0 }).value));
    atl_ctx_close(&ctx);
}

// Two samples of ratios 1 and 3 and equal weights: r = 2, residuals -1 and 1 times the weight.
static void error_is_that_of_a_ratio(void **state) {
    (void)state;
    atl_equi_sum sum = { 1, 10, 10, 100, 100, 100 };
    atl_equi_merge(&sum, &(atl_equi_sum){ 1, 30, 10, 900, 300, 100 });
    atl_estimate e = atl_equi_psnr(&sum);
    assert_true(fabs(e.value - (20 * log10(2) - 10 * log10(2))) < 1e-12);
    assert_true(fabs(e.error - (10 / log(10) / 2 * 1)) < 1e-12); // deviation of the mean of 1 and 3 is 1
}

static void draws_do_not_depend_on_each_other(void **state) {
    (void)state;
    double mean = 0, widest = 0;
    for (int i = 0; i < 4000; i++) {
        atl_equi_move m = atl_equi_draw(ATL_EQR, 0, (uint64_t)i, 64, 64);
        mean += m.angle / 4000, widest = fmax(widest, fabs(m.angle));
        assert_true(fabs(m.input[0] * m.input[4] - m.input[1] * m.input[3] - (1)) < 1e-12);
    }
    assert_true(fabs(mean) < 0.15 && widest > 3.1 && widest <= 3.1415927);
    assert_true(atl_equi_draw(ATL_EQR, 1, 0, 64, 64).angle != atl_equi_draw(ATL_EQR, 0, 0, 64, 64).angle);
}

// How alike a network's moved pictures are to what the metric makes of those at rest.
static double network_psnr(atl_ctx *ctx, const char *name, atl_equi_kind kind, double sign) {
    char path[1024];
    atl_model *model;
    ok(ctx, atl_model_open(ctx, golden_path(path, "stylegan", name, ".pkl"), NULL, &model));
    static float still[C * PIXELS], moved[C * PIXELS];
    atl_equi_sum sum = { 0 };
    for (uint32_t i = 0; i < 3; i++) {
        float z[64], ws[64 * 64];
        atl_equi_move m = atl_equi_draw(kind, 3, i, SIZE, SIZE);
        atl_seed_to_z(i, 64, z);
        ok(ctx, atl_model_map(model, 1, z, NULL, NULL, ws));
        atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
        ok(ctx, atl_model_synthesize(model, 1, ws, &o, still));
        double c = cos(m.angle), s = sign * sin(m.angle); // what the setting is the inverse of
        const float forward[9] = { (float)c,  (float)s, (float)(sign * m.tx),
                                   (float)-s, (float)c, (float)(sign * m.ty),
                                   0,         0,        1 };
        o.transform = forward;
        ok(ctx, atl_model_synthesize(model, 1, ws, &o, moved));
        if (sign > 0)
            for (int k = 0; k < 9; k++) // its inverse, since a move is a rotation or a translation
                assert_true(fabs(m.input[k] -
                                 (double)(k == 1 || k == 2 || k == 3 || k == 5 ? -forward[k] : forward[k])) <
                            1e-6);
        ok(ctx, atl_equi_add(ctx, &m, still, moved, C, SIZE, SIZE, &sum));
    }
    atl_model_close(&model);
    double db = atl_equi_psnr(&sum).value;
    printf("    %s, kind %d, %+g: %.2f dB\n", name, (int)kind, sign, db);
    return db;
}

// Moves mean the same to the networks as to the metric: to the right, down, counter-clockwise.
static void networks_move_the_same_way(void **state) {
    (void)state;
    atl_ctx *ctx = ctx_with(2);
    assert_true(network_psnr(ctx, "sg3-r-32", ATL_EQR, 1) > network_psnr(ctx, "sg3-r-32", ATL_EQR, -1) + 6);
    assert_true(network_psnr(ctx, "sg3-t-32", ATL_EQT_INT, 1) >
                network_psnr(ctx, "sg3-t-32", ATL_EQT_INT, -1) + 6);
    assert_true(network_psnr(ctx, "sg3-t-32", ATL_EQT_FRAC, 1) >
                network_psnr(ctx, "sg3-t-32", ATL_EQT_FRAC, -1) + 6);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_are_the_recorded_ones),
        cmocka_unit_test(filters_are_the_recorded_ones),
        cmocka_unit_test(rotation_of_a_smooth_function_is_its_rotation),
        cmocka_unit_test(psnr_of_noise_is_its_size),
        cmocka_unit_test(error_is_that_of_a_ratio),
        cmocka_unit_test(networks_move_the_same_way),
        cmocka_unit_test(draws_do_not_depend_on_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
