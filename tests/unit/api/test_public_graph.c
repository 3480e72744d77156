// SPDX-License-Identifier: Apache-2.0
// The experimental graph through the public header: losses over opened networks, gradients, what is refused.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ATL_EXPERIMENTAL
#include <atelier/atelier.h>

typedef struct session {
    atl_ctx *ctx;
    atl_model *g, *d;
    const atl_model_info *info;
    size_t count; // of ws
    float *ws, *gradient;
} session;

static session opened(void) {
    char path[1024];
    session s = { 0 };
    const char *data = getenv("ATL_TEST_DATA");
    atl_model_options critic = ATL_MODEL_OPTIONS_INIT;
    critic.net = "D";
    snprintf(path, sizeof path, "%s/stylegan/sg2-32.pkl", data ? data : "tests/data");
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    assert_int_equal(atl_model_open(s.ctx, path, NULL, &s.g), ATL_OK);
    assert_int_equal(atl_model_open(s.ctx, path, &critic, &s.d), ATL_OK);
    s.info = atl_model_get_info(s.g);
    s.count = (size_t)s.info->num_ws * (size_t)s.info->w_dim;
    s.ws = calloc(s.count, sizeof *s.ws);
    s.gradient = calloc(s.count, sizeof *s.gradient);
    assert_true(s.ws && s.gradient);
    for (size_t i = 0; i < s.count; i++)
        s.ws[i] = (float)((double)(i * 2654435761u % 4096) / 1024.0 - 2.0);
    return s;
}

static void close_all(session *s) {
    free(s->ws);
    free(s->gradient);
    atl_model_close(&s->g);
    atl_model_close(&s->d);
    atl_ctx_close(&s->ctx);
}

static float value_of(atl_plan *plan, const atl_node *ws, const float *values, const atl_node *out) {
    float value;
    assert_int_equal(atl_plan_set(plan, ws, values), ATL_OK);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    assert_int_equal(atl_plan_get(plan, out, &value), ATL_OK);
    return value;
}

// What D says of G(ws), with the squares of one of D's layers: two networks and a layer inside one of them.
static atl_node *loss_of(session *s, atl_graph *g, atl_node **ws) {
    *ws = atl_input(g, "ws", ATL_SHAPE(1, s->info->num_ws, s->info->w_dim));
    atl_node *img = atl_model_apply(g, s->g, "G", "synthesize", "img", &(atl_bound){ "ws", *ws }, 1);
    atl_node *score = atl_model_apply(g, s->d, "D", "discriminate", "logits", &(atl_bound){ "img", img }, 1);
    atl_node *layer = atl_graph_find(g, "D.b8.conv1");
    layer = atl_reshape(g, atl_mean(g, atl_square(g, layer), 15), ATL_SHAPE(1));
    return atl_add(g, atl_reshape(g, atl_softplus(g, atl_neg(g, score)), ATL_SHAPE(1)), layer);
}

static void a_loss_over_two_networks_has_a_gradient(void **state) {
    (void)state;
    session s = opened();
    atl_graph *g;
    atl_plan *plan;
    atl_node *ws, *dws;
    assert_int_equal(atl_graph_open(s.ctx, &g), ATL_OK);
    atl_node *loss = loss_of(&s, g, &ws);
    atl_grad(g, loss, &ws, 1, &dws);
    if (atl_plan_open(g, (atl_node *[]){ loss, dws }, 2, &plan) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    value_of(plan, ws, s.ws, loss);
    assert_int_equal(atl_plan_get(plan, dws, s.gradient), ATL_OK);
    double slope = 0.0;
    for (size_t i = 0; i < s.count; i++)
        slope += (double)s.gradient[i] * (double)s.gradient[i];
    // along the gradient the loss changes by its squared length, to second order of a central difference in
    // float32
    double length = sqrt(slope), h = 0.05;
    float *moved = malloc(s.count * sizeof *moved), value[2];
    assert_non_null(moved);
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < s.count; i++)
            moved[i] = s.ws[i] + (float)((k ? -h : h) * (double)s.gradient[i] / length);
        value[k] = value_of(plan, ws, moved, loss);
    }
    double measured = ((double)value[0] - (double)value[1]) / (2 * h);
    assert_true(length > 1e-3);
    if (!(fabs(measured - length) < 0.02 * length))
        fail_msg("the slope is %g by differences and %g by the gradient", measured, length);
    free(moved);
    atl_plan_close(&plan);
    atl_graph_close(&g);
    close_all(&s);
}

// One parameter is one node, however often its network stands in a graph: y - x of the same input is exactly
// 0.
static void a_network_may_be_applied_twice(void **state) {
    (void)state;
    session s = opened();
    atl_graph *g;
    atl_plan *plan;
    assert_int_equal(atl_graph_open(s.ctx, &g), ATL_OK);
    atl_node *ws = atl_input(g, "ws", ATL_SHAPE(1, s.info->num_ws, s.info->w_dim)), *img[2];
    for (int i = 0; i < 2; i++)
        img[i] = atl_model_apply(g, s.g, "G", "synthesize", "img", &(atl_bound){ "ws", ws }, 1);
    atl_shape shape = atl_node_shape(img[0]);
    assert_int_equal(shape.rank, 4);
    assert_int_equal(shape.d[1], s.info->height);
    assert_int_equal(shape.d[3], s.info->channels);
    atl_node *same = atl_reshape(g, atl_mean(g, atl_square(g, atl_sub(g, img[0], img[1])), 15), ATL_SHAPE(1));
    atl_node *size = atl_reshape(g, atl_mean(g, atl_square(g, img[1]), 15), ATL_SHAPE(1));
    assert_int_equal(atl_plan_open(g, (atl_node *[]){ same, size }, 2, &plan), ATL_OK);
    assert_true(value_of(plan, ws, s.ws, same) == 0.0f);
    assert_true(value_of(plan, ws, s.ws, size) > 0.0f);
    atl_plan_close(&plan);
    atl_graph_close(&g);
    close_all(&s);
}

static void refused(session *s, atl_graph *g, atl_node *x, const char *words) {
    atl_plan *plan;
    assert_int_not_equal(atl_plan_open(g, &x, 1, &plan), ATL_OK);
    assert_null(plan);
    if (!strstr(atl_message(s->ctx), words))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(s->ctx), words);
    atl_message_clear(s->ctx);
    atl_graph_close(&g);
}

static atl_graph *fresh(session *s) {
    atl_graph *g;
    assert_int_equal(atl_graph_open(s->ctx, &g), ATL_OK);
    return g;
}

static void mistakes_stick_and_are_told(void **state) {
    (void)state;
    session s = opened();
    atl_graph *g = fresh(&s);
    atl_node *x = atl_input(g, "x", ATL_SHAPE(2, 3)), *y = atl_input(g, "y", ATL_SHAPE(2, 4));
    refused(&s, g, atl_square(g, atl_add(g, x, y)), "[2, 3] and [2, 4]");
    g = fresh(&s);
    x = atl_input(g, "x", ATL_SHAPE(1, 2, 3));
    refused(&s, g, atl_model_apply(g, s.g, "G", "synthesize", "img", &(atl_bound){ "ws", x }, 1),
            "ws has shape");
    g = fresh(&s);
    x = atl_input(g, "x", ATL_SHAPE(1, 2, 3));
    refused(&s, g, atl_model_apply(g, s.d, "D", "synthesize", "img", &(atl_bound){ "ws", x }, 1),
            "can't synthesize");
    g = fresh(&s);
    refused(&s, g, atl_model_apply(g, s.g, "G", "synthesize", "img", &(atl_bound){ "ws", NULL }, 1),
            "synthesize is given no input");
    g = fresh(&s);
    refused(&s, g, atl_model_apply(g, s.g, "G", "synthesize", "img", NULL, 0), "synthesize is given no input");
    g = fresh(&s);
    refused(&s, g, atl_graph_find(g, "G.b8"), "no node is named G.b8");
    g = fresh(&s);
    atl_plan *plan;
    x = atl_input(g, "x", ATL_SHAPE(1));
    y = atl_square(g, x);
    float value = 3.0f;
    assert_int_equal(atl_plan_open(g, &y, 1, &plan), ATL_OK);
    assert_int_equal(atl_plan_set(plan, y, &value), ATL_BAD_ARGUMENT);
    atl_message_clear(s.ctx);
    assert_true(value_of(plan, x, &value, y) == 9.0f);
    assert_int_equal(atl_plan_get(plan, atl_scale(g, y, 2.0f), &value), ATL_BAD_ARGUMENT);
    atl_plan_close(&plan);
    atl_graph_close(&g);
    close_all(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_over_two_networks_has_a_gradient),
        cmocka_unit_test(a_network_may_be_applied_twice),
        cmocka_unit_test(mistakes_stick_and_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
