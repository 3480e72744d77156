// SPDX-License-Identifier: Apache-2.0
// Steps of a plan to kernels.  One row per op in IMPLEMENTATIONS: prepare makes the kernel's state (a
// oneDNN primitive, packed weights) and says how much workspace a run needs; run calls it.
// Contractions and their epilogues are in backend_contract.c.
#include "cpu/backend_cpu.h"

#include <string.h>

#include "base/pages.h"
#include "base/philox.h"
#include "base/signals.h"
#include "cpu/geom.h"
#include "cpu/move.h"
#include "cpu/reduce.h"
#include "cpu/sepfir.h"
#include "cpu/span.h"

// ---- pointwise

static atl_status run_unary(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    const atl_node *n = s->node;
    const float *x = s->src[0].data;
    int64_t count = atl_shape_count(&n->shape);
    if (!s->src[0].contiguous) {
        atl_operand to = { .stride = { 0 } };
        int64_t step = 1;
        for (int i = n->shape.rank - 1; i >= 0; i--) {
            to.stride[i] = step;
            step *= n->shape.d[i];
        }
        atl_cpu_move_copy(n->shape.rank, n->shape.d, s->out, to.stride, x, s->src[0].stride, b->team);
        x = s->out;
    }
    atl_cpu_unary_run(&b->kernels.pointwise, n->at.unary.fn, s->out, x, count, n->at.unary.a, n->at.unary.b,
                      b->team);
    return ATL_OK;
}

static atl_status run_binary(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    const atl_node *n = s->node;
    const atl_operand *x = &s->src[0], *y = &s->src[1];
    int64_t dims[ATL_LOOPS], sx[ATL_LOOPS], sy[ATL_LOOPS], outer = 1, part = 1;
    int rank = n->shape.rank, skip = rank > ATL_LOOPS ? rank - ATL_LOOPS : 0;
    for (int i = 0; i < ATL_LOOPS; i++) { // dims line up at the end
        int k = rank - ATL_LOOPS + i;
        dims[i] = k >= 0 ? n->shape.d[k] : 1;
        sx[i] = k >= 0 ? x->stride[k] : 0;
        sy[i] = k >= 0 ? y->stride[k] : 0;
        part *= dims[i];
    }
    if (skip)
        outer = n->shape.d[0];
    for (int64_t o = 0; o < outer; o++)
        atl_cpu_binary_run(&b->kernels.pointwise, n->at.binary.fn, dims, s->out + o * part,
                           x->data + (skip ? o * x->stride[0] : 0), sx,
                           y->data + (skip ? o * y->stride[0] : 0), sy, b->team);
    return ATL_OK;
}

// ---- linear

static atl_status prepare_sum(atl_cpu *b, atl_step *s) {
    (void)b;
    unsigned mask = 0;
    for (int i = 0; i < s->node->shape.rank; i++)
        mask |= (unsigned)s->node->at.sum.axis[i] << i;
    s->kernel = s->node->n_src == 2 ? "product sum" : "sum";
    s->workspace_bytes = atl_cpu_reduce_workspace(s->node->shape.rank, s->node->src[0]->shape.d, mask);
    return ATL_OK;
}

static atl_status run_sum(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    unsigned mask = 0;
    for (int i = 0; i < s->node->shape.rank; i++)
        mask |= (unsigned)s->node->at.sum.axis[i] << i;
    atl_cpu_reduce_sum(&b->kernels.pointwise, s->node->shape.rank, s->node->src[0]->shape.d, mask,
                       s->src[0].data, s->node->n_src == 2 ? s->src[1].data : NULL, s->out, b->team,
                       s->workspace);
    return ATL_OK;
}

// dy, z, scale, then noise and bias where there are any.
static atl_cpu_scale_grad scale_grad_of(const atl_step *s) {
    const atl_node *n = s->node, *z = n->src[1];
    const atl_fusion *f = n->fusion;
    atl_cpu_scale_grad g = { .dy = s->src[0].data,
                             .z = s->src[1].data,
                             .scale = s->src[f->scale].data,
                             .noise = f->noise < 0 ? NULL : s->src[f->noise].data,
                             .bias = f->bias < 0 ? NULL : s->src[f->bias].data,
                             .slope = f->slope,
                             .gain = f->gain,
                             .n = z->shape.d[0],
                             .pixels = z->shape.d[1] * z->shape.d[2],
                             .c = z->shape.d[3] };
    g.scale_stride = atl_shape_count(&n->src[f->scale]->shape) > g.c ? (size_t)g.c : 0;
    g.noise_stride =
        f->noise >= 0 && atl_shape_count(&n->src[f->noise]->shape) > g.pixels ? (size_t)g.pixels : 0;
    return g;
}

static atl_status prepare_scale_grad(atl_cpu *b, atl_step *s) {
    (void)b;
    atl_cpu_scale_grad g = scale_grad_of(s);
    s->workspace_bytes = atl_cpu_scale_grad_workspace(&g);
    return ATL_OK;
}

static atl_status run_scale_grad(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    atl_cpu_scale_grad g = scale_grad_of(s);
    atl_cpu_scale_grad_run(&b->kernels.pointwise, &g, s->out, b->team, s->workspace);
    return ATL_OK;
}

static atl_status run_expand(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    atl_cpu_move_expand(s->node->shape.rank, s->node->shape.d, s->node->src[0]->shape.d, s->out,
                        s->src[0].data, b->team);
    return ATL_OK;
}

static atl_status run_permute(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    atl_cpu_move_permute(s->node->shape.rank, s->node->src[0]->shape.d, s->node->at.permute.axis, s->out,
                         s->src[0].data, b->team);
    return ATL_OK;
}

static atl_status run_slice(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    atl_cpu_move_slice(s->node->shape.rank, s->node->src[0]->shape.d, s->node->shape.d,
                       s->node->at.slice.begin, NULL, s->out, s->src[0].data, b->team);
    return ATL_OK;
}

static atl_status run_pad(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    atl_cpu_move_pad(s->node->shape.rank, s->node->shape.d, s->node->src[0]->shape.d, s->node->at.slice.begin,
                     NULL, s->out, s->src[0].data, b->team);
    return ATL_OK;
}

static atl_status run_concat(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    int axis = s->node->at.concat.axis;
    int64_t at = 0;
    for (int i = 0; i < s->node->n_src; i++) {
        const atl_shape *x = &s->node->src[i]->shape;
        atl_cpu_move_concat(x->rank, s->node->shape.d, x->d, axis, at, s->out, s->src[i].data, b->team);
        at += x->d[axis];
    }
    return ATL_OK;
}

static atl_status run_across(atl_cpu *b, const atl_step *s, const atl_run *run) {
    const atl_processes *all = s->node->at.across.processes;
    size_t count = (size_t)atl_shape_count(&s->node->shape);
    (void)b;
    (void)run;
    memcpy(s->out, s->src[0].data, count * sizeof *s->out);
    return all->sum(all->user, s->out, count);
}

static atl_cpu_geom_dims geom_dims(const atl_step *s) {
    const int64_t *d = s->node->shape.d;
    return (atl_cpu_geom_dims){ d[0], d[1], d[2], d[3] };
}

static atl_status prepare_geom(atl_cpu *b, atl_step *s) {
    atl_cpu_geom_dims d = geom_dims(s);
    s->workspace_bytes = atl_cpu_geom_workspace(&d, b->team);
    return ATL_OK;
}

static atl_status run_geom(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    atl_cpu_geom_dims d = geom_dims(s);
    (s->node->op == ATL_OP_GEOM ? atl_cpu_geom : atl_cpu_geom_t)(
        &b->kernels.fir, &d, s->src[1].data, s->src[0].data, s->out, b->team, s->workspace);
    return ATL_OK;
}

static atl_cpu_sepfir_dims sepfir_dims(const atl_step *s) {
    const int64_t *d = s->node->shape.d;
    return (atl_cpu_sepfir_dims){ d[0], d[1], d[2], d[3], (int)s->node->src[1]->shape.d[1] };
}

static atl_status prepare_sepfir(atl_cpu *b, atl_step *s) {
    atl_cpu_sepfir_dims d = sepfir_dims(s);
    s->workspace_bytes = atl_cpu_sepfir_workspace(&d, b->team);
    return ATL_OK;
}

static atl_status run_sepfir(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)run;
    atl_cpu_sepfir_dims d = sepfir_dims(s);
    (s->node->op == ATL_OP_SEPFIR ? atl_cpu_sepfir : atl_cpu_sepfir_t)(
        &b->kernels.fir, &d, s->src[1].data, s->src[0].data, s->out, b->team, s->workspace);
    return ATL_OK;
}

static atl_status run_normal(atl_cpu *b, const atl_step *s, const atl_run *run) {
    (void)b;
    // the counter of the run moves to another part of the stream's sequence
    atl_philox_normal(run->key + run->counter * 0x9E3779B97F4A7C15u, s->node->at.normal.stream, 0,
                      (size_t)atl_shape_count(&s->node->shape), s->out);
    return ATL_OK;
}

static const struct {
    atl_status (*prepare)(atl_cpu *, atl_step *);
    atl_status (*run)(atl_cpu *, const atl_step *, const atl_run *);
    const char *kernel;
} IMPLEMENTATIONS[ATL_OPS] = {
    // clang-format off
    [ATL_OP_NORMAL]  = { NULL, run_normal, "normal" },
    [ATL_OP_UNARY]   = { NULL, run_unary, "pointwise" },
    [ATL_OP_BINARY]  = { NULL, run_binary, "pointwise" },
    [ATL_OP_SUM]     = { prepare_sum, run_sum, "sum" },
    [ATL_OP_EXPAND]  = { NULL, run_expand, "copy" },
    [ATL_OP_PERMUTE] = { NULL, run_permute, "copy" },
    [ATL_OP_SLICE]   = { NULL, run_slice, "copy" },
    [ATL_OP_PAD]     = { NULL, run_pad, "copy" },
    [ATL_OP_CONCAT]  = { NULL, run_concat, "copy" },
    [ATL_OP_ACROSS]  = { NULL, run_across, "across" },
    [ATL_OP_UPFIRDN] = { atl_cpu_prepare_fir, atl_cpu_run_state, "fir" },
    [ATL_OP_GEOM]    = { prepare_geom, run_geom, "geom" },
    [ATL_OP_GEOM_T]  = { prepare_geom, run_geom, "geom" },
    [ATL_OP_SEPFIR]  = { prepare_sepfir, run_sepfir, "sepfir" },
    [ATL_OP_SEPFIR_T] = { prepare_sepfir, run_sepfir, "sepfir" },
    [ATL_OP_PICK]    = { NULL, atl_cpu_run_pick, "pick" },
    [ATL_OP_PICK_T]  = { NULL, atl_cpu_run_pick, "pick" },
    [ATL_OP_GATHER]  = { NULL, atl_cpu_run_gather, "gather" },
    [ATL_OP_GATHER_T] = { NULL, atl_cpu_run_gather, "gather" },
    [ATL_OP_FLRELU]  = { atl_cpu_prepare_flrelu, atl_cpu_run_state, "flrelu" },
    [ATL_OP_FLRELU_T] = { atl_cpu_prepare_flrelu_t, atl_cpu_run_state, "flrelu back" },
    [ATL_OP_EPILOGUE] = { atl_cpu_prepare_epilogue, atl_cpu_run_state, "epilogue" },
    [ATL_OP_SCALE_GRAD] = { prepare_scale_grad, run_scale_grad, "scale grad" },
    [ATL_OP_STYLE_NORM] = { atl_cpu_prepare_style, atl_cpu_run_style, "style_norm" },
    [ATL_OP_MATMUL]  = { atl_cpu_prepare_matmul, atl_cpu_run_state, "matmul" },
    [ATL_OP_CONV]    = { atl_cpu_prepare_conv, atl_cpu_run_state, "conv" },
    // clang-format on
};

// ---- the table

static bool supports(const atl_backend *base, const atl_node *n) {
    (void)base;
    return IMPLEMENTATIONS[n->op].run != NULL;
}

// Whether one thread is done with a step before another would have been of help, even if that one had to be
// woken.
static bool is_small(const atl_node *n) {
    const double most = 30.0, flops = 15e3, floats = 1e3; // microseconds; what one thread does in each
    double (*count)(const atl_node *) = atl_op_table[n->op].flops;
    double all = (double)atl_shape_count(&n->shape);
    for (int i = 0; i < n->n_src; i++)
        all += (double)atl_shape_count(&n->src[i]->shape);
    return (count ? count(n) / flops : 0.0) + all / floats < most;
}

static atl_cpu *for_step(atl_cpu *b, const atl_step *step) {
    return step->small ? b->alone : b;
}

static atl_status prepare(atl_backend *base, atl_step *step) {
    step->kernel = IMPLEMENTATIONS[step->node->op].kernel;
    step->small = is_small(step->node);
    atl_status (*f)(atl_cpu *, atl_step *) = IMPLEMENTATIONS[step->node->op].prepare;
    return f ? f(for_step((atl_cpu *)base, step), step) : ATL_OK;
}

static void discard(atl_backend *base, atl_step *step) {
    // whatever the node has become meanwhile: folding turns it into a constant
    atl_cpu_discard_state((atl_cpu *)base, step);
}

static void *block_alloc(atl_backend *base, size_t bytes) {
    return atl_pages_alloc_alone(base->ctx, bytes, 1);
}

static void block_release(atl_backend *base, void *memory) {
    atl_pages_free(base->ctx, memory);
}

static void copy(atl_backend *base, float *to, const float *from, size_t count) {
    (void)base;
    memcpy(to, from, count * sizeof *to);
}

static atl_status run_steps(atl_backend *base, atl_step *steps, size_t count, const atl_run *run) {
    atl_cpu *b = (atl_cpu *)base;
    atl_status status = ATL_OK;
    sigset_t before;
    atl_signals_hold(&before);
    for (size_t i = 0; i < count && status == ATL_OK; i++)
        status = IMPLEMENTATIONS[steps[i].node->op].run(for_step(b, &steps[i]), &steps[i], run);
    atl_signals_release(&before);
    return status;
}

static void wait_for(atl_backend *base) {
    (void)base;
}

// ---- spans

static void clear(atl_backend *base, float *x, size_t count) {
    (void)base;
    memset(x, 0, count * sizeof *x);
}

static void accumulate(atl_backend *base, float *to, const float *x, size_t count, float scale) {
    atl_cpu_accumulate(to, x, count, scale, ((const atl_cpu *)base)->team);
}

static void average(atl_backend *base, float *to, const float *x, size_t count, float beta) {
    atl_cpu_average(to, x, count, beta, ((const atl_cpu *)base)->team);
}

static void adam(atl_backend *base, const atl_adam_span *s) {
    atl_cpu_adam(s, ((const atl_cpu *)base)->team);
}

static void close_backend(atl_backend *base) {
    atl_team_close(&((atl_cpu *)base)->team);
    atl_free(base->ctx, base);
}

atl_status atl_cpu_backend_open(atl_ctx *ctx, const atl_backend_options *options, atl_backend **backend) {
    *backend = NULL;
    atl_cpu *b = atl_calloc(ctx, 2, sizeof *b);
    if (!b)
        return ATL_NO_MEMORY;
    b->base = (atl_backend){ .name = "cpu",
                             .ctx = ctx,
                             .host = true,
                             .supports = supports,
                             .fuses = atl_cpu_fuses,
                             .prepare = prepare,
                             .discard = discard,
                             .alloc = block_alloc,
                             .release = block_release,
                             .upload = copy,
                             .download = copy,
                             .run = run_steps,
                             .wait = wait_for,
                             .clear = clear,
                             .accumulate = accumulate,
                             .average = average,
                             .adam = adam,
                             .close = close_backend };
    int threads = options && options->threads ? options->threads : ctx->threads;
    int parts = options ? options->parts : 0;
    atl_status team =
        parts ? atl_team_open_cut(ctx, threads, parts, &b->team) : atl_team_open(ctx, threads, &b->team);
    if (team != ATL_OK) {
        atl_free(ctx, b);
        return ATL_NO_MEMORY;
    }
    atl_cpu_kernels_init(&b->kernels, ctx->cpu);
    b[1] = b[0];
    b[1].team = NULL;
    b->alone = &b[1];
    *backend = &b->base;
    return ATL_OK;
}
