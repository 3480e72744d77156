// SPDX-License-Identifier: Apache-2.0
// A plan that holds a network whose weights change and a frozen one: only the first is transformed at each
// run.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/philox.h"
#include "graph/plan.h"
#include "run/backend.h"
#include "nn/net.h"

enum { N = 2, SIZE = 16, IN = 16, MIDDLE = 24, OUT = 6 };

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_graph g;
    atl_params trained, critic;
    atl_net net[2];       // trained, critic
    atl_node *x, *out[2]; // the loss, its gradient with respect to the trained convolution
    int64_t count;        // of that gradient
} scene;

// A convolution that Winograd takes, and a dense layer over what it made.
static atl_node *layers(atl_net *net, atl_node *x) {
    atl_conv_options conv = {
        .kernel = 3, .up = 1, .down = 1, .activation = ATL_LRELU, .gain = 1.0f, .clamp = INFINITY
    };
    atl_linear_options dense = { .activation = ATL_LINEAR, .lr_multiplier = 1.0f };
    atl_node *y = atl_conv_layer(net, "conv", x, MIDDLE, &conv);
    atl_node *flat = atl_reshape(net->g, atl_mean(net->g, y, 6u), ATL_SHAPE(N, MIDDLE));
    atl_node *row = atl_linear(net, "dense", flat, OUT, &dense);
    atl_node *wide =
        atl_expand(net->g, atl_reshape(net->g, row, ATL_SHAPE(N, 1, 1, OUT)), ATL_SHAPE(N, SIZE, SIZE, OUT));
    return atl_concat(net->g, (atl_node *[]){ y, wide }, 2, 3);
}

static void declare(scene *s, atl_params *params, int channels, uint64_t seed) {
    atl_graph g;
    atl_params_init(params, s->ctx);
    atl_graph_init(&g, s->ctx);
    atl_net net = { .g = &g, .params = params, .declare = true };
    layers(&net, atl_input(&g, "x", ATL_SHAPE(N, SIZE, SIZE, channels)));
    assert_int_equal(g.status, ATL_OK);
    atl_graph_clear(&g);
    assert_int_equal(atl_params_allocate(params), ATL_OK);
    atl_params_randomise(params, seed);
}

static void begin(scene *s) {
    memset(s, 0, sizeof *s);
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    declare(s, &s->trained, IN, 1);
    declare(s, &s->critic, MIDDLE + OUT, 2);
    atl_graph_init(&s->g, s->ctx);
}

static void build(scene *s, bool critic_varies) {
    atl_graph *g = &s->g;
    s->net[0] = (atl_net){ .g = g, .params = &s->trained, .varies = true };
    s->net[1] = (atl_net){ .g = g, .params = &s->critic, .varies = critic_varies };
    s->x = atl_input(g, "x", ATL_SHAPE(N, SIZE, SIZE, IN));
    atl_node *y = layers(&s->net[1], layers(&s->net[0], s->x));
    s->out[0] = atl_reshape(g, atl_sum(g, atl_square(g, y), 15u), ATL_SHAPE(1));
    atl_node *w = s->net[0].nodes[atl_params_find(&s->trained, "conv.weight") - s->trained.list];
    atl_grad(g, s->out[0], &w, 1, &s->out[1]);
    s->count = atl_shape_count(&w->shape);
}

static atl_plan *plan_of(scene *s) {
    atl_plan *p;
    float x[N * SIZE * SIZE * IN];
    atl_philox_normal(3, 0, 0, sizeof x / sizeof *x, x);
    if (atl_plan_make(&s->g, s->backend, s->out, 2, NULL, &p) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    atl_plan_write(p, s->x, x);
    return p;
}

static float *gradient_of(scene *s, atl_plan *p) {
    float *v = malloc(sizeof *v * (size_t)s->count);
    assert_non_null(v);
    assert_int_equal(atl_plan_run(p), ATL_OK);
    assert_true(atl_plan_read(p, s->out[1], v));
    return v;
}

static void end(scene *s) {
    atl_graph_clear(&s->g);
    atl_params_clear(&s->trained);
    atl_params_clear(&s->critic);
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
}

// Whether the backend brings constant weights into an order of its own: the plain one does not.
static bool packs(const atl_plan *p) {
    return !strcmp(p->backend->name, "cpu");
}

// Contractions of the plan with a weight of `channels` channels into it that run from packed weights, and
// not.
static void count_weights(const atl_plan *p, int64_t channels, int *packed, int *read) {
    *packed = *read = 0;
    for (int t = 0; t < p->n_steps; t++) {
        const atl_step *step = &p->steps[t];
        for (int k = 0; step->node->op == ATL_OP_CONV && k < 2; k++) {
            const atl_shape *w = &step->node->src[k]->shape;
            if (w->rank == 4 && w->d[0] == MIDDLE && w->d[1] == channels && w->d[2] == 3 && w->d[3] == 3) {
                *(step->packed >> k & 1 ? packed : read) += 1;
                assert_true(!packs(p) || !strcmp(step->kernel, "winograd"));
            }
        }
    }
}

// Steps that compute something of the shape of a weight from nothing but leaves.
static int count_scalings(const atl_plan *p, int64_t channels) {
    int count = 0;
    for (int t = 0; t < p->n_steps; t++) {
        const atl_node *n = p->steps[t].node;
        count += n->op == ATL_OP_UNARY && n->src[0]->op == ATL_OP_PARAM && n->shape.rank == 4 &&
                 n->shape.d[1] == channels;
    }
    return count;
}

static void frozen_weights_are_transformed_once(void **state) {
    (void)state;
    scene s;
    int packed, read;
    begin(&s);
    build(&s, false);
    atl_plan *p = plan_of(&s);
    count_weights(p, MIDDLE + OUT, &packed, &read);
    assert_int_equal(packs(p) ? packed : read, 2); // forward, and the gradient of its input
    assert_int_equal(packs(p) ? read : packed, 0);
    assert_int_equal(count_scalings(p, MIDDLE + OUT), 0);
    count_weights(p, IN, &packed, &read);
    assert_int_equal(packed, 0);
    assert_int_equal(read, 1);
    assert_int_equal(count_scalings(p, IN), 1); // the gain of the equalised learning rate
    atl_plan_close(&p);
    end(&s);
}

// What was planned is what runs: the memory of frozen weights may change without a trace, that of others not.
static void only_varying_weights_are_read(void **state) {
    (void)state;
    scene s;
    begin(&s);
    build(&s, false);
    atl_plan *p = plan_of(&s);
    float *before = gradient_of(&s, p);
    for (size_t i = 0; i < s.critic.total; i++)
        s.critic.data[i] *= 2.0f;
    float *after = gradient_of(&s, p);
    assert_memory_equal(before, after, sizeof *before * (size_t)s.count);
    for (size_t i = 0; i < s.trained.total; i++)
        s.trained.data[i] *= 2.0f;
    s.trained.version++;
    float *moved = gradient_of(&s, p);
    assert_memory_not_equal(before, moved, sizeof *before * (size_t)s.count);
    free(before);
    free(after);
    free(moved);
    atl_plan_close(&p);
    end(&s);
}

static void frozen_and_varying_agree(void **state) {
    (void)state;
    float *v[2];
    double e = 0.0, length = 0.0;
    int64_t count = 0;
    for (int varies = 0; varies < 2; varies++) {
        scene s;
        begin(&s);
        build(&s, varies);
        atl_plan *p = plan_of(&s);
        v[varies] = gradient_of(&s, p);
        count = s.count;
        atl_plan_close(&p);
        end(&s);
    }
    for (int64_t i = 0; i < count; i++) {
        e += pow((double)v[0][i] - (double)v[1][i], 2);
        length += pow((double)v[1][i], 2);
    }
    assert_true(length > 0.0);
    assert_true(sqrt(e / length) < 1e-6); // the same sums, in float
    free(v[0]);
    free(v[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_weights_are_transformed_once),
        cmocka_unit_test(only_varying_weights_are_read),
        cmocka_unit_test(frozen_and_varying_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
