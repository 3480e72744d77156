// SPDX-License-Identifier: Apache-2.0
// GIF, TIFF and BMP to the byte, from the files that the fuzzers begin with; large PNGs there and back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <atelier/image.h>

#include "io/image_format.h"

typedef struct expected {
    const char *file;
    int width, height, channels;
    uint8_t pixels[72];
} expected;

// Within one level: what is transparent goes through a product with its alpha.
static void are(const expected *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const expected *e = &list[i];
        char path[1024];
        atl_ctx *ctx;
        atl_image image;
        snprintf(path, sizeof path, "%s/../fuzz/corpus/%s", getenv("ATL_TEST_DATA"), e->file);
        assert_int_equal(atl_ctx_open(&ctx, NULL), ATL_OK);
        if (atl_image_read(ctx, path, &image) != ATL_OK)
            fail_msg("%s", atl_message(ctx));
        if (image.width != e->width || image.height != e->height || image.channels != e->channels)
            fail_msg("%s: %dx%dx%d", e->file, image.width, image.height, image.channels);
        int bound = e->channels == 4 ? 1 : 0;
        for (int k = 0; k < e->width * e->height * e->channels; k++)
            if (abs(image.pixels[k] - e->pixels[k]) > bound)
                fail_msg("%s: byte %d is %d, not %d", e->file, k, image.pixels[k], e->pixels[k]);
        atl_image_clear(ctx, &image);
        atl_ctx_close(&ctx);
    }
}

static void bmp_is_read(void **state) {
    (void)state;
    static const expected list[] = {
        { "bmp/rgb24", 3, 2, 3, { 11, 10, 9, 14, 13, 12, 17, 16, 15, 2, 1, 0, 5, 4, 3, 8, 7, 6 } },
        { "bmp/top_down", 3, 2, 3, { 2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9, 14, 13, 12, 17, 16, 15 } },
        { "bmp/gray8", 5, 3, 1, { 10, 11, 12, 13, 14, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4 } },
        { "bmp/palette4", 5, 2, 3, { 1, 239, 16, 2, 223, 32, 3, 207, 48, 4, 191, 64, 5, 175, 80,
                                     1, 239, 16, 2, 223, 32, 3, 207, 48, 4, 191, 64, 5, 175, 80 } },
        { "bmp/one_bit", 10, 2, 1, { 255, 0, 255, 0, 0, 255, 0, 255, 0, 255,
                                     255, 0, 255, 0, 0, 255, 0, 255, 0, 255 } },
        { "bmp/rgb555", 2, 2, 3, { 255, 255, 255, 0, 0, 255, 255, 255, 255, 0, 0, 255 } },
        { "bmp/rgb565", 2, 2, 3, { 255, 255, 255, 0, 255, 0, 255, 255, 255, 0, 255, 0 } },
        { "bmp/alpha", 1, 2, 4, { 7, 6, 5, 255, 3, 2, 1, 4 } },
        { "bmp/rle8", 4, 2, 1, { 1, 2, 3, 0, 7, 7, 7, 0 } },
        { "bmp/rle4", 5, 2, 3, { 1, 239, 16, 2, 223, 32, 3, 207, 48, 4, 191, 64, 5, 175, 80,
                                 1, 239, 16, 2, 223, 32, 1, 239, 16, 2, 223, 32, 1, 239, 16 } },
        { "bmp/os2", 2, 2, 3, { 3, 2, 1, 6, 4, 2, 3, 2, 1, 6, 4, 2 } },
        { "bmp/few_colors", 3, 1, 3, { 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
    };
    are(list, sizeof list / sizeof *list);
}

#ifdef ATL_HAVE_GIF
static void gif_is_read(void **state) {
    (void)state;
    static const expected list[] = {
        { "gif/plain", 3, 2, 3, { 255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 0, 0, 255, 0, 255, 0 } },
        { "gif/clear_and_comment", 3, 2, 4, { 255, 0,  0,  255, 0, 255, 0,   255, 0, 0,   255, 0,
                                              10,  20, 30, 255, 0, 0,   255, 0,   0, 255, 0,   255 } },
        { "gif/offset_frame", 4, 4, 4, { [36] = 255, 0, 0, 255, 0, 255, 0, 255 } },
        { "gif/interlaced", 1, 5, 3, { 255, 0, 0, 10, 20, 30, 0, 0, 255, 255, 0, 0, 0, 255, 0 } },
        { "gif/two_frames", 1, 1, 3, { 0, 255, 0 } },
    };
    are(list, sizeof list / sizeof *list);
}
#endif

#ifdef ATL_HAVE_TIFF
static void tiff_is_read(void **state) {
    (void)state;
#define RAMP 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
    static const expected list[] = {
        { "tiff/rgb", 3, 2, 3, { RAMP } },
        { "tiff/rgb_big_endian", 3, 2, 3, { RAMP } },
        { "tiff/deflate", 3, 2, 3, { RAMP } },
        { "tiff/turned", 3, 2, 3, { RAMP } }, // as it is stored
        { "tiff/gray16", 3, 2, 1, { 0, 1, 2, 128, 254, 255 } },
        { "tiff/white_is_zero", 8, 1, 1, { 0, 255, 0, 255, 255, 0, 255, 0 } },
        { "tiff/palette", 4, 1, 3, { 0, 40, 255, 10, 50, 0, 20, 60, 0, 30, 70, 0 } },
        { "tiff/alpha", 3, 1, 4, { 200, 100, 50, 255, 100, 50, 25, 128, 0, 0, 0, 0 } },
        { "tiff/cmyk", 1, 1, 3, { 239, 0, 119 } },
        { "tiff/planes", 2, 1, 3, { 1, 3, 5, 2, 4, 6 } },
        { "tiff/tiled", 17, 1, 3, { RAMP, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
                                    34,   35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 0,  1,  2 } },
    };
    are(list, sizeof list / sizeof *list);
}
#endif

// What to compress: noise, which grows, and a ramp, which nearly vanishes.
static void paint(atl_image *image, bool noise) {
    uint32_t seed = 1;
    size_t bytes = (size_t)image->width * (size_t)image->height * (size_t)image->channels;
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525u + 1013904223u;
        image->pixels[i] = (uint8_t)(noise ? seed >> 24 : i / 1000);
    }
}

static atl_ctx *with_threads(int threads) {
    atl_ctx *ctx;
    atl_ctx_options o = ATL_CTX_OPTIONS_INIT;
    o.threads = threads;
    assert_int_equal(atl_ctx_open(&ctx, &o), ATL_OK);
    return ctx;
}

// Pictures that are compressed in bands: the same file for any number of threads, and the same pixels again.
static void large_png_comes_back(void **state) {
    (void)state;
    static const int sizes[][3] = { { 1024, 512, 1 }, { 701, 403, 2 }, { 1024, 1024, 3 }, { 32768, 5, 4 } };
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        const int *s = sizes[i / 2];
        atl_image_bytes file[2] = { { 0 } };
        atl_image image, again;
        atl_ctx *ctx[2] = { with_threads(1), with_threads(3) };
        assert_int_equal(atl_image_init(ctx[0], s[0], s[1], s[2], &image), ATL_OK);
        paint(&image, i % 2);
        for (int k = 0; k < 2; k++) {
            atl_image_job job = { "a picture", &image, 0, NULL, 0, &file[k] };
            if (atl_image_png.write(ctx[k], &job) != ATL_OK)
                fail_msg("%s", atl_message(ctx[k]));
        }
        assert_int_equal(file[0].size, file[1].size);
        assert_memory_equal(file[0].data, file[1].data, file[0].size);
        atl_image_source source = { "a picture", file[0].data, file[0].size };
        if (atl_image_decode(ctx[0], &source, &again) != ATL_OK)
            fail_msg("%s", atl_message(ctx[0]));
        assert_int_equal(again.channels, s[2]);
        assert_memory_equal(again.pixels, image.pixels, (size_t)s[0] * (size_t)s[1] * (size_t)s[2]);
        atl_image_clear(ctx[0], &again);
        atl_image_clear(ctx[0], &image);
        for (int k = 0; k < 2; k++) {
            free(file[k].data);
            atl_ctx_close(&ctx[k]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bmp_is_read),
        cmocka_unit_test(large_png_comes_back),
#ifdef ATL_HAVE_GIF
        cmocka_unit_test(gif_is_read),
#endif
#ifdef ATL_HAVE_TIFF
        cmocka_unit_test(tiff_is_read),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
