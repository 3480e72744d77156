// SPDX-License-Identifier: Apache-2.0
// The frames of a video file, through FFmpeg's libraries (5.0 and later).
//
//     demuxer -> decoder -> swscale (colours, square pixels) -> turned as the file says -> rgb24
//
// Files are not trusted: only demuxers of plain containers are let in, none that opens other files or the
// network, and a frame's size is bounded before it is decoded.
#include <atelier/video.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "base/mem.h"
#include "io/file.h"

#ifdef ATL_HAVE_VIDEO

#include <libavutil/display.h>

#include "io/ffmpeg.h"

enum { SIDE_MOST = 16384, TURN_ONE = 1 << 16 };

struct atl_video_reader {
    atl_ctx *ctx;
    char *path; // for sentences
    atl_video_info info;
    atl_ffmpeg av;
    AVFormatContext *demux;
    AVCodecContext *codec;
    AVStream *stream; // owned by demux
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
    int width, height; // behind the scaler
    int turn[4];       // a point (x, y) goes to (turn[0] x + turn[2] y, turn[1] x + turn[3] y), but for a shift
    uint8_t *scaled;   // [height, width, 3] where it is turned, else NULL
    int drained;       // the demuxer has no more
    int64_t frames;
};

static const char DEMUXERS[] = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf,gif,apng,"
                               "yuv4mpegpipe";

static atl_status fail(const atl_video_reader *r, const char *what, int error) {
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    r->av.av_strerror(error, reason, sizeof reason);
    atl_status status = error == AVERROR(ENOMEM) ? ATL_NO_MEMORY
                        : error == AVERROR(ENOENT) || error == AVERROR(EACCES) || error == AVERROR(EIO)
                            ? ATL_IO
                            : ATL_BAD_FILE;
    return atl_fail(r->ctx, status, "%s: %s: %s", r->path, what, reason);
}

void atl_video_reader_close(atl_video_reader **reader) {
    atl_video_reader *r = reader ? *reader : NULL;
    if (!r)
        return;
    if (r->av.avformat_close_input) { // loaded
        r->av.avcodec_free_context(&r->codec);
        r->av.avformat_close_input(&r->demux);
        r->av.av_frame_free(&r->frame);
        r->av.av_packet_free(&r->packet);
        r->av.sws_freeContext(r->scaler);
    }
    atl_ffmpeg_unload(&r->av);
    atl_free(r->ctx, r->scaled);
    atl_free(r->ctx, r->path);
    atl_free(r->ctx, r);
    *reader = NULL;
}

// ---- opening

// "file:" keeps a colon in the name from being read as a protocol.
static atl_status open_demuxer(atl_video_reader *r) {
    AVDictionary *options = NULL;
    size_t room = strlen(r->path) + 6;
    char *url = atl_alloc(r->ctx, room, 1);
    if (!url)
        return ATL_NO_MEMORY;
    snprintf(url, room, "file:%s", r->path);
    int error = r->av.av_dict_set(&options, "protocol_whitelist", "file", 0);
    if (error >= 0)
        error = r->av.av_dict_set(&options, "format_whitelist", DEMUXERS, 0);
    if (error >= 0)
        error = r->av.avformat_open_input(&r->demux, url, NULL, &options);
    r->av.av_dict_free(&options);
    atl_free(r->ctx, url);
    if (error >= 0)
        error = r->av.avformat_find_stream_info(r->demux, NULL);
    if (error >= 0)
        return ATL_OK;
    bool lost = error == AVERROR(ENOENT) || error == AVERROR(EACCES);
    return fail(r, lost ? "can't be opened" : "is no video that FFmpeg reads", error);
}

static atl_status open_decoder(atl_video_reader *r) {
    const AVCodec *decoder = NULL;
    int index = r->av.av_find_best_stream(r->demux, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
    if (index < 0)
        return fail(r, "has no video that this FFmpeg decodes", index);
    r->stream = r->demux->streams[index];
    r->codec = r->av.avcodec_alloc_context3(decoder);
    if (!r->codec)
        return atl_fail(r->ctx, ATL_NO_MEMORY, "%s: no memory for the decoder", r->path);
    int error = r->av.avcodec_parameters_to_context(r->codec, r->stream->codecpar);
    r->codec->max_pixels = (int64_t)SIDE_MOST * SIDE_MOST;
    r->codec->thread_count = 1;
    if (error >= 0)
        error = r->av.avcodec_open2(r->codec, decoder, NULL);
    if (error < 0)
        return fail(r, "the decoder can't be opened", error);
    r->frame = r->av.av_frame_alloc();
    r->packet = r->av.av_packet_alloc();
    return r->frame && r->packet ? ATL_OK
                                 : atl_fail(r->ctx, ATL_NO_MEMORY, "%s: no memory for a frame", r->path);
}

// How the file says that its frames are shown: [3, 3] in 16.16, or NULL: as they are.
static const int32_t *matrix_of(const atl_video_reader *r) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
    const AVCodecParameters *p = r->stream->codecpar;
    for (int i = 0; i < p->nb_coded_side_data; i++)
        if (p->coded_side_data[i].type == AV_PKT_DATA_DISPLAYMATRIX &&
            p->coded_side_data[i].size >= 9 * sizeof(int32_t))
            return (const int32_t *)(const void *)p->coded_side_data[i].data;
    return NULL;
#else
    size_t size = 0;
    uint8_t *data = r->av.av_stream_get_side_data(r->stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return size >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)data : NULL;
#endif
}

static atl_status read_turn(atl_video_reader *r) {
    const int32_t *m = matrix_of(r);
    bool odd = false;
    r->turn[0] = r->turn[3] = 1;
    for (int i = 0; m && i < 4; i++) {
        int32_t v = m[i / 2 * 3 + i % 2];
        r->turn[i] = v / TURN_ONE;
        odd = odd || v % TURN_ONE || v / TURN_ONE < -1 || v / TURN_ONE > 1;
    }
    const int *t = r->turn;
    bool upright = t[0] && t[3] && !t[1] && !t[2], lying = !t[0] && !t[3] && t[1] && t[2];
    if (odd || (!upright && !lying))
        return atl_fail(r->ctx, ATL_UNSUPPORTED,
                        "%s: is to be turned by an angle, or stretched; only quarters of a turn and mirror images "
                        "are known",
                        r->path);
    return ATL_OK;
}

static atl_status read_sizes(atl_video_reader *r) {
    const AVCodecParameters *p = r->stream->codecpar;
    AVRational pixel = r->stream->sample_aspect_ratio.num ? r->stream->sample_aspect_ratio : p->sample_aspect_ratio,
               rate = r->stream->avg_frame_rate.num ? r->stream->avg_frame_rate : r->stream->r_frame_rate;
    double wide = pixel.num > 0 && pixel.den > 0 ? (double)pixel.num / (double)pixel.den : 1.0;
    wide = (double)p->width * wide + 0.5;
    if (p->width < 1 || p->height < 1 || p->height > SIDE_MOST || !(wide >= 1.0 && wide < SIDE_MOST + 1.0))
        return atl_fail(r->ctx, ATL_BAD_FILE, "%s: has frames of %dx%d pixels; expected 1 to %d", r->path, p->width,
                        p->height, SIDE_MOST);
    r->width = (int)wide;
    r->height = p->height;
    ATL_TRY(read_turn(r));
    bool lying = !r->turn[0];
    r->info.width = lying ? r->height : r->width;
    r->info.height = lying ? r->width : r->height;
    r->info.fps = rate.num > 0 && rate.den > 0 ? (double)rate.num / (double)rate.den : 0.0;
    double seconds = r->demux->duration > 0 ? (double)r->demux->duration / (double)AV_TIME_BASE : 0.0,
           guess = seconds * r->info.fps;
    r->info.frames = r->stream->nb_frames > 0 ? r->stream->nb_frames : guess < 1e12 ? (int64_t)(guess + 0.5) : 0;
    if (r->turn[0] == 1 && r->turn[3] == 1)
        return ATL_OK;
    r->scaled = atl_alloc(r->ctx, (size_t)r->width * (size_t)r->height, 3);
    return r->scaled ? ATL_OK : ATL_NO_MEMORY;
}

static atl_status open_it(atl_video_reader *r, const char *path) {
    size_t length = strlen(path) + 1;
    r->path = atl_alloc(r->ctx, length, 1);
    if (!r->path)
        return ATL_NO_MEMORY;
    memcpy(r->path, path, length);
    ATL_TRY(atl_ffmpeg_load(r->ctx, &r->av));
    r->av.av_log_set_level(AV_LOG_QUIET); // for the whole process: <atelier/video.h> says so
    ATL_TRY(open_demuxer(r));
    ATL_TRY(open_decoder(r));
    return read_sizes(r);
}

atl_status atl_video_reader_open(atl_ctx *ctx, const char *path, atl_video_reader **reader) {
    *reader = atl_calloc(ctx, 1, sizeof **reader);
    if (!*reader)
        return ATL_NO_MEMORY;
    (*reader)->ctx = ctx;
    atl_status status = open_it(*reader, path);
    if (status != ATL_OK)
        atl_video_reader_close(reader);
    return atl_name_file(ctx, status, path);
}

const atl_video_info *atl_video_reader_get_info(const atl_video_reader *reader) {
    return &reader->info;
}

// ---- frames

// The next decoded frame, if there is one.
static atl_status decode(atl_video_reader *r, bool *there) {
    for (;;) {
        int error = r->av.avcodec_receive_frame(r->codec, r->frame);
        *there = error >= 0;
        if (error >= 0 || error == AVERROR_EOF)
            return ATL_OK;
        if (error != AVERROR(EAGAIN))
            return fail(r, "a frame can't be decoded", error);
        do {
            r->av.av_packet_unref(r->packet);
            error = r->drained ? AVERROR_EOF : r->av.av_read_frame(r->demux, r->packet);
        } while (error >= 0 && r->packet->stream_index != r->stream->index);
        r->drained = error == AVERROR_EOF;
        if (error < 0 && !r->drained)
            return fail(r, "can't be read to its end", error);
        error = r->av.avcodec_send_packet(r->codec, r->drained ? NULL : r->packet);
        if (error < 0 && error != AVERROR_EOF)
            return fail(r, "a frame can't be decoded", error);
    }
}

// Of what is not told players take BT.709 from 720 lines on, and BT.601 below.
static int colours_of(const AVFrame *f) {
    if (f->colorspace == AVCOL_SPC_UNSPECIFIED)
        return f->height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    return (int)f->colorspace; // the numbers of one are those of the other
}

static atl_status open_scaler(atl_video_reader *r) {
    const AVFrame *f = r->frame;
    if (f->color_trc == AVCOL_TRC_SMPTE2084 || f->color_trc == AVCOL_TRC_ARIB_STD_B67)
        return atl_fail(r->ctx, ATL_UNSUPPORTED,
                        "%s: has colours of high dynamic range; make a video of common colours (BT.709) of it first",
                        r->path);
    if (f->width != r->stream->codecpar->width || f->height != r->stream->codecpar->height)
        return atl_fail(r->ctx, ATL_UNSUPPORTED, "%s: frame %lld has %dx%d pixels, and the file says %dx%d", r->path,
                        (long long)r->frames, f->width, f->height, r->stream->codecpar->width,
                        r->stream->codecpar->height);
    if (r->scaler)
        return ATL_OK;
    r->scaler = r->av.sws_getContext(f->width, f->height, (enum AVPixelFormat)f->format, r->width, r->height,
                                     AV_PIX_FMT_RGB24,
                                     SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_FULL_CHR_H_INT, NULL,
                                     NULL, NULL);
    if (!r->scaler)
        return atl_fail(r->ctx, ATL_UNSUPPORTED, "%s: FFmpeg can't convert its colours", r->path);
    const int *from = r->av.sws_getCoefficients(colours_of(f)), *to = r->av.sws_getCoefficients(SWS_CS_ITU709);
    (void)r->av.sws_setColorspaceDetails(r->scaler, from, f->color_range == AVCOL_RANGE_JPEG, to, 1, 0, 1 << 16,
                                         1 << 16); // fails for formats that have none of it
    return ATL_OK;
}

static void turn(const atl_video_reader *r, const atl_image *image) {
    const int *t = r->turn;
    int left = t[0] < 0 ? r->width - 1 : t[2] < 0 ? r->height - 1 : 0,
        top = t[1] < 0 ? r->width - 1 : t[3] < 0 ? r->height - 1 : 0;
    for (int y = 0; y < r->height; y++)
        for (int x = 0; x < r->width; x++) {
            int to_x = left + t[0] * x + t[2] * y, to_y = top + t[1] * x + t[3] * y;
            memcpy(image->pixels + ((size_t)to_y * (size_t)image->width + (size_t)to_x) * 3,
                   r->scaled + ((size_t)y * (size_t)r->width + (size_t)x) * 3, 3);
        }
}

atl_status atl_video_reader_next(atl_video_reader *r, atl_image *image) {
    bool there;
    *image = (atl_image){ 0 };
    ATL_TRY(decode(r, &there));
    if (!there)
        return ATL_OK;
    atl_status status = open_scaler(r);
    if (status == ATL_OK)
        status = atl_image_init(r->ctx, r->info.width, r->info.height, 3, image);
    if (status == ATL_OK) {
        uint8_t *out[4] = { r->scaled ? r->scaled : image->pixels };
        int strides[4] = { 3 * r->width };
        r->av.sws_scale(r->scaler, (const uint8_t *const *)r->frame->data, r->frame->linesize, 0, r->frame->height,
                        out, strides);
        if (r->scaled)
            turn(r, image);
        r->frames++;
    }
    return status;
}

#else

atl_status atl_video_reader_open(atl_ctx *ctx, const char *path, atl_video_reader **reader) {
    *reader = NULL;
    return atl_fail(ctx, ATL_UNSUPPORTED,
                    "%s: this build can't read videos; install libavformat-dev, libavcodec-dev, libswscale-dev and "
                    "libavutil-dev and build again, or make pictures of its frames",
                    path);
}

// No reader is ever opened.
const atl_video_info *atl_video_reader_get_info(const atl_video_reader *reader) {
    (void)reader;
    return NULL;
}

atl_status atl_video_reader_next(atl_video_reader *reader, atl_image *image) {
    (void)reader;
    (void)image;
    return ATL_INTERNAL;
}

void atl_video_reader_close(atl_video_reader **reader) {
    (void)reader;
}

#endif
