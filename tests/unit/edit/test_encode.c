// SPDX-License-Identifier: Apache-2.0
// Encoding with small files of encoders: the loop of one that sees its result against the same by hand, what
// codes are added to, inputs of other kinds, and sentences about what does not fit.
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

#include <atelier/encode.h>
#include <atelier/network.h>
#include "edit/encode.h"
#include "edit/hyper.h"
#include "run/backend.h"

enum {
    SIDE = 64,
    MADE = 16,
    WS = 6,
    W_DIM = 8,
    N = 2,
    STEPS = 3,
    IMG = 3 * MADE * MADE,
    INPUT = 3 * SIDE * SIDE
};

typedef struct scene {
    atl_ctx *ctx;
    atl_model *encoder, *generator;
    float inputs[N * INPUT];
} scene;

static const char *data(char path[1024], const char *name) {
    const char *folder = getenv("ATL_TEST_DATA");
    snprintf(path, 1024, "%s/encoders/%s", folder ? folder : "tests/data", name);
    return path;
}

static void open_one(scene *s, const char *name, const char *net, atl_model **model) {
    char path[1024];
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    if (atl_model_open(s->ctx, data(path, name), &o, model) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
}

static scene *begin(const char *name) {
    static scene s;
    s = (scene){ 0 };
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    open_one(&s, name, "encoder", &s.encoder);
    open_one(&s, "e4e.pt", NULL, &s.generator);
    for (int i = 0; i < N * INPUT; i++)
        s.inputs[i] = sinf(0.01f * (float)i) * cosf(0.37f * (float)i);
    return &s;
}

static void end(scene *s) {
    atl_model_close(&s->encoder);
    atl_model_close(&s->generator);
    atl_ctx_close(&s->ctx);
}

// |a - b| / |b|
static double distance(const float *a, const float *b, size_t count) {
    double d = 0.0, n = 0.0;
    for (size_t i = 0; i < count; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        n += (double)b[i] * (double)b[i];
    }
    return sqrt(d / n);
}

static const float *average(const scene *s) {
    return atl_model_tensor(s->encoder, "latent_avg")->data;
}

// A picture of 16x16 as one of 64x64, of which each pixel lies in one of those.
static void stretch(const float *img, float *to) {
    for (int i = 0; i < INPUT; i++) {
        int c = i / (SIDE * SIDE), y = i / SIDE % SIDE, x = i % SIDE;
        to[i] = img[(c * MADE + y * MADE / SIDE) * MADE + x * MADE / SIDE];
    }
}

// One step of one picture by the network's own function.
static void step_by_hand(scene *s, const float *input, const float *img, float *ws) {
    static float both[2 * INPUT];
    atl_arrays *out;
    memcpy(both, input, INPUT * sizeof *both);
    stretch(img, both + INPUT);
    const atl_array in = { "img", ATL_F32, 4, { 1, 6, SIDE, SIDE }, both };
    if (atl_model_run(s->encoder, "encode", &in, 1, NULL, &out) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    const float *codes = atl_arrays_find(out, "codes")->data;
    for (int i = 0; i < WS * W_DIM; i++)
        ws[i] += codes[i];
    atl_arrays_close(&out);
}

static void steps_see_what_was_made(void **state) {
    (void)state;
    static float ws[STEPS * N * WS * W_DIM], img[STEPS * N * IMG];
    scene *s = begin("restyle.pt");
    atl_encode_options o = ATL_ENCODE_OPTIONS_INIT;
    atl_encoder *e;
    o.steps = STEPS;
    assert_int_equal(atl_encoder_open(s->encoder, s->generator, &o, &e), ATL_OK);
    assert_true(atl_encoder_get_info(e)->sees_result && atl_encoder_get_info(e)->steps == STEPS);
    assert_int_equal(atl_encoder_run(e, N, s->inputs, ws, img), ATL_OK);
    for (int k = 0; k < N; k++) {
        float hand[WS * W_DIM], seen[IMG];
        memcpy(hand, average(s), sizeof hand);
        for (int step = 0; step < STEPS; step++) {
            size_t at = (size_t)(step * N + k);
            assert_int_equal(atl_model_synthesize(s->generator, 1, hand, NULL, seen), ATL_OK);
            step_by_hand(s, s->inputs + k * INPUT, seen, hand);
            assert_true(distance(ws + at * WS * W_DIM, hand, WS * W_DIM) < 1e-4);
            assert_int_equal(atl_model_synthesize(s->generator, 1, hand, NULL, seen), ATL_OK);
            assert_true(distance(img + at * IMG, seen, IMG) < 1e-4);
        }
    }
    atl_encoder_close(&e);
    end(s);
}

static void one_step_adds_the_average(void **state) {
    (void)state;
    float ws[N * WS * W_DIM], other[N * WS * W_DIM], mean[WS * W_DIM], z[W_DIM] = { 1 };
    scene *s = begin("e4e.pt");
    atl_encode_options o = ATL_ENCODE_OPTIONS_INIT;
    atl_map_options map = ATL_MAP_OPTIONS_INIT;
    const atl_array in = { "img", ATL_F32, 4, { N, 3, SIDE, SIDE }, s->inputs };
    atl_arrays *out;
    atl_encoder *e;
    assert_int_equal(atl_encoder_open(s->encoder, s->generator, NULL, &e), ATL_OK);
    assert_int_equal(atl_encoder_run(e, N, s->inputs, ws, NULL), ATL_OK);
    atl_encoder_close(&e);
    assert_int_equal(atl_model_run(s->encoder, "encode", &in, 1, NULL, &out), ATL_OK);
    assert_true(distance(ws, atl_arrays_find(out, "ws")->data, N * WS * W_DIM) < 1e-6);
    o.average = ATL_ENCODER_AVERAGE_GENERATOR;
    map.truncation_psi = 0.0f;
    assert_int_equal(atl_model_map(s->generator, 1, z, NULL, &map, mean), ATL_OK);
    assert_int_equal(atl_encoder_open(s->encoder, s->generator, &o, &e), ATL_OK);
    assert_int_equal(atl_encoder_run(e, N, s->inputs, other, NULL), ATL_OK);
    const float *codes = atl_arrays_find(out, "codes")->data;
    for (int i = 0; i < N * WS * W_DIM; i++)
        assert_true(fabsf(other[i] - codes[i] - mean[i % (WS * W_DIM)]) < 1e-4f);
    atl_arrays_close(&out);
    atl_encoder_close(&e);
    end(s);
}

// ---- hypernetworks

enum { LARGE = 256, SEEN = 3 * LARGE * LARGE };

static void make(atl_ctx *ctx, const atl_network *g, const float *ws, float *img) {
    atl_backend *backend;
    atl_programs programs;
    atl_program *p;
    assert_int_equal(atl_backend_of(ctx, &backend), ATL_OK);
    atl_programs_init(&programs, g, backend);
    assert_int_equal(atl_programs_get(&programs, &(atl_program_key){ .function = "synthesize", .n = 1 }, &p),
                     ATL_OK);
    assert_int_equal(atl_program_write(p, "ws", 1, ws), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    assert_int_equal(atl_program_read(p, "img", 1, img), ATL_OK);
    atl_programs_clear(&programs);
}

// A look at the picture and the result: what the deltas become, and the generator with them.
static void tune_by_hand(atl_model *hyper, const float *input, const float *img, float sum[3][8 * 8 * 9],
                         const atl_network *base, atl_network *tuned) {
    static float both[2 * SEEN];
    static const char *const names[] = { "delta.0", "delta.2", "delta.3" };
    const atl_array in = { "img", ATL_F32, 4, { 1, 6, LARGE, LARGE }, both };
    atl_arrays *out;
    memcpy(both, input, SEEN * sizeof *both);
    for (int c = 0; c < 3; c++)
        atl_reduce_evenly(img + c * MADE * MADE, 1, MADE, MADE, both + SEEN + c * LARGE * LARGE, LARGE,
                          LARGE);
    assert_int_equal(atl_model_run(hyper, "tune", &in, 1, NULL, &out), ATL_OK);
    atl_network_copy_values(base, tuned);
    for (int i = 0; i < 3; i++) {
        const float *delta = atl_arrays_find(out, names[i])->data;
        for (int k = 0; k < 8 * 8 * 9; k++)
            sum[i][k] += delta[k];
        assert_int_equal(atl_hyper_apply(tuned, names[i][6] - '0', sum[i], 8 * 8 * 9), ATL_OK);
    }
    atl_arrays_close(&out);
}

static void a_hypernetwork_tunes_the_generator(void **state) {
    (void)state;
    static float input[SEEN], ws[2 * WS * W_DIM], img[2 * IMG], sum[3][8 * 8 * 9];
    float hand[IMG], again[IMG];
    char path[1024], deltas[] = "/tmp/atl-encode-XXXXXX";
    scene s = { 0 };
    atl_model *hyper, *whole;
    atl_network base, tuned;
    atl_encoder *e;
    atl_encode_options o = ATL_ENCODE_OPTIONS_INIT;
    atl_model_options m = ATL_MODEL_OPTIONS_INIT;
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    open_one(&s, "w.pt", "encoder", &s.encoder);
    open_one(&s, "hyper.pt", NULL, &s.generator);
    open_one(&s, "hyper.pt", "hypernet", &hyper);
    assert_int_equal(atl_network_open(s.ctx, data(path, "hyper.pt"), NULL, &base), ATL_OK);
    assert_int_equal(atl_network_copy(&base, &tuned), ATL_OK);
    for (int i = 0; i < SEEN; i++)
        input[i] = sinf(0.003f * (float)i);
    o.steps = 2;
    o.hypernet = hyper;
    assert_int_equal(atl_encoder_open(s.encoder, s.generator, &o, &e), ATL_OK);
    if (atl_encoder_run(e, 1, input, ws, img) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    assert_memory_equal(ws, ws + WS * W_DIM, WS * W_DIM * sizeof *ws); // the code stays
    make(s.ctx, &base, ws, hand);
    for (int step = 0; step < 2; step++) {
        assert_true(distance(img + step * IMG, hand, IMG) > 1e-2); // something is tuned
        tune_by_hand(hyper, input, hand, sum, &base, &tuned);
        make(s.ctx, &tuned, ws, hand);
        assert_true(distance(img + step * IMG, hand, IMG) < 1e-4);
    }
    int file = mkstemp(deltas);
    assert_true(file >= 0 && close(file) == 0);
    assert_int_equal(atl_encoder_save_deltas(e, deltas, ATL_F32), ATL_OK);
    m.deltas = deltas;
    if (atl_model_open(s.ctx, data(path, "hyper.pt"), &m, &whole) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    assert_int_equal(atl_model_synthesize(whole, 1, ws, NULL, again), ATL_OK);
    assert_true(distance(again, img + IMG, IMG) < 1e-6);
    assert_int_equal(unlink(deltas), 0);
    atl_encoder_close(&e);
    atl_model_close(&whole);
    atl_model_close(&hyper);
    atl_network_clear(&tuned);
    atl_network_clear(&base);
    end(&s);
}

static void colours_are_from_minus_one_to_one(void **state) {
    (void)state;
    uint8_t pixels[2 * 1 * 4] = { 0, 255, 51, 9, 0, 255, 51, 9 };
    static float input[INPUT];
    scene *s = begin("e4e.pt");
    const atl_image picture = { 2, 1, 4, pixels };
    atl_encoder *e;
    assert_int_equal(atl_encoder_open(s->encoder, s->generator, NULL, &e), ATL_OK);
    assert_int_equal(atl_encoder_input(e, &picture, input), ATL_OK);
    for (int i = 0; i < SIDE * SIDE; i++) {
        assert_true(input[i] == -1.0f);
        assert_true(input[SIDE * SIDE + i] == 1.0f);
        assert_true(fabsf(input[2 * SIDE * SIDE + i] + 0.6f) < 1e-6f);
    }
    assert_int_equal(atl_encoder_input(e, &(atl_image){ 0 }, input), ATL_BAD_ARGUMENT);
    atl_encoder_close(&e);
    end(s);
}

static void reducing_weighs_evenly(void **state) {
    (void)state;
    const float x[6] = { 1, 2, 3, 4, 5, 6 };
    float y[6];
    atl_reduce_evenly(x, 1, 2, 3, y, 1, 2); // columns 0 to 1 and 1 to 2
    assert_true(y[0] == 3.0f && y[1] == 4.0f);
    atl_reduce_evenly(x, 1, 1, 3, y, 1, 6);
    assert_true(y[0] == 1.0f && y[1] == 1.0f && y[5] == 3.0f);
}

static void refuses(scene *s, atl_model *generator, const atl_encode_options *o, const char *why) {
    atl_encoder *e;
    assert_int_not_equal(atl_encoder_open(s->encoder, generator, o, &e), ATL_OK);
    assert_null(e);
    if (!strstr(atl_message(s->ctx), why))
        fail_msg("%s", atl_message(s->ctx));
    atl_message_clear(s->ctx);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    scene *s = begin("e4e.pt");
    atl_encode_options o = ATL_ENCODE_OPTIONS_INIT;
    o.steps = 2;
    refuses(s, s->generator, &o, "does not see its result");
    o.steps = 1;
    o.noise_mode = ATL_NOISE_RANDOM;
    refuses(s, s->generator, &o, "noise modes");
    refuses(s, s->encoder, NULL, "needs a generator");
    end(s);
    s = begin("psp-bare.pt");
    refuses(s, s->generator, NULL, "no latent_avg");
    end(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_see_what_was_made),
        cmocka_unit_test(one_step_adds_the_average),
        cmocka_unit_test(colours_are_from_minus_one_to_one),
        cmocka_unit_test(reducing_weighs_evenly),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_hypernetwork_tunes_the_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
