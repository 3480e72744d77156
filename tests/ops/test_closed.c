// SPDX-License-Identifier: Apache-2.0
// The ops that feature networks, encoders and transformers need: each with its transpose, and with first and
// second derivatives by differences.
#include "closed.h"

static void convolutions_with_sides_and_groups(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    const struct {
        atl_conv_attr a;
        int kh, kw;
    } cases[] = {
        { { ATL_SLOT_Y, 1, 1, 0, 0, 3, 3, 1 }, 1, 7 }, { { ATL_SLOT_Y, 1, 1, 3, 3, 0, 0, 1 }, 7, 1 },
        { { ATL_SLOT_Y, 2, 2, 0, 1, 0, 1, 1 }, 3, 3 }, { { ATL_SLOT_Y, 1, 2, 0, 2, 1, 0, 1 }, 3, 2 },
        { { ATL_SLOT_Y, 2, 1, 1, 0, 0, 1, 3 }, 2, 3 }, { { ATL_SLOT_Y, 1, 1, 1, 1, 1, 1, 6 }, 3, 3 },
        { { ATL_SLOT_Y, 2, 2, 1, 2, 2, 1, 6 }, 5, 5 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const atl_conv_attr *a = &cases[i].a;
        atl_node *x = leaf(f, ATL_SHAPE(2, 8, 7, 6)),
                 *w = leaf(f, ATL_SHAPE(12, 6 / a->groups, cases[i].kh, cases[i].kw));
        atl_node *y = atl_conv(g, x, w, a);
        check_adjoint(f, x, y);
        check_adjoint(f, w, y);
        check_orders(f, atl_conv(g, x, w, a), (atl_node *[]){ x, w }, 2, 2e-3,
                     "convolution"); // float loss / h
        atl_conv_attr back = *a, weights = *a;
        back.slot = ATL_SLOT_X;
        weights.slot = ATL_SLOT_W;
        check_adjoint(f, w, atl_conv_form(g, back, x->shape, w, leaf(f, y->shape)));
        check_adjoint(f, x, atl_conv_form(g, weights, w->shape, x, leaf(f, y->shape)));
    }
}

// What stands around a convolution with groups or uneven sides is fused as around any other.
static void uneven_convolutions_fuse(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    const atl_conv_attr cases[] = { { ATL_SLOT_Y, 1, 1, 1, 1, 1, 1, 2 },
                                    { ATL_SLOT_Y, 1, 1, 1, 1, 1, 1, 6 },
                                    { ATL_SLOT_Y, 2, 1, 0, 1, 2, 0, 1 },
                                    { ATL_SLOT_X, 2, 2, 0, 0, 0, 0, 3 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const atl_conv_attr *a = &cases[i];
        atl_node *x = leaf(f, ATL_SHAPE(2, 8, 9, 6)), *w = leaf(f, ATL_SHAPE(6, 6 / a->groups, 3, 3)), *y;
        atl_node *s = leaf(f, ATL_SHAPE(2, 1, 1, 6)), *d = leaf(f, ATL_SHAPE(2, 1, 1, 6));
        atl_node *b = leaf(f, ATL_SHAPE(1, 1, 1, 6));
        x = atl_mul(g, x, atl_expand(g, s, x->shape));
        y = a->slot == ATL_SLOT_Y ? atl_conv(g, x, w, a) : atl_conv_form(g, *a, ATL_SHAPE(2, 17, 19, 6), w, x);
        y = atl_add(g, atl_mul(g, y, atl_expand(g, d, y->shape)), atl_expand(g, b, y->shape));
        y = atl_scale(g, atl_lrelu(g, y, 0.2f), 1.4f);
        float *fused = values_by(f, &y, 1, false), *plain = values_by(f, &y, 1, true);
        for (int64_t k = 0; k < atl_shape_count(&y->shape); k++) // up to 54 products in another order
            assert_true(fabsf(fused[k] - plain[k]) <= 2e-5f * (1.0f + fabsf(plain[k])));
        free(fused);
        free(plain);
    }
}

static void convolutions_refuse_what_does_not_fit(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(1, 8, 8, 6)), *w = leaf(f, ATL_SHAPE(8, 3, 3, 3));
    const atl_conv_attr wrong[] = {
        { ATL_SLOT_Y, 1, 1, 1, 1, 1, 1, 3 }, // 3 x 3 channels
        { ATL_SLOT_Y, 0, 1, 1, 1, 1, 1, 2 },
        { ATL_SLOT_Y, 1, 1, -1, 1, 1, 1, 2 },
        { ATL_SLOT_Y, 1, 1, 1, 1, 1, 1, 0 },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        g->status = ATL_OK;
        assert_int_equal(atl_conv(g, x, w, &wrong[i])->op, ATL_OP_POISON);
        assert_int_equal(g->status, ATL_BAD_ARGUMENT);
    }
    g->status = ATL_OK;
    const atl_conv_attr right = { ATL_SLOT_Y, 1, 1, 1, 1, 1, 1, 2 };
    assert_int_equal(atl_conv(g, x, w, &right)->op, ATL_OP_CONV);
}

static void pick_has_its_transpose(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    const atl_pick_attr cases[] = {
        { 2, 2, 2, 2, 0, 0, 0, 0 },
        { 3, 3, 2, 2, 0, 1, 0, 1 },
        { 3, 2, 1, 2, 1, 1, 1, 0 },
        { 1, 7, 1, 1, 0, 0, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        atl_node *s = leaf(f, ATL_SHAPE(2, 8, 7, 5)), *x = leaf(f, s->shape);
        atl_node *y = atl_pick(g, s, x, &cases[i]);
        check_adjoint(f, x, y);
        atl_node *z = leaf(f, y->shape);
        check_adjoint(f, z, atl_pick_transposed(g, s, z, &cases[i]));
    }
    for (int axis = 0; axis < 3; axis++) {
        atl_node *s = leaf(f, ATL_SHAPE(3, 4, 6)), *x = leaf(f, s->shape);
        check_adjoint(f, x, atl_pick_axis(g, s, x, axis));
    }
}

// Numbers a half apart, so that no difference changes which one is largest.
static void a_maximum_has_two_derivatives(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(1, 6, 5, 3));
    for (int i = 0; i < 90; i++)
        numbers(x)[i] = 0.5f * (float)(i * 37 % 90) - 20.0f;
    const atl_pick_attr a = { 3, 3, 2, 2, 1, 1, 1, 1 };
    atl_node *y = atl_pick(g, x, x, &a);
    check_orders(f, atl_square(g, atl_scale(g, y, 0.1f)), &x, 1, 2e-3, "maximum");
}

static atl_node *indices(fixture *f, atl_shape s, int64_t rows) {
    atl_node *x = leaf(f, s);
    for (int64_t i = 0; i < atl_shape_count(&s); i++)
        numbers(x)[i] = (float)((i * 29 + 7) % (rows + 2) - 1); // from -1 to one too many
    return x;
}

static void gather_has_its_transpose(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    for (int form = 0; form < 4; form++) {
        int64_t ni = form & 1 ? 1 : 3, nw = form & 2 ? 1 : 3;
        atl_node *x = leaf(f, ATL_SHAPE(3, 11, 4)), *weight = leaf(f, ATL_SHAPE(nw, 7, 3));
        atl_node *index = indices(f, ATL_SHAPE(ni, 7, 3), 11), *y = atl_gather(g, x, index, weight);
        check_adjoint(f, x, y);
        check_adjoint(f, weight, y);
        atl_node *z = leaf(f, y->shape), *back = atl_gather_transposed(g, z, index, weight, 11);
        check_adjoint(f, z, back);
        check_adjoint(f, weight, back);
        check_orders(f, atl_gather(g, x, index, weight), (atl_node *[]){ x, weight }, 2, 2e-3, "gather");
        check_orders(f, atl_gather_transposed(g, z, index, weight, 11), (atl_node *[]){ z, weight }, 2, 2e-3,
                     "gather_t");
    }
}

static void gather_refuses_what_does_not_fit(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    atl_node *x = leaf(f, ATL_SHAPE(3, 11, 4)), *i = leaf(f, ATL_SHAPE(3, 7, 2)),
             *w = leaf(f, ATL_SHAPE(2, 7, 2));
    assert_int_equal(atl_gather(g, x, i, w)->op, ATL_OP_POISON);
    g->status = ATL_OK;
    assert_int_equal(atl_gather(g, x, i, leaf(f, ATL_SHAPE(1, 7, 3)))->op, ATL_OP_POISON);
    g->status = ATL_OK;
    assert_int_equal(atl_gather_transposed(g, x, i, i, 5)->op, ATL_OP_POISON); // 11 rows for 7 results
    g->status = ATL_OK;
    assert_int_equal(atl_gather(g, x, i, i)->op, ATL_OP_GATHER);
}

static void functions_have_two_derivatives(void **state) {
    fixture *f = *state;
    atl_graph *g = &f->g;
    const atl_fn1 smooth[] = { ATL_FN_ERF,     ATL_FN_EXP,      ATL_FN_SIN,  ATL_FN_COS,
                               ATL_FN_SIGMOID, ATL_FN_SOFTPLUS, ATL_FN_TANH, ATL_FN_SQUARE };
    for (size_t i = 0; i < sizeof smooth / sizeof *smooth; i++) {
        atl_node *x = leaf(f, ATL_SHAPE(2, 9));
        check_orders(f, atl_unary(g, smooth[i], x, 0.0f, 0.0f), &x, 1, 4e-3,
                     "function"); // h^2 and float loss / h
    }
    const atl_fn1 positive[] = { ATL_FN_SQRT, ATL_FN_RSQRT, ATL_FN_RECIPROCAL, ATL_FN_LOG };
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++) {
        atl_node *x = leaf(f, ATL_SHAPE(2, 9));
        for (int k = 0; k < 18; k++)
            numbers(x)[k] = 1.0f + fabsf(numbers(x)[k]);
        check_orders(f, atl_unary(g, positive[i], x, 0.0f, 0.0f), &x, 1, 4e-3,
                     "function of a positive number");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(convolutions_with_sides_and_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(uneven_convolutions_fuse, setup, teardown),
        cmocka_unit_test_setup_teardown(convolutions_refuse_what_does_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(pick_has_its_transpose, setup, teardown),
        cmocka_unit_test_setup_teardown(a_maximum_has_two_derivatives, setup, teardown),
        cmocka_unit_test_setup_teardown(gather_has_its_transpose, setup, teardown),
        cmocka_unit_test_setup_teardown(gather_refuses_what_does_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(functions_have_two_derivatives, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
