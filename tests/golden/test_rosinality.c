// SPDX-License-Identifier: Apache-2.0
// Files of the PyTorch port of StyleGAN2, in both layouts of torch.save, against what its networks put out in
// 64-bit arithmetic; and the average of w where the file has none.
#include "golden.h"

#include <atelier/rng.h>
#include <stdbool.h>

typedef struct session {
    const char *name;
    char path[1024];
    atl_ctx *ctx;
    atl_model *g;
    const atl_model_info *info;
    golden *truth;
} session;

static atl_model *open_net(session *s, const char *net) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    atl_model *m;
    if (atl_model_open(s->ctx, s->path, &o, &m) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    return m;
}

static void check_img(session *s, atl_model *m, const float *ws, const char *name,
                      const atl_synthesis_options *o) {
    size_t count = 0, per = (size_t)s->info->channels * (size_t)s->info->height * (size_t)s->info->width;
    float *truth = golden_read(s->truth, name, &count);
    assert_non_null(truth);
    float *img = malloc(count * sizeof *img);
    assert_non_null(img);
    if (atl_model_synthesize(m, (int)(count / per), ws, o, img) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    golden_check(s->name, name, img, truth, count, F32_IMAGE_WINOGRAD);
    free(img);
    free(truth);
}

// Truncation to the file's own average, or to `centre` [w_dim].
static float *map_z(session *s, atl_model *m, float psi, int n, const float *centre) {
    size_t count = 0;
    float *z = golden_read(s->truth, "z", &count);
    float *ws = malloc(sizeof *ws * (size_t)n * (size_t)s->info->num_ws * (size_t)s->info->w_dim);
    assert_true(z && ws);
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    o.truncation_psi = psi;
    o.centroids = centre;
    o.centroid_count = centre ? 1 : 0;
    if (atl_model_map(m, n, z, NULL, &o, ws) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    free(z);
    return ws;
}

static void check_ws(session *s, const char *name, const float *ws, double bound) {
    size_t count = 0;
    float *truth = golden_read(s->truth, name, &count);
    assert_non_null(truth);
    golden_check(s->name, name, ws, truth, count, bound);
    free(truth);
}

static void check_noise(session *s, const float *ws) {
    const float *maps[40];
    float *owned[40];
    int count = 0, height, width;
    for (; atl_model_noise_size(s->g, count, &height, &width); count++) {
        char name[16];
        size_t size;
        snprintf(name, sizeof name, "noise%d", count);
        maps[count] = owned[count] = golden_read(s->truth, name, &size);
        assert_int_equal(size, 2 * height * width);
    }
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    o.noise_mode = ATL_NOISE_MAPS;
    o.noise_maps = maps;
    check_img(s, s->g, ws, "img.noise", &o);
    o.noise_mode = ATL_NOISE_NONE;
    check_img(s, s->g, ws, "img.nonoise", &o);
    for (int i = 0; i < count; i++)
        free(owned[i]);
}

static void check_critic(session *s, atl_model *d, const char *img_name, const char *name) {
    size_t count = 0, n = 0;
    float *img = golden_read(s->truth, img_name, &count), *truth = golden_read(s->truth, name, &n),
          logits[16];
    assert_true(img && truth && n <= 16);
    if (atl_model_discriminate(d, (int)n, img, NULL, logits) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)logits[i] - (double)truth[i]));
        largest = fmax(largest, fabs((double)truth[i]));
    }
    printf("    %-20s %-20s %.2e (at most %.0e)\n", s->name, name, worst / largest, F32_SCORE_OF_F64);
    assert_true(worst <= F32_SCORE_OF_F64 * largest);
    free(img);
    free(truth);
}

static void check_case(const char *file, const char *numbers, bool has_average) {
    session s = { .name = file };
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    golden_path(s.path, "rosinality", file, ".pt");
    s.truth = golden_open(s.ctx, "rosinality", numbers, ".safetensors");
    s.g = open_net(&s, NULL);
    s.info = atl_model_get_info(s.g);
    assert_string_equal(s.info->net, "G_ema");
    size_t row = (size_t)s.info->num_ws * (size_t)s.info->w_dim, split = 3 * (size_t)s.info->w_dim;
    size_t w_dim;
    float *average = golden_read(s.truth, "latent_avg", &w_dim);
    float *ws = map_z(&s, s.g, 1.0f, 4, NULL), *half = map_z(&s, s.g, 0.5f, 4, has_average ? NULL : average);
    check_ws(&s, "ws", ws, F32_IMAGE_WINOGRAD);
    check_img(&s, s.g, ws, "img", NULL);
    check_ws(&s, "ws.psi0.5", half, F32_IMAGE_WINOGRAD);
    check_img(&s, s.g, half, "img.psi0.5", NULL);
    if (has_average) {
        float *centre = map_z(&s, s.g, 0.0f, 1, NULL);
        check_ws(&s, "latent_avg", centre, F32_IMAGE_WINOGRAD);
        free(centre);
    }
    free(average);
    check_noise(&s, ws);
    memcpy(half, ws, row * sizeof *ws);
    memcpy(half + split, ws + row + split, (row - split) * sizeof *ws);
    check_img(&s, s.g, half, "img.mix01@3", NULL);
    free(ws);
    free(half);
    atl_model *other = open_net(&s, "G");
    ws = map_z(&s, other, 1.0f, 1, NULL);
    check_img(&s, other, ws, "img.G", NULL);
    atl_model_close(&other);
    other = open_net(&s, "D");
    check_critic(&s, other, "img", "logits");
    check_critic(&s, other, "d.img", "d.logits");
    atl_model_close(&other);
    free(ws);
    atl_model_close(&s.g);
    golden_close(&s.truth, NULL);
    atl_ctx_close(&s.ctx);
}

static void converted_file_as_zip(void **state) {
    (void)state;
    check_case("ros-32", "ros-32", true);
}

static void training_file_as_stream(void **state) {
    (void)state;
    check_case("ros-8-trainer.legacy", "ros-8-trainer", false);
}

// Truncation of a file without an average pulls to the mean of w: two means of 4096 samples each are about
// sqrt(2 / 4096) = 0.022 of the spread of w apart.
static void missing_average_is_the_mean(void **state) {
    enum { N = 4096 };
    (void)state;
    session s = { .name = "ros-8-trainer" };
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    golden_path(s.path, "rosinality", "ros-8-trainer.legacy", ".pt");
    s.g = open_net(&s, NULL);
    s.info = atl_model_get_info(s.g);
    size_t z_dim = (size_t)s.info->z_dim, w_dim = (size_t)s.info->w_dim, row = w_dim * (size_t)s.info->num_ws;
    float *z = malloc(N * z_dim * sizeof *z), *ws = malloc(N * row * sizeof *ws), average[64];
    assert_true(z && ws && row <= 64 * w_dim && w_dim <= 64);
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    o.truncation_psi = 0.0f;
    for (uint32_t i = 0; i < N; i++)
        atl_seed_to_z(i, z_dim, z + i * z_dim);
    assert_int_equal(atl_model_map(s.g, 1, z, NULL, &o, ws), ATL_OK);
    memcpy(average, ws, w_dim * sizeof *ws);
    assert_int_equal(atl_model_map(s.g, N, z, NULL, NULL, ws), ATL_OK);
    double apart = 0, spread = 0;
    for (size_t d = 0; d < w_dim; d++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < N; i++) {
            double w = (double)ws[i * row + d];
            sum += w / N;
            squares += w * w / N;
        }
        apart += (sum - (double)average[d]) * (sum - (double)average[d]);
        spread += squares - sum * sum;
    }
    printf("    means are %.3f of the spread apart\n", sqrt(apart / spread));
    assert_true(sqrt(apart / spread) < 0.035);
    free(z);
    free(ws);
    atl_model_close(&s.g);
    atl_ctx_close(&s.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converted_file_as_zip),
        cmocka_unit_test(training_file_as_stream),
        cmocka_unit_test(missing_average_is_the_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
