// SPDX-License-Identifier: Apache-2.0
// The first picture of a GIF over giflib, or a row that says that this build has none.
#include "io/image_format.h"

#include <stdbool.h>
#include <string.h>

static int probe(const uint8_t *head, size_t size) {
    return size >= 6 && (!memcmp(head, "GIF87a", 6) || !memcmp(head, "GIF89a", 6));
}

#ifdef ATL_HAVE_GIF

#include <gif_lib.h>

typedef struct gif_work {
    atl_ctx *ctx;
    const atl_image_source *source;
    size_t offset; // bytes of the source already read
    GifFileType *gif;
    int clear;     // index of the transparent colour; -1: none
    uint8_t *line; // [width of the frame] indices
    atl_image image;
} gif_work;

static int on_read(GifFileType *gif, GifByteType *out, int size) {
    gif_work *w = gif->UserData;
    size_t left = w->source->size - w->offset, n = (size_t)size < left ? (size_t)size : left;
    memcpy(out, w->source->data + w->offset, n);
    w->offset += n;
    return (int)n;
}

static atl_status refuse(const gif_work *w, int code) {
    const char *reason = GifErrorString(code);
    return atl_fail(w->ctx, code == D_GIF_ERR_NOT_ENOUGH_MEM ? ATL_NO_MEMORY : ATL_BAD_FILE,
                    "%s: damaged GIF: %s", w->source->path, reason ? reason : "giflib refuses it");
}

static atl_status read_extension(gif_work *w) {
    GifByteType *block;
    int code;
    GraphicsControlBlock control;
    if (DGifGetExtension(w->gif, &code, &block) != GIF_OK)
        return refuse(w, w->gif->Error);
    if (block && code == GRAPHICS_EXT_FUNC_CODE &&
        DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
        w->clear = control.TransparentColor;
    while (block)
        if (DGifGetExtensionNext(w->gif, &block) != GIF_OK)
            return refuse(w, w->gif->Error);
    return ATL_OK;
}

// Goes to the first frame, by way of what may stand before it.
static atl_status find_frame(gif_work *w) {
    GifRecordType type;
    for (;;) {
        if (DGifGetRecordType(w->gif, &type) != GIF_OK)
            return refuse(w, w->gif->Error);
        if (type == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(w->gif) == GIF_OK ? ATL_OK : refuse(w, w->gif->Error);
        if (type != EXTENSION_RECORD_TYPE)
            return atl_fail(w->ctx, ATL_BAD_FILE, "%s: a GIF without a picture", w->source->path);
        ATL_TRY(read_extension(w));
    }
}

// Grays from black to white in order are how GIF says gray.
static int channels_of(const gif_work *w, const ColorMapObject *map, int covered) {
    bool gray = true;
    for (int i = 0; i < map->ColorCount && gray; i++) {
        GifColorType c = map->Colors[i];
        gray = c.Red == c.Green && c.Green == c.Blue && c.Red == (map->ColorCount == 2 ? 255 * i : i);
    }
    return (gray ? 1 : 3) + (w->clear >= 0 || !covered);
}

static void put_line(const gif_work *w, const ColorMapObject *map, int left, int y, int width) {
    size_t c = (size_t)w->image.channels;
    uint8_t *to = w->image.pixels + ((size_t)y * (size_t)w->image.width + (size_t)left) * c;
    for (int x = 0; x < width; x++, to += c) {
        int index = w->line[x];
        GifColorType color = index < map->ColorCount ? map->Colors[index] : (GifColorType){ 0, 0, 0 };
        to[0] = color.Red;
        if (c >= 3) {
            to[1] = color.Green;
            to[2] = color.Blue;
        }
        if (c == 2 || c == 4)
            to[c - 1] = index == w->clear ? 0 : 255;
    }
}

static atl_status read_lines(gif_work *w, const ColorMapObject *map) {
    static const int starts[] = { 0, 4, 2, 1 }, steps[] = { 8, 8, 4, 2 }; // of interlaced rows
    const GifImageDesc *frame = &w->gif->Image;
    for (int pass = 0; pass < (frame->Interlace ? 4 : 1); pass++)
        for (int y = frame->Interlace ? starts[pass] : 0; y < frame->Height;
             y += frame->Interlace ? steps[pass] : 1) {
            if (DGifGetLine(w->gif, w->line, frame->Width) != GIF_OK)
                return refuse(w, w->gif->Error);
            put_line(w, map, frame->Left, frame->Top + y, frame->Width);
        }
    return ATL_OK;
}

// On a canvas as large as the screen of the file, or as the frame needs.
static atl_status read_frame(gif_work *w) {
    const GifImageDesc *frame = &w->gif->Image;
    const ColorMapObject *map = frame->ColorMap ? frame->ColorMap : w->gif->SColorMap;
    int width = frame->Left + frame->Width, height = frame->Top + frame->Height; // each of 16 bits
    if (!map || frame->Width < 1 || frame->Height < 1)
        return atl_fail(w->ctx, ATL_BAD_FILE, "%s: damaged GIF: a picture without %s", w->source->path,
                        map ? "pixels" : "colours");
    int covered = frame->Left == 0 && frame->Top == 0 && width >= w->gif->SWidth && height >= w->gif->SHeight;
    width = width > w->gif->SWidth ? width : w->gif->SWidth;
    height = height > w->gif->SHeight ? height : w->gif->SHeight;
    int channels = channels_of(w, map, covered);
    ATL_TRY(atl_image_reserve(w->ctx, w->source, (uint64_t)width, (uint64_t)height,
                              (uint64_t)width * (uint64_t)height * (uint64_t)channels));
    w->line = atl_alloc(w->ctx, (size_t)frame->Width, 1);
    if (!w->line)
        return ATL_NO_MEMORY;
    ATL_TRY(atl_image_init(w->ctx, width, height, channels, &w->image));
    return read_lines(w, map);
}

static atl_status gif_read(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    int code = 0;
    gif_work w = { .ctx = ctx, .source = source, .clear = -1 };
    w.gif = DGifOpen(&w, on_read, &code);
    if (!w.gif)
        return refuse(&w, code);
    atl_status status = find_frame(&w);
    if (status == ATL_OK)
        status = read_frame(&w);
    DGifCloseFile(w.gif, &code);
    atl_free(ctx, w.line);
    if (status != ATL_OK)
        atl_image_clear(ctx, &w.image);
    *image = w.image;
    return status;
}

#else

#define gif_read NULL

#endif

const atl_image_format atl_image_gif = { "gif", NULL, probe, gif_read, NULL, NULL };
