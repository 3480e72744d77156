// SPDX-License-Identifier: Apache-2.0
// The only place that runs oneDNN.  Memory objects are made once; a run only sets their addresses, so
// it allocates nothing of ours.
#include "cpu/onednn.h"

#include <omp.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "cpu/pages.h"
#include "cpu/sizes.h"

atl_status atl_cpu_dnnl_check(atl_ctx *ctx, dnnl_status_t status, const char *what) {
    if (status == dnnl_success)
        return ATL_OK;
    if (status == dnnl_out_of_memory)
        return atl_fail(ctx, ATL_NO_MEMORY,
                        "oneDNN has no memory left to %s; free some or use smaller images", what);
    return atl_fail(ctx, ATL_INTERNAL, "oneDNN refused to %s (its status %d)", what, (int)status);
}

#define CHECK(call, what) ATL_TRY(atl_cpu_dnnl_check(d->ctx, (call), (what)))

// oneDNN's generator of code does not look whether it was given memory, and writes to address 0: so there
// must be enough before a primitive is made.  One has a kernel to a few dozen, of 256 kB each.
static atl_status check_room(atl_ctx *ctx) {
    enum { ROOM = 24 << 20 };
    switch (atl_cpu_code_room(ROOM)) {
    case ATL_OK: return ATL_OK;
    case ATL_NO_MEMORY:
        return atl_fail(ctx, ATL_NO_MEMORY, "out of memory: oneDNN may need %d MB to make a kernel",
                        ROOM >> 20);
    default:
        return atl_fail(ctx, ATL_UNSUPPORTED,
                        "the system lets no program make code of its own, which oneDNN's kernels are");
    }
}

int atl_cpu_dnnl_threads_begin(const atl_cpu_dnnl *d) {
    int before = omp_get_max_threads();
    omp_set_num_threads(d->threads);
    return before;
}

void atl_cpu_dnnl_threads_end(int before) {
    omp_set_num_threads(before);
}

// oneDNN accepts a ceiling only before its first kernel; later calls are refused, which is harmless.
static void limit_isa(atl_cpu_set set) {
    if (set < atl_cpu_detect())
        (void)dnnl_set_max_cpu_isa(set == ATL_CPU_BASELINE ? dnnl_cpu_isa_sse41 : dnnl_cpu_isa_avx2);
}

atl_status atl_cpu_dnnl_init(atl_cpu_dnnl *d, atl_ctx *ctx, int threads) {
    memset(d, 0, sizeof *d);
    d->ctx = ctx;
    d->threads = threads;
    struct rlimit limit;
    d->limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    ATL_TRY(check_room(ctx));
    limit_isa(ctx->cpu);
    CHECK(dnnl_engine_create(&d->engine, dnnl_cpu, 0), "start");
    CHECK(dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags), "start");
    CHECK(dnnl_primitive_attr_create(&d->attr), "start");
    CHECK(dnnl_primitive_attr_set_scratchpad_mode(d->attr, dnnl_scratchpad_mode_user), "start");
    return ATL_OK;
}

void atl_cpu_dnnl_clear(atl_cpu_dnnl *d) {
    for (int i = 0; i < 3; i++)
        if (d->operand[i])
            dnnl_memory_destroy(d->operand[i]);
    if (d->packed)
        dnnl_memory_destroy(d->packed);
    if (d->scratch)
        dnnl_memory_destroy(d->scratch);
    if (d->main)
        dnnl_primitive_destroy(d->main);
    if (d->reorder)
        dnnl_primitive_destroy(d->reorder);
    if (d->attr)
        dnnl_primitive_attr_destroy(d->attr);
    if (d->stream)
        dnnl_stream_destroy(d->stream);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    if (d->ctx)
        atl_free(d->ctx, d->constant);
    memset(d, 0, sizeof *d);
}

size_t atl_cpu_dnnl_workspace(const atl_cpu_dnnl *d) {
    size_t packed = d->reorder && !d->constant ? d->packed_bytes : 0;
    return atl_round_bytes(packed) +
           atl_round_bytes(d->main_bytes > d->reorder_bytes ? d->main_bytes : d->reorder_bytes);
}

static atl_status make_reorder(atl_cpu_dnnl *d, const dnnl_memory_desc_t *from,
                               const dnnl_memory_desc_t *to) {
    dnnl_primitive_desc_t pd;
    ATL_TRY(check_room(d->ctx));
    CHECK(dnnl_reorder_primitive_desc_create(&pd, from, d->engine, to, d->engine, d->attr),
          "reorder weights");
    dnnl_status_t made = dnnl_primitive_create(&d->reorder, pd);
    d->reorder_bytes =
        dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    dnnl_primitive_desc_destroy(pd);
    return atl_cpu_dnnl_check(d->ctx, made, "reorder weights");
}

// Memory of the size of the larger of the two scratch areas serves both primitives.
static atl_status make_scratch(atl_cpu_dnnl *d) {
    size_t bytes = d->main_bytes > d->reorder_bytes ? d->main_bytes : d->reorder_bytes;
    dnnl_memory_desc_t md;
    dnnl_dims_t dims = { (dnnl_dim_t)bytes };
    CHECK(dnnl_memory_desc_init_by_tag(&md, 1, dims, dnnl_u8, dnnl_a), "describe its scratch memory");
    CHECK(dnnl_memory_create(&d->scratch, &md, d->engine, DNNL_MEMORY_NONE), "describe its scratch memory");
    return ATL_OK;
}

static atl_status run_reorder(const atl_cpu_dnnl *d, dnnl_memory_t from, dnnl_memory_t to) {
    dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from },
                               { DNNL_ARG_TO, to },
                               { DNNL_ARG_SCRATCHPAD, d->scratch } };
    CHECK(dnnl_primitive_execute(d->reorder, d->stream, 3, args), "reorder weights");
    CHECK(dnnl_stream_wait(d->stream), "reorder weights");
    return ATL_OK;
}

static atl_status pack_constant(atl_cpu_dnnl *d, const float *value) {
    d->constant = atl_alloc(d->ctx, d->packed_bytes, 1);
    if (!d->constant)
        return ATL_NO_MEMORY;
    if (!d->reorder) {
        memcpy(d->constant, value, d->packed_bytes);
        return ATL_OK;
    }
    void *scratch = atl_alloc(d->ctx, d->reorder_bytes + 64, 1);
    if (!scratch)
        return ATL_NO_MEMORY;
    dnnl_memory_t from = d->operand[d->packed_index];
    dnnl_status_t set = dnnl_memory_set_data_handle(from, (void *)(uintptr_t)value);
    if (set == dnnl_success)
        set = dnnl_memory_set_data_handle(d->packed, d->constant);
    if (set == dnnl_success)
        set = dnnl_memory_set_data_handle(d->scratch, scratch);
    atl_status status = atl_cpu_dnnl_check(d->ctx, set, "reorder weights");
    if (status == ATL_OK)
        status = run_reorder(d, from, d->packed);
    atl_free(d->ctx, scratch);
    return status;
}

static atl_status finish(atl_cpu_dnnl *d, const_dnnl_primitive_desc_t pd, const dnnl_memory_desc_t plain[3],
                         const float *constant) {
    ATL_TRY(check_room(d->ctx));
    CHECK(dnnl_primitive_create(&d->main, pd), "make a kernel");
    const dnnl_memory_desc_t *scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    d->main_bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    for (int i = 0; i < 3; i++)
        CHECK(dnnl_memory_create(&d->operand[i], &plain[i], d->engine, DNNL_MEMORY_NONE),
              "describe a tensor");
    int p = d->packed_index;
    const dnnl_memory_desc_t *want = dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, d->ids[p]);
    d->packed_bytes = dnnl_memory_desc_get_size(want);
    CHECK(dnnl_memory_create(&d->packed, want, d->engine, DNNL_MEMORY_NONE), "describe a tensor");
    if (!dnnl_memory_desc_equal(want, &plain[p]))
        ATL_TRY(p == 2 ? make_reorder(d, want, &plain[p]) : make_reorder(d, &plain[p], want));
    ATL_TRY(make_scratch(d));
    return constant ? pack_constant(d, constant) : ATL_OK;
}

atl_status atl_cpu_dnnl_finish(atl_cpu_dnnl *d, const_dnnl_primitive_desc_t pd, const int ids[3],
                               const dnnl_memory_desc_t plain[3], int packed_index, const float *constant) {
    memcpy(d->ids, ids, sizeof d->ids);
    d->packed_index = packed_index;
    int before = atl_cpu_dnnl_threads_begin(d);
    atl_status status = finish(d, pd, plain, constant);
    atl_cpu_dnnl_threads_end(before);
    return status;
}

static atl_status run(const atl_cpu_dnnl *d, void *const value[3], void *workspace) {
    if (d->limited) // some kernels are made when they run for the first time
        ATL_TRY(check_room(d->ctx));
    int p = d->packed_index;
    void *packed = d->constant;
    char *scratch = workspace;
    if (!packed && d->reorder) {
        packed = workspace;
        scratch += atl_round_bytes(d->packed_bytes);
    }
    for (int i = 0; i < 3; i++)
        if (i != p || !d->constant)
            CHECK(dnnl_memory_set_data_handle(d->operand[i], value[i]), "take a tensor");
    if (packed)
        CHECK(dnnl_memory_set_data_handle(d->packed, packed), "take a tensor");
    CHECK(dnnl_memory_set_data_handle(d->scratch, scratch), "take its scratch memory");
    if (d->reorder && !d->constant && p != 2)
        ATL_TRY(run_reorder(d, d->operand[p], d->packed));
    dnnl_exec_arg_t args[4];
    for (int i = 0; i < 3; i++)
        args[i] = (dnnl_exec_arg_t){ d->ids[i], i == p && packed ? d->packed : d->operand[i] };
    args[3] = (dnnl_exec_arg_t){ DNNL_ARG_SCRATCHPAD, d->scratch };
    CHECK(dnnl_primitive_execute(d->main, d->stream, 4, args), "run a kernel");
    CHECK(dnnl_stream_wait(d->stream), "run a kernel");
    if (d->reorder && p == 2)
        ATL_TRY(run_reorder(d, d->packed, d->operand[p]));
    return ATL_OK;
}

atl_status atl_cpu_dnnl_run(const atl_cpu_dnnl *d, const float *a, const float *b, float *out,
                            void *workspace) {
    void *value[3] = { (void *)(uintptr_t)a, (void *)(uintptr_t)b, out };
    int before = atl_cpu_dnnl_threads_begin(d);
    atl_status status = run(d, value, workspace);
    atl_cpu_dnnl_threads_end(before);
    return status;
}
