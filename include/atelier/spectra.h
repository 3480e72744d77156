// SPDX-License-Identifier: Apache-2.0
// The average power spectrum of pictures (Karras et al. 2021): what textures and artefacts have in common.
//
//     atl_spectrum_options o = ATL_SPECTRUM_OPTIONS_INIT;
//     o.side = 256; o.mean = 120; o.deviation = 66;
//     atl_spectrum_open(ctx, &o, &spectrum);
//     for (...) atl_spectrum_add(spectrum, &image);
//     atl_spectrum_read(spectrum, power);              // [side * interp, side * interp]
//
// Each channel of a picture is made white, (x - mean) / deviation, multiplied by a separable Kaiser window
// whose squares add up to 1, surrounded by zeros, and transformed; the squared magnitudes are averaged over
// pictures and channels.  So noise whose pixels are independent, with that mean and deviation, has the power
// 1 at all frequencies.
#ifndef ATELIER_SPECTRA_H
#define ATELIER_SPECTRA_H

#include <stddef.h>
#include <atelier/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct atl_spectrum atl_spectrum;

typedef struct atl_spectrum_options {
    size_t size;            // sizeof(atl_spectrum_options), set by ATL_SPECTRUM_OPTIONS_INIT
    int side;               // of the pictures, which are square: 4 to 8192
    int interp;             // the spectrum has interp times as many frequencies: 1 to 16
    double beta;            // of the Kaiser window, 0 to 50
    double mean, deviation; // of all numbers of the pictures, 0 to 255; a deviation above 0
} atl_spectrum_options;
#define ATL_SPECTRUM_OPTIONS_INIT                                                                            \
    { sizeof(atl_spectrum_options), 0, 4, 8.0, 0.0, 1.0 }

// On failure *spectrum is NULL.
ATL_API atl_status atl_spectrum_open(atl_ctx *ctx, const atl_spectrum_options *options,
                                     atl_spectrum **spectrum);
ATL_API void atl_spectrum_close(atl_spectrum **spectrum);

// One more picture of that size, gray or RGB.
ATL_API atl_status atl_spectrum_add(atl_spectrum *spectrum, const atl_image *image);
ATL_API size_t atl_spectrum_count(const atl_spectrum *spectrum); // pictures so far

// The average over what was added, at least one picture: power[y * n + x], n = side * interp, of the
// frequencies y and x in units of 1 / n per pixel; those from n / 2 on are the negative ones.  More may be
// added afterwards.
ATL_API atl_status atl_spectrum_read(atl_spectrum *spectrum, double *power);

#ifdef __cplusplus
}
#endif
#endif
