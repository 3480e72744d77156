// SPDX-License-Identifier: Apache-2.0
// What codes are drawn by: maps of labels and gray pictures through a network of their own, files of codes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <atelier/network.h>
#include "app/condition.h"
#include "folder.h"
#include "says.h"

enum { SIDE = 16, MAP = SIDE / 2, LABELS = 5, CODES = 12, TENSORS_MOST = 512 };

static app_error e;
static atl_model *network(atl_ctx *ctx, int channels) {
    atl_init_options o = ATL_INIT_OPTIONS_INIT;
    atl_model *m;
    o.cfg = "vqgan";
    o.resolution = SIDE;
    o.channel_base = 32;
    o.channel_max = CODES;
    o.img_channels = channels;
    o.seed = (uint64_t)channels;
    assert_int_equal(atl_model_init(ctx, &o, &m), ATL_OK);
    return m;
}

// The network as a transformer's file has it beside its own.
static void write_beside(atl_ctx *ctx, const atl_model *m) {
    static atl_array list[TENSORS_MOST];
    static char names[TENSORS_MOST][128];
    size_t count = 0;
    for (const atl_array *a; (a = atl_model_tensor_get(m, count)) != NULL; count++) {
        assert_true(count < TENSORS_MOST);
        snprintf(names[count], sizeof names[0], "cond_stage_model.%s", a->name);
        list[count] = *a;
        list[count].name = names[count];
    }
    assert_int_equal(atl_safetensors_write(ctx, in_folder("t.safetensors"), list, count, NULL, 0), ATL_OK);
}

// A picture of `channels` whose pixels are (row + column) % LABELS, brighter by `scale`.
static void write_picture(atl_ctx *ctx, const char *name, int channels, int scale) {
    atl_image image;
    assert_int_equal(atl_image_init(ctx, SIDE, SIDE, channels, &image), ATL_OK);
    for (int i = 0; i < SIDE * SIDE; i++)
        for (int k = 0; k < channels; k++)
            image.pixels[i * channels + k] = (uint8_t)((i / SIDE + i % SIDE) % LABELS * scale);
    assert_int_equal(atl_image_write(ctx, in_folder(name), "png", &image, 0, NULL, 0), ATL_OK);
    atl_image_clear(ctx, &image);
}

// The codes that the network itself makes of `img`.
static void expect(const atl_model *m_, const float *img, int channels, const int32_t *codes) {
    atl_model *m = (atl_model *)(uintptr_t)m_;
    const atl_array in = { "img", ATL_F32, 4, { 1, channels, SIDE, SIDE }, (void *)(uintptr_t)img };
    float found[MAP * MAP];
    atl_arrays *results;
    assert_int_equal(atl_model_run(m, "encode", &in, 1, NULL, &results), ATL_OK);
    const atl_array *a = atl_arrays_find(results, "codes");
    assert_non_null(a);
    assert_int_equal(atl_array_count(a), MAP * MAP);
    atl_array_read_f32(a, 0, MAP * MAP, found);
    for (int i = 0; i < MAP * MAP; i++)
        assert_int_equal(codes[i], (int32_t)found[i]);
    atl_arrays_close(&results);
}

static app_status open_picture(atl_ctx *ctx, const char *name, app_codes *codes) {
    atl_model_options o = ATL_MODEL_OPTIONS_INIT;
    char assume[64], network_path[100], path[100];
    snprintf(assume, sizeof assume, "height=%d,width=%d", SIDE, SIDE);
    o.assume = assume;
    snprintf(network_path, sizeof network_path, "%s", in_folder("t.safetensors"));
    snprintf(path, sizeof path, "%s", in_folder(name));
    return app_condition_open(ctx, network_path, &o, path, 3, codes, &e);
}

static void labels(void **state) {
    atl_ctx *ctx = *state;
    static float img[LABELS * SIDE * SIDE];
    app_codes codes;
    atl_model *m = network(ctx, LABELS);
    write_beside(ctx, m);
    write_picture(ctx, "labels.png", 1, 1);
    write_picture(ctx, "beyond.png", 1, 2);
    write_picture(ctx, "colours.png", 3, 1);
    if (open_picture(ctx, "labels.png", &codes) != APP_OK)
        fail_msg("%s", e.text);
    assert_int_equal(codes.count, 1);
    assert_int_equal(codes.rows, MAP);
    assert_ptr_equal(app_condition_row(&codes, 2), codes.items); // one for all
    for (int i = 0; i < SIDE * SIDE; i++)
        img[(i / SIDE + i % SIDE) % LABELS * SIDE * SIDE + i] = 1.0f;
    expect(m, img, LABELS, codes.items);
    app_codes_clear(&codes);
    assert_says(open_picture(ctx, "beyond.png", &codes), &e, "has the label 6, and the network takes 0 to 4");
    assert_null(codes.items);
    assert_says(open_picture(ctx, "colours.png", &codes), &e, "takes labels 0 to 4, a gray level each");
    atl_model_close(&m);
    remove(in_folder("beyond.png"));
    remove(in_folder("colours.png"));
    remove(in_folder("labels.png"));
    remove(in_folder("t.safetensors"));
}

// Depth is gray; colours are weighed.
static void gray(void **state) {
    atl_ctx *ctx = *state;
    static float img[SIDE * SIDE];
    app_codes codes;
    atl_model *m = network(ctx, 1);
    write_beside(ctx, m);
    for (int i = 0; i < SIDE * SIDE; i++)
        img[i] = (float)((i / SIDE + i % SIDE) % LABELS * 50) / 127.5f - 1.0f;
    for (int channels = 1; channels <= 3; channels += 2) {
        write_picture(ctx, "depth.png", channels, 50);
        if (open_picture(ctx, "depth.png", &codes) != APP_OK)
            fail_msg("%s", e.text);
        expect(m, img, 1, codes.items);
        app_codes_clear(&codes);
    }
    atl_model_close(&m);
    remove(in_folder("depth.png"));
    remove(in_folder("t.safetensors"));
}

static void files_of_codes(void **state) {
    atl_ctx *ctx = *state;
    int32_t items[3][2][2] = { { { 1, 2 }, { 3, 4 } }, { { 5, 6 }, { 7, 8 } }, { { 9, 10 }, { 11, 0 } } };
    app_codes codes;
    for (int n = 1; n <= 3; n++) {
        const atl_array a = { "codes", ATL_I32, 3, { n, 2, 2 }, items };
        char path[100];
        snprintf(path, sizeof path, "%s", in_folder("c.npz"));
        assert_int_equal(atl_npz_write(ctx, path, &a, 1), ATL_OK);
        if (n == 2)
            assert_says(app_condition_open(ctx, "none", NULL, path, 3, &codes, &e), &e,
                        "has codes of 2 pictures; expected those of one, or of each of the 3 that are drawn");
        else
            assert_int_equal(app_condition_open(ctx, "none", NULL, path, 3, &codes, &e), APP_OK);
        if (n != 2)
            assert_int_equal(app_condition_row(&codes, 2)[1], n == 1 ? 2 : 10);
        app_codes_clear(&codes);
    }
    remove(in_folder("c.npz"));
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(labels), cmocka_unit_test(gray),
                                        cmocka_unit_test(files_of_codes) };
    return cmocka_run_group_tests(tests, setup, teardown);
}
