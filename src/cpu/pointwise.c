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

LIBM(log, logf(v))
LIBM(sin, sinf(v))
LIBM(cos, cosf(v))
LIBM(softplus, (v > 0.0f ? v : 0.0f) + log1pf(expf(-fabsf(v)))) // exact at both ends: no overflow
#undef LIBM

static float finish(float v, const atl_cpu_epilogue *e) {
    v = (v < 0.0f ? v * e->slope : v) * e->gain;
    return v < -e->clamp ? -e->clamp : v > e->clamp ? e->clamp : v;
}

static void epilogue_ref(float *y, const float *x, size_t pixels, size_t c, const atl_cpu_epilogue *e) {
    for (size_t p = 0; p < pixels; p++) {
        float noise = e->noise ? e->noise[p] : 0.0f;
        for (size_t j = 0; j < c; j++) {
            float v = x[p * c + j] * (e->scale ? e->scale[j] : 1.0f) + noise + (e->bias ? e->bias[j] : 0.0f);
            v = finish(v, e);
            if (e->gate && e->gate[p * c + j] < 0.0f)
                v *= e->gate_slope;
            y[p * c + j] = v + (e->residual ? e->residual[p * c + j] : 0.0f);
        }
    }
}

void atl_cpu_pointwise_init(atl_cpu_pointwise_kernels *k) {
    fill_loops(k);
    k->unary[ATL_FN_LOG] = log_loop;
    k->unary[ATL_FN_SIN] = sin_loop;
    k->unary[ATL_FN_COS] = cos_loop;
    k->unary[ATL_FN_SOFTPLUS] = softplus_loop;
    k->epilogue = epilogue_ref;
}

// CHUNK: floats that one thread takes at once: small against L1, large against a call.
// PATTERN: floats of a repeated short row.
// GRAIN: chunks that are done before a thread has woken.
enum { CHUNK = 4096, PATTERN = 256, GRAIN = 4 };

typedef struct unary {
    const atl_cpu_pointwise_kernels *k;
    atl_fn1 op;
    float *y;
    const float *x;
    float a, b;
    int64_t n;
} unary;

static void unary_chunks(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const unary *u = job;
    for (int64_t first = begin * CHUNK; first < u->n && first < end * CHUNK; first += CHUNK) {
        int64_t count = u->n - first < CHUNK ? u->n - first : CHUNK;
        u->k->unary[u->op](u->y + first, u->x + first, (size_t)count, u->a, u->b);
    }
}

void atl_cpu_unary_run(const atl_cpu_pointwise_kernels *k, atl_fn1 op, float *y, const float *x, int64_t n,
                       float a, float b, atl_team *team) {
    atl_team_run(team, (n + CHUNK - 1) / CHUNK, GRAIN, unary_chunks, &(unary){ k, op, y, x, a, b, n });
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

// A rectangle of the two innermost loops: `rows` rows of n results each.  Strides are those of the two loops.
typedef struct block {
    float *y;
    const float *x, *z;
    int64_t rows, n, y_row, x_row, z_row, x_step, z_step;
} block;

static void strided_row(const atl_cpu_pointwise_kernels *k, atl_fn2 op, const block *b, int64_t row) {
    float *y = b->y + row * b->y_row;
    const float *x = b->x + row * b->x_row, *z = b->z + row * b->z_row;
    if ((b->x_step == 0 || b->x_step == 1) && (b->z_step == 0 || b->z_step == 1)) {
        k->binary[op](y, x, (size_t)b->x_step, z, (size_t)b->z_step, (size_t)b->n);
        return;
    }
    for (int64_t i = 0; i < b->n; i++)
        k->binary[op](y + i, x + i * b->x_step, 1, z + i * b->z_step, 1, 1);
}

// Short rows of which z repeats one: z is written out several times, and the rows become one long row.
static void repeated_row(const atl_cpu_pointwise_kernels *k, atl_fn2 op, const block *b) {
    float pattern[PATTERN];
    int64_t fit = PATTERN / b->n < b->rows ? PATTERN / b->n : b->rows;
    for (int64_t i = 0; i < fit * b->n; i++)
        pattern[i] = b->z[i % b->n];
    for (int64_t row = 0; row < b->rows; row += fit) {
        int64_t count = b->rows - row < fit ? b->rows - row : fit;
        k->binary[op](b->y + row * b->y_row, b->x + row * b->x_row, 1, pattern, 1, (size_t)(count * b->n));
    }
}

static void binary_block(const atl_cpu_pointwise_kernels *k, atl_fn2 op, const block *b) {
    int walks = b->x_step == 1 && b->x_row == b->n && b->y_row == b->n;
    if (walks && b->z_step == 1 && b->z_row == 0 && b->n <= PATTERN / 4 && b->rows > 1) {
        repeated_row(k, op, b);
        return;
    }
    for (int64_t row = 0; row < b->rows; row++)
        strided_row(k, op, b, row);
}

typedef struct binary {
    const atl_cpu_pointwise_kernels *k;
    atl_fn2 op;
    const loops *l;
    float *y;
    const float *x, *z;
    int64_t width, height, bands, parts; // of a block; blocks along rows and along a row
} binary;

static void binary_blocks(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const binary *w = job;
    const loops *l = w->l;
    int last = l->rank - 1, row = l->rank - 2;
    int64_t n = l->dims[last], rows = row >= 0 ? l->dims[row] : 1;
    int64_t x_row = row >= 0 ? l->x[row] : 0, z_row = row >= 0 ? l->z[row] : 0;
    for (int64_t at = begin; at < end; at++) {
        int64_t o = at / w->parts / w->bands, i = at / w->parts % w->bands * w->height,
                j = at % w->parts * w->width;
        int64_t at_x = 0, at_z = 0, rest = o;
        for (int d = row - 1; d >= 0; d--) {
            at_x += rest % l->dims[d] * l->x[d];
            at_z += rest % l->dims[d] * l->z[d];
            rest /= l->dims[d];
        }
        block b = { w->y + (o * rows + i) * n + j,
                    w->x + at_x + i * x_row + j * l->x[last],
                    w->z + at_z + i * z_row + j * l->z[last],
                    rows - i < w->height ? rows - i : w->height,
                    n - j < w->width ? n - j : w->width,
                    n,
                    x_row,
                    z_row,
                    l->x[last],
                    l->z[last] };
        binary_block(w->k, w->op, &b);
    }
}

void atl_cpu_binary_run(const atl_cpu_pointwise_kernels *k, atl_fn2 op, const int64_t dims[ATL_LOOPS],
                        float *y, const float *x, const int64_t x_strides[ATL_LOOPS], const float *z,
                        const int64_t z_strides[ATL_LOOPS], atl_team *team) {
    loops l = join_loops(dims, x_strides, z_strides);
    int last = l.rank - 1, row = l.rank - 2;
    int64_t n = l.dims[last], rows = row >= 0 ? l.dims[row] : 1, outer = 1;
    for (int d = 0; d < row; d++)
        outer *= l.dims[d];
    int64_t width = n < CHUNK ? n : CHUNK, height = CHUNK / width < rows ? CHUNK / width : rows;
    int64_t bands = (rows + height - 1) / height, parts = (n + width - 1) / width;
    binary b = { k, op, &l, y, x, z, width, height, bands, parts };
    atl_team_run(team, outer * bands * parts, GRAIN * CHUNK / (width * height), binary_blocks, &b);
}

atl_cpu_epilogue atl_cpu_epilogue_at(const atl_cpu_epilogue *e, int sample, size_t first, size_t pixels,
                                     size_t c) {
    atl_cpu_epilogue at = *e;
    if (e->scale)
        at.scale = e->scale + sample * e->scale_stride;
    if (e->noise)
        at.noise = e->noise + sample * e->noise_stride + first;
    if (e->gate)
        at.gate = e->gate + ((size_t)sample * pixels + first) * c;
    if (e->residual)
        at.residual = e->residual + ((size_t)sample * pixels + first) * c;
    return at;
}

typedef struct ending {
    const atl_cpu_pointwise_kernels *k;
    const atl_cpu_epilogue *e;
    float *y;
    const float *x;
    size_t pixels, c, part; // part: pixels
    int64_t parts;
} ending;

static void epilogue_parts(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const ending *w = job;
    for (int64_t i = begin; i < end; i++) {
        int64_t sample = i / w->parts;
        size_t first = (size_t)(i % w->parts) * w->part, left = w->pixels - first;
        atl_cpu_epilogue at = atl_cpu_epilogue_at(w->e, (int)sample, first, w->pixels, w->c);
        size_t offset = ((size_t)sample * w->pixels + first) * w->c;
        w->k->epilogue(w->y + offset, w->x + offset, left < w->part ? left : w->part, w->c, &at);
    }
}

void atl_cpu_epilogue_run(const atl_cpu_pointwise_kernels *k, const atl_cpu_epilogue *e, float *y,
                          const float *x, int n, size_t pixels, size_t c, atl_team *team) {
    size_t part = CHUNK / c + 1;
    int64_t parts = (int64_t)((pixels + part - 1) / part);
    atl_team_run(team, n * parts, GRAIN, epilogue_parts, &(ending){ k, e, y, x, pixels, c, part, parts });
}
