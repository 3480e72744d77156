// SPDX-License-Identifier: Apache-2.0
// Pictures: round trips, other people's variants, hostile files.
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
#include <atelier/image.h>

static char folder[] = "/tmp/atl-image-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *picture(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/pictures/%s", getenv("ATL_TEST_DATA"), name);
    return path;
}

static int setup(void **state) {
    if (!mkdtemp(folder))
        return -1;
    return atl_ctx_open((atl_ctx **)state, NULL) != ATL_OK;
}

static int teardown(void **state) {
    atl_ctx *ctx = *state;
    atl_ctx_close(&ctx);
    return rmdir(folder); // fails when a test left something behind
}

static int clear_message(void **state) {
    atl_message_clear(*state);
    return 0;
}

// A smooth picture, so that lossy formats can keep it.
static void fill(atl_image *image) {
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < image->channels; c++)
                image->pixels[(y * image->width + x) * image->channels + c] =
                    (uint8_t)(40 + 3 * x + 2 * y + 20 * c);
}

static size_t bytes_of(const atl_image *image) {
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

static void png_keeps_every_pixel(void **state) {
    atl_ctx *ctx = *state;
    for (int channels = 1; channels <= 4; channels++) {
        atl_image a, b;
        assert_int_equal(atl_image_init(ctx, 37, 21, channels, &a), ATL_OK);
        fill(&a);
        assert_int_equal(atl_image_write(ctx, in_folder("a.png"), "png", &a, 0, NULL, 0), ATL_OK);
        assert_int_equal(atl_image_read(ctx, in_folder("a.png"), &b), ATL_OK);
        assert_int_equal(b.width, 37);
        assert_int_equal(b.height, 21);
        assert_int_equal(b.channels, channels);
        assert_memory_equal(a.pixels, b.pixels, bytes_of(&a));
        atl_image_clear(ctx, &a);
        atl_image_clear(ctx, &b);
        assert_null(a.pixels);
        unlink(in_folder("a.png"));
    }
}

// Largest difference after a round trip through `format`.
static int worst(atl_ctx *ctx, const char *format, int channels, int expected_channels, int quality) {
    atl_image a, b;
    int largest = 0;
    assert_int_equal(atl_image_init(ctx, 40, 24, channels, &a), ATL_OK);
    fill(&a);
    assert_int_equal(atl_image_write(ctx, in_folder("a"), format, &a, quality, NULL, 0), ATL_OK);
    assert_int_equal(atl_image_read(ctx, in_folder("a"), &b), ATL_OK);
    assert_int_equal(b.width, 40);
    assert_int_equal(b.height, 24);
    assert_int_equal(b.channels, expected_channels);
    for (int i = 0; i < 40 * 24; i++)
        for (int c = 0; c < expected_channels; c++) {
            int from = channels < 3 ? (c < 3 ? 0 : 1) : c;
            int d = abs(a.pixels[i * channels + from] - b.pixels[i * expected_channels + c]);
            largest = d > largest ? d : largest;
        }
    atl_image_clear(ctx, &a);
    atl_image_clear(ctx, &b);
    unlink(in_folder("a"));
    return largest;
}

// Quantisation steps at quality 95 are up to 10; a smooth picture stays within half of that.
static void jpeg_stays_near(void **state) {
    assert_in_range(worst(*state, "jpg", 3, 3, 95), 0, 5);
    assert_in_range(worst(*state, "jpeg", 1, 1, 0), 0, 5);
    assert_true(worst(*state, "jpg", 3, 3, 5) > 5); // the quality has an effect
}

static void a_format_must_be_one_that_is_written(void **state) {
    atl_image a;
    assert_int_equal(atl_image_init(*state, 4, 4, 3, &a), ATL_OK);
    assert_int_equal(atl_image_write(*state, in_folder("a.png"), NULL, &a, 0, NULL, 0), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(*state), "a.png: no picture format is named"));
    atl_message_clear(*state);
    assert_int_equal(atl_image_write(*state, in_folder("a.gif"), "gif", &a, 0, NULL, 0), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(*state), "unknown picture format"));
    atl_message_clear(*state);
    atl_image_clear(*state, &a);
}

static void jpeg_refuses_transparency(void **state) {
    atl_image a;
    assert_int_equal(atl_image_init(*state, 4, 4, 4, &a), ATL_OK);
    assert_int_equal(atl_image_write(*state, in_folder("a.jpg"), "jpg", &a, 0, NULL, 0), ATL_BAD_ARGUMENT);
    assert_non_null(strstr(atl_message(*state), "transparency"));
    atl_image_clear(*state, &a);
}

static int has_webp(atl_ctx *ctx) {
    atl_image a;
    assert_int_equal(atl_image_init(ctx, 4, 4, 3, &a), ATL_OK);
    atl_status status = atl_image_write(ctx, in_folder("probe"), "webp", &a, 0, NULL, 0);
    atl_image_clear(ctx, &a);
    if (status == ATL_UNSUPPORTED)
        assert_non_null(strstr(atl_message(ctx), "WebP"));
    else
        unlink(in_folder("probe"));
    return status != ATL_UNSUPPORTED;
}

static void webp_lossless_and_lossy(void **state) {
    if (!has_webp(*state))
        skip();
    for (int channels = 1; channels <= 4; channels++)
        assert_int_equal(worst(*state, "webp", channels, channels < 3 ? channels + 2 : channels, 100), 0);
    // lossy WebP halves the colour resolution, and this picture's colours change by 5 per pixel
    assert_in_range(worst(*state, "webp", 3, 3, 95), 1, 12);
}

// Quality 100 is WebP's lossless form, and alpha makes an extended file of the lossy one.
static void text_survives(void **state) {
    static const atl_pair text[] = { { "other", "x" },
                                     { "atelier", "{\"psi\": 0.7, \"name\": \"\303\244 &amp; <b> ]]>\"}" } };
    static const char *const formats[] = { "png", "jpg", "webp", "webp", "webp" };
    static const int channels[] = { 3, 3, 3, 4, 1 }, quality[] = { 0, 0, 100, 0, 0 };
    int webp = has_webp(*state);
    for (int i = 0; i < (webp ? 5 : 2); i++) {
        char *value;
        atl_image a, b;
        assert_int_equal(atl_image_init(*state, 4, 6, channels[i], &a), ATL_OK);
        a.pixels[channels[i] - 1] = 7; // so that no alpha is left out as opaque
        assert_int_equal(atl_image_write(*state, in_folder("t"), formats[i], &a, quality[i], text, 2), ATL_OK);
        assert_int_equal(atl_image_text(*state, in_folder("t"), "atelier", &value), ATL_OK);
        assert_string_equal(value, text[1].value);
        atl_text_free(*state, value);
        assert_int_equal(atl_image_text(*state, in_folder("t"), "absent", &value), ATL_OK);
        assert_null(value);
        assert_int_equal(atl_image_read(*state, in_folder("t"), &b), ATL_OK);
        assert_int_equal(b.height, 6);
        assert_int_equal(b.channels, channels[i] == 1 ? 3 : channels[i]);
        atl_image_clear(*state, &a);
        atl_image_clear(*state, &b);
        unlink(in_folder("t"));
    }
}

static void text_after_the_pixels_is_found(void **state) {
    char *value;
    assert_int_equal(atl_image_text(*state, picture("text_after.png"), "atelier", &value), ATL_OK);
    assert_string_equal(value, "{\"a\":1}");
    atl_text_free(*state, value);
}

static void png_is_reproducible(void **state) {
    static const atl_pair text = { "atelier", "{}" };
    uint8_t bytes[2][4096];
    size_t size[2];
    atl_image a;
    assert_int_equal(atl_image_init(*state, 33, 9, 3, &a), ATL_OK);
    fill(&a);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(atl_image_write(*state, in_folder("r"), "png", &a, 0, &text, 1), ATL_OK);
        FILE *file = fopen(in_folder("r"), "rb");
        assert_non_null(file);
        size[i] = fread(bytes[i], 1, sizeof bytes[i], file);
        fclose(file);
        unlink(in_folder("r"));
    }
    assert_true(size[0] > 50 && size[0] < sizeof bytes[0]);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    atl_image_clear(*state, &a);
}

typedef struct variant {
    const char *name;
    int width, height, channels, x, y;
    uint8_t pixel[4]; // at (x, y)
    int tolerance;    // JPEG of one colour at quality 95: rounding of the colour transform
} variant;

static void variants_become_8_bit(void **state) {
    static const variant variants[] = {
        { "gray16.png", 4, 3, 1, 3, 2, { 220 }, 0 },
        { "gray1.png", 4, 3, 1, 2, 0, { 255 }, 0 },
        { "palette.png", 4, 3, 3, 3, 1, { 10, 20, 30 }, 0 },
        { "palette_alpha.png", 4, 3, 4, 1, 0, { 0, 255, 0, 128 }, 0 },
        { "interlaced.png", 8, 8, 1, 5, 3, { 83 }, 0 },
        { "gray.jpg", 16, 8, 1, 7, 7, { 77 }, 1 },
        { "progressive.jpg", 33, 17, 3, 32, 16, { 200, 100, 50 }, 2 },
        // ink is stored inverted: 55 * 200 / 255, 155 * 200 / 255, 255 * 200 / 255
        { "cmyk_adobe.jpg", 16, 8, 3, 0, 0, { 43, 122, 200 }, 2 },
    };
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        const variant *v = &variants[i];
        atl_image a;
        assert_int_equal(atl_image_read(*state, picture(v->name), &a), ATL_OK);
        assert_int_equal(a.width, v->width);
        assert_int_equal(a.height, v->height);
        assert_int_equal(a.channels, v->channels);
        for (int c = 0; c < v->channels; c++) {
            int d = abs(a.pixels[(v->y * a.width + v->x) * a.channels + c] - v->pixel[c]);
            assert_in_range(d, 0, v->tolerance);
        }
        atl_image_clear(*state, &a);
    }
}

static void hostile_files_are_refused(void **state) {
    static const char *const names[] = { "cut.png",  "bad_crc.png",
                                         "huge.png", "wider_than_allowed.png",
                                         "cut.jpg",  "chunk_beyond_file.png" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        atl_image a;
        atl_message_clear(*state);
        assert_int_equal(atl_image_read(*state, picture(names[i]), &a), ATL_BAD_FILE);
        assert_non_null(strstr(atl_message(*state), names[i]));
        assert_null(a.pixels);
    }
    atl_image a;
    atl_message_clear(*state);
    assert_int_equal(atl_image_read(*state, picture("absent.png"), &a), ATL_IO);
}

// Every prefix of a good file: an error or a whole picture, never anything else.
static void cut_files_are_refused(void **state) {
    static const char *const formats[] = { "png", "jpg", "webp" };
    static uint8_t bytes[20000];
    int webp = has_webp(*state);
    atl_image a, b;
    assert_int_equal(atl_image_init(*state, 24, 16, 3, &a), ATL_OK);
    fill(&a);
    for (int f = 0; f < 2 + webp; f++) {
        atl_message_clear(*state);
        assert_int_equal(atl_image_write(*state, in_folder("w"), formats[f], &a, 0, NULL, 0), ATL_OK);
        FILE *file = fopen(in_folder("w"), "rb");
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        assert_true(size > 30 && size < sizeof bytes);
        for (size_t cut = 0; cut + 2 < size; cut += 1 + size / 97) {
            file = fopen(in_folder("w"), "wb");
            fwrite(bytes, 1, cut, file);
            fclose(file);
            atl_message_clear(*state);
            assert_int_equal(atl_image_read(*state, in_folder("w"), &b), ATL_BAD_FILE);
            assert_null(b.pixels);
        }
        unlink(in_folder("w"));
    }
    atl_image_clear(*state, &a);
}

static void sizes_are_bounded(void **state) {
    atl_image a;
    assert_int_equal(atl_image_init(*state, 0, 1, 1, &a), ATL_BAD_ARGUMENT);
    assert_int_equal(atl_image_init(*state, 1, 32769, 1, &a), ATL_BAD_ARGUMENT);
    assert_int_equal(atl_image_init(*state, 1, 1, 5, &a), ATL_BAD_ARGUMENT);
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.memory_cap = 1000;
    atl_ctx *small;
    assert_int_equal(atl_ctx_open(&small, &options), ATL_OK);
    assert_int_equal(atl_image_init(small, 20, 20, 3, &a), ATL_NO_MEMORY);
    assert_int_equal(atl_image_init(small, 10, 10, 3, &a), ATL_OK);
    atl_image_clear(small, &a);
    atl_ctx_close(&small);
}

static void wrong_requests_are_refused(void **state) {
    atl_image a;
    assert_int_equal(atl_image_init(*state, 2, 2, 3, &a), ATL_OK);
    assert_int_equal(atl_image_write(*state, in_folder("a"), "bmp", &a, 0, NULL, 0), ATL_BAD_ARGUMENT);
    assert_int_equal(atl_image_write(*state, in_folder("a"), "png", &a, 101, NULL, 0), ATL_BAD_ARGUMENT);
    atl_message_clear(*state);
    assert_int_equal(atl_image_write(*state, in_folder("no/such/a"), "png", &a, 0, NULL, 0), ATL_IO);
    atl_image_clear(*state, &a);
}

static void floats_become_bytes_by_truncation(void **state) {
    // x * 127.5 + 128, truncated: 0.999 gives 255.37, 0.0039 gives 128.49, -0.00001 gives 127.998
    static const float x[] = {
        -1, 1, 0, 0.999f, 0.0039f, -0.00001f, -9, 9, NAN, INFINITY, -INFINITY, -1.0039f
    };
    static const uint8_t expected[] = { 0, 255, 128, 255, 128, 127, 0, 255, 0, 255, 0, 0 };
    atl_image a;
    assert_int_equal(atl_image_init(*state, 4, 3, 1, &a), ATL_OK);
    atl_image_from_float(x, &a);
    assert_memory_equal(a.pixels, expected, sizeof expected);
    atl_image_clear(*state, &a);
    assert_int_equal(atl_image_init(*state, 2, 2, 3, &a), ATL_OK);
    atl_image_from_float(x, &a); // planes [3, 2, 2] become pixels
    assert_int_equal(a.pixels[0], expected[0]);
    assert_int_equal(a.pixels[1], expected[4]);
    assert_int_equal(a.pixels[2], expected[8]);
    assert_int_equal(a.pixels[3], expected[1]);
    atl_image_clear(*state, &a);
}

static void paste_copies_a_tile_that_fits(void **state) {
    atl_image sheet, tile;
    assert_int_equal(atl_image_init(*state, 5, 4, 1, &sheet), ATL_OK);
    assert_int_equal(atl_image_init(*state, 2, 2, 1, &tile), ATL_OK);
    memset(tile.pixels, 9, 4);
    atl_image_paste(&sheet, &tile, 3, 2);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 5; x++)
            assert_int_equal(sheet.pixels[y * 5 + x], x >= 3 && y >= 2 ? 9 : 0);
    memset(tile.pixels, 7, 4);
    atl_image_paste(&sheet, &tile, 4, 0); // would lie outside: nothing happens
    atl_image_paste(&sheet, &tile, -1, 0);
    for (int i = 0; i < 20; i++)
        assert_true(sheet.pixels[i] != 7);
    atl_image_clear(*state, &sheet);
    atl_image_clear(*state, &tile);
}

#define TEST(f) cmocka_unit_test_setup(f, clear_message)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(png_keeps_every_pixel),
        TEST(jpeg_stays_near),
        TEST(a_format_must_be_one_that_is_written),
        TEST(jpeg_refuses_transparency),
        TEST(webp_lossless_and_lossy),
        TEST(text_survives),
        TEST(text_after_the_pixels_is_found),
        TEST(png_is_reproducible),
        TEST(variants_become_8_bit),
        TEST(hostile_files_are_refused),
        TEST(cut_files_are_refused),
        TEST(sizes_are_bounded),
        TEST(wrong_requests_are_refused),
        TEST(floats_become_bytes_by_truncation),
        TEST(paste_copies_a_tile_that_fits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
