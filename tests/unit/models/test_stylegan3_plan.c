// SPDX-License-Identifier: Apache-2.0
// The layers of StyleGAN3 against the names of published networks and against recorded plans and filters.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <atelier/array.h>
#include "nn/stylegan3_plan.h"

static atl_sg3_plan made(const atl_sg3_options *o) {
    atl_ctx *ctx;
    atl_sg3_plan plan;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    if (atl_sg3_plan_make(ctx, o, &plan))
        fail_msg("%s", atl_message(ctx));
    atl_ctx_close(&ctx);
    return plan;
}

static void check_names(atl_sg3_options o, const char *names) {
    atl_sg3_plan plan = made(&o);
    char got[1024] = "";
    for (int i = 0; i < plan.count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), i ? " %s" : "%s", plan.layer[i].name);
    assert_string_equal(got, names);
}

static void names_are_the_published_ones(void **state) {
    (void)state;
    check_names((atl_sg3_options)ATL_SG3_OPTIONS_T(1024),
                "L0_36_512 L1_36_512 L2_52_512 L3_52_512 L4_84_512 L5_148_512 L6_148_512 L7_276_323 L8_276_203 "
                "L9_532_128 L10_1044_81 L11_1044_51 L12_1044_32 L13_1024_32 L14_1024_3");
    check_names((atl_sg3_options)ATL_SG3_OPTIONS_R(1024),
                "L0_36_1024 L1_36_1024 L2_52_1024 L3_52_1024 L4_84_1024 L5_148_1024 L6_148_1024 L7_276_645 "
                "L8_276_406 L9_532_256 L10_1044_161 L11_1044_102 L12_1044_64 L13_1024_64 L14_1024_3");
    check_names((atl_sg3_options)ATL_SG3_OPTIONS_T(512),
                "L0_36_512 L1_36_512 L2_52_512 L3_52_512 L4_84_512 L5_84_512 L6_148_512 L7_148_483 L8_276_323 "
                "L9_276_215 L10_532_144 L11_532_96 L12_532_64 L13_512_64 L14_512_3");
    check_names((atl_sg3_options)ATL_SG3_OPTIONS_T(256),
                "L0_36_512 L1_36_512 L2_36_512 L3_52_512 L4_52_512 L5_84_512 L6_84_512 L7_148_512 L8_148_512 "
                "L9_148_362 L10_276_256 L11_276_181 L12_276_128 L13_256_128 L14_256_3");
    atl_sg3_options half = ATL_SG3_OPTIONS_T(256);
    half.channel_base = 16384.0;
    check_names(half, "L0_36_512 L1_36_512 L2_36_512 L3_52_512 L4_52_512 L5_84_512 L6_84_512 L7_148_362 L8_148_256 "
                      "L9_148_181 L10_276_128 L11_276_91 L12_276_64 L13_256_64 L14_256_3");
}

static double word_or(const char *words, const char *name, double absent) {
    char key[32];
    snprintf(key, sizeof key, " %s=", name);
    const char *at = strstr(words, key);
    return at ? strtod(at + strlen(key), NULL) : absent;
}

static void same_word(const char *words, const char *name, double got) {
    double want = word_or(words, name, NAN);
    // sizes and factors are exact; cutoffs come from another library's power function
    if (!(fabs(got - want) <= 1e-12 * fabs(want)))
        fail_msg("%s: %s is %.17g", words, name, got);
}

static void check_filter(const atl_arrays *set, const char *key, const float *got, int n) {
    const atl_array *f = atl_arrays_find(set, key);
    if (n == 1) {
        assert_null(f);
        return;
    }
    assert_non_null(f);
    assert_int_equal(atl_array_count(f), n);
    float *want = malloc((size_t)n * sizeof *want), most = 0.0f;
    assert_non_null(want);
    atl_array_read_f32(f, 0, n, want);
    for (int i = 0; i < n; i++)
        most = fmaxf(most, fabsf(want[i]));
    for (int i = 0; i < n; i++)
        if (!(fabsf(got[i] - want[i]) <= 2e-7f * most)) // the last bit of a float
            fail_msg("%s: tap %d is %.9g, not %.9g", key, i, (double)got[i], (double)want[i]);
    free(want);
}

static void check_layer(const atl_arrays *set, const char *tag, int i, const atl_sg3_layer *l) {
    char key[32], pads[64];
    snprintf(key, sizeof key, "%s.L%02d", tag, i);
    const char *words = atl_arrays_metadata(set, key);
    assert_non_null(words);
    same_word(words, "up", l->up);
    same_word(words, "down", l->down);
    same_word(words, "up_taps", l->up_taps);
    same_word(words, "down_taps", l->down_taps);
    same_word(words, "in_size", l->in_size);
    same_word(words, "out_size", l->out_size);
    same_word(words, "in_rate", l->in_rate);
    same_word(words, "out_rate", l->out_rate);
    same_word(words, "tmp_rate", l->tmp_rate);
    same_word(words, "in_cutoff", l->in_cutoff);
    same_word(words, "out_cutoff", l->out_cutoff);
    same_word(words, "in_half_width", l->in_half_width);
    same_word(words, "out_half_width", l->out_half_width);
    same_word(words, "kernel", l->kernel);
    same_word(words, "radial", l->radial);
    same_word(words, "critical", l->critical);
    same_word(words, "torgb", l->torgb);
    same_word(words, "fp16", l->half);
    snprintf(pads, sizeof pads, " padding=%d,%d,%d,%d ", l->pad_low, l->pad_high, l->pad_low, l->pad_high);
    if (!strstr(words, pads))
        fail_msg("%s: %s", words, pads);
    float up[64], down[64 * 64];
    assert_true(l->up_taps <= 64 && l->down_taps <= 64);
    atl_sg3_layer_filters(l, up, down);
    snprintf(key, sizeof key, "%s.L%02d.up", tag, i);
    check_filter(set, key, up, l->up_taps);
    snprintf(key, sizeof key, "%s.L%02d.down", tag, i);
    check_filter(set, key, down, l->radial ? l->down_taps * l->down_taps : l->down_taps);
}

static void plans_match_recorded_ones(void **state) {
    (void)state;
    static const char *const TAGS[] = { "t1024", "r1024", "t256", "r256", "t64", "xl32" };
    char path[1024], key[32];
    atl_ctx *ctx;
    atl_arrays *set;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    snprintf(path, sizeof path, "%s/ops/lowpass.safetensors", getenv("ATL_TEST_DATA"));
    if (atl_arrays_open(ctx, path, &set))
        fail_msg("%s", atl_message(ctx));
    for (size_t t = 0; t < sizeof TAGS / sizeof *TAGS; t++) {
        char all[256] = " ";
        strncat(all, atl_arrays_metadata(set, TAGS[t]), sizeof all - 2);
        atl_sg3_options o = ATL_SG3_OPTIONS_T((int)word_or(all, "img_resolution", 0));
        o.layers = (int)word_or(all, "num_layers", o.layers);
        o.margin = (int)word_or(all, "margin_size", o.margin);
        o.kernel = (int)word_or(all, "conv_kernel", o.kernel);
        o.radial = word_or(all, "use_radial_filters", 0) != 0.0;
        atl_sg3_plan plan = made(&o);
        snprintf(key, sizeof key, "%s.input", TAGS[t]);
        const char *words = atl_arrays_metadata(set, key);
        same_word(words, "sampling_rate", plan.input_rate);
        same_word(words, "bandwidth", plan.input_bandwidth);
        same_word(words, "num_ws", plan.count + 1);
        assert_int_equal(atoi(words + 5), plan.input_size);
        for (int i = 0; i < plan.count; i++)
            check_layer(set, TAGS[t], i, &plan.layer[i]);
        snprintf(key, sizeof key, "%s.L%02d", TAGS[t], plan.count);
        assert_null(atl_arrays_metadata(set, key));
    }
    atl_arrays_close(&set);
    atl_ctx_close(&ctx);
}

static void impossible_options_are_refused(void **state) {
    (void)state;
    atl_ctx *ctx;
    atl_sg3_plan plan;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    atl_sg3_options o = ATL_SG3_OPTIONS_T(100);
    assert_int_equal(atl_sg3_plan_make(ctx, &o, &plan), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(ctx), "100"));
    atl_message_clear(ctx);
    o = (atl_sg3_options)ATL_SG3_OPTIONS_T(64);
    o.layers = ATL_SG3_LAYERS;
    assert_int_equal(atl_sg3_plan_make(ctx, &o, &plan), ATL_BAD_ARGUMENT);
    atl_message_clear(ctx);
    o = (atl_sg3_options)ATL_SG3_OPTIONS_T(64);
    o.channel_base = 4.0;
    assert_int_equal(atl_sg3_plan_make(ctx, &o, &plan), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(ctx), "without channels"));
    atl_message_clear(ctx);
    o = (atl_sg3_options)ATL_SG3_OPTIONS_T(64);
    o.first_cutoff = NAN;
    assert_int_equal(atl_sg3_plan_make(ctx, &o, &plan), ATL_BAD_ARGUMENT);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_the_published_ones),
        cmocka_unit_test(plans_match_recorded_ones),
        cmocka_unit_test(impossible_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
