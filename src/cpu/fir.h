// SPDX-License-Identifier: Apache-2.0
// upfirdn: put zeros between pixels, pad or crop, filter, keep every down-th pixel.
//
//     x [n, h, w, c] -> y [n, oh, ow, c],   oh = (h upy + py0 + py1 - kh) / downy + 1, rounded down
//
// One path for all sizes: a filter of rank 1 (almost all are) is a vertical pass over a strip of the
// row, which is contiguous for any c, and a horizontal pass over the result while it is in cache.
// Other filters run the horizontal pass once per filter row.  An epilogue is applied to the finished
// strip before it leaves the cache.
#ifndef ATL_CPU_FIR_H
#define ATL_CPU_FIR_H

#include <stddef.h>
#include "base/ctx.h"
#include "base/team.h"
#include "cpu/epilogue.h"

typedef struct atl_cpu_kernels atl_cpu_kernels; // cpu/kernels.h

typedef struct atl_cpu_fir_args {
    int n, h, w, c;
    int kh, kw;
    int upx, upy, downx, downy;   // at least 1
    int px0, px1, py0, py1;       // relative to the image with its zeros; negative values crop
    int flip;                     // 0: convolution (the filter is mirrored first), 1: correlation
    float gain;                   // multiplies the filter
} atl_cpu_fir_args;

typedef struct atl_cpu_fir atl_cpu_fir;

// The output's size; 0 or less when nothing is left.
void atl_cpu_fir_size(const atl_cpu_fir_args *args, int *oh, int *ow);

// filter [kh, kw] is copied.  On failure *fir is NULL and the context has the sentence.
atl_status atl_cpu_fir_make(atl_ctx *ctx, const atl_cpu_kernels *kernels, atl_team *team,
                            const atl_cpu_fir_args *args, const float *filter, atl_cpu_fir **fir);
void atl_cpu_fir_free(atl_cpu_fir **fir); // NULL and pointers to NULL are fine

// Bytes that a run needs beside its operands, aligned to 64.
size_t atl_cpu_fir_workspace(const atl_cpu_fir *fir);

// epilogue may be NULL.  y must overlap neither x nor the epilogue's residual.
void atl_cpu_fir_run(const atl_cpu_fir *fir, const float *x, float *y, const atl_cpu_epilogue *epilogue,
                     void *workspace);

// The kernels of one instruction set.
typedef struct atl_cpu_fir_kernels {
    // y[j] = sum over i < taps of t[i] rows[i][j], added to y when `add`
    void (*combine)(float *y, const float *const *rows, const float *t, int taps, size_t length, int add);
    // y[p y_step + j] = sum over i < taps of t[i] x[p x_step + i tap_step + j]  for p < pixels, j < c
    void (*pixels)(float *y, size_t y_step, const float *x, size_t x_step, size_t tap_step, const float *t,
                   int taps, size_t pixels, size_t c, int add);
} atl_cpu_fir_kernels;

void atl_cpu_fir_init(atl_cpu_fir_kernels *k); // the reference
void atl_cpu_fir_init_avx2(atl_cpu_fir_kernels *k);
void atl_cpu_fir_init_avx512(atl_cpu_fir_kernels *k);
void atl_cpu_fir_init_neon(atl_cpu_fir_kernels *k);

#endif
