// SPDX-License-Identifier: Apache-2.0
// Overlays: grids that are maps against the maps' inverses, bent ones without holes, small pictures of fine
// overlays, there and back, what is refused.
#include "../../golden/golden.h"

#include <atelier/congeal.h>

enum { SIDE = 16, WIDTH = 90, HEIGHT = 60, OVERLAY = 64 };

static atl_ctx *ctx;

static int setup(void **state) {
    (void)state;
    assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    atl_ctx_close(&ctx);
    return 0;
}

static void ok(atl_status status) {
    if (status != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static void refused(atl_status status, const char *why) {
    assert_int_not_equal(status, ATL_OK);
    if (!strstr(atl_message(ctx), why))
        fail_msg("\"%s\" does not say \"%s\"", atl_message(ctx), why);
    atl_message_clear(ctx);
}

// The grid of a map [2, 3], bent by waves of that height.
static void fill_grid(const float *m, float wave, float *grid) {
    for (int i = 0; i < SIDE * SIDE; i++) {
        float x = (2.0f * (float)(i % SIDE) + 1.0f) / SIDE - 1.0f, y = (2.0f * (float)(i / SIDE) + 1.0f) / SIDE - 1.0f;
        float u = x + wave * sinf(3.0f * y), v = y + wave * sinf(2.0f * x + 1.0f);
        grid[2 * i] = m[0] * u + m[1] * v + m[2];
        grid[2 * i + 1] = m[3] * u + m[4] * v + m[5];
    }
}

// Red grows to the right, green downward; alpha is the same everywhere.
static atl_image slope(int width, int height, int alpha) {
    atl_image image;
    ok(atl_image_init(ctx, width, height, 4, &image));
    for (int i = 0; i < width * height; i++) {
        image.pixels[4 * i] = (uint8_t)(255 * (i % width) / (width - 1));
        image.pixels[4 * i + 1] = (uint8_t)(255 * (i / width) / (height - 1));
        image.pixels[4 * i + 3] = (uint8_t)alpha;
    }
    return image;
}

static atl_image plain(int width, int height, uint8_t value) {
    atl_image image;
    ok(atl_image_init(ctx, width, height, 3, &image));
    memset(image.pixels, value, 3 * (size_t)width * (size_t)height);
    return image;
}

static const float IDENTITY[6] = { 1, 0, 0, 0, 1, 0 };

static void the_identity_lays_each_pixel_on_its_own(void **state) {
    float grid[2 * SIDE * SIDE];
    (void)state;
    atl_image overlay = slope(OVERLAY, OVERLAY, 255), picture = plain(OVERLAY, OVERLAY, 200);
    overlay.pixels[4 * 70 + 3] = 0; // a hole
    fill_grid(IDENTITY, 0.0f, grid);
    ok(atl_overlay_lay(ctx, &overlay, grid, SIDE, 1.0, &picture));
    for (int i = 0; i < OVERLAY * OVERLAY; i++)
        for (int k = 0; k < 3; k++) // places are found to 1e-6 of a pixel or so
            assert_true(abs(picture.pixels[3 * i + k] - (i == 70 ? 200 : overlay.pixels[4 * i + k])) <= 1);
    memset(picture.pixels, 200, 3 * OVERLAY * OVERLAY);
    ok(atl_overlay_lay(ctx, &overlay, grid, SIDE, 0.25, &picture));
    for (int k = 0; k < 3; k++)
        assert_true(abs(picture.pixels[3 * 700 + k] - (overlay.pixels[4 * 700 + k] + 3 * 200) / 4) <= 1);
    atl_image_clear(ctx, &picture);
    atl_image_clear(ctx, &overlay);
}

// A pixel's colour says where in the overlay it is from: the inverse of the map tells the same.  One map
// turns, one mirrors.
static void maps_are_undone(void **state) {
    static const float maps[2][6] = { { 0.6f, -0.3f, 0.2f, 0.3f, 0.6f, -0.1f },
                                      { -0.7f, 0.1f, -0.2f, 0.1f, 0.7f, 0.3f } };
    (void)state;
    for (int j = 0; j < 2; j++) {
        const float *m = maps[j];
        float grid[2 * SIDE * SIDE], det = m[0] * m[4] - m[1] * m[3];
        int inside = 0;
        atl_image overlay = slope(OVERLAY, OVERLAY, 255), picture = plain(WIDTH, HEIGHT, 200);
        fill_grid(m, 0.0f, grid);
        ok(atl_overlay_lay(ctx, &overlay, grid, SIDE, 1.0, &picture));
        for (int i = 0; i < WIDTH * HEIGHT; i++) { // the square is the middle of the width
            float x = (2.0f * (float)(i % WIDTH - (WIDTH - HEIGHT) / 2) + 1.0f) / HEIGHT - 1.0f - m[2],
                  y = (2.0f * (float)(i / WIDTH) + 1.0f) / HEIGHT - 1.0f - m[5];
            float u = (m[4] * x - m[1] * y) / det, v = (m[0] * y - m[3] * x) / det;
            const uint8_t *p = picture.pixels + 3 * i;
            if (fabsf(u) < 0.96f && fabsf(v) < 0.96f) { // half a pixel of the overlay fades
                float red = 255.0f * (0.5f * (u + 1.0f) * OVERLAY - 0.5f) / (OVERLAY - 1.0f),
                      green = 255.0f * (0.5f * (v + 1.0f) * OVERLAY - 0.5f) / (OVERLAY - 1.0f);
                assert_true(fabsf((float)p[0] - red) < 2.5f && fabsf((float)p[1] - green) < 2.5f && p[2] == 0);
                inside++;
            } else if (fabsf(u) > 1.001f || fabsf(v) > 1.001f) {
                assert_true(p[0] == 200 && p[1] == 200 && p[2] == 200);
            }
        }
        assert_true(inside > 300);
        atl_image_clear(ctx, &picture);
        atl_image_clear(ctx, &overlay);
    }
}

// A bent mesh that reaches over the whole picture leaves no pixel out, and one that folds none twice.
static void bent_grids_have_no_holes(void **state) {
    static const float large[6] = { 1.4f, 0.1f, 0.0f, -0.1f, 1.4f, 0.0f };
    float grid[2 * SIDE * SIDE];
    (void)state;
    atl_image overlay = slope(8, 8, 128), picture = plain(HEIGHT, HEIGHT, 200);
    for (int i = 0; i < 64; i++)
        memset(overlay.pixels + 4 * i, 0, 3);
    for (int folds = 0; folds < 2; folds++) {
        fill_grid(large, folds ? 0.6f : 0.12f, grid);
        memset(picture.pixels, 200, 3 * HEIGHT * HEIGHT);
        ok(atl_overlay_lay(ctx, &overlay, grid, SIDE, 1.0, &picture));
        for (int i = 0; i < 3 * HEIGHT * HEIGHT; i++) // half black, once
            assert_true(picture.pixels[i] >= 99 && (folds || picture.pixels[i] <= 100));
    }
    atl_image_clear(ctx, &picture);
    atl_image_clear(ctx, &overlay);
}

// Stripes of one pixel, eight times smaller, are grey: no aliases.
static void fine_overlays_become_grey(void **state) {
    float grid[2 * SIDE * SIDE];
    (void)state;
    atl_image overlay = slope(256, 256, 255), picture = plain(32, 32, 0);
    for (int i = 0; i < 256 * 256; i++)
        memset(overlay.pixels + 4 * i, i % 2 ? 255 : 0, 3);
    fill_grid(IDENTITY, 0.0f, grid);
    ok(atl_overlay_lay(ctx, &overlay, grid, SIDE, 1.0, &picture));
    for (int y = 4; y < 28; y++)
        for (int x = 4; x < 28; x++)
            assert_true(abs(picture.pixels[3 * (32 * y + x)] - 128) <= 1);
    atl_image_clear(ctx, &picture);
    atl_image_clear(ctx, &overlay);
}

// What was drawn over a picture comes back to its place by way of the aligned one.
static void drawings_come_back(void **state) {
    static const float m[6] = { 0.7f, -0.2f, 0.1f, 0.2f, 0.7f, 0.05f };
    float grid[2 * SIDE * SIDE];
    int compared = 0;
    (void)state;
    atl_image drawn = slope(WIDTH, HEIGHT, 255), overlay, picture = plain(WIDTH, HEIGHT, 200);
    fill_grid(m, 0.05f, grid);
    ok(atl_overlay_lift(ctx, &drawn, grid, SIDE, 200, &overlay));
    assert_int_equal(overlay.width, 200);
    ok(atl_overlay_lay(ctx, &overlay, grid, SIDE, 1.0, &picture));
    for (int y = 20; y < 40; y++)
        for (int x = 35; x < 55; x++, compared++)
            for (int k = 0; k < 3; k++) // between two samplings
                assert_true(abs(picture.pixels[3 * (WIDTH * y + x) + k] - drawn.pixels[4 * (WIDTH * y + x) + k]) <= 2);
    assert_int_equal(compared, 400);
    atl_image_clear(ctx, &drawn);
    atl_image_clear(ctx, &picture);
    atl_image_clear(ctx, &overlay);
}

static void wild_grids_do_no_harm(void **state) {
    float grid[2 * SIDE * SIDE];
    const float values[] = { NAN, INFINITY, -1e30f, 1e30f, 3e38f, 0.0f };
    (void)state;
    atl_image overlay = slope(5, 3, 255), picture = plain(7, 9, 200), lifted;
    for (int i = 0; i < 2 * SIDE * SIDE; i++)
        grid[i] = values[i * 7 % 6];
    ok(atl_overlay_lay(ctx, &overlay, grid, SIDE, 1.0, &picture));
    ok(atl_overlay_lift(ctx, &overlay, grid, SIDE, 9, &lifted));
    ok(atl_overlay_lay(ctx, &overlay, grid, 1, 1.0, &picture));
    atl_image_clear(ctx, &lifted);
    refused(atl_overlay_lay(ctx, &picture, grid, SIDE, 1.0, &picture), "4 channels");
    refused(atl_overlay_lay(ctx, &overlay, grid, SIDE, 1.0, &overlay), "3 channels, not of 4");
    refused(atl_overlay_lay(ctx, &overlay, grid, 0, 1.0, &picture), "grid of 0");
    refused(atl_overlay_lay(ctx, &overlay, grid, SIDE, NAN, &picture), "opacity");
    refused(atl_overlay_lift(ctx, &overlay, grid, SIDE, 0, &lifted), "overlay of 0");
    atl_image_clear(ctx, &picture);
    atl_image_clear(ctx, &overlay);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_identity_lays_each_pixel_on_its_own), cmocka_unit_test(maps_are_undone),
        cmocka_unit_test(bent_grids_have_no_holes),                cmocka_unit_test(fine_overlays_become_grey),
        cmocka_unit_test(drawings_come_back),                      cmocka_unit_test(wild_grids_do_no_harm),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
