// SPDX-License-Identifier: Apache-2.0
// Gradients of the losses with respect to every parameter, against those that the official networks and losses
// gave in float32 on a CPU: generator, path length (second order), discriminator, R1 (second order).
#include "golden.h"

#include "api/model_api.h"
#include "train/loss.h"

typedef struct scene {
    const char *name;
    atl_ctx *ctx;
    atl_model *g, *d;
    golden *truth;
    atl_graph graph;
    atl_net g_net, d_net;
    int n;
} scene;

static atl_node *recorded(scene *s, const char *name) { // NULL: the case has none, or it is empty
    const atl_array *a = golden_find(s->truth, name);
    size_t count;
    if (!a || atl_array_count(a) == 0)
        return NULL;
    float *v = golden_read(s->truth, name, &count);
    atl_node *x = atl_const(&s->graph, atl_shape_make(a->rank, a->dims), v);
    free(v);
    return x;
}

static atl_node *recorded_image(scene *s, const char *name) { // [n, h, w, c]
    atl_node *x = recorded(s, name);
    assert_non_null(x);
    return atl_permute(&s->graph, x, (int[]){ 0, 2, 3, 1 });
}

static atl_node *generated(scene *s, atl_node **ws) {
    atl_node *z = recorded(s, "z"), *c = recorded(s, "c");
    atl_node *w = ATL_APPLY(&s->g_net, &s->g->net, "map", "w", { "z", z }, { "c", c });
    int64_t n = z->shape.d[0], w_dim = s->g->net.dims.w_dim, num_ws = s->g->net.dims.num_ws;
    w = atl_expand(&s->graph, atl_reshape(&s->graph, w, ATL_SHAPE(n, 1, w_dim)), ATL_SHAPE(n, num_ws, w_dim));
    *ws = w;
    return ATL_APPLY(&s->g_net, &s->g->net, "synthesize", "img", { "ws", w });
}

static atl_node *judged(scene *s, atl_node *img) {
    return ATL_APPLY(&s->d_net, &s->d->net, "discriminate", "logits", { "img", img },
                     { "c", recorded(s, "c") });
}

static double read_and_check(scene *s, const atl_plan *plan, const atl_node *x, const char *tensor, double bound) {
    size_t count = 0;
    float *truth = golden_read(s->truth, tensor, &count);
    assert_int_equal(count, atl_shape_count(&x->shape));
    float *ours = malloc(count * sizeof *ours);
    assert_non_null(ours);
    assert_true(atl_plan_read(plan, x, ours));
    double e = golden_error(ours, truth, count);
    if (!(e <= bound))
        fail_msg("%s: %s is %.3g away from the recorded numbers", s->name, tensor, e);
    free(ours);
    free(truth);
    return e;
}

static void check_zero(const atl_plan *plan, const atl_node *x) {
    size_t count = (size_t)atl_shape_count(&x->shape);
    float *ours = malloc(count * sizeof *ours);
    assert_non_null(ours);
    assert_true(atl_plan_read(plan, x, ours));
    for (size_t k = 0; k < count; k++)
        assert_true(ours[k] == 0.0f);
    free(ours);
}

// Runs loss and gradients of all trained parameters of `net`; one without a record must have no gradient.
static void check_phase(scene *s, const char *phase, atl_net *net, atl_node *loss, atl_node *more,
                        const char *more_name) {
    enum { MOST = 256 };
    atl_node *targets[MOST], *out[MOST + 2];
    const atl_param *params[MOST];
    int n = 0, checked = 0;
    double worst = 0.0;
    for (size_t i = 0; i < net->params->size; i++)
        if (net->nodes[i] && !net->params->list[i].buffer) {
            assert_true(n < MOST);
            params[n] = &net->params->list[i];
            targets[n++] = net->nodes[i];
        }
    atl_grad(&s->graph, loss, targets, n, out);
    out[n] = loss;
    out[n + 1] = more;
    atl_plan *plan;
    if (atl_plan_make(&s->graph, s->g->backend, out, n + (more ? 2 : 1), NULL, &plan) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    char tensor[256];
    snprintf(tensor, sizeof tensor, "%s.loss", phase);
    read_and_check(s, plan, loss, tensor, F32_LOSS);
    if (more)
        read_and_check(s, plan, more, more_name, F32_GRADIENT);
    for (int i = 0; i < n; i++) {
        snprintf(tensor, sizeof tensor, "%s.grad.%s", phase, params[i]->name);
        if (!golden_has(s->truth, tensor)) {
            check_zero(plan, out[i]);
            continue;
        }
        worst = fmax(worst, read_and_check(s, plan, out[i], tensor, F32_GRADIENT));
        checked++;
    }
    assert_true(checked > 10);
    printf("    %-12s %-6s %3d gradients, worst %.2e (at most %.0e)\n", s->name, phase, checked, worst,
           F32_GRADIENT);
    atl_plan_close(&plan);
}

static void begin(scene *s) {
    atl_graph_init(&s->graph, s->ctx);
    s->g_net = atl_network_in(&s->graph, &s->g->net, "G");
    s->d_net = atl_network_in(&s->graph, &s->d->net, "D");
    s->g_net.varies = s->d_net.varies = true;
}

static void check_case(const char *name) {
    char path[1024];
    scene s = { .name = name };
    atl_model_options critic = ATL_MODEL_OPTIONS_INIT;
    critic.net = "D";
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    golden_path(path, "stylegan", name, ".pkl");
    if (atl_model_open(s.ctx, path, NULL, &s.g) != ATL_OK ||
        atl_model_open(s.ctx, path, &critic, &s.d) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    s.truth = golden_open(s.ctx, "stylegan", name, ".grads.safetensors");
    atl_node *ws, *lengths, *penalties;

    begin(&s);
    atl_node *img = generated(&s, &ws);
    check_phase(&s, "gmain", &s.g_net, atl_loss_g_logistic(&s.graph, judged(&s, img)), NULL, NULL);
    atl_graph_clear(&s.graph);

    if (golden_has(s.truth, "gpl.loss")) {
        begin(&s);
        img = generated(&s, &ws);
        atl_node *mean = atl_fill(&s.graph, ATL_SHAPE(1), 0.25f);
        lengths = atl_path_lengths(&s.graph, img, ws, recorded_image(&s, "gpl.noise"));
        atl_node *loss = atl_loss_path_length(&s.graph, lengths, mean, 2.0f, NULL);
        check_phase(&s, "gpl", &s.g_net, loss, lengths, "gpl.lengths");
        atl_graph_clear(&s.graph);
    }

    begin(&s);
    atl_node *fake = judged(&s, recorded_image(&s, "fake")), *real = judged(&s, recorded_image(&s, "real"));
    check_phase(&s, "dmain", &s.d_net, atl_loss_d_logistic(&s.graph, fake, real), NULL, NULL);
    atl_graph_clear(&s.graph);

    begin(&s);
    img = recorded_image(&s, "real");
    atl_node *r1 = atl_loss_r1_r2(&s.graph, judged(&s, img), img, 3.0f, &penalties);
    check_phase(&s, "dr1", &s.d_net, r1, penalties, "dr1.penalty");
    atl_graph_clear(&s.graph);

    golden_close(&s.truth, NULL);
    atl_model_close(&s.g);
    atl_model_close(&s.d);
    atl_ctx_close(&s.ctx);
}

static void stylegan2_unconditional(void **state) {
    (void)state;
    check_case("sg2-32");
}

static void stylegan2_conditional(void **state) {
    (void)state;
    check_case("sg2-64-cond");
}

static void stylegan3_unconditional(void **state) {
    (void)state;
    check_case("sg3-t-32");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stylegan2_unconditional),
        cmocka_unit_test(stylegan2_conditional),
        cmocka_unit_test(stylegan3_unconditional),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
