// SPDX-License-Identifier: Apache-2.0
// Files of detectors in all layouts: which networks they hold, and that every tensor becomes the parameter
// that it is, in its order.  The files are those of detector_files.py; argv[1] is their folder.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ckpt/ckpt.h"
#include "metrics/detector.h"

static const char *folder;

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    return ctx;
}

static const char *path_of(char path[512], const char *name) {
    snprintf(path, 512, "%s/%s", folder, name);
    return path;
}

// ---- what detectors.txt says

typedef struct expected {
    atl_ctx *ctx;
    atl_ckpt *ckpt;
    size_t network; // number in the file + 1; 0: none yet
    atl_params params;
    size_t left; // parameters that no line has named
} expected;

static void end_network(expected *e) {
    if (!e->network)
        return;
    assert_int_equal(e->left, 0);
    atl_params_clear(&e->params);
}

static void end_file(expected *e) {
    end_network(e);
    if (e->ckpt)
        assert_int_equal(atl_ckpt_size(e->ckpt), e->network);
    atl_ckpt_close(&e->ckpt);
    e->network = 0;
}

static void begin_file(expected *e, const char *name) {
    char path[512];
    end_file(e);
    if (atl_ckpt_open(e->ctx, path_of(path, name), &e->ckpt) != ATL_OK)
        fail_msg("%s", atl_message(e->ctx));
}

static void begin_network(expected *e, const char *key, const char *kind) {
    end_network(e);
    assert_true(e->network < atl_ckpt_size(e->ckpt));
    const atl_ckpt_net *net = atl_ckpt_get(e->ckpt, e->network);
    assert_string_equal(net->key, key);
    assert_string_equal(net->kind, kind);
    atl_params_init(&e->params, e->ctx);
    if (atl_ckpt_load(e->ckpt, e->network++, &e->params) != ATL_OK)
        fail_msg("%s", atl_message(e->ctx));
    e->left = e->params.size;
}

// Output channel o holds base + 0.001 o everywhere.
static void check_param(expected *e, const char *name, double base, size_t count) {
    const atl_param *p = atl_params_find(&e->params, name);
    if (!p)
        fail_msg("%s is missing", name);
    assert_int_equal(p->dims[0], count);
    const float *v = atl_param_data(&e->params, p);
    size_t row = p->count / count;
    for (size_t o = 0; o < count; o++)
        for (size_t i = 0; i<row; i += row> 1 ? row - 1 : 1)
            if (!(fabs((double)v[o * row + i] - (base + 0.001 * (double)o)) < 1e-6))
                fail_msg("%s: number %zu of output %zu is %g", name, i, o, (double)v[o * row + i]);
    e->left--;
}

// Column i holds base + 0.001 i in each row.
static void check_row(expected *e, const char *name, double base, size_t count) {
    const atl_param *p = atl_params_find(&e->params, name);
    if (!p)
        fail_msg("%s is missing", name);
    assert_int_equal(p->dims[1], count);
    const float *v = atl_param_data(&e->params, p);
    for (size_t i = 0; i < p->count; i += 997)
        if (!(fabs((double)v[i] - (base + 0.001 * (double)(i % count))) < 1e-4))
            fail_msg("%s: number %zu is %g", name, i, (double)v[i]);
    e->left--;
}

static void each_tensor_becomes_its_parameter(void **state) {
    (void)state;
    char path[512], line[256], a[128], b[128];
    double base;
    size_t count;
    expected e = { .ctx = open_ctx() };
    FILE *f = fopen(path_of(path, "detectors.txt"), "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "file %127s", a) == 1)
            begin_file(&e, a);
        else if (sscanf(line, "network %127s %127s", a, b) == 2)
            begin_network(&e, a, b);
        else if (sscanf(line, "param %127s %lf %zu", a, &base, &count) == 3)
            check_param(&e, a, base, count);
        else if (sscanf(line, "row %127s %lf %zu", a, &base, &count) == 3)
            check_row(&e, a, base, count);
        else
            fail_msg("detectors.txt: %s", line);
    fclose(f);
    end_file(&e);
    atl_ctx_close(&e.ctx);
}

// ---- networks of them

static void networks_find_all_that_they_ask_for(void **state) {
    (void)state;
    static const struct {
        const char *file, *net, *family;
    } cases[] = {
        { "inception.pt", NULL, "inception" },          { "inception.pth", "inception", "inception" },
        { "inception_features.pt", NULL, "inception" }, { "vgg16.pt", "lpips", "lpips" },
        { "vgg16_perceptual.pt", "lpips", "lpips" },    { "lpips_squeeze.pth", "lpips", "lpips" },
        { "heads_alex.pth", NULL, "lpips-heads" },      { "alexnet.pth", NULL, "alexnet" },
        { "resnet18_epoch.pth", NULL, "resnet" },       { "moco.pth", "resnet", "resnet" },
        { "resnet_cifar.pth", "resnet", "resnet" },
    };
    atl_ctx *ctx = open_ctx();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        atl_network net;
        atl_model_options o = ATL_MODEL_OPTIONS_INIT;
        o.net = cases[i].net;
        if (atl_network_open(ctx, path_of(path, cases[i].file), &o, &net) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        assert_string_equal(net.row->family, cases[i].family);
        atl_network_clear(&net);
    }
    atl_ctx_close(&ctx);
}

static void what_is_none_is_said(void **state) {
    (void)state;
    static const struct {
        const char *file, *says;
    } cases[] = {
        { "inception_1000.pth", "is an Inception of 1000 classes" },
        { "inception_nan.pth", "Mixed_6b.branch7x7_2.bn.bias holds infinite values or NaN" },
        { "inception_less.pth", "has no Mixed_6b.branch7x7_2.bn.bias" },
        { "resnet_less.pth", "whose layer3.1.bn2.running_var is missing" },
        { "script.pt", "is a TorchScript program, which is not run" },
        { "classifier_mbstd.pt", "neither a classifier nor a discriminator" },
        { "heads_negative.pth", "lin2.model.1.weight has a negative number" },
    };
    atl_ctx *ctx = open_ctx();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        atl_network net;
        assert_int_not_equal(atl_network_open(ctx, path_of(path, cases[i].file), NULL, &net), ATL_OK);
        if (!strstr(atl_message(ctx), cases[i].says))
            fail_msg("%s: %s", cases[i].file, atl_message(ctx));
        atl_message_clear(ctx);
    }
    atl_ctx_close(&ctx);
}

// ---- detectors of them

static void open_role(atl_ctx *ctx, const char *role, const char *file, const char *heads, atl_network *net) {
    char a[512], b[512];
    if (atl_detector_network(ctx, role, path_of(a, file), heads ? path_of(b, heads) : NULL, net) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static void roles_choose_networks(void **state) {
    (void)state;
    static const struct {
        const char *role, *file, *family;
    } cases[] = {
        { "inception", "inception.pt", "inception" },
        { "lpips-vgg", "vgg16_perceptual.pt", "lpips" },
        { "vgg16", "lpips_vgg.pth", "vgg16" },
        { "classifiers", "classifier.pt", "progan" },
    };
    atl_ctx *ctx = open_ctx();
    atl_network net;
    char path[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_role(ctx, cases[i].role, cases[i].file, NULL, &net);
        assert_string_equal(net.row->family, cases[i].family);
        atl_network_clear(&net);
    }
    assert_int_not_equal(atl_detector_network(ctx, "inception", path_of(path, "alexnet.pth"), NULL, &net),
                         ATL_OK);
    assert_non_null(
        strstr(atl_message(ctx), "there is no network inception in the file, which holds: alexnet"));
    atl_ctx_close(&ctx);
}

static void heads_and_backbone_join(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_network joined, whole;
    char a[512], b[512];
    open_role(ctx, "lpips-squeeze", "squeezenet.pth", "heads_squeeze.pth", &joined);
    open_role(ctx, "lpips-squeeze", "lpips_squeeze.pth", NULL, &whole);
    assert_true(atl_params_fingerprint(&joined.params) == atl_params_fingerprint(&whole.params));
    atl_network_clear(&joined);
    atl_network_clear(&whole);
    assert_int_not_equal(atl_detector_network(ctx, "lpips-alex", path_of(a, "squeezenet.pth"),
                                              path_of(b, "heads_alex.pth"), &joined),
                         ATL_OK);
    assert_non_null(
        strstr(atl_message(ctx), "there is no network alexnet in the file, which holds: squeezenet"));
    atl_ctx_close(&ctx);
}

// ---- conversion

// Each network of a file in Atelier's own format has the same names, shapes and values.
static void converted_files_hold_the_same(void **state) {
    (void)state;
    static const char *const files[] = { "inception.pt",        "inception_features.pt", "lpips_alex.pth",
                                         "vgg16_perceptual.pt", "heads_squeeze.pth",     "classifier.pt" };
    atl_ctx *ctx = open_ctx();
    char from[512], to[512];
    path_of(to, "converted.safetensors");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        atl_ckpt *a, *b;
        path_of(from, files[i]);
        if (atl_convert(ctx, from, to, NULL) != ATL_OK || atl_ckpt_open(ctx, from, &a) != ATL_OK ||
            atl_ckpt_open(ctx, to, &b) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        assert_int_equal(atl_ckpt_size(a), atl_ckpt_size(b));
        for (size_t k = 0; k < atl_ckpt_size(a); k++) {
            atl_network x, y;
            atl_model_options o = ATL_MODEL_OPTIONS_INIT;
            o.net = atl_ckpt_get(a, k)->key;
            assert_int_equal(atl_network_open(ctx, from, &o, &x), ATL_OK);
            assert_int_equal(atl_network_open(ctx, to, &o, &y), ATL_OK);
            assert_string_equal(x.row->kind, y.row->kind);
            assert_true(json_equal(x.json, y.json));
            assert_true(atl_params_fingerprint(&x.params) == atl_params_fingerprint(&y.params));
            atl_network_clear(&x);
            atl_network_clear(&y);
        }
        atl_ckpt_close(&a);
        atl_ckpt_close(&b);
    }
    remove(to);
    atl_ctx_close(&ctx);
}

static void heads_are_joined_by_conversion(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_network joined, whole;
    atl_convert_options o = ATL_CONVERT_OPTIONS_INIT;
    char from[512], to[512], heads[512], name[64];
    static const struct {
        const char *role, *trunk, *net;
    } cases[] = { { "lpips-alex", "alexnet.pth", "alex" }, { "lpips-squeeze", "squeezenet.pth", "squeeze" } };
    path_of(to, "converted.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(name, sizeof name, "heads_%s.pth", cases[i].net);
        o.heads = path_of(heads, name);
        if (atl_convert(ctx, path_of(from, cases[i].trunk), to, &o) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        snprintf(name, sizeof name, "lpips_%s.pth", cases[i].net);
        open_role(ctx, cases[i].role, "converted.safetensors", NULL, &joined);
        open_role(ctx, cases[i].role, name, NULL, &whole);
        assert_string_equal(joined.row->family, "lpips");
        assert_true(atl_params_fingerprint(&joined.params) == atl_params_fingerprint(&whole.params));
        atl_network_clear(&joined);
        atl_network_clear(&whole);
    }
    remove(to);
    assert_int_not_equal(atl_convert(ctx, path_of(from, "alexnet.pth"), to, &o),
                         ATL_OK); // with others' heads
    assert_non_null(
        strstr(atl_message(ctx), "there is no network squeezenet in the file, which holds: alexnet"));
    atl_message_clear(ctx);
    o.net = "lpips";
    assert_int_equal(atl_convert(ctx, from, to, &o), ATL_BAD_ARGUMENT);
    FILE *f = fopen(to, "rb");
    assert_null(f);
    atl_ctx_close(&ctx);
}

static void classifiers_score_pictures_alone(void **state) {
    (void)state;
    enum { SIZE = 32, N = 9, PICTURE = 3 * SIZE * SIZE }; // larger than the network takes, more than a batch
    static uint8_t rgb[N * PICTURE];
    const atl_detector_options o = { .height = SIZE, .width = SIZE };
    atl_ctx *ctx = open_ctx();
    atl_network net;
    atl_detector *d;
    float out[N];
    open_role(ctx, "classifiers", "classifier.pt", NULL, &net);
    if (atl_detector_open(&net, "scores", &o, &d) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    assert_int_equal(atl_detector_width(d), 1);
    assert_string_equal(atl_detector_resize(d), "area");
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i / PICTURE % 2 ? i * 97 % 251 : 255 - i % PICTURE % 7);
    assert_int_equal(atl_detector_run(d, rgb, N, out), ATL_OK);
    assert_true(isfinite(out[0]) && out[0] != out[1]);
    for (int i = 0; i < N; i += 2)
        assert_true(fabs((double)(out[i] - out[0])) <= 1e-5 * fabs((double)out[0]));
    atl_detector_close(&d);
    assert_int_not_equal(atl_detector_open(&net, "features", &o, &d), ATL_OK);
    assert_non_null(strstr(atl_message(ctx), "has no features; it has: scores"));
    atl_network_clear(&net);
    atl_ctx_close(&ctx);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tensor_becomes_its_parameter),
        cmocka_unit_test(networks_find_all_that_they_ask_for),
        cmocka_unit_test(what_is_none_is_said),
        cmocka_unit_test(roles_choose_networks),
        cmocka_unit_test(heads_and_backbone_join),
        cmocka_unit_test(converted_files_hold_the_same),
        cmocka_unit_test(heads_are_joined_by_conversion),
        cmocka_unit_test(classifiers_score_pictures_alone),
    };
    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
