// SPDX-License-Identifier: Apache-2.0
// The public face of videos: choice of the format, and the thread that encodes.
//
//     caller: atl_video_write()  ->  ring of QUEUE frames  ->  encoding thread: format->write()
//
// The thread has a context of its own, because a context belongs to one thread; the caller copies its
// sentence when the thread has stopped.  `lock` guards written, encoded, closing and status.
#include "base/options.h"
#include "io/video_format.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const atl_video_format *const formats[] = {
    &atl_video_mp4, &atl_video_webm, &atl_video_gif, &atl_video_apng, &atl_video_webp, &atl_video_y4m,
    &atl_video_pngs,
};
enum { FORMATS = sizeof formats / sizeof *formats, QUEUE = 4 };

typedef enum closing { OPEN, FINISH, ABORT } closing;

struct atl_video {
    atl_ctx *ctx;                    // the caller's
    atl_ctx *own;                    // of the sink, used by the encoding thread
    const atl_video_format *format;
    void *sink;
    int width, height, channels;
    uint8_t *frames; // [QUEUE, height, width, channels]
    size_t frame_bytes;
    int running;                     // the thread, lock and changed exist
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t written, encoded;         // frames that came and went
    closing closing;
    atl_status status;               // of the thread; when it is not ATL_OK the thread has stopped
};

// ---- the encoding thread

static void *encode_all(void *user) {
    atl_video *v = user;
    pthread_mutex_lock(&v->lock);
    for (;;) {
        while (v->encoded == v->written && v->closing == OPEN)
            pthread_cond_wait(&v->changed, &v->lock);
        if (v->encoded == v->written || v->closing == ABORT)
            break;
        const uint8_t *frame = v->frames + v->encoded % QUEUE * v->frame_bytes;
        pthread_mutex_unlock(&v->lock);
        atl_status status = v->format->write(v->sink, frame);
        pthread_mutex_lock(&v->lock);
        v->encoded++;
        v->status = status;
        pthread_cond_signal(&v->changed);
        if (status != ATL_OK)
            break;
    }
    pthread_mutex_unlock(&v->lock);
    return NULL;
}

static atl_status start(atl_video *v) {
    int lock = pthread_mutex_init(&v->lock, NULL);
    int changed = lock ? lock : pthread_cond_init(&v->changed, NULL);
    int thread = changed ? changed : pthread_create(&v->thread, NULL, encode_all, v);
    if (!thread) {
        v->running = 1;
        return ATL_OK;
    }
    if (!changed)
        pthread_cond_destroy(&v->changed);
    if (!lock)
        pthread_mutex_destroy(&v->lock);
    return atl_fail(v->ctx, ATL_IO, "the thread that encodes the video can't be started (error %d)", thread);
}

static void stop(atl_video *v, closing how) {
    if (!v->running)
        return;
    pthread_mutex_lock(&v->lock);
    v->closing = how;
    pthread_cond_signal(&v->changed);
    pthread_mutex_unlock(&v->lock);
    pthread_join(v->thread, NULL);
    pthread_cond_destroy(&v->changed);
    pthread_mutex_destroy(&v->lock);
    v->running = 0;
}

// The sink's sentence becomes the caller's.
static atl_status forward(atl_video *v, atl_status status) {
    const char *sentence = atl_message(v->own);
    return atl_fail(v->ctx, status, "%s", *sentence ? sentence : "the video can't be encoded: out of memory");
}

// ---- opening

static void names(char *text, size_t room) {
    size_t used = 0;
    for (size_t i = 0; i < FORMATS && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", formats[i]->name);
}

static atl_status choose_format(atl_ctx *ctx, const char *path, const char *name,
                                const atl_video_format **format) {
    char key[32] = "", known[200];
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path, *dot = strrchr(file, '.');
    if (name == NULL && !strcmp(path, "-"))
        name = "y4m";
    if (name == NULL && dot && strlen(dot + 1) < sizeof key - 3)
        snprintf(key, sizeof key, " %s ", dot + 1);
    for (char *p = key; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    for (size_t i = 0; i < FORMATS; i++) {
        *format = formats[i];
        if (name ? !strcmp(name, formats[i]->name) : *key && strstr(formats[i]->extensions, key))
            return ATL_OK;
    }
    names(known, sizeof known);
    if (name)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: unknown video format \"%s\"; known are %s", path, name, known);
    return atl_fail(ctx, ATL_BAD_ARGUMENT,
                    "%s: the ending of the name is none of a video; choose one, or a format: %s", path, known);
}

static atl_status check(atl_ctx *ctx, const char *path, const atl_video_options *o, const atl_video_format *f) {
    if (o->width < 1 || o->height < 1 || o->width > ATL_VIDEO_SIDE_MAX || o->height > ATL_VIDEO_SIDE_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: a video of %dx%d pixels; each side must be 1 to %d", path,
                        o->width, o->height, ATL_VIDEO_SIDE_MAX);
    if (o->fps < 0 || o->fps > f->fps_max)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: %d frames per second; %s takes 1 to %d", path, o->fps, f->name,
                        f->fps_max);
    if (o->quality < 0 || o->quality > 100)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: quality %d; it must be 1 to 100", path, o->quality);
    if (o->bitrate < 0 || o->bitrate > 2000000000 || o->threads < 0 || o->threads > 4096)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "%s: %lld bits per second with %d threads; at most 2000000000 and 4096", path,
                        (long long)o->bitrate, o->threads);
    if (!strcmp(path, "-") && !f->pipe)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "-: %s needs a file to go back in; standard output takes y4m and png", f->name);
    if (o->codec && !f->codecs)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: %s has one codec only; leave \"%s\" out", path, f->name,
                        o->codec);
    return ATL_OK;
}

// The frame sizes are checked: 16384 * 16384 * 4 * QUEUE is no problem for 64 bits, and atl_alloc() checks.
static atl_status prepare(atl_video *v, const char *path, const atl_video_options *o) {
    const atl_ctx *c = v->ctx;
    atl_ctx_options options = ATL_CTX_OPTIONS_INIT;
    options.threads = 1;
    options.cpu = atl_ctx_cpu(c);
    options.memory_cap = c->memory_cap;
    if (atl_ctx_open(&v->own, &options) != ATL_OK)
        return atl_fail(v->ctx, ATL_NO_MEMORY, "%s: no memory to encode a video", path);
    v->frame_bytes = (size_t)o->width * (size_t)o->height * (size_t)v->channels;
    v->frames = atl_alloc(v->ctx, QUEUE, v->frame_bytes);
    if (!v->frames)
        return ATL_NO_MEMORY;
    atl_video_job job = { .path = path,
                          .width = o->width,
                          .height = o->height,
                          .channels = v->channels,
                          .fps = o->fps ? o->fps : v->format->fps,
                          .quality = o->quality ? o->quality : ATL_VIDEO_QUALITY,
                          .bitrate = o->bitrate,
                          .threads = o->threads ? o->threads : 1 + atl_ctx_threads(c) / 8,
                          .codec = o->codec };
    atl_status status = v->format->open(v->own, v->format->name, &job, &v->sink);
    return status == ATL_OK ? start(v) : forward(v, status);
}

atl_status atl_video_open(atl_ctx *ctx, const char *path, const atl_video_options *options, atl_video **video) {
    *video = NULL;
    const atl_video_format *format;
    atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
    ATL_TRY(atl_options_read(ctx, "atl_video_options", &o, sizeof o, options));
    ATL_TRY(choose_format(ctx, path, o.format, &format));
    ATL_TRY(check(ctx, path, &o, format));
    atl_video *v = atl_calloc(ctx, 1, sizeof *v);
    if (!v)
        return ATL_NO_MEMORY;
    *v = (atl_video){ .ctx = ctx, .format = format, .width = o.width, .height = o.height };
    v->channels = o.alpha && format->alpha ? 4 : 3;
    if (o.alpha && !format->alpha)
        atl_log(ctx, ATL_LOG_WARNING,
                "%s: %s keeps no transparency, so that it is laid over white; apng, webp and png keep it",
                path, format->name);
    // our thread and the encoder's, which are made inside, inherit a mask that leaves signals to the host
    sigset_t all, before;
    sigfillset(&all);
    int masked = pthread_sigmask(SIG_BLOCK, &all, &before) == 0;
    atl_status status = prepare(v, path, &o);
    if (masked)
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != ATL_OK)
        atl_video_abort(&v);
    *video = v;
    return status;
}

// ---- frames

// [pixels, channels] to [pixels, 4].
static void to_rgba(const atl_image *image, uint8_t *rgba) {
    size_t area = (size_t)image->width * (size_t)image->height, c = (size_t)image->channels;
    const uint8_t *p = image->pixels;
    for (size_t i = 0; i < area; i++, p += c, rgba += 4) {
        for (int k = 0; k < 3; k++)
            rgba[k] = p[c >= 3 ? k : 0];
        rgba[3] = c == 2 ? p[1] : c == 4 ? p[3] : 255;
    }
}

// [pixels, channels] to [pixels, 3].
static void to_rgb(const atl_image *image, uint8_t *rgb) {
    size_t area = (size_t)image->width * (size_t)image->height, c = (size_t)image->channels;
    const uint8_t *p = image->pixels;
    if (c == 3) {
        memcpy(rgb, p, area * 3);
        return;
    }
    for (size_t i = 0; i < area; i++, p += c, rgb += 3) {
        unsigned alpha = c == 2 ? p[1] : c == 4 ? p[3] : 255;
        for (int k = 0; k < 3; k++)
            rgb[k] = (uint8_t)((p[c >= 3 ? k : 0] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

atl_status atl_video_write(atl_video *v, const atl_image *frame) {
    if (frame->width != v->width || frame->height != v->height || frame->channels < 1 || frame->channels > 4 ||
        !frame->pixels)
        return atl_fail(v->ctx, ATL_BAD_ARGUMENT,
                        "a frame of %dx%d pixels and %d channels for a video of %dx%d; they must agree",
                        frame->width, frame->height, frame->channels, v->width, v->height);
    pthread_mutex_lock(&v->lock);
    while (v->written - v->encoded == QUEUE && v->status == ATL_OK)
        pthread_cond_wait(&v->changed, &v->lock);
    atl_status status = v->status;
    pthread_mutex_unlock(&v->lock);
    if (status != ATL_OK)
        return forward(v, status);
    (v->channels == 4 ? to_rgba : to_rgb)(frame, v->frames + v->written % QUEUE * v->frame_bytes);
    pthread_mutex_lock(&v->lock);
    v->written++;
    pthread_cond_signal(&v->changed);
    pthread_mutex_unlock(&v->lock);
    return ATL_OK;
}

// ---- ending

static void destroy(atl_video **video) {
    atl_video *v = *video;
    atl_ctx *ctx = v->ctx;
    if (v->sink)
        v->format->abort(&v->sink);
    atl_ctx_close(&v->own);
    atl_free(ctx, v->frames);
    atl_free(ctx, v);
    *video = NULL;
}

atl_status atl_video_finish(atl_video **video) {
    atl_video *v = *video;
    stop(v, FINISH);
    atl_status status = v->status;
    if (status != ATL_OK)
        forward(v, status);
    else if (v->written == 0)
        status = atl_fail(v->ctx, ATL_BAD_ARGUMENT, "a video without frames can't be finished");
    else if ((status = v->format->finish(&v->sink)) != ATL_OK)
        forward(v, status);
    destroy(video);
    return status;
}

void atl_video_abort(atl_video **video) {
    if (!video || !*video)
        return;
    stop(*video, ABORT);
    destroy(video);
}

void atl_video_formats(char *text, size_t room) {
    size_t used = 0;
    if (room)
        *text = '\0';
    for (size_t i = 0; i < FORMATS && used < room; i++) {
        char codecs[200] = "";
        if (formats[i]->codecs)
            formats[i]->codecs(formats[i]->name, codecs, sizeof codecs);
        if (formats[i]->codecs && !*codecs)
            continue; // it needs an encoder, and there is none
        int choice = strchr(codecs, ',') != NULL;
        used += (size_t)snprintf(text + used, room - used, "%s%s%s%s%s", used ? ", " : "", formats[i]->name,
                                 choice ? " (" : "", choice ? codecs : "", choice ? ")" : "");
    }
}
