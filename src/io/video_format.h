// SPDX-License-Identifier: Apache-2.0
// What a video format is to video.c: a row of functions that take frames.  Adding one is such a row and
// a line in video.c.  All of them are called with the video's own context, by one thread at a time:
// first by the one that opens, then by the encoding thread, in the end by the one that finishes.
#ifndef ATL_IO_VIDEO_FORMAT_H
#define ATL_IO_VIDEO_FORMAT_H

#include <atelier/video.h>
#include "base/mem.h"

enum { ATL_VIDEO_SIDE_MAX = 16384, ATL_VIDEO_QUALITY = 80 };

typedef struct atl_video_job {
    const char *path;          // "-": standard output.  Borrowed during open
    int width, height, fps;
    int channels;              // of the frames: 3, or 4 with alpha where the format keeps it
    int quality;               // 1 to 100
    int64_t bitrate;           // 0: by quality
    int threads;
    const char *codec;         // NULL: the first
} atl_video_job;

typedef struct atl_video_format {
    const char *name;          // "mp4"
    const char *extensions;    // with blanks around each: " mp4 m4v mov "; "" for none
    int fps, fps_max;          // default and highest
    int pipe;                  // standard output will do
    int alpha;                 // keeps it
    // The codecs that this build has, as ", "-separated text cut to room bytes; NULL: it has no choice.
    void (*codecs)(const char *name, char *text, size_t room);
    atl_status (*open)(atl_ctx *ctx, const char *name, const atl_video_job *job, void **sink);
    atl_status (*write)(void *sink, const uint8_t *pixels); // [height, width, channels]
    atl_status (*finish)(void **sink);                   // both set *sink to NULL
    void (*abort)(void **sink);
} atl_video_format;

extern const atl_video_format atl_video_mp4, atl_video_webm, atl_video_gif, atl_video_apng, atl_video_webp,
    atl_video_y4m, atl_video_pngs;

#endif
