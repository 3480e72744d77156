// SPDX-License-Identifier: Apache-2.0
// Losses against numbers worked out by hand, on networks of one multiplication.  Those that the official
// trainers use are also tested on whole networks in tests/golden/test_gradients.c.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "graph/plan.h"
#include "run/backend.h"
#include "train/loss.h"

typedef struct fixture {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_graph g;
    atl_node *f, *r; // scores of three images
} fixture;

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    assert_int_equal(atl_ctx_open(&f.ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(f.ctx, NULL, &f.backend), ATL_OK);
    atl_graph_init(&f.g, f.ctx);
    f.f = atl_const(&f.g, ATL_SHAPE(3, 1), (float[]){ 1.0f, -2.0f, 0.5f });
    f.r = atl_const(&f.g, ATL_SHAPE(3, 1), (float[]){ 0.25f, 3.0f, -1.0f });
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    atl_graph_clear(&f->g);
    atl_backend_close(&f->backend);
    atl_ctx_close(&f->ctx);
    return 0;
}

// a few float32 operations on numbers near 1
static void assert_values(fixture *f, atl_node *x, int count, const double *truth) {
    float v[16];
    atl_plan *p;
    assert_int_equal(atl_shape_count(&x->shape), count);
    if (atl_plan_make(&f->g, f->backend, &x, 1, NULL, &p) != ATL_OK || atl_plan_run(p) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    assert_true(atl_plan_read(p, x, v));
    for (int i = 0; i < count; i++)
        if (!(fabs((double)v[i] - truth[i]) <= 2e-6 * fmax(1.0, fabs(truth[i]))))
            fail_msg("%.9g where %.9g is right", (double)v[i], truth[i]);
    atl_plan_close(&p);
}

static void assert_value(fixture *f, atl_node *x, double truth) {
    assert_values(f, x, 1, &truth);
}

static double softplus(double x) {
    return log1p(exp(x));
}

static void losses_of_scores(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    assert_value(f, atl_loss_g_logistic(g, f->f), (softplus(-1.0) + softplus(2.0) + softplus(-0.5)) / 3.0);
    double fake = (softplus(1.0) + softplus(-2.0) + softplus(0.5)) / 3.0;
    assert_value(f, atl_loss_g_logistic_saturating(g, f->f), -fake);
    double real = (softplus(-0.25) + softplus(-3.0) + softplus(1.0)) / 3.0;
    assert_value(f, atl_loss_d_logistic(g, f->f, f->r), fake + real);
    assert_value(f, atl_loss_g_wgan(g, f->f), 0.5 / 3.0);
    assert_value(f, atl_loss_d_wgan(g, f->f, f->r, 0.0f), -2.75 / 3.0);
    assert_value(f, atl_loss_d_wgan(g, f->f, f->r, 0.1f), -2.75 / 3.0 + 0.1 * 10.0625 / 3.0);
    assert_value(f, atl_loss_d_hinge(g, f->f, f->r), (2.0 + 0.0 + 1.5) / 3.0 + (0.75 + 0.0 + 2.0) / 3.0);
}

// Scores that differ by hundreds: nothing overflows.
static void large_scores_stay_finite(void **state) {
    fixture *f = *state;
    atl_node *far = atl_const(&f->g, ATL_SHAPE(2, 1), (float[]){ 500.0f, -500.0f });
    assert_value(f, atl_loss_g_logistic(&f->g, far), 250.0);
}

// Images [2, 1, 2, 1], scores w . x^2 / 2 with w = (1, 2), so gradients are w x.
static atl_node *quadratic(atl_graph *g, atl_node *img) {
    atl_node *w = atl_const(g, ATL_SHAPE(1, 1, 2, 1), (float[]){ 1.0f, 2.0f });
    atl_node *y = atl_mul(g, atl_square(g, img), atl_expand(g, w, img->shape));
    return atl_reshape(g, atl_scale(g, atl_sum(g, y, 2u | 4u | 8u), 0.5f), ATL_SHAPE(2, 1));
}

static void gradient_penalties(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *img = atl_const(g, ATL_SHAPE(2, 1, 2, 1), (float[]){ 3.0f, 2.0f, 0.0f, 1.0f }), *each, *d;
    atl_node *r1 = atl_loss_r1_r2(g, quadratic(g, img), img, 10.0f, &each);
    assert_values(f, each, 2, (double[]){ 25.0, 4.0 });
    assert_value(f, r1, 5.0 * 14.5);
    atl_grad(g, r1, &img, 1, &d); // gamma / 2 / n * 2 w^2 x
    assert_values(f, d, 4, (double[]){ 15.0, 40.0, 0.0, 20.0 });
    atl_node *gp = atl_loss_gradient_penalty(g, quadratic(g, img), img, 10.0f, NULL);
    assert_value(f, gp, 10.0 * (16.0 + 1.0) / 2.0);
    atl_node *t = atl_const(g, ATL_SHAPE(2), (float[]){ 0.25f, 1.0f });
    atl_node *other = atl_const(g, ATL_SHAPE(2, 1, 2, 1), (float[]){ 7.0f, -2.0f, 5.0f, 6.0f });
    assert_values(f, atl_mix_images(g, img, other, t), 4, (double[]){ 4.0, 1.0, 5.0, 6.0 });
}

// One pixel's image = sum over layers and dims of ws^2 / 2, so J = ws * noise.
static void path_lengths(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *ws = atl_const(g, ATL_SHAPE(2, 2, 2), (float[]){ 3.0f, 4.0f, 0.0f, 5.0f, 1.0f, 0.0f, 1.0f, 0.0f });
    atl_node *noise = atl_const(g, ATL_SHAPE(2, 1, 1, 1), (float[]){ 1.0f, -2.0f }), *lengths, *penalties;
    atl_node *img = atl_reshape(g, atl_scale(g, atl_sum(g, atl_square(g, ws), 6u), 0.5f), ATL_SHAPE(2, 1, 1, 1));
    atl_node *mean = atl_const(g, ATL_SHAPE(1), (float[]){ 1.0f });
    lengths = atl_path_lengths(g, img, ws, noise);
    atl_node *loss = atl_loss_path_length(g, lengths, mean, 2.0f, &penalties);
    assert_values(f, lengths, 2, (double[]){ 5.0, 2.0 });
    assert_values(f, penalties, 2, (double[]){ 16.0, 1.0 });
    assert_value(f, loss, 2.0 * (16.0 + 1.0) / 2.0);
    // an image of 2 x 2 equal pixels: the sum has four times the slope, the noise half the size
    atl_node *wide = atl_expand(g, img, ATL_SHAPE(2, 2, 2, 1)), *same = atl_expand(g, noise, wide->shape);
    atl_node *decay = atl_const(g, ATL_SHAPE(1), (float[]){ 0.01f });
    assert_values(f, atl_path_lengths(g, wide, ws, same), 2, (double[]){ 10.0, 4.0 });
    assert_value(f, atl_path_mean(g, mean, lengths, decay), 1.025);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(losses_of_scores, setup, teardown),
        cmocka_unit_test_setup_teardown(large_scores_stay_finite, setup, teardown),
        cmocka_unit_test_setup_teardown(gradient_penalties, setup, teardown),
        cmocka_unit_test_setup_teardown(path_lengths, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
