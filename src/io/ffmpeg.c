// SPDX-License-Identifier: Apache-2.0
// Loading by the name that a program linked to these libraries would ask for.  They stay loaded: what they
// bring along is not made to be unloaded.
#ifdef ATL_HAVE_VIDEO
#define _GNU_SOURCE // RTLD_NODELETE
#include "io/ffmpeg.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#if defined(__APPLE__)
#define NAME(library, version) "lib" library "." AV_STRINGIFY(version) ".dylib"
#else
#define NAME(library, version) "lib" library ".so." AV_STRINGIFY(version)
#endif

static const char *const files[ATL_FFMPEG_LIBRARIES] = {
    [ATL_AVUTIL] = NAME("avutil", LIBAVUTIL_VERSION_MAJOR),
    [ATL_AVCODEC] = NAME("avcodec", LIBAVCODEC_VERSION_MAJOR),
    [ATL_AVFORMAT] = NAME("avformat", LIBAVFORMAT_VERSION_MAJOR),
    [ATL_SWSCALE] = NAME("swscale", LIBSWSCALE_VERSION_MAJOR),
};

static const struct {
    const char *name;
    int library;
    size_t offset;
} functions[] = {
#define ROW(library, name) { #name, ATL_##library, offsetof(atl_ffmpeg, name) },
    ATL_FFMPEG_FUNCTIONS(ROW)
#undef ROW
};

static atl_status refuse(atl_ctx *ctx, const char *what) {
    return ctx ? atl_fail(
                     ctx, ATL_UNSUPPORTED,
                     "FFmpeg can't be loaded (%s); install its libraries, or choose the format y4m or png",
                     what)
               : ATL_UNSUPPORTED;
}

static atl_status load(atl_ctx *ctx, atl_ffmpeg *f) {
    for (int i = 0; i < ATL_FFMPEG_LIBRARIES; i++) {
        f->library[i] = dlopen(files[i], RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
        if (!f->library[i])
            return refuse(ctx, files[i]);
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *function = dlsym(f->library[functions[i].library], functions[i].name);
        if (!function)
            return refuse(ctx, functions[i].name);
        memcpy((char *)f + functions[i].offset, &function, sizeof function);
    }
    return ATL_OK;
}

atl_status atl_ffmpeg_load(atl_ctx *ctx, atl_ffmpeg *ffmpeg) {
    memset(ffmpeg, 0, sizeof *ffmpeg);
    atl_status status = load(ctx, ffmpeg);
    if (status != ATL_OK)
        atl_ffmpeg_unload(ffmpeg);
    return status;
}

void atl_ffmpeg_unload(atl_ffmpeg *ffmpeg) {
    for (int i = 0; i < ATL_FFMPEG_LIBRARIES; i++)
        if (ffmpeg->library[i])
            dlclose(ffmpeg->library[i]);
    memset(ffmpeg, 0, sizeof *ffmpeg);
}

#else
typedef int atl_ffmpeg_unused; // a file is never empty
#endif
