// SPDX-License-Identifier: Apache-2.0
// Filtered leaky ReLU by its definition: the parts that the tests of both directions need, for one sample and
// channel, in double.
#ifndef ATL_TESTS_KERNELS_FLRELU_DEFINITION_H
#define ATL_TESTS_KERNELS_FLRELU_DEFINITION_H

#include "../check.h"

#include "cpu/flrelu.h"

#define LAYER(n, h, w, c, up, down, radial, p0, p1)                                                          \
    { n, h, w, c, up, down, 6 * (up), 6 * (down), radial, p0, p1, p0, p1, 0.2f, 1.41421356f, 0.5f }

typedef struct plane {
    int h, w;
    double *p;
} plane;

static inline plane new_plane(int h, int w) {
    plane a = { h, w, calloc((size_t)h * (size_t)w + 1, sizeof(double)) };
    assert_non_null(a.p);
    return a;
}

static inline double tap(const float *f, int taps, int k) { // mirrored
    return f ? (double)f[taps - 1 - k] : 1.0;
}

// Zeros between pixels and padding around them.
static inline plane stretch(plane x, const atl_cpu_flrelu_args *a) {
    plane z = new_plane(x.h * a->up + a->py0 + a->py1, x.w * a->up + a->px0 + a->px1);
    for (int i = 0; i < x.h; i++)
        for (int j = 0; j < x.w; j++) {
            int y = i * a->up + a->py0, xx = j * a->up + a->px0;
            if (y >= 0 && y < z.h && xx >= 0 && xx < z.w)
                z.p[y * z.w + xx] = x.p[i * x.w + j];
        }
    return z;
}

static inline double filter2(const plane *z, int y, int x, const float *f, int taps, int radial) {
    double sum = 0.0;
    for (int r = 0; r < taps; r++)
        for (int s = 0; s < taps; s++) {
            double w = radial ? tap(f, taps * taps, r * taps + s) : tap(f, taps, r) * tap(f, taps, s);
            sum += w * z->p[(y + r) * z->w + x + s];
        }
    return sum;
}

#endif
