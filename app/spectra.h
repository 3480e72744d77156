// SPDX-License-Identifier: Apache-2.0
// Average power spectra of what a network makes, or of a data set, as files: `spectrum` [n, n] and
// `image_size` of an .npz, as the official avg_spectra.py writes them; and figures of such files.
#ifndef APP_SPECTRA_H
#define APP_SPECTRA_H

#include <math.h>
#include <atelier/model.h>
#include <atelier/spectra.h>
#include "error.h"

typedef struct app_spectra_source {
    const char *path;  // a checkpoint, or a folder, .zip or other set of pictures
    size_t num;        // pictures; 0: all of a set
    uint32_t seed;     // of a network: the first one; of a set: chooses which pictures, where it has more
    double psi;        // NAN: what the network's makers use
    int class_index;   // negative: none
    const char *net;   // of a checkpoint; NULL: the usual
    int ignore_unused; // see atl_model_options
    const char *assume, *deltas;
    int (*progress)(void *user, size_t done, size_t total); // not 0 stops; may be NULL
    void *user;
} app_spectra_source;

#define APP_SPECTRA_SOURCE_INIT                                                                              \
    { .psi = NAN, .class_index = -1 }

typedef struct app_spectra_stats {
    double mean, deviation; // of all numbers of all pictures, from 0 to 255
    size_t count;           // pictures
} app_spectra_stats;

app_status app_spectra_measure(atl_ctx *ctx, const app_spectra_source *source, app_spectra_stats *stats,
                               app_error *e);

typedef struct app_spectra_options {
    double mean, deviation, beta;
    int interp;
    const char *dest; // the .npz
} app_spectra_options;

app_status app_spectra_compute(atl_ctx *ctx, const app_spectra_source *source, const app_spectra_options *o,
                               app_error *e);

// ---- Figures

typedef struct app_spectra_figure {
    const char *dest; // the .png
    int dpi;          // pixels per inch: 100
    double smooth;    // deviation of the Gaussian, in frequencies of a picture; 0: none
} app_spectra_figure;

// The whole spectrum in decibels, zero in the middle.
app_status app_spectra_heatmap(atl_ctx *ctx, const char *path, const app_spectra_figure *f, app_error *e);

// Of one file or several: the frequencies (f, 0), and (f, f), up to half a period per pixel.
app_status app_spectra_slices(atl_ctx *ctx, const char *const *paths, size_t count,
                              const app_spectra_figure *f, app_error *e);

#endif
