// SPDX-License-Identifier: Apache-2.0
// Batch norm and spectral norm in training: first and second derivatives against differences, and what the
// gradient is where the vectors of the norm count as constants.
#include "closed.h"
#include "nn/functions.h"
#include "nn/spectral.h"

static void batch_norm_has_both_derivatives(void **state) {
    fixture *f = *state;
    atl_node *x = leaf(f, ATL_SHAPE(3, 4, 5, 6)), *scale = leaf(f, ATL_SHAPE(6)),
             *bias = leaf(f, ATL_SHAPE(6));
    atl_node *mean, *variance;
    atl_node *y = atl_batch_norm_train(&f->g, x, scale, bias, 1e-3f, &mean, &variance);
    check_orders(f, y, (atl_node *[]){ x, scale, bias }, 3, 2e-3, "batch norm");
    check_orders(f, variance, &x, 1, 2e-3, "variance of a batch");
}

enum { OUT = 5, IN = 7 };

// A dense layer's weight in training, in a store of its own.
static atl_node *weight(fixture *f, const atl_spectral *s, atl_params *params, atl_net *net, atl_node **raw) {
    const int64_t w[] = { OUT, IN }, row[] = { 1, OUT }, u[] = { OUT }, v[] = { IN };
    atl_params_init(params, f->ctx);
    assert_int_equal(atl_params_add(params, s->both ? "weight_orig" : "weight", 2, w, false, NULL), ATL_OK);
    assert_int_equal(s->both ? atl_params_add(params, "weight_u", 1, u, true, NULL)
                             : atl_params_add(params, "u0", 2, row, true, NULL),
                     ATL_OK);
    if (s->both)
        assert_int_equal(atl_params_add(params, "weight_v", 1, v, true, NULL), ATL_OK);
    assert_int_equal(atl_params_allocate(params), ATL_OK);
    atl_philox_normal(5, f->stream++, 0, params->total, params->data);
    *net = (atl_net){ .g = &f->g, .params = params, .varies = true, .trains = true };
    atl_node *y = atl_spectral_weight(net, ATL_SHAPE(OUT, IN), s);
    *raw = net->nodes[0];
    return y;
}

static void spectral_norm_has_both_derivatives(void **state) {
    fixture *f = *state;
    const atl_spectral s = { .eps = 1e-8f, .through = true };
    atl_params params;
    atl_net net;
    atl_node *w, *y = weight(f, &s, &params, &net, &w);
    check_orders(f, y, &w, 1, 2e-3, "spectral norm");
    atl_params_clear(&params);
}

// d <Y, W / sigma> / dW = (Y - <Y, W> / sigma u v) / sigma with the vectors u and v that are kept.
static void vectors_count_as_constants(void **state) {
    fixture *f = *state;
    for (int both = 0; both < 2; both++) {
        const atl_spectral s = { .eps = 1e-8f, .both = both };
        atl_params params;
        atl_net net;
        atl_node *w, *divided = weight(f, &s, &params, &net, &w), *y = leaf(f, divided->shape), *dw;
        atl_grad(&f->g, inner(f, divided, y), &w, 1, &dw);
        const float *weights = params.data, *back = numbers(y);
        const atl_update *u = &net.updates[1];
        float *got = values_of(f, dw), *of_u = values_of(f, u->value), *quotient = values_of(f, divided);
        double v[IN] = { 0 }, before[IN] = { 0 }, length = 0, sigma = 0, all = 0;
        for (int o = 0; o < OUT; o++)
            for (int i = 0; i < IN; i++)
                before[i] +=
                    (double)atl_param_data(&params, &params.list[1])[o] * (double)weights[o * IN + i];
        for (int i = 0; i < IN; i++)
            length += before[i] * before[i];
        for (int i = 0; i < IN; i++)
            v[i] = before[i] / sqrt(length);
        for (int o = 0; o < OUT; o++)
            for (int i = 0; i < IN; i++) {
                sigma += (double)of_u[o] * (double)weights[o * IN + i] * v[i];
                all += (double)back[o * IN + i] * (double)weights[o * IN + i];
            }
        assert_true(fabs(sigma * (double)quotient[0] - (double)weights[0]) < 1e-5);
        for (int o = 0; o < OUT; o++)
            for (int i = 0; i < IN; i++) {
                double want = ((double)back[o * IN + i] - all / sigma * (double)of_u[o] * v[i]) / sigma;
                assert_true(fabs((double)got[o * IN + i] - want) < 1e-5);
            }
        free(got);
        free(of_u);
        free(quotient);
        atl_params_clear(&params);
    }
}

// A weight that two layers of a graph use is divided once.
static void a_step_is_made_once(void **state) {
    fixture *f = *state;
    const atl_spectral s = { .eps = 1e-8f };
    atl_params params;
    atl_net net;
    atl_node *w, *first = weight(f, &s, &params, &net, &w);
    atl_node *second = atl_spectral_weight(&net, ATL_SHAPE(OUT, IN), &s);
    assert_ptr_equal(first, second);
    atl_params_clear(&params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batch_norm_has_both_derivatives, setup, teardown),
        cmocka_unit_test_setup_teardown(spectral_norm_has_both_derivatives, setup, teardown),
        cmocka_unit_test_setup_teardown(vectors_count_as_constants, setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_is_made_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
