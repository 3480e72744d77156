// SPDX-License-Identifier: Apache-2.0
// Codes that are drawn by logits (the Gumbel quantiser of taming-transformers), with recorded noise against
// what was recorded of it: logits, the code that noise makes the largest, its vector, and how uneven
// probabilities are. And the cross entropy that transformers are trained with, of recorded logits.
#include "golden.h"
#include "state.h"

#include "models/codes.h"
#include "nn/functions.h"
#include "run/backend.h"
#include "graph/plan.h"
#include "train/loss.h"

enum { N = 2, H = 4, W = 3, T = H * W, INSIDE = 12, CODES = 40, WIDTH = 10 };
static const double BOUND = 2e-5, KL_WEIGHT = 1e-3;

// [n, c, h, w] -> [n, h w, c]
static float *rows_of(golden *truth, const char *name, size_t channels) {
    size_t count;
    float *x = golden_read(truth, name, &count), *y = malloc(count * sizeof *y);
    assert_non_null(y);
    assert_int_equal(count, N * T * channels);
    for (size_t i = 0; i < count; i++)
        y[(i / (channels * T) * T + i % T) * channels + i / T % channels] = x[i];
    free(x);
    return y;
}

static const float *weights(const state_dict *d, const char *name) {
    for (size_t i = 0; i < d->size; i++)
        if (!strcmp(d->names[i], name))
            return d->list[i].data;
    fail_msg("%s is not listed", name);
    return NULL;
}

static void check(golden *truth, const atl_plan *plan, const atl_node *node, const char *name,
                  size_t channels, double bound) {
    float *expected = rows_of(truth, name, channels), ours[N * T * CODES];
    assert_int_equal(atl_shape_count(&node->shape), N * T * channels);
    assert_true(atl_plan_read(plan, node, ours));
    golden_check("gumbel", name, ours, expected, N * T * channels, bound);
    free(expected);
}

static void drawn_codes(void **state) {
    (void)state;
    static const state_options o = { .gain = 2.0, .section = "gumbel" };
    const float temperature = 0.7f;
    char path[1024];
    float kl[N], mean = 0;
    size_t one;
    atl_ctx *ctx;
    atl_backend *backend;
    atl_graph graph, *g = &graph;
    atl_plan *plan;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(ctx, NULL, &backend), ATL_OK);
    golden *truth = golden_open(ctx, "gans", "taming", ".safetensors");
    state_dict *d = state_read(golden_path(path, "gans", "taming", ".names.txt"), &o);
    float *z = rows_of(truth, "gumbel.z", INSIDE), *noise = rows_of(truth, "gumbel.noise", CODES);
    atl_graph_init(g, ctx);
    atl_node *logits = atl_dense(g, atl_const(g, ATL_SHAPE(N, T, INSIDE), z),
                                 atl_const(g, ATL_SHAPE(CODES, INSIDE), weights(d, "proj.weight")),
                                 atl_const(g, ATL_SHAPE(CODES), weights(d, "proj.bias")));
    atl_node *shares = atl_code_draw(g, logits, atl_const(g, ATL_SHAPE(N, T, CODES), noise),
                                     atl_const(g, ATL_SHAPE(1), &temperature));
    atl_node *quant =
        atl_matmul(g, atl_reshape(g, shares, ATL_SHAPE(N * T, CODES)),
                   atl_const(g, ATL_SHAPE(CODES, WIDTH), weights(d, "embed.weight")), false, false);
    atl_node *results[] = { logits, quant, atl_position_of_largest(g, shares),
                            atl_code_unevenness(g, logits) };
    assert_int_equal(atl_plan_make(g, backend, results, 4, &(atl_plan_options){ .step_mode = true }, &plan),
                     ATL_OK);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    check(truth, plan, logits, "gumbel.logits", CODES, BOUND);
    check(truth, plan, quant, "gumbel.quant", WIDTH, BOUND);
    check(truth, plan, results[2], "gumbel.indices", 1, 0.0);
    assert_true(atl_plan_read(plan, results[3], kl));
    for (int i = 0; i < N; i++)
        mean += (float)KL_WEIGHT * kl[i] / N;
    float *expected = golden_read(truth, "gumbel.kl", &one);
    golden_check("gumbel", "gumbel.kl", &mean, expected, 1, BOUND);
    free(expected);
    atl_plan_close(&plan);
    atl_graph_clear(g);
    free(z);
    free(noise);
    state_free(d);
    golden_close(&truth, (const char *const[]){ "patchd", NULL }); // test_codes.c
    atl_backend_close(&backend);
    atl_ctx_close(&ctx);
}

// Of one of the two recorded transformers.
static void check_entropy(atl_ctx *ctx, atl_backend *backend, golden *truth, const char *kind) {
    char name[64];
    size_t logit_count, count, one;
    float loss[N];
    atl_graph graph, *g = &graph;
    atl_plan *plan;
    snprintf(name, sizeof name, "%s.logits", kind);
    float *logits = golden_read(truth, name, &logit_count);
    snprintf(name, sizeof name, "%s.targets", kind);
    float *targets = golden_read(truth, name, &count);
    snprintf(name, sizeof name, "%s.loss", kind);
    float *expected = golden_read(truth, name, &one);
    int64_t t = (int64_t)count / N, k = (int64_t)(logit_count / count);
    atl_graph_init(g, ctx);
    atl_node *each =
        atl_loss_codes(g, atl_const(g, ATL_SHAPE(N, t, k), logits), atl_const(g, ATL_SHAPE(N, t), targets));
    assert_int_equal(atl_plan_make(g, backend, &each, 1, &(atl_plan_options){ .step_mode = true }, &plan),
                     ATL_OK);
    assert_int_equal(atl_plan_run(plan), ATL_OK);
    assert_true(atl_plan_read(plan, each, loss));
    loss[0] = (loss[0] + loss[1]) / N;
    golden_check("gpt", name, loss, expected, 1, BOUND);
    atl_plan_close(&plan);
    atl_graph_clear(g);
    free(logits);
    free(targets);
    free(expected);
}

static void cross_entropy(void **state) {
    (void)state;
    atl_ctx *ctx;
    atl_backend *backend;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(ctx, NULL, &backend), ATL_OK);
    golden *truth = golden_open(ctx, "gans", "gpt", ".safetensors");
    check_entropy(ctx, backend, truth, "gpt");
    check_entropy(ctx, backend, truth, "gpt_unmasked");
    golden_close(&truth, (const char *const[]){ "gpt", NULL }); // the networks themselves: test_codes.c
    atl_backend_close(&backend);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(drawn_codes), cmocka_unit_test(cross_entropy) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
