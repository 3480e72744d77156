// SPDX-License-Identifier: Apache-2.0
// Video files read: frames in their order, of their colours and size, turned as the file says; what is no video,
// or names other files, is refused.
#include "check.h"

#include <math.h>

enum { FRAMES = 7, WIDTH = 48, HEIGHT = 32, STEPS = 6 }; // of 8 bits, by which lossy YUV may be off

static void say(const char *what) {
    fail_msg("%s: %s", what, atl_message(ctx));
}

// A quarter of each frame is bright: the upper left one.  The others get brighter from frame to frame.
static uint8_t shade(int frame, int x, int y) {
    return (uint8_t)(x < WIDTH / 2 && y < HEIGHT / 2 ? 220 : 20 + 20 * frame);
}

static void write_frames(const char *name) {
    atl_video_options o = sized(WIDTH, HEIGHT);
    atl_video *video;
    atl_image image;
    o.fps = 25;
    o.quality = 95;
    if (atl_video_open(ctx, file_in(name), &o, &video) != ATL_OK)
        say(name);
    assert_int_equal(atl_image_init(ctx, WIDTH, HEIGHT, 3, &image), ATL_OK);
    for (int i = 0; i < FRAMES; i++) {
        for (int p = 0; p < WIDTH * HEIGHT * 3; p++)
            image.pixels[p] = shade(i, p / 3 % WIDTH, p / 3 / WIDTH);
        assert_int_equal(atl_video_write(video, &image), ATL_OK);
    }
    atl_image_clear(ctx, &image);
    if (atl_video_finish(&video) != ATL_OK)
        say(name);
}

// The mean of the middle of a quarter of the picture.
static double quarter(const atl_image *image, int right, int low) {
    int w = image->width / 2, h = image->height / 2;
    double sum = 0;
    for (int y = 4; y < h - 4; y++)
        for (int x = 4; x < w - 4; x++)
            sum += image->pixels[((y + low * h) * image->width + x + right * w) * 3 + 1];
    return sum / ((w - 8) * (h - 8));
}

// All frames, the bright quarter of which is the right or low one.
static void read_frames(const char *name, int width, int height, int right, int low) {
    atl_video_reader *reader;
    atl_image image;
    if (atl_video_reader_open(ctx, file_in(name), &reader) != ATL_OK)
        say(name);
    const atl_video_info *info = atl_video_reader_get_info(reader);
    assert_int_equal(info->width, width);
    assert_int_equal(info->height, height);
    assert_true(fabs(info->fps - 25.0) < 1e-3);
    assert_int_equal(info->frames, FRAMES);
    for (int i = 0; i < FRAMES; i++) {
        if (atl_video_reader_next(reader, &image) != ATL_OK)
            say(name);
        assert_non_null(image.pixels);
        assert_int_equal(image.width, width);
        assert_int_equal(image.height, height);
        assert_int_equal(image.channels, 3);
        assert_true(fabs(quarter(&image, right, low) - 220) <= STEPS);
        assert_true(fabs(quarter(&image, !right, !low) - (20 + 20 * i)) <= STEPS);
        atl_image_clear(ctx, &image);
    }
    for (int i = 0; i < 2; i++) { // the end stays the end
        assert_int_equal(atl_video_reader_next(reader, &image), ATL_OK);
        assert_null(image.pixels);
    }
    atl_video_reader_close(&reader);
    assert_null(reader);
}

static void frames_come_back(void **state) {
    (void)state;
    static const char *const names[] = { "a.mp4", "a.y4m", "a.gif", "a:b.mp4" };
    char formats[300];
    atl_video_formats(formats, sizeof formats);
    if (!strstr(formats, "mp4"))
        skip();
    for (int i = 0; i < 4; i++) {
        write_frames(names[i]);
        read_frames(names[i], WIDTH, HEIGHT, 0, 0);
        assert_int_equal(sweep(), 1);
    }
}

static void put(uint8_t *p, int32_t v) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)((uint32_t)v >> (24 - 8 * i));
}

// The matrix of the track's header (tkhd, version 0), as phones write it: 16.16 but for its last column.
static void set_matrix(const char *name, const int32_t m[4]) {
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(file_in(name), "r+b");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f), at = 0;
    while (at + 80 < size && memcmp(bytes + at, "tkhd", 4) != 0)
        at++;
    assert_true(at + 80 < size && bytes[at + 4] == 0);
    uint8_t *matrix = bytes + at + 4 + 40;
    assert_int_equal(matrix[0] << 8 | matrix[1], 1); // the identity
    put(matrix, m[0]);
    put(matrix + 4, m[1]);
    put(matrix + 12, m[2]);
    put(matrix + 16, m[3]);
    rewind(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void turned_frames_are_turned(void **state) {
    (void)state;
    enum { ONE = 1 << 16 };
    static const struct {
        int32_t m[4];
        int lies, right, low; // where the bright quarter is shown
    } cases[] = { { { 0, ONE, -ONE, 0 }, 1, 1, 0 },  // to the right: x down, y to the left
                  { { -ONE, 0, 0, -ONE }, 0, 1, 1 }, // upside down
                  { { 0, -ONE, ONE, 0 }, 1, 0, 1 },  // to the left
                  { { -ONE, 0, 0, ONE }, 0, 1, 0 } };
    char formats[300];
    atl_video_formats(formats, sizeof formats);
    if (!strstr(formats, "mp4"))
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_frames("a.mp4");
        set_matrix("a.mp4", cases[i].m);
        read_frames("a.mp4", cases[i].lies ? HEIGHT : WIDTH, cases[i].lies ? WIDTH : HEIGHT, cases[i].right,
                    cases[i].low);
    }
    write_frames("a.mp4");
    set_matrix("a.mp4", (const int32_t[]){ 46341, 46341, -46341, 46341 });
    atl_video_reader *reader;
    assert_int_equal(atl_video_reader_open(ctx, file_in("a.mp4"), &reader), ATL_UNSUPPORTED);
    assert_null(reader);
    assert_non_null(strstr(atl_message(ctx), "turned by an angle"));
    atl_message_clear(ctx);
    sweep();
}

static void write_text(const char *name, const char *text) {
    FILE *f = fopen(file_in(name), "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void what_is_no_video_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
    } cases[] = { { "a.mp4", "no video at all\n" },
                  { "a.mkv", "" },
                  { "list.ffconcat", "ffconcat version 1.0\nfile 'a.mp4'\n" }, // names other files
                  { "a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\na.mp4\n" } };
    atl_video_reader *reader;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text(cases[i].name, cases[i].text);
        assert_int_equal(atl_video_reader_open(ctx, file_in(cases[i].name), &reader), ATL_BAD_FILE);
        assert_null(reader);
        assert_non_null(strstr(atl_message(ctx), "is no video that FFmpeg reads"));
        atl_message_clear(ctx);
        assert_int_equal(sweep(), 1);
    }
    assert_int_equal(atl_video_reader_open(ctx, file_in("nowhere.mp4"), &reader), ATL_IO);
    assert_non_null(strstr(atl_message(ctx), "nowhere.mp4"));
    atl_message_clear(ctx);
    atl_video_reader_close(&reader);
    atl_video_reader_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(frames_come_back),
                                        cmocka_unit_test(turned_frames_are_turned),
                                        cmocka_unit_test(what_is_no_video_is_refused) };
    return cmocka_run_group_tests(tests, open_tests, close_tests);
}
