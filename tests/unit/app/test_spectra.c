// SPDX-License-Identifier: Apache-2.0
// Figures of spectra that are known: where a line of a spectrum is in its heat map, and in which colour; how
// high curves stand; and files that are no spectra.
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
#include "app/canvas.h"
#include "app/spectra.h"
#include "says.h"

enum { N = 64, SIDE = 16 };

static app_error e;
static char npz[] = "/tmp/atl-spectra-XXXXXX", png[64];
static float power[N * N];

static int setup(void **state) {
    int handle = mkstemp(npz);
    snprintf(png, sizeof png, "%s.png", npz);
    return handle < 0 || close(handle) != 0 || atl_ctx_open((atl_ctx **)state, NULL) != ATL_OK;
}

static int teardown(void **state) {
    atl_ctx *ctx = *state;
    atl_ctx_close(&ctx);
    unlink(png);
    return unlink(npz);
}

static void write_spectrum(atl_ctx *ctx) {
    int64_t side = SIDE;
    const atl_array list[] = { { "spectrum", ATL_F32, 2, { N, N }, power },
                               { "image_size", ATL_I64, 0, { 0 }, &side } };
    assert_int_equal(atl_npz_write(ctx, npz, list, 2), ATL_OK);
}

static void assert_colour(const atl_image *image, int x, int y, app_colour c) {
    const uint8_t *p = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    if (p[0] != c.r || p[1] != c.g || p[2] != c.b)
        fail_msg("(%d, %d) is %d %d %d, not %d %d %d", x, y, p[0], p[1], p[2], c.r, c.g, c.b);
}

// Powers of 1 (0 dB) with a square of 100 (20 dB) around the frequency (x pi / 2, y -pi / 2), that is right
// and below.
static void a_line_is_where_it_belongs(void **state) {
    atl_ctx *ctx = *state;
    atl_image image;
    for (int i = 0; i < N * N; i++)
        power[i] = 1;
    for (int y = -3; y <= 3; y++)
        for (int x = -3; x <= 3; x++)
            power[(N - N / 4 + y) * N + N / 4 + x] = 100;
    write_spectrum(ctx);
    const app_spectra_figure f = { png, 100, 0 };
    assert_int_equal(app_spectra_heatmap(ctx, npz, &f, &e), APP_OK);
    assert_int_equal(atl_image_read(ctx, png, &image), ATL_OK);
    assert_int_equal(image.width, 600);
    assert_int_equal(image.height, 500);
    int left = 70, top = 30, size = 430; // of the map
    assert_colour(&image, left + size * 3 / 4, top + size * 3 / 4, app_colour_map(1));
    assert_colour(&image, left + size / 4, top + size * 3 / 4, app_colour_map(0));
    assert_colour(&image, left + size * 3 / 4, top + size / 4, app_colour_map(0));
    assert_colour(&image, left + size / 2, top + size / 2, app_colour_map(0));
    assert_colour(&image, left, top, app_colour_map(0));
    assert_colour(&image, left + size - 1, top + size - 1, app_colour_map(0));
    assert_colour(&image, 5, 5, (app_colour){ 255, 255, 255 });
    atl_image_clear(ctx, &image);
}

// A smoothed constant stays what it is, to the edges; a smoothed line keeps its sum.
static void smoothing_keeps_what_it_should(void **state) {
    atl_ctx *ctx = *state;
    atl_image image;
    for (int i = 0; i < N * N; i++)
        power[i] = i == 0 ? 1e10f : 1; // 100 dB at zero: 100 / (2 pi 25) dB in the middle of the smoothed
    write_spectrum(ctx);
    const app_spectra_figure f = { png, 100, 1.25 }; // times N / SIDE: 5 frequencies
    assert_int_equal(app_spectra_heatmap(ctx, npz, &f, &e), APP_OK);
    assert_int_equal(atl_image_read(ctx, png, &image), ATL_OK);
    // the range is 0 to 10 dB
    const uint8_t *middle = image.pixels + ((size_t)(30 + 215) * 600 + 70 + 215) * 3;
    app_colour expected = app_colour_map(100 / (2 * 3.14159265 * 25) / 10);
    assert_in_range(middle[0] + 3 - expected.r, 0, 6); // the pixel is beside the middle
    assert_in_range(middle[1] + 3 - expected.g, 0, 6);
    assert_in_range(middle[2] + 3 - expected.b, 0, 6);
    assert_colour(&image, 70, 30, app_colour_map(0));
    atl_image_clear(ctx, &image);
}

static int is_blue(const atl_image *image, int x, int y) { // a line's edge is mixed with what is below it
    const uint8_t *p = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    return p[2] > p[0] + 80;
}

// Two lines, 10 dB at all (f, 0), 30 dB on the diagonal.
static void curves_stand_at_their_height(void **state) {
    atl_ctx *ctx = *state;
    atl_image image;
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++)
            power[y * N + x] = x == y && x ? 1000 : 10;
    write_spectrum(ctx);
    const app_spectra_figure f = { png, 100, 0 };
    const char *files[] = { npz };
    assert_int_equal(app_spectra_slices(ctx, files, 1, &f, &e), APP_OK);
    assert_int_equal(atl_image_read(ctx, png, &image), ATL_OK);
    // boxes of 370 x 400 from (60, 40) and (500, 40), from 10 to 30 dB
    for (int x = 80; x < 420; x += 10)
        assert_true(is_blue(&image, x, 439) && !is_blue(&image, x, 40));
    for (int x = 520; x < 860; x += 10)
        assert_true(is_blue(&image, x, 40) && !is_blue(&image, x, 439));
    assert_colour(&image, 300, 300, (app_colour){ 255, 255, 255 });
    atl_image_clear(ctx, &image);
}

static void what_is_no_spectrum_is_refused(void **state) {
    atl_ctx *ctx = *state;
    const app_spectra_figure f = { png, 100, 0 };
    int64_t side = 10;
    atl_array list[] = { { "spectrum", ATL_F32, 2, { N, N }, power },
                         { "image_size", ATL_I64, 0, { 0 }, &side } };
    assert_int_equal(atl_npz_write(ctx, npz, list, 2), ATL_OK);
    assert_says(app_spectra_heatmap(ctx, npz, &f, &e), &e, "image_size 10 does not go with a spectrum of 64");
    assert_int_equal(atl_npz_write(ctx, npz, list, 1), ATL_OK);
    assert_says(app_spectra_heatmap(ctx, npz, &f, &e), &e, "has no number image_size");
    list[0].dims[1] = N / 2;
    assert_int_equal(atl_npz_write(ctx, npz, list, 2), ATL_OK);
    assert_says(app_spectra_heatmap(ctx, npz, &f, &e), &e, "has no square array spectrum");
    power[77] = -1;
    write_spectrum(ctx);
    assert_says(app_spectra_heatmap(ctx, npz, &f, &e), &e, "powers that are no numbers, or negative");
    power[77] = NAN;
    write_spectrum(ctx);
    assert_says(app_spectra_heatmap(ctx, npz, &f, &e), &e, "powers that are no numbers, or negative");
    assert_int_not_equal(access(png, F_OK), 0);
}

static void letters_and_lines_stay_on_the_sheet(void **state) {
    atl_ctx *ctx = *state;
    app_canvas c;
    const app_colour black = { 0, 0, 0 };
    assert_int_equal(app_canvas_open(&c, ctx, 30, 20, 2, &e), APP_OK);
    app_canvas_text(&c, 2, 1, 0, "I", black); // three dots wide at its top
    assert_colour(&c.image, 4, 1, black);
    assert_colour(&c.image, 9, 2, black);
    assert_colour(&c.image, 2, 1, (app_colour){ 255, 255, 255 });
    assert_colour(&c.image, 10, 1, (app_colour){ 255, 255, 255 });
    assert_int_equal(app_canvas_text_width(&c, "ab"), 22);
    assert_int_equal(app_canvas_text_width(&c, ""), 0);
    app_canvas_text(&c, -40, -5, 1, "far \x80 away from here", black);
    app_canvas_line(&c, -100, -3, 200, 40, 3, black);
    app_canvas_box(&c, 25, 15, 90, 90, black);
    assert_colour(&c.image, 29, 19, black);
    app_canvas_line(&c, 20, 0, 20, 10, 2, (app_colour){ 255, 0, 0 }); // covers 19 and 20 whole, nothing else
    assert_colour(&c.image, 19, 5, (app_colour){ 255, 0, 0 });
    assert_colour(&c.image, 20, 5, (app_colour){ 255, 0, 0 });
    app_canvas_close(&c);
    app_canvas_close(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_where_it_belongs),
        cmocka_unit_test(smoothing_keeps_what_it_should),
        cmocka_unit_test(curves_stand_at_their_height),
        cmocka_unit_test(letters_and_lines_stay_on_the_sheet),
    };
    const struct CMUnitTest failures[] = { cmocka_unit_test(what_is_no_spectrum_is_refused) };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    strcpy(npz, "/tmp/atl-spectra-XXXXXX");
    return failed + cmocka_run_group_tests(failures, setup, teardown);
}
