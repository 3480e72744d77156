// SPDX-License-Identifier: Apache-2.0
// The arithmetic of perceptual path length (Karras et al. 2019, 2020).
#ifndef ATL_METRICS_PATH_LENGTH_H
#define ATL_METRICS_PATH_LENGTH_H

#include <stddef.h>
#include <stdint.h>
#include "metrics/estimate.h"

#define ATL_PPL_EPSILON 1e-4 // step along the path

// The point at t between a and b [size]: both normalised, on the sphere, of unit length; or on the line.
void atl_ppl_slerp(const float *a, const float *b, size_t size, double t, float *out);
void atl_ppl_lerp(const float *a, const float *b, size_t size, double t, float *out);

// What the detector sees of a picture [c, h, w]: with `crop` rows 3/8 to 7/8 and columns 2/8 to 6/8, which is
// the face in an aligned portrait; then averages of f x f pixels, f = rows of the window / 256, where that is
// 2 or more.
typedef struct atl_ppl_view {
    int64_t top, left, rows, columns; // of the window
    int64_t factor, height, width;    // of the averages; size of the view
} atl_ppl_view;

atl_ppl_view atl_ppl_view_of(int64_t h, int64_t w, bool crop);
void atl_ppl_see(const atl_ppl_view *view, const float *image, int64_t c, int64_t h, int64_t w, float *seen);
// The same of a picture in [-1, 1] as detectors take it: three colours from 0 to 255, not rounded.
void atl_ppl_see_colours(const atl_ppl_view *view, const float *image, int64_t c, int64_t h, int64_t w,
                         float *seen);

// |a - b|^2 / epsilon^2 of two detector outputs.
double atl_ppl_distance(const float *a, const float *b, int64_t width);

// The mean of the distances from the 1st percentile (lower) to the 99th (higher), both included; error:
// bootstrap.
atl_status atl_ppl_mean(atl_ctx *ctx, const float *distances, int64_t n, uint64_t seed, atl_estimate *ppl);

#endif
