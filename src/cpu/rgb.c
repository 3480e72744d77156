// SPDX-License-Identifier: Apache-2.0
// 1x1 convolutions with few channels on one side: the reference, and the split over threads.
#include "cpu/rgb.h"

#include <stdint.h>

static void sums(float *y, const atl_cpu_rgb_sums *s, size_t pixels, size_t co) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t o = 0; o < co; o++) {
            float sum = 0.0f;
            for (size_t r = 0; r < s->rows; r++)
                for (size_t i = 0; i < s->count; i++)
                    sum += s->x[p * s->x_step + r * s->x_row + i] * s->w[o * s->w_step + r * s->w_row + i];
            y[p * co + o] = sum;
        }
}

static void product(float *y, const float *x, const float *w, size_t pixels, size_t ci, size_t co) {
    for (size_t p = 0; p < pixels; p++)
        for (size_t o = 0; o < co; o++) {
            float sum = 0.0f;
            for (size_t i = 0; i < ci; i++)
                sum += x[p * ci + i] * w[o * ci + i];
            y[p * co + o] = sum;
        }
}

void atl_cpu_rgb_init(atl_cpu_rgb_kernels *k) {
    *k = (atl_cpu_rgb_kernels){ sums, product };
}

typedef struct call {
    const atl_cpu_rgb_kernels *k;
    const atl_cpu_pointwise_kernels *pointwise;
    const atl_cpu_rgb_args *args;
    float *y;
    const float *x, *w;
    const atl_cpu_epilogue *epilogue;
    size_t part; // pixels
    int64_t parts;
} call;

static void products(void *job, int lane, int64_t begin, int64_t end) {
    (void)lane;
    const call *r = job;
    size_t ci = (size_t)r->args->ci, co = (size_t)r->args->co, pixels = r->args->pixels;
    for (int64_t i = begin; i < end; i++) {
        int64_t sample = i / r->parts;
        size_t first = (size_t)(i % r->parts) * r->part,
               count = pixels - first < r->part ? pixels - first : r->part;
        size_t at = (size_t)sample * pixels + first;
        const float *w = r->w + sample * r->args->w_stride;
        const atl_cpu_rgb_sums of = { r->x + at * ci, w, ci, 0, ci, 0, 1, ci };
        if (co <= ATL_RGB_MAX)
            r->k->sums(r->y + at * co, &of, count, co);
        else
            r->k->from(r->y + at * co, r->x + at * ci, w, count, ci, co);
        if (r->epilogue) {
            atl_cpu_epilogue here = atl_cpu_epilogue_at(r->epilogue, (int)sample, first, pixels, co);
            r->pointwise->epilogue(r->y + at * co, r->y + at * co, count, co, &here);
        }
    }
}

void atl_cpu_rgb_run(const atl_cpu_rgb_kernels *k, const atl_cpu_pointwise_kernels *pointwise,
                     const atl_cpu_rgb_args *args, float *y, const float *x, const float *w,
                     const atl_cpu_epilogue *e, atl_team *team) {
    size_t part =
        4096 / (size_t)(args->co > args->ci ? args->co : args->ci) + 16; // stays in the first-level cache
    int64_t parts = (int64_t)((args->pixels + part - 1) / part);
    call r = { k, pointwise, args, y, x, w, e, part, parts };
    atl_team_run(team, args->n * parts, 2, products, &r);
}
