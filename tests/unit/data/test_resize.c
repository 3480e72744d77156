// SPDX-License-Identifier: Apache-2.0
// Resizing against values that Pillow 9.4 gives, and against arithmetic by hand.
#include "check.h"
#include "data/resize.h"

static void resized(place *p, const uint8_t *pixels, int w, int h, int c, int to_w, int to_h,
                    atl_resize filter, const uint8_t *want) {
    atl_image from = { w, h, c, (uint8_t *)pixels }, to;
    assert_ok(p, atl_image_resize(p->ctx, &from, to_w, to_h, filter, &to));
    assert_int_equal(to.width, to_w);
    assert_int_equal(to.height, to_h);
    assert_memory_equal(to.pixels, want, (size_t)(to_w * to_h * c));
    atl_image_clear(p->ctx, &to);
}

static const uint8_t row[8] = { 0, 1, 2, 4, 10, 13, 250, 255 };

static void box_is_the_mean_rounded_half_up(void **state) {
    resized(*state, row, 8, 1, 1, 4, 1, ATL_RESIZE_BOX, (const uint8_t[]){ 1, 3, 12, 253 });
    resized(*state, row, 1, 8, 1, 1, 4, ATL_RESIZE_BOX, (const uint8_t[]){ 1, 3, 12, 253 });
}

static void odd_ratios_are_pillows(void **state) {
    resized(*state, row, 8, 1, 1, 3, 1, ATL_RESIZE_BOX, (const uint8_t[]){ 1, 7, 173 });
    resized(*state, row, 8, 1, 1, 3, 1, ATL_RESIZE_LANCZOS, (const uint8_t[]){ 2, 0, 189 });
}

static void lanczos_of_an_impulse(void **state) {
    uint8_t impulse[81] = { 0 }, small[25] = { 0 };
    impulse[40] = 255;
    small[12] = 80;
    resized(*state, impulse, 9, 9, 1, 5, 5, ATL_RESIZE_LANCZOS, small);
    static const uint8_t wide[18] = { 0, 0, 0, 2, 8, 0, 0, 69, 228, 228, 69, 0, 0, 8, 2, 0, 0, 0 };
    resized(*state, impulse + 36, 9, 1, 1, 18, 1, ATL_RESIZE_LANCZOS, wide);
}

// 3 pixels to 2: each new pixel covers one and a half.  (0 + 90 / 2) / 1.5 = 30, (90 / 2 + 240) / 1.5 = 190
static void area_weighs_by_cover(void **state) {
    resized(*state, (const uint8_t[]){ 0, 90, 240 }, 3, 1, 1, 2, 1, ATL_RESIZE_AREA,
            (const uint8_t[]){ 30, 190 });
}

static void constant_stays_constant(void **state) {
    uint8_t from[37 * 23 * 3], want[64 * 16 * 3];
    for (int value = 0; value < 256; value += 51)
        for (int filter = ATL_RESIZE_LANCZOS; filter <= ATL_RESIZE_BICUBIC; filter++) {
            memset(from, value, sizeof from);
            memset(want, value, sizeof want);
            resized(*state, from, 37, 23, 3, 64, 16, (atl_resize)filter, want);
            resized(*state, from, 37, 23, 3, 5, 7, (atl_resize)filter, want);
        }
}

static void same_size_is_a_copy(void **state) {
    resized(*state, row, 2, 4, 1, 2, 4, ATL_RESIZE_LANCZOS, row);
}

static void channels_keep_apart(void **state) {
    static const uint8_t rgb[6] = { 0, 100, 200, 2, 102, 202 }, want[3] = { 1, 101, 201 };
    resized(*state, rgb, 2, 1, 3, 1, 1, ATL_RESIZE_BOX, want);
}

static void crop_takes_the_rectangle(void **state) {
    place *p = *state;
    atl_image from = { 4, 2, 1, (uint8_t *)row }, to;
    assert_ok(p, atl_image_crop(p->ctx, &from, 1, 0, 2, 2, &to));
    assert_memory_equal(to.pixels, ((const uint8_t[]){ 1, 2, 13, 250 }), 4);
    atl_image_clear(p->ctx, &to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(box_is_the_mean_rounded_half_up),
        TEST(odd_ratios_are_pillows),
        TEST(lanczos_of_an_impulse),
        TEST(area_weighs_by_cover),
        TEST(constant_stays_constant),
        TEST(same_size_is_a_copy),
        TEST(channels_keep_apart),
        TEST(crop_takes_the_rectangle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
