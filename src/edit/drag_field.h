// SPDX-License-Identifier: Apache-2.0
// What dragging does with features: they are a field over the picture, read anywhere by interpolation. Losses
// on it are a few lines with known derivatives, so they are computed here, and the graph knows only the
// network.
#ifndef ATL_EDIT_DRAG_FIELD_H
#define ATL_EDIT_DRAG_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Features x [h, w, c] of a picture of width x height pixels.  `rate`: samples of the field across the
// picture; h and w themselves, or less by a margin on both sides (StyleGAN3).
typedef struct atl_field {
    int h, w, c;
    int width, height;
    double rate_x, rate_y;
} atl_field;

typedef struct atl_spot {
    double x, y;
} atl_spot;

// Features [c] at a whole pixel of the picture: bilinear between samples, whose edge goes on.
void atl_field_at(const atl_field *f, const float *x, int px, int py, float *out);

// Between pixels: bilinear between those; outside of the picture zeros.
void atl_field_between(const atl_field *f, const float *x, atl_spot at, float *out);

// The whole pixel within `radius` of `from` in both axes whose features are nearest to `wanted` [c]; of
// several the first.  room [c].
atl_spot atl_field_track(const atl_field *f, const float *x, const float *wanted, atl_spot from, int radius,
                         float *room);

// Motion supervision (Pan et al. 2023, equation 1) of one handle: the mean over pixels q nearer than `radius`
// and over channels of |F(q) - F(q + d)|, d the unit vector from the handle to its target, F(q) held fixed.
// Its gradient is added to dx.  room [2 c].
double atl_field_push(const atl_field *f, const float *x, atl_spot handle, atl_spot target, double radius,
                      float *dx, float *room);

// The mask's term: weight * mean of |x - first| * frozen, frozen [h, w]; its gradient is added to dx.
double atl_field_hold(const atl_field *f, const float *x, const float *first, const float *frozen,
                      double weight, float *dx);

// mask [height, width], not 0 where the picture may change, as the part of each sample's surroundings that
// may not.
void atl_field_freeze(const atl_field *f, const uint8_t *mask, float *frozen);

#endif
