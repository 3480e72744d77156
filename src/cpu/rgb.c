// SPDX-License-Identifier: Apache-2.0
// 1x1 convolutions with few channels on one side: the reference, and the split over threads.
#include "cpu/rgb.h"

#include <stdint.h>

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
    *k = (atl_cpu_rgb_kernels){ product, product };
}

void atl_cpu_rgb_run(const atl_cpu_rgb_kernels *k, const atl_cpu_pointwise_kernels *pointwise,
                     const atl_cpu_rgb_args *args, float *y, const float *x, const float *w,
                     const atl_cpu_epilogue *e, int threads) {
    size_t ci = (size_t)args->ci, co = (size_t)args->co, pixels = args->pixels;
    size_t part = 4096 / (co > ci ? co : ci) + 16; // pixels whose values stay in the first-level cache
    int64_t parts = (int64_t)((pixels + part - 1) / part);
#pragma omp parallel for collapse(2) num_threads(threads) schedule(static) if (args->n * parts > 2)
    for (int sample = 0; sample < args->n; sample++)
        for (int64_t i = 0; i < parts; i++) {
            size_t first = (size_t)i * part, count = pixels - first < part ? pixels - first : part;
            size_t at = (size_t)sample * pixels + first;
            const float *ws = w + sample * args->w_stride;
            (co <= ATL_RGB_MAX ? k->to : k->from)(y + at * co, x + at * ci, ws, count, ci, co);
            if (e) {
                atl_cpu_epilogue here = atl_cpu_epilogue_at(e, sample, first, pixels, co);
                pointwise->epilogue(y + at * co, y + at * co, count, co, &here);
            }
        }
}
