// SPDX-License-Identifier: Apache-2.0
// Generators and discriminators of the PyTorch era against images and logits that the official networks gave
// in float32 on a CPU: mapping, truncation, synthesis, style mixing, with Winograd and without.
#include "golden.h"

typedef struct session {
    const char *name;
    atl_ctx *ctx;
    atl_model *g;
    golden *truth;
    const atl_model_info *info;
    size_t per_ws, per_img;
    double bound; // of an image
} session;

static void check_ws(session *s, const float *z, const float *c, const char *name, float psi, int cutoff) {
    size_t count;
    if (!golden_has(s->truth, name))
        return;
    float *truth = golden_read(s->truth, name, &count);
    int n = (int)(count / s->per_ws);
    float *ws = malloc(count * sizeof *ws);
    assert_non_null(ws);
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    o.truncation_psi = psi;
    o.truncation_cutoff = cutoff;
    if (atl_model_map(s->g, n, z, c, &o, ws) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    golden_check(s->name, name, ws, truth, count, F32_MAPPING);
    free(ws);
    free(truth);
}

static void check_img(session *s, const float *ws, const char *name, atl_noise_mode noise, const float *transform) {
    size_t count;
    if (!golden_has(s->truth, name))
        return;
    float *truth = golden_read(s->truth, name, &count);
    int n = (int)(count / s->per_img);
    float *img = malloc(count * sizeof *img);
    assert_non_null(img);
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    o.noise_mode = noise;
    o.transform = transform;
    if (atl_model_synthesize(s->g, n, ws, &o, img) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    golden_check(s->name, name, img, truth, count, s->bound);
    free(img);
    free(truth);
}

static void check_discriminator(session *s, const char *path, const float *c) {
    size_t n_img, n_logits;
    if (!golden_has(s->truth, "logits")) // StyleGAN-XL's are another kind of network
        return;
    float *img = golden_read(s->truth, "img", &n_img), *truth = golden_read(s->truth, "logits", &n_logits),
          logits[16];
    assert_in_range(n_logits, 1, 16);
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = "D";
    atl_model *d;
    if (atl_model_open(s->ctx, path, &o, &d) != ATL_OK ||
        atl_model_discriminate(d, (int)n_logits, img, c, logits) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n_logits; i++) {
        worst = fmax(worst, fabs((double)logits[i] - (double)truth[i]));
        largest = fmax(largest, fabs((double)truth[i]));
    }
    printf("    %-20s %-20s %.2e (at most %.0e)\n", s->name, "logits", worst / largest, F32_SCORE);
    assert_true(worst <= F32_SCORE * largest);
    atl_model_close(&d);
    free(img);
    free(truth);
}

static void check_case(const char *folder, const char *name, int direct) {
    char path[1024];
    session s = { .name = name, .bound = direct ? F32_IMAGE_DIRECT : F32_IMAGE_WINOGRAD };
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.direct = direct;
    assert_int_equal(atl_ctx_open(&s.ctx, &options), ATL_OK);
    s.truth = golden_open(s.ctx, folder, name, ".safetensors");
    if (atl_model_open(s.ctx, golden_path(path, folder, name, ".pkl"), NULL, &s.g) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    s.info = atl_model_get_info(s.g);
    s.per_ws = (size_t)s.info->num_ws * (size_t)s.info->w_dim;
    s.per_img = (size_t)s.info->channels * (size_t)s.info->height * (size_t)s.info->width;
    size_t n_z, n_c, n_ws;
    float *z = golden_read(s.truth, "z", &n_z),
          *c = golden_has(s.truth, "c") ? golden_read(s.truth, "c", &n_c) : NULL;
    check_ws(&s, z, c, "ws", 1.0f, 0);
    check_ws(&s, z, c, "ws.psi0.5", 0.5f, 0);
    check_ws(&s, z, c, "ws.psi0.6", 0.6f, 0);
    check_ws(&s, z, c, "ws.psi0.7.cutoff3", 0.7f, 3);
    const char *truncated = golden_has(s.truth, "ws.psi0.5") ? "ws.psi0.5" : "ws.psi0.6";
    float *ws = golden_read(s.truth, "ws", &n_ws), *half = golden_read(s.truth, truncated, &n_ws);
    check_img(&s, ws, "img", ATL_NOISE_CONST, NULL);
    check_img(&s, half, truncated[strlen("ws.psi0.")] == '5' ? "img.psi0.5" : "img.psi0.6", ATL_NOISE_CONST, NULL);
    check_img(&s, ws, "img.nonoise", ATL_NOISE_NONE, NULL);
    if (golden_has(s.truth, "transform")) {
        size_t n_transform;
        float *transform = golden_read(s.truth, "transform", &n_transform);
        check_img(&s, ws, "img.transform", ATL_NOISE_CONST, transform);
        free(transform);
    }
    size_t split = 3 * (size_t)s.info->w_dim; // layers 0-2 from sample 0, 3 and on from sample 1
    memcpy(half, ws, split * sizeof *ws);
    memcpy(half + split, ws + s.per_ws + split, (s.per_ws - split) * sizeof *ws);
    check_img(&s, half, "img.mix01@3", ATL_NOISE_CONST, NULL);
    check_discriminator(&s, path, c);
    free(z);
    free(c);
    free(ws);
    free(half);
    golden_close(&s.truth, NULL);
    atl_model_close(&s.g);
    atl_ctx_close(&s.ctx);
}

static const struct { const char *folder, *name; } CASES[] = {
    { "stylegan", "sg2-32" },        { "stylegan", "sg2-32-resnet" }, { "stylegan", "sg2-16-orig-gray" },
    { "stylegan", "sg2-64-cond" },   { "stylegan", "sg3-t-32" },      { "stylegan", "sg3-t-64-cond" },
    { "stylegan", "sg3-r-32" },      { "xl", "xl-t-16-stem" },        { "xl", "xl-r-16-stem" },
    { "xl", "xl-t-32-superres" },    { "xl", "xl-r-32-superres" },
};

static void images_with_winograd(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        check_case(CASES[i].folder, CASES[i].name, 0);
}

static void images_by_direct_convolution(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        check_case(CASES[i].folder, CASES[i].name, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_with_winograd),
        cmocka_unit_test(images_by_direct_convolution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
