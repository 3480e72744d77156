// SPDX-License-Identifier: Apache-2.0
// The reference of the pointwise kernels, and the functions that split tensors over threads.
#include "cpu/pointwise.h"

#include "cpu/pointwise_loops.h"

// The C library's functions serve every instruction set.
#define LIBM(name, expression)                                                        \
    static void name##_loop(float *y, const float *x, size_t n, float a, float b) {   \
        (void)a;                                                                      \
        (void)b;                                                                      \
        for (size_t i = 0; i < n; i++) {                                              \
            float v = x[i];                                                           \
            y[i] = (expression);                                                      \
        }                                                                             \
    }

LIBM(exp, expf(v))
LIBM(log, logf(v))
LIBM(sin, sinf(v))
LIBM(cos, cosf(v))
LIBM(tanh, tanhf(v))
LIBM(sigmoid, 1.0f / (1.0f + expf(-v)))
LIBM(softplus, (v > 0.0f ? v : 0.0f) + log1pf(expf(-fabsf(v)))) // exact at both ends: no overflow
LIBM(pow, powf(v, a))
#undef LIBM

static float finish(float v, const atl_epilogue *e) {
    v = (v < 0.0f ? v * e->slope : v) * e->gain;
    return v < -e->clamp ? -e->clamp : v > e->clamp ? e->clamp : v;
}

static void epilogue_ref(float *y, const float *x, size_t pixels, size_t c, const atl_epilogue *e) {
    for (size_t p = 0; p < pixels; p++) {
        float noise = e->noise ? e->noise[p] : 0.0f;
        for (size_t j = 0; j < c; j++) {
            float v = x[p * c + j] * (e->scale ? e->scale[j] : 1.0f) + noise + (e->bias ? e->bias[j] : 0.0f);
            y[p * c + j] = finish(v, e) + (e->residual ? e->residual[p * c + j] : 0.0f);
        }
    }
}

void atl_pointwise_init(atl_pointwise_kernels *k) {
    fill_loops(k);
    k->unary[ATL_UNARY_EXP] = exp_loop;
    k->unary[ATL_UNARY_LOG] = log_loop;
    k->unary[ATL_UNARY_SIN] = sin_loop;
    k->unary[ATL_UNARY_COS] = cos_loop;
    k->unary[ATL_UNARY_TANH] = tanh_loop;
    k->unary[ATL_UNARY_SIGMOID] = sigmoid_loop;
    k->unary[ATL_UNARY_SOFTPLUS] = softplus_loop;
    k->unary[ATL_UNARY_POW] = pow_loop;
    k->epilogue = epilogue_ref;
}

enum { CHUNK = 4096 }; // floats that one thread takes at once: small against L1, large against a call

void atl_unary_run(const atl_pointwise_kernels *k, atl_unary op, float *y, const float *x, int64_t n, float a,
                   float b, int threads) {
    int64_t chunks = (n + CHUNK - 1) / CHUNK;
#pragma omp parallel for num_threads(threads) schedule(static) if (chunks > 4)
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = i * CHUNK, count = n - first < CHUNK ? n - first : CHUNK;
        k->unary[op](y + first, x + first, (size_t)count, a, b);
    }
}

// The loops of a binary operation, innermost last, without those of size 1.
typedef struct loops {
    int rank;
    int64_t dims[ATL_LOOPS], x[ATL_LOOPS], z[ATL_LOOPS];
} loops;

// Two neighbours become one loop when both operands walk on in equal steps.
static loops join_loops(const int64_t *dims, const int64_t *x, const int64_t *z) {
    loops l = { 0 };
    for (int i = 0; i < ATL_LOOPS; i++) {
        if (dims[i] == 1)
            continue;
        int r = l.rank;
        if (r && l.x[r - 1] == x[i] * dims[i] && l.z[r - 1] == z[i] * dims[i]) {
            l.dims[r - 1] *= dims[i];
            l.x[r - 1] = x[i];
            l.z[r - 1] = z[i];
        } else {
            l.dims[r] = dims[i];
            l.x[r] = x[i];
            l.z[r] = z[i];
            l.rank++;
        }
    }
    if (!l.rank)
        l = (loops){ 1, { 1 }, { 0 }, { 0 } };
    return l;
}

// `count` results from the one numbered `first` of the innermost loop `row` on.
static void binary_row(const atl_pointwise_kernels *k, atl_binary op, const loops *l, int64_t row,
                       int64_t first, int64_t count, float *y, const float *x, const float *z) {
    int last = l->rank - 1;
    int64_t n = l->dims[last], sx = l->x[last], sz = l->z[last], at_x = first * sx, at_z = first * sz,
            rest = row;
    for (int d = last - 1; d >= 0; d--) {
        int64_t i = rest % l->dims[d];
        rest /= l->dims[d];
        at_x += i * l->x[d];
        at_z += i * l->z[d];
    }
    float *to = y + row * n + first;
    if ((sx == 0 || sx == 1) && (sz == 0 || sz == 1)) {
        k->binary[op](to, x + at_x, (size_t)sx, z + at_z, (size_t)sz, (size_t)count);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        k->binary[op](to + i, x + at_x + i * sx, 1, z + at_z + i * sz, 1, 1);
}

void atl_binary_run(const atl_pointwise_kernels *k, atl_binary op, const int64_t dims[ATL_LOOPS], float *y,
                    const float *x, const int64_t x_strides[ATL_LOOPS], const float *z,
                    const int64_t z_strides[ATL_LOOPS], int threads) {
    loops l = join_loops(dims, x_strides, z_strides);
    int64_t n = l.dims[l.rank - 1], rows = 1, parts = (n + CHUNK - 1) / CHUNK;
    for (int d = 0; d < l.rank - 1; d++)
        rows *= l.dims[d];
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static) if (rows * n > 4 * CHUNK)
    for (int64_t row = 0; row < rows; row++)
        for (int64_t part = 0; part < parts; part++) {
            int64_t first = part * CHUNK, count = n - first < CHUNK ? n - first : CHUNK;
            binary_row(k, op, &l, row, first, count, y, x, z);
        }
}

atl_epilogue atl_epilogue_at(const atl_epilogue *e, int sample, size_t first, size_t pixels, size_t c) {
    atl_epilogue at = *e;
    if (e->scale)
        at.scale = e->scale + sample * e->scale_stride;
    if (e->noise)
        at.noise = e->noise + sample * e->noise_stride + first;
    if (e->residual)
        at.residual = e->residual + ((size_t)sample * pixels + first) * c;
    return at;
}

void atl_epilogue_run(const atl_pointwise_kernels *k, const atl_epilogue *e, float *y, const float *x, int n,
                      size_t pixels, size_t c, int threads) {
    size_t part = CHUNK / c + 1;
    int64_t parts = (int64_t)((pixels + part - 1) / part);
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static) if (n * parts > 4)
    for (int sample = 0; sample < n; sample++)
        for (int64_t i = 0; i < parts; i++) {
            size_t first = (size_t)i * part, count = pixels - first < part ? pixels - first : part;
            atl_epilogue at = atl_epilogue_at(e, sample, first, pixels, c);
            size_t offset = ((size_t)sample * pixels + first) * c;
            k->epilogue(y + offset, x + offset, count, c, &at);
        }
}
