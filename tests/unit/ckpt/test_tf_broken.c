// SPDX-License-Identifier: Apache-2.0
// Damaged and unknown files of the TensorFlow generation: each gives a sentence that names what is wrong.
#include "check.h"

#include <atelier/model.h>
#include <atelier/rng.h>

// The recorded file NAME with the first occurrence of `from` replaced by `to` (the same number of bytes).
static void patched(char path[64], const char *name, const void *from, const void *to, size_t size) {
    char source[1024];
    FILE *f = fopen(data_path(source, sizeof source, name), "rb");
    assert_non_null(f);
    static unsigned char bytes[2 << 20];
    size_t count = fread(bytes, 1, sizeof bytes, f), at = 0;
    fclose(f);
    while (at + size <= count && memcmp(bytes + at, from, size) != 0)
        at++;
    assert_true(at + size <= count);
    memcpy(bytes + at, to, size);
    make_file(path, 64, bytes, count);
}

// Opens network `net` and runs it once: problems show while opening or while building.
static atl_status try_net(atl_ctx *ctx, const char *path, const char *net, float lod) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    o.lod = lod;
    atl_model *m;
    atl_status status = atl_model_open(ctx, path, &o, &m);
    if (status != ATL_OK)
        return status;
    const atl_model_info *info = atl_model_get_info(m);
    float *z = calloc((size_t)info->z_dim, sizeof *z);
    float *ws = calloc((size_t)info->num_ws * (size_t)info->w_dim, sizeof *ws);
    float *img = calloc((size_t)info->channels * (size_t)info->height * (size_t)info->width, sizeof *img);
    assert_true(z && ws && img);
    status = atl_model_map(m, 1, z, NULL, NULL, ws);
    if (status == ATL_OK)
        status = atl_model_synthesize(m, 1, ws, NULL, img);
    free(z);
    free(ws);
    free(img);
    atl_model_close(&m);
    return status;
}

static void check(atl_ctx *ctx, const char *name, const void *from, const void *to, size_t size,
                  atl_status wanted, const char *sentence) {
    char path[64];
    patched(path, name, from, to, size);
    assert_fails(ctx, try_net(ctx, path, "G", -1.0f), wanted, sentence);
    drop_file(path);
}

static void missing_variable_is_named(void **state) {
    check(*state, "tf/sg2tf-32.pkl", "8x8/Conv1/weight", "8x8/Conv7/weight", 16, ATL_BAD_FILE,
          "synthesis.b8.conv1.weight");
    check(*state, "tf/sg1-32.pkl", "8x8/Conv1/StyleMod/bias", "8x8/Conv1/StyleMod/Bias", 23, ATL_BAD_FILE,
          "synthesis.b8.conv1.affine.bias");
    check(*state, "tf/pgan-32-unfused.pkl", "16x16/Conv0/bias", "16x16/Conv9/bias", 16, ATL_BAD_FILE,
          "synthesis.b16.conv0.bias");
}

static void misshaped_variable_is_named(void **state) {
    // [3, 3, 32, 32] as [3, 3, 16, 64]: the number of values stays
    check(*state, "tf/sg2tf-32.pkl", "(K\x03K\x03K\x20K\x20t", "(K\x03K\x03K\x10K\x40t", 10, ATL_BAD_FILE,
          "synthesis.b4.conv1.weight has shape [64, 16, 3, 3]");
}

static void variable_of_wrong_rank_is_named_as_in_the_file(void **state) {
    // a bias, [32], under the name of a kernel
    check(*state, "tf/pgan-16-cond.pkl", "ToRGB_lod2/bias", "8x8/Skip/weight", 15, ATL_BAD_FILE,
          "the variable 8x8/Skip/weight has the shape [1]");
}

static void unknown_builder_is_named(void **state) {
    check(*state, "tf/sg2tf-32.pkl", "G_main", "G_mine", 6, ATL_UNSUPPORTED, "G_mine");
    check(*state, "tf/sg1-32.pkl", "G_style", "G_stile", 7, ATL_UNSUPPORTED, "G_stile");
}

static void option_that_is_not_supported_is_named(void **state) {
    // fused_scale = True under the name of the blur's taps
    check(*state, "tf/sg1-32-cond-fused.pkl", "fused_scale", "blur_filter", 11, ATL_UNSUPPORTED,
          "blur_filter = true is not supported");
}

static void level_of_detail_needs_a_network_that_grew(void **state) {
    char path[1024];
    atl_ctx *ctx = *state;
    data_path(path, sizeof path, "tf/sg2tf-32.pkl");
    assert_fails(ctx, try_net(ctx, path, "G", 1.0f), ATL_BAD_ARGUMENT, "level of detail");
    data_path(path, sizeof path, "tf/sg1-32.pkl");
    assert_ok(ctx, try_net(ctx, path, "G", 1.0f));
}

static void truncated_file_is_refused(void **state) {
    char source[1024], path[64];
    static unsigned char bytes[100000];
    FILE *f = fopen(data_path(source, sizeof source, "tf/sg1-32.pkl"), "rb");
    assert_non_null(f);
    assert_int_equal(fread(bytes, 1, sizeof bytes, f), sizeof bytes);
    fclose(f);
    make_file(path, sizeof path, bytes, sizeof bytes);
    assert_fails(*state, try_net(*state, path, "G", -1.0f), ATL_BAD_FILE, path);
    drop_file(path);
}

// The maps of `sg2` are the numbers that follow z in the seed's stream, map after map.
static void noise_of_the_first_stylegan2_follows_z(void **state) {
    enum { SEED = 7, MAPS = 16 };
    char path[1024];
    atl_ctx *ctx = *state;
    atl_model *m;
    assert_ok(ctx, atl_model_open(ctx, data_path(path, sizeof path, "tf/sg2tf-32.pkl"), NULL, &m));
    const atl_model_info *info = atl_model_get_info(m);
    float *maps[MAPS] = { NULL }, ws[4096] = { 0 };
    static float img[3 * 32 * 32], wanted[3 * 32 * 32];
    assert_in_range(info->num_ws * info->w_dim, 1, 4096);
    atl_numpy_rng rng;
    atl_numpy_rng_init(&rng, SEED);
    for (int i = 0; i < info->z_dim; i++)
        atl_numpy_rng_normal(&rng);
    int height, width, count = 0;
    for (; atl_model_noise_size(m, count, &height, &width); count++) {
        assert_in_range(count, 0, MAPS - 1);
        maps[count] = calloc((size_t)(height * width), sizeof *maps[count]);
        assert_non_null(maps[count]);
        for (int i = 0; i < height * width; i++)
            maps[count][i] = (float)atl_numpy_rng_normal(&rng);
    }
    assert_int_equal(count, 7);
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    o.noise_mode = ATL_NOISE_MAPS;
    o.noise_maps = (const float *const *)maps;
    assert_ok(ctx, atl_model_synthesize(m, 1, ws, &o, wanted));
    uint32_t seed = SEED;
    o.noise_mode = ATL_NOISE_SG2;
    o.noise_seeds = &seed;
    assert_ok(ctx, atl_model_synthesize(m, 1, ws, &o, img));
    assert_memory_equal(img, wanted, sizeof img);
    o.noise_mode = ATL_NOISE_CONST;
    assert_ok(ctx, atl_model_synthesize(m, 1, ws, &o, img));
    assert_memory_not_equal(img, wanted, sizeof img);
    for (int i = 0; i < count; i++)
        free(maps[i]);
    atl_model_close(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(missing_variable_is_named),
        TEST(misshaped_variable_is_named),
        TEST(variable_of_wrong_rank_is_named_as_in_the_file),
        TEST(unknown_builder_is_named),
        TEST(option_that_is_not_supported_is_named),
        TEST(level_of_detail_needs_a_network_that_grew),
        TEST(truncated_file_is_refused),
        TEST(noise_of_the_first_stylegan2_follows_z),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
