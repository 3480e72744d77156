// SPDX-License-Identifier: Apache-2.0
// Pictures in memory, and the table of formats that read and write them.  The formats work on whole
// files in memory; reading and the atomic writing of files is io/file.h.
#include "io/image_format.h"

#include <ctype.h>
#include <string.h>

#include "base/budget.h"
#include "io/file.h"

static const atl_image_format *const formats[] = { &atl_image_png, &atl_image_jpeg, &atl_image_webp,
                                                   &atl_image_gif, &atl_image_tiff, &atl_image_bmp };
enum { FORMATS = sizeof formats / sizeof *formats, PIXELS_FREE = 1 << 24, PIXELS_PER_BYTE = 32 };

atl_status atl_image_init(atl_ctx *ctx, int width, int height, int channels, atl_image *image) {
    *image = (atl_image){ 0 };
    if (width < 1 || height < 1 || width > ATL_IMAGE_SIDE_MAX || height > ATL_IMAGE_SIDE_MAX)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a picture of %dx%d pixels: each side must be 1 to %d", width,
                        height, ATL_IMAGE_SIDE_MAX);
    if (channels < 1 || channels > 4)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "a picture of %d channels: it must have 1 to 4", channels);
    uint64_t bytes = (uint64_t)width * (uint64_t)height * (uint64_t)channels;
    if (bytes > ctx->memory_cap)
        return atl_fail(ctx, ATL_NO_MEMORY, "a picture of %dx%d pixels is over the limit of %zu bytes", width,
                        height, ctx->memory_cap);
    image->pixels = atl_calloc(ctx, (size_t)bytes, 1);
    if (!image->pixels)
        return ATL_NO_MEMORY;
    image->width = width;
    image->height = height;
    image->channels = channels;
    return ATL_OK;
}

void atl_image_clear(atl_ctx *ctx, atl_image *image) {
    atl_free(ctx, image->pixels);
    *image = (atl_image){ 0 };
}

void atl_image_from_float(const float *chw, atl_image *image) {
    size_t area = (size_t)image->width * (size_t)image->height, channels = (size_t)image->channels;
    for (size_t c = 0; c < channels; c++) {
        const float *x = chw + c * area; // [height, width]
        uint8_t *p = image->pixels + c;
        for (size_t i = 0; i < area; i++) {
            float v = x[i] * 127.5f + 128.0f;
            v = v > 0.0f ? v : 0.0f; // NaN compares false: 0
            v = v < 255.0f ? v : 255.0f;
            p[i * channels] = (uint8_t)v;
        }
    }
}

void atl_image_paste(atl_image *image, const atl_image *tile, int x, int y) {
    if (x < 0 || y < 0 || tile->channels != image->channels || x > image->width - tile->width ||
        y > image->height - tile->height)
        return;
    size_t c = (size_t)image->channels, row = (size_t)tile->width * c;
    for (int i = 0; i < tile->height; i++) {
        size_t at = ((size_t)(y + i) * (size_t)image->width + (size_t)x) * c;
        memcpy(image->pixels + at, tile->pixels + (size_t)i * row, row);
    }
}

atl_status atl_image_bytes_add(atl_ctx *ctx, atl_image_bytes *bytes, const void *data, size_t size) {
    if (size > SIZE_MAX / 4 - bytes->size)
        return atl_fail(ctx, ATL_NO_MEMORY, "an encoded picture does not fit in memory");
    if (bytes->capacity - bytes->size < size) {
        size_t capacity = (bytes->size + size) * 2;
        uint8_t *larger = atl_grow(ctx, bytes->data, bytes->size, capacity, 1);
        if (!larger)
            return ATL_NO_MEMORY;
        bytes->data = larger;
        bytes->capacity = capacity;
    }
    if (size)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return ATL_OK;
}

atl_status atl_image_check_claim(atl_ctx *ctx, const atl_image_source *source, uint64_t width,
                                 uint64_t height) {
    if (width == 0 || height == 0)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: the picture has no pixels", source->path);
    if (width > ATL_IMAGE_SIDE_MAX || height > ATL_IMAGE_SIDE_MAX)
        return atl_fail(ctx, ATL_BAD_FILE, "%s: a picture of %llux%llu pixels; each side may be at most %d",
                        source->path, (unsigned long long)width, (unsigned long long)height,
                        ATL_IMAGE_SIDE_MAX);
    if (width * height / 8192 > source->size)
        return atl_fail(ctx, ATL_BAD_FILE,
                        "%s: claims %llux%llu pixels, but has only %zu bytes: it is damaged", source->path,
                        (unsigned long long)width, (unsigned long long)height, source->size);
    return ATL_OK;
}

atl_status atl_image_reserve(atl_ctx *ctx, const atl_image_source *source, uint64_t width, uint64_t height,
                             uint64_t bytes) {
    ATL_TRY(atl_image_check_claim(ctx, source, width, height));
    uint64_t pixels = width * height; // each below 2^16
    if (pixels > PIXELS_FREE && (pixels - PIXELS_FREE) / PIXELS_PER_BYTE > source->size)
        return atl_fail(
            ctx, ATL_BAD_FILE,
            "%s: claims %llux%llu pixels in %zu bytes, which no photograph does; if it is right, make it "
            "smaller",
            source->path, (unsigned long long)width, (unsigned long long)height, source->size);
    if (bytes > ctx->memory_cap)
        return atl_fail(ctx, ATL_NO_MEMORY,
                        "%s: a picture of %llux%llu pixels is over the limit of %zu bytes", source->path,
                        (unsigned long long)width, (unsigned long long)height, ctx->memory_cap);
    atl_budget_take(ctx, (size_t)bytes);
    return ATL_OK;
}

static const atl_image_format *format_by_name(const char *name) {
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i]->write && (!strcmp(name, formats[i]->name) ||
                                  (formats[i]->other_name && !strcmp(name, formats[i]->other_name))))
            return formats[i];
    return NULL;
}

static const atl_image_format *format_by_content(const atl_image_source *source) {
    for (size_t i = 0; i < FORMATS; i++)
        if (formats[i]->probe(source->data, source->size))
            return formats[i];
    return NULL;
}

bool atl_image_is_known(const uint8_t *data, size_t size) {
    return format_by_content(&(atl_image_source){ "", data, size }) != NULL;
}

// `path` is what sentences call the picture.
static atl_status encode(atl_ctx *ctx, const char *path, const char *format, const atl_image_job *job) {
    const atl_image *image = job->image;
    const atl_image_format *f = format ? format_by_name(format) : NULL;
    if (!format)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: no picture format is named; known are png, jpg, webp", path);
    if (!f)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: unknown picture format \"%s\"; known are png, jpg, webp",
                        path, format);
    if (job->quality < 0 || job->quality > 100)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: quality %d; it must be 1 to 100", path, job->quality);
    if (!image->pixels || image->width < 1 || image->height < 1 || image->channels < 1 || image->channels > 4)
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "%s: there is no picture to write", path);
    atl_image_job whole = *job;
    whole.quality = job->quality ? job->quality : 95;
    return f->write(ctx, &whole);
}

atl_status atl_image_write(atl_ctx *ctx, const char *path, const char *format, const atl_image *image,
                           int quality, const atl_pair *text, size_t pairs) {
    atl_image_bytes bytes = { 0 };
    const atl_image_job job = { path, image, quality, text, pairs, &bytes };
    atl_status status = encode(ctx, path, format, &job);
    if (status == ATL_OK)
        status = atl_file_write(ctx, path, bytes.data, bytes.size);
    atl_free(ctx, bytes.data);
    return status;
}

atl_status atl_image_encode(atl_ctx *ctx, const char *format, const atl_image *image, int quality,
                            const atl_pair *text, size_t pairs, char **bytes, size_t *size) {
    atl_image_bytes made = { 0 };
    const atl_image_job job = { "a picture", image, quality, text, pairs, &made };
    atl_status status = encode(ctx, "a picture", format, &job);
    if (status != ATL_OK)
        atl_free(ctx, made.data);
    *bytes = status == ATL_OK ? (char *)made.data : NULL;
    *size = status == ATL_OK ? made.size : 0;
    return status;
}

static atl_status find_format(atl_ctx *ctx, const atl_image_source *source, const atl_image_format **format) {
    *format = format_by_content(source);
    return *format ? ATL_OK
                   : atl_fail(ctx, ATL_BAD_FILE, "%s: not a PNG, JPEG, WebP, GIF, TIFF or BMP picture",
                              source->path);
}

static atl_status refuse_absent(atl_ctx *ctx, const char *path, const char *name) {
    char title[16] = "";
    for (size_t i = 0; name[i] && i + 1 < sizeof title; i++)
        title[i] = (char)toupper((unsigned char)name[i]);
    return atl_fail(ctx, ATL_UNSUPPORTED,
                    "%s: this build reads no %s; build with -D%s=enabled, or convert it to PNG", path, title,
                    name);
}

atl_status atl_image_read(atl_ctx *ctx, const char *path, atl_image *image) {
    *image = (atl_image){ 0 };
    atl_file file;
    ATL_TRY(atl_file_map(ctx, path, &file));
    atl_status status = atl_image_decode(ctx, &(atl_image_source){ path, file.data, file.bytes }, image);
    atl_file_unmap(&file);
    return status;
}

atl_status atl_image_decode(atl_ctx *ctx, const atl_image_source *source, atl_image *image) {
    *image = (atl_image){ 0 };
    const atl_image_format *format;
    ATL_TRY(find_format(ctx, source, &format));
    return format->read ? format->read(ctx, source, image) : refuse_absent(ctx, source->path, format->name);
}

char *atl_image_text_copy(atl_ctx *ctx, const char *text, size_t length) {
    char *copy = atl_alloc(ctx, length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

atl_status atl_image_text(atl_ctx *ctx, const char *path, const char *key, char **value) {
    *value = NULL;
    atl_file file;
    const atl_image_format *format;
    ATL_TRY(atl_file_map(ctx, path, &file));
    atl_image_source source = { path, file.data, file.bytes };
    atl_status status = find_format(ctx, &source, &format);
    if (status == ATL_OK && format->text)
        status = format->text(ctx, &source, key, value);
    atl_file_unmap(&file);
    return status;
}

void atl_text_free(atl_ctx *ctx, char *text) {
    atl_free(ctx, text);
}
