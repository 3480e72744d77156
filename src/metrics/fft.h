// SPDX-License-Identifier: Apache-2.0
// The discrete Fourier transform of any length, of ATL_FFT_LANES sequences at once: y[f] = sum x[t] e^(-2 pi
// i f t / n).
//
// Why our own: FFTW is under the GPL, which a library under the Apache licence can't carry along; kissfft as
// distributions build it is of single precision; FFmpeg's transforms would make it a dependency of the
// library that can't be left out.  What is needed here is small: a length known beforehand, doubles, and
// several sequences at a time, so that the loops over them are vectors.
#ifndef ATL_METRICS_FFT_H
#define ATL_METRICS_FFT_H

#include "base/ctx.h"

enum { ATL_FFT_LANES = 4 };

typedef struct atl_fft atl_fft;

// n from 1 to 2^20.  It takes n log n steps, and n p more for a prime factor p of n beyond 4.
atl_status atl_fft_make(atl_ctx *ctx, int n, atl_fft **fft);
void atl_fft_free(atl_fft **fft); // accepts a pointer to NULL

// re and im [n, ATL_FFT_LANES] are replaced; so is spare [2, n, ATL_FFT_LANES].  Several threads may run one
// fft.
void atl_fft_run(const atl_fft *fft, double *re, double *im, double *spare);

#endif
