// SPDX-License-Identifier: Apache-2.0
// A tiny vector vocabulary, so that a kernel is written once and compiled per instruction set.
//
// A kernel body (fir_simd.h, winograd_simd.h, ...) is included by one file per set (fir_avx2.c,
// fir_avx512.c), which defines ATL_VEC_SET to avx2 or avx512 before and is compiled with that set's
// flags.  VF is a vector of VL floats; functions named _n touch the first n floats only (0 <= n <= VL).
#ifndef ATL_CPU_VEC_H
#define ATL_CPU_VEC_H

#include <stddef.h>
#include <stdint.h>

#if defined(__AVX512F__)

#include <immintrin.h>

typedef __m512 VF;
enum { VL = 16 };
#define ATL_VEC(name) name##_avx512

static inline VF vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, VF a) { _mm512_storeu_ps(p, a); }
static inline void vf_stream(float *p, VF a) { _mm512_stream_ps(p, a); } // p aligned to the vector
static inline __mmask16 vf_first(size_t n) { return (__mmask16)((1u << n) - 1u); }
static inline VF vf_load_n(const float *p, size_t n) { return _mm512_maskz_loadu_ps(vf_first(n), p); }
static inline void vf_store_n(float *p, VF a, size_t n) { _mm512_mask_storeu_ps(p, vf_first(n), a); }
static inline VF vf_set(float a) { return _mm512_set1_ps(a); }
static inline VF vf_zero(void) { return _mm512_setzero_ps(); }
static inline VF vf_add(VF a, VF b) { return _mm512_add_ps(a, b); }
static inline VF vf_sub(VF a, VF b) { return _mm512_sub_ps(a, b); }
static inline VF vf_mul(VF a, VF b) { return _mm512_mul_ps(a, b); }
static inline VF vf_div(VF a, VF b) { return _mm512_div_ps(a, b); }
static inline VF vf_sqrt(VF a) { return _mm512_sqrt_ps(a); }
static inline VF vf_fma(VF a, VF b, VF c) { return _mm512_fmadd_ps(a, b, c); }   // a b + c
static inline VF vf_fnma(VF a, VF b, VF c) { return _mm512_fnmadd_ps(a, b, c); } // c - a b
static inline VF vf_max(VF a, VF b) { return _mm512_max_ps(a, b); }
static inline VF vf_min(VF a, VF b) { return _mm512_min_ps(a, b); }
static inline VF vf_lrelu(VF a, VF slope) { // a < 0 ? a * slope : a, for any slope
    return _mm512_mask_mul_ps(a, _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_LT_OQ), a, slope);
}
static inline VF vf_gate(VF a, VF gate, VF slope) { // gate < 0 ? a * slope : a
    return _mm512_mask_mul_ps(a, _mm512_cmp_ps_mask(gate, _mm512_setzero_ps(), _CMP_LT_OQ), a, slope);
}
static inline VF vf_larger(VF a, VF b, VF yes, VF no) { // a > b, or a is not a number ? yes : no
    __mmask16 m = _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) | _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    return _mm512_mask_blend_ps(m, no, yes);
}
static inline VF vf_if_equal(VF a, VF b, VF v) { // a == b ? v : 0
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ), v);
}
static inline float vf_sum(VF a) { return _mm512_reduce_add_ps(a); }

#elif defined(__AVX2__)

#include <immintrin.h>

typedef __m256 VF;
enum { VL = 8 };
#define ATL_VEC(name) name##_avx2

static inline VF vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vf_store(float *p, VF a) { _mm256_storeu_ps(p, a); }
static inline void vf_stream(float *p, VF a) { _mm256_stream_ps(p, a); }
static inline __m256i vf_first(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline VF vf_load_n(const float *p, size_t n) { return _mm256_maskload_ps(p, vf_first(n)); }
static inline void vf_store_n(float *p, VF a, size_t n) { _mm256_maskstore_ps(p, vf_first(n), a); }
static inline VF vf_set(float a) { return _mm256_set1_ps(a); }
static inline VF vf_zero(void) { return _mm256_setzero_ps(); }
static inline VF vf_add(VF a, VF b) { return _mm256_add_ps(a, b); }
static inline VF vf_sub(VF a, VF b) { return _mm256_sub_ps(a, b); }
static inline VF vf_mul(VF a, VF b) { return _mm256_mul_ps(a, b); }
static inline VF vf_div(VF a, VF b) { return _mm256_div_ps(a, b); }
static inline VF vf_sqrt(VF a) { return _mm256_sqrt_ps(a); }
static inline VF vf_fma(VF a, VF b, VF c) { return _mm256_fmadd_ps(a, b, c); }
static inline VF vf_fnma(VF a, VF b, VF c) { return _mm256_fnmadd_ps(a, b, c); }
static inline VF vf_max(VF a, VF b) { return _mm256_max_ps(a, b); }
static inline VF vf_min(VF a, VF b) { return _mm256_min_ps(a, b); }
static inline VF vf_lrelu(VF a, VF slope) {
    return _mm256_blendv_ps(a, _mm256_mul_ps(a, slope), _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_LT_OQ));
}
static inline VF vf_gate(VF a, VF gate, VF slope) {
    return _mm256_blendv_ps(a, _mm256_mul_ps(a, slope), _mm256_cmp_ps(gate, _mm256_setzero_ps(), _CMP_LT_OQ));
}
static inline VF vf_larger(VF a, VF b, VF yes, VF no) {
    __m256 m = _mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_blendv_ps(no, yes, m);
}
static inline VF vf_if_equal(VF a, VF b, VF v) { return _mm256_and_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ), v); }
static inline float vf_sum(VF a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

#else
#error "vec.h is for the files of one instruction set; the portable kernels are plain C"
#endif

#endif
