// SPDX-License-Identifier: Apache-2.0
// Images by callback, as a server asks for them: generate, mix, film and replay on a small network; what is
// refused, with which sentence; what is only warned of.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/film.h"
#include "app/files.h"
#include "app/generate.h"
#include "app/mix.h"
#include "app/network.h"
#include "app/picture.h"
#include "app/replay.h"
#include "says.h"
#include "warned.h"

typedef struct fixture {
    atl_ctx *ctx;
    atl_model *plain, *conditional;
    char folder[32];
} fixture;

static app_error e;

static const char *data(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/stylegan/%s", getenv("ATL_TEST_DATA"), name);
    return path;
}

static int setup(void **state) {
    static fixture f = { .folder = "/tmp/atl-images-XXXXXX" };
    e.warn = on_warning;
    *state = &f;
    return !mkdtemp(f.folder) || atl_ctx_open(&f.ctx, NULL) != ATL_OK ||
           app_network_open(f.ctx, data("sg2-32.pkl"), NULL, &f.plain, &e) != APP_OK ||
           app_network_open(f.ctx, data("sg2-64-cond.pkl"), NULL, &f.conditional, &e) != APP_OK;
}

static int teardown(void **state) {
    fixture *f = *state;
    atl_model_close(&f->plain);
    atl_model_close(&f->conditional);
    atl_ctx_close(&f->ctx);
    return rmdir(f->folder); // fails when a test left something behind
}

// ---- What is handed out

typedef struct seen {
    size_t images, stop_after; // 0: never
    char names[200];
    float first[3]; // of each image
} seen;

static app_status see(void *user, const app_generated *image, app_error *error) {
    seen *s = user;
    (void)error;
    size_t used = strlen(s->names);
    snprintf(s->names + used, sizeof s->names - used, "%s ", image->name);
    if (s->images < 3)
        s->first[s->images] = image->img[0];
    return ++s->images == s->stop_after ? APP_STOPPED : APP_OK;
}

static app_generate_options plain_options(void) {
    static const uint32_t seeds[] = { 7, 0, 7 };
    return (app_generate_options){ .recipe = APP_RECIPE_INIT, .seeds = seeds, .count = 3, .batch = 2 };
}

static void images_come_in_order(void **state) {
    fixture *f = *state;
    app_generate g;
    app_generate_options o = plain_options();
    seen s = { 0 };
    assert_int_equal(app_generate_open(&g, f->ctx, f->plain, &o, &e), APP_OK);
    assert_int_equal(app_generate_run(&g, see, &s, &e), APP_OK);
    assert_string_equal(s.names, "seed0007 seed0000 seed0007 ");
    assert_true(s.first[0] == s.first[2] && s.first[0] != s.first[1]);
    app_recipe r = app_generate_recipe(&g, 1);
    assert_true(r.has_seed && r.seed == 0 && r.psi == 1 && r.class_index == -1);
    app_generate_close(&g);
}

static void a_wish_to_stop_ends_after_the_batch(void **state) {
    fixture *f = *state;
    app_generate g;
    app_generate_options o = plain_options();
    seen s = { .stop_after = 1 };
    assert_int_equal(app_generate_open(&g, f->ctx, f->plain, &o, &e), APP_OK);
    assert_int_equal(app_generate_run(&g, see, &s, &e), APP_STOPPED);
    assert_int_equal(g.done, 2);
    assert_string_equal(e.text, "interrupted after 2 of 3 images");
    app_error_clear(&e);
    s = (seen){ .stop_after = 3 }; // there is nothing left to stop
    assert_int_equal(app_generate_run(&g, see, &s, &e), APP_OK);
    app_generate_close(&g);
}

// ---- What is refused

static void refused(fixture *f, atl_model *model, const app_generate_options *o, const char *words) {
    app_generate g;
    assert_says(app_generate_open(&g, f->ctx, model, o, &e), &e, words);
    app_generate_close(&g);
}

static void what_the_network_cannot_do_is_refused(void **state) {
    fixture *f = *state;
    app_generate_options o = plain_options();
    o.recipe.network = "net.pkl";
    o.recipe.cutoff = 99;
    refused(f, f->plain, &o, "--trunc-cutoff 99: the network has 8 layers");
    o.recipe.cutoff = 0;
    refused(f, f->conditional, &o, "net.pkl is conditional: choose a class with --class K, 0 to 4");
    o.recipe.class_index = 5;
    refused(f, f->conditional, &o, "--class 5: net.pkl has classes 0 to 4");
    o.recipe.class_index = -1;
    o.recipe.labels = "absent.npy";
    refused(f, f->conditional, &o, "absent.npy: can't be opened");
    o.seeds = NULL;
    o.recipe.latents = data("sg2-32.safetensors:none");
    refused(f, f->plain, &o, "sg2-32.safetensors: has no tensor called \"none\"");
}

static void a_class_without_use_is_a_warning(void **state) {
    fixture *f = *state;
    app_generate g;
    app_generate_options o = plain_options();
    o.recipe.class_index = 1;
    assert_int_equal(app_generate_open(&g, f->ctx, f->plain, &o, &e), APP_OK);
    assert_string_equal(warned, "--class is ignored: the network is not conditional");
    assert_int_equal(g.render.recipe.class_index, -1);
    app_generate_close(&g);
}

// Rows of z of which one has a number that is none, or one that no image survives.
static void write_latents(fixture *f, const char *path, int width, float value) {
    float z[2 * 512] = { 0 };
    assert_true(width <= 512);
    z[width + 3] = value;
    const atl_array array = { "z", ATL_F32, 2, { 2, width }, z };
    assert_int_equal(atl_npy_write(f->ctx, path, &array), ATL_OK);
}

static void latents_that_are_no_numbers_are_refused(void **state) {
    fixture *f = *state;
    app_generate g;
    app_generate_options o = plain_options();
    seen s = { 0 };
    char *path = app_join(f->folder, "z.npy", &e);
    o.seeds = NULL;
    o.recipe.latents = path;
    o.batch = 1;
    for (int large = 0; large < 2; large++) {
        s = (seen){ 0 };
        write_latents(f, path, atl_model_get_info(f->plain)->z_dim, large ? 1e38f : NAN);
        assert_int_equal(app_generate_open(&g, f->ctx, f->plain, &o, &e), APP_OK);
        assert_says(app_generate_run(&g, see, &s, &e), &e,
                    large ? "z.npy: row 1 has numbers too large to be squared; those of latents are near 1"
                          : "z.npy: row 1 has NaN or infinity among its numbers");
        assert_string_equal(s.names, "proj00 ");
        app_generate_close(&g);
    }
    unlink(path);
    free(path);
}

// ---- Mixing

static app_status see_mixed(void *user, const app_mixed *image, app_error *error) {
    seen *s = user;
    (void)error;
    size_t used = strlen(s->names);
    snprintf(s->names + used, sizeof s->names - used, "%s@%zu,%zu%s ", image->name, image->row, image->column,
             image->recipe.styles ? "*" : "");
    return ++s->images == s->stop_after ? APP_STOPPED : APP_OK;
}

static void pairs_come_after_their_sources(void **state) {
    fixture *f = *state;
    app_mix_side rows = { 0 }, cols = { 0 };
    app_seeds styles;
    app_mix m;
    seen s = { 0 };
    app_seeds_parse("1", &rows.seeds, &e);
    app_seeds_parse("2,3", &cols.seeds, &e);
    app_seeds_parse("0-3", &styles, &e);
    app_mix_options o = { .recipe = APP_RECIPE_INIT, .rows = &rows, .cols = &cols, .styles = &styles };
    assert_int_equal(app_mix_open(&m, f->ctx, f->plain, &o, &e), APP_OK);
    assert_int_equal(app_mix_run(&m, see_mixed, &s, &e), APP_OK);
    assert_string_equal(s.names, "1-1@1,0 2-2@0,1 3-3@0,2 1-2@1,1* 1-3@1,2* ");
    assert_int_equal(s.images, m.count);
    s = (seen){ .stop_after = 2 };
    assert_int_equal(app_mix_run(&m, see_mixed, &s, &e), APP_STOPPED);
    app_error_clear(&e);
    app_mix_close(&m);
    app_seeds_clear(&styles);
    app_seeds_parse("0-8", &styles, &e);
    assert_says(app_mix_open(&m, f->ctx, f->plain, &o, &e), &e,
                "--styles 0-8: the network has layers 0 to 7");
    app_mix_close(&m);
    app_seeds_clear(&rows.seeds);
    app_seeds_clear(&cols.seeds);
    app_seeds_clear(&styles);
}

// ---- Films

static app_status see_frame(void *user, size_t frame, const atl_image *picture, app_error *error) {
    seen *s = user;
    (void)error;
    assert_int_equal(frame, s->images);
    assert_int_equal(picture->width, 2 * 32);
    return ++s->images == s->stop_after ? APP_STOPPED : APP_OK;
}

static void frames_are_counted(void **state) {
    fixture *f = *state;
    app_seeds seeds, none = { 0 };
    app_film film;
    seen s = { 0 };
    app_seeds_parse("1-4", &seeds, &e);
    app_film_options o = { .recipe = APP_RECIPE_INIT,
                           .seeds = &seeds,
                           .classes = &none,
                           .fixed = &none,
                           .columns = 2,
                           .lines = 1,
                           .between = 3,
                           .batch = 4 };
    assert_int_equal(app_film_open(&film, f->ctx, f->plain, &o, &e), APP_OK);
    assert_int_equal(film.frames, 6);
    assert_int_equal(app_film_run(&film, see_frame, &s, &e), APP_OK);
    assert_int_equal(s.images, 6);
    s = (seen){ .stop_after = 1 };
    app_film_close(&film);
    assert_int_equal(app_film_open(&film, f->ctx, f->plain, &o, &e), APP_OK);
    assert_int_equal(app_film_run(&film, see_frame, &s, &e), APP_STOPPED);
    assert_int_equal(film.done, 2); // a batch has two frames
    app_error_clear(&e);
    app_film_close(&film);
    o.columns = 3;
    assert_says(app_film_open(&film, f->ctx, f->plain, &o, &e), &e,
                "4 keyframes can't be shared by the 3 walks of --grid 3x1");
    app_film_close(&film);
    app_seeds_clear(&seeds);
}

// ---- Records

static app_status write_it(void *user, const app_generated *image, app_error *error) {
    const app_generate *g = ((void **)user)[0];
    const char *path = ((void **)user)[1];
    app_sheet sheet;
    const app_recipe recipe = app_generate_recipe(g, image->row);
    app_status status = app_sheet_open(&sheet, &g->render, 0, 0, error);
    app_sheet_put(&sheet, image->row, image->img);
    if (status == APP_OK)
        status = app_picture_write(sheet.ctx, path, "png", &sheet.tile, 0, &recipe, error);
    app_sheet_close(&sheet);
    return status;
}

static void a_record_makes_the_same_pixels(void **state) {
    fixture *f = *state;
    app_generate g;
    app_generate_options o = plain_options();
    char *path = app_join(f->folder, "a.png", &e);
    void *user[] = { &g, path };
    app_recipe recipe;
    json_t *owner;
    atl_image again, image;
    o.count = 1;
    o.recipe.network = "net.pkl";
    o.recipe.noise = ATL_NOISE_RANDOM;
    assert_int_equal(app_generate_open(&g, f->ctx, f->plain, &o, &e), APP_OK);
    assert_int_equal(app_generate_run(&g, write_it, user, &e), APP_OK);
    app_generate_close(&g);
    assert_int_equal(app_replay_read(f->ctx, path, &recipe, &owner, &e), APP_OK);
    assert_int_equal(app_replay_make(f->ctx, f->plain, path, &recipe, &again, &e), APP_OK);
    assert_int_equal(atl_image_read(f->ctx, path, &image), ATL_OK);
    app_difference d = app_picture_compare(&again, &image);
    assert_true(d.same_shape && d.count == 3 * 32 * 32 && d.different == 0);
    image.pixels[5] ^= 4;
    d = app_picture_compare(&again, &image);
    assert_true(d.different == 1 && d.worst == 4);
    atl_image_clear(f->ctx, &again);
    assert_says(app_replay_make(f->ctx, f->conditional, path, &recipe, &again, &e), &e,
                "a.png: records no class, but net.pkl is conditional");
    assert_non_null(strstr(warned, "net.pkl has fingerprint"));
    atl_image_clear(f->ctx, &image);
    json_decref(owner);
    unlink(path);
    free(path);
}

static void only_generators_are_opened(void **state) {
    fixture *f = *state;
    atl_model *model;
    atl_model_options d = ATL_MODEL_OPTIONS_INIT;
    d.net = "D";
    assert_says(app_network_open(f->ctx, data("sg2-32.pkl"), &d, &model, &e), &e,
                "D is a discriminator; choose a generator with --net G_ema");
    assert_null(model);
    assert_says(app_network_open(f->ctx, "https://a.b/c.pkl", NULL, &model, &e), &e, "download it first");
    assert_says(app_network_open(f->ctx, "absent.pkl", NULL, &model, &e), &e, "absent.pkl: can't be opened");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_come_in_order),
        cmocka_unit_test(a_wish_to_stop_ends_after_the_batch),
        cmocka_unit_test(what_the_network_cannot_do_is_refused),
        cmocka_unit_test(a_class_without_use_is_a_warning),
        cmocka_unit_test(latents_that_are_no_numbers_are_refused),
        cmocka_unit_test(pairs_come_after_their_sources),
        cmocka_unit_test(frames_are_counted),
        cmocka_unit_test(a_record_makes_the_same_pixels),
        cmocka_unit_test(only_generators_are_opened),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
