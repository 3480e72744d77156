// SPDX-License-Identifier: Apache-2.0
// The inside of encoding: programs of two networks, and the loop around them.
#ifndef ATL_EDIT_ENCODE_H
#define ATL_EDIT_ENCODE_H

#include <atelier/encode.h>
#include "run/truncate.h"

// All are borrowed; `mean` is of the generator, hypernet may be NULL.
atl_status atl_encoder_make(atl_programs *encoder, atl_programs *generator, atl_programs *hypernet,
                            atl_w_mean *mean, const atl_encode_options *options, atl_encoder **out);

// x [channels, h, w] to [channels, oh, ow]: pixel i of a side is the mean of pixels floor(i h / oh) to
// ceil((i + 1) h / oh).
void atl_reduce_evenly(const float *x, int channels, int h, int w, float *y, int oh, int ow);

#endif
