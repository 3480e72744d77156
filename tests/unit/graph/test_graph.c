// SPDX-License-Identifier: Apache-2.0
// The engine: derivatives by kind (dot products for linear ops and slots, finite differences for pointwise
// ones, orders one to three), fusion against the unfused plan, memory that is never shared by two lives.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/philox.h"
#include "graph/measure.h"
#include "graph/plan.h"
#include "graph/resident.h"
#include "run/backend.h"
#include "nn/net.h"

typedef struct fixture {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_graph g;
    uint64_t stream, version;
} fixture;

static int setup(void **state) {
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(atl_ctx_open(&f->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(f->ctx, NULL, &f->backend), ATL_OK);
    atl_graph_init(&f->g, f->ctx);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    atl_graph_clear(&f->g);
    atl_backend_close(&f->backend);
    atl_ctx_close(&f->ctx);
    free(f);
    return 0;
}

// A parameter of normal numbers whose memory the test may change.  Leaks into the graph's arena.
static atl_node *leaf(fixture *f, atl_shape s) {
    size_t n = (size_t)atl_shape_count(&s);
    float *data = atl_arena_alloc(&f->g.arena, n, sizeof *data);
    assert_non_null(data);
    atl_philox_normal(1, f->stream++, 0, n, data);
    return atl_parameter(&f->g, "leaf", s, data, &f->version);
}

static atl_plan *plan_of(fixture *f, atl_node *const *out, int n, bool vary, bool step_mode) {
    atl_plan_options o = { .step_mode = step_mode };
    atl_plan *p;
    for (int i = 0; i < f->g.size; i++)
        if (f->g.nodes[i]->op == ATL_OP_PARAM)
            f->g.nodes[i]->at.leaf.version = vary ? &f->version : NULL;
    if (atl_plan_make(&f->g, f->backend, out, n, &o, &p) != ATL_OK)
        fail_msg("%s", atl_message(f->ctx));
    return p;
}

static float *values_of(fixture *f, atl_node *x, bool step_mode) {
    atl_plan *p = plan_of(f, &x, 1, true, step_mode);
    assert_int_equal(atl_plan_run(p), ATL_OK);
    float *v = malloc(sizeof *v * (size_t)atl_shape_count(&x->shape));
    assert_non_null(v);
    assert_true(atl_plan_read(p, x, v));
    atl_plan_close(&p);
    return v;
}

static double dot(fixture *f, atl_node *a, atl_node *b) {
    float *x = values_of(f, a, false), *y = values_of(f, b, false);
    double s = 0;
    for (int64_t i = 0; i < atl_shape_count(&a->shape); i++)
        s += (double)x[i] * (double)y[i];
    free(x);
    free(y);
    return s;
}

// <A x, y> = <x, A' y> for the op that made `out` from `x`, with A' built by grad of sum(out * y).
static void check_adjoint(fixture *f, atl_node *x, atl_node *out) {
    atl_node *y = leaf(f, out->shape), *dx;
    atl_grad(&f->g, atl_sum(&f->g, atl_mul(&f->g, out, y), 31u), &x, 1, &dx);
    assert_true(atl_shape_same(&dx->shape, &x->shape));
    double a = dot(f, out, y), b = dot(f, x, dx);
    // sums of up to a few thousand products of unit numbers in float: 1e-4 is some 30 roundings of the largest
    if (!(fabs(a - b) <= 1e-4 * (fabs(a) + 10.0)))
        fail_msg("%s: <A x, y> = %.9g, <x, A y> = %.9g", atl_node_op_name(out), a, b);
}

static void linear_ops_have_their_transposes(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(2, 5, 6, 3));
    check_adjoint(f, x, atl_sum(g, x, 1u | 4u));
    check_adjoint(f, x, atl_permute(g, x, (int[]){ 0, 3, 1, 2 }));
    check_adjoint(f, x, atl_slice(g, x, (int64_t[]){ 1, 2, 0, 1 }, ATL_SHAPE(1, 3, 6, 2)));
    check_adjoint(f, x, atl_pad(g, x, (int64_t[]){ 0, 1, 2, 0 }, ATL_SHAPE(2, 7, 9, 4)));
    check_adjoint(f, x, atl_reshape(g, x, ATL_SHAPE(10, 18)));
    check_adjoint(f, x, atl_concat(g, (atl_node *[]){ x, atl_slice_axis(g, x, 3, 1, 2), x }, 3, 3));
    atl_node *many[67];
    for (int i = 0; i < 67; i++) // far more than a node has sources
        many[i] = i % 3 ? atl_slice_axis(g, x, 1, i % 5, 1) : x;
    check_adjoint(f, x, atl_concat(g, many, 67, 1));
    atl_node *small = leaf(f, ATL_SHAPE(2, 1, 1, 3));
    check_adjoint(f, small, atl_expand(g, small, x->shape));
    atl_node *theta = atl_scale(g, leaf(f, ATL_SHAPE(2, 2, 3)), 0.7f);
    check_adjoint(f, x, atl_geom(g, x, theta));
    check_adjoint(f, x, atl_geom_transposed(g, x, theta));
    atl_node *own = leaf(f, ATL_SHAPE(2, 5));
    check_adjoint(f, x, atl_sepfir(g, x, own));
    check_adjoint(f, x, atl_sepfir_transposed(g, x, own));
    float taps[12];
    for (int i = 0; i < 12; i++)
        taps[i] = (float)(i * i % 7) - 2.0f;
    for (int up = 1; up <= 3; up++)
        for (int down = 1; down <= 3; down++)
            for (int flip = 0; flip < 2; flip++) {
                atl_fir_attr a = { up, 4 - up, down, up, 2, 1, -1, 3, 4, 3, flip, 1.5f, taps };
                check_adjoint(f, x, atl_upfirdn(g, x, &a));
            }
}

static void contractions_close_over_their_slots(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int stride = 1; stride <= 2; stride++)
        for (int pad = 0; pad < 2; pad++)
            for (int k = 1; k <= 3; k++) {
                atl_node *x = leaf(f, ATL_SHAPE(2, 7, 6, 3)), *w = leaf(f, ATL_SHAPE(5, 3, k, k));
                atl_node *y = atl_conv2d(g, x, w, stride, pad);
                check_adjoint(f, x, y);
                check_adjoint(f, w, y);
                atl_node *t = atl_conv2d_transposed(g, leaf(f, y->shape), w, stride, pad, 7, 6);
                check_adjoint(f, w, t);
            }
    const atl_conv_attr uneven[] = { { ATL_SLOT_Y, 1, 1, 0, 0, 3, 3, 1 }, { ATL_SLOT_Y, 1, 2, 0, 2, 1, 0, 1 },
                                     { ATL_SLOT_Y, 2, 1, 1, 0, 0, 1, 3 }, { ATL_SLOT_Y, 2, 2, 1, 1, 1, 1, 6 } };
    for (int i = 0; i < 4; i++) { // sides, strides and groups that differ
        const atl_conv_attr *a = &uneven[i];
        atl_node *x = leaf(f, ATL_SHAPE(2, 8, 7, 6)), *w = leaf(f, ATL_SHAPE(12, 6 / a->groups, i ? 3 : 1, i ? 2 : 7));
        atl_node *y = atl_conv(g, x, w, a);
        check_adjoint(f, x, y);
        check_adjoint(f, w, y);
        atl_conv_attr back = *a;
        back.slot = ATL_SLOT_X;
        check_adjoint(f, w, atl_conv_form(g, back, x->shape, w, leaf(f, y->shape)));
    }
    for (int pad = 0; pad < 3; pad++) { // enough channels and tiles for Winograd
        atl_node *x = leaf(f, ATL_SHAPE(4, 11, 12, 16)), *w = leaf(f, ATL_SHAPE(17, 16, 3, 3));
        atl_node *y = atl_conv2d(g, x, w, 1, pad);
        check_adjoint(f, x, y);
        check_adjoint(f, w, y);
    }
    for (int t = 0; t < 4; t++) {
        bool ta = t & 1, tb = t >> 1;
        atl_node *a = leaf(f, ta ? ATL_SHAPE(4, 5, 3) : ATL_SHAPE(4, 3, 5));
        atl_node *b = leaf(f, tb ? ATL_SHAPE(1, 7, 5) : ATL_SHAPE(1, 5, 7));
        atl_node *c = atl_matmul(g, a, b, ta, tb);
        check_adjoint(f, a, c);
        check_adjoint(f, b, c);
    }
}

// Largest difference between a gradient and central differences of the loss, relative to the largest slope.
static double difference_error(fixture *f, atl_node *loss, atl_node *x, atl_node *dx) {
    float *slopes = values_of(f, dx, false), *v = (float *)x->at.leaf.data;
    double worst = 0, scale = 1e-6;
    int64_t n = atl_shape_count(&x->shape);
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, fabs((double)slopes[i]));
    for (int64_t i = 0; i < n; i += 1 + n / 9) {
        const float h = 2e-3f, keep = v[i];
        double e[2];
        for (int k = 0; k < 2; k++) {
            v[i] = keep + (k ? -h : h);
            float *l = values_of(f, loss, false);
            e[k] = (double)l[0];
            free(l);
        }
        v[i] = keep;
        worst = fmax(worst, fabs((e[0] - e[1]) / (2.0 * (double)h) - (double)slopes[i]) / scale);
    }
    free(slopes);
    return worst;
}

static void pointwise_ops_have_their_slopes(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int fn = 0; fn < ATL_UNARY_FNS; fn++) {
        atl_node *x = leaf(f, ATL_SHAPE(1, 20));
        float *v = (float *)x->at.leaf.data;
        for (int i = 0; i < 20; i++) // away from zero and from the bounds of clamp, where slopes jump
            v[i] = 0.55f + 0.09f * (float)i;
        atl_node *y = atl_unary(g, (atl_fn1)fn, x, 0.3f, 5.0f), *dx;
        atl_node *loss = atl_sum(g, atl_mul(g, y, leaf(f, y->shape)), 3u);
        atl_grad(g, loss, &x, 1, &dx);
        assert_true(difference_error(f, loss, x, dx) < 5e-3); // h^2 and float rounding of the loss / h
    }
    for (int fn = 0; fn < ATL_BINARY_FNS; fn++) {
        atl_node *x = leaf(f, ATL_SHAPE(1, 20)), *y = leaf(f, ATL_SHAPE(1, 20)), *d[2];
        for (int i = 0; i < 20; i++) {
            ((float *)x->at.leaf.data)[i] = 1.0f + 0.1f * (float)i;
            ((float *)y->at.leaf.data)[i] = 2.93f - 0.1f * (float)i;
        }
        atl_node *loss = atl_sum(g, atl_mul(g, atl_binary(g, (atl_fn2)fn, x, y), leaf(f, x->shape)), 3u);
        atl_grad(g, loss, (atl_node *[]){ x, y }, 2, d);
        assert_true(difference_error(f, loss, x, d[0]) < 5e-3);
        assert_true(difference_error(f, loss, y, d[1]) < 5e-3);
    }
}

// A small discriminator: filter, convolutions, softplus; the penalty of its gradient; the penalty of that.
static void gradients_of_gradients(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(2, 8, 8, 3)), *w1 = leaf(f, ATL_SHAPE(4, 3, 3, 3));
    atl_node *w2 = leaf(f, ATL_SHAPE(2, 4, 3, 3));
    atl_node *h = atl_scale(g, atl_conv2d(g, x, w1, 1, 1), 0.2f);
    h = atl_downsample2d(g, atl_unary(g, ATL_FN_SOFTPLUS, h, 0, 0), NULL);
    h = atl_unary(g, ATL_FN_TANH, atl_scale(g, atl_conv2d(g, h, w2, 2, 1), 0.3f), 0, 0);
    atl_node *logit = atl_sum(g, h, 15u), *gx, *d_w[2], *third;
    atl_grad(g, logit, &x, 1, &gx);
    assert_true(difference_error(f, logit, x, gx) < 1e-2);
    atl_node *r1 = atl_scale(g, atl_sum(g, atl_square(g, gx), 15u), 10.0f);
    atl_grad(g, r1, (atl_node *[]){ w1, w2 }, 2, d_w);
    assert_true(difference_error(f, r1, w1, d_w[0]) < 1e-2);
    assert_true(difference_error(f, r1, w2, d_w[1]) < 1e-2);
    atl_node *penalty = atl_sum(g, atl_square(g, d_w[0]), 15u);
    atl_grad(g, penalty, &w2, 1, &third);
    assert_true(difference_error(f, penalty, w2, third) < 1e-2);
}

// The gradient of an image alone builds no gradient of weights or of a bias.
static void only_wanted_gradients_are_built(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(2, 8, 8, 3)), *w = leaf(f, ATL_SHAPE(4, 3, 3, 3)), *b = leaf(f, ATL_SHAPE(4)), *d;
    atl_node *loss = atl_sum(g, atl_square(g, atl_add_bias(g, atl_conv2d(g, x, w, 1, 1), b)), 15u);
    int before = g->size;
    atl_grad(g, loss, &x, 1, &d);
    assert_true(g->size > before);
    for (int i = before; i < g->size; i++) {
        assert_false(g->nodes[i]->op == ATL_OP_CONV && g->nodes[i]->at.conv.slot == ATL_SLOT_W);
        assert_false(g->nodes[i]->op == ATL_OP_SUM);
    }
}

static double relative_l2(const float *a, const float *b, int64_t n) {
    double e = 0, s = 0;
    for (int64_t i = 0; i < n; i++) {
        e += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(e / (s > 0 ? s : 1));
}

// The layer of StyleGAN2 in all its forms: fused with constants folded, against node by node.
static void fusion_keeps_the_numbers(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int form = 0; form < 16; form++) {
        int up = form & 1 ? 2 : 1, n = form & 2 ? 3 : 1, size = form & 4 ? 16 : 6, o = form & 8 ? 3 : 21;
        atl_node *x = atl_input(g, "x", ATL_SHAPE(n, size, size, 19)), *s = atl_input(g, "s", ATL_SHAPE(n, 19));
        atl_node *w = leaf(f, o == 3 && up == 1 ? ATL_SHAPE(o, 19, 1, 1) : ATL_SHAPE(o, 19, 3, 3));
        atl_node *y = atl_modulated_conv(g, x, s, w, up, o != 3, NULL);
        atl_node *noise = leaf(f, ATL_SHAPE(1, size * up, size * up, 1));
        y = atl_add(g, y, atl_expand(g, atl_scale(g, noise, 0.3f), y->shape));
        y = atl_activate(g, atl_add_bias(g, y, leaf(f, ATL_SHAPE(o))), ATL_LRELU, 1.4f, 2.5f);
        y = atl_add(g, y, leaf(f, y->shape));
        int64_t count = atl_shape_count(&y->shape);
        float *xv = malloc(sizeof(float) * (size_t)atl_shape_count(&x->shape));
        float *sv = malloc(sizeof(float) * (size_t)n * 19);
        float *out[2] = { malloc(sizeof(float) * (size_t)count), malloc(sizeof(float) * (size_t)count) };
        assert_true(xv && sv && out[0] && out[1]);
        atl_philox_normal(2, 1, 0, (size_t)atl_shape_count(&x->shape), xv);
        atl_philox_normal(2, 2, 0, (size_t)n * 19, sv);
        for (int mode = 0; mode < 2; mode++) {
            atl_plan *p = plan_of(f, &y, 1, false, mode == 1);
            for (int run = 0; run < 2; run++) { // the second run must not see what the first one left
                atl_plan_write(p, x, xv);
                atl_plan_write(p, s, sv);
                assert_int_equal(atl_plan_run(p), ATL_OK);
            }
            assert_true(atl_plan_read(p, y, out[mode]));
            if (mode == 0)
                assert_true(!f->backend->fuses ||
                            p->n_steps <= 6); // style products, demodulation and the layer itself
            atl_plan_close(&p);
        }
        // Winograd loses a few bits against direct convolution; 19 channels keep both near 1e-6
        assert_true(relative_l2(out[0], out[1], count) < 5e-6);
        free(xv);
        free(sv);
        free(out[0]);
        free(out[1]);
    }
}

static int count_steps(const atl_plan *p, bool (*is)(const atl_node *)) {
    int count = 0;
    for (int i = 0; i < p->n_steps; i++)
        count += is(p->steps[i].node);
    return count;
}

static bool is_step_fn(const atl_node *n) {
    return n->op == ATL_OP_UNARY && (n->at.unary.fn == ATL_FN_STEP || n->at.unary.fn == ATL_FN_LRELU);
}

static bool is_image_pointwise(const atl_node *n) {
    return (n->op == ATL_OP_UNARY || n->op == ATL_OP_BINARY) && n->shape.rank == 4 && n->shape.d[1] == 12;
}

static bool is_product_sum(const atl_node *n) {
    return n->op == ATL_OP_SUM && n->n_src == 2;
}

// Gradients of two styled layers with respect to weights, styles and bias, with everything fused and node by node.
static bool is_scale_grad(const atl_node *n) {
    return n->op == ATL_OP_SCALE_GRAD;
}

static void fused_gradients_keep_the_numbers(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int form = 0; form < 4; form++) {
        int c = form & 1 ? 16 : 5, n = form & 2 ? 3 : 1;
        atl_node *x = leaf(f, ATL_SHAPE(n, 12, 12, c)), *target[6], *out[7];
        for (int k = 0; k < 2; k++) {
            target[3 * k] = leaf(f, ATL_SHAPE(c, c, 3, 3));
            target[3 * k + 1] = leaf(f, ATL_SHAPE(n, c));
            target[3 * k + 2] = leaf(f, ATL_SHAPE(c));
            x = atl_modulated_conv(g, x, target[3 * k + 1], target[3 * k], 1, true, NULL);
            x = atl_add(g, x, atl_expand(g, leaf(f, ATL_SHAPE(1, 12, 12, 1)), x->shape));
            x = atl_activate(g, atl_add_bias(g, x, target[3 * k + 2]), ATL_LRELU, 1.4f, k ? INFINITY : 50.0f);
        }
        out[6] = atl_sum(g, atl_mul(g, x, leaf(f, x->shape)), 15u);
        atl_grad(g, out[6], target, 6, out);
        atl_plan *fused = plan_of(f, out, 7, true, false), *plain = plan_of(f, out, 7, true, true);
        assert_int_equal(atl_plan_run(fused), ATL_OK);
        assert_int_equal(atl_plan_run(plain), ATL_OK);
        for (int k = 0; k < 7; k++) {
            size_t count = (size_t)atl_shape_count(&out[k]->shape);
            float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
            assert_true(a && b && atl_plan_read(fused, out[k], a) && atl_plan_read(plain, out[k], b));
            // sums of a few thousand terms in other orders, and the rounding of Winograd; measured below 1e-6
            if (!(relative_l2(a, b, (int64_t)count) < 5e-6))
                fail_msg("form %d, gradient %d: %g", form, k, relative_l2(a, b, (int64_t)count));
            free(a);
            free(b);
        }
        assert_true(count_steps(plain, is_step_fn) >= 4);
        if (f->backend->fuses)
            assert_int_equal(count_steps(fused, is_step_fn), 0);
        assert_true(count_steps(plain, is_image_pointwise) >= 20);
        // the gradient of the loss; the inner clamp, its mask and the product with it
        if (f->backend->fuses)
            assert_true(count_steps(fused, is_image_pointwise) <= 5);
        if (f->backend->fuses)
            assert_true(count_steps(fused, is_product_sum) >= 3);
        if (f->backend->fuses) // both demodulations read what their layer gives
            assert_int_equal(count_steps(fused, is_scale_grad), 2);
        atl_plan_close(&fused);
        atl_plan_close(&plain);
    }
}

static bool is_permute(const atl_node *n) {
    return n->op == ATL_OP_PERMUTE;
}

// A weight [o, i] that a transposed convolution takes as [i, o], and its gradient, are read and written where
// they lie.
static void turned_weights_are_not_copied(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int vary = 0; vary < 2; vary++) {
        atl_node *x = leaf(f, ATL_SHAPE(2, 7, 6, 40)), *w = leaf(f, ATL_SHAPE(36, 40, 3, 3)), *out[3];
        atl_node *y = atl_conv2d_transposed(g, x, atl_permute(g, w, (int[]){ 1, 0, 2, 3 }), 2, 0, 15, 13);
        out[2] = atl_sum(g, atl_mul(g, y, leaf(f, y->shape)), 15u);
        atl_grad(g, out[2], (atl_node *[]){ x, w }, 2, out);
        atl_plan *fused = plan_of(f, out, 3, vary, false), *plain = plan_of(f, out, 3, vary, true);
        assert_int_equal(atl_plan_run(fused), ATL_OK);
        assert_int_equal(atl_plan_run(plain), ATL_OK);
        assert_true(atl_plan_flops(fused) == atl_plan_flops(plain) || !vary);
        for (int k = 0; k < 3; k++) {
            size_t count = (size_t)atl_shape_count(&out[k]->shape);
            float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
            assert_true(a && b && atl_plan_read(fused, out[k], a) && atl_plan_read(plain, out[k], b));
            assert_true(relative_l2(a, b, (int64_t)count) < 2e-6); // sums of some hundred terms
            free(a);
            free(b);
        }
        assert_true(count_steps(plain, is_permute) >= 2);
        if (f->backend->fuses)
            assert_int_equal(count_steps(fused, is_permute), 0);
        atl_plan_close(&fused);
        atl_plan_close(&plain);
    }
}

// Layers of any rank get epilogues: bias, activation, gain and the way around it are part of the product.
static void epilogues_know_every_rank(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    const atl_shape shapes[] = { ATL_SHAPE(3, 21), ATL_SHAPE(2, 3, 21), ATL_SHAPE(2, 5, 3, 2, 21) };
    for (int i = 0; i < 3; i++)
        for (int product = 0; product < 2; product++) {
            int r = shapes[i].rank;
            if (product && r > 3)
                continue;
            atl_node *x = leaf(f, shapes[i]), *y = x;
            if (product)
                y = atl_matmul(g, x, leaf(f, r == 3 ? ATL_SHAPE(2, 21, 21) : ATL_SHAPE(21, 21)), false, true);
            y = atl_scale(g, atl_lrelu(g, atl_add_bias(g, y, leaf(f, ATL_SHAPE(21))), 0.2f), 1.5f);
            y = r > 2 ? atl_add(g, y, leaf(f, y->shape)) : y;
            size_t count = (size_t)atl_shape_count(&y->shape);
            atl_plan *fused = plan_of(f, &y, 1, true, false), *plain = plan_of(f, &y, 1, true, true);
            float *a = malloc(count * sizeof *a), *b = malloc(count * sizeof *b);
            assert_int_equal(atl_plan_run(fused), ATL_OK);
            assert_int_equal(atl_plan_run(plain), ATL_OK);
            assert_true(a && b && atl_plan_read(fused, y, a) && atl_plan_read(plain, y, b));
            if (f->backend->fuses)
                assert_int_equal(fused->n_steps, 1);
            assert_true(relative_l2(a, b, (int64_t)count) < 1e-6); // the same roundings but for fused multiply-adds
            free(a);
            free(b);
            atl_plan_close(&fused);
            atl_plan_close(&plain);
        }
}

// A step reads what the activation made only where that is possible: not with a slope that loses the sign, not
// before it was computed.
static void steps_read_the_activation(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int form = 0; form < 4; form++) {
        atl_node *x = leaf(f, ATL_SHAPE(2, 6, 6, 4)), *w = leaf(f, ATL_SHAPE(3, 4, 1, 1));
        atl_node *y = atl_conv2d(g, x, w, 1, 0);
        atl_node *early = form == 3 ? atl_unary(g, ATL_FN_STEP, y, 0.5f, 0.0f) : NULL;
        atl_node *l = atl_lrelu(g, y, form == 1 ? 0.0f : form == 2 ? -0.5f : 0.2f);
        atl_node *z = atl_scale(g, l, 1.5f);
        atl_node *late = early ? early : atl_unary(g, ATL_FN_STEP, y, 0.5f, 0.0f);
        atl_node *out[2] = { z, atl_sum(g, late, 6u) };
        atl_plan *fused = plan_of(f, out, 2, true, false), *plain = plan_of(f, out, 2, true, true);
        assert_int_equal(atl_plan_run(fused), ATL_OK);
        assert_int_equal(atl_plan_run(plain), ATL_OK);
        for (int k = 0; k < 2; k++) {
            float a[2 * 36 * 3], b[2 * 36 * 3];
            assert_true(atl_plan_read(fused, out[k], a) && atl_plan_read(plain, out[k], b));
            for (int64_t i = 0; i < atl_shape_count(&out[k]->shape); i++)
                assert_true(fabsf(a[i] - b[i]) <= 1e-5f); // four products each
        }
        // convolution, activation and gain are one step where the pre-activation has no other reader
        if (f->backend->fuses)
            assert_int_equal(fused->n_steps, form == 0 ? 3 : 4);
        atl_plan_close(&fused);
        atl_plan_close(&plain);
    }
}

// ---- filtered leaky ReLU

// What the op stands for: bias, up with fu in x and y, leaky ReLU with gain and clamp, down with fd.  A
// missing filter is a single tap.
static atl_node *flrelu_in_steps(atl_graph *g, atl_node *x, atl_node *bias, const atl_flrelu_attr *a) {
    static const float one[1] = { 1.0f };
    int nu = a->up_taps ? a->up_taps : 1, nd = a->down_taps ? a->down_taps : 1, rows = a->radial ? nd : 1;
    const float *fu = a->up_taps ? a->fu : one, *fd = a->down_taps ? a->fd : one;
    atl_fir_attr up_x = { a->up, 1, 1, 1, a->px0, a->px1, 0, 0, nu, 1, false, (float)a->up, fu };
    atl_fir_attr up_y = { 1, a->up, 1, 1, 0, 0, a->py0, a->py1, 1, nu, false, (float)a->up, fu };
    atl_fir_attr down = { 1, 1, a->down, a->radial ? a->down : 1, 0, 0, 0, 0, nd, rows, false, 1.0f, fd };
    atl_fir_attr down_y = { 1, 1, 1, a->down, 0, 0, 0, 0, 1, nd, false, 1.0f, fd };
    atl_node *y = atl_upfirdn(g, atl_upfirdn(g, atl_add_bias(g, x, bias), &up_x), &up_y);
    y = atl_clamp(g, atl_scale(g, atl_lrelu(g, y, a->slope), a->gain), -a->clamp, a->clamp);
    y = atl_upfirdn(g, y, &down);
    return a->radial ? y : atl_upfirdn(g, y, &down_y);
}

static void filtered_lrelu_is_a_chain_of_plain_ops(void **state) {
    static const float up6[6] = { 0.02f, 0.1f, 0.4f, 0.35f, 0.12f, 0.01f },
                       down4[4] = { 0.1f, 0.4f, 0.35f, 0.15f };
    static const float disk[9] = { 0.01f, 0.1f, 0.02f, 0.12f, 0.5f, 0.09f, 0.03f, 0.1f, 0.03f };
    const atl_flrelu_attr attrs[] = {
        { 2, 2, 6, 4, 4, 3, 5, 2, false, 0.2f, 1.4f, 1.5f, up6, down4 },
        { 4, 2, 6, 4, 6, 5, 6, 5, false, 0.2f, 1.4f, 256.0f, up6, down4 },
        { 2, 2, 6, 3, 4, 3, 4, 3, true, 0.1f, 1.0f, 0.8f, up6, disk },
        { 1, 1, 0, 0, 0, 0, 0, 0, false, 0.2f, 1.0f, 1.0f, NULL, NULL },
        { 1, 2, 0, 4, 1, 2, 2, 1, false, 1.0f, 1.0f, 256.0f, NULL, down4 },
        { 2, 1, 6, 0, -1, 3, 3, -2, false, 0.0f, 2.0f, 1.0f, up6, NULL },
    };
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
        atl_node *x = leaf(f, ATL_SHAPE(2, 9, 7, 5)), *bias = leaf(f, ATL_SHAPE(5));
        atl_node *one = atl_flrelu(g, x, bias, &attrs[i]), *chain = flrelu_in_steps(g, x, bias, &attrs[i]),
                 *d[2], *e[2];
        assert_true(atl_shape_same(&one->shape, &chain->shape));
        atl_node *weights = leaf(f, one->shape), *targets[2] = { x, bias };
        atl_grad(g, atl_sum(g, atl_mul(g, one, weights), 15u), targets, 2, d);
        atl_grad(g, atl_sum(g, atl_mul(g, chain, weights), 15u), targets, 2, e);
        atl_node *pairs[3][2] = { { one, chain }, { d[0], e[0] }, { d[1], e[1] } };
        for (int k = 0; k < 3; k++) {
            float *a = values_of(f, pairs[k][0], false), *b = values_of(f, pairs[k][1], false);
            double apart = 0, size = 0;
            for (int64_t q = 0; q < atl_shape_count(&pairs[k][0]->shape); q++) {
                apart += ((double)a[q] - (double)b[q]) * ((double)a[q] - (double)b[q]);
                size += (double)b[q] * (double)b[q];
            }
            assert_true(size > 0 &&
                        sqrt(apart / size) < 2e-6); // float32, sums of up to 60 terms in other orders
            free(a);
            free(b);
        }
    }
}

// StyleGAN: a box behind the transposed convolution, and a blur behind that.
static void two_filters_behind_an_upsampling_layer_stay_two(void **state) {
    static const float box[4] = { 1.0f, 1.0f, 1.0f, 1.0f }, blur[9] = { 1, 2, 1, 2, 4, 2, 1, 2, 1 };
    const atl_fir_attr first = { 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, false, 1.0f, box };
    const atl_fir_attr second = { 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, false, 1.0f / 16.0f, blur };
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(1, 6, 5, 16)), *w = leaf(f, ATL_SHAPE(16, 8, 3, 3));
    atl_node *y = atl_upfirdn(g, atl_conv2d_transposed(g, x, w, 2, 0, 13, 11), &first);
    y = atl_upfirdn(g, y, &second);
    float *fused = values_of(f, y, false), *plain = values_of(f, y, true);
    double apart = 0, size = 0;
    for (int64_t i = 0; i < atl_shape_count(&y->shape); i++) {
        apart += ((double)fused[i] - (double)plain[i]) * ((double)fused[i] - (double)plain[i]);
        size += (double)plain[i] * (double)plain[i];
    }
    assert_true(size > 0 && sqrt(apart / size) < 5e-6); // Winograd: see tests/tolerance.h
    free(fused);
    free(plain);
}

static void errors_stick_and_name_the_place(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    size_t scope = atl_scope_push(g, "G.b64.conv1");
    atl_node *bad =
        atl_add(g, atl_input(g, "x", ATL_SHAPE(1, 4, 4, 3)), atl_input(g, "y", ATL_SHAPE(1, 4, 4, 2)));
    atl_scope_pop(g, scope);
    atl_node *more = atl_conv2d(g, bad, leaf(f, ATL_SHAPE(1, 1, 3, 3)), 1, 1);
    atl_plan *p;
    assert_int_equal(atl_plan_make(g, f->backend, &more, 1, NULL, &p), ATL_BAD_ARGUMENT);
    assert_null(p);
    assert_non_null(strstr(atl_message(f->ctx), "G.b64.conv1"));
    assert_non_null(strstr(atl_message(f->ctx), "[1, 3, 4, 4]"));
    assert_non_null(strstr(atl_message(f->ctx), "[1, 2, 4, 4]"));
}

// Images in the field's order, weights as they are stored, whether stored, scaled or a gradient.
static void shapes_are_written_as_they_are_read(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    char text[ATL_SHAPE_TEXT];
    atl_node *x = atl_input(g, "x", ATL_SHAPE(2, 16, 8, 32)), *w = leaf(f, ATL_SHAPE(64, 31, 3, 1));
    assert_string_equal(atl_node_shape_text(x, text), "[2, 32, 16, 8]");
    assert_string_equal(atl_node_shape_text(atl_scale(g, x, 2.0f), text), "[2, 32, 16, 8]");
    assert_string_equal(atl_node_shape_text(w, text), "[64, 31, 3, 1]");
    assert_string_equal(atl_node_shape_text(atl_scale(g, w, 2.0f), text), "[64, 31, 3, 1]");
    assert_string_equal(atl_node_shape_text(leaf(f, ATL_SHAPE(5, 7)), text), "[5, 7]");
    atl_node *fits = leaf(f, ATL_SHAPE(64, 32, 3, 1)), *y = atl_conv2d(g, x, fits, 1, 0), *d[2];
    atl_grad(g, atl_sum(g, atl_square(g, y), 15u), (atl_node *[]){ x, fits }, 2, d);
    assert_string_equal(atl_node_shape_text(y, text), "[2, 64, 14, 8]");
    assert_string_equal(atl_node_shape_text(d[0], text), "[2, 32, 16, 8]");
    assert_string_equal(atl_node_shape_text(d[1], text), "[64, 32, 3, 1]");
    assert_int_equal(atl_conv2d(g, x, w, 1, 0)->op, ATL_OP_POISON);
    assert_non_null(strstr(g->error, "shapes [2, 32, 16, 8] and [64, 31, 3, 1] do not fit"));
}

// In a profile, and in an error, the steps of a gradient carry the name of the layer that they are derived
// from.
static void gradients_are_built_in_the_scope_of_their_layer(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(1, 6, 6, 3)), *w = leaf(f, ATL_SHAPE(4, 3, 3, 3)), *d[2], *dd;
    size_t outer = atl_scope_push(g, "D"), conv = atl_scope_push(g, "b8.conv0");
    atl_node *y = atl_conv2d(g, x, w, 1, 1);
    atl_scope_pop(g, conv);
    size_t act = atl_scope_push(g, "b8.act");
    y = atl_unary(g, ATL_FN_SIGMOID, y, 0.0f, 0.0f);
    atl_scope_pop(g, act);
    atl_node *loss = atl_sum(g, y, 15u);
    int before = g->size;
    atl_grad(g, loss, (atl_node *[]){ x, w }, 2, d);
    assert_string_equal(g->scope, "D");
    assert_string_equal(d[0]->scope, "D.b8.conv0");
    assert_string_equal(d[1]->scope, "D.b8.conv0");
    int of_act = 0;
    for (int i = before; i < g->size; i++)
        of_act += !strcmp(g->nodes[i]->scope, "D.b8.act");
    assert_true(of_act > 1);
    atl_grad(g, atl_sum(g, atl_square(g, d[0]), 15u), &w, 1, &dd); // and of gradients
    assert_string_equal(dd->scope, "D.b8.conv0");
    assert_string_equal(atl_sum(g, dd, 15u)->scope, "D");
    atl_scope_pop(g, outer);
    assert_string_equal(g->scope, "");
    free(values_of(f, dd, false));
}

static void lives_that_overlap_never_share_memory(void **state) {
    fixture *f = *state;
    enum { N = 60 };
    for (uint64_t trial = 0; trial < 20; trial++) {
        atl_value v[N];
        float u[3 * N];
        atl_philox_uniform(3, trial, 0, 3 * N, u);
        size_t total = 0, bytes;
        for (int i = 0; i < N; i++) {
            int first = (int)(u[3 * i] * 40.0f);
            v[i] = (atl_value){ .count = 1 + (size_t)(u[3 * i + 1] * 5000.0f), .first = first,
                                .last = first + (int)(u[3 * i + 2] * 10.0f), .placed = true, .reuses = -1 };
            total += v[i].count * sizeof(float) + 64;
        }
        assert_int_equal(atl_place(f->ctx, v, N, &bytes), ATL_OK);
        assert_true(bytes < total / 2);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < i; k++) {
                bool in_time = v[i].first <= v[k].last && v[k].first <= v[i].last;
                bool in_space = v[i].offset < v[k].offset + v[k].count * sizeof(float) &&
                                v[k].offset < v[i].offset + v[i].count * sizeof(float);
                assert_false(in_time && in_space);
            }
    }
}

// One plan, run before and after a parameter changes: no kernel may have kept the old values.
static void parameters_may_change_between_runs(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(1, 16, 16, 16)), *w = leaf(f, ATL_SHAPE(16, 16, 3, 3));
    atl_node *m = leaf(f, ATL_SHAPE(8, 16));
    atl_node *turned = atl_permute(g, w, (int[]){ 1, 0, 2, 3 });
    atl_node *y = atl_conv2d(g, atl_conv2d(g, x, w, 1, 1), w, 1, 1);
    atl_node *up = atl_filter2d(g, atl_conv2d_transposed(g, y, turned, 2, 0, 33, 33), NULL, 1, 1, 4.0f);
    atl_node *z = atl_matmul(g, atl_reshape(g, y, ATL_SHAPE(256, 16)), m, false, true);
    atl_node *out[2] = { up, z };
    atl_plan *p = plan_of(f, out, 2, true, false);
    for (int run = 0; run < 2; run++) {
        for (int k = 0; k < 2; k++) {
            size_t n = (size_t)atl_shape_count(&out[k]->shape);
            float *kept = malloc(n * sizeof *kept), *fresh = values_of(f, out[k], false);
            assert_non_null(kept);
            assert_int_equal(atl_plan_run(p), ATL_OK);
            assert_true(atl_plan_read(p, out[k], kept));
            assert_memory_equal(kept, fresh, n * sizeof *kept);
            free(kept);
            free(fresh);
        }
        ((float *)w->at.leaf.data)[7] += 3.0f;
        ((float *)m->at.leaf.data)[5] += 3.0f;
    }
    atl_plan_close(&p);
}

// The way there is new, and the next whole run has the gradients.
static void a_run_may_end_before_the_gradients(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(3, 4)), *w = leaf(f, ATL_SHAPE(4, 5)), *dx, *dw;
    atl_node *y = atl_matmul(g, x, w, false, false), *loss = atl_sum(g, atl_mul(g, y, atl_square(g, y)), 3u);
    atl_node *grads[2];
    atl_grad(g, loss, (atl_node *[]){ x, w }, 2, grads);
    dx = grads[0];
    dw = grads[1];
    atl_plan *p = plan_of(f, (atl_node *[]){ y, loss, dx, dw }, 4, true, false);
    float before[2][20], after[2][20], there[2], *numbers = (float *)(uintptr_t)x->at.leaf.data;
    assert_int_equal(atl_plan_run(p), ATL_OK);
    assert_true(atl_plan_read(p, dx, before[0]) && atl_plan_read(p, dw, before[1]) &&
                atl_plan_read(p, loss, there));
    for (int i = 0; i < 12; i++)
        numbers[i] *= 2.0f;
    f->version++;
    assert_int_equal(atl_plan_run_to(p, (atl_node *[]){ loss, y }, 2), ATL_OK);
    assert_true(atl_plan_read(p, loss, there + 1));
    assert_float_equal(there[1], 8.0f * there[0], 1e-4f * fabsf(there[1])); // 24 numbers of rounding 6e-8
    assert_int_equal(atl_plan_run(p), ATL_OK); // and the next whole run has them all
    assert_true(atl_plan_read(p, dx, after[0]) && atl_plan_read(p, dw, after[1]));
    for (int i = 0; i < 12; i++)
        assert_float_equal(after[0][i], 4.0f * before[0][i], 1e-4f * fabsf(after[0][i]));
    for (int i = 0; i < 20; i++)
        assert_float_equal(after[1][i], 8.0f * before[1][i], 1e-4f * fabsf(after[1][i]));
    atl_plan_close(&p);
}

// The sum of dy times a convolution, where the layer's result does not say what that was: a scale is zero, or a clamp
// has taken it away.
static void gradients_of_scales_need_no_result(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(2, 6, 5, 8)), *w = leaf(f, ATL_SHAPE(8, 8, 3, 3)), *s = leaf(f, ATL_SHAPE(2, 8));
    for (int i = 0; i < 16; i += 3)
        ((float *)(uintptr_t)s->at.leaf.data)[i] = 0.0f;
    atl_node *y = atl_conv2d(g, x, w, 1, 1), *a = leaf(f, y->shape), *ds;
    atl_node *z = atl_lrelu(g, atl_scale_channels(g, y, s), 0.2f);
    atl_grad(g, atl_sum(g, atl_mul(g, z, a), 15u), &s, 1, &ds);
    atl_node *r = atl_unary(g, ATL_FN_RSQRT, atl_square(g, leaf(f, ATL_SHAPE(2, 8))), 0.0f, 0.0f);
    atl_node *clamped = atl_unary(g, ATL_FN_CLAMP, atl_scale_channels(g, y, r), -0.5f, 0.5f);
    atl_node *sum = atl_sum(g, atl_mul(g, y, a), 6u);
    for (int k = 0; k < 2; k++) {
        atl_node *out[2] = { k ? clamped : z, k ? sum : ds };
        float *truth = values_of(f, out[1], true), got[16];
        atl_plan *p = plan_of(f, out, 2, true, false);
        assert_int_equal(atl_plan_run(p), ATL_OK);
        assert_true(atl_plan_read(p, out[1], got));
        for (int i = 0; i < 16; i++) // sums of 30 products, of up to some hundreds
            assert_true(fabsf(got[i] - truth[i]) <= 1e-5f * (fabsf(truth[i]) + 100.0f));
        atl_plan_close(&p);
        free(truth);
    }
}

// A convolution with the second half of a constant weight, in both kinds of plan.
static void a_part_of_a_constant_is_that_part(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(1, 6, 5, 3)), *w = leaf(f, ATL_SHAPE(8, 3, 3, 3));
    atl_node *doubled = atl_scale(g, w, 2.0f); // folded: a constant that the plan owns
    atl_node *whole = atl_conv2d(g, x, doubled, 1, 1);
    atl_node *part[2] = { atl_conv2d(g, x, atl_slice_axis(g, doubled, 0, 0, 4), 1, 1),
                          atl_conv2d(g, x, atl_slice_axis(g, doubled, 0, 4, 4), 1, 1) };
    float *truth = values_of(f, whole, true);
    for (int vary = 0; vary < 2; vary++) {
        float half[120];
        atl_plan *p = plan_of(f, part, 2, vary == 1, false);
        assert_int_equal(atl_plan_run(p), ATL_OK);
        for (int k = 0; k < 2; k++) {
            assert_true(atl_plan_read(p, part[k], half));
            for (int i = 0; i < 120; i++) // 27 products; kernels of 4 and of 8 channels add in other orders
                assert_true(fabsf(half[i] - truth[i / 4 * 8 + 4 * k + i % 4]) < 1e-4f);
        }
        atl_plan_close(&p);
    }
    free(truth);
}

static void random_numbers_follow_key_and_counter(void **state) {
    fixture *f = *state;
    atl_node *x = atl_normal(&f->g, ATL_SHAPE(1, 64), 5);
    float a[64], b[64];
    atl_plan *p = plan_of(f, &x, 1, false, false);
    assert_int_equal(atl_plan_run(p), ATL_OK);
    assert_true(atl_plan_read(p, x, a));
    assert_int_equal(atl_plan_run(p), ATL_OK);
    assert_true(atl_plan_read(p, x, b));
    assert_memory_not_equal(a, b, sizeof a);
    p->run.counter = 0;
    assert_int_equal(atl_plan_run(p), ATL_OK);
    assert_true(atl_plan_read(p, x, b));
    assert_memory_equal(a, b, sizeof a);
    atl_plan_close(&p);
}

// A detached plan writes a gradient to a span of the caller's, and needs no room for it in its block.
static void outputs_go_where_they_are_bound(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    enum { COUNT = 8 * 8 * 3 * 3 };
    atl_node *x = leaf(f, ATL_SHAPE(2, 9, 9, 8)), *w = leaf(f, ATL_SHAPE(8, 8, 3, 3)), *d;
    atl_grad(g, atl_sum(g, atl_square(g, atl_conv2d(g, x, w, 1, 1)), 15u), &w, 1, &d);
    float *truth = values_of(f, d, false), span[16 + COUNT] = { 0 }, *at;
    atl_plan_options o = { .detached = true };
    atl_plan *p;
    assert_int_equal(atl_plan_make(g, f->backend, &d, 1, &o, &p), ATL_OK);
    assert_int_equal(atl_resident_take(f->backend, span, 16 + COUNT, 0, &at), ATL_OK);
    size_t before = atl_plan_bytes(p);
    assert_true(atl_plan_bind(p, d, at + 16));
    assert_true(atl_plan_bytes(p) <= before);
    assert_false(atl_plan_bind(p, w, at)); // a parameter stays where it is
    void *block = f->backend->alloc(f->backend, atl_plan_bytes(p));
    assert_non_null(block);
    atl_plan_attach(p, block);
    assert_int_equal(atl_plan_run(p), ATL_OK);
    assert_ptr_equal(atl_plan_at(p, d), at + 16);
    atl_resident_fetch(f->backend, span, 16 + COUNT);
    assert_memory_equal(span + 16, truth, COUNT * sizeof *span);
    for (int i = 0; i < 16; i++)
        assert_true(span[i] == 0.0f);
    atl_plan_close(&p);
    f->backend->release(f->backend, block);
    atl_resident_drop(f->backend, span);
    free(truth);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(linear_ops_have_their_transposes, setup, teardown),
        cmocka_unit_test_setup_teardown(contractions_close_over_their_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(pointwise_ops_have_their_slopes, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_of_gradients, setup, teardown),
        cmocka_unit_test_setup_teardown(only_wanted_gradients_are_built, setup, teardown),
        cmocka_unit_test_setup_teardown(fusion_keeps_the_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(fused_gradients_keep_the_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(turned_weights_are_not_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(epilogues_know_every_rank, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_read_the_activation, setup, teardown),
        cmocka_unit_test_setup_teardown(filtered_lrelu_is_a_chain_of_plain_ops, setup, teardown),
        cmocka_unit_test_setup_teardown(two_filters_behind_an_upsampling_layer_stay_two, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_stick_and_name_the_place, setup, teardown),
        cmocka_unit_test_setup_teardown(shapes_are_written_as_they_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_are_built_in_the_scope_of_their_layer, setup, teardown),
        cmocka_unit_test_setup_teardown(lives_that_overlap_never_share_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(parameters_may_change_between_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(outputs_go_where_they_are_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(a_run_may_end_before_the_gradients, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_of_scales_need_no_result, setup, teardown),
        cmocka_unit_test_setup_teardown(a_part_of_a_constant_is_that_part, setup, teardown),
        cmocka_unit_test_setup_teardown(random_numbers_follow_key_and_counter, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
