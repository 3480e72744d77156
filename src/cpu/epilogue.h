// SPDX-License-Identifier: Apache-2.0
// What follows a convolution, a matrix product or a FIR filter on its way to memory.
//
//     y = clamp(gain * lrelu(y * scale[c] + noise[p] + bias[c], slope), +-clamp) * gate' + residual
//     gate' = gate < 0 ? gate_slope : 1
//
// scale is the demodulation of modulated convolution, noise the per-pixel noise of StyleGAN2 (already
// multiplied by its strength), gate what a leaky ReLU made or was made of, in its gradient.  Pointers may be
// NULL: that term is absent.
#ifndef ATL_CPU_EPILOGUE_H
#define ATL_CPU_EPILOGUE_H

#include <stddef.h>

typedef struct atl_cpu_epilogue {
    const float *scale;      // [n, c]
    const float *noise;      // [n, h * w], or one map for all samples: see noise_stride
    const float *bias;       // [c]
    const float *residual;   // [n, h, w, c]
    ptrdiff_t scale_stride;  // floats from one sample to the next: c, or 0 when all samples share it
    ptrdiff_t noise_stride;  // h * w, or 0
    float slope;             // 1: linear
    float gain;
    float clamp;             // INFINITY: none
    const float *gate;       // [n, h, w, c]
    float gate_slope;
} atl_cpu_epilogue;

#define ATL_EPILOGUE_NONE { NULL, NULL, NULL, NULL, 0, 0, 1.0f, 1.0f, INFINITY, NULL, 1.0f }

#endif
