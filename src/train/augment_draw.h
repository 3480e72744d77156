// SPDX-License-Identifier: Apache-2.0
// Where the numbers of an augmentation come from: Philox when training, a percentile or recorded numbers otherwise.
#ifndef ATL_TRAIN_AUGMENT_DRAW_H
#define ATL_TRAIN_AUGMENT_DRAW_H

#include "train/augment.h"

// The numbers of one sample.  An operation's GATE says whether it is applied: the gate's number is below
// p * strength.  Their values are part of what a seed means: append, don't reorder.
typedef enum atl_draw {
    // uniform in [0, 1)
    ATL_DRAW_XFLIP, ATL_DRAW_XFLIP_GATE, ATL_DRAW_ROTATE90, ATL_DRAW_ROTATE90_GATE,
    ATL_DRAW_XINT_X, ATL_DRAW_XINT_Y, ATL_DRAW_XINT_GATE,
    ATL_DRAW_SCALE_GATE, ATL_DRAW_ROTATE_PRE, ATL_DRAW_ROTATE_PRE_GATE, ATL_DRAW_ANISO_GATE,
    ATL_DRAW_ROTATE_POST, ATL_DRAW_ROTATE_POST_GATE, ATL_DRAW_XFRAC_GATE,
    ATL_DRAW_BRIGHTNESS_GATE, ATL_DRAW_CONTRAST_GATE, ATL_DRAW_LUMAFLIP, ATL_DRAW_LUMAFLIP_GATE,
    ATL_DRAW_HUE, ATL_DRAW_HUE_GATE, ATL_DRAW_SATURATION_GATE,
    ATL_DRAW_IMGFILTER_GATE, // four, one per band
    ATL_DRAW_NOISE_GATE = ATL_DRAW_IMGFILTER_GATE + 4,
    ATL_DRAW_CUTOUT_GATE, ATL_DRAW_CUTOUT_X, ATL_DRAW_CUTOUT_Y,
    // unit normal
    ATL_DRAW_NORMAL = 32,
    ATL_DRAW_SCALE = ATL_DRAW_NORMAL, ATL_DRAW_ANISO, ATL_DRAW_XFRAC_X, ATL_DRAW_XFRAC_Y,
    ATL_DRAW_BRIGHTNESS, ATL_DRAW_CONTRAST, ATL_DRAW_SATURATION,
    ATL_DRAW_IMGFILTER,      // four
    ATL_DRAW_NOISE = ATL_DRAW_IMGFILTER + 4,
    ATL_DRAWS = 64
} atl_draw;

typedef struct atl_augment_source {
    void *state;
    float (*number)(void *state, int64_t sample, atl_draw which);
    // The unit normal image [h, w, c] of a sample, `count` numbers.
    void (*image)(void *state, int64_t sample, size_t count, float *image);
} atl_augment_source;

void atl_augment_draw_from(atl_augment_params *params, float p, const atl_augment_source *source);

// The four filters of the image filter, low frequencies first (augment_params.c).
enum { ATL_BANDS = 4, ATL_BAND_TAPS = 43 };
void atl_augment_bands(float bank[ATL_BANDS][ATL_BAND_TAPS]);

#endif
