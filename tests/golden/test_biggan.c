// SPDX-License-Identifier: Apache-2.0
// SAGAN, BigGAN and BigGAN-deep, opened from state dicts as their makers write them, against recorded
// pictures, scores and layers.
#include "golden.h"
#include "state.h"

#include "run/backend.h"
#include "run/program.h"

enum { SAMPLES = 2, PROBES = 64, CROP = 32, CROP_AT = 40 };

// float32 with Winograd, whose transforms cost three bits, and weights divided by estimated norms.
static const double BOUND = 2e-5;

static const struct {
    const char *name;
    int block; // of the pictures that discriminators see
} CASES[] = {
    { "cifar32", 4 },   { "biggan64", 8 }, { "biggan128", 16 },
    { "sagan128", 16 }, { "deep64", 8 },   { "deep128", 16 },
};

typedef struct scene {
    const char *name;
    atl_ctx *ctx;
    atl_backend *backend;
    golden *truth;
    atl_network net;
    atl_programs programs;
    float *y; // [2, classes]
} scene;

static void die(const scene *s) {
    fail_msg("%s: %s", s->name, atl_message(s->ctx));
}

static void open_network(scene *s, const char *path, const char *key) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = key;
    if (atl_network_open(s->ctx, path, &o, &s->net) != ATL_OK)
        die(s);
    atl_programs_init(&s->programs, &s->net, s->backend);
    size_t count, classes = (size_t)s->net.dims.c_dim;
    float *y = golden_read(s->truth, "y", &count);
    s->y = calloc(SAMPLES * classes, sizeof *s->y);
    assert_true(s->y && count == SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++)
        s->y[i * classes + (size_t)y[i]] = 1.0f;
    free(y);
}

static void close_network(scene *s) {
    free(s->y);
    atl_programs_clear(&s->programs);
    atl_network_clear(&s->net);
}

// The state dict of the names' list, with what its makers save beside: estimates of the norms, a counter.
static void write_file(scene *s, const char *path) {
    static const int64_t one[] = { 1 };
    static const state_options plain = { 0 };
    char names[1024];
    state_dict *d = state_read(golden_path(names, "gans", s->name, ".names.txt"), &plain);
    *state_add(d, NULL, "G.linear.sv0", 1, one) = 1.0f;
    *state_add(d, NULL, "D.linear.sv0", 1, one) = 1.0f;
    state_write(s->ctx, d, path);
    state_free(d);
}

// ---- comparing

static void check(scene *s, const char *name, const float *ours, size_t count) {
    size_t n;
    float *truth = golden_read(s->truth, name, &n);
    assert_int_equal(n, count);
    golden_check(s->name, name, ours, truth, n, BOUND);
    free(truth);
}

// Mean, deviation and some of the numbers of x.
static void check_probe(scene *s, const char *name, const float *x, size_t count) {
    float probe[PROBES + 2];
    double mean = 0, square = 0;
    size_t stride = count / PROBES ? count / PROBES : 1, n = 2;
    for (size_t i = 0; i < count; i++)
        mean += (double)x[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        square += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)count;
    probe[0] = (float)mean;
    probe[1] = (float)sqrt(square);
    for (size_t i = 0; i < count && n < PROBES + 2; i += stride)
        probe[n++] = x[i];
    check(s, name, probe, n);
}

// Every layer of a program that a probe is recorded of.
static void check_layers(scene *s, atl_program *p, const char *prefix) {
    for (int i = 0; i < p->n_features; i++) {
        const atl_port *f = &p->features[i];
        char name[128];
        snprintf(name, sizeof name, "probe.%s%s", prefix, f->name);
        if (!golden_has(s->truth, name))
            continue;
        size_t count = (size_t)atl_shape_count(&f->node->shape);
        float *x = malloc(count * sizeof *x);
        assert_non_null(x);
        assert_int_equal(atl_program_read(p, f->name, SAMPLES, x), ATL_OK);
        check_probe(s, name, x, count);
        free(x);
    }
}

static atl_program *get(scene *s, const char *function, bool layers) {
    atl_program *p;
    atl_program_key key = { .function = function, .n = SAMPLES, .features = layers ? "*" : NULL };
    if (atl_programs_get(&s->programs, &key, &p) != ATL_OK)
        die(s);
    return p;
}

static void run(scene *s, atl_program *p) {
    if (atl_program_run(p) != ATL_OK)
        die(s);
}

// ---- generators

static float *make_ws(scene *s) {
    const atl_model_dims *d = &s->net.dims;
    size_t count, w_dim = (size_t)d->w_dim, slots = (size_t)d->num_ws;
    float *z = golden_read(s->truth, "z", &count);
    assert_int_equal(count, SAMPLES * d->z_dim);
    float *w = malloc(SAMPLES * w_dim * sizeof *w), *ws = malloc(SAMPLES * slots * w_dim * sizeof *ws);
    assert_true(w && ws);
    atl_program *p = get(s, "map", atl_params_find(&s->net.params, "shared.weight") != NULL);
    assert_int_equal(atl_program_write(p, "z", SAMPLES, z), ATL_OK);
    assert_int_equal(atl_program_write(p, "c", SAMPLES, s->y), ATL_OK);
    run(s, p);
    check_layers(s, p, "");
    assert_int_equal(atl_program_read(p, "w", SAMPLES, w), ATL_OK);
    for (size_t i = 0; i < SAMPLES * slots; i++)
        memcpy(ws + i * w_dim, w + i / slots * w_dim, w_dim * sizeof *w);
    free(w);
    free(z);
    return ws;
}

static void check_pictures(scene *s, const float *img) {
    int size = s->net.dims.width;
    size_t image = (size_t)3 * (size_t)size * (size_t)size;
    if (golden_has(s->truth, "image")) {
        size_t recorded = (size_t)atl_array_count(golden_find(s->truth, "image"));
        check(s, "image", img, recorded < SAMPLES * image ? image : SAMPLES * image);
        return;
    }
    float *crop = malloc(sizeof *crop * SAMPLES * 3 * CROP * CROP);
    assert_non_null(crop);
    for (int i = 0; i < SAMPLES * 3 * CROP; i++)
        memcpy(crop + i * CROP,
               img + ((size_t)(i / CROP) * (size_t)size + (size_t)(i % CROP + CROP_AT)) * (size_t)size +
                   CROP_AT,
               CROP * sizeof *crop);
    check(s, "crop", crop, SAMPLES * 3 * CROP * CROP);
    free(crop);
}

// Pictures [2, 3, size, size] of the recorded z.
static float *generate(scene *s) {
    size_t pixels = (size_t)s->net.dims.width * (size_t)s->net.dims.height;
    float *img = malloc(SAMPLES * 3 * pixels * sizeof *img), *ws = make_ws(s);
    assert_non_null(img);
    atl_program *p = get(s, "synthesize", true);
    assert_int_equal(atl_program_write(p, "ws", SAMPLES, ws), ATL_OK);
    run(s, p);
    check_layers(s, p, "");
    assert_int_equal(atl_program_read(p, "img", SAMPLES, img), ATL_OK);
    check_pictures(s, img);
    free(ws);
    return img;
}

// ---- discriminators

static void discriminate(scene *s, const float *img, const char *recorded, bool layers) {
    atl_program *p = get(s, "discriminate", true);
    float logits[SAMPLES];
    assert_int_equal(atl_program_write(p, "img", SAMPLES, img), ATL_OK);
    assert_int_equal(atl_program_write(p, "c", SAMPLES, s->y), ATL_OK);
    run(s, p);
    if (layers)
        check_layers(s, p, "D.");
    assert_int_equal(atl_program_read(p, "logits", SAMPLES, logits), ATL_OK);
    check(s, recorded, logits, SAMPLES);
}

// 0.75 of a number for each block of pixels, 0.25 of one for each pixel.
static float *real_pictures(const scene *s, size_t block) {
    size_t size = (size_t)s->net.dims.width, coarse = size / block;
    char name[64];
    float *img = malloc(SAMPLES * 3 * size * size * sizeof *img);
    assert_non_null(img);
    snprintf(name, sizeof name, "%s.real.0", s->name);
    uint64_t fine = recipe_seed(name);
    snprintf(name, sizeof name, "%s.real.0.lo", s->name);
    uint64_t low = recipe_seed(name);
    for (size_t i = 0; i < SAMPLES * 3 * size * size; i++) {
        size_t map = i / (size * size), y = i / size % size, x = i % size;
        size_t at = (map * coarse + y / block) * coarse + x / block;
        img[i] = (float)(0.75 * (double)recipe_uniform(low, at) + 0.25 * (double)recipe_uniform(fine, i));
    }
    return img;
}

static void networks(void **state) {
    (void)state;
    static const char *const classes[] = { "probe.shared", NULL }; // without a table: the class numbers
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        scene s = { .name = CASES[i].name };
        char path[64];
        snprintf(path, sizeof path, "biggan-%s.safetensors", s.name);
        assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
        assert_int_equal(atl_backend_open(s.ctx, NULL, &s.backend), ATL_OK);
        s.truth = golden_open(s.ctx, "gans", s.name, ".safetensors");
        write_file(&s, path);
        open_network(&s, path, "G");
        bool table = atl_params_find(&s.net.params, "shared.weight") != NULL;
        float *img = generate(&s);
        close_network(&s);
        open_network(&s, path, "D");
        discriminate(&s, img, "logits", false);
        float *real = real_pictures(&s, (size_t)CASES[i].block);
        discriminate(&s, real, "logits_real", true);
        free(real);
        free(img);
        close_network(&s);
        golden_close(&s.truth, table ? NULL : classes);
        atl_backend_close(&s.backend);
        atl_ctx_close(&s.ctx);
        remove(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(networks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
