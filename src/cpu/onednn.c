// SPDX-License-Identifier: Apache-2.0
// The place that runs oneDNN.  Memory objects are made once; a run only sets their addresses, so it allocates
// nothing of ours.
#include "cpu/onednn.h"

#include <omp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "base/pages.h"
#include "cpu/code.h"
#include "cpu/sizes.h"
#include "cpu/span.h"

atl_status atl_cpu_dnnl_check(atl_ctx *ctx, dnnl_status_t status, const char *what) {
    if (status == dnnl_success)
        return ATL_OK;
    if (status == dnnl_out_of_memory)
        return atl_fail(ctx, ATL_NO_MEMORY,
                        "oneDNN has no memory left to %s; free some or use smaller images", what);
    return atl_fail(ctx, ATL_INTERNAL, "oneDNN refused to %s (its status %d)", what, (int)status);
}

#define CHECK(call, what) ATL_TRY(atl_cpu_dnnl_check(d->ctx, (call), (what)))

atl_status atl_cpu_dnnl_room(atl_ctx *ctx) {
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

int atl_cpu_dnnl_alone(void) {
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
}

void atl_cpu_dnnl_alone_end(int before) {
    omp_set_num_threads(before);
}

// oneDNN accepts a ceiling only before its first kernel; later calls are refused, which is harmless.
static void limit_isa(atl_cpu_set set) {
#if defined(__x86_64__)
    if (set < atl_cpu_detect())
        (void)dnnl_set_max_cpu_isa(set == ATL_CPU_BASELINE ? dnnl_cpu_isa_sse41 : dnnl_cpu_isa_avx2);
#else
    (void)set;
#endif
}

// ---- making

atl_status atl_cpu_dnnl_init(atl_cpu_dnnl *d, atl_ctx *ctx, atl_team *team, int parts, const int ids[3],
                             int packed_index) {
    memset(d, 0, sizeof *d);
    d->ctx = ctx;
    d->team = team;
    d->packed_index = packed_index;
    memcpy(d->ids, ids, sizeof d->ids);
    d->part = atl_calloc(ctx, (size_t)parts, sizeof *d->part);
    if (!d->part)
        return ATL_NO_MEMORY;
    struct rlimit limit;
    d->limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    ATL_TRY(atl_cpu_dnnl_room(ctx));
    limit_isa(ctx->cpu);
    CHECK(dnnl_engine_create(&d->engine, dnnl_cpu, 0), "start");
    CHECK(dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags), "start");
    CHECK(dnnl_primitive_attr_create(&d->attr), "start");
    CHECK(dnnl_primitive_attr_set_scratchpad_mode(d->attr, dnnl_scratchpad_mode_user), "start");
    return ATL_OK;
}

static void clear_part(atl_cpu_dnnl_part *p) {
    for (int i = 0; i < 3; i++)
        if (p->operand[i])
            dnnl_memory_destroy(p->operand[i]);
    if (p->scratch)
        dnnl_memory_destroy(p->scratch);
    if (p->main)
        dnnl_primitive_destroy(p->main);
    if (p->stream)
        dnnl_stream_destroy(p->stream);
}

void atl_cpu_dnnl_clear(atl_cpu_dnnl *d) {
    dnnl_memory_t memory[] = { d->plain, d->packed, d->scratch };
    for (int i = 0; i < d->parts; i++)
        clear_part(&d->part[i]);
    for (int i = 0; i < 3; i++)
        if (memory[i])
            dnnl_memory_destroy(memory[i]);
    if (d->reorder)
        dnnl_primitive_destroy(d->reorder);
    if (d->attr)
        dnnl_primitive_attr_destroy(d->attr);
    if (d->stream)
        dnnl_stream_destroy(d->stream);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    if (d->ctx) {
        atl_pages_free(d->ctx, d->constant);
        atl_free(d->ctx, d->part);
    }
    memset(d, 0, sizeof *d);
}

static size_t scratch_of(const_dnnl_primitive_desc_t pd) {
    const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    return md ? dnnl_memory_desc_get_size(md) : 0;
}

static dnnl_status_t make_scratch(const atl_cpu_dnnl *d, size_t bytes, dnnl_memory_t *memory) {
    dnnl_memory_desc_t md;
    dnnl_dims_t dims = { (dnnl_dim_t)bytes };
    dnnl_status_t s = dnnl_memory_desc_init_by_tag(&md, 1, dims, dnnl_u8, dnnl_a);
    return s != dnnl_success ? s : dnnl_memory_create(memory, &md, d->engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t make_part(const atl_cpu_dnnl *d, atl_cpu_dnnl_part *p, const_dnnl_primitive_desc_t pd,
                               const dnnl_memory_desc_t plain[3], const dnnl_memory_desc_t *want) {
    dnnl_status_t s = dnnl_stream_create(&p->stream, d->engine, dnnl_stream_default_flags);
    if (s == dnnl_success)
        s = dnnl_primitive_create(&p->main, pd);
    for (int i = 0; i < 3 && s == dnnl_success; i++)
        s = dnnl_memory_create(&p->operand[i], i == d->packed_index ? want : &plain[i], d->engine,
                               DNNL_MEMORY_NONE);
    return s == dnnl_success ? make_scratch(d, scratch_of(pd), &p->scratch) : s;
}

atl_status atl_cpu_dnnl_add(atl_cpu_dnnl *d, const_dnnl_primitive_desc_t pd,
                            const dnnl_memory_desc_t plain[3], const size_t offset[3]) {
    int packed = d->packed_index;
    const dnnl_memory_desc_t *want = dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, d->ids[packed]);
    atl_cpu_dnnl_part *p = &d->part[d->parts++];
    if (d->parts == 1)
        d->want = *want;
    else if (packed == 2 || !offset[packed]) // a part of its own has an order of its own
        d->mixed |= !dnnl_memory_desc_equal(want, &d->want);
    memcpy(p->offset, offset, sizeof p->offset);
    ATL_TRY(atl_cpu_dnnl_room(d->ctx));
    size_t scratch = scratch_of(pd);
    d->main_bytes = scratch > d->main_bytes ? scratch : d->main_bytes;
    int before = atl_cpu_dnnl_alone();
    dnnl_status_t made = make_part(d, p, pd, plain, want);
    atl_cpu_dnnl_alone_end(before);
    return atl_cpu_dnnl_check(d->ctx, made, "make a kernel");
}

static dnnl_status_t make_reorder(atl_cpu_dnnl *d, const dnnl_memory_desc_t *plain) {
    const dnnl_memory_desc_t *from = d->packed_index == 2 ? &d->want : plain,
                             *to = from == plain ? &d->want : plain;
    dnnl_primitive_desc_t pd;
    dnnl_status_t s = dnnl_reorder_primitive_desc_create(&pd, from, d->engine, to, d->engine, d->attr);
    if (s != dnnl_success)
        return s;
    s = dnnl_primitive_create(&d->reorder, pd);
    d->reorder_bytes = scratch_of(pd);
    dnnl_primitive_desc_destroy(pd);
    if (s == dnnl_success)
        s = dnnl_memory_create(&d->plain, plain, d->engine, DNNL_MEMORY_NONE);
    if (s == dnnl_success)
        s = dnnl_memory_create(&d->packed, &d->want, d->engine, DNNL_MEMORY_NONE);
    return s == dnnl_success ? make_scratch(d, d->reorder_bytes, &d->scratch) : s;
}

static dnnl_status_t run_reorder(const atl_cpu_dnnl *d, void *plain, void *packed, void *scratch) {
    dnnl_memory_t from = d->packed_index == 2 ? d->packed : d->plain,
                  to = from == d->plain ? d->packed : d->plain;
    dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from },
                               { DNNL_ARG_TO, to },
                               { DNNL_ARG_SCRATCHPAD, d->scratch } };
    dnnl_status_t s = dnnl_memory_set_data_handle(d->plain, plain);
    if (s == dnnl_success)
        s = dnnl_memory_set_data_handle(d->packed, packed);
    if (s == dnnl_success)
        s = dnnl_memory_set_data_handle(d->scratch, scratch);
    if (s == dnnl_success)
        s = dnnl_primitive_execute(d->reorder, d->stream, 3, args);
    return s == dnnl_success ? dnnl_stream_wait(d->stream) : s;
}

static atl_status pack_constant(atl_cpu_dnnl *d, const float *value) {
    d->constant = atl_pages_alloc(d->ctx, d->packed_bytes, 1);
    if (!d->constant)
        return ATL_NO_MEMORY;
    if (!d->reorder) {
        memcpy(d->constant, value, d->packed_bytes);
        return ATL_OK;
    }
    void *scratch = atl_alloc(d->ctx, d->reorder_bytes + 64, 1);
    if (!scratch)
        return ATL_NO_MEMORY;
    dnnl_status_t status = run_reorder(d, (void *)(uintptr_t)value, d->constant, scratch);
    atl_free(d->ctx, scratch);
    return atl_cpu_dnnl_check(d->ctx, status, "reorder weights");
}

atl_status atl_cpu_dnnl_finish(atl_cpu_dnnl *d, const dnnl_memory_desc_t *plain, const float *constant) {
    d->packed_bytes = dnnl_memory_desc_get_size(&d->want);
    ATL_TRY(atl_cpu_dnnl_room(d->ctx));
    int before = atl_cpu_dnnl_alone();
    atl_status status = ATL_OK;
    if (plain && !dnnl_memory_desc_equal(&d->want, plain))
        status = atl_cpu_dnnl_check(d->ctx, make_reorder(d, plain), "reorder weights");
    if (status == ATL_OK && constant)
        status = pack_constant(d, constant);
    atl_cpu_dnnl_alone_end(before);
    return status;
}

// ---- running

// Parts and the reorder never run at the same time.
static size_t scratch_bytes(const atl_cpu_dnnl *d) {
    size_t parts = atl_round_bytes(d->main_bytes) * (size_t)d->parts;
    return parts > d->reorder_bytes ? parts : atl_round_bytes(d->reorder_bytes);
}

// The workspace: scratch, the packed operand of a run, then the results that add up.
size_t atl_cpu_dnnl_workspace(const atl_cpu_dnnl *d) {
    size_t packed = 0;
    if (d->reorder && !d->constant)
        packed = atl_round_bytes(d->packed_bytes);
    if (d->packed_index == 2)
        packed += (size_t)(d->parts - 1) * atl_round_bytes(d->packed_bytes);
    return scratch_bytes(d) + packed;
}

typedef struct call {
    const atl_cpu_dnnl *d;
    float *value[3]; // of the operands; the packed one's may be in the workspace
    char *scratch;
    float *sums; // results of the second part and of those after it
    atomic_int status;
} call;

static dnnl_status_t run_part(const call *c, int64_t i) {
    const atl_cpu_dnnl *d = c->d;
    const atl_cpu_dnnl_part *p = &d->part[i];
    dnnl_exec_arg_t args[4] = { [3] = { DNNL_ARG_SCRATCHPAD, p->scratch } };
    dnnl_status_t s =
        dnnl_memory_set_data_handle(p->scratch, c->scratch + atl_round_bytes(d->main_bytes) * (size_t)i);
    for (int k = 0; k < 3 && s == dnnl_success; k++) {
        float *value = c->value[k] + p->offset[k];
        if (k == 2 && d->packed_index == 2 && i)
            value = c->sums + (size_t)(i - 1) * atl_round_bytes(d->packed_bytes) / sizeof *value;
        args[k] = (dnnl_exec_arg_t){ d->ids[k], p->operand[k] };
        s = dnnl_memory_set_data_handle(p->operand[k], value);
    }
    if (s == dnnl_success)
        s = dnnl_primitive_execute(p->main, p->stream, 4, args);
    return s == dnnl_success ? dnnl_stream_wait(p->stream) : s;
}

static void run_parts(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    call *c = job;
    int before = atl_cpu_dnnl_alone();
    for (int64_t i = first; i < end; i++) {
        dnnl_status_t s = run_part(c, i);
        if (s != dnnl_success)
            atomic_store(&c->status, (int)s);
    }
    atl_cpu_dnnl_alone_end(before);
}

// In the order of parts, whoever came first.
static void add_results(const call *c) {
    const atl_cpu_dnnl *d = c->d;
    size_t step = atl_round_bytes(d->packed_bytes) / sizeof(float);
    for (int i = 1; i < d->parts; i++)
        atl_cpu_accumulate(c->value[2], c->sums + (size_t)(i - 1) * step, d->packed_bytes / sizeof(float),
                           1.0f, d->team);
}

static atl_status reorder(const atl_cpu_dnnl *d, float *plain, float *packed, void *scratch) {
    int before = atl_cpu_dnnl_alone();
    dnnl_status_t s = run_reorder(d, plain, packed, scratch);
    atl_cpu_dnnl_alone_end(before);
    return atl_cpu_dnnl_check(d->ctx, s, "reorder weights");
}

atl_status atl_cpu_dnnl_run(const atl_cpu_dnnl *d, const float *a, const float *b, float *out,
                            void *workspace) {
    if (d->limited) // some kernels are made when they run for the first time
        ATL_TRY(atl_cpu_dnnl_room(d->ctx));
    float *rest = (float *)(void *)((char *)workspace + scratch_bytes(d));
    call c = { d, { (float *)(uintptr_t)a, (float *)(uintptr_t)b, out }, workspace, rest, 0 };
    int packed = d->packed_index;
    float *plain = c.value[packed];
    if (d->constant) {
        c.value[packed] = d->constant;
    } else if (d->reorder) {
        c.value[packed] = rest;
        c.sums = rest + atl_round_bytes(d->packed_bytes) / sizeof *rest;
        if (packed != 2)
            ATL_TRY(reorder(d, plain, rest, workspace));
    }
    atl_team_run(d->team, d->parts, 1, run_parts, &c);
    CHECK((dnnl_status_t)atomic_load(&c.status), "run a kernel");
    if (packed != 2)
        return ATL_OK;
    add_results(&c);
    return d->reorder ? reorder(d, plain, c.value[2], workspace) : ATL_OK;
}
