// SPDX-License-Identifier: Apache-2.0
// The ladder of instruction sets: the reference first, then each rung up to the one allowed.
#include "cpu/kernels.h"

static void flrelu_ref(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f) {
    atl_cpu_flrelu_init_ref(k, 8, f);
}

#if defined(__x86_64__)
static void flrelu_avx2(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f) {
    atl_cpu_flrelu_init_ref(k, 8, f);
    atl_cpu_flrelu_init_avx2(k, f);
}

static void flrelu_avx512(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f) {
    atl_cpu_flrelu_init_ref(k, 16, f); // all slots: those of AVX2 have other lanes
    atl_cpu_flrelu_init_avx512(k, f);
}
#elif defined(__aarch64__)
static void flrelu_neon(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f) {
    atl_cpu_flrelu_init_ref(k, 8, f);
    atl_cpu_flrelu_init_neon(k, f);
}
#endif

void atl_cpu_kernels_init(atl_cpu_kernels *k, atl_cpu_set set) {
    atl_cpu_pointwise_init(&k->pointwise);
    atl_cpu_fir_init(&k->fir);
    atl_cpu_rgb_init(&k->rgb);
    atl_cpu_gemv_init(&k->gemv);
    atl_cpu_style_init(&k->style);
    atl_cpu_pick_init(&k->pick);
    atl_cpu_gather_init(&k->gather);
    atl_cpu_wino_init_ref(&k->wino);
    atl_cpu_direct_init(&k->direct);
    k->flrelu = flrelu_ref;
#if defined(__x86_64__)
    if (set < ATL_CPU_AVX2)
        return;
    atl_cpu_pointwise_init_avx2(&k->pointwise);
    atl_cpu_fir_init_avx2(&k->fir);
    atl_cpu_rgb_init_avx2(&k->rgb);
    atl_cpu_gemv_init_avx2(&k->gemv);
    atl_cpu_style_init_avx2(&k->style);
    atl_cpu_pick_init_avx2(&k->pick);
    atl_cpu_gather_init_avx2(&k->gather);
    atl_cpu_wino_init_avx2(&k->wino);
    atl_cpu_direct_init_avx2(&k->direct);
    k->flrelu = flrelu_avx2;
    if (set < ATL_CPU_AVX512)
        return;
    atl_cpu_pointwise_init_avx512(&k->pointwise);
    atl_cpu_fir_init_avx512(&k->fir);
    atl_cpu_rgb_init_avx512(&k->rgb);
    atl_cpu_gemv_init_avx512(&k->gemv);
    atl_cpu_style_init_avx512(&k->style);
    atl_cpu_pick_init_avx512(&k->pick);
    atl_cpu_gather_init_avx512(&k->gather);
    atl_cpu_wino_init_avx512(&k->wino);
    atl_cpu_direct_init_avx512(&k->direct);
    k->flrelu = flrelu_avx512;
#elif defined(__aarch64__)
    if (set < ATL_CPU_NEON)
        return;
    atl_cpu_pointwise_init_neon(&k->pointwise);
    atl_cpu_fir_init_neon(&k->fir);
    atl_cpu_rgb_init_neon(&k->rgb);
    atl_cpu_gemv_init_neon(&k->gemv);
    atl_cpu_style_init_neon(&k->style);
    atl_cpu_pick_init_neon(&k->pick);
    atl_cpu_gather_init_neon(&k->gather);
    atl_cpu_direct_init_neon(&k->direct);
    atl_cpu_wino_init_neon(&k->wino);
    k->flrelu = flrelu_neon;
#else
    (void)set;
#endif
}
