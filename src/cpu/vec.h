// SPDX-License-Identifier: Apache-2.0
// A tiny vector vocabulary, so that a kernel is written once and compiled per instruction set.
//
// A kernel body (fir_simd.h, winograd_simd.h, ...) is included by one file per set (fir_avx2.c, fir_avx512.c,
// fir_neon.c), which is compiled with that set's flags.  VF is a vector of VL floats; functions named _n touch
// the first n floats only (0 <= n <= VL).  VQ is one of four, for pixels of an image.
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

typedef __m128 VQ;
static inline VQ vq_load_n(const float *p, size_t n) { return _mm_maskz_loadu_ps((__mmask8)((1u << n) - 1u), p); }
static inline void vq_store(float *p, VQ a) { _mm_storeu_ps(p, a); }
static inline void vq_store_n(float *p, VQ a, size_t n) {
    _mm_mask_storeu_ps(p, (__mmask8)((1u << n) - 1u), a);
}
static inline VQ vq_set(float a) { return _mm_set1_ps(a); }
static inline VQ vq_fma(VQ a, VQ b, VQ c) { return _mm_fmadd_ps(a, b, c); }
static inline __m256 vf_half(VF a) {
    return _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
}
static inline VQ vq_sums(VF a, VF b, VF c, VF d) { // of four vectors
    __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(vf_half(a), vf_half(b)), _mm256_hadd_ps(vf_half(c), vf_half(d)));
    return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

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
// By parts: a masked store takes as long as ten whole ones on some processors.
static inline void vf_store_n(float *p, VF a, size_t n) {
    __m128 part = _mm256_castps256_ps128(a);
    if (n >= 8) {
        _mm256_storeu_ps(p, a);
        return;
    }
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(a, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, part);
}
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

typedef __m128 VQ;
static inline VQ vq_load_n(const float *p, size_t n) {
    return _mm_maskload_ps(p, _mm_cmpgt_epi32(_mm_set1_epi32((int)n), _mm_setr_epi32(0, 1, 2, 3)));
}
static inline void vq_store(float *p, VQ a) { _mm_storeu_ps(p, a); }
static inline void vq_store_n(float *p, VQ a, size_t n) { // masked stores are slow on some processors
    if (n == 4)
        _mm_storeu_ps(p, a);
    else if (n == 1)
        _mm_store_ss(p, a);
    else if (n)
        _mm_storel_pi((__m64 *)(void *)p, a);
    if (n == 3)
        _mm_store_ss(p + 2, _mm_movehl_ps(a, a));
}
static inline VQ vq_set(float a) { return _mm_set1_ps(a); }
static inline VQ vq_fma(VQ a, VQ b, VQ c) { return _mm_fmadd_ps(a, b, c); }
static inline VQ vq_sums(VF a, VF b, VF c, VF d) {
    __m256 s = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

#elif defined(__aarch64__)

#include <arm_neon.h>

// Two registers of four: with 32 of them, what AVX2 keeps in its 16 fits, and so does the form of its kernels.
typedef struct VF { float32x4_t a, b; } VF;
enum { VL = 8 };
#define ATL_VEC(name) name##_neon
#define ATL_VF(first, second) ((VF){ first, second })

typedef float32x4_t VQ;
static inline VQ vq_load_n(const float *p, size_t n) {
    VQ v = vdupq_n_f32(0.0f);
    if (n == 4)
        return vld1q_f32(p);
    if (n > 0)
        v = vld1q_lane_f32(p, v, 0);
    if (n > 1)
        v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2)
        v = vld1q_lane_f32(p + 2, v, 2);
    return v;
}
static inline void vq_store(float *p, VQ a) { vst1q_f32(p, a); }
static inline void vq_store_n(float *p, VQ a, size_t n) {
    if (n == 4) {
        vst1q_f32(p, a);
        return;
    }
    if (n > 0)
        vst1q_lane_f32(p, a, 0);
    if (n > 1)
        vst1q_lane_f32(p + 1, a, 1);
    if (n > 2)
        vst1q_lane_f32(p + 2, a, 2);
}
static inline VQ vq_set(float a) { return vdupq_n_f32(a); }
static inline VQ vq_fma(VQ a, VQ b, VQ c) { return vfmaq_f32(c, a, b); }

static inline VF vf_load(const float *p) { return ATL_VF(vld1q_f32(p), vld1q_f32(p + 4)); }
static inline void vf_store(float *p, VF a) {
    vst1q_f32(p, a.a);
    vst1q_f32(p + 4, a.b);
}
static inline void vf_stream(float *p, VF a) { vf_store(p, a); }
static inline VF vf_load_n(const float *p, size_t n) {
    if (n == VL)
        return vf_load(p);
    return ATL_VF(vq_load_n(p, n < 4 ? n : 4), n > 4 ? vq_load_n(p + 4, n - 4) : vdupq_n_f32(0.0f));
}
static inline void vf_store_n(float *p, VF a, size_t n) {
    if (n == VL) {
        vf_store(p, a);
        return;
    }
    vq_store_n(p, a.a, n < 4 ? n : 4);
    if (n > 4)
        vq_store_n(p + 4, a.b, n - 4);
}
static inline VF vf_set(float a) { return ATL_VF(vdupq_n_f32(a), vdupq_n_f32(a)); }
static inline VF vf_zero(void) { return vf_set(0.0f); }
static inline VF vf_add(VF x, VF y) { return ATL_VF(vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)); }
static inline VF vf_sub(VF x, VF y) { return ATL_VF(vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b)); }
static inline VF vf_mul(VF x, VF y) { return ATL_VF(vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b)); }
static inline VF vf_div(VF x, VF y) { return ATL_VF(vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b)); }
static inline VF vf_sqrt(VF x) { return ATL_VF(vsqrtq_f32(x.a), vsqrtq_f32(x.b)); }
static inline VF vf_fma(VF x, VF y, VF z) { return ATL_VF(vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)); }
static inline VF vf_fnma(VF x, VF y, VF z) { return ATL_VF(vfmsq_f32(z.a, x.a, y.a), vfmsq_f32(z.b, x.b, y.b)); }
// As on the other sets: of two of which one is not a number the second.
static inline VQ vq_max(VQ x, VQ y) { return vbslq_f32(vcgtq_f32(x, y), x, y); }
static inline VQ vq_min(VQ x, VQ y) { return vbslq_f32(vcltq_f32(x, y), x, y); }
static inline VF vf_max(VF x, VF y) { return ATL_VF(vq_max(x.a, y.a), vq_max(x.b, y.b)); }
static inline VF vf_min(VF x, VF y) { return ATL_VF(vq_min(x.a, y.a), vq_min(x.b, y.b)); }
static inline VQ vq_gate(VQ x, VQ gate, VQ slope) { return vbslq_f32(vcltzq_f32(gate), vmulq_f32(x, slope), x); }
static inline VF vf_gate(VF x, VF gate, VF slope) {
    return ATL_VF(vq_gate(x.a, gate.a, slope.a), vq_gate(x.b, gate.b, slope.b));
}
static inline VF vf_lrelu(VF x, VF slope) { return vf_gate(x, x, slope); }
static inline VQ vq_larger(VQ x, VQ y, VQ yes, VQ no) {
    return vbslq_f32(vorrq_u32(vcgtq_f32(x, y), vmvnq_u32(vceqq_f32(x, x))), yes, no);
}
static inline VF vf_larger(VF x, VF y, VF yes, VF no) {
    return ATL_VF(vq_larger(x.a, y.a, yes.a, no.a), vq_larger(x.b, y.b, yes.b, no.b));
}
static inline VQ vq_if_equal(VQ x, VQ y, VQ v) { return vbslq_f32(vceqq_f32(x, y), v, vdupq_n_f32(0.0f)); }
static inline VF vf_if_equal(VF x, VF y, VF v) {
    return ATL_VF(vq_if_equal(x.a, y.a, v.a), vq_if_equal(x.b, y.b, v.b));
}
static inline float vf_sum(VF x) { return vaddvq_f32(vaddq_f32(x.a, x.b)); }
static inline VQ vq_sums(VF x, VF y, VF z, VF w) {
    return vpaddq_f32(vpaddq_f32(vaddq_f32(x.a, x.b), vaddq_f32(y.a, y.b)),
                      vpaddq_f32(vaddq_f32(z.a, z.b), vaddq_f32(w.a, w.b)));
}

#else
#error "vec.h is for the files of one instruction set; the portable kernels are plain C"
#endif

#endif
