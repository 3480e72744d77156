// SPDX-License-Identifier: Apache-2.0
// Videos through FFmpeg's libraries (5.0 and later): mp4, webm, gif, apng, webp.  A table says which
// encoders a container takes, in order of preference; a second one how each encoder is set up.
//
//     rgb24 or rgba -> even size (where chroma is halved) -> swscale, or our palette for gif -> encoder ->
//     muxer
//
// FFmpeg writes the temporary file by its name; the writer of io/file.h, which made it, also renames it.
#include "io/video_format.h"

#include <stdio.h>
#include <string.h>

#ifdef ATL_HAVE_VIDEO

#include "io/ffmpeg.h"
#include "io/file.h"
#include "io/video_palette.h"

// Quality 100 is `best` of the encoder's scale; each step down costs `step`, up to `worst`.
typedef struct encoder {
    const char *name, *alias;
    const char *scale;           // the option that takes it; "qscale": the codec context's own
    double best, step, worst;
    const char *options;
    enum AVPixelFormat pixels, with_alpha; // AV_PIX_FMT_NONE: keeps none
} encoder;

// SVT-AV1 is left out: it prints on the host's stderr.
static const encoder encoders[] = {
    { "libx264", "h264", "crf", 8, 0.5, 51, "preset=fast", AV_PIX_FMT_YUV420P, AV_PIX_FMT_NONE },
    { "libx265", "h265", "crf", 12, 0.5, 51, "preset=medium:x265-params=log-level=none", AV_PIX_FMT_YUV420P,
      AV_PIX_FMT_NONE },
    { "libvpx-vp9", "vp9", "crf", 4, 1, 63, "deadline=good:cpu-used=4:row-mt=1", AV_PIX_FMT_YUV420P,
      AV_PIX_FMT_NONE },
    { "libaom-av1", "av1", "crf", 4, 1, 63, "cpu-used=6:row-mt=1", AV_PIX_FMT_YUV420P, AV_PIX_FMT_NONE },
    { "mpeg4", "mpeg4", "qscale", 1, 0.15, 31, "", AV_PIX_FMT_YUV420P, AV_PIX_FMT_NONE },
    { "gif", "gif", NULL, 0, 0, 0, "", AV_PIX_FMT_PAL8, AV_PIX_FMT_NONE },
    { "apng", "apng", NULL, 0, 0, 0, "", AV_PIX_FMT_RGB24, AV_PIX_FMT_RGBA },
    { "libwebp_anim", "webp", "quality", 100, 1, 100, "", AV_PIX_FMT_RGB32, AV_PIX_FMT_RGB32 },
};
enum { ENCODERS = sizeof encoders / sizeof *encoders };

typedef struct container {
    const char *name, *muxer;
    const char *encoders;        // with blanks around each
    const char *options;         // of the muxer: repeat for ever, index at the front
} container;

static const container containers[] = {
    { "mp4", "mp4", " libx264 libx265 libaom-av1 mpeg4 ", "movflags=+faststart" },
    { "webm", "webm", " libvpx-vp9 libaom-av1 ", "" },
    { "gif", "gif", " gif ", "loop=0" },
    { "apng", "apng", " apng ", "plays=0" },
    { "webp", "webp", " libwebp_anim ", "loop=0" },
};

typedef struct sink {
    atl_ctx *ctx;
    atl_writer *writer;
    char *path;                  // for sentences
    int width, height, channels; // of the frames that come in
    int64_t frames;
    atl_ffmpeg av; // its functions
    AVFormatContext *mux;
    AVCodecContext *codec;
    AVStream *stream;            // owned by mux
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;   // NULL for gif
    uint8_t *padded;             // [even height, even width, channels], or NULL
    atl_palette *palette;        // gif
} sink;

static atl_status fail(const sink *s, const char *what, int error) {
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    s->av.av_strerror(error, reason, sizeof reason);
    atl_status status = error == AVERROR(ENOMEM) ? ATL_NO_MEMORY
                        : error == AVERROR(ENOSPC) || error == AVERROR(EIO) || error == AVERROR(EFBIG)
                            ? ATL_IO
                            : ATL_INTERNAL;
    return atl_fail(s->ctx, status, "%s: %s: %s", s->path, what, reason);
}

static void sink_abort(void **user) {
    sink *s = *user;
    if (s->mux && s->mux->pb)
        s->av.avio_closep(&s->mux->pb);
    if (s->av.avformat_free_context) { // loaded
        s->av.avformat_free_context(s->mux);
        s->av.avcodec_free_context(&s->codec);
        s->av.av_frame_free(&s->frame);
        s->av.av_packet_free(&s->packet);
        s->av.sws_freeContext(s->scaler);
    }
    atl_ffmpeg_unload(&s->av);
    atl_palette_close(&s->palette);
    atl_writer_abort(&s->writer);
    atl_free(s->ctx, s->padded);
    atl_free(s->ctx, s->path);
    atl_free(s->ctx, s);
    *user = NULL;
}

// ---- choosing the encoder

static const container *container_of(const char *name) {
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++)
        if (!strcmp(containers[i].name, name))
            return &containers[i];
    return NULL;
}

// The encoder of row `i` if the container takes it and FFmpeg has it.
static const AVCodec *usable(const atl_ffmpeg *av, const container *c, size_t i) {
    char key[40];
    snprintf(key, sizeof key, " %s ", encoders[i].name);
    return strstr(c->encoders, key) ? av->avcodec_find_encoder_by_name(encoders[i].name) : NULL;
}

static void list_codecs(const atl_ffmpeg *av, const container *c, char *text, size_t room) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < ENCODERS && used < room; i++)
        if (usable(av, c, i))
            used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "", encoders[i].name);
}

static void sink_codecs(const char *name, char *text, size_t room) {
    atl_ffmpeg av;
    text[0] = '\0';
    if (atl_ffmpeg_load(NULL, &av) == ATL_OK)
        list_codecs(&av, container_of(name), text, room);
    atl_ffmpeg_unload(&av);
}

// The rows are in order of preference for every container.
static const encoder *choose(const atl_ffmpeg *av, const container *c, const char *name,
                             const AVCodec **codec) {
    for (size_t i = 0; i < ENCODERS; i++) {
        int asked = !name || !strcmp(name, encoders[i].name) || !strcmp(name, encoders[i].alias);
        if (asked && (*codec = usable(av, c, i)))
            return &encoders[i];
    }
    return NULL;
}

static atl_status refuse(const sink *s, const atl_video_job *job, const container *c) {
    atl_ctx *ctx = s->ctx;
    char has[200];
    list_codecs(&s->av, c, has, sizeof has);
    if (!*has)
        return atl_fail(ctx, ATL_UNSUPPORTED,
                        "%s: this FFmpeg has no encoder for %s (any of%s); choose another format", job->path,
                        c->name, c->encoders);
    return atl_fail(ctx, ATL_UNSUPPORTED, "%s: no codec \"%s\" for %s here; this FFmpeg has %s", job->path,
                    job->codec, c->name, has);
}

// ---- opening

// Quality or bit rate, and the encoder's own options.
static int set_rate(const sink *s, const encoder *e, const atl_video_job *job, AVDictionary **options) {
    AVCodecContext *codec = s->codec;
    double scale = e->best + (100 - job->quality) * e->step;
    char text[32];
    snprintf(text, sizeof text, "%.0f", scale < e->worst ? scale : e->worst);
    int error = *e->options ? s->av.av_dict_parse_string(options, e->options, "=", ":", 0) : 0;
    if (e->pixels == AV_PIX_FMT_YUV420P && job->bitrate) {
        codec->bit_rate = job->bitrate;
    } else if (e->scale && !strcmp(e->scale, "qscale")) {
        codec->flags |= AV_CODEC_FLAG_QSCALE;
        codec->global_quality = (int)(FF_QP2LAMBDA * (scale < e->worst ? scale : e->worst));
    } else if (e->scale && !strcmp(e->scale, "quality")) { // webp's scale is ours; lossless: effort instead
        int lossless = job->quality == 100;
        snprintf(text, sizeof text, "%d", lossless ? 50 : job->quality);
        error = error < 0 ? error : s->av.av_dict_set(options, "quality", text, 0);
        error = error < 0 ? error : s->av.av_dict_set(options, "lossless", lossless ? "1" : "0", 0);
    } else if (e->scale) {
        error = error < 0 ? error : s->av.av_dict_set(options, e->scale, text, 0);
    }
    return error;
}

static int even(int n) {
    return n + (n & 1);
}

static atl_status open_codec(sink *s, const encoder *e, const AVCodec *codec, const atl_video_job *job) {
    AVDictionary *options = NULL;
    AVCodecContext *c = s->codec = s->av.avcodec_alloc_context3(codec);
    if (!c)
        return atl_fail(s->ctx, ATL_NO_MEMORY, "%s: no memory for the encoder", s->path);
    int halved = e->pixels == AV_PIX_FMT_YUV420P;
    c->width = halved ? even(job->width) : job->width;
    c->height = halved ? even(job->height) : job->height;
    c->pix_fmt = job->channels == 4 ? e->with_alpha : e->pixels;
    c->time_base = (AVRational){ 1, job->fps };
    c->framerate = (AVRational){ job->fps, 1 };
    c->gop_size = 4 * job->fps < 250 ? 4 * job->fps : 250; // so that a player can jump
    c->thread_count = job->threads;
    if (halved) {
        c->color_range = AVCOL_RANGE_MPEG;
        c->colorspace = AVCOL_SPC_BT709;
        c->color_primaries = AVCOL_PRI_BT709;
        c->color_trc = AVCOL_TRC_BT709;
    }
    if (s->mux->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (codec->id == AV_CODEC_ID_HEVC)
        c->codec_tag = MKTAG('h', 'v', 'c', '1'); // the tag that Apple's players know
    int error = set_rate(s, e, job, &options);
    if (error >= 0)
        error = s->av.avcodec_open2(c, codec, &options);
    s->av.av_dict_free(&options);
    return error < 0 ? fail(s, "the encoder can't be opened", error) : ATL_OK;
}

// "file:" keeps a colon in the name from being read as a protocol.
static atl_status open_muxer(sink *s, const container *c) {
    const char *temporary = atl_writer_temporary(s->writer);
    size_t room = strlen(temporary) + 6;
    char *url = atl_alloc(s->ctx, room, 1);
    if (!url)
        return ATL_NO_MEMORY;
    snprintf(url, room, "file:%s", temporary);
    int error = s->av.avformat_alloc_output_context2(&s->mux, NULL, c->muxer, url);
    if (error >= 0)
        error = s->av.avio_open(&s->mux->pb, url, AVIO_FLAG_WRITE);
    atl_free(s->ctx, url);
    if (error == AVERROR(EINVAL) || error == AVERROR_MUXER_NOT_FOUND)
        return atl_fail(s->ctx, ATL_UNSUPPORTED, "%s: this FFmpeg can't write %s; choose another format", s->path,
                        c->name);
    return error < 0 ? fail(s, "can't be written", error) : ATL_OK;
}

static atl_status open_stream(sink *s, const container *c) {
    AVDictionary *options = NULL;
    s->stream = s->av.avformat_new_stream(s->mux, NULL);
    if (!s->stream)
        return atl_fail(s->ctx, ATL_NO_MEMORY, "%s: no memory for the video's stream", s->path);
    s->stream->time_base = s->codec->time_base;
    s->stream->avg_frame_rate = s->codec->framerate;
    int error = s->av.avcodec_parameters_from_context(s->stream->codecpar, s->codec);
    if (error >= 0 && *c->options)
        error = s->av.av_dict_parse_string(&options, c->options, "=", ":", 0);
    if (error >= 0)
        error = s->av.avformat_write_header(s->mux, &options);
    s->av.av_dict_free(&options);
    return error < 0 ? fail(s, "the head of the video can't be written", error) : ATL_OK;
}

// Video players expect BT.709 of what is not told otherwise, and it is told.
static atl_status open_scaler(sink *s) {
    const AVCodecContext *c = s->codec;
    enum AVPixelFormat from = s->channels == 4 ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
    s->scaler = s->av.sws_getContext(c->width, c->height, from, c->width, c->height, c->pix_fmt,
                                     SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_FULL_CHR_H_INT,
                                     NULL, NULL, NULL);
    if (!s->scaler)
        return atl_fail(s->ctx, ATL_INTERNAL, "%s: FFmpeg can't convert the colours", s->path);
    const int *bt709 = s->av.sws_getCoefficients(SWS_CS_ITU709);
    if (c->pix_fmt == AV_PIX_FMT_YUV420P)
        s->av.sws_setColorspaceDetails(s->scaler, bt709, 1, bt709, 0, 0, 1 << 16, 1 << 16);
    return ATL_OK;
}

static atl_status open_frame(sink *s) {
    const AVCodecContext *c = s->codec;
    s->frame = s->av.av_frame_alloc();
    s->packet = s->av.av_packet_alloc();
    if (!s->frame || !s->packet)
        return atl_fail(s->ctx, ATL_NO_MEMORY, "%s: no memory for a frame", s->path);
    s->frame->format = c->pix_fmt;
    s->frame->width = c->width;
    s->frame->height = c->height;
    s->frame->color_range = c->color_range;
    s->frame->colorspace = c->colorspace;
    int error = s->av.av_frame_get_buffer(s->frame, 0);
    if (error < 0)
        return fail(s, "no frame", error);
    if (c->pix_fmt == AV_PIX_FMT_PAL8) {
        s->palette = atl_palette_open(s->ctx, s->width, s->height);
        return s->palette ? ATL_OK : ATL_NO_MEMORY;
    }
    if (c->width != s->width || c->height != s->height) {
        s->padded = atl_alloc(s->ctx, (size_t)c->width * (size_t)c->height, (size_t)s->channels);
        if (!s->padded)
            return ATL_NO_MEMORY;
    }
    return open_scaler(s);
}

// Everything behind the encoder's choice.
static atl_status open_parts(sink *s, const container *c, const encoder *e, const AVCodec *codec,
                             const atl_video_job *job) {
    ATL_TRY(atl_writer_open(s->ctx, job->path, &s->writer));
    ATL_TRY(open_muxer(s, c));
    ATL_TRY(open_codec(s, e, codec, job));
    ATL_TRY(open_stream(s, c));
    return open_frame(s);
}

static atl_status open_sink(sink *s, const char *name, const atl_video_job *job) {
    const container *c = container_of(name);
    const AVCodec *codec = NULL;
    size_t length = strlen(job->path) + 1;
    s->path = atl_alloc(s->ctx, length, 1);
    if (!s->path)
        return ATL_NO_MEMORY;
    memcpy(s->path, job->path, length);
    ATL_TRY(atl_ffmpeg_load(s->ctx, &s->av));
    const encoder *e = choose(&s->av, c, job->codec, &codec);
    if (!e)
        return refuse(s, job, c);
    s->av.av_log_set_level(AV_LOG_QUIET); // for the whole process: <atelier/video.h> says so
    return open_parts(s, c, e, codec, job);
}

static atl_status sink_open(atl_ctx *ctx, const char *name, const atl_video_job *job, void **user) {
    *user = NULL;
    sink *s = atl_calloc(ctx, 1, sizeof *s);
    if (!s)
        return ATL_NO_MEMORY;
    *user = s;
    *s = (sink){ .ctx = ctx, .width = job->width, .height = job->height, .channels = job->channels };
    atl_status status = open_sink(s, name, job);
    if (status != ATL_OK)
        sink_abort(user);
    return atl_name_file(ctx, status, job->path);
}

// ---- frames

// Sends a frame, or NULL for the end, and writes the packets that come out.
static atl_status encode(sink *s, const AVFrame *frame) {
    int error = s->av.avcodec_send_frame(s->codec, frame);
    while (error >= 0) {
        error = s->av.avcodec_receive_packet(s->codec, s->packet);
        if (error == AVERROR(EAGAIN) || error == AVERROR_EOF)
            return ATL_OK;
        if (error < 0)
            break;
        if (s->packet->duration == 0)
            s->packet->duration = 1;
        s->av.av_packet_rescale_ts(s->packet, s->codec->time_base, s->stream->time_base);
        s->packet->stream_index = 0;
        error = s->av.av_interleaved_write_frame(s->mux, s->packet); // takes the packet
        if (error < 0)
            return fail(s, "can't be written", error);
    }
    return fail(s, "a frame can't be encoded", error);
}

// Copies [height, width, channels] to the even size, the last column and row repeated.
static const uint8_t *pad(const sink *s, const uint8_t *pixels) {
    size_t c = (size_t)s->channels, from = (size_t)s->width * c, to = (size_t)s->codec->width * c;
    for (int y = 0; y < s->codec->height; y++) {
        const uint8_t *in = pixels + (size_t)(y < s->height ? y : s->height - 1) * from;
        uint8_t *out = s->padded + (size_t)y * to;
        memcpy(out, in, from);
        if (to > from)
            memcpy(out + from, in + from - c, c);
    }
    return s->padded;
}

static atl_status sink_write(void *user, const uint8_t *pixels) {
    sink *s = user;
    AVFrame *f = s->frame;
    int error = s->av.av_frame_make_writable(f);
    if (error < 0)
        return fail(s, "no frame", error);
    if (s->palette) {
        atl_palette_apply(s->palette, pixels, f->data[0], (size_t)f->linesize[0],
                          (uint32_t *)(void *)f->data[1]);
    } else {
        const uint8_t *in[4] = { s->padded ? pad(s, pixels) : pixels };
        int strides[4] = { s->codec->width * s->channels };
        s->av.sws_scale(s->scaler, in, strides, 0, s->codec->height, f->data, f->linesize);
    }
    f->pts = s->frames++;
    return encode(s, f);
}

static atl_status sink_finish(void **user) {
    sink *s = *user;
    atl_status status = encode(s, NULL);
    if (status == ATL_OK) {
        int error = s->av.av_write_trailer(s->mux);
        if (error >= 0 && s->mux->pb->error < 0)
            error = s->mux->pb->error;
        int closed = s->av.avio_closep(&s->mux->pb);
        error = error < 0 ? error : closed;
        status = error < 0 ? fail(s, "can't be written", error) : atl_writer_commit(&s->writer);
    }
    sink_abort(user);
    return status;
}

#else

static void sink_codecs(const char *name, char *text, size_t room) {
    (void)name;
    (void)room;
    *text = '\0';
}

static atl_status sink_open(atl_ctx *ctx, const char *name, const atl_video_job *job, void **user) {
    *user = NULL;
    return atl_fail(ctx, ATL_UNSUPPORTED,
                    "%s: this build can't write %s, only y4m and png; install libavformat-dev, libavcodec-dev, "
                    "libswscale-dev and libavutil-dev and build again",
                    job->path, name);
}

// No sink is ever opened.
static atl_status sink_write(void *user, const uint8_t *pixels) {
    (void)user;
    (void)pixels;
    return ATL_INTERNAL;
}

static atl_status sink_finish(void **user) {
    (void)user;
    return ATL_INTERNAL;
}

static void sink_abort(void **user) {
    (void)user;
}

#endif

#define ROW(name, extensions, fps, fps_max, alpha)                                                           \
    { name, extensions, fps, fps_max, 0, alpha, sink_codecs, sink_open, sink_write, sink_finish, sink_abort }

const atl_video_format atl_video_mp4 = ROW("mp4", " mp4 m4v mov ", 60, 1000, 0);
const atl_video_format atl_video_webm = ROW("webm", " webm ", 60, 1000, 0);
// GIF counts in hundredths of a second, and browsers slow down what is faster than two of them
const atl_video_format atl_video_gif = ROW("gif", " gif ", 50, 50, 0);
const atl_video_format atl_video_apng = ROW("apng", " apng ", 60, 1000, 1);
const atl_video_format atl_video_webp = ROW("webp", " webp ", 60, 1000, 1);
