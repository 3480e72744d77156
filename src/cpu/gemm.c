// SPDX-License-Identifier: Apache-2.0
// Matrix products: few rows by a constant matrix through our own packed kernels, all else by oneDNN.
#include "cpu/gemm.h"

#include <string.h>

#include "base/pages.h"
#include "cpu/kernels.h"
#include "cpu/onednn.h"

// Above this number of rows a product is bound by arithmetic and oneDNN's kernels win.
enum { GEMV_ROWS = 8 };

// Weights that a thread multiplies before another has woken; multiply-adds that are worth a part of their
// own; rows and columns of which a part has a multiple, so that kernels end on full registers.
enum { GRAIN_WEIGHTS = 1 << 15, PART_WORK = 1 << 17, UNIT_ROWS = 8, UNIT_COLUMNS = 16 };

struct atl_cpu_gemm {
    atl_ctx *ctx;
    atl_team *team;
    atl_cpu_gemm_shape shape;
    atl_cpu_gemv_kernels gemv;
    float *packed;   // [panels, k, panel]; NULL: oneDNN
    atl_cpu_dnnl dnnl;
};

// A batch whose A and C are dense and whose B is shared is one product with more rows.
static atl_cpu_gemm_shape joined(const atl_cpu_gemm_shape *shape) {
    atl_cpu_gemm_shape s = *shape;
    if (s.m == 1)
        s.trans_a = 0;
    if (s.batch > 1 && !s.stride_b && !s.trans_a && s.stride_a == s.m * s.k && s.stride_c == s.m * s.n) {
        s.m *= s.batch;
        s.batch = 1;
    }
    return s;
}

typedef struct packing {
    const atl_cpu_gemm *g;
    const float *b;
} packing;

// Columns beyond n are zeros.
static void pack_panels(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const packing *p = job;
    const atl_cpu_gemm_shape *s = &p->g->shape;
    size_t panel = p->g->gemv.panel, n = (size_t)s->n, k = (size_t)s->k;
    for (size_t first = (size_t)begin * panel; first < (size_t)end * panel; first += panel) {
        size_t width = n - first < panel ? n - first : panel;
        float *to = p->g->packed + first * k;
        for (size_t l = 0; l < k; l++, to += panel) {
            for (size_t j = 0; j < width; j++)
                to[j] = s->trans_b ? p->b[(first + j) * k + l] : p->b[l * n + first + j];
            for (size_t j = width; j < panel; j++)
                to[j] = 0.0f;
        }
    }
}

static atl_status pack(atl_cpu_gemm *g, const float *b) {
    const atl_cpu_gemm_shape *s = &g->shape;
    size_t panel = g->gemv.panel, n = (size_t)s->n, k = (size_t)s->k, panels = (n + panel - 1) / panel;
    g->packed = atl_pages_alloc(g->ctx, panels * panel, k * sizeof(float));
    if (!g->packed)
        return ATL_NO_MEMORY;
    atl_team_run(g->team, (int64_t)panels, 1 + (int64_t)(GRAIN_WEIGHTS / (panel * k)), pack_panels,
                 &(packing){ g, b });
    return ATL_OK;
}

typedef struct packed_call {
    const atl_cpu_gemm *g;
    const float *a;
    float *c;
} packed_call;

static void run_panels(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const packed_call *r = job;
    const atl_cpu_gemm_shape *s = &r->g->shape;
    size_t panel = r->g->gemv.panel, n = (size_t)s->n, k = (size_t)s->k, m = (size_t)s->m;
    for (int64_t p = begin; p < end; p++) {
        size_t first = (size_t)p * panel, width = n - first < panel ? n - first : panel;
        r->g->gemv.run(r->c + first, n, r->a, k, r->g->packed + first * k, m, width, k);
    }
}

static void run_packed(const atl_cpu_gemm *g, const float *a, float *c) {
    const atl_cpu_gemm_shape *s = &g->shape;
    int64_t panel = (int64_t)g->gemv.panel;
    atl_team_run(g->team, (s->n + panel - 1) / panel, 1 + GRAIN_WEIGHTS / (panel * s->k), run_panels,
                 &(packed_call){ g, a, c });
}

// ---- oneDNN, in parts

// A part of a product: some of its batches, rows and columns.
typedef struct piece {
    int64_t batch0, batch, m0, m, n0, n;
} piece;

static atl_status describe(atl_ctx *ctx, int64_t batch, int64_t rows, int64_t columns, int trans,
                           int64_t line, int64_t stride, dnnl_memory_desc_t *md) {
    dnnl_dims_t dims = { batch > 1 && stride ? batch : 1, rows, columns };
    dnnl_dims_t strides = { stride ? stride : rows * columns, trans ? 1 : line, trans ? line : 1 };
    return atl_cpu_dnnl_check(ctx, dnnl_memory_desc_init_by_strides(md, 3, dims, dnnl_f32, strides),
                              "describe a matrix");
}

// What a part reads and writes.  A line is a row as it is stored.
static atl_status describe_piece(const atl_cpu_gemm *g, const piece *p, dnnl_memory_desc_t md[3],
                                 size_t offset[3]) {
    const atl_cpu_gemm_shape *s = &g->shape;
    offset[0] = (size_t)(p->batch0 * s->stride_a + p->m0 * (s->trans_a ? 1 : s->k));
    offset[1] = (size_t)(p->batch0 * s->stride_b + p->n0 * (s->trans_b ? s->k : 1));
    offset[2] = (size_t)(p->batch0 * s->stride_c + p->m0 * s->n + p->n0);
    ATL_TRY(
        describe(g->ctx, p->batch, p->m, s->k, s->trans_a, s->trans_a ? s->m : s->k, s->stride_a, &md[0]));
    ATL_TRY(
        describe(g->ctx, p->batch, s->k, p->n, s->trans_b, s->trans_b ? s->k : s->n, s->stride_b, &md[1]));
    return describe(g->ctx, p->batch, p->m, p->n, 0, s->n, s->stride_c, &md[2]);
}

static atl_status add_piece(atl_cpu_gemm *g, const piece *p, int constant) {
    dnnl_memory_desc_t md[3], any;
    size_t offset[3];
    ATL_TRY(describe_piece(g, p, md, offset));
    any = md[1];
    if (constant)
        ATL_TRY(atl_cpu_dnnl_check(
            g->ctx, dnnl_memory_desc_init_by_tag(&any, 3, md[1].dims, dnnl_f32, dnnl_format_tag_any),
            "describe a matrix"));
    int before = atl_cpu_dnnl_alone();
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t made = dnnl_matmul_desc_init(&desc, &md[0], &any, NULL, &md[2]);
    if (made == dnnl_success)
        made = dnnl_primitive_desc_create(&pd, &desc, g->dnnl.attr, g->dnnl.engine, NULL);
    atl_cpu_dnnl_alone_end(before);
    ATL_TRY(atl_cpu_dnnl_check(g->ctx, made, "make a matrix product"));
    atl_status status = atl_cpu_dnnl_add(&g->dnnl, pd, md, offset);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

// The longest of the dimensions that may be cut is.  A constant B stays whole: it has one packed form.
static int64_t cut(const atl_cpu_gemm *g, int constant, int64_t *step) {
    const atl_cpu_gemm_shape *s = &g->shape;
    double work = (double)s->batch * (double)s->m * (double)s->n * (double)s->k;
    int64_t lanes = atl_team_parts(g->team), parts = work < 2.0 * PART_WORK ? 1 : (int64_t)(work / PART_WORK);
    int whole = constant && s->batch > 1 && s->stride_b;
    *step = s->batch > 1 ? 1 : constant || s->m >= s->n ? UNIT_ROWS : UNIT_COLUMNS;
    int64_t size = s->batch > 1 ? s->batch : constant || s->m >= s->n ? s->m : s->n;
    int64_t units = (size + *step - 1) / *step;
    parts = parts < lanes ? parts : lanes;
    parts = parts < units ? parts : units;
    *step *= whole || parts < 2 ? units : (units + parts - 1) / parts;
    return size;
}

static atl_status make_parts(atl_cpu_gemm *g, const float *b_const, int64_t size, int64_t step) {
    static const int ids[3] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST };
    const atl_cpu_gemm_shape *s = &g->shape;
    ATL_TRY(atl_cpu_dnnl_init(&g->dnnl, g->ctx, g->team, (int)((size + step - 1) / step), ids, 1));
    for (int64_t at = 0; at < size; at += step) {
        int64_t some = size - at < step ? size - at : step;
        piece p = { 0, s->batch, 0, s->m, 0, s->n };
        if (s->batch > 1)
            p.batch0 = at, p.batch = some;
        else if (b_const || s->m >= s->n)
            p.m0 = at, p.m = some;
        else
            p.n0 = at, p.n = some;
        ATL_TRY(add_piece(g, &p, b_const != NULL));
    }
    return ATL_OK;
}

static atl_status make_dnnl(atl_cpu_gemm *g, const float *b_const) {
    const atl_cpu_gemm_shape *s = &g->shape;
    int64_t step, size = cut(g, b_const != NULL, &step);
    ATL_TRY(make_parts(g, b_const, size, step));
    if (g->dnnl.mixed) { // parts that can't share B: one part
        atl_cpu_dnnl_clear(&g->dnnl);
        ATL_TRY(make_parts(g, b_const, size, size));
    }
    dnnl_memory_desc_t plain;
    ATL_TRY(
        describe(g->ctx, s->batch, s->k, s->n, s->trans_b, s->trans_b ? s->k : s->n, s->stride_b, &plain));
    return atl_cpu_dnnl_finish(&g->dnnl, b_const ? &plain : NULL, b_const);
}

static atl_status check_shape(atl_ctx *ctx, const atl_cpu_gemm_shape *s) {
    if (s->batch < 1 || s->m < 1 || s->n < 1 || s->k < 1)
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "matrix product: %lld times [%lld, %lld] by [%lld, %lld]: sizes must "
                        "be at least 1",
                        (long long)s->batch, (long long)s->m, (long long)s->k, (long long)s->k,
                        (long long)s->n);
    if (s->batch > 1 && (!s->stride_c || (!s->stride_a && !s->stride_b)))
        return atl_fail(ctx, ATL_BAD_ARGUMENT,
                        "matrix product: a batch of %lld needs a stride in c and in a or b",
                        (long long)s->batch);
    return ATL_OK;
}

atl_status atl_cpu_gemm_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_gemm_shape *shape, const float *b_const, atl_cpu_gemm **gemm) {
    *gemm = NULL;
    ATL_TRY(check_shape(ctx, shape));
    atl_cpu_gemm *g = atl_calloc(ctx, 1, sizeof *g);
    if (!g)
        return ATL_NO_MEMORY;
    g->ctx = ctx;
    g->team = team;
    g->shape = joined(shape);
    g->gemv = kernels->gemv;
    const atl_cpu_gemm_shape *s = &g->shape;
    int few = b_const && s->batch == 1 && s->m <= GEMV_ROWS && !s->trans_a;
    atl_status status = few ? pack(g, b_const) : make_dnnl(g, b_const);
    if (status != ATL_OK)
        atl_cpu_gemm_free(&g);
    *gemm = g;
    return status;
}

void atl_cpu_gemm_free(atl_cpu_gemm **gemm) {
    if (!gemm || !*gemm)
        return;
    atl_ctx *ctx = (*gemm)->ctx;
    atl_cpu_dnnl_clear(&(*gemm)->dnnl);
    atl_pages_free(ctx, (*gemm)->packed);
    atl_free(ctx, *gemm);
    *gemm = NULL;
}

size_t atl_cpu_gemm_workspace(const atl_cpu_gemm *gemm) {
    return gemm->packed ? 0 : atl_cpu_dnnl_workspace(&gemm->dnnl);
}

atl_status atl_cpu_gemm_run(const atl_cpu_gemm *gemm, const float *a, const float *b, float *c,
                            void *workspace) {
    if (!gemm->packed)
        return atl_cpu_dnnl_run(&gemm->dnnl, a, b, c, workspace);
    run_packed(gemm, a, c);
    return ATL_OK;
}
