// SPDX-License-Identifier: Apache-2.0
// The inside of alignment: what cropping and pasting share.
#ifndef ATL_EDIT_ALIGN_H
#define ATL_EDIT_ALIGN_H

#include <stdbool.h>
#include <atelier/align.h>

enum { ATL_ALIGN_PIXELS_MAX = 4096, ATL_ALIGN_PIXELS = 1024 };

// Length of a side.
double atl_quad_side(const atl_quad *quad);

// The smallest rectangle of whole pixels around it: left, top, right, bottom.
void atl_quad_bounds(const atl_quad *quad, int box[4]);

// Whether it is a square of this photo: see atl_align_crop().
atl_status atl_quad_check(atl_ctx *ctx, const atl_quad *quad, int width, int height);

// By how much a photo is made smaller before its square is read as so many pixels; 1: not.  Pasting needs it,
// since a pixel of the smaller photo is not where the first of its pixels was.
int atl_align_shrink(double side, int pixels);

// A photo that a square leaves is continued: `add` pixels [left, top, right, bottom] by reflection, blurred
// ever more towards the edge and pulled to the median.  `sigma` of the blur in pixels.
atl_status atl_align_border(atl_ctx *ctx, const atl_image *photo, const int add[4], double sigma,
                            atl_image *out);

#endif
