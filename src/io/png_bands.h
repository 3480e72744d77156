// SPDX-License-Identifier: Apache-2.0
// The pixels of a large picture, compressed by all threads: bands of rows, each a part of one zlib stream.
#ifndef ATL_IO_PNG_BANDS_H
#define ATL_IO_PNG_BANDS_H

#include <atelier/image.h>
#include "base/ctx.h"

typedef struct atl_png_bands atl_png_bands;

// *bands stays NULL when the picture is too small for more than one, or too large to have them all in memory.
// What is written depends on the picture alone, not on the number of threads.
atl_status atl_png_bands_make(atl_ctx *ctx, const atl_image *image, atl_png_bands **bands);
void atl_png_bands_free(atl_ctx *ctx, atl_png_bands **bands);

// The stream in pieces, in order; NULL behind the last.
const unsigned char *atl_png_bands_get(const atl_png_bands *bands, int index, size_t *size);

#endif
