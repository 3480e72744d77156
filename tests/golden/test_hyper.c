// SPDX-License-Identifier: Apache-2.0
// HyperStyle's hypernetworks at their real size against recorded numbers, and the generator that they tune: 150 million
// weights and more, each a function of its name.
#include "decoder.h"
#include "state.h"

#include <jansson.h>

#include "edit/hyper.h"
#include "run/backend.h"
#include "run/program.h"

enum { INPUTS = 6, PROBE = 64, FIRST = 64, LATER = 61 };

static const double BOUND = 2e-5; // 36 layers of up to 4608 terms, with Winograd
static const double NORM_BOUND = 1e-4; // the recorded ones were summed in float32, over two million squares

typedef struct hyper {
    const char *name;
    const char *other; // kind of the layers behind those of 512 channels
    int layers[16], count;
} hyper;

static const hyper PLAIN = { "hyperstyle", "own", { 0, 2, 3, 9, 15, 17, 18 }, 7 };
static const hyper SEPARABLE = { "hyperstyle_sep", "separable", { 0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18 }, 13 };

// Channels into and out of a layer of the generator.
static void channels_of(int layer, int *in, int *out) {
    int r = layer < 2 ? 4 : 8 << (layer - 2) / 3, first = layer < 2 || (layer - 2) % 3 == 0;
    *out = channels(r);
    *in = first && r > 4 ? channels(r / 2) : channels(r);
}

static json_t *config_of(const hyper *h) {
    json_t *list = json_array();
    for (int i = 0; i < h->count; i++) {
        int in, out;
        channels_of(h->layers[i], &in, &out);
        bool shared = in == STYLE && out == STYLE;
        json_array_append_new(list, json_pack("{s:i s:s s:i s:i s:i}", "index", h->layers[i], "kind",
                                              shared ? "shared" : h->other, "in", in, "out", out, "narrow",
                                              shared ? 128 : 256));
    }
    return json_pack("{s:s s:[i,i,i,i] s:[i,i,i,i] s:i s:i s:i s:i s:i s:o}", "trunk", "resnet", "units", 3, 4, 6, 3,
                     "channels", 64, 128, 256, 512, "height", SIZE, "width", SIZE, "input_nc", INPUTS, "vector", STYLE,
                     "hidden", STYLE, "layers", list);
}

static void fill_network(atl_network *n) {
    static const state_options o = { .prefix = "hypernet.", .unit = { ".linear.weight" }, .gain = 1.1 };
    for (size_t i = 0; i < n->params.size; i++) {
        const atl_param *p = &n->params.list[i];
        state_fill(&o, p->name, p->rank, p->dims, atl_param_data(&n->params, p));
    }
}

static void moments(const float *v, size_t count, double *mean, double *deviation, double *norm) {
    double sum = 0.0, squares = 0.0, apart = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)v[i];
        squares += (double)v[i] * (double)v[i];
    }
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        apart += ((double)v[i] - *mean) * ((double)v[i] - *mean);
    *deviation = sqrt(apart / (double)count);
    *norm = sqrt(squares);
}

static void check(golden *truth, const char *recorded, const float *ours) {
    size_t count;
    float *want = golden_read(truth, recorded, &count);
    golden_check(truth->name, recorded, ours, want, count, BOUND);
    free(want);
}

// The norm would hide everything else: the three numbers one by one, then the values.
static void check_delta(golden *truth, int layer, const float *v, size_t count) {
    char recorded[32];
    size_t numbers;
    double m[3];
    float ours[FIRST + LATER];
    snprintf(recorded, sizeof recorded, "delta%02d.probe", layer);
    float *want = golden_read(truth, recorded, &numbers);
    assert_int_equal(numbers, 3 + FIRST + LATER);
    moments(v, count, &m[0], &m[1], &m[2]);
    assert_true(fabs(m[1] / (double)want[1] - 1.0) < BOUND);
    assert_true(fabs(m[2] / (double)want[2] - 1.0) < NORM_BOUND);
    assert_true(fabs(m[0] - (double)want[0]) < BOUND * (double)want[1]);
    for (size_t i = 0; i < FIRST; i++)
        ours[i] = v[i];
    for (size_t i = 0; i < LATER; i++)
        ours[FIRST + i] = v[i * (count / LATER)];
    golden_check(truth->name, recorded, ours, want + 3, FIRST + LATER, BOUND);
    free(want);
}

static void check_layer(golden *truth, atl_program *p, const char *layer) {
    char recorded[32];
    float probe[2 + PROBE];
    const atl_port *port = atl_program_out(p, layer);
    assert_non_null(port);
    size_t count = (size_t)atl_shape_count(&port->node->shape);
    float *v = malloc(count * sizeof *v);
    assert_true(v && atl_program_read(p, layer, 1, v) == ATL_OK);
    assert_int_equal(golden_probe(v, count, PROBE, probe), 2 + PROBE);
    snprintf(recorded, sizeof recorded, "probe.%s", layer);
    check(truth, recorded, probe);
    free(v);
}

// Makes the deltas and puts them into the generator.
static void tune(atl_ctx *ctx, atl_backend *backend, golden *truth, const hyper *h, atl_network *generator) {
    static const char *const layers[] = { "relu", "body.0", "body.15" };
    atl_network net;
    atl_programs programs;
    atl_program *p;
    char input[64];
    if (atl_network_make_empty(ctx, atl_model_row_find("hypernet"), "hypernet", config_of(h), &net) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    fill_network(&net);
    atl_programs_init(&programs, &net, backend);
    snprintf(input, sizeof input, "%s.input.0", h->name);
    float *img = recipe_picture(input, INPUTS, SIZE, SIZE, 32);
    assert_non_null(img);
    if (atl_programs_get(&programs, &(atl_program_key){ .function = "tune", .n = 1, .features = "*" }, &p) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    assert_int_equal(atl_program_write(p, "img", 1, img), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check_layer(truth, p, layers[i]);
    for (int i = 0; i < h->count; i++) {
        int in, out;
        char port[24];
        channels_of(h->layers[i], &in, &out);
        size_t count = (size_t)in * (size_t)out * 9;
        float *delta = malloc(count * sizeof *delta);
        snprintf(port, sizeof port, "delta.%d", h->layers[i]);
        assert_true(delta && atl_program_read(p, port, 1, delta) == ATL_OK);
        check_delta(truth, h->layers[i], delta, count);
        if (atl_hyper_apply(generator, h->layers[i], delta, count) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        free(delta);
    }
    free(img);
    atl_programs_clear(&programs);
    atl_network_clear(&net);
}

static void synthesize(atl_ctx *ctx, atl_backend *backend, const hyper *h, const atl_network *generator, float *img) {
    static float ws[STYLES * STYLE];
    char name[64];
    atl_programs programs;
    atl_program *p;
    snprintf(name, sizeof name, "%s.codes.0", h->name);
    uint64_t seed = recipe_seed(name);
    for (size_t i = 0; i < STYLES * STYLE; i++)
        ws[i] = 1.7320508f * recipe_uniform(seed, i);
    atl_programs_init(&programs, generator, backend);
    if (atl_programs_get(&programs, &(atl_program_key){ .function = "synthesize", .n = 1 }, &p) != ATL_OK ||
        atl_program_write(p, "ws", 1, ws) != ATL_OK || atl_program_run(p) != ATL_OK ||
        atl_program_read(p, "img", 1, img) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    atl_programs_clear(&programs);
}

static void check_hyper(const hyper *h) {
    static float img[3 * SIZE * SIZE];
    atl_ctx *ctx;
    atl_backend *backend;
    atl_network base, generator;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(ctx, NULL, &backend), ATL_OK);
    if (atl_network_open(ctx, checkpoint, NULL, &base) != ATL_OK || atl_network_copy(&base, &generator) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    golden *truth = golden_open(ctx, "encoders", h->name, ".safetensors");
    synthesize(ctx, backend, h, &base, img);
    check_part(truth, "plain.image64", img, 0, 4, 64);
    check_part(truth, "plain.crop", img, 100, 1, 32);
    tune(ctx, backend, truth, h, &generator);
    synthesize(ctx, backend, h, &generator, img);
    check_part(truth, "tuned.image64", img, 0, 4, 64);
    check_part(truth, "tuned.crop", img, 100, 1, 32);
    golden_close(&truth, NULL);
    atl_network_clear(&generator);
    atl_network_clear(&base);
    atl_backend_close(&backend);
    atl_ctx_close(&ctx);
}

static void one_number_for_all_taps(void **state) {
    (void)state;
    check_hyper(&PLAIN);
}

static void products_of_vectors(void **state) {
    (void)state;
    check_hyper(&SEPARABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_number_for_all_taps),
                                        cmocka_unit_test(products_of_vectors) };
    return cmocka_run_group_tests(tests, make_checkpoint, drop_checkpoint);
}
