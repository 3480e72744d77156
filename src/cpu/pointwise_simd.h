// SPDX-License-Identifier: Apache-2.0
// Pointwise kernels of one instruction set: the plain loops compiled with its flags, and the epilogue,
// which has too many optional terms to leave to the compiler.
#include "cpu/pointwise_loops.h"
#include "cpu/vec.h"

typedef struct tail { VF slope, gain, low, high; } tail;

static inline tail tail_of(const atl_cpu_epilogue *e) {
    return (tail){ vf_set(e->slope), vf_set(e->gain), vf_set(-e->clamp), vf_set(e->clamp) };
}

static inline VF finish(VF v, const tail *t) {
    v = vf_mul(vf_lrelu(v, t->slope), t->gain);
    return vf_min(vf_max(v, t->low), t->high);
}

// Which optional terms there are; constants in the callers below, so that each copy has no tests.
typedef struct terms { int scale, bias, gate, residual; } terms;

static inline VF load_part(const float *p, size_t n) {
    return n == VL ? vf_load(p) : vf_load_n(p, n);
}

// Channels [j, j + n) of one pixel, n <= VL; that pixel begins `at` floats after the first one.
static inline VF channels(VF v, const atl_cpu_epilogue *e, terms has, size_t j, size_t n, VF noise, size_t at,
                          const tail *t) {
    // rounded twice, as the steps by themselves would be: an activation that is zero up to rounding then falls on the
    // side of the leaky ReLU where the recorded gradients have it
    v = vf_add(has.scale ? vf_mul(v, load_part(e->scale + j, n)) : v, noise);
    if (has.bias)
        v = vf_add(v, load_part(e->bias + j, n));
    v = finish(v, t);
    if (has.gate)
        v = vf_gate(v, load_part(e->gate + at + j, n), vf_set(e->gate_slope));
    return has.residual ? vf_add(v, load_part(e->residual + at + j, n)) : v;
}

static inline __attribute__((always_inline)) void wide_with(float *y, const float *x, size_t pixels, size_t c,
                                                            const atl_cpu_epilogue *e, terms has) {
    tail t = tail_of(e);
    for (size_t p = 0, at = 0; p < pixels; p++, at += c) {
        VF noise = e->noise ? vf_set(e->noise[p]) : vf_zero();
        size_t j = 0;
        for (; j + VL <= c; j += VL)
            vf_store(y + at + j, channels(vf_load(x + at + j), e, has, j, VL, noise, at, &t));
        size_t n = c - j;
        if (n)
            vf_store_n(y + at + j, channels(vf_load_n(x + at + j, n), e, has, j, n, noise, at, &t), n);
    }
}

static void wide(float *y, const float *x, size_t pixels, size_t c, const atl_cpu_epilogue *e) {
#define WITH(bits)                                                                                                 \
    case bits:                                                                                                     \
        wide_with(y, x, pixels, c, e, (terms){ (bits) & 1, (bits) >> 1 & 1, (bits) >> 2 & 1, (bits) >> 3 });       \
        break;
    switch ((e->scale ? 1 : 0) | (e->bias ? 2 : 0) | (e->gate ? 4 : 0) | (e->residual ? 8 : 0)) {
        WITH(0) WITH(1) WITH(2) WITH(3) WITH(4) WITH(5) WITH(6) WITH(7)
        WITH(8) WITH(9) WITH(10) WITH(11) WITH(12) WITH(13) WITH(14) WITH(15)
    }
#undef WITH
}

// Fewer channels than lanes: VL pixels are c vectors, whose scales and biases repeat.
static void narrow(float *y, const float *x, size_t pixels, size_t c, const atl_cpu_epilogue *e) {
    float scale[VL * VL], bias[VL * VL];
    for (size_t i = 0; i < c * VL; i++) {
        scale[i] = e->scale ? e->scale[i % c] : 1.0f;
        bias[i] = e->bias ? e->bias[i % c] : 0.0f;
    }
    tail t = tail_of(e);
    size_t total = pixels * c, turn = 0;
    for (size_t i = 0; i < total; i += VL, turn = turn + 1 == c ? 0 : turn + 1) {
        size_t n = total - i < VL ? total - i : VL;
        VF v = load_part(x + i, n);
        v = finish(vf_add(vf_mul(v, vf_load(scale + turn * VL)), vf_load(bias + turn * VL)), &t);
        if (e->gate)
            v = vf_gate(v, load_part(e->gate + i, n), vf_set(e->gate_slope));
        if (e->residual)
            v = vf_add(v, load_part(e->residual + i, n));
        if (n == VL)
            vf_store(y + i, v);
        else
            vf_store_n(y + i, v, n);
    }
}

static void epilogue(float *y, const float *x, size_t pixels, size_t c, const atl_cpu_epilogue *e) {
    if (c < VL && !e->noise)
        narrow(y, x, pixels, c, e);
    else
        wide(y, x, pixels, c, e);
}

// The sum of undo_rows for a few vectors of channels, a constant at each call; `last` channels of the last
// one.
static inline __attribute__((always_inline)) void undo_with(float *y, const float *dy, const float *z,
                                                            const float *noise, const float *offset,
                                                            float inverse, float gain, size_t rows, size_t c,
                                                            size_t vectors, size_t last) {
    VF sum[4], less[4], slope = vf_set(inverse);
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++) {
        size_t n = v + 1 < vectors ? VL : last;
        sum[v] = load_part(y + v * VL, n);
        less[v] = load_part(offset + v * VL, n);
    }
    for (size_t i = 0; i < rows; i++, dy += c, z += c) {
        VF own = noise ? vf_set(noise[i] * gain) : vf_zero();
#pragma GCC unroll 4
        for (size_t v = 0; v < vectors; v++) {
            size_t n = v + 1 < vectors ? VL : last;
            VF was = vf_lrelu(load_part(z + v * VL, n), slope);
            sum[v] = vf_fma(load_part(dy + v * VL, n), vf_sub(vf_sub(was, own), less[v]), sum[v]);
        }
    }
#pragma GCC unroll 4
    for (size_t v = 0; v < vectors; v++)
        if (v + 1 < vectors || last == VL)
            vf_store(y + v * VL, sum[v]);
        else
            vf_store_n(y + v * VL, sum[v], last);
}

static void undo_rows(float *y, const float *dy, const float *z, const float *noise, const float *offset,
                      float inverse, float gain, size_t rows, size_t c) {
    size_t j = 0;
    for (; j + 4 * VL <= c; j += 4 * VL)
        undo_with(y + j, dy + j, z + j, noise, offset + j, inverse, gain, rows, c, 4, VL);
    for (; j + VL <= c; j += VL)
        undo_with(y + j, dy + j, z + j, noise, offset + j, inverse, gain, rows, c, 1, VL);
    if (j < c)
        undo_with(y + j, dy + j, z + j, noise, offset + j, inverse, gain, rows, c, 1, c - j);
}

void ATL_VEC(atl_cpu_pointwise_init)(atl_cpu_pointwise_kernels *k) {
    fill_loops(k);
    k->epilogue = epilogue;
    k->undo_rows = undo_rows;
}
