// SPDX-License-Identifier: Apache-2.0
// The double half of vec.h: VD is a vector of DL doubles, as many bytes as VF.
#ifndef ATL_CPU_VEC_DOUBLE_H
#define ATL_CPU_VEC_DOUBLE_H

#include "cpu/vec.h"

enum { DL = VL / 2 };

#if defined(__AVX512F__)

typedef __m512d VD;
static inline VD vd_load(const double *p) {
    return _mm512_loadu_pd(p);
}
static inline void vd_store(double *p, VD a) {
    _mm512_storeu_pd(p, a);
}
static inline VD vd_set(double a) {
    return _mm512_set1_pd(a);
}
static inline VD vd_add(VD a, VD b) {
    return _mm512_add_pd(a, b);
}
static inline VD vd_fma(VD a, VD b, VD c) {
    return _mm512_fmadd_pd(a, b, c);
} // a b + c
static inline VD vd_fnma(VD a, VD b, VD c) {
    return _mm512_fnmadd_pd(a, b, c);
} // c - a b
static inline VF vf_from_half(const uint16_t *p) { // VL of them
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

#elif defined(__AVX2__)

typedef __m256d VD;
static inline VD vd_load(const double *p) {
    return _mm256_loadu_pd(p);
}
static inline void vd_store(double *p, VD a) {
    _mm256_storeu_pd(p, a);
}
static inline VD vd_set(double a) {
    return _mm256_set1_pd(a);
}
static inline VD vd_add(VD a, VD b) {
    return _mm256_add_pd(a, b);
}
static inline VD vd_fma(VD a, VD b, VD c) {
    return _mm256_fmadd_pd(a, b, c);
}
static inline VD vd_fnma(VD a, VD b, VD c) {
    return _mm256_fnmadd_pd(a, b, c);
}
static inline VF vf_from_half(const uint16_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

#elif defined(__aarch64__)

typedef struct VD {
    float64x2_t a, b;
} VD;
static inline VD vd_load(const double *p) {
    return (VD){ vld1q_f64(p), vld1q_f64(p + 2) };
}
static inline void vd_store(double *p, VD a) {
    vst1q_f64(p, a.a);
    vst1q_f64(p + 2, a.b);
}
static inline VD vd_set(double a) {
    return (VD){ vdupq_n_f64(a), vdupq_n_f64(a) };
}
static inline VD vd_add(VD x, VD y) {
    return (VD){ vaddq_f64(x.a, y.a), vaddq_f64(x.b, y.b) };
}
static inline VD vd_fma(VD x, VD y, VD z) {
    return (VD){ vfmaq_f64(z.a, x.a, y.a), vfmaq_f64(z.b, x.b, y.b) };
}
static inline VD vd_fnma(VD x, VD y, VD z) {
    return (VD){ vfmsq_f64(z.a, x.a, y.a), vfmsq_f64(z.b, x.b, y.b) };
}
static inline VF vf_from_half(const uint16_t *p) {
    return ATL_VF(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))),
                  vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p + 4))));
}

#endif

#endif
