// SPDX-License-Identifier: Apache-2.0
// Resizing, with Pillow's arithmetic to the last bit: data sets made here equal those of the official
// tool.  Also the centre crops of that tool.
#ifndef ATL_DATA_RESIZE_H
#define ATL_DATA_RESIZE_H

#include <atelier/dataset.h>

// A resized copy.  A side that does not change is not filtered, as in Pillow.  ATL_RESIZE_AREA weighs
// each source pixel by the part of it that lies under the new pixel.
atl_status atl_image_resize(atl_ctx *ctx, const atl_image *from, int width, int height, atl_resize filter,
                            atl_image *to);

// A copy of the rectangle at (x, y); it must lie inside.
atl_status atl_image_crop(atl_ctx *ctx, const atl_image *from, int x, int y, int width, int height,
                          atl_image *to);

#endif
