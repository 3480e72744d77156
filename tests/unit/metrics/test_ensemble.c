// SPDX-License-Identifier: Apache-2.0
// Ensembles: what classifiers see of pictures, views of codes, and the weight of the average.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/ensemble.h>
#include <atelier/network.h>
#include <atelier/rng.h>
#include "api/model_api.h"

enum { SIDE = 40, CROP = 32, PICTURE = 3 * SIDE * SIDE, N = 9, CLASSES = 3, ROWS = 8, W = 16, VIEWS = 5 };

static atl_ctx *open_ctx(void) {
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    return ctx;
}

static void ok(atl_ctx *ctx, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static void says(atl_ctx *ctx, atl_status status, const char *part) {
    assert_int_not_equal(status, ATL_OK);
    if (!strstr(atl_message(ctx), part))
        fail_msg("%s", atl_message(ctx));
    atl_message_clear(ctx);
}

// ---- the weight

static void the_weight_with_most_right_is_chosen(void **state) {
    (void)state;
    // one picture is right by itself, two with a share of the views above 1/4 and up to 1, one never
    const float base[] = { 0.9f, 0.1f, 0.6f, 0.4f, 0.6f, 0.4f, 1.0f, 0.0f };
    const float deep[] = { 0.2f, 0.8f, 0.3f, 0.7f, 0.3f, 0.7f, 1.0f, 0.0f };
    const int32_t labels[] = { 0, 1, 1, 7 };
    int64_t right[ATL_ENSEMBLE_WEIGHTS];
    float mixed[8];
    assert_true(atl_ensemble_choose(4, 2, base, deep, labels, right) == 0.35); // 0.1 / 0.3 is 1/3
    for (int k = 0; k < ATL_ENSEMBLE_WEIGHTS; k++) {
        assert_int_equal(right[k], k <= 6 ? 1 : k <= 11 ? 3 : 2); // the first falls at 0.8 / 1.4
        atl_ensemble_mix(4, 2, k / 20.0, base, deep, mixed);
        assert_int_equal(atl_ensemble_right(4, 2, mixed, labels), right[k]);
    }
    atl_ensemble_mix(4, 2, 0.0, base, deep, mixed);
    assert_memory_equal(mixed, base, sizeof base);
    atl_ensemble_mix(4, 2, 1.0, base, deep, mixed);
    assert_memory_equal(mixed, deep, sizeof deep);
    assert_true(atl_ensemble_choose(4, 2, base, base, labels, right) == 0.0); // the smallest of several
}

// ---- classifiers

static atl_model *make_model(atl_ctx *ctx, const char *kind, json_t *config) {
    atl_network net;
    atl_model *model;
    atl_status status = atl_network_make(ctx, atl_model_row_find(kind), "net", config, 5, &net);
    ok(ctx, atl_model_new(ctx, &net, status, &model));
    return model;
}

static atl_model *make_resnet(atl_ctx *ctx, int classes, const char *stem) {
    return make_model(ctx, "resnet",
                      json_pack("{s:i s:i s:[i,i,i,i] s:i s:i s:s s:s}", "height", CROP, "width", CROP,
                                "units", 1, 1, 1, 1, "channels", 4, "classes", classes, "block", "basic",
                                "stem", stem));
}

static atl_model *make_attribute(atl_ctx *ctx, int mbstd) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    json_t *config;
    o.cfg = "progan";
    o.resolution = CROP / 2;
    o.channel_base = 128;
    o.channel_max = 8;
    const atl_model_row *row = atl_model_row_for("progan", "discriminator");
    ok(ctx, row->init(ctx, &o, &config));
    json_object_set_new(config, "mbstd_num_channels", json_integer(mbstd));
    return make_model(ctx, row->kind, config);
}

static const float *pictures(void) {
    static float img[N * PICTURE];
    for (int i = 0; i < N * PICTURE; i++)
        img[i] = (float)sin(i * 0.7 + i / PICTURE * 3.1);
    return img;
}

static atl_classifier_options options_of(int resize, int crop) {
    atl_classifier_options o = ATL_CLASSIFIER_OPTIONS_INIT;
    o.width = o.height = SIDE;
    o.resize = resize;
    o.crop = crop;
    return o;
}

// What the network says of a square of picture 0, and of it softmax.
static void by_hand(atl_ctx *ctx, atl_model *m, int top, int left, const double *mean,
                    const double *deviation, double *p) {
    static float square[3 * CROP * CROP];
    double sum = 0;
    for (int i = 0; i < 3 * CROP * CROP; i++) {
        int c = i / (CROP * CROP), y = i / CROP % CROP, x = i % CROP;
        double v = (double)pictures()[(c * SIDE + top + y) * SIDE + left + x];
        square[i] = (float)(((v + 1) / 2 - mean[c]) / deviation[c]);
    }
    const atl_array in = { "img", ATL_F32, 4, { 1, 3, CROP, CROP }, square };
    atl_arrays *out;
    ok(ctx, atl_model_run(m, "classify", &in, 1, NULL, &out));
    const float *logits = atl_arrays_find(out, "logits")->data;
    for (int k = 0; k < CLASSES; k++)
        sum += p[k] = exp((double)logits[k]);
    for (int k = 0; k < CLASSES; k++)
        p[k] /= sum;
    atl_arrays_close(&out);
}

static void a_classifier_sees_the_middle_or_a_random_square(void **state) {
    (void)state;
    static const double mean[] = { 0.485, 0.456, 0.406 }, deviation[] = { 0.229, 0.224, 0.225 };
    atl_ctx *ctx = open_ctx();
    atl_model *m = make_resnet(ctx, CLASSES, "imagenet");
    atl_classifier_options o = options_of(SIDE, CROP);
    atl_classifier *c;
    float p[CLASSES];
    double want[CLASSES];
    const uint32_t seed = 11;
    atl_numpy_rng rng;
    ok(ctx, atl_classifier_open(m, &o, &c));
    assert_int_equal(atl_classifier_get_info(c)->classes, CLASSES);
    assert_string_equal(atl_classifier_get_info(c)->colours, "imagenet");
    ok(ctx, atl_classifier_run(c, 1, pictures(), NULL, p));
    by_hand(ctx, m, 4, 4, mean, deviation, want);
    for (int k = 0; k < CLASSES; k++)
        assert_true(fabs((double)p[k] - want[k]) < 1e-5);
    ok(ctx, atl_classifier_run(c, 1, pictures(), &seed, p));
    atl_numpy_rng_init(&rng, seed);
    int top = (int)atl_numpy_rng_below(&rng, 9), left = (int)atl_numpy_rng_below(&rng, 9);
    assert_true(top != 4 || left != 4);
    by_hand(ctx, m, top, left, mean, deviation, want);
    for (int k = 0; k < CLASSES; k++)
        assert_true(fabs((double)p[k] - want[k]) < 1e-5);
    atl_classifier_close(&c);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void a_row_depends_on_its_picture_alone(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_model *m = make_resnet(ctx, CLASSES, "cifar");
    atl_classifier_options o = options_of(0, 0);
    atl_classifier *c;
    float all[N * CLASSES], one[CLASSES];
    ok(ctx, atl_classifier_open(m, &o, &c));
    assert_int_equal(atl_classifier_get_info(c)->resize, CROP);
    assert_string_equal(atl_classifier_get_info(c)->colours, "cifar10");
    ok(ctx, atl_classifier_run(c, N, pictures(), NULL, all));
    for (int i = 0; i < N; i++) {
        double sum = 0;
        ok(ctx, atl_classifier_run(c, 1, pictures() + i * PICTURE, NULL, one));
        assert_memory_equal(one, all + i * CLASSES, sizeof one);
        for (int k = 0; k < CLASSES; k++)
            sum += (double)one[k];
        assert_true(fabs(sum - 1) < 1e-6);
    }
    assert_memory_not_equal(all, all + CLASSES, sizeof one);
    atl_classifier_close(&c);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void an_attribute_has_two_classes(void **state) {
    (void)state;
    enum { HALF = CROP / 2 };
    atl_ctx *ctx = open_ctx();
    atl_model *m = make_attribute(ctx, 0);
    atl_classifier_options o = options_of(0, 0);
    atl_classifier *c;
    static float img[3 * CROP * CROP], small[3 * HALF * HALF];
    float p[2], l;
    for (int i = 0; i < 3 * CROP * CROP; i++)
        small[i / (CROP * CROP) * HALF * HALF + i / CROP % CROP / 2 * HALF + i % CROP / 2] +=
            (img[i] = (float)cos(i * 1.3)) / 4;
    o.width = o.height = CROP;
    ok(ctx, atl_classifier_open(m, &o, &c));
    ok(ctx, atl_classifier_run(c, 1, img, NULL, p));
    ok(ctx, atl_model_discriminate(m, 1, small, NULL, &l));
    assert_int_equal(atl_classifier_get_info(c)->classes, 2);
    assert_true(fabs((double)p[0] - 1 / (1 + exp(-2 * (double)l))) < 1e-5 && l != 0);
    assert_true(fabs((double)p[0] + (double)p[1] - 1) < 1e-6);
    atl_classifier_close(&c);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

static void what_does_not_classify_is_said(void **state) {
    (void)state;
    atl_ctx *ctx = open_ctx();
    atl_classifier_options o = options_of(0, 0);
    atl_classifier *c;
    atl_model *m = make_resnet(ctx, 0, "imagenet");
    says(ctx, atl_classifier_open(m, &o, &c), "net has no classes");
    atl_model_close(&m);
    m = make_attribute(ctx, 1);
    says(ctx, atl_classifier_open(m, &o, &c), "hang on the other pictures of a batch");
    atl_model_close(&m);
    m = make_attribute(ctx, 0);
    o.crop = 8;
    says(ctx, atl_classifier_open(m, &o, &c), "sees whole pictures of 16x16");
    atl_model_close(&m);
    m = make_resnet(ctx, 2, "imagenet");
    o.resize = 7;
    says(ctx, atl_classifier_open(m, &o, &c), "a square of 8 out of pictures whose shorter side is 7");
    o = options_of(0, 0);
    o.colours = "grey";
    says(ctx, atl_classifier_open(m, &o, &c), "no colours \"grey\"");
    o = options_of(0, 0);
    o.channels = 2;
    says(ctx, atl_classifier_open(m, &o, &c), "with 2 channels can't be classified");
    atl_model_close(&m);
    m = make_model(ctx, "squeezenet", json_object());
    o = options_of(0, 0);
    says(ctx, atl_classifier_open(m, &o, &c), "which does not classify");
    assert_null(c);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
}

// ---- views

static atl_model *make_generator(atl_ctx *ctx) {
    return make_model(ctx, "stylegan2_generator",
                      json_pack("{s:s,s:b,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:{s:i}}", "architecture", "skip",
                                "use_noise", 1, "z_dim", W, "c_dim", 2, "w_dim", W, "img_resolution", 32,
                                "img_channels", 3, "channel_base", 256, "channel_max", 16, "mapping",
                                "num_layers", 3));
}

typedef struct scene {
    atl_ctx *ctx;
    atl_model *g;
    float ws[ROWS * W], views[VIEWS * ROWS * W];
    atl_view_options o;
} scene;

static scene begin(atl_view_kind kind) {
    const atl_view_options standard = ATL_VIEW_OPTIONS_INIT;
    scene s = { .ctx = open_ctx(), .o = standard };
    s.g = make_generator(s.ctx);
    assert_int_equal(atl_model_get_info(s.g)->num_ws, ROWS);
    for (int i = 0; i < ROWS * W; i++)
        s.ws[i] = (float)cos(i * 0.3);
    s.o.kind = kind;
    s.o.layers = 0x5; // rows 0 and 2
    s.o.strength = 0.5;
    s.o.seed = 21;
    return s;
}

static void end(scene *s) {
    atl_model_close(&s->g);
    atl_ctx_close(&s->ctx);
}

static float *row(scene *s, int view, int r) {
    return s->views + (view * ROWS + r) * W;
}

static void make(scene *s) {
    ok(s->ctx, atl_views_make(s->g, &s->o, s->ws, VIEWS, s->views));
    for (int v = 0; v < VIEWS; v++)
        for (int r = 0; r < ROWS; r++)
            if (!(s->o.layers >> r & 1))
                assert_memory_equal(row(s, v, r), s->ws + r * W, W * sizeof(float));
            else
                assert_memory_not_equal(row(s, v, r), s->ws + r * W, W * sizeof(float));
}

static void isotropic_views_add_normal_numbers(void **state) {
    (void)state;
    scene s = begin(ATL_VIEW_ISOTROPIC);
    atl_numpy_rng rng;
    make(&s);
    atl_numpy_rng_init(&rng, 21);
    for (int i = 0; i < VIEWS * ROWS * W; i++) {
        double x = atl_numpy_rng_normal(&rng);
        if (i / W % ROWS == 0 || i / W % ROWS == 2)
            assert_true(fabs((double)s.views[i] - ((double)s.ws[i % (ROWS * W)] + 0.5 * x)) < 1e-6);
    }
    end(&s);
}

static void mixed_views_take_the_rows_of_other_latents(void **state) {
    (void)state;
    scene s = begin(ATL_VIEW_STYLEMIX);
    const float c[] = { 0, 1, 0, 1, 0, 1, 0, 1, 0, 1 };
    static float z[VIEWS * W], ws[VIEWS * ROWS * W];
    s.o.c = c;
    make(&s);
    atl_seed_to_z(21, VIEWS * W, z);
    ok(s.ctx, atl_model_map(s.g, VIEWS, z, c, NULL, ws));
    for (int v = 0; v < VIEWS; v++)
        assert_memory_equal(row(&s, v, 2), ws + (v * ROWS + 2) * W, W * sizeof(float));
    static float again[VIEWS * ROWS * W];
    ok(s.ctx, atl_views_make(s.g, &s.o, s.ws, VIEWS, again));
    assert_memory_equal(again, s.views, sizeof again);
    s.o.seed = 22;
    ok(s.ctx, atl_views_make(s.g, &s.o, s.ws, VIEWS, again));
    assert_memory_not_equal(again, s.views, sizeof again);
    end(&s);
}

static void views_along_components_stay_on_them(void **state) {
    (void)state;
    scene s = begin(ATL_VIEW_PCA);
    float axes[3][W] = { { 0 } };
    atl_direction list[3];
    atl_directions *set;
    int used = 0;
    for (int i = 0; i < 3; i++) {
        axes[i][i + 4] = 1;
        list[i] = (atl_direction){ .name = "",
                                   .space = ATL_DIRECTION_W,
                                   .rows = 1,
                                   .width = W,
                                   .values = axes[i],
                                   .scale = 3.0f,
                                   .value = NAN };
    }
    ok(s.ctx, atl_directions_make(s.ctx, list, 3, "pca", "", &set));
    s.o.components = set;
    s.o.component_count = 2; // of three
    make(&s);
    for (int v = 0; v < VIEWS; v++) {
        int moved = 0;
        for (int k = 0; k < W; k++) {
            double d = (double)row(&s, v, 0)[k] - (double)s.ws[k];
            moved += d != 0;
            used |= d != 0 ? 1 << k : 0;
            assert_true(fabs(d) <= 1.5);
            assert_true(fabs((double)row(&s, v, 2)[k] - (double)s.ws[2 * W + k] - d) <
                        1e-6); // all rows alike
        }
        assert_int_equal(moved, 1);
    }
    assert_int_equal(used, 1 << 4 | 1 << 5);
    s.o.component_count = 4;
    says(s.ctx, atl_views_make(s.g, &s.o, s.ws, 1, s.views), "the first 4 components of w, and there are 3");
    atl_directions_close(&set);
    end(&s);
}

static void layers_have_names(void **state) {
    (void)state;
    scene s = begin(ATL_VIEW_ISOTROPIC);
    assert_int_equal(atl_view_layers(s.g, "coarse"), 0xf);
    assert_int_equal(atl_view_layers(s.g, "fine"), 0x80); // of 8 rows: that of pictures of 32x32
    assert_int_equal(atl_view_layers(s.g, "all"), 0xff);
    assert_int_equal(atl_view_layers(s.g, "middle"), 0);
    s.o.layers = 0;
    says(s.ctx, atl_views_make(s.g, &s.o, s.ws, 1, s.views), "layers 0 to 7, and none are named");
    s.o.layers = 0x100;
    says(s.ctx, atl_views_make(s.g, &s.o, s.ws, 1, s.views), "layers 0 to 7, and others are named");
    s.o.layers = 1;
    s.o.strength = NAN;
    says(s.ctx, atl_views_make(s.g, &s.o, s.ws, 1, s.views), "views of strength");
    s.o.strength = 1;
    says(s.ctx, atl_views_make(s.g, &s.o, s.ws, 0, s.views), "0 views: 1 to 4096 are possible");
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_weight_with_most_right_is_chosen),
        cmocka_unit_test(a_classifier_sees_the_middle_or_a_random_square),
        cmocka_unit_test(a_row_depends_on_its_picture_alone),
        cmocka_unit_test(an_attribute_has_two_classes),
        cmocka_unit_test(what_does_not_classify_is_said),
        cmocka_unit_test(isotropic_views_add_normal_numbers),
        cmocka_unit_test(mixed_views_take_the_rows_of_other_latents),
        cmocka_unit_test(views_along_components_stay_on_them),
        cmocka_unit_test(layers_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
