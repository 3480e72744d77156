// SPDX-License-Identifier: Apache-2.0
// Equivariance to translation and rotation (Karras et al. 2021, appendix E): what a picture should become,
// where that is known (the mask), and the peak signal-to-noise ratio against what the network made of a moved
// input.
//
// Pictures are [c, h, w] floats, masks [h, w] of 0 and 1: true for all channels.
#ifndef ATL_METRICS_EQUIVARIANCE_H
#define ATL_METRICS_EQUIVARIANCE_H

#include <stdint.h>
#include "metrics/estimate.h"

typedef enum atl_equi_kind { ATL_EQT_INT, ATL_EQT_FRAC, ATL_EQR } atl_equi_kind;

typedef struct atl_equi_move {
    atl_equi_kind kind;
    double tx, ty;   // in widths and heights, to the right and down
    double angle;    // counter-clockwise as seen, in radians
    double input[9]; // for StyleGAN3's setting "transform": the inverse of what its user says
} atl_equi_move;

// The move of sample `index`: translations up to an eighth, whole pixels of a w x h picture for ATL_EQT_INT;
// any angle.
atl_equi_move atl_equi_draw(atl_equi_kind kind, uint64_t seed, uint64_t index, int64_t h, int64_t w);

atl_status atl_equi_translate_int(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double tx,
                                  double ty, float *y, uint8_t *mask);
atl_status atl_equi_translate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double tx,
                              double ty, float *y, uint8_t *mask); // by Lanczos' filter of width 3
atl_status atl_equi_rotate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double angle,
                           float *y, uint8_t *mask);
// What rotation by the angle takes from the spectrum, without the rotation.
atl_status atl_equi_pseudo_rotate(atl_ctx *ctx, const float *x, int64_t c, int64_t h, int64_t w, double angle,
                                  float *y, uint8_t *mask);

// Squared differences of samples, added in the order in which they come.
typedef struct atl_equi_sum {
    int64_t samples;
    double squares, weight; // of differences; of the mask, times channels
    double ss, sw, ww;      // sums over samples of their products
} atl_equi_sum;

// One sample: `still` is the picture of the network at rest, `moved` that with move->input; both in [-1, 1].
atl_status atl_equi_add(atl_ctx *ctx, const atl_equi_move *move, const float *still, const float *moved,
                        int64_t c, int64_t h, int64_t w, atl_equi_sum *sum);
void atl_equi_merge(atl_equi_sum *sum, const atl_equi_sum *later);
atl_estimate atl_equi_psnr(const atl_equi_sum *sum); // dB; error: delta method over samples

#endif
