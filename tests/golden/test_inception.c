// SPDX-License-Identifier: Apache-2.0
// Inception at its real size against recorded numbers, layer by layer: 24 million weights, each a function of
// its name.  Then the same through a detector, which resizes by itself.
#include "golden.h"
#include "recipe.h"

#include "metrics/detector.h"
#include "run/backend.h"
#include "run/program.h"

enum { SIZE = 299, PICTURE = 3 * SIZE * SIZE, ROW = 150, PROBE = 30, BATCH = 8 };

// float32 with Winograd against float32 with direct convolutions: 94 layers.
static const double BOUND = 2e-5;

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_network net;
    atl_programs programs;
    golden *g;
} scene;

static void begin(scene *s) {
    const atl_model_row *row = atl_model_row_for("inception", "features");
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    json_t *json;
    assert_non_null(row);
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    assert_int_equal(row->init(s->ctx, &o, &json), ATL_OK);
    if (atl_network_make_empty(s->ctx, row, "inception", json, &s->net) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    for (size_t i = 0; i < s->net.params.size; i++) {
        const atl_param *p = &s->net.params.list[i];
        recipe_fill(p->name, p->rank, p->dims, 1.5811388300841898, atl_param_data(&s->net.params, p));
    }
    atl_programs_init(&s->programs, &s->net, s->backend);
    s->g = golden_open(s->ctx, "metrics", "inception", ".safetensors");
}

static void end(scene *s) {
    golden_close(&s->g, NULL);
    atl_programs_clear(&s->programs);
    atl_network_clear(&s->net);
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
}

// ---- pictures

typedef struct picture {
    int n, h, w;
    uint8_t *rgb; // [n, 3, h, w]
} picture;

static picture picture_of(scene *s, char which) {
    picture p = { 2, SIZE, SIZE, NULL };
    if (which != 'a') {
        const atl_array *a = golden_find(s->g, which == 'b' ? "b.image" : "c.image");
        assert_non_null(a);
        p = (picture){ 1, (int)a->dims[2], (int)a->dims[3], malloc((size_t)atl_array_count(a)) };
        assert_non_null(p.rgb);
        memcpy(p.rgb, a->data, (size_t)atl_array_count(a));
        return p;
    }
    p.rgb = malloc((size_t)2 * PICTURE);
    assert_non_null(p.rgb);
    for (size_t i = 0; i < (size_t)2 * PICTURE; i++)
        p.rgb[i] = recipe_byte(recipe_seed("inception.a.0"), i);
    return p;
}

// Where a pixel of the result lies, from its definition.
static double place(int i, int size, bool tf) {
    double at = tf ? (double)i * size / SIZE : ((double)i + 0.5) * size / SIZE - 0.5;
    return fmin(fmax(at, 0.0), size - 1.0);
}

static double pixel(const picture *p, int plane, double y, double x) {
    int y0 = (int)y, x0 = (int)x, y1 = y0 + 1 < p->h ? y0 + 1 : y0, x1 = x0 + 1 < p->w ? x0 + 1 : x0;
    const uint8_t *m = p->rgb + (size_t)plane * (size_t)p->h * (size_t)p->w;
    double fy = y - y0, fx = x - x0;
    double top = m[y0 * p->w + x0] * (1 - fx) + m[y0 * p->w + x1] * fx;
    double low = m[y1 * p->w + x0] * (1 - fx) + m[y1 * p->w + x1] * fx;
    return top * (1 - fy) + low * fy;
}

// What the network sees: [n, 3, 299, 299]
static float *seen(const picture *p, bool tf) {
    float *x = malloc(sizeof *x * (size_t)p->n * PICTURE), *at = x;
    assert_non_null(x);
    for (int plane = 0; plane < 3 * p->n; plane++)
        for (int i = 0; i < SIZE; i++)
            for (int j = 0; j < SIZE; j++) {
                double v = pixel(p, plane, place(i, p->h, tf), place(j, p->w, tf));
                *at++ = (float)(tf ? (v - 128.0) / 128.0 : 2.0 * v / 255.0 - 1.0);
            }
    return x;
}

static void check_row(scene *s, const char *name, const float *x) {
    char full[64];
    size_t count;
    snprintf(full, sizeof full, "%s.resized_row", name);
    if (!golden_has(s->g, full))
        return;
    float row[3 * SIZE], *truth = golden_read(s->g, full, &count);
    for (int c = 0; c < 3; c++)
        memcpy(row + (size_t)c * SIZE, x + ((size_t)c * SIZE + ROW) * SIZE, SIZE * sizeof *row);
    golden_check(name, "resized_row", row, truth, count, 1e-6);
    free(truth);
}

// ---- layers

static float *result(scene *s, atl_program *p, const char *port, int n, size_t *count) {
    const atl_port *out = atl_program_out(p, port);
    if (!out)
        fail_msg("there is no %s", port);
    *count =
        (size_t)(atl_shape_count(&out->node->shape) / p->call.n * n); // the program may have a larger batch
    float *v = malloc(*count * sizeof *v);
    assert_non_null(v);
    if (atl_program_read(p, port, n, v) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    return v;
}

static void check_result(scene *s, atl_program *p, const char *name, const char *port, const char *leaf,
                         int n) {
    char full[64];
    size_t count, recorded;
    snprintf(full, sizeof full, "%s.%s", name, leaf);
    float *v = result(s, p, port, n, &count), *truth = golden_read(s->g, full, &recorded), few[2 + PROBE];
    bool probed = recipe_ends(leaf, ".probe");
    if (probed)
        assert_int_equal(golden_probe(v, count, PROBE, few), 2 + PROBE);
    assert_int_equal(recorded, probed ? 2 + PROBE : count);
    golden_check(name, leaf, probed ? few : v, truth, recorded, BOUND);
    free(v);
    free(truth);
}

static void check_layers(scene *s, const char *name, const picture *in, bool tf) {
    static const char *const LAYERS[] = { "Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1",
                                          "Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2",      "Mixed_5b",
                                          "Mixed_5c",      "Mixed_5d",      "Mixed_6a",      "Mixed_6b",
                                          "Mixed_6c",      "Mixed_6d",      "Mixed_6e",      "Mixed_7a",
                                          "Mixed_7b",      "Mixed_7c" };
    atl_program_key key = { .function = "classify", .n = in->n, .features = "[CMmp]*[!v.]" };
    atl_program *p;
    float *x = seen(in, tf);
    check_row(s, name, x);
    if (atl_programs_get(&s->programs, &key, &p) != ATL_OK ||
        atl_program_write(p, "img", in->n, x) != ATL_OK || atl_program_run(p) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    for (size_t i = 0; i < sizeof LAYERS / sizeof *LAYERS; i++) {
        char leaf[64];
        snprintf(leaf, sizeof leaf, "%s.probe", LAYERS[i]);
        check_result(s, p, name, LAYERS[i], leaf, in->n);
    }
    check_result(s, p, name, "pool3", "pool3", in->n);
    check_result(s, p, name, "logits", "logits", in->n);
    check_result(s, p, name, "unbiased", "logits_nobias", in->n);
    free(x);
}

// ---- the same through detectors

static void softmax(float *v, size_t count) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, (double)v[i]);
    for (size_t i = 0; i < count; i++)
        sum += exp((double)v[i] - most);
    for (size_t i = 0; i < count; i++)
        v[i] = (float)(exp((double)v[i] - most) / sum);
}

// n copies of a picture of one sample; opened for so many threads.
static void run(scene *s, const picture *in, const char *use, const char *resize, int threads, int n,
                float *out) {
    const atl_backend_options b = { .threads = threads, .parts = ATL_DETECTOR_PARTS };
    atl_detector_options o = { .height = in->h, .width = in->w, .resize = resize };
    size_t bytes = (size_t)3 * (size_t)in->h * (size_t)in->w;
    uint8_t *many = malloc(bytes * (size_t)n);
    atl_detector *d;
    assert_non_null(many);
    for (int i = 0; i < n; i++)
        memcpy(many + (size_t)i * bytes, in->rgb, bytes);
    assert_int_equal(atl_backend_open(s->ctx, &b, &o.backend), ATL_OK);
    if (atl_detector_open(&s->net, use, &o, &d) != ATL_OK || atl_detector_run(d, many, n, out) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    assert_int_equal(atl_detector_batch(d), BATCH);
    assert_string_equal(atl_detector_resize(d), resize ? resize : "tf");
    atl_detector_close(&d);
    atl_backend_close(&o.backend);
    free(many);
}

// The same bits on any number of threads, in a batch that is full and in one that is not.
static void check_features(scene *s, const picture *in) {
    enum { WIDTH = 2048 };
    static float out[BATCH + 1][WIDTH], other[WIDTH];
    size_t count;
    float *truth = golden_read(s->g, "b.tf.pool3", &count);
    assert_int_equal(count, WIDTH);
    run(s, in, "features", NULL, 1, BATCH + 1, out[0]);
    golden_check("b.tf", "features", out[0], truth, count, BOUND);
    assert_memory_equal(out[BATCH], out[0], sizeof *out);
    run(s, in, "features", "tf", 3, 1, other);
    assert_memory_equal(other, out[0], sizeof *out);
    free(truth);
}

static void check_softmax(scene *s, const picture *in) {
    float out[1008];
    size_t count;
    float *truth = golden_read(s->g, "c.torch.logits_nobias", &count);
    assert_int_equal(count, 1008);
    softmax(truth, count);
    run(s, in, "softmax", "torch", 2, 1, out);
    golden_check("c.torch", "softmax", out, truth, count, BOUND);
    free(truth);
}

static void agrees_with_the_recorded_numbers(void **state) {
    (void)state;
    scene s;
    begin(&s);
    for (char which = 'a'; which <= 'c'; which++) {
        picture p = picture_of(&s, which);
        for (int tf = 0; tf < 2; tf++) {
            char name[16];
            snprintf(name, sizeof name, "%c.%s", which, tf ? "tf" : "torch");
            check_layers(&s, name, &p, tf);
        }
        if (which == 'b')
            check_features(&s, &p);
        if (which == 'c')
            check_softmax(&s, &p);
        free(p.rgb);
    }
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(agrees_with_the_recorded_numbers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
