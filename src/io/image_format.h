// SPDX-License-Identifier: Apache-2.0
// What a picture format is to image.c: a row of functions between bytes in memory and pixels.  Adding a
// format is one file with such a row and one line in image.c.  Public face: <atelier/image.h>.
#ifndef ATL_IO_IMAGE_FORMAT_H
#define ATL_IO_IMAGE_FORMAT_H

#include <stdbool.h>
#include <atelier/image.h>
#include "base/mem.h"

enum { ATL_IMAGE_SIDE_MAX = 32768 };

// Bytes that grow while a picture is encoded.
typedef struct atl_image_bytes {
    uint8_t *data;
    size_t size, capacity;
} atl_image_bytes;

atl_status atl_image_bytes_add(atl_ctx *ctx, atl_image_bytes *bytes, const void *data, size_t size);

// A whole file in memory; `path` is for sentences.
typedef struct atl_image_source {
    const char *path;
    const uint8_t *data;
    size_t size;
} atl_image_source;

typedef struct atl_image_job {
    const char *path;                // for sentences
    const atl_image *image;
    int quality;                     // 1 to 100
    const atl_pair *text;
    size_t pairs;
    atl_image_bytes *out;
} atl_image_job;

typedef struct atl_image_format {
    const char *name, *other_name;   // "jpg", "jpeg"; other_name may be NULL
    int (*probe)(const uint8_t *head, size_t size);
    // Initialises *image on success; on failure it is untouched or cleared.  NULL: this build can't read it.
    atl_status (*read)(atl_ctx *ctx, const atl_image_source *source, atl_image *image);
    atl_status (*write)(atl_ctx *ctx, const atl_image_job *job); // NULL: the format is only read
    // *value stays NULL when there is no such text.  NULL: the format keeps none.
    atl_status (*text)(atl_ctx *ctx, const atl_image_source *source, const char *key, char **value);
} atl_image_format;

extern const atl_image_format atl_image_png, atl_image_jpeg, atl_image_webp, atl_image_gif, atl_image_tiff,
    atl_image_bmp;

// Whether bytes begin as a picture of some format does.
bool atl_image_is_known(const uint8_t *data, size_t size);

// Reads a picture that is in memory, recognised by its content.
atl_status atl_image_decode(atl_ctx *ctx, const atl_image_source *source, atl_image *image);

// Fails when a picture of this size can't come from a file of `size` bytes: 8192 pixels per byte is
// beyond what deflate (1032 bytes from one, 8 pixels in each) and JPEG (one bit per block) can express.
atl_status atl_image_check_claim(atl_ctx *ctx, const atl_image_source *source, uint64_t width,
                                 uint64_t height);

// Before room is made for the pixels of a picture: fails when it has more than 16 million and 32 for each
// byte of the file, which no photograph comes near and which keeps a small file from asking for gigabytes.
// Then takes `bytes`, all that reading needs, from the budget of the context: it may wait for other threads.
atl_status atl_image_reserve(atl_ctx *ctx, const atl_image_source *source, uint64_t width, uint64_t height,
                             uint64_t bytes);

// A copy that atl_text_free() releases.
char *atl_image_text_copy(atl_ctx *ctx, const char *text, size_t length);

#endif
