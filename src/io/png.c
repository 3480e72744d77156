// SPDX-License-Identifier: Apache-2.0
// PNG over libpng.  libpng reports errors by longjmp: every call that may jump happens in a function
// that owns nothing and keeps its state in a struct of its caller, so that a jump skips no release and
// no local variable changes behind setjmp.
#include "io/image_format.h"
#include "io/png_bands.h"

#include <png.h>
#include <setjmp.h>
#include <string.h>
#include <zlib.h>

// libpng allocates what a chunk claims before it reads it.  Nothing honest needs more than the chunk,
// which is in the file, or rows and unpacked text, which stay below this.
enum { TEXT_MAX = 8 << 20, READER_MEMORY = 16 << 20 };

typedef struct png_work {
    atl_ctx *ctx;
    const char *path;
    png_structp png;
    png_infop info;
    const atl_image_source *source;
    size_t offset; // bytes of the source already read
    const atl_image_job *job;
    atl_png_bands *bands; // NULL: libpng compresses
    atl_image image;
    png_bytep row; // one row, when the pixels are not wanted
    const char *key;
    char *value;
    atl_status status; // of the first failure
} png_work;

static int probe(const uint8_t *head, size_t size) {
    return size >= 8 && !png_sig_cmp(head, 0, 8);
}

static void on_error(png_structp png, png_const_charp message) {
    png_work *w = png_get_error_ptr(png);
    if (w->status == ATL_OK && w->job)
        w->status = atl_fail(w->ctx, ATL_INTERNAL, "%s: the PNG could not be made: %s", w->path, message);
    else if (w->status == ATL_OK)
        w->status = atl_fail(w->ctx, ATL_BAD_FILE, "%s: damaged PNG: %s", w->path, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    png_work *w = png_get_error_ptr(png);
    atl_log(w->ctx, ATL_LOG_DEBUG, "%s: %s", w->path, message);
}

static png_voidp on_alloc(png_structp png, png_alloc_size_t size) {
    png_work *w = png_get_mem_ptr(png);
    if (w->source && size > w->source->size + READER_MEMORY) {
        w->status = atl_fail(w->ctx, ATL_BAD_FILE, "%s: damaged PNG: a chunk larger than the file", w->path);
        return NULL;
    }
    void *memory = atl_alloc(w->ctx, size, 1);
    if (!memory)
        w->status = ATL_NO_MEMORY;
    return memory;
}

static void on_free(png_structp png, png_voidp memory) {
    png_work *w = png_get_mem_ptr(png);
    atl_free(w->ctx, memory);
}

static void on_read(png_structp png, png_bytep out, size_t size) {
    png_work *w = png_get_io_ptr(png);
    if (size > w->source->size - w->offset)
        png_error(png, "the file is cut short");
    memcpy(out, w->source->data + w->offset, size);
    w->offset += size;
}

static void on_write(png_structp png, png_bytep data, size_t size) {
    png_work *w = png_get_io_ptr(png);
    w->status = atl_image_bytes_add(w->ctx, w->job->out, data, size);
    if (w->status != ATL_OK)
        png_error(png, "out of memory");
}

static void on_flush(png_structp png) {
    (void)png;
}

static atl_status outcome(png_work *w, int fine) {
    if (fine && w->status != ATL_OK) // libpng did without the chunk: nothing failed
        atl_message_clear(w->ctx);
    if (fine)
        return ATL_OK;
    if (w->status != ATL_OK)
        return w->status;
    return atl_fail(w->ctx, ATL_INTERNAL, "%s: libpng could not start", w->path);
}

static int open_reader(png_work *w) {
    w->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, w, on_error, on_warning, w, on_alloc, on_free);
    if (!w->png)
        return 0;
    w->info = png_create_info_struct(w->png);
    return w->info != NULL;
}

static void read_header(png_work *w) {
    png_set_read_fn(w->png, w, on_read);
    png_set_user_limits(w->png, ATL_IMAGE_SIDE_MAX, ATL_IMAGE_SIDE_MAX);
    png_set_chunk_malloc_max(w->png, TEXT_MAX);
    png_set_chunk_cache_max(w->png, 256);
    png_read_info(w->png, w->info);
    // libpng goes on without a text that it had no memory for: that is a failure here
    if (w->status == ATL_OK)
        w->status = atl_image_check_claim(w->ctx, w->source, png_get_image_width(w->png, w->info),
                                          png_get_image_height(w->png, w->info));
    if (w->status != ATL_OK)
        png_error(w->png, "impossible size");
}

static int read_pixels(png_work *w) {
    if (setjmp(png_jmpbuf(w->png)))
        return 0;
    read_header(w);
    png_set_expand(w->png); // palette, fewer than 8 bits, transparent colour
    png_set_scale_16(w->png);
    int passes = png_set_interlace_handling(w->png);
    png_read_update_info(w->png, w->info);
    size_t row = png_get_rowbytes(w->png, w->info);
    int width = (int)png_get_image_width(w->png, w->info),
        height = (int)png_get_image_height(w->png, w->info);
    int channels = png_get_channels(w->png, w->info);
    w->status =
        atl_image_reserve(w->ctx, w->source, (uint64_t)width, (uint64_t)height, (uint64_t)height * row);
    if (w->status == ATL_OK)
        w->status = atl_image_init(w->ctx, width, height, channels, &w->image);
    if (w->status != ATL_OK || row != (size_t)width * (size_t)w->image.channels)
        png_error(w->png, "the rows have an unexpected size");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_read_row(w->png, w->image.pixels + (size_t)y * row, NULL);
    png_read_end(w->png, NULL);
    return 1;
}

static atl_status png_read(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    png_work w = { .ctx = ctx, .path = source->path, .source = source };
    int fine = open_reader(&w) && read_pixels(&w) && w.status == ATL_OK;
    png_destroy_read_struct(&w.png, &w.info, NULL);
    if (!fine)
        atl_image_clear(ctx, &w.image);
    *image = w.image;
    return outcome(&w, fine);
}

static int find_text(png_work *w) {
    png_textp text;
    int count = png_get_text(w->png, w->info, &text, NULL);
    for (int i = 0; i < count; i++) {
        if (strcmp(text[i].key, w->key))
            continue;
        size_t length = text[i].compression > 0 ? text[i].itxt_length : text[i].text_length;
        w->value = atl_image_text_copy(w->ctx, text[i].text ? text[i].text : "", text[i].text ? length : 0);
        if (!w->value) {
            w->status = ATL_NO_MEMORY;
            png_error(w->png, "out of memory");
        }
        return 1;
    }
    return 0;
}

// Text may stand before the pixels, as in our files, or after them.
static int read_text(png_work *w) {
    if (setjmp(png_jmpbuf(w->png)))
        return 0;
    read_header(w);
    if (find_text(w))
        return 1;
    int passes = png_set_interlace_handling(w->png);
    png_read_update_info(w->png, w->info);
    w->row = atl_alloc(w->ctx, png_get_rowbytes(w->png, w->info), 1);
    if (!w->row) {
        w->status = ATL_NO_MEMORY;
        png_error(w->png, "out of memory");
    }
    png_uint_32 height = png_get_image_height(w->png, w->info);
    for (int pass = 0; pass < passes; pass++)
        for (png_uint_32 y = 0; y < height; y++)
            png_read_row(w->png, w->row, NULL);
    png_read_end(w->png, w->info);
    find_text(w);
    return 1;
}

static atl_status png_text_get(atl_ctx *ctx, const atl_image_source *source, const char *key, char **value) {
    png_work w = { .ctx = ctx, .path = source->path, .source = source, .key = key };
    int fine = open_reader(&w) && read_text(&w) && w.status == ATL_OK;
    png_destroy_read_struct(&w.png, &w.info, NULL);
    atl_free(ctx, w.row);
    if (!fine) {
        atl_free(ctx, w.value);
        w.value = NULL;
    }
    *value = w.value;
    return outcome(&w, fine);
}

// IDAT and IEND.  The trailer of png_write_end() is not for those who write chunks of their own.
static void write_bands(png_work *w) {
    const unsigned char *data;
    size_t size;
    for (int i = 0; (data = atl_png_bands_get(w->bands, i, &size)) != NULL; i++)
        png_write_chunk(w->png, (png_const_bytep) "IDAT", data, size);
    png_write_chunk(w->png, (png_const_bytep) "IEND", NULL, 0);
}

static int write_all(png_work *w) {
    static const int colors[5] = { 0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                   PNG_COLOR_TYPE_RGB_ALPHA };
    if (setjmp(png_jmpbuf(w->png)))
        return 0;
    const atl_image *image = w->job->image;
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_user_limits(w->png, ATL_IMAGE_SIDE_MAX, ATL_IMAGE_SIDE_MAX);
    // Photographs seldom repeat: after one filter, run lengths and Huffman codes alone are about as
    // small as zlib's matching (within 1 %) and four times as fast as libpng's defaults.
    png_set_compression_strategy(w->png, Z_RLE);
    png_set_filter(w->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 colors[image->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    for (size_t i = 0; i < w->job->pairs; i++) {
        png_text text = { .compression = PNG_ITXT_COMPRESSION_NONE,
                          .key = (png_charp)w->job->text[i].key,
                          .text = (png_charp)w->job->text[i].value };
        png_set_text(w->png, w->info, &text, 1);
    }
    png_write_info(w->png, w->info);
    if (w->bands) {
        write_bands(w);
        return 1;
    }
    size_t row = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++)
        png_write_row(w->png, image->pixels + (size_t)y * row);
    png_write_end(w->png, NULL);
    return 1;
}

static atl_status png_write(atl_ctx *ctx, const atl_image_job *job) {
    png_work w = { .ctx = ctx, .path = job->path, .job = job };
    ATL_TRY(atl_png_bands_make(ctx, job->image, &w.bands));
    w.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w, on_error, on_warning, &w, on_alloc, on_free);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    int fine = w.info && write_all(&w);
    png_destroy_write_struct(&w.png, &w.info);
    atl_png_bands_free(ctx, &w.bands);
    return outcome(&w, fine);
}

const atl_image_format atl_image_png = { "png", NULL, probe, png_read, png_write, png_text_get };
