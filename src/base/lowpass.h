// SPDX-License-Identifier: Apache-2.0
// Design of StyleGAN3's low-pass filters: a windowed sinc, or its circular counterpart, under a Kaiser window
// whose shape follows from the width of the transition band.
#ifndef ATL_BASE_LOWPASS_H
#define ATL_BASE_LOWPASS_H

// cutoff, width (of the whole transition band) and rate in the same unit, 0 < cutoff < rate / 2.  The taps sum
// to 1.
void atl_lowpass(int taps, double cutoff, double width, double rate, float *f); // [taps]
void atl_lowpass_radial(int taps, double cutoff, double width, double rate, float *f); // [taps, taps]

#endif
