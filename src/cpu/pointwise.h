// SPDX-License-Identifier: Apache-2.0
// Pointwise arithmetic on float32: functions of one and of two values, and the epilogue.
//
// The kernels in the table work on spans and know no threads: a chain of them runs tile by tile in
// cache.  The functions below the table work on whole tensors and split them over threads.
#ifndef ATL_CPU_POINTWISE_H
#define ATL_CPU_POINTWISE_H

#include <stddef.h>
#include <stdint.h>
#include "base/team.h"
#include "cpu/epilogue.h"
#include "graph/fn.h"

// y = f(x); a and b are the parameters, where f has any (graph/fn.h).
typedef void atl_cpu_unary_fn(float *y, const float *x, size_t n, float a, float b);

// y[i] = x[i x_step] op z[i z_step]; steps are 1 or 0.
typedef void atl_cpu_binary_fn(float *y, const float *x, size_t x_step, const float *z, size_t z_step,
                               size_t n);

typedef struct atl_cpu_pointwise_kernels {
    atl_cpu_unary_fn *unary[ATL_UNARY_FNS];    // y may be x
    atl_cpu_binary_fn *binary[ATL_BINARY_FNS]; // y may be x or z when its step is 1
    // y[p, c] = epilogue(x[p, c]) for pixels of one sample: scale, noise, gate and residual point at the
    // first pixel's values and their strides are ignored.  y may be x.
    void (*epilogue)(float *y, const float *x, size_t pixels, size_t c, const atl_cpu_epilogue *e);
    // sums of the columns: y[j] += sum over rows of x[row, j], rows in order, for j < c
    void (*add_rows)(float *y, const float *x, size_t rows, size_t c);
    // the sum of n values, in a fixed order that does not depend on the instruction set's width alone
    float (*sum)(const float *x, size_t n);
    // y[i] = sum of row i of x [rows, n] times z, or of x alone where z is NULL; n <= ATL_SHORT_ROW.  The
    // same bits as `sum` gives for a row.
    void (*sum_short)(float *y, const float *x, const float *z, size_t rows, size_t n);
    // The sum that the gradient of an epilogue's scale is: y[j] += sum over rows of dy[row, j] times
    // (lrelu(z[row, j], inverse) - noise[row] * gain - offset[j]), rows in order, for j < c; noise may be
    // NULL.
    void (*undo_rows)(float *y, const float *dy, const float *z, const float *noise, const float *offset,
                      float inverse, float gain, size_t rows, size_t c);
} atl_cpu_pointwise_kernels;

enum { ATL_SHORT_ROW = 16 };

void atl_cpu_pointwise_init(atl_cpu_pointwise_kernels *k); // the reference
void atl_cpu_pointwise_init_avx2(atl_cpu_pointwise_kernels *k);
void atl_cpu_pointwise_init_avx512(atl_cpu_pointwise_kernels *k);
void atl_cpu_pointwise_init_neon(atl_cpu_pointwise_kernels *k);

// y[i] = f(x[i]) for i < n.  y may be x.
void atl_cpu_unary_run(const atl_cpu_pointwise_kernels *k, atl_fn1 op, float *y, const float *x, int64_t n,
                       float a, float b, atl_team *team);

enum { ATL_LOOPS = 4 };

// y (contiguous, dims[0..3]) = x op z, whose strides are in floats; 0 broadcasts.  Any strides work; a
// last dimension of stride 1 or 0 is fast, and loops that can be joined are.  y may be x or z when
// that one is contiguous too.
void atl_cpu_binary_run(const atl_cpu_pointwise_kernels *k, atl_fn2 op, const int64_t dims[ATL_LOOPS],
                        float *y, const float *x, const int64_t x_strides[ATL_LOOPS], const float *z,
                        const int64_t z_strides[ATL_LOOPS], atl_team *team);

// y [n, pixels, c] = epilogue of x of the same shape.  y may be x.
void atl_cpu_epilogue_run(const atl_cpu_pointwise_kernels *k, const atl_cpu_epilogue *e, float *y,
                          const float *x, int n, size_t pixels, size_t c, atl_team *team);

// The epilogue as seen by pixel `first` of sample `sample`, for the kernel above.
atl_cpu_epilogue atl_cpu_epilogue_at(const atl_cpu_epilogue *e, int sample, size_t first, size_t pixels,
                                     size_t c);

#endif
