// SPDX-License-Identifier: Apache-2.0
// Pictures of 8 bits per channel: read and write PNG, JPEG and WebP; read GIF, TIFF and BMP.
#ifndef ATELIER_IMAGE_H
#define ATELIER_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <atelier/array.h>

#ifdef __cplusplus
extern "C" {
#endif

// Rows from top to bottom, pixels interleaved: pixels[(y * width + x) * channels + c].
typedef struct atl_image {
    int width, height;
    int channels;      // 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha
    uint8_t *pixels;   // owned by the image
} atl_image;

// Allocates a black image.  Clear it with atl_image_clear().
ATL_API atl_status atl_image_init(atl_ctx *ctx, int width, int height, int channels, atl_image *image);
ATL_API void atl_image_clear(atl_ctx *ctx, atl_image *image); // releases the pixels and zeroes the struct

// One network output [channels, height, width] in about [-1, 1] to 8 bits, as the official scripts do:
// clamp(x * 127.5 + 128, 0, 255), truncated.  NaN becomes 0.  The image must have that shape.
ATL_API void atl_image_from_float(const float *chw, atl_image *image);

// Copies `tile` into `image` with its top left corner at (x, y); it must lie inside and have as many channels.
ATL_API void atl_image_paste(atl_image *image, const atl_image *tile, int x, int y);

// Format names: "png", "jpg", "webp".  Quality 1 to 100 for jpg (default 95 when 0) and webp (default 95,
// 100 is lossless).  `text` pairs are kept: in PNG as iTXt, in JPEG as comments (those of 64 kB at most), in
// WebP as XMP.
// Written beside `path`, then renamed.
ATL_API atl_status atl_image_write(atl_ctx *ctx, const char *path, const char *format, const atl_image *image,
                           int quality, const atl_pair *text, size_t pairs);

// The same into memory: *bytes has *size of them, and is freed with atl_text_free().  On failure it is NULL.
ATL_API atl_status atl_image_encode(atl_ctx *ctx, const char *format, const atl_image *image, int quality,
                                    const atl_pair *text, size_t pairs, char **bytes, size_t *size);

// Reads a picture, recognised by its content.  Palette, 16-bit, CMYK become 8-bit gray or RGB (with alpha).
// Of a GIF or TIFF it is the first picture.
ATL_API atl_status atl_image_read(atl_ctx *ctx, const char *path, atl_image *image);

// The text stored under `key` in a picture: *value is NULL when there is none, else owned by the caller,
// who frees it with atl_text_free().
ATL_API atl_status atl_image_text(atl_ctx *ctx, const char *path, const char *key, char **value);

#ifdef __cplusplus
}
#endif
#endif
