// SPDX-License-Identifier: Apache-2.0
// Pictures as targets of a generator.
#ifndef ATL_EDIT_TARGET_H
#define ATL_EDIT_TARGET_H

#include <atelier/image.h>
#include "run/network.h"

// The largest rectangle of the generator's shape from the middle of a picture, resized by Lanczos' filter, in
// its channels.  Cleared by the caller.
atl_status atl_target_picture(const atl_network *generator, const atl_image *picture, atl_image *to);

// [channels, height, width] from -1 to 1.
void atl_target_values(const atl_image *picture, float *chw);

// To [height, width, channels], as graphs have pictures.
void atl_target_interleave(const atl_model_dims *dims, const float *chw, float *hwc);

// And back.
void atl_target_separate(const atl_model_dims *dims, const float *hwc, float *chw);

#endif
