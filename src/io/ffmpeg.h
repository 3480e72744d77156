// SPDX-License-Identifier: Apache-2.0
// FFmpeg's libraries, loaded when a video is first asked for.  They bring along a hundred others, whose loading
// takes longer than most of what the program does without them.
#ifndef ATL_IO_FFMPEG_H
#define ATL_IO_FFMPEG_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

#include "base/ctx.h"

enum { ATL_AVUTIL, ATL_AVCODEC, ATL_AVFORMAT, ATL_SWSCALE, ATL_FFMPEG_LIBRARIES };

// Later ones keep it in a stream's parameters.
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100)
#define ATL_FFMPEG_SIDE_DATA(X)
#else
#define ATL_FFMPEG_SIDE_DATA(X) X(AVFORMAT, av_stream_get_side_data)
#endif

// What is called, by library.
#define ATL_FFMPEG_FUNCTIONS(X)              \
    X(AVUTIL, av_dict_free)                  \
    X(AVUTIL, av_dict_parse_string)          \
    X(AVUTIL, av_dict_set)                   \
    X(AVUTIL, av_frame_alloc)                \
    X(AVUTIL, av_frame_free)                 \
    X(AVUTIL, av_frame_get_buffer)           \
    X(AVUTIL, av_frame_make_writable)        \
    X(AVUTIL, av_log_set_level)              \
    X(AVUTIL, av_strerror)                   \
    X(AVCODEC, av_packet_alloc)              \
    X(AVCODEC, av_packet_free)               \
    X(AVCODEC, av_packet_rescale_ts)         \
    X(AVCODEC, av_packet_unref)              \
    X(AVCODEC, avcodec_alloc_context3)       \
    X(AVCODEC, avcodec_find_encoder_by_name) \
    X(AVCODEC, avcodec_free_context)         \
    X(AVCODEC, avcodec_open2)                \
    X(AVCODEC, avcodec_parameters_from_context) \
    X(AVCODEC, avcodec_parameters_to_context) \
    X(AVCODEC, avcodec_receive_frame)        \
    X(AVCODEC, avcodec_receive_packet)       \
    X(AVCODEC, avcodec_send_frame)           \
    X(AVCODEC, avcodec_send_packet)          \
    ATL_FFMPEG_SIDE_DATA(X)                  \
    X(AVFORMAT, av_find_best_stream)         \
    X(AVFORMAT, av_interleaved_write_frame)  \
    X(AVFORMAT, av_read_frame)               \
    X(AVFORMAT, av_write_trailer)            \
    X(AVFORMAT, avformat_alloc_output_context2) \
    X(AVFORMAT, avformat_close_input)        \
    X(AVFORMAT, avformat_find_stream_info)   \
    X(AVFORMAT, avformat_free_context)       \
    X(AVFORMAT, avformat_new_stream)         \
    X(AVFORMAT, avformat_open_input)         \
    X(AVFORMAT, avformat_write_header)       \
    X(AVFORMAT, avio_closep)                 \
    X(AVFORMAT, avio_open)                   \
    X(SWSCALE, sws_freeContext)              \
    X(SWSCALE, sws_getCoefficients)          \
    X(SWSCALE, sws_getContext)               \
    X(SWSCALE, sws_scale)                    \
    X(SWSCALE, sws_setColorspaceDetails)

typedef struct atl_ffmpeg {
    void *library[ATL_FFMPEG_LIBRARIES];
#define ATL_FFMPEG_MEMBER(library, name) __typeof__(name) *name;
    ATL_FFMPEG_FUNCTIONS(ATL_FFMPEG_MEMBER)
#undef ATL_FFMPEG_MEMBER
} atl_ffmpeg;

// The versions whose headers this was built with.  ctx NULL: no sentence.
atl_status atl_ffmpeg_load(atl_ctx *ctx, atl_ffmpeg *ffmpeg);
void atl_ffmpeg_unload(atl_ffmpeg *ffmpeg); // zeros are fine

#endif
