// SPDX-License-Identifier: Apache-2.0
// From w to the styles of the layers: truncation, which pulls toward an average, and repetition.
#ifndef ATL_RUN_TRUNCATE_H
#define ATL_RUN_TRUNCATE_H

#include "run/program.h"

// The average of w of a network whose file has none, once it was needed: [w_dim]; NULL before.
typedef struct atl_w_mean {
    float *values;
} atl_w_mean;
void atl_w_mean_clear(atl_ctx *ctx, atl_w_mean *mean);

// w [n, w_dim] of the labels c [n, c_dim] (NULL: not known) -> ws [n, num_ws, w_dim].  The programs are those
// of the network; its "map" may run, to compute an average.
atl_status atl_truncate(atl_programs *programs, atl_w_mean *mean, int n, const float *w, const float *c,
                        const atl_map_options *o, float *ws);

#endif
