// SPDX-License-Identifier: Apache-2.0
// One oneDNN primitive shared by the lanes; each lane has its own stream and memory objects, because
// those carry the pointers of one call.
//
// The primitive is made and run with one OpenMP thread as default, so that oneDNN plans for one and stays on
// the calling thread.
#include "cpu/winograd_gemm.h"

#include <string.h>
#include <dnnl.h>
#include "base/mem.h"
#include "cpu/onednn.h"

enum { A, B, C, SCRATCH, OPERANDS };
static const int IDS[OPERANDS] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD };

typedef struct gemm_lane {
    dnnl_stream_t stream;
    dnnl_memory_t memory[OPERANDS];
    char apart[64]; // lanes are written by different threads
} gemm_lane;

struct atl_cpu_wino_gemm {
    atl_ctx *ctx;
    int lanes;
    size_t batch, m, n, k, scratch;
    dnnl_engine_t engine;
    dnnl_primitive_t primitive;
    gemm_lane *lane;
};

static dnnl_status_t make_lane(atl_cpu_wino_gemm *g, gemm_lane *lane,
                               const dnnl_memory_desc_t *const md[OPERANDS]) {
    dnnl_status_t s = dnnl_stream_create(&lane->stream, g->engine, dnnl_stream_default_flags);
    for (int i = 0; !s && i < OPERANDS; i++)
        s = dnnl_memory_create(&lane->memory[i], md[i], g->engine, DNNL_MEMORY_NONE);
    return s;
}

static dnnl_status_t make_primitive(atl_cpu_wino_gemm *g) {
    const dnnl_dim_t batch = (dnnl_dim_t)g->batch, m = (dnnl_dim_t)g->m, n = (dnnl_dim_t)g->n,
                     k = (dnnl_dim_t)g->k;
    const dnnl_dims_t dims[3] = { { 1, batch, m, k }, { 1, batch, k, n }, { 1, batch, m, n } };
    dnnl_memory_desc_t md[3];
    dnnl_matmul_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t s = dnnl_success;
    for (int i = 0; !s && i < 3; i++)
        s = dnnl_memory_desc_init_by_tag(&md[i], 4, dims[i], dnnl_f32, i == B ? dnnl_abcd : dnnl_acbd);
    if (!s)
        s = dnnl_matmul_desc_init(&desc, &md[A], &md[B], NULL, &md[C]);
    if (!s)
        s = dnnl_primitive_attr_create(&attr);
    if (!s)
        s = dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (!s)
        s = dnnl_primitive_desc_create(&pd, &desc, attr, g->engine, NULL);
    if (!s)
        s = dnnl_primitive_create(&g->primitive, pd);
    if (!s) {
        const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
        const dnnl_memory_desc_t *const all[OPERANDS] = { &md[A], &md[B], &md[C], scratch };
        g->scratch = (dnnl_memory_desc_get_size(scratch) + 63) & ~(size_t)63;
        for (int i = 0; !s && i < g->lanes; i++)
            s = make_lane(g, &g->lane[i], all);
    }
    dnnl_primitive_desc_destroy(pd);
    dnnl_primitive_attr_destroy(attr);
    return s;
}

atl_status atl_cpu_wino_gemm_make(atl_ctx *ctx, int lanes, int batch, size_t m, size_t n, size_t k,
                                  atl_cpu_wino_gemm **gemm) {
    *gemm = NULL;
    atl_cpu_wino_gemm *g = atl_calloc(ctx, 1, sizeof *g);
    if (!g)
        return ATL_NO_MEMORY;
    g->ctx = ctx;
    g->lanes = lanes;
    g->batch = (size_t)batch;
    g->m = m;
    g->n = n;
    g->k = k;
    g->lane = atl_calloc(ctx, (size_t)lanes, sizeof *g->lane);
    if (!g->lane) {
        atl_cpu_wino_gemm_free(&g);
        return ATL_NO_MEMORY;
    }
    atl_status room = atl_cpu_dnnl_room(ctx);
    if (room != ATL_OK) {
        atl_cpu_wino_gemm_free(&g);
        return room;
    }
    int before = atl_cpu_dnnl_alone();
    dnnl_status_t s = dnnl_engine_create(&g->engine, dnnl_cpu, 0);
    if (!s)
        s = make_primitive(g);
    atl_cpu_dnnl_alone_end(before);
    if (s) {
        atl_cpu_wino_gemm_free(&g);
        return atl_fail(ctx, s == dnnl_out_of_memory ? ATL_NO_MEMORY : ATL_INTERNAL,
                        "oneDNN could not prepare %d products of %zux%zu by %zux%zu (status %d)", batch, m, k,
                        k, n, (int)s);
    }
    *gemm = g;
    return ATL_OK;
}

void atl_cpu_wino_gemm_free(atl_cpu_wino_gemm **gemm) {
    atl_cpu_wino_gemm *g = gemm ? *gemm : NULL;
    if (!g)
        return;
    for (int i = 0; g->lane && i < g->lanes; i++) {
        for (int j = 0; j < OPERANDS; j++)
            dnnl_memory_destroy(g->lane[i].memory[j]);
        dnnl_stream_destroy(g->lane[i].stream);
    }
    dnnl_primitive_destroy(g->primitive);
    dnnl_engine_destroy(g->engine);
    atl_free(g->ctx, g->lane);
    atl_free(g->ctx, g);
    *gemm = NULL;
}

size_t atl_cpu_wino_gemm_scratch(const atl_cpu_wino_gemm *gemm) {
    return gemm->scratch;
}

// What to do when oneDNN refuses to run: slow, but a result.
static void plain_product(const atl_cpu_wino_gemm *g, const float *a, const float *b, float *c) {
    memset(c, 0, g->m * g->batch * g->n * sizeof *c);
    for (size_t i = 0; i < g->m * g->batch; i++)
        for (size_t k = 0; k < g->k; k++)
            for (size_t j = 0; j < g->n; j++)
                c[i * g->n + j] += a[i * g->k + k] * b[(i % g->batch * g->k + k) * g->n + j];
}

void atl_cpu_wino_gemm_run(const atl_cpu_wino_gemm *gemm, int lane, const float *a, const float *b, float *c,
                           void *scratch) {
    gemm_lane *l = &gemm->lane[lane];
    void *const data[OPERANDS] = { (void *)(size_t)a, (void *)(size_t)b, c, scratch };
    dnnl_exec_arg_t args[OPERANDS];
    dnnl_status_t s = dnnl_success;
    for (int i = 0; i < OPERANDS; i++) {
        s = s ? s : dnnl_memory_set_data_handle(l->memory[i], data[i]);
        args[i] = (dnnl_exec_arg_t){ IDS[i], l->memory[i] };
    }
    int before = atl_cpu_dnnl_alone();
    if (!s)
        s = dnnl_primitive_execute(gemm->primitive, l->stream, OPERANDS, args);
    atl_cpu_dnnl_alone_end(before);
    if (s)
        plain_product(gemm, a, b, c);
}
