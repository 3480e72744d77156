// SPDX-License-Identifier: Apache-2.0
// Networks of the TensorFlow generation against what they put out when evaluated with 64-bit arithmetic:
// mapping, truncation, stored, given and no noise, style mixing, levels of detail, labels, discriminators.
#include "golden.h"

typedef struct session {
    const char *name;
    char path[1024];
    atl_ctx *ctx;
    golden *truth;
    float *z, *c;
} session;

static void open_case(session *s, const char *name) {
    size_t count;
    *s = (session){ .name = name };
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    golden_path(s->path, "tf", name, ".pkl");
    s->truth = golden_open(s->ctx, "tf", name, ".safetensors");
    s->z = golden_read(s->truth, "z", &count);
    s->c = golden_has(s->truth, "c") ? golden_read(s->truth, "c", &count) : NULL;
}

static void close_case(session *s) {
    free(s->z);
    free(s->c);
    golden_close(&s->truth, NULL);
    atl_ctx_close(&s->ctx);
}

static atl_model *open_net(session *s, const char *net, float lod) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    o.lod = lod;
    atl_model *m;
    if (atl_model_open(s->ctx, s->path, &o, &m) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    return m;
}

// n rows of z (and c) from row `first` on -> ws; freed by the caller.
static float *map_rows(session *s, atl_model *m, int first, int n, const float *c, float psi, int cutoff) {
    const atl_model_info *info = atl_model_get_info(m);
    float *ws = malloc(sizeof *ws * (size_t)n * (size_t)info->num_ws * (size_t)info->w_dim);
    assert_non_null(ws);
    atl_map_options o = ATL_MAP_OPTIONS_INIT;
    o.truncation_psi = psi;
    o.truncation_cutoff = cutoff;
    if (atl_model_map(m, n, s->z + (size_t)first * (size_t)info->z_dim, c, &o, ws) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    return ws;
}

static void check_img(session *s, atl_model *m, const float *ws, const char *name,
                      const atl_synthesis_options *o) {
    const atl_model_info *info = atl_model_get_info(m);
    size_t count, per = (size_t)info->channels * (size_t)info->height * (size_t)info->width;
    if (!golden_has(s->truth, name))
        return;
    float *truth = golden_read(s->truth, name, &count);
    assert_int_equal(count % per, 0);
    float *img = malloc(count * sizeof *img);
    assert_non_null(img);
    if (atl_model_synthesize(m, (int)(count / per), ws, o, img) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    golden_check(s->name, name, img, truth, count, F32_IMAGE_WINOGRAD);
    free(img);
    free(truth);
}

static int images_in(const session *s, const char *name) {
    const atl_array *a = atl_arrays_find(s->truth->set, name);
    return a ? (int)a->dims[0] : 0;
}

static void check_ws(session *s, const char *name, const float *ws) {
    size_t count;
    if (!golden_has(s->truth, name))
        return;
    float *truth = golden_read(s->truth, name, &count);
    golden_check(s->name, name, ws, truth, count, F32_IMAGE_WINOGRAD);
    free(truth);
}

// ws at a truncation against WS, and the image of it against IMG.
static void check_pair(session *s, atl_model *m, const char *ws_name, const char *img_name, float psi,
                       int cutoff) {
    int rows = images_in(s, ws_name), images = images_in(s, img_name);
    if (!rows && !images)
        return;
    float *ws = map_rows(s, m, 0, rows > images ? rows : images, s->c, psi, cutoff);
    check_ws(s, ws_name, ws);
    check_img(s, m, ws, img_name, NULL);
    free(ws);
}

static void check_noise(session *s, atl_model *m, const float *ws) {
    const float *maps[40];
    float *owned[40] = { NULL };
    int height, width, count = 0;
    for (; atl_model_noise_size(m, count, &height, &width); count++) {
        char name[16];
        size_t size;
        snprintf(name, sizeof name, "noise%d", count);
        maps[count] = owned[count] = golden_read(s->truth, name, &size);
        assert_int_equal(size, 2 * height * width);
    }
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    o.noise_mode = ATL_NOISE_MAPS;
    o.noise_maps = maps;
    check_img(s, m, ws, "img.noise", &o);
    o.noise_mode = ATL_NOISE_NONE;
    check_img(s, m, ws, "img.nonoise", &o);
    for (int i = 0; i < count; i++)
        free(owned[i]);
}

// Layers 0 to 2 from the first rows, 3 and on from those of `other`.
static void mix(const atl_model_info *info, float *ws, const float *other, int n) {
    size_t layer = (size_t)info->w_dim, row = layer * (size_t)info->num_ws;
    for (int i = 0; i < n; i++)
        memcpy(ws + (size_t)i * row + 3 * layer, other + (size_t)i * row + 3 * layer,
               (row - 3 * layer) * sizeof *ws);
}

static void check_mixing(session *s, atl_model *m) {
    const atl_model_info *info = atl_model_get_info(m);
    float *ws = map_rows(s, m, 0, 2, s->c, 1.0f, 0), *next = ws + (size_t)info->num_ws * (size_t)info->w_dim;
    mix(info, ws, next, 1);
    check_img(s, m, ws, "img.mix01@3", NULL);
    free(ws);
}

// Training mode: rows 0 and 1 mixed with 2 and 3 under the same labels, and the step of the moving average.
static void check_training(session *s, atl_model *m) {
    const atl_model_info *info = atl_model_get_info(m);
    size_t count, w_dim = (size_t)info->w_dim, row = w_dim * (size_t)info->num_ws;
    float *ws = map_rows(s, m, 0, 2, s->c, 1.0f, 0), *other = map_rows(s, m, 2, 2, s->c, 1.0f, 0);
    float *average = map_rows(s, m, 0, 1, s->c, 0.0f, 0);
    if (golden_has(s->truth, "train.dlatent_avg")) {
        float *truth = golden_read(s->truth, "train.dlatent_avg", &count);
        for (size_t i = 0; i < w_dim; i++)
            average[i] += 0.005f * (0.5f * (ws[i] + ws[row + i]) - average[i]);
        golden_check(s->name, "train.dlatent_avg", average, truth, w_dim, F32_IMAGE_WINOGRAD);
        free(truth);
    }
    mix(info, ws, other, 2);
    check_ws(s, "train.ws", ws);
    check_img(s, m, ws, "train.img", NULL);
    free(average);
    free(other);
    free(ws);
}

// ---- levels of detail

// The next tensor "PREFIXnumber": its name, and the number in *lod.
static const char *next_level(const session *s, const char *prefix, size_t *at, float *lod) {
    for (; *at < atl_arrays_size(s->truth->set); ++*at) {
        const char *name = atl_arrays_get(s->truth->set, *at)->name;
        if (!strncmp(name, prefix, strlen(prefix))) {
            *lod = strtof(name + strlen(prefix), NULL);
            ++*at;
            return name;
        }
    }
    return NULL;
}

static void check_levels(session *s) {
    const char *name;
    float lod;
    for (size_t at = 0; (name = next_level(s, "img.lod", &at, &lod)) != NULL;) {
        atl_model *m = open_net(s, NULL, lod);
        float *ws = map_rows(s, m, 0, 2, s->c, 1.0f, 0);
        check_img(s, m, ws, name, NULL);
        free(ws);
        atl_model_close(&m);
    }
}

// ---- discriminators

static void check_columns(session *s, const char *name, const float *out, int width, int first, int columns) {
    size_t count;
    if (!golden_has(s->truth, name))
        return;
    float *truth = golden_read(s->truth, name, &count);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        float ours = out[i / (size_t)columns * (size_t)width + (size_t)first + i % (size_t)columns];
        worst = fmax(worst, fabs((double)ours - (double)truth[i]));
        largest = fmax(largest, fabs((double)truth[i]));
    }
    printf("    %-20s %-20s %.2e (at most %.0e)\n", s->name, name, worst / largest, F32_SCORE_OF_F64);
    if (!(worst <= F32_SCORE_OF_F64 * largest))
        fail_msg("%s: %s is %.3g away from the recorded numbers", s->name, name, worst / largest);
    free(truth);
}

// The discriminator on IMG; its outputs are LOGITS, or SCORES and LABELS, with the given ending.
static void check_critic(session *s, const char *img_name, const char *c_name, const char *prefix,
                         const char *ending, float lod) {
    size_t count, n_c;
    float *img = golden_read(s->truth, img_name, &count);
    float *c = golden_has(s->truth, c_name) ? golden_read(s->truth, c_name, &n_c) : NULL;
    atl_model *d = open_net(s, "D", lod);
    const atl_model_info *info = atl_model_get_info(d);
    int n = images_in(s, img_name), width = info->num_logits;
    float *out = malloc(sizeof *out * (size_t)n * (size_t)width);
    char name[64];
    assert_true(img && out);
    if (atl_model_discriminate(d, n, img, c, out) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    snprintf(name, sizeof name, "%slogits%s", prefix, ending);
    check_columns(s, name, out, width, 0, 1);
    snprintf(name, sizeof name, "%sscores%s", prefix, ending);
    check_columns(s, name, out, width, 0, 1);
    snprintf(name, sizeof name, "%slabels%s", prefix, ending);
    check_columns(s, name, out, width, 1, width - 1);
    atl_model_close(&d);
    free(out);
    free(c);
    free(img);
}

static void check_critics(session *s) {
    const char *name;
    float lod;
    if (images_in(s, "logits") || images_in(s, "scores"))
        check_critic(s, "img", "c", "", "", -1.0f);
    check_critic(s, "d.img", "d.c", "d.", "", -1.0f);
    for (size_t at = 0; (name = next_level(s, "d.logits.lod", &at, &lod)) != NULL;)
        check_critic(s, "d.img", "d.c", "d.", name + strlen("d.logits"), lod);
    for (size_t at = 0; (name = next_level(s, "d.scores.lod", &at, &lod)) != NULL;)
        check_critic(s, "d.img", "d.c", "d.", name + strlen("d.scores"), lod);
}

// ---- cases

static void check_case(const char *name) {
    session s;
    open_case(&s, name);
    atl_model *m = open_net(&s, NULL, -1.0f);
    const atl_model_info *info = atl_model_get_info(m);
    check_pair(&s, m, "ws", "img", 1.0f, 0);
    check_pair(&s, m, "ws.default", "img.default", info->default_psi, info->default_cutoff);
    check_pair(&s, m, "ws.psi0.5.cutoff3", "img.psi0.5.cutoff3", 0.5f, 3);
    if (golden_has(s.truth, "img.noise")) {
        float *ws = map_rows(&s, m, 0, 2, s.c, 1.0f, 0);
        check_noise(&s, m, ws);
        free(ws);
        check_mixing(&s, m);
    }
    if (info->num_ws > 1)
        check_training(&s, m);
    atl_model_close(&m);
    if (golden_has(s.truth, "img.G")) {
        m = open_net(&s, "G", -1.0f);
        float *ws = map_rows(&s, m, 0, 1, s.c, 1.0f, 0);
        check_img(&s, m, ws, "img.G", NULL);
        free(ws);
        atl_model_close(&m);
    }
    check_levels(&s);
    check_critics(&s);
    close_case(&s);
}

static void networks_give_recorded_numbers(void **state) {
    static const char *const cases[] = { "sg1-32",          "sg1-32-cond-fused", "sg1-128",
                                         "pgan-32-unfused", "pgan-16-cond",      "sg2tf-32" };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(cases[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_give_recorded_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
