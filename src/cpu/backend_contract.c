// SPDX-License-Identifier: Apache-2.0
// Contractions and filters with what fuse.c attached to them.  A step's state is one struct with the parts
// that its kernel needs; `run` says which kernel.
//
//   winograd    3x3, stride 1, any slot, and stride 2, slots Y and W; also the composed upsampling convolution
//   rgb         1x1 to or from at most four channels
//   few         any other to at most four channels
//   conv 1x1    any other 1x1, as a matrix product with the style in the weights
//   conv        oneDNN, any slot; with up_fir: transposed convolution to the workspace, then the filter
#include <math.h>
#include <string.h>

#include "cpu/backend_cpu.h"
#include "cpu/conv.h"
#include "cpu/direct.h"
#include "cpu/few.h"
#include "cpu/flrelu_grad.h"
#include "cpu/gemm.h"
#include "cpu/sizes.h"
#include "cpu/winograd.h"
#include "cpu/winograd_grad.h"
#include "cpu/winograd_line.h"

typedef struct state {
    atl_status (*run)(atl_cpu *b, const atl_step *step, struct state *s);
    atl_cpu_conv *conv;
    atl_cpu_gemm *gemm;
    atl_cpu_fir *fir;
    atl_cpu_wino *wino;
    atl_cpu_wino_grad *grad;
    atl_cpu_line *line;
    atl_cpu_flrelu *flrelu;
    atl_cpu_flrelu_grad *flrelu_grad;
    int n;
    size_t pixels, c_in, c_out; // of the result, and of the input that in_scale belongs to
    size_t scaled;              // floats of a scaled copy of the input at the start of the workspace
    size_t scaled_y;            // floats of one of the other input, of a weight gradient, after it
    size_t middle;              // floats of an intermediate after them
} state;

static const float *source(const atl_step *step, int index) {
    return index >= 0 ? step->src[index].data : NULL;
}

// The epilogue of a step, or false when there is none.
static bool epilogue_of(const atl_step *step, const state *s, atl_cpu_epilogue *e) {
    const atl_fusion *f = step->node->fusion;
    if (!f || (f->scale < 0 && f->noise < 0 && f->bias < 0 && f->gate < 0 && f->residual < 0 && f->slope == 1.0f &&
               f->gain == 1.0f && f->clamp == INFINITY))
        return false;
    *e = (atl_cpu_epilogue){ source(step, f->scale),
                             source(step, f->noise),
                             source(step, f->bias),
                             source(step, f->residual),
                             0,
                             0,
                             f->slope,
                             f->gain,
                             f->clamp,
                             source(step, f->gate),
                             f->gate_slope };
    if (f->scale >= 0 && atl_shape_count(&step->node->src[f->scale]->shape) > (int64_t)s->c_out)
        e->scale_stride = (ptrdiff_t)s->c_out;
    if (f->noise >= 0 && atl_shape_count(&step->node->src[f->noise]->shape) > (int64_t)s->pixels)
        e->noise_stride = (ptrdiff_t)s->pixels;
    return true;
}

static void finish(atl_cpu *b, const atl_step *step, const state *s) {
    atl_cpu_epilogue e;
    if (epilogue_of(step, s, &e))
        atl_cpu_epilogue_run(&b->kernels.pointwise, &e, step->out, step->out, s->n, s->pixels, s->c_out,
                             b->team);
}

static state *new_state(atl_cpu *b, atl_step *step) {
    state *s = atl_calloc(b->base.ctx, 1, sizeof *s);
    step->state = s;
    const atl_shape *y = &step->node->shape;
    if (s && y->rank == 4) {
        s->n = (int)y->d[0];
        s->pixels = (size_t)(y->d[1] * y->d[2]);
    } else if (s) { // rows of the last dimension
        s->n = 1;
        s->pixels = (size_t)(atl_shape_count(y) / y->d[y->rank - 1]);
    }
    if (s)
        s->c_out = (size_t)y->d[y->rank - 1];
    return s;
}

atl_status atl_cpu_run_state(atl_cpu *b, const atl_step *step, const atl_run *run) {
    (void)run;
    state *s = step->state;
    return s->run(b, step, s);
}

void atl_cpu_discard_state(atl_cpu *b, atl_step *step) {
    state *s = step->state;
    if (!s)
        return;
    atl_cpu_conv_free(&s->conv);
    atl_cpu_gemm_free(&s->gemm);
    atl_cpu_fir_free(&s->fir);
    atl_cpu_wino_free(&s->wino);
    atl_cpu_wino_grad_free(&s->grad);
    atl_cpu_line_free(&s->line);
    atl_cpu_flrelu_free(&s->flrelu);
    atl_cpu_flrelu_grad_free(&s->flrelu_grad);
    atl_free(b->base.ctx, s);
    step->state = NULL;
}

// ---- an epilogue alone

static atl_status run_epilogue(atl_cpu *b, const atl_step *step, state *s) {
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    epilogue_of(step, s, &e);
    atl_cpu_epilogue_run(&b->kernels.pointwise, &e, step->out, step->src[0].data, s->n, s->pixels, s->c_out,
                         b->team);
    return ATL_OK;
}

atl_status atl_cpu_prepare_epilogue(atl_cpu *b, atl_step *step) {
    state *s = new_state(b, step);
    if (!s)
        return ATL_NO_MEMORY;
    s->run = run_epilogue;
    return ATL_OK;
}

// ---- upfirdn

static atl_cpu_fir_args fir_args(const atl_fir_attr *a, const atl_shape *x) {
    return (atl_cpu_fir_args){ .n = (int)x->d[0],
                               .h = (int)x->d[1],
                               .w = (int)x->d[2],
                               .c = (int)x->d[3],
                               .kh = a->fh,
                               .kw = a->fw,
                               .upx = a->upx,
                               .upy = a->upy,
                               .downx = a->downx,
                               .downy = a->downy,
                               .px0 = a->px0,
                               .px1 = a->px1,
                               .py0 = a->py0,
                               .py1 = a->py1,
                               .flip = a->flip,
                               .gain = a->gain };
}

static atl_status run_fir(atl_cpu *b, const atl_step *step, state *s) {
    (void)b;
    atl_cpu_epilogue e;
    bool has = epilogue_of(step, s, &e);
    atl_cpu_fir_run(s->fir, step->src[0].data, step->out, has ? &e : NULL, step->workspace);
    return ATL_OK;
}

atl_status atl_cpu_prepare_fir(atl_cpu *b, atl_step *step) {
    state *s = new_state(b, step);
    if (!s)
        return ATL_NO_MEMORY;
    s->run = run_fir;
    atl_cpu_fir_args args = fir_args(&step->node->at.fir, &step->node->src[0]->shape);
    ATL_TRY(atl_cpu_fir_make(b->base.ctx, &b->kernels, b->team, &args, step->node->at.fir.f, &s->fir));
    step->workspace_bytes = atl_cpu_fir_workspace(s->fir);
    return ATL_OK;
}

// ---- filtered leaky ReLU

static atl_status run_flrelu(atl_cpu *b, const atl_step *step, state *s) {
    (void)b;
    atl_cpu_flrelu_run(s->flrelu, step->src[0].data, step->src[1].data, step->out, step->workspace);
    return ATL_OK;
}

static atl_cpu_flrelu_args flrelu_args(const atl_flrelu_attr *a, const atl_shape *x) {
    return (atl_cpu_flrelu_args){ .n = (int)x->d[0],
                                  .h = (int)x->d[1],
                                  .w = (int)x->d[2],
                                  .c = (int)x->d[3],
                                  .up = a->up,
                                  .down = a->down,
                                  .up_taps = a->up_taps ? a->up_taps : 1,
                                  .down_taps = a->down_taps ? a->down_taps : 1,
                                  .down_radial = a->radial,
                                  .px0 = a->px0,
                                  .px1 = a->px1,
                                  .py0 = a->py0,
                                  .py1 = a->py1,
                                  .slope = a->slope,
                                  .gain = a->gain,
                                  .clamp = a->clamp };
}

atl_status atl_cpu_prepare_flrelu(atl_cpu *b, atl_step *step) {
    state *s = new_state(b, step);
    if (!s)
        return ATL_NO_MEMORY;
    s->run = run_flrelu;
    const atl_flrelu_attr *a = &step->node->at.flrelu;
    atl_cpu_flrelu_args args = flrelu_args(a, &step->node->src[0]->shape);
    ATL_TRY(atl_cpu_flrelu_make(b->base.ctx, &b->kernels, b->team, &args, a->up_taps ? a->fu : NULL,
                                a->down_taps ? a->fd : NULL, &s->flrelu));
    step->workspace_bytes = atl_cpu_flrelu_workspace(s->flrelu);
    return ATL_OK;
}

static atl_status run_flrelu_t(atl_cpu *b, const atl_step *step, state *s) {
    (void)b;
    atl_cpu_flrelu_grad_run(s->flrelu_grad, step->src[0].data, step->src[1].data, step->src[2].data,
                            step->out, step->workspace);
    return ATL_OK;
}

atl_status atl_cpu_prepare_flrelu_t(atl_cpu *b, atl_step *step) {
    state *s = new_state(b, step);
    if (!s)
        return ATL_NO_MEMORY;
    s->run = run_flrelu_t;
    const atl_flrelu_attr *a = &step->node->at.flrelu;
    atl_cpu_flrelu_args args = flrelu_args(a, &step->node->src[0]->shape);
    ATL_TRY(atl_cpu_flrelu_grad_make(b->base.ctx, &b->kernels, b->team, &args, a->up_taps ? a->fu : NULL,
                                     a->down_taps ? a->fd : NULL, &s->flrelu_grad));
    step->workspace_bytes = atl_cpu_flrelu_grad_workspace(s->flrelu_grad);
    return ATL_OK;
}

// ---- matrix product

static atl_status run_matmul(atl_cpu *b, const atl_step *step, state *s) {
    ATL_TRY(atl_cpu_gemm_run(s->gemm, step->src[0].data, step->src[1].data, step->out, step->workspace));
    finish(b, step, s);
    return ATL_OK;
}

atl_status atl_cpu_prepare_matmul(atl_cpu *b, atl_step *step) {
    const atl_node *n = step->node;
    state *s = new_state(b, step);
    if (!s)
        return ATL_NO_MEMORY;
    s->run = run_matmul;
    int r = n->shape.rank;
    const atl_shape *x = &n->src[0]->shape, *y = &n->src[1]->shape;
    atl_cpu_gemm_shape g = { .batch = r == 3 ? n->shape.d[0] : 1,
                             .m = n->shape.d[r - 2],
                             .n = n->shape.d[r - 1],
                             .k = x->d[r - (n->at.matmul.trans_a ? 2 : 1)],
                             .trans_a = n->at.matmul.trans_a,
                             .trans_b = n->at.matmul.trans_b };
    g.stride_a = r == 3 && x->d[0] > 1 ? g.m * g.k : 0;
    g.stride_b = r == 3 && y->d[0] > 1 ? g.k * g.n : 0;
    g.stride_c = g.m * g.n;
    ATL_TRY(atl_cpu_gemm_make(b->base.ctx, &b->kernels, b->team, &g, step->src[1].constant, &s->gemm));
    step->packed = step->src[1].constant ? 2u : 0;
    step->workspace_bytes = atl_cpu_gemm_workspace(s->gemm);
    return ATL_OK;
}

// ---- convolution

// Floats from one sample's factors to the next one's, for a source of `c` channels.
static ptrdiff_t scale_step(const atl_step *step, int scale, int64_t c) {
    return scale >= 0 && atl_shape_count(&step->node->src[scale]->shape) > c ? (ptrdiff_t)c : 0;
}

// Source `input` times source `scale`, for kernels that can't scale on the fly.
static const float *scaled_input(atl_cpu *b, const atl_step *step, int input, int scale, float *to) {
    const float *x = step->src[input].data;
    const atl_shape *shape = &step->node->src[input]->shape;
    int64_t pixels = shape->d[1] * shape->d[2], c = shape->d[3];
    int64_t dims[ATL_LOOPS] = { 1, shape->d[0], pixels, c }, sx[ATL_LOOPS] = { 0, pixels * c, c, 1 },
            ss[ATL_LOOPS] = { 0, scale_step(step, scale, c), 0, 1 };
    atl_cpu_binary_run(&b->kernels.pointwise, ATL_FN_MUL, dims, to, x, sx, step->src[scale].data, ss,
                       b->team);
    return to;
}

static atl_status run_winograd(atl_cpu *b, const atl_step *step, state *s) {
    (void)b;
    const atl_fusion *f = step->node->fusion;
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    epilogue_of(step, s, &e);
    int x = step->node->at.conv.slot == ATL_SLOT_Y ? 0 : 1;
    atl_cpu_wino_run(s->wino, step->src[x].data, step->src[!x].data, f ? source(step, f->in_scale) : NULL,
                     step->out, &e, step->workspace);
    return ATL_OK;
}

static atl_status run_line(atl_cpu *b, const atl_step *step, state *s) {
    (void)b;
    const atl_fusion *f = step->node->fusion;
    atl_cpu_epilogue e = ATL_EPILOGUE_NONE;
    epilogue_of(step, s, &e);
    atl_cpu_line_run(s->line, step->src[0].data, f ? source(step, f->in_scale) : NULL, step->out, &e,
                     step->workspace);
    return ATL_OK;
}

static atl_status run_conv(atl_cpu *b, const atl_step *step, state *s) {
    const atl_node *n = step->node;
    int input = n->at.conv.slot == ATL_SLOT_X ? 1 : 0;
    const atl_fusion *f = n->fusion;
    const float *x = s->scaled ? scaled_input(b, step, input, f->in_scale, step->workspace) : step->src[input].data;
    float *rest = (float *)step->workspace + s->scaled + s->middle;
    float *y = s->middle ? (float *)step->workspace + s->scaled : step->out;
    ATL_TRY(atl_cpu_conv_run(s->conv, x, step->src[!input].data, y, rest));
    if (!s->fir) {
        finish(b, step, s);
        return ATL_OK;
    }
    atl_cpu_epilogue e;
    bool has = epilogue_of(step, s, &e);
    atl_cpu_fir_run(s->fir, y, step->out, has ? &e : NULL, rest);
    return ATL_OK;
}

static atl_status run_gradient(atl_cpu *b, const atl_step *step, state *s) {
    const atl_fusion *f = step->node->fusion;
    float *other = (float *)step->workspace + s->scaled, *rest = other + s->scaled_y;
    const float *x = s->scaled ? scaled_input(b, step, 0, f->in_scale, step->workspace) : step->src[0].data;
    const float *y = s->scaled_y ? scaled_input(b, step, 1, f->scale, other) : step->src[1].data;
    return atl_cpu_conv_run(s->conv, x, y, step->out, rest);
}

// w [co, ci] times the style of each sample [n, ci] -> [n, co, ci] in the workspace.
static atl_status run_rgb(atl_cpu *b, const atl_step *step, state *s) {
    const atl_fusion *f = step->node->fusion;
    const float *w = step->src[1].data;
    atl_cpu_rgb_args args = { s->n, (int)s->c_in, (int)s->c_out, s->pixels, 0 };
    if (f && f->in_scale >= 0) {
        const float *scale = step->src[f->in_scale].data;
        size_t per_sample = atl_shape_count(&step->node->src[f->in_scale]->shape) > (int64_t)s->c_in;
        float *own = step->workspace;
        for (size_t i = 0; i < (size_t)s->n; i++)
            for (size_t o = 0; o < s->c_out; o++)
                for (size_t c = 0; c < s->c_in; c++)
                    own[(i * s->c_out + o) * s->c_in + c] = w[o * s->c_in + c] * scale[per_sample * i * s->c_in + c];
        w = own;
        args.w_stride = (ptrdiff_t)(s->c_out * s->c_in);
    }
    atl_cpu_epilogue e;
    bool has = epilogue_of(step, s, &e);
    atl_cpu_rgb_run(&b->kernels.rgb, &b->kernels.pointwise, &args, step->out, step->src[0].data, w,
                    has ? &e : NULL, b->team);
    return ATL_OK;
}

// ---- 1x1: a matrix product over the pixels of each sample.  Style and demodulation go into the weights, which
// are few: [n, co, ci] = w [co, ci] * in_scale [n, ci] * scale [n, co].

typedef struct styling { // own [n, co, ci] from w [co, ci], in [1 or n, ci] and out [1 or n, co]
    const float *w, *in, *out;
    float *own;
    int64_t ci, co, per_in, per_out; // per_*: 1 when there is one for each sample
} styling;

static void style_rows(void *job, int lane, int64_t first, int64_t end) {
    (void)lane;
    const styling *s = job;
    for (int64_t r = first; r < end; r++) {
        int64_t n = r / s->co, o = r % s->co;
        float d = s->out ? s->out[s->per_out * n * s->co + o] : 1.0f;
        for (int64_t i = 0; i < s->ci; i++)
            s->own[r * s->ci + i] =
                s->w[o * s->ci + i] * d * (s->in ? s->in[s->per_in * n * s->ci + i] : 1.0f);
    }
}

static void sample_weights(const atl_cpu *b, const atl_step *step, const state *s, float *own) {
    const atl_fusion *f = step->node->fusion;
    int64_t ci = (int64_t)s->c_in, co = (int64_t)s->c_out;
    styling t = { step->src[1].data, source(step, f->in_scale), source(step, f->scale), own, ci, co, 0, 0 };
    t.per_in = t.in && atl_shape_count(&step->node->src[f->in_scale]->shape) > ci;
    t.per_out = t.out && atl_shape_count(&step->node->src[f->scale]->shape) > co;
    atl_team_run(b->team, s->n * co, 1 + (1 << 15) / ci, style_rows, &t);
}

// The product by the loops of a convolution: with weights of their own, sample after sample.
static atl_status convolve_1x1(const atl_step *step, const state *s, const float *w, float *rest) {
    size_t x = s->pixels * s->c_in, y = s->pixels * s->c_out, own = s->c_in * s->c_out;
    if (!s->scaled)
        return atl_cpu_conv_run(s->conv, step->src[0].data, w, step->out, rest);
    for (size_t i = 0; i < (size_t)s->n; i++)
        ATL_TRY(atl_cpu_conv_run(s->conv, (const float *)step->src[0].data + i * x, w + i * own,
                                 (float *)step->out + i * y, rest));
    return ATL_OK;
}

static atl_status run_1x1(atl_cpu *b, const atl_step *step, state *s) {
    const float *w = step->src[1].data;
    float *rest = (float *)step->workspace + s->scaled;
    if (s->scaled) {
        sample_weights(b, step, s, step->workspace);
        w = step->workspace;
    }
    if (s->conv)
        ATL_TRY(convolve_1x1(step, s, w, rest));
    else
        ATL_TRY(atl_cpu_gemm_run(s->gemm, step->src[0].data, w, step->out, rest));
    atl_cpu_epilogue e;
    if (!epilogue_of(step, s, &e))
        return ATL_OK;
    e.scale = NULL; // in the weights
    if (e.noise || e.bias || e.gate || e.residual || e.slope != 1.0f || e.gain != 1.0f || e.clamp != INFINITY)
        atl_cpu_epilogue_run(&b->kernels.pointwise, &e, step->out, step->out, s->n, s->pixels, s->c_out,
                             b->team);
    return ATL_OK;
}

static atl_status make_direct_1x1(atl_cpu *b, const atl_step *step, state *s, bool styled, const float *constant) {
    const atl_shape *y = &step->node->shape; // in its rows, by which a convolution is cut
    int h = (int)y->d[1], w = (int)y->d[2], ci = (int)s->c_in, co = (int)s->c_out;
    atl_cpu_conv_shape c = { ATL_SLOT_Y, styled ? 1 : s->n, h, w, ci, h, w, co, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0 };
    bool ours = !constant || atl_cpu_direct_worth_packed_1x1((size_t)c.n * s->pixels, b->base.ctx->cpu);
    return atl_cpu_conv_make_by(ours ? ATL_CPU_CONV_OWN : ATL_CPU_CONV_ONEDNN, b->base.ctx, &b->kernels,
                                b->team, &c, constant, &s->conv);
}

static atl_status make_product_1x1(atl_cpu *b, state *s, bool styled, const float *constant) {
    int64_t pixels = (int64_t)s->pixels, ci = (int64_t)s->c_in, co = (int64_t)s->c_out;
    atl_cpu_gemm_shape g = { .batch = styled ? s->n : 1,
                             .m = styled ? pixels : pixels * s->n,
                             .n = co,
                             .k = ci,
                             .trans_b = 1,
                             .stride_a = pixels * ci,
                             .stride_b = styled ? co * ci : 0,
                             .stride_c = pixels * co };
    return atl_cpu_gemm_make(b->base.ctx, &b->kernels, b->team, &g, constant, &s->gemm);
}

static atl_status prepare_1x1(atl_cpu *b, atl_step *step, state *s) {
    const atl_fusion *f = step->node->fusion;
    bool styled = f && (f->in_scale >= 0 || f->scale >= 0);
    const float *constant = styled ? NULL : step->src[1].constant;
    size_t pixels = s->pixels * (styled ? 1 : (size_t)s->n);
    bool direct = atl_cpu_direct_worth_1x1(s->c_in, s->c_out, pixels, b->base.ctx->cpu);
    ATL_TRY(direct ? make_direct_1x1(b, step, s, styled, constant) : make_product_1x1(b, s, styled, constant));
    s->run = run_1x1;
    s->scaled = styled ? atl_round_floats((size_t)s->n * s->c_out * s->c_in) : 0;
    step->packed = constant ? 2u : 0;
    step->kernel = "conv 1x1";
    step->workspace_bytes = s->scaled * sizeof(float) +
                            (direct ? atl_cpu_conv_workspace(s->conv) : atl_cpu_gemm_workspace(s->gemm));
    return ATL_OK;
}

// The pad of a convolution without strides and groups that is padded alike on all sides, else -1.
static int even_pad(const atl_conv_attr *a) {
    bool even = a->sy == 1 && a->sx == 1 && a->groups == 1 && a->py0 == a->py1 && a->px0 == a->px1 &&
                a->py0 == a->px0;
    return even ? a->py0 : -1;
}

static bool is_1x1(const atl_node *n, const atl_shape *w) {
    return n->at.conv.slot == ATL_SLOT_Y && even_pad(&n->at.conv) == 0 && w->d[2] == 1 && w->d[3] == 1;
}

// Slot Y, or slot X as a convolution with the weight turned; the padding is that of the convolution that is run.
static bool is_3x3(const atl_node *n, const atl_shape *w, int *pad) {
    int own = even_pad(&n->at.conv);
    *pad = n->at.conv.slot == ATL_SLOT_Y ? own : 2 - own;
    return n->at.conv.slot != ATL_SLOT_W && own >= 0 && own <= 2 && w->d[2] == 3 && w->d[3] == 3;
}

// Whether strides are 2, and padding is alike above and on the left.
static bool halves_evenly(const atl_conv_attr *a) {
    return a->sy == 2 && a->sx == 2 && a->groups == 1 && a->py0 == a->px0 && a->py0 >= 0 && a->py0 <= 2;
}

// A convolution of 3x3 at stride 2, padded alike above and on the left; false for any other.
static bool halves(const atl_node *n, atl_cpu_wino_shape *shape) {
    const atl_conv_attr *a = &n->at.conv;
    if (a->slot != ATL_SLOT_Y || !halves_evenly(a) || (n->fusion && n->fusion->up_fir))
        return false;
    const atl_shape *x = &n->src[0]->shape, *w = &n->src[1]->shape, *y = &n->shape;
    *shape = (atl_cpu_wino_shape){ .n = (int)x->d[0],
                                   .h = (int)x->d[1],
                                   .w = (int)x->d[2],
                                   .ci = (int)x->d[3],
                                   .co = (int)y->d[3],
                                   .up = 1,
                                   .turned = n->fusion && n->fusion->turned,
                                   .down = 1,
                                   .pad = a->py0,
                                   .oh = (int)y->d[1],
                                   .ow = (int)y->d[2] };
    return w->d[2] == 3 && w->d[3] == 3;
}

// Winograd when it is allowed and the shape is worth it; *done says whether it was taken.
static atl_status try_winograd(atl_cpu *b, atl_step *step, state *s, bool *done) {
    const atl_node *n = step->node;
    bool up = n->fusion && n->fusion->up_fir;
    bool turned = n->at.conv.slot == ATL_SLOT_X && !(up && n->fusion->turned);
    int wi = n->at.conv.slot == ATL_SLOT_Y ? 1 : 0, pad = 1;
    const atl_shape *w = &n->src[wi]->shape, *x = &n->src[!wi]->shape;
    const float *constant = step->src[wi].constant;
    *done = false;
    atl_cpu_wino_shape shape;
    bool down = halves(n, &shape);
    if (b->base.ctx->direct || !(up || down || is_3x3(n, w, &pad)))
        return ATL_OK;
    if (!down)
        shape = (atl_cpu_wino_shape){ .n = (int)x->d[0],
                                      .h = (int)x->d[1],
                                      .w = (int)x->d[2],
                                      .ci = (int)w->d[turned ? 0 : 1],
                                      .co = (int)w->d[turned ? 1 : 0],
                                      .up = up ? 2 : 1,
                                      .grow = pad - 1,
                                      .turned = turned };
    float fir[16];
    if (up)
        atl_cpu_four_taps(&n->fusion->fir, fir);
    if (!atl_cpu_wino_worth(&shape, !constant) || (up && !atl_cpu_wino_fir_fits(fir)))
        return ATL_OK;
    ATL_TRY(
        atl_cpu_wino_make(b->base.ctx, &b->kernels, b->team, &shape, constant, up ? fir : NULL, &s->wino));
    s->run = run_winograd;
    step->kernel = "winograd";
    step->packed = constant ? 1u << wi : 0;
    step->workspace_bytes = atl_cpu_wino_workspace(s->wino);
    *done = true;
    return ATL_OK;
}

static atl_status run_winograd_grad(atl_cpu *b, const atl_step *step, state *s) {
    (void)b;
    const atl_node *n = step->node;
    const atl_fusion *f = n->fusion;
    atl_cpu_wino_grad_args args = { step->src[0].data,
                                    step->src[1].data,
                                    f ? source(step, f->in_scale) : NULL,
                                    f ? source(step, f->scale) : NULL,
                                    0,
                                    0 };
    args.x_step = f ? scale_step(step, f->in_scale, n->src[0]->shape.d[3]) : 0;
    args.y_step = f ? scale_step(step, f->scale, n->src[1]->shape.d[3]) : 0;
    atl_cpu_wino_grad_run(s->grad, &args, step->out, step->workspace);
    return ATL_OK;
}

// The same for slot W.
static atl_status try_winograd_grad(atl_cpu *b, atl_step *step, state *s, bool *done) {
    const atl_node *n = step->node;
    const atl_shape *x = &n->src[0]->shape, *y = &n->src[1]->shape, *w = &n->shape;
    const bool down = halves_evenly(&n->at.conv);
    *done = false;
    if (b->base.ctx->direct || n->at.conv.slot != ATL_SLOT_W || w->d[2] != 3 || w->d[3] != 3)
        return ATL_OK;
    atl_cpu_wino_grad_shape shape = { .n = (int)x->d[0],
                                      .h = (int)x->d[1],
                                      .w = (int)x->d[2],
                                      .ci = (int)x->d[3],
                                      .co = (int)y->d[3],
                                      .pad = down ? n->at.conv.py0 : even_pad(&n->at.conv),
                                      .down = down,
                                      .oh = (int)y->d[1],
                                      .ow = (int)y->d[2],
                                      .turned = n->fusion && n->fusion->turned };
    if (shape.pad < 0 || shape.pad > 2 || !atl_cpu_wino_grad_worth(&shape))
        return ATL_OK;
    ATL_TRY(atl_cpu_wino_grad_make(b->base.ctx, &b->kernels, b->team, &shape, &s->grad));
    s->run = run_winograd_grad;
    step->kernel = "winograd";
    step->workspace_bytes = atl_cpu_wino_grad_workspace(s->grad);
    *done = true;
    return ATL_OK;
}

static atl_status prepare_up(atl_cpu *b, atl_step *step, state *s) {
    const atl_node *n = step->node;
    const atl_shape *x = &n->src[1]->shape, *y = &n->shape;
    int h = (int)(2 * x->d[1] + 1), v = (int)(2 * x->d[2] + 1);
    atl_cpu_conv_shape c = { .slot = ATL_SLOT_X,
                             .n = s->n,
                             .h = h,
                             .w = v,
                             .ci = (int)y->d[3],
                             .oh = (int)x->d[1],
                             .ow = (int)x->d[2],
                             .co = (int)x->d[3],
                             .kh = 3,
                             .kw = 3,
                             .sy = 2,
                             .sx = 2,
                             .groups = 1,
                             .swapped = n->fusion->turned };
    ATL_TRY(atl_cpu_conv_make(b->base.ctx, &b->kernels, b->team, &c, step->src[0].constant, &s->conv));
    atl_shape middle = ATL_SHAPE(s->n, h, v, y->d[3]);
    atl_cpu_fir_args args = fir_args(&n->fusion->fir, &middle);
    ATL_TRY(atl_cpu_fir_make(b->base.ctx, &b->kernels, b->team, &args, n->fusion->fir.f, &s->fir));
    s->middle = atl_round_floats((size_t)atl_shape_count(&middle));
    step->packed = step->src[0].constant ? 1 : 0;
    size_t a = atl_cpu_conv_workspace(s->conv), f = atl_cpu_fir_workspace(s->fir);
    step->workspace_bytes = (s->scaled + s->middle) * sizeof(float) + (a > f ? a : f);
    step->kernel = "conv + fir";
    return ATL_OK;
}

static atl_cpu_conv_shape conv_shape(const atl_node *n) {
    const atl_conv_attr *a = &n->at.conv;
    atl_slot slot = a->slot;
    const atl_shape *x = slot == ATL_SLOT_X ? &n->shape : &n->src[0]->shape;
    const atl_shape *w = slot == ATL_SLOT_W ? &n->shape : &n->src[slot == ATL_SLOT_Y ? 1 : 0]->shape;
    const atl_shape *y = slot == ATL_SLOT_Y ? &n->shape : &n->src[1]->shape;
    return (atl_cpu_conv_shape){ .slot = slot,
                                 .n = (int)x->d[0],
                                 .h = (int)x->d[1],
                                 .w = (int)x->d[2],
                                 .ci = (int)x->d[3],
                                 .oh = (int)y->d[1],
                                 .ow = (int)y->d[2],
                                 .co = (int)y->d[3],
                                 .kh = (int)w->d[2],
                                 .kw = (int)w->d[3],
                                 .sy = a->sy,
                                 .sx = a->sx,
                                 .py0 = a->py0,
                                 .py1 = a->py1,
                                 .px0 = a->px0,
                                 .px1 = a->px1,
                                 .groups = a->groups,
                                 .swapped = n->fusion && n->fusion->turned };
}

static atl_status run_few(atl_cpu *b, const atl_step *step, state *s) {
    const atl_cpu_conv_shape shape = conv_shape(step->node);
    const int input = shape.slot == ATL_SLOT_X ? 1 : 0;
    atl_cpu_epilogue e;
    bool has = epilogue_of(step, s, &e);
    atl_cpu_few_run(&b->kernels.rgb, &b->kernels.pointwise, &shape, step->src[input].data, step->src[!input].data,
                    step->out, has ? &e : NULL, step->workspace, b->team);
    return ATL_OK;
}

// Convolutions to few channels; whether it was taken.
static bool try_few(atl_step *step, state *s) {
    const atl_node *n = step->node;
    const atl_fusion *f = n->fusion;
    if (n->at.conv.slot == ATL_SLOT_W || (f && (f->in_scale >= 0 || f->up_fir)))
        return false;
    const atl_cpu_conv_shape shape = conv_shape(n);
    if ((shape.kh == 1 && shape.kw == 1) || !atl_cpu_few_worth(&shape))
        return false;
    s->run = run_few;
    step->kernel = "few";
    step->workspace_bytes = atl_cpu_few_workspace(&shape);
    return true;
}

// Lines of taps with constant weights by Winograd's method along them; *done says whether it was taken.
static atl_status try_lines(atl_cpu *b, atl_step *step, state *s, bool *done) {
    const atl_node *n = step->node;
    *done = false;
    if (b->base.ctx->direct || n->at.conv.slot != ATL_SLOT_Y || !step->src[1].constant ||
        (n->fusion && n->fusion->up_fir))
        return ATL_OK;
    const atl_cpu_conv_shape c = conv_shape(n);
    if (!atl_cpu_line_worth(&c))
        return ATL_OK;
    ATL_TRY(atl_cpu_line_make(b->base.ctx, &b->kernels, b->team, &c, step->src[1].constant, &s->line));
    s->run = run_line;
    step->kernel = "winograd lines";
    step->packed = 2u;
    step->workspace_bytes = atl_cpu_line_workspace(s->line);
    *done = true;
    return ATL_OK;
}

static atl_status prepare_plain(atl_cpu *b, atl_step *step, state *s) {
    const atl_node *n = step->node;
    const atl_slot slot = n->at.conv.slot;
    const atl_cpu_conv_shape c = conv_shape(n);
    int wi = slot == ATL_SLOT_X ? 0 : 1;
    const float *constant = slot == ATL_SLOT_W ? NULL : step->src[wi].constant;
    ATL_TRY(atl_cpu_conv_make(b->base.ctx, &b->kernels, b->team, &c, constant, &s->conv));
    step->packed = constant ? 1u << wi : 0;
    step->workspace_bytes = (s->scaled + s->scaled_y) * sizeof(float) + atl_cpu_conv_workspace(s->conv);
    return ATL_OK;
}

atl_status atl_cpu_prepare_conv(atl_cpu *b, atl_step *step) {
    const atl_node *n = step->node;
    const atl_fusion *f = n->fusion;
    state *s = new_state(b, step);
    if (!s)
        return ATL_NO_MEMORY;
    int input = n->at.conv.slot == ATL_SLOT_X ? 1 : 0;
    const atl_shape *x = &n->src[input]->shape;
    s->c_in = (size_t)x->d[3];
    s->run = n->at.conv.slot == ATL_SLOT_W ? run_gradient : run_conv;
    bool done, grad, lines;
    ATL_TRY(try_winograd(b, step, s, &done));
    ATL_TRY(try_winograd_grad(b, step, s, &grad));
    if (done || grad)
        return ATL_OK;
    ATL_TRY(try_lines(b, step, s, &lines));
    if (lines || try_few(step, s))
        return ATL_OK;
    const atl_shape *w = &n->src[1]->shape;
    if (is_1x1(n, w) && (w->d[0] <= ATL_RGB_MAX || w->d[1] <= ATL_RGB_MAX)) {
        s->run = run_rgb;
        step->kernel = "rgb";
        step->workspace_bytes = f && f->in_scale >= 0 ? (size_t)s->n * s->c_in * s->c_out * sizeof(float) : 0;
        return ATL_OK;
    }
    if (is_1x1(n, w))
        return prepare_1x1(b, step, s);
    if (f && f->in_scale >= 0)
        s->scaled = atl_round_floats((size_t)atl_shape_count(x));
    if (f && f->scale >= 0 && n->at.conv.slot == ATL_SLOT_W)
        s->scaled_y = atl_round_floats((size_t)atl_shape_count(&n->src[1]->shape));
    return f && f->up_fir ? prepare_up(b, step, s) : prepare_plain(b, step, s);
}
