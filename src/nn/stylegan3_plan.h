// SPDX-License-Identifier: Apache-2.0
// The layers of a new StyleGAN3 generator: sizes, rates, cutoffs, factors, taps, padding, channels (Karras et
// al. 2021, section 3 and appendix C).  Files say all this of themselves.
#ifndef ATL_NN_STYLEGAN3_PLAN_H
#define ATL_NN_STYLEGAN3_PLAN_H

#include <stdbool.h>
#include "base/ctx.h"

enum { ATL_SG3_LAYERS = 40 }; // most layers, the one to RGB included

typedef struct atl_sg3_options {
    int resolution; // a power of two
    int img_channels;
    int layers, critical; // layers before the one to RGB; those at the end that are critically sampled
    int margin;           // pixels around the picture at each side
    int kernel;           // 3: configuration T, 1: R
    bool radial;          // R
    int filter_size;      // taps per factor
    double channel_base, channel_max;
    double first_cutoff, first_stop, last_stop_rel; // last_stop_rel: as a multiple of the last cutoff
    int half_resolutions; // how many of the largest sampling rates may be computed in half precision
} atl_sg3_options;

#define ATL_SG3_OPTIONS_T(resolution)                                                                        \
    {                                                                                                        \
        (resolution), 3, 14, 2, 10, 3, false, 6, 32768.0, 512.0, 2.0, 4.2870938501451725,                    \
            1.2311444133449163, 4                                                                            \
    }
#define ATL_SG3_OPTIONS_R(resolution)                                                                        \
    {                                                                                                        \
        (resolution), 3, 14, 2, 10, 1, true, 6, 65536.0, 1024.0, 2.0, 4.2870938501451725,                    \
            1.2311444133449163, 4                                                                            \
    }

typedef struct atl_sg3_layer {
    char name[32]; // L{index}_{size}_{channels}
    int in_channels, out_channels, in_size, out_size;
    double in_rate, out_rate, tmp_rate, in_cutoff, out_cutoff, in_half_width, out_half_width;
    int kernel, up, down, up_taps, down_taps;
    int pad_low, pad_high; // of both axes
    bool radial, critical, torgb, half;
} atl_sg3_layer;

typedef struct atl_sg3_plan {
    int count; // layers, the one to RGB included; the number of ws is one more
    int input_channels, input_size;
    double input_rate, input_bandwidth;
    atl_sg3_layer layer[ATL_SG3_LAYERS];
} atl_sg3_plan;

atl_status atl_sg3_plan_make(atl_ctx *ctx, const atl_sg3_options *options, atl_sg3_plan *plan);

// The layer's filters: up [up_taps], down [down_taps], or [down_taps, down_taps] when radial.  Nothing is
// written where there is a single tap.
void atl_sg3_layer_filters(const atl_sg3_layer *layer, float *up, float *down);

#endif
