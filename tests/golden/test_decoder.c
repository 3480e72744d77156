// SPDX-License-Identifier: Apache-2.0
// The generator inside an encoder's checkpoint, at its real size, against recorded numbers.
#include "decoder.h"

static void check_image(atl_ctx *ctx) {
    static float ws[STYLES * STYLE], img[3 * SIZE * SIZE];
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    atl_model *g;
    if (atl_model_open(ctx, checkpoint, &o, &g) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    golden *truth = golden_open(ctx, "encoders", "decoder", ".safetensors");
    const atl_model_info *info = atl_model_get_info(g);
    assert_int_equal(info->width, SIZE);
    assert_int_equal(info->num_ws, STYLES);
    for (size_t i = 0; i < STYLES * STYLE; i++)
        ws[i] = 1.7320508f * recipe_uniform(recipe_seed("decoder.codes.0"), i);
    if (atl_model_synthesize(g, 1, ws, NULL, img) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    check_part(truth, "plain.image64", img, 0, 4, 64);
    check_part(truth, "plain.crop", img, 100, 1, 32);
    golden_close(&truth, NULL);
    atl_model_close(&g);
}

static void generator_of_an_encoder(void **state) {
    (void)state;
    atl_ctx *ctx;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    check_image(ctx);
    atl_ctx_close(&ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(generator_of_an_encoder, make_checkpoint, drop_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
