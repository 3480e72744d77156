// SPDX-License-Identifier: Apache-2.0
// Blends of two generators against images of blends made by the official network: layers swapped at each
// resolution, weights interpolated; and the sentences when two networks do not match.
#include "golden.h"
#include "recipe.h"

#include "api/model_api.h"

static const char *const NET = "sg2-32";

typedef struct pair {
    atl_ctx *ctx;
    atl_model *a, *b;
    golden *truth;
} pair;

static atl_model *opened(atl_ctx *ctx, const char *folder, const char *name) {
    char path[1024];
    atl_model *m;
    if (atl_model_open(ctx, golden_path(path, folder, name, ".pkl"), NULL, &m) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    return m;
}

// The recorded B is A plus 0.3 times uniform numbers by the parameter's name.
static void disturb(const atl_param *p, float *x) {
    char name[256];
    snprintf(name, sizeof name, "B.%s", p->name);
    uint64_t seed = recipe_seed(name);
    for (size_t i = 0; i < p->count; i++)
        x[i] += (float)(0.3 * (double)recipe_uniform(seed, i));
}

static pair open_pair(void) {
    pair p;
    assert_int_equal(atl_ctx_open(&p.ctx, NULL), ATL_OK);
    p.a = opened(p.ctx, "stylegan", NET);
    p.b = opened(p.ctx, "stylegan", NET);
    for (size_t i = 0; i < p.b->net.params.size; i++)
        if (!p.b->net.params.list[i].buffer)
            disturb(&p.b->net.params.list[i], atl_param_data(&p.b->net.params, &p.b->net.params.list[i]));
    p.truth = NULL;
    return p;
}

static void close_pair(pair *p) {
    atl_model_close(&p->a);
    atl_model_close(&p->b);
    atl_ctx_close(&p->ctx);
}

static void check_image(pair *p, atl_model *m, const char *name) {
    size_t n_ws = 0, count = 0;
    float *ws = golden_read(p->truth, "blend.ws", &n_ws), *truth = golden_read(p->truth, name, &count);
    assert_non_null(ws);
    assert_non_null(truth);
    float *img = malloc(count * sizeof *img);
    assert_non_null(img);
    if (atl_model_synthesize(m, 2, ws, NULL, img) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    golden_check(NET, name, img, truth, count, F32_IMAGE_WINOGRAD);
    free(ws);
    free(truth);
    free(img);
}

static void check_blend(pair *p, int below, int above, float width, float alpha, const char *name) {
    atl_blend_options o = { sizeof o, below, above, width, alpha };
    atl_model *m;
    if (atl_model_blend(p->a, p->b, &o, &m) != ATL_OK)
        fail_msg("%s", atl_message(p->ctx));
    check_image(p, m, name);
    atl_model_close(&m);
}

static void blends_are_as_recorded(void **state) {
    (void)state;
    pair p = open_pair();
    p.truth = golden_open(p.ctx, "editing", "blend", ".safetensors");
    check_image(&p, p.a, "blend.A");
    check_image(&p, p.b, "blend.B");
    check_blend(&p, 0, 8, 0, 1, "blend.swap8");
    check_blend(&p, 0, 16, 0, 1, "blend.swap16");
    check_blend(&p, 0, 32, 0, 1, "blend.swap32");
    check_blend(&p, 0, 16, 0.01f, 1, "blend.swap16"); // a step so steep that nothing lies on it
    check_blend(&p, 0, 0, 0, 0.3f, "blend.lerp0.3");
    check_blend(&p, 0, 0, 0, 0.75f, "blend.lerp0.75");
    check_blend(&p, 0, 64, 0, 1, "blend.A");
    check_blend(&p, 64, 0, 0, 1, "blend.B"); // all of synthesis; `ws` are given
    golden_close(&p.truth, NULL);
    close_pair(&p);
}

static float value(const atl_model *m, const char *name) {
    const atl_param *p = atl_params_find(&m->net.params, name);
    assert_non_null(p);
    return atl_param_data(&m->net.params, p)[0];
}

// How far from a to b the first number of a tensor is.
static void check_share(const pair *p, const atl_model *m, const char *name, double share) {
    double a = (double)value(p->a, name), b = (double)value(p->b, name), x = (double)value(m, name);
    assert_true(fabs((x - a) / (b - a) - share) < 1e-5); // one rounding of numbers near 1, differences near 0.1
}

static void a_width_smooths_the_step(void **state) {
    (void)state;
    pair p = open_pair();
    atl_blend_options o = { sizeof o, 0, 16, 0.5f, 1.0f };
    atl_model *m;
    assert_int_equal(atl_model_blend(p.a, p.b, &o, &m), ATL_OK);
    check_share(&p, m, "mapping.fc0.weight", 0.0);
    check_share(&p, m, "synthesis.b4.conv1.weight", 1 / (1 + exp(3.0)));
    check_share(&p, m, "synthesis.b8.conv1.weight", 1 / (1 + exp(1.0)));
    check_share(&p, m, "synthesis.b16.conv1.weight", 1 / (1 + exp(-1.0)));
    check_share(&p, m, "synthesis.b32.torgb.weight", 1 / (1 + exp(-3.0)));
    atl_model_close(&m);
    o = (atl_blend_options){ sizeof o, 16, 0, 0.5f, 0.5f };
    assert_int_equal(atl_model_blend(p.a, p.b, &o, &m), ATL_OK);
    check_share(&p, m, "synthesis.b8.conv1.weight", 0.5 / (1 + exp(-1.0)));
    atl_model_close(&m);
    close_pair(&p);
}

// StyleGAN3: a layer's resolution is the size in its name, 36 to 32.
static void layers_of_stylegan3_swap_by_size(void **state) {
    (void)state;
    pair p = { 0 };
    assert_int_equal(atl_ctx_open(&p.ctx, NULL), ATL_OK);
    p.a = opened(p.ctx, "xl", "xl-t-32-superres");
    p.b = opened(p.ctx, "xl", "xl-t-32-superres");
    for (size_t i = 0; i < p.b->net.params.size; i++)
        if (!p.b->net.params.list[i].buffer)
            disturb(&p.b->net.params.list[i], atl_param_data(&p.b->net.params, &p.b->net.params.list[i]));
    atl_blend_options o = { sizeof o, 0, 50, 0.0f, 1.0f };
    atl_model *m;
    assert_int_equal(atl_model_blend(p.a, p.b, &o, &m), ATL_OK);
    check_share(&p, m, "mapping.embed.weight", 0.0);
    check_share(&p, m, "synthesis.input.weight", 0.0);
    check_share(&p, m, "synthesis.L7_36_24.weight", 0.0);
    check_share(&p, m, "synthesis.L8_52_24.weight", 1.0);
    check_share(&p, m, "synthesis.L10_32_16.weight", 0.0);
    atl_model_close(&m);
    close_pair(&p);
}

static void check_refused(atl_ctx *ctx, const atl_model *a, const atl_model *b, const char *sentence) {
    atl_model *m;
    assert_int_not_equal(atl_model_blend(a, b, NULL, &m), ATL_OK);
    assert_null(m);
    if (!strstr(atl_message(ctx), sentence))
        fail_msg("the message is: %s", atl_message(ctx));
    atl_message_clear(ctx);
}

static void strangers_are_refused(void **state) {
    (void)state;
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    atl_model *two = opened(ctx, "stylegan", NET), *cond = opened(ctx, "stylegan", "sg2-64-cond");
    atl_model *three = opened(ctx, "stylegan", "sg3-t-32"), *resnet = opened(ctx, "stylegan", "sg2-32-resnet");
    check_refused(ctx, two, three, "the first is a stylegan2 generator, the second a stylegan3 generator");
    check_refused(ctx, two, cond, "in the first and");
    check_refused(ctx, two, resnet, "architecture is \"skip\" in the first and \"resnet\" in the second");
    atl_model_close(&two);
    atl_model_close(&cond);
    atl_model_close(&three);
    atl_model_close(&resnet);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blends_are_as_recorded),
        cmocka_unit_test(a_width_smooths_the_step),
        cmocka_unit_test(layers_of_stylegan3_swap_by_size),
        cmocka_unit_test(strangers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
