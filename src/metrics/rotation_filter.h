// SPDX-License-Identifier: Apache-2.0
// The low-pass filter of a rotation (Karras et al. 2021, appendix E.3): it keeps what both the pixel grid and
// the turned grid can hold.  Its spectrum is the common part of two squares, its length is limited by two
// Lanczos windows, of which one is turned, too.
#ifndef ATL_METRICS_ROTATION_FILTER_H
#define ATL_METRICS_ROTATION_FILTER_H

#include <stdint.h>
#include "base/ctx.h"

enum { ATL_ROTATION_RADIUS = 6 }; // pixels: two windows of radius 3

typedef struct atl_rotation_filter {
    int64_t up, side; // points per pixel; taps in a row, an odd number
    double tap[];     // [side, side]; the taps that meet pixels sum to 1 at each point of the fine grid
} atl_rotation_filter;

// Freed with atl_free().
atl_status atl_rotation_filter_make(atl_ctx *ctx, double angle, int up, atl_rotation_filter **filter);

#endif
