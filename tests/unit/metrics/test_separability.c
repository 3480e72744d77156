// SPDX-License-Identifier: Apache-2.0
// Linear separability of a network from the outside: forty small classifiers of fresh weights, against logits
// and boundaries made one by one; kept and gone on with; what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <atelier/metrics.h>
#include "base/mem.h"
#include "metrics/detector.h"
#include "metrics/generator.h"
#include "metrics/separability.h"

enum {
    CLASSIFIERS = 40,
    SIDE = 32, // of pictures; classifiers take half of it
    W = 16,
    N = 300, // more than one chunk
    PICTURE = 3 * SIDE * SIDE
};

static const char NETWORK[] = "separable-net.safetensors";

typedef struct scene {
    atl_ctx *ctx;
    float *z, *w;      // [N, W]
    float *logits;     // [CLASSIFIERS, N]
    const char *other; // a file in the place of classifier 7; NULL: its own
    char path[64];
} scene;

static void ok(atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

// ---- a network, and what classifiers are to say of its pictures

static void write_network(scene *s, const atl_network *net, const char *path) {
    const atl_ckpt_out out = { net->name, net->row->kind, net->json, &net->params, NULL };
    ok(s->ctx, atl_ckpt_write(s->ctx, path, &out, 1, NULL, NULL, ATL_F32));
}

static void make_network(scene *s) {
    atl_network net;
    ok(s->ctx, atl_network_make(s->ctx, atl_model_row_for("stylegan2", "generator"), "G_ema",
                                json_pack("{s:s,s:b,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:{s:i}}", "architecture",
                                          "skip", "use_noise", 1, "z_dim", W, "c_dim", 0, "w_dim", W,
                                          "img_resolution", SIDE, "img_channels", 3, "channel_base", 256,
                                          "channel_max", 16, "mapping", "num_layers", 3),
                                7, &net));
    write_network(s, &net, NETWORK);
    atl_network_clear(&net);
}

static float *make_pictures(scene *s) {
    const atl_generator_options o = { .seed = 0, .psi = 1, .class_index = -1, .noise = ATL_NOISE_RANDOM };
    float *pictures = malloc((size_t)N * PICTURE * sizeof *pictures), ws[32 * 8 * W];
    atl_network net;
    atl_backend *backend;
    atl_generator g;
    ok(s->ctx, atl_network_open(s->ctx, NETWORK, NULL, &net));
    ok(s->ctx, atl_detector_backend(s->ctx, &backend));
    ok(s->ctx, atl_generator_open(&net, backend, NULL, &o, &g));
    assert_true(g.inner == 32 && g.ws == 8 * W && g.z == W);
    for (int at = 0; at < N; at += g.inner) {
        uint32_t seeds[32];
        const atl_generator_scene paint = { .noise = o.noise, .noise_seeds = seeds };
        int n = N - at < g.inner ? N - at : g.inner;
        atl_generator_z(&g, ATL_PURPOSE_SEPARABILITY, at, n, s->z + at * W);
        for (int i = 0; i < n; i++)
            seeds[i] = atl_generator_noise_seed(&g, ATL_PURPOSE_SEPARABILITY, at + i);
        ok(s->ctx, atl_generator_w(&g, n, s->z + at * W, NULL, s->w + at * W));
        ok(s->ctx, atl_generator_styles(&g, n, s->w + at * W, NULL, ws));
        ok(s->ctx, atl_generator_paint(&g, n, ws, &paint, pictures + (size_t)at * PICTURE));
    }
    for (size_t i = 0; i < (size_t)N * PICTURE; i++)
        pictures[i] = (pictures[i] + 1) * 127.5f;
    atl_generator_close(&g);
    atl_backend_close(&backend);
    atl_network_clear(&net);
    return pictures;
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void run(scene *s, const atl_network *net, const float *pictures, float *out) {
    const atl_detector_options o = { .height = SIDE, .width = SIDE };
    atl_detector *d;
    ok(s->ctx, atl_detector_open(net, "scores", &o, &d));
    ok(s->ctx, atl_detector_run_float(d, pictures, N, out));
    atl_detector_close(&d);
}

// With a bias by which about half of the pictures have the attribute.
static void make_classifier(scene *s, int index, const float *pictures) {
    float sorted[N], *out = s->logits + (size_t)index * N;
    char path[64];
    atl_network net;
    ok(s->ctx, atl_network_make(s->ctx, atl_model_row_for("progan", "discriminator"), "D",
                                json_pack("{s:i,s:i,s:i,s:i,s:f,s:i,s:i,s:i}", "img_resolution", SIDE / 2,
                                          "img_channels", 3, "channel_base", 64, "channel_max", 8, "lod", 0.0,
                                          "label_size", 0, "mbstd_group_size", 0, "mbstd_num_channels", 0),
                                (uint64_t)index, &net));
    run(s, &net, pictures, out);
    memcpy(sorted, out, sizeof sorted);
    qsort(sorted, N, sizeof *sorted, by_size);
    const atl_param *bias = atl_params_find(&net.params, "b4.out.bias");
    assert_non_null(bias);
    *atl_param_data(&net.params, bias) -= sorted[N / 2 + index - 20];
    run(s, &net, pictures, out);
    snprintf(path, sizeof path, "classifier-%02d", index);
    write_network(s, &net, path);
    atl_network_clear(&net);
}

static int make_scene(void **state) {
    scene *s = calloc(1, sizeof *s);
    s->z = malloc((size_t)N * W * sizeof *s->z);
    s->w = malloc((size_t)N * W * sizeof *s->w);
    s->logits = malloc((size_t)N * CLASSIFIERS * sizeof *s->logits);
    if (atl_ctx_open(&s->ctx, NULL) != ATL_OK)
        return -1;
    make_network(s);
    float *pictures = make_pictures(s);
    for (int i = 0; i < CLASSIFIERS; i++)
        make_classifier(s, i, pictures);
    free(pictures);
    *state = s;
    return 0;
}

static int clear_scene(void **state) {
    scene *s = *state;
    char path[64];
    for (int i = 0; i < CLASSIFIERS; i++) {
        snprintf(path, sizeof path, "classifier-%02d", i);
        remove(path);
    }
    remove(NETWORK);
    atl_ctx_close(&s->ctx);
    free(s->z);
    free(s->w);
    free(s->logits);
    free(s);
    return 0;
}

// ---- measurements

static const char *find(void *user, const char *role, const char **path, const char **heads) {
    scene *s = user;
    *heads = NULL;
    snprintf(s->path, sizeof s->path, "%s", s->other && !strcmp(role, "classifier-07") ? s->other : role);
    *path = s->path;
    return NULL;
}

static atl_status open_measurement(scene *s, const char *metrics, int batch, atl_metrics **m) {
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    o.network = NETWORK;
    o.metrics = metrics;
    o.batch = batch;
    o.find_detector = find;
    o.user = s;
    return atl_metrics_open(s->ctx, &o, m);
}

static void finish(scene *s, atl_metrics *m, double values[2], double errors[2]) {
    int count;
    while (!atl_metrics_get_state(m)->finished)
        ok(s->ctx, atl_metrics_step(m));
    const atl_metric_result *r = atl_metrics_get_results(m, &count);
    r += count - 1;
    assert_int_equal(r->count, 2);
    assert_string_equal(r->how, "40 classifiers of 16x16");
    for (int i = 0; i < 2; i++) {
        values[i] = r->values[i].value;
        errors[i] = r->values[i].error;
    }
    atl_metrics_close(&m);
}

static void scores_are_those_of_boundaries_one_by_one(void **state) {
    scene *s = *state;
    atl_boundary all[2][CLASSIFIERS];
    atl_metrics *m;
    double values[2], errors[2];
    for (int i = 0; i < CLASSIFIERS; i++)
        for (int k = 0; k < 2; k++)
            ok(s->ctx, atl_separability(s->ctx, k ? s->w : s->z, s->logits + (size_t)i * N, N, W, N / 2,
                                        &all[k][i], NULL, NULL, NULL, NULL));
    ok(s->ctx, open_measurement(s, "ls300", 0, &m));
    finish(s, m, values, errors);
    for (int k = 0; k < 2; k++) {
        atl_estimate e = atl_separability_score(all[k], CLASSIFIERS);
        printf("    %.6g +- %.2g\n", values[k], errors[k]);
        assert_true(values[k] == e.value && errors[k] == e.error);
        assert_true(values[k] > 1.1 && errors[k] > 0);
    }
    assert_true(values[0] != values[1]);
}

// With a chunk begun, among boundaries in z and in w.
static void it_goes_on_where_it_was_kept(void **state) {
    static const int stops[] = { 169, 215, 270 };
    scene *s = *state;
    double whole[2], values[2], errors[2];
    atl_metrics *m;
    ok(s->ctx, open_measurement(s, "msssim10,ls300", 1, &m));
    finish(s, m, whole, errors);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        ok(s->ctx, open_measurement(s, "ls300", 100, &m));
        for (int k = 0; k < stops[i]; k++)
            ok(s->ctx, atl_metrics_step(m));
        assert_false(atl_metrics_get_state(m)->finished);
        ok(s->ctx, atl_metrics_save(m, "kept.partial"));
        atl_metrics_close(&m);
        ok(s->ctx, open_measurement(s, "ls300", 0, &m));
        ok(s->ctx, atl_metrics_restore(m, "kept.partial"));
        finish(s, m, values, errors);
        assert_memory_equal(values, whole, sizeof whole);
    }
    remove("kept.partial");
}

static void what_cannot_be_is_said(void **state) {
    static const struct {
        const char *metrics, *other, *says;
    } cases[] = {
        { "ls1", NULL, "ls1: 2 pictures are needed at least" },
        { "ls10", NETWORK, "separable-net.safetensors: G_ema is a stylegan2 network, which is no detector" },
        { "ls10", "classifier-none", "classifier-none" },
    };
    scene *s = *state;
    atl_metrics *m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        s->other = cases[i].other;
        assert_int_not_equal(open_measurement(s, cases[i].metrics, 0, &m), ATL_OK);
        assert_null(m);
        if (!strstr(atl_message(s->ctx), cases[i].says))
            fail_msg("%s", atl_message(s->ctx));
        atl_message_clear(s->ctx);
    }
    s->other = NULL;
}

// In some of the many places; what is left of a failed step is released.
static void missing_memory_is_told(void **state) {
    scene *s = *state;
    for (long n = 1;; n = n * 3 / 2 + 1) {
        atl_metrics *m;
        s->ctx->fail_after = n;
        atl_status status = open_measurement(s, "ls10", 0, &m);
        while (status == ATL_OK && !atl_metrics_get_state(m)->finished)
            status = atl_metrics_step(m);
        s->ctx->fail_after = -1;
        atl_metrics_close(&m);
        if (status == ATL_OK)
            break;
        assert_int_equal(status, ATL_NO_MEMORY);
        atl_message_clear(s->ctx);
        assert_true(n < 1000000);
    }
}

int main(void) {
    char folder[] = "/tmp/test_separability.XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_boundaries_one_by_one),
        cmocka_unit_test(it_goes_on_where_it_was_kept),
        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(missing_memory_is_told),
    };
    int failed = cmocka_run_group_tests(tests, make_scene, clear_scene);
    if (chdir("/") != 0 || rmdir(folder) != 0)
        return 1;
    return failed;
}
