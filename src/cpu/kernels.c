// SPDX-License-Identifier: Apache-2.0
// The ladder of instruction sets: the reference first, then each rung up to the one allowed.
#include "cpu/kernels.h"

static void flrelu_ref(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f) {
    atl_cpu_flrelu_init_ref(k, 8, f);
}

// A rung: all families that have kernels for a set.  flrelu's reference fills all slots first: those of the
// rung below have other lanes.
// clang-format off
#define RUNG(set, lanes)                                                                                     \
static void flrelu_##set(atl_cpu_flrelu_kernels *k, const atl_cpu_flrelu_filter *f) {                        \
    atl_cpu_flrelu_init_ref(k, lanes, f);                                                                    \
    atl_cpu_flrelu_init_##set(k, f);                                                                         \
}                                                                                                            \
static void climb_##set(atl_cpu_kernels *k) {                                                                \
    atl_cpu_pointwise_init_##set(&k->pointwise);                                                             \
    atl_cpu_fir_init_##set(&k->fir);                                                                         \
    atl_cpu_rgb_init_##set(&k->rgb);                                                                         \
    atl_cpu_gemv_init_##set(&k->gemv);                                                                       \
    atl_cpu_style_init_##set(&k->style);                                                                     \
    atl_cpu_pick_init_##set(&k->pick);                                                                       \
    atl_cpu_gather_init_##set(&k->gather);                                                                   \
    atl_cpu_wino_init_##set(&k->wino);                                                                       \
    atl_cpu_direct_init_##set(&k->direct);                                                                   \
    atl_cpu_dense_init_##set(&k->dense);                                                                     \
    k->flrelu = flrelu_##set;                                                                                \
}
// clang-format on
#if defined(__x86_64__)
RUNG(avx2, 16)
RUNG(avx512, 16)
#elif defined(__aarch64__)
RUNG(neon, 16)
#endif
#undef RUNG

void atl_cpu_kernels_init(atl_cpu_kernels *k, atl_cpu_set set) {
    k->caches = atl_cpu_caches_find();
    atl_cpu_pointwise_init(&k->pointwise);
    atl_cpu_fir_init(&k->fir);
    atl_cpu_rgb_init(&k->rgb);
    atl_cpu_gemv_init(&k->gemv);
    atl_cpu_style_init(&k->style);
    atl_cpu_pick_init(&k->pick);
    atl_cpu_gather_init(&k->gather);
    atl_cpu_wino_init_ref(&k->wino);
    atl_cpu_direct_init(&k->direct);
    atl_cpu_dense_init(&k->dense);
    k->flrelu = flrelu_ref;
#if defined(__x86_64__)
    if (set >= ATL_CPU_AVX2)
        climb_avx2(k);
    if (set >= ATL_CPU_AVX512)
        climb_avx512(k);
#elif defined(__aarch64__)
    if (set >= ATL_CPU_NEON)
        climb_neon(k);
#else
    (void)set;
#endif
}
