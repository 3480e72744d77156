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

// One pixel's n <= VL channels.  The tests on pointers are the same in every turn and predict well.
static inline VF channels(VF v, const atl_epilogue *e, size_t j, size_t n, VF noise, const tail *t) {
    if (e->scale)
        v = vf_mul(v, n == VL ? vf_load(e->scale + j) : vf_load_n(e->scale + j, n));
    v = vf_add(v, noise);
    if (e->bias)
        v = vf_add(v, n == VL ? vf_load(e->bias + j) : vf_load_n(e->bias + j, n));
    return finish(v, t);
}

static void wide(float *y, const float *x, size_t pixels, size_t c, const atl_epilogue *e) {
    tail t = tail_of(e);
    const float *residual = e->residual;
    for (size_t p = 0; p < pixels; p++, x += c, y += c) {
        VF noise = e->noise ? vf_set(e->noise[p]) : vf_zero();
        size_t j = 0;
        for (; j + VL <= c; j += VL) {
            VF v = channels(vf_load(x + j), e, j, VL, noise, &t);
            vf_store(y + j, residual ? vf_add(v, vf_load(residual + p * c + j)) : v);
        }
        if (j < c) {
            size_t n = c - j;
            VF v = channels(vf_load_n(x + j, n), e, j, n, noise, &t);
            vf_store_n(y + j, residual ? vf_add(v, vf_load_n(residual + p * c + j, n)) : v, n);
        }
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
