// SPDX-License-Identifier: Apache-2.0
// Videos without compression between frames, for a file or a pipe, written by ourselves: YUV4MPEG2
// (4:4:4, BT.601, limited range, what its readers assume), and PNG pictures one after the other.
#include "io/video_format.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "io/image_format.h"

typedef struct raw {
    atl_ctx *ctx;
    atl_writer *writer;     // NULL: standard output
    int width, height, channels;
    uint8_t *planes;        // y4m: "FRAME\n", then [3, height, width]
    atl_image_bytes bytes;  // png: one encoded picture
} raw;

static const char header[] = "FRAME\n";
enum { HEADER = sizeof header - 1 };

static void raw_abort(void **sink) {
    raw *r = *sink;
    atl_writer_abort(&r->writer);
    atl_free(r->ctx, r->planes);
    atl_free(r->ctx, r->bytes.data);
    atl_free(r->ctx, r);
    *sink = NULL;
}

static atl_status put(raw *r, const uint8_t *bytes, size_t count) {
    if (r->writer)
        return atl_writer_write(r->writer, bytes, count);
    while (count) {
        ssize_t n = write(STDOUT_FILENO, bytes, count < (1u << 30) ? count : (1u << 30));
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) { // someone made the pipe non-blocking
            struct pollfd wait = { STDOUT_FILENO, POLLOUT, 0 };
            (void)poll(&wait, 1, -1);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return atl_fail_system(r->ctx, "standard output", "the video can't be written", errno);
        bytes += n;
        count -= (size_t)n;
    }
    return ATL_OK;
}

static atl_status raw_open(atl_ctx *ctx, const char *name, const atl_video_job *job, void **sink) {
    (void)name;
    *sink = NULL;
    raw *r = atl_calloc(ctx, 1, sizeof *r);
    if (!r)
        return ATL_NO_MEMORY;
    *r = (raw){ .ctx = ctx, .width = job->width, .height = job->height, .channels = job->channels };
    *sink = r;
    if (!strcmp(job->path, "-"))
        return ATL_OK;
    atl_status status = atl_writer_open(ctx, job->path, &r->writer);
    if (status != ATL_OK)
        raw_abort(sink);
    return status;
}

static atl_status raw_finish(void **sink) {
    raw *r = *sink;
    atl_status status = r->writer ? atl_writer_commit(&r->writer) : ATL_OK;
    raw_abort(sink);
    return status;
}

// ---- YUV4MPEG2

static atl_status y4m_open(atl_ctx *ctx, const char *name, const atl_video_job *job, void **sink) {
    ATL_TRY(raw_open(ctx, name, job, sink));
    raw *r = *sink;
    char line[128];
    int length = snprintf(line, sizeof line, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C444 XCOLORRANGE=LIMITED\n",
                          job->width, job->height, job->fps);
    atl_status status = ATL_NO_MEMORY;
    r->planes = atl_alloc(ctx, HEADER + (size_t)job->width * (size_t)job->height * 3, 1);
    if (r->planes) {
        memcpy(r->planes, header, HEADER);
        status = put(r, (const uint8_t *)line, (size_t)length);
    }
    if (status != ATL_OK)
        raw_abort(sink);
    return status;
}

// ITU-R BT.601 in 16-bit fixed point: luma 16 to 235, differences 16 to 240 around 128.
static uint8_t weigh(const uint8_t *rgb, int r, int g, int b, int zero) {
    return (uint8_t)((r * rgb[0] + g * rgb[1] + b * rgb[2] + (zero << 16) + (1 << 15)) >> 16);
}

static atl_status y4m_write(void *sink, const uint8_t *rgb) {
    raw *r = sink;
    size_t area = (size_t)r->width * (size_t)r->height;
    uint8_t *y = r->planes + HEADER, *u = y + area, *v = u + area;
    for (size_t i = 0; i < area; i++, rgb += 3) {
        y[i] = weigh(rgb, 16829, 33039, 6416, 16);
        u[i] = weigh(rgb, -9714, -19070, 28784, 128);
        v[i] = weigh(rgb, 28784, -24103, -4681, 128);
    }
    return put(r, r->planes, HEADER + area * 3);
}

const atl_video_format atl_video_y4m = { "y4m", " y4m ",  60,        1000,       1,        0,
                                         NULL,  y4m_open, y4m_write, raw_finish, raw_abort };

// ---- PNG after PNG

static atl_status png_write(void *sink, const uint8_t *pixels) {
    raw *r = sink;
    atl_image image = { r->width, r->height, r->channels, (uint8_t *)pixels }; // only read
    atl_image_job job = { "the video's frame", &image, 0, NULL, 0, &r->bytes };
    r->bytes.size = 0;
    ATL_TRY(atl_image_png.write(r->ctx, &job));
    return put(r, r->bytes.data, r->bytes.size);
}

const atl_video_format atl_video_pngs = { "png", "",       60,        1000,       1,        1,
                                          NULL,  raw_open, png_write, raw_finish, raw_abort };
