// SPDX-License-Identifier: Apache-2.0
// All kernel tables of one instruction set.  The reference fills every slot, then each rung of the ladder
// overwrites what it does better.
#ifndef ATL_CPU_KERNELS_H
#define ATL_CPU_KERNELS_H

#include "base/cpu.h"
#include "cpu/fir.h"
#include "cpu/gemv.h"
#include "cpu/pointwise.h"
#include "cpu/rgb.h"
#include "cpu/style_norm.h"

typedef struct atl_kernels {
    atl_pointwise_kernels pointwise;
    atl_fir_kernels fir;
    atl_rgb_kernels rgb;
    atl_gemv_kernels gemv;
    atl_style_kernels style;
} atl_kernels;

// The best kernels not above `set`.
void atl_kernels_init(atl_kernels *k, atl_cpu_set set);

#endif
