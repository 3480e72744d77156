// SPDX-License-Identifier: Apache-2.0
// Pictures that look alike: a difference hash of 64 bits finds candidates, small thumbnails confirm them.
#ifndef ATL_DATA_ALIKE_H
#define ATL_DATA_ALIKE_H

#include <atelier/image.h>

enum { ATL_LOOK_WIDTH = 9, ATL_LOOK_HEIGHT = 8, ATL_LOOK = ATL_LOOK_WIDTH * ATL_LOOK_HEIGHT };

typedef struct atl_look {
    uint64_t hash;          // bit: a pixel of the thumbnail is darker than the one to its right
    uint8_t gray[ATL_LOOK]; // [8, 9]
} atl_look;

atl_status atl_look_make(atl_ctx *ctx, const atl_image *image, atl_look *look);

// twin[i] becomes the first picture that looks like i, or UINT32_MAX.  Pictures with looks[i] where
// present[i] is 0 are passed over.
atl_status atl_looks_compare(atl_ctx *ctx, const atl_look *looks, const uint8_t *present, uint32_t count,
                             uint32_t *twin);

#endif
