// SPDX-License-Identifier: Apache-2.0
// A really trained network: seeds 0 to 39 give the 8-bit images that the official script wrote.
#include "golden.h"

#include <atelier/image.h>
#include <atelier/rng.h>

enum { SEEDS = 40, SIDE = 64 };

// `net`: the network's file.  Every byte within 1 of the recorded one (a value next to a step of the
// truncation may fall on the other side), 99.9 % equal.
static void check_images(const char *net, int direct) {
    char path[1024];
    atl_ctx *ctx;
    atl_model *m;
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.direct = direct;
    assert_int_equal(atl_ctx_open(&ctx, &options), ATL_OK);
    if (atl_model_open(ctx, golden_path(path, "trained", net, ".safetensors"), NULL, &m) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    golden *truth = golden_open(ctx, "trained", "portraits-64.images", ".safetensors");
    const atl_model_info *info = atl_model_get_info(m);
    const atl_array *bytes = golden_find(truth, "img_u8");
    assert_non_null(bytes);
    assert_int_equal(atl_array_count(bytes), SEEDS * SIDE * SIDE * 3);
    size_t z_dim = (size_t)info->z_dim, n_z;
    float *recorded = golden_read(truth, "z", &n_z), *z = malloc(z_dim * sizeof *z);
    float *ws = malloc(sizeof *ws * (size_t)info->num_ws * (size_t)info->w_dim);
    float *img = malloc(sizeof *img * SIDE * SIDE * 3);
    assert_true(recorded && z && ws && img);
    atl_image picture;
    assert_int_equal(atl_image_init(ctx, SIDE, SIDE, 3, &picture), ATL_OK);
    size_t equal = 0, far = 0, n_seeds;
    float *seeds = golden_read(truth, "seeds", &n_seeds);
    assert_int_equal(n_seeds, SEEDS);
    for (int s = 0; s < SEEDS; s++) {
        atl_seed_to_z((uint32_t)seeds[s], z_dim, z);
        assert_memory_equal(z, recorded + (size_t)s * z_dim, z_dim * sizeof *z);
        if (atl_model_map(m, 1, z, NULL, NULL, ws) || atl_model_synthesize(m, 1, ws, NULL, img))
            fail_msg("%s", atl_message(ctx));
        atl_image_from_float(img, &picture);
        const uint8_t *want = (const uint8_t *)bytes->data + (size_t)s * SIDE * SIDE * 3;
        for (size_t i = 0; i < SIDE * SIDE * 3; i++) {
            int d = abs((int)picture.pixels[i] - (int)want[i]);
            equal += d == 0;
            far += d > 1;
        }
    }
    printf("    %s: %.4f %% of the bytes equal, %zu off by more than one\n", direct ? "direct" : "winograd",
           100.0 * (double)equal / (SEEDS * SIDE * SIDE * 3), far);
    assert_int_equal(far, 0);
    assert_true((double)equal >= 0.999 * SEEDS * SIDE * SIDE * 3);
    atl_image_clear(ctx, &picture);
    golden_close(&truth, NULL);
    atl_model_close(&m);
    atl_ctx_close(&ctx);
    free(seeds);
    free(recorded);
    free(z);
    free(ws);
    free(img);
}

static void images_of_seeds_with_winograd(void **state) {
    (void)state;
    check_images("portraits-64", 0);
}

static void images_of_seeds_by_direct_convolution(void **state) {
    (void)state;
    check_images("portraits-64", 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_of_seeds_with_winograd),
        cmocka_unit_test(images_of_seeds_by_direct_convolution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
