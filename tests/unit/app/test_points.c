// SPDX-License-Identifier: Apache-2.0
// Key points looked for between a picture and its mirror image, in which left and right have changed places.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "app/congeal_points.h"
#include "folder.h"
#include "says.h"

enum { SIDE = 32, POINTS = 3 };

// Left, right, middle of the picture as it is.
static const float at[POINTS][2] = { { 6, 12 }, { 20, 14 }, { 13, 22 } };

static app_error e;
static void write_picture(atl_ctx *ctx, const char *name, int mirror) {
    atl_image image;
    assert_int_equal(atl_image_init(ctx, SIDE, SIDE, 3, &image), ATL_OK);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++)
                image.pixels[(y * SIDE + (mirror ? SIDE - 1 - x : x)) * 3 + c] =
                    (uint8_t)((x * 7 + y * y * (c + 1) + (x > 9 ? 60 : 0)) % 256);
    assert_int_equal(atl_image_write(ctx, in_folder(name), "png", &image, 0, NULL, 0), ATL_OK);
    atl_image_clear(ctx, &image);
}

static int begin(void **state) {
    if (setup(state))
        return -1;
    atl_ctx *ctx = *state;
    write_picture(ctx, "a.png", 0);
    write_picture(ctx, "b.png", 1);
    FILE *f = fopen(in_folder("points.txt"), "w");
    if (!f)
        return -1;
    fprintf(f, "a.png");
    for (int i = 0; i < POINTS; i++)
        fprintf(f, " %g %g", (double)at[i][0], (double)at[i][1]);
    fprintf(f, "\nb.png"); // what is left there is what was right
    for (int i = 0; i < POINTS; i++) {
        int k = i == 2 ? 2 : 1 - i;
        fprintf(f, " %g %g", SIDE - 1 - (double)at[k][0], (double)at[k][1]);
    }
    fprintf(f, "\n");
    return fclose(f);
}

static int end(void **state) {
    remove(in_folder("a.png"));
    remove(in_folder("b.png"));
    remove(in_folder("points.txt"));
    return teardown(state);
}

static app_status measure(atl_ctx *ctx, const char *permutation, app_points_result *r) {
    const char *data = getenv("ATL_TEST_DATA");
    const atl_congeal_options congeal = ATL_CONGEAL_OPTIONS_INIT;
    char network[1024], points[100];
    app_aligner a;
    snprintf(network, sizeof network, "%s/gangealing/stn.pt", data ? data : "tests/data");
    snprintf(points, sizeof points, "%s", in_folder("points.txt"));
    app_aligner_options o = { .network = network, .congeal = congeal };
    o.congeal.flip = 1;
    const app_points_options p = { .points = points, .permutation = permutation };
    if (app_aligner_open(&a, ctx, &o, &e) != APP_OK)
        fail_msg("%s", e.text);
    app_status status = app_congeal_points(&a, &p, r, &e);
    app_aligner_close(&a);
    return status;
}

// One of both is mirrored, so that they are aligned alike: all points are found at those they are there.
static void left_and_right_change_places(void **state) {
    app_points_result with, without;
    if (measure(*state, "1,0,2", &with) != APP_OK || measure(*state, NULL, &without) != APP_OK)
        fail_msg("%s", e.text);
    assert_int_equal(with.pairs, 2);
    assert_int_equal(with.points, 2 * POINTS);
    assert_true(with.by_picture[0] == 1.0); // within a tenth of the side
    assert_true(without.by_picture[0] < 0.4);
}

static void what_is_no_permutation_is_refused(void **state) {
    static const char *const wrong[] = { "0,1", "0,1,2,", "0,1,1", "0,1,3", "0,-1,2", "", "0;1;2", "a" };
    app_points_result r;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_says(measure(*state, wrong[i], &r), &e, "expected the 3 points 0 to 2, each once");
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(left_and_right_change_places),
                                        cmocka_unit_test(what_is_no_permutation_is_refused) };
    return cmocka_run_group_tests(tests, begin, end);
}
