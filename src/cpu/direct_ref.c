// SPDX-License-Identifier: Apache-2.0
// The inner loops of direct convolution as they are defined.
#include "cpu/direct_kernels.h"

// One panel of all columns.
static size_t panel_ref(size_t rest) {
    return rest;
}

static void sums_ref(const atl_cpu_direct_part *p) {
    for (size_t i = 0; i < p->pixels; i++) {
        float *to = p->to[i] + p->column;
        const float *weight = p->weight;
        for (size_t j = 0; j < p->columns && !p->add; j++)
            to[j] = 0;
        for (size_t t = 0; t < p->taps; t++)
            for (size_t c = 0; c < p->channels; c++, weight += p->columns)
                for (size_t j = 0; j < p->columns; j++)
                    to[j] += p->from[t * p->step + i][p->channel + c] * weight[j];
    }
}

static void grad_ref(const atl_cpu_direct_grad *p) {
    float *sums = p->sums;
    for (size_t t = 0; t < p->taps; t++)
        for (size_t c = 0; c < p->channels; c++, sums += p->columns) {
            for (size_t j = 0; j < p->columns && !p->add; j++)
                sums[j] = 0;
            for (size_t i = 0; i < p->pixels; i++)
                for (size_t j = 0; j < p->columns; j++)
                    sums[j] += p->from[t * p->step + i][p->channel + c] * p->dy[i * p->dy_step + j];
        }
}

static void turn_ref(const float *from, size_t step, float *const *to, size_t at, size_t m, size_t n) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            to[i][at + j] = from[j * step + i];
}

static void turn_back_ref(const float *const *from, size_t at, float *to, size_t step, size_t m, size_t n) {
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < m; i++)
            to[j * step + i] = from[i][at + j];
}

void atl_cpu_direct_init(atl_cpu_direct_kernels *k) {
    *k = (atl_cpu_direct_kernels){ sums_ref, panel_ref, grad_ref, turn_ref, turn_back_ref };
}
