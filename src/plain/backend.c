// SPDX-License-Identifier: Apache-2.0
// The table of the plain backend.  Addresses of its memory are shifted so far that they belong to nobody:
// whoever dereferences one on the host crashes, in place of being right by chance.
#include "plain/backend.h"

#include <math.h>
#include <string.h>

#include "base/philox.h"
#include "plain/plain.h"

#define SHIFT ((uintptr_t)1 << (8 * sizeof(uintptr_t) - 2))

static float *to_device(void *memory) {
    return (float *)((uintptr_t)memory + SHIFT);
}

static float *here(const void *address) { // NULL stays NULL
    return address ? (float *)((uintptr_t)address - SHIFT) : NULL;
}

static const struct {
    atl_plain_kernel *run;
    int64_t (*room)(const atl_node *n);
} KERNELS[ATL_OPS] = {
    // clang-format off
    [ATL_OP_UNARY]    = { atl_plain_op_unary, NULL },
    [ATL_OP_BINARY]   = { atl_plain_op_binary, NULL },
    [ATL_OP_SUM]      = { atl_plain_op_sum, atl_plain_sum_room },
    [ATL_OP_EXPAND]   = { atl_plain_op_expand, NULL },
    [ATL_OP_PERMUTE]  = { atl_plain_op_permute, NULL },
    [ATL_OP_SLICE]    = { atl_plain_op_slice, NULL },
    [ATL_OP_PAD]      = { atl_plain_op_pad, NULL },
    [ATL_OP_CONCAT]   = { atl_plain_op_concat, NULL },
    [ATL_OP_UPFIRDN]  = { atl_plain_op_upfirdn, NULL },
    [ATL_OP_PICK]     = { atl_plain_op_pick, NULL },
    [ATL_OP_PICK_T]   = { atl_plain_op_pick, NULL },
    [ATL_OP_GATHER]   = { atl_plain_op_gather, NULL },
    [ATL_OP_GATHER_T] = { atl_plain_op_gather, NULL },
    [ATL_OP_GEOM]     = { atl_plain_op_geom, atl_plain_geom_room },
    [ATL_OP_GEOM_T]   = { atl_plain_op_geom, atl_plain_geom_room },
    [ATL_OP_SEPFIR]   = { atl_plain_op_sepfir, NULL },
    [ATL_OP_SEPFIR_T] = { atl_plain_op_sepfir, NULL },
    [ATL_OP_FLRELU]   = { atl_plain_op_flrelu, atl_plain_flrelu_room },
    [ATL_OP_FLRELU_T] = { atl_plain_op_flrelu_t, atl_plain_flrelu_t_room },
    [ATL_OP_MATMUL]   = { atl_plain_op_matmul, NULL },
    [ATL_OP_CONV]     = { atl_plain_op_conv, NULL },
    // clang-format on
};

// ---- steps

static bool supports(const atl_backend *b, const atl_node *n) {
    (void)b;
    if (n->op == ATL_OP_UNARY || n->op == ATL_OP_BINARY)
        return atl_plain_knows_fn(n);
    return n->op == ATL_OP_NORMAL || n->op == ATL_OP_ACROSS || (KERNELS[n->op].run && !n->fusion);
}

static atl_status prepare(atl_backend *b, atl_step *step) {
    int64_t (*room)(const atl_node *) = KERNELS[step->node->op].room;
    (void)b;
    step->kernel = "plain";
    step->workspace_bytes = room ? (size_t)room(step->node) * sizeof(float) : 0;
    return ATL_OK;
}

static void discard(atl_backend *b, atl_step *step) {
    (void)b;
    (void)step; // no step has a state
}

static atl_status sum_across(const atl_plain_call *c) {
    const atl_processes *all = c->node->at.across.processes;
    size_t count = (size_t)atl_shape_count(c->shape);
    memcpy(c->out, c->src[0], count * sizeof *c->out);
    return all->sum(all->user, c->out, count);
}

static atl_status run(atl_backend *b, atl_step *steps, size_t count, const atl_run *run) {
    atl_status status = ATL_OK;
    (void)b;
    for (size_t i = 0; i < count && status == ATL_OK; i++) {
        const atl_step *s = &steps[i];
        const atl_node *n = s->node;
        atl_plain_call c = { .node = n, .shape = &n->shape, .step = s };
        c.out = here(s->out);
        c.room = here(s->workspace);
        for (int k = 0; k < n->n_src; k++)
            c.src[k] = here(s->src[k].data);
        if (n->op == ATL_OP_NORMAL)
            atl_philox_normal(run->key + run->counter * 0x9E3779B97F4A7C15u, n->at.normal.stream, 0,
                              (size_t)atl_shape_count(&n->shape), c.out);
        else if (n->op == ATL_OP_ACROSS)
            status = sum_across(&c);
        else
            KERNELS[n->op].run(&c);
    }
    return status;
}

// ---- memory

static void *alloc(atl_backend *b, size_t bytes) {
    void *memory = atl_alloc(b->ctx, bytes, 1);
    if (memory)
        memset(memory, 0xff, bytes); // NaN: nobody may rely on zeros either
    return memory ? to_device(memory) : NULL;
}

static void release(atl_backend *b, void *memory) {
    atl_free(b->ctx, here(memory));
}

static void upload(atl_backend *b, float *to, const float *from, size_t count) {
    (void)b;
    memcpy(here(to), from, count * sizeof *to);
}

static void download(atl_backend *b, float *to, const float *from, size_t count) {
    (void)b;
    memcpy(to, here(from), count * sizeof *to);
}

static void wait(atl_backend *b) {
    (void)b;
}

// ---- spans

static void clear(atl_backend *b, float *x, size_t count) {
    (void)b;
    memset(here(x), 0, count * sizeof *x);
}

static void accumulate(atl_backend *b, float *to, const float *x, size_t count, float scale) {
    float *t = here(to);
    const float *v = here(x);
    (void)b;
    for (size_t i = 0; i < count; i++)
        t[i] += scale * v[i];
}

static void average(atl_backend *b, float *to, const float *x, size_t count, float beta) {
    float *t = here(to);
    const float *v = here(x);
    (void)b;
    for (size_t i = 0; i < count; i++)
        t[i] = beta == 0.0f ? v[i] : v[i] + beta * (t[i] - v[i]);
}

static void adam(atl_backend *b, const atl_adam_span *s) {
    float *x = here(s->x), *m = here(s->m), *v = here(s->v), *g = here(s->gradient);
    (void)b;
    for (size_t i = 0; i < s->count; i++) {
        if (!isfinite(g[i]))
            g[i] = isnan(g[i]) ? 0.0f : g[i] > 0.0f ? s->limit : -s->limit;
        m[i] += (g[i] - m[i]) * (1.0f - s->beta1);
        v[i] = v[i] * s->beta2 + g[i] * g[i] * (1.0f - s->beta2);
        x[i] -= s->rate * m[i] / (sqrtf(v[i]) / s->root + s->eps);
    }
}

static void close_backend(atl_backend *b) {
    atl_free(b->ctx, b);
}

atl_status atl_plain_backend_open(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend) {
    (void)options;
    atl_backend *b = *backend = atl_calloc(ctx, 1, sizeof *b);
    if (!b)
        return ATL_NO_MEMORY;
    *b = (atl_backend){ .name = "plain",
                        .ctx = ctx,
                        .supports = supports,
                        .prepare = prepare,
                        .discard = discard,
                        .alloc = alloc,
                        .release = release,
                        .upload = upload,
                        .download = download,
                        .run = run,
                        .wait = wait,
                        .clear = clear,
                        .accumulate = accumulate,
                        .average = average,
                        .adam = adam,
                        .close = close_backend };
    return ATL_OK;
}
