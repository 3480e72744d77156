// SPDX-License-Identifier: Apache-2.0
// All kernel tables of one instruction set, and the machine that they run on.  The reference fills every
// slot, then each rung of the ladder overwrites what it does better.
#ifndef ATL_CPU_KERNELS_H
#define ATL_CPU_KERNELS_H

#include "base/cpu.h"
#include "cpu/caches.h"
#include "cpu/dense.h"
#include "cpu/direct_kernels.h"
#include "cpu/fir.h"
#include "cpu/flrelu_kernels.h"
#include "cpu/gather.h"
#include "cpu/gemv.h"
#include "cpu/pick.h"
#include "cpu/pointwise.h"
#include "cpu/rgb.h"
#include "cpu/style_norm.h"
#include "cpu/winograd_kernels.h"

struct atl_cpu_kernels {
    atl_cpu_caches caches; // by which those who run kernels cut their work
    atl_cpu_pointwise_kernels pointwise;
    atl_cpu_fir_kernels fir;
    atl_cpu_rgb_kernels rgb;
    atl_cpu_gemv_kernels gemv;
    atl_cpu_style_kernels style;
    atl_cpu_pick_kernels pick;
    atl_cpu_gather_kernels gather;
    atl_cpu_wino_kernels wino;
    atl_cpu_direct_kernels direct;
    atl_cpu_dense_kernels dense;
    // fills the table for one filter, whose sizes decide which passes are unrolled
    void (*flrelu)(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f);
};

// The best kernels not above `set`.
void atl_cpu_kernels_init(atl_cpu_kernels *k, atl_cpu_set set);

#endif
