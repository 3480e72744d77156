// SPDX-License-Identifier: Apache-2.0
// Direct convolution: whose kernels, and shapes to oneDNN descriptions.
#include "cpu/conv.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "cpu/direct.h"
#include "cpu/onednn.h"
#include "cpu/sizes.h"

struct atl_cpu_conv {
    atl_ctx *ctx;
    atl_cpu_direct *direct; // ours, or NULL
    atl_cpu_dnnl dnnl;
};

typedef struct form { // oneDNN's view: logical N,C,H,W
    dnnl_memory_desc_t x, w, y;
    dnnl_memory_desc_t w_any;
    dnnl_dims_t stride, before, after;
} form;

static bool reaches(int size, int out, int taps, int step, int before, int after) {
    int64_t room = (int64_t)size + before + after - taps;
    return before >= 0 && after >= 0 && room >= 0 && room / step + 1 == out;
}

// Zeros that are used after the last row: negative when rows are left over.
static int64_t used_after(int size, int out, int taps, int step, int before) {
    return (int64_t)(out - 1) * step + taps - size - before;
}

static atl_status check_shape(atl_ctx *ctx, const atl_cpu_conv_shape *s) {
    int least = s->n;
    const int sizes[] = { s->h, s->w, s->ci, s->oh, s->ow, s->co, s->kh, s->kw, s->sy, s->sx, s->groups };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        least = sizes[i] < least ? sizes[i] : least;
    if (least < 1 || !reaches(s->h, s->oh, s->kh, s->sy, s->py0, s->py1) ||
        !reaches(s->w, s->ow, s->kw, s->sx, s->px0, s->px1))
        return atl_fail(
            ctx, ATL_BAD_ARGUMENT,
            "convolution: input %dx%d with kernel %dx%d, strides %d, %d, padding %d, %d, %d, %d can't give "
            "output %dx%d",
            s->h, s->w, s->kh, s->kw, s->sy, s->sx, s->py0, s->py1, s->px0, s->px1, s->oh, s->ow);
    if (s->ci % s->groups || s->co % s->groups || (s->swapped && s->groups > 1))
        return atl_fail(ctx, ATL_BAD_ARGUMENT, "convolution: %d and %d channels don't fall into %d groups",
                        s->ci, s->co, s->groups);
    return ATL_OK;
}

static atl_status describe(atl_ctx *ctx, const atl_cpu_conv_shape *s, form *f) {
    dnnl_dims_t x = { s->n, s->ci, s->h, s->w }, y = { s->n, s->co, s->oh, s->ow };
    int grouped = s->groups > 1;
    dnnl_dims_t plain = { s->co, s->ci, s->kh, s->kw };
    dnnl_dims_t parts = { s->groups, s->co / s->groups, s->ci / s->groups, s->kh, s->kw };
    const dnnl_dim_t *w = grouped ? parts : plain;
    dnnl_format_tag_t order = grouped ? dnnl_goihw : s->swapped ? dnnl_iohw : dnnl_oihw;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&f->x, 4, x, dnnl_f32, dnnl_nhwc);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&f->y, 4, y, dnnl_f32, dnnl_nhwc);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&f->w, 4 + grouped, w, dnnl_f32, order);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&f->w_any, 4 + grouped, w, dnnl_f32, dnnl_format_tag_any);
    f->stride[0] = s->sy, f->stride[1] = s->sx;
    f->before[0] = s->py0, f->before[1] = s->px0;
    f->after[0] = used_after(s->h, s->oh, s->kh, s->sy, s->py0);
    f->after[1] = used_after(s->w, s->ow, s->kw, s->sx, s->px0);
    return atl_cpu_dnnl_check(ctx, status, "describe a convolution");
}

static dnnl_status_t forward_desc(const atl_cpu_dnnl *d, const form *f, dnnl_prop_kind_t kind,
                                  dnnl_primitive_desc_t *pd) {
    dnnl_convolution_desc_t cd;
    dnnl_status_t status = dnnl_convolution_forward_desc_init(
        &cd, kind, dnnl_convolution_direct, &f->x, &f->w_any, NULL, &f->y, f->stride, f->before, f->after);
    return status != dnnl_success ? status : dnnl_primitive_desc_create(pd, &cd, d->attr, d->engine, NULL);
}

// The two gradients want the forward description as a hint.
static dnnl_status_t backward_desc(const atl_cpu_dnnl *d, const form *f, atl_slot slot,
                                   dnnl_primitive_desc_t *pd) {
    dnnl_primitive_desc_t hint;
    dnnl_status_t status = forward_desc(d, f, dnnl_forward_training, &hint);
    if (status != dnnl_success)
        return status;
    dnnl_convolution_desc_t cd;
    if (slot == ATL_SLOT_X)
        status = dnnl_convolution_backward_data_desc_init(&cd, dnnl_convolution_direct, &f->x, &f->w_any,
                                                          &f->y, f->stride, f->before, f->after);
    else
        status = dnnl_convolution_backward_weights_desc_init(&cd, dnnl_convolution_direct, &f->x, &f->w_any,
                                                             NULL, &f->y, f->stride, f->before, f->after);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(pd, &cd, d->attr, d->engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status;
}

// ---- parts: some samples, or some rows of one sample

// Rows of x, or of y where that is what a part writes or adds up.
typedef struct piece {
    int n0, n, row0, rows;
} piece;

// The part's own convolution, and where its x and y begin.  Not reached: it would read nothing but zeros.
static bool cut_shape(const atl_cpu_conv_shape *s, const piece *p, atl_cpu_conv_shape *cut, size_t *x,
                      size_t *y) {
    int x0 = 0, x1 = s->h, y0 = 0, y1 = s->oh;
    if (p->rows == (s->slot == ATL_SLOT_X ? s->h : s->oh)) {
        ; // whole samples, with the rows of x that no row of y reads
    } else if (s->slot == ATL_SLOT_X) {
        x0 = p->row0, x1 = x0 + p->rows;
        y0 = -(int)atl_floor_div(-(x0 + s->py0 - s->kh + 1), s->sy);
        y0 = y0 < 0 ? 0 : y0;
        y1 = (int)atl_floor_div(x1 - 1 + s->py0, s->sy) + 1;
        y1 = y1 < s->oh ? y1 : s->oh;
    } else {
        y0 = p->row0, y1 = y0 + p->rows;
        x0 = y0 * s->sy - s->py0;
        x0 = x0 < 0 ? 0 : x0;
        x1 = (y1 - 1) * s->sy - s->py0 + s->kh;
        x1 = x1 < s->h ? x1 : s->h;
    }
    *cut = *s;
    cut->n = p->n;
    cut->h = x1 - x0;
    cut->oh = y1 - y0;
    cut->py0 = s->py0 + x0 - y0 * s->sy;
    *x = ((size_t)p->n0 * (size_t)s->h + (size_t)x0) * (size_t)s->w * (size_t)s->ci;
    *y = ((size_t)p->n0 * (size_t)s->oh + (size_t)y0) * (size_t)s->ow * (size_t)s->co;
    return cut->h > 0 && cut->oh > 0 && cut->py0 >= 0;
}

static atl_status add_part(atl_cpu_conv *conv, const atl_cpu_conv_shape *s, size_t x, size_t y) {
    atl_cpu_dnnl *d = &conv->dnnl;
    form f;
    ATL_TRY(describe(conv->ctx, s, &f));
    int before = atl_cpu_dnnl_alone();
    dnnl_primitive_desc_t pd = NULL;
    dnnl_status_t made = s->slot == ATL_SLOT_Y ? forward_desc(d, &f, dnnl_forward_inference, &pd)
                                               : backward_desc(d, &f, s->slot, &pd);
    atl_cpu_dnnl_alone_end(before);
    ATL_TRY(atl_cpu_dnnl_check(conv->ctx, made, "make a convolution"));
    atl_status status;
    if (s->slot == ATL_SLOT_Y)
        status = atl_cpu_dnnl_add(d, pd, (const dnnl_memory_desc_t[]){ f.x, f.w, f.y },
                                  (const size_t[]){ x, 0, y });
    else if (s->slot == ATL_SLOT_X)
        status = atl_cpu_dnnl_add(d, pd, (const dnnl_memory_desc_t[]){ f.y, f.w, f.x },
                                  (const size_t[]){ y, 0, x });
    else
        status = atl_cpu_dnnl_add(d, pd, (const dnnl_memory_desc_t[]){ f.x, f.y, f.w },
                                  (const size_t[]){ x, y, 0 });
    dnnl_primitive_desc_destroy(pd);
    return status;
}

// Parts for the lanes: as many samples each, or one sample's rows.  A few rows are not worth a part.
static void cut_work(const atl_cpu_conv_shape *s, int lanes, int *samples, int *rows) {
    enum { LEAST_ROWS = 4 };
    int all = s->slot == ATL_SLOT_X ? s->h : s->oh, bands = lanes / s->n;
    *samples = s->n < lanes ? 1 : (s->n + lanes - 1) / lanes;
    bands = bands < all / LEAST_ROWS ? bands : all / LEAST_ROWS;
    *rows = bands < 2 ? all : (all + bands - 1) / bands;
}

static atl_status make_parts(atl_cpu_conv *conv, atl_team *team, const atl_cpu_conv_shape *s, int samples,
                             int rows) {
    static const int ids[][3] = {
        [ATL_SLOT_Y] = { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST },
        [ATL_SLOT_X] = { DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC },
        [ATL_SLOT_W] = { DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS },
    };
    int all = s->slot == ATL_SLOT_X ? s->h : s->oh;
    int parts = ((s->n + samples - 1) / samples) * ((all + rows - 1) / rows);
    ATL_TRY(
        atl_cpu_dnnl_init(&conv->dnnl, conv->ctx, team, parts, ids[s->slot], s->slot == ATL_SLOT_W ? 2 : 1));
    for (int n = 0; n < s->n; n += samples)
        for (int row = 0; row < all; row += rows) {
            piece p = { n, s->n - n < samples ? s->n - n : samples, row,
                        all - row < rows ? all - row : rows };
            atl_cpu_conv_shape cut;
            size_t x, y;
            if (!cut_shape(s, &p, &cut, &x, &y)) {
                conv->dnnl.mixed = true;
                return ATL_OK;
            }
            ATL_TRY(add_part(conv, &cut, x, y));
        }
    return ATL_OK;
}

static atl_status make(atl_cpu_conv *conv, atl_team *team, const atl_cpu_conv_shape *s,
                       const float *weight_const) {
    int samples, rows, all = s->slot == ATL_SLOT_X ? s->h : s->oh;
    cut_work(s, atl_team_parts(team), &samples, &rows);
    ATL_TRY(make_parts(conv, team, s, samples, rows));
    if (conv->dnnl.mixed) { // parts that can't share their weights: one part
        atl_cpu_dnnl_clear(&conv->dnnl);
        ATL_TRY(make_parts(conv, team, s, s->n, all));
    }
    form f;
    ATL_TRY(describe(conv->ctx, s, &f));
    return atl_cpu_dnnl_finish(&conv->dnnl, &f.w, weight_const);
}

atl_status atl_cpu_conv_make_by(atl_cpu_conv_way way, atl_ctx *ctx, const atl_cpu_kernels *kernels,
                                atl_team *team, const atl_cpu_conv_shape *shape, const float *weight_const,
                                atl_cpu_conv **conv) {
    *conv = NULL;
    ATL_TRY(check_shape(ctx, shape));
    atl_cpu_conv *c = atl_calloc(ctx, 1, sizeof *c);
    if (!c)
        return ATL_NO_MEMORY;
    c->ctx = ctx;
    bool own = way == ATL_CPU_CONV_FASTER ? atl_cpu_direct_worth(shape, ctx->cpu) : way == ATL_CPU_CONV_OWN;
    atl_status status = own && atl_cpu_direct_fits(shape)
                            ? atl_cpu_direct_make(ctx, kernels, team, shape, weight_const, &c->direct)
                            : make(c, team, shape, weight_const);
    if (status != ATL_OK)
        atl_cpu_conv_free(&c);
    *conv = c;
    return status;
}

atl_status atl_cpu_conv_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                             const atl_cpu_conv_shape *shape, const float *weight_const,
                             atl_cpu_conv **conv) {
    return atl_cpu_conv_make_by(ATL_CPU_CONV_FASTER, ctx, kernels, team, shape, weight_const, conv);
}

void atl_cpu_conv_free(atl_cpu_conv **conv) {
    if (!conv || !*conv)
        return;
    atl_ctx *ctx = (*conv)->ctx;
    atl_cpu_direct_free(&(*conv)->direct);
    atl_cpu_dnnl_clear(&(*conv)->dnnl);
    atl_free(ctx, *conv);
    *conv = NULL;
}

size_t atl_cpu_conv_workspace(const atl_cpu_conv *conv) {
    return conv->direct ? atl_cpu_direct_workspace(conv->direct) : atl_cpu_dnnl_workspace(&conv->dnnl);
}

atl_status atl_cpu_conv_run(const atl_cpu_conv *conv, const float *a, const float *b, float *out,
                            void *workspace) {
    if (!conv->direct)
        return atl_cpu_dnnl_run(&conv->dnnl, a, b, out, workspace);
    atl_cpu_direct_run(conv->direct, a, b, out, workspace);
    return ATL_OK;
}
