// SPDX-License-Identifier: Apache-2.0
// 256 colours for one picture, and the picture in them: for GIF.
#ifndef ATL_IO_VIDEO_PALETTE_H
#define ATL_IO_VIDEO_PALETTE_H

#include "base/mem.h"

typedef struct atl_palette atl_palette; // working memory, kept between frames

atl_palette *atl_palette_open(atl_ctx *ctx, int width, int height); // NULL: no memory, with a message
void atl_palette_close(atl_palette **palette);

// rgb [height, width, 3] to `index` (rows at `stride` bytes) into argb [256], all opaque.
void atl_palette_apply(atl_palette *palette, const uint8_t *rgb, uint8_t *index, size_t stride,
                       uint32_t *argb);

#endif
