// SPDX-License-Identifier: Apache-2.0
// Measurements from the outside: names, samples that depend on nothing but seed and number, keeping and going
// on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <atelier/metrics.h>
#include "base/mem.h"
#include "metrics/names.h"
#include "metrics/detector.h"
#include "metrics/generator.h"
#include "metrics/torch_rng.h"

// ---- names

static void names_have_any_number(void **state) {
    atl_ctx *ctx = *state;
    atl_metric list[ATL_METRICS_MOST];
    int n;
    assert_int_equal(atl_metrics_parse(ctx, "fid50k_full,kid10k,pr5k3,ppl2_wend,swd2k,msssim,eqt7_frac,swd2k",
                                       0, list, &n),
                     ATL_OK);
    assert_int_equal(n, 7); // the second swd2k is the first
    assert_int_equal(list[0].count, 50000);
    assert_int_equal(list[0].row->kind, ATL_METRIC_FID);
    assert_int_equal(list[1].count, 10000);
    assert_int_equal(list[2].row->kind, ATL_METRIC_PR);
    assert_int_equal(list[2].count, 5000);
    assert_string_equal(list[3].row->variant, "2_wend");
    assert_int_equal(list[3].count, 50000);
    assert_int_equal(list[4].count, 2048);
    assert_int_equal(list[5].count, 20000);
    assert_int_equal(list[6].count, 7);
    assert_int_equal(atl_metrics_parse(ctx, "fid50k_full,swd", 12, list, &n), ATL_OK);
    assert_true(list[0].count == 12 && list[1].count == 12);
}

static void other_names_are_refused(void **state) {
    static const char *const bad[] = { "",
                                       ",",
                                       "fid",
                                       "fid50k_fulll",
                                       "fid50k_",
                                       "50k",
                                       "fid0k",
                                       "pr50k",
                                       "fid99999999999999999999k",
                                       "fid-5k",
                                       "swd,",
                                       "swd16k ",
                                       "ppl",
                                       "eqt50k" };
    atl_ctx *ctx = *state;
    atl_metric list[ATL_METRICS_MOST];
    int n;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        atl_message_clear(ctx);
        assert_int_not_equal(atl_metrics_parse(ctx, bad[i], 0, list, &n), ATL_OK);
        assert_true(strlen(atl_message(ctx)) > 10);
    }
    atl_message_clear(ctx);
}

static void the_list_ends(void **state) {
    atl_metric_info info;
    size_t count = 0;
    (void)state;
    while (atl_metric_get_info(count, &info)) {
        assert_true(info.name && *info.about);
        count++;
    }
    assert_int_equal(count, 20);
}

// ---- random numbers

// What torch.manual_seed(0); torch.randn(3, 4, 5) begins with, as PyTorch's documentation and many a forum
// print it.
static void normal_numbers_are_those_of_pytorch(void **state) {
    static const float known[8] = { -1.1258f, -1.1524f, -0.2506f, -0.4339f,
                                    0.8487f,  0.6920f,  -0.3160f, -2.1152f };
    atl_numpy_rng rng;
    float x[60];
    (void)state;
    atl_numpy_rng_init(&rng, 0);
    atl_torch_randn(&rng, 60, x);
    for (int i = 0; i < 8; i++)
        assert_true(x[i] - known[i] < 6e-5f && known[i] - x[i] < 6e-5f); // four digits are printed
}

// ---- samples

static void make_network(atl_ctx *ctx, const char *cfg, int c_dim, const char *path) {
    atl_init_options o = { sizeof o, cfg, 32, 256, 16, c_dim, 0, 2, 7, 0, 0, 0 };
    atl_model *model;
    assert_int_equal(atl_model_init(ctx, &o, &model), ATL_OK);
    assert_int_equal(atl_model_save(model, path, ATL_F32), ATL_OK);
    atl_model_close(&model);
}

static atl_generator open_generator(atl_ctx *ctx, atl_network *net, const char *path,
                                    const atl_generator_options *o) {
    atl_generator g;
    atl_backend *backend;
    assert_int_equal(atl_network_open(ctx, path, NULL, net), ATL_OK);
    assert_int_equal(atl_detector_backend(ctx, &backend), ATL_OK);
    assert_int_equal(atl_generator_open(net, backend, NULL, o, &g), ATL_OK);
    return g;
}

static void close_generator(atl_generator *g, atl_network *net) {
    atl_backend *backend = g->programs.backend;
    atl_generator_close(g);
    atl_backend_close(&backend);
    atl_network_clear(net);
}

enum { PICTURE = 3 * 32 * 32 };

// The same bits in portions of any size, from any place, and with other threads.
static void pictures_depend_on_their_number_alone(void **state) {
    static uint8_t all[70 * PICTURE], some[40 * PICTURE];
    atl_ctx *ctx = *state;
    const char *path = "measure-net.safetensors";
    const atl_generator_options o = { .seed = 5, .psi = 1, .class_index = -1, .noise = ATL_NOISE_RANDOM };
    make_network(ctx, "stylegan2", 0, path);
    atl_network net;
    atl_generator g = open_generator(ctx, &net, path, &o);
    assert_int_equal(atl_generator_pictures(&g, 0, 70, all), ATL_OK);
    assert_int_equal(atl_generator_pictures(&g, 25, 40, some), ATL_OK);
    assert_memory_equal(some, all + 25 * PICTURE, sizeof some);
    assert_memory_not_equal(all, all + PICTURE, PICTURE);
    close_generator(&g, &net);
    for (int threads = 1; threads <= 3; threads++) {
        atl_ctx_options other = ATL_CTX_OPTIONS_INIT;
        atl_ctx *c;
        other.threads = threads;
        assert_int_equal(atl_ctx_open(&c, &other), ATL_OK);
        g = open_generator(c, &net, path, &o);
        assert_int_equal(atl_generator_pictures(&g, 25, 40, some), ATL_OK);
        assert_memory_equal(some, all + 25 * PICTURE, sizeof some);
        close_generator(&g, &net);
        atl_ctx_close(&c);
    }
    remove(path);
}

// z of the first batch and its noise come from PyTorch's generator in that order, so that the second picture
// of two batches is another one without noise.
static void the_reference_order_counts_noise(void **state) {
    static uint8_t with[8 * PICTURE], without[8 * PICTURE], late[4 * PICTURE];
    atl_ctx *ctx = *state;
    const char *path = "reference-net.safetensors";
    atl_generator_options o = {
        .psi = 1, .class_index = -1, .noise = ATL_NOISE_RANDOM, .reference_order = true
    };
    make_network(ctx, "stylegan2", 0, path);
    atl_network net;
    atl_generator g = open_generator(ctx, &net, path, &o);
    assert_int_equal(g.inner, 4);
    assert_int_equal(atl_generator_pictures(&g, 0, 8, with), ATL_OK);
    close_generator(&g, &net);
    g = open_generator(ctx, &net, path, &o); // one that goes on later passes over what came before
    assert_int_equal(atl_generator_pictures(&g, 4, 4, late), ATL_OK);
    assert_memory_equal(late, with + 4 * PICTURE, sizeof late);
    close_generator(&g, &net);
    o.noise = ATL_NOISE_NONE;
    g = open_generator(ctx, &net, path, &o);
    assert_int_equal(atl_generator_pictures(&g, 0, 8, without), ATL_OK);
    assert_memory_not_equal(without + 4 * PICTURE, with + 4 * PICTURE, 4 * PICTURE);
    close_generator(&g, &net);
    remove(path);
}

// ---- measurements

static atl_metrics *open_metrics(atl_ctx *ctx, const char *network, const char *data, const char *names,
                                 int batch) {
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    atl_metrics *m;
    o.network = network;
    o.data = data;
    o.metrics = names;
    o.batch = batch;
    o.num = 34;
    assert_int_equal(atl_metrics_open(ctx, &o, &m), ATL_OK);
    return m;
}

static double finish(atl_metrics *m, const char *name) {
    int count;
    while (!atl_metrics_get_state(m)->finished)
        assert_int_equal(atl_metrics_step(m), ATL_OK);
    const atl_metric_result *r = atl_metrics_get_results(m, &count);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < r[i].count; k++)
            if (!strcmp(r[i].values[k].name, name))
                return r[i].values[k].value;
    fail_msg("%s is no result", name);
    return 0;
}

static void results_do_not_depend_on_batches_and_company(void **state) {
    atl_ctx *ctx = *state;
    const char *path = "company-net.safetensors";
    make_network(ctx, "stylegan3-t", 0, path);
    atl_metrics *m = open_metrics(ctx, path, NULL, "msssim,eqt5_int,eqr6,eqt8_frac", 1);
    double similarity = finish(m, "msssim"), turned = finish(m, "eqr6"), moved = finish(m, "eqt5_int");
    atl_metrics_close(&m);
    m = open_metrics(ctx, path, NULL, "eqr6,msssim", 100);
    assert_true(finish(m, "msssim") == similarity && finish(m, "eqr6") == turned);
    atl_metrics_close(&m);
    m = open_metrics(ctx, path, NULL, "eqt5_int", 0);
    assert_true(finish(m, "eqt5_int") == moved);
    atl_metrics_close(&m);
    remove(path);
}

static void a_measurement_goes_on_where_it_was_kept(void **state) {
    atl_ctx *ctx = *state;
    const char *path = "kept-net.safetensors", *kept = "kept.partial", *names = "msssim,eqt5_int";
    make_network(ctx, "stylegan3-t", 0, path);
    atl_metrics *m = open_metrics(ctx, path, NULL, names, 32);
    double similarity = finish(m, "msssim"), moved = finish(m, "eqt5_int");
    atl_metrics_close(&m);
    for (int steps = 1; steps <= 7; steps += 3) {
        m = open_metrics(ctx, path, NULL, names, 32);
        for (int i = 0; i < steps; i++)
            assert_int_equal(atl_metrics_step(m), ATL_OK);
        assert_int_equal(atl_metrics_save(m, kept), ATL_OK);
        atl_metrics_state before = *atl_metrics_get_state(m);
        atl_metrics_close(&m);
        m = open_metrics(ctx, path, NULL, names, 32);
        assert_int_equal(atl_metrics_restore(m, kept), ATL_OK);
        assert_int_equal(atl_metrics_get_state(m)->done, before.done);
        assert_int_equal(atl_metrics_get_state(m)->task, before.task);
        assert_true(finish(m, "msssim") == similarity && finish(m, "eqt5_int") == moved);
        atl_metrics_close(&m);
    }
    m = open_metrics(ctx, path, NULL, "msssim", 32);
    assert_int_equal(atl_metrics_restore(m, kept), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(ctx), "metrics differs"));
    atl_message_clear(ctx);
    atl_metrics_close(&m);
    remove(path);
    remove(kept);
}

enum { REALS = 9 };

static const char *picture_path(int i) {
    static char path[32];
    snprintf(path, sizeof path, "reals/%d.png", i);
    return path;
}

static void make_pictures(atl_ctx *ctx) {
    assert_int_equal(mkdir("reals", 0777), 0);
    for (int i = 0; i < REALS; i++) {
        atl_image a;
        assert_int_equal(atl_image_init(ctx, 32, 32, 3, &a), ATL_OK);
        for (int k = 0; k < PICTURE; k++)
            a.pixels[k] = (uint8_t)((k * (i + 3) + i * i * 7) % 251);
        assert_int_equal(atl_image_write(ctx, picture_path(i), "png", &a, 0, NULL, 0), ATL_OK);
        atl_image_clear(ctx, &a);
    }
}

static void remove_pictures(void) {
    for (int i = 0; i < REALS; i++)
        remove(picture_path(i));
    rmdir("reals");
}

// Patches can't be kept: pictures come again for them, and for nothing else.
static void what_is_there_waits_for_what_begins_anew(void **state) {
    atl_ctx *ctx = *state;
    const char *path = "anew-net.safetensors", *kept = "anew.partial", *names = "swd34,msssim";
    make_network(ctx, "stylegan2", 0, path);
    make_pictures(ctx);
    atl_metrics *m = open_metrics(ctx, path, "reals", names, 32);
    double distance = finish(m, "swd34"), similarity = finish(m, "msssim");
    atl_metrics_close(&m);
    for (int batch = 32; batch <= 64; batch += 32) {
        m = open_metrics(ctx, path, "reals", names, 32);
        for (int i = 0; i < 2; i++) // the pictures of the data, 32 of 34 others
            assert_int_equal(atl_metrics_step(m), ATL_OK);
        assert_int_equal(atl_metrics_save(m, kept), ATL_OK);
        atl_metrics_close(&m);
        m = open_metrics(ctx, path, "reals", names, batch);
        assert_int_equal(atl_metrics_restore(m, kept), ATL_OK);
        assert_true(atl_metrics_get_state(m)->task == 0 && atl_metrics_get_state(m)->done == 0);
        assert_true(finish(m, "swd34") == distance && finish(m, "msssim") == similarity);
        atl_metrics_close(&m);
    }
    remove_pictures();
    remove(path);
    remove(kept);
}

static int stop_at(void *user, const atl_metrics_state *s) {
    const char **what = user;
    return *what && s->what && !strcmp(s->what, *what) && s->total > 1;
}

static void arithmetic_can_be_stopped_and_done_later(void **state) {
    atl_ctx *ctx = *state;
    const char *path = "stop-net.safetensors", *kept = "stop.partial", *what = NULL;
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    make_network(ctx, "stylegan2", 0, path);
    make_pictures(ctx);
    o.network = path;
    o.data = "reals";
    o.metrics = "swd9";
    o.stop = stop_at;
    o.user = &what;
    atl_metrics *m;
    assert_int_equal(atl_metrics_open(ctx, &o, &m), ATL_OK);
    double distance = finish(m, "swd9");
    atl_metrics_close(&m);
    what = "swd9";
    assert_int_equal(atl_metrics_open(ctx, &o, &m), ATL_OK);
    atl_status status = ATL_OK;
    while (status == ATL_OK && !atl_metrics_get_state(m)->finished)
        status = atl_metrics_step(m);
    assert_int_equal(status, ATL_CANCELLED);
    atl_message_clear(ctx);
    assert_int_equal(atl_metrics_save(m, kept), ATL_OK);
    what = NULL;
    assert_true(finish(m, "swd9") == distance);
    atl_metrics_close(&m);
    remove_pictures();
    remove(path);
    remove(kept);
}

static const char *find_lpips(void *user, const char *role, const char **path, const char **heads) {
    (void)role;
    *path = user;
    *heads = NULL;
    return NULL;
}

static void other_weights_of_a_detector_are_told(void **state) {
    atl_ctx *ctx = *state;
    const char *path = "weights-net.safetensors", *kept = "weights.partial";
    static char files[2][24] = { "one.safetensors", "other.safetensors" };
    make_network(ctx, "stylegan2", 0, path);
    for (unsigned i = 0; i < 2; i++) {
        atl_init_options init = { sizeof init, "lpips-squeeze", 0, 0, 0, 0, 0, 0, i, 0, 0, 0 };
        atl_model *model;
        assert_int_equal(atl_model_init(ctx, &init, &model), ATL_OK);
        assert_int_equal(atl_model_save(model, files[i], ATL_F32), ATL_OK);
        atl_model_close(&model);
    }
    atl_metrics_options o = ATL_METRICS_OPTIONS_INIT;
    o.network = path;
    o.metrics = "ppl2_wend";
    o.num = 3;
    o.find_detector = find_lpips;
    o.user = files[0];
    atl_metrics *m;
    assert_int_equal(atl_metrics_open(ctx, &o, &m), ATL_OK);
    assert_int_equal(atl_metrics_save(m, kept), ATL_OK);
    atl_metrics_close(&m);
    for (int i = 0; i < 2; i++) {
        o.user = files[i];
        assert_int_equal(atl_metrics_open(ctx, &o, &m), ATL_OK);
        assert_int_equal(atl_metrics_restore(m, kept), i ? ATL_BAD_ARGUMENT : ATL_OK);
        assert_true(i == 0 || strstr(atl_message(ctx), "whose detector differs"));
        atl_message_clear(ctx);
        atl_metrics_close(&m);
        remove(files[i]);
    }
    remove(path);
    remove(kept);
}

static int open_ctx(void **state) {
    atl_ctx *ctx;
    if (atl_ctx_open(&ctx, NULL) != ATL_OK)
        return -1;
    *state = ctx;
    return 0;
}

static int close_ctx(void **state) {
    atl_ctx *ctx = *state;
    atl_ctx_close(&ctx);
    return 0;
}

int main(void) {
    char folder[] = "/tmp/test_measure.XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_have_any_number),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(the_list_ends),
        cmocka_unit_test(normal_numbers_are_those_of_pytorch),
        cmocka_unit_test(pictures_depend_on_their_number_alone),
        cmocka_unit_test(the_reference_order_counts_noise),
        cmocka_unit_test(results_do_not_depend_on_batches_and_company),
        cmocka_unit_test(a_measurement_goes_on_where_it_was_kept),
        cmocka_unit_test(what_is_there_waits_for_what_begins_anew),
        cmocka_unit_test(arithmetic_can_be_stopped_and_done_later),
        cmocka_unit_test(other_weights_of_a_detector_are_told),
    };
    int failed = cmocka_run_group_tests(tests, open_ctx, close_ctx);
    if (chdir("/") != 0 || rmdir(folder) != 0)
        return 1;
    return failed;
}
