// SPDX-License-Identifier: Apache-2.0
// Models through the public functions: what must not depend on the batch, the threads or the file format,
// and what is refused.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <atelier/model.h>
#include <atelier/rng.h>

enum { N = 6 };

typedef struct session {
    atl_ctx *ctx;
    atl_model *m;
    const atl_model_info *info;
    float *z, *ws, *img;
    size_t per_ws, per_img;
} session;

static const char *data_file(char path[1024], const char *name) {
    const char *data = getenv("ATL_TEST_DATA");
    snprintf(path, 1024, "%s/%s", data ? data : "tests/data", name);
    return path;
}

static void open_session(session *s, int threads, const char *path) {
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = threads;
    assert_int_equal(atl_ctx_open(&s->ctx, &o), ATL_OK);
    if (atl_model_open(s->ctx, path, NULL, &s->m) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    s->info = atl_model_get_info(s->m);
    s->per_ws = (size_t)s->info->num_ws * (size_t)s->info->w_dim;
    s->per_img = (size_t)s->info->channels * (size_t)s->info->height * (size_t)s->info->width;
    s->z = calloc(N * (size_t)s->info->z_dim, sizeof *s->z);
    s->ws = calloc(N * s->per_ws, sizeof *s->ws);
    s->img = calloc(N * s->per_img, sizeof *s->img);
    assert_true(s->z && s->ws && s->img);
    for (uint32_t i = 0; i < N; i++)
        atl_seed_to_z(i, (size_t)s->info->z_dim, s->z + i * (size_t)s->info->z_dim);
    assert_int_equal(atl_model_map(s->m, N, s->z, NULL, NULL, s->ws), ATL_OK);
}

static void close_session(session *s) {
    atl_model_close(&s->m);
    assert_null(s->m);
    atl_ctx_close(&s->ctx);
    free(s->z);
    free(s->ws);
    free(s->img);
}

static int setup(void **state) {
    char path[1024];
    session *s = calloc(1, sizeof *s);
    assert_non_null(s);
    open_session(s, 2, data_file(path, "stylegan/sg2-32.pkl"));
    *state = s;
    return 0;
}

static int teardown(void **state) {
    close_session(*state);
    free(*state);
    return 0;
}

static double difference(const float *a, const float *b, size_t n) {
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst;
}

// Images are about [-1, 1]; other orders of addition move the last bits of float through fifteen layers.
static const double ROUNDING = 2e-5;

static void an_image_does_not_depend_on_its_batch(void **state) {
    session *s = *state;
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    const uint32_t seeds[N] = { 9, 8, 7, 6, 5, 4 };
    float *one = calloc(s->per_img, sizeof *one);
    assert_non_null(one);
    for (int mode = ATL_NOISE_CONST; mode <= ATL_NOISE_NONE; mode++) {
        o.noise_mode = (atl_noise_mode)mode;
        o.noise_seeds = seeds;
        assert_int_equal(atl_model_synthesize(s->m, N, s->ws, &o, s->img), ATL_OK);
        for (size_t i = 0; i < N; i++) {
            o.noise_seeds = seeds + i;
            assert_int_equal(atl_model_synthesize(s->m, 1, s->ws + i * s->per_ws, &o, one), ATL_OK);
            assert_true(difference(one, s->img + i * s->per_img, s->per_img) < ROUNDING);
        }
    }
    free(one);
}

static void random_noise_follows_its_seed(void **state) {
    session *s = *state;
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    const uint32_t seeds[3] = { 1, 2, 1 };
    o.noise_mode = ATL_NOISE_RANDOM;
    o.noise_seeds = seeds;
    memcpy(s->ws + s->per_ws, s->ws, s->per_ws * sizeof *s->ws);
    memcpy(s->ws + 2 * s->per_ws, s->ws, s->per_ws * sizeof *s->ws);
    assert_int_equal(atl_model_synthesize(s->m, 3, s->ws, &o, s->img), ATL_OK);
    assert_true(difference(s->img, s->img + 2 * s->per_img, s->per_img) < ROUNDING);
    assert_true(difference(s->img, s->img + s->per_img, s->per_img) > 1e-3); // noise is visible in this network
}

static void threads_change_rounding_at_most(void **state) {
    session *s = *state, other;
    char path[1024];
    assert_int_equal(atl_model_synthesize(s->m, N, s->ws, NULL, s->img), ATL_OK);
    for (int threads = 1; threads <= 5; threads += 2) {
        open_session(&other, threads, data_file(path, "stylegan/sg2-32.pkl"));
        assert_int_equal(atl_model_synthesize(other.m, N, s->ws, NULL, other.img), ATL_OK);
        assert_true(difference(other.img, s->img, N * s->per_img) < ROUNDING);
        close_session(&other);
    }
}

static void repeated_runs_are_identical(void **state) {
    session *s = *state;
    float *again = calloc(N * s->per_img, sizeof *again);
    assert_non_null(again);
    assert_int_equal(atl_model_synthesize(s->m, N, s->ws, NULL, s->img), ATL_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(atl_model_synthesize(s->m, N, s->ws, NULL, again), ATL_OK);
        assert_memory_equal(again, s->img, N * s->per_img * sizeof *again);
    }
    free(again);
}

static void truncation_is_linear_in_psi_and_stops_at_the_cutoff(void **state) {
    session *s = *state;
    float *half = calloc(N * s->per_ws, sizeof *half), *zero = calloc(N * s->per_ws, sizeof *zero);
    assert_true(half && zero);
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    o.truncation_psi = 0.0f;
    assert_int_equal(atl_model_map(s->m, N, s->z, NULL, &o, zero), ATL_OK);
    o.truncation_psi = 0.5f;
    o.truncation_cutoff = 2;
    assert_int_equal(atl_model_map(s->m, N, s->z, NULL, &o, half), ATL_OK);
    size_t w_dim = (size_t)s->info->w_dim;
    for (size_t i = 0; i < N * s->per_ws; i++) {
        size_t layer = i % s->per_ws / w_dim;
        assert_true(zero[i] == zero[i % w_dim]); // every w is the average
        double want = layer < 2 ? 0.5 * ((double)zero[i] + (double)s->ws[i]) : (double)s->ws[i];
        assert_true(fabs((double)half[i] - want) < 1e-6 * (1 + fabs(want)));
    }
    free(half);
    free(zero);
}

static void saved_files_give_the_same_network(void **state) {
    session *s = *state, other;
    char pkl[1024], path[64];
    snprintf(path, sizeof path, "/tmp/atl-model-%ld.safetensors", (long)getpid());
    data_file(pkl, "stylegan/sg2-32.pkl");
    assert_int_equal(atl_model_synthesize(s->m, N, s->ws, NULL, s->img), ATL_OK);
    assert_int_equal(atl_convert(s->ctx, pkl, path, NULL), ATL_OK);
    open_session(&other, 2, path);
    assert_true(other.info->fingerprint == s->info->fingerprint); // f32 is lossless
    assert_int_equal(other.info->parameters, s->info->parameters);
    assert_int_equal(atl_model_synthesize(other.m, N, s->ws, NULL, other.img), ATL_OK);
    assert_memory_equal(other.img, s->img, N * s->per_img * sizeof *s->img);
    close_session(&other);
    assert_int_equal(atl_model_save(s->m, path, ATL_F16), ATL_OK);
    open_session(&other, 2, path);
    assert_true(other.info->fingerprint != s->info->fingerprint);
    assert_int_equal(atl_model_synthesize(other.m, N, s->ws, NULL, other.img), ATL_OK);
    // weights of half precision have 11 bits: a hundredth of the range at most, and not nothing
    double d = difference(other.img, s->img, N * s->per_img);
    assert_true(d > 0 && d < 2e-2);
    close_session(&other);
    unlink(path);
}

static void a_file_is_described(void **state) {
    session *s = *state;
    char path[1024], *json;
    assert_int_equal(atl_inspect(s->ctx, data_file(path, "stylegan/sg2-32.pkl"), &json), ATL_OK);
    assert_non_null(strstr(json, "\"stylegan2_generator\""));
    assert_non_null(strstr(json, "\"synthesis.b32.conv1\""));
    assert_non_null(strstr(json, "\"fingerprint\""));
    atl_text_free(s->ctx, json);
}

static void a_new_network_follows_its_seed(void **state) {
    session *s = *state;
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    o.resolution = 16;
    o.channel_base = 256;
    o.channel_max = 16;
    o.c_dim = 3;
    o.img_channels = 1;
    uint64_t prints[3];
    for (int i = 0; i < 3; i++) {
        atl_model *m;
        o.seed = (uint64_t)i / 2;
        assert_int_equal(atl_model_init(s->ctx, &o, &m), ATL_OK);
        const atl_model_info *info = atl_model_get_info(m);
        assert_int_equal(info->c_dim, 3);
        assert_int_equal(info->channels, 1);
        assert_int_equal(info->height, 16);
        prints[i] = info->fingerprint;
        atl_model_close(&m);
    }
    assert_true(prints[0] == prints[1] && prints[1] != prints[2]);
}

static void wrong_use_is_a_sentence(void **state) {
    session *s = *state;
    char path[1024];
    atl_model *d;
    float logits[1];
    assert_int_equal(atl_model_discriminate(s->m, 1, s->img, NULL, logits), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s->ctx), "discriminator"));
    atl_message_clear(s->ctx);
    assert_int_equal(atl_model_synthesize(s->m, 0, s->ws, NULL, s->img), ATL_BAD_ARGUMENT);
    atl_message_clear(s->ctx);
    atl_model_options net = ATL_MODEL_OPTIONS_INIT;
    net.net = "H";
    assert_int_equal(atl_model_open(s->ctx, data_file(path, "stylegan/sg2-32.pkl"), &net, &d), ATL_BAD_FILE);
    assert_null(d);
    assert_non_null(strstr(atl_message(s->ctx), "G_ema"));
    atl_message_clear(s->ctx);
    assert_int_equal(atl_model_open(s->ctx, "/nowhere/net.pkl", NULL, &d), ATL_IO);
    assert_non_null(strstr(atl_message(s->ctx), "/nowhere/net.pkl"));
    atl_message_clear(s->ctx);
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    o.resolution = 100;
    assert_int_equal(atl_model_init(s->ctx, &o, &d), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(s->ctx), "100"));
}

// scipy.stats.truncnorm.rvs(-2, 2, size=3, random_state=numpy.random.RandomState(0)), float32, times 0.5
static void truncated_z_is_scipys(void **state) {
    (void)state;
    static const float truth[] = { 0.11705679514761695f, 0.5399904576877463f, 0.2484002123241459f };
    enum { MANY = 10000 };
    static float z[MANY];
    atl_seed_to_truncated_z(0, 3, 0.5, z);
    for (int i = 0; i < 3; i++)
        assert_float_equal(z[i], 0.5f * truth[i], 1e-7f);
    float largest = 0.0f;
    atl_seed_to_truncated_z(7, MANY, 1.0, z);
    for (int i = 0; i < MANY; i++)
        largest = fabsf(z[i]) > largest ? fabsf(z[i]) : largest;
    assert_true(largest <= 2.0f && largest > 1.99f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_image_does_not_depend_on_its_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(random_noise_follows_its_seed, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_change_rounding_at_most, setup, teardown),
        cmocka_unit_test_setup_teardown(repeated_runs_are_identical, setup, teardown),
        cmocka_unit_test_setup_teardown(truncation_is_linear_in_psi_and_stops_at_the_cutoff, setup, teardown),
        cmocka_unit_test_setup_teardown(saved_files_give_the_same_network, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_described, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_network_follows_its_seed, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_use_is_a_sentence, setup, teardown),
        cmocka_unit_test(truncated_z_is_scipys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
