// SPDX-License-Identifier: Apache-2.0
// Picture grids of a training run: sizes, which reals, where pictures land, how different they are.
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
#include "app/grid.h"
#include "folder.h"
#include "says.h"

static app_error e;

static void sizes_are_the_official_ones(void **state) {
    (void)state;
    static const int cases[][4] = { { 32, 32, 32, 32 },  { 64, 64, 32, 32 },   { 256, 256, 30, 16 },
                                    { 512, 512, 15, 8 }, { 1024, 1024, 7, 4 }, { 2048, 2048, 7, 4 },
                                    { 512, 1024, 15, 4 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int across, down;
        app_grid_size(cases[i][0], cases[i][1], &across, &down);
        assert_int_equal(across, cases[i][2]);
        assert_int_equal(down, cases[i][3]);
    }
}

static void pictures_land_in_rows(void **state) {
    // [4, 3, 1, 2]: pictures of one row of two pixels
    static const float images[] = {
        -1, 1, 0,   0.0001f,  -0.0001f,  0.5f,    // the planes of picture 0
        0,  0, 0,   0,        0,         0,       // 1
        -9, 9, NAN, INFINITY, -INFINITY, -1.001f, // 2
        1,  1, 1,   1,        1,         1,       // 3
    };
    // (x + 1) * 127.5, to the nearest: 0 is 127.5, which goes to the even 128; 0.5 is 191.25
    static const uint8_t expected[] = {
        0, 128, 127, 255, 128, 191, 128, 128, 128, 128, 128, 128, // the first row of the sheet
        0, 0,   0,   255, 255, 0,   255, 255, 255, 255, 255, 255,
    };
    atl_image sheet;
    app_grid g;
    assert_int_equal(app_grid_open(&g, *state, 2, 2, 3, 1, 2, &e), APP_OK);
    app_grid_put(&g, 0, 4, images);
    assert_int_equal(app_grid_save(&g, in_folder("g.png"), &e), APP_OK);
    app_grid_clear(&g);
    assert_int_equal(atl_image_read(*state, in_folder("g.png"), &sheet), ATL_OK);
    assert_int_equal(sheet.width, 4);
    assert_int_equal(sheet.height, 2);
    assert_memory_equal(sheet.pixels, expected, sizeof expected);
    atl_image_clear(*state, &sheet);
    unlink(in_folder("g.png"));
}

static void batches_and_bytes_fill_the_same_sheet(void **state) {
    static const float images[] = { -1, 0.5f, 1, 0.25f, -0.5f, 0 }; // [6, 1, 1, 1]
    app_grid a, b;
    assert_int_equal(app_grid_open(&a, *state, 3, 2, 1, 1, 1, &e), APP_OK);
    assert_int_equal(app_grid_open(&b, *state, 3, 2, 1, 1, 1, &e), APP_OK);
    app_grid_put(&a, 0, 6, images);
    app_grid_put(&b, 0, 4, images);
    for (size_t i = 4; i < 6; i++) {
        atl_image one = { 1, 1, 1, &a.sheet.pixels[i] };
        app_grid_put_image(&b, i, &one);
    }
    assert_memory_equal(a.sheet.pixels, b.sheet.pixels, 6);
    app_grid_clear(&a);
    app_grid_clear(&b);
    app_grid_clear(&b); // again is fine
}

static void spread_is_the_mean_deviation(void **state) {
    // [4, 1, 1, 2]: the first pixel is black or white (deviation 1), the second always the same (0)
    static const float images[] = { -1, 0.3f, 1, 0.3f, -1, 0.3f, 1, 0.3f };
    static const float alike[8] = { 0.1f, -0.7f, 0.1f, -0.7f, 0.1f, -0.7f, 0.1f, -0.7f };
    app_grid g;
    assert_int_equal(app_grid_open(&g, *state, 2, 2, 1, 1, 2, &e), APP_OK);
    app_grid_put(&g, 0, 4, images);
    assert_true(fabs(app_grid_spread(&g) - 0.5) < 1e-12); // exact but for the division
    app_grid_put(&g, 0, 4, alike);
    assert_true(app_grid_spread(&g) == 0);
    app_grid_clear(&g);
}

static void too_large_is_refused(void **state) {
    app_grid g;
    assert_says(app_grid_open(&g, *state, 33, 1, 3, 1, 1000, &e), &e,
                "33x1 pictures of 1000x1 is over 32768 pixels wide or high");
    app_grid_clear(&g);
    assert_says(app_grid_open(&g, *state, 0, 1, 3, 1, 1, &e), &e, "0x1");
    app_grid_clear(&g);
    assert_says(app_grid_open(&g, *state, 2048, 2048, 1, 1, 1, &e), &e, "more than a million");
    app_grid_clear(&g);
}

// Six pictures of 4x4 in a folder; dataset.json when there are labels.
static void make_set(atl_ctx *ctx, const char *labels) {
    for (int i = 0; i < 6; i++) {
        char name[20];
        atl_image image;
        snprintf(name, sizeof name, "p%d.png", i);
        assert_int_equal(atl_image_init(ctx, 4, 4, 3, &image), ATL_OK);
        assert_int_equal(atl_image_write(ctx, in_folder(name), "png", &image, 0, NULL, 0), ATL_OK);
        atl_image_clear(ctx, &image);
    }
    if (!labels)
        return;
    FILE *out = fopen(in_folder("dataset.json"), "w");
    assert_non_null(out);
    fputs(labels, out);
    assert_int_equal(fclose(out), 0);
}

static int remove_set(void **state) {
    (void)state;
    for (int i = 0; i < 6; i++) {
        char name[20];
        snprintf(name, sizeof name, "p%d.png", i);
        unlink(in_folder(name));
    }
    unlink(in_folder("dataset.json"));
    return 0;
}

static void choose(atl_ctx *ctx, int across, int down, uint32_t *indices) {
    atl_dataset *set;
    assert_int_equal(atl_dataset_open(ctx, folder, NULL, &set), ATL_OK);
    assert_int_equal(app_grid_choose(set, across, down, indices, &e), APP_OK);
    atl_dataset_close(&set);
}

static void reals_are_shuffled_by_seed_0(void **state) {
    // numpy.random.RandomState(0).shuffle(list(range(6))), from its beginning again after six
    static const uint32_t expected[8] = { 5, 2, 1, 3, 0, 4, 5, 2 };
    uint32_t indices[8];
    make_set(*state, NULL);
    choose(*state, 4, 2, indices);
    assert_memory_equal(indices, expected, sizeof expected);
}

static void each_row_has_one_class(void **state) {
    // classes 3, 0, 3, 7, 7, 7 in the order 5 2 1 3 0 4; after class 7 class 0 comes again
    static const uint32_t expected[4][3] = { { 1, 1, 1 }, { 2, 0, 2 }, { 5, 3, 4 }, { 1, 1, 1 } };
    uint32_t indices[4][3];
    make_set(*state, "{\"labels\": [[\"p0.png\", 3], [\"p1.png\", 0], [\"p2.png\", 3], [\"p3.png\", 7], "
                     "[\"p4.png\", 7], [\"p5.png\", 7]]}");
    choose(*state, 3, 4, indices[0]);
    assert_memory_equal(indices, expected, sizeof expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_the_official_ones),
        cmocka_unit_test(pictures_land_in_rows),
        cmocka_unit_test(batches_and_bytes_fill_the_same_sheet),
        cmocka_unit_test(spread_is_the_mean_deviation),
        cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test_teardown(reals_are_shuffled_by_seed_0, remove_set),
        cmocka_unit_test_teardown(each_row_has_one_class, remove_set),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
