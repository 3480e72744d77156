// SPDX-License-Identifier: Apache-2.0
// Multi-scale structural similarity (Wang et al. 2003) of pairs of pictures, as Odena et al. 2017 and Karras
// et al. 2018 use it to tell how little pictures vary.
#ifndef ATL_METRICS_MSSSIM_H
#define ATL_METRICS_MSSSIM_H

#include <stdint.h>
#include "metrics/estimate.h"

typedef struct atl_msssim atl_msssim;

// For pictures of c channels, h x w, both at least 16: five scales.
atl_status atl_msssim_open(atl_ctx *ctx, int c, int64_t h, int64_t w, atl_msssim **msssim);
void atl_msssim_close(atl_msssim **msssim);

// 1 for equal pictures.  a, b: [c, h, w]
double atl_msssim_pair(atl_msssim *msssim, const uint8_t *a, const uint8_t *b);

// The mean of pairs and its error: atl_estimate_mean().

#endif
