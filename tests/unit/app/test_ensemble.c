// SPDX-License-Identifier: Apache-2.0
// Ensembles that are stopped and go on: the same numbers as without; and what is not gone on with.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <atelier/image.h>
#include <atelier/rng.h>
#include "app/ensemble.h"
#include "app/files.h"

enum { PICTURES = 5, VIEWS = 3 };

typedef struct scene {
    atl_ctx *ctx;
    app_ensemble_options o;
    char network[1024];
    const char *input;
    size_t stop; // after so many pictures; 0: never
} scene;

static int on_progress(void *user, const char *what, size_t done, size_t total) {
    const scene *s = user;
    (void)total;
    return !strcmp(what, "pictures") && done == s->stop;
}

static void ok(scene *s, atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(s->ctx));
}

// A small classifier, pictures of seeds, and a file of their codes.
static void begin(scene *s, const char *folder) {
    const char *data = getenv("ATL_TEST_DATA");
    atl_init_options init = ATL_INIT_OPTIONS_INIT;
    atl_model *judge, *generator;
    app_error e = { 0 };
    static float ws[PICTURES * 8 * 64];
    *s = (scene){ .input = folder };
    snprintf(s->network, sizeof s->network, "%s/stylegan/sg2-32.pkl", data ? data : "tests/data");
    assert_int_equal(atl_ctx_open(&s->ctx, NULL), ATL_OK);
    init.cfg = "resnet";
    init.resolution = 32;
    init.channel_base = 4;
    init.c_dim = 3;
    ok(s, atl_model_init(s->ctx, &init, &judge));
    ok(s, atl_model_save(judge, "ensemble-judge.safetensors", ATL_F32));
    ok(s, atl_model_open(s->ctx, s->network, NULL, &generator));
    const atl_model_info *info = atl_model_get_info(generator);
    size_t row = (size_t)info->num_ws * (size_t)info->w_dim;
    assert_true(row <= 8 * 64 && info->z_dim <= 64);
    assert_int_equal(app_folder_make(folder, &e), APP_OK);
    for (uint32_t i = 0; i < PICTURES; i++) {
        float z[64], img[3 * 32 * 32];
        char path[300];
        atl_image image;
        atl_seed_to_z(i, (size_t)info->z_dim, z);
        ok(s, atl_model_map(generator, 1, z, NULL, NULL, ws + i * row));
        ok(s, atl_model_synthesize(generator, 1, ws + i * row, NULL, img));
        ok(s, atl_image_init(s->ctx, 32, 32, 3, &image));
        atl_image_from_float(img, &image);
        snprintf(path, sizeof path, "%s/%u.png", folder, i);
        ok(s, atl_image_write(s->ctx, path, "png", &image, 0, NULL, 0));
        atl_image_clear(s->ctx, &image);
    }
    ok(s, atl_npy_write(s->ctx, "ensemble-ws.npy",
                        &(atl_array){ "", ATL_F32, 3, { PICTURES, info->num_ws, info->w_dim }, ws }));
    const atl_classifier_options standard = ATL_CLASSIFIER_OPTIONS_INIT;
    s->o = (app_ensemble_options){ .network = s->network,
                                   .classifier = "ensemble-judge.safetensors",
                                   .classify = standard,
                                   .inputs = &s->input,
                                   .count = 1,
                                   .latents = "ensemble-ws.npy",
                                   .kinds = "stylemix,isotropic",
                                   .layers = "0-3",
                                   .strengths = "0.5",
                                   .views = VIEWS,
                                   .weight = 0.5,
                                   .validation = 0.5,
                                   .crops = 2,
                                   .image_crops = 2,
                                   .batch = 2,
                                   .progress = on_progress,
                                   .user = s };
    s->o.classify.resize = 40;
    atl_model_close(&judge);
    atl_model_close(&generator);
}

static app_status run(scene *s, const char *outdir, int resume, size_t stop, app_error *e) {
    app_ensemble *a = calloc(1, sizeof *a);
    assert_non_null(a);
    s->stop = stop;
    s->o.outdir = outdir;
    s->o.resume = resume;
    *e = (app_error){ 0 };
    app_status status = app_ensemble_open(a, s->ctx, &s->o, e);
    if (status == APP_OK)
        status = app_ensemble_run(a, e);
    app_ensemble_close(a);
    free(a);
    return status;
}

static void same_file(const char *a, const char *b) {
    size_t na, nb;
    app_error e = { 0 };
    char *x = app_file_read(a, 1 << 20, &na, &e), *y = app_file_read(b, 1 << 20, &nb, &e);
    assert_true(x && y && na == nb && !memcmp(x, y, na));
    free(x);
    free(y);
}

static void work_goes_on_where_it_was_stopped(void **state) {
    (void)state;
    scene s;
    app_error e;
    begin(&s, "ensemble-pictures");
    assert_int_equal(run(&s, "ensemble-whole", 0, 0, &e), APP_OK);
    assert_int_equal(run(&s, "ensemble-parts", 0, 2, &e), APP_STOPPED);
    assert_string_equal(e.text, "stopped after 2 of 5 pictures; the same command with --resume goes on");
    assert_int_equal(run(&s, "ensemble-parts", 1, 4, &e), APP_STOPPED);
    assert_int_equal(run(&s, "ensemble-parts", 1, 0, &e), APP_OK);
    same_file("ensemble-whole/predictions.npz", "ensemble-parts/predictions.npz");
    same_file("ensemble-whole/predictions.csv", "ensemble-parts/predictions.csv");
    assert_int_not_equal(access("ensemble-parts/partial.npz", F_OK), 0);

    // other views, and a damaged file
    assert_int_equal(run(&s, "ensemble-parts", 0, 2, &e), APP_STOPPED);
    s.o.seed = 1;
    assert_int_equal(run(&s, "ensemble-parts", 1, 0, &e), APP_FAILED);
    assert_non_null(strstr(e.text, "partial.npz: is of other pictures, codes, networks or options"));
    s.o.seed = 0;
    FILE *f = fopen("ensemble-parts/partial.npz", "r+b");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), 300), 0);
    fclose(f);
    assert_int_equal(run(&s, "ensemble-parts", 1, 0, &e), APP_FAILED);
    assert_non_null(strstr(e.text, "partial.npz"));
    atl_ctx_close(&s.ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(work_goes_on_where_it_was_stopped) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
