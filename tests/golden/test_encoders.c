// SPDX-License-Identifier: Apache-2.0
// Encoders and identity networks at their real sizes against recorded numbers: up to 267 million weights,
// each a function of its name.
#include "golden.h"
#include "state.h"

#include <jansson.h>

#include "run/backend.h"
#include "run/program.h"

enum { SIZE = 256, FACE = 112, PROBE = 64, W_DIM = 512, POOLED_ROW = 50 };

// float32 with Winograd against float32 with direct convolutions: up to 54 layers of up to 4608 terms.
static const double BOUND = 2e-5;

typedef struct scene {
    atl_ctx *ctx;
    atl_backend *backend;
    atl_network net;
    atl_programs programs;
    golden *truth;
    const char *name;
} scene;

// Weights of equalised layers are u sqrt(3), all others as the recipe has them; names in files have a prefix.
static void fill(scene *s, const char *prefix) {
    const state_options o = { .prefix = prefix, .unit = { ".linear.weight" } };
    for (size_t i = 0; i < s->net.params.size; i++) {
        const atl_param *p = &s->net.params.list[i];
        state_fill(&o, p->name, p->rank, p->dims, atl_param_data(&s->net.params, p));
    }
}

static void begin(scene *s, const char *name, const char *kind, const char *prefix, json_t *config) {
    const atl_model_row *row = atl_model_row_find(kind);
    *s = (scene){ .name = name };
    assert_non_null(row);
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    assert_int_equal(atl_backend_open(s->ctx, NULL, &s->backend), ATL_OK);
    if (atl_network_make_empty(s->ctx, row, name, config, &s->net) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    fill(s, prefix);
    atl_programs_init(&s->programs, &s->net, s->backend);
    s->truth = golden_open(s->ctx, "encoders", name, ".safetensors");
}

static void end(scene *s) {
    golden_close(&s->truth, NULL);
    atl_programs_clear(&s->programs);
    atl_network_clear(&s->net);
    atl_backend_close(&s->backend);
    atl_ctx_close(&s->ctx);
}

static atl_program *run(scene *s, const char *function, const char *features, int n, const float *img) {
    atl_program *p;
    atl_program_key key = { .function = function, .n = n, .features = features };
    assert_non_null(img);
    if (atl_programs_get(&s->programs, &key, &p) != ATL_OK)
        fail_msg("%s: %s", s->name, atl_message(s->ctx));
    assert_int_equal(atl_program_write(p, "img", n, img), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    return p;
}

static void compare(scene *s, const float *ours, const char *recorded) {
    size_t count;
    float *truth = golden_read(s->truth, recorded, &count);
    golden_check(s->name, recorded, ours, truth, count, BOUND);
    free(truth);
}

static float *values_of(scene *s, atl_program *p, const char *port, int n, size_t count) {
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    if (atl_program_read(p, port, n, values) != ATL_OK)
        fail_msg("%s: %s", s->name, atl_message(s->ctx));
    return values;
}

// Mean, deviation and 64 values of a layer of `n` samples.
static void compare_probe(scene *s, atl_program *p, int n, const char *layer, const char *recorded) {
    const atl_port *port = atl_program_out(p, layer);
    if (!port)
        fail_msg("%s: there is no layer %s", s->name, layer);
    size_t count = (size_t)atl_shape_count(&port->node->shape);
    float *v = values_of(s, p, layer, n, count), probe[2 + PROBE];
    assert_int_equal(golden_probe(v, count, PROBE, probe), 2 + PROBE);
    compare(s, probe, recorded);
    free(v);
}

// ---- encoders

typedef struct encoder {
    const char *name, *type, *trunk;
    int channels, styles;
    const char *layers[12]; // whose probes are recorded
} encoder;

static const encoder
    PSP = { "psp",
            "GradualStyleEncoder",
            "ir_se",
            3,
            18,
            { "input_layer", "body.0", "body.2", "body.6", "body.20", "body.23", "latlayer1", "latlayer2" } },
    E4E = { "e4e", "Encoder4Editing", "ir_se", 3, 18, { NULL } },
    RESTYLE = { "restyle", "BackboneEncoder", "ir_se", 6, 18, { "body.0", "body.23" } },
    RESTYLE_E4E = { "restyle_e4e", "ProgressiveBackboneEncoder", "ir_se", 6, 18, { "body.0", "body.23" } },
    RESTYLE_RESNET = { "restyle_resnet", "ResNetBackboneEncoder", "resnet", 6, 14, { "body.0", "body.15" } },
    W = { "wencoder", "BackboneEncoderUsingLastLayerIntoW", "ir_se", 3, 1, { NULL } };

static json_t *config_of(const encoder *e) {
    bool resnet = !strcmp(e->trunk, "resnet");
    return json_pack("{s:s s:s s:[i,i,i,i] s:[i,i,i,i] s:i s:i s:i s:i s:i s:i s:i}", "encoder_type", e->type,
                     "trunk", e->trunk, "units", 3, 4, resnet ? 6 : 14, 3, "channels", 64, 128, 256, 512,
                     "num_ws", e->styles, "w_dim", W_DIM, "height", SIZE, "width", SIZE, "input_nc",
                     e->channels, "average", 0, "start_from_latent_avg", 0);
}

// The network becomes another type with the same parameters.
static void turn_into(scene *s, const encoder *e) {
    golden_close(&s->truth, NULL);
    atl_programs_clear(&s->programs);
    s->name = e->name;
    s->truth = golden_open(s->ctx, "encoders", e->name, ".safetensors");
    assert_int_equal(json_object_set_new(s->net.json, "encoder_type", json_string(e->type)), 0);
    assert_int_equal(s->net.row->parse(s->ctx, s->net.json, s->net.config), ATL_OK);
    atl_programs_init(&s->programs, &s->net, s->backend);
}

static atl_program *encode(scene *s, const encoder *e) {
    char input[64];
    snprintf(input, sizeof input, "%s.input.0", e->name);
    float *img = recipe_picture(input, e->channels, SIZE, SIZE, 32);
    atl_program *p = run(s, "encode", "*", 1, img);
    free(img);
    size_t count = (size_t)e->styles * W_DIM;
    float *codes = values_of(s, p, "codes", 1, count);
    compare(s, codes, "codes");
    free(codes);
    for (int i = 0; e->layers[i]; i++) {
        char recorded[64];
        snprintf(recorded, sizeof recorded, "probe.%s", e->layers[i]);
        compare_probe(s, p, 1, e->layers[i], recorded);
    }
    return p;
}

static void begin_encoder(scene *s, const encoder *e) {
    begin(s, e->name, "style_encoder", "encoder.", config_of(e));
}

// Both have the same parameters.  Stage 5 of e4e: differences of styles 1 to 5 alone; styles 6 and 7 are
// style 0.
static void psp_and_e4e(void **state) {
    (void)state;
    scene s;
    begin_encoder(&s, &PSP);
    encode(&s, &PSP);
    turn_into(&s, &E4E);
    atl_program *p = encode(&s, &E4E);
    float share[18] = { 1, 1, 1, 1, 1, 1 };
    assert_int_equal(atl_program_write(p, "deltas", 1, share), ATL_OK);
    assert_int_equal(atl_program_run(p), ATL_OK);
    float *codes = values_of(&s, p, "codes", 1, 18 * W_DIM);
    compare(&s, codes, "codes.stage5");
    free(codes);
    end(&s);
}

static void restyle(void **state) {
    (void)state;
    scene s;
    begin_encoder(&s, &RESTYLE);
    encode(&s, &RESTYLE);
    turn_into(&s, &RESTYLE_E4E);
    encode(&s, &RESTYLE_E4E);
    end(&s);
}

static void restyle_resnet(void **state) {
    (void)state;
    scene s;
    begin_encoder(&s, &RESTYLE_RESNET);
    encode(&s, &RESTYLE_RESNET);
    end(&s);
}

static void into_w(void **state) {
    (void)state;
    scene s;
    begin_encoder(&s, &W);
    encode(&s, &W);
    end(&s);
}

// ---- identity

// One row of the first face, of all three channels.
static void check_face(scene *s, atl_program *p) {
    float *v = values_of(s, p, "face", 2, (size_t)2 * 3 * FACE * FACE), row[3 * FACE];
    for (int c = 0; c < 3; c++)
        memcpy(row + c * FACE, v + (c * FACE + POOLED_ROW) * FACE, FACE * sizeof *row);
    compare(s, row, "pooled_row");
    free(v);
}

static void check_vectors(scene *s, atl_program *p, const char *recorded, float *vectors) {
    float *v = values_of(s, p, "embedding", 2, (size_t)2 * W_DIM);
    compare(s, v, recorded);
    memcpy(vectors, v, sizeof *v * W_DIM * 2);
    free(v);
}

static void arcface(void **state) {
    (void)state;
    static const char *const layers[] = { "input_layer", "body.0",  "body.2",        "body.6",
                                          "body.20",     "body.23", "output_layer.3" };
    scene s;
    float vectors[2 * W_DIM], cosine = 0.0f;
    json_t *config = json_pack("{s:s s:[i,i,i,i] s:[i,i,i,i] s:i s:i}", "trunk", "ir_se", "units", 3, 4, 14,
                               3, "channels", 64, 128, 256, 512, "width", W_DIM, "affine", 1);
    begin(&s, "arcface", "face_embedding", "", config);
    float *img = recipe_picture("arcface.input.0", 2 * 3, FACE, FACE, 16);
    atl_program *p = run(&s, "embed", "*", 2, img);
    check_vectors(&s, p, "embedding", vectors);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        char recorded[64];
        snprintf(recorded, sizeof recorded, "p112.probe.%s", layers[i]);
        compare_probe(&s, p, 2, layers[i], recorded);
    }
    free(img);
    img = recipe_picture("arcface.input256.0", 2 * 3, SIZE, SIZE, 32);
    p = run(&s, "embed_face", "face", 2, img);
    check_face(&s, p);
    check_vectors(&s, p, "embedding256", vectors);
    compare(&s, vectors, "codes"); // the same
    for (int i = 0; i < W_DIM; i++)
        cosine += vectors[i] * vectors[W_DIM + i];
    compare(&s, &cosine, "cosine");
    free(img);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(psp_and_e4e), cmocka_unit_test(restyle), cmocka_unit_test(restyle_resnet),
        cmocka_unit_test(into_w),      cmocka_unit_test(arcface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
