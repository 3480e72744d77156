// SPDX-License-Identifier: Apache-2.0
// The first page of a TIFF over libtiff, or a row that says that this build has none.  libtiff itself turns
// what the file holds (strips or tiles, 1 to 16 bits, palettes, CMYK, YCbCr) into RGBA.  Rows stay as they
// are stored: turning them is what the orientation is for.  Only from version 4.5 on are its errors those of
// one file and not of the process.
#include "io/image_format.h"

#include <string.h>

static int probe(const uint8_t *head, size_t size) {
    return size >= 8 && (!memcmp(head, "II*\0", 4) || !memcmp(head, "MM\0*", 4) ||
                         !memcmp(head, "II+\0", 4) || !memcmp(head, "MM\0+", 4));
}

#ifdef ATL_HAVE_TIFF

#include <stdarg.h>
#include <stdio.h>
#include <tiffio.h>

// Strips and tiles have the size that the file's tags claim: at most this for libtiff; and for what is
// honest, 64 bits for each pixel, with room for tiles that reach beyond a small picture.
enum { ALLOCATION_MOST = 256 << 20, PIXEL_MOST = 8, UNIT_FREE = 16 << 20 };

typedef struct tiff_work {
    atl_ctx *ctx;
    const atl_image_source *source;
    uint64_t offset;
    char reason[512]; // of the first error
} tiff_work;

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args) {
    tiff_work *w = user;
    (void)tiff;
    (void)module;
    if (!w->reason[0])
        vsnprintf(w->reason, sizeof w->reason, format, args);
    return 1;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args) {
    (void)tiff;
    (void)user;
    (void)module;
    (void)format;
    (void)args;
    return 1;
}

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t size) {
    tiff_work *w = handle;
    uint64_t left = w->offset < w->source->size ? w->source->size - w->offset : 0;
    size_t n = size < 0 ? 0 : (uint64_t)size < left ? (size_t)size : (size_t)left;
    if (n)
        memcpy(out, w->source->data + w->offset, n);
    w->offset += n;
    return (tmsize_t)n;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t size) {
    (void)handle;
    (void)bytes;
    (void)size;
    return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
    tiff_work *w = handle;
    w->offset = whence == SEEK_SET   ? offset
                : whence == SEEK_CUR ? w->offset + offset
                                     : w->source->size + offset;
    return w->offset;
}

static toff_t on_size(thandle_t handle) {
    return ((tiff_work *)handle)->source->size;
}

static int on_close(thandle_t handle) {
    (void)handle;
    return 0;
}

// libtiff reads where the bytes lie, as it does with mapped files.
static int on_map(thandle_t handle, void **base, toff_t *size) {
    const tiff_work *w = handle;
    *base = (void *)w->source->data;
    *size = w->source->size;
    return 1;
}

static void on_unmap(thandle_t handle, void *base, toff_t size) {
    (void)handle;
    (void)base;
    (void)size;
}

static TIFF *open_tiff(tiff_work *w) {
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, ALLOCATION_MOST);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, w);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, w);
    TIFF *tiff = TIFFClientOpenExt("tiff", "r", w, on_read, on_write, on_seek, on_close, on_size, on_map,
                                   on_unmap, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

static atl_status refuse(const tiff_work *w, const char *reason) {
    const char *why = w->reason[0] ? w->reason : reason;
    return atl_fail(w->ctx, ATL_BAD_FILE, "%s: a TIFF that can't be read: %s", w->source->path,
                    *why ? why : "libtiff refuses it");
}

// One sample of a pixel that libtiff multiplied by its alpha.
static uint8_t divide(unsigned value, unsigned alpha) {
    unsigned v = alpha ? (value * 255 + alpha / 2) / alpha : 0;
    return (uint8_t)(v < 255 ? v : 255);
}

// raster: [height, width] of ABGR
static void unpack(const uint32_t *raster, int color, int alpha, atl_image *image) {
    size_t area = (size_t)image->width * (size_t)image->height;
    uint8_t *to = image->pixels;
    for (size_t i = 0; i < area; i++) {
        unsigned a = alpha ? TIFFGetA(raster[i]) : 255;
        unsigned rgb[3] = { TIFFGetR(raster[i]), TIFFGetG(raster[i]), TIFFGetB(raster[i]) };
        for (int c = 0; c < color; c++)
            *to++ = a == 255 ? (uint8_t)rgb[c] : divide(rgb[c], a);
        if (alpha)
            *to++ = (uint8_t)a;
    }
}

static atl_status read_raster(tiff_work *w, TIFF *tiff, TIFFRGBAImage *picture, atl_image *image) {
    int gray =
        picture->photometric == PHOTOMETRIC_MINISBLACK || picture->photometric == PHOTOMETRIC_MINISWHITE;
    int color = gray ? 1 : 3, alpha = picture->alpha != 0;
    uint64_t area = (uint64_t)picture->width * picture->height;
    uint64_t unit = TIFFIsTiled(tiff) ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff);
    if (unit > area * PIXEL_MOST + UNIT_FREE)
        return refuse(w, "its tiles or strips are much larger than the picture");
    ATL_TRY(atl_image_reserve(w->ctx, w->source, picture->width, picture->height,
                              area * (uint64_t)(4 + color + alpha) +
                                  unit)); // the raster, the picture, and one of these
    uint32_t *raster = atl_calloc(w->ctx, (size_t)area, sizeof *raster);
    if (!raster)
        return ATL_NO_MEMORY;
    picture->req_orientation = picture->orientation; // so that nothing is turned
    atl_status status = ATL_OK;
    if (!TIFFRGBAImageGet(picture, raster, picture->width, picture->height) || w->reason[0])
        status = refuse(w, "its data is damaged");
    if (status == ATL_OK)
        status = atl_image_init(w->ctx, (int)picture->width, (int)picture->height, color + alpha, image);
    if (status == ATL_OK)
        unpack(raster, color, alpha, image);
    atl_free(w->ctx, raster);
    return status;
}

static atl_status tiff_read(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    tiff_work w = { .ctx = ctx, .source = source };
    char reason[1024] = ""; // as long as libtiff wants it
    TIFFRGBAImage picture;
    uint32_t width = 0, height = 0;
    TIFF *tiff = open_tiff(&w);
    if (!tiff)
        return refuse(&w, "");
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    atl_status status = atl_image_check_claim(ctx, source, width, height);
    if (status == ATL_OK &&
        (!TIFFRGBAImageOK(tiff, reason) || !TIFFRGBAImageBegin(&picture, tiff, 1, reason)))
        status = refuse(&w, reason);
    else if (status == ATL_OK) {
        status = read_raster(&w, tiff, &picture, image);
        TIFFRGBAImageEnd(&picture);
    }
    TIFFClose(tiff);
    return status;
}

#else

#define tiff_read NULL

#endif

const atl_image_format atl_image_tiff = { "tiff", NULL, probe, tiff_read, NULL, NULL };
