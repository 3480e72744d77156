// SPDX-License-Identifier: Apache-2.0
// Resampling of images [n, h, w, c] under an affine map per image without aliases, and its transpose (Karras et al.
// 2020, "Training generative adversarial networks with limited data", appendix B.2).
//
//     x --reflect--> --up 2, sym6--> --bilinear--> --down 2, sym6 mirrored--> y
//
// theta [n, 2, 3] takes (column, row, 1) of a pixel of y to its place in x, both in pixels from the image's centre.
// An image goes on, mirrored, for its own size less one pixel on each side; beyond, there is zero.  A theta that is
// not finite gives zeros.
#ifndef ATL_CPU_GEOM_H
#define ATL_CPU_GEOM_H

#include "base/team.h"
#include "cpu/fir.h"

typedef struct atl_cpu_geom_dims {
    int64_t n, h, w, c;
} atl_cpu_geom_dims;

enum { ATL_GEOM_TAPS = 12 };
extern const float atl_cpu_geom_filter[ATL_GEOM_TAPS];

size_t atl_cpu_geom_workspace(const atl_cpu_geom_dims *d, atl_team *team); // bytes

// y [n, h, w, c] from x [n, h, w, c], and x from y.  Results do not depend on the number of threads.
void atl_cpu_geom(const atl_cpu_fir_kernels *k, const atl_cpu_geom_dims *d, const float *theta,
                  const float *x, float *y, atl_team *team, void *workspace);
void atl_cpu_geom_t(const atl_cpu_fir_kernels *k, const atl_cpu_geom_dims *d, const float *theta,
                    const float *y, float *x, atl_team *team, void *workspace);

#endif
