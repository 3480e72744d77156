// SPDX-License-Identifier: Apache-2.0
// Matrix products: few rows by a constant matrix through our own packed kernels, all else by oneDNN.
#include "cpu/gemm.h"

#include <string.h>

#include "base/mem.h"
#include "cpu/kernels.h"
#include "cpu/onednn.h"

// Above this number of rows a product is bound by arithmetic and oneDNN's kernels win.
enum { GEMV_ROWS = 8 };

struct atl_cpu_gemm {
    atl_ctx *ctx;
    int threads;
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

static atl_status pack(atl_cpu_gemm *g, const float *b) {
    const atl_cpu_gemm_shape *s = &g->shape;
    size_t panel = g->gemv.panel, n = (size_t)s->n, k = (size_t)s->k, panels = (n + panel - 1) / panel;
    g->packed = atl_calloc(g->ctx, panels * panel, k * sizeof(float));
    if (!g->packed)
        return ATL_NO_MEMORY;
    for (size_t j = 0; j < n; j++) {
        float *to = g->packed + j / panel * panel * k + j % panel;
        for (size_t l = 0; l < k; l++)
            to[l * panel] = s->trans_b ? b[j * k + l] : b[l * n + j];
    }
    return ATL_OK;
}

static void run_packed(const atl_cpu_gemm *g, const float *a, float *c) {
    const atl_cpu_gemm_shape *s = &g->shape;
    size_t panel = g->gemv.panel, n = (size_t)s->n, k = (size_t)s->k, m = (size_t)s->m;
    int64_t panels = (int64_t)((n + panel - 1) / panel);
    // 512 by 512 takes one thread 0.05 ms: on a busy machine starting the others takes longer
    int threads = n * k < 300000 ? 1 : g->threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t p = 0; p < panels; p++) {
        size_t first = (size_t)p * panel, width = n - first < panel ? n - first : panel;
        g->gemv.run(c + first, n, a, k, g->packed + first * k, m, width, k);
    }
}

static atl_status describe(atl_ctx *ctx, int64_t batch, int64_t rows, int64_t columns, int trans,
                           int64_t stride, dnnl_memory_desc_t *md) {
    dnnl_dims_t dims = { batch > 1 && stride ? batch : 1, rows, columns };
    dnnl_dims_t strides = { stride ? stride : rows * columns, trans ? 1 : columns, trans ? rows : 1 };
    return atl_cpu_dnnl_check(ctx, dnnl_memory_desc_init_by_strides(md, 3, dims, dnnl_f32, strides),
                              "describe a matrix");
}

static atl_status make_dnnl(atl_cpu_gemm *g, const float *b_const) {
    const atl_cpu_gemm_shape *s = &g->shape;
    atl_cpu_dnnl *d = &g->dnnl;
    dnnl_memory_desc_t md[3], any;
    ATL_TRY(atl_cpu_dnnl_init(d, g->ctx, g->threads));
    ATL_TRY(describe(g->ctx, s->batch, s->m, s->k, s->trans_a, s->stride_a, &md[0]));
    ATL_TRY(describe(g->ctx, s->batch, s->k, s->n, s->trans_b, s->stride_b, &md[1]));
    ATL_TRY(describe(g->ctx, s->batch, s->m, s->n, 0, s->stride_c, &md[2]));
    any = md[1];
    if (b_const)
        ATL_TRY(atl_cpu_dnnl_check(
            g->ctx, dnnl_memory_desc_init_by_tag(&any, 3, md[1].dims, dnnl_f32, dnnl_format_tag_any),
            "describe a matrix"));
    int before = atl_cpu_dnnl_threads_begin(d);
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t made = dnnl_matmul_desc_init(&desc, &md[0], &any, NULL, &md[2]);
    if (made == dnnl_success)
        made = dnnl_primitive_desc_create(&pd, &desc, d->attr, d->engine, NULL);
    atl_cpu_dnnl_threads_end(before);
    ATL_TRY(atl_cpu_dnnl_check(g->ctx, made, "make a matrix product"));
    atl_status status = atl_cpu_dnnl_finish(
        d, pd, (const int[]){ DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST }, md, 1, b_const);
    dnnl_primitive_desc_destroy(pd);
    return status;
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

atl_status atl_cpu_gemm_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, int threads,
                             const atl_cpu_gemm_shape *shape, const float *b_const, atl_cpu_gemm **gemm) {
    *gemm = NULL;
    ATL_TRY(check_shape(ctx, shape));
    atl_cpu_gemm *g = atl_calloc(ctx, 1, sizeof *g);
    if (!g)
        return ATL_NO_MEMORY;
    g->ctx = ctx;
    g->threads = threads;
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
    atl_free(ctx, (*gemm)->packed);
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
