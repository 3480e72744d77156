// SPDX-License-Identifier: Apache-2.0
// Sums over dimensions, one run of reduced neighbours after the other, the longest first: what the others
// read is then short, and rows are long where few neighbours are summed (channels of a group).  A run is the
// middle of [outer, r, inner]: it is cut into blocks whose size depends on the shape alone, each block
// becomes one row of a smaller tensor, and the same again until one row is left.
#include "cpu/reduce.h"

#include <string.h>

enum { BLOCK_ROWS = 256, BLOCK_NUMBERS = 16384, PRODUCTS = 1024, SMALL = 16384 };

// The tensor as alternating runs of kept and reduced dimensions.
typedef struct runs {
    int count;
    int64_t size[ATL_REDUCE_RANK_MAX];
    int reduced[ATL_REDUCE_RANK_MAX];
} runs;

static runs runs_of(int rank, const int64_t *dims, unsigned mask) {
    runs r = { 0 };
    for (int i = 0; i < rank; i++) {
        int reduced = (int)(mask >> i & 1u);
        if (dims[i] == 1)
            continue;
        if (r.count && r.reduced[r.count - 1] == reduced) {
            r.size[r.count - 1] *= dims[i];
        } else {
            r.size[r.count] = dims[i];
            r.reduced[r.count++] = reduced;
        }
    }
    return r;
}

// Rows of one block.  Single numbers are summed in larger blocks than rows.
static int64_t block_rows(int64_t inner) {
    return inner == 1 ? BLOCK_NUMBERS : BLOCK_ROWS;
}

static int64_t blocks_of(int64_t rows, int64_t inner) {
    return (rows + block_rows(inner) - 1) / block_rows(inner);
}

// The sum of x * z in the order of k->sum, which cuts at multiples of its block.  Products are made in small
// parts, which stay in cache.
static float dot(const atl_cpu_pointwise_kernels *k, const float *x, const float *z, int64_t n) {
    float product[PRODUCTS];
    if (n <= PRODUCTS) {
        k->binary[ATL_FN_MUL](product, x, 1, z, 1, (size_t)n);
        return k->sum(product, (size_t)n);
    }
    int64_t half = (n / 2 + PRODUCTS - 1) / PRODUCTS * PRODUCTS;
    return dot(k, x, z, half) + dot(k, x + half, z + half, n - half);
}

// to [inner] = sum of x * z over `rows`, for inner > 1.
static void sum_products(const atl_cpu_pointwise_kernels *k, const float *x, const float *z, float *to,
                         int64_t rows, int64_t inner) {
    float product[PRODUCTS];
    int64_t width = inner < PRODUCTS ? inner : PRODUCTS, height = PRODUCTS / width;
    memset(to, 0, (size_t)inner * sizeof *to);
    for (int64_t j = 0; j < inner; j += width)
        for (int64_t i = 0; i < rows; i += height) {
            int64_t columns = inner - j < width ? inner - j : width, count = rows - i < height ? rows - i : height;
            int64_t at = i * inner + j; // one stretch: either all columns, or one row
            k->binary[ATL_FN_MUL](product, x + at, 1, z + at, 1, (size_t)(count * columns));
            k->add_rows(to + j, product, (size_t)count, (size_t)columns);
        }
}

typedef struct summing { // y [outer, blocks, inner] = x [outer, rows, inner] summed within blocks
    const atl_cpu_pointwise_kernels *k;
    const float *x, *z; // z: times this, or NULL
    float *y;
    int64_t rows, inner;
} summing;

static void sum_some(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const summing *s = job;
    int64_t inner = s->inner, block = block_rows(inner), blocks = blocks_of(s->rows, inner);
    if (inner == 1 && s->rows <= ATL_SHORT_ROW) {
        s->k->sum_short(s->y + begin, s->x + begin * s->rows, s->z ? s->z + begin * s->rows : NULL,
                        (size_t)(end - begin), (size_t)s->rows);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        int64_t first = i % blocks * block, count = s->rows - first < block ? s->rows - first : block;
        const float *from = s->x + (i / blocks * s->rows + first) * inner;
        float *to = s->y + i * inner;
        if (inner == 1) {
            *to = s->z ? dot(s->k, from, s->z + (from - s->x), count) : s->k->sum(from, (size_t)count);
        } else if (s->z) {
            sum_products(s->k, from, s->z + (from - s->x), to, count, inner);
        } else {
            memset(to, 0, (size_t)inner * sizeof *to);
            s->k->add_rows(to, from, (size_t)count, (size_t)inner);
        }
    }
}

typedef struct walk {
    const atl_cpu_pointwise_kernels *k;
    const float *from, *times;
    float *y, *half[2]; // the result; two places for intermediate ones
    atl_team *team;
    int turn;
} walk;

// The longest run that is reduced still, the last of equals; -1: none.
static int longest(const runs *r, const int64_t *left) {
    int best = -1;
    for (int i = 0; i < r->count; i++)
        if (r->reduced[i] && left[i] > 1 && (best < 0 || left[i] >= left[best]))
            best = i;
    return best;
}

static int64_t numbers(const int64_t *left, int from, int to) {
    int64_t n = 1;
    for (int i = from; i < to; i++)
        n *= left[i];
    return n;
}

// Each step shrinks [outer, rows, inner] to [outer, blocks, inner].  Returns the floats of the largest
// intermediate result; w NULL: computes nothing else.
static int64_t walk_runs(const runs *r, walk *w) {
    int64_t most = 0, left[ATL_REDUCE_RANK_MAX];
    for (int i = 0; i < ATL_REDUCE_RANK_MAX; i++)
        left[i] = i < r->count ? r->size[i] : 1;
    for (int i = longest(r, left), next; i >= 0; i = next) {
        int64_t outer = numbers(left, 0, i), inner = numbers(left, i + 1, ATL_REDUCE_RANK_MAX),
                rows = left[i];
        left[i] = 1;
        next = longest(r, left);
        do {
            int64_t blocks = blocks_of(rows, inner), floats = outer * blocks * inner;
            int last = blocks == 1 && next < 0;
            most = last || most > floats ? most : floats;
            if (w) {
                float *to = last ? w->y : w->half[w->turn ^= 1];
                int64_t each = (rows < block_rows(inner) ? rows : block_rows(inner)) * inner;
                summing s = { w->k, w->from, w->times, to, rows, inner };
                atl_team_run(w->team, outer * blocks, 1 + SMALL / each, sum_some, &s);
                w->from = to;
                w->times = NULL; // products are made once
            }
            rows = blocks;
        } while (rows > 1);
    }
    return most;
}

static size_t half_bytes(const runs *r) {
    return ((size_t)walk_runs(r, NULL) * sizeof(float) + 63) & ~(size_t)63;
}

size_t atl_cpu_reduce_workspace(int rank, const int64_t *dims, unsigned mask) {
    runs r = runs_of(rank, dims, mask);
    return 2 * half_bytes(&r);
}

void atl_cpu_reduce_sum(const atl_cpu_pointwise_kernels *k, int rank, const int64_t *dims, unsigned mask,
                        const float *x, const float *z, float *y, atl_team *team, void *workspace) {
    runs r = runs_of(rank, dims, mask);
    char *space = workspace;
    walk w = { k, x, z, y, { workspace, (float *)(void *)(space + half_bytes(&r)) }, team, 0 };
    walk_runs(&r, &w);
    if (w.from == x) { // nothing to sum
        int64_t n = 1;
        for (int i = 0; i < r.count; i++)
            n *= r.size[i];
        if (z)
            k->binary[ATL_FN_MUL](y, x, 1, z, 1, (size_t)n);
        else
            memcpy(y, x, (size_t)n * sizeof *y);
    }
}

// ---- the gradient of an epilogue's scale

static int64_t pixel_blocks(const atl_cpu_scale_grad *g) {
    return (g->pixels + BLOCK_ROWS - 1) / BLOCK_ROWS;
}

size_t atl_cpu_scale_grad_workspace(const atl_cpu_scale_grad *g) {
    size_t floats = (size_t)(g->n * pixel_blocks(g) * g->c + g->c);
    return (floats * sizeof(float) + 63) & ~(size_t)63;
}

typedef struct undoing {
    const atl_cpu_pointwise_kernels *k;
    const atl_cpu_scale_grad *g;
    float *offset, *sums; // [c] bias times gain; [n, blocks, c]
} undoing;

static void undo_some(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const undoing *u = job;
    const atl_cpu_scale_grad *g = u->g;
    int64_t blocks = pixel_blocks(g);
    for (int64_t i = begin; i < end; i++) {
        int64_t sample = i / blocks, first = i % blocks * BLOCK_ROWS;
        int64_t rows = g->pixels - first < BLOCK_ROWS ? g->pixels - first : BLOCK_ROWS;
        int64_t at = (sample * g->pixels + first) * g->c;
        const float *noise = g->noise ? g->noise + sample * (int64_t)g->noise_stride + first : NULL;
        float *to = u->sums + i * g->c;
        memset(to, 0, (size_t)g->c * sizeof *to);
        u->k->undo_rows(to, g->dy + at, g->z + at, noise, u->offset, 1.0f / g->slope, g->gain, (size_t)rows,
                        (size_t)g->c);
    }
}

void atl_cpu_scale_grad_run(const atl_cpu_pointwise_kernels *k, const atl_cpu_scale_grad *g, float *dscale,
                            atl_team *team, void *workspace) {
    int64_t blocks = pixel_blocks(g);
    undoing u = { k, g, workspace, (float *)workspace + g->c };
    for (int64_t j = 0; j < g->c; j++)
        u.offset[j] = g->bias ? g->bias[j] * g->gain : 0.0f;
    atl_team_run(team, g->n * blocks, 1 + SMALL / (BLOCK_ROWS * g->c), undo_some, &u);
    memset(dscale, 0, (size_t)(g->n * g->c) * sizeof *dscale);
    for (int64_t i = 0; i < g->n; i++) {
        const float *scale = g->scale + i * (int64_t)g->scale_stride;
        k->add_rows(dscale + i * g->c, u.sums + i * blocks * g->c, (size_t)blocks, (size_t)g->c);
        for (int64_t j = 0; j < g->c; j++)
            dscale[i * g->c + j] /= g->gain * scale[j];
    }
}
