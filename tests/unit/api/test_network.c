// SPDX-License-Identifier: Apache-2.0
// The public face of an opened network: a picture in one call, functions and ports by name, layers, tensors.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <atelier/generate.h>
#include <atelier/network.h>
#include <atelier/rng.h>

typedef struct session {
    atl_ctx *ctx;
    atl_model *m;
    const atl_model_info *info;
} session;

static session opened(const char *file, const char *net) {
    char path[1024];
    session s = { NULL, NULL, NULL };
    const char *data = getenv("ATL_TEST_DATA");
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    o.net = net;
    snprintf(path, sizeof path, "%s/stylegan/%s", data ? data : "tests/data", file);
    assert_int_equal(atl_ctx_open(&s.ctx, NULL), ATL_OK);
    if (atl_model_open(s.ctx, path, &o, &s.m) != ATL_OK)
        fail_msg("%s", atl_message(s.ctx));
    s.info = atl_model_get_info(s.m);
    return s;
}

static void close_all(session *s) {
    atl_model_close(&s->m);
    atl_ctx_close(&s->ctx);
}

static void says(session *s, atl_status status, const char *words) {
    assert_int_not_equal(status, ATL_OK);
    if (!strstr(atl_message(s->ctx), words))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(s->ctx), words);
    atl_message_clear(s->ctx);
}

static void run_ok(session *s, const char *function, const atl_array *in, size_t count,
                   const atl_run_options *o, atl_arrays **out) {
    if (atl_model_run(s->m, function, in, count, o, out) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
}

// ---- a picture in one call

// The picture by the three calls that atl_generate() stands for.
static void by_hand(session *s, uint32_t seed, int class_index, atl_image *image) {
    const atl_model_info *f = s->info;
    float *z = calloc((size_t)f->z_dim, sizeof *z), *c = calloc((size_t)f->c_dim + 1, sizeof *c);
    float *ws = calloc((size_t)f->num_ws * (size_t)f->w_dim, sizeof *ws);
    float *img = calloc((size_t)f->channels * (size_t)f->height * (size_t)f->width, sizeof *img);
    atl_map_options map = ATL_MAP_OPTIONS_INIT;
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    assert_true(z && c && ws && img);
    atl_seed_to_z(seed, (size_t)f->z_dim, z);
    if (class_index >= 0)
        c[class_index] = 1.0f;
    map.truncation_psi = 0.5f;
    o.noise_mode = ATL_NOISE_RANDOM;
    o.noise_seeds = &seed;
    assert_int_equal(atl_model_map(s->m, 1, z, class_index < 0 ? NULL : c, &map, ws), ATL_OK);
    assert_int_equal(atl_model_synthesize(s->m, 1, ws, &o, img), ATL_OK);
    assert_int_equal(atl_image_init(s->ctx, f->width, f->height, f->channels, image), ATL_OK);
    atl_image_from_float(img, image);
    free(z);
    free(c);
    free(ws);
    free(img);
}

static void a_picture_is_three_calls_in_one(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        session s = opened(k ? "sg2-64-cond.pkl" : "sg2-32.pkl", NULL);
        atl_image one, other;
        atl_generate_options o = ATL_GENERATE_OPTIONS_INIT;
        o.seed = 85;
        o.truncation_psi = 0.5f;
        o.noise_mode = ATL_NOISE_RANDOM;
        o.class_index = k ? 2 : -1;
        if (atl_generate(s.m, &o, &one) != ATL_OK)
            fail_msg("%s", atl_message(s.ctx));
        by_hand(&s, 85, o.class_index, &other);
        assert_int_equal(one.width, other.width);
        assert_int_equal(one.channels, other.channels);
        assert_memory_equal(one.pixels, other.pixels,
                            (size_t)one.width * (size_t)one.height * (size_t)one.channels);
        atl_image_clear(s.ctx, &one);
        atl_image_clear(s.ctx, &other);
        close_all(&s);
    }
}

static void wrong_wishes_are_refused(void **state) {
    (void)state;
    atl_image image;
    atl_generate_options o = ATL_GENERATE_OPTIONS_INIT;
    session s = opened("sg2-32.pkl", NULL);
    o.class_index = 0;
    says(&s, atl_generate(s.m, &o, &image), "not conditional");
    assert_null(image.pixels);
    o.class_index = -1;
    o.noise_mode = ATL_NOISE_MAPS;
    says(&s, atl_generate(s.m, &o, &image), "atl_model_synthesize");
    close_all(&s);
    s = opened("sg2-64-cond.pkl", NULL);
    says(&s, atl_generate(s.m, NULL, &image), "class_index -1");
    close_all(&s);
    s = opened("sg2-32.pkl", "D");
    says(&s, atl_generate(s.m, NULL, &image), "needs a generator");
    close_all(&s);
}

// ---- functions and ports

static const atl_port_info *port_of(session *s, const char *function, const char *name) {
    const atl_port_info *ports;
    size_t count;
    if (atl_model_ports(s->m, function, &ports, &count) != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ports[i].name, name))
            return &ports[i];
    return NULL;
}

static void functions_and_ports_have_names(void **state) {
    (void)state;
    session s = opened("sg2-64-cond.pkl", NULL);
    assert_string_equal(atl_model_function(s.m, 0), "map");
    assert_string_equal(atl_model_function(s.m, 1), "synthesize");
    assert_null(atl_model_function(s.m, 2));
    const atl_port_info *z = port_of(&s, "map", "z"), *w = port_of(&s, "map", "w");
    assert_true(z && w && port_of(&s, "map", "c"));
    assert_int_equal(z->kind, ATL_PORT_EACH);
    assert_int_equal(z->dims[0], 1);
    assert_int_equal(z->dims[1], s.info->z_dim);
    assert_int_equal(w->kind, ATL_PORT_RESULT);
    const atl_port_info *noise = port_of(&s, "synthesize", "noise.1"),
                        *img = port_of(&s, "synthesize", "img");
    assert_non_null(noise);
    assert_int_equal(noise->kind, ATL_PORT_NOISE);
    assert_int_equal(noise->dims[1], 1); // n, c, h, w
    assert_int_equal(noise->dims[2], 8);
    assert_int_equal(img->dims[1], s.info->channels);
    assert_int_equal(img->dims[2], 64);
    const atl_port_info *ports;
    size_t count;
    says(&s, atl_model_ports(s.m, "discriminate", &ports, &count), "can't discriminate");
    close_all(&s);
    s = opened("sg3-t-32.pkl", NULL);
    const atl_port_info *transform = port_of(&s, "synthesize", "transform");
    assert_non_null(transform);
    assert_int_equal(transform->kind, ATL_PORT_SETTING);
    assert_int_equal(transform->dims[0], 3);
    assert_true(transform->initial && transform->initial[0] == 1.0f && transform->initial[1] == 0.0f);
    close_all(&s);
}

static double difference(const atl_array *a, const float *b) {
    double worst = 0.0;
    const float *x = a->data;
    for (int64_t i = 0; i < atl_array_count(a); i++)
        worst = fmax(worst, fabs((double)x[i] - (double)b[i]));
    return worst;
}

static void a_run_by_ports_is_the_call_by_name(void **state) {
    enum { N = 3 };
    (void)state;
    session s = opened("sg2-32.pkl", NULL);
    const atl_model_info *f = s.info;
    size_t per_ws = (size_t)f->num_ws * (size_t)f->w_dim, per_img = (size_t)f->channels * 32 * 32;
    float *zs = calloc(N * (size_t)f->z_dim, sizeof *zs), *ws = calloc(N * per_ws, sizeof *ws);
    float *img = calloc(N * per_img, sizeof *img);
    assert_true(zs && ws && img);
    for (uint32_t i = 0; i < N; i++)
        atl_seed_to_z(i, (size_t)f->z_dim, zs + i * (size_t)f->z_dim);
    atl_array z = { "z", ATL_F32, 2, { N, f->z_dim }, zs };
    atl_arrays *out;
    run_ok(&s, "map", &z, 1, NULL, &out);
    assert_int_equal(atl_model_map(s.m, N, zs, NULL, NULL, ws), ATL_OK);
    const atl_array *w = atl_arrays_find(out, "w");
    assert_non_null(w);
    assert_int_equal(w->dims[0], N);
    for (int i = 0; i < N; i++) // ws repeats w
        assert_memory_equal((const float *)w->data + i * f->w_dim, ws + (size_t)i * per_ws,
                            (size_t)f->w_dim * sizeof *ws);
    atl_arrays_close(&out);

    atl_array styles = { "ws", ATL_F32, 3, { N, f->num_ws, f->w_dim }, ws };
    run_ok(&s, "synthesize", &styles, 1, NULL, &out);
    assert_int_equal(atl_model_synthesize(s.m, N, ws, NULL, img), ATL_OK);
    assert_int_equal(atl_arrays_size(out), 1);
    assert_true(difference(atl_arrays_find(out, "img"), img) == 0.0);
    atl_arrays_close(&out);

    uint32_t seeds[N] = { 5, 6, 7 };
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    atl_synthesis_options by_name = ATL_SYNTHESIS_OPTIONS_INIT;
    by_name.noise_mode = o.noise_mode = ATL_NOISE_RANDOM;
    by_name.noise_seeds = o.noise_seeds = seeds;
    o.features = "synthesis.b8.conv?";
    run_ok(&s, "synthesize", &styles, 1, &o, &out);
    assert_int_equal(atl_model_synthesize(s.m, N, ws, &by_name, img), ATL_OK);
    assert_int_equal(atl_arrays_size(out), 3);
    const atl_array *layer = atl_arrays_find(out, "synthesis.b8.conv1");
    assert_non_null(layer);
    assert_int_equal(layer->rank, 4);
    assert_int_equal(layer->dims[0], N);
    assert_int_equal(layer->dims[2], 8);
    // a layer that is a result can't be joined with the next: the same float32 numbers up to rounding
    assert_true(difference(atl_arrays_find(out, "img"), img) < 1e-4);
    atl_arrays_close(&out);
    free(zs);
    free(ws);
    free(img);
    close_all(&s);
}

static void settings_and_other_dtypes_are_inputs(void **state) {
    static const double turned[9] = { 0, -1, 0, 1, 0, 0, 0, 0, 1 };
    static const float forth[9] = { 0, 1, 0, -1, 0, 0, 0, 0, 1 }; // whose inverse `turned` is
    (void)state;
    session s = opened("sg3-t-32.pkl", NULL);
    const atl_model_info *f = s.info;
    size_t per_ws = (size_t)f->num_ws * (size_t)f->w_dim;
    float *ws = calloc(per_ws, sizeof *ws), *img = calloc((size_t)f->channels * 32 * 32, sizeof *img);
    assert_true(ws && img);
    for (size_t i = 0; i < per_ws; i++)
        ws[i] = (float)((double)(i * 2654435761u % 4096) / 1024.0 - 2.0);
    atl_array in[] = { { "transform", ATL_F64, 2, { 3, 3 }, turned },
                       { "ws", ATL_F32, 3, { 1, f->num_ws, f->w_dim }, ws } };
    atl_synthesis_options o = ATL_SYNTHESIS_OPTIONS_INIT;
    atl_arrays *out;
    o.transform = forth;
    assert_int_equal(atl_model_synthesize(s.m, 1, ws, &o, img), ATL_OK);
    run_ok(&s, "synthesize", in, 2, NULL, &out);
    assert_true(difference(atl_arrays_find(out, "img"), img) < 1e-6); // the port takes the inverse
    atl_arrays_close(&out);
    free(ws);
    free(img);
    close_all(&s);
}

static void what_does_not_fit_is_named(void **state) {
    (void)state;
    session s = opened("sg2-32.pkl", NULL);
    float *ws = calloc((size_t)s.info->num_ws * (size_t)s.info->w_dim, sizeof *ws);
    assert_non_null(ws);
    atl_array in[] = { { "ws", ATL_F32, 3, { 1, s.info->num_ws, s.info->w_dim }, ws },
                       { "noise.0", ATL_F32, 4, { 1, 1, 4, 4 }, ws } };
    atl_arrays *out;
    says(&s, atl_model_run(s.m, "synthesise", in, 1, NULL, &out), "can't synthesise");
    assert_null(out);
    says(&s, atl_model_run(s.m, "synthesize", in, 0, NULL, &out), "samples");
    in[0].dims[1]++;
    says(&s, atl_model_run(s.m, "synthesize", in, 1, NULL, &out), "has shape [1, 9, ");
    in[0].dims[1]--;
    in[0].name = "w";
    says(&s, atl_model_run(s.m, "synthesize", in, 1, NULL, &out), "no input w");
    in[0].name = "ws";
    says(&s, atl_model_run(s.m, "synthesize", in, 2, NULL, &out), "input noise.1 of synthesize is not given");
    says(&s, atl_model_run(s.m, "synthesize", in + 1, 1, NULL, &out), "input ws of synthesize is not given");
    atl_run_options o = ATL_RUN_OPTIONS_INIT;
    o.features = "no.such.*";
    says(&s, atl_model_run(s.m, "synthesize", in, 1, &o, &out), "no.such.*");
    run_ok(&s, "synthesize", in, 1, NULL, &out); // and still works
    atl_arrays_close(&out);
    free(ws);
    close_all(&s);
}

// ---- tensors

static void tensors_have_names(void **state) {
    (void)state;
    session s = opened("sg2-32.pkl", NULL);
    const atl_array *w = atl_model_tensor(s.m, "synthesis.b8.conv1.weight"), *a;
    assert_non_null(w);
    assert_int_equal(w->rank, 4);
    assert_int_equal(w->dims[2], 3);
    assert_null(atl_model_tensor(s.m, "synthesis.b8.conv2.weight"));
    size_t count = 0, found = 0;
    for (; (a = atl_model_tensor_get(s.m, count)) != NULL; count++) {
        assert_ptr_equal(atl_model_tensor(s.m, a->name), a);
        found += a == w;
    }
    assert_true(count > 20 && found == 1);
    close_all(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_three_calls_in_one),
        cmocka_unit_test(wrong_wishes_are_refused),
        cmocka_unit_test(functions_and_ports_have_names),
        cmocka_unit_test(a_run_by_ports_is_the_call_by_name),
        cmocka_unit_test(settings_and_other_dtypes_are_inputs),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(tensors_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
