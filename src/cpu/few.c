// SPDX-License-Identifier: Apache-2.0
// Convolutions to at most four channels: geometry, and the split over threads.  Each row of the result has a middle of
// pixels whose taps are all inside, and pixels at its ends with fewer of them.
#include "cpu/few.h"

#include <stdint.h>

enum { LEAST_CHANNELS = 16, PART_WORK = 1 << 16 }; // multiply-adds that a thread takes at once

// As a convolution of `in` to `out`.
typedef struct view {
    int n, h, w, oh, ow, kh, kw, sy, sx, py, px;
    size_t ci, co;
} view;

static view view_of(const atl_cpu_conv_shape *s) {
    if (s->slot == ATL_SLOT_X) // of stride 1: a convolution with the taps in reverse
        return (view){ s->n,  s->oh, s->ow, s->h, s->w, s->kh, s->kw, 1, 1, s->kh - 1 - s->py0, s->kw - 1 - s->px0,
                       (size_t)s->co, (size_t)s->ci };
    return (view){ s->n,  s->h,  s->w,   s->oh,  s->ow, s->kh, s->kw,
                   s->sy, s->sx, s->py0, s->px0, (size_t)s->ci, (size_t)s->co };
}

bool atl_cpu_few_worth(const atl_cpu_conv_shape *s) {
    const view v = view_of(s);
    return s->slot != ATL_SLOT_W && s->groups == 1 && (s->slot == ATL_SLOT_Y || (s->sy == 1 && s->sx == 1)) &&
           v.co <= ATL_RGB_MAX && v.ci >= LEAST_CHANNELS;
}

size_t atl_cpu_few_workspace(const atl_cpu_conv_shape *s) {
    size_t floats = (size_t)s->kh * (size_t)s->kw * (size_t)s->ci * (size_t)s->co;
    return (floats * sizeof(float) + 63) / 64 * 64;
}

// own [co, kh, kw, ci] of the view, from [co, ci, kh, kw] of the shape, or [ci, co, kh, kw] where it is swapped.
static void turn_weights(const atl_cpu_conv_shape *s, const view *v, const float *from, float *own) {
    const size_t taps = (size_t)v->kh * (size_t)v->kw;
    const bool back = s->slot == ATL_SLOT_X, inputs_first = back != (s->swapped != 0);
    for (size_t o = 0; o < v->co; o++)
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < v->ci; c++)
                own[(o * taps + t) * v->ci + c] =
                    from[(inputs_first ? c * v->co + o : o * v->ci + c) * taps + (back ? taps - 1 - t : t)];
}

typedef struct call {
    const atl_cpu_rgb_kernels *k;
    const atl_cpu_pointwise_kernels *pointwise;
    view v;
    const float *in, *own;
    float *out;
    const atl_cpu_epilogue *e;
} call;

static int clamp(int i, int most) {
    return i < 0 ? 0 : i > most ? most : i;
}

// Pixels q0 to q1 - 1 of a row, of which each has all taps of a row inside, or that are one.
static void pixels(const call *c, const float *sample, int p, int q0, int q1, float *row) {
    const view *v = &c->v;
    const int top = p * v->sy - v->py, left = q0 * v->sx - v->px;
    const int r0 = clamp(-top, v->kh), r1 = clamp(v->h - top, v->kh), s0 = clamp(-left, v->kw),
              s1 = clamp(v->w - left, v->kw);
    const size_t count = (size_t)(q1 - q0), taps = (size_t)v->kw * v->ci;
    float *to = row + (size_t)q0 * v->co;
    if (r1 <= r0 || s1 <= s0) { // it reads nothing but zeros
        for (size_t i = 0; i < count * v->co; i++)
            to[i] = 0.0f;
        return;
    }
    const atl_cpu_rgb_sums sums = { .x = sample + ((size_t)(top + r0) * (size_t)v->w + (size_t)(left + s0)) * v->ci,
                                    .x_step = (size_t)v->sx * v->ci,
                                    .x_row = (size_t)v->w * v->ci,
                                    .w = c->own + (size_t)r0 * taps + (size_t)s0 * v->ci,
                                    .w_step = (size_t)v->kh * taps,
                                    .w_row = taps,
                                    .rows = (size_t)(r1 - r0),
                                    .count = (size_t)(s1 - s0) * v->ci };
    c->k->sums(to, &sums, count, v->co);
}

static void rows(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *c = job;
    const view *v = &c->v;
    const int first = clamp((v->px + v->sx - 1) / v->sx, v->ow); // of the pixels with all taps inside
    const int room = v->w - v->kw + v->px, inside = room < 0 ? 0 : room / v->sx + 1;
    const int last = clamp(inside < first ? first : inside, v->ow);
    for (int64_t i = begin; i < end; i++) {
        const size_t n = (size_t)(i / v->oh), p = (size_t)(i % v->oh), width = (size_t)v->ow;
        const float *sample = c->in + n * (size_t)v->h * (size_t)v->w * v->ci;
        float *row = c->out + (size_t)i * width * v->co;
        for (int q = 0; q < first; q++)
            pixels(c, sample, (int)p, q, q + 1, row);
        if (last > first)
            pixels(c, sample, (int)p, first, last, row);
        for (int q = last; q < v->ow; q++)
            pixels(c, sample, (int)p, q, q + 1, row);
        if (c->e) {
            atl_cpu_epilogue here = atl_cpu_epilogue_at(c->e, (int)n, p * width, (size_t)v->oh * width, v->co);
            c->pointwise->epilogue(row, row, width, v->co, &here);
        }
    }
}

void atl_cpu_few_run(const atl_cpu_rgb_kernels *k, const atl_cpu_pointwise_kernels *pointwise,
                     const atl_cpu_conv_shape *shape, const float *in, const float *weight, float *out,
                     const atl_cpu_epilogue *e, void *workspace, atl_team *team) {
    call c = { k, pointwise, view_of(shape), in, workspace, out, e };
    turn_weights(shape, &c.v, weight, workspace);
    const int64_t work = (int64_t)c.v.ow * c.v.kh * c.v.kw * (int64_t)(c.v.ci * c.v.co);
    atl_team_run(team, (int64_t)c.v.n * c.v.oh, 1 + PART_WORK / work, rows, &c);
}
