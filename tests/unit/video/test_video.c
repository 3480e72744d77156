// SPDX-License-Identifier: Apache-2.0
// Videos without FFmpeg: what is refused and when, what is left behind, y4m and png byte by byte.
#include <fcntl.h>
#include <sys/resource.h>
#include "check.h"

// A file's bytes by malloc; *size is how many.
static uint8_t *slurp(const char *path, size_t *size) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *bytes = malloc(1 << 20);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

static atl_video *must_open(const char *path, const atl_video_options *o) {
    atl_video *video;
    assert_int_equal(atl_video_open(ctx, path, o, &video), ATL_OK);
    assert_non_null(video);
    return video;
}

// Fails with this status, a sentence that contains `part`, no video and no file.
static void must_refuse(const char *path, const atl_video_options *o, atl_status status, const char *part) {
    atl_video *video = (atl_video *)1;
    assert_int_equal(atl_video_open(ctx, path, o, &video), status);
    assert_null(video);
    if (!strstr(atl_message(ctx), part))
        fail_msg("\"%s\" is not in: %s", part, atl_message(ctx));
    atl_message_clear(ctx);
    assert_int_equal(sweep(), 0);
}

#ifdef ATL_HAVE_VIDEO
// Before any other test loads them: no file can be opened, so none of FFmpeg's libraries is found.
static void missing_ffmpeg_is_told(void **state) {
    (void)state;
    atl_video_options o = sized(8, 8);
    atl_video *video;
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    atl_status status = atl_video_open(ctx, file_in("a.mp4"), &o, &video);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, ATL_UNSUPPORTED);
    assert_null(video);
    assert_non_null(strstr(atl_message(ctx), "a.mp4: FFmpeg can't be loaded (libavutil."));
    atl_message_clear(ctx);
    assert_int_equal(sweep(), 0);
}
#endif

static void wrong_options_are_refused(void **state) {
    (void)state;
    atl_video_options good = sized(8, 8), o = good;
    must_refuse(file_in("a.avi"), &o, ATL_BAD_ARGUMENT, "choose one, or a format: mp4, webm");
    must_refuse(file_in("noending"), &o, ATL_BAD_ARGUMENT, "y4m");
    must_refuse(file_in("a.mp4/"), &o, ATL_BAD_ARGUMENT, "ending");
    o.format = "avi";
    must_refuse(file_in("a.y4m"), &o, ATL_BAD_ARGUMENT, "unknown video format \"avi\"");
    o = sized(0, 8);
    must_refuse(file_in("a.y4m"), &o, ATL_BAD_ARGUMENT, "0x8");
    o = sized(8, 16385);
    must_refuse(file_in("a.y4m"), &o, ATL_BAD_ARGUMENT, "16384");
    o = good;
    o.fps = 1001;
    must_refuse(file_in("a.y4m"), &o, ATL_BAD_ARGUMENT, "1 to 1000");
    o.fps = 60;
    must_refuse(file_in("a.gif"), &o, ATL_BAD_ARGUMENT, "1 to 50");
    o = good;
    o.quality = 101;
    must_refuse(file_in("a.y4m"), &o, ATL_BAD_ARGUMENT, "quality 101");
    o = good;
    o.codec = "h264";
    must_refuse(file_in("a.y4m"), &o, ATL_BAD_ARGUMENT, "y4m has one codec");
    o = good;
    o.format = "mp4";
    must_refuse("-", &o, ATL_BAD_ARGUMENT, "standard output");
    o = good;
    o.size = 4;
    must_refuse(file_in("a.y4m"), &o, ATL_BAD_ARGUMENT, "atl_video_options: size is 4");
}

static void what_cannot_be_written_fails_when_opened(void **state) {
    (void)state;
    atl_video_options o = sized(8, 8);
    must_refuse(file_in("missing/a.y4m"), &o, ATL_IO, "missing/a.y4m: can't be written: No such file");
    char text[300];
    atl_video_formats(text, sizeof text);
    if (strstr(text, "mp4")) {
        must_refuse(file_in("missing/a.mp4"), &o, ATL_IO, "missing/a.mp4: can't be written: No such file");
        o.codec = "nonsense";
        must_refuse(file_in("a.mp4"), &o, ATL_UNSUPPORTED, "no codec \"nonsense\" for mp4 here; this FFmpeg has ");
    } else {
        must_refuse(file_in("a.mp4"), &o, ATL_UNSUPPORTED, "libavformat-dev");
    }
}

static void y4m_holds_the_frames(void **state) {
    (void)state;
    static const uint8_t white_red_blue_green[12] = { 255, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0 };
    // ITU-R BT.601, limited range
    static const uint8_t expected[12] = { 235, 81, 41, 145, 128, 90, 240, 54, 128, 240, 110, 34 };
    static const char head[] = "YUV4MPEG2 W2 H2 F25:1 Ip A1:1 C444 XCOLORRANGE=LIMITED\nFRAME\n";
    atl_video_options o = sized(2, 2);
    o.fps = 25;
    atl_video *video = must_open(file_in("a.y4m"), &o);
    atl_image frame = { 2, 2, 3, (uint8_t *)white_red_blue_green };
    for (int i = 0; i < 9; i++) // more than the queue holds
        assert_int_equal(atl_video_write(video, &frame), ATL_OK);
    assert_int_equal(access(file_in("a.y4m"), F_OK), -1); // not before it is finished
    assert_int_equal(atl_video_finish(&video), ATL_OK);
    assert_null(video);
    size_t size, length = sizeof head - 1;
    uint8_t *bytes = slurp(file_in("a.y4m"), &size);
    assert_int_equal(size, length + 12 + 8 * (6 + 12));
    assert_memory_equal(bytes, head, length);
    assert_memory_equal(bytes + length, expected, 12);
    assert_memory_equal(bytes + size - 12, expected, 12);
    free(bytes);
    assert_int_equal(sweep(), 1);
}

static void hear(void *user, atl_log_level level, const char *line) {
    if (level == ATL_LOG_WARNING)
        snprintf(user, 300, "%s", line);
}

static void gray_and_alpha_become_rgb_on_white(void **state) {
    (void)state;
    uint8_t pixels[4][4] = { { 0 }, { 0, 0 }, { 255, 255, 255 }, { 0, 0, 0, 255 } };
    static const uint8_t luma[4] = { 16, 235, 235, 16 };
    atl_video_options o = sized(1, 1);
    atl_video *video = must_open(file_in("a.y4m"), &o);
    for (int c = 1; c <= 4; c++)
        assert_int_equal(atl_video_write(video, &(atl_image){ 1, 1, c, pixels[c - 1] }), ATL_OK);
    assert_int_equal(atl_video_finish(&video), ATL_OK);
    size_t size;
    uint8_t *bytes = slurp(file_in("a.y4m"), &size);
    for (size_t c = 0; c < 4; c++)
        assert_int_equal(bytes[size - (4 - c) * 9 + 6], luma[c]);
    free(bytes);
    sweep();
}

static void alpha_is_kept_by_png_and_told_of_elsewhere(void **state) {
    (void)state;
    uint8_t pixels[2][4] = { { 9, 100 }, { 1, 2, 3, 4 } }; // gray and alpha, then RGBA
    static const uint8_t kept[2][4] = { { 9, 9, 9, 100 }, { 1, 2, 3, 4 } };
    atl_video_options o = sized(1, 1);
    o.alpha = 1;
    o.format = "png";
    for (int i = 0; i < 2; i++) {
        atl_video *video = must_open(file_in("a.png"), &o);
        assert_int_equal(atl_video_write(video, &(atl_image){ 1, 1, i ? 4 : 2, pixels[i] }), ATL_OK);
        assert_int_equal(atl_video_finish(&video), ATL_OK);
        atl_image image;
        assert_int_equal(atl_image_read(ctx, file_in("a.png"), &image), ATL_OK);
        assert_int_equal(image.channels, 4);
        assert_memory_equal(image.pixels, kept[i], 4);
        atl_image_clear(ctx, &image);
    }
    sweep();
    char told[300] = "";
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    atl_ctx *listening;
    options.log = hear;
    options.log_user = told;
    assert_int_equal(atl_ctx_open(&listening, &options), ATL_OK);
    atl_video *video;
    o.format = "y4m";
    assert_int_equal(atl_video_open(listening, file_in("a.y4m"), &o, &video), ATL_OK);
    assert_non_null(strstr(told, "a.y4m: y4m keeps no transparency"));
    atl_video_abort(&video);
    atl_ctx_close(&listening);
}

static void png_holds_pictures_one_after_the_other(void **state) {
    (void)state;
    uint8_t pixels[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
    atl_video_options o = sized(1, 1);
    o.format = "png";
    atl_video *video = must_open(file_in("a.pngs"), &o);
    for (int i = 0; i < 2; i++)
        assert_int_equal(atl_video_write(video, &(atl_image){ 1, 1, 3, pixels[i] }), ATL_OK);
    assert_int_equal(atl_video_finish(&video), ATL_OK);
    size_t size, second = 8;
    uint8_t *bytes = slurp(file_in("a.pngs"), &size);
    while (second + 8 < size && memcmp(bytes + second, bytes, 8) != 0)
        second++;
    assert_true(second + 8 < size);
    for (int i = 0; i < 2; i++) { // each part alone is a picture
        FILE *part = fopen(file_in("part.png"), "wb");
        assert_non_null(part);
        fwrite(bytes + (i ? second : 0), 1, i ? size - second : second, part);
        fclose(part);
        atl_image image;
        assert_int_equal(atl_image_read(ctx, file_in("part.png"), &image), ATL_OK);
        assert_memory_equal(image.pixels, pixels[i], 3);
        atl_image_clear(ctx, &image);
    }
    free(bytes);
    sweep();
}

static void abort_leaves_nothing(void **state) {
    (void)state;
    uint8_t pixel[3] = { 9, 9, 9 };
    static const char *const names[] = { "a.y4m", "a.mp4", "a.gif", "a.webp" };
    for (int i = 0; i < 4; i++) {
        atl_video_options o = sized(1, 1);
        atl_video *video;
        if (atl_video_open(ctx, file_in(names[i]), &o, &video) == ATL_OK) {
            assert_int_equal(atl_video_write(video, &(atl_image){ 1, 1, 3, pixel }), ATL_OK);
            atl_video_abort(&video);
        }
        assert_null(video);
        atl_video_abort(&video);
        assert_int_equal(sweep(), 0);
        atl_message_clear(ctx);
    }
}

static void an_older_file_stays_until_the_new_one_is_whole(void **state) {
    (void)state;
    uint8_t pixel[3] = { 9, 9, 9 };
    FILE *old = fopen(file_in("a.y4m"), "wb");
    assert_non_null(old);
    fputs("old", old);
    fclose(old);
    atl_video_options o = sized(1, 1);
    atl_video *video = must_open(file_in("a.y4m"), &o);
    assert_int_equal(atl_video_write(video, &(atl_image){ 1, 1, 3, pixel }), ATL_OK);
    atl_video_abort(&video);
    size_t size;
    uint8_t *bytes = slurp(file_in("a.y4m"), &size);
    assert_int_equal(size, 3);
    free(bytes);
    assert_int_equal(sweep(), 1);
}

static void a_video_needs_a_frame_and_each_its_size(void **state) {
    (void)state;
    uint8_t pixels[6] = { 0 };
    atl_video_options o = sized(1, 1);
    atl_video *video = must_open(file_in("a.y4m"), &o);
    assert_int_equal(atl_video_write(video, &(atl_image){ 2, 1, 3, pixels }), ATL_BAD_ARGUMENT);
    assert_string_equal(atl_message(ctx),
                        "a frame of 2x1 pixels and 3 channels for a video of 1x1; they must agree");
    atl_message_clear(ctx);
    assert_int_equal(atl_video_finish(&video), ATL_BAD_ARGUMENT);
    assert_null(video);
    assert_int_equal(sweep(), 0);
    atl_message_clear(ctx);
}

// Standard output becomes `path` until the returned descriptor is put back.
static int redirect(const char *path) {
    fflush(stdout);
    int kept = dup(STDOUT_FILENO), file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    close(file);
    return kept;
}

static void put_back(int kept) {
    dup2(kept, STDOUT_FILENO);
    close(kept);
}

static void standard_output_takes_y4m(void **state) {
    (void)state;
    uint8_t pixel[3] = { 9, 9, 9 };
    atl_video_options o = sized(1, 1);
    atl_video *video;
    int kept = redirect(file_in("out"));
    atl_status opened = atl_video_open(ctx, "-", &o, &video), written = ATL_OK, finished = ATL_OK;
    if (opened == ATL_OK) {
        written = atl_video_write(video, &(atl_image){ 1, 1, 3, pixel });
        finished = atl_video_finish(&video);
    }
    put_back(kept);
    assert_int_equal(opened, ATL_OK);
    assert_int_equal(written, ATL_OK);
    assert_int_equal(finished, ATL_OK);
    size_t size;
    uint8_t *bytes = slurp(file_in("out"), &size);
    assert_true(size > 9 && !memcmp(bytes, "YUV4MPEG2", 9) && !memcmp(bytes + size - 9, "FRAME\n", 6));
    free(bytes);
    sweep();
}

static void a_failure_of_the_thread_is_reported(void **state) {
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    uint8_t pixel[3] = { 9, 9, 9 };
    atl_video_options o = sized(1, 1);
    o.format = "png"; // has no header: the first write is the thread's
    atl_video *video;
    int kept = redirect("/dev/full"), tries = 0;
    atl_status opened = atl_video_open(ctx, "-", &o, &video), status = opened;
    while (status == ATL_OK && tries++ < 10)
        status = atl_video_write(video, &(atl_image){ 1, 1, 3, pixel });
    atl_status finished = opened == ATL_OK ? atl_video_finish(&video) : ATL_OK;
    put_back(kept);
    assert_int_equal(opened, ATL_OK);
    assert_int_equal(status, ATL_IO); // the queue is shorter than ten frames
    assert_int_equal(finished, ATL_IO);
    assert_string_equal(atl_message(ctx), "standard output: the video can't be written: No space left on device");
    atl_message_clear(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef ATL_HAVE_VIDEO
        cmocka_unit_test(missing_ffmpeg_is_told),
#endif
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(what_cannot_be_written_fails_when_opened),
        cmocka_unit_test(y4m_holds_the_frames),
        cmocka_unit_test(gray_and_alpha_become_rgb_on_white),
        cmocka_unit_test(alpha_is_kept_by_png_and_told_of_elsewhere),
        cmocka_unit_test(png_holds_pictures_one_after_the_other),
        cmocka_unit_test(abort_leaves_nothing),
        cmocka_unit_test(an_older_file_stays_until_the_new_one_is_whole),
        cmocka_unit_test(a_video_needs_a_frame_and_each_its_size),
        cmocka_unit_test(standard_output_takes_y4m),
        cmocka_unit_test(a_failure_of_the_thread_is_reported),
    };
    return cmocka_run_group_tests(tests, open_tests, close_tests);
}
