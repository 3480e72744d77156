// SPDX-License-Identifier: Apache-2.0
// The three slots of a convolution by its definition, in double.
#ifndef ATL_TESTS_KERNELS_FORMS_H
#define ATL_TESTS_KERNELS_FORMS_H

#include "../check.h"

#include "cpu/conv.h"

static inline size_t x_size(const atl_cpu_conv_shape *s) {
    return (size_t)s->n * (size_t)s->h * (size_t)s->w * (size_t)s->ci;
}

static inline size_t y_size(const atl_cpu_conv_shape *s) {
    return (size_t)s->n * (size_t)s->oh * (size_t)s->ow * (size_t)s->co;
}

static inline size_t w_size(const atl_cpu_conv_shape *s) {
    return (size_t)s->co * (size_t)(s->ci / s->groups) * (size_t)s->kh * (size_t)s->kw;
}

// Walks over all terms of the form and adds the product of two of its tensors to the third.
static inline void naive(const atl_cpu_conv_shape *s, const float *x, const float *w, const float *y,
                         double *out) {
    int ci = s->ci / s->groups, co = s->co / s->groups;
    for (int n = 0; n < s->n; n++)
        for (int p = 0; p < s->oh; p++)
            for (int q = 0; q < s->ow; q++)
                for (int r = 0; r < s->kh; r++)
                    for (int t = 0; t < s->kw; t++) {
                        int v = p * s->sy + r - s->py0, u = q * s->sx + t - s->px0;
                        if (v < 0 || v >= s->h || u < 0 || u >= s->w)
                            continue;
                        for (int o = 0; o < s->co; o++)
                            for (int c = 0; c < ci; c++) {
                                int ix = ((n * s->h + v) * s->w + u) * s->ci + o / co * ci + c;
                                int pair = s->swapped ? c * s->co + o : o * ci + c;
                                int iw = (pair * s->kh + r) * s->kw + t;
                                int iy = ((n * s->oh + p) * s->ow + q) * s->co + o;
                                if (s->slot == ATL_SLOT_Y)
                                    out[iy] += (double)x[ix] * (double)w[iw];
                                else if (s->slot == ATL_SLOT_X)
                                    out[ix] += (double)y[iy] * (double)w[iw];
                                else
                                    out[iw] += (double)x[ix] * (double)y[iy];
                            }
                    }
}

// The slot's number of results, and they themselves.
static inline size_t form_size(const atl_cpu_conv_shape *s) {
    return s->slot == ATL_SLOT_Y ? y_size(s) : s->slot == ATL_SLOT_X ? x_size(s) : w_size(s);
}

static inline float *form_of(const atl_cpu_conv_shape *s, const float *x, const float *w, const float *y) {
    size_t size = form_size(s);
    double *sums = calloc(size, sizeof *sums);
    float *want = malloc(size * sizeof *want);
    assert_non_null(sums);
    assert_non_null(want);
    naive(s, x, w, y, sums);
    for (size_t i = 0; i < size; i++)
        want[i] = (float)sums[i];
    free(sums);
    return want;
}

#endif
