// SPDX-License-Identifier: Apache-2.0
// Videos that FFmpeg wrote for us, read back: number of frames, size, rate, and the colour of each frame.
// Animated WebP, which FFmpeg 5 can't read, is read by libwebp's demuxer, or else by its chunks.
#include "check.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
#ifdef ATL_TEST_WEBP
#include <webp/demux.h>
#endif

enum { FRAMES = 12 };

typedef struct seen {
    int frames, width, height;
    double seconds;             // from the first frame to the last
    double mean[FRAMES][3];
} seen;

// The colours of the frames, of middling saturation; the last row and column go with them.
static void color_of(int i, double rgb[3]) {
    rgb[0] = 40 + 15 * i;
    rgb[1] = 200 - 12 * i;
    rgb[2] = i % 2 ? 90 : 140;
}

static void write_video(const char *name, const atl_video_options *o) {
    atl_video *video;
    if (atl_video_open(ctx, file_in(name), o, &video) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
    atl_image image;
    assert_int_equal(atl_image_init(ctx, o->width, o->height, 3, &image), ATL_OK);
    for (int i = 0; i < FRAMES; i++) {
        double rgb[3];
        color_of(i, rgb);
        for (int p = 0; p < o->width * o->height * 3; p++)
            image.pixels[p] = (uint8_t)rgb[p % 3];
        assert_int_equal(atl_video_write(video, &image), ATL_OK);
    }
    atl_image_clear(ctx, &image);
    if (atl_video_finish(&video) != ATL_OK)
        fail_msg("%s", atl_message(ctx));
}

static void add_mean(seen *s, const uint8_t *rgb, size_t pixels, size_t channels) {
    for (int c = 0; c < 3 && s->frames < FRAMES; c++) {
        double sum = 0;
        for (size_t i = 0; i < pixels; i++)
            sum += rgb[i * channels + (size_t)c];
        s->mean[s->frames][c] = sum / (double)pixels;
    }
    s->frames++;
}

static void take(seen *s, const AVFrame *f) {
    struct SwsContext *scaler = sws_getContext(f->width, f->height, f->format, f->width, f->height,
                                               AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    assert_non_null(scaler);
    if (f->colorspace == AVCOL_SPC_BT709)
        sws_setColorspaceDetails(scaler, sws_getCoefficients(SWS_CS_ITU709), 0, sws_getCoefficients(SWS_CS_ITU709),
                                 1, 0, 1 << 16, 1 << 16);
    size_t pixels = (size_t)f->width * (size_t)f->height;
    uint8_t *rgb = malloc(pixels * 3 + 64);
    assert_non_null(rgb);
    uint8_t *planes[4] = { rgb };
    int strides[4] = { f->width * 3 };
    sws_scale(scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height, planes, strides);
    add_mean(s, rgb, pixels, 3);
    free(rgb);
    sws_freeContext(scaler);
}

static void drain(AVCodecContext *codec, AVFrame *frame, seen *s) {
    while (avcodec_receive_frame(codec, frame) == 0) {
        s->width = frame->width;
        s->height = frame->height;
        take(s, frame);
    }
}

static seen read_video(const char *name) {
    seen s = { 0 };
    AVFormatContext *in = NULL;
    const AVCodec *decoder = NULL;
    assert_int_equal(avformat_open_input(&in, file_in(name), NULL, NULL), 0);
    assert_true(avformat_find_stream_info(in, NULL) >= 0);
    int stream = av_find_best_stream(in, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    assert_int_equal(stream, 0);
    AVCodecContext *codec = avcodec_alloc_context3(decoder);
    assert_non_null(codec);
    avcodec_parameters_to_context(codec, in->streams[0]->codecpar);
    assert_int_equal(avcodec_open2(codec, decoder, NULL), 0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int64_t first = INT64_MAX, last = INT64_MIN;
    while (av_read_frame(in, packet) >= 0) {
        first = packet->pts < first ? packet->pts : first;
        last = packet->pts > last ? packet->pts : last;
        avcodec_send_packet(codec, packet);
        av_packet_unref(packet);
        drain(codec, frame, &s);
    }
    avcodec_send_packet(codec, NULL);
    drain(codec, frame, &s);
    s.seconds = (double)(last - first) * av_q2d(in->streams[0]->time_base);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    avformat_close_input(&in);
    return s;
}

// `tolerance` in steps of 8 bits; 1 / fps apart, to the container's clock of `tick` seconds.
static void compare(const seen *s, int width, int height, int fps, double tick, double tolerance) {
    assert_int_equal(s->frames, FRAMES);
    assert_int_equal(s->width, width);
    assert_int_equal(s->height, height);
    double expected = (FRAMES - 1.0) / fps;
    assert_true(s->seconds > expected - tick && s->seconds < expected + tick);
    for (int i = 0; i < FRAMES; i++) {
        double rgb[3];
        color_of(i, rgb);
        for (int c = 0; c < 3; c++) {
            double d = s->mean[i][c] - rgb[c];
            if (!(d <= tolerance && d >= -tolerance))
                fail_msg("frame %d channel %d: %g, expected %g", i, c, s->mean[i][c], rgb[c]);
        }
    }
}

static int can(const char *format) {
    char text[300];
    atl_video_formats(text, sizeof text);
    return strstr(text, format) != NULL;
}

// 8-bit YUV of limited range and lossy coding at quality 80: 4 steps.  A mistaken matrix or range costs 10.
static void yuv_formats_come_back(void **state) {
    (void)state;
    static const char *const cases[][3] = { { "mp4", "libx264", "a.mp4" },     { "mp4", "libx265", "a.mp4" },
                                            { "mp4", "libaom-av1", "a.mp4" },  { "mp4", "mpeg4", "a.mp4" },
                                            { "webm", "libvpx-vp9", "a.webm" }, { "webm", "libaom-av1", "a.webm" } };
    int ran = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!can(cases[i][1]))
            continue;
        atl_video_options o = sized(66, 35);
        o.fps = 30;
        o.codec = cases[i][1];
        write_video(cases[i][2], &o);
        seen s = read_video(cases[i][2]);
        compare(&s, 66, 36, 30, 0.0011, 4);
        assert_int_equal(sweep(), 1);
        ran++;
    }
    assert_true(ran > 0);
}

static void a_bit_rate_replaces_quality(void **state) {
    (void)state;
    if (!can("mp4"))
        skip();
    atl_video_options o = sized(64, 64);
    o.bitrate = 12000000;
    write_video("a.m4v", &o);
    seen s = read_video("a.m4v");
    compare(&s, 64, 64, 60, 0.0011, 4);
    sweep();
}

// The index of an mp4 stands before its pictures, so that a browser can start at once.
static void mp4_starts_with_its_index(void **state) {
    (void)state;
    if (!can("mp4"))
        skip();
    atl_video_options o = sized(64, 64);
    write_video("a:b.mp4", &o); // a colon is no protocol
    static char bytes[1 << 20];
    FILE *f = fopen(file_in("a:b.mp4"), "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f), moov = 0, mdat = 0;
    fclose(f);
    for (size_t i = 0; i + 4 < size; i++) {
        moov = !moov && !memcmp(bytes + i, "moov", 4) ? i : moov;
        mdat = !mdat && !memcmp(bytes + i, "mdat", 4) ? i : mdat;
    }
    assert_true(moov > 0 && moov < mdat);
    assert_int_equal(sweep(), 1);
}

// One colour per frame is in its palette: exact.
static void gif_and_apng_are_exact(void **state) {
    (void)state;
    static const char *const names[] = { "a.gif", "a.apng" };
    for (int i = 0; i < 2; i++) {
        if (!can(i ? "apng" : "gif"))
            continue;
        atl_video_options o = sized(33, 31);
        write_video(names[i], &o);
        seen s = read_video(names[i]);
        compare(&s, 33, 31, i ? 60 : 50, 0.011, 0);
        assert_int_equal(sweep(), 1);
    }
}

// Two frames of 5x3 pixels whose transparency changes from pixel to pixel and from frame to frame.
static void write_alpha(const char *name, uint8_t frames[2][5 * 3 * 4]) {
    atl_video_options o = sized(5, 3);
    atl_video *video;
    o.alpha = 1;
    o.quality = 100;
    assert_int_equal(atl_video_open(ctx, file_in(name), &o, &video), ATL_OK);
    for (int i = 0; i < 2; i++) {
        for (int p = 0; p < 5 * 3; p++)
            memcpy(frames[i] + p * 4,
                   (uint8_t[4]){ 200, (uint8_t)(40 * i), 90, (uint8_t)(17 * (i ? p : 15 - p)) }, 4);
        assert_int_equal(atl_video_write(video, &(atl_image){ 5, 3, 4, frames[i] }), ATL_OK);
    }
    assert_int_equal(atl_video_finish(&video), ATL_OK);
}

// The picture of an APNG's file is its first frame.
static void apng_keeps_alpha(void **state) {
    (void)state;
    if (!can("apng"))
        skip();
    uint8_t frames[2][5 * 3 * 4];
    write_alpha("a.apng", frames);
    atl_image image;
    assert_int_equal(atl_image_read(ctx, file_in("a.apng"), &image), ATL_OK);
    assert_int_equal(image.channels, 4);
    assert_memory_equal(image.pixels, frames[0], sizeof frames[0]);
    atl_image_clear(ctx, &image);
    sweep();
}

// A palette of 256 colours with dithering: the mean of 8x8 pixels stays within 3 steps, each pixel
// within 40, of a picture with 4096 colours.
static void gif_dithers_many_colors(void **state) {
    (void)state;
    if (!can("gif"))
        skip();
    atl_video_options o = sized(64, 64);
    atl_video *video;
    atl_image image;
    assert_int_equal(atl_video_open(ctx, file_in("a.gif"), &o, &video), ATL_OK);
    assert_int_equal(atl_image_init(ctx, 64, 64, 3, &image), ATL_OK);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 64; x++)
            memcpy(image.pixels + (y * 64 + x) * 3, (uint8_t[3]){ (uint8_t)(x * 4), (uint8_t)(y * 4), 128 }, 3);
    assert_int_equal(atl_video_write(video, &image), ATL_OK);
    assert_int_equal(atl_video_write(video, &image), ATL_OK);
    assert_int_equal(atl_video_finish(&video), ATL_OK);
    AVFormatContext *in = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_GIF));
    assert_int_equal(avformat_open_input(&in, file_in("a.gif"), NULL, NULL), 0);
    assert_int_equal(avcodec_open2(codec, NULL, NULL), 0);
    assert_true(av_read_frame(in, packet) >= 0);
    assert_int_equal(avcodec_send_packet(codec, packet), 0);
    assert_int_equal(avcodec_receive_frame(codec, frame), 0);
    assert_int_equal(frame->format, AV_PIX_FMT_BGRA);
    for (int y = 0; y < 64; y += 8) {
        for (int x = 0; x < 64; x += 8) {
            double sum[3] = { 0 };
            for (int k = 0; k < 64; k++) {
                const uint8_t *got = frame->data[0] + (y + k / 8) * frame->linesize[0] + (x + k % 8) * 4;
                const uint8_t *want = image.pixels + ((y + k / 8) * 64 + x + k % 8) * 3;
                for (int c = 0; c < 3; c++) {
                    sum[c] += got[2 - c] - want[c];
                    assert_in_range(got[2 - c] + 40 - want[c], 0, 80);
                }
            }
            for (int c = 0; c < 3; c++)
                assert_true(sum[c] <= 3 * 64 && sum[c] >= -3 * 64);
        }
    }
    avcodec_free_context(&codec);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avformat_close_input(&in);
    atl_image_clear(ctx, &image);
    sweep();
}

static uint8_t *slurp(const char *name, size_t *size) {
    FILE *f = fopen(file_in(name), "rb");
    assert_non_null(f);
    uint8_t *bytes = malloc(1 << 20);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

static void animated_webp_comes_back(void **state) {
    (void)state;
    if (!can("webp"))
        skip();
    for (int quality = 80; quality <= 100; quality += 20) {
        atl_video_options o = sized(33, 31);
        o.quality = quality;
        o.fps = 25;
        write_video("a.webp", &o);
        size_t size;
        uint8_t *bytes = slurp("a.webp", &size);
        assert_true(size > 44 && !memcmp(bytes + 8, "WEBPVP8X", 8) && !memcmp(bytes + 30, "ANIM", 4));
        assert_int_equal(bytes[42] | bytes[43] << 8, 0); // repeats for ever
#ifdef ATL_TEST_WEBP
        WebPAnimDecoder *decoder = WebPAnimDecoderNew(&(WebPData){ bytes, size }, NULL);
        assert_non_null(decoder);
        WebPAnimInfo info;
        WebPAnimDecoderGetInfo(decoder, &info);
        seen s = { .width = (int)info.canvas_width, .height = (int)info.canvas_height };
        uint8_t *rgba;
        int end = 0, before = 0;
        while (WebPAnimDecoderHasMoreFrames(decoder)) {
            before = end;
            assert_true(WebPAnimDecoderGetNext(decoder, &rgba, &end));
            add_mean(&s, rgba, 33 * 31, 4);
        }
        s.seconds = before / 1000.0;
        compare(&s, 33, 31, 25, 0.0011, quality == 100 ? 0 : 4);
        WebPAnimDecoderDelete(decoder);
#endif
        free(bytes);
        assert_int_equal(sweep(), 1);
    }
}

static void webp_keeps_alpha(void **state) {
    (void)state;
#ifdef ATL_TEST_WEBP
    if (!can("webp"))
        skip();
    uint8_t frames[2][5 * 3 * 4], *rgba;
    int end;
    size_t size;
    write_alpha("a.webp", frames);
    uint8_t *bytes = slurp("a.webp", &size);
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&(WebPData){ bytes, size }, NULL);
    assert_non_null(decoder);
    for (int i = 0; i < 2; i++) {
        assert_true(WebPAnimDecoderGetNext(decoder, &rgba, &end));
        for (int p = 0; p < 5 * 3; p++)
            assert_int_equal(rgba[p * 4 + 3], frames[i][p * 4 + 3]);
    }
    WebPAnimDecoderDelete(decoder);
    free(bytes);
    sweep();
#else
    skip();
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yuv_formats_come_back),     cmocka_unit_test(a_bit_rate_replaces_quality),
        cmocka_unit_test(mp4_starts_with_its_index), cmocka_unit_test(gif_and_apng_are_exact),
        cmocka_unit_test(gif_dithers_many_colors),   cmocka_unit_test(animated_webp_comes_back),
        cmocka_unit_test(apng_keeps_alpha),          cmocka_unit_test(webp_keeps_alpha),
    };
    return cmocka_run_group_tests(tests, open_tests, close_tests);
}
