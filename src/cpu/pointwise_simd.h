// SPDX-License-Identifier: Apache-2.0
// Pointwise kernels of one instruction set: the plain loops compiled with its flags, and the epilogue,
// which has too many optional terms to leave to the compiler.
#include "cpu/pointwise_loops.h"
#include "cpu/vec.h"

typedef struct tail { VF slope, gain, low, high; } tail;

static inline tail tail_of(const atl_epilogue *e) {
    return (tail){ vf_set(e->slope), vf_set(e->gain), vf_set(-e->clamp), vf_set(e->clamp) };
}

static inline VF finish(VF v, const tail *t) {
    v = vf_mul(vf_lrelu(v, t->slope), t->gain);
    return vf_min(vf_max(v, t->low), t->high);
}

// Which optional terms there are; constants in the callers below, so that each copy has no tests.
typedef struct terms { int scale, bias, residual; } terms;

static inline VF load_part(const float *p, size_t n) {
    return n == VL ? vf_load(p) : vf_load_n(p, n);
}

// Channels [j, j + n) of one pixel, n <= VL.  residual is that of the pixel.
static inline VF channels(VF v, const atl_epilogue *e, terms has, size_t j, size_t n, VF noise,
                          const float *residual, const tail *t) {
    v = has.scale ? vf_fma(v, load_part(e->scale + j, n), noise) : vf_add(v, noise);
    if (has.bias)
        v = vf_add(v, load_part(e->bias + j, n));
    v = finish(v, t);
    return has.residual ? vf_add(v, load_part(residual + j, n)) : v;
}

static inline void wide_with(float *y, const float *x, size_t pixels, size_t c, const atl_epilogue *e,
                             terms has) {
    tail t = tail_of(e);
    const float *residual = e->residual;
    for (size_t p = 0; p < pixels; p++, x += c, y += c) {
        VF noise = e->noise ? vf_set(e->noise[p]) : vf_zero();
        size_t j = 0;
        for (; j + VL <= c; j += VL)
            vf_store(y + j, channels(vf_load(x + j), e, has, j, VL, noise, residual, &t));
        size_t n = c - j;
        if (n)
            vf_store_n(y + j, channels(vf_load_n(x + j, n), e, has, j, n, noise, residual, &t), n);
        if (has.residual)
            residual += c;
    }
}

static void wide(float *y, const float *x, size_t pixels, size_t c, const atl_epilogue *e) {
    switch ((e->scale ? 1 : 0) | (e->bias ? 2 : 0) | (e->residual ? 4 : 0)) {
    case 0: wide_with(y, x, pixels, c, e, (terms){ 0, 0, 0 }); break;
    case 1: wide_with(y, x, pixels, c, e, (terms){ 1, 0, 0 }); break;
    case 2: wide_with(y, x, pixels, c, e, (terms){ 0, 1, 0 }); break;
    case 3: wide_with(y, x, pixels, c, e, (terms){ 1, 1, 0 }); break;
    case 4: wide_with(y, x, pixels, c, e, (terms){ 0, 0, 1 }); break;
    case 5: wide_with(y, x, pixels, c, e, (terms){ 1, 0, 1 }); break;
    case 6: wide_with(y, x, pixels, c, e, (terms){ 0, 1, 1 }); break;
    default: wide_with(y, x, pixels, c, e, (terms){ 1, 1, 1 }); break;
    }
}

// Fewer channels than lanes: VL pixels are c vectors, whose scales and biases repeat.
static void narrow(float *y, const float *x, size_t pixels, size_t c, const atl_epilogue *e) {
    float scale[VL * VL], bias[VL * VL];
    for (size_t i = 0; i < c * VL; i++) {
        scale[i] = e->scale ? e->scale[i % c] : 1.0f;
        bias[i] = e->bias ? e->bias[i % c] : 0.0f;
    }
    tail t = tail_of(e);
    const float *residual = e->residual;
    size_t total = pixels * c, turn = 0;
    for (size_t i = 0; i < total; i += VL, turn = turn + 1 == c ? 0 : turn + 1) {
        size_t n = total - i < VL ? total - i : VL;
        VF v = n == VL ? vf_load(x + i) : vf_load_n(x + i, n);
        v = finish(vf_add(vf_mul(v, vf_load(scale + turn * VL)), vf_load(bias + turn * VL)), &t);
        if (residual)
            v = vf_add(v, n == VL ? vf_load(residual + i) : vf_load_n(residual + i, n));
        if (n == VL)
            vf_store(y + i, v);
        else
            vf_store_n(y + i, v, n);
    }
}

static void epilogue(float *y, const float *x, size_t pixels, size_t c, const atl_epilogue *e) {
    if (c < VL && !e->noise)
        narrow(y, x, pixels, c, e);
    else
        wide(y, x, pixels, c, e);
}

void ATL_VEC(atl_pointwise_init)(atl_pointwise_kernels *k) {
    fill_loops(k);
    k->epilogue = epilogue;
}
