// SPDX-License-Identifier: Apache-2.0
// A separable filter per image, the same in both axes: images [n, h, w, c] correlated with f [n, taps], taps odd.
// Beyond its edges an image goes on mirrored, as often as need be, without repeating the edge.
#ifndef ATL_CPU_SEPFIR_H
#define ATL_CPU_SEPFIR_H

#include "base/team.h"
#include "cpu/fir.h"

typedef struct atl_cpu_sepfir_dims {
    int64_t n, h, w, c;
    int taps;
} atl_cpu_sepfir_dims;

size_t atl_cpu_sepfir_workspace(const atl_cpu_sepfir_dims *d, atl_team *team); // bytes

// y from x, and the transpose, x from y.  Results do not depend on the number of threads.
void atl_cpu_sepfir(const atl_cpu_fir_kernels *k, const atl_cpu_sepfir_dims *d, const float *f,
                    const float *x, float *y, atl_team *team, void *workspace);
void atl_cpu_sepfir_t(const atl_cpu_fir_kernels *k, const atl_cpu_sepfir_dims *d, const float *f,
                      const float *y, float *x, atl_team *team, void *workspace);

#endif
