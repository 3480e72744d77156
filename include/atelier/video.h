// SPDX-License-Identifier: Apache-2.0
// Video files from pictures, one frame at a time, and pictures from video files.
//
//     atl_video_options o = ATL_VIDEO_OPTIONS_INIT;
//     o.width = o.height = 256;
//     if (atl_video_open(ctx, "walk.mp4", &o, &video)) die(atl_message(ctx));
//     for (...) atl_video_write(video, &frame);
//     if (atl_video_finish(&video)) die(atl_message(ctx));
//
// Encoding runs on a thread of its own behind a short queue, beside the caller's work; the caller sees
// one thread of control.  That thread takes its memory from the C library, and signals are never
// delivered to it.
//
// y4m and png are written by Atelier itself.  The other formats need FFmpeg's libraries when Atelier is
// built, and when the first video is opened, which loads them; without them they fail with ATL_UNSUPPORTED.
// FFmpeg has one log for the whole process: atl_video_open() silences it with av_log_set_level().  A host
// that wants it sets the level afterwards.
#ifndef ATELIER_VIDEO_H
#define ATELIER_VIDEO_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_video atl_video;

// Zero means default for every field but width and height.
typedef struct atl_video_options {
    size_t size;          // sizeof(atl_video_options), set by ATL_VIDEO_OPTIONS_INIT
    int width, height;    // of every frame, 1 to 16384; mp4 and webm repeat the last row or column of odd ones
    int fps;              // frames per second, 1 to 1000; 0: 60, for gif 50, which is the most it knows
    const char *format;   // "mp4", "webm", "gif", "apng", "webp", "y4m", "png"; NULL: by the name of the
                          // file, and y4m for standard output.  Text is borrowed during the call.
    const char *codec;    // mp4: "h264", "h265", "av1", "mpeg4"; webm: "vp9", "av1"; or FFmpeg's name of
                          // the encoder.  NULL: the first of these that FFmpeg has
    int quality;          // 1 to 100; 0: 80.  webp at 100 is lossless; gif, apng, y4m and png have none
    int64_t bitrate;      // bits per second, in place of quality; mp4 and webm.  0: by quality
    int threads;          // of the encoder; 0: one for each eight of the context's, at least one
    int alpha;            // frames have transparent parts.  apng, webp and png keep them; elsewhere they are laid
                          // over white, and the context's log is told
} atl_video_options;
#define ATL_VIDEO_OPTIONS_INIT { sizeof(atl_video_options), 0, 0, 0, NULL, NULL, 0, 0, 0, 0 }

// Opens `path` for writing; "-" is standard output and takes y4m and png only.  What can't be written
// fails here, before the first frame.  The target is untouched until the file is finished.
// gif, apng and webp repeat for ever.  On failure *video is NULL.
ATL_API atl_status atl_video_open(atl_ctx *ctx, const char *path, const atl_video_options *options, atl_video **video);

// Adds a frame of 1 to 4 channels, copied; alpha that is not kept is laid over white.  Waits while the queue is full.
// A failure of the encoder is reported by the next call.
ATL_API atl_status atl_video_write(atl_video *video, const atl_image *frame);

// Encodes what is left and completes the file: it then holds every frame that was written.  When that
// fails, or there was none, no file is left.  Sets *video to NULL.
ATL_API atl_status atl_video_finish(atl_video **video);

// Gives up; no file is left.  Sets *video to NULL.  NULL and pointers to NULL are fine.
ATL_API void atl_video_abort(atl_video **video);

// ---- reading

typedef struct atl_video_reader atl_video_reader;

typedef struct atl_video_info {
    int width, height; // of every frame, turned as the file says, in square pixels
    double fps;        // frames per second; 0: the file does not say
    int64_t frames;    // as the file says, or by its length; 0: it says neither
} atl_video_info;

// Opens a video file that FFmpeg reads (mp4, mov, mkv, webm, avi, gif, y4m and the like; none that names other
// files).  On failure *reader is NULL.
ATL_API atl_status atl_video_reader_open(atl_ctx *ctx, const char *path, atl_video_reader **reader);
ATL_API const atl_video_info *atl_video_reader_get_info(const atl_video_reader *reader); // valid while it is open
// The next frame, RGB, initialised here and cleared by the caller; behind the last one its pixels are NULL.
ATL_API atl_status atl_video_reader_next(atl_video_reader *reader, atl_image *image);
ATL_API void atl_video_reader_close(atl_video_reader **reader); // NULL and pointers to NULL are fine

// What this build can write: the names of formats and, where they have a choice, of FFmpeg's encoders:
// "mp4 (libx264, mpeg4), gif, y4m, png".  Cut to `room` bytes.
ATL_API void atl_video_formats(char *text, size_t room);

#ifdef __cplusplus
}
#endif
#endif
